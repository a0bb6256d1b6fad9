"""A table as the checks see it: source order, every reading of a column made once and kept."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import narwhals as nw
import numpy as np
import pandas as pd

from segwork.schema import TABLES, TIME_COLUMN, Kind

TRUE_WORDS = {"true", "t", "yes", "y", "1", "1.0"}
FALSE_WORDS = {"false", "f", "no", "n", "0", "0.0"}
ID_NAME = re.compile(r"(^|_)(id|key|uuid|guid|code|number|no)$", re.IGNORECASE)
DAY = np.timedelta64(86_400, "s")


class Sheet:
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

    def __init__(self, name: str, native: Any, checked: Any = None) -> None:
        self.name = name
        self.frame = _to_pandas(native)
        self.n = len(self.frame)
        self._checked = checked
        self._kept: dict[tuple[str, str], Any] = {}

    def __contains__(self, column: str) -> bool:
        return column in self.frame.columns

    def has(self, *columns: str) -> bool:
        """Say whether all these columns are there."""
        return all(column in self for column in columns)

    def kind(self, column: str) -> Kind:
        """Return the contract's kind of a column, or the kind its values and name suggest."""
        return self._once("kind", column, self._kind)

    def columns(self, *kinds: Kind) -> list[str]:
        """Return the names of the columns of these kinds, in source order."""
        return [c for c in self.frame.columns if self.kind(c) in kinds]

    def extra(self, *kinds: Kind) -> list[str]:
        """Return the columns of these kinds that the contract does not name."""
        contract = TABLES[self.name]
        return [c for c in self.columns(*kinds) if contract.column(c) is None]

    def missing(self, column: str) -> np.ndarray:
        """Return True where the cell is empty, shape (n,)."""
        return self._once("missing", column, lambda c: self.frame[c].isna().to_numpy(bool))

    def codes(self, column: str) -> tuple[np.ndarray, Any]:
        """Return the row's code (-1 for missing) and the distinct values, as they came."""
        return self._once("codes", column, self._factorize)

    def words(self, column: str) -> list[str]:
        """Return the distinct values as text, aligned with the codes."""
        return self._once("words", column, lambda c: [str(v) for v in self.codes(c)[1]])

    def where(self, column: str, hit: Any) -> np.ndarray:
        """Return the rows whose distinct value satisfies ``hit(text)``; text work is done once."""
        codes, _ = self.codes(column)
        flags = np.array([bool(hit(word)) for word in self.words(column)] + [False])
        return flags[codes]

    def number(self, column: str) -> np.ndarray:
        """Return float values; what is no number is NaN."""
        return self._once("number", column, self._number)

    def time(self, column: str) -> np.ndarray:
        """Return datetime64[s]; what is no date is NaT, time zones are turned into UTC."""
        return self._once("time", column, self._time)

    def flag(self, column: str) -> np.ndarray:
        """Return True where the cell says yes; missing and unreadable are False."""
        return self._once("flag", column, self._flag)

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

    def _once(self, what: str, column: str, make: Any) -> Any:
        if (what, column) not in self._kept:
            self._kept[what, column] = make(column)
        return self._kept[what, column]

    def _factorize(self, column: str) -> tuple[np.ndarray, Any]:
        values = self.frame[column]
        if values.dtype == object:
            values = values.map(lambda v: v if v is None or isinstance(v, int | float) else str(v))
            typed = values.map(type).nunique() > 2
            values = values.where(values.isna(), values.astype(str)) if typed else values
        codes, uniques = pd.factorize(values)
        return codes, uniques

    def _number(self, column: str) -> np.ndarray:
        values = self.frame[column]
        if pd.api.types.is_numeric_dtype(values) or pd.api.types.is_bool_dtype(values):
            return values.to_numpy(dtype=float, na_value=np.nan)
        if pd.api.types.is_datetime64_any_dtype(values):
            return np.full(self.n, np.nan)
        if (read := self._read(column, pd.api.types.is_numeric_dtype)) is not None:
            return read.to_numpy(dtype=float, na_value=np.nan)
        codes, _ = self.codes(column)
        parsed = pd.to_numeric(pd.Series(self.words(column), dtype=object), errors="coerce")
        return np.append(parsed.to_numpy(float), np.nan)[codes]

    def _time(self, column: str) -> np.ndarray:
        values = self.frame[column]
        if pd.api.types.is_datetime64_any_dtype(values):
            if getattr(values.dt, "tz", None) is not None:
                values = values.dt.tz_convert("UTC").dt.tz_localize(None)
            return values.to_numpy(dtype="datetime64[s]")
        if pd.api.types.is_numeric_dtype(values):
            return np.full(self.n, np.datetime64("NaT"), dtype="datetime64[s]")
        if (read := self._read(column, pd.api.types.is_datetime64_any_dtype)) is not None:
            return read.to_numpy(dtype="datetime64[s]")
        codes, _ = self.codes(column)
        parsed = _dates(self.words(column))
        return np.append(parsed, np.datetime64("NaT"))[codes]

    def _read(self, column: str, right_type: Any) -> pd.Series | None:
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

    def _flag(self, column: str) -> np.ndarray:
        return self.where(column, lambda word: word.strip().lower() in TRUE_WORDS)

    def _kind(self, column: str) -> Kind:
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

    def _numeric_kind(self, column: str) -> Kind:
        whole = not (np.mod(self.number(column), 1) > 0).any()
        return Kind.IDENTIFIER if ID_NAME.search(column) and whole else Kind.NUMBER

    def _text_kind(self, column: str) -> Kind:
        codes, uniques = self.codes(column)
        words = self.words(column)
        if not words:
            return Kind.CATEGORY
        if {word.strip().lower() for word in words} <= TRUE_WORDS | FALSE_WORDS:
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
class Book:
    """The sheets that were given, and the day the audit looks from.

    Parameters
    ----------
    sheets : dict of str to Sheet
    as_of : numpy.datetime64[D]
    kept : dict
        What one check worked out and another uses.
    """

    sheets: dict[str, Sheet]
    as_of: np.datetime64
    kept: dict[str, Any] = field(default_factory=dict)

    def __iter__(self) -> Iterator[Sheet]:
        return iter(self.sheets.values())

    def get(self, name: str) -> Sheet | None:
        """Return a sheet, or None where the table was not given or is empty."""
        sheet = self.sheets.get(name)
        return sheet if sheet is not None and sheet.n else None

    def need(self, name: str, *columns: str) -> Sheet:
        """Return the sheet, or raise NotApplicable naming what is missing."""
        sheet = self.get(name)
        if sheet is None:
            raise NotApplicable(f"no table '{name}'")
        if absent := [c for c in columns if c not in sheet]:
            raise NotApplicable(f"{name} has no {', '.join(absent)}")
        return sheet

    def once(self, name: str, make: Any) -> Any:
        """Return what was worked out under this name before, or work it out now."""
        if name not in self.kept:
            self.kept[name] = make(self)
        return self.kept[name]


class NotApplicable(Exception):  # noqa: N818 - an answer of the audit, not an error
    """The check's prerequisite is not in the data; the text says which."""


class Inconclusive(Exception):  # noqa: N818 - an answer of the audit, not an error
    """The data cannot settle the check; the text says what would."""


def _to_pandas(native: Any) -> pd.DataFrame:
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
