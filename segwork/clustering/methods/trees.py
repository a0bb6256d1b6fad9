"""Minimum spanning trees, and Genie: single linkage that may not leave clusters behind."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np


def spanning_tree(distances: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the edges (n − 1, 2) and lengths (n − 1,) of the minimum spanning tree (Prim).

    Parameters
    ----------
    distances : array, shape (n, n)
        Symmetric, complete.

    References
    ----------
    Prim (1957), "Shortest connection networks and some generalizations".
    """
    n = len(distances)
    edges = np.zeros((max(n - 1, 0), 2), dtype=int)
    lengths = np.zeros(max(n - 1, 0))
    best = np.array(distances[0], dtype=float)
    source = np.zeros(n, dtype=int)
    best[0] = np.inf
    outside = np.ones(n, dtype=bool)
    outside[0] = False
    for step in range(n - 1):
        new = int(best.argmin())
        edges[step, 0], edges[step, 1], lengths[step] = source[new], new, best[new]
        outside[new] = False
        closer = distances[new] < best
        closer &= outside
        np.copyto(best, distances[new], where=closer)
        np.copyto(source, new, where=closer)
        best[new] = np.inf
    return edges, lengths


def genie(
    edges: np.ndarray, lengths: np.ndarray, *, n_clusters: Iterable[int], gini_limit: float = 0.3
) -> dict[int, np.ndarray]:
    """Cut a spanning tree into clusters of not too unequal size.

    Edges are merged from the shortest on, as in single linkage; while the Gini index of the
    cluster sizes is above the limit, only edges that touch a smallest cluster may be merged.

    Parameters
    ----------
    edges, lengths : arrays, shapes (n − 1, 2) and (n − 1,)
        Of :func:`spanning_tree`.
    n_clusters : iterable of int
        The numbers of clusters to record on the way.
    gini_limit : float, default 0.3

    Returns
    -------
    dict of int to array, shape (n,)
        Labels for every number asked for that the tree can give.

    References
    ----------
    Gagolewski, Bartoszuk, Cena (2016), "Genie: A new, fast, and outlier-resistant hierarchical
    clustering algorithm", Information Sciences 363; written from the paper.
    """
    wanted, n = set(n_clusters), len(edges) + 1
    order = np.argsort(lengths, kind="stable")
    ends = edges[order].copy()
    label, size = np.arange(n), np.ones(n, dtype=int)
    found = {n: label.copy()} if n in wanted else {}
    for count in range(n - 1, 0, -1):
        at = 0
        if _gini(size[size > 0]) > gini_limit:
            smallest = size[size > 0].min()
            at = int((size[ends].min(axis=1) == smallest).argmax())
        keep, gone = ends[at]
        ends = np.delete(ends, at, axis=0) if at else ends[1:]
        label[label == gone] = keep
        ends[ends == gone] = keep
        size[keep] += size[gone]
        size[gone] = 0
        if count in wanted:
            found[count] = np.unique(label, return_inverse=True)[1]
    return found


def cut_hierarchy(merges: np.ndarray, n_clusters: Iterable[int]) -> dict[int, np.ndarray]:
    """Cut a hierarchy, SciPy's linkage matrix, into each number of clusters.

    Examples
    --------
    >>> cut_hierarchy(np.array([[0, 2, 1.0, 2], [1, 3, 5.0, 3]]), [2])
    {2: array([1, 0, 1])}
    """
    wanted, n = set(n_clusters), len(merges) + 1
    label, rows = np.arange(n), [[i] for i in range(n)]
    found = {n: label.copy()} if n in wanted else {}
    for count, (one, two) in zip(range(n - 1, 0, -1), merges[:, :2].astype(int), strict=True):
        rows.append(rows[one] + rows[two])
        label[rows[-1]] = n + len(rows)
        if count in wanted:
            found[count] = np.unique(label, return_inverse=True)[1]
    return found


def _gini(sizes: np.ndarray) -> float:
    """Return the Gini index of cluster sizes, normalised to 1 for the most unequal."""
    k = len(sizes)
    if k < 2:
        return 0.0
    rank = np.arange(1, k + 1)
    return float(((2 * rank - k - 1) * np.sort(sizes)).sum() / ((k - 1) * sizes.sum()))
