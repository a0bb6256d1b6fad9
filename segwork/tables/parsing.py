"""Read one pandas column as its contract kind; what cannot be read is marked, not guessed.

Each reader returns the parsed column and, by fault code, the rows (boolean array) that have it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from segwork.schema import Kind
from segwork.tables.checking import EPOCH_UNITS

MARKERS = frozenset({"nan", "none", "null", "n/a", "na", "<na>", "nat", "#n/a"})
YES = frozenset({"true", "t", "yes", "y", "1", "1.0"})
NO = frozenset({"false", "f", "no", "n", "0", "0.0"})
EARLIEST, LATEST = pd.Timestamp(1980, 1, 1), pd.Timestamp(2100, 1, 1)

_ZONE = re.compile(r"\d{1,2}:\d{2}.*?(Z|[+-]\d{2}(:?\d{2})?|\s?UTC|\s?GMT)$", re.IGNORECASE)
_SLASHED = (
    r"^(?P<a>\d{1,4})(?P<mark>[/.\-])(?P<b>\d{1,2})[/.\-](?P<c>\d{1,4})"
    r"(?:[ T]+(?P<time>\d{1,2}:\d{2}(?::\d{2}(?:\.\d+)?)?)\s*(?P<half>[AaPp][Mm])?)?$"
)


@dataclass
class Parsed:
    """A parsed column, its faults by code, and sentences about how it was read."""

    column: pd.Series
    faults: dict[str, np.ndarray] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    problem: str = ""


def parse(column: pd.Series, kind: Kind, *, decimal: str = ".", time_format: str = "") -> Parsed:
    """Read a column as ``kind``; the column given is not changed."""
    if kind is Kind.TIME:
        return parse_time(column, time_format)
    if kind is Kind.NUMBER:
        return parse_number(column, decimal)
    if kind is Kind.FLAG:
        return parse_flag(column)
    if kind is Kind.IDENTIFIER:
        return parse_identifier(column)
    return Parsed(_as_text(column) if _is_texty(column) else column)


def parse_identifier(column: pd.Series) -> Parsed:
    """Read ids as text: leading zeros stay, 17850.0 is '17850', blank is missing."""
    codes, uniques = _factorize(column)
    texts = [_id_text(value) for value in uniques]
    marker = np.array([(text or "").strip().lower() in MARKERS for text in texts], bool)
    texts = [None if is_marker else text for text, is_marker in zip(texts, marker, strict=True)]
    return Parsed(_spread(codes, texts, column, "str"), {"missing_marker": _at(codes, marker)})


def parse_flag(column: pd.Series) -> Parsed:
    """Read yes/no in its usual spellings as boolean (nullable where something is missing)."""
    codes, uniques = _factorize(column)
    words = [str(value).strip().lower() for value in uniques]
    flags = [True if word in YES else False if word in NO else None for word in words]
    bad = np.array([f is None and w != "" for f, w in zip(flags, words, strict=True)], bool)
    values = _spread(codes, flags, column, "boolean")
    complete = not values.isna().any()
    return Parsed(values.astype(bool) if complete else values, {"not_a_flag": _at(codes, bad)})


def parse_number(column: pd.Series, decimal: str) -> Parsed:
    """Read numbers; whole ones without gaps stay integers. Thousands marks only beside commas."""
    if pd.api.types.is_numeric_dtype(column) and not pd.api.types.is_bool_dtype(column):
        values, faults = _plain_numbers(column), {}
    else:
        codes, uniques = _factorize(column)
        texts = pd.Series([str(value).strip() for value in uniques], dtype=object)
        numbers = pd.to_numeric(_with_point(texts, decimal), errors="coerce").astype(float)
        bad = (numbers.isna() & (texts != "")).to_numpy()
        comma = bad & texts.str.fullmatch(r"[+-]?\d[\d.]*,\d+").to_numpy(bool)
        values = _spread(codes, numbers.tolist(), column, float)
        faults = {"decimal_comma": _at(codes, comma), "not_a_number": _at(codes, bad & ~comma)}
        values = _whole(values, texts)
    infinite = np.isinf(values.to_numpy(float))
    if infinite.any():
        values = values.mask(infinite)
    return Parsed(values, {**faults, "not_finite": infinite})


def parse_time(column: pd.Series, time_format: str) -> Parsed:
    """Read times as ``datetime64[us]`` without zone; a zone in the data is moved to UTC.

    ISO dates are read as they are; other orders of day, month and year only where the column
    leaves no doubt, else the problem asks for ``time_format``.
    """
    if pd.api.types.is_datetime64_any_dtype(column.dtype):
        return _ready_times(column)
    codes, uniques = _factorize(column)
    texts = pd.Series([_time_text(value, time_format) for value in uniques], dtype=object)
    found = _Times(texts, time_format)
    values = _spread(codes, found.times, column, "datetime64[us]")
    bad = (found.times.isna() & (texts != "")).to_numpy()
    faults = {"not_a_time": _at(codes, bad), "time_zone": _at(codes, found.zoned)}
    faults["implausible_time"] = _implausible(values)
    return Parsed(values, faults, found.notes, found.problem)


class _Times:
    """Different time texts of a column, read together because one can settle how others read."""

    def __init__(self, texts: pd.Series, time_format: str) -> None:
        self.notes: list[str] = []
        self.problem = ""
        self.zoned = texts.map(lambda text: bool(_ZONE.search(text))).to_numpy(bool)
        self.times = pd.Series(pd.NaT, index=texts.index, dtype="datetime64[us]")
        if time_format in EPOCH_UNITS:
            numbers = pd.to_numeric(texts, errors="coerce")
            self.times = pd.to_datetime(numbers, unit=time_format, errors="coerce").astype(
                "datetime64[us]"
            )
            return
        self._read(texts, ~self.zoned, time_format or "ISO8601", utc=False)
        self._read(texts, self.zoned, time_format or "ISO8601", utc=True)
        if not time_format:
            self._read_other_orders(texts)

    def _read(self, texts: pd.Series, where: np.ndarray, form: str, *, utc: bool) -> None:
        if where.any():
            times = pd.to_datetime(texts[where], format=form, utc=utc, errors="coerce")
            self.times[where] = times.dt.tz_localize(None) if utc else times

    def _read_other_orders(self, texts: pd.Series) -> None:
        left = texts[self.times.isna() & (texts != "")]
        parts = left.str.extract(_SLASHED)
        parts = parts[parts["a"].notna()]
        year_first = parts["a"].str.len() == 4
        self._assemble(parts[year_first], year="a", month="b", day="c")
        parts = parts[~year_first & (parts["c"].str.len() == 4)]
        if parts.empty:
            return
        day_first = (parts["a"].astype(int) > 12).any() or (parts["mark"] == ".").all()
        month_first = (parts["b"].astype(int) > 12).any()
        if day_first == month_first:
            self.problem = (
                f"'{left.loc[parts.index[0]]}' can be read day first or month first;"
                ' set time_format, such as "%d/%m/%Y"'
            )
            return
        self.notes.append("read day first" if day_first else "read month first")
        day, month = ("a", "b") if day_first else ("b", "a")
        self._assemble(parts, year="c", month=month, day=day)

    def _assemble(self, parts: pd.DataFrame, *, year: str, month: str, day: str) -> None:
        if parts.empty:
            return
        clock, half = parts["time"].fillna("0:00"), parts["half"].str.upper()
        text = parts[year] + "-" + parts[month] + "-" + parts[day] + " " + clock
        text = text.where(half.isna(), text + " " + half)
        for form in ("%Y-%m-%d %H:%M", "%Y-%m-%d %H:%M:%S", "%Y-%m-%d %H:%M:%S.%f",
                     "%Y-%m-%d %I:%M %p", "%Y-%m-%d %I:%M:%S %p"):  # fmt: skip
            times = pd.to_datetime(text, format=form, errors="coerce").astype("datetime64[us]")
            self.times.loc[text.index] = self.times.loc[text.index].fillna(times)


def _ready_times(column: pd.Series) -> Parsed:
    zoned = getattr(column.dt, "tz", None) is not None
    if zoned:
        column = column.dt.tz_convert("UTC").dt.tz_localize(None)
    values = column.astype("datetime64[us]")
    marked = values.notna().to_numpy() if zoned else np.zeros(len(values), bool)
    return Parsed(values, {"time_zone": marked, "implausible_time": _implausible(values)})


def _implausible(values: pd.Series) -> np.ndarray:
    return ((values < EARLIEST) | (values >= LATEST)).to_numpy()


def _time_text(value: Any, time_format: str) -> str:
    """Write any value so that the text readers understand it; a bare number only if declared."""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    number = isinstance(value, int | np.integer) and not isinstance(value, bool)
    if number and not time_format:
        return f"number {value}"
    return str(value).strip()


def _with_point(texts: pd.Series, decimal: str) -> pd.Series:
    if decimal == ".":
        return texts
    plain = texts.str.fullmatch(r"[+-]?(\d+|\d{1,3}(\.\d{3})+)(,\d*)?([eE][+-]?\d+)?").astype(bool)
    swapped = texts.str.replace(".", "", regex=False).str.replace(",", ".", regex=False)
    return swapped.where(plain, "?")


def _plain_numbers(column: pd.Series) -> pd.Series:
    """Turn nullable, Arrow and decimal numbers into plain numpy ones."""
    if isinstance(column.dtype, np.dtype):
        return column
    whole = pd.api.types.is_integer_dtype(column.dtype) and not column.isna().any()
    return column.astype("int64" if whole else "float64")


def _whole(values: pd.Series, texts: pd.Series) -> pd.Series:
    written_whole = len(texts) > 0 and texts.str.fullmatch(r"[+-]?\d{1,15}").astype(bool).all()
    return values.astype("int64") if written_whole and values.notna().all() else values


def _id_text(value: Any) -> str | None:
    if isinstance(value, float | np.floating):
        return str(int(value)) if value.is_integer() else repr(float(value))
    text = value if isinstance(value, str) else str(value)
    return text if text.strip() else None


def _is_texty(column: pd.Series) -> bool:
    return column.dtype == object or isinstance(column.dtype, pd.CategoricalDtype)


def _as_text(column: pd.Series) -> pd.Series:
    codes, uniques = _factorize(column)
    return _spread(codes, [str(value) for value in uniques], column, "str")


def _factorize(column: pd.Series) -> tuple[np.ndarray, list[Any]]:
    """Give each different value a number; -1 is missing. What cannot be hashed goes as text."""
    try:
        codes, uniques = pd.factorize(column)
    except TypeError:
        codes, uniques = pd.factorize(column.map(str, na_action="ignore"))
    return codes, list(uniques)


def _spread(codes: np.ndarray, values: Any, column: pd.Series, dtype: Any) -> pd.Series:
    """Give each row the value of its code; missing where the code is -1."""
    table = pd.Series([*list(values), None], dtype=dtype)
    return pd.Series(table.array.take(codes), index=column.index, name=column.name)


def _at(codes: np.ndarray, bad: np.ndarray) -> np.ndarray:
    return np.append(bad, False)[codes]
