"""The clusterless null: the same margins and rank correlations, and nothing else."""

from __future__ import annotations

import numpy as np


def copula_copy(X: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Return a Gaussian-copula copy, shape (n, d): each column a reordering of its own values.

    Rank correlations are kept; any grouping beyond margins and pairwise correlation is gone.

    Examples
    --------
    >>> X = np.array([[1.0, 5.0], [2.0, 7.0], [3.0, 6.0]])
    >>> sorted(copula_copy(X, np.random.default_rng(0))[:, 0])
    [np.float64(1.0), np.float64(2.0), np.float64(3.0)]
    """
    from scipy.stats import norm

    n, d = X.shape
    scores = np.empty((n, d))
    for j in range(d):
        order = np.lexsort((rng.random(n), X[:, j]))
        scores[order, j] = norm.ppf((np.arange(n) + 0.5) / n)
    correlation = scores.T @ scores / (scores**2).sum(axis=0).mean() if n > 1 else np.eye(d)
    values, vectors = np.linalg.eigh((correlation + correlation.T) / 2)
    root = vectors * np.sqrt(np.maximum(values, 0))
    drawn = rng.normal(size=(n, d)) @ root.T
    copy = np.empty((n, d))
    for j in range(d):
        copy[np.argsort(drawn[:, j], kind="stable"), j] = np.sort(X[:, j])
    return copy
