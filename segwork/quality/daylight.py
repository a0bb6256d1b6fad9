"""Stretches of days that begin or end where clocks are changed and lie one hour off."""

from __future__ import annotations

import numpy as np

from segwork.quality import timing
from segwork.quality.timing import Shift

SUNDAY = 6
# Month and which Sunday: European Union, United States, Australia and New Zealand.
SWITCHES = ((3, -1), (10, -1), (3, 2), (11, 1), (4, 1), (10, 1), (9, -1))
REACH_DAYS = 6  # a fault may show first with the week's import


def switch_shifts(when: np.ndarray, unit: np.ndarray, limit: float) -> list[Shift]:
    """Scan for stretches of whole days, one hour off, with one end where clocks are changed.

    With one end given, the largest sum of log-likelihood ratios exceeds x by chance with a
    probability of at most exp(−x) (Ville 1939), so far shorter stretches can be told than by the
    scan over all stretches.

    Parameters
    ----------
    when : ndarray of datetime64[s]
    unit : ndarray of int
        Rows of one unit (order, session) count once.
    limit : float
        Largest p-value of a stretch that is reported, over all ends and both directions tried.

    References
    ----------
    Ville, J. (1939). Étude critique de la notion de collectif. Gauthier-Villars.
    """
    rows, hours, days, weekday = timing.units(when, unit)
    if len(rows) < 100:
        return []
    span = timing.core_days(days)
    ends = np.flatnonzero(np.isin(span, switch_days(span)))
    inside = (days >= span[0]) & (days <= span[-1])
    best: tuple[float, int, int, int] | None = None
    for shift in (1, 23):
        ratio, _ = timing.ratios(hours, weekday, shift)
        daily = np.bincount(days[inside] - span[0], weights=ratio[inside], minlength=len(span))
        for end in ends:
            for first, last, score in _both_ways(daily, int(end)):
                if best is None or score > best[0]:
                    best = (score, first, last, shift)
    if best is None:
        return []
    score, first, last, shift = best
    p = min(1.0, 4 * len(ends) * float(np.exp(-score)))
    if p >= limit:
        return []
    found = np.isin(when.astype("datetime64[D]").astype(np.int64), span[first : last + 1])
    return [Shift(np.flatnonzero(found), shift if shift <= 12 else shift - 24, score, p)]


def switch_days(span: np.ndarray) -> np.ndarray:
    """Return the days since 1970 on which clocks are changed somewhere, and those just after."""
    first, last = span[[0, -1]].astype("datetime64[D]").astype("datetime64[Y]").astype(int) + 1970
    years = range(first, last + 1)
    sundays = [_sunday(year, month, nth) for year in years for month, nth in SWITCHES]
    return np.unique(np.add.outer(sundays, np.arange(REACH_DAYS + 1)))


def _sunday(year: int, month: int, nth: int) -> int:
    first = np.datetime64(f"{year}-{month:02d}-01", "D")
    days = np.arange(first, first + 31).astype("datetime64[D]")
    since_1970 = days.astype(np.int64)
    inside = days.astype("datetime64[M]") == first.astype("datetime64[M]")
    found = since_1970[inside & ((since_1970 + 3) % 7 == SUNDAY)]
    return int(found[nth if nth < 0 else nth - 1])


def _both_ways(daily: np.ndarray, end: int) -> list[tuple[int, int, float]]:
    """Return first day, last day and score of the best stretch from and up to one day."""
    forward, backward = np.cumsum(daily[end:]), np.cumsum(daily[:end][::-1])
    found = [(end, end + int(forward.argmax()), float(forward.max()))]
    if len(backward):
        found.append((end - 1 - int(backward.argmax()), end - 1, float(backward.max())))
    return found
