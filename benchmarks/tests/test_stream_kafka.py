"""The stream with a real broker and Spark's connector: once each, counted, equal to the batch."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pytest

from segwork import features, scoring

pytest.importorskip("pyspark", reason="pyspark is not installed (pip install 'segwork[stream]')")
pytest.importorskip("confluent_kafka", reason="confluent-kafka is not installed")
from test_stream import company, model, order  # noqa: F401

from benchmarks.stream import job as jobs
from benchmarks.stream.replay import Told, clock, events, make_topics, send
from segwork.clustering import SegmentModel
from segwork.scoring.sink import Sink

pytestmark = pytest.mark.slow
KINDS = pa.schema({"kind": pa.string(), "key": pa.string(), "value": pa.string()})


def rows(*found: tuple[str, str, str]) -> list[pa.RecordBatch]:
    """Return rows of the stateful step as Spark hands them over."""
    columns = dict(zip(KINDS.names, zip(*found, strict=True), strict=True))
    return [pa.RecordBatch.from_pydict(columns, KINDS)]


def test_a_batch_is_written_once_whatever_died_before(kafka: str) -> None:
    """Repeated after its commit it writes nothing; what was left open before it never shows."""
    from confluent_kafka import Producer

    make_topics(kafka, "once", "once-dead", partitions=1)
    sink = Sink({"change": "once", "dead": "once-dead"}, "s", {"bootstrap.servers": kafka})
    first = rows(("change", "a", "1"), ("dead", "late", "2"), ("applied", "", "7"))
    for _ in range(2):
        counts = [batch.to_pydict() for batch in sink.write(iter(first), 0)]
        assert counts == [{"kind": ["change", "late", "applied"], "n": [1, 1, 7]}]

    settings = {"bootstrap.servers": kafka, "transactional.id": "s-0"}
    killed = Producer(settings)
    killed.init_transactions(30)
    killed.begin_transaction()
    killed.produce("once", b"99", b"a")
    killed.flush()
    list(sink.write(iter(rows(("change", "a", "3"))), 1))
    assert jobs.read_all(kafka, "once") == [1, 3]
    assert jobs.read_all(kafka, "once-dead") == [2]


def test_events_in_changes_out(kafka: str, model: SegmentModel, tmp_path: Path) -> None:  # noqa: F811
    """Two starts on one checkpoint: every event counted, topic and table alike, evenings right."""
    scoring.save(model, tmp_path / "model")
    make_topics(kafka, jobs.EVENTS)
    data = company(40)
    told = events(data)
    middle = len(told) // 2
    odd = [Told(told[-1].at_ms, "", text) for text in ("{", "[" * 100_000, "")]
    table = tmp_path / "table"
    job = jobs.Job(tmp_path, tmp_path / "model", kafka, "--table", str(table))

    far = Told(told[0].at_ms, "c1", order("c1", "2099-01-01", 99_998))  # would make all others late
    send(kafka, jobs.EVENTS, [far, *told[:middle], told[middle - 1]])
    assert job.finish() == 0, job.log.read_text()
    late = order("c1", "2026-05-02", 99_999)
    last = Told(told[-1].at_ms, "c1", late)
    send(
        kafka,
        jobs.EVENTS,
        [*odd, told[middle - 1], *told[middle:], last, clock("2026-06-01T02:00")],
    )
    assert job.finish() == 0, job.log.read_text()

    changes, dead = (jobs.read_all(kafka, topic) for topic in (jobs.CHANGES, jobs.DEAD))
    reasons = Counter(letter["reason"] for letter in dead)
    said = re.findall(r"events (\d+) = applied (\d+) \+ dead letters (\d+)", job.log.read_text())
    totals = [sum(map(int, numbers)) for numbers in zip(*said[-1:], strict=True)]
    assert totals[0] == totals[1] + totals[2] == len(told) - middle + 6
    assert reasons["no JSON object"] == 3
    assert reasons["ordered_at is after the record"] == 1
    assert reasons["late: its day is closed"] >= 1
    assert reasons["duplicate: its event_id was there before"] >= 1

    assert len({change["change_id"] for change in changes}) == len(changes) > 100
    copied = pd.read_parquet(sorted(table.glob("*/*.parquet")))
    assert sorted(copied["change_id"]) == sorted(change["change_id"] for change in changes)
    for folder in (table, tmp_path / "checkpoint"):
        assert folder.stat().st_mode & 0o777 == 0o700
    changes.sort(key=lambda change: (change["as_of"], change["number"]))
    for as_of in ("2026-05-10", "2026-05-20", "2026-05-31", "2026-06-01"):
        known = features.customer_features(data, as_of=as_of)
        batch = scoring.assign(model, known).set_index("customer_id")["segment"].to_dict()
        assert {c["customer_id"]: c["segment"] for c in changes if c["as_of"] <= as_of} == batch
