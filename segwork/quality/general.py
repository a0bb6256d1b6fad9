"""DQ-G: faults any table can have."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import combinations

import numpy as np
import pandas as pd

from segwork.checks import Evidence, NotApplicable, Rule, check
from segwork.quality import statistics as st
from segwork.quality.sources import SourceTable, SourceTables
from segwork.results import Status
from segwork.schema import TABLES, Kind
from segwork.words import placeholder

OPEN_CLASS = re.compile(r"\s*([<>≤≥]=?\s*\d+|\d+\s*\+)\s*$")  # "5+" people, "<18" years
BORN = {"age": "birth_year", "birth_year": "age"}
MOVED = "values were moved to 0 or 5"
ENOUGH_FOR_HEAPS = 15_000  # z > 4 in four of five tables with 2 % rounded to multiples of five


@check("DQ-G-04")
def mixed_types(sources: SourceTables, _: Rule) -> Iterator[Evidence]:
    """Values that do not read as the type most values of the column have."""
    for source, column in sources.columns(Kind.NUMBER, Kind.TIME):
        numeric = source.kind(column) is Kind.NUMBER
        if numeric and pd.api.types.is_numeric_dtype(source.frame[column]):
            continue
        read = readable(source, column)
        odd = ~read & ~source.missing(column)
        if odd.any():
            odd &= ~source.where(
                column, lambda w: placeholder(w) or OPEN_CLASS.fullmatch(w.strip())
            )
        if read.sum() > odd.sum():
            kind = "number" if numeric else "date"
            yield from source.some((column,), odd, f"values of {column} read as no {kind}")


def readable(source: SourceTable, column: str) -> np.ndarray:
    """Return True where a column of numbers or times holds one."""
    if source.kind(column) is Kind.NUMBER:
        return np.isfinite(source.number(column))
    return ~np.isnat(source.time(column))


@check("DQ-G-07")
def orphan_keys(sources: SourceTables, _: Rule) -> Iterator[Evidence]:
    """Rows of a customer whom the customer table does not know, and the other direction."""
    customers = sources.need("customers", "customer_id")
    known = set(customers.words("customer_id"))
    others = [sources.get(n) for n in ("transactions", "behaviour", "interactions")]
    if not any(others):
        raise NotApplicable("no table refers to the customers")
    for source in others:
        if source is None or "customer_id" not in source:
            continue
        rows = ~source.where("customer_id", known.__contains__) & ~source.missing("customer_id")
        idle = len(known - set(source.words("customer_id")))
        note = f"{rows.sum():,} rows of unknown customers; {idle:,} customers have no row here"
        yield source.found(("customer_id",), rows, note)


@check("DQ-G-10")
def stuck_values(sources: SourceTables, rule: Rule) -> Iterator[Evidence]:
    """Find a run of one non-zero value too long for chance and not explained by its group."""
    for source in sources:
        if source.name == "external" or source.n < 50:
            continue
        orders = [np.arange(source.n)]
        if (when := source.when()) is not None and not sorted_time(when):
            orders.append(np.argsort(when, kind="stable"))
        groups = [source.group(c) for c in ("order_id", "customer_id", "product_id") if c in source]
        levels = [source.codes(c)[0] for c in source.columns(Kind.CATEGORY)]
        for column in source.columns(Kind.NUMBER):
            values = source.number(column)
            runs = (st.stuck_run(values, o, groups, rule.limit, levels=levels) for o in orders)
            rows = max(runs, key=len)
            if len(rows):
                note = f"{column} is {values[rows[0]]:g} in {len(rows):,} rows running"
                yield source.found((column,), np.sort(rows), note)


@check("DQ-G-11")
def heaping(sources: SourceTables, rule: Rule) -> Iterator[Evidence]:
    """Whole numbers ending in 0 or 5 more often than their neighbours, or against birth years."""
    found = [
        (source, column, alone)
        for source, column in sources.columns(Kind.NUMBER)
        if (source.name == "customers" or column in source.extra(Kind.NUMBER))
        and (alone := st.heaped(source.number(column))) is not None
    ]
    if not found:
        raise NotApplicable("no column of ages or other dense whole numbers")
    for source, column, alone in found:
        other = BORN.get(column)
        beside = source.number(other) if other in source else np.full(source.n, np.nan)
        against = st.heaped_against(source.number(column), beside)
        z, moved, rows = against if against and against[0] > rule.limit else alone
        if z > rule.limit:
            by = f"values end in 0 or 5 against {other}"
            told = f"{moved:,} {by}" if rows is not alone[2] else f"about {moved:,} {MOVED}"
            yield source.found((column,), rows, f"{column}: {told} (z = {z:.1f})", n=moved)
        elif not against and source.n < ENOUGH_FOR_HEAPS:
            note = f"{column}: 2 % of heaped values need {ENOUGH_FOR_HEAPS:,} rows to be seen"
            yield source.found((column,), note=note, n=0)


@check("DQ-G-12")
def schema_types(sources: SourceTables, _: Rule) -> Iterator[Evidence]:
    """Columns of the contract whose values are mostly of another type, or that have no value."""
    for source, column in sources.columns(Kind.NUMBER, Kind.TIME):
        declared = TABLES[source.name].column(column)
        if declared is None or declared.kind is Kind.CATEGORY:
            continue
        filled, read = ~source.missing(column), readable(source, column)
        if source.n and (read & filled).sum() < filled.sum() / 2:
            note = f"{column} should be a {declared.kind.value}"
            yield source.found((column,), filled & ~read, note)


@check("DQ-G-13")
def primary_key(sources: SourceTables, _: Rule) -> Iterator[Evidence]:
    """Find a key that repeats or is empty."""
    for source in sources:
        key = TABLES[source.name].key
        if key and source.has(*key):
            empty = np.any([source.missing(c) for c in key], axis=0)
            again = pd.Series(source.group(*key)).duplicated().to_numpy() & ~empty
            note = f"{again.sum():,} repeated and {empty.sum():,} empty keys"
            yield source.found(key, again | empty, note)


@check("DQ-G-14")
def rating_scale(sources: SourceTables, rule: Rule) -> Iterator[Evidence]:
    """Find a rating whose level or range jumps in one group, or leaves the scale of all others."""
    found = [
        (source, column, scale)
        for source, column in sources.columns(Kind.NUMBER)
        if column in (*source.extra(Kind.NUMBER), "sentiment")
        and (scale := st.rating_domain(source.number(column))) is not None
    ]
    if not found:
        raise NotApplicable("no column of ratings")
    for source, column, scale in found:
        groups = {c: source.codes(c)[0] for c in source.columns(Kind.CATEGORY)}
        groups |= _groups_of_customers(sources, source)
        if (days := source.days()) is not None:
            groups["month"] = pd.factorize(days // 30)[0]
        rows, n, where = st.rescaled(source.number(column), scale, groups, rule.limit)
        if len(rows):
            note = f"about {n:,} values of {column} follow another scale than 1 to {scale:g}"
            yield source.found((column,), rows, f"{note}{where}", n=n)


def _groups_of_customers(sources: SourceTables, source: SourceTable) -> dict[str, np.ndarray]:
    """Return the categories of the customers of a table's rows."""
    people = sources.get("customers")
    if people is None or source.name == "customers" or "customer_id" not in source:
        return {}
    place = {word: row for row, word in enumerate(people.frame["customer_id"].astype(str))}
    found = [place.get(word, -1) for word in source.words("customer_id")]
    row = np.array([*found, -1])[source.codes("customer_id")[0]]
    names = people.columns(Kind.CATEGORY)
    return {f"customers.{name}": np.append(people.codes(name)[0], -1)[row] for name in names}


@check("DQ-G-15")
def redundancy(sources: SourceTables, rule: Rule) -> Iterator[Evidence]:
    """Pairs of numbers that say the same; for information, never an alarm."""
    for source in sources:
        columns = [
            c for c in source.columns(Kind.NUMBER) if np.isfinite(source.number(c)).sum() > 50
        ]
        step = max(1, source.n // 20_000)
        sample = pd.DataFrame({c: source.number(c)[::step] for c in columns[:30]})
        varied = sample.loc[:, sample.nunique() > 2]
        ranks = varied.rank().corr(min_periods=50).to_numpy()
        for i, j in combinations(range(varied.shape[1]), 2):
            if abs(ranks[i, j]) > rule.limit:
                pair = (varied.columns[i], varied.columns[j])
                note = f"{pair[0]} and {pair[1]} have rank correlation {ranks[i, j]:.3f}"
                yield source.found(pair, note=note, n=0, status=Status.PASSED)


def sorted_time(when: np.ndarray) -> bool:
    """Say whether the rows already are in order of time."""
    known = when[~np.isnat(when)].astype(np.int64)
    return bool((np.diff(known) >= 0).mean() > 0.99) if len(known) > 1 else True
