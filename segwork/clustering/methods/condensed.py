"""HDBSCAN's hierarchy once, and its flat clusterings of every smallest size from it."""

from __future__ import annotations

import numpy as np


def merges_of(edges: np.ndarray, lengths: np.ndarray) -> np.ndarray:
    """Return a spanning tree as single-linkage merges, SciPy's matrix (n − 1, 4).

    Parameters
    ----------
    edges, lengths : arrays, shapes (n − 1, 2) and (n − 1,)
        Of mutual reachability for HDBSCAN.
    """
    n = len(edges) + 1
    top, size = list(range(n)), [1] * n
    merges = np.zeros((n - 1, 4))
    for row, at in enumerate(np.argsort(lengths)):  # ties in the order scikit-learn leaves them
        one, two = (_root(top, int(end)) for end in edges[at])
        size.append(size[one] + size[two])
        top[one] = top[two] = n + row
        top.append(n + row)
        merges[row] = one, two, lengths[at], size[-1]
    return merges


def _root(top: list[int], node: int) -> int:
    """Return the merge a node is part of by now, and shorten the way to it."""
    root = node
    while top[root] != root:
        root = top[root]
    while top[node] != root:
        top[node], node = root, top[node]
    return root


def flat_clusters(merges: np.ndarray, *, least: int, leaves: bool = False) -> np.ndarray:
    """Return the labels, shape (n,), of the most stable clusters of at least ``least`` rows.

    A cluster splits where both sides reach ``least`` rows; smaller sides fall out of it. Its
    stability is the sum over its rows of 1 / distance at which they leave, less that of its birth.
    Chosen are the clusters that beat their descendants (excess of mass), or the ``leaves``.
    Rows of no chosen cluster are −1; the whole table is never a cluster.

    References
    ----------
    Campello, Moulavi, Zimek, Sander (2015), "Hierarchical density estimates for data clustering,
    visualization, and outlier detection", ACM TKDD 10(1).

    Examples
    --------
    >>> merges = np.array([[0, 1, 1.0, 2], [2, 3, 1.0, 2], [4, 5, 9.0, 4]])
    >>> flat_clusters(merges, least=2)
    array([0, 0, 1, 1])
    """
    of_row, parent, stability = _condensed(merges, least)
    tips = set(range(1, len(parent))) - set(parent)
    chosen = tips if leaves else _most_stable(parent, stability)
    label: list[int] = [-1] * len(parent)
    count = 0
    for cluster in range(1, len(parent)):
        inherited = label[parent[cluster]]
        if inherited < 0 and cluster in chosen:
            inherited, count = count, count + 1
        label[cluster] = inherited
    return np.array(label)[of_row]


def _condensed(merges: np.ndarray, least: int) -> tuple[np.ndarray, list[int], list[float]]:
    """Return the cluster each row leaves last, and each cluster's parent and stability."""
    n = len(merges) + 1
    sizes = np.concatenate([np.ones(n, dtype=int), merges[:, 3].astype(int)]).tolist()
    with np.errstate(divide="ignore"):
        density = (1 / merges[:, 2]).tolist()
    sides = merges[:, :2].astype(int).tolist()
    cluster, fallen = [0] * (2 * n - 1), [False] * (2 * n - 1)
    parent, birth, stability = [0], [0.0], [0.0]
    for node in range(2 * n - 2, n - 1, -1):
        inside, level = cluster[node], density[node - n]
        large = [] if fallen[node] else [side for side in sides[node - n] if sizes[side] >= least]
        for side in sides[node - n]:
            cluster[side], fallen[side] = inside, side not in large
        leaving = 0 if fallen[node] else sum(sizes[s] for s in sides[node - n] if s not in large)
        if len(large) == 2:
            leaving = sizes[node]
            for side in large:
                cluster[side] = len(parent)
                parent.append(inside)
                birth.append(level)
                stability.append(0.0)
        if leaving:  # 0 × inf, where rows coincide, is not a number
            stability[inside] += leaving * (level - birth[inside])
    return np.array(cluster[:n]), parent, stability


def _most_stable(parent: list[int], stability: list[float]) -> set[int]:
    best, chosen = [0.0] * len(parent), set()
    for cluster in range(len(parent) - 1, 0, -1):
        if stability[cluster] >= best[cluster]:
            best[cluster] = stability[cluster]
            chosen.add(cluster)
        best[parent[cluster]] += best[cluster]
    return chosen
