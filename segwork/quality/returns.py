"""Returns and cancellations: what marks them, their reasons, what they take back."""

from __future__ import annotations

import re
from collections.abc import Iterator

import numpy as np
import pandas as pd

from segwork.checks import Evidence, NotApplicable, Rule, check
from segwork.quality import statistics as st
from segwork.quality.sources import SourceTable, SourceTables, kept
from segwork.quality.spellings import fold_word, variants
from segwork.results import Status
from segwork.words import placeholder

TABLE = "transactions"


@check("DQ-T-05")
def sign_without_return(sources: SourceTables, _: Rule) -> Iterator[Evidence]:
    """Quantities (or amounts) of zero or less on lines that are no return and no cancellation."""
    source = sources.need(TABLE)
    column = "quantity" if "quantity" in source else "amount"
    negative = below_zero(source)
    marked = returned(source)
    rows = np.flatnonzero(negative & ~marked if marked is not None else negative)
    told = "not marked as return or cancellation" if marked is not None else "and no return mark"
    note = f"{len(rows):,} of {negative.sum():,} lines with {column} ≤ 0 {told}"
    status = Status.WARNED if marked is None and len(rows) else None
    yield source.found((column,), rows, note, status=status)


def below_zero(source: SourceTable) -> np.ndarray:
    """Return the lines whose quantity is zero or less; without quantities, whose amount is < 0."""
    if "quantity" in source:
        return source.number("quantity") <= 0
    return source.number("amount") < 0


def returned(source: SourceTable) -> np.ndarray | None:
    """Return the lines marked as return or cancellation; None where no column marks them."""
    marks = [source.flag("is_return")] if "is_return" in source else []
    cancelled_lines = cancelled(source)
    if cancelled_lines.any():
        marks.append(cancelled_lines)
    if not marks and "return_reason" in source:
        marks.append(~source.missing("return_reason"))
    return np.any(marks, axis=0) if marks else None


@kept
def cancelled(source: SourceTable) -> np.ndarray:
    """Return the lines of orders whose letter prefix is kept for cancellations (``C536379``)."""
    no = np.zeros(source.n, bool)
    if "order_id" not in source or not ({"quantity", "amount"} & set(source.frame.columns)):
        return no
    kind = source.mapped("order_id", lambda w: re.match(r"[^\W\d_]*", w)[0].upper())  # type: ignore[index]
    by = pd.Series(below_zero(source)).groupby(kind)
    few = (by.transform("size") < source.n / 2) & (by.transform("mean") > 0.9)
    return (few & (kind != "")).to_numpy()


@check("DQ-T-07")
def return_reasons(sources: SourceTables, rule: Rule) -> Iterator[Evidence]:
    """Reasons written in several ways, unknown, or given where nothing was returned."""
    source = sources.need(TABLE, "return_reason")
    column = ("return_reason",)
    rows, groups = variants(source, "return_reason", fold_word)
    yield from source.some(column, rows, f"rows spell {groups} reasons another way")
    given = ~source.missing("return_reason") & ~_word_for_none(source)
    blank = source.where("return_reason", placeholder)
    if blank.sum() > rule.limit * given.sum() and blank.sum() < 0.3 * given.sum():
        note = f"{blank.sum():,} of {given.sum():,} reasons are unknown"
        yield source.found(column, np.flatnonzero(blank), note)
    marked = returned(source) if "is_return" in source or cancelled(source).any() else None
    if marked is None:
        marked = below_zero(source) if below_zero(source).any() else None
    if marked is not None:
        rows = given & ~blank & ~marked & ~below_zero(source)
        yield from source.some(column, rows, "reasons without a return")


def _word_for_none(source: SourceTable) -> np.ndarray:
    """Return the rows with the one word that stands for "not returned" on nearly all sales."""
    size = source.sizes("return_reason")
    usual = np.append(size == size.max(initial=0), False) & (size.max(initial=0) > 0.5 * source.n)
    return usual[source.codes("return_reason")[0]]


@check("DQ-T-08")
def unmatched_returns(sources: SourceTables, _: Rule) -> Iterator[Evidence]:
    """Find returns with no sale of the same size, item and customer; reported, not judged."""
    source = sources.need(TABLE, "quantity")
    back = returned(source)
    back = below_zero(source) if back is None else back
    if not back.any():
        raise NotApplicable("no returns")
    keys = [c for c in ("customer_id", "product_id") if c in source]
    key = pd.DataFrame({"k": source.group(*keys), "q": np.abs(source.number("quantity"))})
    known = ~np.any([source.missing(c) for c in keys], axis=0)
    sold = set(map(tuple, key[~back & known].itertuples(index=False)))
    asked = np.flatnonzero(back & known)
    back_keys = map(tuple, key.loc[asked].itertuples(index=False))
    lone = [row for row, one in zip(asked, back_keys, strict=True) if one not in sold]
    note = f"{len(lone):,} of {len(asked):,} returned lines have no matching sale"
    yield source.found((*keys, "quantity"), np.array(lone, int), note, status=Status.PASSED)


@check("DQ-T-09")
def extreme_mirrors(sources: SourceTables, rule: Rule) -> Iterator[Evidence]:
    """Extreme quantities that are taken back within a day: +80,995 and −80,995."""
    source = sources.need(TABLE, "quantity")
    quantity = source.number("quantity")
    if not (np.abs(quantity) > 0).any():
        raise NotApplicable("no quantity is a number other than 0")
    logs = np.log(np.abs(quantity))
    logs = np.where(np.isfinite(logs), logs, np.nan)
    z = (logs - np.nanmedian(logs)) / max(st.robust_scale(logs[np.isfinite(logs)]), 0.1)
    keys = [c for c in ("customer_id", "product_id") if c in source]
    frame = pd.DataFrame({"row": np.arange(source.n), "key": source.group(*keys), "q": quantity})
    frame = frame.assign(day=source.days())[(z > rule.limit) & (np.abs(quantity) >= 1000)]
    pairs = frame.merge(frame.assign(q=-frame["q"]), on=["key", "q"])
    pairs = pairs[(pairs["q"] > 0) & ((pairs["day_x"] - pairs["day_y"]).abs() <= 1)]
    rows = np.union1d(pairs["row_x"], pairs["row_y"]).astype(int)
    top = f", the largest {np.abs(quantity[rows]).max():,.0f}" if len(rows) else ""
    yield source.found(("quantity",), rows, f"{len(rows):,} lines cancel out{top}")
