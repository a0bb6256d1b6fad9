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


def test_change_points_hold_in_the_orders(clean):
    """Orders per week before and after a change agree with the key; nobody orders after a stop."""
    truth = clean.key.change_points.set_index("customer_id")
    started = clean.key.segments.set_index("customer_id")["started_at"]
    sold = clean.tables.transactions
    orders = sold[~sold["is_return"]].drop_duplicates("order_id")
    for kind, group in truth[truth["kind"] != "none"].groupby("kind"):
        own = orders[orders["customer_id"].isin(group.index)].join(group, on="customer_id")
        end = own["until"].fillna(AS_OF)
        before = (own["ordered_at"] < own["changed_at"]).sum() - len(group)
        after = ((own["ordered_at"] >= own["changed_at"]) & (own["ordered_at"] < end)).sum()
        weeks_before = (group["changed_at"] - started.reindex(group.index)).dt.days / 7
        weeks_after = (group["until"].fillna(AS_OF) - group["changed_at"]).dt.days / 7
        assert before == pytest.approx((group["rate_before"] * weeks_before).sum(), rel=0.15)
        assert after == pytest.approx((group["rate_after"] * weeks_after).sum(), rel=0.35, abs=8)
        assert kind != "stop" or after == 0


def test_trouble_is_the_rule_of_five_calls_and_three_complaints(clean):
    """Risky but loyal: 5 calls, 3 complaints in 30 days, social in 7; angry: the same, silent."""
    told, day = clean.tables.interactions, pd.Timedelta(days=1)
    late = told[told["occurred_at"] >= AS_OF - 30 * day]
    calls = late[late["channel"] == "call"].groupby("customer_id").size()
    complaints = late[late["kind"] == "complaint"].groupby("customer_id").size()
    loud = set(calls.index[calls >= 5]) & set(complaints.index[complaints >= 3])
    fresh = told[(told["channel"] == "social") & (told["occurred_at"] >= AS_OF - 7 * day)]
    truth = clean.key.lifecycle.groupby("trouble")["customer_id"].agg(set)
    assert truth["risky but loyal"] == loud & set(fresh["customer_id"])
    assert truth["angry"] == loud - set(fresh["customer_id"])
    assert len(truth["risky but loyal"]) >= 5


def test_the_label_punishes_youth_and_claims_do_not():
    """Logistic regression finds the planted 0.9 logit under 25 in the label, none in claims."""
    from statsmodels.api import Logit, add_constant

    people = sample.make(customers=4_000, seed=4, faults=False).tables.customers
    people = people[people["insured"]]
    inputs = pd.DataFrame(
        {
            "incidents": people["driving_incidents"].clip(upper=4),
            "km": 2 * np.log(people["annual_km"] / 9000),
            "young": (people["age"] < 25).astype(float),
        }
    )
    label = Logit((people["risk_label"] == "high").astype(float), add_constant(inputs)).fit(disp=0)
    claims = Logit(people["claims"], add_constant(inputs)).fit(disp=0)
    assert abs(label.params["young"] - 0.9) < 3.3 * label.bse["young"]
    assert label.params["young"] > 4 * label.bse["young"]
    assert abs(claims.params["young"]) < 3.3 * claims.bse["young"]


def test_friday_rule_holds_only_in_the_first_period(clean):
    """Recounted from order lines, Friday-night last orders mean loss early, and not later."""
    sold = clean.tables.transactions
    sold = sold[~sold["is_return"]].sort_values("ordered_at")
    days_left = (AS_OF - sold["ordered_at"].dt.normalize()).dt.days
    last = sold.assign(quarter=-((days_left - 1) // 91) - 1)
    last = last.drop_duplicates(["customer_id", "quarter"], keep="last")
    seen = set(zip(last["customer_id"], last["quarter"], strict=True))
    lost = [pair not in seen for pair in zip(last["customer_id"], last["quarter"] + 1, strict=True)]
    at = last["ordered_at"]
    case = last.assign(lost=lost, friday=(at.dt.day_of_week == 4) & (at.dt.hour >= 18))
    late = case[case["quarter"].isin([-4, -3, -2])]
    early = case[case["quarter"] < -4]
    for row, cases in zip(clean.key.rules.itertuples(), (early, late), strict=True):
        both = int((cases["friday"] & cases["lost"]).sum())
        assert (row.customers, row.friday, row.friday_lost) == (
            len(cases),
            cases["friday"].sum(),
            both,
        )
        assert row.lift == pytest.approx(both / cases["friday"].sum() / cases["lost"].mean())
    assert clean.key.rules["lift"].iloc[0] > 2
    assert 0.6 < clean.key.rules["lift"].iloc[1] < 1.5


def test_segments_are_recovered_by_a_mixture(company):
    """Six segments with orders in the year: a Gaussian mixture on log features has ARI >= 0.80."""
    from sklearn.metrics import adjusted_rand_score
    from sklearn.mixture import GaussianMixture
    from sklearn.preprocessing import StandardScaler

    sold = company.tables.transactions
    at = sold["ordered_at"]
    sold = sold[(at >= AS_OF - pd.Timedelta(days=365)) & (at < AS_OF) & ~sold["is_return"]]
    sold = sold[sold["customer_id"].isin(company.key.segments["customer_id"])]
    orders = sold.groupby(["customer_id", "order_id"], as_index=False).agg(
        at=("ordered_at", "min"), value=("amount", "sum"), lines=("amount", "size")
    )
    group = orders.sort_values("at").groupby("customer_id")
    count, first, last = group.size(), group["at"].min(), group["at"].max()
    features = pd.DataFrame(
        {
            "orders": count,
            "spend": group["value"].sum(),
            "basket": group["value"].mean(),
            "lines": group["lines"].mean(),
            "days_since_last": (AS_OF - last).dt.days,
            "gap_days": ((last - first).dt.days / (count - 1)).where(count > 1, 365.0),
            "breadth": sold.groupby("customer_id")["product_category"].nunique(),
        }
    )
    scaled = StandardScaler().fit_transform(np.log1p(features.clip(lower=0)))
    mixture = GaussianMixture(6, n_init=3, reg_covar=1e-3, random_state=0)
    truth = company.key.segments.set_index("customer_id").loc[features.index, "segment"]
    assert adjusted_rand_score(truth, mixture.fit_predict(scaled)) >= 0.80


def test_planted_rows_are_what_the_key_says(company):
    """Spot checks: the rows of a fault show that fault."""
    tables, key = company.tables, company.key
    sold, people = tables.transactions, tables.customers

    def hit(fault):
        found = key.rows(fault)
        return getattr(tables, found["table"].iloc[0]).iloc[found["row"].to_numpy()]

    assert hit("missing customer")["customer_id"].isna().all()
    assert not hit("orphan customer")["customer_id"].isin(people["customer_id"]).any()
    assert (hit("negative quantity")["quantity"] < 0).all()
    assert (hit("zero price")["unit_price"] == 0).all()
    assert (hit("sentinel age")["age"] == 999).all()
    assert len(set(hit("mean-imputed income")["income"])) == 1
    assert (hit("date 2099")["ordered_at"] > AS_OF).all()
    assert hit("reason without return")["is_return"].eq(False).all()
    assert set(hit("clock shift")["ordered_at"].dt.date.astype(str)) <= {
        f"2025-10-{day:02d}" for day in range(6, 10)
    }
    assert (hit("unconverted currency")["amount"].abs() < 100_000).all()
    assert sold.duplicated().sum() == len(key.rows("exact duplicate"))
    fast = hit("fast robot").groupby("session_id")["occurred_at"]
    assert (fast.size() > 100).all()
    assert ((fast.max() - fast.min()).dt.total_seconds() < 100).all()
    assert not sold["ordered_at"].dt.date.astype(str).eq("2026-02-04").any()


def test_money_adds_up_in_the_clean_twin(clean):
    """Amount = quantity × price, and = local amount × rate of the day in the external table."""
    sold, outside = clean.tables.transactions, clean.tables.external
    np.testing.assert_allclose(sold["amount"], sold["quantity"] * sold["unit_price"], atol=0.01)
    converted = sold["amount_local"] * sold["fx_rate"]
    np.testing.assert_allclose(sold["amount"], converted, rtol=1e-3, atol=5)
    rates = outside[outside["name"] == "fx_usd_idr"]
    rates = pd.Series(rates["value"].to_numpy(), index=rates["date"].astype(str))
    usd = sold[sold["currency"] == "USD"]
    day = usd["ordered_at"].dt.date.astype(str)
    assert (usd["fx_rate"].to_numpy() == rates.loc[day].to_numpy()).all()


def test_nothing_happens_before_it_can(clean):
    """Orders follow sign-up, all lies before the cut, values are published after their day."""
    tables = clean.tables
    first = tables.transactions.groupby("customer_id")["ordered_at"].min()
    signed = tables.customers.set_index("customer_id")["signed_up_at"]
    assert (first.reindex(signed.index) >= signed).all()
    assert tables.transactions["ordered_at"].is_monotonic_increasing
    assert tables.behaviour["occurred_at"].max() < AS_OF
    outside = tables.external
    assert (outside["published_at"] > pd.to_datetime(outside["date"])).all()
    assert outside["published_at"].max() < AS_OF


def test_unknown_fault_and_missing_folder_are_clear_errors(company, tmp_path):
    """A name nobody planted and a folder without a company are one sentence each."""
    with pytest.raises(UsageError, match=r"unknown fault 'zero prise'.*did you mean 'zero price'"):
        company.key.rows("zero prise")
    with pytest.raises(UsageError, match="no sample company in"):
        sample.read(tmp_path)
