"""The contract check for DuckDB relations and Spark frames: SQL that both understand, lazily."""

from __future__ import annotations

from typing import Any

import narwhals as nw

from segwork.schema import Kind, Table
from segwork.source import Source
from segwork.tables.checking import (
    HUGE,
    MONEY,
    Checked,
    check_names,
    derivation_notes,
    has_money,
    mostly_unread,
    no_value,
)
from segwork.tables.faults import EXAMPLES, Fault
from segwork.tables.sql_readers import (
    COMMA,
    DECIMAL_ID,
    DUCKDB,
    INFINITE,
    MARKER,
    NO_ID,
    SCIENTIFIC_ID,
    SPARK,
    ZONE,
    Dialect,
    reader,
)
from segwork.words import MISSING_MARKS

MOST_TEXTS = 10_000


def check(frame: Any, table: Table, source: Source) -> Checked | None:
    """Project a lazy frame to the contract; faults are counted when asked for, in one scan.

    None where a column holds text that takes more than SQL to read as pandas reads it.
    """
    lazily = Lazily(frame, table, source)
    return lazily.checked if lazily.is_done() else None


class Lazily:
    """A lazy frame held against a table of the contract, and the SQL that reads each column."""

    def __init__(self, frame: Any, table: Table, source: Source) -> None:
        self.frame = frame
        self.table = table
        self.source = source
        self.dialect = _dialect(frame)
        schema = nw.from_native(frame).collect_schema()
        self.checked = check_names(list(schema.names()), table, source)
        columns = self.checked.columns
        self.own = {name: self.dialect.name(own) for name, own in columns.items()}
        self.kinds = {name: getattr(table.column(name), "kind", None) for name in columns}
        self.texts = [name for name, own in columns.items() if schema[own] == nw.String]
        self.readers = {
            name: reader(self.own[name], self.kinds[name], schema[own], source, self.dialect)
            for name, own in columns.items()
        }

    def is_done(self) -> bool:
        """Check the frame; False where pandas has to read it."""
        checked, source = self.checked, self.source
        if not checked.problems:
            unread = {name: self._unread(name) for name in self.texts}
            if source.in_memory or any(self._better(name, unread[name]) for name in self.texts):
                return False
            if any(self._disguised(name) for name in self.texts):
                return False
            checked.problems += self._without_values()
            if source.is_named:
                checked.problems += self._hardly_read(unread)
        if checked.problems:
            return True
        derived = self._derived()
        checked.frame = project(self.frame, {**self.readers, **derived})
        if derived or self.table.name == "transactions":
            prefix = source.rules.get("cancelled_prefix", "")
            checked.notes += derivation_notes(checked.columns, prefix)
        checked.count = self._faults
        return True

    def _text(self, name: str) -> str:
        return f"trim(cast({self.own[name]} as {self.dialect.text}))"

    def _matches(self, text: str, pattern: str) -> str:
        return self.dialect.matches.format(text, pattern)

    def _without_values(self) -> list[str]:
        """Say which needed columns hold nothing that can be read; one good row settles it."""
        money = MONEY if self.source.is_named else ()
        wanted = (*self.table.needed, *(name for name in money if name in self.own))
        there = {name: f"({self.readers[name]}) is not null" for name in wanted}
        if not _is_empty(self.frame.filter(" and ".join(there.values()))):
            return []
        if _is_empty(self.frame):
            return ["has no rows"]
        empty = [name for name, test in there.items() if _is_empty(self.frame.filter(test))]
        shown = {name: self._examples(name, f"{self.own[name]} is not null") for name in empty}
        return [no_value(self.table, name, examples) for name, examples in shown.items()]

    def _unread(self, name: str) -> list[str]:
        """Return different texts of a column of times, numbers or flags that SQL cannot read."""
        if self.kinds[name] not in (Kind.TIME, Kind.NUMBER, Kind.FLAG):
            return []
        test = f"({self.readers[name]}) is null and {self.own[name]} is not null"
        found = self._different(name, test).head(MOST_TEXTS).collect()
        return [text for text in found["v"].to_list() if text.strip()]

    def _better(self, name: str, texts: list[str]) -> bool:
        """Say whether the reader of pandas makes more of these texts, or has a question."""
        import pandas as pd

        from segwork.tables import parsing

        if not texts:
            return False
        parsed = parsing.parse(pd.Series(texts, dtype="str"), self.kinds[name], self.source)
        return bool(parsed.problem) or bool(parsed.column.notna().any())

    def _disguised(self, name: str) -> bool:
        """Say whether every number with a point may as well be one with thousands."""
        if self.kinds[name] is not Kind.NUMBER or self.source.decimal:
            return False
        text = self._text(name)
        grouped = self._matches(text, "^[+-]?[1-9][0-9]{0,2}([.][0-9]{3})+-?$")
        other = f"{text} like '%.%' and not {grouped}"
        return _is_empty(self.frame.filter(other)) and not _is_empty(self.frame.filter(grouped))

    def _hardly_read(self, unread: dict[str, list[str]]) -> list[str]:
        """Say which columns hold more values that cannot be read than values that can."""
        problems = []
        for name, texts in unread.items():
            if not (bad := sorted(t for t in texts if t.strip().lower() not in MISSING_MARKS)):
                continue
            text = f"lower({self._text(name)})"
            there = f"{text} is not null and not {self._matches(text, NO_ID)}"
            unknown = f"({self.readers[name]}) is null and not {self._matches(text, INFINITE)}"
            sums = {"n": f"count_if({there})", "bad": f"count_if({unknown} and {there})"}
            n, n_bad = _first(self.frame, sums)
            problem = mostly_unread(self.table, name, n_bad, n, tuple(t[:40] for t in bad))
            whole = n_bad == n and name in (*self.table.needed, *MONEY)  # told already
            problems += [problem] if problem and not whole else []
        return problems

    def _derived(self) -> dict[str, str]:
        readers, made = self.readers, {}
        if self.table.name != "transactions":
            return {}
        if "amount" not in readers and has_money(readers):
            quantity, price = (f"cast({readers[n]} as DOUBLE)" for n in ("quantity", "unit_price"))
            made["amount"] = f"{quantity} * {price}"
        prefix = self.source.rules.get("cancelled_prefix", "").replace("'", "''")
        if prefix and "is_return" not in readers and "order_id" in readers:
            made["is_return"] = f"coalesce({readers['order_id']} like '{prefix}%', false)"
        return made

    def _faults(self) -> list[Fault]:
        """Count every fault of a table in one scan; fetch examples only of those there are."""
        tests = {
            (name, code): test
            for name in self.readers
            if self.table.column(name) is not None
            for code, test in self._tests(name).items()
        }
        counted = project(self.frame, {f"f{n}": test for n, test in enumerate(tests.values())})
        row = _first(counted, {f"n{n}": f"count_if(f{n})" for n in range(len(tests))})
        faults = []
        for ((name, code), test), n_rows in zip(tests.items(), row, strict=True):
            if n_rows:
                hidden = code == "missing" or self.table.column(name).personal
                shown = () if hidden else self._examples(name, test)
                faults.append(Fault(self.table.name, name, code, int(n_rows), shown))
        return faults

    def _tests(self, name: str) -> dict[str, str]:
        """Return for each code of a fault the SQL that says which rows have it."""
        own, sql, kind = self.own[name], self.readers[name], self.kinds[name]
        text = f"coalesce({self._text(name)}, '')"
        there = f"lower({text}) not in ('', 'nan')"
        unread, tests = f"({sql}) is null and {there}", {}
        if sql != own and f"isnan({own})" not in sql:
            marked = f"({sql}) is null and {self._matches(text, MARKER)}"
            tests["missing_marker"] = marked
            unread = f"{unread} and not ({marked})"
        if kind is Kind.IDENTIFIER and "like '%.0%'" in sql:
            tests["decimal_id"] = self._matches(text, DECIMAL_ID)
            tests["scientific_id"] = self._matches(text, SCIENTIFIC_ID)
        elif kind is Kind.NUMBER and sql != own:
            infinite = self._matches(text, INFINITE)
            comma = self._matches(text, COMMA) if self.source.decimal != "," else "false"
            tests["decimal_comma"] = f"{unread} and {comma}"
            tests["not_a_number"] = f"{unread} and not ({infinite} or {comma})"
            tests["not_finite"] = f"{unread} and {infinite}"
        elif kind in (Kind.TIME, Kind.FLAG) and sql != own:
            tests["not_a_time" if kind is Kind.TIME else "not_a_flag"] = unread
        if name in self.table.needed or name in MONEY:
            known = "".join(f" and not ({test})" for test in tests.values())
            tests["missing"] = f"({sql}) is null{known}"
        if kind is Kind.TIME:
            tests["time_zone"] = f"({sql}) is not null and {self._zoned(text, sql)}"
            tests["implausible_time"] = (
                f"coalesce(year({sql}) < 1980 or year({sql}) >= 2100, false)"
            )
        if name == "amount":
            tests["huge"] = f"coalesce(abs({sql}) >= {HUGE}, false)"
        return tests

    def _zoned(self, text: str, sql: str) -> str:
        """Write the test for a time that named its zone, in its text or by its column's type."""
        if sql.startswith("timezone("):
            return "true"
        return self._matches(text, ZONE) if "try_cast" in sql else "false"

    def _examples(self, name: str, test: str) -> tuple[str, ...]:
        """Fetch a few different bad values; a lazy engine has no first ones, so the smallest."""
        found = self._different(name, test).sort("v").head(EXAMPLES).collect()
        return tuple(str(value)[:40] for value in found["v"].to_list())

    def _different(self, name: str, test: str) -> nw.LazyFrame[Any]:
        """Return the different texts of a column where a test holds, as ``v``."""
        text = f"cast({self.own[name]} as {self.dialect.text})"
        return nw.from_native(project(self.frame.filter(test), {"v": text})).unique("v")


def project(frame: Any, expressions: dict[str, str]) -> Any:
    """Select SQL expressions under new names."""
    dialect = _dialect(frame)
    columns = [f"{sql} as {dialect.name(name)}" for name, sql in expressions.items()]
    return frame.project(", ".join(columns)) if dialect is DUCKDB else frame.selectExpr(*columns)


def with_day(frame: Any, column: str) -> Any:
    """Add ``_day``: whole days from 1970-01-01 to a time column."""
    dialect = _dialect(frame)
    names = nw.from_native(frame).collect_schema().names()
    same = {name: dialect.name(name) for name in names}
    return project(frame, {**same, "_day": dialect.day.format(dialect.name(column))})


def _dialect(frame: Any) -> Dialect:
    return DUCKDB if nw.dependencies.is_duckdb_relation(frame) else SPARK


def _is_empty(frame: Any) -> bool:
    return len(nw.from_native(frame).head(1).collect()) == 0


def _first(frame: Any, sums: dict[str, str]) -> tuple[Any, ...]:
    columns = [f"{sql} as {name}" for name, sql in sums.items()]
    if _dialect(frame) is DUCKDB:
        return tuple(frame.aggregate(", ".join(columns)).fetchall()[0])
    return tuple(frame.selectExpr(*columns).first())
