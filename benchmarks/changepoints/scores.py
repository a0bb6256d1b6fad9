"""Scores of a segmentation against several people's marks, as the Turing benchmark defines them.

References
----------
van den Burg and Williams (2020), "An evaluation of change point detection algorithms",
arXiv:2003.06222; definitions as in TCPDBench. Index 0 is added to every set of marks.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise

import numpy as np

Marks = Mapping[str, Sequence[int]]


def f1(annotations: Marks, indices: Iterable[int], *, margin: int = 5) -> float:
    """Return the harmonic mean of precision over all marks and mean recall over annotators.

    Precision counts against the union of the annotators' marks, recall is averaged over them;
    a found index may serve one mark.

    Parameters
    ----------
    annotations : mapping of annotator to indices
    indices : iterable of int
        First index of each new segment, as found.
    margin : int, default 5
        Largest distance that still counts.

    Examples
    --------
    >>> round(f1({"6": [], "7": [28], "8": [28]}, [30]), 6)
    1.0
    >>> round(f1({"6": [28], "7": [28]}, []), 6)
    0.666667
    """
    found = _with_zero(indices)
    marks = [_with_zero(each) for each in annotations.values()]
    union: set[int] = set()
    for each in marks:
        for mark in each:  # one by one: the published order of matching is a set's own order
            union.add(mark)
    precision = _matched(union, found, margin) / len(found)
    recall = float(np.mean([_matched(each, found, margin) / len(each) for each in marks]))
    return 2 * precision * recall / (precision + recall)


def covering(annotations: Marks, indices: Iterable[int], n: int) -> float:
    """Return the mean over annotators of the length-weighted best overlap of their segments.

    Parameters
    ----------
    annotations : mapping of annotator to indices
    indices : iterable of int
    n : int
        Length of the series.

    Examples
    --------
    >>> covering({"6": [5]}, [5], 10), covering({"6": [5]}, [], 10)
    (1.0, 0.5)
    """
    found = _segments(indices, n)
    return float(np.mean([_covered(_segments(m, n), found, n) for m in annotations.values()]))


def _with_zero(indices: Iterable[int]) -> set[int]:
    marks = {int(i) for i in indices}
    marks.add(0)
    return marks


def _matched(marks: set[int], found: set[int], margin: int) -> int:
    """Count marks that get a found index of their own: greedy, nearest first, in set order."""
    free = set(found)
    count = 0
    for mark in marks:
        near = [(abs(mark - x), x) for x in free if abs(mark - x) <= margin]
        if near:
            free.remove(min(near)[1])
            count += 1
    return count


def _segments(indices: Iterable[int], n: int) -> list[tuple[int, int]]:
    cuts = sorted({0, n} | {int(i) for i in indices if 0 < i < n})
    return list(pairwise(cuts))


def _covered(truth: list[tuple[int, int]], found: list[tuple[int, int]], n: int) -> float:
    total = 0.0
    for a, b in truth:
        total += (b - a) * max(
            max(0, min(b, d) - max(a, c)) / (max(b, d) - min(a, c)) for c, d in found
        )
    return total / n
