"""How late a stop is seen: planted stops, and the gate that must not pass without them."""

from __future__ import annotations

import numpy as np
import pandas as pd
from buyers import AS_OF, order_lines

from segwork import changepoints, config
from segwork.changepoints import detect_panel
from segwork.changepoints.buying import buy
from segwork.changepoints.delay import AGES_DAYS
from segwork.checks import gates
from segwork.results import Status


def delay(rate: float, customers: int = 200) -> changepoints.Delay:
    """Measure it in a base that buys so often a week and does not change."""
    rng = np.random.default_rng(3)
    rates = rate * np.exp(rng.normal(0, 0.3, (customers, 1))) * np.ones((1, 104))
    lines = order_lines(buy(rates, rng), rng)
    return changepoints.detection_delay(lines, detect_panel(lines, as_of=AS_OF))


def judged(found: changepoints.Delay) -> Status:
    """Judge SEG-T02 of a quarter in which hardly anybody was found to be lost."""
    share = "lost_last_quarter_share"
    quarter = {share: 0.002, f"{share}_low": 0.0005, f"{share}_high": 0.005}
    facts = {"30_change_points": {**quarter, **found.facts()}}
    lines = {"transactions": {"path": "x.csv"}}
    settings = config.load({"as_of": "2024-01-01", "tables": lines})
    finding = next(f for f in gates.judge(facts, settings) if f.code == "SEG-T02")
    assert found.words[1:20] in finding.message
    return finding.status


def test_frequent_buyers_show_a_stop_within_the_quarter() -> None:
    """Three orders a week: the older a stop, the more are found; the gate can pass."""
    found = delay(3.0)
    assert found.table["days"].tolist() == list(AGES_DAYS)
    assert found.table["found"].is_monotonic_increasing
    assert found.table["found"].iloc[-1] >= 0.9
    assert found.days == 42
    assert judged(found) is Status.PASSED


def test_rare_buyers_do_not_and_few_losses_prove_nothing() -> None:
    """An order in seven weeks: hardly any stop is seen, so a quiet quarter is inconclusive."""
    found = delay(0.15)
    assert found.table["found"].max() < 0.5
    assert found.days is None
    assert judged(found) is Status.INCONCLUSIVE


def test_nobody_with_enough_data_is_inconclusive() -> None:
    """No table, and words that say so."""
    days = pd.to_datetime(["2023-12-01", "2023-12-20"])
    lines = pd.DataFrame({"customer_id": "a", "ordered_at": days})
    found = changepoints.detection_delay(lines, detect_panel(lines, as_of=AS_OF))
    assert found.table.empty
    assert found.facts()["detection_status"] == "inconclusive"
    assert "nobody" in found.words


def test_the_names_of_customers_play_no_part() -> None:
    """Other names in another order, the same stops found."""
    rng = np.random.default_rng(1)
    lines = order_lines(buy(np.full((120, 104), 1.5), rng), rng)
    other = lines.assign(customer_id=lines["customer_id"].map(lambda name: str(name)[::-1]))
    tables = [
        changepoints.detection_delay(frame, detect_panel(frame, as_of=AS_OF)).table
        for frame in (lines, other)
    ]
    pd.testing.assert_frame_equal(*tables)
