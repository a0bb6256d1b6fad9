"""DQ-G-16: a number whose unit or meaning changes in a part of the rows."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
import pandas as pd

from segwork.checks import Evidence, NotApplicable, Rule, check
from segwork.quality import statistics as st
from segwork.quality.money import ledger
from segwork.quality.sources import LISTS, SourceTable, SourceTables
from segwork.schema import Kind

LEAST = 20  # rows of a part
MOST_LEVELS = 60
SAMPLE = 50_000  # rows that are looked at to find parts worth a closer look
FAR, GAP = 1.5, 1.0  # scales from the middle of all rows, and from the next level
QUANTILES = (0.1, 0.25, 0.5, 0.75, 0.9)
NEAR = 0.3  # of the inner four fifths: mean distance of the quantiles once turned back
FACTORS = {float(factor): words for factor, words in LISTS["factors"].items()}
COLD, HOT = -60.0, 140.0  # beyond these a number is no temperature of a place, in either unit
SEEN_ELSEWHERE = ("amount", "unit_price", "quantity")  # DQ-T-14, DQ-T-05, DQ-T-09
Back = Callable[[np.ndarray], np.ndarray]


@check("DQ-G-16")
def unit_of_a_part(sources: SourceTables, rule: Rule) -> Iterator[Evidence]:
    """Parts whose numbers lie apart from all others until a known change is undone."""
    year, found = float(str(sources.as_of)[:4]), list(_numbers(sources))
    if not found:
        raise NotApplicable(f"no column with {5 * LEAST} numbers that differ")
    for source, column, values in found:
        for part, name in _parts(source, column):
            for level in _odd_levels(values, part):
                inside = part == level
                if what := _change(values[inside], values[~inside], year, rule.limit):
                    rows = inside & np.isfinite(values)
                    place = f"{name} is {_word(source, name, part, level)}"
                    note = f"{column} of {rows.sum():,} rows where {place} is {what}"
                    yield source.found((column,), rows, note)


def _numbers(sources: SourceTables) -> Iterator[tuple[SourceTable, str, np.ndarray]]:
    """Yield the columns of enough numbers that differ; zeros that are many are no values."""
    money = ledger(sources)
    local = money.local_columns if money is not None else ()  # other currencies, rightly
    for source, column in sources.columns(Kind.NUMBER):
        if source.name == "external" or column in (*SEEN_ELSEWHERE, *local):
            continue  # DQ-X-07 looks at series
        values = source.number(column)
        if (values == 0).mean() > 0.1:
            values = np.where(values == 0, np.nan, values)
        known = values[np.isfinite(values)]
        if len(known) >= 5 * LEAST and st.robust_scale(known) > 0:
            yield source, column, values


def _parts(source: SourceTable, column: str) -> Iterator[tuple[np.ndarray, str]]:
    """Yield codes and names of what may split a table: categories, few whole numbers, months."""
    for name in source.columns(Kind.CATEGORY, Kind.FLAG, Kind.IDENTIFIER):
        returns = "return" in name  # they turn signs, rightly
        if name != column and not returns and 1 < len(source.codes(name)[1]) <= MOST_LEVELS:
            yield source.codes(name)[0], name
    for name in source.extra(Kind.NUMBER):
        codes, values = source.codes(name)
        whole = (np.mod(source.number(name), 1) == 0) | source.missing(name)
        if name != column and 5 < len(values) <= MOST_LEVELS and whole.all():
            order = np.append(np.argsort(np.argsort(np.asarray(values, float))), -1)
            yield order[codes], name
    if (when := source.when()) is not None and not np.isnat(when).all():
        month = when.astype("datetime64[M]")
        since = (month - month[~np.isnat(month)].min()).astype(np.int64)
        yield np.where(np.isnat(month), -1, since), "month"


def _word(source: SourceTable, name: str, part: np.ndarray, level: int) -> str:
    row = int(np.flatnonzero(part == level)[0])
    value = source.when()[row] if name == "month" else source.frame[name].iloc[row]
    return str(value)[:7] if name == "month" else str(value)


def _odd_levels(values: np.ndarray, part: np.ndarray) -> list[int]:
    """Return the few levels whose middle is far from all rows', while the others' are not."""
    step = max(1, len(values) // SAMPLE)
    seen, codes = values[::step], part[::step]
    known = np.isfinite(seen) & (codes >= 0)
    odd: set[int] = set()
    positive = known & (seen > 0)
    for kept, turned in ((known, seen), (positive, np.log(np.where(positive, seen, 1.0)))):
        if kept.sum() < 5 * LEAST:
            continue
        by = pd.Series(turned[kept]).groupby(codes[kept]).agg(["median", "size"])
        by = by[by["size"] >= min(LEAST, LEAST * 50_000 / len(values))]
        scale = max(st.robust_scale(turned[kept]), 1e-9)
        middle = by["median"].to_numpy()
        order = pd.Series(np.arange(len(by)), by.index)
        if len(by) > 4 and abs(order.corr(by["median"].rank())) > 0.9:
            continue  # a counter that grows by the month
        far = np.abs(middle - np.median(turned[kept])) > FAR * scale
        if 0 < far.sum() <= max(1, len(by) // 4) and not far.all():
            gap = np.abs(middle[far][:, None] - middle[~far][None, :]).min(axis=1)
            odd |= {int(level) for level in by.index[far][gap > GAP * scale]}
    return sorted(odd)


def _change(inside: np.ndarray, others: np.ndarray, year: float, limit: float) -> str:
    """Return in words the change that brings a part back among the others, or nothing."""
    a, b = inside[np.isfinite(inside)], others[np.isfinite(others)]
    if len(a) < LEAST or len(b) < LEAST:
        return ""
    low, high = np.quantile(b, [0.05, 0.95])
    if ((a >= low) & (a <= high)).mean() >= limit or high <= low:
        return ""
    want = np.quantile(b, QUANTILES)
    width = max(want[-1] - want[0], 1e-12)
    mine = np.quantile(a, QUANTILES)
    weather = max(want[-1], mine[-1]) < HOT and min(want[0], mine[0]) > COLD
    near = {
        words: float(np.abs(np.sort(back(mine)) - want).mean() / width)
        for words, back in _changes(year, weather).items()
    }
    best = min(near, key=lambda words: near[words])
    return best if near[best] < NEAR else ""


def _changes(year: float, weather: bool) -> dict[str, Back]:
    """Return what turns a change back; factors under seven tell groups of people apart as well."""
    found: dict[str, Back] = {
        "of the other sign": lambda v: -v,
        "an age beside years, or a year beside ages": lambda v: year - v,
    }
    if weather:
        found["in Fahrenheit, the others in Celsius"] = lambda v: (v - 32) / 1.8
        found["in Celsius, the others in Fahrenheit"] = lambda v: 1.8 * v + 32
    for factor, words in FACTORS.items():
        found[f"{factor:g} times the others' ({words})"] = lambda v, f=factor: v / f
        found[f"1/{factor:g} of the others' ({words})"] = lambda v, f=factor: v * f
    return found
