"""The contract itself: names, keys and what is personal."""

from __future__ import annotations

from segwork.schema import TABLES, TIME_COLUMN, Kind


def test_five_tables_with_their_needed_columns() -> None:
    """The needed columns are those of the architecture's data contract."""
    needed = {name: set(table.needed) for name, table in TABLES.items()}
    assert needed == {
        "customers": {"customer_id"},
        "transactions": {"customer_id", "ordered_at"},
        "behaviour": {"customer_id", "event", "occurred_at"},
        "interactions": {"customer_id", "channel", "occurred_at"},
        "external": {"date", "name", "value"},
    }


def test_columns_are_named_once_and_times_are_times() -> None:
    """No column is there twice; the column that says when is of kind time."""
    for name, table in TABLES.items():
        names = [column.name for column in table.columns]
        assert len(names) == len(set(names))
        if name in TIME_COLUMN:
            assert table.column(TIME_COLUMN[name]).kind is Kind.TIME
        assert table.column("no such column") is None


def test_ids_of_people_are_personal_everywhere() -> None:
    """``customer_id`` is personal in every table that has it; age and gender are protected."""
    ids = [table.column("customer_id") for table in TABLES.values()]
    assert all(column.personal for column in ids if column is not None)
    customers = TABLES["customers"]
    assert {c.name for c in customers.columns if c.protected} == {"birth_year", "age", "gender"}
