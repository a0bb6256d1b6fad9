"""One notebook in one kernel: a registered Papermill engine that tells the truth about the end.

The kernel is always the running interpreter's own, on Unix sockets in a folder of its own, so that
parallel kernels cannot meet. Papermill's recorded status is never read.
"""

from __future__ import annotations

import ast
import contextlib
import json
import os
import shutil
import signal
import sys
import tempfile
import threading
import time
from pathlib import Path

import nbformat
import papermill
import psutil
from jupyter_client.kernelspec import KernelSpec
from jupyter_client.manager import AsyncKernelManager
from jupyter_core.utils import ensure_event_loop, run_sync
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, DeadKernelError
from nbformat import NotebookNode
from papermill import engines, translators
from papermill.engines import NotebookExecutionManager

from segwork.engine import processes
from segwork.engine.execute import exceptions
from segwork.engine.execute.job import CellBegun, CellRecord, Job
from segwork.engine.execute.outputs import coalesced, without_outputs
from segwork.engine.plan.notebooks import last_heading
from segwork.errors import SegworkError
from segwork.runs.files import Json
from segwork.runs.names import visible
from segwork.runs.project import temporary_folder

NAME = "segwork"
SOCKET_PATH_LIMIT = 90
TRACE = """(lambda sys, json: json.dumps(sorted(
    {m.__file__ for m in list(sys.modules.values()) if getattr(m, "__file__", None)})))(
    __import__("sys"), __import__("json"))"""


class Manager(AsyncKernelManager):
    """Starts the running interpreter's own kernel on sockets in a folder of its own."""

    def __init__(self, **keywords: object) -> None:
        self.own_folder = Path(tempfile.mkdtemp(prefix="k", dir=temporary_folder()))
        place = {"connection_file": str(self.own_folder / "kernel.json")}
        if os.name == "posix" and len(str(self.own_folder)) < SOCKET_PATH_LIMIT:
            place |= {"transport": "ipc", "ip": str(self.own_folder / "socket")}
        super().__init__(**{**keywords, **place})

    @property
    def kernel_spec(self) -> KernelSpec:
        """The interpreter that runs this line, whatever the notebook's metadata say."""
        command = [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"]
        return KernelSpec(argv=command, display_name="Python 3", language="python")

    async def cleanup_resources(self, restart: bool = False) -> None:
        """Leave no socket file behind."""
        await super().cleanup_resources(restart=restart)
        if not restart:
            shutil.rmtree(self.own_folder, ignore_errors=True)


class Client(NotebookClient):
    """Runs the cells one by one and notes how each ended."""

    def __init__(self, nb: NotebookNode, job: Job) -> None:
        super().__init__(
            nb,
            kernel_manager_class=Manager,
            startup_timeout=120,
            iopub_timeout=60,
            raise_on_iopub_timeout=True,
            shutdown_kernel="immediate",
            record_timing=False,
            store_widget_state=False,
            coalesce_streams=False,  # its way takes time with the square of a line's length
            extra_arguments=["--InteractiveShell.automagic=False"],
            on_cell_executed=self._note_reply,
        )
        self.job = job
        self.asked_to_exit = False

    def run_cells(self, manager: NotebookExecutionManager) -> None:
        """Execute every cell in a fresh kernel, then ask the kernel which files it imported."""
        job = self.job
        environment = processes.environment() | processes.SET["kernel"] | job.environment
        said = job.kernel_said  # native libraries write here, not on the user's terminal
        with self.setup_kernel(cwd=str(job.root), env=environment, stdout=said, stderr=said):
            job.started = True
            for index, cell in enumerate(self.nb.cells):
                if cell.cell_type == "code":
                    self._run_cell(index, cell, manager)
                else:
                    job.title = last_heading(cell.source) or job.title
            self._trace()

    async def async_start_new_kernel(self, **keywords: object) -> None:
        """Start the kernel and let the watch know its process."""
        await super().async_start_new_kernel(**keywords)
        self.job.pid = self.km.provisioner.pid

    start_new_kernel = run_sync(async_start_new_kernel)

    def _run_cell(self, index: int, cell: NotebookNode, manager: NotebookExecutionManager) -> None:
        job, tags = self.job, cell.metadata.get("tags", [])
        record = CellRecord(title=visible(job.title))
        job.cells.append(record)
        if "skip-execution" in tags:
            record.status = "skipped"
            return
        job.tell(CellBegun(job.name, len(job.cells), len(self.sources), record.title))
        began, job.cell_began = time.monotonic(), job.clock
        manager.cell_start(cell, index)
        try:
            self._execute(index, cell)
            raised = any(output.output_type == "error" for output in cell.outputs)
            if self.asked_to_exit:
                job.end("failed", "exit() ended the notebook before its last cell")
            elif "raises-exception" in tags and not raised:
                job.end("failed", "the cell is tagged raises-exception but did not raise")
            if job.status != "ok":
                raise _StoppedError
        finally:
            self._tidy(cell)
            record.seconds, job.cell_began = time.monotonic() - began, float("inf")
            manager.cell_complete(cell, index)
            job.save(self.nb)

    def _note_reply(self, execute_reply: Json, **_: object) -> None:
        """Notice a cell that called ``exit``: the kernel answers, and leaves a moment later."""
        payload = execute_reply["content"].get("payload") or ()
        self.asked_to_exit |= any(
            part.get("source") == "ask_exit" and not part.get("keepkernel") for part in payload
        )

    def _tidy(self, cell: NotebookNode) -> None:
        """Join the streams of a cell and keep data out of its exceptions."""
        cell.outputs = coalesced(cell.outputs)
        for output in cell.outputs:
            if output["output_type"] == "error":
                exceptions.censor(output, self.sources)

    @property
    def sources(self) -> list[str]:
        """The code of the notebook."""
        return [cell.source for cell in self.nb.cells if cell.cell_type == "code"]

    def _execute(self, index: int, cell: NotebookNode) -> None:
        try:
            self.execute_cell(cell, index)
        except DeadKernelError:  # ask now: the cleaning up forgets the process
            process = self.km.provisioner.process
            self.job.exit_code = process.poll() if process else None
            raise

    def _trace(self) -> None:
        message = self.kc.execute("", silent=True, user_expressions={"files": TRACE})
        reply = self.wait_for_reply(message) or {}
        found = reply.get("content", {}).get("user_expressions", {}).get("files", {})
        if found.get("status") == "ok":
            self.job.files = json.loads(ast.literal_eval(found["data"]["text/plain"]))


class _StoppedError(Exception):
    """The job already knows how it ended."""


class Engine(engines.Engine):
    """The Papermill engine ``segwork``."""

    @classmethod
    def nb_kernel_name(cls, *_: object, **__: object) -> str:
        """Name our own translator; the kernel itself is always the running interpreter."""
        return NAME

    @classmethod
    def nb_language(cls, *_: object, **__: object) -> str:
        """Return the one language there is."""
        return "python"

    @classmethod
    def execute_managed_notebook(
        cls, nb_man: NotebookExecutionManager, _kernel_name: str, *, job: Job, **_: object
    ) -> None:
        """Run the notebook and settle the job; never raises for what the notebook did."""
        client = Client(nb_man.nb, job)
        watch = threading.Thread(target=_watch, args=(job,), daemon=True)
        watch.start()
        try:
            client.run_cells(nb_man)
        except _StoppedError:
            pass
        except CellExecutionError as error:
            said = exceptions.kept(error.ename, error.evalue, error.traceback, client.sources)
            _failed(job, error.ename, said)
        except (DeadKernelError, RuntimeError, TimeoutError, OSError) as error:
            _died(job, error)
        finally:
            if job.cells and job.status != "ok":
                job.cells[-1].status, job.cells[-1].message = job.status, job.message
            job.save(nb_man.nb, final=True)
            job.pid = None


class Translator(translators.PythonTranslator):
    """Writes parameters that are already Python source; see ``parameters.code_of``."""

    @classmethod
    def codify(cls, parameters: dict[str, str], comment: str = "Parameters") -> str:
        """Return the injected cell."""
        return "\n".join([f"# {comment}", *(f"{k} = {v}" for k, v in parameters.items())])


engines.papermill_engines.register(NAME, Engine)
translators.papermill_translators.register(NAME, Translator)


def run(job: Job) -> None:
    """Run a notebook; the job says how it ended, and nothing that it started is left."""
    with contextlib.closing(ensure_event_loop()), job.kernel_said:
        try:
            if job.stop.is_set():
                job.end("interrupted", "stopped by the user")
                return
            # Papermill raises for every error in an output, also for those a tag allows.
            with contextlib.suppress(papermill.PapermillExecutionError):
                papermill.execute_notebook(
                    nbformat.from_dict(without_outputs(job.source.content)),
                    None,
                    parameters=job.parameters,
                    engine_name=NAME,
                    progress_bar=False,
                    job=job,
                )
        except SegworkError as error:  # its file could not be written
            job.end("failed", str(error))
        except Exception as error:
            job.end("failed", f"the notebook cannot be run ({type(error).__name__})")
        finally:
            processes.end_all_of(job.stage.path)


def _failed(job: Job, name: str, text: str) -> None:
    said = text.strip().splitlines()[0] if text.strip() else ""
    if name == "SystemExit":
        job.end("failed", f"sys.exit({said}) ended the notebook before its last cell")
    job.end("failed", f"{name}: {said}" if said else name)


def _died(job: Job, error: Exception) -> None:
    code = job.exit_code
    if job.killed_for == "interrupted":
        job.end("interrupted", "stopped by the user")
    if job.killed_for.startswith("the "):
        job.end("timeout", job.killed_for)
    if job.killed_for == "memory":
        used = f"{job.peak_mb:,.0f} MB used, limit {job.limit_mb:,.0f} MB"
        job.end("died", f"out of memory: {used}")
    if not job.started:
        job.end("died", f"the kernel did not start ({_last_words(job, error)})")
    cause = "the kernel died"
    if code is not None and code < 0:
        cause += f" of signal {-code} ({signal.Signals(-code).name})"
    elif code is not None:
        cause += f" with exit code {code}"
    likely = ", likely out of memory" if code == -signal.SIGKILL else ""
    job.end("died", f"{cause} at {job.peak_mb:,.0f} MB{likely}")


def _last_words(job: Job, error: Exception) -> str:
    """Return the last line the kernel wrote before it ended, else the error's first."""
    job.kernel_said.seek(0)
    said = job.kernel_said.read().decode("utf-8", "replace").strip().splitlines()
    return said[-1] if said else (str(error).strip() or type(error).__name__).splitlines()[0]


def _watch(job: Job) -> None:
    """Measure memory; kill the kernel when the user stops the run, memory or time is used up."""
    while job.pid is None and job.status == "ok" and not job.stop.wait(0.05):
        pass
    limit = job.limit_mb
    while (pid := job.pid) is not None:
        job.peak_mb = max(job.peak_mb, _megabytes(pid))
        if job.stop.is_set():
            job.killed_for = "interrupted"
        elif job.peak_mb > limit:
            job.killed_for = "memory"
        else:
            job.killed_for = job.late
        if job.killed_for:
            _kill(pid)
            processes.end_all_of(job.stage.path)
            return
        job.stop.wait(0.1)


def _megabytes(pid: int) -> float:
    try:
        process = psutil.Process(pid)
        family = [process, *process.children(recursive=True)]
        return sum(member.memory_info().rss for member in family) / 1e6
    except psutil.Error:
        return 0.0


def _kill(pid: int) -> None:
    with contextlib.suppress(OSError):
        os.killpg(os.getpgid(pid), signal.SIGKILL)
