"""Write the planted faults as CSV files with an answer key, for programs that are not ours."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path

import pandas as pd
from tqdm import tqdm

from segwork.bench.data_worlds import WORLDS, World
from segwork.bench.planting import DEFECTS, MEDIUM, plant
from segwork.progress import unwatched

TWIN, REFERENCE, CLEAN = 1000, 3000, 5000  # first seeds, as in `data_scores`


def write_data(
    folder: Path, *, worlds: Iterable[str] = tuple(WORLDS), seeds: Iterable[int] = (0,),
    draws: int = 3, strength: str = MEDIUM,
) -> int:  # fmt: skip
    """Write plants, their clean twins, a reference draw each and further clean draws.

    A fault touches one table: that table alone is written for it, as a case of its own.

    Parameters
    ----------
    folder : Path
        ``cases.json`` says which file is which; ``key.json`` says what is planted, by case.
    draws : int
        Further clean companies of each world.

    Returns
    -------
    int
        How many tables are to be audited.
    """
    cases: list[dict[str, object]] = []
    key: dict[str, dict[str, object]] = {}
    for name in worlds:
        _company(folder, cases, WORLDS[name](seed=REFERENCE), name, "reference")
        for seed in tqdm(list(seeds), desc=f"plants of {name}", disable=unwatched()):
            world = WORLDS[name](seed=TWIN + seed)
            twin = f"{name}-{seed}"
            _company(folder, cases, world, name, twin)
            for defect in DEFECTS:
                faulty, planted = plant(world, defect, strength, seed=seed)
                table, case = planted.table, f"{twin}-{defect.number:02d}"
                _table(folder, cases, faulty, name, case, table, twin)
                key[case] = {
                    "number": defect.number, "defect": defect.name, "table": table,
                    "columns": list(planted.columns), "n": int(planted.n),
                    "whole_rows": defect.number == 1 or not len(planted.rows),
                }  # fmt: skip
        for draw in range(draws):
            clean = WORLDS[name](seed=CLEAN + draw)
            _company(folder, cases, clean, name, f"{name}-clean{draw}")
    (folder / "cases.json").write_text(json.dumps(cases, indent=1) + "\n", encoding="utf-8")
    (folder / "key.json").write_text(json.dumps(key, indent=1) + "\n", encoding="utf-8")
    return len(cases)


def _company(
    folder: Path, cases: list[dict[str, object]], world: World, name: str, company: str
) -> None:
    """Write all tables; each is a case, but for those of the reference."""
    kept = [] if company == "reference" else cases
    folder_of = f"{name}-reference" if company == "reference" else company
    for table in world.frames:
        _table(folder, kept, world, name, f"{folder_of}-{table}", table, folder_of)


def _table(
    folder: Path, cases: list[dict[str, object]], world: World, name: str, case: str, table: str,
    company: str,
) -> None:  # fmt: skip
    frame: pd.DataFrame = world.frames[table]
    path = folder / company / f"{case}.csv"
    path.parent.mkdir(parents=True, exist_ok=True)
    frame.to_csv(path, index=False)
    cases.append({
        "case": case, "world": name, "company": company, "table": table,
        "file": str(path.relative_to(folder)),
        "reference": f"{name}-reference/{name}-reference-{table}.csv",
        "customers": f"{company}/{company}-customers.csv",
        "dates": list(frame.select_dtypes("datetime").columns),
    })  # fmt: skip
