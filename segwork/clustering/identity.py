"""Segment ids that mean the same segment in the next run."""

from __future__ import annotations

import numpy as np


def segment_ids(
    centres: np.ndarray, sizes: np.ndarray, *, previous: dict[str, np.ndarray] | None = None
) -> list[str]:
    """Name segments ``S01``, ``S02``, … so that names survive a new fit.

    A first run numbers by size, largest first. A later run gives a segment the id of the nearest
    earlier centre (one to one, smallest total distance) when that centre is nearer than half the
    distance between the two closest earlier centres; other segments get numbers never used.

    Parameters
    ----------
    centres : array, shape (k, d)
        In the same scaled columns as the earlier ones.
    sizes : array, shape (k,)
    previous : dict of str to array, optional
        Earlier ids and centres.

    Examples
    --------
    >>> before = {"S01": np.array([0.0]), "S02": np.array([4.0])}
    >>> segment_ids(np.array([[4.1], [9.0], [0.2]]), np.array([5, 9, 1]), previous=before)
    ['S02', 'S03', 'S01']
    """
    from scipy.optimize import linear_sum_assignment
    from scipy.spatial.distance import cdist, pdist

    names: list[str] = [""] * len(centres)
    taken = 0
    if previous:
        known = list(previous)
        old = np.array([previous[name] for name in known])
        limit = pdist(old).min() / 2 if len(old) > 1 else np.inf
        far = cdist(centres, old)
        for i, j in zip(*linear_sum_assignment(np.minimum(far, 1e6)), strict=True):
            if far[i, j] <= limit:
                names[i] = known[j]
        taken = max(int(name[1:]) for name in known)
    order = np.lexsort((*np.asarray(centres).T[::-1], -np.asarray(sizes)))
    for i in order:
        if not names[i]:
            taken += 1
            names[i] = f"S{taken:02d}"
    return names
