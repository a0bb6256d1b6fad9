"""DQ-G: faults any table can have."""

from __future__ import annotations

import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterator
from itertools import combinations

import numpy as np
import pandas as pd

from segwork.quality import statistics as st
from segwork.quality.result import Hit, Rule
from segwork.quality.sheet import Book, NotApplicable, Sheet
from segwork.results import Status
from segwork.schema import TABLES, Kind

OPEN_CLASS = re.compile(r"[<>≤≥]=?\s*\d+|\d+\s*\+")  # "5+" people, "<18" years
PLAIN = re.compile(r"[\W_]+")
BORN = {"age": "birth_year", "birth_year": "age"}
ENOUGH_FOR_HEAPS = 15_000  # z > 4 in four of five tables with 2 % rounded to multiples of five


def mixed_types(book: Book, _: Rule) -> Iterator[Hit]:
    """Values that do not read as the type most values of the column have."""
    from segwork.quality.missing import placeholder

    for sheet in book:
        for column in sheet.columns(Kind.NUMBER, Kind.TIME):
            numeric = sheet.kind(column) is Kind.NUMBER
            read = np.isfinite(sheet.number(column)) if numeric else ~np.isnat(sheet.time(column))
            odd = ~read & ~sheet.missing(column)
            if not odd.any():
                continue
            if numeric and pd.api.types.is_numeric_dtype(sheet.frame[column]):
                continue
            odd &= ~sheet.where(column, lambda w: placeholder(w) or OPEN_CLASS.fullmatch(w.strip()))
            if odd.any() and read.sum() > odd.sum():
                kind = "number" if numeric else "date"
                note = f"{odd.sum():,} values of {column} read as no {kind}"
                yield Hit(sheet.name, (column,), np.flatnonzero(odd), sheet.n, note)


def category_variants(book: Book, _: Rule) -> Iterator[Hit]:
    """Spellings of one category that differ in case, space, accents or punctuation."""
    for sheet in book:
        for column in sheet.columns(Kind.CATEGORY, Kind.IDENTIFIER):
            if column in ("customer_id", "return_reason", "order_id", "session_id"):
                continue
            fold = fold_id if sheet.kind(column) is Kind.IDENTIFIER else fold_word
            if sheet.kind(column) is Kind.IDENTIFIER and len(sheet.codes(column)[1]) > sheet.n / 2:
                continue
            rows, groups = variants(sheet, column, fold)
            if groups:
                note = f"{groups:,} values of {column} are written in more than one way"
                yield Hit(sheet.name, (column,), rows, sheet.n, note)


def variants(sheet: Sheet, column: str, fold: object) -> tuple[np.ndarray, int]:
    """Return the rows in a minority spelling and the number of values with several spellings."""
    codes, _ = sheet.codes(column)
    words = sheet.words(column)
    size = np.bincount(codes[codes >= 0], minlength=len(words))
    groups: dict[str, list[int]] = defaultdict(list)
    for code, word in enumerate(words):
        if folded := fold(word):  # type: ignore[operator]
            groups[folded].append(code)
    several = [members for members in groups.values() if len(members) > 1]
    minority = [
        c for members in several for c in members if c != max(members, key=lambda m: size[m])
    ]
    return np.flatnonzero(np.isin(codes, minority)), len(several)


def fold_word(word: str) -> str:
    """Return a category without case, accents, spaces and punctuation."""
    plain = unicodedata.normalize("NFKD", word)
    plain = "".join(ch for ch in plain if not unicodedata.combining(ch))
    sign = "-" if re.fullmatch(r"\s*-[\d.]+\s*", word) else ""
    return sign + PLAIN.sub("", plain).casefold()


def fold_id(word: str) -> str:
    """Return an id without case and outer spaces; its punctuation may mean something."""
    return word.strip().casefold()


def broken_encoding(book: Book, _: Rule) -> Iterator[Hit]:
    """Text that was decoded with the wrong alphabet, or holds the replacement character."""
    for sheet in book:
        for column in sheet.columns(Kind.CATEGORY, Kind.TEXT, Kind.IDENTIFIER):
            if column == "customer_id" or pd.api.types.is_numeric_dtype(sheet.frame[column]):
                continue
            rows = np.flatnonzero(sheet.where(column, misdecoded))
            if len(rows):
                note = f"{len(rows):,} values of {column} are mis-decoded"
                yield Hit(sheet.name, (column,), rows, sheet.n, note)


def misdecoded(word: str) -> bool:
    """Say whether a text becomes sensible when its wrong decoding is undone."""
    if word.isascii():
        return False
    if "\ufffd" in word or "â€" in word or ("Ã" in word.rstrip("Ã") and _undone(word, "latin-1")):
        return True
    return any(_undone(word, alphabet) for alphabet in ("cp1252", "latin-1", "mac_roman"))


def _undone(word: str, alphabet: str) -> bool:
    for part in re.findall(r"[^\x00-\x7f]{2,}", word):
        try:
            if not part.encode(alphabet).decode("utf-8").isascii():
                return True
        except (UnicodeEncodeError, UnicodeDecodeError):
            continue
    return False


def orphan_keys(book: Book, _: Rule) -> Iterator[Hit]:
    """Rows of a customer whom the customer table does not know, and the other direction."""
    customers = book.need("customers", "customer_id")
    known = set(customers.words("customer_id"))
    others = [book.get(n) for n in ("transactions", "behaviour", "interactions")]
    if not any(others):
        raise NotApplicable("no table refers to the customers")
    for sheet in others:
        if sheet is None or "customer_id" not in sheet:
            continue
        rows = np.flatnonzero(
            ~sheet.where("customer_id", known.__contains__) & ~sheet.missing("customer_id")
        )
        idle = len(known - set(sheet.words("customer_id")))
        note = f"{len(rows):,} rows of unknown customers; {idle:,} customers have no row here"
        yield Hit(sheet.name, ("customer_id",), rows, sheet.n, note)


def stuck_values(book: Book, rule: Rule) -> Iterator[Hit]:
    """Find a run of one non-zero value too long for chance and not explained by its group."""
    for sheet in book:
        if sheet.name == "external" or sheet.n < 50:
            continue
        orders = {"source": np.arange(sheet.n)}
        if (when := sheet.when()) is not None and not st.sorted_time(when):
            orders["time"] = np.argsort(when, kind="stable")
        groups = [sheet.group(c) for c in ("order_id", "customer_id", "product_id") if c in sheet]
        levels = [sheet.codes(c)[0] for c in sheet.columns(Kind.CATEGORY)]
        for column in sheet.columns(Kind.NUMBER):
            values = sheet.number(column)
            runs = [
                st.stuck_run(values, o, groups, rule.limit, levels=levels) for o in orders.values()
            ]
            rows = max(runs, key=len)
            if len(rows):
                note = f"{column} is {values[rows[0]]:g} in {len(rows):,} rows running"
                yield Hit(sheet.name, (column,), np.sort(rows), sheet.n, note)


def heaping(book: Book, rule: Rule) -> Iterator[Hit]:
    """Whole numbers ending in 0 or 5 more often than their neighbours, or against birth years."""
    looked = False
    for sheet in book:
        for column in sheet.columns(Kind.NUMBER):
            if sheet.name != "customers" and TABLES[sheet.name].column(column) is not None:
                continue
            alone = st.heaped(sheet.number(column))
            if alone is None:
                continue
            looked = True
            other = BORN.get(column)
            against = other in sheet and st.heaped_against(
                sheet.number(column), sheet.number(other)
            )
            if against and against[0] > rule.limit:
                z, moved, rows = against
                note = f"{column}: {moved:,} values end in 0 or 5 against {other} (z = {z:.1f})"
                yield Hit(sheet.name, (column,), rows, sheet.n, note, n=moved)
            elif alone[0] > rule.limit:
                z, moved, heap = alone
                note = f"{column}: about {moved:,} values were moved to 0 or 5 (z = {z:.1f})"
                yield Hit(sheet.name, (column,), np.flatnonzero(heap), sheet.n, note, n=moved)
            elif not against and sheet.n < ENOUGH_FOR_HEAPS:
                note = f"{column}: 2 % of heaped values need {ENOUGH_FOR_HEAPS:,} rows to be seen"
                yield Hit(sheet.name, (column,), st.NONE, sheet.n, note, n=0)
    if not looked:
        raise NotApplicable("no column of ages or other dense whole numbers")


def schema_types(book: Book, _: Rule) -> Iterator[Hit]:
    """Columns of the contract whose values are mostly of another type, or that have no value."""
    for sheet in book:
        for column in TABLES[sheet.name].columns:
            if column.name not in sheet or column.kind not in (Kind.NUMBER, Kind.TIME):
                continue
            filled = ~sheet.missing(column.name)
            if column.kind is Kind.NUMBER:
                read = np.isfinite(sheet.number(column.name))
            else:
                read = ~np.isnat(sheet.time(column.name))
            if sheet.n and (read & filled).sum() < filled.sum() / 2:
                note = f"{column.name} should be a {column.kind.value}"
                yield Hit(sheet.name, (column.name,), np.flatnonzero(filled & ~read), sheet.n, note)


def primary_key(book: Book, _: Rule) -> Iterator[Hit]:
    """Find a key that repeats or is empty."""
    for sheet in book:
        key = TABLES[sheet.name].key
        if key and sheet.has(*key):
            empty = np.any([sheet.missing(c) for c in key], axis=0)
            again = pd.Series(sheet.group(*key)).duplicated().to_numpy() & ~empty
            note = f"{again.sum():,} repeated and {empty.sum():,} empty keys"
            yield Hit(sheet.name, key, np.flatnonzero(again | empty), sheet.n, note)


def rating_scale(book: Book, rule: Rule) -> Iterator[Hit]:
    """Find a rating whose level or range jumps in one group, or leaves the scale of all others."""
    looked = False
    for sheet in book:
        for column in sheet.extra(Kind.NUMBER) + [c for c in ("sentiment",) if c in sheet]:
            values = sheet.number(column) if sheet.kind(column) is Kind.NUMBER else None
            scale = st.rating_domain(values) if values is not None else None
            if scale is None:
                continue
            looked = True
            groups = {c: sheet.codes(c)[0] for c in sheet.columns(Kind.CATEGORY)}
            groups |= _groups_of_customers(book, sheet)
            if (days := sheet.days()) is not None:
                groups["month"] = pd.factorize(days // 30)[0]
            rows, n, where = st.rescaled(values, scale, groups, rule.limit)
            if len(rows):
                note = f"about {n:,} values of {column} follow another scale than 1 to {scale:g}"
                yield Hit(sheet.name, (column,), rows, sheet.n, f"{note}{where}", n=n)
    if not looked:
        raise NotApplicable("no column of ratings")


def _groups_of_customers(book: Book, sheet: Sheet) -> dict[str, np.ndarray]:
    """Return the categories of the customers of a table's rows."""
    people = book.get("customers")
    if people is None or sheet.name == "customers" or "customer_id" not in sheet:
        return {}
    place = {word: row for row, word in enumerate(people.frame["customer_id"].astype(str))}
    found = [place.get(word, -1) for word in sheet.words("customer_id")]
    row = np.array([*found, -1])[sheet.codes("customer_id")[0]]
    return {f"customers.{c}": np.append(people.codes(c)[0], -1)[row]
            for c in people.columns(Kind.CATEGORY)}  # fmt: skip


def redundancy(book: Book, rule: Rule) -> Iterator[Hit]:
    """Pairs of numbers that say the same; for information, never an alarm."""
    for sheet in book:
        columns = [c for c in sheet.columns(Kind.NUMBER) if np.isfinite(sheet.number(c)).sum() > 50]
        step = max(1, sheet.n // 20_000)
        sample = pd.DataFrame({c: sheet.number(c)[::step] for c in columns[:30]})
        varied = sample.loc[:, sample.nunique() > 2]
        ranks = varied.rank().corr(min_periods=50).to_numpy()
        for i, j in combinations(range(varied.shape[1]), 2):
            if abs(ranks[i, j]) > rule.limit:
                pair = (varied.columns[i], varied.columns[j])
                note = f"{pair[0]} and {pair[1]} have rank correlation {ranks[i, j]:.3f}"
                yield Hit(sheet.name, pair, st.NONE, sheet.n, note, 0, Status.PASSED)


CHECKS = {
    "DQ-G-04": mixed_types,
    "DQ-G-05": category_variants,
    "DQ-G-06": broken_encoding,
    "DQ-G-07": orphan_keys,
    "DQ-G-10": stuck_values,
    "DQ-G-11": heaping,
    "DQ-G-12": schema_types,
    "DQ-G-13": primary_key,
    "DQ-G-14": rating_scale,
    "DQ-G-15": redundancy,
}
