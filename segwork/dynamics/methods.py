"""Ways of labelling customers over time.

Each is fitted on a block of customers and gives a function of ``X`` (n, periods, d) and ``present``
(n, periods) that labels every period, −1 where absent; no label depends on later periods.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from segwork.dynamics import latent
from segwork.dynamics.mobility import matching
from segwork.dynamics.panel import Block

STARTS = 3  # of every method: unequal numbers of starts are no comparison
WINDOW = 4  # periods of a trajectory: a year of quarters
SERIES = 300  # trajectories the time-series methods are fitted on
FAR, CHUNK = 1e15, 200_000
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
        if named and t:
            both = block.both[:, t - 1]
            old, new = closest(block.X[both, t - 1], named[-1]), closest(block.X[both, t], fresh)
            counts = np.zeros((k, k))
            np.add.at(counts, (old.astype(int), new.astype(int)), 1)
            fresh = fresh[matching(counts)]
        named.append(fresh)
    return partial(_nearest, named)


def trajectories(block: Block, k: int, seed: int) -> Label:
    """Fit k-means on the flattened trajectories of the last four periods."""
    centres = kmeans(_windows(block.X, block.present)[block.present], k, seed)
    return lambda X, present: np.where(present, closest(_windows(X, present), centres), -1)


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


def _of_series(block: Block, seed: int, estimator: Any) -> Label:
    rng = np.random.default_rng(seed)

    def series(windows: np.ndarray) -> np.ndarray:
        shaped = windows.reshape(len(windows), WINDOW, -1).astype(float)
        return shaped + 1e-6 * np.arange(WINDOW)[:, None]  # a constant series has no shape

    def label(X: np.ndarray, present: np.ndarray) -> np.ndarray:
        labels = np.full(present.shape, -1, np.int8)
        labels[present] = estimator.predict(series(_windows(X, present)[present]))
        return labels

    windows = _windows(block.X, block.present)[block.present]
    estimator.fit(series(windows[np.sort(rng.permutation(len(windows))[:SERIES])]))
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
    flat, known = points.reshape(-1, points.shape[-1]), centres.astype(np.float32)
    labels = np.empty(len(flat), np.int8)
    for first in range(0, len(flat), CHUNK):
        part = flat[first : first + CHUNK].astype(np.float32)
        labels[first : first + CHUNK] = ((known**2).sum(1) - 2 * part @ known.T).argmin(1)
    return labels.reshape(points.shape[:-1])


def _nearest(named: list[np.ndarray], X: np.ndarray, present: np.ndarray) -> np.ndarray:
    labels = np.stack([closest(X[:, t], centres) for t, centres in enumerate(named)], axis=1)
    return np.where(present, labels, np.int8(-1))


def _windows(X: np.ndarray, present: np.ndarray) -> np.ndarray:
    """Return the last periods up to each one, flattened, shape (n, periods, WINDOW × d).

    What lies before a customer's first period, or in a gap, repeats the nearest known one.
    """
    periods = np.arange(X.shape[1])
    known = np.maximum.accumulate(np.where(present, periods, -1), axis=1)
    known = np.where(known < 0, present.argmax(axis=1)[:, None], known)
    first = np.minimum(present.argmax(axis=1)[:, None], periods)
    backs = [np.maximum(first, periods - back) for back in range(WINDOW)[::-1]]
    rows = np.arange(len(X))[:, None]
    return np.concatenate([X[rows, known[rows, back]] for back in backs], axis=2)
