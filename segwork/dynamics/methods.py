"""Ways of labelling customers over time; each gives a function from measurements to labels."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from importlib.util import find_spec

import numpy as np

from segwork.dynamics import latent
from segwork.dynamics.mobility import matching
from segwork.dynamics.panel import Block
from segwork.errors import MissingExtraError

STARTS = 3  # of every method: unequal numbers of starts are no comparison
WINDOW = 4  # periods of a trajectory: a year of quarters
SERIES = 300  # trajectories the time-series methods are fitted on
Label = Callable[[np.ndarray, np.ndarray], np.ndarray]


@dataclass(frozen=True)
class Fitted:
    """One method, fitted.

    Attributes
    ----------
    label : function of X (n, periods, d) and present (n, periods)
        Gives labels, shape (n, periods), −1 where absent; that of a period does not depend on
        later ones.
    model : LatentStates or None
    """

    label: Label
    model: latent.LatentStates | None = None


def fit_once(block: Block, k: int, seed: int) -> Fitted:
    """Fit k-means on all periods together; every period is assigned to the same centres."""
    centres = kmeans(block.X[block.present], k, seed)
    return Fitted(partial(_nearest, [centres] * len(block.ends)))


def refit_each(block: Block, k: int, seed: int) -> Fitted:
    """Fit k-means anew in each period and match its names to the period before."""
    named: list[np.ndarray] = []
    for t in range(len(block.ends)):
        rows = block.X[block.present[:, t], t]
        if not len(rows):
            named.append(named[-1] if named else np.zeros((1, block.X.shape[2])))
            continue
        fresh = kmeans(rows, k, seed)
        if named:
            common = block.both[:, t - 1]
            old = closest(block.X[common, t - 1], named[-1])
            new = closest(block.X[common, t], fresh)
            counts = np.zeros((len(named[-1]), len(fresh)))
            np.add.at(counts, (old, new), 1)
            partner = matching(counts)
            rest = [j for j in range(len(fresh)) if j not in partner]
            order = [*partner, *rest]
            fresh = np.array([fresh[j] if j >= 0 else np.full(fresh.shape[1], np.inf)
                              for j in order])  # fmt: skip
        named.append(fresh)
    return Fitted(partial(_nearest, named))


def trajectories(block: Block, k: int, seed: int) -> Fitted:
    """Fit k-means on the flattened trajectories of the last four periods."""
    centres = kmeans(_windows(block.X, block.present)[block.present].reshape(
        int(block.present.sum()), -1), k, seed)  # fmt: skip

    def label(X: np.ndarray, present: np.ndarray) -> np.ndarray:
        flat = _windows(X, present)
        return np.where(present, closest(flat.reshape(*flat.shape[:2], -1), centres), -1)

    return Fitted(label)


def time_aware(block: Block, k: int, seed: int) -> Fitted:
    """Learn latent segments, their moves and the noise; assign forward in time."""
    model = latent.fit(block.X, block.present, kmeans(block.X[block.present], k, seed))
    return Fitted(model, model)


def dtw(block: Block, k: int, seed: int) -> Fitted:
    """Cluster a sample of trajectories by dynamic time warping of at most one period."""
    _needs_tslearn("dtw")
    from tslearn.clustering import TimeSeriesKMeans

    return _of_series(block, seed, TimeSeriesKMeans(
        k, metric="dtw", metric_params={"sakoe_chiba_radius": 1}, n_init=STARTS, max_iter=10,
        max_iter_barycenter=5, random_state=seed))  # fmt: skip


def k_shape(block: Block, k: int, seed: int) -> Fitted:
    """Cluster a sample of trajectories by their shape alone, whatever their level."""
    _needs_tslearn("k_shape")
    from tslearn.clustering import KShape

    return _of_series(block, seed, KShape(k, n_init=STARTS, max_iter=20, random_state=seed))


METHODS: dict[str, Callable[[Block, int, int], Fitted]] = {
    f.__name__: f for f in (fit_once, refit_each, trajectories, time_aware, dtw, k_shape)
}
USUAL = tuple(METHODS)[:4]


def _needs_tslearn(method: str) -> None:
    if find_spec("tslearn") is None:
        raise MissingExtraError.of("tslearn", extra="dynamics", needed_for=method)


def _of_series(block: Block, seed: int, estimator: object) -> Fitted:
    windows = _windows(block.X, block.present)[block.present]
    rng = np.random.default_rng(seed)
    rows = np.sort(rng.permutation(len(windows))[:SERIES])
    shaken = windows[rows] + 1e-6 * rng.standard_normal(windows[rows].shape)  # no constant series
    estimator.fit(shaken.astype(float))  # type: ignore[attr-defined]

    def label(X: np.ndarray, present: np.ndarray) -> np.ndarray:
        labels = np.full(present.shape, -1, np.int8)
        series, back = np.unique(_windows(X, present)[present], axis=0, return_inverse=True)
        series = series.astype(float)
        series[:, 0] += 1e-6
        labels[present] = estimator.predict(series)[back.ravel()]  # type: ignore[attr-defined]
        return labels

    return Fitted(label)


def kmeans(rows: np.ndarray, k: int, seed: int) -> np.ndarray:
    """Return k-means centres, largest cluster first; fewer where fewer rows differ."""
    from sklearn.cluster import KMeans

    k = min(k, len(np.unique(rows, axis=0)))
    fitted = KMeans(k, n_init=STARTS, random_state=seed).fit(rows.astype(float))
    sizes = np.bincount(fitted.labels_, minlength=k)
    return fitted.cluster_centers_[np.lexsort((*fitted.cluster_centers_.T, -sizes))]


def closest(points: np.ndarray, centres: np.ndarray) -> np.ndarray:
    """Return the nearest centre of each point, any leading shape."""
    flat = points.reshape(-1, points.shape[-1]).astype(np.float32)
    labels = np.empty(len(flat), np.int8)
    known = np.where(np.isfinite(centres), centres, 1e15).astype(np.float32)
    for first in range(0, len(flat), 200_000):
        part = flat[first : first + 200_000]
        labels[first : first + 200_000] = (
            (known**2).sum(axis=1) - 2 * part @ known.T
        ).argmin(axis=1)  # fmt: skip
    return labels.reshape(points.shape[:-1])


def _nearest(named: list[np.ndarray], X: np.ndarray, present: np.ndarray) -> np.ndarray:
    labels = np.stack([closest(X[:, t], centres) for t, centres in enumerate(named)], axis=1)
    return np.where(present, labels, np.int8(-1))


def _windows(X: np.ndarray, present: np.ndarray) -> np.ndarray:
    """Return the last periods up to each one, shape (n, periods, WINDOW, d).

    What lies before a customer's first period, or in a gap, repeats the nearest known one.
    """
    n, periods, d = X.shape
    filled = X.copy()
    for t in range(1, periods):
        gap = ~present[:, t] & present[:, :t].any(axis=1)
        filled[gap, t] = filled[gap, t - 1]
    first = present.argmax(axis=1)
    out = np.empty((n, periods, WINDOW, d), np.float32)
    for t in range(periods):
        for back in range(WINDOW):
            at = np.maximum(np.minimum(first, t), t - back)
            out[:, t, WINDOW - 1 - back] = filled[np.arange(n), at]
    return out
