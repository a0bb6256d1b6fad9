"""DQ-G-01 to DQ-G-03: rows and customers that are there twice."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations

import numpy as np
import pandas as pd
from scipy import stats

from segwork.checks import Evidence, Inconclusive, NotApplicable, Rule, check
from segwork.quality import statistics as st
from segwork.quality.sources import SourceTable, SourceTables
from segwork.quality.timing import core_days
from segwork.results import Status
from segwork.schema import Kind

MOST_FIELDS = 40  # of which two are left out in turn
MANY_ALIKE = 0.2  # of the customers: beyond it the fields tell too little


@check("DQ-G-01")
def exact_duplicates(sources: SourceTables, _: Rule) -> Iterator[Evidence]:
    """Surplus copies of a whole source row."""
    for source in sources:
        if source.n > 1:
            group = source.group(*source.frame.columns)
            surplus = pd.Series(group).duplicated().to_numpy()
            members = int(pd.Series(group).duplicated(keep=False).sum())
            note = f"{surplus.sum():,} surplus copies, {members:,} rows in all groups of copies"
            yield source.found(tuple(source.frame.columns), np.flatnonzero(surplus), note)


@check("DQ-G-02")
def rekeyed_duplicates(sources: SourceTables, rule: Rule) -> Iterator[Evidence]:
    """Find same content under another id within a minute, more often than by chance."""
    for name in ("transactions", "interactions"):
        source = sources.get(name)
        if source is None:
            continue
        usual = np.isin(source.days(), core_days(source.days()))  # default dates are all alike
        seconds = np.where(usual, source.when().astype(np.int64), np.iinfo(np.int64).min)
        if st.day_resolution(source.when()):
            yield source.found((), st.NONE, "dates only", status=Status.INCONCLUSIVE)
            continue
        ids = [c for c in source.columns(Kind.IDENTIFIER) if c not in ("customer_id", "product_id")]
        keys = [c for c in ids if c in ("order_id",) or len(source.codes(c)[1]) > source.n / 2]
        content = [
            c for c in source.frame.columns if c not in keys and source.kind(c) is not Kind.TIME
        ]
        order_key = source.group("order_id") if "order_id" in source else np.zeros(source.n)
        rows, control = _repeats(source.group(*content), seconds, order_key, rule.limit)
        if len(rows) and poisson_tail(len(rows), control / 10) < 0.01:
            note = f"{len(rows):,} rows repeat another within {rule.limit:.0f} seconds"
            yield source.found(tuple(keys) or ("customer_id",), rows, note)
        else:
            yield source.found(())


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


@check("DQ-G-03")
def duplicate_customers(sources: SourceTables, rule: Rule) -> Iterator[Evidence]:
    """Ids whose other fields all agree, or agree far beyond chance (Fellegi-Sunter weights)."""
    source = sources.need("customers", "customer_id")
    fields = [c for c in source.frame.columns if source.kind(c) is not Kind.IDENTIFIER]
    fields = [c for c in fields if not source.missing(c).all()]
    if not fields or source.n < 2:
        raise NotApplicable("customers has no field besides its id")
    copies, one_off, two_off = _copies(source, fields)
    by_chance = 0 < len(copies) <= one_off
    rows = st.NONE if by_chance else copies
    if not by_chance and two_off < len(copies) + one_off <= MANY_ALIKE * source.n:
        rows = np.union1d(rows, _alike(source, fields, rule.limit)).astype(int)
    if by_chance:
        told = f"{len(copies):,} customers are alike in all fields, {one_off:,} in all but one"
        raise Inconclusive(f"{told}: the fields do not tell people apart")
    yield source.found(("customer_id",), rows, f"{len(rows):,} customers twice")


def _copies(source: SourceTable, fields: list[str]) -> tuple[np.ndarray, int, int]:
    """Return the later rows alike in all fields, and how many more are in all but one, but two.

    Where chance makes customers alike, far more of them differ in one field than in none, however
    the fields depend on each other; where they were entered twice, hardly any do. The field of
    most values always has to agree: without it nobody may be told apart.
    """
    fields = sorted(fields, key=lambda c: -len(source.codes(c)[1]))
    again = pd.Series(source.codes("customer_id")[0]).duplicated().to_numpy()
    marks = [source.marks(column)[~again] for column in fields]
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


def _alike(source: SourceTable, fields: list[str], least: float) -> np.ndarray:
    """Return the later row of every pair whose equal fields say enough, and are most of them."""
    needed = np.log(source.n * (source.n - 1) / 2 / 0.01)
    telling = [c for c in fields if len(source.words(c)) > max(20, source.n // 50)]
    pairs = _candidate_pairs(source, telling)
    ids = source.codes("customer_id")[0]
    pairs = pairs[ids[pairs[:, 0]] != ids[pairs[:, 1]]]
    score, agree = np.zeros(len(pairs)), np.zeros(len(pairs))
    for column in fields:
        codes, weight = source.codes(column)[0], -np.log(source.sizes(column) / source.n)
        left, right = codes[pairs[:, 0]], codes[pairs[:, 1]]
        same = left == right
        score += np.where(same, np.where(left >= 0, weight[left], 0.0), -3.0)
        agree += same
    return np.unique(pairs[(score >= needed) & (agree / len(fields) >= least)].max(axis=1))


def _candidate_pairs(source: SourceTable, columns: list[str]) -> np.ndarray:
    """Return pairs of rows that share a value few customers have, in two columns or more."""
    seen = []
    for column in columns:
        few = np.append((source.sizes(column) <= 12) & (source.sizes(column) > 1), False)
        codes = source.codes(column)[0]
        rows = pd.DataFrame({"row": np.flatnonzero(few[codes]), "code": codes[few[codes]]})
        pairs = rows.merge(rows, on="code")
        seen.append(pairs.loc[pairs["row_x"] < pairs["row_y"], ["row_x", "row_y"]])
    if not seen:
        return np.empty((0, 2), int)
    times = pd.concat(seen).value_counts(sort=False)
    return np.array(times.index[times >= (2 if len(columns) > 2 else 1)].tolist()).reshape(-1, 2)


def poisson_tail(count: int, mean: float) -> float:
    """Return the chance of at least ``count`` events where ``mean`` are expected."""
    return float(stats.poisson.sf(count - 1, mean)) if mean > 0 else float(count == 0)
