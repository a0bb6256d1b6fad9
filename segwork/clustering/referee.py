"""The selection rule: a referee that learnt, on simulated tables only, which labellings are true.

For every candidate it predicts the adjusted Rand index with the (unknown) true grouping from the
candidate's traits, from its agreement with the other methods' candidates, and from how it stands
beside the best candidate on each trait. It never sees a method's name.

There are two: one for tables of any kind, and one that learnt on simulated customers alone, for
tables under the customer scaling. Their trees are plain arrays in ``referee.npz`` and
``referee_customers.npz``, written by ``segwork.bench.referee_training``.
"""

from __future__ import annotations

from functools import cache
from importlib import resources

import numpy as np

from segwork.clustering.traits import TRAITS

RELATIVE = (
    "silhouette", "silhouette_worst", "purity", "modularity", "dbcv", "tree_gap", "tree_cuts",
    "gaussian_bic", "gaussian_gain", "ellipse_fit", "consensus", "consensus_top", "noise",
    "tree_dense_cuts",
)  # fmt: skip


def features(values: np.ndarray, agreement: np.ndarray, methods: list[str]) -> np.ndarray:
    """Return what the referee reads, shape (m, features).

    Parameters
    ----------
    values : array, shape (m, len(TRAITS))
    agreement : array, shape (m, m)
        Adjusted Rand index between candidates.
    methods : list of str
        Used only to leave a candidate's own method out of its consensus.
    """
    values = values.copy()
    best = np.column_stack(
        [agreement[:, [m == name for m in methods]].max(axis=1) for name in dict.fromkeys(methods)]
    )
    own = np.array([list(dict.fromkeys(methods)).index(m) for m in methods])
    best[np.arange(len(best)), own] = np.nan
    others = np.sort(best, axis=1)[:, : max(best.shape[1] - 1, 1)]
    others = np.nan_to_num(others)
    values[:, TRAITS.index("consensus")] = others.mean(axis=1)
    values[:, TRAITS.index("consensus_top")] = others[:, -2:].mean(axis=1)
    usable = values[:, TRAITS.index("log_clusters")] > 0
    columns = [TRAITS.index(name) for name in RELATIVE]
    if usable.any():
        top = np.quantile(values[usable][:, columns], [0.5, 1.0], axis=0)
        return np.hstack([values, values[:, columns] - top[1], values[:, columns] - top[0]])
    return np.hstack([values, np.zeros((len(values), 2 * len(columns)))])


def quality(
    values: np.ndarray, agreement: np.ndarray, methods: list[str], *, customers: bool
) -> np.ndarray:
    """Return the predicted agreement with the truth, shape (m,); 0 for fewer than two clusters."""
    return predicted(features(values, agreement, methods), customers=customers)


def predicted(read: np.ndarray, *, customers: bool) -> np.ndarray:
    """Return the prediction of one of the two referees from what it reads, shape (m,)."""
    trees = _trees("referee_customers.npz" if customers else "referee.npz")
    node = np.repeat(trees["roots"][None], len(read), axis=0)
    while (inner := trees["left"][node] >= 0).any():
        at, row = node[inner], np.nonzero(inner)[0]
        left = read[row, trees["feature"][at]] <= trees["threshold"][at]
        node[inner] = np.where(left, trees["left"][at], trees["right"][at])
    total = float(trees["start"]) + trees["value"][node].sum(axis=1)
    return np.where(read[:, TRAITS.index("log_clusters")] > 0, np.clip(total, 0, 1), 0.0)


@cache
def _trees(name: str) -> dict[str, np.ndarray]:
    with resources.files("segwork.clustering").joinpath(name).open("rb") as file:
        return dict(np.load(file, allow_pickle=False))
