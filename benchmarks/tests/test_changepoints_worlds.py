"""The worlds of the benchmark are what they say: splices, twins, and the best there can be."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from benchmarks.changepoints import worlds
from segwork.changepoints.buying import buy


def test_counts_come_back_from_order_lines() -> None:
    """Orders per week survive the way through order lines, last week included."""
    counts = np.array([[0, 2, 0, 1], [1, 0, 0, 0], [0, 0, 0, 0]])
    lines = worlds.order_lines(counts, np.random.default_rng(0))
    world = worlds.World(lines, np.array([-1, 2, -1]), 4)
    np.testing.assert_array_equal(world.counts(), counts)
    assert world.later().tolist() == [[False] * 4, [False, False, True, True], [False] * 4]


def test_best_statistic_equals_the_likelihoods_written_out() -> None:
    """Twelve weeks: changes can begin in the sixth and seventh; recomputed order by order."""
    counts = np.array([[1, 0, 2, 1, 0, 1, 4, 3, 5, 2, 3, 4], [2, 1, 3, 0, 2, 0, 0, 0, 0, 0, 0, 0]])
    logs = np.linspace(0.4, 1.8, 15)
    sizes = [(0.0, 0.25), *((r, 0.025) for r in np.exp(np.r_[logs, -logs]))]
    for row, got in zip(counts, worlds.best_possible(counts), strict=True):
        odds = 0.0
        for begin in (5, 6):
            for ratio, weight in sizes:
                rate = np.where(np.arange(12) < begin, 1.0, ratio)
                odds += weight * np.prod((12 * rate / rate.sum()) ** row)
        assert got == pytest.approx(np.log(odds))


def shop(rng: np.random.Generator) -> pd.DataFrame:
    """Return order lines of 600 clumped buyers (size 0.5) with rates around 0.3 a week."""
    rate = np.exp(rng.normal(np.log(0.3), 0.8, (600, 1))) * np.ones((1, 80))
    return worlds.order_lines(buy(rate, rng, size=0.5), rng)


@pytest.mark.parametrize("change", [1.0, 1 / 3, 3.0])
def test_splices_have_the_factor_they_claim(change: float) -> None:
    """Rates after over before within a fifth or an order; the others keep one rate."""
    rng = np.random.default_rng(1)
    world = worlds.spliced(shop(rng), as_of="2024-01-01", rng=rng, change=change)
    spliced = world.week >= 0
    before, after = (world.rates * world.weeks).T
    assert 20 <= spliced.sum() <= len(spliced) / 5
    assert set(world.week[spliced]) == {world.weeks // 2}
    slack = np.maximum(0.2 * change * before, 1.0) + 1e-6
    assert (np.abs(after - change * before) <= slack)[spliced].all()
    np.testing.assert_array_equal(before[~spliced], after[~spliced])
    assert (before >= 8 - 1e-6).all()


def test_twins_buy_as_often_and_as_clumped() -> None:
    """Orders within 5 %, variance over mean within 20 %, changed in the same customers."""
    rng = np.random.default_rng(2)
    world = worlds.spliced(shop(rng), as_of="2024-01-01", rng=rng, change=3.0)
    twin = worlds.twin(world, rng=rng)
    np.testing.assert_array_equal(twin.week, world.week)
    real, simulated = world.counts(), twin.counts()
    assert simulated.sum() == pytest.approx(real.sum(), rel=0.05)
    ratio = [c.var(axis=1).mean() / c.mean() for c in (real, simulated)]
    assert ratio[0] > 1.3
    assert ratio[1] == pytest.approx(ratio[0], rel=0.2)


def test_one_threshold_and_both_rates_by_hand() -> None:
    """Twenty unchanged with statistics 1 to 20, four changed: two lie above the 95 % point."""
    truth = pd.DataFrame({
        "changed": [False] * 20 + [True] * 4,
        "log_odds": [*range(1, 21), 5.0, 18.0, 19.5, 40.0],
        "p": [0.5] * 19 + [0.04, 0.2, 0.06, 0.03, 0.001],
        "q": [0.9] * 19 + [0.09, 0.9, 0.9, 0.10, 0.01],
        "located": [False] * 22 + [False, True],
    })  # fmt: skip
    score = worlds.Score(truth)
    assert score.at_one_threshold("log_odds") == pytest.approx(2 / 4)
    assert score.power() == pytest.approx(2 / 4)
    assert score.located() == pytest.approx(1 / 4)
    assert score.alarms() == pytest.approx(1 / 20)
    assert score.false_discoveries() == (pytest.approx(1 / 3), pytest.approx(2 / 4))
    assert worlds.together([score, score]).false_discoveries()[0] == pytest.approx(1 / 3)
