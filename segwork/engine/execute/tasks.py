"""What a run and its workers tell each other, one JSON object a line."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field

from segwork.runs.files import Json

STOP = "stop\n"


@dataclass(frozen=True)
class Task:
    """One notebook to run.

    Parameters
    ----------
    name : str
    notebook : dict
        Its content, as the run read it.
    root : str
        Project root, the working folder of the kernel.
    stage : str
        Folder the notebook writes into.
    parameters : dict of str to str
        Name to Python source.
    shown_parameters : dict
        As JSON values.
    paths_shown : dict of str to str
        Machine paths and what stands for them in a text.
    environment : dict of str to str
        Added to that of the worker.
    cell_seconds, deadline_seconds, memory_mb : float
        Limits; no memory limit is 0.
    """

    name: str
    notebook: Json
    root: str
    stage: str
    parameters: dict[str, str]
    shown_parameters: Json
    paths_shown: dict[str, str]
    environment: dict[str, str]
    cell_seconds: float
    deadline_seconds: float
    memory_mb: float


@dataclass
class CellRecord:
    """How one code cell, or what stands for a notebook that did not run, ended."""

    title: str = ""
    status: str = "ok"
    message: str = ""
    seconds: float = 0.0


@dataclass(frozen=True)
class CellBegun:
    """A code cell begins: its number, of how many, below which heading."""

    name: str
    cell: int
    of: int
    title: str


@dataclass(frozen=True)
class Ended:
    """How a notebook ended.

    Parameters
    ----------
    name, status, message
    cell, cell_title
        Number of the failing code cell and the heading above it.
    cells : list of CellRecord
    peak_memory_mb, seconds : float
    started : bool
        Whether its kernel came up.
    modules, packages : list of str
        What the kernel imported: modules of the project, and installed packages.
    """

    name: str
    status: str
    message: str = ""
    cell: int | None = None
    cell_title: str = ""
    cells: list[CellRecord] = field(default_factory=list)
    peak_memory_mb: float = 0.0
    seconds: float = 0.0
    started: bool = False
    modules: list[str] = field(default_factory=list)
    packages: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Gone:
    """The worker process has ended."""


@dataclass
class Timing:
    """What a notebook took; ``cached`` where it was not run."""

    seconds: float = 0.0
    peak_memory_mb: float = 0.0
    retries: int = 0
    cached: bool = False


Event = CellBegun | Ended | Gone


def as_line(message: Task | CellBegun | Ended) -> str:
    """Write a message."""
    return json.dumps({type(message).__name__: asdict(message)}) + "\n"


def from_line(text: str) -> Task | CellBegun | Ended:
    """Read a message."""
    ((kind, content),) = json.loads(text).items()
    if kind == Ended.__name__:
        content["cells"] = [CellRecord(**cell) for cell in content["cells"]]
    return {"Task": Task, "CellBegun": CellBegun, "Ended": Ended}[kind](**content)
