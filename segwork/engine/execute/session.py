"""Run a plan: reuse what is unchanged, give the rest to workers, settle how each notebook ended."""

from __future__ import annotations

import contextlib
import logging
import os
import sys
import time
import warnings
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from segwork.engine.execute.cache import Cache, Kept, words_of
from segwork.engine.execute.job import CellBegun, CellRecord, Job, Timing
from segwork.engine.execute.outputs import replaced
from segwork.engine.execute.progress import Progress
from segwork.engine.execute.stage import Stages, broken_promise
from segwork.engine.plan import Plan, fingerprint
from segwork.engine.plan.order import owners
from segwork.engine.plan.parameters import code_of, plain
from segwork.runs.files import Json
from segwork.runs.folder import RAN, Entry
from segwork.runs.project import own_folder, temporary_folder

if TYPE_CHECKING:
    from segwork.engine.execute.workers import Workers

START_TRIES = 2
LOGS = ("papermill", "traitlets", "asyncio")
PROFILES = {"IPYTHONDIR": "ipython", "MPLCONFIGDIR": "matplotlib", "KERAS_HOME": "keras"}


@dataclass
class Session:
    """The state of one run.

    Parameters
    ----------
    plan : Plan
    cache : Cache
    stages : Stages
    progress : Progress
        Says what happens.
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
    progress: Progress
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

    def run(self, jobs: int) -> None:
        """Settle every notebook of the plan."""
        self._settle_without_kernel()
        if len(self.entries) == len(self.plan.notebooks):
            return
        asked = self.plan.chosen - set(self.entries)
        self.progress.waiting([n for n in self.plan.notebooks if n in asked])
        workers = None
        with _unheard():
            try:
                workers = _workers(jobs)
                for event in workers.run(self._next_job):
                    self._handle(event)
            except KeyboardInterrupt:
                self.interrupted = True
                for event in workers.stop() if workers else ():
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
            elif name not in self._tries:  # else it is tried again
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

    def _next_job(self, running: list[Job]) -> Job | None:
        """Return a notebook that may start beside the running ones."""
        self._settle_without_kernel()
        if any(job.source.settings.exclusive for job in running):
            return None
        for name, notebook in self.plan.notebooks.items():
            if name in self.entries or name in self._running or not self._is_due(name):
                continue
            if notebook.settings.exclusive and running:
                return None
            return self._job(name)
        return None

    def _job(self, name: str) -> Job:
        plan, notebook = self.plan, self.plan.notebooks[name]
        stage, limits = self.stages.make(notebook), notebook.settings
        self._running.add(name)
        self._tries[name] = self._tries.get(name, 0) + 1
        self.cache.begin(name)
        self.progress.started(name, self.why.get(name, ""))
        profiles = {key: str(own_folder() / "profile" / part) for key, part in PROFILES.items()}
        places = {str(stage.path): "<run>", str(temporary_folder()): "<temporary>"}
        return Job(
            notebook,
            plan.root,
            stage,
            replace(limits, deadline_seconds=self.deadline or limits.deadline_seconds),
            parameters={key: code_of(value) for key, value in plan.values[name].items()},
            shown_parameters=shown_parameters(plan, name),
            paths_shown=paths_shown(plan) | places,
            environment={
                **profiles,
                "SEGWORK_RUN": str(stage.path),
                "SEGWORK_ROOT": str(plan.root),
                "PYTHONHASHSEED": self.hash_seed,
            },
        )

    def _handle(self, event: CellBegun | Job) -> None:
        name = event.name
        if isinstance(event, CellBegun):
            self.progress.began(event)
            return
        self._running.discard(name)
        if event.status == "died" and not self.interrupted and self._may_retry(event):
            self.progress.retried(name, event.message)
            return
        self._finished(event)

    def _may_retry(self, job: Job) -> bool:
        allowed = job.source.settings.retries + 1
        return self._tries[job.name] < (allowed if job.started else max(allowed, START_TRIES))

    def _finished(self, job: Job) -> None:
        plan, notebook, name = self.plan, job.source, job.name
        status, message, edited = job.status, job.message, ""
        modules, packages = fingerprint.used(job.files, plan.root)
        self.cells[name] = job.cells
        if status == RAN:
            stage = self.stages.of(name)
            owed = broken_promise(notebook, stage, as_of=plan.config.as_of.isoformat())
            if moved := self.cache.moved(name):
                owed = f"{moved}, so nobody knows what it read; run again"
            if owed:
                status, message = "contract", owed
                self.cells[name].append(CellRecord("what it promised", status, owed))
            elif edited := self.cache.edited(name, modules):
                message = f"{edited} was edited while the run went on; it will run again"
        self.cache.forget(name)
        outputs = self.stages.accept(notebook, good=status == RAN, hashes=plan.hashes)
        self.timing[name] = Timing(
            seconds=round(time.monotonic() - job.began, 3),
            peak_memory_mb=round(job.peak_mb, 1),
            retries=self._tries[name] - 1,
        )
        entry = self._entry(name, status, message, job)
        if status == RAN:
            traced = {"modules": dict.fromkeys(modules), "packages": dict.fromkeys(packages)}
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

    def _entry(self, name: str, status: str, message: str, job: Job | None = None) -> Entry:
        notebook = self.plan.notebooks[name]
        broke = job if job and job.status != RAN else None
        return Entry(
            status=status,
            message=message,
            cell=len(broke.cells) or None if broke else None,
            cell_title=broke.title if broke else "",
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
        self.progress.settled(name, entry, self.timing[name])

    def _settle_rest(self) -> None:
        for name in self.plan.notebooks:
            if name in self._running:
                self._end(name, "interrupted", "stopped by the user")
            elif name not in self.entries:
                self._end(name, "skipped", "the run was interrupted before")


@contextlib.contextmanager
def _unheard() -> Iterator[None]:
    """Keep what the libraries that talk to kernels warn of and log off the user's terminal."""
    with contextlib.ExitStack() as after, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for logger in map(logging.getLogger, LOGS):
            after.callback(setattr, logger, "disabled", logger.disabled)
            logger.disabled = True
        yield


def _workers(jobs: int) -> Workers:
    """Import Papermill, which takes a second, and return who runs notebooks with it."""
    # nbformat's validator builds a grammar of addresses, which no notebook has, for a second.
    sys.modules.setdefault("rfc3987_syntax", None)  # type: ignore[arg-type]
    from segwork.engine.execute.workers import Workers

    if sys.modules["rfc3987_syntax"] is None:
        del sys.modules["rfc3987_syntax"]
    return Workers(jobs)


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
