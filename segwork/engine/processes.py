"""Processes of a run: the environment they start in, and that none outlives its run."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterable
from pathlib import Path

from segwork import packaged
from segwork.runs.project import TEMPORARY, temporary_folder

STAGE = "SEGWORK_RUN"
SET = packaged.values("engine/environment.toml")


def environment() -> dict[str, str]:
    """Return an environment in which a process imports this very segwork, as any user would."""
    home = Path(__file__).resolve().parents[2]
    found = {name: value for name, value in os.environ.items() if name not in SET["of_the_user"]}
    if home.name not in ("site-packages", "dist-packages"):
        paths = [str(home), *filter(None, [found.get("PYTHONPATH")])]
        found["PYTHONPATH"] = os.pathsep.join(paths)
    place = str(temporary_folder())
    return {**found, TEMPORARY: place, "TMPDIR": place, "LC_ALL": "C.UTF-8", "TZ": "UTC"}


def end(pids: Iterable[int]) -> None:
    """Kill processes; those that are gone are fine."""
    import signal

    for pid in pids:
        with contextlib.suppress(OSError):
            os.kill(pid, signal.SIGKILL)


def started_in(stage: Path) -> list[int]:
    """Return the processes that a notebook of that stage started, whatever session they are in.

    A child inherits its environment, also when it leaves the group and the session of its kernel.
    """
    import psutil

    own = str(stage)
    found = []
    for process in psutil.process_iter(["pid"]):
        with contextlib.suppress(psutil.Error, OSError):
            place = process.environ().get(STAGE, "")
            if process.pid != os.getpid() and (place == own or place.startswith(own + os.sep)):
                found.append(process.pid)
    return found


def end_all_of(stage: Path) -> None:
    """Kill what the notebooks of a stage started, and what that started meanwhile."""
    for _ in range(3):
        if not (found := started_in(stage)):
            return
        end(found)
