"""Run a plan: reuse what is unchanged, give the rest to workers, settle how each notebook ended."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from segwork.engine import fingerprint
from segwork.engine.folder import broken_promise
from segwork.engine.order import owners
from segwork.engine.parameters import code_of, plain
from segwork.engine.plan import Plan
from segwork.engine.text import refresh, words_of

START_TRIES = 2
GREEN = "ok"


@dataclass
class Session:
    """The state of one run.

    Parameters
    ----------
    plan : Plan
    tell : callable
        Takes ``(notebook, what, event)``: progress for the terminal.
    deadline : float or None
        Replaces every notebook's own deadline, in seconds.
    hash_seed : str
        ``PYTHONHASHSEED`` of the kernels.
    reuse : bool
        Whether unchanged results of the run folder may stand.
    """

    plan: Plan
    tell: Callable[[str, str, Mapping[str, Any]], None]
    deadline: float | None = None
    hash_seed: str = "0"
    reuse: bool = True
    entries: dict[str, dict[str, Any]] = field(default_factory=dict)
    cells: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    timing: dict[str, dict[str, Any]] = field(default_factory=dict)
    why: dict[str, str] = field(default_factory=dict)
    interrupted: bool = False
    _running: set[str] = field(default_factory=set)
    _tries: dict[str, int] = field(default_factory=dict)
    _again: list[str] = field(default_factory=list)
    _began: dict[str, float] = field(default_factory=dict)

    def run(self, jobs: int) -> None:
        """Settle every notebook of the plan."""
        self._settle_without_kernel()
        if len(self.entries) == len(self.plan.notebooks):
            return
        from segwork.engine.pool import Pool

        waiting = len(self.plan.notebooks) - len(self.entries)
        with Pool(min(jobs, waiting)) as pool:
            try:
                for event in pool.run(self._next_task):
                    self._handle(event)
            except KeyboardInterrupt:
                self.interrupted = True
                for event in pool.stop():
                    self._handle(event)
                self._settle_rest()

    def _settle_without_kernel(self) -> None:
        """Settle, in running order, what is not asked for, blocked or unchanged."""
        for name in self.plan.notebooks:
            if name in self.entries or name in self._running or not self._is_due(name):
                continue
            if name in self.plan.chosen and (text := self._obstacle(name)):
                self._end(name, "blocked", text)
                continue
            self.why[name] = "" if name in self._again else self._reason(name)
            if not self.why[name] and name not in self._again:
                self._reuse(name)
            elif name not in self.plan.chosen:
                self._end(name, "skipped", "not asked for, and what it left is out of date")

    def _obstacle(self, name: str) -> str:
        """Say which table the notebook cannot do without is not there."""
        notebook, owner = self.plan.notebooks[name], owners(self.plan.notebooks)
        for table in notebook.reads:
            if table in notebook.asks or owner[table] == name:
                continue
            status = self.entries[owner[table]]["status"]
            if status != GREEN:
                return f"needs {owner[table]}, which is {status}"
            if not (self.plan.folder.path / "tables" / f"{table}.parquet").is_file():
                return f"needs the table '{table}', which {owner[table]} did not leave"
        return ""

    def _is_due(self, name: str) -> bool:
        return all(needed in self.entries for needed in self.plan.needs[name])

    def _reason(self, name: str) -> str:
        """Say why the notebook has to run; empty where what it left still stands."""
        before = self.plan.folder.remembered(name)
        if not self.reuse:
            return "asked to run everything"
        return fingerprint.reason(
            self._inputs(name, before.get("inputs", {})), before.get("inputs")
        ) or self.plan.folder.damage(before["outputs"], self.plan.hashes)

    def _inputs(self, name: str, before: Mapping[str, Any]) -> dict[str, Any]:
        plan, notebook = self.plan, self.plan.notebooks[name]
        tables = plan.folder.path / "tables"
        return fingerprint.inputs(
            notebook,
            parameters=plan.values[name],
            config=plan.config,
            data=plan.data,
            upstream={
                table: plan.hashes.of(tables / f"{table}.parquet")
                for table in sorted({*notebook.reads, *notebook.asks} - set(notebook.leaves))
            },
            before=before,
            hashes=plan.hashes,
        )

    def _reuse(self, name: str) -> None:
        record = refresh(self.plan, name, self.plan.folder.remembered(name))
        self.cells[name] = record["cells"]
        self.timing[name] = {**record["timing"], "cached": True}
        self._settle(name, record["entry"])

    def _next_task(self, running: list[dict[str, Any]]) -> dict[str, Any] | None:
        """Return a notebook that may start beside the running ones."""
        self._settle_without_kernel()
        if any(self.plan.notebooks[task["name"]].settings.exclusive for task in running):
            return None
        for name, notebook in self.plan.notebooks.items():
            if name in self.entries or name in self._running or not self._is_due(name):
                continue
            if notebook.settings.exclusive and running:
                return None
            return self._task(name)
        return None

    def _task(self, name: str) -> dict[str, Any]:
        plan, notebook = self.plan, self.plan.notebooks[name]
        stage = plan.folder.stage(notebook)
        values = plan.values[name]
        self._running.add(name)
        self._tries[name] = self._tries.get(name, 0) + 1
        self._began[name] = time.time()
        self.tell(name, "start", {"why": self.why.get(name, "")})
        shown = {str(stage): "<run>", str(plan.config_path): plan.config_path.name}
        shown |= {sys.prefix + os.sep: "<python>/"}
        if len(plan.root.parts) > 2:
            shown[str(plan.root) + os.sep] = ""
        return {
            "name": name,
            "path": str(notebook.path.resolve()),
            "root": str(plan.root),
            "save_to": str(stage / "notebooks" / f"{name}.ipynb"),
            "parameters": {key: code_of(value) for key, value in values.items()},
            "shown_parameters": _shown_parameters(plan, name),
            "paths_shown": shown,
            "environment": {
                "SEGWORK_RUN": str(stage),
                "SEGWORK_ROOT": str(plan.root),
                "PYTHONHASHSEED": self.hash_seed,
            },
            "cell_seconds": notebook.settings.cell_seconds,
            "deadline_seconds": self.deadline or notebook.settings.deadline_seconds,
            "memory_mb": notebook.settings.memory_mb,
        }

    def _handle(self, event: dict[str, Any]) -> None:
        name = event["name"]
        if event["event"] != "done":
            self.tell(name, event["event"], event)
            return
        self._running.discard(name)
        if event["status"] == "died" and not self.interrupted and self._may_retry(name, event):
            self.tell(name, "retry", event)
            if name not in self._again:
                self._again.append(name)
            return
        self._finished(name, event)

    def _may_retry(self, name: str, event: Mapping[str, Any]) -> bool:
        allowed = self.plan.notebooks[name].settings.retries + 1
        if not event["started"]:
            allowed = max(allowed, START_TRIES)
        return self._tries[name] < allowed

    def _finished(self, name: str, event: dict[str, Any]) -> None:
        plan, notebook = self.plan, self.plan.notebooks[name]
        folder = plan.folder
        stage = folder.stage_of(name)
        status, message = event["status"], event["message"]
        if status == GREEN and (
            owed := broken_promise(notebook, stage, as_of=plan.config.as_of.isoformat())
        ):
            status, message = "contract", owed
        outputs = folder.accept(notebook, good=status == GREEN, hashes=plan.hashes)
        self.cells[name] = event["cells"]
        if status == "contract":
            promise = {"title": "what it promised", "status": status, "message": owed}
            self.cells[name].append(promise)
        self.timing[name] = {
            "seconds": round(event["seconds"], 3),
            "peak_memory_mb": event["peak_memory_mb"],
            "retries": self._tries[name] - 1,
            "cached": False,
        }
        entry = self._entry(name, status, message, event["cell"], event["cell_title"])
        if status == GREEN:
            self._remember(name, event, entry, outputs)
        self._settle(name, entry)

    def _remember(
        self, name: str, event: Mapping[str, Any], entry: dict[str, Any], outputs: dict[str, str]
    ) -> None:
        traced = {part: dict.fromkeys(event[part], "") for part in ("modules", "packages")}
        inputs = self._inputs(name, traced)
        entry["key"] = fingerprint.text_hash(inputs)
        entry["helpers"] = fingerprint.text_hash(inputs["modules"])
        changed = [m for m in event["modules"] if self._changed_since_start(name, m)]
        if not changed:  # else nobody knows which version of the helper ran
            self.plan.folder.remember(
                name,
                {
                    "inputs": inputs,
                    "words": words_of(self.plan.notebooks[name]),
                    "outputs": outputs,
                    "entry": entry,
                    "cells": self.cells[name],
                    "timing": self.timing[name],
                },
            )

    def _changed_since_start(self, name: str, module: str) -> bool:
        path = fingerprint.place(module, self.plan.root)
        return not path.is_file() or path.stat().st_mtime >= self._began[name]

    def _entry(
        self, name: str, status: str, message: str, cell: int | None = None, title: str = ""
    ) -> dict[str, Any]:
        notebook = self.plan.notebooks[name]
        return {
            "status": status,
            "message": message,
            "cell": cell,
            "cell_title": title,
            "parameters": _shown_parameters(self.plan, name),
            "reads": list(notebook.reads),
            "leaves": list(notebook.leaves),
            "code": fingerprint.text_hash(fingerprint.code(notebook)),
            "helpers": "",
            "key": "",
        }

    def _end(self, name: str, status: str, message: str) -> None:
        """Settle a notebook that does not run; what it left earlier is out of date and goes."""
        self.plan.folder.forget(name)
        self.cells[name] = [{"title": "did not run", "status": status, "message": message}]
        self.timing[name] = {"seconds": 0.0, "peak_memory_mb": 0.0, "retries": 0, "cached": False}
        self._settle(name, self._entry(name, status, message))

    def _settle(self, name: str, entry: dict[str, Any]) -> None:
        self.entries[name] = entry
        self.tell(name, "end", {**entry, **self.timing[name], "why": self.why.get(name, "")})

    def _settle_rest(self) -> None:
        for name in self.plan.notebooks:
            if name in self._running:
                self._end(name, "interrupted", "stopped by the user")
            elif name not in self.entries:
                self._end(name, "skipped", "the run was interrupted before")


def _shown_parameters(plan: Plan, name: str) -> dict[str, Any]:
    shown = {key: plain(value) for key, value in plan.values[name].items()}
    if Path(str(shown.get("config", ""))).is_absolute():
        shown["config"] = plan.config_path.name
    return shown
