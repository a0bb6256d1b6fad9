"""Score the audit on planted faults, clean twins and traps."""

from __future__ import annotations

from collections.abc import Collection, Iterable

import numpy as np
import pandas as pd
from tqdm import tqdm

from benchmarks.data.plants import DEFECTS, HEAVY, LIGHT, MEDIUM, Defect, Key, plant
from benchmarks.data.worlds import WORLDS, World
from segwork import quality
from segwork.checks import rules
from segwork.evidence import wilson
from segwork.progress import unwatched
from segwork.quality import Audit

ALARM = ("failed", "warned")
STRENGTHS = (LIGHT, MEDIUM, HEAVY)


def verdict(audit: Audit, twin: Audit, key: Key) -> dict[str, object]:
    """Say whether a check that must find the fault did, in the right place and number.

    A hit needs an alarm of a listed check that was silent on the clean twin, the right column
    (or half of the right rows), and a count within 10 % or 2; half a hit with another count.
    """
    best: dict[str, object] = {"score": 0.0, "code": "", "n": 0, "rows_found": np.nan}
    before = twin.findings.set_index("code")["status"]
    for row in audit.findings[audit.findings["code"].isin(key.codes)].itertuples():
        if row.status not in ALARM or before[row.code] in ALARM:
            continue
        found = audit.rows(row.code)
        mine = np.isin(key.rows, found.loc[found["table"] == key.table, "row"])
        placed = bool({*row.column.split(",")} & {*key.columns}) or mine.mean() >= 0.5
        near = abs(row.n_rows - key.n) <= max(2, 0.1 * key.n)
        score = (1.0 if near else 0.5) if placed and key.table in row.table.split(",") else 0.0
        if score > float(best["score"]):  # type: ignore[arg-type]
            share = float(mine.mean()) if len(mine) else np.nan
            best = {"score": score, "code": row.code, "n": int(row.n_rows), "rows_found": share}
    return best


def run_plants(
    *, worlds: Iterable[str] = tuple(WORLDS), seeds: Iterable[int] = (0,),
    strengths: Iterable[str] = STRENGTHS, defects: Iterable[Defect] = DEFECTS,
) -> pd.DataFrame:  # fmt: skip
    """Plant every fault at every strength in every world and audit it beside its clean twin.

    Returns
    -------
    DataFrame
        world, seed, number, defect, strength, planted, score, code, n, rows_found.
    """
    records = []
    jobs = [(w, s) for w in worlds for s in seeds]
    for name, seed in tqdm(jobs, desc="plants", disable=unwatched()):
        world = WORLDS[name](seed=1000 + seed)
        twin = _audit(world)
        for defect in defects:
            for strength in strengths:
                faulty, key = plant(world, defect, strength, seed=seed)
                found = verdict(_audit(faulty, defect.codes), twin, key)
                records.append({"world": name, "seed": seed, "number": defect.number,
                                "defect": defect.name, "strength": strength, "planted": key.n,
                                **found})  # fmt: skip
    return pd.DataFrame(records)


def run_clean(*, draws: int, first_seed: int = 5000) -> pd.DataFrame:
    """Audit clean draws of both worlds; one row per draw and check that alarmed or could not tell.

    Returns
    -------
    DataFrame
        world, seed, code, status, message; a draw without any alarm has one row with no code.
    """
    records = []
    names = list(WORLDS)
    for draw in tqdm(range(draws), desc="clean draws", disable=unwatched()):
        name, seed = names[draw % len(names)], first_seed + draw
        report = _audit(WORLDS[name](seed=seed)).findings
        loud = report[report["status"].isin([*ALARM, "inconclusive"])]
        base = {"world": name, "seed": seed}
        records.append(base | {"code": "", "status": "", "message": ""})
        records += [base | {"code": r.code, "status": r.status, "message": r.message}
                    for r in loud.itertuples()]  # fmt: skip
    return pd.DataFrame(records)


def false_alarms(clean: pd.DataFrame) -> pd.DataFrame:
    """Return alarms on clean draws by check: code, failed, warned, share failed, upper bound."""
    draws = int((clean["code"] == "").sum())
    rows = []
    for code in rules("DQ"):
        mine = clean[clean["code"] == code]
        failed = int((mine["status"] == "failed").sum())
        warned = int((mine["status"] == "warned").sum())
        rows.append(
            {
                "code": code,
                "draws": draws,
                "failed": failed,
                "warned": warned,
                "share_failed": failed / draws,
                "upper": wilson(failed, draws).high,
            }
        )
    return pd.DataFrame(rows)


def clean_tables(clean: pd.DataFrame) -> dict[str, float | int]:
    """Return draws, and the shares with any failed check and with any alarm, with upper bounds."""
    draws = clean[clean["code"] == ""][["world", "seed"]]
    facts: dict[str, float | int] = {"clean_draws": len(draws)}
    for name, statuses in (("failed", ("failed",)), ("any_alarm", ALARM)):
        loud = clean[clean["status"].isin(statuses)][["world", "seed"]].drop_duplicates()
        facts[f"clean_{name}"] = len(loud)
        facts[f"clean_{name}_share"] = len(loud) / max(1, len(draws))
        facts[f"clean_{name}_upper"] = wilson(len(loud), len(draws)).high
    return facts


def detection(plants: pd.DataFrame) -> pd.DataFrame:
    """Return the rate of full hits by fault and strength, with Wilson intervals."""
    rows = []
    for (number, defect, strength), part in plants.groupby(
        ["number", "defect", "strength"], sort=False
    ):
        hits, n = int((part["score"] == 1).sum()), len(part)
        interval = wilson(hits, n)
        rows.append({"number": number, "defect": f"{number} {defect}", "strength": strength,
                     "rate": hits / n, "low": interval.low, "high": interval.high, "n": n,
                     "half": int((part["score"] == 0.5).sum())})  # fmt: skip
    return pd.DataFrame(rows)


def dead_checks(plants: pd.DataFrame) -> list[str]:
    """Return the checks that found no planted fault."""
    return [code for code in rules("DQ") if code not in set(plants["code"])]


def _audit(world: World, only: Collection[str] | None = None) -> Audit:
    return quality.audit(world.tables(), as_of=world.as_of, only=only)
