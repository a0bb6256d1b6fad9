"""Scoring: the same segments on every engine, plain files that show damage, counted answers."""

from __future__ import annotations

import importlib.util
import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pandas as pd
import pytest

from segwork import scoring
from segwork.clustering import SegmentModel, compare
from segwork.errors import DataError, UsageError

N = 3000
needs_spark = pytest.mark.skipif(
    importlib.util.find_spec("pyspark") is None or shutil.which("java") is None,
    reason="pyspark or Java is not installed (pip install 'segwork[spark]')",
)


def customers(n: int = N, seed: int = 3) -> pd.DataFrame:
    """Return features of simulated customers: occasional and heavy buyers, a third once."""
    rng = np.random.default_rng(seed)
    orders = np.where(rng.random(n) < 0.33, 1, 2 + rng.poisson(rng.choice([1, 12], n)))
    value = rng.lognormal(3, 0.5, n)
    gaps = np.where(orders > 1, rng.gamma(4, 60 / orders), np.nan)
    return pd.DataFrame(
        {
            "customer_id": [f"c{number:05}" for number in range(n)],
            "orders": orders,
            "spend_total": orders * value,
            "days_since_last": rng.integers(0, 400, n),
            "gap_days_mean": gaps,
        }
    )


@pytest.fixture(scope="module")
def model() -> SegmentModel:
    """Fit K-Means with the rule's own segment of one-time buyers."""
    found = compare(customers(600), methods=("kmeans",), n_clusters=3, draws=0, copies=0)
    return found.model("kmeans")


@pytest.fixture(scope="module")
def table() -> pd.DataFrame:
    """Return 3,000 customers, five of whom cannot be placed."""
    frame = customers().astype({"orders": "Int64"})
    frame.loc[3, "orders"] = pd.NA
    frame.loc[5, "spend_total"] = np.inf
    frame.loc[7, "customer_id"] = None
    frame.loc[9, frame.columns[1:]] = np.nan
    frame.loc[11, "days_since_last"] = -1e200
    return frame


REASONS = {
    "no customer_id": 1,
    "no value in any column of the model": 1,
    "no orders": 1,
    "spend_total is not finite": 1,
    "days_since_last is not finite": 1,
}


def test_who_cannot_be_placed_has_a_reason(model: SegmentModel, table: pd.DataFrame) -> None:
    """Rows in are rows out; a segment or a reason, never both; the others as the model says."""
    assert model.one_time
    assert model.required == ("orders",)
    found = scoring.assign(model, table)

    assert list(found) == ["customer_id", "segment", "why"]
    assert found["why"].value_counts().to_dict() == REASONS
    assert (found["segment"].isna() == found["why"].notna()).all()
    placed = found["why"].isna().to_numpy()
    known = table[placed].astype({"orders": int})
    assert (found["segment"][placed] == model.segments(known).to_numpy()).all()


def test_one_time_buyers_are_their_own_segment(model: SegmentModel, table: pd.DataFrame) -> None:
    """Who has one order is in the last segment, although there is no gap; nobody else is."""
    found = scoring.assign(model, table)
    once = (table["orders"] == 1).fillna(False) & found["why"].isna()

    assert once.sum() > 900
    assert ((found["segment"] == model.ids[-1]) == once).all()


def test_pandas_takes_ids_as_index_and_no_rows(model: SegmentModel) -> None:
    """``customer_id`` may be the index; an empty table gives an empty answer."""
    frame = customers(50)
    found = scoring.assign(model, frame)

    pd.testing.assert_frame_equal(scoring.assign(model, frame.set_index("customer_id")), found)
    assert len(scoring.assign(model, frame.head(0))) == 0


def test_duckdb_assigns_the_same(model: SegmentModel, table: pd.DataFrame) -> None:
    """A relation in, a relation on the same connection out, that can be read twice."""
    with duckdb.connect() as connection:
        connection.register("table_given", table)
        given = connection.table("table_given")
        found = scoring.assign(model, given)
        assert isinstance(found, duckdb.DuckDBPyRelation)
        for _ in range(2):
            read = found.order("customer_id nulls last").df()
            expected = scoring.assign(model, table).sort_values("customer_id")
            assert same(read, expected)
        assert len(scoring.assign(model, given.limit(0)).df()) == 0


def same(read: pd.DataFrame, expected: pd.DataFrame) -> bool:
    """Tell whether two answers hold the same rows in the same order."""
    one, other = (f.astype(object).where(f.notna(), None).to_numpy() for f in (read, expected))
    return one.shape == other.shape and bool((one == other).all())


@needs_spark
@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:PySpark does not yet fully support pandas:FutureWarning")
@pytest.mark.filterwarnings("ignore::ResourceWarning")
def test_spark_assigns_the_same(
    model: SegmentModel, table: pd.DataFrame, spark: Any, tmp_path: Path
) -> None:
    """A Spark frame in, a lazy Spark frame out; written by the workers, not by the driver."""
    with duckdb.connect() as connection:
        connection.register("table_given", table)
        connection.table("table_given").write_parquet(str(tmp_path / "given.parquet"))
    given = spark.read.parquet(str(tmp_path / "given.parquet")).repartition(3)
    found = scoring.assign(model, given)
    assert type(found) is type(given)
    found.write.parquet(str(tmp_path / "found.parquet"))

    read = pd.read_parquet(tmp_path / "found.parquet").sort_values("customer_id")
    assert same(read, scoring.assign(model, table).sort_values("customer_id"))


@pytest.mark.parametrize("rule", ["rfm", "standard"])
def test_every_column_is_required_without_the_customers_rule(
    model: SegmentModel, rule: str
) -> None:
    """The RFM rule reads three columns; a plain scaling fills nothing."""
    cuts = np.array([[-180.0, -90, -30, -10], [1, 2, 4, 8], [20, 50, 100, 400]])
    if rule == "rfm":
        plain = replace(model, rule={"kind": "rfm", "cuts": cuts}, one_time=False)
        plain = replace(plain, ids=tuple(f"S0{n}" for n in range(1, 6)))
        assert set(plain.columns) == {"orders", "spend_total", "days_since_last"}
    else:
        plain = replace(model, scaling=replace(model.scaling, rule="standard"))
    assert plain.required == plain.columns

    frame = customers(40)
    frame["spend_total"] = frame["spend_total"].where(frame.index != 2)
    found = scoring.assign(plain, frame)
    assert found["why"][2] == "no spend_total"


def test_a_missing_column_and_text_are_refused(model: SegmentModel) -> None:
    """One sentence names the column, on pandas and DuckDB; other kinds of table are refused."""
    frame = customers(20)
    with pytest.raises(DataError, match="unknown column 'orders' in the table of features"):
        scoring.assign(model, frame.drop(columns="orders"))
    with pytest.raises(DataError, match="unknown column 'customer_id'"):
        scoring.assign(model, frame.drop(columns="customer_id"))
    with duckdb.connect() as connection:
        connection.register("given", frame.assign(spend_total="much"))
        with pytest.raises(DataError, match="'spend_total' of the table of features is String"):
            scoring.assign(model, connection.table("given"))
    with pytest.raises(UsageError, match="is a list"):
        scoring.assign(model, [1, 2])


def test_a_model_survives_the_disk(model: SegmentModel, tmp_path: Path) -> None:
    """Saved and loaded, it says the same; files for their owner, a format, a hash, no pickle."""
    folder = scoring.save(model, tmp_path / "model")
    again = scoring.load(folder)

    frame = customers(500, seed=8)
    assert same(scoring.assign(again, frame), scoring.assign(model, frame))
    assert {p.name: p.stat().st_mode & 0o777 for p in folder.iterdir()} == {
        "model.json": 0o600,
        "arrays.npz": 0o600,
    }
    facts = json.loads((folder / "model.json").read_text())
    assert facts["format"] == 1
    assert len(facts["sha256"]) == 64
    before = [(folder / name).read_bytes() for name in ("model.json", "arrays.npz")]
    scoring.save(again, folder)
    assert [(folder / name).read_bytes() for name in ("model.json", "arrays.npz")] == before


def _flip(folder: Path) -> None:
    data = bytearray((folder / "arrays.npz").read_bytes())
    data[len(data) // 2] ^= 1
    (folder / "arrays.npz").write_bytes(data)


def _cut(folder: Path) -> None:
    path = folder / "arrays.npz"
    path.write_bytes(path.read_bytes()[:100])


def _reword(folder: Path, **changed: object) -> None:
    path = folder / "model.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | changed))


DAMAGE = {
    "a bit": (_flip, "the SHA-256 is another"),
    "cut short": (_cut, "the SHA-256 is another"),
    "another rule": (lambda f: _reword(f, one_time=False), "the SHA-256 is another"),
    "no JSON": (lambda f: (f / "model.json").write_text("{"), "model.json is no JSON"),
    "a list": (lambda f: (f / "model.json").write_text("[]"), "holds no mapping"),
    "later version": (lambda f: _reword(f, format=2), "has format 2; accepted: format 1"),
    "before versions": (lambda f: _reword(f, format=None), "has format None"),
    "gone": (lambda f: (f / "arrays.npz").unlink(), "no model in"),
}


@pytest.mark.parametrize("damage", DAMAGE)
def test_damage_and_other_versions_are_told(
    model: SegmentModel, tmp_path: Path, damage: str
) -> None:
    """What was changed after saving is never used."""
    harm, said = DAMAGE[damage]
    folder = scoring.save(model, tmp_path)
    harm(folder)

    with pytest.raises(DataError, match=said):
        scoring.load(folder)
