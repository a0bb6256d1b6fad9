"""DQ-G-08 and DQ-G-09: values on the wrong scale, and values in the wrong column."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from itertools import combinations

import numpy as np
import pandas as pd

from segwork.quality import statistics as st
from segwork.quality.money import ledger
from segwork.quality.result import Hit, Rule
from segwork.quality.sheet import Book, Sheet
from segwork.schema import Kind

PRICES = ("amount", "unit_price", "unit_cost")
MANY = 20  # distinct values; columns of fewer are counts or ratings, or price lists


def scale_slips(book: Book, rule: Rule) -> Iterator[Hit]:
    """Find a second heap of values a power of ten away from the values of the same group."""
    for sheet in book:
        for column in _level_columns(book, sheet):
            values = sheet.number(column)
            seen = len(np.unique(values[values > 0]))
            if (values > 0).sum() < 50 or seen < (2 if column in PRICES else MANY):
                continue
            # A short price list may hold tenfold prices, a year for a month, but no hundredfold.
            slips = st.SLIPS if seen >= MANY else st.SLIPS[1:]
            logs, effects = st.residual_logs(values, _grouping(sheet, column))
            rows, factor = st.scale_slip(logs, limit=rule.limit, slips=slips)
            if len(rows):
                note = f"{len(rows):,} values of {column} are about {factor:g} times their group's"
                yield Hit(sheet.name, (column,), rows, sheet.n, note + f" ({effects})")


def _level_columns(book: Book, sheet: Sheet) -> list[str]:
    """Return the numbers that have a level of their own: not pieces, nor totals over pieces."""
    columns = [c for c in sheet.columns(Kind.NUMBER) if c not in ("quantity", "age", "birth_year")]
    money = book.once("ledger", ledger) if sheet.name == "transactions" else None
    if money is None or not np.isfinite(money.lines).any():
        return columns
    totals = (money.lines, money.amount)
    pieces = np.abs(money.quantity)
    return [
        c
        for c in columns
        if c != "amount" and not any(_grows_with(pieces, sheet.number(c), t) for t in totals)
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
    with np.errstate(all="ignore"):
        ratio = [np.nanmedian(np.abs(values / total)[pieces == k]) * k for k in sizes]
    return len(sizes) > 1 and bool(np.ptp(ratio) < 0.03 * np.mean(ratio))


def _grouping(sheet: Sheet, column: str) -> dict[str, np.ndarray]:
    """Return the codes that may explain a level: product, currency, place, name of a series."""
    names = ("product_id", "name", "currency", "product_category", "country", "region")
    extra = [c for c in sheet.extra(Kind.CATEGORY) if 1 < len(sheet.codes(c)[1]) <= 60]
    chosen = [c for c in (*names, *extra) if c in sheet and c != column]
    return {c: sheet.codes(c)[0] for c in chosen if 1 < len(sheet.codes(c)[1]) < sheet.n / 5}


def swapped_columns(book: Book, _: Rule) -> Iterator[Hit]:
    """Rows in which two columns hold each other's values."""
    for sheet in book:
        if sheet.name == "transactions":
            yield from _swapped_factors(book, sheet)
        numbers = [c for c in sheet.columns(Kind.NUMBER) if c not in ("quantity", "unit_price")]
        for a, b in combinations(numbers[:12], 2):
            rows = st.swapped_numbers(sheet.number(a), sheet.number(b))
            if len(rows):
                yield Hit(sheet.name, (a, b), rows, sheet.n, f"{len(rows):,} rows: {a} and {b}")
        words = [c for c in sheet.columns(Kind.CATEGORY) if len(sheet.codes(c)[1]) <= 500]
        for a, b in combinations(words[:12], 2):
            rows = _swapped_words(sheet, a, b)
            if len(rows):
                yield Hit(sheet.name, (a, b), rows, sheet.n, f"{len(rows):,} rows: {a} and {b}")


def _swapped_words(sheet: Sheet, a: str, b: str) -> np.ndarray:
    homes = []
    for column, other in ((a, b), (b, a)):
        mine, theirs = (Counter(dict(_sizes(sheet, c))) for c in (column, other))
        homes.append({w for w in mine if theirs[w] > 4 * mine[w]})
    if not all(homes):
        return np.array([], int)
    return np.flatnonzero(
        sheet.where(a, homes[0].__contains__) & sheet.where(b, homes[1].__contains__)
    )


def _sizes(sheet: Sheet, column: str) -> list[tuple[str, int]]:
    codes, _ = sheet.codes(column)
    size = np.bincount(codes[codes >= 0], minlength=len(sheet.words(column)))
    return list(zip(sheet.words(column), size.tolist(), strict=False))


def _swapped_factors(book: Book, sheet: Sheet) -> Iterator[Hit]:
    """Find swaps among quantity, unit price and amount: undoing one makes quantity whole again."""
    if not sheet.has("quantity", "unit_price"):
        return
    rows = _fraction_of_pieces(sheet)
    if len(rows):
        note = f"{len(rows):,} rows: quantity and unit_price"
        yield Hit(sheet.name, ("quantity", "unit_price"), rows, sheet.n, note)
    book_of_money = book.once("ledger", ledger)
    if book_of_money is None:
        return
    for columns, rows in book_of_money.swaps():
        if len(rows):
            note = f"{len(rows):,} rows: {' and '.join(columns)}"
            yield Hit(sheet.name, columns, rows, sheet.n, note)


def _fraction_of_pieces(sheet: Sheet) -> np.ndarray:
    """Return the rows whose price is whole and whose quantity is not, unless sold by weight."""
    quantity, price = sheet.number("quantity"), sheet.number("unit_price")
    part = np.isfinite(quantity) & (np.mod(quantity, 1) != 0)
    whole = np.isfinite(quantity) & ~part
    if part.sum() > 0.2 * np.isfinite(quantity).sum() or not whole.any():
        return st.NONE
    typical = np.quantile(np.abs(quantity[whole]), 0.999)
    odd = part & (np.mod(price, 1) == 0) & (np.abs(price) <= typical)
    if odd.sum() < 0.5 * part.sum():  # most fractions come with any price: weights
        if "product_id" not in sheet:
            return st.NONE
        weighed = pd.Series(part).groupby(sheet.group("product_id")).transform("mean")
        odd &= (weighed < 0.5).to_numpy()
    return np.flatnonzero(odd)


CHECKS = {
    "DQ-G-08": scale_slips,
    "DQ-G-09": swapped_columns,
}
