"""What every peer's adapter shares: read the cases, run the modes, write the alarms.

Runs inside the peer's own environment: nothing of segwork is imported here. An adapter calls
``main(distribution, modes)``; a mode is a function from a ``Case`` to a list of alarms.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import json
import os
import platform
import signal
import sys
import time
import tomllib
import warnings
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from importlib.metadata import version
from pathlib import Path

import pandas as pd

LIMIT_SECONDS = 240
HERE = Path(__file__).resolve().parent


@dataclass(frozen=True)
class Alarm:
    """One alarm: the check, the columns it names ("*": whole rows), how many cells or rows."""

    check: str
    columns: tuple[str, ...]
    text: str = ""
    count: float | None = None


@dataclass(frozen=True)
class Case:
    """One table to audit, and what may be known about it."""

    folder: Path
    case: str
    world: str
    table: str
    file: str
    reference_file: str
    customers_file: str
    dates: tuple[str, ...] = field(default=())

    @cached_property
    def frame(self) -> pd.DataFrame:
        """The table, as a careful reader of CSV files would load it."""
        return self._read(self.file)

    @cached_property
    def reference(self) -> pd.DataFrame:
        """The same table of a clean company of the same law."""
        return self._read(self.reference_file)

    @cached_property
    def customers(self) -> pd.Series:
        """The ids that exist."""
        return pd.read_csv(self.folder / self.customers_file)["customer_id"]

    @cached_property
    def rules(self) -> list[dict]:
        """The rules of the data dictionary for this table."""
        book = tomllib.loads((HERE / "dictionary.toml").read_text(encoding="utf-8"))
        return [rule for rule in book[self.world] if rule["table"] == self.table]

    def _read(self, name: str) -> pd.DataFrame:
        # "N/A" is a word like any other here: only an empty cell is missing.
        frame = pd.read_csv(
            self.folder / name, low_memory=False, keep_default_na=False, na_values=[""]
        )
        for column in self.dates:
            frame[column] = pd.to_datetime(frame[column], format="ISO8601")
        return frame


Mode = Callable[[Case], list[Alarm]]


def holds(frame: pd.DataFrame, expression: str) -> pd.Series:
    """Say for every row whether an expression of the dictionary is true."""
    return frame.eval(expression, engine="python").astype(bool)


def main(distribution: str, modes: dict[str, Callable], case_of: Callable | None = None) -> None:
    """Run every mode on every case; a line of JSON each, and none twice."""
    case_of = case_of or _case
    parser = argparse.ArgumentParser()
    parser.add_argument("plants", type=Path)
    parser.add_argument("alarms", type=Path)
    parser.add_argument("--only", default="", help="cases whose name holds this text")
    chosen = parser.parse_args()
    cases = json.loads((chosen.plants / "cases.json").read_text(encoding="utf-8"))
    done = _done(chosen.alarms)
    about = {"version": version(distribution), "python": platform.python_version()}
    with chosen.alarms.open("a", encoding="utf-8") as out:
        for number, entry in enumerate(cases):
            if sys.stderr.isatty():
                print(f"\r{distribution}: {number + 1} of {len(cases)}", end="", file=sys.stderr)
            for mode, run in modes.items():
                if chosen.only in entry["case"] and (entry["case"], mode) not in done:
                    line = {"case": entry["case"], "mode": mode, **about}
                    out.write(json.dumps(line | _answer(run, case_of(chosen.plants, entry))) + "\n")
                    out.flush()


def _done(path: Path) -> set[tuple[str, str]]:
    if not path.exists():
        return set()
    lines = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    return {(line["case"], line["mode"]) for line in lines}


def _case(folder: Path, entry: dict) -> Case:
    return Case(folder, entry["case"], entry["world"], entry["table"], entry["file"],
                entry["reference"], entry["customers"], tuple(entry["dates"]))  # fmt: skip


def _answer(run: Mode, case: object) -> dict:
    """Give alarms and seconds; a peer that raises or hangs has crashed, which is its own answer."""
    start = time.process_time()  # of one core, so that a busy machine costs a peer nothing
    signal.signal(signal.SIGALRM, _too_long)
    signal.alarm(LIMIT_SECONDS)
    try:
        with warnings.catch_warnings(), _quiet():
            warnings.simplefilter("ignore")
            alarms = run(case)
        found = {"status": "ran", "alarms": [alarm.__dict__ for alarm in alarms]}
    except Exception as error:  # whatever a peer raises is what we want to know
        found = {"status": "crashed", "error": f"{type(error).__name__}: {error}"[:300],
                 "alarms": []}  # fmt: skip
    finally:
        signal.alarm(0)
    return found | {"seconds": round(time.process_time() - start, 3)}


def _too_long(*_: object) -> None:
    raise TimeoutError(f"no answer within {LIMIT_SECONDS} s")


@contextlib.contextmanager
def _quiet():
    os.environ.setdefault("TQDM_DISABLE", "1")
    with contextlib.redirect_stdout(io.StringIO()):
        yield
