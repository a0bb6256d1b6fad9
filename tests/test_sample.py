"""The sample company: reproducible, in agreement with its key, and holding what it promises."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
from pandas.testing import assert_frame_equal
from scipy.stats import mannwhitneyu

from segwork import config, sample
from segwork.errors import UsageError

AS_OF = pd.Timestamp("2026-07-01")


@pytest.fixture(scope="module")
def company():
    """Make the company with its faults, 2,000 customers."""
    return sample.make(customers=2_000, seed=3)


@pytest.fixture(scope="module")
def clean():
    """Make the clean twin of the same customers."""
    return sample.make(customers=2_000, seed=3, faults=False)


def digests(folder):
    """SHA-256 of every file below a folder."""
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def test_same_seed_same_bytes(tmp_path):
    """Two writes with one seed give equal files, another seed gives others."""
    first = digests(sample.write(tmp_path / "a", customers=1_000, seed=5))
    assert first == digests(sample.write(tmp_path / "b", customers=1_000, seed=5))
    other = digests(sample.write(tmp_path / "c", customers=1_000, seed=6))
    assert all(first[name] != other[name] for name in first if name.endswith("actions.parquet"))


def test_slices_do_not_change_the_tables(tmp_path, monkeypatch):
    """Streaming through many slices of time gives the rows and the key of one slice."""
    from segwork.sample import company, store

    monkeypatch.setattr(store, "CHUNK", 400)
    whole = sample.make(customers=1_000, seed=5)
    monkeypatch.setattr(store, "CUSTOMERS_PER_SLICE", 100)
    assert store.slices_for(1_000) == 10
    sliced = sample.make(customers=1_000, seed=5)
    for name in sample.TABLES:
        assert_frame_equal(getattr(whole.tables, name), getattr(sliced.tables, name))
    assert_frame_equal(whole.key.fault_rows, sliced.key.fault_rows)
    assert_frame_equal(whole.key.change_points, sliced.key.change_points)
    assert company.CHUNK == 10_000


def test_earlier_chunks_do_not_depend_on_later_ones(monkeypatch):
    """The customers of a smaller company are customers of the larger one, with equal rows."""
    from segwork.sample import store

    monkeypatch.setattr(store, "CHUNK", 1_000)
    small = sample.make(customers=1_000, seed=5)
    large = sample.make(customers=2_000, seed=5)
    people = small.key.segments["customer_id"]
    assert_frame_equal(small.key.segments, large.key.segments.head(1_000))
    rows = large.tables.interactions
    rows = rows[rows["customer_id"].isin(people)].reset_index(drop=True)
    assert_frame_equal(small.tables.interactions, rows)


def test_ensure_writes_once_and_again_for_other_settings(tmp_path):
    """A finished company is left alone, other settings replace it, no [sample] gives None."""
    settings = {"as_of": "2026-07-01", "sample": {"folder": str(tmp_path / "s"), "customers": 1000}}
    folder = sample.ensure(config.load(settings))
    stamp = (folder / "transactions.parquet").stat().st_mtime_ns
    assert sample.ensure(config.load(settings)) == folder
    assert (folder / "transactions.parquet").stat().st_mtime_ns == stamp
    settings["sample"]["customers"] = 1100
    sample.ensure(config.load(settings))
    assert json.loads((folder / "settings.json").read_text())["customers"] == 1100
    assert [path.name for path in tmp_path.iterdir()] == ["s"]
    assert sample.ensure(config.load({"as_of": "2026-07-01"})) is None


def test_quick_path_imports_no_pandas(tmp_path):
    """``ensure`` on a finished company loads neither pandas nor pyarrow."""
    sample.write(tmp_path / "s", customers=1_000, seed=7)
    code = (
        "import sys; from segwork import config, sample; "
        f"c = config.load({{'as_of': '2026-07-01', 'sample': "
        f"{{'folder': {str(tmp_path / 's')!r}, 'customers': 1000}}}}); "
        "assert sample.ensure(c); assert not {'pandas', 'pyarrow', 'numpy'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.parametrize("customers", [999, 10_000_001, "many", True, 2000.0])
def test_wrong_size_is_refused(customers):
    """A size out of range or no whole number is one clear sentence."""
    with pytest.raises(UsageError, match=r"customers is .* accepted: a whole number from 1,000"):
        sample.make(customers=customers)


def test_foreign_folder_is_not_overwritten(tmp_path):
    """A folder with other files stays as it is."""
    (tmp_path / "mine.txt").write_text("keep")
    with pytest.raises(UsageError, match="holds other files"):
        sample.write(tmp_path, customers=1_000)
    assert (tmp_path / "mine.txt").read_text() == "keep"


def test_income_is_hidden_by_the_rich(clean):
    """About 15 % of incomes are missing, and the hidden ones are higher (rank test)."""
    truth = clean.key.income
    assert 0.12 < truth["missing"].mean() < 0.18
    hidden = truth.loc[truth["missing"], "income"]
    assert (
        mannwhitneyu(hidden, truth.loc[~truth["missing"], "income"], alternative="greater").pvalue
        < 1e-6
    )
    people = clean.tables.customers
    assert people["income"].isna().sum() == truth["missing"].sum()


def test_profit_agrees_with_a_recount(clean):
    """Revenue, cost of goods and cost to serve equal sums over the tables."""
    truth = clean.key.profitability.set_index("customer_id")
    sold = clean.tables.transactions
    sold = sold[sold["ordered_at"] >= AS_OF - pd.Timedelta(days=365)]
    revenue = sold.groupby("customer_id")["amount"].sum().reindex(truth.index, fill_value=0)
    goods = (sold["quantity"] * sold["unit_cost"]).groupby(sold["customer_id"]).sum()
    serve = clean.tables.interactions.groupby("customer_id")["cost"].sum()
    np.testing.assert_allclose(truth["revenue"], revenue, atol=0.5)
    np.testing.assert_allclose(
        truth["cost_of_goods"], goods.reindex(truth.index, fill_value=0), atol=0.5
    )
    np.testing.assert_allclose(
        truth["cost_to_serve"], serve.reindex(truth.index, fill_value=0), atol=0.5
    )
    heavy = truth[truth["heavy_caller"] & (truth["cost_to_serve"] > 0)]
    assert (heavy["profit"] < 0).mean() > 0.8


def test_fault_counts_equal_fault_rows(company):
    """Every planted fault has its rows in the key, and none is empty."""
    key = company.key
    listed = key.faults[~key.faults["removed"]].set_index("fault")["n_rows"]
    counted = key.fault_rows.groupby("fault").size()
    assert counted.to_dict() == listed.to_dict()
    assert (key.faults["n_rows"] > 0).all()


def test_rows_without_fault_equal_the_clean_twin(company, clean):
    """What is not in the key is untouched: dropping faulty rows leaves rows of the clean twin."""
    for name in sample.TABLES:
        hit = company.key.fault_rows.query("table == @name")["row"]
        rest = getattr(company.tables, name).drop(index=hit)
        both = rest.merge(getattr(clean.tables, name).drop_duplicates(), how="left", indicator=True)
        assert (both["_merge"] == "both").all(), name
