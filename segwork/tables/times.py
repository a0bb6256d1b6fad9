"""Read times as people write them; the order of day and month only where there is no doubt."""

from __future__ import annotations

import functools
import re
from datetime import datetime
from typing import Any

import numpy as np
import pandas as pd

from segwork.source import Source, zone

EPOCH_UNITS = {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}
"""Units a bare number may count from 1970, and how many make a second."""
EXCEL_ZERO = "1899-12-30"
CHANCE = 1e-3
"""Of days that all lie on one side of the 12th; of all days twelve in thirty-one do not pass it."""
SPREAD = 3
"""So many months (and days) have swapped dates; a new system's first days lie in one month."""

_ZONE = re.compile(
    r"(\d{1,2}:\d{2}.*?|^\d{4}-\d{2}-\d{2})\s*(Z|[+-]\d{2}(:?\d{2})?|UTC|GMT)$", re.IGNORECASE
)
_YEAR_DAY_MONTH = r"\d{4}[-/.](1[3-9]|2\d|3[01])[-/.](0?[1-9]|1[0-2])([ T].*)?"
_SHORT = {*range(10), 13}
_SHORT_ISO = re.compile(r"\d{4}-\d{1,2}-\d{1,2}|(19|20)\d{6}")
_SLASHED = (
    r"^(?P<a>\d{1,4})(?P<mark>[/.\-])(?P<b>\d{1,2})[/.\-](?P<c>\d{1,4})"
    r"(?:[ T]+(?P<time>\d{1,2}:\d{2}(?::\d{2}(?:\.\d+)?)?)\s*(?P<half>[AaPp][Mm])?)?"
    r"(?:\s*(?P<zone>Z|[+-]\d{2}(?::?\d{2})?|UTC|GMT))?$"
)
_HALF = re.compile(r"\b([ap])\.?\s?m\b\.?", re.IGNORECASE)
_WORD = re.compile(r"([^\W\d_]{3,})\.?")
_CLOCKS = (
    "%Y-%m-%d %H:%M", "%Y-%m-%d %H:%M:%S", "%Y-%m-%d %H:%M:%S.%f",
    "%Y-%m-%d %I:%M %p", "%Y-%m-%d %I:%M:%S %p",
)  # fmt: skip


MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
LANGUAGES = ("en", "de", "fr", "es", "it", "nl", "pt", "id", "tr", "pl", "sv", "da", "nb", "ru")


@functools.cache
def _months() -> dict[str, str]:
    """Return the names of months in the languages that are read, and the English short ones."""
    from babel import Locale

    found: dict[str, str] = {"sept": "Sep", "agu": "Aug", "mrt": "Mar", "maerz": "Mar"}
    for language in LANGUAGES:
        for names in Locale(language).months["format"].values():
            for number, name in names.items():
                found.setdefault(name.lower().rstrip("."), MONTHS[number - 1])
    return {name: month for name, month in found.items() if len(name) > 2}


def in_english(text: str) -> str:
    """Write the name of a month as its English short one, and a. m. as AM.

    Examples
    --------
    >>> in_english("6. Februar 2023"), in_english("06-févr.-2023 14:05")
    ('6. Feb 2023', '06-Feb-2023 14:05')
    """
    months = _months()
    text = _HALF.sub(lambda half: f"{half[1].upper()}M", text)
    return _WORD.sub(lambda word: months.get(word[1].lower()) or word[0], text)


def as_text(value: Any, source: Source) -> str:
    """Write any value so that the text readers understand it; a bare number only if declared."""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    number = isinstance(value, int | float | np.number) and not isinstance(value, bool)
    if number and not source.time_format and not source.first_day:
        return f"number {value}"
    return str(value).strip()


def without_zone(column: pd.Series, source: Source) -> pd.Series:
    """Take the zone off times that carry one: in UTC, as written, or where the config says."""
    if source.time_zone == "as written":
        return column.dt.tz_localize(None)
    there = zone(source.time_zone) if source.time_zone else "UTC"
    return column.dt.tz_convert(there).dt.tz_localize(None)


def clock_seconds(column: pd.Series) -> pd.Series:
    """Read times of day, as 10:59, 10:59:30 or the number HHMMSS (HHMM), in seconds."""
    texts = column.astype(str).str.strip().str.replace(r"\.0$", "", regex=True)
    digits = texts.str.fullmatch(r"\d{1,6}").astype(bool)
    seconds = texts[digits].str.len().max() > 4 if digits.any() else False
    padded = texts.where(~digits, texts.str.zfill(6) if seconds else texts.str.zfill(4) + "00")
    parts = padded.str.extract(r"^(\d{1,2}):?(\d{2}):?(\d{2})?").astype(float).fillna({2: 0.0})
    wrong = (parts[0] > 23) | (parts[1] > 59) | (parts[2] > 59)
    return (parts[0] * 3600 + parts[1] * 60 + parts[2]).mask(wrong)


class Times:
    """Different time texts of a column, read together because one can settle how others read.

    Parameters
    ----------
    texts : Series
        Different values as text; '' is missing.
    source : Source
    """

    def __init__(self, texts: pd.Series, source: Source) -> None:
        self.notes: list[str] = []
        self.problem = ""
        self.source = source
        if texts.head(100).str.contains(r"[^\W\d_]{3}|m\.", regex=True).any():
            texts = texts.map(in_english)
        self.zoned = texts.map(lambda text: bool(_ZONE.search(text))).to_numpy(bool)
        self.times = pd.Series(pd.NaT, index=texts.index, dtype="datetime64[us]")
        if source.time_format in EPOCH_UNITS or source.time_format == "excel" or source.first_day:
            self._read_numbers(pd.to_numeric(texts, errors="coerce"))
            return
        if source.time_format:
            self._read(texts, self.zoned | ("%z" in source.time_format), source.time_format)
            return
        # The library reads "2011" and "2011-12" as times, too; databases do not.
        plain = texts.map(
            lambda text: text if len(text) not in _SHORT or _SHORT_ISO.fullmatch(text) else ""
        ).astype(object)
        self._read(plain, self.zoned, "ISO8601")
        self._read_other_orders(texts)
        swapped = texts[self.times.isna()].str.fullmatch(_YEAR_DAY_MONTH).astype(bool)
        if swapped.any() and not (self.times.dt.day > 12).any():
            example = texts[swapped[swapped].index[0]]
            self.problem = f"'{example}' has the day before the month; set time_format"

    def _read_numbers(self, numbers: pd.Series) -> None:
        form, first = self.source.time_format, self.source.first_day
        if first:
            found = pd.Timestamp(first) + pd.to_timedelta(numbers - 1, unit="D", errors="coerce")
        elif form == "excel":
            numbers = numbers.where(numbers.abs() < 1e6)
            found = pd.to_datetime(numbers, unit="D", origin=EXCEL_ZERO, errors="coerce")
            found = found.dt.round("ms")
        else:
            found = pd.to_datetime(numbers, unit=form, errors="coerce")
        self.times = found.astype("datetime64[us]")

    def _read(self, texts: pd.Series, zoned: np.ndarray, form: str) -> None:
        if not zoned.all():
            times = pd.to_datetime(texts[~zoned], format=form, errors="coerce")
            if getattr(times.dt, "tz", None) is None:
                self.times[~zoned] = times
        if zoned.any():
            texts = texts[zoned]
            if self.source.time_zone == "as written":
                texts = texts.str.replace(r"\s*(Z|[+-]\d{2}(:?\d{2})?|UTC|GMT)$", "", regex=True)
                form = re.sub(r"\s*%[zZ]$", "", form)
                self.times[zoned] = pd.to_datetime(texts, format=form, errors="coerce")
                return
            times = pd.to_datetime(texts, format=form, utc=True, errors="coerce")
            self.times[zoned] = without_zone(times, self.source)

    def _read_other_orders(self, texts: pd.Series) -> None:
        left = texts[self.times.isna() & (texts != "")]
        parts = left.str.extract(_SLASHED)
        parts = parts[parts["a"].notna()]
        year_first = parts["a"].str.len() == 4
        self._assemble(parts[year_first], year="a", month="b", day="c")
        long_year = parts["c"].str.len() == 4
        if self.source.day_first is not None:
            long_year |= parts["c"].str.len() == 2
        parts = parts[~year_first & long_year]
        if parts.empty:
            return
        day_first = self._day_first(parts, left)
        if day_first is not None:
            self.notes.append("read day first" if day_first else "read month first")
            day, month = ("a", "b") if day_first else ("b", "a")
            self._assemble(parts, year="c", month=month, day=day)

    def _day_first(self, parts: pd.DataFrame, texts: pd.Series) -> bool | None:
        """Decide the order for the whole column; None with a problem where there is doubt."""
        example = texts.loc[parts.index[0]]
        if _swapped(self.times.dropna(), parts):
            self.problem = (
                f"{self.times.notna().sum()} dates, none with a day over 12, beside text such as"
                f" '{example}': a spreadsheet of another country has swapped day and month of those"
                " dates; export the column as text again"
            )
            return None
        if self.source.day_first is not None:
            return self.source.day_first
        orders = set()
        for mark, written in parts.groupby("mark"):  # each way of writing must be clear by itself
            first, second = (written[name].astype(int) for name in "ab")
            orders |= {True} if (first > 12).any() or mark == "." else set()
            orders |= {False} if (second > 12).any() else set()
            if mark != "." and not ((first > 12) | (second > 12)).any():
                orders |= {True, False}
                example = texts.loc[written.index[0]]
        if len(orders) > 1:
            self.problem = (
                f"'{example}' can be read day first or month first; set day_first = true or false,"
                ' or time_format, such as "%d/%m/%Y"'
            )
            return None
        return orders.pop()

    def _assemble(self, parts: pd.DataFrame, *, year: str, month: str, day: str) -> None:
        if parts.empty:
            return
        clock, half = parts["time"].fillna("0:00"), parts["half"].str.upper()
        years = parts[year].where(parts[year].str.len() == 4, _century(parts[year]))
        text = years + "-" + parts[month] + "-" + parts[day] + " " + clock
        text = text.where(half.isna(), text + " " + half)
        found = pd.Series(pd.NaT, index=text.index, dtype="datetime64[us]")
        for form in _CLOCKS:
            times = pd.to_datetime(text, format=form, errors="coerce").astype("datetime64[us]")
            found = found.fillna(times)
        named = parts["zone"].notna()
        if named.any() and self.source.time_zone != "as written":
            offset = found[named].dt.strftime("%Y-%m-%dT%H:%M:%S.%f") + parts["zone"][named].map(
                _offset
            )
            times = pd.to_datetime(offset, format="ISO8601", utc=True, errors="coerce")
            found[named] = without_zone(times, self.source)
        self.times.loc[text.index] = self.times.loc[text.index].fillna(found)


def _swapped(dates: pd.Series, parts: pd.DataFrame) -> bool:
    """Say whether day and month of dates look swapped, beside text in another order.

    What a spreadsheet of another country took for dates has no day over 12, in many months; what
    it left as text has a part over 12, always.
    """
    dates = dates.dt.normalize().drop_duplicates()
    if dates.empty or (dates.dt.day > 12).any():
        return False
    over = (parts["a"].astype(int) > 12) | (parts["b"].astype(int) > 12)
    texts = len(parts[["a", "b", "c"]].drop_duplicates()) if over.all() else 0
    chance = (12 / 31) ** len(dates) * (19 / 31) ** texts
    months = dates.dt.strftime("%Y-%m").nunique()
    spread = months >= max(2, min(SPREAD, len(dates)))
    return chance < CHANCE and spread and bool(texts or dates.dt.day.nunique() >= SPREAD)


def _century(years: pd.Series) -> pd.Series:
    """Write two-digit years in full, as the C library does: 69 is 1969, 68 is 2068."""
    return years.map(lambda y: str(datetime.strptime(y, "%y").year) if len(y) == 2 else y)


def _offset(text: str) -> str:
    return "+00:00" if text[0] not in "+-" else text if len(text) > 3 else f"{text}:00"
