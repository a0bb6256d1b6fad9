"""A column of an export as text: what its values look like, and what they can be."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property

from segwork.init import formats
from segwork.init.names import fit, vocabulary
from segwork.schema import Kind

KEYS = ("customer_id", "order_id", "product_id", "session_id")
WORDS = {
    "payment_method": 60, "event": 400, "channel": 60, "kind": 60, "country": 400,
    "customer_type": 60, "gender": 60, "return_reason": 60, "product_category": 400, "region": 400,
}  # fmt: skip
"""Columns of few different words, and how many at most."""


@dataclass
class Column:
    """A column of the file, as text, with what its values look like."""

    name: str
    cells: list[str]

    @cached_property
    def filled(self) -> list[str]:
        """Cells that hold something."""
        return formats.filled(self.cells)

    @cached_property
    def different(self) -> int:
        """Number of different values."""
        return len(set(self.filled))

    @cached_property
    def numeric(self) -> bool:
        """Whether the values are numbers."""
        return formats.share(self.filled, formats.is_number) >= formats.ENOUGH

    @cached_property
    def times(self) -> formats.Times:
        """How the values read as times."""
        return formats.times(list(dict.fromkeys(self.filled)))

    @cached_property
    def mail(self) -> bool:
        """Whether the values are e-mail addresses."""
        return formats.share(self.filled, lambda c: "@" in c) > 0.9

    @cached_property
    def flag(self) -> bool:
        """Whether the values are yes and no."""
        return formats.is_flag(self.filled)

    @cached_property
    def named(self) -> bool:
        """Whether the values are names of persons or firms, which more than one may have."""
        name = re.compile(r"[^\W\d_]+\.?(?:[ ,'-]+[^\W\d_]+\.?)+")
        return formats.share(self.filled, name.fullmatch) > 0.6

    @property
    def broken(self) -> bool:
        """Whether the values are ids that a spreadsheet has turned into 1.2E+12."""
        return (
            formats.share(self.filled, lambda c: re.fullmatch(r"\d([.,]\d+)?[eE]\+?\d+", c)) > 0.3
        )


def score(column: Column, table: str, name: str) -> float:
    """Say how well the header of a column fits a name of the contract."""
    entry = vocabulary()[table].get(name)
    return fit(column.name, entry["names"], entry["not"], name) if entry else 0.0


def holds(column: Column, name: str, kind: Kind, table: str) -> bool:
    """Say whether the values of a column can be what its name says."""
    n, cells = len(column.cells), column.filled
    dated = column.times.share > 0.8 and not column.times.unit
    if kind is Kind.TIME:
        return column.times.share >= 0.8 and (len(cells) > 0.5 * n or name == "withdrawn_at")
    if kind is Kind.NUMBER:
        whole = not any(re.search(r"[.,]\d{1,2}$", c) for c in cells)
        return column.numeric and (name not in ("birth_year", "age") or whole)
    if kind is Kind.FLAG:
        return column.flag
    if dated:
        return False
    if name in KEYS:
        return _is_id(column, name) and _is_key(column, name, table)
    if name == "currency":
        code = r"[A-Za-z]{3}|[€$£¥₺₹]|Rp|zł|kr"
        return formats.share(cells, lambda c: re.fullmatch(code, c)) > 0.9
    if name in WORDS:
        few = column.different <= min(WORDS[name], max(5, 0.5 * n))
        return few and not column.flag and (not column.numeric or name == "product_category")
    return name == "text" or not column.numeric


def _is_id(column: Column, name: str) -> bool:
    """Say whether values are ids: no amounts, and no names of things."""
    money = formats.share(column.filled, lambda c: re.search(r"\d[.,](?!0+$)\d{1,2}$", c)) > 0.3
    words = formats.share(column.filled, lambda c: re.search("[a-z] ", c)) > 0.5
    return column.different > 1 and not (
        (column.numeric and money) or (name == "product_id" and words)
    )


def _is_key(column: Column, name: str, table: str) -> bool:
    """Say whether a column can be a key: a person comes again, unless nobody does."""
    n, filled = len(column.cells), len(column.filled)
    if table == "customers":
        return name != "customer_id" or column.different >= 0.95 * max(1, filled)
    if name == "order_id":
        return column.different >= min(0.1 * n, 10) and filled > 0.5 * n
    if name == "customer_id":
        again = filled / max(1, column.different) > 1.02 or n < 50
        return filled > 0.2 * n and again and column.different > min(5, n / 10)
    return True
