"""Worker processes and the order in which they get notebooks."""

from __future__ import annotations

import contextlib
import queue
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from segwork.engine import processes
from segwork.engine.execute.tasks import (
    STOP,
    CellBegun,
    Ended,
    Event,
    Gone,
    Task,
    as_line,
    from_line,
)

STOP_SECONDS = 2.0  # a user who pressed Ctrl-C waits that long for a last word
LEAVE_SECONDS = 15.0


class Worker:
    """One worker process and the notebook it is running."""

    def __init__(self, events: queue.Queue[tuple[Worker, Event]]) -> None:
        self.task: Task | None = None
        self._process = subprocess.Popen(
            [sys.executable, "-m", "segwork.engine.execute.worker"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=processes.environment(),
            text=True,
            encoding="utf-8",
            start_new_session=True,
        )
        threading.Thread(target=self._listen, args=(events,), daemon=True).start()

    def _listen(self, events: queue.Queue[tuple[Worker, Event]]) -> None:
        assert self._process.stdout is not None
        with self._process.stdout as stream, contextlib.suppress(ValueError):  # cut off: it is gone
            for text in stream:
                events.put((self, from_line(text)))  # type: ignore[arg-type]
        events.put((self, Gone()))

    def send(self, text: str) -> None:
        """Give the worker a line."""
        assert self._process.stdin is not None
        with contextlib.suppress(OSError):  # it is gone; the listener says so
            self._process.stdin.write(text)
            self._process.stdin.flush()

    def close(self, seconds: float = LEAVE_SECONDS) -> None:
        """End the input, so that the worker leaves, and wait for it."""
        assert self._process.stdin is not None
        with contextlib.suppress(OSError):
            self._process.stdin.close()
        try:
            self._process.wait(seconds)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        if self.task is not None:
            processes.end_all_of(Path(self.task.stage))


class Workers:
    """As many workers as may run at once; started early because their imports take a second.

    Parameters
    ----------
    jobs : int
        Number of worker processes.
    """

    def __init__(self, jobs: int) -> None:
        self._events: queue.Queue[tuple[Worker, Event]] = queue.Queue()
        self._workers = [Worker(self._events) for _ in range(jobs)]
        self._patience = LEAVE_SECONDS
        self._stopping = False

    def __enter__(self) -> Workers:
        return self

    def __exit__(self, *_: object) -> None:
        for worker in self._workers:
            worker.close(self._patience)

    def run(self, next_task: Callable[[list[Task]], Task | None]) -> Iterator[CellBegun | Ended]:
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
                    worker.send(as_line(task))
            if not self._running():
                return
            with contextlib.suppress(queue.Empty):  # a wait without end cannot be interrupted
                yield from self._handled(*self._events.get(timeout=0.1))

    def stop(self) -> Iterator[CellBegun | Ended]:
        """Tell every worker to stop and yield how their notebooks ended, if they say it in time."""
        self._stopping = True
        for worker in self._workers:
            worker.send(STOP)
        until = time.monotonic() + STOP_SECONDS
        while self._running() and time.monotonic() < until:
            with contextlib.suppress(queue.Empty):
                yield from self._handled(*self._events.get(timeout=0.1))
        self._patience = 0.0 if self._running() else 0.5

    def _running(self) -> list[Task]:
        return [worker.task for worker in self._workers if worker.task is not None]

    def _handled(self, worker: Worker, event: Event) -> Iterator[CellBegun | Ended]:
        task = worker.task
        if isinstance(event, Gone):
            worker.close()
            if worker in self._workers and not self._stopping:
                self._workers[self._workers.index(worker)] = Worker(self._events)
            if task is not None:
                worker.task = None
                yield Ended(task.name, "died", "the worker process ended")
            return
        if isinstance(event, Ended):
            worker.task = None
        if task is not None:
            yield event
