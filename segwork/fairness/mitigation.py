"""Mitigation trials: what each costs, and whom. Nothing is applied."""

from __future__ import annotations

import math
import warnings
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from sklearn.base import BaseEstimator, clone
from sklearn.model_selection import train_test_split

from segwork.errors import DataError
from segwork.fairness.decision_rule import AboveBaseRate

HOLDOUT = 0.3


@dataclass(frozen=True)
class Mitigation:
    """Trials side by side on customers none of them was fitted on.

    Attributes
    ----------
    trials : DataFrame
        One row per trial: ``trial``, ``selection_gap``, ``true_positive_gap``, ``accuracy``,
        ``recall``, ``recall_change`` against the model as it is, ``n``.
    by_group : DataFrame
        ``trial``, ``group``, ``n``, ``decided_against``, ``recall``, ``recall_change``: who pays.
    message : str
    """

    trials: pd.DataFrame
    by_group: pd.DataFrame
    message: str

    def facts(self) -> dict[str, float | int | str]:
        """Return the finite facts, one set per trial."""
        facts: dict[str, float | int | str] = {}
        for row in self.trials.itertuples():
            for name in ("selection_gap", "recall", "recall_change"):
                facts[f"mitigation_{row.trial}_{name}"] = float(getattr(row, name))
        return {k: v for k, v in facts.items() if math.isfinite(float(v))}


def mitigation_trials(
    estimator: BaseEstimator,
    X: pd.DataFrame | Mapping[str, ArrayLike],
    y: ArrayLike,
    *,
    sensitive: ArrayLike,
    held: ArrayLike | None = None,
    seed: int = 0,
) -> Mitigation:
    """Try reweighting, threshold optimisation and a constrained fit beside the model as it is.

    Parameters
    ----------
    estimator : scikit-learn classifier
        Must accept ``sample_weight`` in ``fit``; cloned, never changed.
    X : DataFrame of shape (n, k)
        Numeric features; the attribute need not be among them.
    y : array-like of shape (n,)
        0/1 outcomes.
    sensitive : array-like of shape (n,)
    held : array-like of bool, shape (n,), optional
        Rows that judge; by default 30 % at random.
    seed : int, default 0
        Of the split and of randomised thresholds.

    Returns
    -------
    Mitigation

    Raises
    ------
    DataError
        ``y`` is not 0/1 or a group lacks one of the outcomes.

    References
    ----------
    Kamiran and Calders (2012), reweighing. Hardt, Price and Srebro (2016), threshold optimisation.
    Agarwal et al. (2018), exponentiated gradient. The last two as implemented by fairlearn.

    Notes
    -----
    Every trial decides by one rule, :data:`segwork.fairness.decision_rule.BASE_RATE_RULE`: a cut
    at the base rate, or what minimises the same cost of errors. Cut at one half instead, the model
    as it is looks fairer only because it decides against hardly anybody.

    A trial may lower a measured disparity and still harm people: look at who loses recall.
    """
    frame, target, groups = _checked(X, y, sensitive)
    train, test = _split(target, groups, held, seed)
    learn, held = (frame.iloc[train], target[train]), frame.iloc[test]
    decisions = {
        trial: _decide(model, learn, held, fit, ask)
        for trial, (model, fit, ask) in _trials(
            estimator, target[train], groups[train], groups[test], seed
        ).items()
    }
    by_group = _by_group(decisions, target[test], groups[test])
    table = _summary(decisions, target[test], by_group)
    return Mitigation(table, by_group, _message(table, by_group))


def _checked(
    X: pd.DataFrame | Mapping[str, ArrayLike], y: ArrayLike, sensitive: ArrayLike
) -> tuple[pd.DataFrame, np.ndarray, np.ndarray]:
    frame, target = pd.DataFrame(X).reset_index(drop=True), np.asarray(y).ravel().astype(int)
    groups = pd.Series(np.asarray(sensitive)).astype(str).to_numpy(dtype=object)
    if set(np.unique(target)) != {0, 1}:
        raise DataError(f"y has the values {sorted(set(target))[:5]}", accepted="0 and 1, both")
    smallest = pd.crosstab(groups, target).min().min()
    if smallest < 10:
        raise DataError(
            f"a group has {smallest} people with one of the outcomes",
            accepted="at least 10 of each outcome in each group",
            hint="join small groups, or treat them as not estimable",
        )
    return frame, target, groups


def _split(
    target: np.ndarray, groups: np.ndarray, held: ArrayLike | None, seed: int
) -> tuple[np.ndarray, np.ndarray]:
    if held is not None:
        mask = np.asarray(held, dtype=bool)
        return np.flatnonzero(~mask), np.flatnonzero(mask)
    strata = [f"{t} {g}" for t, g in zip(target, groups, strict=True)]
    rows = np.arange(len(target))
    train, test = train_test_split(rows, test_size=HOLDOUT, stratify=strata, random_state=seed)
    return train, test


def _balancing_weights(target: np.ndarray, groups: np.ndarray) -> np.ndarray:
    """Weight each cell as if outcome and group were independent."""
    frame = pd.DataFrame({"y": target, "g": groups})
    n = len(frame)
    cell = frame.groupby(["g", "y"])["y"].transform("size")
    of_group = frame.groupby("g")["y"].transform("size")
    of_outcome = frame.groupby("y")["y"].transform("size")
    return (of_group * of_outcome / (n * cell)).to_numpy()


def _trials(
    estimator: BaseEstimator,
    target: np.ndarray,
    groups: np.ndarray,
    groups_held: np.ndarray,
    seed: int,
) -> dict[str, tuple[BaseEstimator, dict[str, object], dict[str, object]]]:
    """Return trial -> model, and what its ``fit`` and ``predict`` get beside the rows."""
    from fairlearn.postprocessing import ThresholdOptimizer
    from fairlearn.reductions import DemographicParity, ErrorRate, ExponentiatedGradient

    thresholds = ThresholdOptimizer(
        estimator=estimator,
        constraints="demographic_parity",
        objective="balanced_accuracy_score",
        predict_method="predict_proba",
    )
    base = float(target.mean())
    constrained = ExponentiatedGradient(
        AboveBaseRate(estimator, threshold=0.5),
        constraints=DemographicParity(),
        objective=ErrorRate(costs={"fp": base, "fn": 1 - base}),  # the same as to cut at the base
        max_iter=20,
    )
    known, drawn = {"sensitive_features": groups}, {"random_state": seed}
    weights = {"sample_weight": _balancing_weights(target, groups)}
    return {
        "as_it_is": (AboveBaseRate(estimator), {}, {}),
        "reweighting": (AboveBaseRate(estimator), weights, {}),
        "threshold_optimisation": (thresholds, known, {"sensitive_features": groups_held} | drawn),
        "constrained_fit": (constrained, known, drawn),
    }


def _decide(
    model: BaseEstimator,
    learn: tuple[pd.DataFrame, np.ndarray],
    held: pd.DataFrame,
    fit: dict[str, object],
    ask: dict[str, object],
) -> np.ndarray:
    with warnings.catch_warnings():
        # fairlearn 0.15 grows and retypes a Series through .at, which pandas 3 announces to end.
        warnings.filterwarnings("ignore", message=r"Setting an? (value|item) ")
        fitted = clone(model).fit(*learn, **fit)
    return np.asarray(fitted.predict(held, **ask)).astype(int)


def _by_group(
    decisions: dict[str, np.ndarray], truth: np.ndarray, groups: np.ndarray
) -> pd.DataFrame:
    told = {"n": ("decided", "size"), "decided_against": ("decided", "mean")}
    told |= {"recall": ("found", "mean")}  # of those it is about
    parts = {}
    for trial, decided in decisions.items():
        found = np.where(truth == 1, decided, np.nan)
        people = pd.DataFrame({"group": groups, "decided": decided, "found": found})
        parts[trial] = people.groupby("group").agg(**told)
    table = pd.concat(parts, names=["trial"]).reset_index()
    base = table["group"].map(parts["as_it_is"]["recall"])
    return table.assign(recall_change=table["recall"] - base)


def _summary(
    decisions: dict[str, np.ndarray], truth: np.ndarray, by_group: pd.DataFrame
) -> pd.DataFrame:
    gaps = by_group.groupby("trial", sort=False)[["decided_against", "recall"]].agg(np.ptp)
    table = gaps.set_axis(["selection_gap", "true_positive_gap"], axis=1).reset_index()
    table["accuracy"] = [float((decided == truth).mean()) for decided in decisions.values()]
    table["recall"] = [float(decided[truth == 1].mean()) for decided in decisions.values()]
    table["recall_change"] = table["recall"] - table["recall"].iloc[0]
    return table.assign(n=len(truth))


def _message(table: pd.DataFrame, by_group: pd.DataFrame) -> str:
    tried = table.iloc[1:]
    smallest = tried.loc[tried["selection_gap"].idxmin()]
    who = by_group[by_group["trial"] == smallest["trial"]]
    payer = who.loc[who["recall_change"].idxmin()]
    return (
        f"{smallest['trial'].replace('_', ' ')} narrows the selection gap most, from"
        f" {100 * table['selection_gap'].iloc[0]:.1f} to {100 * smallest['selection_gap']:.1f}"
        f" points; recall changes by {100 * smallest['recall_change']:+.1f} points overall and by"
        f" {100 * payer['recall_change']:+.1f} in group {payer['group']}. Nothing was applied."
    )
