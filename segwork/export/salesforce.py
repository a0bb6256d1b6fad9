"""Salesforce: Bulk API 2.0, upsert by external id, one job after the other.

The journal holds the id of a job before any data goes there. What became of a job is never
guessed: it is asked for its state. One that is still open took nothing and is aborted, any other is
waited for, and its results are read row by row.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator
from contextlib import suppress

from segwork.export.calls import (
    AgainError,
    Calls,
    Patience,
    RefusedError,
    StoppedError,
    given,
    read_json,
    secret,
)
from segwork.export.crm import COLUMNS, Crm
from segwork.export.journal import Change, Journal
from segwork.runs.files import Json
from segwork.settings import Export

ENDED = ("JobComplete", "Failed", "Aborted")
ROWS_OF_A_BATCH = 10_000
JOBS = 3  # for rows that a failed job never looked at
EMPTY = "#N/A"  # an empty cell would leave the field as it is


class Salesforce(Crm):
    """One organisation.

    Parameters
    ----------
    base_url : str
    settings : Export
    patience : Patience
    """

    size = 100_000  # rows of a job: some 15 of the 100 MB that may be sent
    day = 15_000  # batches of 10,000 rows
    pattern = "Segwork_{}__c"
    listed, unique = "fields", "externalId"

    def __init__(self, base_url: str, settings: Export, patience: Patience) -> None:
        self.settings = settings
        self.calls = Calls(base_url, self._token, patience)
        self._at = f"/services/data/v{settings.salesforce_version}"
        self._jobs = f"{self._at}/jobs/ingest"

    def description(self) -> str:
        """Return where the fields are described."""
        return f"{self._at}/sobjects/{self.settings.object}/describe"

    def locked(self, field: Json) -> bool:
        """Tell whether a field cannot be written."""
        return bool(not field.get("updateable", True))

    def cost(self, rows: int, calls: int) -> int:  # noqa: ARG002  (batches are counted)
        """Return the batches that Salesforce makes of a job."""
        return -(-rows // ROWS_OF_A_BATCH)

    def recall(self, book: Journal) -> None:
        """Settle every job whose results were never read; what it did not take is let go."""
        for job in book.tickets():
            with suppress(RefusedError):  # gone after seven days: an upsert may be repeated
                told = {book.hash(one): reason for one, reason in self._settled(job).items()}
                book.settle(told, cost=0)
            book.release(job)

    def post(self, batch: list[Change], book: Journal) -> Iterator[dict[bytes, str]]:
        """Send a batch as one job; rows of a job that took nothing, or not all, go into another."""
        left = batch
        for _ in range(JOBS):
            told = self.calls.patiently(lambda left=left: self._job(left, book))
            answers = {c.who: told[c.customer_id] for c in left if c.customer_id in told}
            yield answers
            left = [change for change in left if change.who not in answers]
            if not left:
                return

    def _job(self, rows: list[Change], book: Journal) -> dict[str, str]:
        wanted = {"object": self.settings.object, "operation": "upsert"}
        wanted |= {"externalIdFieldName": self.name("customer_id"), "contentType": "CSV"}
        wanted |= {"lineEnding": "LF", "columnDelimiter": "COMMA"}
        job = str(read_json(self.calls.once("POST", self._jobs, json=wanted))["id"])
        book.claim(rows, job)
        doubt = None
        try:
            kind = {"Content-Type": "text/csv; charset=UTF-8"}
            data = self._as_csv(rows)
            self.calls.once("PUT", f"{self._jobs}/{job}/batches", data=data, headers=kind)
            self._set(job, "UploadComplete")
        except AgainError as fault:
            doubt = fault
        told = self._settled(job)
        if doubt and not told:
            raise doubt
        return told

    def _settled(self, job: str) -> dict[str, str]:
        """Wait for the end of a job and return the answer by external id, in any order."""
        patience, key = self.calls.patience, self.name("customer_id")
        until = patience.clock() + patience.job
        while (state := self._state(job)) not in ENDED:
            if patience.clock() > until:
                raise StoppedError("a job of the CRM is still in progress")
            if state == "Open":
                with suppress(AgainError, RefusedError):  # its state tells, in the next round
                    self._set(job, "Aborted")
            patience.sleep(patience.poll)
        if state == "Aborted":
            return {}
        told = {row[key]: "" for row in self._results(job, "successfulResults")}
        for row in self._results(job, "failedResults"):
            code = row.get("sf__Error", "").partition(":")[0]  # the rest may quote values
            told[row[key]] = f"refused by the CRM ({code or 'no reason given'})"
        return told

    def _set(self, job: str, state: str) -> None:
        self.calls.once("PATCH", f"{self._jobs}/{job}", json={"state": state})

    def _state(self, job: str) -> str:
        return str(read_json(self.calls.surely("GET", f"{self._jobs}/{job}")).get("state"))

    def _results(self, job: str, kind: str) -> Iterable[dict[str, str]]:
        answer = self.calls.surely("GET", f"{self._jobs}/{job}/{kind}/")
        answer.encoding = "utf-8"
        return csv.DictReader(io.StringIO(answer.text, newline=""))

    def _as_csv(self, rows: list[Change]) -> bytes:
        """Write the rows; nothing is neutralised here: the CRM would store the mark."""
        text = io.StringIO(newline="")
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow([self.name(column) for column in ("customer_id", *COLUMNS)])
        writer.writerows([c.customer_id, *(value or EMPTY for value in c.told)] for c in rows)
        return text.getvalue().encode()

    def _token(self) -> str:
        """Return a token for the client credentials of a connected app, else the token given."""
        who, word = (secret(f"SEGWORK_SALESFORCE_CLIENT_{part}") for part in ("ID", "SECRET"))
        if not (who and word):
            return given("SEGWORK_SALESFORCE_TOKEN")
        form = {"grant_type": "client_credentials", "client_id": who, "client_secret": word}
        calls = Calls(self.calls.base_url, str, self.calls.patience)
        try:
            answer = calls.surely("POST", "/services/oauth2/token", data=form)
        except RefusedError as no:
            raise StoppedError(f"the CRM does not accept the client credentials ({no})") from None
        return str(read_json(answer)["access_token"])
