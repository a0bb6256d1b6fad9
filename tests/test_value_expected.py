"""Expected orders and spend: CDNOW's later period, spellings, and answers for every customer."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from segwork import value
from segwork.errors import UsageError

CUT = pd.Timestamp("1997-10-01")


@pytest.fixture(scope="module")
def lines(public_data: Path) -> pd.DataFrame:
    """Return the CDNOW sample in the contract's words."""
    raw = pd.read_parquet(public_data / "cdnow_sample.parquet")
    days = pd.to_datetime(raw["date"])
    return pd.DataFrame(
        {"customer_id": raw["sample_id"], "ordered_at": days, "amount": raw["dollar_value"]}
    )


@pytest.fixture(scope="module")
def cdnow(lines: pd.DataFrame) -> value.Expected:
    """Return what was expected after 39 weeks for the next 39."""
    return value.expected(lines, as_of=CUT, horizon_days=273)


def later(lines: pd.DataFrame, table: pd.DataFrame) -> np.ndarray:
    """Return actual orders in weeks 40 to 78, one a day, in the order of the table."""
    after = lines[(lines["ordered_at"] >= CUT) & (lines["ordered_at"] < "1998-07-01")]
    days = after.drop_duplicates(["customer_id", "ordered_at"]).groupby("customer_id").size()
    return days.reindex(table["customer_id"], fill_value=0).to_numpy(float)


def test_cdnow_beats_the_published_pareto_nbd(lines: pd.DataFrame, cdnow: value.Expected) -> None:
    """MAE ≤ 0.7545, RMSE ≤ 1.603, |bias| ≤ 11.5 % at once, not rounded; 1,882 orders came."""
    actual, orders = later(lines, cdnow.table), cdnow.table["expected_orders"].to_numpy()
    assert len(cdnow.table) == 2357
    assert actual.sum() == 1882
    assert np.abs(orders - actual).mean() <= 0.7545
    assert np.sqrt(((orders - actual) ** 2).mean()) <= 1.603
    assert abs(orders.sum() / actual.sum() - 1) <= 0.115
    assert (orders % 1 != 0).all()


def test_cdnow_intervals_stated_as_90_per_cent_hold(
    lines: pd.DataFrame, cdnow: value.Expected
) -> None:
    """At least 88 % of customers in the later period, and not because they are endless."""
    actual = later(lines, cdnow.table)
    inside = (cdnow.table["low"] <= actual) & (actual <= cdnow.table["high"])
    assert 0.88 <= inside.mean() <= 0.97
    assert (cdnow.table["high"] - cdnow.table["low"]).mean() < 3


def test_bg_nbd_of_cdnow_has_the_published_parameters(lines: pd.DataFrame) -> None:
    """0.243, 4.414, 0.793, 2.426 to 2 %, in weeks, straight from order lines."""
    found = value.expected(lines, as_of=CUT, horizon_days=273, model="BG/NBD")
    published = {"r": 0.243, "alpha": 4.414, "a": 0.793, "b": 2.426}
    assert {k: found.parameters[k] for k in published} == pytest.approx(published, rel=0.02)
    assert found.model == "bg/nbd"
    assert "asked for" in found.reason


def test_spend_is_nearer_than_own_and_overall_mean(
    lines: pd.DataFrame, cdnow: value.Expected
) -> None:
    """Mean spend of those who came back: nearer than their own mean and the overall one."""
    after = lines[lines["ordered_at"] >= CUT].groupby(["customer_id", "ordered_at"])["amount"].sum()
    actual = after.groupby("customer_id").mean()
    before = lines[lines["ordered_at"] < CUT].groupby(["customer_id", "ordered_at"])["amount"].sum()
    own = before.groupby("customer_id").mean().reindex(actual.index)
    table = cdnow.table.set_index("customer_id").loc[actual.index]
    expected = table["expected_spend"] / table["expected_orders"]
    miss = [(guess - actual).abs().mean() for guess in (expected, own, own.mean())]
    assert miss[0] < min(miss[1:])


def test_nothing_after_the_cut_plays_a_part(lines: pd.DataFrame, cdnow: value.Expected) -> None:
    """Cutting the file gives the same table; so does another order of its rows."""
    before = lines[lines["ordered_at"] < CUT]
    same = value.expected(before, as_of=CUT, horizon_days=273)
    pd.testing.assert_frame_equal(same.table, cdnow.table)
    mixed = value.expected(before.sample(frac=1, random_state=1), as_of=CUT, horizon_days=273)
    pd.testing.assert_frame_equal(
        mixed.table.sort_values("customer_id", ignore_index=True),
        cdnow.table.sort_values("customer_id", ignore_index=True),
    )


def test_hold_out_is_earlier_than_the_cut(cdnow: value.Expected) -> None:
    """A test period within the known time, with the naive expectations beside the models."""
    assert cdnow.holdout_days == 91
    names = cdnow.holdout["model"].tolist()
    assert names[-2:] == ["own rate", "mean of all"]
    kept = cdnow.holdout.set_index("model")
    assert kept.loc[cdnow.model, "coverage"] >= 0.88
    assert kept["coverage"].isna().tolist() == [False] * 4 + [True] * 2
    facts = cdnow.facts()
    assert facts["holdout_rmse"] < facts["own_rate_rmse"]
    assert facts["customers"] == 2357
    assert cdnow.by_frequency["repeat_orders"].tolist()[-1] == "7 and more"


@pytest.mark.parametrize("spelling", ["bg/nbd", "BG/NBD", "bgnbd", "bg_nbd"])
def test_spellings_of_a_model(spelling: str) -> None:
    """What people write for BG/NBD is understood."""
    from segwork.purchases.forecast import candidate

    assert candidate(spelling) == "bg/nbd"


def test_senseless_arguments_are_refused(lines: pd.DataFrame) -> None:
    """Unknown models and horizons of no length: one sentence."""
    with pytest.raises(UsageError, match="did you mean 'pareto/nbd'"):
        value.expected(lines, as_of=CUT, model="paretonbdx")
    for days in (0, -3, True):
        with pytest.raises(UsageError, match="a positive number of days"):
            value.expected(lines, as_of=CUT, horizon_days=days)


def few(*rows: tuple[str, str, float]) -> pd.DataFrame:
    """Return order lines."""
    frame = pd.DataFrame(rows, columns=["customer_id", "ordered_at", "amount"])
    return frame.assign(ordered_at=pd.to_datetime(frame["ordered_at"]))


def test_returns_only_and_free_orders_have_answers() -> None:
    """Who only returned is expected to order nothing; free orders are orders of no worth."""
    log = few(
        ("a", "2024-01-01", 10), ("a", "2024-02-01", 20), ("a", "2024-03-01", 12),
        ("b", "2024-01-05", -9), ("c", "2024-01-05", 0), ("c", "2024-02-05", 0),
        ("d", "2024-02-28", 30),
    )  # fmt: skip
    found = value.expected(log, as_of="2024-04-01", horizon_days=90)
    table = found.table.set_index("customer_id")
    assert table.index.tolist() == list("abcd")
    numbers = ["p_alive", "expected_orders", "low", "high", "expected_spend"]
    assert table.loc["b"].tolist() == [0.0] * 5
    assert np.isfinite(table[numbers]).all(axis=None)
    assert table.loc["c", "expected_orders"] > 0
    each = table["expected_spend"] / table["expected_orders"]
    assert each["c"] < each["a"]
    assert 0 < table.loc["d", "p_alive"] <= 1


def test_no_amounts_give_orders_without_spend() -> None:
    """Baskets without money: orders, and spend that is not known."""
    log = few(("a", "2024-01-01", 1), ("a", "2024-02-01", 1), ("b", "2024-01-09", 1))
    found = value.expected(log.drop(columns="amount"), as_of="2024-03-01", horizon_days=30)
    assert found.table["expected_orders"].notna().all()
    assert found.table["expected_spend"].isna().all()
    assert "expected_spend" not in found.facts()


def test_nobody_repeating_is_not_enough_data() -> None:
    """Where nobody came back nothing is made up: the table has its rows, and the reason."""
    found = value.expected(few(("a", "2024-01-01", 1), ("b", "2024-01-09", 1)), as_of="2024-03-01")
    assert found.table["customer_id"].tolist() == ["a", "b"]
    assert found.table["expected_orders"].isna().all()
    assert found.reason == "no customer ordered twice"
    assert found.facts()["model"] == "not enough data"
    empty = value.expected(few(("a", "2024-01-01", 1)), as_of="2023-01-01")
    assert empty.table.empty


def test_longer_horizons_expect_more(lines: pd.DataFrame) -> None:
    """Expected orders, and the upper ends of the intervals, grow with the horizon."""
    short, long = (
        value.expected(lines, as_of=CUT, horizon_days=d, model="pareto/nbd").table
        for d in (60, 240)
    )
    assert (short["expected_orders"] < long["expected_orders"]).all()
    assert (short["high"] <= long["high"]).all()
    assert (short["p_alive"] == long["p_alive"]).all()
