"""DBSCAN without an approximation: at every radius of some thousand rows, at one of all rows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from segwork.clustering.methods.trees import spanning_tree
from segwork.progress import unwatched

if TYPE_CHECKING:
    from scipy.sparse import coo_matrix
    from scipy.spatial import KDTree

MOST_TREES = 16
LOT = 50_000


@dataclass(frozen=True)
class Reachability:
    """All DBSCAN clusterings of some thousand rows at one neighbour count, whatever the radius.

    Rows are joined within eps exactly where the spanning tree of mutual reachability joins them.

    Attributes
    ----------
    distances : array, shape (n, n)
    core : array, shape (n,)
        Distance to the ``points``-th row, itself counted first.
    edges, lengths : arrays, shapes (n − 1, 2) and (n − 1,)
    """

    distances: np.ndarray
    core: np.ndarray
    edges: np.ndarray
    lengths: np.ndarray

    @classmethod
    def of(cls, distances: np.ndarray, points: int) -> Reachability:
        """Measure the rows once for every radius."""
        core = np.partition(distances, points - 1, axis=1)[:, points - 1]
        reach = np.maximum(distances, np.maximum(core[:, None], core[None, :]))
        return cls(distances, core, *spanning_tree(reach))

    def within(self, eps: float) -> tuple[np.ndarray, np.ndarray]:
        """Return what :func:`density_clusters` does: labels and core points, shapes (n,)."""
        from scipy.sparse.csgraph import connected_components

        core = self.core <= eps
        joined = self.edges[self.lengths <= eps]
        groups = connected_components(_graph([(joined[:, 0], joined[:, 1])], len(core)), False)[1]
        labels = np.full(len(core), -1)
        if core.any():
            labels[core] = _in_order(groups[core])
            left = np.flatnonzero(~core)
            inside = self.distances[np.ix_(left, np.flatnonzero(core))]
            nearest = np.flatnonzero(core)[inside.argmin(axis=1)]
            near = inside.min(axis=1, initial=np.inf) <= eps
            labels[left[near]] = labels[nearest[near]]
        return labels, core


def density_clusters(
    X: np.ndarray, *, eps: float, min_points: int, engine: str = "neighbours"
) -> tuple[np.ndarray, np.ndarray]:
    """Return exact DBSCAN labels, shape (n,), and which rows are core points, shape (n,).

    A border point goes to its nearest core point, so the answer depends on no order and no thread.

    Parameters
    ----------
    engine : {"neighbours", "sklearn"}
        Core rows joined along their nearest neighbours, or scikit-learn's own search to compare
        with; the labels are the same to the last row.
    """
    from sklearn.neighbors import NearestNeighbors

    density = {"neighbours": _neighbour_density, "sklearn": _sklearn_density}[engine]
    raw, core = density(np.ascontiguousarray(X, float), eps, min_points)
    labels = np.full(len(X), -1)
    if core.any():
        labels[core] = _in_order(raw[core])
        if (~core).any():
            near, at = NearestNeighbors(n_neighbors=1).fit(X[core]).kneighbors(X[~core])
            labels[~core] = np.where(near[:, 0] <= eps, labels[core][at[:, 0]], -1)
    return labels, core


def _in_order(groups: np.ndarray) -> np.ndarray:
    """Return the groups numbered by their first row."""
    _, first, codes = np.unique(groups, return_index=True, return_inverse=True)
    return np.argsort(np.argsort(first))[codes]


def _neighbour_density(X: np.ndarray, eps: float, points: int) -> tuple[np.ndarray, np.ndarray]:
    """Join core rows along their nearest neighbours first; few pairs are left to look at then."""
    from scipy.sparse.csgraph import connected_components
    from scipy.spatial import KDTree

    near = _nearest(KDTree(X), X, points, eps)
    core = near[:, -1] < len(X)
    rows = np.flatnonzero(core)
    place = np.full(len(X) + 1, -1)
    place[rows] = np.arange(len(rows))
    ends = place[near[rows]]
    edges = [(np.nonzero(ends >= 0)[0], ends[ends >= 0])]
    groups = connected_components(_graph(edges, len(rows)), directed=False)[1]
    edges += _bridges(X[rows], groups, eps)
    labels = np.full(len(X), -1)
    labels[rows] = connected_components(_graph(edges, len(rows)), directed=False)[1]
    return labels, core


def _bridges(X: np.ndarray, groups: np.ndarray, eps: float) -> list[tuple[np.ndarray, np.ndarray]]:
    """Return pairs within eps that join groups: every group that has one is in a pair."""
    from scipy.spatial import KDTree

    edges = []
    left = np.arange(len(X))
    for group in np.argsort(-np.bincount(groups), kind="stable")[:MOST_TREES]:
        inside = left[groups[left] == group]
        left = left[groups[left] != group]
        if not len(left):
            return edges
        found = _nearest(KDTree(X[inside]), X[left], 1, eps)[:, 0]
        joined = found < len(inside)
        edges.append((left[joined], inside[found[joined]]))
    if len(left):
        pairs = KDTree(X[left]).query_pairs(eps, output_type="ndarray")
        edges.append((left[pairs[:, 0]], left[pairs[:, 1]]))
    return edges


def _nearest(tree: KDTree, X: np.ndarray, count: int, eps: float) -> np.ndarray:
    """Return the nearest rows of a tree within eps, shape (n, count); its size where none is."""
    from tqdm import tqdm

    found = np.empty((len(X), count), dtype=np.int64)
    reach = np.nextafter(eps, np.inf)  # the bound is exclusive, eps is not
    for first in tqdm(range(0, len(X), LOT), disable=unwatched() or len(X) <= LOT, desc="rows"):
        rows = slice(first, first + LOT)
        near = tree.query(X[rows], k=[*range(1, count + 1)], distance_upper_bound=reach, workers=-1)
        found[rows] = near[1]
    return found


def _graph(edges: list[tuple[np.ndarray, np.ndarray]], n: int) -> coo_matrix:
    from scipy.sparse import coo_matrix

    rows, columns = (np.concatenate(side) for side in zip(*edges, strict=True))
    return coo_matrix((np.ones(len(rows), dtype=np.int8), (rows, columns)), shape=(n, n))


def _sklearn_density(X: np.ndarray, eps: float, points: int) -> tuple[np.ndarray, np.ndarray]:
    from sklearn.cluster import DBSCAN

    fit = DBSCAN(eps=eps, min_samples=points).fit(X)
    core = np.zeros(len(X), dtype=bool)
    core[fit.core_sample_indices_] = True
    return fit.labels_, core
