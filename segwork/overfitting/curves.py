"""Curves that show over- and underfitting: validation curves and paths of regularisation."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from sklearn.base import BaseEstimator, clone
from sklearn.linear_model import LogisticRegression

from segwork.errors import UsageError
from segwork.overfitting.problem import Problem, make_problem
from segwork.overfitting.splits import cross_score, grouped_folds, random_folds, usable

LOGISTIC_GRID = tuple(float(c) for c in np.logspace(-4, 2, 9))
BOOST_GRID = (0.0, 1.0, 10.0, 100.0)


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
    name = _prefix(problem.estimator, parameter) + parameter
    return _scored(problem, {v: {name: v} for v in values}).rename(columns={"strength": "value"})


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
    base = LogisticRegression(
        l1_ratio=ratios[penalty], solver="liblinear", max_iter=500, random_state=seed
    )
    problem = make_problem(base, X, y, groups=groups, seed=seed).plain()
    strengths = sorted((1 / c for c in grid), reverse=True)
    path = _path(problem, base, {strength: {"C": 1 / strength} for strength in strengths})
    kept, flips, before = [], [], np.zeros(problem.X.shape[1])
    for strength in strengths:
        model = clone(base).set_params(C=1 / strength)
        signs = np.sign(problem.fit(np.arange(len(problem)), estimator=model).coef_).ravel()
        kept.append(int((signs != 0).sum()))
        flips.append(int((signs * before < 0).sum()))
        before = np.where(signs == 0, before, signs)
    return path.assign(features=kept, flips=flips)


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
    problem = make_problem(booster, X, y, groups=groups, seed=seed).plain()
    for penalty, name in (("L1", "reg_alpha"), ("L2", "reg_lambda")):
        settings = {strength: {name: strength} for strength in sorted(BOOST_GRID, reverse=True)}
        found[f"xgboost, {penalty}"] = _path(problem, booster, settings)
    return found


def _path(
    problem: Problem, model: BaseEstimator, settings: Mapping[float, Mapping[str, object]]
) -> pd.DataFrame:
    """Mark the best strength, and the strongest within one standard error of it."""
    path = _scored(replace(problem, estimator=model), settings)
    best = int(path["holdout"].idxmax())
    error = (path["high"] - path["holdout"])[best] / 1.96
    close = path["holdout"] >= path["holdout"][best] - error
    return path.assign(chosen=path.index == best, simplest=path.index == int(close.idxmax()))


def _scored(problem: Problem, settings: Mapping[object, Mapping[str, object]]) -> pd.DataFrame:
    """Score the estimator under each of the settings: strength, train, holdout, low, high."""
    folds = random_folds(problem)
    if problem.groups is not None:
        folds = usable(problem, grouped_folds(problem))
    rows = []
    for strength, given in settings.items():
        model = clone(problem.estimator).set_params(**given)
        cross = cross_score(problem, folds, estimator=model)
        span = cross.held.interval()
        rows.append((strength, cross.train, cross.held.value, span.low, span.high))
    return pd.DataFrame(rows, columns=["strength", "train", "holdout", "low", "high"])


def _prefix(prepared: BaseEstimator, parameter: str) -> str:
    """Where the parameter went when the estimator was put behind a preparation."""
    if parameter in prepared.get_params():
        return ""
    return f"{prepared.steps[-1][0]}__"
