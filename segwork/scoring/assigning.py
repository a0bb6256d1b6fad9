"""Features in, segments out, of the same kind of frame; who cannot be placed is told why.

Labels come from one function of a chunk of rows. DuckDB and Spark hand it record batches, so that
features are never in memory at once: DuckDB keeps the answer (an id and two words a customer),
Spark nothing at all, as its frame is worked out where it is written.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import narwhals as nw
import numpy as np
import pandas as pd
import pyarrow as pa

from segwork.clustering.model import SegmentModel
from segwork.clustering.prepare import MOST
from segwork.errors import DataError, UsageError
from segwork.tables.sql_readers import DUCKDB, SPARK

KEY = "customer_id"
BATCH = 50_000
NOBODY = "no customer_id"
NOTHING = "no value in any column of the model"
WORDS = {"segment": pa.string(), "why": pa.string()}


def assign(model: SegmentModel, table: Any) -> Any:
    """Assign a segment to every customer of a table of features.

    Parameters
    ----------
    model : SegmentModel
        As :func:`segwork.scoring.load` reads it.
    table : native frame
        pandas, DuckDB or Spark: one row per ``customer_id`` (of pandas also the index) with the
        columns ``model.columns``, as :func:`segwork.features.customer_features` makes them.

    Returns
    -------
    native frame
        Of the same kind, one row for each row given: ``customer_id``; ``segment``, an id such as
        S01, or ``noise`` where the model says that a customer belongs to none; ``why``, the reason
        where there is no segment because the customer cannot be placed, else missing. Not placed
        are rows without id, with infinite values (or beyond 1e150), without a value the model
        cannot do without (``model.required``), or without any value at all. Other missing values
        are filled with what was usual when the model was fitted. The Spark frame is lazy.

    Raises
    ------
    DataError
        A column is missing or is no number.
    UsageError
        The table is of another kind.

    Examples
    --------
    >>> from segwork.clustering import compare
    >>> known = pd.DataFrame({"a": [0.0, 0.1, 0.2, 9.0, 9.1, 9.2] * 4})
    >>> model = compare(known, methods=("kmeans",), n_clusters=2, draws=0, copies=0).model("kmeans")
    >>> new = pd.DataFrame({"customer_id": ["x", "y", "z"], "a": [0.1, 9.1, np.nan]})
    >>> assign(model, new)["why"].fillna("placed").tolist()
    ['placed', 'placed', 'no value in any column of the model']
    """
    if isinstance(table, pd.DataFrame):
        return _of_pandas(model, table)
    if nw.dependencies.is_duckdb_relation(table):
        return _of_duckdb(model, table)
    if nw.dependencies.is_pyspark_dataframe(table):
        return _of_spark(model, table)
    raise UsageError(
        f"the table is a {type(table).__name__}", accepted="a pandas, DuckDB or Spark frame"
    )


def _of_pandas(model: SegmentModel, table: pd.DataFrame) -> pd.DataFrame:
    if KEY not in table.columns and table.index.name == KEY:
        table = table.reset_index()
    _check(model, table)
    parts = [
        label(model, table.iloc[start : start + BATCH])
        for start in range(0, max(len(table), 1), BATCH)
    ]
    return pd.concat(parts) if len(parts) > 1 else parts[0]


def _of_duckdb(model: SegmentModel, table: Any) -> Any:
    _check(model, table)
    names = ", ".join(f"cast({DUCKDB.name(n)} as double)" for n in model.columns)
    reader = table.project(f"{KEY}, {names}").to_arrow_reader(BATCH)
    schema = pa.schema({KEY: reader.schema.field(KEY).type, **WORDS})
    found = list(_batches(model, reader))
    answer = pa.Table.from_batches(found, schema)  # noqa: F841 (the query reads it)
    return table.query("features", "select * from answer")


def _of_spark(model: SegmentModel, table: Any) -> Any:
    from pyspark.sql.types import StringType, StructField, StructType

    _check(model, table)
    names = [f"cast({SPARK.name(n)} as double)" for n in model.columns]
    words = [StructField(name, StringType()) for name in WORDS]
    schema = StructType([table.schema[KEY], *words])
    return table.selectExpr(KEY, *names).mapInArrow(lambda rows: _batches(model, rows), schema)


def _batches(model: SegmentModel, rows: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    """Label record batches whose first column is the id and whose others are the model's."""
    names = [KEY, *model.columns]
    for batch in rows:
        ids = batch.column(0)
        columns = dict(zip(names, batch.columns, strict=True))
        found = label(model, pa.RecordBatch.from_pydict(columns).to_pandas())
        said = [pa.array(found[n], type=kind, from_pandas=True) for n, kind in WORDS.items()]
        schema = pa.schema({KEY: ids.type, **WORDS})
        yield pa.RecordBatch.from_arrays([ids, *said], schema=schema)


def _check(model: SegmentModel, table: Any) -> None:
    """Refuse a table that lacks a column of the model or has text in one."""
    schema = nw.from_native(table).collect_schema()
    for name in (KEY, *model.columns):
        if name not in schema:
            raise DataError.unknown("column", name, schema.names(), where="the table of features")
        if name != KEY and not (schema[name].is_numeric() or schema[name] == nw.Boolean):
            raise DataError(
                f"column '{name}' of the table of features is {schema[name]}",
                accepted="numbers, as features.customer_features makes them",
            )


def label(model: SegmentModel, rows: pd.DataFrame) -> pd.DataFrame:
    """Return customer_id, segment and why of a chunk of rows: the one definition."""
    names = list(model.columns)
    values = rows[names].to_numpy(float, na_value=np.nan)
    why = _why_not(model, rows[KEY], values)
    placed = why.isna().to_numpy()
    segment = pd.Series(None, index=rows.index, dtype=object)
    if placed.any():
        found = model.segments(pd.DataFrame(values[placed], columns=names))
        segment[placed] = found.to_numpy(dtype=object)
    said = {"segment": segment.astype("str"), "why": why.astype("str")}
    return pd.DataFrame({KEY: rows[KEY], **said}, index=rows.index)


def _why_not(model: SegmentModel, ids: pd.Series, values: np.ndarray) -> pd.Series:
    """Return why each row cannot be placed, shape (n,); missing where it can."""
    why = pd.Series(None, index=ids.index, dtype=object)
    absent = np.isnan(values)
    for at, name in reversed(list(enumerate(model.columns))):
        if name in model.required:
            why[absent[:, at]] = f"no {name}"
        why[np.abs(values[:, at]) > MOST] = f"{name} is not finite"
    why[absent.all(axis=1)] = NOTHING
    why[ids.isna().to_numpy()] = NOBODY
    return why
