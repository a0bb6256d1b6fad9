"""HubSpot: contacts, batch upsert by a unique property of our own, at the dated paths.

An answer is read from its body: 200 and 207 may both hold errors. Where no answer came, the mark
of every contact of the batch is read back first, and only what HubSpot does not hold is sent.
"""

from __future__ import annotations

from collections.abc import Iterator

from segwork.export.calls import AgainError, Calls, Patience, RefusedError, given, read_json
from segwork.export.crm import COLUMNS, Crm
from segwork.export.journal import Change, Journal
from segwork.runs.files import Json
from segwork.settings import Export

MARK = "segwork_mark"
PACE = (190, 10.0)  # calls in seconds: private apps of Professional and Enterprise


class HubSpot(Crm):
    """One portal.

    Parameters
    ----------
    base_url : str
    settings : Export
    patience : Patience
    """

    size = 100
    day = 650_000  # calls
    pattern = "segwork_{}"
    listed, unique = "results", "hasUniqueValue"
    needed = (MARK,)

    def __init__(self, base_url: str, settings: Export, patience: Patience) -> None:
        self.settings, self._unsure = settings, False
        self.calls = Calls(base_url, lambda: given("SEGWORK_HUBSPOT_TOKEN"), patience, PACE)

    def description(self) -> str:
        """Return where the fields are described."""
        return f"/crm/properties/{self.settings.hubspot_version}/contacts"

    def locked(self, field: Json) -> bool:
        """Tell whether a field cannot be written."""
        return bool(field.get("modificationMetadata", {}).get("readOnlyValue", False))

    def post(self, batch: list[Change], book: Journal) -> Iterator[dict[bytes, str]]:
        """Send a batch; one that is refused whole is halved until the bad row stands alone."""
        book.claim(batch, "batch")
        self._unsure = any(change.unsure for change in batch)
        parts = [batch]
        while parts:
            part = parts.pop()
            try:
                yield self.calls.patiently(lambda part=part: self._send(part))
            except RefusedError as no:
                if middle := len(part) // 2:
                    parts += [part[:middle], part[middle:]]
                else:
                    yield {part[0].who: f"refused by the CRM ({no})"}

    def _send(self, part: list[Change]) -> dict[bytes, str]:
        held = self._held(part) if self._unsure else {}
        left = [change for change in part if change.who not in held]
        try:
            return held | (self._upsert(left) if left else {})
        except AgainError as fault:
            self._unsure = self._unsure or fault.acted
            raise

    def _upsert(self, part: list[Change]) -> dict[bytes, str]:
        key, names = self.name("customer_id"), [*map(self.name, COLUMNS), MARK]
        inputs = [
            {
                "idProperty": key,
                "id": one.customer_id,
                "objectWriteTraceId": one.who.hex(),
                "properties": dict(zip(names, (*one.told, one.mark.hex()), strict=True)),
            }
            for one in part
        ]
        body = self._ask("upsert", inputs=inputs)
        mine = {name: one.who for one in part for name in (one.customer_id, one.who.hex())}
        told = {}
        for row in body["results"]:
            trace = row.get("objectWriteTraceId") or row.get("properties", {}).get(key)
            told[mine.get(trace)] = ""
        for fault in body.get("errors", ()):
            reason = f"refused by the CRM ({fault.get('category', 'no reason given')})"
            context = fault.get("context", {})
            names = (*context.get("objectWriteTraceId", ()), *context.get("ids", ()))
            told |= dict.fromkeys(map(mine.get, names), reason)
        return {who: reason for who, reason in told.items() if who}

    def _held(self, part: list[Change]) -> dict[bytes, str]:
        """Return who holds already what is to be sent; no contact is as good as a cleared one."""
        key = self.name("customer_id")
        asked = [{"id": change.customer_id} for change in part]
        body = self._ask("read", idProperty=key, properties=[key, MARK], inputs=asked)
        rows = [one.get("properties", {}) for one in body["results"]]
        marks = {row.get(key): row.get(MARK) or "" for row in rows}
        return {c.who: "" for c in part if marks.get(c.customer_id, "") == c.mark.hex()}

    def _ask(self, verb: str, **body: object) -> Json:
        path = f"/crm/objects/{self.settings.hubspot_version}/contacts/batch/{verb}"
        return {"results": [], **read_json(self.calls.once("POST", path, json=body))}
