"""HubSpot: contacts, batch upsert by a unique property of our own, at the dated paths.

An answer is read from its body: 200 and 207 may both hold errors. Where no answer came, the mark
of every contact of the batch is read back first, and only what HubSpot does not hold is sent.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

from segwork.export.calls import Again, Calls, Patience, Refused, given, read_json
from segwork.export.fields import Field
from segwork.export.journal import Change, Journal
from segwork.settings import Export

TOKEN = "SEGWORK_HUBSPOT_TOKEN"
MARK = "segwork_mark"
PACE = (190, 10.0)  # calls in seconds, private apps of Professional and Enterprise


class HubSpot:
    """One portal.

    Parameters
    ----------
    base_url : str
    settings : Export
    patience : Patience
    """

    size = 100
    day = 650_000  # calls in 24 hours
    needed = (MARK,)

    def __init__(self, base_url: str, settings: Export, patience: Patience) -> None:
        self.calls = Calls(
            base_url or settings.hubspot_url, lambda: given(TOKEN), patience, pace=PACE
        )
        self._version = settings.hubspot_version
        self._id = settings.fields.get("customer_id", "segwork_id")
        self._own = settings.fields

    def name(self, column: str) -> str:
        """Return the property that holds a column."""
        default = self._id if column == "customer_id" else f"segwork_{column}"
        return self._own.get(column, default)

    def described(self) -> dict[str, Field]:
        """Ask which properties contacts have."""
        path = f"/crm/properties/{self._version}/contacts"
        body = read_json(self.calls.surely("GET", path))
        return {one["name"]: _field(one) for one in body.get("results", ())}

    def recall(self, journal: Journal) -> None:
        """Learn nothing yet: what is unsure is asked for by batch, where its ids are known."""

    def cost(self, batch: list[Change], calls: int) -> int:  # noqa: ARG002  (calls are counted)
        """Return what a batch takes from the day's limit: the calls made for it."""
        return calls

    def post(
        self, batch: list[Change], columns: tuple[str, ...], claim: Callable[[str], None]
    ) -> dict[bytes, str]:
        """Send a batch and return the answer by customer: "" for taken, else the reason."""
        claim("batch")
        names = [self.name(column) for column in columns]
        return self._post(batch, names, unsure=any(change.unsure for change in batch))

    def _post(
        self, batch: list[Change], names: list[str], *, unsure: bool = False
    ) -> dict[bytes, str]:
        answers: dict[bytes, str] = {}
        left = batch
        for attempt in self.calls.retrying():
            with attempt:
                if unsure:
                    answers |= dict.fromkeys(self._held(left), "")
                    left = [change for change in left if change.who not in answers]
                try:
                    if left:
                        answers |= self._once(left, names)
                except Again as fault:
                    unsure = unsure or fault.acted
                    raise
                except Refused as fault:
                    if len(left) == 1:
                        answers[left[0].who] = f"refused by the CRM ({fault})"
                    else:  # one bad row can fail the whole batch
                        for half in (left[: len(left) // 2], left[len(left) // 2 :]):
                            answers |= self._post(half, names)
        return answers

    def _once(self, batch: list[Change], names: list[str]) -> dict[bytes, str]:
        inputs = [
            {
                "idProperty": self._id,
                "id": change.customer_id,
                "objectWriteTraceId": change.who.hex(),
                "properties": {
                    **dict(zip(names, change.values or [""] * len(names), strict=True)),
                    MARK: change.mark.hex(),
                },
            }
            for change in batch
        ]
        body = read_json(self.calls.once("POST", self._batch("upsert"), json={"inputs": inputs}))
        by_id = {change.customer_id: change.who.hex() for change in batch}
        answers = {
            by_id.get(one.get("properties", {}).get(self._id), one.get("objectWriteTraceId")): ""
            for one in body.get("results", ())
        }
        for fault in body.get("errors", ()):
            reason = f"refused by the CRM ({fault.get('category', 'no reason given')})"
            answers |= dict.fromkeys(_blamed(fault.get("context", {}), by_id), reason)
        return {c.who: answers[c.who.hex()] for c in batch if c.who.hex() in answers}

    def _held(self, batch: list[Change]) -> Iterator[bytes]:
        """Yield who already has the mark of what is to be sent; no contact is as good as cleared.

        Reading goes through its own loop: it may be repeated without harm.
        """
        body = {
            "idProperty": self._id,
            "properties": [self._id, MARK],
            "inputs": [{"id": change.customer_id} for change in batch],
        }
        answer = read_json(self.calls.surely("POST", self._batch("read"), json=body))
        rows = [one.get("properties", {}) for one in answer.get("results", ())]
        marks = {row.get(self._id): row.get(MARK) or "" for row in rows}
        for change in batch:
            if marks.get(change.customer_id, "") == change.mark.hex():
                yield change.who

    def _batch(self, verb: str) -> str:
        return f"/crm/objects/{self._version}/contacts/batch/{verb}"


def _blamed(context: dict[str, Any], by_id: dict[str, str]) -> Iterable[str]:
    """Return the traces an error speaks of, by trace or by id."""
    yield from context.get("objectWriteTraceId", ())
    yield from (by_id[one] for key in ("ids", "id") for one in context.get(key, ()) if one in by_id)


def _field(one: dict[str, Any]) -> Field:
    options = [option.get("value") for option in one.get("options", ())]
    return Field(
        kind=str(one.get("type", "")),
        unique=bool(one.get("hasUniqueValue")),
        writable=not one.get("modificationMetadata", {}).get("readOnlyValue"),
        options=frozenset(map(str, options)) if one.get("type") == "enumeration" else None,
    )
