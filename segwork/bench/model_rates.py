"""Rates of the model audit: defects found, honest models accused, equal models told apart."""

from __future__ import annotations

import time

import numpy as np
import pandas as pd
from scipy.stats import ttest_1samp
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression

from segwork import overfitting
from segwork.bench import model_defects
from segwork.bench.model_defects import DEFECTS
from segwork.evidence import wilson

NOMINAL = 0.05


def is_found(kind: str, strength: str, seed: int) -> bool:
    """Whether a check meant for the defect warns or fails, and names the planted column."""
    subject = model_defects.plant(kind, strength, seed)
    alarms = overfitting.check(
        subject.estimator, subject.X, subject.y, seed=seed, progress=False, **subject.options
    ).alarms
    named = alarms[alarms["code"].isin(DEFECTS[kind].codes)]
    if not subject.column:
        return len(named) > 0
    return subject.column in ",".join(named["column"]).split(",")


def alarms_on(name: str, seed: int) -> str:
    """Codes that warn or fail on an honest model, comma-joined; empty where there are none."""
    subject = model_defects.honest_subjects(seed)[name]
    found = overfitting.check(
        subject.estimator, subject.X, subject.y, seed=seed, progress=False, **subject.options
    )
    return ",".join(found.alarms["code"])


def power(found: pd.DataFrame) -> pd.DataFrame:
    """Return kind, strength, found (share), low, high, draws."""
    rows = []
    for (kind, strength), part in found.groupby(["kind", "strength"], sort=False):
        span = wilson(int(part["found"].sum()), len(part))
        rows.append((kind, strength, part["found"].mean(), span.low, span.high, len(part)))
    return pd.DataFrame(rows, columns=["kind", "strength", "found", "low", "high", "draws"])


def friday_is_gone(lift: float, n: int, seed: int, *, always: bool) -> bool:
    """Whether the rule of Friday nights, among all other rules, is called gone."""
    subject = model_defects.friday(lift, n, seed, always=always)
    later = subject.options["time"] >= len(subject.y) / 2
    table = overfitting.rule_lifts(subject.X, subject.y == 1, later)
    return bool(table.loc[table["gone"], "column"].eq("friday_night").any())


def equal_models(
    pairs: int, *, seed: int = 0, rows: int = 300, splits: int = 30
) -> dict[str, float]:
    """Share of equal models each test calls different at 5 %.

    The two are logistic regressions on different halves of six features that matter equally, so
    their expected accuracy is the same. McNemar's test sees one split, the t tests see thirty.
    """
    called: dict[str, list[bool]] = {"naive_t": [], "corrected_t": [], "mcnemar": []}
    for k in range(pairs):
        rng = np.random.default_rng([seed, k])
        X = rng.normal(size=(rows, 6))
        y = (X.sum(axis=1) + rng.logistic(scale=2, size=rows) > 0).astype(int)
        right = [_right(X[:, part], y, splits, seed=k) for part in (slice(0, 3), slice(3, 6))]
        ahead = np.array([b.mean() - a.mean() for a, b in zip(*right, strict=True)])
        naive = float(ttest_1samp(ahead, 0).pvalue) if ahead.std() > 0 else 1.0
        corrected = overfitting.corrected_t(ahead, learn_rows=rows - rows // 3, held_rows=rows // 3)
        first, second = right[0][0], right[1][0]
        one = overfitting.mcnemar(np.ones(len(first)), champion=first, challenger=second)
        called["naive_t"].append(naive < NOMINAL)
        called["corrected_t"].append(corrected.different)
        called["mcnemar"].append(one.different)
    return {name: float(np.mean(values)) for name, values in called.items()}


def _right(X: np.ndarray, y: np.ndarray, splits: int, *, seed: int) -> list[np.ndarray]:
    """Which held-out rows a logistic regression gets right, in each of the same splits."""
    rng = np.random.default_rng(seed)
    found = []
    for _ in range(splits):
        order = rng.permutation(len(y))
        held, learn = order[: len(y) // 3], order[len(y) // 3 :]
        model = LogisticRegression().fit(X[learn], y[learn])
        found.append((model.predict(X[held]) == y[held]).astype(int))
    return found


def cost(rows: int, *, columns: int = 40, seed: int = 0) -> dict[str, float]:
    """Time the whole check of a forest against one fit of it on the rows the check fits on.

    Returns
    -------
    dict of str to float
        ``rows``, ``columns``, ``seconds`` of the check and its ratio to the fit, ``times_one_fit``.
    """
    rng = np.random.default_rng(seed)
    X = pd.DataFrame(rng.normal(size=(rows, columns)), columns=[f"f{k}" for k in range(columns)])
    y = (X.iloc[:, :5].sum(axis=1) + rng.logistic(size=rows) > 2).to_numpy().astype(int)
    forest = RandomForestClassifier(100, n_jobs=2, random_state=seed)
    begin = time.perf_counter()
    forest.fit(X[:10_000], y[:10_000])
    one = time.perf_counter() - begin
    begin = time.perf_counter()
    overfitting.check(forest, X, y, seed=seed)
    seconds = time.perf_counter() - begin
    return {"rows": rows, "columns": columns, "seconds": seconds, "times_one_fit": seconds / one}
