"""Read a query from any SQL database by URL, row by row so that a lost connection is noticed."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from segwork.config import Config, Source
from segwork.errors import DataError, MissingExtraError
from segwork.progress import unwatched
from segwork.tables.engines import Raw
from segwork.tables.reading import frame_digest

ROWS_A_TIME = 10_000
DRIVERS = {"postgresql": ("postgresql+psycopg", "psycopg", "postgres")}


def read(config: Config, name: str, source: Source) -> Raw:
    """Read ``sql``, or all of ``table``, from the database at ``url``."""
    from segwork.config import expand

    url = expand(source.url)
    if url.startswith("duckdb:///"):
        return _read_duckdb(config.resolve(url.removeprefix("duckdb:///")), name, source)
    return _read(url, name, source)


def read_sqlite(file: Path, name: str, source: Source) -> Raw:
    """Read a table or a query from a SQLite file."""
    return _read(f"sqlite:///{file}", name, source)


def _read_duckdb(file: Path, name: str, source: Source) -> Raw:
    import duckdb

    from segwork.tables.reading import arrow_to_pandas

    if not file.is_file():
        raise DataError(f"no file at '{file}' ({name})", accepted="an existing DuckDB file")
    query = source.sql or f'select * from "{source.table or name}"'
    try:
        with duckdb.connect(str(file), read_only=True) as connection:
            frame = arrow_to_pandas(connection.sql(query).to_arrow_table())
    except duckdb.Error as fault:
        raise DataError(f"'{file.name}' cannot be read ({_short(fault)})") from None
    return Raw(frame, digest=lambda: frame_digest(frame))


def _read(address: str, name: str, source: Source) -> Raw:
    import pandas as pd
    import sqlalchemy as sa

    engine, shown = _engine(address)
    rows: list[Any] = []
    names: list[str] = []
    try:
        with engine.connect().execution_options(yield_per=ROWS_A_TIME) as connection:
            result = connection.execute(_query(engine, name, source))
            names = [str(key) for key in result.keys()]  # noqa: SIM118
            with _closed_at_last(result.cursor):
                for part in _watched(result.partitions(ROWS_A_TIME), name):
                    rows.extend(tuple(row) for row in part)
    except (sa.exc.SQLAlchemyError, OSError, ValueError) as fault:
        got = f"went away after {len(rows):,} rows" if rows else "cannot be read"
        raise DataError(
            f"the database {shown} {got} ({_short(fault)})",
            accepted="a database that answers to the end of the query",
            hint="nothing of this table was kept; run again",
        ) from None
    finally:
        engine.dispose()
    _refuse_twice(names, name)
    frame = pd.DataFrame.from_records(rows, columns=names, coerce_float=True)
    return Raw(frame, digest=lambda: frame_digest(frame))


def _engine(address: str) -> tuple[Any, str]:
    """Make the engine and the address to show, without the password."""
    import sqlalchemy as sa

    try:
        url = sa.engine.make_url(address)
        shown = url.render_as_string(hide_password=True)
        driver = DRIVERS.get(url.drivername)
        if driver:
            url = url.set(drivername=driver[0])
        return sa.create_engine(url), shown
    except sa.exc.NoSuchModuleError as fault:
        raise DataError(f"no such kind of database ({_short(fault)})") from None
    except sa.exc.ArgumentError:
        scheme = address.split(":", 1)[0]
        raise DataError(
            f"'{scheme}' is no database URL", accepted="postgresql://user@host/database"
        ) from None
    except ImportError as fault:
        package, extra = driver[1:] if driver else (fault.name or "its driver", "postgres")
        raise MissingExtraError.of(package, extra=extra, needed_for=shown) from None


def _query(engine: Any, name: str, source: Source) -> Any:
    import sqlalchemy as sa

    if source.sql:
        return sa.text(source.sql)
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


def _refuse_twice(names: list[str], name: str) -> None:
    from segwork.tables.reading import refuse_twice

    refuse_twice(names, f"query for {name}")


def _short(fault: BaseException) -> str:
    text = str(getattr(fault, "orig", None) or fault).strip()
    return (text.splitlines() or [type(fault).__name__])[0][:160]
