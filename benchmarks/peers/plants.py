"""Write the planted faults as CSV files with an answer key, for programs that are not ours."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from sklearn.base import clone
from sklearn.model_selection import train_test_split
from tqdm import tqdm

from benchmarks.data.plants import DEFECTS, MEDIUM, plant
from benchmarks.data.worlds import WORLDS, World
from benchmarks.models import defects as model_defects
from benchmarks.models.defects import Subject
from segwork.overfitting.encoding import prepared
from segwork.progress import unwatched

TWIN, REFERENCE = 1000, 3000  # first seeds; that of the twins is the one of `data_scores`
SEED = 40  # as in the full benchmark of the data audit; no check was tuned on it
SEED_MODELS = 20
HONEST = 1000  # first seed of honest models, as in the notebook `model_audits`


def write_data(
    folder: Path, *, worlds: Iterable[str] = tuple(WORLDS), seeds: Sequence[int] = (SEED,),
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
    for place, name in enumerate(worlds):
        _company(folder, cases, WORLDS[name](seed=REFERENCE), name, "reference")
        for seed in tqdm(seeds, desc=f"plants of {name}", disable=unwatched()):
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
            # The draws that the audit benchmark makes: the worlds take turns.
            clean = WORLDS[name](seed=5000 + 1000 * seeds[0] + len(WORLDS) * draw + place)
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


def write_models(folder: Path, *, seeds: Iterable[int] = (SEED_MODELS,)) -> int:
    """Write models with planted defects and honest ones as the rows they learnt and were held to.

    A model is fitted on two thirds of the rows, the earlier ones where time is known, and its
    decisions and probabilities for all rows are written beside them: no program needs the model.

    Parameters
    ----------
    folder : Path
        ``cases.json`` says which file is which, and what is planted.

    Returns
    -------
    int
        How many models are to be audited.
    """
    cases: list[dict[str, object]] = []
    for seed in tqdm(list(seeds), desc="models", disable=unwatched()):
        twin = f"twin-{seed}"
        _model(folder, cases, model_defects.honest(seed), twin, seed, {"kind": "", "twin": twin})
        for number, kind in enumerate(model_defects.DEFECTS):
            for strength in model_defects.STRENGTHS[1:]:
                subject = model_defects.plant(kind, strength, seed)
                about = {"kind": kind, "strength": strength, "twin": twin}
                _model(folder, cases, subject, f"{number:02d}-{strength}-{seed}", seed, about)
        honest = model_defects.honest_subjects(HONEST + seed)
        for number, (name, subject) in enumerate(honest.items()):
            about = {"kind": "", "honest": name}
            _model(folder, cases, subject, f"honest{number}-{seed}", seed, about)
    (folder / "cases.json").write_text(json.dumps(cases, indent=1) + "\n", encoding="utf-8")
    return len(cases)


def _model(
    folder: Path, cases: list[dict[str, object]], subject: Subject, case: str, seed: int,
    about: dict[str, str],
) -> None:  # fmt: skip
    X, y, time = subject.X, subject.y, subject.options.get("time")
    if time is None:
        learn, held = train_test_split(np.arange(len(y)), test_size=1 / 3, stratify=y,
                                       random_state=seed)  # fmt: skip
    else:
        learn, held = np.split(np.argsort(time, kind="stable"), [round(2 / 3 * len(y))])
    model = prepared(clone(subject.estimator)).fit(X.iloc[learn], y[learn])
    frame = X.assign(label=y, decision=model.predict(X), probability=model.predict_proba(X)[:, 1])
    for name, column in (("groups", "customer"), ("time", "moment")):
        if name in subject.options:
            frame[column] = subject.options[name]
    folder.mkdir(parents=True, exist_ok=True)
    frame.iloc[learn].to_csv(folder / f"{case}-train.csv", index=False)
    frame.iloc[held].to_csv(folder / f"{case}-test.csv", index=False)
    words = [name for name in X if not pd.api.types.is_numeric_dtype(X[name])]
    cases.append(about | {"case": case, "column": subject.column, "words": words})
