"""Each batch of a partition goes to its topics once: one Kafka transaction holds rows and mark.

Spark runs a batch again after a failure, with the same rows. The transaction that wrote them also
committed, as the offset of a consumer group of this stream and partition, the number of the next
batch; a batch below it was written. Whoever is still writing under the same name is fenced.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import chain

import pyarrow as pa
from tenacity import Retrying, stop_after_delay, wait_fixed

ANSWER = "kind string, n long"
TIMEOUT_S = 60.0
MOST_MS = 900_000  # of a transaction, by the broker's default


@dataclass(frozen=True)
class Sink:
    """Where rows go: a topic for each kind; kinds without one are only counted.

    Parameters
    ----------
    topics : dict of str to str
    stream : str
        Name of the stream; stays the same when it is started again.
    client : dict of str to str
        Settings of librdkafka.
    """

    topics: dict[str, str]
    stream: str
    client: dict[str, str] = field(default_factory=dict)

    def write(self, batches: Iterable[pa.RecordBatch], batch: int) -> Iterator[pa.RecordBatch]:
        """Write the rows (kind, key, value) of a partition and return how many of each kind."""
        from pyspark import TaskContext

        found: Counter[str] = Counter()
        rows = self._counted(batches, found)
        first = next(rows, None)
        if first is not None:
            task = TaskContext.get()
            partition = 0 if task is None else task.partitionId()
            self._send(chain([first], rows), f"{self.stream}-{partition}", batch)
        names, counts = list(found), list(found.values())
        yield pa.RecordBatch.from_pydict({"kind": names, "n": pa.array(counts, pa.int64())})

    def _counted(
        self, batches: Iterable[pa.RecordBatch], found: Counter[str]
    ) -> Iterator[tuple[str, str, str]]:
        """Yield topic, key and value; count every row, dead ones by reason (their key)."""
        for rows in batches:
            for kind, key, value in zip(*(c.to_pylist() for c in rows.columns), strict=True):
                if kind in self.topics:
                    found[key if kind == "dead" else kind] += 1
                    yield self.topics[kind], key, value
                else:
                    found[kind] += int(value)

    def _send(self, rows: Iterable[tuple[str, str, str]], name: str, batch: int) -> None:
        from confluent_kafka import Consumer, Producer, TopicPartition

        settings = {"transaction.timeout.ms": MOST_MS, "compression.type": "lz4", "linger.ms": 5}
        producer = Producer({**settings, **self.client, "transactional.id": name})
        producer.init_transactions(TIMEOUT_S)  # ends what a killed writer left open
        reader = Consumer({**self.client, "group.id": name})
        try:
            mark = TopicPartition(next(iter(self.topics.values())), 0)
            # A read; while brokers settle who keeps the group, it is asked again.
            again = Retrying(stop=stop_after_delay(TIMEOUT_S), wait=wait_fixed(0.1), reraise=True)
            if again(reader.committed, [mark], TIMEOUT_S)[0].offset > batch:
                deque(rows, maxlen=0)  # the state of the batch is made by reading it
                return
            producer.begin_transaction()
            for topic, key, value in rows:
                while True:
                    try:
                        producer.produce(topic, value.encode(), key.encode())
                        break
                    except BufferError:  # its queue is full
                        producer.poll(0.1)
            mark.offset = batch + 1
            group = reader.consumer_group_metadata()
            producer.send_offsets_to_transaction([mark], group, TIMEOUT_S)
            producer.commit_transaction(TIMEOUT_S)
        finally:
            reader.close()
