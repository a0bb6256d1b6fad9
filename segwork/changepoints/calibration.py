"""False alarms under control: p-values from customers that keep their rate by construction.

Each customer's total is spread anew over the exposed periods, with the calendar's shares as
probabilities. How clumped or regular the new sequences are is drawn from a mixture fitted to the
dispersion seen in customers of like activity and length (a stratum). A customer's statistic is
ranked among resampled ones of the same stratum and like dispersion. Days are too short to tell a
regular buyer from one whose orders of a day count once; there, weeks tell how clumped orders are.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from segwork.sequences import Scan, dispersion, scan

# size of clumping per block, and shape of the gaps; Poisson has neither
FAMILIES = ((np.inf, 4), (np.inf, 2), (np.inf, 1), (4.0, 1), (1.5, 1), (0.7, 1), (0.3, 1))
STRATUM = 300  # customers a stratum has at least, where the base allows
BINS = 2  # of dispersion within a stratum
DRAWS = (999, 2996, 24_000)  # per stratum at least and at most, and in all
PILOT = 300  # draws a family, for the mixture only
TAIL = 40  # largest draws of a bin that shape the tail beyond the last ten


@dataclass(frozen=True)
class Calibrated:
    """p-values of the network's statistic and of the scan's, and the number of draws."""

    p: np.ndarray
    p_scan: np.ndarray
    draws: int


@dataclass(frozen=True)
class Base:
    """Different sequences of a base of customers.

    Attributes
    ----------
    counts, shape : numpy.ndarray, shape (customers, periods)
    copies : numpy.ndarray of int, shape (customers,)
        How many customers share the sequence.
    usual : numpy.ndarray, shape (customers, 3)
        How clumped customers of like activity buy.
    found : Scan
        What the likelihood-ratio scan finds in each.
    """

    counts: np.ndarray
    shape: np.ndarray
    copies: np.ndarray
    usual: np.ndarray
    found: Scan


def calibrate(
    base: Base,
    statistic: np.ndarray,
    score: Callable[[np.ndarray, np.ndarray, np.ndarray], np.ndarray],
    rng: np.random.Generator,
    *,
    block: int = 1,
) -> Calibrated:
    """Rank each customer's statistic among change-free copies of customers like it.

    Parameters
    ----------
    base : Base
    statistic : numpy.ndarray, shape (customers,)
    score : callable
        Gives the statistic of resampled counts, with their shares and what is usual for them.
    rng : numpy.random.Generator
    block : int, default 1
        Periods the dispersion is measured over.

    References
    ----------
    Phipson and Smyth (2010), "Permutation p-values should never be zero" (the +1 correction);
    Knijnenburg et al. (2009), "Fewer permutations, more accurate p-values" (the tail).
    """
    counts, shape, copies = base.counts, base.shape, base.copies
    spread = _spread(counts, shape, base.found.index, block)
    strata = _strata(counts.sum(1), (shape > 0).sum(1), copies)
    p, p_scan = np.ones(len(counts)), np.ones(len(counts))
    size = int(np.clip(DRAWS[2] // (strata.max(initial=0) + 1), DRAWS[0], DRAWS[1]))
    known = (counts.sum(1), shape, base.usual, spread, copies)
    for stratum in range(strata.max(initial=-1) + 1):
        rows = np.flatnonzero(strata == stratum)
        like = _Stratum(*(part[rows] for part in known), block)
        null, shares, usual = like.draw(like.mixture(rng), size, rng)
        null_scan = scan(null, shares)
        null_spread = _spread(null, shares, null_scan.index, block)
        null_statistic = score(null, shares, usual)
        edges = np.quantile(null_spread, np.arange(1, BINS) / BINS)
        mine, theirs = np.digitize(spread[rows], edges), np.digitize(null_spread, edges)
        for b in range(BINS):
            here = rows[mine == b]
            p[here] = p_values(statistic[here], null_statistic[theirs == b], rng)
            by_scan = base.found.statistic[here]
            p_scan[here] = p_values(by_scan, null_scan.statistic[theirs == b], rng)
    return Calibrated(p, p_scan, size * int(strata.max(initial=-1) + 1))


def _spread(counts, shape, index, block: int) -> np.ndarray:
    """Log dispersion within the two segments, over whole blocks of periods counted from the end."""
    first = counts.shape[1] % block
    counts, shape = (
        v[:, first:].reshape(len(v), -1, block).sum(2) if block > 1 else v for v in (counts, shape)
    )
    return np.log(dispersion(counts, shape, (index - first) // block) + 0.02)


def _strata(totals: np.ndarray, lengths: np.ndarray, copies: np.ndarray) -> np.ndarray:
    """Numbers 0, 1 …: like length, then like activity, neighbours merged until large enough."""
    activity = np.floor(2 * np.log2(np.maximum(totals, 1))).astype(int)
    _, cell = np.unique(np.minimum(lengths // 26, 4) * 100 + activity, return_inverse=True)
    sizes = np.bincount(cell, copies)
    merged = np.zeros(len(sizes), int)
    current, held = 0, 0
    for j, n in enumerate(sizes):
        if held >= STRATUM and sizes[j:].sum() >= STRATUM:
            current, held = current + 1, 0
        merged[j] = current
        held += n
    return merged[cell]


def resample(
    totals: np.ndarray,
    shape: np.ndarray,
    size: np.ndarray,
    regularity: np.ndarray,
    rng: np.random.Generator,
) -> np.ndarray:
    """Spread totals over periods: multinomial, with clumped shares or regular gaps.

    Parameters
    ----------
    totals : numpy.ndarray of int, shape (n,)
    shape : numpy.ndarray, shape (n, periods)
    size, regularity : numpy.ndarray, shape (n,)
        Negative-binomial size (infinite: none) and shape of Erlang gaps (one: none).
    """
    clumped = np.isfinite(size)
    shares = shape.astype(float)
    if clumped.any():
        drawn = rng.gamma(size[clumped][:, None], 1.0, shares[clumped].shape) + 1e-12
        shares[clumped] *= drawn
    shares /= shares.sum(1, keepdims=True)
    k = np.asarray(regularity)
    phase = rng.integers(0, k)
    points = k * totals + rng.integers(0, k) - phase
    steps = np.cumsum(rng.multinomial(points, shares), axis=1) + phase[:, None]
    return np.diff(steps // k[:, None], axis=1, prepend=0).astype(np.int32)


def p_values(seen: np.ndarray, null: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Return the share of draws at least as large, ties broken at random, plus one above and below.

    Beyond the tenth largest draw the tail of an exponential takes over, its scale estimated from
    the largest draws and integrated out, which gives a Pareto: with a thousand draws nothing below
    0.001 could be told apart otherwise.
    """
    null = np.sort(null)
    above = null.size - np.searchsorted(null, seen, side="right")
    ties = null.size - np.searchsorted(null, seen, side="left") - above
    p = (above + rng.random(seen.size) * (ties + 1)) / (null.size + 1)
    p = np.maximum(p, 1 / (null.size + 1))
    tail = min(TAIL, null.size // 10)
    if tail >= 20:
        start, tenth = null[-tail - 1], null[-10]
        scale = max(float((null[-tail:] - start).mean()), 1e-9)
        beyond = seen > tenth
        further = (1 + (seen[beyond] - tenth) / (tail * scale)) ** -tail
        p[beyond] = np.maximum(11 / (null.size + 1) * further, 1e-7)
    return p


@dataclass(frozen=True)
class _Stratum:
    """Customers of like activity and length: what is known of each; and the block in periods."""

    totals: np.ndarray
    shape: np.ndarray
    usual: np.ndarray
    spread: np.ndarray
    copies: np.ndarray
    block: int

    def draw(self, mixture, size: int, rng: np.random.Generator) -> tuple[np.ndarray, ...]:
        """Return change-free copies of random customers, their shares and what is usual."""
        pick = rng.choice(len(self.totals), size, p=self.copies / self.copies.sum())
        family = rng.choice(len(FAMILIES), size, p=mixture)
        clumping, regularity = (np.array(values)[family] for values in zip(*FAMILIES, strict=True))
        null = resample(self.totals[pick], self.shape[pick], clumping / self.block, regularity, rng)
        return null, self.shape[pick], self.usual[pick]

    def mixture(self, rng: np.random.Generator) -> np.ndarray:
        """Return the families' shares that explain the dispersion seen, by EM."""
        pilots = []
        for only in np.eye(len(FAMILIES)):
            null, shares, _ = self.draw(only, PILOT, rng)
            pilots.append(_spread(null, shares, scan(null, shares).index, self.block))
        edges = np.quantile(np.concatenate(pilots), np.linspace(0, 1, 25)[1:-1])
        density = np.array([np.bincount(np.digitize(v, edges), minlength=24) + 0.5 for v in pilots])
        likelihood = density[:, np.digitize(self.spread, edges)] / density.sum(1, keepdims=True)
        share = np.full(len(FAMILIES), 1 / len(FAMILIES))
        for _ in range(200):
            belongs = share[:, None] * likelihood
            belongs *= self.copies / belongs.sum(0)
            share = (belongs.sum(1) + 0.2) / (belongs.sum() + 0.2 * len(FAMILIES))
        return share
