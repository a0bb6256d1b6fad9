"""Send rows to a CRM so that each arrives once: plan, claim, call, settle, reconcile."""

from __future__ import annotations

from collections.abc import Iterator
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
from segwork.export.calls import Patience, RefusedError, StoppedError
from segwork.export.calls import secret as credential
from segwork.export.crm import COLUMNS, Crm
from segwork.export.csv_file import CsvFile
from segwork.export.hubspot import HubSpot
from segwork.export.journal import HASH, Change, Journal, Known
from segwork.export.salesforce import Salesforce
from segwork.runs.project import pseudonym_key
from segwork.settings import Export

CLIENTS = {"csv": CsvFile, "salesforce": Salesforce, "hubspot": HubSpot}
ALIKE = "another customer's id differs by case or blanks only"
NOT_TOUCHED = ("outside the pilot", "not in the source tables", ALIKE)
OUTCOMES = ("sent", "unchanged", "suppressed", "failed")
CHUNK = 10_000


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
    calls: int
    stopped: str
    dry_run: bool

    @property
    def reconciled(self) -> bool:
        """Rows in = sent + unchanged + suppressed + failed."""
        return self.rows == self.sent + self.unchanged + self.suppressed + self.failed

    def facts(self) -> dict[str, float | int | str]:
        """Return the counts."""
        names = ("rows", *OUTCOMES, "cleared", "left_behind", "calls", "reconciled")
        return {name: int(getattr(self, name)) for name in names} | {"stopped": self.stopped}

    def __str__(self) -> str:
        parts = " + ".join(f"{name} {getattr(self, name)}" for name in OUTCOMES)
        tail = f" · stopped: {self.stopped}" if self.stopped else ""
        equal = "=" if self.reconciled else "is not"
        return f"rows {self.rows} {equal} {parts} · cleared {self.cleared}{tail}"


@dataclass(frozen=True)
class Target:
    """Where rows go, and how.

    Parameters
    ----------
    base_url : str
        Where the CRM is; the address of the settings by default.
    settings : Export
    key : str
        Secret behind the journal's hashes; ``SEGWORK_KEY`` or the project's key by default.
    out : path
        Folder of the CSV file.
    patience : Patience
    """

    base_url: str = ""
    settings: Export = field(default_factory=Export)
    key: str = ""
    out: str | Path = ""
    patience: Patience = field(default_factory=Patience)

    def address(self, to: str) -> str:
        """Return the address of a CRM from the settings, else from the environment."""
        named = str(getattr(self.settings, f"{to}_url"))
        return named or credential(f"SEGWORK_{to.upper()}_URL")


def send(
    rows: pd.DataFrame,
    *,
    to: str,
    journal: str | Path,
    dry_run: bool = False,
    resume: bool = False,
    **target: Any,
) -> Sent:
    """Send rows to a CRM or a file: what changed since the last export, each row once.

    Parameters
    ----------
    rows : DataFrame
        As :func:`segwork.export.rows` returns them: ``customer_id`` unique, the columns of
        ``crm.COLUMNS`` as far as they are there, and ``suppressed``: the reason why a customer
        must not be sent, empty where there is none.
    to : str
        csv, salesforce or hubspot.
    journal : path
        The file that remembers what was sent; not in a run folder.
    dry_run : bool
        Say what would be done; no call is made and nothing is written.
    resume : bool
        Go on with the export that was interrupted: what it had sent counts as sent here.
    **target
        As in :class:`Target`: ``base_url``, ``settings``, ``key``, ``out``, ``patience``.

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
    if to not in CLIENTS:
        raise UsageError.unknown("target", to, CLIENTS, where="send")
    at = Target(**{name: given for name, given in target.items() if given is not None})
    if to == "csv" and not (dry_run or str(at.out)):
        raise UsageError("no folder for the CSV file", accepted="out='folder'")
    place = str(Path(at.out).resolve()) if to == "csv" else at.base_url or at.address(to)
    client = None if dry_run else CLIENTS[to](place, at.settings, at.patience)
    book = "" if dry_run and not Path(journal or ".").is_file() else journal
    name = " ".join((to, at.settings.account, place.rstrip("/")))
    secret = at.key or pseudonym_key(Config(as_of=date.min))
    with closing(Journal(book, key=secret, target=name)) as opened:
        opened.begin(resume=resume, dry=dry_run)
        export = _Export(rows, opened, client)
        export.prepare()
        export.run()
        if not (dry_run or export.stopped):
            opened.end()
        return export.result()


class _Export:
    """One pass over the rows; outcome and reason of each are kept as small numbers."""

    def __init__(self, rows: pd.DataFrame, book: Journal, client: Crm | None) -> None:
        self.rows, self.book, self.client = _checked(rows), book, client
        self.reasons: dict[str, int] = {"": 0}
        self.codes = np.zeros((2, len(rows)), dtype=np.int32)
        self.cleared, self.seen, self.held = 0, 0, book.holding()
        self.stopped = ""

    def prepare(self) -> None:
        """Check the CRM's fields and settle what an earlier export left open; write the file."""
        if isinstance(self.client, CsvFile):
            parts = self._parts(np.arange(len(self.rows)))
            self.client.write((one, *told) for part in parts for one, why, told in part if not why)
        elif self.client:
            try:
                self.client.check()
                self.client.recall(self.book)
            except StoppedError as stop:
                self.stopped = str(stop)

    def run(self) -> None:
        """Go through the rows, in batches of what has to be sent."""
        changes = self._changes()
        while batch := list(islice(changes, self.client.size if self.client else CHUNK)):
            answers = dict.fromkeys((c.who for c in batch), "") if self.client is None else {}
            for told in self._post(batch):
                answers |= told
            for change in batch:
                self._record(change, answers.get(change.who, self.stopped or "no answer"))

    def _post(self, batch: list[Change]) -> Iterator[dict[bytes, str]]:
        """Send a batch and settle every answer as it comes."""
        client, book = self.client, self.book
        if client is None or self.stopped:
            return
        if book.spent() + client.cost(len(batch), 1) > client.day:
            self.stopped = f"the limit of {client.day:,} in 24 hours is reached"
            return
        before = client.calls.made
        try:
            for told in client.post(batch, book):
                book.settle(told, cost=client.cost(len(told), client.calls.made - before))
                before = client.calls.made
                yield told
        except StoppedError as stop:
            self.stopped = str(stop)
        except RefusedError as no:
            yield dict.fromkeys((c.who for c in batch), f"refused by the CRM ({no})")

    def _record(self, change: Change, reason: str) -> None:
        if reason:
            self._is(change.row, "failed", reason if change.mark else f"clear: {reason}")
        elif change.mark:
            self._is(change.row, "sent", "")
        else:
            self.cleared += 1

    def _parts(self, order: np.ndarray) -> Iterator[Iterator[tuple[str, str, tuple[str, ...]]]]:
        """Yield customer id, reason against it and values of every row, part by part."""
        for start in range(0, len(order), CHUNK):
            part = self.rows.iloc[order[start : start + CHUNK]]
            blank = [""] * len(part)
            told = [map(_text, part[n].tolist()) if n in part else blank for n in COLUMNS]
            ids = part["customer_id"].fillna("").tolist()
            yield zip(ids, part["suppressed"].tolist(), zip(*told, strict=True), strict=True)

    def _changes(self) -> Iterator[Change]:
        """Yield what has to be sent, row by row; all other rows are decided here."""
        # In the order of the hashes: the journal is written page by page, not all over.
        ids = self.rows["customer_id"].fillna("")
        whos = np.array([self.book.hash(one) for one in ids], dtype=f"S{HASH}")
        order, unsure = whos.argsort(kind="stable"), self.book.unsure()
        rows = iter(order.tolist())
        for part in map(list, self._parts(order)):
            hashes = [self.book.hash(one) for one, _, _ in part]
            known = self.book.known(hashes)
            self.seen += sum(one.held is not None for one in known.values())
            for who, (one, why, told) in zip(hashes, part, strict=True):
                row = Change(next(rows), one, who, b"", "", told, who in unsure)
                if change := self._decide(row, why, known.get(who, Known())):
                    yield change

    def _decide(self, change: Change, why: str, known: Known) -> Change | None:
        row, one, told, unsure = change.row, change.customer_id, change.told, change.unsure
        if why or not one:
            self._is(row, "suppressed" if why else "failed", why or "no customer id")
            clear = one and why not in NOT_TOUCHED and (known.held or unsure)
            return change._replace(told=("",) * len(told)) if clear else None
        named = dict(zip(COLUMNS, told, strict=True))
        due, today = named.pop("review_date"), named.pop("valid_from")
        mark = self.book.hash(one, *named.values())
        if unsure or known.held != mark or (known.due and known.due <= today):
            return change._replace(mark=mark, due=due)
        ours = known.export == self.book.export
        self._is(row, "sent" if ours else "unchanged", "")
        return None

    def _is(self, row: int, outcome: str, reason: str) -> None:
        known = self.reasons.setdefault(reason, len(self.reasons))
        self.codes[:, row] = OUTCOMES.index(outcome), known

    def result(self) -> Sent:
        """Count every row once, from what was kept of each."""
        told = {
            "customer_id": self.rows["customer_id"],
            "outcome": pd.Categorical.from_codes(self.codes[0], OUTCOMES),
            "reason": pd.Categorical.from_codes(self.codes[1], list(self.reasons)),
        }
        outcomes = pd.DataFrame(told)
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
