"""Simulated customers with known changes: all the customer network ever learns from.

A customer has a rate, a calendar, a way of buying (Poisson, clumped or regular) and in half of
the cases one change: a stop, a fall, a rise, or a dip or burst that returns.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from segwork.changepoints.buying import buy

NONE = -1


@dataclass(frozen=True)
class Customers:
    """A simulated base: counts (B, T), expected shares (B, T), index of change (B,) or -1."""

    counts: np.ndarray
    shape: np.ndarray
    index: np.ndarray


def simulate(count: int, length: int, rng: np.random.Generator) -> Customers:
    """Draw a base of ``count`` customers over ``length`` periods, half of them changed.

    In a third of the bases everybody buys the same way, in a third everybody his own, in a third
    some do the one and some the other.
    """
    begin = _begin(count, length, rng)
    exposed = np.arange(length)[None, :] >= begin[:, None]
    shape = _calendar(count, length, rng) * exposed
    shape /= shape.sum(1, keepdims=True)
    span = length - begin
    rate = np.exp(rng.normal(np.log(0.7), 1.0, count))
    rate = np.clip(rate, 9 / span, 8.0)
    index, factor = _changes(count, begin, length, rng)
    size, regularity = ways_of_buying(count, rng)
    alike = rng.random(count) < rng.choice([0.0, 1.0, rng.random()])
    common = _common_way(rng)
    size, regularity = np.where(alike, common[0], size), np.where(alike, common[1], regularity)
    expected = rate[:, None] * span[:, None] * shape * factor
    counts = buy(expected, rng, size=size, regularity=regularity)
    return Customers(counts, shape, index)


def ways_of_buying(count: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Draw size and regularity: a third in bursts, a quarter at regular gaps, else Poisson."""
    kind = rng.random(count)
    size = np.where(kind < 0.35, np.exp(rng.uniform(np.log(0.4), np.log(6), count)), np.inf)
    return size, np.where(kind > 0.75, rng.integers(2, 5, count), 1)


def _common_way(rng: np.random.Generator) -> tuple[float, int]:
    """Draw size and regularity of a base that buys alike."""
    kind = rng.random()
    size = np.exp(rng.uniform(np.log(0.4), np.log(6))) if kind < 0.35 else np.inf
    return size, int(rng.integers(2, 5)) if kind > 0.7 else 1


def _begin(count: int, length: int, rng: np.random.Generator) -> np.ndarray:
    """First exposed period: the first for six in ten, otherwise any that leaves enough."""
    late = rng.integers(0, max(1, length - 24), count)
    return np.where(rng.random(count) < 0.6, 0, late)


def _calendar(count: int, length: int, rng: np.random.Generator) -> np.ndarray:
    """Shared calendars: a yearly wave, weekly unevenness, a peak season, a trend; or flat."""
    t = np.arange(length)
    log = np.zeros((count, length))
    phase = rng.uniform(0, 2 * np.pi, (count, 1))
    log += rng.uniform(0, 0.6, (count, 1)) * np.sin(2 * np.pi * t / 52 + phase)
    log += rng.uniform(0, 0.25, (count, 1)) * rng.standard_normal((1, length))
    peak = (t + rng.integers(0, 52, (count, 1))) % 52 < 4
    log += rng.uniform(0, 1.2, (count, 1)) * peak * (rng.random((count, 1)) < 0.4)
    log += rng.normal(0, 0.5, (count, 1)) * t / length
    return np.exp(np.where(rng.random((count, 1)) < 0.35, 0, log))


def _changes(count, begin, length, rng) -> tuple[np.ndarray, np.ndarray]:
    """Index of the first changed period (or -1) and the factor on the rate, (B,) and (B, T)."""
    span = length - begin
    index = begin + 3 + (rng.random(count) * (span - 6)).astype(int)
    stop = rng.random(count) < 0.25
    ratio = np.exp(rng.uniform(0.4, 1.8, count) * rng.choice([-1, 1], count))
    ratio = np.where(stop, 0.0, ratio)
    back = index + rng.integers(5, 27, count)
    back = np.where(rng.random(count) < 0.15, back, length)
    changed = rng.random(count) < 0.5
    t = np.arange(length)[None, :]
    inside = changed[:, None] & (t >= index[:, None]) & (t < back[:, None])
    return np.where(changed, index, NONE), np.where(inside, ratio[:, None], 1.0)
