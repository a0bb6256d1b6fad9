"""``segwork score``: order lines in, a segment for each customer out, everybody counted."""

from __future__ import annotations

import importlib.util
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import narwhals as nw

from segwork import config as _config
from segwork import features, tables
from segwork.config import Config
from segwork.errors import DataError, MissingExtraError, UsageError
from segwork.privacy.consent import through_door
from segwork.runs.files import atomically
from segwork.runs.folder import RunFolder
from segwork.scoring.assigning import assign
from segwork.scoring.models import model_of
from segwork.tables import Tables

ENDINGS = (".csv", ".parquet")
WINDOW_DAYS = Config(as_of=date.min).window_days
Counts = dict[tuple[bool, str], int]  # (placed, segment or reason) -> customers


def score(
    run_folder: str,
    table: str,
    *,
    as_of: str,
    engine: str = "pandas",
    out: str | None = None,
    master: str = "",
    say: Callable[[str], None] = print,
) -> int:
    """Score a table with the model of a run, say how many were placed, and return exit code 0.

    Parameters
    ----------
    run_folder : str
        A run, or a folder of :func:`segwork.scoring.save`.
    table : str
        Order lines with the contract's column names, or a config that maps them and, for pandas
        and DuckDB, further tables. Who did not consent by that config is not scored.
    as_of : str
        Day before which everything happened; that of the config does not count.
    engine : {"pandas", "duckdb", "spark"}
        What reads the table, makes the features and holds the answer.
    out : str, optional
        Where customer_id, segment and why are written, ``.csv`` or ``.parquet``; for Spark a folder
        that its workers fill. Ids are those of the table.
    master : str, optional
        Where Spark runs; by default where a session that is there runs, or on this machine.

    Raises
    ------
    SegworkError
        The model, the table or the day cannot be used; nothing was written.
    """
    model, window = model_of(run_folder), _window(Path(run_folder))
    if out and Path(out).suffix not in ENDINGS:
        raise UsageError(f"--out is '{out}'", accepted=" or ".join(ENDINGS))
    with _read(table, _day(as_of), engine, master) as (given, allowed):
        known = features.customer_features(allowed, as_of=as_of, window_days=window)
        found = assign(model, known)
        if out:
            found = _write(found, out)
        counts = _counts(found)
        everybody, willing = _customers(given), _customers(allowed)
    absent = {
        f"no order before {as_of}": willing - sum(counts.values()),
        "no consent, or withdrawn": everybody - willing,
    }
    counts |= {(False, why): n for why, n in absent.items() if n}
    for (placed, what), n in sorted(counts.items(), key=lambda one: (not one[0][0], one[0][1])):
        say(f"  {n:>12,}  {what if placed else f'not placed: {what}'}")
    total = sum(n for (placed, _), n in counts.items() if placed)
    say(f"segwork score: customers {everybody} = placed {total} + not placed {everybody - total}")
    return 0


def _window(folder: Path) -> int:
    """Return the length of the window the run made its features with."""
    if not RunFolder(folder).file("manifest.json").is_file():
        return WINDOW_DAYS
    window = RunFolder(folder).manifest()["config"].get("window_days", WINDOW_DAYS)
    if not isinstance(window, int):
        raise DataError(f"'window_days' in the manifest of '{folder}' is no number")
    return window


def _day(as_of: str) -> date:
    try:
        return date.fromisoformat(as_of)
    except ValueError:
        raise UsageError(f"--as-of is '{as_of}'", accepted="year-month-day") from None


@contextmanager
def _read(table: str, day: date, engine: str, master: str) -> Iterator[tuple[Tables, Tables]]:
    """Give the tables as they came, and what consent lets through."""
    mapped = Path(table).suffix == ".toml"
    if engine != "spark":
        lines = {"transactions": {"path": table}}
        config = _config.load(table if mapped else {"as_of": day, "tables": lines})
        config = replace(config, as_of=day, engine=engine)
        data = tables.load(config)
        yield data, through_door(data, config).tables
        return
    if mapped:
        raise UsageError(
            f"Spark does not read by a mapping such as '{table}'",
            accepted="order lines with the contract's column names: a file, a folder, an address",
            hint="--engine duckdb reads it; scoring.assign takes any Spark frame of features",
        )
    if importlib.util.find_spec("pyspark") is None:
        raise MissingExtraError.of("pyspark", extra="spark", needed_for="--engine spark")
    if "://" not in table and not Path(table).exists():
        raise DataError(f"there is no '{table}'", accepted="CSV or Parquet: a file or a folder")
    from pyspark.sql import SparkSession

    there = SparkSession.getActiveSession()
    if (master or "local").startswith("local"):
        # Workers here run the Python that has segwork; Spark would take any python3.
        os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
    builder = SparkSession.builder.appName("segwork score")
    builder = builder.config("spark.python.authenticate.socketTimeout", "60s")  # busy machines
    session = there or (builder.master(master) if master else builder).getOrCreate()
    try:
        is_csv = table.endswith(".csv")
        lines = session.read.csv(table, header=True) if is_csv else session.read.parquet(table)
        data = tables.from_frames(transactions=lines)
        yield data, data
    finally:
        if there is None:
            session.stop()


def _write(found: Any, out: str) -> Any:
    """Write the answer whole, for its owner only, and return what was written or is at hand."""
    is_csv = out.endswith(".csv")
    if nw.dependencies.is_pyspark_dataframe(found):
        if Path(out).exists():
            raise UsageError(f"'{out}' is there already", accepted="a new folder for Spark's parts")
        writer = found.write
        writer.csv(out, header=True) if is_csv else writer.parquet(out)
        if Path(out).is_dir():
            Path(out).chmod(0o700)
        reader = found.sparkSession.read
        return reader.csv(out, header=True) if is_csv else reader.parquet(out)
    if nw.dependencies.is_duckdb_relation(found):
        write = found.write_csv if is_csv else found.write_parquet
        atomically(Path(out), write)
    elif is_csv:
        atomically(Path(out), lambda to: found.to_csv(to, index=False))
    else:
        atomically(Path(out), lambda to: found.to_parquet(to, index=False))
    return found


def _counts(found: Any) -> Counts:
    frame = nw.from_native(found).lazy()
    what = nw.coalesce(nw.col("segment"), nw.col("why")).alias("what")
    said = frame.select(what, placed=nw.col("why").is_null())
    rows = said.group_by("placed", "what").agg(nw.len().alias("n")).collect()
    columns = (rows[name].to_list() for name in ("placed", "what", "n"))
    return {(bool(placed), str(text)): int(n) for placed, text, n in zip(*columns, strict=True)}


def _customers(data: Tables) -> int:
    """Count the customers that the order lines name."""
    ids = nw.from_native(data.transactions).lazy().select("customer_id").drop_nulls()
    distinct = ids.group_by("customer_id").agg(nw.len().alias("n"))
    return int(distinct.select(nw.len()).collect().item())
