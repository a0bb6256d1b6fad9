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
        names = (
            "n", "moved", "low", "high", "expected_moved",
            "stability", "stability_corrected", "entered", "left",
        )  # fmt: skip
        values = {name: getattr(self, name) for name in names}
        return {name: value for name, value in values.items() if np.isfinite(value)}


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
    one, two = old.loc[both], new.loc[both]
    counts = pd.crosstab(one, two)
    renamed = _renaming(counts, set(old), set(new), match) if len(both) else {}
    new_names = {name: renamed.get(name, name) for name in new.unique()}
    names = _ordered([*old.unique(), *new_names.values()])
    counts = counts.rename(columns=new_names).reindex(index=names, columns=names, fill_value=0)
    n = len(both)
    n_moved = n - int(np.trace(counts))
    interval = wilson(n_moved, n) if n else Interval(np.nan, np.nan)
    stays, corrected, chance = corrected_stability(counts.to_numpy(float))
    return Mobility(
        table=_table(counts), n=n, moved=1 - stays, low=interval.low, high=interval.high,
        expected_moved=1 - chance, stability=stays, stability_corrected=corrected,
        entered=len(new) - n, left=len(old) - n, renamed=renamed,
    )  # fmt: skip


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
    chance = float((counts.sum(axis=0) * counts.sum(axis=1)).sum() / total**2)
    return stays, (stays - chance) / (1 - chance) if chance < 1 - 1e-12 else np.nan, chance


def matching(counts: np.ndarray) -> np.ndarray:
    """Return for each row the column it shares most with, one to one; −1 where none is left."""
    from scipy.optimize import linear_sum_assignment

    partner = np.full(len(counts), -1)
    rows, columns = linear_sum_assignment(-counts)
    partner[rows] = columns
    return partner


def _clean(labels: pd.Series, name: str) -> pd.Series:
    if not isinstance(labels, pd.Series):
        raise DataError(
            f"{name} is a {type(labels).__name__}", accepted="a Series, index = customer id"
        )
    known = labels[labels.notna().to_numpy()]
    if known.index.has_duplicates:
        twice = int(known.index.duplicated().sum())
        raise DataError(f"{name} holds {twice} customers twice", accepted="one row a customer")
    return known.astype(object)


def _renaming(
    counts: pd.DataFrame, old: set[object], new: set[object], match: bool | None
) -> dict[object, object]:
    """Return what each name of the second labelling is read as; empty to take it as given."""
    if match is False or (match is None and old == new and len(old) < 2):
        return {}
    names = _ordered(old | new)
    square = counts.reindex(index=names, columns=names, fill_value=0).to_numpy(float)
    named = corrected_stability(square)[1]
    partner = matching(counts.to_numpy(float))
    told = {counts.columns[j]: counts.index[i] for i, j in enumerate(partner) if j >= 0}
    rest = [name for name in counts.columns if name not in told]
    told |= {name: f"{name} (new)" if name in old else name for name in rest}
    as_matched = counts.rename(columns=told)
    names = _ordered([*as_matched.index, *as_matched.columns])
    matched = corrected_stability(
        as_matched.reindex(index=names, columns=names, fill_value=0).to_numpy(float)
    )[1]
    certain = not old & new or (named <= 0 and matched >= AGREES)
    if not (match or certain) or all(key == value for key, value in told.items()):
        return {}
    return told


def _ordered(names: list[object] | set[object]) -> list[object]:
    return sorted(dict.fromkeys(names), key=lambda name: (str(type(name)), name))


def _table(counts: pd.DataFrame) -> pd.DataFrame:
    table = counts.rename_axis("from_segment").rename_axis("to_segment", axis=1)
    flat = table.stack().rename("n").reset_index()
    rows, columns = counts.sum(axis=1), counts.sum(axis=0)
    of = flat["from_segment"].map(rows).to_numpy()
    limits = [wilson(int(a), int(b)) for a, b in zip(flat["n"], of, strict=True)]
    chance = of * flat["to_segment"].map(columns).to_numpy() / max(int(rows.sum()), 1)
    return flat.assign(
        share=np.where(of > 0, flat["n"] / np.maximum(of, 1), np.nan),
        low=[limit.low if b else np.nan for limit, b in zip(limits, of, strict=True)],
        high=[limit.high if b else np.nan for limit, b in zip(limits, of, strict=True)],
        expected=chance,
    )
