"""Each notebook works in a stage of its own, and only a whole result moves into the run folder.

A killed run leaves a stage behind, never a half file; the next one takes it away, with whatever
the killed one had started.
"""

from __future__ import annotations

import math
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

from segwork.engine.plan.fingerprint import Hashes
from segwork.engine.plan.notebooks import Notebook
from segwork.errors import DataError, UsageError
from segwork.runs.files import private_folder, unwritable
from segwork.runs.folder import RunFolder

PARTS = ("", ".state", "notebooks", "facts", "tables", "models")


class Stages:
    """The stages of one run, below the folder their results move into.

    Parameters
    ----------
    folder : RunFolder
    """

    def __init__(self, folder: RunFolder) -> None:
        self._folder = folder
        self._all = folder.state / "stage"
        # A kernel that outlives a killed run for a moment writes elsewhere than the next run.
        self._mine = self._all / str(os.getpid())

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Hold the folder for one run; the lock goes with the process, however it ends.

        Raises
        ------
        UsageError
            Another run is writing here, or the folder leads elsewhere or cannot be written to.
        """
        path = self._folder.path
        for written in (*(path / part for part in PARTS[1:]), *(path / "models").glob("*")):
            if written.is_symlink():
                raise UsageError(f"'{written}' is a link, so a run would write elsewhere")
        try:
            private_folder(self._folder.state)
            for part in PARTS:
                if (path / part).is_dir():
                    (path / part).chmod(0o700)
            handle = os.open(self._folder.state / "lock", os.O_WRONLY | os.O_CREAT, 0o600)
        except OSError as fault:
            raise unwritable(path, fault) from None
        with os.fdopen(handle, "w", encoding="ascii") as file:
            try:
                _lock(file)
            except OSError:
                raise UsageError(
                    f"another run is writing to '{path}'",
                    hint="wait for it, or choose another --out",
                ) from None
            if self._all.is_dir():
                from segwork.engine import processes

                processes.end_all_of(self._all)
                shutil.rmtree(self._all, ignore_errors=True)
            yield

    def make(self, notebook: Notebook) -> RunFolder:
        """Return an empty folder that shows the notebook the tables it reads and nothing else."""
        stage = self.of(notebook.name)
        shutil.rmtree(stage.path, ignore_errors=True)
        try:
            private_folder(stage.path / "tables")
            for table in notebook.seen:
                source = self._folder.table(table)
                if source.is_file():
                    _link(source, stage.table(table))
        except OSError as fault:
            raise unwritable(stage.path, fault) from None
        return stage

    def of(self, name: str) -> RunFolder:
        """Return the stage of a notebook."""
        return RunFolder(self._mine / name)

    def accept(self, notebook: Notebook, *, good: bool, hashes: Hashes) -> dict[str, str]:
        """Move what the stage holds into the run folder; of a bad run only the notebook itself.

        Returns
        -------
        dict of str to str
            Hash of every file by its place in the run folder.
        """
        stage = self.of(notebook.name)
        seen = {stage.table(table) for table in notebook.seen}
        own = stage.executed(notebook.name)
        left: dict[str, str] = {}
        for path in sorted(p for p in stage.path.rglob("*") if p.is_file() and not p.is_symlink()):
            place = path.relative_to(stage.path)
            if path in seen or path.name.startswith(".") or not (good or path == own):
                continue
            path.chmod(0o600)
            left[place.as_posix()] = hashes.of(path)
            target = self._folder.path / place
            try:
                private_folder(target.parent)
                os.replace(path, target)
            except OSError as fault:
                raise unwritable(target, fault) from None
        shutil.rmtree(stage.path, ignore_errors=True)
        return left

    def clear(self) -> None:
        """Remove the stages of this run."""
        shutil.rmtree(self._mine, ignore_errors=True)
        with suppress(OSError):
            self._all.rmdir()


def broken_promise(notebook: Notebook, stage: RunFolder, *, as_of: str) -> str:
    """Say what a green notebook still owes: a table it names, or whole, fresh, finite facts."""
    for table in notebook.promises:
        if not stage.table(table).is_file():
            return f"it ran, but did not leave the table '{table}'"
    if not notebook.starts:
        return ""
    place = f"facts/{notebook.name}.json"
    if not stage.facts(notebook.name).is_file():
        return f"it ran, but did not leave {place}"
    try:
        content = stage.recorded(notebook.name)
    except DataError:
        return f"{place} is not a file of facts"
    said = (content.get("notebook"), content.get("as_of"))
    if said != (notebook.name, as_of):
        return (
            f"{place} is stale: it is of {said[0]} as of {said[1]}, the run is"
            f" as of {as_of}; open the notebook with segwork.run.start(…, config=config)"
        )
    for name, value in content["facts"].items():
        if isinstance(value, float) and not math.isfinite(value):
            return f"metric '{name}' is not finite ({value})"
    return ""


def _link(source: Path, target: Path) -> None:
    try:
        os.link(source, target)
    except OSError:
        shutil.copy2(source, target)


def _lock(file: IO[str]) -> None:
    try:
        import fcntl
    except ImportError:  # no such module on Windows: two runs there must not share a folder
        return
    fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
