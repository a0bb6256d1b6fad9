"""One notebook to run and what becomes of it; no Papermill is imported here."""

from __future__ import annotations

import contextlib
import functools
import tempfile
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from segwork.engine.execute.outputs import replaced, stable
from segwork.engine.plan.notebooks import Notebook, Settings
from segwork.runs.files import Json, write_json
from segwork.runs.folder import RAN, RunFolder
from segwork.runs.names import visible

MEMORY_SHARE = 0.9
SAVE_EVERY_SECONDS = 3.0


@dataclass
class CellRecord:
    """How one code cell, or what stands for a notebook that did not run, ended."""

    title: str = ""
    status: str = RAN
    message: str = ""
    seconds: float = 0.0


@dataclass(frozen=True)
class CellBegun:
    """A code cell begins: its number, of how many, below which heading."""

    name: str
    cell: int
    of: int
    title: str


@dataclass
class Timing:
    """What a notebook took; ``cached`` where it was not run."""

    seconds: float = 0.0
    peak_memory_mb: float = 0.0
    retries: int = 0
    cached: bool = False


@dataclass(eq=False)
class Job:
    """One notebook to run, and what became of it.

    Parameters
    ----------
    source : Notebook
        As the run read it.
    root : Path
        Project root, the working folder of the kernel.
    stage : RunFolder
        What the notebook writes into.
    limits : Settings
        No memory limit is 0.
    parameters : dict of str to str
        Name to Python source.
    shown_parameters : dict
        As JSON values.
    paths_shown : dict of str to str
        Machine paths and what stands for them in a text.
    environment : dict of str to str
        Added to that of the run.
    cells, title, files, peak_mb, started
        Its code cells so far, the last heading, the files its kernel imported, the most memory the
        kernel and its children held, whether the kernel came up.
    status, message
        How it ended.
    """

    source: Notebook
    root: Path
    stage: RunFolder
    limits: Settings
    parameters: dict[str, str]
    shown_parameters: Json
    paths_shown: dict[str, str]
    environment: dict[str, str]
    tell: Callable[[CellBegun], None] = print
    stop: threading.Event = field(default_factory=threading.Event)
    cells: list[CellRecord] = field(default_factory=list)
    title: str = ""
    files: list[str] = field(default_factory=list)
    peak_mb: float = 0.0
    started: bool = False
    killed_for: str = ""
    kernel_said: IO[bytes] = field(default_factory=tempfile.TemporaryFile)
    pid: int | None = None
    exit_code: int | None = None
    status: str = RAN
    message: str = ""
    began: float = field(default_factory=time.monotonic)
    cell_began: float = float("inf")
    saved: float = 0.0

    @property
    def name(self) -> str:
        """The notebook's name."""
        return self.source.name

    @property
    def clock(self) -> float:
        """Seconds that pass for the notebook: not while its kernel waits for a busy machine."""
        return time.monotonic() - _queued_seconds(self.pid)

    @property
    def late(self) -> str:
        """Say which limit has passed, and where it is set; empty while there is time."""
        limits, now = self.limits, self.clock
        passed = "has passed, not counting waits for a busy machine; {} sets another"
        if now - self.began >= limits.deadline_seconds:
            where = passed.format("'segwork run --deadline'")
            return f"the notebook's deadline of {limits.deadline_seconds:g} s {where}"
        if now - self.cell_began >= limits.cell_seconds:
            where = passed.format("'cell_seconds' in the notebook's metadata")
            return f"the cell's limit of {limits.cell_seconds:g} s {where}"
        return ""

    @property
    def limit_mb(self) -> float:
        """Memory at which the kernel is ended: the notebook's own limit, else what there is."""
        return float(self.limits.memory_mb) or MEMORY_SHARE * machine_megabytes()

    def end(self, status: str, message: str) -> None:
        """Settle how the notebook ended; the first word counts."""
        if self.status == RAN:
            self.status = status
            self.message = visible(replaced(message, self.paths_shown))

    def save(self, notebook: Json, *, final: bool = False) -> None:
        """Write the notebook as it is by now; between cells only every few seconds."""
        if final or time.monotonic() - self.saved > SAVE_EVERY_SECONDS:
            ready = stable(notebook, self.shown_parameters, self.paths_shown)
            write_json(self.stage.executed(self.name), ready)
            self.saved = time.monotonic()


def _queued_seconds(pid: int | None) -> float:
    """Return how long a process was ready to run while the processors did other work (Linux)."""
    try:
        return int(Path(f"/proc/{pid}/schedstat").read_text("ascii").split()[1]) / 1e9
    except (OSError, ValueError, IndexError):
        return 0.0


@functools.cache
def machine_megabytes() -> float:
    """Return the memory of the machine, or of the container where that is less."""
    import psutil

    total = psutil.virtual_memory().total
    for path in ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"):
        with contextlib.suppress(OSError, ValueError):
            total = min(total, int(Path(path).read_text(encoding="ascii")))
    return total / 1e6
