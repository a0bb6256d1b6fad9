"""One definition of features: pandas, Polars, DuckDB and Spark agree on real data to 1e-9."""

from __future__ import annotations

import importlib.util
import os
import shutil
from functools import cache
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pandas as pd
import polars as pl
import pytest

from segwork import features, tables

DATA = os.environ.get("SEGWORK_DATA", "")
needs_data = pytest.mark.skipif(not DATA, reason="SEGWORK_DATA is not set")
needs_spark = pytest.mark.skipif(
    importlib.util.find_spec("pyspark") is None or shutil.which("java") is None,
    reason="pyspark or Java is not installed (pip install 'segwork[spark]')",
)
CONFIG = Path(__file__).parent.parent / "notebooks" / "configs" / "online_retail_II.toml"
RENAMED = (
    '"Customer ID" as customer_id, "Invoice" as order_id, "InvoiceDate" as ordered_at,'
    ' "Quantity" as quantity, "Price" as unit_price, "StockCode" as product_id,'
    " \"Invoice\" like 'C%' as is_return"
)
AS_OF = "2011-12-10"


@cache
def reference() -> pd.DataFrame:
    """Features of Online Retail II through the config, on pandas."""
    return features.customer_features(tables.load(CONFIG), as_of=AS_OF)


def agree(found: pd.DataFrame, engine: str) -> None:
    """Compare every value of every customer with pandas: 1e-9, relative to the value above 1."""
    expected = reference().set_index("customer_id").sort_index()
    found = found.set_index("customer_id").sort_index()
    assert list(found.columns) == list(expected.columns)
    assert list(found.index) == list(expected.index)
    ours, theirs = expected.to_numpy(float), found.to_numpy(float)
    apart = np.nanmax(abs(ours - theirs) / np.maximum(abs(ours), 1))
    print(f"{engine}: {ours.shape[0]:,} customers, {ours.shape[1]} features, apart {apart:.1e}")
    np.testing.assert_allclose(theirs, ours, rtol=1e-9, atol=1e-9, equal_nan=True)


def counted(data: tables.Tables) -> list[tuple[Any, ...]]:
    """Column, code and rows of every fault."""
    return list(data.faults[["column", "code", "n_rows"]].itertuples(index=False, name=None))


@needs_data
def test_pandas_equals_plain_sql() -> None:
    """Orders, spend, days and returns equal a query written without our code."""
    lines = f"'{Path(DATA) / 'online_retail_II.parquet'}'"
    rows = duckdb.sql(
        f"""
        select "Customer ID"::varchar, count(distinct Invoice) filter (ok), count(*) filter (ok),
               sum(Quantity * Price) filter (ok),
               date '2011-12-10' - min(InvoiceDate::date) filter (ok),
               date '2011-12-10' - max(InvoiceDate::date) filter (ok),
               count(distinct StockCode) filter (ok),
               count(*) filter (Quantity < 0)
        from (select *, Quantity > 0 and Invoice not like 'C%' as ok from {lines})
        where "Customer ID" is not null group by all having count(*) filter (ok) > 0
        """
    ).df()
    columns = ["orders", "order_lines", "spend_total", "tenure_days", "days_since_last", "products"]
    columns.append("returns")
    found = reference().set_index("customer_id")[columns].sort_index()
    expected = rows.set_index(rows.columns[0]).sort_index()
    assert len(found) == len(expected) == 5881
    np.testing.assert_allclose(found.to_numpy(float), expected.to_numpy(float), rtol=1e-12)


@needs_data
def test_polars_agrees() -> None:
    """A Polars frame handed in gives a Polars frame with the same values."""
    query = f"select {RENAMED} from '{Path(DATA) / 'online_retail_II.parquet'}'"
    given = pl.from_arrow(duckdb.sql(query).to_arrow_table())
    found = features.customer_features(tables.from_frames(transactions=given), as_of=AS_OF)
    assert isinstance(found, pl.DataFrame)
    agree(found.to_pandas(), "polars")
    assert found["customer_id"].to_list() == reference()["customer_id"].tolist()


@needs_data
def test_duckdb_agrees() -> None:
    """A DuckDB relation handed in gives a relation with the same values."""
    query = f"select {RENAMED} from '{Path(DATA) / 'online_retail_II.parquet'}'"
    data = tables.from_frames(transactions=duckdb.sql(query))
    found = features.customer_features(data, as_of=AS_OF)
    assert isinstance(found, duckdb.DuckDBPyRelation)
    agree(found.df(), "duckdb")
    assert counted(data) == [("customer_id", "missing", 243007)]


@needs_data
@needs_spark
@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:PySpark does not yet fully support pandas:FutureWarning")
@pytest.mark.filterwarnings("ignore::ResourceWarning")
def test_spark_agrees(spark: Any) -> None:
    """A Spark frame of all rows handed in gives a Spark frame with the same values."""
    raw = spark.read.parquet(str(Path(DATA) / "online_retail_II.parquet"))
    given = raw.selectExpr(*RENAMED.replace('"', "`").split(", "))
    data = tables.from_frames(transactions=given)
    found = features.customer_features(data, as_of=AS_OF)
    assert type(found) is type(given)
    rows = [row.asDict() for row in found.collect()]
    agree(pd.DataFrame(rows).astype(dict.fromkeys(found.columns[1:], float)), "spark")
    assert counted(data) == [("customer_id", "missing", 243007)]


@needs_spark
@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:PySpark does not yet fully support pandas:FutureWarning")
@pytest.mark.filterwarnings("ignore::ResourceWarning")
def test_spark_reads_strange_text_as_pandas_does(spark: Any) -> None:
    """Ids, zones, dates and amounts as text: same values and faults, far from Greenwich too."""
    names = ["customer_id", "ordered_at", "amount"]
    rows = [("a", "2011-12-01T10:00:00+07:00", "inf"), (" NaN ", "2011-12-01 10:00", "1.234,5"),
            ("", "1900-01-01", "1e12"), ("n/a", "soon", "x"), ("007", None, "-3.5")]  # fmt: skip
    expected = tables.from_frames(transactions=pd.DataFrame(rows, columns=names))
    spark.conf.set("spark.sql.session.timeZone", "Asia/Jakarta")
    try:
        found = tables.from_frames(transactions=spark.createDataFrame(rows, names))
        read = pd.DataFrame([row.asDict() for row in found.transactions.collect()])
        pd.testing.assert_frame_equal(read, expected.transactions, check_dtype=False)
        assert sorted(counted(found)) == sorted(counted(expected))
    finally:
        spark.conf.set("spark.sql.session.timeZone", "UTC")
