"""Settings of a stream, by options and by a TOML file."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from segwork.errors import UsageError


@dataclass(frozen=True)
class Settings:
    """How a stream runs.

    Parameters
    ----------
    brokers, source, changes, dead : str
        Addresses of Kafka; topics read and written.
    checkpoint : str
        Folder of the stream's place and state, on storage that all workers reach.
    table : str
        Folder of the Parquet files of changes; empty: none.
    late_hours : float
        How long after midnight a day stays open.
    partitions : int
        Tasks of the stateful step; stays for the life of a checkpoint.
    batch : int
        Most events taken at once.
    client, spark : dict of str to str
        Further settings of librdkafka, which writes, and of Spark's Kafka source, which reads.
    """

    brokers: str
    source: str
    changes: str
    dead: str
    checkpoint: str
    table: str = ""
    late_hours: float = 1.0
    partitions: int = 2
    batch: int = 20_000
    client: dict[str, str] = field(default_factory=dict)
    spark: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name, least in {"late_hours": 0, "partitions": 1, "batch": 1}.items():
            if not getattr(self, name) >= least:
                raise UsageError(f"{name} is {getattr(self, name)}", accepted=f"{least} or more")

    @classmethod
    def of(cls, *, settings: str | None, dead: str | None, **options: Any) -> Settings:
        """Make settings of a command's options; ``settings`` is a TOML file of further ones.

        Raises
        ------
        UsageError
            A number is too small, or the file is none of these settings.
        """
        try:
            more = tomllib.loads(Path(settings).read_text(encoding="utf-8")) if settings else {}
        except (OSError, ValueError) as fault:
            raise UsageError(f"--settings {settings}: {fault}") from None
        if set(more) - {"client", "spark"} or not all(isinstance(v, dict) for v in more.values()):
            raise UsageError(
                f"--settings {settings} has other tables", accepted="[client], [spark]"
            )
        return cls(dead=dead or f"{options['changes']}-dead", **options, **more)

    @property
    def librdkafka(self) -> dict[str, str]:
        """Settings of the client that writes."""
        return {"bootstrap.servers": self.brokers, **self.client}
