"""What is known of each customer, and what was said of them: sums that grow, day by day.

A day is open until the watermark has passed its end. Events of open days wait beside the sums, so
that they may come in any order and an id that came before is known; a closed day is added to the
sums for good. The sums are those of :func:`segwork.features.orders.sum_lines`, and become features
by the same function, so the last word on a day is that of the batch.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

import narwhals as nw
import numpy as np
import pandas as pd

from segwork.clustering.model import SegmentModel
from segwork.errors import UsageError
from segwork.features.orders import per_customer
from segwork.runs.files import Json
from segwork.scoring.assigning import KEY, label
from segwork.scoring.consent import MARK, mark
from segwork.scoring.events import EPOCH, Event

CONTACTS = ("contacts", "calls", "complaints", "handling_minutes")
SUMS = (
    *("orders", "_lines", "_spend", "_pieces", "_first", "_last"),
    *("_gap", "_gap_squares", "_newest", "returns", "returns_total", "products", "categories"),
    *CONTACTS,
)
AT = {name: place for place, name in enumerate(SUMS)}
WINDOWS = {"orders_window": 0, "spend_window": 0.0}  # nobody keeps them: see check
Said = tuple[int, str | None, str | None]  # day, segment, why


def check(model: SegmentModel) -> None:
    """Refuse a model that reads what the stream does not keep.

    Raises
    ------
    UsageError
        It reads behaviour, attributes, payments, or sums over a window.
    """
    known = set(evaluated(np.ones((1, len(SUMS))), 20_000)) - set(WINDOWS)
    if unknown := sorted(set(model.columns) - known):
        raise UsageError(
            f"the stream does not keep {', '.join(unknown)}",
            accepted="a model of " + ", ".join(sorted(known)),
            hint="segwork score reads every feature",
        )


def evaluated(sums: np.ndarray, day: int) -> pd.DataFrame:
    """Return features as of the end of a day, of sums of shape (customers, len(SUMS))."""
    frame = pd.DataFrame(sums, columns=[*SUMS]).assign(**WINDOWS)
    frame[KEY] = np.arange(len(frame))
    found = per_customer(nw.from_native(frame), EPOCH + timedelta(days=day + 1)).to_native()
    return found.join(frame[[*CONTACTS]])


def segments(model: SegmentModel, sums: np.ndarray, day: int) -> tuple[np.ndarray, np.ndarray]:
    """Return segment and why not of customers at the end of a day; None where there is none."""
    answer = np.full((2, len(sums)), None, dtype=object)
    bought = sums[:, AT["orders"]] > 0
    if bought.any():
        found = label(model, evaluated(sums[bought], day))
        for row, name in zip(answer, ("segment", "why"), strict=True):
            row[bought] = found[name].astype(object).where(found[name].notna(), None)
    return answer[0], answer[1]


@dataclass
class Standing:
    """A customer: sums over closed days, events of open ones, what was said, by us and by them."""

    sums: list[float] = field(default_factory=lambda: [0.0] * len(SUMS))
    named: bytes = b""
    waiting: list[Event] = field(default_factory=list)
    said: list[Said] = field(default_factory=list)  # the last of a closed day, then open days
    changes: int = 0
    agrees: bool | None = None  # as an event said last

    @classmethod
    def of(cls, row: Sequence[Any] | None) -> Standing:
        """Read what :meth:`row` wrote."""
        if row is None:
            return cls()
        waiting = [Event(*one) for one in json.loads(row[2])]
        return cls(list(row[0]), bytes(row[1]), waiting, json.loads(row[3]), *row[4:])

    def row(self) -> tuple[list[float], bytearray, str, str, int, bool | None]:
        """Return what the state store keeps."""
        waiting, said = json.dumps(self.waiting), json.dumps(self.said)
        return self.sums, bytearray(self.named), waiting, said, self.changes, self.agrees

    def forgotten(self) -> Standing:
        """Return what may be kept of who does not agree: that, and the number of the last change.

        Without the number the first change after a new consent would have the id of an old one.
        """
        return Standing(changes=self.changes, agrees=self.agrees)

    def until(self, day: int, kept: Collection[str]) -> Standing:
        """Return sums and names with the events up to a day added, in order of days."""
        sums, named = list(self.sums), self.named
        known = {named[at : at + MARK] for at in range(0, len(named), MARK)}
        for event in sorted(self.waiting, key=lambda e: e.day):
            if event.day <= day:
                named_now = ((kind, n) for kind, n in event.named.items() if kind in kept)
                marks = {kind: mark(f"{kind}:{n}") for kind, n in named_now}
                new = {kind: own for kind, own in marks.items() if own not in known}
                _add(sums, event, new)
                known.update(new.values())
                named += b"".join(new.values())
        waiting = [event for event in self.waiting if event.day > day]
        return replace(self, sums=sums, named=named, waiting=waiting)

    def say(self, day: int, segment: str | None, why: str | None) -> Json | None:
        """Return the change where the end of a day is not as was said, and remember it."""
        earlier = [one for one in self.said if one[0] <= day]
        before = earlier[-1][1:] if earlier else (None, None)
        if tuple(before) == (segment, why):
            return None
        self.changes += 1
        later = [one for one in self.said if one[0] > day]
        self.said = [*(one for one in earlier if one[0] < day), (day, segment, why), *later]
        as_of = (EPOCH + timedelta(days=day + 1)).date().isoformat()
        change = {"as_of": as_of, "number": self.changes, "segment": segment}
        return {**change, "before": before[0], "why": why}

    def close(self, day: int) -> None:
        """Forget what was said of days before the last closed one."""
        closed = [one for one in self.said if one[0] <= day]
        self.said = closed[-1:] + [one for one in self.said if one[0] > day]


def _add(sums: list[float], event: Event, new: Collection[str]) -> None:
    """Add an event that is not older than those added before; ``new`` is what it names first."""
    for name, amount in (event.adds | dict.fromkeys(new, 1.0)).items():
        sums[AT[name]] += amount
    if not event.named:
        return
    day = float(event.day)  # Spark makes nothing of whole numbers
    sums[AT["_last"]] = day
    if "orders" in new:
        first = sums[AT["orders"]] == 1
        gap = 0.0 if first else day - sums[AT["_newest"]]
        sums[AT["_gap"]] += gap
        sums[AT["_gap_squares"]] += gap * gap
        sums[AT["_newest"]] = day
        sums[AT["_first"]] = day if first else sums[AT["_first"]]


def review(
    model: SegmentModel, days: Iterable[tuple[str, Standing, int]], kept: Collection[str]
) -> Iterator[tuple[int, Json]]:
    """Say anew what held at the end of open days, and yield what is not as it was said."""
    by_day: dict[int, list[tuple[str, Standing]]] = {}
    for customer, standing, day in days:
        by_day.setdefault(day, []).append((customer, standing))
    for day, asked in sorted(by_day.items()):
        sums = np.array([standing.until(day, kept).sums for _, standing in asked])
        yield from _said(model, asked, sums, day)


def close(
    model: SegmentModel,
    everybody: dict[str, Standing],
    days: Sequence[int],
    kept: Collection[str],
) -> Iterator[tuple[int, Json]]:
    """Say for good what holds at the end of each of the days, in order, and add them to the sums.

    Whoever has events of later days is looked at again as of those: what was said of them stood
    on what was said before.
    """
    for day in days:
        for customer, standing in everybody.items():
            if standing.waiting:
                everybody[customer] = standing.until(day, kept)
        sums = np.array([standing.sums for standing in everybody.values()])
        yield from _said(model, list(everybody.items()), sums, day)
    for standing in everybody.values():
        standing.close(days[-1])
    later = [(c, s, day) for c, s in everybody.items() for day in {e.day for e in s.waiting}]
    yield from review(model, later, kept)


def _said(
    model: SegmentModel, asked: list[tuple[str, Standing]], sums: np.ndarray, day: int
) -> Iterator[tuple[int, Json]]:
    for (customer, standing), *found in zip(asked, *segments(model, sums, day), strict=True):
        change = standing.say(day, *found)
        if change:
            yield day, {"customer_id": customer, **change}
