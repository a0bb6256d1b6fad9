"""DQ-G-08 and DQ-G-09: values on the wrong scale, and values in the wrong column."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from itertools import combinations

import numpy as np
import pandas as pd

from segwork.checks import Evidence, Rule, check
from segwork.quality import statistics as st
from segwork.quality.money import ledger
from segwork.quality.sources import SourceTable, SourceTables
from segwork.schema import Kind

PRICES = ("amount", "unit_price", "unit_cost")
MANY = 20  # distinct values; columns of fewer are counts or ratings, or price lists


@check("DQ-G-08")
def scale_slips(sources: SourceTables, rule: Rule) -> Iterator[Evidence]:
    """Find a second heap of values a power of ten away from the values of the same group."""
    for source in sources:
        for column in _level_columns(sources, source):
            values = source.number(column)
            seen = len(np.unique(values[values > 0]))
            if (values > 0).sum() < 50 or seen < (2 if column in PRICES else MANY):
                continue
            # A short price list may hold tenfold prices, a year for a month, but no hundredfold.
            slips = st.SLIPS if seen >= MANY else st.SLIPS[1:]
            logs, effects = st.residual_logs(values, _grouping(source, column))
            rows, factor = st.scale_slip(logs, limit=rule.limit, slips=slips)
            if len(rows) and not _own_products(source, rows):
                note = f"values of {column} are about {factor:g} times their group's ({effects})"
                yield from source.some((column,), rows, note)


def _own_products(source: SourceTable, rows: np.ndarray) -> bool:
    """Say whether most rows are of products that are never elsewhere: machines beside coffee."""
    product = next((c for c in ("product_id", "product_description") if c in source), "")
    if not product:
        return False
    heap = np.bincount(rows, minlength=source.n) > 0
    share = pd.Series(heap).groupby(source.group(product)).transform("mean").to_numpy()
    return bool((share[rows] == 1).mean() > 0.5)


def _level_columns(sources: SourceTables, source: SourceTable) -> list[str]:
    """Return the numbers that have a level of their own: not pieces, nor totals over pieces."""
    columns = [c for c in source.columns(Kind.NUMBER) if c not in ("quantity", "age", "birth_year")]
    money = ledger(sources) if source.name == "transactions" else None
    if money is None or not np.isfinite(money.lines).any():
        return columns
    totals = (money.lines, money.amount)
    pieces = np.abs(money.quantity)
    return [
        c
        for c in columns
        if c != "amount" and not any(_grows_with(pieces, source.number(c), t) for t in totals)
    ]


def _grows_with(pieces: np.ndarray, values: np.ndarray, total: np.ndarray) -> bool:
    """Say whether a column is in one ratio with the totals, whatever the number of pieces.

    A price per piece is in a fixed ratio as well where most orders are of the same few pieces.
    """
    several = pieces > 1
    sizes, n = np.unique(pieces[several], return_counts=True)
    common = sizes[np.argsort(-n, kind="stable")][:3]
    by_size = all(st.in_step(values[pieces == k], total[pieces == k]) for k in common)
    return st.in_step(values[several], total[several]) and not (
        by_size and _per_piece(pieces, values, total, common)
    )


def _per_piece(
    pieces: np.ndarray, values: np.ndarray, total: np.ndarray, sizes: np.ndarray
) -> bool:
    ratio = [np.nanmedian(np.abs(values / total)[pieces == k]) * k for k in sizes]
    return len(sizes) > 1 and bool(np.ptp(ratio) < 0.03 * np.mean(ratio))


def _grouping(source: SourceTable, column: str) -> dict[str, np.ndarray]:
    """Return the codes that may explain a level: product, currency, place, name of a series."""
    product = "product_id" if "product_id" in source else "product_description"
    names = (product, "name", "currency", "product_category", "country", "region")
    extra = [c for c in source.extra(Kind.CATEGORY) if 1 < len(source.codes(c)[1]) <= 60]
    chosen = [c for c in (*names, *extra) if c in source and c != column]
    return {c: source.codes(c)[0] for c in chosen if 1 < len(source.codes(c)[1]) < source.n / 5}


@check("DQ-G-09")
def swapped_columns(sources: SourceTables, _: Rule) -> Iterator[Evidence]:
    """Rows in which two columns hold each other's values."""
    for source in sources:
        if source.name == "transactions":
            yield from _swapped_factors(sources, source)
        numbers = [c for c in source.columns(Kind.NUMBER) if c not in ("quantity", "unit_price")]
        for a, b in combinations(numbers[:12], 2):
            rows = st.swapped_numbers(source.number(a), source.number(b))
            yield from source.some((a, b), rows, f"rows: {a} and {b}")
        words = [c for c in source.columns(Kind.CATEGORY) if len(source.codes(c)[1]) <= 500]
        for a, b in combinations(words[:12], 2):
            rows = _swapped_words(source, a, b)
            yield from source.some((a, b), rows, f"rows: {a} and {b}")


def _swapped_words(source: SourceTable, a: str, b: str) -> np.ndarray:
    mine, theirs = (
        Counter(dict(zip(source.words(c), source.sizes(c), strict=True))) for c in (a, b)
    )
    of_b = {w for w in mine if theirs[w] > 4 * mine[w]}
    of_a = {w for w in theirs if mine[w] > 4 * theirs[w]}
    if not of_a or not of_b:
        return st.NONE
    return np.flatnonzero(source.where(a, of_b.__contains__) & source.where(b, of_a.__contains__))


def _swapped_factors(sources: SourceTables, source: SourceTable) -> Iterator[Evidence]:
    """Find swaps among quantity, unit price and amount: undoing one makes quantity whole again."""
    if not source.has("quantity", "unit_price"):
        return
    money = ledger(sources)
    found = [(("quantity", "unit_price"), _fraction_of_pieces(source))]
    for columns, rows in found + (money.swaps() if money is not None else []):
        yield from source.some(columns, rows, f"rows: {' and '.join(columns)}")


def _fraction_of_pieces(source: SourceTable) -> np.ndarray:
    """Return the rows whose price is whole and whose quantity is not, unless sold by weight."""
    quantity, price = source.number("quantity"), source.number("unit_price")
    part = np.isfinite(quantity) & (np.mod(quantity, 1) != 0)
    whole = np.isfinite(quantity) & ~part
    if part.sum() > 0.2 * np.isfinite(quantity).sum() or not whole.any():
        return st.NONE
    typical = np.quantile(np.abs(quantity[whole]), 0.999)
    odd = part & (np.mod(price, 1) == 0) & (np.abs(price) <= typical)
    if odd.sum() < 0.5 * part.sum():  # most fractions come with any price: weights
        if "product_id" not in source:
            return st.NONE
        weighed = pd.Series(part).groupby(source.group("product_id")).transform("mean")
        odd &= (weighed < 0.5).to_numpy()
    return np.flatnonzero(odd)
