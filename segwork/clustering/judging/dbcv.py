"""Density-based clustering validation (DBCV) that always has an answer or a reason."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from segwork.clustering.methods.trees import spanning_tree

Tree = Callable[[np.ndarray], tuple[np.ndarray, np.ndarray]]


def dbcv(X: np.ndarray, labels: np.ndarray) -> float:
    """Return DBCV in [−1, 1]: how much denser clusters are inside than between them.

    Squared Euclidean distances, as in the authors' own implementation.

    Parameters
    ----------
    X : array, shape (n, d)
    labels : array of int, shape (n,)
        −1 is noise: it lowers the score by its share.

    Returns
    -------
    float
        Exact duplicates count once; clusters of one distinct point count as noise; fewer than
        two clusters give −1 (nothing is separated from anything). Never NaN.

    References
    ----------
    Moulavi et al. (2014), "Density-based clustering validation", SDM.

    Examples
    --------
    The authors' smallest published test case:

    >>> dbcv(np.array([[1.0, 1.0], [2.0, 2.0], [4.0, 4.0], [5.0, 5.0]]), np.array([0, 0, 1, 1]))
    0.75
    """
    from scipy.spatial.distance import cdist

    X, labels = np.asarray(X, dtype=float), np.asarray(labels)
    X = X * 2.0 ** -np.frexp(np.abs(X).max(initial=1.0))[1]
    _, first = np.unique(np.column_stack([X, labels]), axis=0, return_index=True)
    first.sort()
    squared = cdist(X[first], X[first], "sqeuclidean")
    return dbcv_of_distances(squared, labels[first], X.shape[1], tree=_kruskal)


def dbcv_of_distances(
    distances: np.ndarray,
    labels: np.ndarray,
    dimensions: int,
    *,
    tree: Tree = spanning_tree,
    powers: np.ndarray | None = None,
) -> float:
    """Return DBCV from the distances, shape (n, n), of distinct rows.

    ``tree`` decides among equally short edges: Prim's is fast, Kruskal's is the usual reference.
    ``powers`` are the distances' :func:`log_powers`, where they are known already.
    """
    members = [np.flatnonzero(labels == c) for c in np.unique(labels[labels >= 0])]
    members = [rows for rows in members if len(rows) >= 2]
    if len(members) < 2:
        return -1.0
    powers = log_powers(distances, dimensions) if powers is None else powers
    core, inside = [], []
    for rows in members:
        block = np.ix_(rows, rows)
        core.append(_core_distance(powers[block], dimensions))
        inside.append(_sparseness(distances[block], core[-1], tree))
    sparse = np.array([value for value, _ in inside])
    inner = [rows[keep] for rows, (_, keep) in zip(members, inside, strict=True)]
    inner_core = [c[keep] for c, (_, keep) in zip(core, inside, strict=True)]
    separation = _separation(distances, inner, inner_core)
    largest = np.maximum(separation, sparse)
    validity = np.divide(
        separation - sparse, largest, out=np.zeros(len(members)), where=largest > 0
    )
    shares = np.array([len(rows) for rows in members]) / len(labels)
    return float(np.clip((shares * validity).sum(), -1.0, 1.0))


def _separation(
    distances: np.ndarray, inner: list[np.ndarray], core: list[np.ndarray]
) -> np.ndarray:
    """Return each cluster's shortest reach to another cluster, over inner points."""
    rows, cores = np.concatenate(inner), np.concatenate(core)
    starts = np.cumsum([0, *map(len, inner[:-1])])
    reach = np.maximum(distances[np.ix_(rows, rows)], cores)
    np.maximum(reach, cores[:, None], out=reach)
    apart = np.minimum.reduceat(np.minimum.reduceat(reach, starts, axis=0), starts, axis=1)
    np.fill_diagonal(apart, np.inf)
    return apart.min(axis=1)


def log_powers(distances: np.ndarray, dimensions: int) -> np.ndarray:
    """Return the logarithm of 1 / distance^dimensions, shape (n, n): no power overflows."""
    with np.errstate(divide="ignore"):
        logs = -dimensions * np.log(distances)
    np.fill_diagonal(logs, -np.inf)
    return np.minimum(logs, 1e4, out=logs)


def _core_distance(powers: np.ndarray, dimensions: int) -> np.ndarray:
    """Return the all-points core distance of one cluster's rows."""
    top = powers.max(axis=1)
    total = np.exp(powers - top[:, None]).sum(axis=1)
    return np.exp(-(top + np.log(total / (len(powers) - 1))) / dimensions)


def _sparseness(distances: np.ndarray, core: np.ndarray, tree: Tree) -> tuple[float, np.ndarray]:
    """Return the longest inner edge of the cluster's tree and which points are inner."""
    edges, lengths = tree(np.maximum(distances, np.maximum(core[:, None], core[None, :])))
    inner = np.bincount(edges.ravel(), minlength=len(core)) > 1
    within = inner[edges].all(axis=1)
    longest = lengths[within].max() if within.any() else lengths.max()
    return float(longest), inner if inner.any() else np.ones(len(core), dtype=bool)


def _kruskal(distances: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return Kruskal's tree; from a dense matrix SciPy would drop edges shorter than 1e-8."""
    from scipy.sparse import csr_array
    from scipy.sparse.csgraph import minimum_spanning_tree

    ends = np.triu_indices(len(distances), 1)
    tree = minimum_spanning_tree(csr_array((distances[ends], ends), distances.shape)).tocoo()
    return np.column_stack([tree.row, tree.col]), tree.data
