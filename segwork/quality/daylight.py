"""Stretches of days that begin or end where clocks are changed and lie one hour off."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from segwork.quality import timing
from segwork.quality.timing import Shift

# Month and which Sunday: European Union, United States, Australia and New Zealand.
SWITCHES = ((3, -1), (10, -1), (3, 2), (11, 1), (4, 1), (10, 1), (9, -1))
REACH_DAYS = 6  # a fault may show first with the week's import
MOVES = (1, 23)
LARGEST_PART = 0.5  # of the rows: beyond it the others are the moved ones


class Stretch(NamedTuple):
    """Days of the span, first and last, that follow the usual hours moved by ``shift``."""

    score: float
    first: int
    last: int
    shift: int


def switch_shifts(when: np.ndarray, unit: np.ndarray, limit: float) -> list[Shift]:
    """Scan for stretches of whole days, one hour off, that begin or end where clocks are changed.

    Two scans share the limit. With one end given, the largest sum of log-likelihood ratios
    exceeds x by chance with a probability of at most exp(−x) (Ville 1939): this tells months
    that the scan over all stretches cannot. A whole summer bends the usual profile, so between
    two given ends the profile is learned from the other days only.

    Parameters
    ----------
    when : ndarray of datetime64[s]
    unit : ndarray of int
        Rows of one unit (order, session) count once.
    limit : float
        Largest p-value of a stretch that is reported, over all ends, directions and moves tried.

    References
    ----------
    Ville, J. (1939). Étude critique de la notion de collectif. Gauthier-Villars.
    """
    rows, hours, days, weekday = timing.units(when, unit)
    if len(rows) < 100:
        return []
    span = timing.core_days(days)
    ends = np.flatnonzero(np.isin(span, switch_days(span)))
    if not len(ends):
        return []
    month, tried = _from_one_end(hours, weekday, days - span[0], len(span), ends)
    chance = [tried * np.exp(-month.score)]
    season, tried = _between_ends(hours, weekday, days - span[0], len(span), ends)
    chance.append(tried * np.exp(-season.score))
    p = 2 * float(min(chance))
    if p >= limit:
        return []
    found = (month, season)[int(np.argmin(chance))]
    inside = (days >= span[found.first]) & (days <= span[found.last])
    final, _ = _from_one_end(hours, weekday, days - span[0], len(span), ends, usual=~inside)
    day = when.astype("datetime64[D]").astype(np.int64)
    moved = np.flatnonzero((day >= span[final.first]) & (day <= span[final.last]))
    return [Shift(moved, final.shift if final.shift <= 12 else final.shift - 24, found.score, p)]


def switch_days(span: np.ndarray) -> np.ndarray:
    """Return the days since 1970 on which clocks are changed somewhere, and those just after."""
    first, last = span[[0, -1]].astype("datetime64[D]").astype("datetime64[Y]").astype(int) + 1970
    years = range(first, last + 1)
    sundays = [
        timing.nth_weekday(y, month, timing.SUNDAY, n) for y in years for month, n in SWITCHES
    ]
    return np.unique(np.add.outer(sundays, np.arange(REACH_DAYS + 1)))


def _from_one_end(
    hours: np.ndarray,
    weekday: np.ndarray,
    day: np.ndarray,
    n_days: int,
    ends: np.ndarray,
    *,
    usual: np.ndarray | None = None,
) -> tuple[Stretch, int]:
    """Return the best stretch with one end among ``ends``, and how many were tried."""
    found = []
    for shift in MOVES:
        ratio, _ = timing.ratios(hours, weekday, shift, usual=usual)
        daily = np.bincount(day, weights=ratio, minlength=n_days)
        found += [Stretch(*s, shift) for end in ends for s in _both_ways(daily, int(end))]
    return max(found), len(found)


def _both_ways(daily: np.ndarray, end: int) -> list[tuple[float, int, int]]:
    """Return score, first and last day of the best stretch from and up to one day."""
    forward, backward = np.cumsum(daily[end:]), np.cumsum(daily[:end][::-1])
    found = [(float(forward.max()), end, end + int(forward.argmax()))]
    if len(backward):
        found.append((float(backward.max()), end - 1 - int(backward.argmax()), end - 1))
    return found


def _between_ends(
    hours: np.ndarray, weekday: np.ndarray, day: np.ndarray, n_days: int, ends: np.ndarray
) -> tuple[Stretch, int]:
    """Return the best stretch between two of ``ends``, by the profile of the other days."""
    part = weekday if len(hours) >= 7 * 300 else weekday // 5
    cell = (day * 7 + part) * 24 + hours
    counts = np.bincount(cell, minlength=n_days * 168).reshape(n_days, 7, 24)
    until = np.concatenate([np.zeros((1, 7, 24)), counts.cumsum(axis=0)])
    edges = np.append(ends, n_days)
    best, tried = Stretch(0.0, 0, 0, 1), 0
    for first in ends:
        stops = edges[edges > first + REACH_DAYS]
        if not len(stops):
            continue
        inside = until[stops] - until[first]
        share = timing.hour_profiles(until[-1] - inside)
        for shift in MOVES:
            gain = (inside * np.log(np.roll(share, shift, axis=2) / share)).sum(axis=(1, 2))
            gain[inside.sum(axis=(1, 2)) > LARGEST_PART * len(hours)] = 0.0
            tried += len(gain)
            top = int(gain.argmax())
            best = max(best, Stretch(float(gain[top]), int(first), int(stops[top]) - 1, shift))
    return best, tried
