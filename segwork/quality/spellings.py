"""DQ-G-05, 06 and 18: one thing written in several ways, text read with a wrong alphabet."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator

import numpy as np
import pandas as pd

from segwork.checks import Evidence, Rule, check
from segwork.quality.sources import SourceTable, SourceTables
from segwork.schema import Kind

PLAIN = re.compile(r"[\W_]+")
CUT = re.compile(r"\d(\.\d+)?e\+?\d{1,2}", re.IGNORECASE)  # 1.2E+12: what a spreadsheet leaves
APOSTROPHES = str.maketrans("\u2018\u2019\u02bc\u00b4`", "'" * 5)


@check("DQ-G-05")
def category_variants(sources: SourceTables, _: Rule) -> Iterator[Evidence]:
    """Spellings of one category that differ in case, space, accents or punctuation."""
    for source, column in sources.columns(Kind.CATEGORY, Kind.IDENTIFIER):
        if column in ("customer_id", "return_reason", "order_id", "session_id"):
            continue
        key = source.kind(column) is Kind.IDENTIFIER
        if key and len(source.codes(column)[1]) > source.n / 2:
            continue
        rows, groups = variants(source, column, fold_id if key else fold_word)
        if groups:
            note = f"{groups:,} values of {column} are written in more than one way"
            yield source.found((column,), rows, note)


def variants(
    source: SourceTable, column: str, fold: Callable[[str], str]
) -> tuple[np.ndarray, int]:
    """Return the rows in a minority spelling and the number of values with several spellings."""
    size = source.sizes(column)
    groups: dict[str, list[int]] = defaultdict(list)
    for code, word in enumerate(source.words(column)):
        if folded := fold(word):
            groups[folded].append(code)
    several = [members for members in groups.values() if len(members) > 1]
    most = {max(members, key=lambda m: size[m]) for members in several}
    minority = [c for members in several for c in members if c not in most]
    return np.flatnonzero(np.isin(source.codes(column)[0], minority)), len(several)


def fold_word(word: str) -> str:
    """Return a category without case, accents, spaces and punctuation."""
    plain = unicodedata.normalize("NFKD", word)
    plain = "".join(ch for ch in plain if not unicodedata.combining(ch))
    sign = "-" if re.fullmatch(r"\s*-[\d.]+\s*", word) else ""
    return sign + PLAIN.sub("", plain).casefold()


def fold_id(word: str) -> str:
    """Return an id without case and outer spaces; its punctuation may mean something."""
    return word.strip().casefold()


@check("DQ-G-06")
def broken_encoding(sources: SourceTables, _: Rule) -> Iterator[Evidence]:
    """Text that was decoded with the wrong alphabet, or holds the replacement character."""
    for source, column in sources.columns(Kind.CATEGORY, Kind.TEXT, Kind.IDENTIFIER):
        if column == "customer_id" or pd.api.types.is_numeric_dtype(source.frame[column]):
            continue
        rows = source.where(column, misdecoded)
        if rows.any():
            yield source.found(
                (column,), rows, f"{rows.sum():,} values of {column} are mis-decoded"
            )


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


@check("DQ-G-18")
def customer_spellings(sources: SourceTables, _: Rule) -> Iterator[Evidence]:
    """Find customers whose id is written in several ways, and ids that a spreadsheet cut."""
    owners = [source for source in sources if "customer_id" in source and source.n]
    spelt: dict[str, set[str]] = defaultdict(set)
    shapes: Counter[str] = Counter()
    for source in owners:
        for word, size in zip(_ids(source), source.sizes("customer_id").tolist(), strict=True):
            spelt[fold_customer(word)].add(word)
            shapes[_shape(word)] += size
    usual = {
        one: min(ways, key=lambda w: (-shapes[_shape(w)], len(w), w))
        for one, ways in spelt.items() if len(ways) > 1
    }  # fmt: skip
    rare = {_shape(w) for one, ways in usual.items() for w in spelt[one] - {ways}}
    rare -= {_shape(w) for w in usual.values()}
    for source in owners:
        yield from _odd_ids(source, usual, rare)


def _odd_ids(source: SourceTable, usual: dict[str, str], rare: set[str]) -> Iterator[Evidence]:
    words = _ids(source)
    split = {w for w in words if usual.get(fold_customer(w), w) != w}
    odd = split | {w for w in words if _shape(w) in rare and fold_customer(w) != w}
    cut = {w for w in words if CUT.fullmatch(w.strip())}
    rows = np.append([w in odd | cut for w in words], False)[source.codes("customer_id")[0]]
    if rows.any():
        notes = []
        if odd:
            example = min(split or odd)
            beside = usual.get(fold_customer(example), fold_customer(example))
            people = len({fold_customer(w) for w in odd})
            notes.append(f"{people:,} customers in another spelling, {example!a} for {beside!a}")
        if cut:
            notes.append(f"{len(cut):,} ids cut to a power of ten")
        yield source.found(("customer_id",), rows.astype(bool), "; ".join(notes))


def _shape(word: str) -> str:
    """Return an id with its digits as 9 and its letters as a or A."""
    return re.sub(r"[a-z]", "a", re.sub(r"[A-Z]", "A", re.sub(r"\d", "9", word)))


def _ids(source: SourceTable) -> list[str]:
    """Return the distinct ids as text; numbers without the .0 that a gap in the column adds."""
    words = source.words("customer_id")
    if not pd.api.types.is_numeric_dtype(source.frame["customer_id"]):
        return words
    return [word.removesuffix(".0") for word in words]


def fold_customer(word: str) -> str:
    """Return an id without what programs and keyboards add to it.

    Examples
    --------
    >>> fold_customer("20013.0") == fold_customer("\u200b020013 ") == "20013"
    True
    """
    text = unicodedata.normalize("NFKC", word).casefold()
    text = "".join(ch for ch in text if unicodedata.category(ch) != "Cf" and not ch.isspace())
    text = text.translate(APOSTROPHES).strip("'")
    if CUT.fullmatch(text):
        text = f"{float(text):.0f}"
    text = re.sub(r"(?<=\d)\.0+$", "", text)
    return re.sub(r"^([a-z]*)0+(?=\d+$)", r"\1", text)
