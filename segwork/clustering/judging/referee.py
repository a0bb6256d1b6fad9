"""The selection rule: a referee that learnt, on simulated tables only, which labellings are true.

For every candidate it predicts the adjusted Rand index with the (unknown) true grouping from the
candidate's traits, from its agreement with the other methods' candidates, and from how it stands
beside the best candidate on each trait. It never sees a method's name. What it predicts are two
things, the index itself and how far it falls short of the table's best candidate; how likely each
candidate is the truth follows from both, and so does the agreement with it to be expected of all.

There are two referees: one for tables of any kind, and one that learnt on simulated customers
alone, for tables under the customer scaling. Their trees are plain arrays in ``referee.npz`` and
``referee_customers.npz``, written by ``benchmarks.clustering.referee_training``.
"""

from __future__ import annotations

from functools import cache
from importlib import resources

import numpy as np

from segwork.clustering.judging.traits import TRAITS
from segwork.clustering.methods.classical import CLASSICAL, MOST_NOISE

PARTS = ("level", "shortfall")
NODES = ("roots", "left", "right", "feature", "threshold", "value", "start")
DOUBT = 0.03  # predictions that far apart are told apart by a factor e
SAME = 1 - 1e-9  # the agreement of labellings that differ by the clusters' numbers only
RELATIVE = ("silhouette", "silhouette_worst", "purity", "modularity", "dbcv", "tree_gap")
RELATIVE += ("tree_cuts", "gaussian_bic", "gaussian_gain", "ellipse_fit", "consensus")
RELATIVE += ("consensus_top", "noise", "tree_dense_cuts")


def features(values: np.ndarray, agreement: np.ndarray, methods: list[str]) -> np.ndarray:
    """Return what the referee reads, shape (m, features).

    Parameters
    ----------
    values : array, shape (m, len(TRAITS))
    agreement : array, shape (m, m)
        Adjusted Rand index between candidates.
    methods : list of str
        A candidate's consensus leaves its own method out. Candidates stand beside those of the
        classical methods alone, so that an autoencoder among them does not change what is read.
    """
    values = values.copy()
    names, known = np.array(methods), list(dict.fromkeys(methods))
    beside = [name for name in known if name in CLASSICAL] or known
    others = np.column_stack(
        [np.where(names == m, -np.inf, agreement[:, names == m].max(axis=1)) for m in beside]
    )
    others = -np.sort(-others, axis=1)
    values[:, TRAITS.index("consensus")] = _mean(others)
    values[:, TRAITS.index("consensus_top")] = _mean(others[:, :2])
    grouped = values[:, TRAITS.index("log_clusters")] > 0
    classical = grouped & np.isin(names, beside)
    usable = classical if classical.any() else grouped
    columns = [TRAITS.index(name) for name in RELATIVE]
    if usable.any():
        top = np.quantile(values[usable][:, columns], [0.5, 1.0], axis=0)
        return np.hstack([values, values[:, columns] - top[1], values[:, columns] - top[0]])
    return np.hstack([values, np.zeros((len(values), 2 * len(columns)))])


def _mean(others: np.ndarray) -> np.ndarray:
    known = np.isfinite(others)
    return np.where(known, others, 0).sum(axis=1) / np.maximum(known.sum(axis=1), 1)


def quality(
    values: np.ndarray, agreement: np.ndarray, methods: list[str], *, customers: bool
) -> np.ndarray:
    """Return the predicted agreement with the truth, shape (m,); 0 for fewer than two clusters."""
    read = features(values, agreement, methods)
    level, shortfall = (predicted(read, part, customers=customers) for part in PARTS)
    return expected(level, shortfall, values, agreement, methods)


def expected(
    level: np.ndarray,
    shortfall: np.ndarray,
    values: np.ndarray,
    agreement: np.ndarray,
    methods: list[str],
) -> np.ndarray:
    """Return the agreement with the truth to be expected, were the truth one of the candidates.

    Parameters
    ----------
    level, shortfall : arrays, shape (m,)
        Predicted index with the truth, and that index less the highest of the table.
    values : array, shape (m, len(TRAITS))
    agreement : array, shape (m, m)
    methods : list of str

    Notes
    -----
    A labelling that most likely ones agree with is chosen before a single one that is predicted a
    hair higher: the best of a hundred noisy predictions is mostly a lucky one. Settings of
    one method that found the very same groups are one witness, several methods are several.
    """
    grouped = values[:, TRAITS.index("log_clusters")] > 0
    if not grouped.any():
        return np.zeros(len(values))
    few = grouped & (values[:, TRAITS.index("noise")] <= MOST_NOISE)
    able = few if few.any() else grouped
    level = np.clip(level, 0, 1)
    likely = (level + level[grouped].max() + shortfall) / 2
    names = np.array(methods)
    alike = ((agreement > SAME) & (names[:, None] == names)).sum(axis=1)
    weight = np.where(able, np.exp(np.minimum(likely - likely[able].max(), 0) / DOUBT) / alike, 0)
    weight /= weight.sum()
    share = np.maximum(agreement @ weight, 0)
    return np.where(grouped, float(weight @ level) * share / share[able].max(), 0)


def predicted(read: np.ndarray, part: str, *, customers: bool) -> np.ndarray:
    """Return what one of the two referees predicts, level or shortfall, shape (m,)."""
    known = _trees("referee_customers.npz" if customers else "referee.npz")
    trees = {name: known[f"{part}_{name}"] for name in NODES}
    node = np.repeat(trees["roots"][None], len(read), axis=0)
    while (inner := trees["left"][node] >= 0).any():
        at, row = node[inner], np.nonzero(inner)[0]
        left = read[row, trees["feature"][at]] <= trees["threshold"][at]
        node[inner] = np.where(left, trees["left"][at], trees["right"][at])
    return float(trees["start"]) + trees["value"][node].sum(axis=1)


@cache
def _trees(name: str) -> dict[str, np.ndarray]:
    with resources.files("segwork.clustering.judging").joinpath(name).open("rb") as file:
        return dict(np.load(file, allow_pickle=False))
