"""Mitigation trials: what each costs, and whom. Nothing is applied."""

from __future__ import annotations

import math
import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from segwork.errors import DataError

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
        ``trial``, ``group``, ``n``, ``selection_rate``, ``recall``, ``recall_change``: who pays.
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
    estimator: Any, X: Any, y: Any, *, sensitive: Any, seed: int = 0
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
    seed : int, default 0
        Of the split (30 % held out) and of randomised thresholds.

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
    A trial may lower a measured disparity and still harm people: look at who loses recall.
    """
    frame, target, groups = _checked(X, y, sensitive)
    train, test = _split(target, groups, seed)
    held = _Halves(frame.iloc[train], target[train], groups[train], frame.iloc[test], groups[test])
    decisions = {
        "as_it_is": _plain(estimator, held),
        "reweighting": _plain(
            estimator, held, sample_weight=_balancing_weights(held.y_train, held.groups_train)
        ),
        "threshold_optimisation": _thresholds(estimator, held, seed),
        "constrained_fit": _constrained(estimator, held, seed),
    }
    by_group = _by_group(decisions, target[test], groups[test])
    table = _summary(decisions, target[test], by_group)
    return Mitigation(table, by_group, _message(table, by_group))


def _checked(X: Any, y: Any, sensitive: Any) -> tuple[pd.DataFrame, np.ndarray, np.ndarray]:
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


def _split(target: np.ndarray, groups: np.ndarray, seed: int) -> tuple[np.ndarray, np.ndarray]:
    from sklearn.model_selection import train_test_split

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


@dataclass(frozen=True)
class _Halves:
    """What a trial learns from, and whom it decides about."""

    X_train: pd.DataFrame
    y_train: np.ndarray
    groups_train: np.ndarray
    X_test: pd.DataFrame
    groups_test: np.ndarray


def _plain(estimator: Any, held: _Halves, **weights: np.ndarray) -> np.ndarray:
    from sklearn.base import clone

    model = clone(estimator)
    model.fit(held.X_train, held.y_train, **weights)
    return np.asarray(model.predict(held.X_test)).astype(int)


def _thresholds(estimator: Any, held: _Halves, seed: int) -> np.ndarray:
    from fairlearn.postprocessing import ThresholdOptimizer
    from sklearn.base import clone

    model = ThresholdOptimizer(
        estimator=clone(estimator),
        constraints="demographic_parity",
        objective="balanced_accuracy_score",
        predict_method="predict_proba",
    )
    model.fit(held.X_train, held.y_train, sensitive_features=held.groups_train)
    chosen = model.predict(held.X_test, sensitive_features=held.groups_test, random_state=seed)
    return np.asarray(chosen).astype(int)


def _constrained(estimator: Any, held: _Halves, seed: int) -> np.ndarray:
    from fairlearn.reductions import DemographicParity, ExponentiatedGradient
    from sklearn.base import clone

    model = ExponentiatedGradient(clone(estimator), constraints=DemographicParity(), max_iter=20)
    with warnings.catch_warnings():
        # fairlearn 0.15 grows and retypes a Series through .at, which pandas 3 announces to end.
        warnings.filterwarnings("ignore", message=r"Setting an? (value|item) ")
        model.fit(held.X_train, held.y_train, sensitive_features=held.groups_train)
    return np.asarray(model.predict(held.X_test, random_state=seed)).astype(int)


def _by_group(
    decisions: dict[str, np.ndarray], truth: np.ndarray, groups: np.ndarray
) -> pd.DataFrame:
    rows = []
    for trial, decided in decisions.items():
        for group in sorted(set(groups)):
            mask = groups == group
            recall = float(decided[mask & (truth == 1)].mean())
            rows.append((trial, group, int(mask.sum()), float(decided[mask].mean()), recall))
    table = pd.DataFrame(rows, columns=["trial", "group", "n", "selection_rate", "recall"])
    base = table[table["trial"] == "as_it_is"].set_index("group")["recall"]
    table["recall_change"] = table["recall"] - table["group"].map(base)
    return table


def _summary(
    decisions: dict[str, np.ndarray], truth: np.ndarray, by_group: pd.DataFrame
) -> pd.DataFrame:
    rows = []
    for trial, decided in decisions.items():
        part = by_group[by_group["trial"] == trial]
        rows.append(
            {
                "trial": trial,
                "selection_gap": float(np.ptp(part["selection_rate"])),
                "true_positive_gap": float(np.ptp(part["recall"])),
                "accuracy": float((decided == truth).mean()),
                "recall": float(decided[truth == 1].mean()),
                "n": len(truth),
            }
        )
    table = pd.DataFrame(rows)
    table.insert(5, "recall_change", table["recall"] - table["recall"].iloc[0])
    return table


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
