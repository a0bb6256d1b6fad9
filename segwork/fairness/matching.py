"""Matching without replacement: whom to set beside whom."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
from scipy.spatial import cKDTree
from sklearn.linear_model import LogisticRegression, Ridge

NEIGHBOURS = 15


def space(frame: pd.DataFrame) -> np.ndarray:
    """Standardise numbers; a differing category is as far as two standard deviations."""
    columns = []
    for name in frame.columns:
        column = frame[name]
        if pd.api.types.is_numeric_dtype(column) and not pd.api.types.is_bool_dtype(column):
            spread = float(column.std(ddof=0))
            if spread > 0:
                columns.append(((column - column.mean()) / spread).to_numpy(dtype=float)[:, None])
        else:
            dummies = pd.get_dummies(column.astype(str)).to_numpy(dtype=float)
            columns.append(dummies * math.sqrt(2.0))
    return np.hstack(columns) if columns else np.zeros((len(frame), 1))


def two_scores(space: np.ndarray, score: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Predicted score and propensity of each customer, standardised, shape (n, 2)."""
    larger = second if second.sum() > (~second).sum() else ~second
    risk = Ridge(alpha=1.0).fit(space[larger], score[larger]).predict(space)
    propensity = LogisticRegression(max_iter=1000).fit(space, second).decision_function(space)
    scores = np.column_stack([risk, propensity])
    spread = scores.std(axis=0)
    return (scores - scores.mean(axis=0)) / np.where(spread > 0, spread, 1.0)


def match(
    space: np.ndarray, second: np.ndarray, reach: float, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Greedy matching, nearest pairs first; returns row numbers of first and second group."""
    first_rows, second_rows = np.flatnonzero(~second), np.flatnonzero(second)
    few, many = sorted((first_rows, second_rows), key=len)
    few, many = rng.permutation(few), rng.permutation(many)
    pairs = _twins(space, few, many)
    while True:
        few, many = np.setdiff1d(few, pairs[:, 0]), np.setdiff1d(many, pairs[:, 1])
        few, many = rng.permutation(few), rng.permutation(many)
        more = _nearest(space, few, many, reach) if len(few) and len(many) else []
        if not len(more):
            break
        pairs = np.concatenate([pairs, more])
    first, other = pairs.T
    return (other, first) if len(pairs) and second[first[0]] else (first, other)


def _twins(space: np.ndarray, few: np.ndarray, many: np.ndarray) -> np.ndarray:
    """Pairs of equal profiles, shape (pairs, 2): the k-th of one group with the k-th of the other.

    A nearest-neighbour search sees only as many of a crowd of equals as it looks for.
    """
    profile = np.unique(space, axis=0, return_inverse=True)[1].ravel()
    sides = []
    for rows in (few, many):
        side = pd.DataFrame({"row": rows, "profile": profile[rows]})
        sides.append(side.assign(place=side.groupby("profile").cumcount()))
    return sides[0].merge(sides[1], on=["profile", "place"])[["row_x", "row_y"]].to_numpy()


def _nearest(
    space: np.ndarray, few: np.ndarray, many: np.ndarray, reach: float
) -> list[tuple[int, int]]:
    """Pair customers no further apart than ``reach``, each once, the nearest first."""
    k = min(NEIGHBOURS, len(many))
    distance, neighbour = cKDTree(space[many]).query(
        space[few], k=k, distance_upper_bound=reach + 1e-12
    )
    distance, neighbour = distance.reshape(len(few), k), neighbour.reshape(len(few), k)
    free_few, free_many = np.ones(len(few), bool), np.ones(len(many), bool)
    chosen = []
    for flat in np.argsort(distance, axis=None, kind="stable"):
        row, rank = divmod(int(flat), k)
        if not np.isfinite(distance[row, rank]):
            break
        partner = neighbour[row, rank]
        if free_few[row] and free_many[partner]:
            free_few[row] = free_many[partner] = False
            chosen.append((few[row], many[partner]))
    return chosen


def balance(frame: pd.DataFrame, second: np.ndarray, a: np.ndarray, b: np.ndarray) -> pd.DataFrame:
    """Return the standardised mean difference of each column before and after matching."""
    parts = [
        frame[[name]].astype(float)
        if pd.api.types.is_numeric_dtype(frame[name])
        else pd.get_dummies(frame[[name]].astype(str), prefix_sep="=", dtype=float)
        for name in frame.columns
    ]
    wide = pd.concat(parts, axis=1).rename(columns=str)
    spread = wide.std(ddof=0).replace(0.0, 1.0)
    before = (wide[second].mean() - wide[~second].mean()) / spread
    after = (wide.iloc[b].mean() - wide.iloc[a].mean()) / spread
    return pd.DataFrame({"column": wide.columns, "before": before, "after": after}).reset_index(
        drop=True
    )
