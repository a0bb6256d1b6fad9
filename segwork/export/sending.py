"""Send rows to a CRM so that each arrives once: plan, claim, call, settle, reconcile."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from datetime import date
from functools import lru_cache
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from segwork.config import Config
from segwork.errors import DataError, UsageError
from segwork.export.calls import Patience, Refused, Stopped
from segwork.export.csv_file import CsvFile
from segwork.export.fields import COLUMNS, check
from segwork.export.hubspot import HubSpot
from segwork.export.journal import NOTHING, Change, Journal, Known
from segwork.export.salesforce import Salesforce
from segwork.run import pseudonym_key
from segwork.settings import Export

CRMS = {"salesforce": Salesforce, "hubspot": HubSpot}
TARGETS = ("csv", *CRMS)
ALIKE = "another customer's id differs by case or blanks only"
NOT_TOUCHED = ("outside the pilot", "not in the source tables", ALIKE)
OUTCOMES = ("sent", "unchanged", "suppressed", "failed")
CHUNK = 10_000
MOST_LEVELS = 500  # values of a column that are held against the options of a field
DATES = ("valid_from", "review_date")  # a new day alone is no change


@dataclass(frozen=True)
class Sent:
    """What became of every row.

    Attributes
    ----------
    sent, unchanged, suppressed, failed : int
        Rows by outcome; together all rows that came in.
    rows, cleared, left_behind : int
        Rows that came in · suppressed ones whose fields were emptied in the CRM · customers whom
        an earlier export sent and who are no row of this one: their fields are to be emptied there.
    reasons : DataFrame
        outcome, reason, rows.
    outcomes : DataFrame
        customer_id, outcome, reason: one row per row in, in their order.
    calls : int
    stopped : str
        Why not everything could be sent; empty where it could.
    dry_run : bool
    """

    sent: int
    unchanged: int
    suppressed: int
    failed: int
    rows: int
    cleared: int
    left_behind: int
    reasons: pd.DataFrame
    outcomes: pd.DataFrame = field(repr=False)
    calls: int = 0
    stopped: str = ""
    dry_run: bool = False

    @property
    def reconciled(self) -> bool:
        """Rows in = sent + unchanged + suppressed + failed."""
        return self.rows == self.sent + self.unchanged + self.suppressed + self.failed

    def facts(self) -> dict[str, float | int | str]:
        """Return the counts."""
        names = ("rows", *OUTCOMES, "cleared", "left_behind", "calls")
        return {**{name: getattr(self, name) for name in names}, "stopped": self.stopped}

    def __str__(self) -> str:
        parts = " + ".join(f"{name} {getattr(self, name)}" for name in OUTCOMES)
        word = "=" if self.reconciled else "is not"
        tail = f" · stopped: {self.stopped}" if self.stopped else ""
        return f"rows {self.rows} {word} {parts} · cleared {self.cleared}{tail}"


def send(
    rows: pd.DataFrame,
    *,
    to: str,
    journal: str | Path,
    dry_run: bool = False,
    resume: bool = False,
    base_url: str = "",
    settings: Export | None = None,
    key: str = "",
    out: str | Path = "",
    patience: Patience | None = None,
    despite: str = "",
) -> Sent:
    """Send rows to a CRM or a file: what changed since the last export, each row once.

    Parameters
    ----------
    rows : DataFrame
        As :func:`segwork.export.rows` returns them: ``customer_id`` unique, the columns of
        ``fields.COLUMNS`` as far as they are there, and ``suppressed``: the reason why a customer
        must not be sent, empty where there is none.
    to : str
        csv, salesforce or hubspot.
    journal : path
        The file that remembers what was sent; not in a run folder.
    dry_run : bool
        Say what would be done; no call is made and nothing is written.
    resume : bool
        Go on with the export that was interrupted: what it had sent counts as sent here.
    base_url : str
        Where the CRM is; the address of the settings by default.
    settings : Export, optional
    key : str
        Secret behind the journal's hashes; ``SEGWORK_KEY`` or the project's key by default.
    out : path
        Folder of the CSV file.
    patience : Patience, optional
    despite : str
        Why the run is exported although a required gate failed; it is written down.

    Returns
    -------
    Sent

    Raises
    ------
    UsageError
        Unknown target, no credentials, fields of the CRM that do not fit; nothing was sent.
    DataError
        A customer is there twice.

    Examples
    --------
    >>> people = pd.DataFrame({"customer_id": ["7", "8"], "segment": ["S01", "S02"],
    ...                        "suppressed": ["", "no consent"]})
    >>> print(send(people, to="csv", journal="", key="secret", dry_run=True))
    rows 2 = sent 1 + unchanged 0 + suppressed 1 + failed 0 · cleared 0
    """
    if to not in TARGETS:
        raise UsageError.unknown("target", to, TARGETS, where="send")
    settings, patience = settings or Export(), patience or Patience()
    if not dry_run and to == "csv" and not str(out):
        raise UsageError("no folder for the CSV file", accepted="out='folder'")
    known_file = journal if not dry_run or Path(journal or ".").is_file() else ""
    client: Any = None if dry_run else _client(to, base_url, settings, out, patience)
    target = f"{to} {_place(to, base_url, settings, out)}"
    with closing(Journal(known_file, key=key or _key(), target=target)) as book:
        export = _Export(rows, book, client, resume=resume)
        book.begin(resume=resume, despite=despite, dry=dry_run)
        if not dry_run:
            export.prepare()
        export.run()
        done = export.result()
        if not dry_run:
            book.end(done.facts(), finished=not done.stopped)
    return done


def _client(to: str, base_url: str, settings: Export, out: str | Path, patience: Patience) -> Any:
    return CsvFile(out, settings) if to == "csv" else CRMS[to](base_url, settings, patience)


def _place(to: str, base_url: str, settings: Export, out: str | Path) -> str:
    """Return the address that tells one target from another in the journal."""
    if to == "csv":
        return str(Path(out).resolve()) if str(out) else ""
    return (base_url or getattr(settings, f"{to}_url")).rstrip("/")


def _key() -> str:
    return pseudonym_key(Config(as_of=date.min))


class _Export:
    """One pass over the rows; outcome and reason of each are kept as small numbers."""

    def __init__(self, rows: pd.DataFrame, book: Journal, client: Any, *, resume: bool) -> None:
        self.book, self.client, self.resume = book, client, resume
        self.rows = _checked(rows)
        self.columns = tuple(COLUMNS)
        self.reasons: dict[str, int] = {"": 0}
        self.outcome = np.zeros(len(rows), dtype=np.int8)
        self.reason = np.zeros(len(rows), dtype=np.int32)
        self.cleared, self.seen, self.held = 0, 0, book.holding()
        self.stopped = ""

    def prepare(self) -> None:
        """Check the CRM's fields, and settle what an earlier export left open."""
        if isinstance(self.client, CsvFile):
            allowed = self.rows["suppressed"] == ""
            spans = range(0, len(self.rows), CHUNK)
            parts = (self.rows[at : at + CHUNK][allowed[at : at + CHUNK]] for at in spans)
            self.client.write(parts, _text)
            return
        check(self.client.described(), self.client, self._levels())
        try:
            self.client.recall(self.book)
        except Stopped as stop:
            self.stopped = str(stop)

    def run(self) -> None:
        """Go through the rows, in batches of what has to be sent."""
        size = self.client.size if self.client else CHUNK
        for batch in _batches(self._changes(), size):
            if self.client is None:
                self._record(batch, dict.fromkeys((c.who for c in batch), ""))
            else:
                self._post(batch)

    def _post(self, batch: list[Change]) -> None:
        before = self.client.calls.made
        answers: dict[bytes, str] = {}
        try:
            if (
                not self.stopped
                and self.book.spent() + self.client.cost(batch, 1) > self.client.day
            ):
                self.stopped = f"the limit of {self.client.day:,} a day is reached"
            if not self.stopped:
                answers = self.client.post(
                    batch, self.columns, lambda ticket: self.book.claim(batch, ticket)
                )
        except Stopped as stop:
            self.stopped = str(stop)
        except Refused as no:
            answers = dict.fromkeys((c.who for c in batch), f"refused by the CRM ({no})")
        self.book.settle(
            taken=[who for who, reason in answers.items() if not reason],
            refused=[who for who, reason in answers.items() if reason],
            cost=self.client.cost(batch, self.client.calls.made - before),
        )
        self._record(batch, answers)

    def _record(self, batch: list[Change], answers: Mapping[bytes, str]) -> None:
        for change in batch:
            reason = answers.get(change.who, self.stopped or "no answer of the CRM")
            if reason:
                self._is(change.row, "failed", reason if change.values else f"clear: {reason}")
            elif change.values:
                self._is(change.row, "sent", "")
            else:
                self.cleared += 1

    def _changes(self) -> Iterator[Change]:
        """Yield what has to be sent, row by row; all other rows are decided here."""
        for start in range(0, len(self.rows), CHUNK):
            part = self.rows.iloc[start : start + CHUNK]
            ids = [one if isinstance(one, str) else "" for one in part["customer_id"]]
            whos = [self.book.hash(one) for one in ids]
            known = self.book.known(whos)
            self.seen += sum(one.held is not None for one in known.values())
            columns = [_texts(part, name) for name in self.columns]
            told = zip(
                ids, whos, part["suppressed"].tolist(), zip(*columns, strict=True), strict=True
            )
            for row, (one, who, why, values) in enumerate(told, start):
                change = self._decide(row, one, known.get(who, NOTHING), why, values)
                if change is not None:
                    yield Change(row, one, who, *change)

    def _decide(
        self, row: int, customer_id: str, known: Known, why: str, values: tuple[str, ...]
    ) -> tuple[bytes, str, tuple[str, ...], bool] | None:
        unsure = known.wanted is not None
        if why:
            self._is(row, "suppressed", why)
            clear = customer_id and why not in NOT_TOUCHED and (known.held or unsure)
            return (b"", "", (), unsure) if clear else None
        if not customer_id:
            self._is(row, "failed", "no customer id")
            return None
        named = dict(zip(self.columns, values, strict=True))
        due, today = named["review_date"], named["valid_from"]
        mark = self.book.hash(customer_id, *(v for n, v in named.items() if n not in DATES))
        if unsure or known.held != mark or (known.due and known.due <= today):
            return mark, due, values, unsure
        ours = self.resume and known.export == self.book.export
        self._is(row, "sent" if ours else "unchanged", "")
        return None

    def _is(self, row: int, outcome: str, reason: str) -> None:
        self.outcome[row] = OUTCOMES.index(outcome)
        self.reason[row] = self.reasons.setdefault(reason, len(self.reasons))

    def _levels(self) -> dict[str, set[str]]:
        allowed = self.rows[self.rows["suppressed"] == ""]
        levels = {name: set(map(_text, allowed[name].unique())) for name in self.columns
                  if name in allowed and allowed[name].nunique() <= MOST_LEVELS}  # fmt: skip
        return levels

    def result(self) -> Sent:
        """Count every row once, from what was kept of each."""
        outcomes = pd.DataFrame(
            {
                "customer_id": self.rows["customer_id"],
                "outcome": pd.Categorical.from_codes(self.outcome, OUTCOMES),
                "reason": pd.Categorical.from_codes(self.reason, list(self.reasons)),
            }
        )
        counted = outcomes.groupby(["outcome", "reason"], observed=True).size()
        totals = outcomes["outcome"].value_counts()
        return Sent(
            **{name: int(totals[name]) for name in OUTCOMES},
            rows=len(self.rows),
            cleared=self.cleared,
            left_behind=self.held - self.seen,
            reasons=counted.rename("rows").reset_index(),
            outcomes=outcomes,
            calls=self.client.calls.made if self.client else 0,
            stopped=self.stopped,
            dry_run=self.client is None,
        )


def _checked(rows: pd.DataFrame) -> pd.DataFrame:
    """Return the rows with a reason for everyone who must not be sent, or refuse them."""
    if "customer_id" not in rows:
        raise UsageError("the rows have no customer_id", accepted="what export.rows returns")
    ids = rows["customer_id"].reset_index(drop=True)
    ids = ids.where(ids.isna(), ids.astype("str"))
    there = ids.notna()
    if twice := int(ids[there].duplicated().sum()):
        raise DataError(f"{twice} rows are of a customer who is there already", accepted="one each")
    # A CRM takes ids for the same that differ by case or by blanks at the ends only.
    alike = ids.astype("str").str.strip().str.casefold().duplicated(keep=False) & there
    rows = rows.reset_index(drop=True).assign(customer_id=ids)
    why = rows["suppressed"] if "suppressed" in rows else pd.Series("", index=rows.index)
    return rows.assign(suppressed=why.astype(object).where(~alike | (why != ""), ALIKE))


def _batches(changes: Iterator[Change], size: int) -> Iterator[list[Change]]:
    while batch := list(islice(changes, size)):
        yield batch


def _texts(part: pd.DataFrame, name: str) -> list[str]:
    return [_text(v) for v in part[name].tolist()] if name in part else [""] * len(part)


@lru_cache(maxsize=65_536, typed=True)
def _text(value: object) -> str:
    """Write a value as the CRMs read it: one line, ISO dates, at most four decimals."""
    if value is None or value is pd.NaT or value is pd.NA or value != value:
        return ""
    if isinstance(value, float):
        return repr(round(value, 4))
    if hasattr(value, "isoformat"):
        return value.isoformat()[:10]
    return " ".join(str(value).split())
