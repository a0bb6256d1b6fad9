"""DQ-T: order lines, money, returns."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import groupby

import numpy as np
import pandas as pd

from segwork.quality import statistics as st
from segwork.quality import timing
from segwork.quality.general import fold_word, variants
from segwork.quality.missing import by_design, mechanism, placeholder
from segwork.quality.result import Hit, Rule
from segwork.quality.sheet import Book, NotApplicable, Sheet
from segwork.results import Status

TABLE = "transactions"


def sign_without_return(book: Book, _: Rule) -> Iterator[Hit]:
    """Quantities (or amounts) of zero or less on lines that are no return and no cancellation."""
    sheet = book.need(TABLE)
    column = "quantity" if "quantity" in sheet else "amount"
    negative = below_zero(sheet)
    marked = returned(sheet)
    rows = np.flatnonzero(negative & ~marked if marked is not None else negative)
    told = "not marked as return or cancellation" if marked is not None else "and no return mark"
    note = f"{len(rows):,} of {negative.sum():,} lines with {column} ≤ 0 {told}"
    status = Status.WARNED if marked is None and len(rows) else None
    yield Hit(TABLE, (column,), rows, sheet.n, note, status=status)


def below_zero(sheet: Sheet) -> np.ndarray:
    """Return the lines whose quantity is zero or less; without quantities, whose amount is < 0."""
    with np.errstate(invalid="ignore"):
        return sheet.number("quantity") <= 0 if "quantity" in sheet else sheet.number("amount") < 0


def returned(sheet: Sheet) -> np.ndarray | None:
    """Return the lines marked as return or cancellation; None where no column marks them."""
    marks = [sheet.flag("is_return")] if "is_return" in sheet else []
    cancelled_lines = cancelled(sheet)
    if cancelled_lines.any():
        marks.append(cancelled_lines)
    if not marks and "return_reason" in sheet:
        marks.append(~sheet.missing("return_reason"))
    return np.any(marks, axis=0) if marks else None


def cancelled(sheet: Sheet) -> np.ndarray:
    """Return the lines of orders whose letter prefix is kept for cancellations (``C536379``)."""
    return sheet._once("cancelled", "order_id", lambda _: _cancelled(sheet))


def _cancelled(sheet: Sheet) -> np.ndarray:
    no = np.zeros(sheet.n, bool)
    if "order_id" not in sheet or not ({"quantity", "amount"} & set(sheet.frame.columns)):
        return no
    words = sheet.words("order_id")
    prefix = [re.match(r"[^\W\d_]*", word)[0].upper() for word in words]  # type: ignore[index]
    kinds, names = pd.factorize(np.array(prefix, dtype=object))
    codes = sheet.codes("order_id")[0]
    kind = np.append(kinds, -1)[codes]
    negative = below_zero(sheet)
    for level in range(len(names)):
        inside = kind == level
        if names[level] and 0 < inside.sum() < sheet.n / 2 and negative[inside].mean() > 0.9:
            no |= inside
    return no


def price_not_positive(book: Book, _: Rule) -> Iterator[Hit]:
    """Find unit prices of zero, and below zero."""
    sheet = book.need(TABLE, "unit_price")
    with np.errstate(invalid="ignore"):
        zero, negative = sheet.number("unit_price") == 0, sheet.number("unit_price") < 0
    note = f"{zero.sum():,} prices of zero and {negative.sum():,} below zero"
    yield Hit(TABLE, ("unit_price",), np.flatnonzero(zero | negative), sheet.n, note)


def return_reasons(book: Book, rule: Rule) -> Iterator[Hit]:
    """Reasons written in several ways, unknown, or given where nothing was returned."""
    sheet = book.need(TABLE, "return_reason")
    column = ("return_reason",)
    rows, groups = variants(sheet, "return_reason", fold_word)
    if groups:
        note = f"{len(rows):,} rows spell {groups} reasons another way"
        yield Hit(TABLE, column, rows, sheet.n, note)
    given = ~sheet.missing("return_reason") & ~_word_for_none(sheet)
    blank = sheet.where("return_reason", placeholder)
    if blank.sum() > rule.limit * given.sum() and blank.sum() < 0.3 * given.sum():
        note = f"{blank.sum():,} of {given.sum():,} reasons are unknown"
        yield Hit(TABLE, column, np.flatnonzero(blank), sheet.n, note)
    marked = returned(sheet) if "is_return" in sheet or cancelled(sheet).any() else None
    if marked is None:
        marked = below_zero(sheet) if below_zero(sheet).any() else None
    if marked is not None:
        rows = np.flatnonzero(given & ~blank & ~marked & ~below_zero(sheet))
        if len(rows):
            yield Hit(TABLE, column, rows, sheet.n, f"{len(rows):,} reasons without a return")


def _word_for_none(sheet: Sheet) -> np.ndarray:
    """Return the rows with the one word that stands for "not returned" on nearly all sales."""
    codes, values = sheet.codes("return_reason")
    if not len(values):
        return np.zeros(sheet.n, bool)
    size = np.bincount(codes[codes >= 0], minlength=len(values))
    return (codes == size.argmax()) & (size.max() > 0.5 * sheet.n)


def unmatched_returns(book: Book, _: Rule) -> Iterator[Hit]:
    """Find returns with no sale of the same size, item and customer; reported, not judged."""
    sheet = book.need(TABLE, "quantity")
    back = returned(sheet)
    back = below_zero(sheet) if back is None else back
    if not back.any():
        raise NotApplicable("no returns")
    keys = [c for c in ("customer_id", "product_id") if c in sheet]
    key = pd.DataFrame({"k": sheet.group(*keys), "q": np.abs(sheet.number("quantity"))})
    known = ~np.any([sheet.missing(c) for c in keys], axis=0)
    sold = set(map(tuple, key[~back & known].itertuples(index=False)))
    asked = np.flatnonzero(back & known)
    lone = [row for row, k in zip(asked, key.loc[asked].itertuples(index=False), strict=True)
            if tuple(k) not in sold]  # fmt: skip
    note = f"{len(lone):,} of {len(asked):,} returned lines have no matching sale"
    yield Hit(TABLE, (*keys, "quantity"), np.array(lone, int), sheet.n, note, status=Status.PASSED)


def extreme_mirrors(book: Book, rule: Rule) -> Iterator[Hit]:
    """Extreme quantities that are taken back within a day: +80,995 and −80,995."""
    sheet = book.need(TABLE, "quantity")
    quantity = sheet.number("quantity")
    if not (np.abs(quantity) > 0).any():
        raise NotApplicable("no quantity is a number other than 0")
    with np.errstate(divide="ignore", invalid="ignore"):
        logs = np.log(np.abs(quantity))
    logs = np.where(np.isfinite(logs), logs, np.nan)
    with np.errstate(invalid="ignore"):
        z = (logs - np.nanmedian(logs)) / max(st.robust_scale(logs[np.isfinite(logs)]), 0.1)
        extreme = np.flatnonzero((z > rule.limit) & (np.abs(quantity) >= 1000))
    keys = [c for c in ("customer_id", "product_id") if c in sheet]
    group, days, pairs = sheet.group(*keys), sheet.days(), set()
    for _, same in groupby(sorted(extreme, key=lambda r: (group[r], abs(quantity[r]))),
                           key=lambda r: (group[r], abs(quantity[r]))):  # fmt: skip
        members = list(same)
        for i in members:
            for j in members:
                if quantity[i] == -quantity[j] and quantity[i] > 0 and abs(days[i] - days[j]) <= 1:
                    pairs |= {i, j}
    rows = np.array(sorted(pairs), int)
    top = f", the largest {np.abs(quantity[rows]).max():,.0f}" if len(rows) else ""
    yield Hit(TABLE, ("quantity",), rows, sheet.n, f"{len(rows):,} lines cancel out{top}")


def non_products(book: Book, _: Rule) -> Iterator[Hit]:
    """Lines whose item code is not written as items are: postage, fees, manual entries."""
    sheet = book.need(TABLE, "product_id")
    pattern = item_pattern(sheet)
    if not pattern:
        raise NotApplicable("item codes follow no common pattern")
    rows = np.flatnonzero(
        ~sheet.where("product_id", lambda w: code_shape(w).startswith(pattern))
        & ~sheet.missing("product_id")
    )
    codes = len(np.unique(sheet.codes("product_id")[0][rows]))
    note = f"{len(rows):,} lines with {codes} codes that do not begin as {pattern} (9 = digit)"
    yield Hit(TABLE, ("product_id",), rows, sheet.n, note)


def item_pattern(sheet: Sheet) -> str:
    """Return the longest beginning, in digits and letters, that 95 % of the lines share."""
    codes, _ = sheet.codes("product_id")
    size = np.bincount(codes[codes >= 0], minlength=len(sheet.words("product_id")))
    shapes = [code_shape(word) for word in sheet.words("product_id")]
    pattern = ""
    for length in range(1, 12):
        table: dict[str, int] = {}
        for shape, n in zip(shapes, size, strict=True):
            if len(shape) >= length:
                table[shape[:length]] = table.get(shape[:length], 0) + int(n)
        if not table or max(table.values()) < 0.95 * size.sum():
            break
        pattern = max(table, key=lambda k: table[k])
    return pattern


def code_shape(word: str) -> str:
    """Return a code with every digit as 9 and every letter as A."""
    return re.sub(r"[^\W\d_]", "A", re.sub(r"\d", "9", word.strip()))


def split_orders(book: Book, _: Rule) -> Iterator[Hit]:
    """Orders with more than one time or more than one customer."""
    sheet = book.need(TABLE, "order_id")
    for column in ("ordered_at", "customer_id"):
        values = pd.Series(sheet.codes(column)[0]).where(lambda c: c >= 0)
        several = values.groupby(sheet.codes("order_id")[0]).transform("nunique").gt(1)
        several &= ~sheet.missing("order_id")
        orders = len(np.unique(sheet.codes("order_id")[0][several]))
        note = f"{orders:,} orders have more than one {column}"
        if orders:
            status = Status.PASSED if column == "ordered_at" and orders > 0.2 * sheet.n else None
            rows = np.flatnonzero(several)
            of = len(sheet.codes("order_id")[1])
            yield Hit(TABLE, ("order_id", column), rows, of, note, n=orders, status=status)


def partial_edges(book: Book, rule: Rule) -> Iterator[Hit]:
    """First and last months that the data cover only in part."""
    sheet = book.need(TABLE)
    days = np.unique(sheet.when().astype("datetime64[D]"))
    days = days[~np.isnat(days) & (days < book.as_of)]
    days = days[np.isin(days.astype(np.int64), timing.core_days(sheet.days()))]
    if len(days) < 60:
        raise NotApplicable("fewer than 60 trading days")
    months = days.astype("datetime64[M]")
    names, size = np.unique(months, return_counts=True)
    usual = float(np.median(size[1:-1])) if len(size) > 2 else float(size.max())
    length = (names + 1).astype("datetime64[D]") - names.astype("datetime64[D]")
    covered = (
        ((names[0] + 1).astype("datetime64[D]") - days[0]) / length[0],
        (days[-1] + 1 - names[-1].astype("datetime64[D]")) / length[-1],
    )
    edges = ((names[0], size[0], covered[0]), (names[-1], size[-1], covered[1]))
    for month, n, part in edges:
        if n < rule.limit * usual and part < rule.limit:
            rows = np.flatnonzero(sheet.when().astype("datetime64[M]") == month)
            note = f"{month} has {n} trading days, {usual:.0f} are usual"
            yield Hit(
                TABLE, ("ordered_at",), rows, round(usual), note, n=int(n), status=Status.WARNED
            )


def selective_loss(book: Book, rule: Rule) -> Iterator[Hit]:
    """Find dropping lines without a customer drops another kind of line than it keeps."""
    sheet = book.need(TABLE)
    empty = sheet.missing("customer_id")
    if empty.sum() < 30:
        raise NotApplicable("fewer than 30 lines lack a customer")
    by_design(sheet, "customer_id")
    auc, p, n = mechanism(sheet, "customer_id", empty)
    rows = np.flatnonzero(empty) if auc >= rule.limit and p < 0.01 else st.NONE
    note = f"lines without a customer differ from the others with AUC {auc:.3f} (n {n:,})"
    yield Hit(TABLE, ("customer_id",), rows, sheet.n, note)


CHECKS = {
    "DQ-T-05": sign_without_return,
    "DQ-T-06": price_not_positive,
    "DQ-T-07": return_reasons,
    "DQ-T-08": unmatched_returns,
    "DQ-T-09": extreme_mirrors,
    "DQ-T-10": non_products,
    "DQ-T-11": split_orders,
    "DQ-T-12": partial_edges,
    "DQ-T-13": selective_loss,
}
