"""k-anonymity, l-diversity and t-closeness of a table about people."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import narwhals as nw
import numpy as np
import pandas as pd
from narwhals.typing import IntoFrame
from pandas.api.typing import DataFrameGroupBy, SeriesGroupBy

from segwork.errors import DataError, UsageError


@dataclass(frozen=True)
class KAnonymity:
    """How large the groups are that share all quasi-identifiers.

    Attributes
    ----------
    classes : DataFrame
        One row a class, smallest first: the quasi-identifiers and ``n``, the people in it.
    """

    classes: pd.DataFrame

    @property
    def k(self) -> int:
        """People in the smallest class."""
        return int(self.classes["n"].min())

    @property
    def people(self) -> int:
        """People in the table."""
        return int(self.classes["n"].sum())

    def share_below(self, k: int) -> float:
        """Return the share of people in classes of fewer than ``k``; of 2: who are unique."""
        sizes = self.classes["n"]
        return float(sizes[sizes < k].sum() / self.people)

    def facts(self) -> dict[str, float | int | str]:
        """Return k, the number of classes, and the shares who are unique and in small classes."""
        return {
            "k": self.k,
            "k_classes": len(self.classes),
            "unique_share": self.share_below(2),
            "below_5_share": self.share_below(5),
        }


class LDiversity(int):
    """The fewest different sensitive values in a class; a number that also answers to ``.l``."""

    @property
    def l(self) -> int:  # noqa: E743 - the letter the measure is named by
        """Return the number."""
        return int(self)


class TCloseness(float):
    """The greatest distance of a class from the whole table; also answers to ``.t``."""

    @property
    def t(self) -> float:
        """Return the number."""
        return float(self)


def k_anonymity(table: IntoFrame, *, quasi_identifiers: Sequence[str]) -> KAnonymity:
    """Count the people in each class of equal quasi-identifiers; a missing value is a value.

    Parameters
    ----------
    table : native frame
        One row a person.
    quasi_identifiers : sequence of str
        Columns somebody may know about others.

    Raises
    ------
    UsageError
        A column is not there, or none is named.
    DataError
        The table is empty.

    References
    ----------
    Sweeney (2002), "k-anonymity: a model for protecting privacy".

    Examples
    --------
    >>> people = pd.DataFrame({"town": ["A", "A", "B"], "sex": ["f", "f", "f"]})
    >>> found = k_anonymity(people, quasi_identifiers=["town", "sex"])
    >>> found.k, round(found.share_below(2), 2)
    (1, 0.33)
    """
    frame = columns_of(table, quasi_identifiers)
    sizes = frame.groupby(list(frame), dropna=False, observed=True).size().reset_index(name="n")
    return KAnonymity(sizes.sort_values("n", kind="stable", ignore_index=True))


def l_diversity(
    table: IntoFrame, *, quasi_identifiers: Sequence[str], sensitive: str
) -> LDiversity:
    """Return the fewest different values of a sensitive column in any class.

    References
    ----------
    Machanavajjhala et al. (2007), "l-diversity: privacy beyond k-anonymity" (distinct l).

    Examples
    --------
    >>> people = pd.DataFrame({"town": ["A", "A", "B", "B"], "illness": ["x", "y", "x", "x"]})
    >>> l_diversity(people, quasi_identifiers=["town"], sensitive="illness").l
    1
    """
    frame = columns_of(table, [*quasi_identifiers, sensitive])
    by = frame.groupby(list(quasi_identifiers), dropna=False, observed=True)[sensitive]
    return LDiversity(by.nunique(dropna=False).min())


def t_closeness(
    table: IntoFrame, *, quasi_identifiers: Sequence[str], sensitive: str
) -> TCloseness:
    """Return how far the sensitive values of any class are from those of the whole table.

    Numbers are compared by the ordered earth mover's distance, words by half the sum of the
    differences of their shares.

    References
    ----------
    Li, Li and Venkatasubramanian (2007), "t-closeness: privacy beyond k-anonymity and l-diversity".

    Examples
    --------
    >>> people = pd.DataFrame({"town": ["A", "A", "B", "B"], "illness": ["x", "y", "x", "x"]})
    >>> t_closeness(people, quasi_identifiers=["town"], sensitive="illness").t
    0.25
    """
    frame = columns_of(table, [*quasi_identifiers, sensitive])
    ordered = pd.api.types.is_numeric_dtype(frame[sensitive])
    codes, values = pd.factorize(frame[sensitive], sort=ordered, use_na_sentinel=False)
    whole = np.bincount(codes) / len(codes)
    by = frame.groupby(list(quasi_identifiers), dropna=False, observed=True)
    furthest = 0.0
    for rows in classes_of(by):
        apart = np.bincount(codes[rows], minlength=len(values)) / len(rows) - whole
        furthest = max(furthest, np.abs(np.cumsum(apart) if ordered else apart).sum())
    return TCloseness(furthest / (max(len(values) - 1, 1) if ordered else 2))


def classes_of(by: DataFrameGroupBy | SeriesGroupBy) -> list[np.ndarray]:
    """Return the positions of the rows of each group, in the order of their numbers."""
    number = by.ngroup().to_numpy()
    order = np.argsort(number, kind="stable")
    return np.split(order, np.flatnonzero(np.diff(number[order])) + 1)


def columns_of(table: IntoFrame, columns: Sequence[str]) -> pd.DataFrame:
    """Return columns of any frame as pandas; the table must have rows and each of them."""
    frame = nw.from_native(table).lazy()
    known = frame.collect_schema().names()
    wanted = [columns] if isinstance(columns, str) else list(dict.fromkeys(columns))
    if not wanted:
        raise UsageError("no column is named", accepted="at least one of " + ", ".join(known))
    for name in wanted:
        if name not in known:
            raise UsageError.unknown("column", name, known, where="the table")
    found = frame.select(wanted).collect().to_pandas()
    if not len(found):
        raise DataError("the table has no rows", accepted="at least one person")
    return found
