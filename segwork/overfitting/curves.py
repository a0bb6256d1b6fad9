"""Curves that show over- and underfitting: validation curves and paths of regularisation."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from sklearn.base import BaseEstimator, clone
from sklearn.linear_model import LogisticRegression

from segwork.errors import UsageError
from segwork.overfitting.problem import Problem, make_problem
from segwork.overfitting.splits import (
    CrossScore,
    Folds,
    cross_score,
    grouped_folds,
    random_folds,
    usable,
)

LOGISTIC_GRID = tuple(float(c) for c in np.logspace(-4, 2, 9))
BOOST_GRID = (0.0, 1.0, 10.0, 100.0)
COLUMNS = ["value", "train", "holdout", "low", "high"]


def validation_curve(
    estimator: BaseEstimator,
    X: pd.DataFrame,
    y: ArrayLike,
    *,
    parameter: str,
    values: Iterable[object],
    groups: ArrayLike | None = None,
    seed: int = 0,
) -> pd.DataFrame:
    """Score an estimator over the values of one parameter.

    Parameters
    ----------
    estimator : scikit-learn classifier
    X : DataFrame, shape (n, d)
    y : array-like, shape (n,)
    parameter : str
        Name as in ``get_params``; ``values`` are tried in order.
    groups : array-like, shape (n,), optional
        Customers are not parted.
    seed : int, default 0

    Returns
    -------
    DataFrame
        value, train, holdout, low, high: mean area under five-fold cross-validation.

    Raises
    ------
    UsageError
        The estimator has no such parameter.
    """
    if parameter not in estimator.get_params():
        known = estimator.get_params()
        raise UsageError.unknown("parameter", parameter, known, where=type(estimator).__name__)
    problem = make_problem(estimator, X, y, groups=groups, seed=seed)
    folds = _folds(problem)
    prefix = _prefix(problem.estimator, parameter)
    found = []
    for value in values:
        changed = clone(problem.estimator).set_params(**{prefix + parameter: value})
        cross = cross_score(problem, folds, estimator=changed)
        span = cross.held.interval()
        found.append((value, cross.train, cross.held.value, span.low, span.high))
    return pd.DataFrame(found, columns=COLUMNS)


def logistic_path(
    X: pd.DataFrame,
    y: ArrayLike,
    *,
    penalty: str = "l1",
    grid: Iterable[float] = LOGISTIC_GRID,
    groups: ArrayLike | None = None,
    seed: int = 0,
) -> pd.DataFrame:
    """Follow logistic regression from strong to weak L1 or L2 regularisation.

    Returns
    -------
    DataFrame
        strength (1/C, strongest first), train, holdout, low, high, features (coefficients that
        are not zero), flips (coefficients whose sign is another than at the step before), chosen
        (best held-out area), simplest (strongest within one standard error of it).
    """
    ratios = {"l1": 1.0, "l2": 0.0}
    if penalty not in ratios:
        raise UsageError.unknown("penalty", penalty, ratios, where="logistic_path")
    base = LogisticRegression(l1_ratio=ratios[penalty], solver="liblinear", max_iter=500)
    problem = make_problem(base, X, y, groups=groups, seed=seed).plain()
    folds, found, before = _folds(problem), [], None
    for strength in sorted((1 / c for c in grid), reverse=True):
        model = clone(base).set_params(C=1 / strength, random_state=problem.seed)
        cross = cross_score(problem, folds, estimator=model)
        signs = np.sign(problem.fit(np.arange(len(problem)), estimator=model).coef_).ravel()
        flips = 0 if before is None else int(((signs * before) < 0).sum())
        found.append((strength, cross, int((signs != 0).sum()), flips))
        before = np.where(signs == 0, 0 if before is None else before, signs)
    return _path(found, ["features", "flips"])


def boosting_path(
    estimator: BaseEstimator,
    X: pd.DataFrame,
    y: ArrayLike,
    *,
    penalty: str = "l2",
    grid: Iterable[float] = BOOST_GRID,
    groups: ArrayLike | None = None,
    seed: int = 0,
) -> pd.DataFrame:
    """Follow an xgboost classifier over ``reg_alpha`` (L1) or ``reg_lambda`` (L2).

    Returns
    -------
    DataFrame
        As :func:`logistic_path`, without counts of features.
    """
    names = {"l1": "reg_alpha", "l2": "reg_lambda"}
    if penalty not in names:
        raise UsageError.unknown("penalty", penalty, names, where="boosting_path")
    problem = make_problem(estimator, X, y, groups=groups, seed=seed).plain()
    folds, found = _folds(problem), []
    for strength in sorted(grid, reverse=True):
        model = clone(estimator).set_params(**{names[penalty]: strength})
        found.append((strength, cross_score(problem, folds, estimator=model)))
    return _path(found, [])


def all_paths(
    booster: BaseEstimator,
    X: pd.DataFrame,
    y: ArrayLike,
    *,
    groups: ArrayLike | None = None,
    seed: int = 0,
) -> dict[str, pd.DataFrame]:
    """Return the L1 and L2 paths of logistic regression and of an xgboost classifier, by title."""
    grid = (1e-4, 1e-3, 1e-2, 1e-1, 1.0, 10.0)
    found = {
        f"logistic, {p.upper()}": logistic_path(
            X, y, penalty=p, grid=grid, groups=groups, seed=seed
        )
        for p in ("l1", "l2")
    }
    return found | {
        f"xgboost, {p.upper()}": boosting_path(booster, X, y, penalty=p, groups=groups, seed=seed)
        for p in ("l1", "l2")
    }


def _path(found: list[tuple[float | CrossScore, ...]], extra: list[str]) -> pd.DataFrame:
    rows = []
    for strength, cross, *rest in found:
        span = cross.held.interval()
        rows.append((strength, cross.train, cross.held.value, span.low, span.high, *rest))
    path = pd.DataFrame(rows, columns=["strength", "train", "holdout", "low", "high", *extra])
    best = int(path["holdout"].idxmax())
    error = (path["high"] - path["holdout"])[best] / 1.96
    path["chosen"] = path.index == best
    close = path["holdout"] >= path["holdout"][best] - error
    path["simplest"] = path.index == int(close.idxmax())
    return path


def _folds(problem: Problem) -> Folds:
    return (
        random_folds(problem) if problem.groups is None else usable(problem, grouped_folds(problem))
    )


def _prefix(prepared: BaseEstimator, parameter: str) -> str:
    """Where the parameter went when the estimator was put behind a preparation."""
    if parameter in prepared.get_params():
        return ""
    return f"{prepared.steps[-1][0]}__"
