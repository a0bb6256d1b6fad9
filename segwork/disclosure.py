"""What a table of people may show: no direct identifier, no group of a few, none by subtraction."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import pandas as pd

SMALLEST_GROUP = 5
"""El Emam's commonest precedent: a risk of one in five inside an organisation (11 for release)."""

COUNTS_PEOPLE = ("customers", "people")
CELLS = "cells"
_MAIL = re.compile(r"[\w.+-]+@[\w-]+\.\w{2,}")
_PHONE = re.compile(r"(?<![\w.:-])(?!\d{4}-\d\d-\d\d)\+?(?:\d[ ()/-]{0,2}){9,15}(?![\w.:-])")
_NAMED = re.compile(
    r"(^|_)(e?mail|phone|mobile|msisdn|(first|last|full|sur)_?name|address|passport|ktp|iban)($|_)",
    re.IGNORECASE,
)


def direct_identifiers(frame: pd.DataFrame) -> dict[str, str]:
    """Say which columns of a pandas frame name people directly, and by what they give it away.

    Examples
    --------
    >>> import pandas as pd
    >>> direct_identifiers(pd.DataFrame({"note": ["to ann@example.org"], "day": ["2026-07-01"]}))
    {'note': 'holds mail addresses'}
    """
    found = {}
    for name, column in frame.items():
        if _NAMED.search(str(name)):
            found[str(name)] = "is called so"
        elif column.dtype.kind in "OUT" or str(column.dtype) in ("str", "string", "category"):
            words = column.dropna().astype(str).unique()
            if any(map(_MAIL.search, words)):
                found[str(name)] = "holds mail addresses"
            elif any(map(_PHONE.search, words)):
                found[str(name)] = "holds phone numbers"
    return found


def without_small_groups(
    frame: pd.DataFrame, *, people: str = "", k: int = SMALLEST_GROUP
) -> pd.DataFrame:
    """Blank the numbers of every row that is about fewer than ``k`` people.

    Rows that could be worked out from a known total are blanked with them, and look the same.

    Parameters
    ----------
    frame : DataFrame
        Comes back as it is where no column says how many people a row is about.
    people : str
        The column that says so, by default one called ``customers`` or ``people``; ``cells``
        where every number is a count of people, see :func:`suppressed`.
    k : int

    Examples
    --------
    >>> import pandas as pd
    >>> shown = without_small_groups(pd.DataFrame({"customers": [2, 40, 9], "spend": [7.5, 3, 4]}))
    >>> shown["customers"].tolist()
    [None, 40, None]
    """
    numbers = [name for name in frame.columns if frame[name].dtype.kind in "iuf"]
    if people == CELLS and numbers:
        shown = suppressed(frame[numbers].fillna(0), k=k)
        return frame.assign(**frame[numbers].astype(object).where(shown.notna(), None))
    told = (people,) if people else COUNTS_PEOPLE
    counts = [name for name in numbers if str(name).lower() in told]
    if not counts:
        return frame
    hidden = hidden_groups(frame[counts].min(axis=1).fillna(0).to_numpy(float), k=k)
    if not hidden.any():
        return frame
    shown = frame.astype(object)
    shown.loc[hidden, numbers] = None
    return shown


def hidden_groups(counts: np.ndarray, *, k: int = SMALLEST_GROUP) -> np.ndarray:
    """Say which groups of a list whose total is known have to be hidden, shape (n,).

    Groups of 1 to ``k`` - 1, and with them the smallest others until two are hidden that hold
    ``k`` people together.
    """
    hidden = (counts > 0) & (counts < k)
    while hidden.any() and (hidden.sum() < 2 or counts[hidden].sum() < k):
        rest = np.where(hidden | (counts == 0), np.inf, counts)
        if not np.isfinite(rest).any():
            break
        hidden[rest.argmin()] = True
    return hidden


def suppressed(counts: pd.DataFrame, *, k: int = SMALLEST_GROUP) -> pd.DataFrame:
    """Hide the small cells of a table of counts, and as many others as its totals make necessary.

    Parameters
    ----------
    counts : DataFrame
        Numbers of people, shape (rows, columns); the totals of rows and columns are known.
    k : int

    Returns
    -------
    DataFrame
        As float, NaN where hidden. An attack by :func:`recovered` finds no hidden cell, unless
        the table has too few cells to hide one behind another.

    Examples
    --------
    >>> import pandas as pd
    >>> suppressed(pd.DataFrame([[2, 30, 8], [40, 50, 9], [7, 6, 60]])).isna().sum().sum()
    np.int64(4)
    """
    truth = counts.to_numpy(float)
    hidden = (truth > 0) & (truth < k)
    if 1 in hidden.shape:
        return counts.astype(float).mask(hidden_groups(truth.ravel(), k=k).reshape(hidden.shape))
    while (given_away := recovered(counts, hidden)).any():
        before = hidden.sum()
        _hide_corners(truth, hidden, *np.argwhere(given_away)[0])
        if hidden.sum() == before:
            break
    return counts.astype(float).mask(hidden)


def _hide_corners(truth: np.ndarray, hidden: np.ndarray, row: int, column: int) -> None:
    """Hide the other corners of the cheapest rectangle that has this cell as one of its four."""
    price = np.where(hidden, 0, np.where(truth > 0, truth, np.inf))
    cost = price + price[row] + price[:, [column]]
    cost[row], cost[:, column], cost[cost == 0] = np.inf, np.inf, np.inf
    other_row, other = np.unravel_index(cost.argmin(), cost.shape)
    if np.isfinite(cost.min()):
        hidden[[row, other_row, other_row], [other, column, other]] = True


def recovered(counts: pd.DataFrame, hidden: np.ndarray) -> np.ndarray:
    """Attack a table with hidden cells: which of them do its totals give away, shape as counts.

    Every cell hidden holds at least one person. Its least and greatest value under the totals of
    rows and columns are two linear programmes; a cell whose range is one number is recovered.

    References
    ----------
    Cox (1980), "Suppression methodology and statistical disclosure control".

    Examples
    --------
    >>> import pandas as pd
    >>> table = pd.DataFrame([[2, 30], [40, 50]])
    >>> recovered(table, np.array([[True, False], [False, False]])).tolist()
    [[True, False], [False, False]]
    """
    from scipy.optimize import linprog

    truth = counts.to_numpy(float)
    places = np.argwhere(hidden)
    found = np.zeros(hidden.shape, bool)
    if not len(places):
        return found
    lines = [(axis, line) for axis in (0, 1) for line in np.unique(places[:, axis])]
    sums = np.array([(places[:, axis] == line).astype(float) for axis, line in lines])
    totals = sums @ truth[hidden]
    for number, place in enumerate(places):
        goal = np.eye(len(places))[number]
        ends = [linprog(s * goal, A_eq=sums, b_eq=totals, bounds=(1, None)).fun for s in (1, -1)]
        found[tuple(place)] = round(ends[0]) == round(-ends[1])
    return found
