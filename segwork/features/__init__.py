"""One row per customer as of a date: one definition, in Narwhals, for every engine.

DuckDB sums the order lines by a faster twin of that definition, held to it by tests
(:mod:`segwork.features.folding`); those sums are made when the features are asked for.

Time is cut once, by :func:`segwork.tables.until`; nothing after ``as_of`` can change a value.
Lines dated before 1980 are no orders: a clock's default would make a tenure of fifty years.
Amounts are taken as money in the home currency, as the data contract says.
"""

from __future__ import annotations

from datetime import date, datetime

import narwhals as nw
from narwhals.typing import FrameT, IntoFrame

from segwork import tables as _tables
from segwork.errors import UsageError
from segwork.features import orders as _orders
from segwork.features import people as _people
from segwork.features.common import COUNTED, KEY, nobody_bought
from segwork.features.rfm import rfm
from segwork.tables import Tables

__all__ = ["customer_features", "rfm"]


OF_MONEY = ("spend_total", "spend_window", "returns_total", "basket_value")
"""Left out where the transactions have no money: unknown is not zero."""


def customer_features(
    tables: Tables, *, as_of: date | datetime | str, window_days: int = 365
) -> IntoFrame:
    """Describe every customer who has bought before ``as_of``, one row each.

    Parameters
    ----------
    tables : Tables
        Checked tables; only those present give columns.
    as_of : date, datetime or str
        Rows at or after it (midnight for a date) are not used.
    window_days : int, default 365
        Length of the window that ends at ``as_of``, for the columns ending in ``_window``.

    Returns
    -------
    native frame
        Of the same kind as ``tables.transactions``: pandas, Polars, DuckDB or Spark. One row per
        ``customer_id`` with at least one order line that is no return. Frames in memory are
        sorted by first appearance in the source; lazy ones by first and last order, number of
        orders and lines, spend, and only then by id.

        From ``transactions`` (an order line counts unless it is a return: ``is_return``, a
        negative quantity or a negative amount; lines of quantity 0 count nowhere; money that is
        missing adds nothing, and without any ``amount`` there are no columns of money):

        ==================  =====================================================================
        orders              different ``order_id``; without one, days with an order line
        order_lines         order lines
        spend_total         money of those lines
        orders_window       orders of the last ``window_days`` days
        spend_window        their money
        returns             return lines
        returns_total       money given back, as a positive number
        return_share        returns / (returns + order_lines)
        tenure_days         whole days from the day of the first order to ``as_of``
        days_since_last     whole days from the day of the last order line to ``as_of``
        gap_days_mean       mean days between orders; missing with one order
        gap_days_variation  standard deviation of the gaps (n in the denominator) / their mean;
                            missing with fewer than three orders or a mean of 0
        basket_lines        order_lines / orders
        basket_value        spend_total / orders
        basket_pieces       quantity / orders
        products            different ``product_id``
        categories          different ``product_category``
        payment_share_x     share of order lines paid by each method x that has at least 1 % of
                            all lines, eight at most
        ==================  =====================================================================

        From ``behaviour``: events, sessions, days_active, days_active_7, days_active_30 (of the
        last 7 and 30 days), days_since_active, carts_left (sessions, or days where there is no
        ``session_id``, with a cart event and no purchase event). From ``interactions``: contacts,
        calls, complaints, complaints_30 (of the last 30 days), handling_minutes. Both count
        nothing as 0. From ``customers``: age (from ``birth_year`` where that is all there is) and
        the demographic, geographic and psychographic columns of the contract, and any extra
        column beginning with ``lifestyle``. From ``external``: ``external_<name>``, the latest
        value published before ``as_of`` for the customer's region.

    Raises
    ------
    DataError
        Nobody has an order line before ``as_of``.
    UsageError
        ``window_days`` is not positive, ``as_of`` is no date, or the tables are frames of
        different kinds.

    Examples
    --------
    >>> import pandas as pd
    >>> lines = pd.DataFrame({
    ...     "customer_id": ["b", "a", "b"],
    ...     "ordered_at": pd.to_datetime(["2011-12-01", "2011-12-05", "2011-12-08"]),
    ...     "amount": [10.0, 7.0, 20.0],
    ... })
    >>> found = customer_features(_tables.from_frames(transactions=lines), as_of="2011-12-10")
    >>> found[["customer_id", "orders", "spend_total", "days_since_last"]].values.tolist()
    [['b', 2, 30.0, 2], ['a', 1, 7.0, 5]]
    """
    if window_days <= 0:
        raise UsageError(f"window_days is {window_days}", accepted="a positive number of days")
    _one_kind(_tables.needed(tables))
    moment = _tables.instant(as_of)
    past = _tables.until(tables, moment)
    lines = _orders.mark_lines(past.transactions)
    found = _orders.of_orders(lines, moment, window_days)
    for part in (
        _orders.of_payments(lines),
        _people.of_behaviour(past.behaviour, moment),
        _people.of_interactions(past.interactions, moment),
        _people.of_attributes(past.customers, moment),
    ):
        if part is not None:
            found = found.join(part, on=KEY, how="left")
    found = _sorted(_people.of_external(_fill(found), past.external))
    if "amount" not in nw.from_native(past.transactions).collect_schema().names():
        found = found.drop(*OF_MONEY)
    return found.to_native()


def _one_kind(tables: Tables) -> None:
    """Refuse frames that cannot be joined; ``external`` is small and read whatever it is."""
    frames = {n: nw.from_native(frame) for n, frame in tables.items() if n != "external"}
    lazy = {n: " (lazy)" if isinstance(f, nw.LazyFrame) else "" for n, f in frames.items()}
    kinds = {n: f"{frame.implementation.value}{lazy[n]}" for n, frame in frames.items()}
    if len(set(kinds.values())) > 1 or "pyarrow" in kinds.values():
        raise UsageError(
            f"the tables are frames of {', '.join(f'{k}: {n}' for n, k in kinds.items())}",
            accepted="one of pandas, Polars, DuckDB or Spark for all tables",
        )


def _fill(found: FrameT) -> FrameT:
    """Count what a customer has none of as 0; a share or a time that is not there stays so."""
    counts = (*COUNTED.values(), *_people.COUNTS)
    names = found.collect_schema().names()
    whole = [nw.col(n).fill_null(0).cast(nw.Int64) for n in counts if n in names]
    spent = [nw.col(n).fill_null(0.0) for n in ("handling_minutes",) if n in names]
    return found.with_columns(KEY, *whole, *spent)


def _sorted(found: FrameT) -> FrameT:
    names = found.collect_schema().names()
    if "_row" in names:
        found = found.sort("_row").drop("_row")
        if found.shape[0] == 0:
            raise nobody_bought()
        return found
    keys = ("tenure_days", "days_since_last", "orders", "order_lines", "spend_total")
    return found.sort(*keys, KEY, descending=[*[True] * len(keys), False])
