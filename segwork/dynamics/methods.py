"""Ways of labelling customers over time.

Each is fitted on a block of customers and gives a function of ``X`` (n, periods, d) and ``present``
(n, periods) that labels every period, −1 where absent; no label depends on later periods.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from segwork.dynamics import latent
from segwork.dynamics.mobility import flows, matching
from segwork.dynamics.panel import Block

if TYPE_CHECKING:
    from sklearn.base import BaseEstimator

STARTS = 3  # of every method: unequal numbers of starts are no comparison
WINDOW = 4  # periods of a trajectory: a year of quarters
SERIES = 300  # trajectories the time-series methods are fitted on
FAR = 1e15
Label = Callable[[np.ndarray, np.ndarray], np.ndarray]


def fit_once(block: Block, k: int, seed: int) -> Label:
    """Fit k-means on all periods together; every period is assigned to the same centres."""
    centres = kmeans(block.X[block.present], k, seed)
    return partial(_nearest, [centres] * len(block.ends))


def refit_each(block: Block, k: int, seed: int) -> Label:
    """Fit k-means anew in each period and match its names to the period before."""
    named: list[np.ndarray] = []
    for t in range(len(block.ends)):
        fresh = kmeans(block.X[block.present[:, t], t], k, seed)
        if t:
            both = block.both[:, t - 1]
            old, new = closest(block.X[both, t - 1], named[-1]), closest(block.X[both, t], fresh)
            fresh = fresh[matching(flows(old, new, k))]
        named.append(fresh)
    return partial(_nearest, named)


def trajectories(block: Block, k: int, seed: int) -> Label:
    """Fit k-means on the flattened trajectories of the last four periods."""
    centres = kmeans(_windows(block.X, block.present)[block.present], k, seed)
    return lambda X, present: _nearest([centres] * X.shape[1], _windows(X, present), present)


def time_aware(block: Block, k: int, seed: int) -> Label:
    """Learn latent segments, their moves and the noise; assign forward in time."""
    return latent.fit(block.X, block.present, kmeans(block.X[block.present], k, seed))


def dtw(block: Block, k: int, seed: int) -> Label:
    """Cluster a sample of trajectories by dynamic time warping of at most one period."""
    from tslearn.clustering import TimeSeriesKMeans

    warped = {"metric": "dtw", "metric_params": {"sakoe_chiba_radius": 1}, "max_iter": 10}
    return _of_series(block, seed, TimeSeriesKMeans(k, n_init=STARTS, random_state=seed, **warped))


def k_shape(block: Block, k: int, seed: int) -> Label:
    """Cluster a sample of trajectories by their shape alone, whatever their level."""
    from tslearn.clustering import KShape

    return _of_series(block, seed, KShape(k, n_init=STARTS, max_iter=20, random_state=seed))


METHODS: dict[str, Callable[[Block, int, int], Label]] = {
    f.__name__: f for f in (fit_once, refit_each, trajectories, time_aware, dtw, k_shape)
}
USUAL = tuple(METHODS)[:4]


def _of_series(block: Block, seed: int, estimator: BaseEstimator) -> Label:
    def series(X: np.ndarray, present: np.ndarray) -> np.ndarray:
        windows = _windows(X, present)[present].reshape(-1, WINDOW, X.shape[2]).astype(float)
        return windows + 1e-6 * np.arange(WINDOW)[:, None]  # a constant series has no shape

    def label(X: np.ndarray, present: np.ndarray) -> np.ndarray:
        labels = np.full(present.shape, -1, np.int8)
        labels[present] = estimator.predict(series(X, present))
        return labels

    every = series(block.X, block.present)
    estimator.fit(every[np.sort(np.random.default_rng(seed).permutation(len(every))[:SERIES])])
    return label


def kmeans(rows: np.ndarray, k: int, seed: int) -> np.ndarray:
    """Return k-means centres, largest cluster first; what few rows cannot fill is out of reach."""
    from sklearn.cluster import KMeans

    centres = np.full((k, rows.shape[1]), FAR)
    if found := min(k, len(np.unique(rows, axis=0))):
        fitted = KMeans(found, n_init=STARTS, random_state=seed).fit(rows.astype(float))
        order = np.argsort(-np.bincount(fitted.labels_, minlength=found), kind="stable")
        centres[:found] = fitted.cluster_centers_[order]
    return centres


def closest(points: np.ndarray, centres: np.ndarray) -> np.ndarray:
    """Return the nearest centre of each point, any leading shape."""
    from sklearn.metrics import pairwise_distances_argmin

    flat = points.reshape(-1, points.shape[-1]).astype(np.float32)
    return pairwise_distances_argmin(flat, centres.astype(np.float32)).reshape(points.shape[:-1])


def _nearest(named: list[np.ndarray], X: np.ndarray, present: np.ndarray) -> np.ndarray:
    labels = np.stack([closest(X[:, t], centres) for t, centres in enumerate(named)], axis=1)
    return np.where(present, labels, -1).astype(np.int8)


def _windows(X: np.ndarray, present: np.ndarray) -> np.ndarray:
    """Return the last periods up to each one, flattened, shape (n, periods, WINDOW × d).

    What lies before a customer's first period, or in a gap, repeats the nearest known one.
    """
    periods = np.arange(X.shape[1])
    first, rows = present.argmax(axis=1)[:, None], np.arange(len(X))[:, None]
    known = np.maximum.accumulate(np.where(present, periods, first), axis=1)
    backs = [np.maximum(np.minimum(first, periods), periods - i) for i in range(WINDOW)[::-1]]
    return np.concatenate([X[rows, known[rows, back]] for back in backs], axis=2)
