"""Intervals, corrections and the decision rule."""

from __future__ import annotations

import math

import numpy as np
import pytest

from segwork.evidence import (
    benjamini_hochberg,
    bootstrap_totals,
    decide,
    holm,
    mean_of_clusters,
    wilson,
)
from segwork.results import Interval, Severity, Status


def test_wilson_matches_newcombe_1998_table_1() -> None:
    """81 of 263 gives 0.2553 to 0.3662 (Newcombe 1998, Statistics in Medicine 17, table I)."""
    interval = wilson(81, 263)

    assert interval.low == pytest.approx(0.2553, abs=5e-5)
    assert interval.high == pytest.approx(0.3662, abs=5e-5)


def test_wilson_of_nothing_says_nothing() -> None:
    """No observations leave the whole range open."""
    assert wilson(0, 0) == Interval(0.0, 1.0)


def test_holm_by_hand() -> None:
    """Three p-values: 3 × 0.01, then 2 × 0.02, then the running maximum; NaN is left out."""
    adjusted = holm([0.02, 0.01, math.nan, 0.03])

    np.testing.assert_allclose(adjusted, [0.04, 0.03, math.nan, 0.04])


def test_benjamini_hochberg_by_hand() -> None:
    """Q = p × m / rank, then the running minimum from the top: 0.03, 0.03, 0.03."""
    np.testing.assert_allclose(benjamini_hochberg([0.01, 0.02, 0.03]), [0.03, 0.03, 0.03])


@pytest.mark.parametrize(
    ("value", "interval", "severity", "expected"),
    [
        (0.2, None, Severity.HIGH, Status.FAILED),
        (0.2, None, Severity.LOW, Status.WARNED),
        (0.1, None, Severity.HIGH, Status.PASSED),
        (0.2, Interval(0.15, 0.25), Severity.CRITICAL, Status.FAILED),
        (0.2, Interval(0.05, 0.35), Severity.HIGH, Status.INCONCLUSIVE),
        (0.05, Interval(0.01, 0.09), Severity.HIGH, Status.PASSED),
        (0.05, Interval(0.01, 0.2), Severity.HIGH, Status.INCONCLUSIVE),
        (math.nan, None, Severity.HIGH, Status.INCONCLUSIVE),
        (0.2, Interval(math.nan, math.nan), Severity.HIGH, Status.INCONCLUSIVE),
    ],
)
def test_decide_needs_effect_and_evidence(
    value: float, interval: Interval | None, severity: Severity, expected: Status
) -> None:
    """Limit 0.1, higher is worse: alarm only beyond the limit with the interval clear of it."""
    assert decide(value=value, limit=0.1, interval=interval, severity=severity) is expected


@pytest.mark.parametrize(
    ("interval", "expected"),
    [
        (Interval(0.6, 0.8), Status.PASSED),
        (Interval(0.2, 0.4), Status.FAILED),
        (Interval(0.4, 0.6), Status.INCONCLUSIVE),
    ],
)
def test_decide_turns_round_for_a_floor(interval: Interval, expected: Status) -> None:
    """Limit "at least 0.5": low values are the bad ones."""
    status = decide(value=0.5, limit=0.5, interval=interval, higher_is_worse=False)

    assert status is expected


@pytest.mark.parametrize("n", range(1, 60))
def test_wilson_holds_its_own_share(n: int) -> None:
    """Rounding never puts the share outside: error bars of negative length cannot be drawn."""
    for successes in range(n + 1):
        assert successes / n in wilson(successes, n)


def test_bootstrap_of_totals_holds_its_promise() -> None:
    """Of 200 skewed groups of 40 some 95 % of intervals hold the total of the population."""
    rng = np.random.default_rng(4)
    values = rng.gamma(2.0, 1.0, (200, 40))
    low, high = bootstrap_totals(np.repeat(np.arange(200), 40), values.ravel(), seed=0).T
    assert 0.88 <= ((low <= 80) & (high >= 80)).mean() <= 0.99
    alone = bootstrap_totals(np.array([0, 1, 1]), np.array([1.0, 2.0, 3.0]), seed=0)
    assert np.isnan(alone).tolist() == [[True, True], [False, False]]
    many = rng.normal(5, 2, 8_000)
    low, high = bootstrap_totals(np.zeros(8_000, int), many, seed=0)[0]
    assert high - low == pytest.approx(3.92 * 2 * np.sqrt(8_000), rel=0.1)
    assert bootstrap_totals(np.zeros(0, int), np.zeros(0), seed=0).shape == (0, 2)


def test_mean_of_clusters_counts_customers_not_rows() -> None:
    """200 customers of ten rows each, alike within: the interval holds, and is wide enough."""
    rng, held = np.random.default_rng(8), 0
    for _ in range(200):
        sums = rng.binomial(10, rng.beta(1, 1, 200))
        mean, interval = mean_of_clusters(sums, np.full(200, 10), share=True)
        held += 0.5 in interval
        assert mean in interval
    assert 0.90 <= held / 200 <= 0.99
    _, alone = mean_of_clusters([3.0], [2.0])
    assert math.isnan(alone.low)
    _, plain = mean_of_clusters([3.0, 5.0], [2.0, 2.0])
    assert (plain.low + plain.high) / 2 == pytest.approx(2.0)
