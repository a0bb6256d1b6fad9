"""What a release really loses: the distinguishing of two neighbouring data sets by many draws.

An audit can refute a promise, never prove it: its lower bound holds with 99.9 %, whatever the
mechanism; that nothing was found says only that these events did not tell the data sets apart.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import stats
from tqdm import tqdm

from segwork.privacy import release
from segwork.progress import unwatched

LEVEL = 0.999  # an honest mechanism must not be refuted by chance
Mechanism = Callable[[pd.Series, float], float]


@dataclass(frozen=True)
class Observed:
    """The privacy loss seen: estimate and 99.9 % lower bound of the best event."""

    epsilon: float
    low: float


def observed(one: np.ndarray, other: np.ndarray) -> Observed:
    """Estimate the privacy loss from draws on two neighbouring data sets.

    The event, "at least t" or "at most t" under one data set against the other, is chosen on the
    first half of the draws and judged on the second, by Clopper-Pearson bounds.

    References
    ----------
    Ding et al. (2018), "Detecting violations of differential privacy"; Jagielski et al. (2020),
    "Auditing differentially private machine learning".
    """
    half = len(one) // 2
    first, second = (one[:half], other[:half]), (one[half:], other[half:])
    best = max(_events(*first), key=lambda event: event[0])
    side, sign, limit = best[1:]
    hits = [int((sign * draws >= sign * limit).sum()) for draws in second]
    hit, miss = hits if side == 0 else hits[::-1]
    n = len(second[0])
    estimate = np.log(max(hit, 0.5) / max(miss, 0.5))
    return Observed(float(estimate), float(_lower(np.array(hit), np.array(miss), n)))


def _events(one: np.ndarray, other: np.ndarray) -> list[tuple[float, int, int, float]]:
    """Return lower bound, side, direction and limit of every event, on the choosing half."""
    found = []
    limits = np.unique(np.quantile(np.concatenate([one, other]), np.linspace(0, 1, 201)))
    for side, (likely, unlikely) in enumerate(((one, other), (other, one))):
        for sign in (1, -1):
            hits = [
                (sign * draws[:, None] >= sign * limits).sum(axis=0) for draws in (likely, unlikely)
            ]
            bounds = _lower(*hits, len(one))
            found += [(b, side, sign, t) for b, t in zip(bounds, limits, strict=True)]
    return found


def _lower(hit: np.ndarray, miss: np.ndarray, n: int) -> np.ndarray:
    """Return the lower bound of the logarithm of a ratio of two shares of n draws."""
    tail = (1 - LEVEL) / 2
    least = np.where(hit > 0, stats.beta.ppf(tail, np.maximum(hit, 1), n - hit + 1), 0.0)
    most = np.where(miss < n, stats.beta.ppf(1 - tail, miss + 1, np.maximum(n - miss, 1)), 1.0)
    with np.errstate(divide="ignore"):
        return np.maximum(np.log(least / most), 0.0)


def audit(
    mechanism: Mechanism, pair: tuple[pd.Series, pd.Series], *, epsilon: float, draws: int
) -> Observed:
    """Draw from a mechanism on two neighbouring data sets and estimate what it loses."""
    name = getattr(mechanism, "__name__", "draws")
    sides = [
        np.array(
            [mechanism(data, epsilon) for _ in tqdm(range(draws), desc=name, disable=unwatched())]
        )
        for data in pair
    ]
    return observed(*sides)


def neighbours(amounts: list[float], one_more: list[float]) -> tuple[pd.Series, pd.Series]:
    """Return data without and with one customer, who may have many rows."""
    without = pd.Series(amounts, index=[f"c{n}" for n in range(len(amounts))], dtype=float)
    more = pd.Series(one_more, index=["extra"] * len(one_more), dtype=float)
    return without, pd.concat([without, more])


CROWD = neighbours([1.0] * 40, [10.0])
HEAVY = neighbours([1.0] * 40, [1.0] * 20)
HUGE = neighbours([1.0] * 40, [1000.0])
HALVES = neighbours([0.0] * 20 + [10.0] * 20, [10.0])


def count(values: pd.Series, epsilon: float) -> float:
    """Release the number of customers."""
    return float(release(values, statistic="count", epsilon=epsilon).value)


def mean(values: pd.Series, epsilon: float) -> float:
    """Release the mean within bounds said beforehand."""
    return float(release(values, statistic="mean", epsilon=epsilon, bounds=(0, 10)).value)


def histogram(values: pd.Series, epsilon: float) -> float:
    """Release ten bins; the last is where the neighbour is."""
    found = release(values, statistic="histogram", epsilon=epsilon, bounds=(0, 10))
    return float(found.value.iloc[-1])


def quantile(values: pd.Series, epsilon: float) -> float:
    """Release the median, which one more customer tips where two halves are apart."""
    return float(release(values, statistic="quantile", epsilon=epsilon, bounds=(0, 10)).value)


def half_the_noise(values: pd.Series, epsilon: float) -> float:
    """Claim ε and add the noise of twice as much."""
    return count(values, 2 * epsilon)


def bounds_from_the_data(values: pd.Series, epsilon: float) -> float:
    """Take the upper bound of a mean from the largest value."""
    bounds = (0, float(values.max()))
    return float(release(values, statistic="mean", epsilon=epsilon, bounds=bounds).value)


def a_customer_for_each_row(values: pd.Series, epsilon: float) -> float:
    """Count rows as if each were a customer."""
    return count(values.reset_index(drop=True), epsilon)


HONEST = {count: CROWD, mean: CROWD, histogram: CROWD, quantile: HALVES}
BROKEN = {half_the_noise: CROWD, bounds_from_the_data: HUGE, a_customer_for_each_row: HEAVY}


def audit_all(*, epsilon: float = 1.0, draws: int = 10_000) -> pd.DataFrame:
    """Audit the four honest releases and the three broken ones.

    Returns
    -------
    DataFrame
        One row a mechanism: mechanism, honest, promised, observed, low, caught.
    """
    rows = []
    for honest, mechanisms in ((True, HONEST), (False, BROKEN)):
        for mechanism, pair in mechanisms.items():
            seen = audit(mechanism, pair, epsilon=epsilon, draws=draws)
            name = mechanism.__name__.replace("_", " ")
            rows.append((name, honest, epsilon, seen.epsilon, seen.low, seen.low > epsilon))
    columns = ["mechanism", "honest", "promised", "observed", "low", "caught"]
    return pd.DataFrame(rows, columns=columns)
