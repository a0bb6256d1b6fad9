"""Traits of a labelling: cheap numbers the referee reads, all in one declared space."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from segwork.clustering.judging.dbcv import dbcv_of_distances, log_powers
from segwork.clustering.methods.trees import spanning_tree

NEIGHBOURS = 10
TRAITS = ("log_clusters", "log_rows", "dimensions", "noise", "smallest", "evenness", "largest")
TRAITS += ("silhouette", "silhouette_worst", "silhouette_negative", "purity", "purity_worst")
TRAITS += ("modularity", "dbcv", "tree_cuts", "tree_gap", "tree_gap_worst", "tree_dense_cuts")
TRAITS += ("gaussian_gain", "gaussian_bic", "ellipse_fit", "explained", "consensus")
TRAITS += ("consensus_top",)


@dataclass(frozen=True)
class Space:
    """The rows all labellings are scored on, with what is computed once for all of them.

    Attributes
    ----------
    X : array, shape (n, d)
    distances, powers : arrays, shape (n, n)
        The powers are those DBCV reads.
    neighbours : array of int, shape (n, q)
    edges, lengths : arrays, shapes (n − 1, 2) and (n − 1,)
        The spanning tree of mutual reachability.
    reach : array, shape (n,)
        Distance to the tenth neighbour.
    """

    X: np.ndarray
    distances: np.ndarray
    powers: np.ndarray
    neighbours: np.ndarray
    edges: np.ndarray
    lengths: np.ndarray
    reach: np.ndarray

    @classmethod
    def of(cls, X: np.ndarray) -> Space:
        """Measure the space once."""
        from scipy.spatial.distance import cdist

        distances = cdist(X, X)
        q = min(NEIGHBOURS, len(X) - 1)
        near = np.argsort(distances, axis=1, kind="stable")[:, 1 : q + 1]
        reach = np.take_along_axis(distances, near[:, -1:], axis=1)[:, 0]
        core = np.take_along_axis(distances, near[:, [min(3, q - 1)]], axis=1)[:, 0]
        mutual = np.maximum(distances, np.maximum(core[:, None], core[None, :]))
        powers = log_powers(distances, X.shape[1])
        return cls(X, distances, powers, near, *spanning_tree(mutual), reach)


def traits(space: Space, labels: np.ndarray) -> np.ndarray:
    """Return the traits of one labelling, shape (len(TRAITS),); agreement traits stay 0."""
    kept = labels >= 0
    names, codes = np.unique(labels[kept], return_inverse=True)
    k, n = len(names), len(labels)
    values = dict.fromkeys(TRAITS, 0.0)
    values |= {"log_clusters": np.log(max(k, 1)), "log_rows": np.log(n)}
    values |= {"dimensions": np.log(space.X.shape[1]), "noise": 1 - kept.mean()}
    if k < 2:
        return np.array([values[name] for name in TRAITS])
    shares = np.bincount(codes) / n
    values |= {
        "smallest": shares.min() * k,
        "largest": shares.max(),
        "evenness": -(shares * np.log(shares)).sum() / np.log(k),
    }
    values |= _silhouettes(space, kept, codes, k)
    values |= _neighbourhood(space, labels, shares)
    values |= _tree(space, labels, k)
    values |= _gaussians(space.X[kept], codes, k)
    values["dbcv"] = dbcv_of_distances(
        space.distances, labels, space.X.shape[1], powers=space.powers
    )
    return np.array([values[name] for name in TRAITS])


def _silhouettes(space: Space, kept: np.ndarray, codes: np.ndarray, k: int) -> dict[str, float]:
    member = np.eye(k)[codes]
    counts = member.sum(axis=0)
    inside = space.distances if kept.all() else space.distances[np.ix_(kept, kept)]
    total = inside @ member
    rows = np.arange(len(codes))
    own = total[rows, codes] / np.maximum(counts[codes] - 1, 1)
    other = total / counts
    other[rows, codes] = np.inf
    near = other.min(axis=1)
    width = np.where(counts[codes] > 1, (near - own) / np.maximum(np.maximum(near, own), 1e-12), 0)
    mean = (member * width[:, None]).sum(axis=0) / counts
    return {
        "silhouette": float(width.mean() * kept.mean()),
        "silhouette_worst": float(mean.min()),
        "silhouette_negative": float((width < 0).mean()),
    }


def _neighbourhood(space: Space, labels: np.ndarray, shares: np.ndarray) -> dict[str, float]:
    same = (labels[space.neighbours] == labels[:, None]).mean(axis=1)
    kept = labels >= 0
    codes = np.unique(labels[kept], return_inverse=True)[1]
    by_cluster = np.bincount(codes, same[kept]) / np.bincount(codes)
    chance = float((shares**2).sum())
    return {
        "purity": float((same[kept].mean() - chance) / max(1 - chance, 1e-9)),
        "purity_worst": float(by_cluster.min()),
        "modularity": float(same[kept].mean() * kept.mean() - chance),
    }


def _tree(space: Space, labels: np.ndarray, k: int) -> dict[str, float]:
    """Read the cluster borders on the spanning tree: how many, and how long for their place."""
    ends = labels[space.edges]
    kept = (ends >= 0).all(axis=1)
    cut = kept & (ends[:, 0] != ends[:, 1])
    inside = kept & ~cut
    usual = max(float(np.median(space.reach[labels >= 0])), 1e-12)
    lengths = np.log(np.maximum(space.lengths, 1e-12))
    deep = np.clip(lengths - np.log(usual), -3, 5)
    if not cut.any():
        return {"tree_gap": 3.0, "tree_gap_worst": 3.0, "tree_dense_cuts": 3.0}
    place = np.log(np.maximum(space.reach[space.edges].max(axis=1), 1e-12))
    gap = lengths - place - (np.median((lengths - place)[inside]) if inside.any() else 0.0)
    return {
        "tree_cuts": float(np.log(cut.sum() / max(k - 1, 1))),
        "tree_gap": float(gap[cut].mean()),
        "tree_gap_worst": float(gap[cut].min()),
        "tree_dense_cuts": float(deep[cut].mean()),
    }


def _gaussians(X: np.ndarray, codes: np.ndarray, k: int) -> dict[str, float]:
    """Compare one Gaussian for all with one for each cluster, shrunk where rows are few."""
    n, d = X.shape
    floor = np.maximum(X.var(axis=0), 1e-12)
    whole = _fit(X - X.mean(axis=0), floor)[0].sum()
    parts, spread, ellipse = 0.0, 0.0, 0.0
    order = np.argsort(codes, kind="stable")
    for rows in np.split(X[order], np.cumsum(np.bincount(codes))[:-1]):
        centred = rows - rows.mean(axis=0)
        level, far = _fit(centred, floor)
        parts += float(level.sum()) + len(rows) * np.log(len(rows) / n)
        spread += float((centred**2).sum())
        ellipse += len(rows) / n * _misfit(far, d)
    gain = float(parts - whole) / n
    cost = (k - 1) * (d + d * (d + 1) / 2 + 1) * np.log(n) / (2 * n)
    total = float(((X - X.mean(axis=0)) ** 2).sum())
    return {
        "gaussian_gain": gain / d,
        "gaussian_bic": (gain - cost) / d,
        "ellipse_fit": ellipse,
        "explained": 1 - spread / max(total, 1e-12),
    }


def _fit(centred: np.ndarray, floor: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return log-likelihoods and squared Mahalanobis distances, shapes (n,), of one Gaussian."""
    n, d = centred.shape
    weight = n / (n + d + 1)
    own = centred.T @ centred / n
    covariance = weight * own + np.diag((1 - weight) * np.diag(own) + 1e-4 * floor)
    far = np.einsum("ij,ij->i", centred @ np.linalg.inv(covariance), centred)
    volume = np.linalg.slogdet(covariance)[1]
    return -0.5 * (far + volume + d * np.log(2 * np.pi)), far


def _misfit(far: np.ndarray, d: int) -> float:
    """Return how far squared Mahalanobis distances are from a Gaussian's: 0 is a perfect fit."""
    from scipy.special import chdtr

    n = len(far)
    if n < d + 3:
        return 0.0
    return float(np.abs(chdtr(d, np.sort(far)) - (np.arange(n) + 0.5) / n).max())


def agreement(labels: np.ndarray) -> np.ndarray:
    """Return the adjusted Rand index between all columns of ``labels``, shape (m, m)."""
    from scipy.sparse import csr_matrix, hstack

    n, m = labels.shape
    blocks, starts = [], [0]
    for j in range(m):
        codes = np.unique(labels[:, j], return_inverse=True)[1]
        shape = (n, int(codes.max()) + 1)
        blocks.append(csr_matrix((np.ones(n), (np.arange(n), codes)), shape=shape))
        starts.append(starts[-1] + shape[1])
    member = hstack(blocks).tocsr()
    counts = np.asarray(member.sum(axis=0))[0]
    together = np.asarray((member.T @ member).todense())
    pairs = together * (together - 1) / 2
    joint = np.add.reduceat(np.add.reduceat(pairs, starts[:-1], axis=0), starts[:-1], axis=1)
    alone = np.add.reduceat(counts * (counts - 1) / 2, starts[:-1])
    expected = np.outer(alone, alone) / max(n * (n - 1) / 2, 1)
    highest = (alone[:, None] + alone[None, :]) / 2
    return np.where(
        highest > expected,
        (joint - expected) / np.where(highest > expected, highest - expected, 1),
        1,
    )
