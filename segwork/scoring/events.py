"""What an event is: a row of ``transactions`` or ``interactions`` as JSON, with an id of its own.

An event either changes what is known of one customer or has one reason why it cannot. Fields the
contract does not name are passed over.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from math import inf
from typing import NamedTuple

from segwork.features.orders import FIRST_PLAUSIBLE_DAY
from segwork.features.people import CALLS, COMPLAINT_WORDS
from segwork.privacy.consent import DEFAULT_PURPOSE
from segwork.runs.files import Json

TIMES = {"transactions": "ordered_at", "interactions": "occurred_at", "clock": "occurred_at"}
TABLES = (*TIMES, "customers")
AHEAD_MS = 86_400_000  # of the record that carries it; clocks of shops differ by hours
EPOCH = datetime(1970, 1, 1)
NAMED = {"orders": "order_id", "products": "product_id", "categories": "product_category"}
LONGEST = 500  # of an id; a change repeats them, and a record of Kafka has an end
MOST = 1e15  # beyond, cents are lost; not a number is beyond, too


class Malformed(ValueError):  # noqa: N818 (an answer about one event, told as its reason)
    """Why an event cannot be used."""


class Event(NamedTuple):
    """What an event changes: sums that grow by ``adds``, and things counted once by ``named``."""

    day: int
    event_id: str
    adds: dict[str, float]
    named: dict[str, str]


def read(
    text: str, written_ms: int, purpose: str = DEFAULT_PURPOSE
) -> tuple[str, Event | bool | None]:
    """Read one event.

    Parameters
    ----------
    text : str
        The value of a record.
    written_ms : int
        When the record was written, in milliseconds since 1970.
    purpose : str
        What consent is asked for.

    Returns
    -------
    customer_id : str
    event : Event, bool or None
        Whether the customer agrees, where that is what is told; None for the time on the clock,
        which concerns no customer.

    Raises
    ------
    Malformed
        It is no event; the message is the reason.

    Examples
    --------
    >>> text = '{"event_id": "1", "table": "transactions", "customer_id": "a", "order_id": "o"'
    >>> read(text + ', "ordered_at": "1970-02-01", "amount": 5}', 0)
    Traceback (most recent call last):
    segwork.scoring.events.Malformed: ordered_at is after the record
    >>> read(text + ', "ordered_at": "1999-02-01", "amount": 5}', 10**12)[1].named
    {'orders': 'o'}
    """
    try:
        row = json.loads(text)
    except (ValueError, RecursionError):
        row = None
    if not isinstance(row, dict):
        raise Malformed("no JSON object")
    table = row.get("table")
    if not isinstance(table, str) or table not in TABLES:
        raise Malformed("table is none of " + ", ".join(TABLES))
    if table == "customers":
        return _customer(row), _agrees(row, f"consent_{purpose}", written_ms)
    moment = _moment(row, TIMES[table], written_ms)
    if table == "clock":
        return "", None
    customer, event_id = _customer(row), _id(row, "event_id")
    day = (moment - EPOCH).days
    if event_id is None:
        raise Malformed("no event_id")
    if day < FIRST_PLAUSIBLE_DAY:
        raise Malformed(f"{TIMES[table]} is before 1980")
    told = _order_line(row, day) if table == "transactions" else _contact(row)
    return customer, Event(day, event_id, *told)


def _order_line(row: Json, day: int) -> tuple[dict[str, float], dict[str, str]]:
    """Say of an order line what :mod:`segwork.features.orders` does; tests hold them together."""
    quantity, amount = _number(row, "quantity"), _number(row, "amount")
    price = _number(row, "unit_price")
    if "amount" not in row:
        if quantity is None or price is None:
            raise Malformed("no amount, nor quantity and unit_price")
        amount = quantity * price
    returned = _flag(row, "is_return")
    pieces = 1.0 if quantity is None else quantity
    if returned or (amount or 0.0) < 0 or pieces < 0:
        return {"returns": 1.0, "returns_total": abs(amount or 0.0)}, {}
    if pieces == 0:
        return {}, {}
    named = {name: _id(row, column) for name, column in NAMED.items()}
    named["orders"] = named["orders"] or str(day)
    adds = {"_lines": 1.0, "_spend": amount or 0.0, "_pieces": quantity or 0.0}
    return adds, {name: what for name, what in named.items() if what is not None}


def _contact(row: Json) -> tuple[dict[str, float], dict[str, str]]:
    """Say of a contact what :func:`segwork.features.people.of_interactions` says."""
    channel, kind = _id(row, "channel"), _id(row, "kind")
    if channel is None:
        raise Malformed("no channel")
    adds = {"contacts": 1.0, "handling_minutes": _number(row, "handling_minutes") or 0.0}
    adds["calls"] = float(channel.lower() in CALLS)
    adds["complaints"] = float(COMPLAINT_WORDS in (kind or "").lower())
    return adds, {}


def _agrees(row: Json, flag: str, written_ms: int) -> bool:
    """Say of a row of customers what :func:`segwork.privacy.consent.states` does."""
    given, dated = _flag(row, flag), f"{flag}_at"
    at = None if row.get(dated) is None else _moment(row, dated, written_ms)
    gone = None if row.get("withdrawn_at") is None else _moment(row, "withdrawn_at", inf)
    if given is None and gone is None:
        raise Malformed(f"no {flag}, nor withdrawn_at")
    shown = given is True and (at is not None or dated not in row)
    return shown and (gone is None or (at is not None and at > gone))


def _moment(row: Json, name: str, written_ms: float) -> datetime:
    try:
        moment = datetime.fromisoformat(row[name].strip())
        moment = moment.astimezone(UTC).replace(tzinfo=None) if moment.tzinfo else moment
    except (KeyError, AttributeError, ValueError, OverflowError):
        raise Malformed(f"{name} is no time") from None
    if (moment - EPOCH) // timedelta(milliseconds=1) > written_ms + AHEAD_MS:
        raise Malformed(f"{name} is after the record")
    return moment


def _flag(row: Json, name: str) -> bool | None:
    value = row.get(name)
    if value not in (None, True, False):
        raise Malformed(f"{name} is neither true nor false")
    return None if value is None else bool(value)


def _customer(row: Json) -> str:
    customer = _id(row, "customer_id")
    if customer is None:
        raise Malformed("no customer_id")
    return customer


def _id(row: Json, name: str) -> str | None:
    """Return a text, or a whole number as text; None where there is none."""
    value = row.get(name)
    if value is None:
        return None
    try:
        if isinstance(value, bool) or not isinstance(value, str | int):
            raise ValueError
        str(value).encode()  # half a character is none
    except ValueError:
        raise Malformed(f"{name} is no text") from None
    if len(str(value)) > LONGEST:
        raise Malformed(f"{name} is longer than {LONGEST} characters")
    return str(value) if str(value).strip() else None


def _number(row: Json, name: str) -> float | None:
    value = row.get(name)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) <= MOST:
        raise Malformed(f"{name} is no number")
    return float(value)
