"""The stateful step of the stream: buckets of customers in Spark's state store, one a task.

Spark's state is kept by bucket, and within a bucket by customer, so that Python is called once a
task and batch and labels many customers at once; one timer a bucket closes its days.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import NamedTuple

import pandas as pd
from pyspark.sql.streaming.stateful_processor import (
    ExpiredTimerInfo,
    StatefulProcessor,
    StatefulProcessorHandle,
    TimerValues,
)

from segwork.clustering.model import SegmentModel
from segwork.features.orders import FIRST_PLAUSIBLE_DAY
from segwork.runs.files import Json
from segwork.scoring import standing
from segwork.scoring.consent import Consent
from segwork.scoring.events import Event, Malformed, read
from segwork.scoring.standing import Standing

DAY_MS = 86_400_000
CHUNK = 20_000
LONGEST = 100_000  # characters of a dead event; the whole is where the letter says
OUT = "kind string, key string, value string"
Row = tuple[str, str, str]
EVERYBODY = Consent()
WHO = "customer_id string"
WHAT = "sums array<double>, named binary, waiting string, said string, changes int, agrees boolean"
BUCKET = "made_for string, closed int, asked string"
REFUSED = "no consent, or withdrawn"


class Record(NamedTuple):
    """A record of the topic; ``who`` is the customer as Spark read it, ``written`` milliseconds."""

    value: str
    partition: int
    offset: int
    written: int
    who: str


class Buckets(StatefulProcessor):
    """Take events, keep customers, give rows of ``kind`` change, dead or applied.

    Parameters
    ----------
    model : SegmentModel
    made_for : str
        What the state is bound to: hash of the model, number of buckets.
    consent : Consent
        Who may be segmented; by default everybody who does not say otherwise.
    """

    def __init__(self, model: SegmentModel, made_for: str, consent: Consent = EVERYBODY) -> None:
        self.model, self.made_for, self.consent = model, made_for, consent
        counted = ("products", "categories")
        self.kept = ("orders", *(name for name in counted if name in model.columns))

    def init(self, handle: StatefulProcessorHandle) -> None:
        """Open the state."""
        self.handle = handle
        self.customers = handle.getMapState("customers", WHO, WHAT)
        self.bucket = handle.getValueState("bucket", BUCKET)

    def handleInputRows(  # noqa: N802 (Spark's name)
        self,
        key: object,  # noqa: ARG002
        rows: Iterable[pd.DataFrame],
        timerValues: TimerValues,
    ) -> Iterator[pd.DataFrame]:
        """Add events to open days, and say at once what they change."""
        closed = self._closed(timerValues)
        known: dict[str, Standing] = {}
        news: dict[str, dict[int, str]] = {}  # customer -> day -> the last event of it
        out, applied = [], 0
        for record in (one for frame in rows for one in frame.itertuples(index=False)):
            try:
                customer, event = read(record.value, int(record.written), self.consent.purpose)
                if event is not None:
                    self._take(record, customer, event, closed, known)
                if isinstance(event, Event):
                    news.setdefault(customer, {})[event.day] = event.event_id
                applied += 1
            except Malformed as fault:
                out.append(_dead(record, str(fault)))
        days = [
            (c, known[c], day)
            for c, new in news.items()
            for day in {event.day for event in known[c].waiting if event.day >= min(new)}
        ]
        for day, change in standing.review(self.model, days, self.kept):
            out.append(_change(change, news[change["customer_id"]].get(day)))
        self._keep(known)
        yield _frame([*out, ("applied", "", str(applied))])

    def handleExpiredTimer(  # noqa: N802
        self,
        key: object,  # noqa: ARG002
        timerValues: TimerValues,
        expiredTimerInfo: ExpiredTimerInfo,  # noqa: ARG002
    ) -> Iterator[pd.DataFrame]:
        """Close the days whose end the watermark has passed."""
        last = timerValues.getCurrentWatermarkInMs() // DAY_MS - 1
        closed = self._closed(timerValues)
        first = closed + 1 if closed >= FIRST_PLAUSIBLE_DAY else self._oldest(last)
        everybody = iter(self.customers.iterator())
        while rows := list(islice(everybody, CHUNK)):
            known = {who[0]: Standing.of(what) for who, what in rows}
            before = {c: (s.changes, len(s.waiting)) for c, s in known.items()}
            days = range(first, last + 1)
            found = list(standing.close(self.model, known, days, self.kept)) if days else []
            for customer, now in known.items():
                if (now.changes, len(now.waiting)) != before[customer]:
                    self.customers.updateValue((customer,), now.row())
            yield _frame([_change(change, None) for _, change in found])
        self.bucket.update((self.made_for, max(last, closed), self.consent.digest))
        self.handle.registerTimer((max(last, closed) + 2) * DAY_MS)

    def _closed(self, timer: TimerValues) -> int:
        """Return the last closed day of the bucket; a new one begins with the watermark's."""
        found, asked = self.bucket.get(), self.consent.digest
        if found is None:
            closed = max(timer.getCurrentWatermarkInMs() // DAY_MS, FIRST_PLAUSIBLE_DAY) - 1
            self.handle.registerTimer((closed + 2) * DAY_MS)
        elif found[0] != self.made_for:
            raise ValueError(f"the checkpoint was made for {found[0]}, not {self.made_for}")
        else:
            closed = int(found[1])
            if found[2] != asked:
                self._forget_refused()
        if found is None or found[2] != asked:
            self.bucket.update((self.made_for, closed, asked))
        return closed

    def _forget_refused(self) -> None:
        """Clear the state of all who may not be segmented by a table that is read anew."""
        rows = ((who[0], Standing.of(what)) for who, what in self.customers.iterator())
        gone = {c: s.forgotten() for c, s in rows if not self.consent.allows(c, s.agrees)}
        self._keep(gone)

    def _keep(self, known: dict[str, Standing]) -> None:
        for customer, now in known.items():
            if now == Standing():  # nothing is known of them
                self.customers.removeKey((customer,))
            else:
                self.customers.updateValue((customer,), now.row())

    def _oldest(self, last: int) -> int:
        """Return the first day with an event that is still open, at most the day after the last."""
        waiting = (json.loads(what[2]) for what in self.customers.values())
        return min((event[0] for events in waiting for event in events), default=last + 1)

    def _take(
        self,
        record: Record,
        customer: str,
        event: Event | bool,
        closed: int,
        known: dict[str, Standing],
    ) -> None:
        """Let an event wait beside its customer's sums, or say why not."""
        if customer != record.who:  # as Spark read it, which chose the bucket by it
            raise Malformed("customer_id can be read in two ways")
        if customer not in known:
            known[customer] = Standing.of(self.customers.getValue((customer,)))
        if isinstance(event, bool):
            known[customer].agrees = event
        allowed = self.consent.allows(customer, known[customer].agrees)
        if not allowed:
            known[customer] = known[customer].forgotten()
        if isinstance(event, bool):
            return
        if not allowed:
            raise Malformed(REFUSED)
        if event.day <= closed:
            raise Malformed("late: its day is closed")
        if any(event.event_id == other.event_id for other in known[customer].waiting):
            raise Malformed("duplicate: its event_id was there before")
        known[customer].waiting.append(event)


def _change(change: Json, event_id: str | None) -> Row:
    customer = change["customer_id"]
    named = {"change_id": f"{customer}-{change['number']}", **change, "event_id": event_id}
    return "change", customer, json.dumps(named, ensure_ascii=False)


def _dead(record: Record, reason: str) -> Row:
    place = {"partition": int(record.partition), "offset": int(record.offset)}
    letter = {"reason": reason, **place, "event": record.value[:LONGEST]}
    return "dead", reason, json.dumps(letter, ensure_ascii=False)


def _frame(rows: list[Row]) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=["kind", "key", "value"], dtype=object)
