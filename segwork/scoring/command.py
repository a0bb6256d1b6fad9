"""``segwork score``: order lines in, a segment for each customer out, everybody counted."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

import narwhals as nw

from segwork import config as _config
from segwork import features, tables
from segwork.config import Config, expand
from segwork.errors import DataError, MissingExtraError, UsageError
from segwork.privacy.consent import through_door
from segwork.runs.files import atomically
from segwork.runs.folder import RunFolder
from segwork.scoring.assigning import assign
from segwork.scoring.models import model_of
from segwork.scoring.spark import session
from segwork.source import Source
from segwork.tables import Tables, source_files, table_sources
from segwork.tables.times import EPOCH_UNITS

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

CSV = (".csv", ".csv.gz")
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
        Order lines with the contract's column names, or a config that maps them and names further
        tables. Who did not consent by that config is not scored.
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
    with _read(table, tables.instant(as_of).date(), engine, master) as (given, allowed):
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


@contextmanager
def _read(table: str, day: date, engine: str, master: str) -> Iterator[tuple[Tables, Tables]]:
    """Give the tables as they came, and what consent lets through."""
    lines = {"transactions": {"path": table}}
    is_config = Path(table).suffix == ".toml"
    config = _config.load(table if is_config else {"as_of": day, "tables": lines})
    if engine != "spark":
        config = replace(config, as_of=day, engine=engine)
        data = tables.load(config)
        yield data, through_door(data, config).tables
        return
    if importlib.util.find_spec("pyspark") is None:
        raise MissingExtraError.of("pyspark", extra="spark", needed_for="--engine spark")
    config, sources = replace(config, as_of=day), table_sources(config)
    paths = {name: _spark_path(config, name, source) for name, source in sources.items()}
    with session("segwork score", master) as spark:
        frames = {name: _opened(spark, path, sources[name]) for name, path in paths.items()}
        data = tables.from_frames(**frames, sources=sources)
        # Consent is counted by customer, here: nobody is asked where there is none to ask for.
        yield data, data if data.customers is None else through_door(data, config).tables


def _spark_path(config: Config, name: str, source: Source) -> str:
    """Return where Spark finds a table; what it would not read as the others do is refused."""
    by_sql = not source.in_memory and source.time_format in ("", *EPOCH_UNITS)
    if source.url or source.sql or source.table or not by_sql:
        raise UsageError(
            f"Spark does not read [tables.{name}] as it is written",
            accepted="path of CSV or Parquet, columns, separator, encoding, decimal",
            hint="--engine duckdb reads it; scoring.assign takes any Spark frame of features",
        )
    path = expand(source.path)
    path = path if "://" in path else str(config.resolve(path))
    if not ("://" in path or Path(path).exists() or source_files(config, source)):
        raise DataError(f"there is no '{path}'", accepted="CSV or Parquet: a file or a folder")
    return path


def _opened(spark: SparkSession, path: str, source: Source) -> DataFrame:
    """Open a table as it is; its columns are mapped and checked where those of DuckDB are."""
    if not path.endswith(CSV):
        return spark.read.parquet(path)
    written = {"sep": source.separator or ",", "encoding": source.encoding or "UTF-8"}
    return spark.read.csv(path, header=True, escape='"', **written)  # a quote is doubled in a text


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
    return int(ids.unique().select(nw.len()).collect().item())
