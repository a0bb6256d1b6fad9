"""The journal: what each CRM is known to hold, in one SQLite file that survives ``kill -9``.

It knows customers by keyed hash only: no id, no value, no credential. A row goes through two
commits: *claimed* before the call that sends it, *settled* after the answer. A row that is claimed
and not settled is one whose answer nobody heard; it is asked for before it is sent again.
"""

from __future__ import annotations

import hashlib
import hmac
import sqlite3
import time
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import NamedTuple

from segwork.errors import UsageError

HASH = 16  # bytes
SCHEMA = """
begin exclusive;
create table if not exists records (
  who blob primary key, held blob, due text, export integer) without rowid;
create table if not exists claims (
  who blob primary key, mark blob, due text, ticket text, target text) without rowid;
create table if not exists exports (id integer primary key, target text, finished integer);
create table if not exists spent (target text, hour integer, n integer);
commit;
"""
KNOWN = "select who, held, due, export from records where who in"
TAKEN = """
insert or replace into records select who, nullif(mark, x''), due, ?2 from claims where who = ?1
"""
HOLDING = "count(held) from records join exports on exports.id = records.export where target = ?"


class Change(NamedTuple):
    """One row to send: its place, the customer, a hash of the values (none clears), the values."""

    row: int
    customer_id: str
    who: bytes
    mark: bytes
    due: str
    told: tuple[str, ...]
    unsure: bool


class Known(NamedTuple):
    """What the CRM is known to hold of one customer."""

    held: bytes | None = None
    due: str = ""
    export: int = 0


class Journal:
    """One target in one journal file; only one export at a time may have it open.

    Parameters
    ----------
    path : path
        Made where it is missing, readable by its owner only; empty: one that is forgotten.
    key : str
        Secret behind the hashes.
    target : str
        The CRM, with its address.

    Raises
    ------
    UsageError
        The file lies in a run folder, is no journal, or another export has it open.
    """

    def __init__(self, path: str | Path, *, key: str, target: str) -> None:
        place = Path(path).resolve() if path else None
        if place and any((folder / "manifest.json").is_file() for folder in place.parents):
            raise UsageError(f"the journal '{place.name}' lies in a run folder", accepted="another")
        if place:
            place.parent.mkdir(parents=True, exist_ok=True)
            place.touch(mode=0o600)
        self.export, self._target = 0, target
        self._secret = hmac.new(key.encode(), b"segwork export " + target.encode(), hashlib.sha256)
        try:
            self._file = sqlite3.connect(place or ":memory:", timeout=1.0, isolation_level=None)
            for line in ("locking_mode = exclusive", "journal_mode = wal", "synchronous = full"):
                self._file.execute(f"pragma {line}")
            self._file.executescript(SCHEMA)
        except sqlite3.OperationalError:
            raise UsageError(f"another export is using the journal '{place}'") from None
        except sqlite3.DatabaseError:
            raise UsageError(f"'{place}' is no journal of exports") from None

    def close(self) -> None:
        """Fold everything into the one file and let it go."""
        self._file.close()

    def hash(self, *parts: str) -> bytes:
        """Return the keyed hash of some texts: ``HASH`` bytes."""
        secret = self._secret.copy()
        secret.update("\x1f".join(parts).encode())
        return secret.digest()[:HASH]

    def begin(self, *, resume: bool, dry: bool = False) -> None:
        """Open an export, or go on with the one that was interrupted; a dry one leaves no trace."""
        last = self._one("max(id) from exports where target = ? and not finished", self._target)
        self.export = last if resume and last else 0
        if not self.export and not dry:
            self.end()  # what was interrupted before is over
            new = "insert into exports values (null, ?, 0)"
            self.export = int(self._file.execute(new, [self._target]).lastrowid or 0)

    def end(self) -> None:
        """Write down that nothing was interrupted."""
        self._file.execute("update exports set finished = 1 where target = ?", [self._target])

    def known(self, whos: list[bytes]) -> dict[bytes, Known]:
        """Return what is known of some customers, 32,000 at most; who is not there is new."""
        rows = self._file.execute(f"{KNOWN} ({', '.join('?' * len(whos))})", whos)
        return {who: Known(*known) for who, *known in rows}

    def unsure(self) -> set[bytes]:
        """Return the customers who are claimed: nobody knows whether the CRM took them."""
        asked = "select who from claims where target = ?"
        return {who for (who,) in self._file.execute(asked, [self._target])}

    def claim(self, changes: Iterable[Change], ticket: str) -> None:
        """Remember, before the call, what is about to be sent with it."""
        rows = [(c.who, c.mark, c.due, ticket, self._target) for c in changes]
        self._file.execute("begin")
        self._file.executemany("insert or replace into claims values (?, ?, ?, ?, ?)", rows)
        self._file.execute("commit")

    def settle(self, answers: Mapping[bytes, str], *, cost: int) -> None:
        """Remember the answers ("" for taken), and how much of the day's limit they cost.

        A claimed row without an answer stays claimed.
        """
        taken = [(who, self.export) for who, reason in answers.items() if not reason]
        spent = [self._target, int(time.time() // 3600), cost]
        self._file.execute("begin")
        self._file.executemany(TAKEN, taken)
        self._file.executemany("delete from claims where who = ?", [(who,) for who in answers])
        self._file.execute("insert into spent values (?, ?, ?)", spent)
        self._file.execute("commit")

    def tickets(self) -> list[str]:
        """Return the tickets some change is still claimed with."""
        asked = "select distinct ticket from claims where target = ?"
        return [ticket for (ticket,) in self._file.execute(asked, [self._target])]

    def release(self, ticket: str) -> None:
        """Let go of what is still claimed with a ticket: the CRM did not take it."""
        no = "delete from claims where target = ? and ticket = ?"
        self._file.execute(no, [self._target, ticket])

    def holding(self) -> int:
        """Return how many customers the CRM is known to hold values of."""
        return self._one(HOLDING, self._target)

    def spent(self) -> int:
        """Return what the last 24 hours cost, on every export with this journal."""
        since = int(time.time() // 3600) - 24
        return self._one("sum(n) from spent where target = ? and hour > ?", self._target, since)

    def _one(self, asked: str, *values: object) -> int:
        return int(self._file.execute(f"select {asked}", values).fetchone()[0] or 0)
