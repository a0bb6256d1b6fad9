"""What a header means: the vocabulary, and how well a header fits a name in it."""

from __future__ import annotations

import functools
import re
import unicodedata
from typing import Any

from segwork import packaged

_LETTERS = str.maketrans("łŁıøØđĐº°", "lLioOdDoo") | str.maketrans(
    {"ß": "ss", "æ": "ae", "№": "no ", "#": " no "}
)
COMPOSED, MAIL, LEAST_EXACT = 0.93, 0.7, 0.62


@functools.cache
def vocabulary() -> dict[str, Any]:
    """Return the names that exports give to the columns of the contract."""
    return _plain_tuples(packaged.values("init/vocabulary.toml"))


def _plain_tuples(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _plain_tuples(one) for key, one in value.items()}
    return tuple(plain(v) if isinstance(v, str) else tuple(map(plain, v)) for v in value)


@functools.cache
def plain(header: str) -> str:
    """Write a header in lower-case words without accents.

    Examples
    --------
    >>> plain("CustomerID"), plain("Sipariş No."), plain("Lineitem_quantity")
    ('customer id', 'siparis no', 'lineitem quantity')
    """
    text = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", " ", header.strip())
    text = unicodedata.normalize("NFKD", text.translate(_LETTERS).replace("İ", "I"))
    if not any("\u3040" <= c <= "\u30ff" for c in header):
        text = "".join(c for c in text if not unicodedata.combining(c))
    text = unicodedata.normalize("NFC", text).lower()
    return " ".join(re.sub(r"[^\w]|_", " ", text).split())


@functools.cache
def fit(
    header: str, names: tuple[str, ...], refused: tuple[str, ...] = (), parts: str = ""
) -> float:
    """Say how well a header fits the best of these plain names: 0 not at all, 1 exactly.

    ``parts`` names what else it may be put together from, such as a person and a number.

    Examples
    --------
    >>> fit("Order No.", ("order no", "order")), fit("Ship Date", ("date",), ("ship",))
    (1.0, 0.0)
    >>> fit("Debiteurnr", (), (), "customer_id"), fit("Cód. do Cliente", (), (), "customer_id")
    (0.93, 0.93)
    """
    text = plain(header)
    exact = max(LEAST_EXACT, 1.0 - 0.002 * names.index(text)) if text in names else 0.0
    if _composed(text, parts):
        return max(exact, COMPOSED)
    if exact or _composed(text, f"{parts}_mail"):
        return exact or MAIL
    if any(_within(word, text) for word in refused):
        return 0.0
    words = [word for word in text.split() if _composed(word, parts)]
    best = max((0.4 + 0.4 * len(word) / len(text) for word in words), default=0.0)
    for at, name in enumerate(names):
        if _within(name, text):
            best = max(best, 0.4 + 0.4 * len(name) / len(text) - 0.0005 * at)
    return best


def _composed(text: str, parts: str) -> bool:
    """Say whether a text is two roots, in either order, written together or apart."""
    if parts not in vocabulary()["made"]:
        return False
    one, two = (_roots(names) for names in vocabulary()["made"][parts])
    bare = "".join(word for word in text.split() if word not in vocabulary()["roots"]["filler"])
    halves = ((bare[:at], bare[at:]) for at in range(1, len(bare)))
    return any((a in one and b in two) or (a in two and b in one) for a, b in halves)


@functools.cache
def _roots(names: tuple[str, ...]) -> frozenset[str]:
    return frozenset(root for name in names for root in vocabulary()["roots"][name])


def _within(name: str, text: str) -> bool:
    """Say whether the words of a name stand together in a text; scripts without blanks: inside."""
    if any(ord(c) > 0x2E7F for c in name):
        return name in text
    return f" {name} " in f" {text} "


def is_total(cell: str) -> bool:
    """Say whether a cell stands before a sum."""
    return bool(cell) and plain(cell) in vocabulary()["words"]["total"]


@functools.cache
def known(text: str) -> bool:
    """Say whether a text is a name that some column has."""
    words = plain(text)
    return bool(words) and words in _all()


@functools.cache
def _all() -> frozenset[str]:
    found: set[str] = set()
    for columns in vocabulary().values():
        for entry in columns.values():
            names = entry["names"] if isinstance(entry, dict) else entry
            found |= {name for name in names if isinstance(name, str)}
    return frozenset(found)
