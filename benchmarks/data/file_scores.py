"""Score the audit on the third world: faults found and named, honest variants left alone."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import pandas as pd
from tqdm import tqdm

from benchmarks.data.file_faults import FAULTS, Fault, plant
from benchmarks.data.file_habits import HABITS, varied
from benchmarks.data.files import FILES
from benchmarks.data.plants import MEDIUM, Key
from benchmarks.data.scores import ALARM
from segwork import quality
from segwork.progress import unwatched
from segwork.quality import Audit

ABOUT_LINES = tuple(name for name in FILES if name not in ("people", "callers", "telephone"))
FOR_ANY = ("zeros_in_front", "rarely_filled")


def found(audit: Audit, twin: Audit, key: Key) -> str:
    """Return the code that found, placed, counted and named the fault; empty where none did.

    What the untouched file has in the same columns is taken off the count.
    """
    for code in key.codes:
        row = audit.findings.set_index("code").loc[code]
        placed = bool({*row["column"].split(",")} & {*key.columns})
        near = abs(_count(audit, code, key) - _count(twin, code, key) - key.n)
        named = all(word in row["message"] for word in key.words)
        if row["status"] in ALARM and placed and named and near <= max(2, 0.1 * key.n):
            return code
    return ""


def _count(audit: Audit, code: str, key: Key) -> int:
    """Return what a check counts in the columns of a fault, places that pass apart."""
    places = audit.details[audit.details["code"] == code]
    here = np.array([bool({*c.split(",")} & {*key.columns}) for c in places["column"]], bool)
    return int(places.loc[places["status"].isin(ALARM) & here, "n"].sum())


def run_faults(
    *,
    seeds: Iterable[int] = (0,),
    strengths: Iterable[str] = (MEDIUM,),
    faults: Iterable[Fault] = FAULTS,
) -> pd.DataFrame:
    """Plant every fault in every file it can be in, and audit it beside the untouched file.

    Returns
    -------
    DataFrame
        number, defect, file, seed, strength, planted, code (empty where it was not found).
    """
    records = []
    jobs = [(fault, name, seed) for fault in faults for name in fault.files for seed in seeds]
    for fault, name, seed in tqdm(jobs, desc="faults in files", disable=unwatched()):
        world = FILES[name](seed=seed)
        twin = quality.audit(world.tables(), as_of=world.as_of, only=fault.codes)
        for strength in strengths:
            faulty, key = plant(world, fault, strength, seed=seed)
            audit = quality.audit(faulty.tables(), as_of=world.as_of, only=fault.codes)
            records.append({"number": fault.number, "defect": fault.name, "file": name,
                            "seed": seed, "strength": strength, "planted": key.n,
                            "code": found(audit, twin, key)})  # fmt: skip
    return pd.DataFrame(records)


def run_habits(*, seeds: Iterable[int] = (0,), files: Iterable[str] = tuple(FILES)) -> pd.DataFrame:
    """Audit every honest variant of every file beside the untouched file.

    Returns
    -------
    DataFrame
        file, seed, habit, new_failed, new_alarms: codes that did not fail, or alarm, before.
    """
    records = []
    for name in files:
        habits = HABITS if name in ABOUT_LINES else FOR_ANY
        for seed in tqdm(seeds, desc=f"habits in {name}", disable=unwatched()):
            world = FILES[name](seed=seed)
            before = quality.audit(world.tables(), as_of=world.as_of).findings["status"]
            for habit in habits:
                odd = varied(world, habit, seed=seed)
                after = quality.audit(odd.tables(), as_of=odd.as_of).findings
                failed = (after["status"] == "failed") & (before != "failed")
                alarms = after["status"].isin(ALARM) & ~before.isin(ALARM)
                records.append({"file": name, "seed": seed, "habit": habit,
                                "new_failed": ", ".join(after.loc[failed, "code"]),
                                "new_alarms": ", ".join(after.loc[alarms, "code"])})  # fmt: skip
    return pd.DataFrame(records)
