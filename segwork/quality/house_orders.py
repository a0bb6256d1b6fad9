"""DQ-T-16: orders of tests and of the staff, told by the words they are marked with."""

from __future__ import annotations

import re
from collections.abc import Iterator

import numpy as np

from segwork.checks import Evidence, Rule, check
from segwork.quality.sources import LISTS, SourceTable, SourceTables
from segwork.schema import Kind

WORDS = re.compile(r"[^\W\d_]+")
TEST, STAFF, BESIDE = (frozenset(LISTS[name].split()) for name in ("test", "staff", "beside"))


@check("DQ-T-16")
def house_orders(sources: SourceTables, _: Rule) -> Iterator[Evidence]:
    """Order lines marked as a test, or as bought by the shop's own people."""
    source = sources.need("transactions")
    people = sources.get("customers")
    for name, words in (("test", TEST), ("staff", STAFF)):
        told = np.zeros(source.n, bool)
        for column in source.columns(Kind.IDENTIFIER, Kind.CATEGORY, Kind.TEXT):
            rows = source.where(column, lambda w, words=words: _marked(w, words)) & ~told
            if rows.any() and rows.mean() < 0.5:
                told |= rows
                yield source.found((column,), rows, _note(source, column, rows, name))
        if people is not None and people.has("customer_id", "customer_type"):
            own = people.where("customer_type", lambda w, words=words: _marked(w, words))
            ids = set(people.frame["customer_id"].astype(str)[own])
            rows = source.where("customer_id", ids.__contains__) & ~told
            note = f"{name} orders' lines of customers of such a type"
            yield from source.some(("customer_id",), rows, note)


def of_the_house(text: str) -> bool:
    """Say whether a text marks an order of a test or of the staff."""
    return _marked(text, TEST) or _marked(text, STAFF)


def _marked(text: str, words: frozenset[str]) -> bool:
    """Say whether a text has one of the words, and beside them hardly a word of an article."""
    said = {word.lower() for word in WORDS.findall(text)}
    if "@" in text and words is TEST:  # an address needs no other word: john.test@shop.com
        return bool({word.lower() for word in WORDS.findall(text.split("@")[0])} & words)
    return bool(said & words) and said <= words | BESIDE


def _note(source: SourceTable, column: str, rows: np.ndarray, name: str) -> str:
    codes = np.unique(source.codes(column)[0][rows])[:3]
    seen = ", ".join(source.words(column)[int(c)] for c in codes)
    return f"{rows.sum():,} {name} orders' lines: {column} is {seen}"
