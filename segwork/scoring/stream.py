"""``segwork stream``: events in, changes of segment out, by Spark Structured Streaming and Kafka.

Two queries with a checkpoint each. The first keeps customers and writes changes and dead letters to
their topics, each batch in one transaction; the second copies the topic of changes to Parquet, a
folder a batch, which is written over where a batch is repeated. So neither loses nor repeats one.
"""

from __future__ import annotations

import json
import re
import signal
import threading
import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from segwork.errors import DataError, MissingExtraError
from segwork.runs.files import private_folder
from segwork.scoring.assigning import KEY
from segwork.scoring.consent import Consent
from segwork.scoring.models import load, place_of
from segwork.scoring.settings import Settings
from segwork.scoring.spark import session

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession
    from pyspark.sql.streaming.query import StreamingQuery

    from segwork.scoring.buckets import Buckets

CONNECTOR = Path(__file__).with_name("connector.xml")
CHANGE = (
    "change_id string, customer_id string, as_of date, number int, segment string,"
    " before string, why string, event_id string"
)
PACKAGE = "org.apache.spark.sql.execution.streaming.state"
STATE = "spark.sql.streaming.stateStore."
CONF = {
    "spark.sql.session.timeZone": "UTC",
    f"{STATE}providerClass": f"{PACKAGE}.RocksDBStateStoreProvider",
    f"{STATE}rocksdb.changelogCheckpointing.enabled": "true",  # a batch costs what it changed
}
WAIT_S, TELL_S = 30, 10
AT_ONCE, BY_MINUTE = {"processingTime": "200 milliseconds"}, {"processingTime": "60 seconds"}
ALL_THERE_IS = {"availableNow": True}
# Spark gives the Python that reads the state's schema at each start ten seconds to come up, and
# has no setting for it (SPARK-45245); a busy machine takes longer, and the next time less.
SLOW, STARTS = "Python worker failed to connect back", 6
Say = Callable[[str], None]
Write = Callable[["DataFrame", int], None]
Trigger = dict[str, Any]  # of the arguments of Spark's trigger


def follow(
    run_folder: str,
    settings: Settings,
    *,
    consent: str | None = None,
    once: bool = False,
    master: str = "",
    say: Say = print,
) -> int:
    """Follow a topic of events with the model of a run until interrupted, and return exit code 0.

    Parameters
    ----------
    run_folder : str
        A run, or a folder of :func:`segwork.scoring.save`.
    settings : Settings
    consent : str, optional
        A config whose customers table says who agreed; who did not is not segmented.
    once : bool
        Take what is there, and end.
    master : str
        Where Spark runs; by default where a session that is there runs, or on this machine.

    Raises
    ------
    SegworkError
        The model, the settings or what is installed cannot be used; nothing was started.
    DataError
        The stream broke off; started again it goes on where it was.
    """
    for package in ("pyspark", "confluent_kafka"):
        if find_spec(package) is None:
            raise MissingExtraError.of(package, extra="stream", needed_for="segwork stream")
    from segwork.scoring.buckets import Buckets
    from segwork.scoring.standing import check

    place = place_of(run_folder)
    model = load(place)
    check(model)
    asked = _consent(consent, say)
    made_for = f"model {json.loads((place / 'model.json').read_text())['sha256'][:12]}"
    _prepare(settings)
    with session("segwork stream", master, jars=CONNECTOR) as given:
        spark = given.newSession()  # its settings are our own
        for name, value in CONF.items():
            spark.conf.set(name, value)
        keys = _keys(spark, settings.partitions)
        made_for += f" in {len(keys)} partitions for {asked.purpose}"
        events = _events(spark, settings, keys)
        query = _Changes(settings, events, Buckets(model, made_for, asked), say)
        return _follow(spark, query, once=once)


def _consent(config: str | None, say: Say) -> Consent:
    """Read who agreed, and say of how many."""
    if config is None:
        say("segwork stream: nobody is asked for consent (--consent)")
        return Consent()
    asked = Consent.of(config)
    yes, no = len(asked.willing), len(asked.refused)
    say(f"segwork stream: customers {yes + no} = consent to {asked.purpose} {yes} + none {no}")
    return asked


def _prepare(settings: Settings) -> None:
    """Make the topics that are written where they are missing, and folders for their owner only."""
    from confluent_kafka import KafkaException
    from confluent_kafka.admin import AdminClient, NewTopic

    admin = AdminClient(settings.librdkafka)
    try:
        there = admin.list_topics(timeout=WAIT_S).topics
        if settings.source not in there:
            raise DataError.unknown("topic", settings.source, there, where=settings.brokers)
        wanted = {settings.changes, settings.dead} - set(there)
        if wanted:
            made = admin.create_topics([NewTopic(n, settings.partitions) for n in wanted])
            for done in made.values():
                done.result(WAIT_S)
    except KafkaException as fault:
        raise DataError(f"no answer from {settings.brokers}: {fault.args[0].str()}") from None
    for place in (settings.checkpoint, settings.table):
        if place and "://" not in place:
            private_folder(Path(place))
            Path(place).chmod(0o700)


def _keys(spark: SparkSession, partitions: int) -> list[int]:
    """Return a key for each partition that Spark's hashing sends there: one bucket a task."""
    spark.conf.set("spark.sql.shuffle.partitions", partitions)
    numbers = spark.range(100 * partitions)
    found = numbers.selectExpr("id", f"pmod(hash(id), {partitions}) as p").groupBy("p").min("id")
    return sorted(row[1] for row in found.collect())


def _events(spark: SparkSession, settings: Settings, keys: list[int]) -> DataFrame:
    """Return the records of the topic with their bucket; the watermark follows their times.

    The time is dropped once it has moved the watermark: Spark would drop late rows unseen.
    """
    options = {"maxOffsetsPerTrigger": str(settings.batch), **settings.spark}
    ordered, occurred, customer = (
        f"get_json_object(value, '$.{name}')" for name in ("ordered_at", "occurred_at", KEY)
    )
    at = f"try_to_timestamp(coalesce({ordered}, {occurred}))"
    key = f"int(pmod(xxhash64(if(who = '', value, who)), {len(keys)})) + 1"
    known = ["partition", "offset", "unix_millis(timestamp) as written"]
    return (
        _topic(spark, settings, settings.source, options)
        .selectExpr("coalesce(cast(value as string), '') as value", *known, "timestamp")
        .selectExpr("*", f"coalesce({customer}, '') as who", f"{at} as said")
        .selectExpr(
            "*",
            f"element_at(array({','.join(f'{k}L' for k in keys)}), {key}) as bucket",
            "if(said <= timestamp + interval 1 day, said, null) as at",
        )
        .withWatermark("at", f"{round(settings.late_hours * 3600)} seconds")
        .select("value", "partition", "offset", "written", "who", "bucket")
    )


def _topic(
    spark: SparkSession, settings: Settings, topic: str, options: dict[str, str]
) -> DataFrame:
    from pyspark.errors import AnalysisException

    fixed = {"kafka.bootstrap.servers": settings.brokers, "subscribe": topic}
    fixed |= {"startingOffsets": "earliest", "kafka.isolation.level": "read_committed"}
    try:
        return spark.readStream.format("kafka").options(**fixed, **options).load()
    except AnalysisException as fault:
        raise DataError(
            f"Spark does not read Kafka: {str(fault).splitlines()[0]}",
            hint=f"start the session with the jars of {CONNECTOR.name} (docs/stream.md)",
        ) from None


class _Changes:
    """The query from events to the topics of changes and dead letters, and what it counted."""

    def __init__(self, settings: Settings, events: DataFrame, buckets: Buckets, say: Say) -> None:
        self.settings, self.events, self.buckets, self.say = settings, events, buckets, say
        self.total: Counter[str] = Counter()
        self.named = threading.Event()
        self.told = time.monotonic()

    def start(self, trigger: Trigger) -> StreamingQuery:
        """Start it; its name is that of the checkpoint."""
        from segwork.scoring.buckets import OUT

        found = self.events.groupBy("bucket").transformWithStateInPandas(
            self.buckets, OUT, "Append", "EventTime"
        )
        query = _started(found, self.write, f"{self.settings.checkpoint}/changes", trigger)
        self.name = f"segwork-{query.id}"
        self.named.set()
        return query

    def write(self, frame: DataFrame, batch: int) -> None:
        """Write a batch where it stands, and count it here."""
        from segwork.scoring.sink import ANSWER, Sink

        self.named.wait()
        topics = {"change": self.settings.changes, "dead": self.settings.dead}
        sink = Sink(topics, self.name, self.settings.librdkafka)
        for kind, n in frame.mapInArrow(partial(sink.write, batch=batch), ANSWER).collect():
            self.total[kind] += n
        if time.monotonic() - self.told > TELL_S:
            self.told = time.monotonic()
            self.tell()

    def tell(self) -> None:
        """Say what came in since the start, and what became of it."""
        counts = Counter(self.total)
        changes, applied = counts.pop("change", 0), counts.pop("applied", 0)
        dead = ", ".join(f"{why} {n}" for why, n in sorted(counts.items()))
        self.say(
            f"segwork stream: events {applied + counts.total()} = applied {applied}"
            f" + dead letters {counts.total()}{f' ({dead})' if dead else ''} · changes {changes}"
        )


def _follow(spark: SparkSession, changes: _Changes, *, once: bool) -> int:
    """Run both queries until they end or somebody ends them."""
    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        broke_off = patiently(lambda: _run(spark, changes, once=once), changes.say)
    except KeyboardInterrupt:
        broke_off = ""
    finally:
        _stop(spark)
        changes.tell()
    if broke_off:
        changes.say(
            f"segwork stream: broke off ({broke_off}); started again it goes on where it was"
        )
    return 1 if broke_off else 0


def patiently(run: Callable[[], str], say: Say) -> str:
    """Run again where Spark's Python was too slow to start, and return why the last run ended."""
    for _ in range(STARTS - 1):
        broke_off = run()
        if SLOW not in broke_off:
            return broke_off
        say("segwork stream: Spark's Python took more than ten seconds to start; once more")
    return run()


def _run(spark: SparkSession, changes: _Changes, *, once: bool) -> str:
    """Start both queries and return why they ended; nothing where they came to the end."""
    from py4j.protocol import Py4JError
    from pyspark.errors import StreamingQueryException

    settings = changes.settings
    try:
        if once:
            changes.start(ALL_THERE_IS).awaitTermination()
            if settings.table:
                _to_table(spark, settings, ALL_THERE_IS).awaitTermination()
            return ""
        changes.start(AT_ONCE)
        if settings.table:
            _to_table(spark, settings, BY_MINUTE)
        spark.streams.awaitAnyTermination()
        return "a query ended"
    except StreamingQueryException as fault:
        _stop(spark)
        return cause(fault)
    except Py4JError:
        return "Spark ended"


def _stop(spark: SparkSession) -> None:
    from py4j.protocol import Py4JError

    with suppress(Py4JError):  # whoever ends this process may have ended Spark before
        for running in spark.streams.active:
            running.stop()
        spark.streams.resetTerminated()


def cause(fault: Exception) -> str:
    """Return what a failure comes from: the last line of its text that names an error."""
    said = re.findall(r"^[\w.]*(?:Error|Exception): (.+)", str(fault), re.MULTILINE)
    return (said or [str(fault)])[-1][:300]


def briefly(write: Write) -> Write:
    """Raise what a batch raises in one line.

    Spark searches the text for interruptions by a pattern that overflows the stack on a long one;
    the query would then end as if nothing had been wrong.
    """

    def call(frame: DataFrame, batch: int) -> None:
        try:
            write(frame, batch)
        except Exception as fault:
            raise RuntimeError(cause(fault)) from None

    return call


def _to_table(spark: SparkSession, settings: Settings, trigger: Trigger) -> StreamingQuery:
    """Copy the topic of changes to Parquet, a folder a batch."""

    def write(frame: DataFrame, batch: int) -> None:
        if not frame.isEmpty():
            frame.coalesce(1).write.mode("overwrite").parquet(f"{settings.table}/{batch:09}")

    topic = _topic(spark, settings, settings.changes, settings.spark)
    rows = topic.selectExpr(f"from_json(cast(value as string), '{CHANGE}') as change")
    return _started(rows.select("change.*"), write, f"{settings.checkpoint}/table", trigger)


def _started(frame: DataFrame, write: Write, checkpoint: str, trigger: Trigger) -> StreamingQuery:
    writer = frame.writeStream.foreachBatch(briefly(write))
    return writer.option("checkpointLocation", checkpoint).trigger(**trigger).start()
