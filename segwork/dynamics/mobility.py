"""Who went where between two labellings, and how much of it chance alone would make."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from segwork.errors import DataError
from segwork.evidence import wilson
from segwork.results import Interval

AGREES = 0.5  # corrected agreement from which other names are read as a renaming


@dataclass(frozen=True)
class Mobility:
    """Moves between two labellings of the same base.

    Attributes
    ----------
    table : DataFrame
        One row per pair of segments: ``from_segment``, ``to_segment``, ``n`` customers, ``share``
        of ``from_segment`` with 95 % limits ``low`` and ``high``, and ``expected``: the customers
        that chance would send there if nobody remembered a segment and all sizes were the same.
    n : int
        Customers with a segment in both labellings; every share is of them.
    moved, low, high : float
        Share in another segment, with its 95 % interval.
    expected_moved : float
        The same share under chance.
    stability, stability_corrected : float
        ``1 − moved``, and ``(stability − chance) / (1 − chance)`` (Cohen's kappa): 0 is no memory,
        1 is nobody moved. Missing where chance leaves nothing to find.
    entered, left : int
        Customers with a segment in the second or in the first labelling only.
    renamed : dict
        Names of the second labelling and what they were read as; empty where taken as given.
    """

    table: pd.DataFrame = field(repr=False)
    n: int
    moved: float
    low: float
    high: float
    expected_moved: float
    stability: float
    stability_corrected: float
    entered: int
    left: int
    renamed: dict[object, object]

    def facts(self) -> dict[str, float | int | str]:
        """Return the numbers; what is not known is left out."""
        return {
            k: v for k, v in vars(self).items() if isinstance(v, int | float) and np.isfinite(v)
        }


def mobility(before: pd.Series, after: pd.Series, *, match: bool | None = None) -> Mobility:
    """Count who went where between two labellings.

    Parameters
    ----------
    before, after : Series of segment, index = customer id
        A missing value is the same as an absent customer: not in the base at that time.
    match : bool, optional
        Whether names of ``after`` are given to the segments of ``before`` they share most
        customers with (one to one). By default only where names cannot mean the same: none is
        shared, or they agree less than by chance while matched ones agree well. A real exchange
        of all customers between two segments looks the same: pass False to keep the names.

    Returns
    -------
    Mobility
        Customers in one of the labellings only are counted as entered or left.

    Raises
    ------
    DataError
        A labelling is no Series, or a customer is in it twice.

    References
    ----------
    Cohen (1960), Educational and Psychological Measurement 20(1), 37–46; Kuhn (1955) for the
    matching; Wilson (1927) for the intervals.

    Examples
    --------
    >>> before = pd.Series(["A", "A", "B", "B"], index=["w", "x", "y", "z"])
    >>> after = pd.Series(["A", "B", "B", "B", "A"], index=["w", "x", "y", "z", "new"])
    >>> found = mobility(before, after)
    >>> found.moved, found.expected_moved, found.stability_corrected, found.entered
    (0.25, 0.5, 0.5, 1)
    """
    old, new = _clean(before, "before"), _clean(after, "after")
    both = old.index.intersection(new.index, sort=False)
    names = sorted({*old, *new}, key=lambda name: (str(type(name)), name))
    table = pd.crosstab(old.loc[both], new.loc[both])
    counts = table.reindex(index=names, columns=names, fill_value=0).to_numpy(int)
    partner = matching(counts + 1e-6 * np.eye(len(names)))  # a name that has no partner stays
    named, matched = (corrected_stability(c)[1] for c in (counts, counts[:, partner]))
    other = set(old).isdisjoint(new) or (named <= 0 and matched >= AGREES)
    renamed: dict[object, object] = {}
    if other if match is None else match:
        changed = [(i, j) for i, j in enumerate(partner) if i != j and counts[:, j].any()]
        renamed, counts = {names[j]: names[i] for i, j in changed}, counts[:, partner]
    kept = [i for i, name in enumerate(names) if name not in renamed or counts[i].any()]
    counts, n = counts[np.ix_(kept, kept)], len(both)
    stays, corrected, chance = corrected_stability(counts)
    limits = wilson(n - int(np.trace(counts)), n) if n else Interval(np.nan, np.nan)
    moved = (1 - stays, limits.low, limits.high, 1 - chance, stays, corrected)
    table = _table(counts, [names[i] for i in kept])
    return Mobility(table, n, *moved, len(new) - n, len(old) - n, renamed)


def corrected_stability(counts: np.ndarray) -> tuple[float, float, float]:
    """Return the share on the diagonal, the same corrected for chance, and chance.

    Parameters
    ----------
    counts : array, shape (k, k)
        Customers, or probabilities summed over them, from a segment (row) to another.
    """
    total = counts.sum()
    if total <= 0:
        return np.nan, np.nan, np.nan
    stays = float(np.trace(counts) / total)
    chance = float((counts.sum(axis=0) / total) @ (counts.sum(axis=1) / total))
    return stays, (stays - chance) / (1 - chance) if chance < 1 - 1e-12 else np.nan, chance


def flows(old: np.ndarray, new: np.ndarray, k: int) -> np.ndarray:
    """Count the pairs of two labellings in 0 … k − 1, shape (k, k)."""
    return np.bincount(old.astype(int) * k + new, minlength=k * k).reshape(k, k)


def matching(counts: np.ndarray) -> np.ndarray:
    """Return for each row of a square table the column it shares most with, one to one."""
    from scipy.optimize import linear_sum_assignment

    return linear_sum_assignment(-counts)[1]


def _clean(labels: pd.Series, name: str) -> pd.Series:
    if not isinstance(labels, pd.Series):
        kind = type(labels).__name__
        raise DataError(f"{name} is a {kind}", accepted="a Series, index = customer id")
    known = labels[labels.notna().to_numpy()]
    if twice := int(known.index.duplicated().sum()):
        raise DataError(f"{name} holds {twice} customers twice", accepted="one row a customer")
    return known.astype(object)


def _table(counts: np.ndarray, names: list[object]) -> pd.DataFrame:
    k, of = len(names), np.repeat(counts.sum(axis=1), len(names))
    flat = pd.DataFrame({"from_segment": np.repeat(np.array(names, object), k)})
    flat["to_segment"], flat["n"] = np.tile(np.array(names, object), k), counts.ravel()
    flat["share"] = flat["n"] / np.where(of > 0, of, np.nan)
    ends = [wilson(int(a), int(b)) for a, b in zip(flat["n"], of, strict=True)]
    flat["low"] = np.where(of > 0, [end.low for end in ends], np.nan)
    flat["high"] = np.where(of > 0, [end.high for end in ends], np.nan)
    return flat.assign(expected=of * np.tile(counts.sum(axis=0), k) / max(counts.sum(), 1))
