"""DQ-T-14: prices and amounts that stand on another level in a period or a part."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd
from scipy import stats

from segwork.checks import Evidence, Inconclusive, NotApplicable, Rule, check
from segwork.quality import statistics as st
from segwork.quality import steps
from segwork.quality.price_level import Jump, Level, date, levels_of
from segwork.quality.sources import SourceTable, SourceTables
from segwork.results import Status
from segwork.schema import Kind

LEAST = 20  # rows with a level of their own in a day, a part or a period
HALF_PRICE = 0.45  # a sale may halve all prices; what is lower is no sale
OF_A_PART = 4.0  # a country or a shop may have a price list of its own; not four times the other
OF_A_PART_ALIKE, ALIKE_HERE = 2.0, 0.6  # of its rows at one factor: a price list is rounded
FIRM = 0.1  # of the log: rows at one factor, and at the usual price
OF_AMOUNTS = 3.0  # without products a level moves with what is bought
ALIKE = 0.03  # of the log: rows of a part at one factor
MOST_PARTS = 400
MOST_PERIODS = 3
# Lines here and there: times the usual, lines, how alike their factors are (of the log), and how
# many articles they are of at least. What lists also do has to be alike to the cent.
STRAYS = ((20.0, 5, FIRM, 1), (5.0, 5, 0.02, 3), (8.0, 3, 0.01, 2), (2.6, 6, 0.01, 5))
STRAYS_DOWN = ((8.0, 3, 0.01, 2), (10.0, 5, FIRM, 3))  # clearances may leave a fifth
FAR, SLIPPED, EXACT = 2.0, 4, 0.01  # times the usual; articles at one factor of it, of the log
POWERS, CONTROLS = (10.0, 100.0, 1000.0), (0.83, 0.91, 1.09, 1.17)  # a slip; factors beside it
BY_CHANCE = 1e-4
OWN, OWN_DOWN, OWN_WIDTH = 5.0, 8.5, 3.0  # two prices of one article: times, and within each
OWN_ROWS, OWN_GAP = 6, (2.5, 4.0)  # of each, and times between them: from a day on, always
PACKS = (6, 10, 12, 20, 24, 25, 36, 48, 50, 72, 96, 100, 144, 500, 1000)  # pieces
FEW_PRODUCTS = 0.02  # of the articles: where more have two prices they are sold by piece and pack


@check("DQ-T-14")
def money_jumps(sources: SourceTables, rule: Rule) -> Iterator[Evidence]:
    """Prices or amounts of a period, a place, a product or some lines at another level."""
    source = sources.need("transactions")
    levels = list(levels_of(sources, source))
    if not levels:
        raise NotApplicable("no prices and no amounts")
    if all(np.isfinite(level.off).sum() < 5 * LEAST for level in levels):
        raise Inconclusive(f"fewer than {5 * LEAST} rows whose usual price or amount is known")
    for level in levels:
        against = "of the same products" if level.by_product else "of all amounts"
        told = np.zeros(source.n, bool)
        for jump in _jumps(source, level, told, rule.limit):
            rows = jump.rows & ~told
            if rows.sum() > 0.5 * jump.rows.sum():
                told |= rows
                note = f"{level.column} of {rows.sum():,} rows {jump.where} is"
                note = f"{note} {named(jump.factor)} the usual {against}"
                columns = (level.column, *((jump.column,) if jump.column else ()))
                yield source.found(columns, rows, note, status=jump.status)


def _jumps(source: SourceTable, level: Level, told: np.ndarray, limit: float) -> Iterator[Jump]:
    """Yield the jumps of a level; what is told already is no money to the next search."""
    yield from _periods(level, limit)
    yield from steps.shifted(level.without(told))
    yield from steps.taxed(level.without(told))
    if level.by_product:
        yield from _parts(source, level.without(told))
        yield from _single_products(source, level.without(told))
        yield from _scattered(level.without(told))
        yield from _slipped(level.without(told))


def named(factor: float) -> str:
    """Say a factor, and what such a factor usually is."""
    times = f"{factor:,.0f} times" if factor >= 20 else f"{factor:.3g} times"
    rate = max(factor, 1 / factor) - 1
    if rate < steps.TAXES[-1] - 1 + steps.CELL:
        return f"{times} (as with{'out' if factor < 1 else ''} a tax of {rate:.0%})"
    for size, word in ((100, "cents"), (1000, "thousands"), (1e6, "millions")):
        if min(abs(np.log(factor / size)), abs(np.log(factor * size))) < 0.15:
            return f"{times} (as {word})"
    return f"{times} (as another currency)"


def _periods(level: Level, limit: float) -> Iterator[Jump]:
    """Yield the periods at another level, with all of their rows."""
    known = level.dated
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
        rows, held = _settled(level, level.between(span[first], span[last]), factor)
        yield Jump(held, rows, f"from {date(span[first])} to {date(span[last])}")
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


def _parts(source: SourceTable, level: Level) -> Iterator[Jump]:
    """Yield the levels of a place or another part that stand apart, always or for some days."""
    month = level.days // 30
    known = np.isfinite(level.off)
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
            rows, held = _settled(level, place, float(np.median(level.off[place & known])))
            where = f"where {column} is {source.words(column)[c]}{when}"
            yield Jump(held, rows, where, column=column)


def _stretch_of(level: Level, known: np.ndarray, factor: float) -> tuple[np.ndarray, str]:
    """Return the days on which most rows stand at a level, and the month in which they begin."""
    span, at = np.unique(level.days[known], return_inverse=True)
    votes = np.where(level.off[known] / factor > 0.5, 1.0, -1.0)
    first, last, _ = st.best_stretch(np.bincount(at, weights=votes))
    inside = (level.days >= span[first]) & (level.days <= span[last])
    return inside, f" from {date(span[first])} to {date(span[last])}"


def _far(cells: pd.DataFrame) -> np.ndarray:
    off = cells["median"].abs()
    uniform = (off > np.log(OF_A_PART_ALIKE)) & (cells["near"] >= ALIKE_HERE)
    uniform &= ~cells["median"].between(np.log(HALF_PRICE), 0)
    return ((cells["size"] >= LEAST) & ((off > np.log(OF_A_PART)) | uniform)).to_numpy()


def _middles(by: Any) -> pd.DataFrame:
    """Return the median, the rows, and the share of rows at the median, of parts."""
    cells = by.agg(["median", "size"])
    cells["near"] = by.agg(lambda off: (np.abs(off - off.median()) < ALIKE).mean())
    return cells


def _single_products(source: SourceTable, level: Level) -> Iterator[Jump]:
    """Yield the rows of an article that has two prices, one many times the other.

    From a day on, it is the later ones; here and there, the rarer ones.
    """
    logs = pd.Series(np.log(level.value)).where(np.isfinite(level.off))
    by = logs.groupby(level.key)
    wide = by.transform("max") - by.transform("min") > np.log(OWN)
    places = logs[wide].groupby(level.key[wide]).groups.values()
    found = [jump for rows in places if (jump := _two_prices(source, level, logs, rows))]
    if len(found) <= max(2, FEW_PRODUCTS * by.ngroups):
        yield from found


def _two_prices(source: SourceTable, level: Level, logs: pd.Series, rows: pd.Index) -> Jump | None:
    """Return the rows of one article at its other price, where it has just two, far apart."""
    own = logs[rows].dropna().sort_values()
    gaps = np.diff(own)[OWN_ROWS - 1 : len(own) - OWN_ROWS]
    if not len(gaps) or gaps.max() < np.log(OWN_GAP[0]):
        return None
    cut = int(gaps.argmax()) + OWN_ROWS
    low, high = own.iloc[:cut], own.iloc[cut:]
    first, last = (level.days[part.index] for part in (low, high))
    begins = int(max(first.min(), last.min()))
    stays = bool(first.max() < last.min() or last.max() < first.min())
    one = all(np.ptp(part.quantile([0.1, 0.9])) < np.log(OWN_WIDTH) for part in (low, high))
    clear = one and gaps.max() > np.log(OWN_GAP[1])
    if stays:
        wrong, usual = (low, high) if first.min() == begins else (high, low)
    else:
        wrong, usual = sorted((low, high), key=len)
    apart = high.median() - low.median()
    packed = np.abs(np.log(PACKS) - apart).min() < 2 * EXACT
    if not (stays or (clear and packed)) or apart < np.log(OWN if wrong is high else OWN_DOWN):
        return None
    name = source.frame[level.product].iloc[rows[0]]
    when = f" from {date(begins)} on" if stays else " here and there"
    mask = np.isin(np.arange(source.n), wrong.index)
    factor = float(np.exp(wrong.median() - usual.median()))
    return Jump(factor, mask, f"where {level.product} is {name}{when}", Status.WARNED)


def _scattered(level: Level) -> Iterator[Jump]:
    """Yield the rows that stand alone at one factor of their product's usual price."""
    firm = pd.Series(np.abs(level.off) < FIRM).groupby(level.key).transform("mean") > 0.5
    told = np.zeros(len(level.off), bool)
    for sign in (1.0, -1.0):
        for least, strays, width, products in STRAYS if sign > 0 else STRAYS_DOWN:
            far = firm.to_numpy() & ~told & (sign * level.off > np.log(least))
            if width < FIRM:
                far &= level.value > steps.FIRM_UNITS * level.unit
            off = sign * level.off[far]
            if len(off) < strays:
                continue
            seen = off[:: -(-len(off) // 200)]
            middle = seen[(np.abs(off[:, None] - seen[None, :]) < width).sum(axis=0).argmax()]
            rows = far.copy()
            rows[far] = np.abs(off - middle) < width
            several = len(np.unique(level.key[rows])) >= products
            if rows.sum() >= max(strays, 0.5 * len(off)) and several:
                told |= rows
                factor = float(np.exp(sign * np.median(sign * level.off[rows])))
                yield Jump(factor, rows, "here and there")


def _slipped(level: Level) -> Iterator[Jump]:
    """Yield lines at one factor of a price that their product has, and no product has itself.

    How many products would be there by chance, factors near it say: some shops have many prices.
    """
    units = np.rint(level.value / level.unit)
    own = pd.MultiIndex.from_arrays([level.key, units])
    size = pd.Series(1.0, index=own).groupby(own).transform("size").to_numpy()
    points = own[(size > 1) & np.isfinite(level.off)].unique()
    odd = np.flatnonzero((np.abs(level.off) > np.log(FAR)) & (size <= 2))
    if len(odd) < SLIPPED:
        return

    def hits(factor: float) -> np.ndarray:
        prices = np.rint(points.get_level_values(1) * factor)
        return odd[own[odd].isin(pd.MultiIndex.from_arrays([points.get_level_values(0), prices]))]

    def products(rows: np.ndarray) -> int:
        return len(np.unique(level.key[rows]))

    for factor in (*POWERS, *(1 / power for power in POWERS)):
        rows = hits(factor)
        chance = np.mean([products(hits(factor * near)) for near in CONTROLS]) + 0.2
        if (n := products(rows)) >= SLIPPED and stats.poisson.sf(n - 1, chance) < BY_CHANCE:
            yield Jump(factor, np.isin(np.arange(len(units)), rows), "here and there")


def _places(source: SourceTable) -> list[str]:
    """Return the columns that may name a country, a shop, a channel."""
    columns = source.columns(Kind.CATEGORY) + source.extra(Kind.IDENTIFIER)
    most = min(MOST_PARTS, source.n // LEAST)
    return [c for c in columns if c != "currency" and 1 < len(source.codes(c)[1]) <= most]
