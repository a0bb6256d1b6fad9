"""Reported scores of one labelling, all in the declared space, noise read three ways."""

from __future__ import annotations

import numpy as np

from segwork.clustering.judging.dbcv import dbcv

ROWS = 1500


def scores(X: np.ndarray, labels: np.ndarray) -> dict[str, float]:
    """Return the scores of a labelling of at most a few thousand rows.

    Parameters
    ----------
    X : array, shape (n, d)
        The declared space: the same for every method, whatever space it was fitted in.
    labels : array of int, shape (n,)
        −1 is noise.

    Returns
    -------
    dict of str to float
        ``silhouette_noise_dropped`` (over the rows kept), ``silhouette_noise_class`` (noise as one
        more cluster), ``silhouette_noise_nearest`` (noise given to the nearest clustered row's
        cluster), ``calinski_harabasz`` and ``davies_bouldin`` (noise dropped), ``dbcv``, ``noise``
        (share). A score of fewer than two clusters is NaN, except DBCV, which is then −1.
    """
    kept = labels >= 0
    return {
        "noise": float(1 - kept.mean()),
        **_three_readings(X, labels, kept),
        **_variance_ratios(X[kept], labels[kept]),
        "dbcv": dbcv(X, labels),
    }


def _three_readings(X: np.ndarray, labels: np.ndarray, kept: np.ndarray) -> dict[str, float]:
    names = [f"silhouette_noise_{reading}" for reading in ("dropped", "class", "nearest")]
    if kept.all():
        return dict.fromkeys(names, silhouette(X, labels))
    nearest = labels.copy()
    if kept.any():
        from sklearn.neighbors import NearestNeighbors

        at = NearestNeighbors(n_neighbors=1).fit(X[kept]).kneighbors(X[~kept])[1][:, 0]
        nearest[~kept] = labels[kept][at]
    readings = ((X[kept], labels[kept]), (X, labels), (X, nearest))
    return {name: silhouette(*read) for name, read in zip(names, readings, strict=True)}


def silhouette(X: np.ndarray, labels: np.ndarray) -> float:
    """Return the mean silhouette width in [−1, 1]; NaN for fewer than two clusters."""
    from sklearn.metrics import silhouette_score

    if not 2 <= len(np.unique(labels)) < len(labels):
        return float("nan")
    return float(silhouette_score(X, labels))


def _variance_ratios(X: np.ndarray, labels: np.ndarray) -> dict[str, float]:
    from sklearn.metrics import calinski_harabasz_score, davies_bouldin_score

    if not 2 <= len(np.unique(labels)) < len(labels):
        return {"calinski_harabasz": float("nan"), "davies_bouldin": float("nan")}
    return {
        "calinski_harabasz": float(calinski_harabasz_score(X, labels)),
        "davies_bouldin": float(davies_bouldin_score(X, labels)),
    }


def outcome_separation(labels: np.ndarray, outcome: np.ndarray) -> float:
    """Return eta squared: the share of a later outcome's variance that segments explain.

    Noise counts as a segment. 0 where the outcome is constant.
    """
    total = ((outcome - outcome.mean()) ** 2).sum()
    if total <= 0:
        return 0.0
    codes = np.unique(labels, return_inverse=True)[1]
    counts = np.bincount(codes)
    means = np.bincount(codes, outcome) / counts
    return float((counts * (means - outcome.mean()) ** 2).sum() / total)
