"""The data contract: five tables, their columns, types, units and keys."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


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


_ID, _TIME, _NUMBER = Kind.IDENTIFIER, Kind.TIME, Kind.NUMBER
_CATEGORY, _FLAG, _TEXT = Kind.CATEGORY, Kind.FLAG, Kind.TEXT

CUSTOMERS = Table(
    "customers",
    (
        Column("customer_id", _ID, needed=True, personal=True),
        Column("birth_year", _NUMBER, "year", personal=True, protected=True),
        Column("age", _NUMBER, "years", protected=True),
        Column("gender", _CATEGORY, protected=True),
        Column("income", _NUMBER, "money per month"),
        Column("region", _CATEGORY),
        Column("country", _CATEGORY),
        Column("debt_ratio", _NUMBER, "share"),
        Column("account_activity", _NUMBER),
        Column("customer_type", _CATEGORY),
        Column("signed_up_at", _TIME),
        Column("consent_marketing", _FLAG),
        Column("consent_profiling", _FLAG),
        Column("withdrawn_at", _TIME),
    ),
    key=("customer_id",),
)

TRANSACTIONS = Table(
    "transactions",
    (
        Column("customer_id", _ID, needed=True, personal=True),
        Column("ordered_at", _TIME, needed=True),
        Column("amount", _NUMBER, "money"),
        Column("quantity", _NUMBER, "pieces"),
        Column("unit_price", _NUMBER, "money"),
        Column("order_id", _ID),
        Column("product_id", _ID),
        Column("product_description", _TEXT),
        Column("product_category", _CATEGORY),
        Column("country", _CATEGORY),
        Column("currency", _CATEGORY),
        Column("payment_method", _CATEGORY),
        Column("is_return", _FLAG),
        Column("return_reason", _CATEGORY),
        Column("unit_cost", _NUMBER, "money"),
    ),
)

BEHAVIOUR = Table(
    "behaviour",
    (
        Column("customer_id", _ID, needed=True, personal=True),
        Column("event", _CATEGORY, needed=True),
        Column("occurred_at", _TIME, needed=True),
        Column("session_id", _ID),
        Column("user_agent", _TEXT),
    ),
)

INTERACTIONS = Table(
    "interactions",
    (
        Column("customer_id", _ID, needed=True, personal=True),
        Column("channel", _CATEGORY, needed=True),
        Column("occurred_at", _TIME, needed=True),
        Column("kind", _CATEGORY),
        Column("text", _TEXT, personal=True),
        Column("sentiment", _CATEGORY),
        Column("handling_minutes", _NUMBER, "minutes"),
        Column("cost", _NUMBER, "money"),
    ),
)

EXTERNAL = Table(
    "external",
    (
        Column("date", _TIME, needed=True),
        Column("name", _CATEGORY, needed=True),
        Column("value", _NUMBER, needed=True),
        Column("region", _CATEGORY),
        Column("published_at", _TIME),
    ),
)

TABLES: dict[str, Table] = {
    table.name: table for table in (CUSTOMERS, TRANSACTIONS, BEHAVIOUR, INTERACTIONS, EXTERNAL)
}

TIME_COLUMN = {
    "transactions": "ordered_at",
    "behaviour": "occurred_at",
    "interactions": "occurred_at",
    "external": "date",
}
"""The column of each table that says when its row happened; ``customers`` has none."""
