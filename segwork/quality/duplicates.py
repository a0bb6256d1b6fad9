"""DQ-G-01 to DQ-G-03: rows and customers that are there twice."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator
from itertools import combinations

import numpy as np
import pandas as pd

from segwork.quality import statistics as st
from segwork.quality.result import Hit, Rule
from segwork.quality.sheet import Book, Inconclusive, NotApplicable, Sheet
from segwork.quality.timing import core_days
from segwork.results import Status
from segwork.schema import Kind


def exact_duplicates(book: Book, _: Rule) -> Iterator[Hit]:
    """Surplus copies of a whole source row."""
    for sheet in book:
        if sheet.n > 1:
            group = sheet.group(*sheet.frame.columns)
            surplus = pd.Series(group).duplicated().to_numpy()
            members = int(pd.Series(group).duplicated(keep=False).sum())
            note = f"{surplus.sum():,} surplus copies, {members:,} rows in all groups of copies"
            yield Hit(
                sheet.name, tuple(sheet.frame.columns), np.flatnonzero(surplus), sheet.n, note
            )


def rekeyed_duplicates(book: Book, rule: Rule) -> Iterator[Hit]:
    """Find same content under another id within a minute, more often than by chance."""
    for name in ("transactions", "interactions"):
        sheet = book.get(name)
        if sheet is None:
            continue
        usual = np.isin(sheet.days(), core_days(sheet.days()))  # default dates are all alike
        seconds = np.where(usual, sheet.when().astype(np.int64), np.iinfo(np.int64).min)
        if st.day_resolution(sheet.when()):
            yield Hit(name, (), st.NONE, sheet.n, "dates only", status=Status.INCONCLUSIVE)
            continue
        ids = [c for c in sheet.columns(Kind.IDENTIFIER) if c not in ("customer_id", "product_id")]
        keys = [c for c in ids if c in ("order_id",) or len(sheet.codes(c)[1]) > sheet.n / 2]
        content = [
            c for c in sheet.frame.columns if c not in keys and sheet.kind(c) is not Kind.TIME
        ]
        order_key = sheet.group("order_id") if "order_id" in sheet else np.zeros(sheet.n)
        rows, control = _repeats(sheet.group(*content), seconds, order_key, rule.limit)
        if len(rows) and st.poisson_tail(len(rows), control / 10) < 0.01:
            note = f"{len(rows):,} rows repeat another within {rule.limit:.0f} seconds"
            yield Hit(name, tuple(keys) or ("customer_id",), rows, sheet.n, note)
        else:
            yield Hit(name, (), st.NONE, sheet.n)


def _repeats(
    content: np.ndarray, seconds: np.ndarray, key: np.ndarray, within: float
) -> tuple[np.ndarray, int]:
    """Return rows that repeat the one before them in time, and the count in ten later windows."""
    order = np.lexsort((np.arange(len(seconds)), seconds, content))
    gap = np.diff(seconds[order]).astype(float)
    same = (content[order][1:] == content[order][:-1]) & (
        seconds[order][:-1] > np.iinfo(np.int64).min
    )
    new_id = (key[order][1:] != key[order][:-1]) | (gap > 0)
    close = same & new_id & (gap >= 0) & (gap <= within)
    later = same & (gap > within) & (gap <= 11 * within)
    pair = np.column_stack([order[:-1][close], order[1:][close]])
    return np.unique(pair[:, 1]), int(later.sum())


def duplicate_customers(book: Book, rule: Rule) -> Iterator[Hit]:
    """Ids whose other fields all agree, or agree far beyond chance (Fellegi-Sunter weights)."""
    sheet = book.need("customers", "customer_id")
    fields = [c for c in sheet.frame.columns if sheet.kind(c) is not Kind.IDENTIFIER]
    if not fields or sheet.n < 2:
        raise NotApplicable("customers has no field besides its id")
    own = _own_fields(sheet, fields)
    copies, expected = _same_in_all(sheet, fields, own)
    weights = {c: st.agreement_weight(sheet.codes(c)[0]) for c in own}
    needed = np.log(sheet.n * (sheet.n - 1) / 2 / 0.01)
    telling = sum(w.max(initial=0.0) for w in weights.values()) >= needed
    alike = _alike(sheet, fields, weights, needed, rule.limit) if telling else st.NONE
    beyond = len(copies) > 10 * expected and st.poisson_tail(len(copies), expected) < 0.001
    exact = copies if beyond else st.NONE
    if not telling and not len(exact) and expected > 0.1:
        raise Inconclusive(f"the fields of {sheet.n:,} customers do not tell people apart")
    rows = np.union1d(exact, alike).astype(int)
    yield Hit("customers", ("customer_id",), rows, sheet.n, f"{len(rows):,} customers twice")


def _own_fields(sheet: Sheet, fields: list[str]) -> list[str]:
    """Return the fields that no other one settles, as a postcode settles the town."""
    by_size = sorted(fields, key=lambda c: -len(sheet.codes(c)[1]))
    return [c for i, c in enumerate(by_size) if not any(_settles(sheet, b, c) for b in by_size[:i])]


def _same_in_all(sheet: Sheet, fields: list[str], own: list[str]) -> tuple[np.ndarray, float]:
    """Return the later rows of customers alike in all fields, and how many chance would make.

    Chance takes the fields of ``own`` as independent.
    """
    frame = pd.DataFrame({"g": sheet.group(*fields), "id": sheet.codes("customer_id")[0]})
    later = np.flatnonzero(frame["g"].duplicated() & ~frame.duplicated())
    pairs = sheet.n * (sheet.n - 1) / 2
    sizes = [np.bincount(sheet.group(c)).astype(float) for c in own]
    return later, pairs * float(np.prod([(n * (n - 1) / 2).sum() / pairs for n in sizes]))


def _settles(sheet: Sheet, column: str, other: str) -> bool:
    """Say whether a field that repeats says what another one is."""
    codes = sheet.group(column)
    several = np.bincount(codes)[codes] > 1
    frame = pd.DataFrame({"a": codes, "b": sheet.group(other)})[several]
    if len(frame) < 0.2 * sheet.n:
        return False
    return bool((frame.groupby("a")["b"].transform("first") == frame["b"]).mean() > 0.99)


def _alike(
    sheet: Sheet, fields: list[str], weights: dict[str, np.ndarray], needed: float, least: float
) -> np.ndarray:
    """Return the later row of every pair whose equal fields say enough, and are most of them."""
    rare = [c for c in weights if len(sheet.codes(c)[1]) > max(20, sheet.n // 50)]
    pairs = _candidate_pairs(sheet, rare)
    ids = sheet.codes("customer_id")[0]
    pairs = pairs[ids[pairs[:, 0]] != ids[pairs[:, 1]]]
    score, agree = np.zeros(len(pairs)), np.zeros(len(pairs))
    for column in fields:
        codes = sheet.codes(column)[0]
        left, right = codes[pairs[:, 0]], codes[pairs[:, 1]]
        same = left == right
        agree += same
        if column in weights:
            score += np.where(same, np.where(left >= 0, weights[column][left], 0.0), -3.0)
    return np.unique(pairs[(score >= needed) & (agree / len(fields) >= least)].max(axis=1))


def _candidate_pairs(sheet: Sheet, columns: list[str]) -> np.ndarray:
    """Return pairs of rows that share a value few customers have, in two columns or more."""
    seen: Counter[tuple[int, int]] = Counter()
    for column in columns:
        codes = sheet.codes(column)[0]
        size = np.bincount(codes[codes >= 0], minlength=1)
        few = np.flatnonzero((codes >= 0) & (size[codes] <= 12) & (size[codes] > 1))
        groups: dict[int, list[int]] = defaultdict(list)
        for row in few:
            groups[int(codes[row])].append(int(row))
        for members in groups.values():
            seen.update(combinations(members, 2))
    least = 2 if len(columns) > 2 else 1
    pairs = [pair for pair, times in seen.items() if times >= least]
    return np.array(pairs, dtype=int).reshape(-1, 2)


CHECKS = {
    "DQ-G-01": exact_duplicates,
    "DQ-G-02": rekeyed_duplicates,
    "DQ-G-03": duplicate_customers,
}
