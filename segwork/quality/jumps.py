"""DQ-T-14: prices and amounts that stand on another level in a period or a part."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from segwork.checks import Evidence, Inconclusive, NotApplicable, Rule, check
from segwork.quality import statistics as st
from segwork.quality.money import ledger
from segwork.quality.price_level import Level
from segwork.quality.sources import SourceTable, SourceTables
from segwork.results import Status
from segwork.schema import Kind

LEAST = 20  # rows with a level of their own in a day, a part or a period
OFTEN = 3  # rows a product needs to have a usual price
HALF_PRICE = 0.45  # a sale may halve all prices; what is lower is no sale
OF_A_PART = 4.0  # a country or a shop may have a price list of its own; not four times the other
OF_A_PART_ALIKE, ALIKE_HERE = 2.0, 0.6  # of its rows at one factor: a price list is rounded
STRAY, STRAYS, STRAY_ALONE = 5.0, 5, 20.0  # times the usual, rows; times that no product rises by
FIRM = 0.1  # of the log: rows at one factor, and at the usual price
OF_AMOUNTS = 3.0  # without products a level moves with what is bought
TAXES = tuple(1 + k / 100 for k in (*range(6, 26), 27))  # of value added, sales and goods
SALES = tuple(1 - k / 100 for k in (*range(5, 60, 5), 11, 12, 33))  # what fits one is a sale
RISES = tuple(1 + k / 100 for k in range(26, 60) if k != 27)  # of all prices: another currency
RATES = (*SALES, *TAXES, *(1 / tax for tax in TAXES[1:]), *RISES)
FOR_GOOD = 1.15  # a smaller rise that stays is a price rise
CERTAIN = 40.0  # log-likelihood ratio: days, rates and products that move together
LEAST_DAYS = 2
NEAR_END = 14  # days with rows: what is different there may have been a step for good
ALIKE = 0.35  # of the share that stands on the usual elsewhere
WITNESSES = 5  # lines of an order that count
CELL, CELLS = 0.01, 100  # of the log; the largest rate moves by 80
POINTS = 4  # rows an amount needs to be a price point
MOST_PARTS = 400
MOST_PERIODS = 3


@check("DQ-T-14")
def money_jumps(sources: SourceTables, rule: Rule) -> Iterator[Evidence]:
    """Prices or amounts of a period, a country or a shop at another level than the others'."""
    source = sources.need("transactions")
    levels = list(_levels(sources, source))
    if not levels:
        raise NotApplicable("no prices and no amounts")
    if all(np.isfinite(level.off).sum() < 5 * LEAST for level in levels):
        raise Inconclusive(f"fewer than {5 * LEAST} rows whose usual price or amount is known")
    for level in levels:
        told = np.zeros(source.n, bool)
        for first, last, factor, rows in _periods(level, rule.limit):
            told |= rows
            span = f"from {_date(first)} to {_date(last)}"
            yield _evidence(source, level, rows, factor, span)
        rest = replace(level, off=np.where(told, np.nan, level.off))
        for first, last, rate, rows in taxed_periods(rest):
            rows &= ~told
            told |= rows
            span = f"from {_date(first)} to {_date(last)}"
            yield _evidence(source, level, rows, rate, span, status=Status.WARNED)
        for column, words, factor, rows in _parts(source, level, told):
            told |= rows
            yield _evidence(source, level, rows, factor, f"where {column} is {words}", column)
        for factor, rows in _scattered(level, told):
            yield _evidence(source, level, rows, factor, "here and there")


def _evidence(
    source: SourceTable,
    level: Level,
    rows: np.ndarray,
    factor: float,
    where: str,
    *more: str,
    status: Status | None = None,
) -> Evidence:
    against = "of the same products" if level.by_product else "of all amounts"
    note = f"{level.column} of {rows.sum():,} rows {where} is {named(factor)} the usual {against}"
    return source.found((level.column, *more), rows, note, status=status)


def named(factor: float) -> str:
    """Say a factor, and what such a factor usually is."""
    times = f"{factor:,.0f} times" if factor >= 20 else f"{factor:.3g} times"
    rate = max(factor, 1 / factor) - 1
    if rate < TAXES[-1] - 1 + CELL:
        return f"{times} (as with{'out' if factor < 1 else ''} a tax of {rate:.0%})"
    for size, word in ((100, "cents"), (1000, "thousands"), (1e6, "millions")):
        if min(abs(np.log(factor / size)), abs(np.log(factor * size))) < 0.15:
            return f"{times} (as {word})"
    return f"{times} (as another currency)"


def _levels(sources: SourceTables, source: SourceTable) -> Iterator[Level]:
    """Yield the level of unit prices, and of amounts a piece where these say more."""
    product = next((c for c in ("product_id", "product_description") if c in source), "")
    own = [product] if product else []
    if "unit_price" in source:
        price = source.number("unit_price")
        yield _level(
            source, "unit_price", price, [*own, *(c for c in ("currency",) if c in source)]
        )
    money = ledger(sources) if "unit_price" in source else None
    converted = money is not None and money.local is not None
    if "amount" in source and ("unit_price" not in source or converted):
        amount = np.abs(source.number("amount"))
        if "quantity" in source:
            with np.errstate(all="ignore"):
                amount = amount / np.abs(source.number("quantity"))
        yield _level(source, "amount", amount, own)


def _level(source: SourceTable, column: str, value: np.ndarray, own: list[str]) -> Level:
    with np.errstate(all="ignore"):
        value = np.where(np.isfinite(value) & (value > 0), value, np.nan)
        logs = np.log(value)
    days = source.days()
    days = np.zeros(source.n, np.int64) if days is None else days
    order = source.group("order_id") if "order_id" in source else np.arange(source.n)
    if not own or own == ["currency"]:
        return Level(column, logs - pd.Series(logs).median(), days, order, value, None)
    key = source.group(*own) if len(own) > 1 else source.codes(own[0])[0]
    by = pd.Series(logs).groupby(key)
    off = logs - by.transform("median").to_numpy()
    off[by.transform("count").to_numpy() < OFTEN] = np.nan
    return Level(column, off, days, order, value, key)


def _periods(level: Level, limit: float) -> Iterator[tuple[int, int, float, np.ndarray]]:
    """Yield first and last day, factor and rows of every period at another level."""
    known = np.isfinite(level.off) & (level.days > -(10**6))
    if known.sum() < 5 * LEAST:
        return
    span, at = np.unique(level.days[known], return_inverse=True)
    off, at = _by_order(level.off[known], at, level.order[known])
    group = ((np.cumsum(np.bincount(at)) - 1) // LEAST)[at]  # days of few orders stand together
    off = off - pd.Series(off).groupby(group).median().median()
    for _ in range(MOST_PERIODS):
        factor = _strangest(level, off, group, limit)
        if factor is None:
            break
        fits = off / factor > 0.5
        first, last, votes = st.best_stretch(np.bincount(at, weights=np.where(fits, 1.0, -1.0)))
        inside = (at >= first) & (at <= last)
        if votes < LEAST / 4 or fits[inside].mean() < 0.7:
            break
        period = (level.days >= span[first]) & (level.days <= span[last])
        rows, held = _settled(level, period, factor)
        yield int(span[first]), int(span[last]), held, rows
        off = np.where(inside & fits, 0.0, off)


def _by_order(off: np.ndarray, at: np.ndarray, order: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return one level an order: a wholesaler's order of 600 lines is one witness."""
    by = pd.DataFrame({"off": off, "at": at}).groupby(order)
    return by["off"].median().to_numpy(), by["at"].first().to_numpy()


def _strangest(level: Level, off: np.ndarray, group: np.ndarray, limit: float) -> float | None:
    """Return the log factor of the days furthest from the usual, or None where all are usual."""
    by = pd.Series(off).groupby(group)
    middle, n = by.median().to_numpy(), by.size().to_numpy()
    scale = _spread(off - by.transform("median").to_numpy())
    # From one group to the next: a level that holds for nearly half of the time is no spread.
    steps = _spread(np.diff(middle)) / np.sqrt(2) if len(middle) > 2 else 0.0
    usual = np.maximum(min(_spread(middle), steps), 1.2533 * scale / np.sqrt(n))
    clear = (n >= LEAST / 2) & (np.abs(middle) > 5 * usual)
    up, down = np.log(limit), np.log(HALF_PRICE)
    if not level.by_product:
        up = max(np.log(OF_AMOUNTS), scale)
        down = -up
    far = middle[clear & ((middle > up) | (middle < down))]
    if not len(far):
        return None
    alike = (np.abs(far[:, None] - far[None, :]) < 0.3).sum(axis=1)
    best = far[np.lexsort((np.abs(far), alike))[-1]]
    return float(np.median(far[np.abs(far - best) < 0.3]))


def _spread(values: np.ndarray) -> float:
    """Return a standard deviation that nearly half of the values cannot move."""
    return 1.4826 * float(np.median(np.abs(values - np.median(values))))


def _settled(level: Level, place: np.ndarray, factor: float) -> tuple[np.ndarray, float]:
    """Return the rows of a place that are at its level, and the factor held to the rows outside.

    All of its rows, where nearly all that can be judged are.
    """
    off = np.log(level.value) - level.usual(~place)
    judged = place & np.isfinite(off)
    if judged.sum() < LEAST / 2:
        return place & np.isfinite(level.value), float(np.exp(factor))
    factor = float(np.median(off[judged]))
    fits = np.zeros(len(place), bool)
    fits[judged] = off[judged] / factor > 0.5
    others = off[~place & np.isfinite(off)] / factor > -0.5  # as many fit where all are moved
    whole = fits[judged].mean() >= min(0.85, 0.9 * others.mean())
    return (place & np.isfinite(level.value) if whole else fits), float(np.exp(factor))


def _parts(
    source: SourceTable, level: Level, told: np.ndarray
) -> Iterator[tuple[str, str, float, np.ndarray]]:
    """Yield column, level in words, factor and rows of every part at another level."""
    if not level.by_product:
        return
    month = level.days // 30
    known = np.isfinite(level.off) & ~told
    for column in _places(source):
        codes = source.codes(column)[0]
        inside = known & (codes >= 0)
        frame = pd.DataFrame({"c": codes[inside], "m": month[inside], "off": level.off[inside]})
        middle = _middles(frame.groupby("c")["off"])
        cells = _middles(frame.groupby(["c", "m"])["off"])
        far = _far(middle)
        parts = [(int(c), codes == c, "") for c in middle.index[far]]
        cells = cells[_far(cells) & ~cells.index.get_level_values("c").isin(middle.index[far])]
        for c in dict.fromkeys(cells.index.get_level_values("c")):
            place, when = _stretch_of(level, known & (codes == c), cells["median"].loc[c].median())
            parts.append((int(c), place & (codes == c), when))
        if len(parts) > max(3, len(middle) / 3):
            continue  # places that differ that much have price lists of their own
        for c, place, when in parts:
            factor = float(np.median(level.off[place & known]))
            rows, held = _settled(level, place & ~told, factor)
            yield column, source.words(column)[c] + when, held, rows


def _stretch_of(level: Level, known: np.ndarray, factor: float) -> tuple[np.ndarray, str]:
    """Return the days on which most rows stand at a level, and the month in which they begin."""
    span, at = np.unique(level.days[known], return_inverse=True)
    votes = np.where(level.off[known] / factor > 0.5, 1.0, -1.0)
    first, last, _ = st.best_stretch(np.bincount(at, weights=votes))
    inside = (level.days >= span[first]) & (level.days <= span[last])
    return inside, f" from {_date(span[first])} to {_date(span[last])}"


def _far(cells: pd.DataFrame) -> np.ndarray:
    off = cells["median"].abs()
    uniform = (off > np.log(OF_A_PART_ALIKE)) & (cells["near"] >= ALIKE_HERE)
    return ((cells["size"] >= LEAST) & ((off > np.log(OF_A_PART)) | uniform)).to_numpy()


def _middles(by: Any) -> pd.DataFrame:
    """Return the median, the rows, and the share of rows at the median, of parts."""
    cells = by.agg(["median", "size"])
    cells["near"] = by.agg(lambda off: (np.abs(off - off.median()) < 3 * CELL).mean())
    return cells


def _scattered(level: Level, told: np.ndarray) -> Iterator[tuple[float, np.ndarray]]:
    """Yield factor and rows that stand alone at one factor of their product's usual price."""
    if level.key is None:
        return
    firm = pd.Series(np.abs(level.off) < FIRM).groupby(level.key).transform("mean") > 0.5
    for sign in (1.0, -1.0):
        off = np.where(firm & ~told & (sign * level.off > np.log(STRAY)), sign * level.off, np.nan)
        far = off[np.isfinite(off)]
        if len(far) < STRAYS:
            continue
        alike = (np.abs(far[:, None] - far[None, :: -(-len(far) // 200)]) < FIRM).sum(axis=0)
        middle = far[:: -(-len(far) // 200)][alike.argmax()]
        rows = np.abs(off - middle) < FIRM
        several = len(np.unique(level.key[rows])) >= 3 or middle > np.log(STRAY_ALONE)
        if rows.sum() >= max(STRAYS, 0.5 * len(far)) and several:
            yield float(np.exp(sign * np.median(off[rows]))), rows


def _places(source: SourceTable) -> list[str]:
    """Return the columns that may name a country, a shop, a channel."""
    columns = source.columns(Kind.CATEGORY) + source.extra(Kind.IDENTIFIER)
    most = min(MOST_PARTS, source.n // LEAST)
    return [c for c in columns if c != "currency" and 1 < len(source.codes(c)[1]) <= most]


def _date(day: int) -> str:
    return str(np.datetime64(int(day), "D"))


def taxed_periods(level: Level) -> Iterator[tuple[int, int, float, np.ndarray]]:
    """Yield first and last day, rate and rows of periods whose prices hold a tax the others do not.

    Each day is scored by the log-likelihood ratio of "all prices times the rate" to "as usual".
    With products the usual law is that of the distance from the product's own price; without, it
    is that of the exact amounts: a rate moves every price point to where there was none.
    """
    known = np.flatnonzero(np.isfinite(level.off) & (level.days > -(10**6)))
    if len(known) < 10 * LEAST:
        return
    span, at = np.unique(level.days[known], return_inverse=True)
    gains = _gain_by_distance if level.by_product else _gain_by_value
    scores = list(gains(level, known, at))
    left = np.ones(len(span), bool)
    for _ in range(MOST_PERIODS):
        first, last, rate = _best_rate(scores, at, left)
        if rate == 1.0 or rate in SALES:
            return
        left[first : last + 1] = False
        rows = (level.days >= span[first]) & (level.days <= span[last]) & np.isfinite(level.value)
        if level.by_product:
            rate = _held_rate(level, rows)
        if rate:
            yield int(span[first]), int(span[last]), rate, rows


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


def _held_rate(level: Level, rows: np.ndarray) -> float:
    """Return the rate at which rows stand against all others; 0 where they do not stand together.

    Neighbouring rates share a cell.
    """
    off = np.log(level.value) - level.usual(~rows)
    middle = float(pd.Series(off[rows]).median())
    if not np.isfinite(middle):
        return 0.0
    rate = min((r for r in RATES if r not in SALES), key=lambda r: abs(np.log(r) - middle))
    near = np.nanmean(np.abs(off[rows] - np.log(rate)) < 1.5 * CELL)
    usual = np.nanmean(np.abs(off[~rows]) < 1.5 * CELL)
    return rate if near >= ALIKE * usual else 0.0


def _gain_by_distance(
    level: Level, known: np.ndarray, at: np.ndarray
) -> Iterator[tuple[float, np.ndarray, float]]:
    """Yield rate, score by day and the score a row has to bring, from distances to the usual."""
    off, order = level.off[known], level.order[known]
    lines = np.bincount(order)[order]
    weight = np.minimum(1.0, WITNESSES / lines)
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
        before = np.round(points / rate, 2)
        place = np.minimum(np.searchsorted(points, before), len(points) - 1)
        there = np.abs(points[place] - before) < 0.006
        ratio = np.log((np.where(there, size[place], 0) + 1) / (size + 1))
        yield rate, np.bincount(at, weights=ratio[code]), 0.1
