"""Read a query from a database that is opened for reading only."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, unquote

from segwork.errors import DataError, MissingExtraError
from segwork.progress import unwatched
from segwork.source import Source, shown_address
from segwork.tables.raw import Raw, first_line, frame_digest, refuse_twice
from segwork.tables.sql import refuse_writing

if TYPE_CHECKING:
    import pyarrow as pa
    import sqlalchemy

ROWS_A_TIME = 10_000
DRIVERS = {"postgresql": ("postgresql+psycopg", "psycopg", "postgres")}
READ_ONLY = {
    "postgresql": "set default_transaction_read_only = on",
    "mysql": "set session transaction read only",
    "mariadb": "set session transaction read only",
}
CLOSED = {
    "enable_external_access": "false",
    "autoinstall_known_extensions": "false",
    "autoload_known_extensions": "false",
    "allow_community_extensions": "false",
    "lock_configuration": "true",
}
"""DuckDB that reads its own file and nothing else."""


def read(address: str, name: str, source: Source) -> Raw:
    """Read ``sql``, or all of ``table``, from the database at a URL, row by row.

    A connection that is lost on the way is noticed; of the address only scheme, host and name of
    the database are ever shown.
    """
    import sqlalchemy as sa

    if source.sql:
        refuse_writing(source.sql)
    engine, shown = _engine(address), shown_address(address)
    rows: list[tuple[object, ...]] = []
    names: list[str] = []
    try:
        with engine.connect() as connection:
            if first := READ_ONLY.get(engine.dialect.name):
                connection.execute(sa.text(first))
                connection.commit()
            row_by_row = connection.execution_options(yield_per=ROWS_A_TIME)
            result = row_by_row.execute(_query(engine, name, source))
            names = [str(key) for key in result.keys()]  # noqa: SIM118
            with _closed_at_last(result.cursor):
                for part in _watched(result.partitions(ROWS_A_TIME), name):
                    rows.extend(tuple(row) for row in part)
            connection.rollback()
    except (sa.exc.SQLAlchemyError, OSError, ValueError) as fault:
        told = _short(fault, address, shown)
        if not rows:
            raise DataError(f"the database {shown} cannot be read ({told})") from None
        raise DataError(
            f"the database {shown} went away after {len(rows):,} rows ({told})",
            accepted="a database that answers to the end of the query",
            hint="nothing of this table was kept; run again",
        ) from None
    finally:
        engine.dispose()
    return _raw(rows, names, name)


def read_sqlite(file: Path, name: str, source: Source) -> Raw:
    """Read from a SQLite file that can be neither changed nor left by the query."""
    import sqlite3

    if source.sql:
        refuse_writing(source.sql)
    table = '"' + (source.table or name).replace('"', '""') + '"'
    # A file without a log is read as it is: no file is made beside it.
    whole = "" if file.with_name(f"{file.name}-wal").exists() else "&immutable=1"
    try:
        with closing(
            sqlite3.connect(f"file:{quote(str(file))}?mode=ro{whole}", uri=True)
        ) as connection:
            connection.set_authorizer(_only_reading)
            cursor = connection.execute(source.sql or f"select * from {table}")
            names = [column[0] for column in cursor.description or ()]
            rows = list(_watched(iter(lambda: cursor.fetchmany(ROWS_A_TIME), []), name))
    except sqlite3.Error as fault:
        raise DataError(f"SQLite cannot read '{file.name}' ({first_line(fault)})") from None
    return _raw([row for part in rows for row in part], names, name)


def _only_reading(action: int, _: str | None, second: str | None, *__: object) -> int:
    import sqlite3

    allowed = (sqlite3.SQLITE_SELECT, sqlite3.SQLITE_READ, sqlite3.SQLITE_RECURSIVE)
    harmless = action == sqlite3.SQLITE_FUNCTION and second != "load_extension"
    return sqlite3.SQLITE_OK if action in allowed or harmless else sqlite3.SQLITE_DENY


def read_duckdb(file: Path, name: str, source: Source) -> pa.Table:
    """Read from a DuckDB file with all other files and the network out of reach.

    Returns
    -------
    pyarrow.Table
    """
    import duckdb

    if source.sql:
        refuse_writing(source.sql)
    table = ".".join(f'"{part}"' for part in (source.table or name).split("."))
    query = source.sql or f"select * from {table}"
    try:
        with duckdb.connect(str(file), read_only=True, config=dict(CLOSED)) as connection:
            found = connection.extract_statements(query)
            if len(found) != 1 or found[0].type != duckdb.StatementType.SELECT:
                raise DataError("the sql is no SELECT", accepted="one SELECT that only reads")
            relation = connection.sql(query)
            refuse_twice(relation.columns, f"query on {file.name}")
            return relation.to_arrow_table()
    except duckdb.Error as fault:
        raise DataError(f"DuckDB cannot read '{file.name}' ({first_line(fault)})") from None


def only_table(file: Path, duck: bool) -> str:
    """Return the name of the only table of a database file.

    Raises
    ------
    DataError
        There is none, or more than one.
    """
    if duck:
        names = Source(sql="select table_name from information_schema.tables order by 1")
        found = read_duckdb(file, "", names).column(0).to_pylist()
    else:
        names = Source(sql="select name from sqlite_master where type in ('table', 'view')")
        found = read_sqlite(file, "", names).frame["name"].tolist()
    if len(found) != 1:
        raise DataError(
            f"'{file.name}' holds {len(found)} tables",
            accepted=f"one of {', '.join(found[:20])}, as {file.name}:NAME",
        )
    return str(found[0])


def _raw(rows: list[tuple[object, ...]], names: list[str], name: str) -> Raw:
    import pandas as pd

    refuse_twice(names, f"query for {name}")
    frame = pd.DataFrame.from_records(rows, columns=names, coerce_float=True)
    return Raw(frame, digest=lambda: frame_digest(frame))


def _engine(address: str) -> sqlalchemy.Engine:
    import sqlalchemy as sa

    driver, shown = None, shown_address(address)
    try:
        url = sa.engine.make_url(address)
        driver = DRIVERS.get(url.drivername)
        if driver:
            url = url.set(drivername=driver[0])
        return sa.create_engine(url)
    except sa.exc.NoSuchModuleError:
        raise DataError(f"no such kind of database: {shown}") from None
    except (sa.exc.ArgumentError, ValueError):
        scheme = shown.partition("://")[0]
        raise DataError(
            f"'{scheme}' is no database URL",
            accepted="postgresql://user@host/database",
            hint="write marks inside a password as %2F, %40 and so on",
        ) from None
    except ImportError:
        if driver:
            raise MissingExtraError.of(driver[1], extra=driver[2], needed_for=shown) from None
        raise DataError(f"{shown} needs a driver that is not installed") from None


def _query(engine: sqlalchemy.Engine, name: str, source: Source) -> Any:
    import sqlalchemy as sa

    if source.sql:
        return sa.text(source.sql.replace(":", r"\:"))
    parts = (source.table or name).split(".")
    quoted = ".".join(engine.dialect.identifier_preparer.quote(part) for part in parts)
    return sa.text(f"select * from {quoted}")


@contextmanager
def _closed_at_last(cursor: Any) -> Iterator[None]:
    """Close a driver's cursor even if its connection is lost, so that nothing is left open."""
    try:
        yield
    finally:
        with suppress(Exception):
            cursor.close()


def _watched(parts: Any, name: str) -> Any:
    from tqdm import tqdm

    with tqdm(desc=name, unit=" rows", disable=unwatched()) as bar:
        for part in parts:
            bar.update(len(part))
            yield part


def _short(fault: BaseException, address: str, shown: str) -> str:
    """Return the first line of a driver's message without any piece of the address it must hide."""
    text = first_line(getattr(fault, "orig", None) or fault)
    pieces = {p for one in (address, unquote(address)) for p in re.split(r"[^\w.!$*-]+", one)}
    for piece in sorted(pieces, key=len, reverse=True):
        if len(piece) > 1 and piece not in re.split(r"[^\w.-]+", shown):
            text = text.replace(piece, "…")
    return text
