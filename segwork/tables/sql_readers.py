"""The SQL that reads a column as its kind, on DuckDB and on Spark."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

import narwhals as nw

from segwork.schema import Kind
from segwork.source import Source
from segwork.tables.times import EPOCH_UNITS
from segwork.words import MISSING_MARKS, NO, YES

# A doubled quote would end a raw text of Spark, so a quote is written as \x27.
# Patterns, not a list of words: DuckDB turns a list into a join that sees every row, whatever the
# `case` around it says.
WORDS = "|".join(sorted(re.escape(word).replace("'", r"\x27") for word in MISSING_MARKS - {""}))
MARKER, NO_ID = (
    rf"(?i)^[\s\p{{Z}}\p{{Cf}}]*({words})[\s\p{{Z}}\p{{Cf}}]*$" for words in (WORDS, f"|{WORDS}")
)
# What no marker begins with. Compared as text, which costs nothing beside reading it; the code of
# the first character took as long as the reading.
PLAIN = (
    "{0} >= '0' and {0} < '<' or {0} >= '@' and {0} < 'N' or {0} >= 'O' and {0} < '['"
    " or {0} >= 'a' and {0} < 'n' or {0} >= 'o' and {0} < '{{'"
)
DECIMAL_ID = "^[1-9][0-9]*[.]0+$"
SCIENTIFIC_ID = "^[0-9]([.,][0-9]+)?[eE][+]?[0-9]{2}$"
# Only what every engine reads alike: databases drop zones they do not know (CET, GMT+7).
DAY = "[0-9]{4}[-/][0-9]{1,2}[-/][0-9]{1,2}"
CLOCK = "([ T]+([01]?[0-9]|2[0-3]):[0-9]{2}(:[0-9]{2}([.][0-9]+)?)?)"
PLAIN_TIME = f"^{DAY}{CLOCK}?$"
ZONE = f"(?i)^{DAY}{CLOCK}\\s*(Z|[+-][0-9]{{2}}(:?[0-9]{{2}})?|UTC|GMT)$"
INFINITE, COMMA = "(?i)^[+-]?inf(inity)?$", "^[+-]?[0-9][0-9.]*,[0-9]+$"
GROUPED = "^[+-]?([0-9]+|[0-9]{1,3}([.][0-9]{3})+)(,[0-9]*)?(e[+-]?[0-9]+)?$"


@dataclass(frozen=True)
class Dialect:
    """What differs between the SQL of the two engines."""

    quote: str
    text: str
    time: str
    zoned_to_utc: str
    zoned_text: str
    day: str
    matches: str

    def name(self, column: str) -> str:
        """Quote a column name."""
        return f"{self.quote}{column.replace(self.quote, self.quote * 2)}{self.quote}"


DUCKDB = Dialect(
    quote='"',
    text="VARCHAR",
    time="TIMESTAMP",
    zoned_to_utc="timezone('UTC', {})",
    zoned_text="timezone('UTC', try_cast({} as TIMESTAMPTZ))",
    day="datediff('day', date '1970-01-01', {})",
    matches="regexp_matches({}, '{}')",
)
SPARK = Dialect(
    quote="`",
    text="STRING",
    time="TIMESTAMP_NTZ",
    zoned_to_utc="cast({} as TIMESTAMP_NTZ)",  # Spark shows its times in the session's zone
    zoned_text="cast(to_utc_timestamp(try_cast({} as TIMESTAMP), current_timezone()) as"
    " TIMESTAMP_NTZ)",
    day="datediff({}, date'1970-01-01')",
    matches="regexp_like({}, r'{}')",
)


def reader(own: str, kind: Kind | None, dtype: Any, source: Source, dialect: Dialect) -> str:
    """Write the SQL that reads a column as its kind; missing where it cannot be read."""
    text = f"trim(cast({own} as {dialect.text}))"
    if kind is Kind.IDENTIFIER:
        return _read_id(own, dtype, dialect)
    if kind is Kind.TIME:
        return _read_time(own, text, dtype, source, dialect)
    if kind is Kind.NUMBER:
        return _read_number(own, text, dtype, source)
    if kind is Kind.FLAG and dtype != nw.Boolean:
        yes, no = (", ".join(f"'{w}'" for w in sorted(words)) for words in (YES, NO))
        return (
            f"case when lower({text}) in ({yes}) then true"
            f" when lower({text}) in ({no}) then false end"
        )
    return own


def _read_id(own: str, dtype: Any, dialect: Dialect) -> str:
    if dtype.is_float():
        whole = f"cast(cast({own} as BIGINT) as {dialect.text})"
        kept = f"case when {own} = floor({own}) then {whole} else cast({own} as {dialect.text}) end"
        return f"case when not isnan({own}) then {kept} end"
    kept = own if dtype == nw.String else f"cast({own} as {dialect.text})"
    if dtype.is_integer():
        return kept
    plain = PLAIN.format(own)
    absent = dialect.matches.format(kept, NO_ID)
    if dtype != nw.String:
        return f"case when not {absent} then {kept} end"
    decimal = f"{own} like '%.0%' and {dialect.matches.format(own, DECIMAL_ID)}"
    return (
        f"case when {decimal} then substring({own}, 1, position('.' in {own}) - 1)"
        f" when {plain} then {kept} when not {absent} then {kept} end"
    )


def _read_time(own: str, text: str, dtype: Any, source: Source, dialect: Dialect) -> str:
    if isinstance(dtype, nw.Datetime):
        zoned = dtype.time_zone is not None
        return dialect.zoned_to_utc.format(own) if zoned else f"cast({own} as {dialect.time})"
    if dtype == nw.Date:
        return f"cast({own} as {dialect.time})"
    if source.time_format in EPOCH_UNITS:
        micros = f"try_cast({text} as DOUBLE) * 1e6 / {EPOCH_UNITS[source.time_format]}"
        return f"make_timestamp(cast({micros} as BIGINT))"
    if source.time_format:
        read = f"try_strptime({text}, '{source.time_format.replace(chr(39), '')}')"
        return dialect.zoned_to_utc.format(read) if "%z" in source.time_format.lower() else read
    if dtype.is_numeric():
        return f"cast(null as {dialect.time})"
    zoned, read = dialect.matches.format(text, ZONE), dialect.zoned_text.format(text)
    plain = f"cast(try_cast({text} as TIMESTAMP) as {dialect.time})"
    dated = dialect.matches.format(text, PLAIN_TIME)
    return f"case when {dated} then {plain} when {zoned} then {read} end"


def _read_number(own: str, text: str, dtype: Any, source: Source) -> str:
    if dtype.is_float():
        return f"case when not isnan({own}) and abs({own}) < 1e308 then {own} end"
    if dtype.is_integer():
        return own
    if dtype.is_numeric():
        return f"cast({own} as DOUBLE)"
    if source.decimal == ",":
        swapped = f"replace(replace({text}, '.', ''), ',', '.')"
        text = f"case when {DUCKDB.matches.format(text, GROUPED)} then {swapped} end"
    # DuckDB would read 1_000, Spark 5f: as programs write numbers, not as people do.
    number = (
        f"case when translate({text}, '_dDfF', '') = {text} then try_cast({text} as DOUBLE) end"
    )
    return f"case when not isnan({number}) and abs({number}) < 1e308 then {number} end"
