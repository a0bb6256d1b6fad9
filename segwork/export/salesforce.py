"""Salesforce: Bulk API 2.0, upsert by external id, one job after the other.

The journal holds the id of a job before any data goes there. After a crash or a lost answer the
job is asked for its state first: an open one is aborted and made anew, any other is waited for and
its results are read row by row.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterator
from typing import Any

from segwork.export.calls import Again, Calls, Patience, Refused, Stopped, given, read_json, secret
from segwork.export.fields import Field
from segwork.export.journal import Change, Journal
from segwork.settings import Export

PREFIX = "SEGWORK_SALESFORCE_"
ENDED = ("JobComplete", "Failed", "Aborted")
ROWS_OF_A_BATCH = 10_000
JOBS = 3  # for the rows that a failed job never looked at
EMPTY = "#N/A"  # an empty cell would leave the field as it is


class Salesforce:
    """One organisation.

    Parameters
    ----------
    base_url : str
    settings : Export
    patience : Patience
    """

    size = 100_000  # rows of a job: some 15 MB of the 100 that may be sent
    day = 15_000  # batches of 10,000 rows in 24 hours, shared by all jobs of the organisation
    needed: tuple[str, ...] = ()

    def __init__(self, base_url: str, settings: Export, patience: Patience) -> None:
        address = base_url or settings.salesforce_url or secret(f"{PREFIX}URL")
        self.calls = Calls(address, self._token, patience)
        self._at = f"/services/data/v{settings.salesforce_version}"
        self._object = settings.object
        self._own = settings.fields

    def name(self, column: str) -> str:
        """Return the field that holds a column."""
        short = "id" if column == "customer_id" else column
        return self._own.get(column, f"Segwork_{short.title()}__c")

    def described(self) -> dict[str, Field]:
        """Ask which fields the object has."""
        body = read_json(self.calls.surely("GET", f"{self._at}/sobjects/{self._object}/describe"))
        return {one["name"]: _field(one) for one in body.get("fields", ())}

    def recall(self, journal: Journal) -> None:
        """Ask every job whose results were never read; what it did not take is let go."""
        for job in journal.tickets():
            try:
                state = self._state(job)
            except Refused:  # gone after seven days: an upsert may be repeated
                journal.release(job)
                continue
            if state == "Open":
                self._abort(job)
            self._ended(job)
            taken = [journal.hash(one) for one, reason in self._results(job).items() if not reason]
            journal.settle(taken=taken, refused=(), cost=0)
            journal.release(job)

    def cost(self, batch: list[Change], calls: int) -> int:  # noqa: ARG002  (batches are counted)
        """Return what a job takes from the day's limit: the batches Salesforce makes of it."""
        return -(-len(batch) // ROWS_OF_A_BATCH)

    def post(
        self, batch: list[Change], columns: tuple[str, ...], claim: Callable[[str], None]
    ) -> dict[bytes, str]:
        """Send a batch as one job and return the answer by customer; again what was not looked at."""
        answers: dict[bytes, str] = {}
        left = batch
        for _ in range(JOBS):
            job = self._upload(left, columns, claim)
            self._close(job)
            self._ended(job)
            told = self._results(job)
            answers |= {c.who: told[c.customer_id] for c in left if c.customer_id in told}
            left = [change for change in left if change.who not in answers]
            if not left:
                break
        return answers

    def _upload(
        self, batch: list[Change], columns: tuple[str, ...], claim: Callable[[str], None]
    ) -> str:
        """Make a job and give it the data; where the data's arrival is unsure, make another."""
        path = f"{self._at}/jobs/ingest"
        wanted = {
            "object": self._object,
            "operation": "upsert",
            "externalIdFieldName": self.name("customer_id"),
            "contentType": "CSV",
            "lineEnding": "LF",
            "columnDelimiter": "COMMA",
        }
        names = [self.name(column) for column in ("customer_id", *columns)]
        data = _as_csv(names, batch)
        for attempt in self.calls.retrying():
            with attempt:
                job = str(read_json(self.calls.once("POST", path, json=wanted))["id"])
                claim(job)
                kind = {"Content-Type": "text/csv; charset=UTF-8"}
                try:
                    self.calls.once("PUT", f"{path}/{job}/batches", data=data, headers=kind)
                except (Again, Refused):
                    self._abort(job)
                    raise
        return job

    def _close(self, job: str) -> None:
        """Say that the upload is complete; ask before saying it twice."""
        asked = False
        for attempt in self.calls.retrying():
            with attempt:
                if not asked or self._state(job) == "Open":
                    asked = True
                    self._set(job, "UploadComplete")

    def _abort(self, job: str) -> None:
        for attempt in self.calls.retrying():
            with attempt:
                try:
                    self._set(job, "Aborted")
                except Refused:  # it was aborted by a call whose answer was lost
                    if self._state(job) not in ENDED:
                        raise

    def _set(self, job: str, state: str) -> None:
        self.calls.once("PATCH", f"{self._at}/jobs/ingest/{job}", json={"state": state})

    def _state(self, job: str) -> str:
        body = read_json(self.calls.surely("GET", f"{self._at}/jobs/ingest/{job}"))
        return str(body.get("state", ""))

    def _ended(self, job: str) -> str:
        patience = self.calls.patience
        until = patience.clock() + patience.job
        while (state := self._state(job)) not in ENDED:
            if patience.clock() > until:
                raise Stopped("a job of the CRM is still in progress")
            patience.sleep(patience.poll)
        return state

    def _results(self, job: str) -> dict[str, str]:
        """Return the answer by external id; results come in any order."""
        key = self.name("customer_id")
        told = {row[key]: "" for row in self._rows(job, "successfulResults")}
        for row in self._rows(job, "failedResults"):
            code = row.get("sf__Error", "").partition(":")[0]  # the rest may quote values
            told[row[key]] = f"refused by the CRM ({code or 'no reason given'})"
        return told

    def _rows(self, job: str, kind: str) -> Iterator[dict[str, str]]:
        answer = self.calls.surely("GET", f"{self._at}/jobs/ingest/{job}/{kind}/")
        answer.encoding = "utf-8"
        yield from csv.DictReader(io.StringIO(answer.text, newline=""))

    def _token(self) -> str:
        """Return a token for the client credentials of a connected app, else the token given."""
        who, word = secret(f"{PREFIX}CLIENT_ID"), secret(f"{PREFIX}CLIENT_SECRET")
        if who and word:
            return self.calls.sign_in("/services/oauth2/token", who, word)
        return given(f"{PREFIX}TOKEN")


def _as_csv(names: list[str], batch: list[Change]) -> bytes:
    """Write the rows; nothing is neutralised here: the CRM would store the mark."""
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(names)
    empty = [EMPTY] * (len(names) - 1)
    for change in batch:
        writer.writerow([change.customer_id, *([v or EMPTY for v in change.values] or empty)])
    return text.getvalue().encode()


def _field(one: dict[str, Any]) -> Field:
    options = [v.get("value") for v in one.get("picklistValues", ()) if v.get("active", True)]
    return Field(
        kind=str(one.get("type", "")),
        unique=bool(one.get("externalId")),
        writable=bool(one.get("createable", True) and one.get("updateable", True)),
        length=int(one.get("length") or 0),
        options=frozenset(map(str, options)) if one.get("restrictedPicklist") else None,
    )
