"""DQ-G-05 and 06: one thing written in several ways, text read with a wrong alphabet."""

from __future__ import annotations

import re
import unicodedata
from collections import defaultdict
from collections.abc import Callable, Iterator
from functools import cache

import numpy as np
import pandas as pd

from segwork.checks import Evidence, Rule, check
from segwork.quality.sources import SourceTable, SourceTables
from segwork.schema import Kind

PLAIN = re.compile(r"[\W_]+")


@check("DQ-G-05")
def category_variants(sources: SourceTables, _: Rule) -> Iterator[Evidence]:
    """Spellings of one category that differ in case, space, accents or punctuation."""
    for source, column in sources.columns(Kind.CATEGORY, Kind.IDENTIFIER):
        if column in ("customer_id", "return_reason", "order_id", "session_id"):
            continue
        key = source.kind(column) is Kind.IDENTIFIER
        if key and len(source.codes(column)[1]) > source.n / 2:
            continue
        fold = fold_country if column == "country" else fold_word
        rows, groups = variants(source, column, fold_id if key else fold)
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


@cache
def _countries() -> dict[str, str]:
    """Return the code of each country by its folded code and names, English ones first."""
    from babel import Locale

    found: dict[str, str] = {"uk": "GB", "usa": "US", "uae": "AE", "england": "GB-ENG"}
    for language in ("en", "de", "fr", "es", "it", "nl", "pt", "id"):
        for code, name in Locale(language).territories.items():
            if len(code) == 2:
                found.setdefault(code.casefold(), code)
                found.setdefault(fold_word(name), code)
    return found


def fold_country(word: str) -> str:
    """Return the code of a country, by code or by name in eight languages; others as words.

    Examples
    --------
    >>> fold_country("Spain") == fold_country("ES") == fold_country("Spanien")
    True
    """
    folded = fold_word(word)
    return _countries().get(folded, folded)


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
        yield from source.some((column,), rows, f"values of {column} are mis-decoded")


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
