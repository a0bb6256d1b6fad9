"""Simulated real-valued series with known changes: all the series network ever learns from.

Frozen before the network was scored on any real series. The families are general shapes of
economic and technical series: levels, trends, variance regimes, random walks, seasons, recurring
sawtooth and spike patterns, outliers, rounding. Recurring patterns and plain random walks are not
changes; a change is a lasting break of level, slope, spread or season.
"""

from __future__ import annotations

import numpy as np
from scipy.signal import lfilter

KINDS = ("level", "slope", "level and slope", "spread", "level and spread", "season")
KIND_SHARES = (0.36, 0.22, 0.22, 0.08, 0.07, 0.05)
UNCHANGED_SHARE = 0.35


def simulate(
    n: int, rng: np.random.Generator, *, changed: bool | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """Draw one series of ``n`` points and the indices at which its segments begin.

    Parameters
    ----------
    n : int
        Length, at least 8.
    rng : numpy.random.Generator
    changed : bool, optional
        Force a series with or without changes; drawn where absent.

    Returns
    -------
    y : numpy.ndarray, shape (n,)
    indices : numpy.ndarray of int
        First index of each new segment; empty for a series without change.
    """
    if changed is None:
        changed = rng.random() > UNCHANGED_SHARE
    marks = _marks(n, rng) if changed else np.array([], int)
    kind = rng.choice(KINDS, p=KIND_SHARES) if marks.size else "none"
    segment = np.searchsorted(marks, np.arange(n), side="right")
    noise = _noise(n, rng)
    if "spread" in kind:
        noise = noise * _alternating(marks.size + 1, rng, 0.7, 2.0)[segment]
    season = _season(n, rng, needed=kind == "season")
    if kind == "season":
        season = season * _alternating(marks.size + 1, rng, 0.8, 2.0)[segment]
    signal = _trend(n, rng) + _steps(kind, marks, n, rng)
    y = _distort(signal, season, noise, rng)
    return (y if rng.random() < 0.5 else -y), marks


def _marks(n: int, rng: np.random.Generator) -> np.ndarray:
    """Return indices of changes: one to about eight, no segment shorter than three or 4 % of n."""
    shortest = max(3, int(0.04 * n))
    count = min(int(rng.geometric(0.4)), 8, n // shortest - 1)
    slack = n - shortest * (count + 1)
    cuts = np.sort(rng.integers(0, slack + 1, count))
    return cuts + shortest * np.arange(1, count + 1)


def _noise(n: int, rng: np.random.Generator) -> np.ndarray:
    """White, autocorrelated or integrated noise with normal or heavy tails, unit scale."""
    tails = rng.random()
    if tails < 0.7:
        e = rng.standard_normal(n + 50)
    else:
        e = rng.standard_t(rng.integers(3, 7), n + 50) / 1.4
    shape = rng.random()
    if shape < 0.35:
        return e[50:]
    if shape < 0.82:
        phi = rng.uniform(0, 0.97)
        return lfilter([1], [1, -phi], e)[50:] * np.sqrt(1 - phi**2)
    walk = np.cumsum(e[50:])
    return walk * rng.uniform(0.05, 0.6) * (3 / np.sqrt(n) if rng.random() < 0.3 else 1)


def _alternating(count: int, rng: np.random.Generator, low: float, high: float) -> np.ndarray:
    """Factors whose logarithm jumps by ``low`` to ``high`` from one segment to the next."""
    signs = np.where(rng.random(count) < 0.8, (-1) ** np.arange(count), 1) * rng.choice([-1, 1])
    jumps = signs * rng.uniform(low, high, count)
    jumps[0] = 0
    return np.exp(np.clip(np.cumsum(jumps), -4, 4))


def _trend(n: int, rng: np.random.Generator) -> np.ndarray:
    """Nothing, a line, or a smooth curve without any break."""
    t = np.linspace(0, 1, n)
    size = np.exp(rng.uniform(np.log(0.5), np.log(60))) * rng.choice([-1, 1])
    shape = rng.random()
    if shape < 0.45:
        return np.zeros(n)
    if shape < 0.7:
        return size * t
    if shape < 0.8:
        return size * (t - rng.uniform(-0.3, 1.3)) ** 2
    if shape < 0.9:
        return size * np.expm1(rng.uniform(1, 3) * t) / 6
    return 0.5 * size * np.sin(2 * np.pi * (rng.uniform(0.3, 1.5) * t + rng.random()))


def _steps(kind: str, marks: np.ndarray, n: int, rng: np.random.Generator) -> np.ndarray:
    """Add up jumps in level, breaks in slope, or both."""
    y = np.zeros(n)
    if "level" not in kind and "slope" not in kind:
        return y
    t = np.arange(n)
    scale = np.exp(rng.uniform(np.log(1.5), np.log(15)))
    lengths = np.diff(np.r_[0, marks, n])
    for j, mark in enumerate(marks):
        after = t >= mark
        if "level" in kind:
            jump = scale * np.exp(rng.normal(0, 0.5)) * rng.choice([-1, 1])
            y += after * jump * _ramp(t - mark, n, rng)
        if "slope" in kind:
            reach = 1.5 * scale * np.exp(rng.normal(0, 0.5)) * rng.choice([-1, 1])
            y += after * (t - mark) * reach / max(min(lengths[j], lengths[j + 1]), 3)
    return y


def _ramp(since: np.ndarray, n: int, rng: np.random.Generator) -> np.ndarray:
    """At once in most cases, otherwise spread over a few points."""
    width = 1 if rng.random() < 0.8 else rng.uniform(1, 1 + 0.04 * n)
    return np.clip((since + 1) / width, 0, 1)


def _season(n: int, rng: np.random.Generator, *, needed: bool) -> np.ndarray:
    """Draw a pattern that recurs: waves, a fixed shape, sawtooth or spikes at loose gaps."""
    if n < 24 or (not needed and rng.random() > 0.42):
        return np.zeros(n)
    longest = max(5, n // 6)
    period = int(rng.choice([p for p in (4, 5, 7, 12, 24, 30, 52) if p <= longest]))
    if rng.random() < 0.3:
        period = int(rng.integers(4, longest + 1))
    size = np.exp(rng.uniform(np.log(0.5), np.log(10)))
    if rng.random() < 0.3:
        return size * _recurring(n, period, rng)
    phase = (np.arange(n) + rng.integers(period)) % period
    if rng.random() < 0.5:
        return size * rng.standard_normal(period)[phase]
    angle = 2 * np.pi * phase / period
    waves = [np.sin(k * angle + rng.uniform(0, 6.3)) / k for k in range(1, rng.integers(2, 5))]
    return size * np.sum(waves, axis=0)


def _recurring(n: int, period: int, rng: np.random.Generator) -> np.ndarray:
    """Jumps at loosely regular gaps that fade at once, slowly, or in a straight line."""
    gaps = np.maximum(1, rng.normal(period, rng.uniform(0, 0.35) * period, 2 * n // period + 4))
    starts = np.cumsum(gaps).astype(int) - period
    kicks = np.zeros(n)
    here = starts[(starts >= 0) & (starts < n)]
    kicks[here] = rng.gamma(rng.uniform(2, 20), 1, here.size)
    kicks /= max(kicks.max(), 1e-9)
    if rng.random() < 0.35:
        return 3 * kicks * rng.choice([1, 1, rng.uniform(-1, 1)])
    keep = np.exp(-1 / (period * rng.uniform(0.2, 1.2)))
    return 3 * lfilter([1], [1, -keep], kicks)


def _distort(signal, season, noise, rng: np.random.Generator) -> np.ndarray:
    """Put the parts together; sometimes multiply, exponentiate, add outliers or round."""
    n = signal.size
    if rng.random() < 0.25:
        noise = noise * np.exp(rng.uniform(-3, 0))
    if rng.random() < 0.2 and np.ptp(signal) > 0:
        season = season * (0.3 + (signal - signal.min()) / np.ptp(signal))
    y = signal + season + noise
    if rng.random() < 0.12:
        y = np.exp(rng.uniform(0.5, 2.0) * (y - y.mean()) / max(np.ptp(y), 1e-9) * 2)
    if rng.random() < 0.18:
        where = rng.integers(0, n, 1 + rng.binomial(n, 0.01))
        y[where] += rng.normal(0, rng.uniform(3, 10), where.size) * (np.std(np.diff(y)) + 1e-9)
    if rng.random() < 0.2:
        step = np.std(y) * rng.uniform(0.02, 0.5) + 1e-9
        y = np.round(y / step) * step
    return y
