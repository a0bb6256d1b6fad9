"""Time in the data: shifted clocks, days without a row, caps on the rows of a day."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from dateutil.easter import easter
from scipy import stats

from segwork.quality import statistics as st

MONDAY, THURSDAY, SUNDAY = 0, 3, 6
CLOSED = {(1, 1), (1, 6), (5, 1), (7, 4), (8, 17), (11, 11), (12, 24), (12, 25), (12, 26), (12, 31)}
# Month, weekday, which one: bank holidays of Britain and the United States, and Thanksgiving.
NTH = ((5, MONDAY, 1), (5, MONDAY, -1), (8, MONDAY, -1), (9, MONDAY, 1), (1, MONDAY, 3))
NTH += ((2, MONDAY, 3), (10, MONDAY, 2), (11, THURSDAY, 4))
LEAST_FIT = 0.5  # a moved day spills into the next, so whole days hold some unmoved rows
CAP_STANDS_OUT = 1.5  # days at the cap against the next most frequent number of rows


@dataclass(frozen=True)
class Shift:
    """A stretch of units whose hours follow the usual profile moved by some hours."""

    rows: np.ndarray
    hours: int
    score: float
    p: float


def written(day: int) -> str:
    """Return a day since 1970 as it is written."""
    return str(np.datetime64(int(day), "D"))


def clock_shifts(
    when: np.ndarray, unit: np.ndarray, shifts: list[int], limit: float
) -> list[Shift]:
    """Scan for stretches of rows whose hour of day is moved.

    The score of a row is the log-likelihood ratio of the moved to the usual hour profile, so the
    best stretch of n rows exceeds x by chance with probability of at most about n·exp(−x)
    (Karlin and Altschul 1990, their λ is 1 for such scores).

    Parameters
    ----------
    when : ndarray of datetime64[s]
    unit : ndarray of int
        Rows of one unit (order, session) count once.
    shifts : list of int
        Hours to try, 1 to 23.
    limit : float
        Largest p-value of a stretch that is reported, over all shifts tried.
    """
    rows, hours, days, weekday = units(when, unit)
    if len(rows) < 100:
        return []
    by_day = _orders_by_day(days)
    arrangements = [(np.argsort(when[rows], kind="stable"), True)]
    if not by_day:
        arrangements.append((np.arange(len(rows)), False))
    found = []
    for order, daily in arrangements:
        best = None
        for shift in shifts:
            ratio, expected = ratios(hours, weekday, shift)
            span, score, mean = _best_stretch(ratio[order], days[order] if daily else None)
            if mean > LEAST_FIT * expected and (best is None or score > best[1]):
                best = (order[span[0] : span[1]], score, shift, ratio)
        if best is None:
            continue
        p = min(1.0, len(rows) * len(shifts) * float(np.exp(-best[1])))
        if p < limit:
            found.append(_as_shift(best, p, rows, unit, when, by_day and daily))
    return found


def units(when: np.ndarray, unit: np.ndarray) -> tuple[np.ndarray, ...]:
    """Return the first row of every unit with a time, its hour, day since 1970 and weekday."""
    known = np.flatnonzero(~np.isnat(when))
    first = ~pd.Series(unit[known]).duplicated().to_numpy()
    rows = known[first]
    seconds = when[rows].astype(np.int64)
    days = seconds // 86_400
    if len(rows):  # default dates have no hour of their own
        span = core_days(days)
        inside = (days >= span[0]) & (days <= span[-1])
        rows, seconds, days = rows[inside], seconds[inside], days[inside]
    return rows, (seconds % 86_400) // 3600, days, (days + 3) % 7


def _orders_by_day(days: np.ndarray) -> bool:
    """Say whether neighbouring rows are mostly of one day, so that hours rise along the rows."""
    return bool(np.median(np.abs(np.diff(days))) <= 1) if len(days) > 1 else False


def ratios(
    hours: np.ndarray, weekday: np.ndarray, shift: int, *, usual: np.ndarray | None = None
) -> tuple[np.ndarray, float]:
    """Return log-likelihood ratios by each weekday's own profile, and their mean if moved.

    The profiles are those of the rows marked ``usual``, by default of all.
    """
    usual = np.ones(len(hours), bool) if usual is None else usual
    part = weekday if len(hours) >= 7 * 300 else weekday // 5
    counts = np.bincount(24 * part[usual] + hours[usual], minlength=168).reshape(7, 24)
    share = hour_profiles(counts)
    moved = np.roll(share, shift, axis=1)
    log_ratio = np.log(moved / share)
    weight = np.bincount(part, minlength=7) / len(part)
    return log_ratio[part, hours], float(weight @ (moved * log_ratio).sum(axis=1))


def hour_profiles(counts: np.ndarray) -> np.ndarray:
    """Return the share of hours of each part of the week, from counts (…, part, hour).

    Parts are drawn to the profile of all as far as they differ no more than chance makes them
    (James and Stein's rule on the chi-square of the table): noise in seven profiles would
    otherwise drown the difference between one hour and the next.
    """
    n = counts.sum(axis=-1, keepdims=True)
    overall = counts.sum(axis=-2, keepdims=True) + 0.5
    overall = overall / overall.sum(axis=-1, keepdims=True)
    chi2 = ((counts - n * overall) ** 2 / np.maximum(n * overall, 1e-9)).sum(axis=(-2, -1))
    freedom = 23 * ((n > 0).sum(axis=(-2, -1)) - 1)
    own = np.clip(1 - freedom / np.maximum(chi2, 1e-9), 0, 1)[..., None, None]
    share = overall + own * np.where(n > 0, counts / np.maximum(n, 1) - overall, 0.0)
    return 0.98 * share + 0.02 / 24


def _best_stretch(
    ratio: np.ndarray, days: np.ndarray | None
) -> tuple[tuple[int, int], float, float]:
    """Return the stretch with the largest sum, whole days only where days are given."""
    starts = np.arange(len(ratio))
    if days is not None:
        starts = np.flatnonzero(np.append(True, np.diff(days) != 0))
    first, last, score = st.best_stretch(np.add.reduceat(ratio, starts))
    begin, end = int(starts[first]), int(np.append(starts, len(ratio))[last + 1])
    return (begin, end), score, score / (end - begin)


def _as_shift(
    best: tuple[np.ndarray, float, int, np.ndarray],
    p: float,
    rows: np.ndarray,
    unit: np.ndarray,
    when: np.ndarray,
    in_order: bool,
) -> Shift:
    members, score, shift, ratio = best
    hours = shift if shift <= 12 else shift - 24
    if in_order:
        total = np.zeros(len(when) + 1)
        total[rows + 1] = ratio
        ends = rows[members.min()], rows[members.max()]
        first, last = _snap(when, *ends, hours, np.cumsum(total))
        return Shift(np.arange(first, last + 1), hours, score, p)
    return Shift(np.flatnonzero(np.isin(unit, unit[rows[members]])), hours, score, p)


def _snap(
    when: np.ndarray, first: int, last: int, hours: int, total: np.ndarray
) -> tuple[int, int]:
    """Move the ends of a stretch to the jumps of the clock in a table that is in order of time.

    A night's pause can look like a jump: of several, the one with most evidence inside is taken
    (``total`` is the evidence of the rows before each one).
    """
    step = np.diff(when.astype(np.int64)) / 3600
    reach = max(30, (last - first) // 2)
    ends = []
    for place, jump in ((first - 1, hours), (last, -hours)):
        near = np.arange(max(0, place - reach), min(len(step), place + reach))
        fits = near[np.abs(step[near] - jump) <= 1.5]
        if jump < 0:
            fits = near[(step[near] < -0.5) & (step[near] >= jump - 1.5)]
        ends.append(fits if len(fits) else np.array([place]))
    start = int(ends[0][np.argmin(total[ends[0] + 1])]) + 1
    stop = int(ends[1][np.argmax(total[ends[1] + 1])])
    return (start, stop) if start <= stop else (first, last)


def empty_days(days: np.ndarray, limit: float) -> np.ndarray:
    """Return the days (since 1970) without a row on which chance leaves no room for none.

    Weekdays that are usually closed, common holidays, days closed every year and a rest between
    24 December and 3 January do not count.
    """
    span, count = daily(days)
    if count.sum() < 100 or len(span) < 15:
        return st.NONE
    by = pd.Series(count, dtype=float).groupby((span + 3) % 7)
    closed = (by.transform("median") == 0).to_numpy()
    usual = by.transform(lambda c: c.rolling(21, center=True, min_periods=1).median()).to_numpy()
    spread = st.robust_scale(((count - usual) / np.sqrt(np.maximum(usual, 0.5)))[~closed])
    extra = max(spread**2 - 1, 1e-6)
    size = np.maximum(usual, 1e-9) / extra
    chance = np.exp(size * np.log(size / (size + usual)))
    silent = (count == 0) & ~closed & ~_holidays(span)
    through = silent | closed
    run = np.cumsum(np.append(True, through[1:] != through[:-1]))
    of_run = pd.Series(np.where(silent, np.log(chance), 0.0)).groupby(run).transform("sum")
    dates = pd.to_datetime(span, unit="D")
    turn = (dates.month == 12) & (dates.day >= 24) | (dates.month == 1) & (dates.day <= 3)
    festive = pd.Series(turn | ~silent).groupby(run).transform("all").to_numpy()
    empty = silent & ~festive & (of_run.to_numpy() < np.log(limit / len(span)))
    yearly = pd.Series(count == 0).groupby([dates.month, dates.day]).transform("sum").to_numpy()
    times = pd.Series(count).groupby([dates.month, dates.day]).transform("size").to_numpy()
    return span[empty & ~((times > 1) & (yearly == times))]


def core_days(days: np.ndarray) -> np.ndarray:
    """Return all days from the first to the last, without the far strays of default dates."""
    main = main_days(days, 120)
    return np.arange(main[0], main[-1] + 1) if len(main) else st.NONE


def main_days(days: np.ndarray, far: int) -> np.ndarray:
    """Return the distinct days of the block with most rows; blocks lie ``far`` days apart."""
    distinct, size = np.unique(days[days > -(10**6)], return_counts=True)
    block = np.cumsum(np.diff(distinct, prepend=distinct[:1]) > far)
    return distinct[block == np.bincount(block, weights=size).argmax()] if len(block) else distinct


def daily(days: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return all days from the first to the last, far strays left out, and the rows of each."""
    span = core_days(days)
    inside = days[np.isin(days, span)] - span[:1]
    return span, np.bincount(inside, minlength=len(span))


def _holidays(span: np.ndarray) -> np.ndarray:
    """Mark public holidays; of those that fall on a Sunday, the Monday as well."""
    dates = pd.to_datetime(span, unit="D")
    fixed = np.array([(d.month, d.day) in CLOSED for d in dates])
    fixed |= np.append(False, fixed[:-1]) & (dates.day_of_week == MONDAY)
    years = range(dates[0].year, dates[-1].year + 1)
    sundays = [int(np.datetime64(easter(y), "D").astype(np.int64)) for y in years]
    moving = [e + k for e in sundays for k in (-2, -1, 0, 1, 39, 50)]
    moving += [nth_weekday(y, *rule) for y in years for rule in NTH]
    return fixed | np.isin(span, moving)


def nth_weekday(year: int, month: int, weekday: int, nth: int) -> int:
    """Return a day since 1970: the first (1), second … or last (-1) such weekday of a month."""
    month_begins = np.datetime64(f"{year}-{month:02d}", "M") + (nth < 0)
    mask = [day == weekday for day in range(7)]
    step = nth if nth < 0 else nth - 1
    day = np.busday_offset(month_begins.astype("datetime64[D]"), step, "forward", weekmask=mask)
    return int(day.astype(np.int64))


def capped_days(days: np.ndarray, limit: float) -> tuple[np.ndarray, int]:
    """Return the days with exactly the highest number of rows, where so many are no chance.

    Two tests share the limit: one for any law whose upper tail falls, one for laws whose tail
    falls ever faster (log-concave, as Poisson's), which tells smaller heaps.
    """
    span, count = daily(days)
    top = int(count.max(initial=0))
    at_top = count == top
    if count.sum() < 100 or top < 5 or at_top.sum() < 3:
        return st.NONE, top
    width = max(4, round(st.robust_scale(count[count > 0].astype(float)) / 2))
    days_with = np.bincount(count, minlength=top + 1)[max(top - width, 1) :]
    tests = (_against_falling(days_with), _against_log_concave(days_with))
    if any(2 * p < limit and at_top.sum() > CAP_STANDS_OUT * usual for p, usual in tests):
        return span[at_top], top
    return st.NONE, top


def _against_falling(days_with: np.ndarray) -> tuple[float, float]:
    """Return p of so many days at the last value, and the most days at any value before it.

    Each day in a window of w values below the last reaches it with a chance of at most
    1 / (w + 1). A narrow window asks least of the law, a wide one has most days: all widths are
    tried and the smallest p pays for it (Bonferroni).
    """
    windows = [days_with[-w:] for w in range(2, len(days_with) + 1)]
    chances = [stats.binom.sf(w[-1] - 1, w.sum(), 1 / len(w)) for w in windows]
    least = int(np.argmin(chances))
    return float(chances[least]) * len(windows), float(windows[least][:-1].max())


def _against_log_concave(days_with: np.ndarray) -> tuple[float, float]:
    """Return p of so many days at the last value, and the number expected there.

    Below a concave logarithm lies every line through it continued: the line is fitted to the
    values before the last, and is at most too high.
    """
    before = days_with[:-1].astype(float)
    if len(before) < 4 or (before > 0).sum() < 4:
        return 1.0, 0.0
    x, weight = np.arange(-len(before), 0), before + 0.5
    middle = np.average(x, weights=weight)
    spread = float(weight @ (x - middle) ** 2)
    slope = min(0.0, float(weight @ ((x - middle) * np.log(weight))) / spread)
    usual = float(np.exp(np.average(np.log(weight), weights=weight) - slope * middle))
    unsure = usual**2 * (1 / weight.sum() + middle**2 / spread)
    return float(stats.norm.sf((days_with[-1] - usual) / np.sqrt(usual + unsure))), usual
