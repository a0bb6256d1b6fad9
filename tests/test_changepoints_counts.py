"""Series of counts: a step beside a trend, stops, and how often nothing is taken for something."""

from __future__ import annotations

from math import comb

import numpy as np
import pytest

from segwork.changepoints import count_scan, detect

DECLINE = [14, 13, 15, 12, 13, 12, 14, 11, 12, 10, 13, 11, 10, 12, 9, 11, 10, 9, 11, 10]
HALVED = [3, 4, 2, 3, 4, 2, 3, 4, 2, 3, 2, 3]


def counts(mean: np.ndarray, clumping: float, rng: np.random.Generator) -> np.ndarray:
    """Poisson counts, or negative-binomial ones whose variance is ``clumping`` times the mean."""
    if clumping > 1:
        mean = rng.gamma(mean / (clumping - 1)) * (clumping - 1)
    return rng.poisson(mean).astype(float)


def unchanged(kind: str, rng: np.random.Generator) -> np.ndarray:
    """Twenty to sixty counts whose rate has no break."""
    n = int(rng.integers(20, 61))
    t = np.linspace(0, 1, n)
    mean, clumping = {
        "poisson": (np.full(n, rng.uniform(1, 15)), 1.0),
        "clumped": (np.full(n, rng.uniform(1, 15)), rng.uniform(1.3, 3)),
        "sparse": (np.full(n, rng.uniform(0.1, 0.8)), 1.0),
        "decline": (rng.uniform(4, 20) * np.exp(-rng.uniform(0.3, 1.6) * t), 1.0),
        "clumped decline": (rng.uniform(4, 20) * (1 - rng.uniform(0.3, 0.8) * t), 1.8),
    }[kind]
    return counts(mean, clumping, rng)


def changed(kind: str, rng: np.random.Generator) -> tuple[np.ndarray, int]:
    """Return counts and the index from which the rate is another."""
    n = int(rng.integers(20, 61))
    if kind == "stop":
        n = int(rng.integers(24, 37))
        return np.r_[rng.poisson(rng.uniform(0.7, 6), n - 12), np.zeros(12)].astype(float), n - 12
    at = int(rng.integers(0.4 * n, 0.8 * n))
    before = {"flat": np.full(at, 9.9), "decline": np.linspace(14, 9.9, at)}[kind]
    return counts(np.r_[before, np.full(n - at, 3.0)], 1, rng), at


@pytest.mark.parametrize("kind", ["poisson", "clumped", "sparse", "decline", "clumped decline"])
def test_counts_without_change_alarm_in_at_most_one_of_ten(kind: str) -> None:
    """At most 16 of 100 (ten are stated; chance beyond 16 about 2 %)."""
    rng = np.random.default_rng(31)
    assert sum(detect(unchanged(kind, rng)).status == "changed" for _ in range(100)) <= 16


@pytest.mark.parametrize("kind", ["poisson", "clumped", "decline", "clumped decline"])
def test_the_scan_alone_keeps_its_level(kind: str) -> None:
    """At most 8 of 120 change-free series (p <= 0.02 gives 2.4; chance beyond 8 about 0.1 %)."""
    rng = np.random.default_rng(32)
    drawn = [count_scan.count_step(unchanged(kind, rng), 0) for _ in range(120)]
    assert sum(step.is_found for step in drawn) <= 8


@pytest.mark.parametrize(("kind", "least"), [("flat", 32), ("decline", 31), ("stop", 37)])
def test_a_fall_to_a_third_and_a_stop_are_dated(kind: str, least: int) -> None:
    """Of 40 short series so many are dated within three points."""
    rng = np.random.default_rng(33)
    hits = 0
    for _ in range(40):
        y, at = changed(kind, rng)
        hits += any(abs(i - at) <= 3 for i in detect(y).indices)
    assert hits >= least


def test_a_bend_is_no_step() -> None:
    """A smooth rise and fall is explained by a square; a break in a decline is not."""
    t = np.linspace(-1, 1, 40)
    hump = np.round(20 * np.exp(-1.5 * t**2))
    assert not count_scan.count_step(hump, 0).is_found
    found = count_scan.count_step(np.array(DECLINE + HALVED, float), 0)
    assert found.is_found
    assert found.index == 20


def smooth(kind: str, rng: np.random.Generator) -> np.ndarray:
    """Draw weekly counts of a yearly season, of a hump, or of a clumped decline."""
    n = int(rng.choice([52, 78, 104]))
    t, m = np.arange(n), rng.uniform(4, 25)
    if kind == "season":
        return rng.poisson(m * np.exp(0.4 * np.sin(2 * np.pi * (t + rng.integers(52)) / 52)))
    if kind == "hump":
        middle, wide = n * rng.uniform(0.3, 0.7), n * rng.uniform(0.1, 0.25)
        return rng.poisson(m * np.exp(0.9 * np.exp(-0.5 * ((t - middle) / wide) ** 2)))
    return rng.poisson(rng.gamma(5, m * np.exp(-rng.uniform(0.5, 2.5) * t / n) / 5))


@pytest.mark.parametrize(("kind", "most"), [("season", 8), ("hump", 8), ("decline", 8)])
def test_smooth_courses_raise_few_alarms(kind: str, most: int) -> None:
    """Of 40 series without a step at most 8 have a change (4 are stated; chance beyond 8: 2 %)."""
    rng = np.random.default_rng(35)
    alarms = sum(bool(detect(smooth(kind, rng).astype(float)).indices) for _ in range(40))
    print(f"{kind}: {alarms} of 40")
    assert alarms <= most


def test_what_the_scan_finds_keeps_the_promises_of_detect() -> None:
    """Sorted index, probabilities from 0 to 1 that peak there, same seed same answer, holes."""
    rng = np.random.default_rng(34)
    drawn = [changed("decline", rng)[0] for _ in range(40)]
    scanned = [y for y in drawn if detect(y).found_by == "count scan"]
    assert len(scanned) >= 3
    for y in scanned:
        found, again = detect(y), detect(y)
        assert found.status == "changed"
        assert len(found.indices) == 1
        assert found.probability.shape == y.shape
        assert found.probability.min() >= 0
        assert found.probability.max() <= 1
        reach = 1 + len(y) // 20
        assert abs(int(found.probability.argmax()) - found.indices[0]) <= reach
        np.testing.assert_array_equal(found.probability, again.probability)
        held = detect(np.r_[np.full(5, np.nan), y, np.nan])
        assert held.indices == (5 + found.indices[0],)


def test_zeros_at_the_end_are_weighed_exactly() -> None:
    """Ways to place the zeros, by hand: 1, 0, 0 has one of three; no zero at the end: certain."""
    assert count_scan.silence(np.array([1.0, 0, 0])) == pytest.approx(1 / 3)
    assert count_scan.silence(np.array([0.0, 0, 5])) == 1
    assert count_scan.silence(np.r_[np.ones(12), np.zeros(12)]) == pytest.approx(1 / comb(24, 12))


def test_only_counts_are_scanned() -> None:
    """Negative, broken, missing, too few, too many or all zero: left to the network."""
    y = np.array(DECLINE, float)
    assert count_scan.are_counts(y)
    holes = np.r_[y, np.nan]
    for other in (-y, y + 0.5, holes, y[:11], np.tile(y, 9), 0 * y):
        assert not count_scan.are_counts(other)


def test_trend_and_gain_are_those_of_a_regression() -> None:
    """The score statistic of a step equals the slow one of the textbook's matrices."""
    y, t = np.array(DECLINE + HALVED, float), np.linspace(-1, 1, 32)
    mean, gains, clumping = (part[0] for part in count_scan._scan(y[None, :], t))
    line = np.column_stack([np.ones(32), t])
    np.testing.assert_allclose(line.T @ (y - mean), 0, atol=1e-6)
    raw = np.zeros(32)
    for index in range(count_scan.MARGIN, 32 - count_scan.MARGIN + 1):
        step = (np.arange(32) >= index).astype(float)
        cross = line.T @ (mean * step)
        worth = step @ (mean * step) - cross @ np.linalg.solve(line.T * mean @ line, cross)
        raw[index] = (step @ (y - mean)) ** 2 / worth
    assert clumping == 1
    ratio = gains[gains > 0] / raw[gains > 0]
    np.testing.assert_allclose(ratio, ratio[0], rtol=1e-6)
    assert ratio[0] <= 1 + 1e-9
