"""Tables told as events, in order of their time, and sent to a topic at a pace."""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Iterator
from typing import NamedTuple

import pandas as pd
from confluent_kafka import Producer
from confluent_kafka.admin import AdminClient, NewTopic

from segwork.scoring.events import TIMES
from segwork.tables import Tables


class Told(NamedTuple):
    """An event as it is sent: its time in milliseconds, whom it concerns, and the JSON."""

    at_ms: int
    customer: str
    text: str


def events(tables: Tables) -> list[Told]:
    """Return the rows of transactions and interactions as events, oldest first.

    A missing value stays null: unknown is not absent. Rows without a time come first.
    """
    told: list[Told] = []
    for name in ("transactions", "interactions"):
        frame = getattr(tables, name)
        if frame is not None:
            told += _of_table(name, frame)
    return sorted(told, key=lambda one: one.at_ms)


def _of_table(name: str, frame: pd.DataFrame) -> Iterator[Told]:
    moments = frame[TIMES[name]]
    plain = frame.drop(columns=[c for c in ("text",) if c in frame])
    plain = plain.assign(**{TIMES[name]: moments.dt.strftime("%Y-%m-%dT%H:%M:%S.%f")})
    plain = plain.astype(object).where(plain.notna(), None)
    at_ms = moments.astype("datetime64[ms]").astype("int64").where(moments.notna(), 0)
    for number, (at, row) in enumerate(zip(at_ms, plain.to_dict("records"), strict=True)):
        event = {"event_id": f"{name[0]}{number}", "table": name, **row}
        yield Told(int(at), str(row["customer_id"]), json.dumps(event))


def clock(day: str) -> Told:
    """Return the event that says how late it is, and nothing else."""
    moment = pd.Timestamp(day)
    text = json.dumps({"table": "clock", "occurred_at": moment.isoformat()})
    return Told(int(moment.timestamp() * 1000), "", text)


def make_topics(brokers: str, *names: str, partitions: int = 2) -> None:
    """Make topics."""
    admin = AdminClient({"bootstrap.servers": brokers})
    for done in admin.create_topics([NewTopic(name, partitions) for name in names]).values():
        done.result(60)


def send(
    brokers: str, topic: str, told: Iterable[Told], *, a_second: float = 0, now: bool = False
) -> int:
    """Send events, at most so many a second, and return how many.

    With ``now`` records carry the time they are sent at, else that of the event: a company of
    earlier years is replayed as if each event had been written when it happened.
    """
    producer = Producer({"bootstrap.servers": brokers, "linger.ms": 5, "compression.type": "lz4"})
    start, sent = time.monotonic(), 0
    for one in told:
        ahead = sent / a_second - (time.monotonic() - start) if a_second else 0
        if ahead > 0:
            time.sleep(ahead)
        at = {} if now else {"timestamp": max(one.at_ms, 1)}
        while True:
            try:
                producer.produce(topic, one.text.encode(), one.customer.encode(), **at)
                break
            except BufferError:
                producer.poll(0.1)
        producer.poll(0)
        sent += 1
    producer.flush()
    return sent
