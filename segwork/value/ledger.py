"""One customer, one row: who belongs to which segment, what came in and what was used."""

from __future__ import annotations

from datetime import date, timedelta

import narwhals as nw
import numpy as np
import pandas as pd
from narwhals.typing import Frame, IntoFrame

from segwork import tables as _tables
from segwork.errors import DataError, UsageError
from segwork.features import orders as _orders
from segwork.features.common import KEY, today_of, with_day
from segwork.purchases.models import Array
from segwork.purchases.occasions import in_memory, with_amount
from segwork.tables import Tables

UNASSIGNED = "not assigned"


def labels(segments: pd.Series | pd.DataFrame) -> pd.Series:
    """Return segment by customer id, both as text, from a Series or a frame.

    Parameters
    ----------
    segments : pandas.Series or DataFrame
        A Series with customer ids as index, or a frame with ``customer_id`` and ``segment``.
        A missing segment becomes "not assigned".

    Raises
    ------
    UsageError
        It is neither.
    DataError
        A customer has two rows.
    """
    if isinstance(segments, pd.DataFrame) and {KEY, "segment"} <= set(segments.columns):
        segments = segments.set_index(KEY)["segment"]
    if not isinstance(segments, pd.Series):
        wanted = "a Series with customer ids as index, or columns customer_id and segment"
        raise UsageError(f"segments is a {type(segments).__name__}", accepted=wanted)
    if segments.index.has_duplicates:
        twice = int(segments.index.duplicated().sum())
        raise DataError(f"{twice} rows of segments repeat a customer", accepted="one row each")
    words = segments.astype(object).where(segments.notna(), UNASSIGNED).map(str)
    return pd.Series(words.to_numpy(object), pd.Index(segments.index.map(str), name=KEY), object)


def everybody(tables: Tables, as_of: date | str) -> pd.Series:
    """Return everybody with an order line or a contact before ``as_of``, not assigned."""
    past = _tables.until(_tables.needed(tables), as_of)
    frames = [f for f in (past.transactions, past.interactions) if f is not None]
    ids = [in_memory(nw.from_native(f).select(KEY))[KEY].dropna().unique() for f in frames]
    found = pd.Index(np.concatenate([np.asarray(i, object) for i in ids])).unique()
    return pd.Series(UNASSIGNED, found, dtype=object)


class Ledger:
    """The lines and contacts of a window, added up by customer on demand.

    Attributes
    ----------
    label : pandas.Series
        Segment by customer, as :func:`labels` gives it; everything is in its order.
    lines : pandas.DataFrame
        Order lines of known customers in the window: ``row`` (position in ``label``, −1 for
        customers without a segment), ``amount``, ``sold``, ``back``, ``new_order``, ``late`` (in
        the second half of the window) and cost columns where there are any.
    contacts : pandas.DataFrame or None
        Contacts of the window, likewise, with whatever columns they have.
    lost : float
        Amount of the window's lines without a known customer.
    """

    def __init__(
        self,
        tables: Tables,
        segments: pd.Series | pd.DataFrame,
        *,
        as_of: date | str,
        window_days: int,
    ) -> None:
        if isinstance(window_days, bool) or window_days <= 0:
            raise UsageError(f"window_days is {window_days!r}", accepted="a positive number")
        self.label = labels(segments)
        end = _tables.instant(as_of)
        self._border, self._half = end - timedelta(days=window_days), window_days // 2
        self._today = today_of(end)
        past = _tables.until(_tables.needed(tables), as_of)
        self.lines = self._lines(past.transactions)
        self.contacts = None if past.interactions is None else self._contacts(past.interactions)
        met = (self.lines["row"] >= 0).any() or not len(self.label)
        if not met and not any(map(self._known, (tables.transactions, tables.customers))):
            hint = "pass the customer ids that tables.load returned"
            raise DataError("no customer of the segments is in the tables", hint=hint)

    def sum(self, values: Array | pd.Series, table: pd.DataFrame) -> Array:
        """Add values of rows of lines or contacts up by customer, in the order of ``label``."""
        row = table["row"].to_numpy()
        known = row >= 0
        return np.bincount(row[known], np.asarray(values, float)[known], minlength=len(self.label))

    def revenue(self) -> Array:
        """Return what each customer's lines add up to, returns taken off."""
        return self.sum(np.nan_to_num(column(self.lines, "amount")), self.lines)

    def _known(self, frame: IntoFrame | None) -> bool:
        if frame is None:
            return False
        ids = in_memory(nw.from_native(frame).select(KEY))[KEY].dropna().unique()
        return bool((self.label.index.get_indexer(pd.Index(ids).map(str)) >= 0).any())

    def _window(self, native: IntoFrame, column: str) -> Frame:
        frame = nw.from_native(native)
        zoned = getattr(frame.collect_schema()[column], "time_zone", None)
        at = nw.col(column)
        at = at.dt.convert_time_zone("UTC").dt.replace_time_zone(None) if zoned else at
        return frame.filter(at >= self._border)

    def rows_of(self, ids: pd.Series) -> Array:
        """Return the position in ``label`` of each customer id, −1 for others."""
        codes, found = pd.factorize(ids, sort=False)
        place = self.label.index.get_indexer(pd.Index(found).map(str))
        return np.where(codes >= 0, place[codes], -1) if len(place) else np.full(len(ids), -1)

    def _lines(self, native: IntoFrame) -> pd.DataFrame:
        recent = self._window(with_amount(native), "ordered_at")
        nobody = recent.filter(nw.col(KEY).is_null()).select(nw.col("amount").sum())
        self.lost = float(np.nan_to_num(in_memory(nobody)["amount"].astype(float).sum()))
        marked = _orders.mark_lines(recent.to_native(), also=("unit_cost", "discount"))
        names = [n for n in marked.collect_schema().names() if n not in ("_row", "product_id")]
        lines = in_memory(marked.select(*names))
        lines["row"] = self.rows_of(lines[KEY])
        lines = lines.rename(columns={"_sold": "sold", "_back": "back"})
        lines["late"] = lines["_day"] >= self._today - self._half
        order = pd.factorize(lines["_order"])[0].astype(np.int64)
        key = (2 * lines["row"] + lines["sold"]).to_numpy(np.int64) * (len(lines) + 1) + order
        lines["new_order"] = lines["sold"].astype(bool) & ~pd.Series(key).duplicated().to_numpy()
        return lines.drop(columns=[KEY, "_order", "_day"])

    def _contacts(self, native: IntoFrame) -> pd.DataFrame:
        recent = with_day(self._window(native, "occurred_at"), "occurred_at")
        names = [n for n in recent.collect_schema().names() if n != "text"]
        contacts = in_memory(recent.select(*names))
        contacts["row"] = self.rows_of(contacts[KEY])
        contacts["late"] = contacts["_day"] >= self._today - self._half
        contacts.attrs["today"] = self._today
        return contacts


def column(table: pd.DataFrame, name: str) -> Array:
    """Return a column as numbers, NaN where there is none."""
    return table[name].to_numpy(float) if name in table else np.full(len(table), np.nan)
