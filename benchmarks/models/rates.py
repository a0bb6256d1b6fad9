"""Rates of the model audit: defects found, honest models accused, equal models told apart."""

from __future__ import annotations

import time
from datetime import date

import numpy as np
import pandas as pd
from scipy.stats import ttest_1samp
from sklearn.compose import make_column_transformer
from sklearn.dummy import DummyClassifier
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline

from benchmarks.models import defects as model_defects
from benchmarks.models.defects import DEFECTS
from segwork import overfitting, trials
from segwork.checks.gates import judge
from segwork.config import Config
from segwork.evidence import wilson

NOMINAL = 0.05


def is_found(kind: str, strength: str, seed: int) -> bool:
    """Whether a check meant for the defect warns or fails, and names the planted column."""
    subject = model_defects.plant(kind, strength, seed)
    alarms = overfitting.check(
        subject.estimator, subject.X, subject.y, seed=seed, **subject.options
    ).alarms
    named = alarms[alarms["code"].isin(DEFECTS[kind].codes)]
    if not subject.column:
        return len(named) > 0
    return subject.column in ",".join(named["column"]).split(",")


def alarms_on(name: str, seed: int) -> str:
    """Codes that warn or fail on an honest model, comma-joined; empty where there are none."""
    subject = model_defects.honest_subjects(seed)[name]
    found = overfitting.check(subject.estimator, subject.X, subject.y, seed=seed, **subject.options)
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


def gate_on_the_chosen(seed: int, *, power: float, code: str = "SEG-O07") -> str:
    """Return what a gate says about the chosen one of two models.

    The stronger model knows every feature and raises its odds to ``power``; the other knows half
    of them and keeps its promises. A gate that looked at the other would see nothing.
    """
    subject = model_defects.honest(seed, n=3000, rate=0.3)
    X = subject.X.select_dtypes("number")
    weak = make_pipeline(
        make_column_transformer(("passthrough", list(X.columns[-3:]))), LogisticRegression()
    )
    models = {"weak": weak, "strong": model_defects.Overconfident(subject.estimator, power=power)}
    trial = trials.holdout(models, X, subject.y, event=trials.Event(1), seed=seed)
    return _gate(trial, code)


def gate_where_everybody_is_flagged(seed: int, *, wholly: bool = True) -> str:
    """Return what SEG-O02 says where everybody is contacted, wholly or but for a few by luck."""
    rng = np.random.default_rng(seed)
    X, y = pd.DataFrame(rng.normal(size=(2000, 3))), (rng.random(2000) < 0.4).astype(int)
    event = trials.Event(1, {"missed": 50.0, "false_alarm": 1.0})
    model = DummyClassifier() if wholly else LogisticRegression()
    return _gate(trials.holdout({"only": model}, X, y, event=event, seed=seed), "SEG-O02")


def _gate(trial: trials.HoldoutTrial, code: str) -> str:
    facts = {name.replace("1_", "lost_", 1): v for name, v in trial.facts().items()}
    found = judge({"50_overfitting": facts}, Config(as_of=date(2026, 1, 1)))
    return next(str(finding.status) for finding in found if finding.code == code)


def equal_models(
    pairs: int, *, seed: int = 0, rows: int = 300, splits: int = 30
) -> dict[str, float]:
    """Share of equal models each test calls different at 5 %.

    The two are logistic regressions on different halves of six features that matter equally, so
    their expected accuracy is the same. McNemar's test and the paired bootstrap of the area, by
    which the notebooks decide, see one split; the t tests see all of them.
    """
    called: dict[str, list[bool]] = {}
    for k in range(pairs):
        rng = np.random.default_rng([seed, k])
        X = rng.normal(size=(rows, 6))
        y = (X.sum(axis=1) + rng.logistic(scale=2, size=rows) > 0).astype(int)
        orders = [rng.permutation(rows) for _ in range(splits)]
        first, second = (_scores(X[:, half], y, orders) for half in (slice(0, 3), slice(3, 6)))
        truth = np.array([y[order[: rows // 3]] for order in orders]) == 1
        ahead = ((second > 0) == truth).mean(axis=1) - ((first > 0) == truth).mean(axis=1)
        decided = {"champion": first[0] > 0, "challenger": second[0] > 0}
        ranked = {"champion": first[0], "challenger": second[0]}
        sizes = {"learn_rows": rows - rows // 3, "held_rows": rows // 3}
        for name, different in {
            "naive_t": ttest_1samp(ahead, 0).pvalue < NOMINAL,
            "corrected_t": trials.corrected_t(ahead, **sizes).different,
            "mcnemar": trials.mcnemar(truth[0], **decided).different,
            "paired_bootstrap": trials.paired_bootstrap(truth[0], **ranked).different,
        }.items():
            called.setdefault(name, []).append(bool(different))
    return {name: float(np.mean(values)) for name, values in called.items()}


def _scores(X: np.ndarray, y: np.ndarray, orders: list[np.ndarray]) -> np.ndarray:
    """Log odds of the first third of each order, learned from the rest; shape (orders, third)."""
    third = len(y) // 3
    return np.array(
        [LogisticRegression().fit(X[o[third:]], y[o[third:]]).decision_function(X[o[:third]])
         for o in orders]
    )  # fmt: skip


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
