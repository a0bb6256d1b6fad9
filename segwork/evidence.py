"""Effect and evidence: the intervals, corrections and the one decision rule all checks share."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from itertools import pairwise

import numpy as np

from segwork.results import Interval, Severity, Status


def wilson(successes: int, n: int, *, level: float = 0.95) -> Interval:
    """Return the Wilson interval of a proportion; the whole range where ``n`` is zero.

    References
    ----------
    Wilson (1927), "Probable inference, the law of succession, and statistical inference".

    Examples
    --------
    >>> str(wilson(0, 22))
    '0 to 0.149'
    """
    if n == 0:
        return Interval(0.0, 1.0, level)
    from statsmodels.stats.proportion import proportion_confint

    low, high = proportion_confint(successes, n, alpha=1 - level, method="wilson")
    share = successes / n  # rounding must not put the share outside its own interval
    return Interval(max(0.0, min(float(low), share)), min(1.0, max(float(high), share)), level)


def holm(p_values: Sequence[float]) -> np.ndarray:
    """Return Holm-adjusted p-values, shape (n,); NaN stays NaN and is not counted.

    References
    ----------
    Holm (1979), "A simple sequentially rejective multiple test procedure".
    """
    return _adjusted(p_values, lambda p: np.maximum.accumulate(p * np.arange(p.size, 0, -1)))


def benjamini_hochberg(p_values: Sequence[float]) -> np.ndarray:
    """Return Benjamini-Hochberg q-values, shape (n,); NaN stays NaN and is not counted.

    References
    ----------
    Benjamini and Hochberg (1995), "Controlling the false discovery rate".
    """

    def stepped_up(p: np.ndarray) -> np.ndarray:
        shares = np.arange(1, p.size + 1) / p.size
        return np.minimum.accumulate((p / shares)[::-1])[::-1]

    return _adjusted(p_values, stepped_up)


def _adjusted(
    p_values: Sequence[float], of_sorted: Callable[[np.ndarray], np.ndarray]
) -> np.ndarray:
    # Not statsmodels' multipletests: it collects garbage at every call, a quarter of a second.
    p = np.asarray(p_values, dtype=float)
    adjusted = np.full(p.shape, np.nan)
    known = np.flatnonzero(np.isfinite(p))
    order = known[np.argsort(p[known])]
    adjusted[order] = np.minimum(of_sorted(p[order]), 1.0)
    return adjusted


def bootstrap_totals(groups: np.ndarray, values: np.ndarray, *, seed: int) -> np.ndarray:
    """Return 95 % percentile bootstrap bounds of each group's total, customers drawn anew.

    Of groups above 2,000 customers resamples of 2,000 are drawn, and their deviations shrunk to the
    size of the group; a group of one customer has no interval.

    Parameters
    ----------
    groups : numpy.ndarray of int, shape (n,)
        Codes 0, 1, … of the customers' groups.
    values : numpy.ndarray, shape (n,)
    seed : int

    Returns
    -------
    numpy.ndarray, shape (groups, 2)
        Low and high; NaN for a group of one.

    Examples
    --------
    >>> bootstrap_totals(np.array([0, 0, 0, 1]), np.array([5.0, 5.0, 5.0, 1.0]), seed=0).tolist()
    [[15.0, 15.0], [nan, nan]]
    """
    most, draws = 2_000, 1_000
    bounds = np.full((int(groups.max(initial=-1)) + 1, 2), np.nan)
    order = np.lexsort((values, groups))  # the order of customers plays no part
    ends = np.searchsorted(groups[order], np.arange(len(bounds) + 1))
    for code, (begin, end) in enumerate(pairwise(ends)):
        mine = values[order[begin:end]]
        n, drawn = len(mine), min(len(mine), most)
        if n > 1:
            rng = np.random.default_rng([seed, code])
            means = mine[rng.integers(0, n, (draws, drawn))].mean(axis=1)
            shrunk = mine.mean() + (means - mine.mean()) * np.sqrt(drawn / n)
            bounds[code] = n * np.quantile(shrunk, (0.025, 0.975))
    return bounds


def mean_of_clusters(
    sums: Sequence[float], counts: Sequence[float], *, share: bool = False
) -> tuple[float, Interval]:
    """Return the mean over all rows and its 95 % interval where rows of one customer are alike.

    Parameters
    ----------
    sums, counts : array-like, shape (customers,)
        Sum of the values of each customer's rows, and number of the rows; some has to be positive.
    share : bool, default False
        The values are zeros and ones: Wilson's interval, on as many rows as they are worth.

    References
    ----------
    Linearised variance of a ratio of totals: Cochran (1977), Sampling Techniques, section 6.3.

    Examples
    --------
    >>> mean, interval = mean_of_clusters([4, 0], [8, 2], share=True)
    >>> mean, str(interval)
    (0.4, '0.189 to 0.733')
    """
    sums, counts = np.asarray(sums, float), np.asarray(counts, float)
    n, customers = counts.sum(), int((counts > 0).sum())
    mean = float(sums.sum() / n)
    variance = ((sums - mean * counts) ** 2).sum() * customers / max(customers - 1, 1) / n**2
    if share:
        worth = max(mean * (1 - mean) / variance if variance > 0 else customers, 1.0)
        found = wilson(round(mean * worth), round(worth))
        return mean, Interval(min(found.low, mean), max(found.high, mean))
    wing = 1.96 * math.sqrt(variance) if customers > 1 else math.nan
    return mean, Interval(mean - wing, mean + wing)


def decide(
    *,
    value: float,
    limit: float,
    interval: Interval | None,
    higher_is_worse: bool = True,
    severity: Severity = Severity.HIGH,
) -> Status:
    """Judge an estimate: an alarm needs an effect beyond the limit and evidence clear of it.

    Parameters
    ----------
    value, limit : float
        Estimate and limit in the same unit.
    interval : Interval or None
        Interval of the estimate. None means the value is a complete count, which needs no evidence.
    higher_is_worse : bool, default True
        Direction of the limit: True for "at most", False for "at least".
    severity : Severity, default high
        Critical and high findings fail, medium and low ones warn.

    Returns
    -------
    Status
        passed · failed · warned · inconclusive (interval straddles the limit, or value unknown).

    Examples
    --------
    >>> decide(value=0.12, limit=0.05, interval=Interval(0.08, 0.16))
    <Status.FAILED: 'failed'>
    >>> decide(value=0.12, limit=0.05, interval=Interval(0.01, 0.30))
    <Status.INCONCLUSIVE: 'inconclusive'>
    >>> decide(value=0.70, limit=0.50, interval=Interval(0.6, 0.8), higher_is_worse=False)
    <Status.PASSED: 'passed'>
    """
    if not math.isfinite(value):
        return Status.INCONCLUSIVE
    alarm = Status.FAILED if severity in (Severity.CRITICAL, Severity.HIGH) else Status.WARNED
    if interval is None:
        beyond = value > limit if higher_is_worse else value < limit
        return alarm if beyond else Status.PASSED
    if not (math.isfinite(interval.low) and math.isfinite(interval.high)):
        return Status.INCONCLUSIVE
    if higher_is_worse:
        clearly_beyond, clearly_within = interval.low > limit, interval.high <= limit
    else:
        clearly_beyond, clearly_within = interval.high < limit, interval.low >= limit
    if clearly_beyond:
        return alarm
    return Status.PASSED if clearly_within else Status.INCONCLUSIVE
