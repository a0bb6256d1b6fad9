"""Open files and databases: one table in, one raw frame out, or the reason there is none."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path
from typing import Any

from segwork.config import Config, Source, expand
from segwork.errors import ConfigError, DataError
from segwork.runs.project import temporary_folder
from segwork.tables.engines import Raw, is_lazy_sql

PARQUET = (".parquet", ".pq")
EXCEL = (".xlsx", ".xlsm")
DUCKDB = (".duckdb", ".ddb")
SQLITE = (".sqlite", ".sqlite3", ".db")
TEXT = (".csv", ".tsv", ".txt", ".tab")
_BEGINNINGS = {
    b"PAR1": "a Parquet file",
    b"PK\x03\x04": "a zip archive or an Excel file",
    b"%PDF": "a PDF",
    b"\x1f\x8b": "a gzip archive",
    b"\x89PNG": "a picture",
    b"SQLite": "a SQLite database",
}


def read_all(config: Config) -> dict[str, Raw]:
    """Read every configured table on one DuckDB connection; unreadable ones carry their problem."""
    from segwork import tables

    files = tables.sources(config)
    connection = connect(config.memory_limit)
    raws = {}
    for name, source in tables.table_sources(config).items():
        try:
            raws[name] = _read(config, name, source, files[name], connection)
        except DataError as fault:
            raws[name] = Raw(unreadable=fault)
        raws[name].source = source
        raws[name].connection = connection
    return raws


def connect(memory_limit: str) -> Any:
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
            f"memory_limit is '{memory_limit}' ({_first_line(fault)})", accepted="such as '6GB'"
        ) from None
    # A query read batch by batch waits for its reader where the default, one megabyte, is full.
    connection.execute("set streaming_buffer_size = '100MB'")
    return connection


def of_frame(frame: Any) -> Raw:
    """Take a frame that is there already."""
    return Raw(frame, digest=lambda: frame_digest(frame))


def _read(config: Config, name: str, source: Source, files: list[Path], connection: Any) -> Raw:
    from segwork.tables import databases

    url = expand(source.url)
    if url and not files:
        return databases.read(url, name, source)
    ending = f".{url.split(':')[0]}" if url else files[0].suffix.lower()
    if len(files) > 1 and ending not in PARQUET:
        raise DataError(
            f"'{source.path}' names {len(files)} files", accepted="one file, or Parquet"
        )
    if ending in PARQUET:
        raw = _read_parquet(files, connection, config.engine)
    elif ending in EXCEL:
        raw = _read_excel(files[0], source.table)
    elif ending in DUCKDB:
        raw = _read_duckdb(files[0], name, source, connection, config.engine)
    elif ending in SQLITE:
        raw = databases.read(f"sqlite:///{files[0]}", name, source)
    elif ending in TEXT:
        from segwork.tables import csv_files

        raw = csv_files.read(files[0], name, source, connection, config.engine)
    else:
        raise DataError(
            f"'{files[0].name}' has the ending '{ending}'",
            accepted=", ".join((*TEXT, *PARQUET, *EXCEL, *DUCKDB, *SQLITE)),
        )
    raw.digest = lambda: file_digest(files)
    return raw


def _read_parquet(files: list[Path], connection: Any, engine: str) -> Raw:
    import duckdb
    import pyarrow as pa
    import pyarrow.parquet as pq

    for file in files:
        try:
            names = pq.read_schema(file).names
        except (pa.ArrowInvalid, OSError) as fault:
            raise DataError(
                f"'{file.name}' is {_what(file) or 'cut off or no Parquet file'}"
                f" ({_first_line(fault)})",
                hint="copy or fetch it again",
            ) from None
        refuse_twice(names, file.name)
    try:
        relation = connection.read_parquet([str(file) for file in files], union_by_name=True)
        return Raw(_native(relation, engine))
    except duckdb.Error as fault:
        raise DataError(
            f"'{files[0].name}' cannot be read to its end ({_first_line(fault)})",
            hint="copy or fetch it again",
        ) from None


def _read_duckdb(file: Path, name: str, source: Source, connection: Any, engine: str) -> Raw:
    import duckdb

    alias = f"source_{name}"
    try:
        quoted = str(file).replace("'", "''")
        connection.execute(f"attach '{quoted}' as {alias} (read_only)")
        connection.execute(f"use {alias}")
        table = ".".join(f'"{part}"' for part in (source.table or name).split("."))
        query = source.sql or f"select * from {table}"
        relation = connection.sql(query)
        refuse_twice(relation.columns, f"query on {file.name}")
        return Raw(_native(relation, engine))
    except duckdb.Error as fault:
        raise DataError(f"DuckDB cannot read '{file.name}' ({_first_line(fault)})") from None


def _read_excel(file: Path, sheet: str) -> Raw:
    import zipfile

    import openpyxl

    try:
        book = openpyxl.load_workbook(file, read_only=True, data_only=True)
    except (zipfile.BadZipFile, KeyError, OSError, ValueError) as fault:
        raise DataError(f"'{file.name}' is no Excel file ({_first_line(fault)})") from None
    try:
        if sheet and sheet not in book.sheetnames:
            raise DataError.unknown("sheet", sheet, book.sheetnames, where=f"'{file.name}'")
        rows = (book[sheet] if sheet else book.worksheets[0]).iter_rows(values_only=True)
        return _of_rows(rows, file)
    finally:
        book.close()


def _of_rows(rows: Any, file: Path) -> Raw:
    """Build a frame from an iterator of rows whose first is the header."""
    import pandas as pd

    header = next(rows, None)
    if header is None or all(cell is None for cell in header):
        raise DataError(f"'{file.name}' is empty")
    width = max(position + 1 for position, cell in enumerate(header) if cell is not None)
    names = [
        f"column_{position + 1}" if cell is None else str(cell)
        for position, cell in enumerate(header[:width])
    ]
    refuse_twice(names, file.name)
    body = [row[:width] for row in rows if any(cell is not None for cell in row)]
    frame = pd.DataFrame(body, columns=pd.Index(names, dtype=object), dtype=object)
    return Raw(frame.infer_objects())


def refuse_twice(names: list[str], where: str) -> None:
    """Refuse a header that names a column twice."""
    if twice := [name for position, name in enumerate(names) if name in names[:position]]:
        raise DataError(
            f"the header of '{where}' names {', '.join(repr(n) for n in twice)} more than once",
            accepted="each column once",
        )


def _native(relation: Any, engine: str) -> Any:
    if engine == "duckdb":
        return relation
    arrow = relation.to_arrow_table()
    if engine == "polars":
        import polars as pl

        return pl.from_arrow(arrow)
    return arrow_to_pandas(arrow)


def arrow_to_pandas(arrow: Any) -> Any:
    """Convert exactly: whole numbers with gaps too large for a float become nullable ones."""
    import pyarrow as pa
    import pyarrow.compute as pc

    frame = arrow.to_pandas()
    for position, column in enumerate(arrow.itercolumns()):
        gaps = pa.types.is_integer(column.type) and column.null_count
        if gaps and (pc.max(pc.abs(column)).as_py() or 0) >= 2**53:
            name = frame.columns[position]
            frame[name] = column.to_pandas(integer_object_nulls=True).astype("Int64")
    return frame


def _what(file: Path) -> str:
    """Say what a file is by its first bytes, empty if they tell nothing."""
    with file.open("rb") as handle:
        data = handle.read(16)
    word = _known(data) if data else "empty"
    return "cut off" if word == "a Parquet file" else word


def _known(data: bytes) -> str:
    return next((word for mark, word in _BEGINNINGS.items() if data.startswith(mark)), "")


def beginning(data: bytes) -> str:
    """Say what data is that was meant to be text, empty if it may be text."""
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        return ""
    if data.lstrip()[:9].lower().startswith((b"<!doctype", b"<html", b"<?xml")):
        return "a web page"
    return _known(data) or ("a binary file" if b"\x00" in data[:4096] else "")


def _first_line(fault: BaseException) -> str:
    return (str(fault).strip().splitlines() or [type(fault).__name__])[0][:160]


def file_digest(files: list[Path]) -> str:
    """Return the SHA-256 of files, one after the other."""
    digest = hashlib.sha256()
    for file in files:
        with file.open("rb") as handle:
            while block := handle.read(1 << 20):
                digest.update(block)
    return digest.hexdigest()


def frame_digest(frame: Any) -> str:
    """Return the SHA-256 of the values of a frame in memory; a lazy one is not computed for it."""
    if is_lazy_sql(frame):
        return "lazy frame, not fingerprinted"
    import narwhals as nw
    import pandas as pd

    wrapped = nw.from_native(frame)
    eager = wrapped.collect() if isinstance(wrapped, nw.LazyFrame) else wrapped
    table = eager.to_pandas()
    digest = hashlib.sha256("\x1f".join(map(str, table.columns)).encode())
    try:
        digest.update(pd.util.hash_pandas_object(table, index=False).to_numpy().tobytes())
    except TypeError:
        text = table.astype(str)
        digest.update(pd.util.hash_pandas_object(text, index=False).to_numpy().tobytes())
    return digest.hexdigest()
