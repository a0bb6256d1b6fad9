"""How well a labelling comes back: on resampled rows, with other seeds, under other scalings."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

Refit = Callable[[np.ndarray, int], np.ndarray]
"""Rows and seed in, labels out, at the setting that was chosen."""

ROWS = 600


def bootstrap_jaccard(
    X: np.ndarray, refit: Refit, *, draws: int, seed: int, whole: np.ndarray | None = None
) -> np.ndarray:
    """Return the mean Jaccard similarity of each cluster of a fit on all rows, shape (k,).

    For every bootstrap sample the setting is fitted again; each cluster is compared, on the rows
    drawn, with the most similar new cluster. ``whole`` are the labels of the fit on all rows, where
    they are known.

    References
    ----------
    Hennig (2007), "Cluster-wise assessment of cluster stability", CSDA 52.
    """
    whole = refit(X, seed) if whole is None else whole
    clusters = np.unique(whole[whole >= 0])
    rng = np.random.default_rng([seed, 16])
    found = np.zeros((draws, len(clusters)))
    for draw in range(draws):
        rows = np.unique(rng.integers(0, len(X), len(X)))
        again, before = refit(X[rows], seed), whole[rows]
        for place, cluster in enumerate(clusters):
            found[draw, place] = _best_match(before == cluster, again)
    return found.mean(axis=0) if draws else np.zeros(len(clusters))


def _best_match(inside: np.ndarray, again: np.ndarray) -> float:
    if not inside.any():
        return 0.0
    best = 0.0
    for other in np.unique(again[again >= 0]):
        same = again == other
        best = max(best, (inside & same).sum() / (inside | same).sum())
    return float(best)


def seed_agreement(X: np.ndarray, refit: Refit, *, seeds: int, seed: int) -> float:
    """Return the mean adjusted Rand index between fits with different seeds."""
    from sklearn.metrics import adjusted_rand_score

    runs = [refit(X, seed + 100 + i) for i in range(seeds)]
    pairs = [adjusted_rand_score(runs[i], runs[j]) for i in range(seeds) for j in range(i)]
    return float(np.mean(pairs)) if pairs else 1.0


def sampling_agreement(X: np.ndarray, refit: Refit, *, seed: int) -> float:
    """Return the adjusted Rand index of fits on two thirds of the rows, read on the third one.

    Rows of the last third get the label of their nearest neighbour in either fit: how far a
    labelling depends on which rows were drawn.
    """
    from scipy.spatial import cKDTree
    from sklearn.metrics import adjusted_rand_score

    order = np.random.default_rng([seed, 20]).permutation(len(X))
    one, two, test = np.array_split(order, 3)
    if len(test) < 3:
        return float("nan")
    seen = [refit(X[part], seed)[cKDTree(X[part]).query(X[test])[1]] for part in (one, two)]
    return float(adjusted_rand_score(*seen))


def scaling_agreement(
    X: np.ndarray, labels: np.ndarray, fit: Callable[[np.ndarray], np.ndarray]
) -> float:
    """Return the mean adjusted Rand index with fits on standardised and on rank-scaled columns."""
    from scipy.stats import rankdata
    from sklearn.metrics import adjusted_rand_score

    spread = X.std(axis=0)
    standard = (X - X.mean(axis=0)) / np.where(spread > 0, spread, 1.0)
    ranks = rankdata(X, axis=0) / len(X) * np.sqrt(12)
    return float(np.mean([adjusted_rand_score(labels, fit(Y)) for Y in (standard, ranks)]))


def halves_agreement(
    n_rows: int, labelled: Callable[[np.ndarray], np.ndarray], *, seed: int, splits: int
) -> np.ndarray:
    """Return the agreement of fits on two disjoint halves, read on all rows, shape (splits,).

    Parameters
    ----------
    n_rows : int
    labelled : callable
        Row numbers to fit on; out come the labels of all rows.

    References
    ----------
    Adjusted Rand index: Hubert & Arabie (1985). Two samples instead of one resampled: Tibshirani
    & Walther (2005), "Cluster validation by prediction strength".
    """
    from sklearn.metrics import adjusted_rand_score

    agreement = []
    for split in range(splits):
        order = np.random.default_rng([seed, 23, split]).permutation(n_rows)
        one, two = (labelled(np.sort(half)) for half in np.array_split(order, 2))
        agreement.append(adjusted_rand_score(one, two))
    return np.array(agreement)
