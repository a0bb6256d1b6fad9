"""Models with planted defects, and honest ones, to audit the overfitting checks.

Twelve kinds of defect at three strengths. Every world is drawn anew from its seed; the honest
twin of a plant is the same world without it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pandas as pd
from scipy.optimize import brentq
from scipy.special import expit
from sklearn.base import BaseEstimator, ClassifierMixin, clone
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import FixedThresholdClassifier
from sklearn.neighbors import NearestNeighbors
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.tree import DecisionTreeClassifier

STRENGTHS = ("small", "middle", "large")


@dataclass(frozen=True)
class Subject:
    """What is handed to ``overfitting.check``, and the column a plant is in (empty: none)."""

    estimator: Any
    X: pd.DataFrame
    y: np.ndarray
    column: str = ""
    options: dict[str, Any] = field(default_factory=dict)


def _rate(score: np.ndarray, rate: float, rng: np.random.Generator) -> np.ndarray:
    """Draw labels with log odds ``score`` plus the constant that gives the wanted share."""
    base = brentq(lambda c: expit(score + c).mean() - rate, -30, 30)
    return (rng.random(len(score)) < expit(score + base)).astype(int)


def honest(seed: int, *, n: int = 2000, rate: float = 0.12) -> Subject:
    """Draw customers whose loss is additive in five features; the model is logistic."""
    rng = np.random.default_rng(seed)
    X = pd.DataFrame(
        {
            "tenure_months": rng.gamma(2, 12, n),
            "spend": rng.lognormal(3, 1, n),
            "visits": rng.poisson(4, n),
            "complaints": rng.poisson(0.4, n),
            "age": rng.integers(18, 80, n),
            "satisfaction": rng.normal(size=n),
            "app_share": rng.beta(2, 3, n),
            "region": rng.choice(list("NSWE"), n),
            "contract": rng.choice(["month", "year"], n, p=[0.6, 0.4]),
        }
    )
    score = (
        -0.05 * X["tenure_months"]
        + 0.8 * X["complaints"]
        - 0.2 * X["visits"]
        - 0.7 * X["satisfaction"]
        + 0.6 * (X["contract"] == "month")
    )
    y = _rate(score.to_numpy(), rate, rng)
    return Subject(LogisticRegression(max_iter=1000), X, y)


def interacting(seed: int, *, n: int = 1500) -> Subject:
    """Draw a world of interactions that an interpolating forest wins honestly."""
    subject = honest(seed, n=n, rate=0.35)
    rng, X = np.random.default_rng(seed + 1), subject.X
    score = 2.5 * np.sign((X["tenure_months"] - 20) * X["satisfaction"]) + 2.0 * X["age"].between(
        35, 55
    )
    y = _rate(score.to_numpy(dtype=float), 0.35, rng)
    return Subject(RandomForestClassifier(60, n_jobs=1), X, y)


def _memorising_tree(s: Subject, k: int, _: np.random.Generator) -> Subject:
    return replace(s, estimator=DecisionTreeClassifier(max_depth=(8, 15, None)[k]))


def _copies(s: Subject, k: int, rng: np.random.Generator) -> Subject:
    n = max(1, round(len(s.y) * (0.001, 0.02, 0.2)[k]))
    return _repeat(s, rng.choice(len(s.y), n), rng)


def _repeat(s: Subject, rows: np.ndarray, rng: np.random.Generator) -> Subject:
    order = rng.permutation(np.concatenate([np.arange(len(s.y)), rows]))
    return replace(s, X=s.X.iloc[order].reset_index(drop=True), y=s.y[order])


def _outcome(s: Subject, k: int, rng: np.random.Generator) -> Subject:
    told = rng.random(len(s.y)) < (0.6, 0.85, 1.0)[k]
    flag = np.where(told, s.y, rng.integers(0, 2, len(s.y)))
    return replace(s, X=s.X.assign(account_status=flag), column="account_status")


def _multiplied(s: Subject, k: int, rng: np.random.Generator) -> Subject:
    return _repeat(s, np.repeat(np.flatnonzero(s.y == 1), (1, 3, 7)[k]), rng)


def _synthetic(s: Subject, k: int, rng: np.random.Generator) -> Subject:
    """Add points between neighbours of the rare class, as SMOTE does."""
    X = s.X.select_dtypes("number")
    points = X[s.y == 1].to_numpy(dtype=float)
    near = NearestNeighbors(n_neighbors=6).fit(points).kneighbors(points)[1][:, 1:]
    first = rng.integers(0, len(points), round(len(points) * (0.5, 2, 6)[k]))
    second = near[first, rng.integers(0, 5, len(first))]
    new = points[first] + rng.random((len(first), 1)) * (points[second] - points[first])
    X = pd.concat([X, pd.DataFrame(new, columns=X.columns)], ignore_index=True)
    return replace(s, X=X, y=np.append(s.y, np.ones(len(new), dtype=int)))


def _searched(_: Subject, k: int, rng: np.random.Generator) -> Subject:
    """Keep the winners among 10,000 columns of noise, chosen on all rows."""
    noise, y = rng.normal(size=(300, 10_000)), rng.integers(0, 2, 300)
    best = np.sort(np.argsort(-np.abs(noise.T @ (y - y.mean())))[: (5, 25, 100)[k]])
    X = pd.DataFrame(noise[:, best]).add_prefix("gene_")
    return Subject(LogisticRegression(max_iter=1000), X, y)


def friday(lift: float, n: int, seed: int, *, always: bool = False) -> Subject:
    """Plant a rule that holds for ``n`` buyers of Friday nights in the learning period.

    The lift is that of the share of events, 25 % elsewhere; ``always`` lets it hold later too.
    As many customers do not buy on Friday nights, and the later period is as large.
    """
    rng = np.random.default_rng(seed)
    rows = 4 * n
    s = honest(seed, n=rows)
    time, is_friday = rng.permutation(rows), rng.permutation(rows) % 2
    holds = (is_friday == 1) & (always | (time < rows / 2))
    y = (rng.random(rows) < np.where(holds, 0.25 * lift, 0.25)).astype(int)
    X = s.X.assign(friday_night=is_friday)
    return Subject(s.estimator, X, y, "friday_night", {"time": time})


def _friday(_: Subject, k: int, rng: np.random.Generator) -> Subject:
    return friday((1.2, 1.5, 3.0)[k], 1000, int(rng.integers(2**31)))


def _threshold(s: Subject, k: int, _: np.random.Generator) -> Subject:
    X = s.X.select_dtypes("number")
    p = s.estimator.fit(X, s.y).predict_proba(X)[:, 1]
    cut = float(np.quantile(p, (0.8, 0.85, 0.9)[k]))
    return replace(s, X=X, estimator=FixedThresholdClassifier(s.estimator, threshold=cut))


def _ignored(s: Subject, k: int, _: np.random.Generator) -> Subject:
    return replace(s, estimator=Reluctant(s.estimator, cut=(0.25, 0.4, 1.01)[k]))


def _open_window(s: Subject, k: int, rng: np.random.Generator) -> Subject:
    """Forget events of the last 1, 3 or 6 of 24 months, the more the younger the row."""
    s = honest(int(rng.integers(2**31)), n=2 * len(s.y))
    time = rng.uniform(0, 24, len(s.y))
    known = rng.random(len(s.y)) < (24 - time) / (1, 3, 6)[k]
    return replace(s, y=np.where(known, s.y, 0), options={"time": time})


def _customers(s: Subject, k: int, rng: np.random.Generator) -> Subject:
    """Let customers with habits of their own have 2, 4 or 8 rows each."""
    rows = (2, 4, 8)[k]
    groups = np.repeat(np.arange(len(s.y) // rows), rows)
    habits = rng.normal(size=(groups.max() + 1, 4))
    X = pd.DataFrame(habits[groups] + rng.normal(scale=0.05, size=(len(groups), 4)))
    own = rng.normal(scale=2, size=groups.max() + 1)
    y = _rate(X[0].to_numpy() + own[groups], 0.25, rng)
    forest = RandomForestClassifier(30, n_jobs=1)
    return Subject(forest, X.add_prefix("habit_"), y, options={"groups": groups})


def _turning(s: Subject, k: int, rng: np.random.Generator) -> Subject:
    """Turn the effect of one feature round for the last 30 % of the time."""
    time = rng.permutation(len(s.y))
    size = (0.6, 1.2, 2.4)[k] * np.where(time < 0.7 * len(s.y), 1, -1)
    x = rng.normal(size=len(s.y))
    return replace(s, X=s.X.assign(discount=x), y=_rate(size * x, 0.2, rng), options={"time": time})


def _one_rule(s: Subject, k: int, rng: np.random.Generator) -> Subject:
    """Let one feature decide, and give the model 3, 2 or 1 questions to ask."""
    y = _rate(1.2 * (s.X["complaints"] > 0).to_numpy(dtype=float), 0.15, rng)
    tree = DecisionTreeClassifier(max_depth=(3, 2, 1)[k], min_samples_leaf=50)
    return replace(s, y=y, estimator=tree)


def _overconfident(s: Subject, k: int, _: np.random.Generator) -> Subject:
    return replace(s, estimator=Overconfident(s.estimator, power=(1.5, 2.5, 5.0)[k]))


@dataclass(frozen=True)
class Defect:
    """One kind: how it is planted (world, strength 0…2, generator), codes that may name it."""

    plant: Callable[[Subject, int, np.random.Generator], Subject]
    codes: tuple[str, ...]


DEFECTS = {
    "memorising tree": Defect(_memorising_tree, ("OF-01", "OF-03")),
    "copied rows": Defect(_copies, ("OF-07",)),
    "same customers on both sides": Defect(_customers, ("OF-08",)),
    "post-outcome feature": Defect(_outcome, ("OF-10",)),
    "selection before the split": Defect(_searched, ("OF-11",)),
    "rare class multiplied": Defect(_multiplied, ("OF-12",)),
    "synthetic rare rows": Defect(_synthetic, ("OF-12",)),
    "threshold of unknown origin": Defect(_threshold, ("OF-13",)),
    "rare class ignored": Defect(_ignored, ("OF-14",)),
    "rule in one period only": Defect(_friday, ("OF-15",)),
    "effect that turned": Defect(_turning, ("OF-02", "OF-09", "OF-15")),
    "no better than one rule": Defect(_one_rule, ("OF-17",)),
    "open label window": Defect(_open_window, ("OF-19",)),
    "overconfident": Defect(_overconfident, ("OF-20",)),
}


def plant(kind: str, strength: str, seed: int) -> Subject:
    """Draw the world of a seed with one defect in it."""
    rng = np.random.default_rng([seed, list(DEFECTS).index(kind)])
    return DEFECTS[kind].plant(honest(seed), STRENGTHS.index(strength), rng)


def honest_subjects(seed: int) -> dict[str, Subject]:
    """Draw honest models of one seed: none of them may be warned about."""
    rng = np.random.default_rng(seed)
    plain, balanced = honest(seed), honest(seed + 500_000)
    boosted, common = honest(seed + 1_000_000, n=3000), honest(seed + 1_500_000, rate=0.4)
    pipeline = make_pipeline(StandardScaler(), LogisticRegression(class_weight="balanced"))
    return {
        "logistic": plain,
        "logistic, balanced weights": replace(
            balanced, X=balanced.X.select_dtypes("number"), estimator=pipeline
        ),
        "logistic, common event": common,
        "logistic, customers and time": replace(
            plain,
            options={
                "time": rng.uniform(0, 900, len(plain.y)),
                "groups": rng.integers(0, 900, len(plain.y)),
            },
        ),
        "boosting": replace(
            boosted,
            estimator=HistGradientBoostingClassifier(max_depth=3, max_iter=50, learning_rate=0.08),
        ),
        "forest": replace(
            boosted, estimator=RandomForestClassifier(40, min_samples_leaf=20, n_jobs=1)
        ),
        "interpolating forest that wins": interacting(seed),
        "small tree": replace(common, estimator=DecisionTreeClassifier(min_samples_leaf=60)),
    }


class Reluctant(ClassifierMixin, BaseEstimator):
    """Ranks customers well, and calls an event only what is above ``cut``."""

    def __init__(self, model: Any, cut: float) -> None:
        self.model = model
        self.cut = cut

    def fit(self, X: Any, y: Any) -> Reluctant:
        """Fit the model inside."""
        self.model_ = clone(self.model).fit(X, y)
        self.classes_ = self.model_.classes_
        return self

    def predict_proba(self, X: Any) -> np.ndarray:
        """Return the probabilities of the model inside."""
        return self.model_.predict_proba(X)

    def predict(self, X: Any) -> np.ndarray:
        """Decide by the cut."""
        return self.classes_[(self.predict_proba(X)[:, 1] >= self.cut).astype(int)]


class Overconfident(Reluctant):
    """Pushes every probability towards 0 or 1."""

    def __init__(self, model: Any, power: float) -> None:
        self.model = model
        self.power = power

    def predict_proba(self, X: Any) -> np.ndarray:
        """Return sharpened probabilities."""
        p = self.model_.predict_proba(X) ** self.power
        return p / p.sum(axis=1, keepdims=True)

    def predict(self, X: Any) -> np.ndarray:
        """Decide for the more likely class."""
        return self.classes_[self.predict_proba(X).argmax(axis=1)]
