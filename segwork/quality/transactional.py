"""DQ-T: prices, item codes, orders and months of the order lines."""

from __future__ import annotations

import re
from collections.abc import Iterator

import numpy as np
import pandas as pd

from segwork.checks import Evidence, NotApplicable, Rule, check
from segwork.quality import statistics as st
from segwork.quality import timing
from segwork.quality.missing import mechanism
from segwork.quality.sources import SourceTable, SourceTables, kept
from segwork.results import Status

TABLE = "transactions"


@check("DQ-T-06")
def price_not_positive(sources: SourceTables, _: Rule) -> Iterator[Evidence]:
    """Find unit prices of zero, and below zero."""
    source = sources.need(TABLE, "unit_price")
    zero, negative = source.number("unit_price") == 0, source.number("unit_price") < 0
    note = f"{zero.sum():,} prices of zero and {negative.sum():,} below zero"
    yield source.found(("unit_price",), zero | negative, note)


@check("DQ-T-10")
def non_products(sources: SourceTables, _: Rule) -> Iterator[Evidence]:
    """Lines whose item code is not written as items are: postage, fees, manual entries."""
    source = sources.need(TABLE, "product_id")
    pattern = item_pattern(source)
    if not pattern:
        raise NotApplicable("item codes follow no common pattern")
    rows = other_codes(source)
    codes = len(np.unique(source.codes("product_id")[0][rows]))
    note = f"{rows.sum():,} lines with {codes} codes that do not begin as {pattern} (9 = digit)"
    yield source.found(("product_id",), rows, note)


def other_codes(source: SourceTable) -> np.ndarray:
    """Mark the lines whose code does not begin as items' codes do."""
    pattern = item_pattern(source)
    odd = ~source.where("product_id", lambda w: code_shape(w).startswith(pattern))
    return odd & ~source.missing("product_id")


@kept
def item_pattern(source: SourceTable) -> str:
    """Return the longest beginning, in digits and letters, that 95 % of the lines share."""
    size = pd.Series(source.sizes("product_id"))
    shapes = pd.Series([code_shape(word) for word in source.words("product_id")], dtype="str")
    pattern = ""
    for length in range(1, 12):
        begins = shapes.str[:length].where(shapes.str.len() >= length)
        table = size.groupby(begins).sum()
        if not len(table) or table.max() < 0.95 * size.sum():
            break
        pattern = str(table.idxmax())
    return pattern


def code_shape(word: str) -> str:
    """Return a code with every digit as 9 and every letter as A."""
    return re.sub(r"[^\W\d_]", "A", re.sub(r"\d", "9", word.strip()))


@check("DQ-T-11")
def split_orders(sources: SourceTables, _: Rule) -> Iterator[Evidence]:
    """Orders with more than one time or more than one customer."""
    source = sources.need(TABLE, "order_id")
    for column in ("ordered_at", "customer_id"):
        values = pd.Series(source.codes(column)[0]).where(lambda c: c >= 0)
        several = values.groupby(source.codes("order_id")[0]).transform("nunique").gt(1)
        several &= ~source.missing("order_id")
        orders = len(np.unique(source.codes("order_id")[0][several]))
        note = f"{orders:,} orders have more than one {column}"
        if orders:
            status = Status.PASSED if column == "ordered_at" and orders > 0.2 * source.n else None
            more = {"of": len(source.words("order_id")), "n": orders, "status": status}
            yield source.found(("order_id", column), several.to_numpy(), note, **more)


@check("DQ-T-12")
def partial_edges(sources: SourceTables, rule: Rule) -> Iterator[Evidence]:
    """First and last months that the data cover only in part."""
    source = sources.need(TABLE)
    days = np.unique(source.when().astype("datetime64[D]"))
    days = days[~np.isnat(days) & (days < sources.as_of)]
    days = days[np.isin(days.astype(np.int64), timing.core_days(source.days()))]
    if len(days) < 60:
        raise NotApplicable("fewer than 60 trading days")
    names, size = np.unique(days.astype("datetime64[M]"), return_counts=True)
    usual = float(np.median(size[1:-1])) if len(size) > 2 else float(size.max())
    begins, ends = names.astype("datetime64[D]"), (names + 1).astype("datetime64[D]")
    length = ends - begins
    first, last = (ends[0] - days[0]) / length[0], (days[-1] + 1 - begins[-1]) / length[-1]
    for month, n, part in ((names[0], size[0], first), (names[-1], size[-1], last)):
        if n < rule.limit * usual and part < rule.limit:
            rows = source.when().astype("datetime64[M]") == month
            note = f"{month} has {n} trading days, {usual:.0f} are usual"
            more = {"of": round(usual), "n": int(n), "status": Status.WARNED}
            yield source.found(("ordered_at",), rows, note, **more)


@check("DQ-T-13")
def selective_loss(sources: SourceTables, rule: Rule) -> Iterator[Evidence]:
    """Find dropping lines without a customer drops another kind of line than it keeps."""
    source = sources.need(TABLE)
    empty = source.missing("customer_id")
    if empty.sum() < 30:
        raise NotApplicable("fewer than 30 lines lack a customer")
    auc, p, n = mechanism(source, "customer_id")
    rows = empty if auc >= rule.limit and p < 0.01 else st.NONE
    note = f"lines without a customer differ from the others with AUC {auc:.3f} (n {n:,})"
    yield source.found(("customer_id",), rows, note)
