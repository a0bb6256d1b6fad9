"""A base in few numbers: months, segments, and the placebo that tests the promise."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from buyers import AS_OF, order_lines

from segwork import changepoints, evidence
from segwork.changepoints import PanelChanges, detect_panel, overview
from segwork.changepoints.buying import buy


def verdicts(*rows: tuple[str, str | None, float, int]) -> PanelChanges:
    """Return changes of (kind, first day of the change, p, weeks observed), ids c0, c1, …."""
    table = pd.DataFrame(rows, columns=["kind", "changed_at", "p", "periods"])
    table["changed_at"] = pd.to_datetime(table["changed_at"])
    table.insert(0, "customer_id", [f"c{i}" for i in range(len(table))])
    return PanelChanges(table, AS_OF, "W", 999)


@pytest.fixture
def few() -> PanelChanges:
    """Return six customers: two changes in October, one in December, one thin, one new."""
    return verdicts(
        ("stop", "2023-10-02", 0.001, 60),
        ("rise", "2023-10-30", 0.002, 60),
        ("fall", "2023-12-04", 0.001, 60),
        ("none", None, 0.4, 60),
        ("none", None, 0.7, 8),  # observed since 6 November
        ("not enough data", None, np.nan, 4),
    )


def test_months_count_changes_among_those_observed_by_then(few) -> None:
    """By hand: October 2 of 4, December 1 of 5; a row for every month from first week to cut."""
    table = changepoints.by_month(few).set_index("month")

    assert table.index[0] == "2022-11"
    assert table.index[-1] == "2023-12"
    assert len(table) == 14
    assert table["changed"].sum() == 3
    october, december = table.loc["2023-10"], table.loc["2023-12"]
    assert (october["changed"], october["tested"], october["share"]) == (2, 4, 0.5)
    assert (october["stop"], october["rise"], october["fall"], october["temporary"]) == (1, 1, 0, 0)
    assert (december["changed"], december["tested"], december["fall"]) == (1, 5, 1)
    interval = evidence.wilson(1, 5)
    assert (december["low"], december["high"]) == (interval.low, interval.high)


def test_months_of_nobody_are_no_months() -> None:
    """Nobody tested: no rows, no division by nought, no facts of a last quarter."""
    nobody = verdicts(("not enough data", None, np.nan, 4))
    assert changepoints.by_month(nobody).empty
    assert changepoints.last_quarter(nobody) == {}


def test_last_quarter_counts_stops_and_falls_only(few) -> None:
    """In 91 days before the cut: a stop on the first day and a fall; the rise is no loss."""
    facts = changepoints.last_quarter(few)
    assert facts["lost_last_quarter_share"] == pytest.approx(2 / 5)
    assert facts["lost_last_quarter_share_n"] == 5
    shorter = changepoints.last_quarter(few, days=90)
    assert shorter["lost_last_quarter_share"] == pytest.approx(1 / 5)
    seen = changepoints.last_quarter(few, days=91, delay=42)  # to 20 November: October's stop only
    assert seen["lost_last_quarter_share"] == pytest.approx(1 / 5)
    assert changepoints.last_quarter(few, delay=182)["lost_last_quarter_share"] == 0


def test_segments_count_their_tested_customers(few) -> None:
    """Two segments, all four kinds each; thin customers and strangers are in neither."""
    segments = pd.DataFrame(
        {"customer_id": ["c0", "c1", "c2", "c3", "c4", "c5", "x"], "segment": [*"AABBBAA"]}
    )
    table = changepoints.by_segment(few, segments)

    assert len(table) == 8
    got = table.set_index(["segment", "kind"])
    assert got.loc[("A", "stop"), "customers"] == 1
    assert got.loc[("A", "stop"), "share"] == pytest.approx(1 / 2)
    assert got.loc[("B", "fall"), "share"] == pytest.approx(1 / 3)
    assert got.loc[("B", "temporary"), "customers"] == 0
    assert got.groupby("segment")["tested"].first().to_dict() == {"A": 2, "B": 3}


def test_shuffled_gaps_keep_total_and_regularity() -> None:
    """A metronome stays one but for its start; totals and lengths of clumped buyers stay."""
    rng = np.random.default_rng(1)
    beat = np.tile([1, 0, 0, 0, 0], 20)
    gaps = np.diff(np.flatnonzero(overview._gaps_permuted(beat, rng)))
    assert np.abs(gaps - 5).max() <= 1
    counts = rng.poisson(0.5, 80)
    moved = overview._gaps_permuted(counts, rng)
    assert moved.sum() == counts.sum()
    assert moved.shape == counts.shape
    assert (moved != counts).any()


def test_the_example_is_dated_near_its_fall() -> None:
    """The simulated customer on the page: three quarters of the belief within ten weeks of it."""
    example = overview.example_customer()
    assert example.week == 60
    assert example.probability.sum() == pytest.approx(1)
    assert example.probability[50:71].sum() > 0.75


@pytest.fixture(scope="module")
def base() -> tuple[pd.DataFrame, PanelChanges]:
    """Return 500 customers, 50 of whom stop in the middle, and what was found in them."""
    rng = np.random.default_rng(3)
    week = np.where(np.arange(500) < 50, 52, -1)
    later = (week[:, None] >= 0) & (np.arange(104) >= week[:, None])
    rate = np.exp(rng.normal(0, 0.4, (500, 1))) * np.where(later, 0.0, 1.0)
    lines = order_lines(buy(rate, rng), rng)
    return lines, detect_panel(lines, as_of=AS_OF)


def test_placebo_alarms_as_often_as_promised(base) -> None:
    """Customers without a verdict, gaps shuffled: 5 % within three standard errors, and ordered."""
    table = changepoints.placebo_alarms(*base)

    assert table["nominal"].tolist() == [0.01, 0.05, 0.10, 0.20]
    assert (table["n"] == (base[1].table["kind"] == "none").sum()).all()
    at_five = table.loc[1]
    error = np.sqrt(0.05 * 0.95 / at_five["n"])
    assert at_five["observed"] == pytest.approx(0.05, abs=3 * error)
    assert table["observed"].is_monotonic_increasing
    assert (table["low"] <= table["observed"]).all()
    assert (table["observed"] <= table["high"]).all()


def test_placebo_draws_at_most_as_many_as_asked(base) -> None:
    """A hundred asked, a hundred drawn; the same seed draws and finds the same."""
    first, second = (changepoints.placebo_alarms(*base, customers=100, seed=4) for _ in range(2))
    assert (first["n"] == 100).all()
    pd.testing.assert_frame_equal(first, second, check_exact=True)


def test_placebo_of_nobody_is_empty() -> None:
    """No customer with enough data: the columns and no rows."""
    days = pd.date_range(end="2023-12-31", periods=5, freq="7D")
    lines = pd.DataFrame({"customer_id": "a", "ordered_at": days})
    table = changepoints.placebo_alarms(lines, detect_panel(lines, as_of=AS_OF))
    assert table.empty
    assert "observed" in table


def test_advice_counts_whom_it_names(few) -> None:
    """Stop and fall are within 91 days; without them the cooling ones come first."""
    outlook = ["gone", "active", "cooling", "cooling", "active", "too new"]
    table = few.table.assign(
        outlook=outlook, **dict.fromkeys(("scan", "pelt", "binseg", "bocpd"), False)
    )
    told = overview.answer(PanelChanges(table, AS_OF, "W", 999))["do"]
    assert told.startswith("Begin with the 2 who stopped or fell within the last 91 days")
    assert "the 2 who are cooling come next" in told
    older = PanelChanges(table.assign(kind="none"), AS_OF, "W", 999)
    assert overview.answer(older)["do"].startswith("Write to the 2 who are cooling")
