"""What the parts of the features share: the key, days as numbers, names."""

from __future__ import annotations

from datetime import datetime

import narwhals as nw
from narwhals.typing import Frame, FrameT, IntoDataFrame

from segwork.errors import DataError
from segwork.tables import lazy
from segwork.tables.raw import is_lazy_sql

KEY = "customer_id"
COUNTED = {"product_id": "products", "product_category": "categories"}


def nobody_bought() -> DataError:
    """Return the error for tables without any order."""
    return DataError("nobody has an order line before as_of", hint="is as_of right?")


def with_day(frame: FrameT, column: str) -> FrameT:
    """Add ``_day``, whole days since 1970: SQL engines share no Narwhals way to count them."""
    native = frame.to_native()
    if is_lazy_sql(native):
        return nw.from_native(lazy.with_day(native, column))
    return frame.with_columns(_day=nw.col(column).dt.timestamp("us") // 86_400_000_000)


def today_of(moment: datetime) -> int:
    """Return the day of a moment, in days since 1970."""
    return (moment - datetime(1970, 1, 1)).days


def collect(frame: Frame) -> nw.DataFrame[IntoDataFrame]:
    """Bring a small Narwhals frame into memory."""
    return frame.collect() if isinstance(frame, nw.LazyFrame) else frame


def slug(text: str) -> str:
    """Make a value from data part of a column name."""
    return "_".join("".join(c if c.isalnum() else " " for c in str(text).lower()).split())
