"""Run a plan: reuse what is unchanged, give the rest to workers, settle how each notebook ended."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

from segwork.engine.execute.cache import Cache, Kept, words_of
from segwork.engine.execute.outputs import replaced
from segwork.engine.execute.stage import Stages, broken_promise
from segwork.engine.execute.tasks import CellBegun, CellRecord, Ended, Task, Timing
from segwork.engine.plan import Plan, fingerprint
from segwork.engine.plan.order import owners
from segwork.engine.plan.parameters import code_of, plain
from segwork.runs.files import Json
from segwork.runs.folder import RAN, Entry
from segwork.runs.project import own_folder, temporary_folder

START_TRIES = 2
PROFILES = {"IPYTHONDIR": "ipython", "MPLCONFIGDIR": "matplotlib", "KERAS_HOME": "keras"}


@dataclass(frozen=True)
class Waiting:
    """Notebooks that have to run."""

    names: list[str]


@dataclass(frozen=True)
class Started:
    """A notebook starts, and why; empty where it is tried again."""

    why: str


@dataclass(frozen=True)
class Retried:
    """A kernel died and is started again."""

    message: str


@dataclass(frozen=True)
class Settled:
    """How a notebook ended and what it took."""

    entry: Entry
    timing: Timing


Progress = Waiting | Started | CellBegun | Retried | Settled


@dataclass
class Session:
    """The state of one run.

    Parameters
    ----------
    plan : Plan
    cache : Cache
    stages : Stages
    tell : callable
        Takes a notebook's name and what there is to say of it.
    deadline : float or None
        Replaces every notebook's own deadline, in seconds.
    hash_seed : str
        ``PYTHONHASHSEED`` of the kernels.
    reuse : bool
        Whether unchanged results of the run folder may stand.
    """

    plan: Plan
    cache: Cache
    stages: Stages
    tell: Callable[[str, Progress], None]
    deadline: float | None = None
    hash_seed: str = "0"
    reuse: bool = True
    entries: dict[str, Entry] = field(default_factory=dict)
    cells: dict[str, list[CellRecord]] = field(default_factory=dict)
    timing: dict[str, Timing] = field(default_factory=dict)
    why: dict[str, str] = field(default_factory=dict)
    interrupted: bool = False
    _running: set[str] = field(default_factory=set)
    _tries: dict[str, int] = field(default_factory=dict)
    _again: set[str] = field(default_factory=set)

    def run(self, jobs: int) -> None:
        """Settle every notebook of the plan."""
        self._settle_without_kernel()
        if len(self.entries) == len(self.plan.notebooks):
            return
        from segwork.engine.execute.workers import Workers

        waiting = [name for name in self.plan.notebooks if name not in self.entries]
        self.tell("", Waiting(waiting))
        with Workers(min(jobs, len(waiting))) as workers:
            try:
                for event in workers.run(self._next_task):
                    self._handle(event)
            except KeyboardInterrupt:
                self.interrupted = True
                for event in workers.stop():
                    self._handle(event)
                self._settle_rest()
        self.stages.clear()

    def _settle_without_kernel(self) -> None:
        """Settle, in running order, what is not asked for, blocked or unchanged."""
        for name in self.plan.notebooks:
            if name in self.entries or name in self._running or not self._is_due(name):
                continue
            if name in self.plan.chosen and (text := self._obstacle(name)):
                self._end(name, "blocked", text)
            elif name not in self._again:
                self._reuse_or_skip(name)

    def _reuse_or_skip(self, name: str) -> None:
        self.why[name] = self.cache.reason(name) if self.reuse else "asked to run everything"
        if not self.why[name] and (kept := self.cache.kept(name)):
            kept = self.cache.refresh_text(name, kept)
            self.cells[name] = kept.cells
            self.timing[name] = kept.timing
            self.timing[name].cached = True
            self._settle(name, kept.entry)
        elif name not in self.plan.chosen:
            self._end(name, "skipped", "not asked for, and what it left is out of date")

    def _obstacle(self, name: str) -> str:
        """Say which table the notebook cannot do without is not there."""
        notebook, owner = self.plan.notebooks[name], owners(self.plan.notebooks)
        for table in notebook.reads:
            if table in notebook.asks or owner[table] == name:
                continue
            status = self.entries[owner[table]].status
            if status != RAN:
                return f"needs {owner[table]}, which is {status}"
            if not self.plan.folder.table(table).is_file():
                return f"needs the table '{table}', which {owner[table]} did not leave"
        return ""

    def _is_due(self, name: str) -> bool:
        return all(needed in self.entries for needed in self.plan.needs[name])

    def _next_task(self, running: list[Task]) -> Task | None:
        """Return a notebook that may start beside the running ones."""
        self._settle_without_kernel()
        if any(self.plan.notebooks[task.name].settings.exclusive for task in running):
            return None
        for name, notebook in self.plan.notebooks.items():
            if name in self.entries or name in self._running or not self._is_due(name):
                continue
            if notebook.settings.exclusive and running:
                return None
            return self._task(name)
        return None

    def _task(self, name: str) -> Task:
        plan, notebook = self.plan, self.plan.notebooks[name]
        stage = self.stages.make(notebook).path
        self._running.add(name)
        self._tries[name] = self._tries.get(name, 0) + 1
        self.cache.begin(name)
        self.tell(name, Started(self.why.get(name, "")))
        profiles = {key: str(own_folder() / "profile" / part) for key, part in PROFILES.items()}
        return Task(
            name=name,
            notebook=notebook.content,
            root=str(plan.root),
            stage=str(stage),
            parameters={key: code_of(value) for key, value in plan.values[name].items()},
            shown_parameters=shown_parameters(plan, name),
            paths_shown={
                **paths_shown(plan),
                str(stage): "<run>",
                str(temporary_folder()): "<temporary>",
            },
            environment={
                **profiles,
                "SEGWORK_RUN": str(stage),
                "SEGWORK_ROOT": str(plan.root),
                "PYTHONHASHSEED": self.hash_seed,
            },
            cell_seconds=notebook.settings.cell_seconds,
            deadline_seconds=self.deadline or notebook.settings.deadline_seconds,
            memory_mb=notebook.settings.memory_mb,
        )

    def _handle(self, event: CellBegun | Ended) -> None:
        name = event.name
        if isinstance(event, CellBegun):
            self.tell(name, event)
            return
        self._running.discard(name)
        if event.status == "died" and not self.interrupted and self._may_retry(event):
            self.tell(name, Retried(event.message))
            self._again.add(name)
            return
        self._finished(name, event)

    def _may_retry(self, event: Ended) -> bool:
        allowed = self.plan.notebooks[event.name].settings.retries + 1
        if not event.started:
            allowed = max(allowed, START_TRIES)
        return self._tries[event.name] < allowed

    def _finished(self, name: str, event: Ended) -> None:
        plan, notebook = self.plan, self.plan.notebooks[name]
        status, message, edited = event.status, event.message, ""
        self.cells[name] = event.cells
        if status == RAN:
            stage = self.stages.of(name)
            owed = broken_promise(notebook, stage, as_of=plan.config.as_of.isoformat())
            if moved := self.cache.moved(name):
                owed = f"{moved}, so nobody knows what it read; run again"
            if owed:
                status, message = "contract", owed
                self.cells[name].append(CellRecord("what it promised", status, owed))
            elif edited := self.cache.edited(name, event.modules):
                message = f"{edited} was edited while the run went on; it will run again"
        self.cache.forget(name)
        outputs = self.stages.accept(notebook, good=status == RAN, hashes=plan.hashes)
        self.timing[name] = Timing(
            seconds=round(event.seconds, 3),
            peak_memory_mb=event.peak_memory_mb,
            retries=self._tries[name] - 1,
        )
        entry = self._entry(name, status, message, event)
        if status == RAN:
            traced = {
                part: dict.fromkeys(getattr(event, part), "") for part in ("modules", "packages")
            }
            inputs = self.cache.inputs(name, traced)
            entry = replace(
                entry,
                key=fingerprint.text_hash(inputs),
                helpers=fingerprint.text_hash(inputs["modules"]),
            )
            if not edited:  # else nobody knows which version of the code ran
                timing, cells = self.timing[name], self.cells[name]
                kept = Kept(inputs, words_of(notebook), outputs, entry, cells, timing)
                self.cache.remember(name, kept)
        self._settle(name, entry)

    def _entry(self, name: str, status: str, message: str, event: Ended | None = None) -> Entry:
        notebook = self.plan.notebooks[name]
        return Entry(
            status=status,
            message=message,
            cell=event.cell if event else None,
            cell_title=event.cell_title if event else "",
            parameters=shown_parameters(self.plan, name),
            reads=list(notebook.reads),
            leaves=list(notebook.leaves),
            code=fingerprint.text_hash(fingerprint.code(notebook)),
        )

    def _end(self, name: str, status: str, message: str) -> None:
        """Settle a notebook that does not run; what it left earlier is out of date and goes."""
        self.cache.forget(name)
        self.cells[name] = [CellRecord("did not run", status, message)]
        self.timing[name] = Timing()
        self._settle(name, self._entry(name, status, message))

    def _settle(self, name: str, entry: Entry) -> None:
        self.entries[name] = entry
        self.tell(name, Settled(entry, self.timing[name]))

    def _settle_rest(self) -> None:
        for name in self.plan.notebooks:
            if name in self._running:
                self._end(name, "interrupted", "stopped by the user")
            elif name not in self.entries:
                self._end(name, "skipped", "the run was interrupted before")


def paths_shown(plan: Plan) -> dict[str, str]:
    """Return the folders of this machine and what stands for them in a record."""
    shown = {
        str(plan.config_path): plan.entry_config,
        sys.prefix + os.sep: "<python>/",
        str(plan.folder.path): "<run>",
    }
    home = Path.home()
    if len(home.parts) > 1:
        shown[str(home) + os.sep] = "~/"
    for folder, word in ((home, "~"), (plan.root.resolve(), "."), (plan.root, ".")):
        if len(folder.parts) > 2:
            shown[str(folder)] = word
            shown[str(folder) + os.sep] = "~/" if word == "~" else ""
    return shown


def shown_parameters(plan: Plan, name: str) -> Json:
    """Return a notebook's parameters as JSON values without folders of this machine."""
    paths = paths_shown(plan)
    return {key: _shown(plain(value), paths) for key, value in plan.values[name].items()}


def _shown(value: object, paths: dict[str, str]) -> object:
    if isinstance(value, list):
        return [_shown(item, paths) for item in value]
    if isinstance(value, dict):
        return {key: _shown(item, paths) for key, item in value.items()}
    return replaced(value, paths) if isinstance(value, str) else value
