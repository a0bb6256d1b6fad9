"""A table as it came, and what every reader of files and databases shares."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import narwhals as nw

from segwork.errors import DataError
from segwork.source import Source
from segwork.tables.faults import Fault

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa
    from duckdb import DuckDBPyConnection
    from narwhals.typing import IntoFrame

_BEGINNINGS = {
    b"PAR1": "a Parquet file",
    b"PK\x03\x04": "a zip archive or an Excel file",
    b"%PDF": "a PDF",
    b"\x1f\x8b": "a gzip archive",
    b"\x89PNG": "a picture",
    b"SQLite": "a SQLite database",
}


@dataclass
class Raw:
    """A table as it came, with what was found while reading it.

    Parameters
    ----------
    frame : native frame
    source : Source
    digest : callable
        SHA-256 of the source, worked out when asked for.
    faults, notes : list
    unreadable : DataError, optional
        Why there is no frame.
    left_out : int
        Rows that could not be placed; each is named in ``faults``.
    raw_text : bool
        The source has no types: every value is text.
    connection : DuckDB connection, optional
        The one a DuckDB relation belongs to.
    """

    frame: IntoFrame | None = None
    source: Source = field(default_factory=Source)
    digest: Callable[[], str] = str
    faults: list[Fault] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    unreadable: DataError | None = None
    left_out: int = 0
    raw_text: bool = False
    connection: DuckDBPyConnection | None = None


@dataclass(frozen=True)
class Wanted:
    """A table to read: its name, how its source is written, and where and as what it goes."""

    name: str
    source: Source
    connection: DuckDBPyConnection
    engine: str


def is_lazy_sql(frame: IntoFrame) -> bool:
    """Tell DuckDB relations and Spark frames, which are checked in SQL, from frames in memory."""
    return nw.dependencies.is_duckdb_relation(frame) or nw.dependencies.is_pyspark_dataframe(frame)


def refuse_twice(names: list[str], where: str) -> None:
    """Refuse a header that names a column twice."""
    if twice := [name for position, name in enumerate(names) if name in names[:position]]:
        raise DataError(
            f"the header of '{where}' names {', '.join(repr(n) for n in twice)} more than once",
            accepted="each column once",
        )


def arrow_to_pandas(arrow: pa.Table) -> pd.DataFrame:
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


def what_it_is(file: Path) -> str:
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


def first_line(fault: BaseException) -> str:
    """Return the first line of what an exception says."""
    return (str(fault).strip().splitlines() or [type(fault).__name__])[0][:160]


def file_digest(files: list[Path]) -> str:
    """Return the SHA-256 of files, one after the other."""
    digest = hashlib.sha256()
    for file in files:
        with file.open("rb") as handle:
            while block := handle.read(1 << 20):
                digest.update(block)
    return digest.hexdigest()


def frame_digest(frame: IntoFrame) -> str:
    """Return the SHA-256 of the values of a frame in memory; a lazy one is not computed for it."""
    if is_lazy_sql(frame):
        return "lazy frame, not fingerprinted"
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
