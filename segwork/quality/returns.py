"""Returns and cancellations: what marks them, their reasons, what they take back."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import groupby

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
    with np.errstate(invalid="ignore"):
        return (
            source.number("quantity") <= 0 if "quantity" in source else source.number("amount") < 0
        )


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
    words = source.words("order_id")
    prefix = [re.match(r"[^\W\d_]*", word)[0].upper() for word in words]  # type: ignore[index]
    kinds, names = pd.factorize(np.array(prefix, dtype=object))
    codes = source.codes("order_id")[0]
    kind = np.append(kinds, -1)[codes]
    negative = below_zero(source)
    for level in range(len(names)):
        inside = kind == level
        if names[level] and 0 < inside.sum() < source.n / 2 and negative[inside].mean() > 0.9:
            no |= inside
    return no


@check("DQ-T-07")
def return_reasons(sources: SourceTables, rule: Rule) -> Iterator[Evidence]:
    """Reasons written in several ways, unknown, or given where nothing was returned."""
    source = sources.need(TABLE, "return_reason")
    column = ("return_reason",)
    rows, groups = variants(source, "return_reason", fold_word)
    if groups:
        note = f"{len(rows):,} rows spell {groups} reasons another way"
        yield source.found(column, rows, note)
    given = ~source.missing("return_reason") & ~_word_for_none(source)
    blank = source.where("return_reason", placeholder)
    if blank.sum() > rule.limit * given.sum() and blank.sum() < 0.3 * given.sum():
        note = f"{blank.sum():,} of {given.sum():,} reasons are unknown"
        yield source.found(column, np.flatnonzero(blank), note)
    marked = returned(source) if "is_return" in source or cancelled(source).any() else None
    if marked is None:
        marked = below_zero(source) if below_zero(source).any() else None
    if marked is not None:
        rows = np.flatnonzero(given & ~blank & ~marked & ~below_zero(source))
        if len(rows):
            yield source.found(column, rows, f"{len(rows):,} reasons without a return")


def _word_for_none(source: SourceTable) -> np.ndarray:
    """Return the rows with the one word that stands for "not returned" on nearly all sales."""
    codes, values = source.codes("return_reason")
    if not len(values):
        return np.zeros(source.n, bool)
    size = np.bincount(codes[codes >= 0], minlength=len(values))
    return (codes == size.argmax()) & (size.max() > 0.5 * source.n)


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
    with np.errstate(divide="ignore", invalid="ignore"):
        logs = np.log(np.abs(quantity))
    logs = np.where(np.isfinite(logs), logs, np.nan)
    with np.errstate(invalid="ignore"):
        z = (logs - np.nanmedian(logs)) / max(st.robust_scale(logs[np.isfinite(logs)]), 0.1)
        extreme = np.flatnonzero((z > rule.limit) & (np.abs(quantity) >= 1000))
    keys = [c for c in ("customer_id", "product_id") if c in source]
    group, days, pairs = source.group(*keys), source.days(), set()

    def alike(row: int) -> tuple[int, float]:
        return group[row], abs(quantity[row])

    for _, same in groupby(sorted(extreme, key=alike), key=alike):
        members = list(same)
        for i in members:
            for j in members:
                if quantity[i] == -quantity[j] and quantity[i] > 0 and abs(days[i] - days[j]) <= 1:
                    pairs |= {i, j}
    rows = np.array(sorted(pairs), int)
    top = f", the largest {np.abs(quantity[rows]).max():,.0f}" if len(rows) else ""
    yield source.found(("quantity",), rows, f"{len(rows):,} lines cancel out{top}")
