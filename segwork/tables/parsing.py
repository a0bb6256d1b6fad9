"""Read one pandas column as its contract kind; what cannot be read is marked, not guessed.

Each reader returns the parsed column and, by fault code, the rows (boolean array) that have it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from typing import Any

import numpy as np
import pandas as pd

from segwork.schema import Kind
from segwork.source import Source
from segwork.tables import numbers, times
from segwork.words import MISSING_MARKS, NO, YES, bare, words

MARKS = MISSING_MARKS - {""}
YES_WORDS = YES | words("ya ja j s oui si sí sim да yes. x evet tak kyllä ano igen はい 是 有")
NO_WORDS = NO | words("tidak nein non não nao нет nee nej nei nie hayır hayir ei ne いいえ 否 無")
EARLIEST, LATEST = pd.Timestamp(1980, 1, 1), pd.Timestamp(2100, 1, 1)


@dataclass
class Parsed:
    """A parsed column, its faults by code, and sentences about how it was read."""

    column: pd.Series
    faults: dict[str, np.ndarray] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    problem: str = ""


def parse(column: pd.Series, kind: Kind, source: Source | None = None) -> Parsed:
    """Read a column as ``kind``; the column given is not changed."""
    source = source or Source()
    if kind is Kind.TIME:
        return parse_time(column, source)
    if kind is Kind.NUMBER:
        return parse_number(column, source)
    if kind is Kind.FLAG:
        return parse_flag(column, source)
    if kind is Kind.IDENTIFIER:
        return parse_identifier(column)
    return Parsed(_as_text(column) if _is_texty(column) else column)


def parse_identifier(column: pd.Series) -> Parsed:
    """Read ids as text: leading zeros stay, 17850.0 is '17850', blank is missing."""
    codes, uniques = _factorize(column)
    texts = pd.Series([_id_text(value) for value in uniques], dtype=object)
    known = texts.fillna("").astype(str)
    marker = known.map(bare).isin(MARKS).to_numpy(bool)
    faults = {"missing_marker": _at(codes, marker)}
    if column.dtype == object or isinstance(column.dtype, pd.StringDtype):
        decimal = known.str.fullmatch(r"[1-9]\d*\.0+").to_numpy(bool)
        faults["decimal_id"] = _at(codes, decimal)
        dates = np.array([isinstance(value, date) for value in uniques], bool)
        faults["date_id"] = _at(codes, dates)
        destroyed = known.str.fullmatch(r"\d([.,]\d+)?[eE]\+?\d{2}").to_numpy(bool)
        faults["scientific_id"] = _at(codes, destroyed)
        texts = texts.where(~decimal, known.str.replace(r"\.0+$", "", regex=True))
    texts = [None if is_marker else text for text, is_marker in zip(texts, marker, strict=True)]
    return Parsed(_spread(codes, texts, column, "str"), faults)


def parse_flag(column: pd.Series, source: Source) -> Parsed:
    """Read yes/no in its usual spellings as boolean (nullable where something is missing)."""
    yes = YES_WORDS | {word.lower() for word in source.rules.get("yes", ())}
    no = NO_WORDS | {word.lower() for word in source.rules.get("no", ())} - yes
    codes, uniques = _factorize(column)
    words = [str(value).strip().lower() for value in uniques]
    flags = [True if word in yes else False if word in no else None for word in words]
    absent = np.array([word in MISSING_MARKS for word in words], bool)
    bad = np.array([f is None for f in flags], bool) & ~absent
    values = _spread(codes, flags, column, "boolean")
    complete = not values.isna().any()
    return Parsed(values.astype(bool) if complete else values, {"not_a_flag": _at(codes, bad)})


def parse_number(column: pd.Series, source: Source) -> Parsed:
    """Read numbers; whole ones without gaps stay integers. Thousands marks only if stated."""
    problem = ""
    if pd.api.types.is_numeric_dtype(column) and not pd.api.types.is_bool_dtype(column):
        values, faults = _plain_numbers(column), {}
    else:
        codes, uniques = _factorize(column)
        texts = pd.Series([str(value).strip() for value in uniques], dtype=object)
        marked = texts.map(bare).isin(MARKS).to_numpy(bool)
        plain = numbers.plain_text(texts, source)
        read = pd.to_numeric(plain, errors="coerce").astype(float)
        bad = (read.isna() & (texts != "")).to_numpy() & ~marked
        problem = numbers.thousands_in_disguise(texts[~marked & (texts != "").to_numpy()], source)
        values = _whole(_spread(codes, read.tolist(), column, float), plain)
        found = {**numbers.faults_of(texts, bad), "missing_marker": marked}
        faults = {code: _at(codes, rows) for code, rows in found.items()}
    infinite = np.isinf(values.to_numpy(float))
    if infinite.any():
        values = values.mask(infinite)
    return Parsed(values, {**faults, "not_finite": infinite}, problem=problem)


def parse_time(column: pd.Series, source: Source) -> Parsed:
    """Read times as ``datetime64[us]`` without zone; a zone in the data is moved to UTC.

    ISO dates are read as they are; other orders of day, month and year only where the column
    leaves no doubt or the config says so, else the problem asks for ``day_first``.
    """
    if pd.api.types.is_datetime64_any_dtype(column.dtype):
        return _ready_times(column, source)
    codes, uniques = _factorize(column)
    texts = pd.Series([times.as_text(value, source) for value in uniques], dtype=object)
    marked = texts.map(bare).isin(MARKS).to_numpy(bool)
    found = times.Times(texts.mask(marked, ""), source)
    values = _spread(codes, found.times, column, "datetime64[us]")
    bad = (found.times.isna() & (texts != "")).to_numpy() & ~marked
    faults = {"not_a_time": _at(codes, bad), "time_zone": _at(codes, found.zoned)}
    faults["missing_marker"] = _at(codes, marked)
    faults["implausible_time"] = _implausible(values)
    return Parsed(values, faults, found.notes, found.problem)


def _ready_times(column: pd.Series, source: Source) -> Parsed:
    zoned = getattr(column.dt, "tz", None) is not None
    if zoned:
        column = times.without_zone(column, source)
    values = column.astype("datetime64[us]")
    marked = values.notna().to_numpy() if zoned else np.zeros(len(values), bool)
    return Parsed(values, {"time_zone": marked, "implausible_time": _implausible(values)})


def _implausible(values: pd.Series) -> np.ndarray:
    return ((values < EARLIEST) | (values >= LATEST)).to_numpy()


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
    if isinstance(value, bytes | bytearray | memoryview):
        value = bytes_text(bytes(value))
    text = value if isinstance(value, str) else str(value)
    return text if bare(text) else None


def bytes_text(value: bytes) -> str:
    """Read bytes as text; what is no text as hex digits."""
    try:
        return value.decode()
    except UnicodeDecodeError:
        return value.hex().upper()


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
