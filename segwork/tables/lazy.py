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
    dialect = _dialect(frame)
    schema = nw.from_native(frame).collect_schema()
    checked = check_names(list(schema.names()), table, source)
    readers = {
        name: reader(dialect.name(own), _kind(name, table), schema[own], source, dialect)
        for name, own in checked.columns.items()
    }
    if not checked.problems:
        text = {name for name, own in checked.columns.items() if schema[own] == nw.String}
        unread = {n: _unread(frame, n, checked.columns[n], readers[n], table) for n in text}
        if source.in_memory or any(_better(unread[n], n, table, source) for n in text):
            return None
        if any(_disguised(frame, checked.columns[n], n, table, source) for n in text):
            return None
        money = MONEY if source.is_named else ()
        checked.problems += _without_values(frame, checked.columns, readers, table, money)
        if source.is_named:
            checked.problems += _hardly_read(frame, checked.columns, readers, table, unread)
    if checked.problems:
        return checked
    derived = _derived(readers, table, source)
    checked.frame = project(frame, {**readers, **derived})
    if derived or table.name == "transactions":
        checked.notes += derivation_notes(checked.columns, source.rules.get("cancelled_prefix", ""))
    checked.count = lambda: _count(frame, checked.columns, readers, table, source.decimal)
    return checked


def _without_values(
    frame: Any,
    columns: dict[str, str],
    readers: dict[str, str],
    table: Table,
    money: tuple[str, ...],
) -> list[str]:
    """Say which needed columns hold nothing that can be read; one good row settles it."""
    wanted = (*table.needed, *(name for name in money if name in columns))
    there = {name: f"({readers[name]}) is not null" for name in wanted}
    if not _is_empty(frame.filter(" and ".join(there.values()))):
        return []
    if _is_empty(frame):
        return ["has no rows"]
    empty = [name for name, test in there.items() if _is_empty(frame.filter(test))]
    name_of = _dialect(frame).name
    own = {name: name_of(columns[name]) for name in empty}
    return [no_value(table, n, _examples(frame, o, f"{o} is not null")) for n, o in own.items()]


def _kind(name: str, table: Table) -> Kind | None:
    return getattr(table.column(name), "kind", None)


def _unread(frame: Any, name: str, own: str, reader: str, table: Table) -> list[str]:
    """Return different texts of a column of times, numbers or flags that SQL cannot read."""
    if _kind(name, table) not in (Kind.TIME, Kind.NUMBER, Kind.FLAG):
        return []
    column = _dialect(frame).name(own)
    bad = project(frame.filter(f"({reader}) is null and {column} is not null"), {"v": column})
    found = nw.from_native(bad).unique("v").head(MOST_TEXTS).collect()
    return [text for text in found["v"].to_list() if text.strip()]


def _better(texts: list[str], name: str, table: Table, source: Source) -> bool:
    """Say whether the reader of pandas makes more of these texts, or has a question about them."""
    import pandas as pd

    from segwork.tables import parsing

    kind = _kind(name, table)
    if not texts or kind is None:
        return False
    parsed = parsing.parse(pd.Series(texts, dtype="str"), kind, source)
    return bool(parsed.problem) or bool(parsed.column.notna().any())


def _disguised(frame: Any, own: str, name: str, table: Table, source: Source) -> bool:
    """Say whether every number with a point may as well be one with thousands."""
    if _kind(name, table) is not Kind.NUMBER or source.decimal:
        return False
    dialect = _dialect(frame)
    text = f"trim(cast({dialect.name(own)} as {dialect.text}))"
    grouped = dialect.matches.format(text, "^[+-]?[1-9][0-9]{0,2}([.][0-9]{3})+-?$")
    other = f"{text} like '%.%' and not {grouped}"
    return _is_empty(frame.filter(other)) and not _is_empty(frame.filter(grouped))


def _hardly_read(
    frame: Any,
    columns: dict[str, str],
    readers: dict[str, str],
    table: Table,
    unread: dict[str, list[str]],
) -> list[str]:
    """Say which columns hold more values that cannot be read than values that can."""
    problems = []
    for name, texts in unread.items():
        if not (bad := sorted(t for t in texts if t.strip().lower() not in MISSING_MARKS)):
            continue
        dialect = _dialect(frame)
        text = f"lower(trim(cast({dialect.name(columns[name])} as {dialect.text})))"
        there = f"{text} is not null and not {dialect.matches.format(text, NO_ID)}"
        unknown = f"({readers[name]}) is null and not {dialect.matches.format(text, INFINITE)}"
        sums = {"n": f"count_if({there})", "bad": f"count_if({unknown} and {there})"}
        row = _first(frame, sums)
        problem = mostly_unread(table, name, row[1], row[0], tuple(t[:40] for t in bad))
        whole = row[1] == row[0] and name in (*table.needed, *MONEY)  # told already
        problems += [problem] if problem and not whole else []
    return problems


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


def _derived(readers: dict[str, str], table: Table, source: Source) -> dict[str, str]:
    if table.name != "transactions":
        return {}
    made = {}
    if "amount" not in readers and has_money(readers):
        quantity, price = (f"cast({readers[n]} as DOUBLE)" for n in ("quantity", "unit_price"))
        made["amount"] = f"{quantity} * {price}"
    prefix = source.rules.get("cancelled_prefix", "").replace("'", "''")
    if prefix and "is_return" not in readers and "order_id" in readers:
        made["is_return"] = f"coalesce({readers['order_id']} like '{prefix}%', false)"
    return made


def _count(
    frame: Any, columns: dict[str, str], readers: dict[str, str], table: Table, decimal: str
) -> list[Fault]:
    """Count every fault of a table in one scan; fetch examples only of those there are."""
    tests, dialect = {}, _dialect(frame)
    for name, sql in readers.items():
        contract = table.column(name)
        if contract is not None:
            own = dialect.name(columns[name])
            for code, condition in _tests(
                own, sql, contract.kind, name, table, dialect, decimal
            ).items():
                tests[name, code] = condition
    counted = project(frame, {f"f{n}": test for n, test in enumerate(tests.values())})
    sums = {f"n{n}": f"count_if(f{n})" for n in range(len(tests))}
    row = _first(counted, sums)
    faults = []
    for (name, code), n_rows in zip(tests, row, strict=True):
        if n_rows:
            contract = table.column(name)
            hidden = code == "missing" or (contract is not None and contract.personal)
            own = dialect.name(columns[name])
            shown = () if hidden else _examples(frame, own, tests[name, code])
            faults.append(Fault(table.name, name, code, int(n_rows), shown))
    return faults


def _tests(
    own: str, sql: str, kind: Kind, name: str, table: Table, dialect: Dialect, decimal: str
) -> dict[str, str]:
    text = f"coalesce(trim(cast({own} as {dialect.text})), '')"
    there = f"lower({text}) not in ('', 'nan')"
    unread, tests = f"({sql}) is null and {there}", {}
    if sql != own and f"isnan({own})" not in sql:
        marked = f"({sql}) is null and {dialect.matches.format(text, MARKER)}"
        tests["missing_marker"] = marked
        unread = f"{unread} and not ({marked})"
    if kind is Kind.IDENTIFIER and "like '%.0%'" in sql:
        tests["decimal_id"] = dialect.matches.format(text, DECIMAL_ID)
        tests["scientific_id"] = dialect.matches.format(text, SCIENTIFIC_ID)
    elif kind is Kind.NUMBER and sql != own:
        infinite = dialect.matches.format(text, INFINITE)
        comma = dialect.matches.format(text, COMMA) if decimal != "," else "false"
        tests["decimal_comma"] = f"{unread} and {comma}"
        tests["not_a_number"] = f"{unread} and not ({infinite} or {comma})"
        tests["not_finite"] = f"{unread} and {infinite}"
    elif kind in (Kind.TIME, Kind.FLAG) and sql != own:
        tests["not_a_time" if kind is Kind.TIME else "not_a_flag"] = unread
    if name in table.needed or name in MONEY:
        known = "".join(f" and not ({test})" for test in tests.values())
        tests["missing"] = f"({sql}) is null{known}"
    if kind is Kind.TIME:
        tests["time_zone"] = f"({sql}) is not null and {_zoned(text, sql, dialect)}"
        tests["implausible_time"] = f"coalesce(year({sql}) < 1980 or year({sql}) >= 2100, false)"
    if name == "amount":
        tests["huge"] = f"coalesce(abs({sql}) >= {HUGE}, false)"
    return tests


def _zoned(text: str, sql: str, dialect: Dialect) -> str:
    """Write the test for a time that named its zone, in its text or by the type of its column."""
    named = dialect.matches.format(text, ZONE) if "try_cast" in sql else "false"
    return "true" if sql.startswith("timezone(") else named


def _first(frame: Any, sums: dict[str, str]) -> tuple[Any, ...]:
    columns = [f"{sql} as {name}" for name, sql in sums.items()]
    if _dialect(frame) is DUCKDB:
        return tuple(frame.aggregate(", ".join(columns)).fetchall()[0])
    return tuple(frame.selectExpr(*columns).first())


def _examples(frame: Any, own: str, test: str) -> tuple[str, ...]:
    """Fetch a few different bad values; a lazy engine has no first ones, so the smallest."""
    values = project(frame.filter(test), {"v": f"cast({own} as {_dialect(frame).text})"})
    found = nw.from_native(values).unique("v").sort("v").head(EXAMPLES).collect()
    return tuple(str(value)[:40] for value in found["v"].to_list())
