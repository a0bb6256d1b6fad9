"""What the two CRMs have in common: names of fields, the check of them, the shape of a client."""

from __future__ import annotations

from collections.abc import Iterator

from segwork.errors import UsageError
from segwork.export.calls import Calls, RefusedError, read_json
from segwork.export.journal import Change, Journal
from segwork.runs.files import Json
from segwork.settings import Export

TEXT, NUMBER, DATE = ("string", "text", "textarea"), ("number", "double"), ("date",)
COLUMNS = {  # what it means, kinds of field that hold it
    "segment": ("code of the segment, the same from run to run", TEXT),
    "segment_name": ("name of the segment", TEXT),
    "confidence": ("how sure the segment is, 0 to 1; empty: not known", NUMBER),
    "valid_from": ("day as of which all this holds, year-month-day", DATE),
    "review_date": ("day by which another run has to renew it, year-month-day", DATE),
    "lifecycle": ("stage: new, active, loyal, at risk or lost", TEXT),
    "action": ("what to do for customers of the segment", TEXT),
}


class Crm:
    """A client: it tells what it made of each row, and learns what became of lost answers.

    ``size`` is the rows of a batch, ``day`` the most of its unit in 24 hours, ``needed`` the fields
    beside those of the columns. Of the description of fields, ``listed`` is the key of the list and
    ``unique`` that of the word for an external id.
    """

    size: int
    day: int
    pattern: str
    listed: str
    unique: str
    needed: tuple[str, ...] = ()
    calls: Calls
    settings: Export

    def name(self, column: str) -> str:
        """Return the field that holds a column."""
        default = self.pattern.format("id" if column == "customer_id" else column)
        return self.settings.fields.get(column, default)

    def description(self) -> str:
        """Return where the fields are described."""
        raise NotImplementedError

    def locked(self, field: Json) -> bool:
        """Tell whether a field cannot be written."""
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
            body = read_json(self.calls.surely("GET", self.description()))
        except RefusedError as no:
            raise UsageError(f"the CRM does not tell its fields ({no})") from None
        fields = {one["name"]: one for one in body.get(self.listed, ())}
        key = self.name("customer_id")
        kinds = {self.name(column): kinds for column, (_, kinds) in COLUMNS.items()}
        kinds |= dict.fromkeys((key, *self.needed), TEXT)
        wrong = [f"'{name}' is missing ({kinds[name][0]})" for name in kinds if name not in fields]
        for name in kinds.keys() & fields.keys():
            if fields[name].get("type") not in kinds[name]:
                wrong.append(f"'{name}' is no {kinds[name][0]}")
            if self.locked(fields[name]):
                wrong.append(f"'{name}' cannot be written")
        if not fields.get(key, {self.unique: True}).get(self.unique):
            wrong.append(f"'{key}' is not unique: it must be an external id")
        if wrong:
            hint = "docs/activation.md lists the fields to make once; nothing was sent"
            raise UsageError(f"the CRM's fields do not fit: {'; '.join(sorted(wrong))}", hint=hint)
