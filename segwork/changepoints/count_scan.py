"""A step in a short series of counts, told from its trend: a scan of score statistics.

The network learned from real-valued series with normal noise and trends of any shape. In twenty to
sixty counts it cannot tell a halving from a decline. Counts bring their own noise: beside a
log-linear trend with over-dispersed Poisson counts a step has a closed-form score statistic at
every index, and change-free copies of the fitted trend say how large the largest of them gets.
A trend that bends is no step: the step must also explain the counts better than a square does.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from math import comb

import numpy as np

LENGTHS = (12, 160)  # shorter says nothing about a trend; in longer ones the trend is no line
MARGIN = 4  # points on either side of a step at least
COPIES = 999
STEPS = 12  # of Newton's method
LEVEL = 0.02  # p up to which a step is reported
AHEAD = 4.0  # deviance a step must be ahead of a smooth bend
SPARSE = 2.0  # mean count below which single events look like jumps to the network
STEADY = 0.04  # p of a constant rate above which a sparse series has no change
PERIODS = (7.0, 12.0, 26.0, 52.0)  # of a season, and these shares of the series' length
SHARES = (1 / 3, 1 / 2, 2 / 3, 1.0, 1.4, 2.0)
EVEN = 3.0  # of the Bayesian information criterion: within it a second witness keeps the step
FLOOR = 0.1  # expected count below which a residual is not magnified further


@dataclass(frozen=True)
class CountStep:
    """The most likely step of a series of counts.

    Attributes
    ----------
    index : int
        First index after the step.
    p : float
        Share of change-free copies whose largest statistic is at least as large, the series
        itself counted among them.
    ahead : float
        Deviance by which trend and step explain the counts better than a trend with a square
        term, in units of their dispersion. Below zero a smooth bend is the simpler story.
    begins : numpy.ndarray, shape (n,)
        Probability that the step lies at each index. They add up to the largest probability of a
        step that ``p`` allows at even odds.
    """

    index: int
    p: float
    ahead: float
    begins: np.ndarray = field(repr=False)

    @property
    def is_found(self) -> bool:
        """Whether the step is beyond chance and explains more than a smooth bend."""
        return bool(self.p <= LEVEL and self.ahead > AHEAD)


def are_counts(y: np.ndarray) -> bool:
    """Say whether a series is 12 to 160 non-negative whole numbers, not all of them zero."""
    fits = LENGTHS[0] <= y.size <= LENGTHS[1] and np.isfinite(y).all() and y.max() < 1e6
    return bool(fits and y.min() >= 0 and y.any() and (y == np.round(y)).all())


def count_step(y: np.ndarray, seed: int) -> CountStep:
    """Test a series of counts for a step beside a log-linear trend.

    Parameters
    ----------
    y : numpy.ndarray, shape (n,)
        Counts (see `are_counts`).
    seed : int
        Draws the change-free copies.

    Returns
    -------
    CountStep

    References
    ----------
    Davison and Hinkley (1997), "Bootstrap Methods and their Application", section 4.2 (the copies
    and the plus one); Sellke, Bayarri and Berger (2001), "Calibration of p values for testing
    precise null hypotheses" (from p to the probability).

    Examples
    --------
    >>> found = count_step(np.r_[[9.0, 8, 11, 10] * 5, [3.0, 2, 4, 3] * 4], seed=0)
    >>> found.index, found.p
    (20, 0.001)
    """
    gains, p = _tested(y, np.linspace(-1, 1, y.size), seed)
    index = int(gains.argmax())
    where = np.exp((gains - gains.max()) / 2) * (gains > 0)
    begins = _probability(p) * where / max(where.sum(), 1)
    return CountStep(index, p, _ahead(y, index), begins)


def is_steady(y: np.ndarray, seed: int) -> bool:
    """Say whether counts of fewer than two a period on average fit a constant rate.

    They do not if a step beside a constant stands out, or the zeros at the end.
    """
    if y.mean() >= SPARSE or silence(y) <= STEADY:
        return False
    return _tested(y, np.zeros(y.size), seed)[1] > STEADY


def silence(y: np.ndarray) -> float:
    """Return the probability that so many zeros stand at the end by chance, in any order alike.

    Exact whatever the distribution of the counts.

    Examples
    --------
    >>> round(silence(np.r_[1.0, 0, 2, 1, 0, 0]), 3)  # zeros on places 5 and 6: 4 of 20 ways
    0.2
    """
    zeros, run = int((y == 0).sum()), int(np.argmax(y[::-1] > 0))
    return comb(y.size - run, zeros - run) / comb(y.size, zeros)


def _tested(y: np.ndarray, t: np.ndarray, seed: int) -> tuple[np.ndarray, float]:
    """Return the gain of a step at each index beside exp(a + b t), and p of the largest."""
    mean, gains, clumping = (part[0] for part in _scan(y[None, :], t))
    largest = _scan(_copies(mean, clumping, np.random.default_rng(seed)), t)[1].max(1)
    return gains, float((1 + np.count_nonzero(largest >= gains.max() - 1e-9)) / (COPIES + 1))


def is_bend(y: np.ndarray, indices: tuple[int, ...], *, seconded: bool = True) -> bool:
    """Say whether a smooth course explains counts better than steps at these indices do.

    A course is a trend with powers up to the fourth, or with a season of any of a few lengths;
    courses and steps are compared by the Bayesian information criterion. Where they are about even
    the steps are kept if they are ``seconded``: found by the network, not by the scan of the same
    regression alone. A course that explains no more than the trend itself takes nothing back: it
    says nothing of changes of spread.

    Examples
    --------
    >>> season = np.round(12 * np.exp(0.5 * np.sin(np.arange(78) / 52 * 2 * np.pi)))
    >>> is_bend(season, (26,)), is_bend(np.r_[[9.0, 8, 11, 10] * 5, [3.0, 2, 4, 3] * 4], (20,))
    (True, False)
    """
    if silence(y) <= STEADY:  # a stop is no bend, however well one follows it
        return False
    at, t = np.arange(y.size), np.linspace(-1, 1, y.size)
    periods = {*PERIODS, *(share * y.size for share in SHARES)}
    waves = [
        [np.sin(2 * np.pi * at / length), np.cos(2 * np.pi * at / length)]
        for length in periods if 6 <= length <= 2 * y.size
    ]  # fmt: skip
    courses = [([t**k for k in range(2, most + 1)], most - 1) for most in (2, 3, 4)]
    courses += [(wave, 3) for wave in waves] + [([*wave, t**2], 4) for wave in waves]
    steps = ([(at >= index).astype(float) for index in indices], 2 * len(indices))
    found = [_deviance(y, columns) for columns, _ in [([], 0), steps, *courses]]
    dispersion = min(spread for _, spread in found)
    free = np.array([0, steps[1], *(number for _, number in courses)])
    criterion = np.array([value for value, _ in found]) / dispersion + np.log(y.size) * free
    best = criterion[2:].min()
    return bool(best < criterion[1] - EVEN * seconded and best < criterion[0] - EVEN)


def _ahead(y: np.ndarray, index: int) -> float:
    """Deviance of a trend with a square less that of a trend with a step, over dispersion."""
    bend, _ = _deviance(y, [np.linspace(-1, 1, y.size) ** 2])
    step, dispersion = _deviance(y, [(np.arange(y.size) >= index).astype(float)])
    return float((bend - step) / dispersion)


def _deviance(y: np.ndarray, more: list[np.ndarray]) -> tuple[float, float]:
    """Deviance and dispersion (one or more) of a Poisson regression on trend and more columns."""
    x = np.column_stack([np.ones(y.size), np.linspace(-1, 1, y.size), *more])
    eta = np.log(0.7 * y + 0.3 * y.mean())
    for _ in range(STEPS):
        mean = np.exp(eta)
        weighted = x.T * mean
        working = weighted @ eta + x.T @ (y - mean)
        solved = np.linalg.solve(weighted @ x + 1e-6 * np.eye(x.shape[1]), working)
        eta = np.clip(x @ solved, -8, 16)
    mean = np.exp(eta)
    logs = np.where(y > 0, y * np.log(np.maximum(y, 1) / mean), 0)
    dispersion = ((y - mean) ** 2 / np.maximum(mean, FLOOR)).sum() / (y.size - x.shape[1])
    return float(2 * (logs - (y - mean)).sum()), max(float(dispersion), 1.0)


def _probability(p: float) -> float:
    """Largest probability of a step that p allows at even odds."""
    return 1 / (1 - np.e * p * np.log(p)) if p < 1 / np.e else 0.5


def _copies(mean: np.ndarray, clumping: float, rng: np.random.Generator) -> np.ndarray:
    """Poisson or, where the variance is above the mean, negative-binomial copies of a trend."""
    means = np.broadcast_to(mean, (COPIES, mean.size))
    if clumping > 1.01:
        means = rng.gamma(means / (clumping - 1) + 1e-9) * (clumping - 1)
    return rng.poisson(means).astype(float)


def _scan(y: np.ndarray, t: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return trend (B, n), gain of a step at each index (B, n), and clumping (B,)."""
    n = y.shape[1]
    mean, by_line = _trend(y, t)
    after = [np.cumsum(part[:, ::-1], 1)[:, ::-1] for part in (y - mean, mean, mean * t)]
    level, slope = _solve(by_line, after[1], after[2])
    worth = after[1] - level * after[1] - slope * after[2]
    inside = (np.arange(n) >= MARGIN) & (np.arange(n) <= n - MARGIN) & (worth > 1e-3 * after[1])
    gain = np.where(inside, after[0] ** 2 / np.maximum(worth, 1e-9), 0)
    best = gain.argmax(1)[:, None]
    take = [np.take_along_axis(part, best, 1) for part in (after[0], worth, level, slope)]
    step = (np.arange(n) >= best) - take[2] - take[3] * t
    left = y - mean - mean * step * take[0] / np.maximum(take[1], 1e-9)
    left /= np.sqrt(np.maximum(mean, FLOOR))
    clumping = np.maximum((left**2).sum(1) / (n - 3), 1)
    memory = np.clip((left[:, 1:] * left[:, :-1]).sum(1) / (left**2).sum(1).clip(1e-9), 0, 0.8)
    return mean, gain / (clumping * (1 + memory) / (1 - memory))[:, None], clumping


def _trend(y: np.ndarray, t: np.ndarray) -> tuple[np.ndarray, tuple[np.ndarray, ...]]:
    """Fit exp(a + b t) to each series; return the means and their information matrix."""
    a, b = np.log(y.mean(1, keepdims=True) + 1e-3), np.zeros((len(y), 1))
    for _ in range(STEPS):
        mean = np.exp(np.clip(a + b * t, -12, 16))
        by_line = tuple((mean * t**k).sum(1, keepdims=True) for k in range(3))
        gap = y - mean
        up, tilt = _solve(by_line, gap.sum(1, keepdims=True), (gap * t).sum(1, keepdims=True))
        a, b = a + np.clip(up, -1, 1), np.clip(b + np.clip(tilt, -1, 1), -8, 8)
    return mean, by_line


def _solve(matrix, first, second) -> tuple[np.ndarray, np.ndarray]:
    """Solve symmetric two-by-two systems."""
    one, off, two = matrix
    one, two = one + 1e-9, two + 1e-9  # a trend that is zero everywhere has slope zero
    determinant = one * two - off**2
    return (two * first - off * second) / determinant, (one * second - off * first) / determinant
