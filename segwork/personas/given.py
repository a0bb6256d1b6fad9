"""Features and segments as they are handed in, brought together by customer."""

from __future__ import annotations

from typing import Any

import narwhals as nw
import pandas as pd

from segwork.errors import DataError, UsageError
from segwork.personas.definitions import definition
from segwork.purchases.occasions import in_memory

NOISE = ("noise", "-1", "-1.0")
INFINITE = (float("inf"), float("-inf"))


def labelled(features: Any, segments: Any) -> tuple[pd.DataFrame, pd.Series]:
    """Return features by customer and the segment of each as text, customers of a segment only.

    Raises
    ------
    DataError
        No customer of the features has a segment; a customer or column stands twice; a column of
        the features that is told as a number is none.
    UsageError
        Features or segments are neither table nor column.
    """
    frame = by_customer(features, "features")
    frame.columns = frame.columns.map(str)
    if not frame.columns.is_unique:
        twice = frame.columns[frame.columns.duplicated()][0]
        raise DataError(f"the features have the column '{twice}' twice", accepted="one of each")
    given = _given(segments, frame.index)
    label = _text(given).reindex(frame.index).dropna()
    label = label[~label.isin(NOISE)].rename("segment")
    if label.empty:
        raise DataError(
            "no customer of the features has a segment",
            accepted="segments by customer_id, of the customers of the features",
        )
    return _numbers(frame.loc[label.index]), label


def own_codes(features: Any, segments: Any) -> dict[str, Any]:
    """Return the segment as it was handed in (a number stays one) by its text."""
    given = _given(segments, by_customer(features, "features").index).drop_duplicates()
    return dict(zip(_text(given), given, strict=True))


def by_customer(table: Any, what: str) -> pd.DataFrame:
    """Return a table of any engine as pandas, by customer id as text.

    Raises
    ------
    UsageError
        It is no table.
    DataError
        A customer stands twice.
    """
    if not isinstance(table, pd.DataFrame):
        frame = nw.from_native(table, pass_through=True)
        if not isinstance(frame, nw.DataFrame | nw.LazyFrame):
            kind = type(table).__name__
            raise UsageError(f"the {what} are a {kind}", accepted="a table by customer_id")
        table = in_memory(frame)
    frame = table.set_index("customer_id") if "customer_id" in table else table.copy()
    frame = frame[frame.index.notna()].set_axis(_text(frame.index[frame.index.notna()]))
    _once(frame.index, what)
    return frame


def _given(segments: Any, customers: pd.Index) -> pd.Series:
    """Return the segment of each customer as it is, by customer id as text."""
    if isinstance(segments, pd.Series):
        segments = segments[segments.index.notna()]
        found = segments.set_axis(_text(segments.index)).dropna()
    elif hasattr(segments, "columns"):
        table = by_customer(segments, "segments")
        if "segment" not in table:
            told = ", ".join(map(str, table.columns)) or "none"
            raise DataError(
                f"the segments have the columns {told}", accepted="customer_id, segment"
            )
        found = table["segment"].dropna()
    else:
        size = len(segments) if hasattr(segments, "__len__") else -1
        if isinstance(segments, str) or size != len(customers):
            raise UsageError(
                f"the segments are a {type(segments).__name__} and tell no customer",
                accepted="a Series by customer id, or a table customer_id, segment",
            )
        found = pd.Series(list(segments), customers).dropna()
    _once(found.index, "segments")
    return found


def _text(values: Any) -> Any:
    """Return ids as the tables hold them: text, and whole numbers without a point."""
    if pd.api.types.is_float_dtype(values.dtype) and (values == values.round()).all():
        values = values.astype("int64")
    return values.astype(str)


def _once(index: pd.Index, what: str) -> None:
    if n := int(index.duplicated().sum()):
        raise DataError(
            f"{n:,} rows of the {what} repeat a customer", accepted="one row a customer"
        )


def _numbers(frame: pd.DataFrame) -> pd.DataFrame:
    """Return columns with a unit as numbers; one without end is not known."""
    frame = frame.copy()
    for name in (n for n in definition("columns") if n in frame):
        try:
            frame[name] = pd.to_numeric(frame[name])
        except (ValueError, TypeError):
            raise DataError(f"features.{name} holds words", accepted="numbers") from None
    numeric = frame.select_dtypes("number").columns
    return frame.assign(**{n: frame[n].mask(frame[n].isin(INFINITE)) for n in numeric})
