"""What the two CRMs have in common: names of fields, the check of them, the shape of a client."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from segwork.errors import UsageError
from segwork.export.calls import Calls, RefusedError
from segwork.export.journal import Change, Journal
from segwork.settings import Export

TEXT, NUMBER, DATE = ("string", "text", "textarea"), ("number", "double"), ("date",)
COLUMNS = {  # what it means, kinds of field that hold it
    "segment": ("code of the segment, the same from run to run", TEXT),
    "segment_name": ("name of the segment", TEXT),
    "confidence": ("how sure the segment is, 0 to 1; empty: the method does not say", NUMBER),
    "valid_from": ("day as of which all this holds, year-month-day", DATE),
    "review_date": ("day by which another run has to renew it, year-month-day", DATE),
    "lifecycle": ("stage: new, active, loyal, at risk or lost", TEXT),
    "action": ("what to do for customers of the segment", TEXT),
}


class Field(NamedTuple):
    """A field as the CRM describes it."""

    kind: str
    unique: bool
    writable: bool


class Crm:
    """A client: it tells what it made of each row, and learns what became of lost answers.

    ``size`` is the rows of a batch, ``day`` the most of its unit in 24 hours, ``needed`` names the
    fields beside those of the columns.
    """

    size: int
    day: int
    pattern: str
    needed: tuple[str, ...] = ()
    calls: Calls
    settings: Export

    def name(self, column: str) -> str:
        """Return the field that holds a column."""
        default = self.pattern.format("id" if column == "customer_id" else column)
        return self.settings.fields.get(column, default)

    def described(self) -> Mapping[str, Field]:
        """Ask which fields there are."""
        raise NotImplementedError

    def recall(self, book: Journal) -> None:
        """Settle what an earlier export left open, as far as that needs no ids."""

    def cost(self, rows: int, calls: int) -> int:  # noqa: ARG002  (calls count, as a rule)
        """Return what a batch takes from the day's limit."""
        return calls

    def post(self, batch: list[Change], book: Journal) -> Iterator[dict[bytes, str]]:
        """Claim and send a batch; yield answers as they come: "" for taken, else the reason."""
        raise NotImplementedError

    def check(self) -> None:
        """Refuse the export where a field is missing, of another kind, or cannot be written.

        Raises
        ------
        UsageError
            Every problem, in one message.
        """
        try:
            fields = self.described()
        except RefusedError as no:
            raise UsageError(f"the CRM does not tell its fields ({no})") from None
        kinds = {self.name(column): kinds for column, (_, kinds) in COLUMNS.items()}
        kinds |= dict.fromkeys((key := self.name("customer_id"), *self.needed), TEXT)
        wrong = [f"'{name}' is missing ({kinds[name][0]})" for name in kinds if name not in fields]
        for name in kinds.keys() & fields.keys():
            if fields[name].kind not in kinds[name]:
                wrong.append(f"'{name}' is a {fields[name].kind}, not a {kinds[name][0]}")
            if not fields[name].writable:
                wrong.append(f"'{name}' cannot be written")
        if key in fields and not fields[key].unique:
            wrong.append(f"'{key}' is not unique: it must be an external id")
        if wrong:
            hint = "docs/activation.md lists the fields to make once; nothing was sent"
            raise UsageError(f"the CRM's fields do not fit: {'; '.join(sorted(wrong))}", hint=hint)
