"""A table as the checks see it: source order, every reading of a column made once and kept."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from functools import wraps
from importlib import resources
from typing import TYPE_CHECKING, Any, Concatenate, ParamSpec, TypeVar

import narwhals as nw
import numpy as np
import pandas as pd
from narwhals.typing import IntoFrame

from segwork.checks import Evidence, NotApplicable
from segwork.errors import DataError, UsageError
from segwork.quality.statistics import NONE
from segwork.results import Status
from segwork.schema import TABLES, TIME_COLUMN, Kind
from segwork.tables import needed
from segwork.words import NO, YES

if TYPE_CHECKING:
    from segwork.tables import Tables

LISTS = tomllib.loads(resources.files("segwork.quality").joinpath("words.toml").read_text("utf-8"))
ID_NAME = re.compile(r"(^|_)(id|key|uuid|guid|code|number|no)$", re.IGNORECASE)
Owner = TypeVar("Owner", "SourceTable", "SourceTables")
Asked = ParamSpec("Asked")
Made = TypeVar("Made")


def kept(
    make: Callable[Concatenate[Owner, Asked], Made],
) -> Callable[Concatenate[Owner, Asked], Made]:
    """Keep what a function of a table (or of all) and a column works out, and give it again."""

    @wraps(make)
    def once(owner: Owner, *asked: Asked.args, **named: Asked.kwargs) -> Made:
        key = (make, *asked)
        if key not in owner.kept:
            owner.kept[key] = make(owner, *asked, **named)
        return owner.kept[key]

    return once


class SourceTable:
    """One table in source order; ``frame`` is pandas, whatever engine it came from.

    Parameters
    ----------
    name : str
        Name of the table in the contract.
    native : native frame
        As it came, columns named as in the contract; it is read, never changed.
    checked : native frame, optional
        The same rows with typed columns; where times are text, its reading of them is used.
    """

    def __init__(self, name: str, native: object, checked: object = None) -> None:
        self.name = name
        self.frame = _to_pandas(native)
        self.n = len(self.frame)
        self.kept: dict[tuple[object, ...], object] = {}
        self._checked = checked

    def __contains__(self, column: object) -> bool:
        return column in self.frame.columns

    def has(self, *columns: str) -> bool:
        """Say whether all these columns are there."""
        return all(column in self for column in columns)

    def found(
        self,
        columns: tuple[str, ...],
        rows: np.ndarray = NONE,
        note: str = "",
        *,
        of: int | None = None,
        n: int | None = None,
        status: Status | None = None,
    ) -> Evidence:
        """Return the evidence of a check in this table; rows by number or as True and False."""
        rows = np.flatnonzero(rows) if rows.dtype == bool else rows
        of = self.n if of is None else of
        return Evidence(self.name, columns, rows, of, n, note=note, status=status)

    def some(
        self, columns: tuple[str, ...], rows: np.ndarray, note: str, **more: Any
    ) -> Iterator[Evidence]:
        """Yield the evidence where there are rows; their number is put before the note."""
        found = self.found(columns, rows, **more)
        if found.rows is not None and len(found.rows):
            yield replace(found, note=f"{len(found.rows):,} {note}")

    @kept
    def kind(self, column: str) -> Kind:
        """Return the contract's kind of a column, or the kind its values and name suggest."""
        declared = TABLES[self.name].column(column)
        values = self.frame[column]
        numeric = pd.api.types.is_numeric_dtype(values)
        if declared is not None:
            words_as_number = declared.kind is Kind.CATEGORY and numeric
            return Kind.NUMBER if words_as_number else declared.kind
        if re.match(r"consent_.*_at$", column):
            return Kind.TIME
        if pd.api.types.is_bool_dtype(values) or column.startswith("consent_"):
            return Kind.FLAG
        if pd.api.types.is_datetime64_any_dtype(values):
            return Kind.TIME
        return self._numeric_kind(column) if numeric else self._text_kind(column)

    def columns(self, *kinds: Kind) -> list[str]:
        """Return the names of the columns of these kinds, in source order."""
        return [c for c in self.frame.columns if self.kind(c) in kinds]

    def extra(self, *kinds: Kind) -> list[str]:
        """Return the columns of these kinds that the contract does not name."""
        return [c for c in self.columns(*kinds) if TABLES[self.name].column(c) is None]

    @kept
    def missing(self, column: str) -> np.ndarray:
        """Return True where the cell is empty, shape (n,)."""
        return self.frame[column].isna().to_numpy(bool)

    @kept
    def codes(self, column: str) -> tuple[np.ndarray, np.ndarray]:
        """Return the row's code (-1 for missing) and the distinct values, as they came."""
        values = self.frame[column]
        if values.dtype == object:
            values = values.map(lambda v: v if v is None or isinstance(v, int | float) else str(v))
            typed = values.map(type).nunique() > 2
            values = values.where(values.isna(), values.astype(str)) if typed else values
        return pd.factorize(values)

    @kept
    def words(self, column: str) -> list[str]:
        """Return the distinct values as text, aligned with the codes."""
        return [str(v) for v in self.codes(column)[1]]

    def where(self, column: str, hit: Callable[[str], object]) -> np.ndarray:
        """Return the rows whose distinct value satisfies ``hit(text)``; text work is done once."""
        flags = np.array([bool(hit(word)) for word in self.words(column)] + [False])
        return flags[self.codes(column)[0]]

    def mapped(self, column: str, make: Callable[[str], str]) -> np.ndarray:
        """Return what a function makes of each row's text; missing is the empty text."""
        made = np.array([*map(make, self.words(column)), ""], dtype=object)
        return made[self.codes(column)[0]]

    def sizes(self, column: str) -> np.ndarray:
        """Return how many rows have each distinct value, aligned with the words."""
        codes = self.codes(column)[0]
        return np.bincount(codes[codes >= 0], minlength=len(self.words(column)))

    @kept
    def marks(self, column: str) -> np.ndarray:
        """Return a random 64-bit mark of each row's value; sums of marks tell rows apart."""
        codes, values = self.codes(column)
        rng = np.random.default_rng(list(column.encode()))
        return rng.integers(0, 2**63, len(values) + 1, dtype=np.uint64)[codes]

    @kept
    def number(self, column: str) -> np.ndarray:
        """Return float values; what is no number is NaN."""
        values = self.frame[column]
        if pd.api.types.is_numeric_dtype(values) or pd.api.types.is_bool_dtype(values):
            return values.to_numpy(dtype=float, na_value=np.nan)
        if pd.api.types.is_datetime64_any_dtype(values):
            return np.full(self.n, np.nan)
        if (read := self._read(column, pd.api.types.is_numeric_dtype)) is not None:
            return read.to_numpy(dtype=float, na_value=np.nan)
        parsed = pd.to_numeric(pd.Series(self.words(column), dtype=object), errors="coerce")
        return np.append(parsed.to_numpy(float), np.nan)[self.codes(column)[0]]

    @kept
    def time(self, column: str) -> np.ndarray:
        """Return datetime64[s]; what is no date is NaT, time zones are turned into UTC."""
        values = self.frame[column]
        if pd.api.types.is_datetime64_any_dtype(values):
            if getattr(values.dt, "tz", None) is not None:
                values = values.dt.tz_convert("UTC").dt.tz_localize(None)
            return values.to_numpy(dtype="datetime64[s]")
        if pd.api.types.is_numeric_dtype(values):
            return np.full(self.n, np.datetime64("NaT"), dtype="datetime64[s]")
        if (read := self._read(column, pd.api.types.is_datetime64_any_dtype)) is not None:
            return read.to_numpy(dtype="datetime64[s]")
        return np.append(_dates(self.words(column)), np.datetime64("NaT"))[self.codes(column)[0]]

    @kept
    def flag(self, column: str) -> np.ndarray:
        """Return True where the cell says yes; missing and unreadable are False."""
        return self.where(column, lambda word: word.strip().lower() in YES)

    def when(self) -> np.ndarray | None:
        """Return the times of the rows, or None for a table without the column."""
        column = TIME_COLUMN.get(self.name)
        return self.time(column) if column and column in self else None

    def days(self) -> np.ndarray | None:
        """Return the days of the rows as whole days since 1970, NaT as the lowest integer."""
        when = self.when()
        return None if when is None else when.astype("datetime64[D]").astype(np.int64)

    def group(self, *columns: str) -> np.ndarray:
        """Return one integer per combination of the values of these columns (missing is one)."""
        key = np.zeros(self.n, dtype=np.int64)
        for column in columns:
            codes, values = self.codes(column)
            key = key * (len(values) + 1) + codes + 1
            if len(columns) > 1:
                key = pd.factorize(key)[0].astype(np.int64)
        return key

    def _read(self, column: str, right_type: Callable[[pd.Series], bool]) -> pd.Series | None:
        """Return the checked table's reading of a column, if it has the same rows."""
        if self._checked is None or TABLES[self.name].column(column) is None:
            return None
        frame = nw.from_native(self._checked)
        if column not in frame.collect_schema().names():
            return None
        values = _to_pandas(frame.select(column).to_native())[column]
        if not right_type(values) or len(values) != self.n:
            return None
        zoned = getattr(values.dtype, "tz", None) is not None
        return None if zoned else values

    def _numeric_kind(self, column: str) -> Kind:
        whole = not (np.mod(self.number(column), 1) > 0).any()
        return Kind.IDENTIFIER if ID_NAME.search(column) and whole else Kind.NUMBER

    def _text_kind(self, column: str) -> Kind:
        codes, uniques = self.codes(column)
        words = self.words(column)
        if not words:
            return Kind.CATEGORY
        if {word.strip().lower() for word in words} <= YES | NO:
            return Kind.FLAG
        filled = max(1, int((codes >= 0).sum()))
        if ID_NAME.search(column):
            return Kind.IDENTIFIER
        if np.isfinite(self.number(column)).sum() > filled / 2:
            return Kind.NUMBER
        probe = words[:200]
        if any(ch.isdigit() for ch in probe[0]) and (~np.isnat(_dates(probe))).mean() > 0.5:
            return Kind.TIME
        if len(uniques) <= max(50, filled // 20):
            return Kind.CATEGORY
        spaced = np.mean([" " in word.strip() for word in probe])
        return Kind.TEXT if spaced > 0.3 else Kind.IDENTIFIER


@dataclass(frozen=True)
class SourceTables:
    """The tables that were given, as they came, and the day the audit looks from.

    Parameters
    ----------
    tables : dict of str to SourceTable
    as_of : numpy.datetime64[D]
    kept : dict
        What one check worked out and another uses.
    """

    tables: dict[str, SourceTable]
    as_of: np.datetime64
    kept: dict[tuple[object, ...], object] = field(default_factory=dict)

    def __iter__(self) -> Iterator[SourceTable]:
        return iter(self.tables.values())

    def columns(self, *kinds: Kind) -> Iterator[tuple[SourceTable, str]]:
        """Yield table and name of every column of these kinds, in source order."""
        return ((source, column) for source in self for column in source.columns(*kinds))

    def get(self, name: str) -> SourceTable | None:
        """Return a table, or None where it was not given or is empty."""
        source = self.tables.get(name)
        return source if source is not None and source.n else None

    def need(self, name: str, *columns: str) -> SourceTable:
        """Return the table, or raise NotApplicable naming what is missing."""
        source = self.get(name)
        if source is None:
            raise NotApplicable(f"no table '{name}'")
        if absent := [c for c in columns if c not in source]:
            raise NotApplicable(f"{name} has no {', '.join(absent)}")
        return source


def source_tables(tables: Tables, *, as_of: date | str) -> SourceTables:
    """Take tables as they came, in source order.

    Raises
    ------
    UsageError
        ``as_of`` is no date, or a frame was given.
    DataError
        There is no row in any table.
    """
    tables = needed(tables)
    found = {name: source for name in TABLES if (source := source_table(tables, name)) is not None}
    if not any(source.n for source in found.values()):
        raise DataError("there is no row in any table", accepted="at least transactions with rows")
    return SourceTables(found, as_day(as_of))


def source_table(tables: Tables, name: str) -> SourceTable | None:
    """Return a table before anything was read into types, under contract names; None if absent."""
    checked = getattr(tables, name, None)
    if checked is None:
        return None
    given = nw.from_native(tables.source(name))
    own = {theirs: ours for ours, theirs in tables.columns[name].items() if ours != theirs}
    return SourceTable(name, (given.rename(own) if own else given).to_native(), checked)


def as_day(as_of: date | str) -> np.datetime64:
    """Return the day as numpy knows it."""
    try:
        day = as_of if isinstance(as_of, date) else datetime.fromisoformat(as_of)
        return np.datetime64(day.strftime("%Y-%m-%d"), "D")
    except (ValueError, TypeError, AttributeError):
        raise UsageError(f"as_of is {as_of!r}, which is no date", accepted="2011-12-10") from None


def _to_pandas(native: IntoFrame) -> pd.DataFrame:
    if isinstance(native, pd.DataFrame):
        return native.reset_index(drop=True)
    frame = nw.from_native(native)
    if isinstance(frame, nw.LazyFrame):
        frame = frame.collect("pandas")
    return frame.to_pandas().reset_index(drop=True)


def _dates(words: list[str]) -> np.ndarray:
    texts = pd.Series(words, dtype=object)
    parsed = pd.to_datetime(texts, format="ISO8601", errors="coerce", utc=True)
    if parsed.isna().any():
        rest = pd.to_datetime(texts[parsed.isna()], format="mixed", errors="coerce", utc=True)
        parsed = parsed.where(parsed.notna(), rest.reindex(parsed.index))
    return parsed.dt.tz_localize(None).to_numpy(dtype="datetime64[s]")
