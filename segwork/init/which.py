"""Which table of the contract a file is: by what its columns are called and hold."""

from __future__ import annotations

from segwork.init.column import Column, score
from segwork.init.names import fit, plain, vocabulary

SURE = 0.6
FEW = 6
"""A table of dated values has hardly more columns."""


def which_table(columns: list[Column]) -> str:
    """Return the name of the table; ``transactions`` where nothing speaks for another."""
    words = vocabulary()["words"]
    headers = [column.name for column in columns]
    money = any(
        _best(c, "transactions", ("amount", "unit_price")) > SURE for c in columns if c.numeric
    )
    if any(_is_event(column) for column in columns):
        return "behaviour"
    tickets = sum(any(f" {w} " in f" {plain(h)} " for h in headers) for w in words["ticket"])
    if tickets >= 3 or (tickets == 2 and not money):
        return "interactions"
    people = any(score(c, "transactions", "customer_id") > SURE for c in columns)
    dated = all(any(score(c, "external", n) > 0.9 for c in columns) for n in ("date", "value"))
    counted = any(score(c, "transactions", "quantity") > SURE for c in columns)
    if len(headers) <= FEW and dated and not people and not counted:
        return "external"
    if _of_people(columns, money):
        return "customers"
    visits = any(
        score(c, "behaviour", "session_id") > 0.7 or fit(c.name, ("visitor id", "visitorid")) > 0.9
        for c in columns
    )
    return "behaviour" if visits and not money else "transactions"


def _best(column: Column, table: str, names: tuple[str, ...]) -> float:
    return max(score(column, table, name) for name in names)


def _is_event(column: Column) -> bool:
    """Say whether a column names what visitors did."""
    if fit(column.name, vocabulary()["behaviour"]["event"]["names"][:8]) < 0.9:
        return False
    done = {word.lower() for word in column.filled}
    few = column.different <= 60 and not column.numeric
    return few and any(word in one for one in done for word in vocabulary()["words"]["events"])


def _of_people(columns: list[Column], money: bool) -> bool:
    """Say whether a row is a person: an id that never comes again, and what is known of people."""
    n = max(len(column.cells) for column in columns)
    contacts = sum(fit(c.name, vocabulary()["words"]["contact"]) >= 0.75 for c in columns)
    one_each = any(
        c.different >= 0.98 * n and score(c, "customers", "customer_id") > SURE for c in columns
    )
    if contacts < 2 or not one_each:
        return False
    lines = any(_best(c, "transactions", ("quantity", "unit_price")) > 0.9 for c in columns)
    orders = any(
        score(c, "transactions", "order_id") > 0.7 and fit(c.name, ("id", "name")) < 1
        for c in columns
    )
    dates = vocabulary()["transactions"]["ordered_at"]["names"][:30]
    dated = any(c.times.share > 0.8 and fit(c.name, dates) > 0.9 for c in columns)
    return not lines and not (orders and money and dated)
