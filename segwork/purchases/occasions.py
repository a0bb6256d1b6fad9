"""Order lines as occasions: the days on which each customer bought, and for how much.

Several orders of a day are one occasion, since who splits an order has not come back. An order is a
sale as :func:`segwork.features.orders.mark_lines` defines it; free orders are orders, and a
customer with returns alone has no occasion.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import narwhals as nw
import numpy as np
import pandas as pd
from narwhals.typing import IntoFrame, IntoFrameT

from segwork import tables
from segwork.errors import DataError
from segwork.features import orders as _orders
from segwork.features.common import KEY, collect, today_of
from segwork.purchases.models import Array, History

WEEK = 7.0
CLASSES = 2  # steps of a standard deviation the first order's value is told apart by
FURTHEST = 1.0  # standard deviations beyond which it tells no more


@dataclass(frozen=True)
class Occasions:
    """Days on which customers bought, sorted by customer and day.

    Attributes
    ----------
    customer_id : numpy.ndarray, shape (customers,)
        Everybody with a line before ``as_of``, in order of first appearance.
    who, day : numpy.ndarray of int, shape (occasions,)
        Position of the customer, and days since 1970.
    orders, spend : numpy.ndarray of float, shape (occasions,)
        Orders of the day and what they cost; spend is NaN where no
        line of the whole table has an amount, and lines without one add nothing.
    end : int
        The day of ``as_of``; all occasions lie before it.
    """

    customer_id: Array
    who: Array
    day: Array
    orders: Array
    spend: Array
    end: int

    @property
    def begin(self) -> int:
        """Return the day of the first occasion; ``end`` where there is none."""
        return int(self.day.min(initial=self.end))

    def summed(self, values: Array, begin: int, end: int) -> Array:
        """Add values of the occasions from one day to before another, shape (customers,)."""
        inside = (self.day >= begin) & (self.day < end)
        return np.bincount(self.who[inside], values[inside], minlength=len(self.customer_id))

    def bought(self, begin: int, end: int) -> Array:
        """Tell who bought from one day to before another, shape (customers,)."""
        inside = (self.day >= begin) & (self.day < end)
        return np.bincount(self.who[inside], minlength=len(self.customer_id)) > 0

    def seen(self, end: int) -> Seen:
        """Return what was known of everybody on a morning."""
        n = len(self.customer_id)
        before = self.day < end
        who, day = self.who[before], self.day[before]
        times = np.bincount(who, minlength=n)
        first = np.full(n, end - 1)
        np.minimum.at(first, who, day)
        last = first.copy()
        np.maximum.at(last, who, day)
        first_spend = np.full(n, np.nan)
        opens = np.r_[True, who[1:] != who[:-1]][: len(who)]
        first_spend[who[opens]] = self.spend[before][opens]
        orders = np.bincount(who, self.orders[before], minlength=n)
        spend = np.bincount(who, self.spend[before], minlength=n)
        return Seen(times, last - first, end - 1 - first, orders, spend, first_spend)


@dataclass(frozen=True)
class Seen:
    """What was known of customers at a time: counts, and days since the first occasion.

    ``times`` is the number of occasions (0: not yet a customer), ``last`` and ``age`` are days from
    the first occasion to the last one and to the last full day; ``orders`` and ``spend`` are totals
    and ``first_spend`` is what the first occasion cost.
    """

    times: Array
    last: Array
    age: Array
    orders: Array
    spend: Array
    first_spend: Array

    def histories(self, value: tuple[float, float]) -> tuple[History, Array, Array]:
        """Return different histories in weeks, customers with each, and which one each has.

        Customers without an occasion have none, marked by −1. ``value`` is the mean and spread of
        the logarithm of first orders, from :meth:`first_value`.
        """
        bought = self.times > 0
        z = self._first_class(value)[bought]
        parts = [(self.times - 1)[bought], self.last[bought], self.age[bought], z]
        widths = [int(p.max(initial=0)) + 1 for p in parts]
        key = np.zeros(int(bought.sum()), np.int64)
        for part, width in zip(parts, widths, strict=True):
            key = key * width + part
        key, back, count = np.unique(key, return_inverse=True, return_counts=True)
        columns = []
        for width in widths[::-1]:
            columns.append(key % width)
            key = key // width
        z, age, last, x = columns
        place = np.full(len(bought), -1)
        place[bought] = back.ravel()
        centred = z / CLASSES - FURTHEST
        return History.of(x, last / WEEK, age / WEEK, centred), count.astype(float), place

    def first_value(self) -> tuple[float, float]:
        """Return mean and spread of the logarithm of what first orders cost."""
        paid = np.log(self.first_spend[self.first_spend > 0])
        return (float(paid.mean()), float(paid.std())) if paid.size > 1 else (0.0, 0.0)

    def _first_class(self, value: tuple[float, float]) -> Array:
        """Class 0 to 4 of what the first order cost, free ones lowest, unknown in the middle."""
        mean, spread = value
        paid = np.log(np.where(self.first_spend > 0, self.first_spend, 1.0))
        z = np.clip((paid - mean) / spread if spread > 0 else 0.0 * paid, -FURTHEST, FURTHEST)
        z = np.where(self.first_spend <= 0, -FURTHEST, np.where(self.first_spend > 0, z, 0.0))
        return np.round((z + FURTHEST) * CLASSES).astype(int)


def occasions(transactions: IntoFrame, *, as_of: date | str) -> Occasions:
    """Read the occasions before ``as_of`` from order lines, any engine Narwhals knows.

    Parameters
    ----------
    transactions : native frame
        ``customer_id``, ``ordered_at``; optional ``amount`` or ``quantity`` and ``unit_price``
        (neither: orders without spend), ``order_id`` (absent: lines of a day are one order),
        ``is_return``.
    as_of : date
        Lines on or after this day are not used.

    Raises
    ------
    DataError, UsageError
        A column is missing, no time or no number; ``as_of`` is no date.

    Examples
    --------
    >>> lines = pd.DataFrame({"customer_id": ["a", "a", "a"], "amount": [5.0, 2.0, 9.0],
    ...     "ordered_at": pd.to_datetime(["2024-01-01", "2024-01-01", "2024-01-09"])})
    >>> occasions(lines, as_of="2024-01-22").spend.tolist()
    [7.0, 9.0]
    """
    _check_columns(transactions)
    past = nw.from_native(tables.until(with_amount(transactions), as_of))
    marked = _orders.mark_lines(past.to_native())
    lines = in_memory(marked.select(KEY, "_day", "_order", "_sold", "amount"))
    who, customer_id = pd.factorize(lines[KEY], sort=False)
    sold = lines["_sold"].to_numpy(bool)
    who, day = who[sold].astype(np.int64), lines["_day"].to_numpy(np.int64)[sold]
    order = pd.factorize(lines["_order"].to_numpy()[sold])[0].astype(np.int64)
    amount = lines["amount"].to_numpy(float)[sold]
    if np.isinf(amount).any():
        raise DataError(f"'amount' has {int(np.isinf(amount).sum())} infinite values")
    ids = np.asarray(customer_id)
    return _by_day(ids, who, day, order, amount, today_of(tables.instant(as_of)))


def _check_columns(transactions: IntoFrame) -> None:
    """Raise where these are no order lines."""
    try:
        schema = nw.from_native(transactions).collect_schema()
    except TypeError:
        raise DataError(
            f"order lines are a {type(transactions).__name__}",
            accepted="a frame of pandas, Polars, DuckDB or Spark",
        ) from None
    for name in (KEY, "ordered_at"):
        if name not in schema:
            raise DataError(
                f"order lines have no column '{name}'", accepted=f"{KEY}, ordered_at and more"
            )
    for name in ("amount", "quantity", "unit_price"):
        if isinstance(schema.get(name), nw.String | nw.Categorical | nw.Datetime):
            raise DataError(
                f"'{name}' of the order lines holds {schema[name]}, not numbers",
                hint="tables.from_frames(transactions=frame) reads numbers from text",
            )


def in_memory(frame: IntoFrame) -> pd.DataFrame:
    """Return a narrow Narwhals frame as pandas."""
    return collect(frame).to_pandas()


def with_amount(transactions: IntoFrameT) -> IntoFrameT:
    """Add ``amount`` where it is missing: quantity × unit price, or nothing known."""
    frame = nw.from_native(transactions)
    names = frame.collect_schema().names()
    if "amount" in names:
        return transactions
    if {"quantity", "unit_price"} <= set(names):
        return frame.with_columns(amount=nw.col("quantity") * nw.col("unit_price")).to_native()
    return frame.with_columns(amount=nw.lit(None, nw.Float64)).to_native()


def _by_day(ids: Array, who: Array, day: Array, order: Array, amount: Array, end: int) -> Occasions:
    """Add lines up by order, and orders by customer and the day of their first line."""
    width, amount = int(order.max(initial=0)) + 1, _known(amount)
    pair, back = np.unique(who * width + order, return_inverse=True)
    first = np.full(len(pair), end)
    np.minimum.at(first, back, day)
    cost = np.bincount(back, amount, minlength=len(pair))
    day0 = int(first.min(initial=end))
    days = end - day0 + 1
    key, back = np.unique(pair // width * days + first - day0, return_inverse=True)
    orders = np.bincount(back, minlength=len(key)).astype(float)
    spend = np.bincount(back, cost, minlength=len(key))
    return Occasions(ids, key // days, key % days + day0, orders, spend, end)


def _known(amount: Array) -> Array:
    """Let lines without an amount add nothing, unless no line has one."""
    missing = np.isnan(amount)
    return amount if missing.all() else np.where(missing, 0.0, amount)
