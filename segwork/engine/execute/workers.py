"""Threads that run notebooks, as many as may run at once; each kernel is a process of its own.

A kernel ends by itself when the run that started it is gone, and the next run ends what it had
started.
"""

from __future__ import annotations

import contextlib
import queue
import threading
import time
from collections.abc import Callable, Iterator

from segwork.engine import processes
from segwork.engine.execute import kernels
from segwork.engine.execute.job import CellBegun, Job

STOP_SECONDS = 2.0  # a user who pressed Ctrl-C waits that long for a last word


class Workers:
    """The notebooks that run at the same time.

    Parameters
    ----------
    most : int
        So many at most.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._events: queue.Queue[CellBegun | Job] = queue.Queue()
        self._running: list[Job] = []
        self._stop = threading.Event()

    def run(self, next_job: Callable[[list[Job]], Job | None]) -> Iterator[CellBegun | Job]:
        """Yield cells that begin and jobs that have ended, until none runs and none is left.

        Parameters
        ----------
        next_job : callable
            Takes the running jobs; returns one that may start now, or None.
        """
        while True:
            while len(self._running) < self._most and (job := next_job(self._running)):
                job.tell, job.stop = self._events.put, self._stop
                self._running.append(job)
                threading.Thread(target=self._work, args=(job,), daemon=True).start()
            if not self._running:
                return
            yield from self._waited()

    def stop(self) -> Iterator[CellBegun | Job]:
        """Tell every job to stop and yield how they ended, if they say it in time."""
        self._stop.set()
        until = time.monotonic() + STOP_SECONDS
        while self._running and time.monotonic() < until:
            yield from self._waited()
        for job in self._running:
            processes.end_all_of(job.stage.path)

    def _waited(self) -> Iterator[CellBegun | Job]:
        with contextlib.suppress(queue.Empty):  # a wait without end cannot be interrupted
            event = self._events.get(timeout=0.1)
            if isinstance(event, Job):
                self._running.remove(event)
            yield event

    def _work(self, job: Job) -> None:
        try:
            kernels.run(job)
        except BaseException as fault:
            job.end("died", f"its worker ended ({type(fault).__name__})")
        finally:
            self._events.put(job)
