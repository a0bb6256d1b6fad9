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

MOST_FIELDS = 40  # of which two are left out in turn
MANY_ALIKE = 0.2  # of the customers: beyond it the fields tell too little


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
    fields = [c for c in fields if not sheet.missing(c).all()]
    if not fields or sheet.n < 2:
        raise NotApplicable("customers has no field besides its id")
    copies, one_off, two_off = _copies(sheet, fields)
    by_chance = 0 < len(copies) <= one_off
    rows = st.NONE if by_chance else copies
    if not by_chance and two_off < len(copies) + one_off <= MANY_ALIKE * sheet.n:
        rows = np.union1d(rows, _alike(sheet, fields, rule.limit)).astype(int)
    if by_chance:
        told = f"{len(copies):,} customers are alike in all fields, {one_off:,} in all but one"
        raise Inconclusive(f"{told}: the fields do not tell people apart")
    yield Hit("customers", ("customer_id",), rows, sheet.n, f"{len(rows):,} customers twice")


def _copies(sheet: Sheet, fields: list[str]) -> tuple[np.ndarray, int, int]:
    """Return the later rows alike in all fields, and how many more are in all but one, but two.

    Where chance makes customers alike, far more of them differ in one field than in none, however
    the fields depend on each other; where they were entered twice, hardly any do. The field of
    most values always has to agree: without it nobody may be told apart.
    """
    fields = sorted(fields, key=lambda c: -len(sheet.codes(c)[1]))
    again = pd.Series(sheet.codes("customer_id")[0]).duplicated().to_numpy()
    rng, marks = np.random.default_rng(0), []
    for column in fields:
        codes, values = sheet.codes(column)
        marks.append(rng.integers(0, 2**63, len(values) + 1, dtype=np.uint64)[codes][~again])
    whole = np.sum(marks, axis=0, dtype=np.uint64)

    def surplus(key: np.ndarray) -> int:
        return len(key) - len(np.unique(key))

    others = marks[1 : MOST_FIELDS + 1]
    exact, less = surplus(whole), [surplus(whole - mark) for mark in others]
    two_off = sum(
        max(0, surplus(whole - others[i] - others[j]) - less[i] - less[j] + exact)
        for i, j in combinations(range(len(others)), 2)
    )
    later = np.flatnonzero(~again)[pd.Series(whole).duplicated().to_numpy()]
    return later, sum(less) - len(less) * exact, two_off


def _alike(sheet: Sheet, fields: list[str], least: float) -> np.ndarray:
    """Return the later row of every pair whose equal fields say enough, and are most of them."""
    weights = {c: st.agreement_weight(sheet.codes(c)[0]) for c in fields}
    needed = np.log(sheet.n * (sheet.n - 1) / 2 / 0.01)
    pairs = _candidate_pairs(
        sheet, [c for c in fields if len(sheet.codes(c)[1]) > max(20, sheet.n // 50)]
    )
    ids = sheet.codes("customer_id")[0]
    pairs = pairs[ids[pairs[:, 0]] != ids[pairs[:, 1]]]
    score, agree = np.zeros(len(pairs)), np.zeros(len(pairs))
    for column, weight in weights.items():
        codes = sheet.codes(column)[0]
        left, right = codes[pairs[:, 0]], codes[pairs[:, 1]]
        same = left == right
        score += np.where(same, np.where(left >= 0, weight[left], 0.0), -3.0)
        agree += same
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
