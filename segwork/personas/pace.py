"""Each customer's own pace: how odd the present silence and the last few orders are against it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.stats import beta

from segwork.purchases import Occasions

MOST_REGULAR, FEWEST_GAPS, RECENT_GAPS = 4.0, 5, 3


@dataclass(frozen=True)
class Pace:
    """What is known of every customer's pace on a morning, shape (customers,) each, days.

    Attributes
    ----------
    times : numpy.ndarray of int
        Days with an order; 0 for returns alone.
    tenure, silence : numpy.ndarray of int
        Days since the first and since the last order.
    gap : numpy.ndarray of float
        Mean days between orders; NaN below two.
    p : numpy.ndarray, shape (customers, steps)
        Chance that a customer who kept the pace of before takes so long for the last ``m`` orders
        and the silence since, m = 0, 1, …; NaN with fewer than two gaps before them.
    recent : numpy.ndarray
        The same of the silence alone, against the last three gaps before it; of a single gap 1
        while the silence is no longer, and 0 beyond it.
    regularity : float
        Shape of the gamma law of gaps: 1 at random, 2 and more by habit.
    first_wait : numpy.ndarray
        Days from the first to the second order of those who came back.
    """

    times: np.ndarray
    tenure: np.ndarray
    silence: np.ndarray
    gap: np.ndarray
    p: np.ndarray
    recent: np.ndarray
    regularity: float
    first_wait: np.ndarray


def pace(found: Occasions, *, steps: int = 6) -> Pace:
    """Measure the pace of every customer, and its last ``steps`` stretches against it.

    Notes
    -----
    With gaps of a gamma law of shape k and one mean, the share of the last stretch of m + 1 gaps in
    the whole time is beta distributed, whatever the mean: Beta(k (m + 1), k (gaps before)). The
    open silence is taken for a whole gap, which errs towards *unchanged*. k is one for all
    customers, from the median of their squared variation of gaps.

    Examples
    --------
    >>> import pandas as pd
    >>> from segwork.purchases import occasions
    >>> days = pd.date_range("2024-01-01", periods=9, freq="7D")
    >>> lines = pd.DataFrame({"customer_id": "a", "ordered_at": days})
    >>> calm, late = (pace(occasions(lines, as_of=day)) for day in ("2024-03-01", "2024-07-01"))
    >>> bool(calm.p[0, 0] > 0.5), bool(late.p[0, 0] < 0.001)
    (True, True)
    """
    n, end = len(found.customer_id), found.end
    who, day = found.who, found.day
    times = np.bincount(who, minlength=n)
    ends = np.cumsum(times)
    first = np.where(times > 0, _at(day, ends - times), end)
    gaps, owner = np.diff(day)[np.diff(who) == 0], who[1:][np.diff(who) == 0]
    opens = np.r_[True, owner[1:] != owner[:-1]][: len(owner)]
    regularity = _regularity(owner, gaps.astype(float), n)
    chance = np.full((n, steps), np.nan)
    for m in range(steps):
        before = times - 1 - m
        has, last = before >= 2, _at(day, ends - 1 - m)
        share = (end - last) / np.maximum(end - first, 1)
        chance[has, m] = beta.sf(share[has], regularity * (m + 1), regularity * before[has])
    with np.errstate(invalid="ignore"):
        gap = (_at(day, ends - 1) - first) / np.where(times > 1, times - 1, np.nan)
    few = np.minimum(times - 1, RECENT_GAPS)
    span, silent = _at(day, ends - 1) - _at(day, ends - 1 - few), end - _at(day, ends - 1)
    recent = np.where(few >= 2, silent / np.maximum(span + silent, 1), np.nan)
    recent = beta.sf(recent, regularity, regularity * np.maximum(few, 1))
    recent[few == 1] = (silent <= span)[few == 1]  # one gap has no spread: within it all is well
    silence = np.where(times > 0, end - _at(day, ends - 1), 0)
    return Pace(times, end - first, silence, gap, chance, recent, regularity, gaps[opens])


def _at(day: np.ndarray, place: np.ndarray) -> np.ndarray:
    return day[np.clip(place, 0, len(day) - 1)] if len(day) else np.zeros(len(place), int)


def _regularity(owner: np.ndarray, gaps: np.ndarray, n: int) -> float:
    """Return one over the squared variation of gaps within the typical customer, 0.5 to 4."""
    count, total, squares = (np.bincount(owner, w, n) for w in (None, gaps, gaps**2))
    known = count >= FEWEST_GAPS
    if not known.any():
        return 1.0
    mean = total[known] / count[known]
    spread = (squares[known] - count[known] * mean**2) / (count[known] - 1)
    return float(np.clip(1 / max(np.median(spread / mean**2), 1e-9), 0.5, MOST_REGULAR))
