"""The run folder: each notebook works in a stage of its own, and only a whole result moves in.

A killed run leaves a stage behind, never a half file; what is remembered of a notebook holds the
hash of every file it left, so a file that was changed or lost makes it run again.
"""

from __future__ import annotations

import json
import math
import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from segwork.engine.fingerprint import Hashes
from segwork.engine.notebooks import Notebook
from segwork.errors import UsageError
from segwork.run import write_json


class Folder:
    """One run folder on disk.

    Parameters
    ----------
    path : Path
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.state = path / ".state"
        # A kernel that outlives a killed run for a moment writes elsewhere than the next run.
        self._stages = self.state / "stage" / str(os.getpid())

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Hold the folder for one run; the lock goes with the process, however it ends.

        Raises
        ------
        UsageError
            Another run is writing here.
        """
        try:
            self.state.mkdir(parents=True, exist_ok=True)
            self.path.chmod(0o700)  # nobody else reads what is in it
        except OSError as fault:
            raise UsageError(
                f"cannot write to '{self.path}' ({fault.strerror})", accepted="a folder for --out"
            ) from None
        with (self.state / "lock").open("w", encoding="ascii") as file:
            try:
                _lock(file)
            except OSError:
                raise UsageError(
                    f"another run is writing to '{self.path}'",
                    hint="wait for it, or choose another --out",
                ) from None
            shutil.rmtree(self.state / "stage", ignore_errors=True)
            yield

    def stage(self, notebook: Notebook) -> Path:
        """Return an empty folder that shows the notebook the tables it reads and nothing else."""
        stage = self.stage_of(notebook.name)
        shutil.rmtree(stage, ignore_errors=True)
        (stage / "tables").mkdir(parents=True)
        for table in {*notebook.reads, *notebook.asks} - set(notebook.leaves):
            source = self.path / "tables" / f"{table}.parquet"
            if source.is_file():
                _link(source, stage / "tables" / source.name)
        return stage

    def stage_of(self, name: str) -> Path:
        """Return the place of a notebook's stage."""
        return self._stages / name

    def accept(self, notebook: Notebook, *, good: bool, hashes: Hashes) -> dict[str, str]:
        """Move what the stage holds into the run folder; of a bad run only the notebook itself.

        Returns
        -------
        dict of str to str
            Hash of every file by its place in the run folder.
        """
        stage = self.stage_of(notebook.name)
        self.forget(notebook.name)
        seen = {*notebook.reads, *notebook.asks} - set(notebook.leaves)
        read = {Path("tables") / f"{table}.parquet" for table in seen}
        own = Path("notebooks") / f"{notebook.name}.ipynb"
        left: dict[str, str] = {}
        for path in sorted(p for p in stage.rglob("*") if p.is_file()):
            place = path.relative_to(stage)
            if place in read or path.name.startswith(".") or not (good or place == own):
                continue
            target = self.path / place
            target.parent.mkdir(parents=True, exist_ok=True)
            left[place.as_posix()] = hashes.of(path)
            os.replace(path, target)
        shutil.rmtree(stage, ignore_errors=True)
        return left

    def remembered(self, name: str) -> dict[str, Any]:
        """Return what is known of the last good run of a notebook; empty for none."""
        try:
            return dict(json.loads((self.state / f"{name}.json").read_text(encoding="utf-8")))
        except (OSError, ValueError):
            return {}

    def remember(self, name: str, record: Mapping[str, Any]) -> None:
        """Keep what a later run has to know."""
        write_json(self.state / f"{name}.json", record)

    def forget(self, name: str) -> None:
        """Remove everything a notebook left, so that nothing stale can be read.

        The page of one that left nothing says so and stays.
        """
        own = (f"notebooks/{name}.ipynb", f"facts/{name}.json")
        places = map(self.path.joinpath, {*self.remembered(name).get("outputs", {}), *own})
        left = [path for path in places if path.exists()]
        for path in [*left, self.path / f"{name}.html"] if left else ():
            path.unlink(missing_ok=True)
        (self.state / f"{name}.json").unlink(missing_ok=True)

    def forget_others(self, names: Mapping[str, Any]) -> None:
        """Remove what notebooks that no longer exist had left."""
        for path in (self.path / "notebooks").glob("*.ipynb"):
            if path.stem not in names:
                self.forget(path.stem)

    def damage(self, outputs: Mapping[str, str], hashes: Hashes) -> str:
        """Name the first file that is no longer what the notebook left; empty for none."""
        for place, digest in outputs.items():
            if hashes.of(self.path / place) != digest:
                return f"its output {place} was changed or lost"
        return ""

    def facts(self, name: str) -> dict[str, Any]:
        """Return the recorded facts of a notebook; empty for none."""
        path = self.path / "facts" / f"{name}.json"
        if not path.is_file():
            return {}
        return dict(json.loads(path.read_text(encoding="utf-8")).get("facts", {}))


def broken_promise(notebook: Notebook, stage: Path, *, as_of: str) -> str:
    """Say what a green notebook still owes: a table it names, or whole, fresh, finite facts."""
    for table in notebook.promises:
        if not (stage / "tables" / f"{table}.parquet").is_file():
            return f"it ran, but did not leave the table '{table}'"
    if not notebook.starts:
        return ""
    path = stage / "facts" / f"{notebook.name}.json"
    if not path.is_file():
        return f"it ran, but did not leave facts/{notebook.name}.json"
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        facts = content["facts"]
    except (ValueError, KeyError, TypeError):
        return f"facts/{notebook.name}.json is not a file of facts"
    said = (content.get("notebook"), content.get("as_of"))
    if said != (notebook.name, as_of):
        return (
            f"facts/{notebook.name}.json is stale: it is of {said[0]} as of {said[1]}, the run is"
            f" as of {as_of}; open the notebook with segwork.run.start(…, config=config)"
        )
    for name, value in facts.items():
        if isinstance(value, float) and not math.isfinite(value):
            return f"metric '{name}' is not finite ({value})"
    return ""


def _link(source: Path, target: Path) -> None:
    try:
        os.link(source, target)
    except OSError:
        shutil.copy2(source, target)


def _lock(file: Any) -> None:
    try:
        import fcntl
    except ImportError:  # no such module on Windows: two runs there must not share a folder
        return
    fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
