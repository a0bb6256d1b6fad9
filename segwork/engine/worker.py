"""A worker process: imports Papermill once, then runs one notebook after the other.

Tasks come as JSON lines on standard input, events leave as JSON lines on standard output. When the
input ends, the run that started this worker is gone: the kernel is killed and the worker leaves.
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
import queue
import signal
import sys
import threading
import time
from pathlib import Path
from typing import Any

from segwork.engine.clean import clean
from segwork.run import write_json

SAVE_EVERY_SECONDS = 3.0


def main() -> None:
    """Serve tasks until the input ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    channel = os.fdopen(os.dup(sys.stdout.fileno()), "w", encoding="utf-8")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    logging.disable(logging.CRITICAL)

    def tell(event: dict[str, Any]) -> None:
        channel.write(json.dumps(event) + "\n")
        channel.flush()

    tasks: queue.Queue[dict[str, Any] | None] = queue.Queue()
    stop = threading.Event()
    threading.Thread(target=_listen, args=(tasks, stop), daemon=True).start()
    import papermill  # noqa: F401  (the slow import, while the run is still planning)

    with contextlib.suppress(BrokenPipeError):  # the run is gone
        while (task := tasks.get()) is not None:
            tell({"event": "done", **run_notebook(task, tell, stop)})


def _listen(tasks: queue.Queue[dict[str, Any] | None], stop: threading.Event) -> None:
    for line in sys.stdin:
        message = json.loads(line)
        if "stop" in message:
            stop.set()
        else:
            tasks.put(message)
    stop.set()
    tasks.put(None)
    time.sleep(20)  # long enough to kill a kernel; then leave whatever happens
    os._exit(1)


def run_notebook(task: dict[str, Any], tell: Any, stop: threading.Event) -> dict[str, Any]:
    """Run one notebook and return how it ended, as JSON values.

    Parameters
    ----------
    task : dict
        ``path``, ``save_to``, ``root``, ``parameters`` (name to source text), ``shown_parameters``,
        ``environment``, ``cell_seconds``, ``deadline_seconds``, ``memory_mb``, ``paths_shown``.
    tell : callable
        Takes each event.
    stop : threading.Event
        Set when the user stops the run.
    """
    import nbformat
    import papermill

    from segwork.engine import kernels

    kernels.register()
    job = kernels.Job(task, tell, stop, save=_saver(task))
    if stop.is_set():
        job.end("interrupted", "stopped by the user")
        return _result(job)
    notebook = nbformat.from_dict(_as_version_4_5(task["path"]))
    # Papermill raises for every error in an output, also for those a tag allows: ours is the word.
    with contextlib.suppress(papermill.PapermillExecutionError):
        papermill.execute_notebook(
            notebook,
            None,
            parameters=task["parameters"],
            engine_name=kernels.NAME,
            progress_bar=False,
            job=job,
        )
    return _result(job)


def _as_version_4_5(path: str) -> dict[str, Any]:
    """Return the notebook as if nobody had run it, whatever version and tool wrote it."""
    ready = clean(json.loads(Path(path).read_text(encoding="utf-8")), parameters={}, shown={})
    for number, cell in enumerate(ready["cells"]):
        cell["id"] = cell["id"] or f"cell-{number}"
        if cell["cell_type"] == "code":
            cell |= {"outputs": [], "execution_count": None}
    return ready


def _saver(task: dict[str, Any]) -> Any:
    last = 0.0

    def save(notebook: Any, final: bool = False) -> None:
        nonlocal last
        if final or time.monotonic() - last > SAVE_EVERY_SECONDS:
            parameters, shown = task["shown_parameters"], task["paths_shown"]
            content = clean(notebook, parameters=parameters, shown=shown)
            write_json(Path(task["save_to"]), content)
            last = time.monotonic()

    return save


def _result(job: Any) -> dict[str, Any]:
    from segwork.engine.fingerprint import used

    modules, packages = used(job.files, Path(job.task["root"]))
    failed = job.status != "ok"
    return {
        "name": job.task["name"],
        "status": job.status,
        "message": job.message,
        "cell": len(job.cells) if failed and job.cells else None,
        "cell_title": job.title if failed else "",
        "cells": job.cells,
        "peak_memory_mb": round(job.peak_mb, 1),
        "seconds": time.monotonic() - job.began,
        "started": job.started,
        "modules": modules,
        "packages": packages,
    }


if __name__ == "__main__":
    main()
