"""A worker process: imports Papermill once, then runs one notebook after the other.

Tasks come as lines on standard input, events leave as lines on standard output. When the input
ends, the run that started this worker is gone: the kernel is killed and the worker leaves.
"""

from __future__ import annotations

import contextlib
import logging
import os
import queue
import signal
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from segwork.engine import processes
from segwork.engine.execute.outputs import stable, without_outputs
from segwork.engine.execute.tasks import STOP, CellBegun, Ended, Task, as_line, from_line
from segwork.errors import SegworkError
from segwork.runs.files import Json, write_json
from segwork.runs.folder import RunFolder

if TYPE_CHECKING:
    from segwork.engine.execute.kernels import Job

SAVE_EVERY_SECONDS = 3.0


def main() -> None:
    """Serve tasks until the input ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    channel = os.fdopen(os.dup(sys.stdout.fileno()), "w", encoding="utf-8")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    logging.disable(logging.CRITICAL)

    def tell(event: CellBegun | Ended) -> None:
        channel.write(as_line(event))
        channel.flush()

    tasks: queue.Queue[Task | None] = queue.Queue()
    stop = threading.Event()
    threading.Thread(target=_listen, args=(tasks, stop), daemon=True).start()
    # nbformat's validator builds a grammar of addresses, which no notebook has, for a second.
    sys.modules.setdefault("rfc3987_syntax", None)  # type: ignore[arg-type]
    import papermill  # noqa: F401  (the slow import, while the run is still planning)

    with contextlib.suppress(BrokenPipeError):  # the run is gone
        while (task := tasks.get()) is not None:
            tell(run_notebook(task, tell, stop))


def _listen(tasks: queue.Queue[Task | None], stop: threading.Event) -> None:
    for text in sys.stdin:
        if text == STOP:
            stop.set()
        else:
            tasks.put(from_line(text))  # type: ignore[arg-type]
    stop.set()
    tasks.put(None)
    time.sleep(20)  # long enough to kill a kernel; then leave whatever happens
    os._exit(1)


def run_notebook(task: Task, tell: Callable[[CellBegun], None], stop: threading.Event) -> Ended:
    """Run one notebook and return how it ended; nothing that it started is left.

    Parameters
    ----------
    task : Task
    tell : callable
        Takes each event.
    stop : threading.Event
        Set when the user stops the run.
    """
    import nbformat
    import papermill

    from segwork.engine.execute import kernels

    kernels.register()
    job = kernels.Job(task, tell, stop, save=_saver(task))
    if stop.is_set():
        job.end("interrupted", "stopped by the user")
        return _result(job)
    notebook = nbformat.from_dict(without_outputs(task.notebook))
    try:
        # Papermill raises for every error in an output, also for those a tag allows.
        with contextlib.suppress(papermill.PapermillExecutionError):
            papermill.execute_notebook(
                notebook,
                None,
                parameters=task.parameters,
                engine_name=kernels.NAME,
                progress_bar=False,
                job=job,
            )
    except SegworkError as error:  # its file could not be written
        job.end("failed", str(error))
    except Exception as error:
        job.end("failed", f"the notebook cannot be run ({type(error).__name__})")
    finally:
        processes.end_all_of(Path(task.stage))
    return _result(job)


def _saver(task: Task) -> Callable[..., None]:
    last = 0.0
    path = RunFolder(Path(task.stage)).executed(task.name)

    def save(notebook: Json, final: bool = False) -> None:
        nonlocal last
        if final or time.monotonic() - last > SAVE_EVERY_SECONDS:
            write_json(path, stable(notebook, task.shown_parameters, task.paths_shown))
            last = time.monotonic()

    return save


def _result(job: Job) -> Ended:
    from segwork.engine.plan.fingerprint import used

    modules, packages = used(job.files, Path(job.task.root))
    failed = job.status != "ok"
    return Ended(
        name=job.task.name,
        status=job.status,
        message=job.message,
        cell=len(job.cells) if failed and job.cells else None,
        cell_title=job.title if failed else "",
        cells=job.cells,
        peak_memory_mb=round(job.peak_mb, 1),
        seconds=time.monotonic() - job.began,
        started=job.started,
        modules=modules,
        packages=packages,
    )


if __name__ == "__main__":
    main()
