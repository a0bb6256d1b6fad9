"""Open files and databases: one table in, one raw frame out, or the reason there is none."""

from __future__ import annotations

import importlib.util
import os
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from segwork.config import Config, expand
from segwork.errors import ConfigError, DataError, MissingExtraError
from segwork.runs.project import temporary_folder
from segwork.source import Source
from segwork.tables import csv_files, databases, excel, prepare
from segwork.tables.files import sources, table_sources
from segwork.tables.raw import (
    Raw,
    Wanted,
    arrow_to_pandas,
    file_digest,
    first_line,
    frame_digest,
    refuse_twice,
    what_it_is,
)

if TYPE_CHECKING:
    import pandas as pd
    from duckdb import DuckDBPyConnection, DuckDBPyRelation
    from narwhals.typing import IntoFrame

PARQUET = (".parquet", ".pq")
EXCEL = (".xlsx", ".xlsm")
DUCKDB = (".duckdb", ".ddb")
SQLITE = (".sqlite", ".sqlite3", ".db")
TEXT = (".csv", ".tsv", ".txt", ".tab")


def read_all(config: Config) -> dict[str, Raw]:
    """Read every configured table on one DuckDB connection; unreadable ones carry their problem."""
    files = sources(config)
    if config.engine == "polars" and importlib.util.find_spec("polars") is None:
        raise MissingExtraError.of("polars", extra="polars", needed_for="engine = 'polars'")
    connection = connect(config.memory_limit)
    raws = {}
    for name, source in table_sources(config).items():
        try:
            engine = "pandas" if source.in_memory else config.engine
            raws[name] = _read(files[name], Wanted(name, source, connection, engine))
        except DataError as fault:
            raws[name] = Raw(unreadable=fault)
        raws[name].source = source
        raws[name].connection = connection
    return raws


def connect(memory_limit: str) -> DuckDBPyConnection:
    """Open a DuckDB database in memory that goes to the system's temporary folder when full.

    Raises
    ------
    ConfigError
        The limit is no amount of memory.
    """
    import duckdb

    folder = str(temporary_folder() / f"duckdb-{os.getpid()}")
    limits = {"memory_limit": memory_limit, "temp_directory": folder}
    try:
        connection = duckdb.connect(config=limits)
    except duckdb.Error as fault:
        raise ConfigError(
            f"memory_limit is '{memory_limit}' ({first_line(fault)})", accepted="such as '6GB'"
        ) from None
    # A query read batch by batch waits for its reader where the default, one megabyte, is full.
    connection.execute("set streaming_buffer_size = '100MB'")
    return connection


def of_frame(frame: IntoFrame) -> Raw:
    """Take a frame that is there already."""
    return Raw(frame, digest=lambda: frame_digest(frame))


def open_alone(file: Path, table: str = "", url: str = "") -> pd.DataFrame:
    """Read one file, or a table of a database, as a pandas frame of what it holds.

    Raises
    ------
    DataError
        It cannot be read, or is a database of several tables and none is named.
    """
    source = Source(path=str(file), url=url, table=table)
    if url:
        return databases.read(url, table, source).frame
    ending = file.suffix.lower()
    if ending in (*DUCKDB, *SQLITE) and not table:
        source = replace(source, table=databases.only_table(file, ending in DUCKDB))
    return _read_files([file], ending, Wanted(table, source, connect("1GB"), "pandas")).frame


def _read(files: list[Path], wanted: Wanted) -> Raw:
    name, source = wanted.name, wanted.source
    url = expand(source.url)
    if url and not files:
        return prepare.rows(databases.read(url, name, source), name, source)
    ending = f".{url.split(':')[0]}" if url else files[0].suffix.lower()
    if len(files) > 1 and ending not in PARQUET:
        raise DataError(
            f"'{source.path}' names {len(files)} files", accepted="one file, or Parquet"
        )
    raw = _read_files(files, ending, wanted)
    if source.in_memory:
        raw = prepare.rows(raw, name, source)
    raw.digest = lambda: file_digest(files)
    return raw


def _read_files(files: list[Path], ending: str, wanted: Wanted) -> Raw:
    file, name, source = files[0], wanted.name, wanted.source
    if ending in PARQUET:
        return _read_parquet(files, wanted)
    if ending in EXCEL:
        return excel.read(file, name, source)
    if ending in DUCKDB:
        return _read_duckdb(file, wanted)
    if ending in SQLITE:
        return databases.read_sqlite(file, name, source)
    if ending in TEXT:
        return csv_files.read(file, wanted)
    raise DataError(
        f"'{file.name}' has the ending '{ending}'",
        accepted=", ".join((*TEXT, *PARQUET, *EXCEL, *DUCKDB, *SQLITE)),
    )


def _read_parquet(files: list[Path], wanted: Wanted) -> Raw:
    import duckdb
    import pyarrow as pa
    import pyarrow.parquet as pq

    for file in files:
        try:
            names = pq.read_schema(file).names
        except (pa.ArrowInvalid, OSError) as fault:
            raise DataError(
                f"'{file.name}' is {what_it_is(file) or 'cut off or no Parquet file'}"
                f" ({first_line(fault)})",
                hint="copy or fetch it again",
            ) from None
        refuse_twice(names, file.name)
    try:
        places = [str(file) for file in files]
        relation = wanted.connection.read_parquet(places, union_by_name=True)
        return Raw(_native(_bytes_as_text(relation), wanted.engine))
    except duckdb.Error as fault:
        raise DataError(
            f"'{files[0].name}' cannot be read to its end ({first_line(fault)})",
            hint="copy or fetch it again",
        ) from None


def _read_duckdb(file: Path, wanted: Wanted) -> Raw:
    """Read a DuckDB file through a connection that reaches nothing else."""
    name, connection = wanted.name, wanted.connection
    arrow = databases.read_duckdb(file, name, wanted.source)
    if wanted.engine != "duckdb":
        return Raw(_native(arrow, wanted.engine))
    connection.register(f"arrow_{name}", arrow)
    connection.execute(f"create or replace temp table duckdb_{name} as from arrow_{name}")
    connection.unregister(f"arrow_{name}")
    return Raw(connection.table(f"duckdb_{name}"))


def _native(found: DuckDBPyRelation, engine: str) -> IntoFrame:
    """Turn a DuckDB relation or an Arrow table into the kind of frame an engine has."""
    import pyarrow as pa

    if engine == "duckdb":
        return found
    arrow = found if isinstance(found, pa.Table) else found.to_arrow_table()
    if engine == "polars":
        import polars as pl

        return pl.from_arrow(arrow)
    return arrow_to_pandas(arrow)


def _bytes_as_text(relation: DuckDBPyRelation) -> DuckDBPyRelation:
    """Read columns of bytes as text: some writers of Parquet do not say that theirs are text."""
    columns = [f'"{name.replace(chr(34), chr(34) * 2)}"' for name in relation.columns]
    kinds = [str(kind) for kind in relation.types]
    if "BLOB" not in kinds:
        return relation
    shown = [
        f"coalesce(try(decode({name})), hex({name})) as {name}" if kind == "BLOB" else name
        for name, kind in zip(columns, kinds, strict=True)
    ]
    return relation.project(", ".join(shown))
