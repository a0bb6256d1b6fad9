"""How few facts about somebody's purchases or visits single them out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import narwhals as nw
import numpy as np
import pandas as pd
from narwhals.typing import IntoFrame

from segwork.errors import DataError
from segwork.evidence import wilson
from segwork.privacy.anonymity import columns_of
from segwork.tables import Tables


@dataclass(frozen=True)
class Unicity:
    """How many customers a number of known points singles out.

    Attributes
    ----------
    table : DataFrame
        One row a number of points: points, share (of the customers tried), low, high (95 %), n.
    """

    table: pd.DataFrame

    def facts(self) -> dict[str, float | int | str]:
        """Return the share by number of points, with interval and customers tried."""
        ends = {"share": "", "low": "_low", "high": "_high", "n": "_n"}
        rows = [(f"unicity_{row.points}_points", row) for row in self.table.itertuples()]
        return {name + end: getattr(row, part) for name, row in rows for part, end in ends.items()}


def unicity(
    events: IntoFrame,
    *,
    points: int | Sequence[int],
    customer_id: str = "customer_id",
    samples: int = 1000,
    seed: int = 0,
) -> Unicity:
    """Draw customers, then points of their trace, and count whom nobody else shares them with.

    Parameters
    ----------
    events : native frame
        One row an event; all columns but ``customer_id`` together are a point, such as product and
        day. A point known twice is one point; rows without customer are not used.
    points : int or sequence of int
        How many points are known. Customers with fewer different ones are not drawn.
    customer_id : str
    samples : int
        Customers tried for each number of points; all where there are no more.
    seed : int

    Raises
    ------
    DataError
        No customer has that many points.

    References
    ----------
    de Montjoye et al. (2013), "Unique in the crowd"; de Montjoye et al. (2015), "Unique in the
    shopping mall".

    Examples
    --------
    >>> visits = pd.DataFrame({"customer_id": ["A", "A", "B"], "shop": ["x", "y", "x"]})
    >>> unicity(visits, points=2).table[["points", "share", "n"]].values.tolist()
    [[2.0, 1.0, 1.0]]
    """
    names = nw.from_native(events).collect_schema().names()
    known = columns_of(events, names).dropna(subset=[customer_id]).drop_duplicates()
    who = pd.factorize(known[customer_id])[0]
    by = known.drop(columns=customer_id)
    point = by.groupby(list(by), dropna=False, observed=True, sort=False).ngroup().to_numpy()
    points_of, people_at = _lists(who, point), _lists(point, who)
    rng = np.random.default_rng(seed)
    rows = []
    for number in [points] if isinstance(points, int) else points:
        able = np.flatnonzero([len(own) >= number for own in points_of])
        if not len(able):
            raise DataError(f"no customer has {number} different points", accepted="fewer points")
        tried = rng.choice(able, min(samples, len(able)), replace=False)
        alone = sum(_is_alone(rng.choice(points_of[c], number, False), people_at) for c in tried)
        interval = wilson(alone, len(tried))
        rows.append((number, alone / len(tried), interval.low, interval.high, len(tried)))
    return Unicity(pd.DataFrame(rows, columns=["points", "share", "low", "high", "n"]))


def purchases(tables: Tables, *, samples: int = 1000, seed: int = 0) -> Unicity | None:
    """Return the unicity of one to four product-days; None where lines name no product."""
    lines = nw.from_native(tables.transactions)
    if "product_id" not in lines.collect_schema().names():
        return None
    day = nw.col("ordered_at").dt.truncate("1d").alias("day")
    points = lines.select("customer_id", "product_id", day).to_native()
    return unicity(points, points=(1, 2, 3, 4), samples=samples, seed=seed)


def _lists(key: np.ndarray, value: np.ndarray) -> list[np.ndarray]:
    """Return the values of each key 0, 1, …"""
    order = np.lexsort((value, key))
    starts = np.searchsorted(key[order], np.arange(1, key.max() + 1))
    return np.split(value[order], starts)


def _is_alone(points: np.ndarray, people_at: list[np.ndarray]) -> bool:
    """Tell whether one customer only has all these points."""
    left, *others = sorted((people_at[point] for point in points), key=len)
    for people in others:
        left = left[np.isin(left, people, assume_unique=True)]
    return len(left) == 1
