"""The columns of an export, and the check of the CRM's fields before the first row is sent."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from segwork.errors import UsageError


class Column(NamedTuple):
    """One column: what it means, and the kinds of field that can hold it."""

    meaning: str
    kinds: tuple[str, ...]


_TEXT = ("string", "enumeration", "text", "textarea", "picklist")
COLUMNS: dict[str, Column] = {
    "segment": Column("code of the segment, the same from run to run", _TEXT),
    "segment_name": Column("name of the segment", _TEXT),
    "confidence": Column(
        "how sure the segment is, 0 to 1; empty where the method does not say",
        ("number", "double", "percent"),
    ),
    "valid_from": Column("day as of which all this holds, year-month-day", ("date",)),
    "review_date": Column("day by which the next run has to renew it, year-month-day", ("date",)),
    "lifecycle": Column("stage: new, active, loyal, at risk or lost", _TEXT),
    "action": Column("what to do for customers of the segment", _TEXT),
}


@dataclass(frozen=True)
class Field:
    """A field as the CRM describes it; ``options`` where only some values are accepted."""

    kind: str
    unique: bool = False
    writable: bool = True
    length: int = 0
    options: frozenset[str] | None = None


def check(described: Mapping[str, Field], client: Any, values: Mapping[str, set[str]]) -> None:
    """Refuse the export where a field is missing, of another kind, too short or cannot be written.

    Parameters
    ----------
    described : mapping of name to Field
    client : CRM client
        Names the field of each column.
    values : mapping of column to set of str
        Every value that will be sent in it; columns with very many values are left out.

    Raises
    ------
    UsageError
        Every problem, in one message.
    """
    key = client.name("customer_id")
    problems = [f"'{name}' is missing" for name in (key, *client.needed) if name not in described]
    if key in described and not described[key].unique:
        problems.append(f"'{key}' must be unique (an external id)")
    for column, wanted in COLUMNS.items():
        name = client.name(column)
        field = described.get(name)
        if field is None:
            problems.append(f"'{name}' is missing ({wanted.kinds[0]})")
            continue
        seen = values.get(column, set()) - {""}
        if field.kind not in wanted.kinds:
            problems.append(f"'{name}' is a {field.kind}, not a {wanted.kinds[0]}")
        elif not field.writable:
            problems.append(f"'{name}' cannot be written")
        elif field.options is not None and (unknown := seen - field.options):
            problems.append(f"'{name}' lacks the options {', '.join(sorted(unknown))}")
        elif field.length and max(map(len, seen), default=0) > field.length:
            problems.append(f"'{name}' holds only {field.length} characters")
    if problems:
        raise UsageError(
            f"the CRM's fields do not fit: {'; '.join(problems)}",
            hint="docs/activation.md lists the fields to make once; nothing was sent",
        )
