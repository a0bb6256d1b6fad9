"""Three months of the sample company through Kafka and Spark, to look on: ``make stream``."""

from __future__ import annotations

import signal
import sys
import tempfile
import threading
import time
from collections import Counter
from itertools import takewhile
from pathlib import Path

import pandas as pd

from benchmarks.stream.broker import running
from benchmarks.stream.job import CHANGES, DEAD, EVENTS, Job, Watch, watching
from benchmarks.stream.replay import clock, events, make_topics, send
from segwork import features, sample, scoring, tables
from segwork.clustering import behaviour, compare

CUSTOMERS, DAYS, A_SECOND, MOST_S = 1_000, 90, 100, 1_200
START = pd.Timestamp("2025-07-01")


def main() -> None:
    """Draw segments from what was before, replay what came after, and count who moves."""
    with tempfile.TemporaryDirectory(prefix="segwork-stream-") as name:
        folder = Path(name)
        print(f"The sample company with {CUSTOMERS:,} customers", flush=True)
        lines = pd.read_parquet(sample.write(folder, customers=CUSTOMERS) / "transactions.parquet")
        past = tables.from_frames(transactions=lines[lines["ordered_at"] < START])
        known = features.customer_features(past, as_of=START.date()).set_index("customer_id")
        quick = {"methods": ("kmeans",), "n_clusters": 4, "draws": 0, "copies": 0}
        scoring.save(compare(behaviour(known), **quick).model("kmeans"), folder / "model")
        end = START + pd.Timedelta(days=DAYS)
        data = tables.from_frames(transactions=lines[lines["ordered_at"] < end])
        told = [*events(data), clock(str(end + pd.Timedelta(hours=2)))]
        before = next(n for n, one in enumerate(told) if one.at_ms >= START.timestamp() * 1000)
        print("Kafka on loopback", flush=True)
        with running(folder / "kafka") as broker:
            make_topics(broker.address, EVENTS, CHANGES, DEAD)
            send(broker.address, EVENTS, told[:before])
            stopped = threading.Event()
            later = takewhile(lambda _: not stopped.is_set(), told[before:])
            paced = threading.Thread(
                target=send, args=(broker.address, EVENTS, later), kwargs={"a_second": A_SECOND}
            )
            job = Job(folder, folder / "model", broker.address)
            print(f"Spark takes {before:,} past events, then {A_SECOND} a second", flush=True)
            job.start()
            try:
                with watching(broker.address) as watch:
                    _wait(job, watch)
                    paced.start()
                    _look_on(job, watch, until=str(end.date()))
            finally:
                print("Stopping the job", flush=True)
                stopped.set()
                job.kill(signal.SIGTERM)
                if paced.is_alive():
                    paced.join()
            said = job.log.read_text(errors="replace").splitlines()
            print(next((one for one in reversed(said) if one.startswith("segwork stream")), ""))


def _wait(job: Job, watch: Watch) -> None:
    """Wait until the first changes are there, or nothing comes any more."""
    start = time.monotonic()
    while job.runs and time.monotonic() - start < MOST_S and not watch.wait(1, 15):
        print(f"  Spark starts: {time.monotonic() - start:3.0f} s", flush=True)


def _look_on(job: Job, watch: Watch, *, until: str) -> None:
    """Say every five seconds who moved where, until the last evening has come and all is quiet."""
    told, latest, start = 0, "", time.monotonic()
    while job.runs and time.monotonic() - start < MOST_S:
        time.sleep(5)
        new = [change for _, change in watch.seen[told:]]
        if not new and latest >= until:
            break
        told += len(new)
        latest = max([latest, *(change["as_of"] for change in new)])
        moves = Counter(f"{c['before'] or 'new'} → {c['segment']}" for c in new)
        most = ", ".join(f"{move} {n}" for move, n in moves.most_common(4))
        print(f"  {told:>7,} changes  {latest:<12}  {most}", flush=True)


if __name__ == "__main__":
    for number in (signal.SIGINT, signal.SIGTERM):  # a shell's "&" has the first one ignored
        signal.signal(number, signal.default_int_handler)
    try:
        main()
    except KeyboardInterrupt:
        print("Stopped: job, broker and everything they wrote are gone")
        sys.exit(130)
