"""Worker processes and the order in which they get notebooks."""

from __future__ import annotations

import contextlib
import json
import os
import queue
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

Event = dict[str, Any]
STOP_SECONDS = 15.0


class Worker:
    """One worker process and the notebook it is running."""

    def __init__(self, events: queue.Queue[tuple[Worker, Event]]) -> None:
        self.task: dict[str, Any] | None = None
        self._process = subprocess.Popen(
            [sys.executable, "-m", "segwork.engine.worker"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=worker_environment(),
            text=True,
            encoding="utf-8",
            start_new_session=True,
        )
        threading.Thread(target=self._listen, args=(events,), daemon=True).start()

    def _listen(self, events: queue.Queue[tuple[Worker, Event]]) -> None:
        assert self._process.stdout is not None
        with self._process.stdout as stream:
            for line in stream:
                events.put((self, json.loads(line)))
        events.put((self, {"event": "gone"}))

    def send(self, message: dict[str, Any]) -> None:
        """Give the worker a task, or tell it to stop."""
        assert self._process.stdin is not None
        with contextlib.suppress(OSError):  # it is gone; the listener says so
            self._process.stdin.write(json.dumps(message) + "\n")
            self._process.stdin.flush()

    def close(self) -> None:
        """End the input, so that the worker leaves, and wait for it."""
        assert self._process.stdin is not None
        with contextlib.suppress(OSError):
            self._process.stdin.close()
        try:
            self._process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


class Pool:
    """As many workers as may run at once; started early because their imports take a second.

    Parameters
    ----------
    jobs : int
        Number of worker processes.
    """

    def __init__(self, jobs: int) -> None:
        self._events: queue.Queue[tuple[Worker, Event]] = queue.Queue()
        self._workers = [Worker(self._events) for _ in range(jobs)]

    def __enter__(self) -> Pool:
        return self

    def __exit__(self, *_: object) -> None:
        for worker in self._workers:
            worker.close()

    def run(
        self, next_task: Callable[[list[dict[str, Any]]], dict[str, Any] | None]
    ) -> Iterator[Event]:
        """Yield events until no task runs and none is left.

        Parameters
        ----------
        next_task : callable
            Takes the running tasks; returns a task that may start now, or None.
        """
        while True:
            for worker in self._workers:
                if worker.task is None and (task := next_task(self._running())) is not None:
                    worker.task = task
                    worker.send(task)
            if not self._running():
                return
            with contextlib.suppress(queue.Empty):  # a wait without end cannot be interrupted
                yield from self._handled(*self._events.get(timeout=0.1))

    def stop(self) -> Iterator[Event]:
        """Tell every worker to stop and yield how their notebooks ended."""
        for worker in self._workers:
            worker.send({"stop": True})
        patience = time.monotonic() + STOP_SECONDS
        while self._running() and time.monotonic() < patience:
            with contextlib.suppress(queue.Empty):
                yield from self._handled(*self._events.get(timeout=0.1))

    def _running(self) -> list[dict[str, Any]]:
        return [worker.task for worker in self._workers if worker.task is not None]

    def _handled(self, worker: Worker, event: Event) -> Iterator[Event]:
        task = worker.task
        if event["event"] == "gone":
            worker.close()
            if worker in self._workers:
                self._workers[self._workers.index(worker)] = Worker(self._events)
            if task is not None:
                worker.task = None
                yield _lost(task)
            return
        if event["event"] == "done":
            worker.task = None
        if task is not None:
            yield {**event, "name": task["name"]}


def _lost(task: dict[str, Any]) -> Event:
    """Return what is known of a notebook whose worker process disappeared."""
    return {
        "event": "done",
        "name": task["name"],
        "status": "died",
        "message": "the worker process ended",
        "cell": None,
        "cell_title": "",
        "cells": [],
        "peak_memory_mb": 0.0,
        "seconds": 0.0,
        "started": False,
        "modules": [],
        "packages": [],
    }


def worker_environment() -> dict[str, str]:
    """Return an environment in which a process imports this very segwork."""
    home = Path(__file__).resolve().parents[2]
    environment = dict(os.environ)
    if home.name not in ("site-packages", "dist-packages"):
        paths = [str(home), *filter(None, [environment.get("PYTHONPATH")])]
        environment["PYTHONPATH"] = os.pathsep.join(paths)
    return environment
