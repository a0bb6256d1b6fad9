"""All prices at one factor from a day on, or in a period: a tax, a wrong rate, no sale."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd

from segwork.quality import statistics as st
from segwork.quality.price_level import Jump, Level, date
from segwork.results import Status

TAXES = tuple(1 + k / 100 for k in (*range(6, 26), 27))  # of value added, sales and goods
SALES = tuple(1 - k / 100 for k in (*range(5, 60, 5), 11, 12, 33))  # what fits one is a sale
RISES = tuple(1 + k / 100 for k in range(26, 60) if k != 27)  # of all prices: another currency
RATES = (*SALES, *TAXES, *(1 / tax for tax in TAXES[1:]), *RISES)
NO_SALES = tuple(rate for rate in RATES if rate not in SALES)
FOR_GOOD = 1.15  # days of one rate at an end of the data tell less: a smaller one is a step
CERTAIN = 40.0  # log-likelihood ratio: days, rates and products that move together
LEAST_DAYS = 2
NEAR_END = 14  # days with rows: what is different there may have been a step for good
ALIKE = 0.35  # of the share that stands on the usual elsewhere
WITNESSES = 5  # lines of an order that count
CELL, CELLS = 0.01, 100  # of the log; the largest rate moves by 80
POINTS = 4  # rows an amount needs to be a price point
MOST_PERIODS = 3
EDGE, LEAST_SEEN = 30, 20  # days on either side of an edge, rows that tell what happens there
LEAST_ROWS = 200
LONGEST_SALE = 28  # days: what the longest regulated sales take, the French soldes
SMALLEST = np.log(1.055)  # a smaller rise of everything is a price list
PRODUCTS = 15  # sold on both sides of a step
TOGETHER = 0.6  # of the products move by one factor, where others as many stay on their price
STILL, AGAINST = 0.03, 2.0  # of the log: products that stay; as many times as these move
FINE, REACH = 0.004, 250  # of the log: cells of moves that are alike, and how many either way
FIRM_UNITS = 150  # smallest units: rounding moves dearer prices by less than a cell
SPLITS = 24
SAME, EVEN = 0.5, 0.8  # likeness of two halves: amounts come again; and of endings to all alike
MORE_ALIKE = 0.15  # of that likeness, which taking a rate back has to bring


def shifted(level: Level) -> Iterator[Jump]:
    """Yield the stretches after a step of all prices, but sales and small price rises."""
    known = level.days[level.dated]
    if len(known) < LEAST_ROWS:
        return
    steps = _steps(level) if level.by_product else _step_of_amounts(level)
    first, last = int(known.min()), int(known.max())
    edges = [first, *(day for day, _ in steps), last + 1]
    logs = np.cumsum([0.0, *(move for _, move in steps)])
    if steps and edges[1] - first <= LONGEST_SALE and _like_a_sale(-logs[1]):
        logs -= logs[1]
    for begin, end, move in zip(edges[:-1], edges[1:], logs, strict=True):
        over = end - begin > LONGEST_SALE or not (_like_a_sale(move) or end > last)
        if abs(move) < SMALLEST or (move < 0 and not over):
            continue
        rows = level.between(begin, end - 1)
        if not level.by_product or _held(level, rows, move) >= ALIKE:
            span = f"from {date(begin)} to {date(end - 1)}"
            yield Jump(float(np.exp(move)), rows, span, Status.WARNED)


def _like_a_sale(move: float) -> bool:
    return bool(np.abs(np.log(SALES) - move).min() < FINE)


def _held(level: Level, rows: np.ndarray, move: float) -> float:
    """Return how many rows stand at a move from all others, against those others on their usual.

    Not those that stand there elsewhere as well: a country may have prices of its own.
    """
    off = np.log(level.value) - level.usual(~rows)
    there = np.abs(off - move) < 1.5 * CELL
    usual = np.nanmean(np.abs(off[~rows]) < 1.5 * CELL)
    inside, outside = (there[r & np.isfinite(off)].mean() for r in (rows, ~rows))
    return float((inside - outside) / max(usual, 1e-9))


def _steps(level: Level) -> list[tuple[int, float]]:
    """Return day and move of the steps at which most products change by one factor, in time.

    A product's price on a day it is sold is held to that on the day it was sold before: a step
    lies between the two for every product at once, whatever their own price is.
    """
    firm = level.dated & (level.value >= FIRM_UNITS * level.unit)
    frame = pd.DataFrame({"key": level.key, "day": level.days, "log": np.log(level.value)})[firm]
    daily = frame.groupby(["key", "day"])["log"].median()
    span, at = np.unique(daily.index.get_level_values("day"), return_inverse=True)
    same = np.diff(daily.index.get_level_values("key")) == 0
    move = np.diff(daily.to_numpy())[same]
    begin, end = at[:-1][same], at[1:][same]
    found: list[tuple[int, float]] = []
    for _ in range(2 * MOST_PERIODS):
        if len(move) < PRODUCTS:
            break
        cell = np.clip(np.round(move / FINE).astype(int), -REACH, REACH) + REACH
        table = np.zeros((2 * REACH + 1, len(span)))
        np.add.at(table, (cell, begin), 1)
        np.add.at(table, (cell, end), -1)
        table = table.cumsum(axis=1)
        near = table[:-2] + table[1:-1] + table[2:]
        of = np.maximum(table.sum(axis=0), PRODUCTS)
        small = np.abs(np.arange(1, 2 * REACH) - REACH) * FINE < SMALLEST
        usual = float(np.median(near[REACH - 1] / of))
        stay = table[np.abs(np.arange(2 * REACH + 1) - REACH) * FINE < STILL].sum(axis=0)
        near[small | (np.abs(np.arange(1, 2 * REACH) - REACH) >= REACH - 1)] = 0.0
        near[near < np.maximum(TOGETHER * usual * of, AGAINST * stay)] = 0.0
        place, day = np.unravel_index(int(near.argmax()), near.shape)
        if near[place, day] < PRODUCTS * TOGETHER:
            break
        across = (begin <= day) & (end > day)
        alike = across & (np.abs(cell - 1 - place) <= 1)
        found.append((int(span[day + 1]), float(np.median(move[alike]))))
        move, begin, end = move[~across], begin[~across], end[~across]
    return sorted(found)


def _step_of_amounts(level: Level) -> list[tuple[int, float]]:
    """Return the day from which amounts have the price points of before at a rate, if there is one.

    Where hardly an amount comes again, what they end in is compared: totals of 4.99 and 9.99.
    """
    days = level.days[level.dated]
    marks = _Marks(np.rint(level.value[level.dated] / level.unit), level.unit)
    if marks.alike < SAME or marks.even > EVEN:
        return []
    rates = np.array([*np.arange(55, 160) / 100, *(1 / tax for tax in TAXES)])
    rates = rates[np.abs(np.log(rates)) > SMALLEST]
    days_tried = np.unique(np.quantile(days, np.linspace(0.06, 0.94, SPLITS)).astype(int))
    day, rate = _best_split(marks, days, days_tried, rates)
    if not rate:
        return []
    near = np.unique(days[np.abs(days - day) <= np.ptp(days) / SPLITS])
    return [(_best_split(marks, days, near, np.array([rate]))[0], float(np.log(rate)))]


def _best_split(
    marks: _Marks, days: np.ndarray, tried: np.ndarray, rates: np.ndarray
) -> tuple[int, float]:
    """Return the day and the rate that make the amounts after it most like those before it."""
    best = (MORE_ALIKE * marks.alike, 0, 0.0)
    for day in tried:
        before, after = marks.counts(days < day), marks.counts(days >= day)
        unchanged = marks.likeness(before, after, 1.0)
        for rate in rates if unchanged < 0.8 * marks.alike else ():
            gain = marks.likeness(before, after, float(rate)) - unchanged
            best = max(best, (gain, int(day), float(rate)))
    return best[1:]


class _Marks:
    """What amounts are told apart by: themselves where they come again, else what they end in."""

    def __init__(self, units: np.ndarray, unit: float) -> None:
        self.units, self.code = np.unique(units, return_inverse=True)
        self.ending = 0
        odd = np.arange(len(units)) % 2 == 1
        halves = self.counts(odd), self.counts(~odd)
        if self.likeness(*halves, 1.0) < SAME:
            self.ending = 1000 if unit == 1 else 100
        self.alike = self.likeness(*halves, 1.0)
        ends = np.bincount(self._place(1.0), weights=sum(halves))
        self.even = float(np.sqrt(ends / ends.sum()).sum() / np.sqrt(len(ends)))
        self.even *= bool(self.ending)

    def counts(self, rows: np.ndarray) -> np.ndarray:
        """Return how many of the rows have each distinct amount."""
        return np.bincount(self.code[rows], minlength=len(self.units))

    def likeness(self, before: np.ndarray, after: np.ndarray, rate: float) -> float:
        """Return how alike a part is to one before it at a rate (Bhattacharyya), 0 to 1."""
        size = self.ending or len(self.units) + 1
        one, two = (
            np.bincount(self._place(r), weights=n, minlength=size) / max(n.sum(), 1)
            for r, n in ((rate, before), (1.0, after))
        )
        return float(np.sqrt(one * two).sum())

    def _place(self, rate: float) -> np.ndarray:
        moved = np.rint(self.units * rate)
        if self.ending:
            return np.mod(moved, self.ending).astype(int)
        at = np.minimum(np.searchsorted(self.units, moved), len(self.units) - 1)
        return np.where(self.units[at] == moved, at, len(self.units))


def taxed(level: Level) -> Iterator[Jump]:
    """Yield the periods whose prices hold a tax, or a rate, that the others do not.

    Each day is scored by the log-likelihood ratio of "all prices times the rate" to "as usual".
    With products the usual law is that of the distance from the product's own price; without, it
    is that of the exact amounts: a rate moves every price point to where there was none.
    """
    known = np.flatnonzero(level.dated)
    if len(known) < LEAST_ROWS:
        return
    span, at = np.unique(level.days[known], return_inverse=True)
    gains = _gain_by_distance if level.by_product else _gain_by_value
    scores = list(gains(level, known, at))
    left = np.ones(len(span), bool)
    for _ in range(MOST_PERIODS):
        first, last, rate = _best_rate(scores, at, left)
        if rate == 1.0:
            return
        left[first : last + 1] = False
        rows = level.between(span[first], span[last])
        rates = RATES if span[last] - span[first] > LONGEST_SALE else NO_SALES
        if rate not in rates:
            continue
        if level.by_product:
            rate = _held_rate(level, rows, rates)
            rate = rate if rate and _begins_and_ends(level, span[first], span[last], rate) else 0.0
        if rate in rates:
            where = f"from {date(span[first])} to {date(span[last])}"
            yield Jump(rate, rows, where, Status.WARNED)


def _best_rate(
    scores: list[tuple[float, np.ndarray, float]], at: np.ndarray, left: np.ndarray
) -> tuple[int, int, float]:
    """Return first and last day and rate of the stretch of days left that fits a rate best."""
    best = (0.0, 0, 0, 1.0)
    for rate, gain, least in scores:
        first, last, score = st.best_stretch(np.where(left, gain, -CERTAIN))
        size = ((at >= first) & (at <= last)).sum()
        at_an_end = first < NEAR_END or last >= len(left) - NEAR_END
        if (at_an_end and rate < FOR_GOOD) or size > 0.5 * len(at) or last - first < LEAST_DAYS:
            continue
        if score > max(best[0], CERTAIN, least * size):
            best = (score, first, last, rate)
    return best[1:]


def _held_rate(level: Level, rows: np.ndarray, rates: tuple[float, ...]) -> float:
    """Return the rate at which rows stand against all others; 0 where they do not stand together.

    Neighbouring rates share a cell.
    """
    middle = float(pd.Series((np.log(level.value) - level.usual(~rows))[rows]).median())
    rate = min(rates, key=lambda r: abs(np.log(r) - middle))
    held = np.isfinite(middle) and _held(level, rows, np.log(rate)) >= ALIKE
    return rate if held else 0.0


def _begins_and_ends(level: Level, first: int, last: int, rate: float) -> bool:
    """Say whether prices move at both edges of a period, as far as one can see: no inflation."""
    for edge, sign in ((first, 1), (last + 1, -1)):
        parts = level.between(edge - EDGE, edge - 1), level.between(edge, edge + EDGE - 1)
        inner, outer = parts[::sign][1], parts[::sign][0]
        off = (np.log(level.value) - level.usual(outer))[inner]
        off = off[np.isfinite(off)]
        if len(off) >= LEAST_SEEN and np.median(off) / np.log(rate) < 0.7:
            return False
    return True


def _gain_by_distance(
    level: Level, known: np.ndarray, at: np.ndarray
) -> Iterator[tuple[float, np.ndarray, float]]:
    """Yield rate, score by day and the score a row has to bring, from distances to the usual."""
    off, order = level.off[known], level.order[known]
    weight = np.minimum(1.0, WITNESSES / np.bincount(order)[order])
    cell = np.clip(np.round(off / CELL).astype(int) + CELLS, 0, 2 * CELLS)
    size = (int(at.max()) + 1, 2 * CELLS + 1)
    table = np.bincount(at * size[1] + cell, weights=weight, minlength=size[0] * size[1])
    table = table.reshape(size)
    law = table.sum(axis=0) + 0.002 * table.sum()
    law = np.log(law / law.sum())
    for rate in RATES:
        yield rate, table @ (np.roll(law, round(np.log(rate) / CELL)) - law), 0.0


def _gain_by_value(
    level: Level, known: np.ndarray, at: np.ndarray
) -> Iterator[tuple[float, np.ndarray, float]]:
    """Yield rate, score by day and the score a row has to bring, from exact amounts."""
    value = np.round(level.value[known], 2)
    points, code, size = np.unique(value, return_inverse=True, return_counts=True)
    if (size >= POINTS).mean() < 0.01 or size[size >= POINTS].sum() < 0.3 * len(value):
        return  # hardly an amount comes again: there are no price points
    for rate in RATES:
        moved, place = np.unique(np.round(points * rate, 2), return_inverse=True)
        of = np.bincount(place, weights=size)
        place = np.minimum(np.searchsorted(moved, points), len(moved) - 1)
        there = np.abs(moved[place] - points) < 0.001
        ratio = np.log((np.where(there, of[place], 0) + 1) / (size + 1))
        yield rate, np.bincount(at, weights=ratio[code]), 0.1
