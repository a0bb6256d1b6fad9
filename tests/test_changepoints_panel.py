"""A base of customers: ``detect_panel``, its calibration, kinds and readings."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from buyers import AS_OF, order_lines

from segwork import sequences
from segwork.changepoints import PanelChanges, calibration, change_kind, detect_panel, panel_network
from segwork.changepoints import panel as panel_module
from segwork.changepoints.buying import buy
from segwork.changepoints.complaints import read_trouble
from segwork.errors import DataError


def planted(rng: np.random.Generator) -> tuple[pd.DataFrame, np.ndarray]:
    """Return 620 customers: 20 stop, 20 rise threefold, at weeks 30 to 80; the rest keep on."""
    week = np.full(620, -1)
    week[:40] = rng.integers(30, 80, 40)
    factor = np.where(np.arange(620) < 20, 0.0, 3.0)[:, None]
    later = (week[:, None] >= 0) & (np.arange(104) >= week[:, None])
    rate = np.exp(rng.normal(0, 0.4, (620, 1))) * np.where(later, factor, 1.0)
    size = np.where(np.arange(620) % 3 == 0, 2.0, np.inf)
    return order_lines(buy(rate, rng, size=size), rng), week


@pytest.fixture(scope="module")
def base() -> tuple[pd.DataFrame, np.ndarray]:
    """Return order lines and the weeks of the planted changes."""
    return planted(np.random.default_rng(1))


@pytest.fixture(scope="module")
def found(base) -> PanelChanges:
    """Return what the detector says about the planted base."""
    return detect_panel(base[0], as_of=AS_OF)


def test_one_row_per_customer_with_the_promised_columns(base, found) -> None:
    """Source order, promised names first, blanks exactly where nothing applies."""
    table = found.table
    assert table.columns[:7].tolist() == [
        "customer_id", "changed_at", "kind", "rate_before", "rate_after", "p", "q",
    ]  # fmt: skip
    assert table["customer_id"].tolist() == list(dict.fromkeys(base[0]["customer_id"]))
    changed = table["kind"].isin(panel_module.KINDS[:4])
    for column in ("changed_at", "changed_from", "changed_to", "rate_before", "rate_after"):
        assert (table[column].notna() == changed).all()
    tested = table["kind"] != "not enough data"
    for column in ("p", "q", "likely_at", "scan", "scan_p", "pelt", "binseg", "bocpd"):
        assert (table[column].notna() == tested).all()
    assert (table.loc[changed, "q"] <= 0.10).all()
    assert table["p_alive"].between(0, 1).all()


def test_planted_changes_are_found_named_and_dated(base, found) -> None:
    """At least 19 of 20 stops and 18 of 20 rises, dated within five weeks in 9 of 10 cases."""
    table = found.table.set_index("customer_id")
    stops, rises = table.loc[range(20)], table.loc[range(20, 40)]
    begin = AS_OF - pd.to_timedelta(7 * (104 - base[1][:40]), unit="D")
    off = (table.loc[range(40), "changed_at"] - pd.Series(begin)).abs() / pd.Timedelta(days=7)

    assert (stops["kind"] == "stop").sum() >= 19
    assert (rises["kind"] == "rise").sum() >= 18
    assert (off.dropna() <= 5).mean() >= 0.9
    ratio = (rises["rate_after"] / rises["rate_before"]).median()
    assert ratio == pytest.approx(3, rel=0.25)
    assert (stops["rate_after"] == 0).all()
    assert (stops["rate_after_high"] > 0).all()
    assert (stops["p_alive"] < 0.5).mean() >= 0.9


def test_false_alarms_are_near_nominal(found) -> None:
    """Of 580 unchanged customers 2.6 to 7.6 % at the 5 % level (three standard errors)."""
    unchanged = found.table[found.table["customer_id"] >= 40]
    for p in ("p", "scan_p"):
        assert 0.026 <= (unchanged[p] <= 0.05).mean() <= 0.076
    assert (unchanged["q"] <= 0.10).sum() <= 9


def test_daily_orders_without_ids_alarm_as_promised() -> None:
    """300 steady buyers whose orders of a day count once: 1.2 to 8.8 % at 5 % (three errors).

    Measured day by day they looked like buyers at regular gaps, and 30 % were flagged.
    """
    rng = np.random.default_rng(12)
    lines = order_lines(buy(np.ones((300, 40)), rng), rng)
    base = sequences.panel(lines.drop(columns="order_id"), as_of=AS_OF, period="D")
    table, _ = panel_module.judge(base, refereed=0)
    assert len(base.starts) == 208
    for p in ("p", "scan_p"):
        assert 0.012 <= (table[p] <= 0.05).mean() <= 0.088


def test_facts_add_up(found) -> None:
    """Counts of kinds, tested and thin customers sum to all; shares carry their interval."""
    facts = found.facts()
    kinds_sum = sum(facts[f"{k}_customers"] for k in ("stop", "fall", "rise", "temporary"))
    assert facts["customers"] == 620
    assert facts["tested_customers"] + facts["not_enough_data_customers"] == 620
    assert facts["changed_share"] == pytest.approx(kinds_sum / facts["tested_customers"])
    assert facts["changed_share_low"] < facts["changed_share"] < facts["changed_share_high"]
    assert facts["scan_share"] > 0


def test_ids_and_row_order_play_no_part() -> None:
    """Pseudonyms and shuffled rows give every customer the same row, to the last digit."""
    rng = np.random.default_rng(2)
    lines = order_lines(rng.poisson(0.4, (60, 60)), rng)
    first = detect_panel(lines, as_of=AS_OF).table.set_index("customer_id")
    named = lines.assign(customer_id="x" + (97 * lines["customer_id"] % 101).astype(str))
    shuffled = named.sample(frac=1, random_state=1)
    second = detect_panel(shuffled, as_of=AS_OF).table.set_index("customer_id")

    second = second.loc["x" + (97 * first.index % 101).astype(str)].set_axis(first.index)
    pd.testing.assert_frame_equal(first, second, check_exact=True)


def test_thin_customers_get_no_verdict() -> None:
    """One order, seven orders, or 20 weeks are not enough; nothing but those is asked."""
    days = pd.date_range(end="2023-12-31", periods=104, freq="7D")
    lines = pd.concat([
        pd.DataFrame({"customer_id": "once", "ordered_at": days[:1]}),
        pd.DataFrame({"customer_id": "seven", "ordered_at": days[:96:12]}),
        pd.DataFrame({"customer_id": "new", "ordered_at": days[-20:]}),
    ])  # fmt: skip
    found = detect_panel(lines, as_of=AS_OF)
    assert found.table["kind"].tolist() == ["not enough data"] * 3
    assert found.table[["p", "q", "rate_before"]].isna().all().all()
    assert found.facts()["tested_customers"] == 0


def test_an_empty_base_is_an_empty_table() -> None:
    """No lines before the cut: no rows, all columns, facts without shares."""
    lines = pd.DataFrame({"customer_id": ["a"], "ordered_at": pd.to_datetime(["2024-05-01"])})
    found = detect_panel(lines, as_of=AS_OF)
    assert found.table.empty
    assert "q" in found.table
    assert "changed_share" not in found.facts()


def log_odds(counts: np.ndarray, shape: np.ndarray) -> np.ndarray:
    """Return what the network says of a base of these customers."""
    usual = panel_network.usual_spread(counts, shape)
    return panel_module.score(counts, shape, usual)[0]


def test_few_orders_do_not_mean_a_fall() -> None:
    """Sixteen orders that rise threefold, and the same backwards: mean log odds 1.1 apart at most.

    Without the correction the falls are 1.3 ahead, as the simulator has three for every rise.
    """
    shares = np.where(np.arange(70) < 35, 1, 3) / 140
    rising = np.random.default_rng(9).multinomial(16, shares, 200)
    flat = np.full(rising.shape, 1 / 70)
    rise, fall = (log_odds(c, flat).mean() for c in (rising, rising[:, ::-1].copy()))
    assert 0 < fall - rise < 1.1


def test_resampling_keeps_totals_and_makes_the_dispersion_it_says() -> None:
    """Totals exact for every family; clumped above one, regular below."""
    from segwork.sequences import dispersion, scan

    rng = np.random.default_rng(3)
    totals = rng.integers(8, 200, 500)
    shape = np.full((500, 104), 1 / 104)
    seen = {}
    for size, k in calibration.FAMILIES:
        drawn = calibration.resample(totals, shape, np.full(500, size), np.full(500, k), rng)
        assert (drawn.sum(1) == totals).all()
        seen[size, k] = dispersion(drawn, shape, scan(drawn, shape).index).mean()
    assert seen[np.inf, 4] < seen[np.inf, 2] < 0.9 < seen[np.inf, 1] < 1.1 < seen[0.7, 1]


def test_resampling_follows_the_calendar() -> None:
    """Orders fall into periods in proportion to the shares."""
    rng = np.random.default_rng(4)
    shape = np.tile(np.r_[np.full(10, 0.09), np.full(10, 0.01)], (400, 1))
    drawn = calibration.resample(
        np.full(400, 50), shape, np.full(400, np.inf), np.full(400, 2), rng
    )
    assert drawn[:, :10].sum() / drawn.sum() == pytest.approx(0.9, abs=0.01)


def test_p_values_are_uniform_where_nothing_happens() -> None:
    """Heavy ties and continuous draws: shares at 1, 5, 20 and 50 % within three errors."""
    rng = np.random.default_rng(5)
    for draw in (lambda n: rng.poisson(2.0, n).astype(float), lambda n: rng.normal(size=n)):
        p = np.concatenate([calibration.p_values(draw(200), draw(999), rng) for _ in range(50)])
        assert p.min() > 0
        for level in (0.01, 0.05, 0.20, 0.50):
            error = np.sqrt(level * (1 - level) * (1 / 10_000 + 1 / 999 / 50 * 2))
            assert (p <= level).mean() == pytest.approx(level, abs=4 * error)


def test_p_values_go_on_falling_beyond_the_largest_draw() -> None:
    """The tail is monotone, joins the ranks without a jump, and never reaches zero."""
    rng = np.random.default_rng(6)
    null = rng.exponential(size=2000)
    p = calibration.p_values(np.linspace(4, 40, 50), null, rng)
    assert (np.diff(p) <= 1e-3).all()
    assert 0 < p[-1] < 1e-4
    assert calibration.p_values(np.array([1e9]), null[:50], rng)[0] >= 1 / 51


def sequence(*runs: tuple[int, int]) -> np.ndarray:
    """Return one sequence of (orders, weeks) runs."""
    return np.concatenate([np.full(weeks, orders) for orders, weeks in runs])[None, :]


@pytest.mark.parametrize(
    ("runs", "index", "kind", "before", "after"),
    [
        (((1, 40), (0, 20)), 40, "stop", 1, 0),
        (((1, 40), (0, 20)), 39, "stop", 1, 0),  # dated a week early: moved to the last order
        (((2, 40), (1, 40)), 40, "fall", 2, 1),
        (((1, 40), (3, 40)), 40, "rise", 1, 3),
        (((2, 40), (0, 15), (2, 40)), 40, "temporary", 2, 0),
        (((1, 40), (5, 10), (1, 40)), 40, "temporary", 1, 5),
    ],
)
def test_kinds_and_rates_by_hand(runs, index, kind, before, after) -> None:
    """Clean sequences have the kind and the rates they were written with."""
    counts = sequence(*runs)
    shape = np.full(counts.shape, 1 / counts.shape[1])
    got = change_kind.describe(counts, shape, np.array([index]))
    assert got["kind"][0] == kind
    assert got["rate_before"][0] == pytest.approx(before)
    assert got["rate_after"][0] == pytest.approx(after)
    assert got["rate_before_low"][0] < before < got["rate_before_high"][0]


def test_rate_interval_is_the_exact_poisson_one() -> None:
    """Ten orders in 40 weeks: 4.795 to 18.39 per 40 weeks (Garwood 1936)."""
    counts = np.concatenate([np.tile([0, 0, 0, 1], 10), np.tile([1, 1], 20)])[None, :]
    shape = np.full(counts.shape, 1 / 80)
    got = change_kind.describe(counts, shape, np.array([40]))
    assert got["rate_before_low"][0] == pytest.approx(4.795 / 40, rel=1e-3)
    assert got["rate_before_high"][0] == pytest.approx(18.39 / 40, rel=1e-3)


def test_customer_network_answers_a_distribution_over_dates_and_none() -> None:
    """T + 1 logits; weeks without exposure get no probability; an LSTM is in it."""
    network = panel_network.build(channels=4, units=3)
    shape = np.tile(np.r_[np.zeros(10), np.full(30, 1 / 30)], (8, 1))
    counts = buy(18 * shape, np.random.default_rng(8))
    usual = panel_network.usual_spread(counts, shape)
    logits = network(panel_network.features(counts, shape, usual)).numpy()
    assert logits.shape == (8, 41)
    assert (logits[:, :10] < -20).all()


def test_usual_spread_is_that_of_customers_with_like_totals() -> None:
    """Clumped buyers of few orders beside even ones of many; a third customer tells nothing."""
    rng = np.random.default_rng(3)
    clumped = buy(np.full((300, 60), 0.5), rng, size=0.5)
    even = buy(np.full((300, 60), 4.0), rng, regularity=4)
    counts = np.concatenate([clumped, even])
    shape = np.full(counts.shape, 1 / 60)

    usual = panel_network.usual_spread(counts, shape, like=100)

    few, many = np.median(usual[:300, 0]), np.median(usual[300:, 0])
    assert few > 0.3 > -0.5 > many  # log of variance over mean: 2 and a quarter, less the splits
    assert np.exp(np.median(usual[:, 2])) == pytest.approx(100, abs=2)
    assert (usual[:, 1] > 0).all()


def test_usual_spread_counts_copies() -> None:
    """One row for four customers says what four rows say; alone, a customer is his own usual."""
    shape = np.full((5, 40), 1 / 40)
    once = buy(np.array([12.0, 15, 20, 28, 40])[:, None] * shape, np.random.default_rng(4))
    copies = np.array([1, 4, 1, 2, 1])
    each = np.repeat(np.arange(5), copies)

    long = panel_network.usual_spread(once[each], shape[each])
    short = panel_network.usual_spread(once, shape, copies)
    alone = panel_network.usual_spread(once, shape, like=1)

    assert short[each] == pytest.approx(long)
    assert alone[:, 1:] == pytest.approx(np.zeros((5, 2)), abs=1e-6)
    assert len(np.unique(alone[:, 0])) == 5


def contact(customer: str, days_ago: int, channel: str, kind: str) -> dict[str, object]:
    """Return one contact so many days before the cut."""
    return {
        "customer_id": customer,
        "occurred_at": AS_OF - pd.Timedelta(days=days_ago),
        "channel": channel,
        "kind": kind,
    }


def trouble_contacts() -> pd.DataFrame:
    """Return four callers: engaged, silent, one complaint short, five calls but long ago."""
    rows = []
    for customer, last, complaints in (
        ("stay", 20, 3),
        ("go", 20, 3),
        ("calm", 20, 2),
        ("old", 60, 5),
    ):
        rows += [contact(customer, last + i, "call", "complaint") for i in range(complaints)]
        rows += [contact(customer, last + i, "Call", "question") for i in range(5 - complaints)]
    rows += [contact(customer, 6, "social", "engagement") for customer in ("stay", "calm", "old")]
    rows += [contact("go", 8, "social", "engagement")]
    return pd.DataFrame(rows)


def test_risky_but_loyal_is_read_as_the_brief_says() -> None:
    """Five calls, three complaints in 30 days and a post in the last 7: at risk, may stay."""
    lines = pd.DataFrame({"customer_id": ["stay"], "ordered_at": [AS_OF - pd.Timedelta(days=9)]})
    orders = detect_panel(lines, as_of=AS_OF)
    found = read_trouble(trouble_contacts(), orders, as_of=AS_OF)
    reading = found.table.set_index("customer_id")["reading"].to_dict()

    assert reading == {"stay": "at risk, may stay", "go": "at risk"}
    assert found.facts()["at_risk_may_stay_customers"] == 1
    counts = found.counts().set_index(["reading", "contacts"])
    assert counts.loc[("at risk, may stay", "no rise shown"), "orders: not enough data"] == 1
    assert counts.to_numpy().sum() == 2
    with pytest.raises(DataError, match="no column 'kind'"):
        read_trouble(trouble_contacts().drop(columns="kind"), orders, as_of=AS_OF)
