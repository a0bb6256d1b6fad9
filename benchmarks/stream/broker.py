"""One Kafka broker on loopback (KRaft, no ZooKeeper), from published jars."""

from __future__ import annotations

import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from segwork.scoring.spark import fetched

RELEASE = "4.4.0"
POM = Path(__file__).with_name("broker.xml")
CLUSTER = "c2Vnd29yay1iZW5jaG1hcg"  # any 16 bytes in base64
SETTINGS = """
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:{control}
listeners=PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{control}
advertised.listeners=PLAINTEXT://127.0.0.1:{port}
controller.listener.names=CONTROLLER
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT
log.dirs={folder}/log
log.retention.ms=-1
message.timestamp.before.max.ms=9223372036854775807
auto.create.topics.enable=false
offsets.topic.num.partitions=4
offsets.topic.replication.factor=1
transaction.state.log.num.partitions=4
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
default.replication.factor=1
group.initial.rebalance.delay.ms=0
"""


class Broker:
    """A broker that can be killed and started again with what it had written."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.port, control = _free_port(), _free_port()
        self.address = f"127.0.0.1:{self.port}"
        folder.mkdir(parents=True, exist_ok=True)
        self.settings = folder / "server.properties"
        self.settings.write_text(
            SETTINGS.format(port=self.port, control=control, folder=folder), encoding="ascii"
        )
        words = ["format", "-t", CLUSTER, "-c", str(self.settings)]
        subprocess.run(
            _java("kafka.tools.StorageTool", *words), check=True, capture_output=True, timeout=120
        )

    def start(self) -> None:
        """Start it and wait until it answers."""
        with (self.folder / "broker.log").open("ab") as log:
            command = _java("kafka.Kafka", str(self.settings))
            # A session of its own: Ctrl-C is for who looks on, and what runs is stopped in order.
            options = {"stdout": log, "stderr": log, "start_new_session": True}
            self.process = subprocess.Popen(command, **options)
        for _ in range(600):
            if self.process.poll() is not None:
                break
            with socket.socket() as line:
                if line.connect_ex(("127.0.0.1", self.port)) == 0:
                    return
            time.sleep(0.1)
        self.kill()
        raise RuntimeError(f"no broker after a minute: {self.folder / 'broker.log'}")

    def kill(self) -> None:
        """End it at once, without a goodbye."""
        self.process.kill()
        self.process.wait()


@contextmanager
def running(folder: Path) -> Iterator[Broker]:
    """Give a broker that runs as long as the block does."""
    broker = Broker(folder)
    broker.start()
    try:
        yield broker
    finally:
        broker.kill()


def _java(*words: str) -> list[str]:
    path = f"{fetched(POM, RELEASE)}/*"
    return ["java", "-Xms128m", "-Xmx512m", "-XX:+UseSerialGC", "-cp", path, *words]


def _free_port() -> int:
    with socket.socket() as line:
        line.bind(("127.0.0.1", 0))
        return int(line.getsockname()[1])
