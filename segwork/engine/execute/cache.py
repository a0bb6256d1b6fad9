"""What a run folder remembers of a notebook, and whether that still stands."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass

from segwork.engine.execute.job import CellRecord, Timing
from segwork.engine.execute.outputs import with_text_of
from segwork.engine.plan import Plan, fingerprint, marks
from segwork.engine.plan.notebooks import Notebook
from segwork.errors import DataError
from segwork.runs.files import Json, write_json
from segwork.runs.folder import Entry
from segwork.runs.origin import Origin

__all__ = ["Cache", "Kept", "Origin"]

SLACK_SECONDS = 0.05  # between the clock of the processes and that of the file system


@dataclass
class Kept:
    """What is remembered of a notebook that ended well.

    Parameters
    ----------
    inputs : dict
        Everything its result depends on; see :func:`fingerprint.inputs`.
    words : str
        Hash of its text cells.
    outputs : dict of str to str
        Hash of each file it left.
    entry, cells, timing
    """

    inputs: Json
    words: str
    outputs: dict[str, str]
    entry: Entry
    cells: list[CellRecord]
    timing: Timing

    @classmethod
    def of(cls, content: Json) -> Kept:
        """Build it from JSON; raises TypeError or KeyError for anything else."""
        return cls(
            inputs=dict(content["inputs"]),
            words=str(content["words"]),
            outputs=dict(content["outputs"]),
            entry=Entry.of(content["entry"]),
            cells=[CellRecord(**cell) for cell in content["cells"]],
            timing=Timing(**content["timing"]),
        )


class Cache:
    """What the run folder of a plan remembers.

    Parameters
    ----------
    plan : Plan
    trusted : bool
        Whether this project made the folder.
    """

    def __init__(self, plan: Plan, *, trusted: bool = True) -> None:
        self._plan = plan
        self._folder = plan.folder
        self._trusted = trusted
        self._began: dict[str, tuple[float, dict[str, str]]] = {}

    def kept(self, name: str) -> Kept | None:
        """Return what is known of the last good run of a notebook; None for nothing usable."""
        content = self.read(name)
        try:
            return Kept.of(content) if content else None
        except (KeyError, TypeError, ValueError, DataError):
            return None

    def read(self, name: str) -> Json:
        """Return a record; empty where there is none to rely on."""
        path = self._folder.memory(name)
        try:
            return self._folder.read(path, dict) if self._trusted and path.is_file() else {}
        except DataError:
            return {}

    def reason(self, name: str) -> str:
        """Say why a notebook has to run; empty where what it left still stands."""
        if not (kept := self.kept(name)):
            return "never ran here"
        return fingerprint.reason(self.inputs(name, kept.inputs), kept.inputs) or self.damage(
            kept.outputs
        )

    def damage(self, outputs: Mapping[str, str]) -> str:
        """Name the first file that is no longer what was left; empty for none."""
        for place, digest in outputs.items():
            path = self._folder.inside(place)
            if path is None or self._plan.hashes.of(path) != digest:
                return f"its output {place} was changed or lost"
        return ""

    def inputs(self, name: str, before: Json) -> Json:
        """Return everything a notebook's result depends on, as it is now."""
        plan, notebook = self._plan, self._plan.notebooks[name]
        return fingerprint.inputs(
            notebook,
            parameters=plan.values[name],
            config=plan.config,
            data=plan.data,
            upstream=self._upstream(name),
            before=before,
            hashes=plan.hashes,
        )

    def _upstream(self, name: str) -> dict[str, str]:
        seen = self._plan.notebooks[name].seen
        return {table: self._plan.hashes.of(self._folder.table(table)) for table in seen}

    def begin(self, name: str) -> None:
        """Note what a notebook starts from."""
        self._began[name] = (time.time(), self._upstream(name))

    def moved(self, name: str) -> str:
        """Name what a notebook read that is not as it was when the run looked at it.

        Nobody can say which bytes it saw, so nothing it left can be used.
        """
        plan = self._plan
        if "config" in plan.values[name]:
            now = marks(plan.config, plan.config_path)
            for what, before in plan.watched.items():
                if now.get(what) != before:
                    return f"{what} was changed while the run went on"
        upstream = self._upstream(name)
        for table, digest in self._began[name][1].items():
            if upstream[table] != digest:
                return f"table {table} was changed while the run went on"
        return ""

    def edited(self, name: str, modules: list[str]) -> str:
        """Name the code that was edited meanwhile: the result stands, but is not remembered."""
        plan, began = self._plan, self._began[name][0] - SLACK_SECONDS
        for module in modules:
            mark = fingerprint.mark(fingerprint.place(module, plan.root))
            if not mark or max(mark[1], mark[2]) / 1e9 >= began:
                return f"helper {module}"
        return "" if plan.notebooks[name].is_unchanged() else "its own file"

    def remember(self, name: str, kept: Kept) -> None:
        """Keep what a later run has to know."""
        write_json(self._folder.memory(name), asdict(kept))

    def forget(self, name: str) -> None:
        """Remove everything a notebook left, so that nothing stale can be read.

        The page of one that left nothing says so and stays.
        """
        folder, kept = self._folder, self.kept(name)
        places = (folder.inside(place) for place in (kept.outputs if kept else ()))
        named = {*filter(None, places), folder.executed(name), folder.facts(name)}
        if notebook := self._plan.notebooks.get(name):
            named |= {folder.table(table) for table in notebook.leaves}
            found = [file for model in notebook.models for file in folder.model(model).glob("*")]
            places = (str(file.relative_to(folder.path)) for file in found)
            named |= {*filter(None, map(folder.inside, places))}
        left = [path for path in named if path.is_file() or path.is_symlink()]
        for path in [*left, folder.page(name)] if left else ():
            path.unlink(missing_ok=True)
        folder.memory(name).unlink(missing_ok=True)

    def forget_others(self) -> None:
        """Remove what notebooks that no longer exist had left."""
        for path in (self._folder.path / "notebooks").glob("*.ipynb"):
            if path.stem not in self._plan.notebooks:
                self.forget(path.stem)

    def refresh_text(self, name: str, kept: Kept) -> Kept:
        """Bring the text of a reused notebook up to date: words changed, results did not."""
        notebook = self._plan.notebooks[name]
        if kept.words == words_of(notebook):
            return kept
        path = self._folder.executed(name)
        write_json(path, with_text_of(notebook.content, self._folder.read(path, dict)))
        kept.words = words_of(notebook)
        kept.outputs[f"notebooks/{name}.ipynb"] = self._plan.hashes.of(path)
        self.remember(name, kept)
        return kept


def words_of(notebook: Notebook) -> str:
    """Return the hash of the text cells, which change the page but no result."""
    cells = notebook.parsed
    return fingerprint.text_hash([[c.kind, c.source if c.kind != "code" else ""] for c in cells])
