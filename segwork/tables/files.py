"""Which files stand behind a config; nothing is read here."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from segwork import config as _config
from segwork.config import Config
from segwork.errors import DataError
from segwork.schema import TABLES
from segwork.source import Source


def sources(config: str | Path | Mapping[str, object] | Config) -> dict[str, list[Path]]:
    """List the data files behind a config: table → files (none for a database server).

    Raises
    ------
    DataError
        Every file that is missing, in one message.

    Examples
    --------
    >>> sources({"as_of": "2011-12-10", "tables": {"transactions": {"path": "no.csv"}}})
    Traceback (most recent call last):
        ...
    segwork.errors.DataError: no file at '...no.csv' (transactions); accepted: ...
    """
    ready = _config.load(config)
    found = {name: source_files(ready, source) for name, source in table_sources(ready).items()}
    missing = [
        f"'{ready.resolve(path)}' ({name})"
        for name, files in found.items()
        if files == [] and (path := _path(table_sources(ready)[name]))
    ]
    if missing:
        sample = bool(ready.sample.folder)
        raise DataError(
            f"no file at {', '.join(missing)}",
            accepted="an existing CSV, Parquet, Excel or DuckDB file",
            hint=f"'segwork sample {ready.sample.folder}' writes the sample company"
            if sample
            else "'segwork fetch NAME' downloads a public data set",
        )
    return found


def table_sources(config: Config) -> dict[str, Source]:
    """Return the configured tables; those of the sample folder where none are configured."""
    if config.tables:
        if "transactions" not in config.tables:
            raise DataError("the config names no transactions", accepted="[tables.transactions]")
        return dict(config.tables)
    if not config.sample.folder:
        raise DataError("the config names no tables", accepted="[tables.transactions] with a path")
    paths = {name: f"{config.sample.folder}/{name}.parquet" for name in TABLES}
    there = {n: p for n, p in paths.items() if n == "transactions" or config.resolve(p).exists()}
    return {name: Source(path=path) for name, path in there.items()}


def source_files(config: Config, source: Source) -> list[Path]:
    """Return the existing files of one source in name order; a folder or ``*`` may give many."""
    if not (place := _path(source)):
        return []
    path = config.resolve(place)
    if path.is_dir():
        return sorted(path.glob("**/*.parquet"))
    if any(mark in path.name for mark in "*?["):
        return sorted(path.parent.glob(path.name))
    return [path] if path.is_file() else []


def _path(source: Source) -> str:
    """Return where the file of a source lies, also of a database file named by URL."""
    kind, _, place = _config.expand(source.url).partition(":///")
    return place if kind in ("duckdb", "sqlite") else source.path
