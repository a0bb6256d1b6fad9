"""The clusterless null: the same margins and rank correlations, and nothing else."""

from __future__ import annotations

import numpy as np

TRIED_PEAKS = 41


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


def single_peaked(X: np.ndarray) -> np.ndarray:
    """Return the columns moved as little as their having one peak each takes, shape (n, d).

    Every column's empirical distribution is replaced by the nearest one whose density rises to one
    peak and falls after it; ranks, range and tails stay. A column of few distinct values, of which
    most rows share theirs, stays as it is.

    References
    ----------
    Grenander (1956), "On the theory of mortality measurement II": the nearest falling density has
    the least concave majorant of the empirical distribution. Hartigan & Hartigan (1985), "The dip
    test of unimodality", Annals of Statistics 13(1): the peak of least distance.

    Examples
    --------
    >>> two = np.concatenate([np.linspace(0, 1, 50), np.linspace(9, 10, 50)])[:, None]
    >>> bool(((single_peaked(two) > 2) & (single_peaked(two) < 8)).any())
    True
    """
    return np.column_stack([_one_peak(column) for column in X.T])


def stepped(column: np.ndarray) -> bool:
    """Tell whether a column has so few distinct values that most rows share theirs."""
    return len(np.unique(column)) <= max(len(column) / 2, 2)


def _one_peak(column: np.ndarray) -> np.ndarray:
    order = np.argsort(column, kind="stable")
    x, n = column[order], len(column)
    if stepped(column):
        return column
    steps = np.maximum(np.diff(x), 1e-9 * (x[-1] - x[0]))
    share = np.arange(n) / (n - 1)
    tops = np.unique(np.linspace(0, n - 1, TRIED_PEAKS).astype(int))
    fits = [_rise_and_fall(steps, top) for top in tops]
    nearest = min(fits, key=lambda fit: np.abs(fit - share).max())
    moved = np.empty(n)
    moved[order] = np.interp(share, nearest, x)
    return moved


def _rise_and_fall(steps: np.ndarray, top: int) -> np.ndarray:
    """Return the distribution with its peak at one row, at all rows, shape (n,)."""
    from sklearn.isotonic import isotonic_regression

    density = 1 / (len(steps) * steps)
    parts = (slice(None, top), True), (slice(top, None), False)
    fitted = [
        isotonic_regression(density[part], sample_weight=steps[part], increasing=rising)
        for part, rising in parts
        if len(steps[part])
    ]
    return np.concatenate([[0.0], np.cumsum(np.concatenate(fitted) * steps)])
