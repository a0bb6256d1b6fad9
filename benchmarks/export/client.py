"""One export in a process of its own, to be killed: ``python -m benchmarks.export.client …``.

Arguments: the CRM, its address, a Parquet file of rows, the journal, rows of a batch, a file for
the result.
"""

from __future__ import annotations

import json
import resource
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import requests

from segwork import export
from segwork.export.calls import Patience
from segwork.export.sending import CLIENTS

QUICK = {"wait": 0.001, "longest": 0.01, "poll": 0.002, "attempts": 12, "timeouts": (2.0, 0.25)}
SECONDS_OF_A_CALL = 0.01


class Clock:
    """Time as a real CRM would take it, without waiting: a call takes a hundredth of a second."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        """Return the time."""
        return self.now

    def sleep(self, seconds: float) -> None:
        """Let time pass."""
        self.now += seconds


def watched(clock: Clock) -> list[float]:
    """Let every call take time on the clock; return the list its starts are added to."""
    starts: list[float] = []
    request = requests.Session.request

    def timed(session: requests.Session, *words: Any, **more: Any) -> requests.Response:
        starts.append(clock.now)
        clock.now += SECONDS_OF_A_CALL
        return request(session, *words, **more)

    requests.Session.request = timed
    return starts


def most(starts: list[float], seconds: float) -> int:
    """Return the most calls that started within so many seconds."""
    at = np.round(starts, 6)
    earlier = np.searchsorted(at, np.round(at - seconds, 6), side="right")
    return int((np.arange(1, at.size + 1) - earlier).max(initial=0))


def main(to: str, url: str, rows: str, journal: str, size: str, result: str) -> None:
    """Send the rows and write down the counts, the peak memory and the processor time."""
    CLIENTS[to].size = int(size) or CLIENTS[to].size
    clock = Clock()
    starts = watched(clock)
    quick = Patience(**QUICK)
    patient = Patience(sleep=clock.sleep, clock=clock, timeouts=(5.0, 60.0))
    started = time.process_time()
    done = export.send(
        pd.read_parquet(rows),
        to=to,
        journal=journal,
        base_url=url,
        key="a key of the benchmark",
        resume=True,
        patience=patient if size == "0" else quick,
    )
    facts = done.facts() | {
        "reconciled": done.reconciled,
        "cpu_seconds": time.process_time() - started,
        "peak_gib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20,
        "simulated_seconds": clock.now,
        "most_in_ten_seconds": most(starts, 10.0),
    }
    Path(result).write_text(json.dumps(facts), encoding="utf-8")
    sys.exit(1 if done.failed or done.stopped else 0)


if __name__ == "__main__":
    main(*sys.argv[1:])
