"""The job in a process of its own, and a reader of what it wrote."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
from confluent_kafka import Consumer, TopicPartition

from segwork.runs.files import Json

ROOT = Path(__file__).resolve().parent.parent.parent
GOODBYE_S = 120  # a batch may still have to be written
EVENTS, CHANGES, DEAD = "events", "changes", "changes-dead"


class Job:
    """``segwork stream`` with its Spark, started, killed and started again on one checkpoint."""

    def __init__(self, folder: Path, model: Path, brokers: str, *options: str) -> None:
        self.log = folder / "job.log"
        words = ["stream", str(model), "--brokers", brokers, "--from", EVENTS, "--to", CHANGES]
        words += ["--checkpoint", str(folder / "checkpoint"), "--master", "local[2]", *options]
        self.words = words
        self.process: subprocess.Popen[bytes] | None = None

    def start(self, *more: str) -> None:
        """Start it."""
        environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
        with self.log.open("ab") as log:
            command = [sys.executable, "-m", "segwork", *self.words, *more]
            options = {"stdout": log, "stderr": log, "start_new_session": True}
            self.process = subprocess.Popen(command, env=environment, **options)

    @property
    def runs(self) -> bool:
        """Whether it is there."""
        return self.process is not None and self.process.poll() is None

    def finish(self) -> int:
        """Take everything that is there, and return the exit code."""
        self.start("--once")
        return self.process.wait()

    def kill(self, how: int = signal.SIGKILL) -> None:
        """End it with Spark's own process, without a goodbye unless it is asked for."""
        if self.runs:
            os.killpg(self.process.pid, how)
        if self.process is not None:
            try:
                self.process.wait(GOODBYE_S)
            except subprocess.TimeoutExpired:
                os.killpg(self.process.pid, signal.SIGKILL)
                self.process.wait()

    def cost(self) -> tuple[float, float]:
        """Return processor seconds so far and memory in GiB, workers included."""
        try:
            top = psutil.Process(self.process.pid)
            all_of_it = [top, *top.children(recursive=True)]
            seconds = sum(sum(p.cpu_times()[:2]) for p in all_of_it)
            return seconds, sum(p.memory_info().rss for p in all_of_it) / 2**30
        except psutil.NoSuchProcess:
            return 0.0, 0.0


def read_all(brokers: str, topic: str) -> list[Json]:
    """Return every committed record of a topic, as JSON."""
    reader = _reader(brokers)
    places = [
        TopicPartition(topic, p, 0) for p in reader.list_topics(topic).topics[topic].partitions
    ]
    reader.assign(places)
    left = {place.partition for place in places}
    found: list[Json] = []
    while left:
        message = reader.poll(30)
        if message is None:
            raise RuntimeError(f"{topic} does not come to its end")
        if message.error():
            left.discard(message.partition())  # the end of a partition
        else:
            found.append(json.loads(message.value()))
    reader.close()
    return found


class Watch:
    """What arrives in the topic of changes, with the time it can be read."""

    def __init__(self) -> None:
        self.seen: list[tuple[float, Json]] = []
        self.stop = threading.Event()

    def run(self, brokers: str) -> None:
        """Read until told to stop."""
        reader = _reader(brokers)
        _assigned(reader, CHANGES)
        while not self.stop.is_set():
            for message in reader.consume(10_000, timeout=0.05):
                if not message.error():
                    self.seen.append((time.time(), json.loads(message.value())))
        reader.close()

    def wait(self, count: int, seconds: float) -> bool:
        """Wait until so many have come."""
        end = time.monotonic() + seconds
        while len(self.seen) < count and time.monotonic() < end:
            time.sleep(0.1)
        return len(self.seen) >= count


@contextmanager
def watching(brokers: str) -> Iterator[Watch]:
    """Give a watch that reads beside the block."""
    watch = Watch()
    thread = threading.Thread(target=watch.run, args=(brokers,), daemon=True)
    thread.start()
    try:
        yield watch
    finally:
        watch.stop.set()
        thread.join()


def _assigned(reader: Consumer, topic: str) -> list[int]:
    """Let a reader read a topic from its beginning and return the partitions."""
    partitions = list(reader.list_topics(topic).topics[topic].partitions)
    reader.assign([TopicPartition(topic, partition, 0) for partition in partitions])
    return partitions


def _reader(brokers: str) -> Consumer:
    return Consumer(
        {
            "bootstrap.servers": brokers,
            "group.id": "benchmark",
            "enable.auto.commit": False,
            "enable.partition.eof": True,
            "isolation.level": "read_committed",
        }
    )
