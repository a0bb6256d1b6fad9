"""The data contract, ``schema.toml``: five tables, their columns, types, units and keys."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from segwork import packaged


class Kind(StrEnum):
    """How the values of a column are read."""

    IDENTIFIER = "identifier"
    TIME = "time"
    NUMBER = "number"
    CATEGORY = "category"
    FLAG = "flag"
    TEXT = "text"


@dataclass(frozen=True)
class Column:
    """One column of the contract.

    Parameters
    ----------
    name : str
    kind : Kind
    unit : str
        Empty where there is none.
    needed : bool
        A table without it cannot be used.
    personal : bool
        Identifies or describes a person directly; never shown, never exported unmasked.
    protected : bool
        An attribute nobody may be treated differently for; out of clustering by default.
    """

    name: str
    kind: Kind
    unit: str = ""
    needed: bool = False
    personal: bool = False
    protected: bool = False


@dataclass(frozen=True)
class Table:
    """One table of the contract: its columns, and its key (empty: none)."""

    name: str
    columns: tuple[Column, ...]
    key: tuple[str, ...] = ()

    @property
    def needed(self) -> tuple[str, ...]:
        """Names of the columns a table cannot do without."""
        return tuple(column.name for column in self.columns if column.needed)

    def column(self, name: str) -> Column | None:
        """Return the column of that name, or None for one the contract does not name.

        Customers may have consent for any purpose: ``consent_<purpose>`` is a flag and
        ``consent_<purpose>_at`` a time.
        """
        named = next((column for column in self.columns if column.name == name), None)
        if named or self.name != "customers" or not name.startswith("consent_"):
            return named
        return Column(name, Kind.TIME if name.endswith("_at") else Kind.FLAG)


_CONTRACT = packaged.values("schema.toml")
TABLES: dict[str, Table] = {
    table: Table(
        table,
        tuple(
            Column(name, **{**column, "kind": Kind(column["kind"])})
            for name, column in known["columns"].items()
        ),
        tuple(known.get("key", ())),
    )
    for table, known in _CONTRACT.items()
}
CUSTOMERS = TABLES["customers"]
TIME_COLUMN = {table: known["time"] for table, known in _CONTRACT.items() if "time" in known}
"""The column of each table that says when its row happened; ``customers`` has none."""
