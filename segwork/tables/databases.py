"""Read a query from any SQL database by URL, row by row so that a lost connection is noticed."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

from segwork.config import Source
from segwork.errors import DataError, MissingExtraError
from segwork.progress import unwatched
from segwork.tables.engines import Raw
from segwork.tables.reading import frame_digest, refuse_twice

ROWS_A_TIME = 10_000
DRIVERS = {"postgresql": ("postgresql+psycopg", "psycopg", "postgres")}


def read(address: str, name: str, source: Source) -> Raw:
    """Read ``sql``, or all of ``table``, from the database at a URL."""
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
        if not rows:
            raise DataError(f"the database {shown} cannot be read ({_short(fault)})") from None
        raise DataError(
            f"the database {shown} went away after {len(rows):,} rows ({_short(fault)})",
            accepted="a database that answers to the end of the query",
            hint="nothing of this table was kept; run again",
        ) from None
    finally:
        engine.dispose()
    refuse_twice(names, f"query for {name}")
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
        if driver:
            raise MissingExtraError.of(driver[1], extra=driver[2], needed_for=shown) from None
        raise DataError(f"{shown} needs a driver that is not installed ({fault})") from None


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


def _short(fault: BaseException) -> str:
    text = str(getattr(fault, "orig", None) or fault).strip()
    return (text.splitlines() or [type(fault).__name__])[0][:160]
