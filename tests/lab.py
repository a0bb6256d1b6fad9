"""JupyterLab as people use it: a real server, a real browser, the menu, the keyboard."""

from __future__ import annotations

import os
import secrets
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.error import URLError
from urllib.request import urlopen

ROOT = Path(__file__).resolve().parent.parent
# What the open notebook holds, read from its own model: cells off the screen are not drawn.
STATE = """() => {
  const panel = window.jupyterapp.shell.currentWidget;
  const kernel = panel?.sessionContext?.session?.kernel;
  if (!panel?.content?.model) return null;
  const cells = panel.content.model.sharedModel.toJSON().cells;
  return {
    kernel: kernel ? kernel.status : "none",
    cells: cells.filter(c => c.cell_type == "code").map(c => ({
      id: c.id, source: [c.source].flat().join(""), count: c.execution_count, outputs: c.outputs,
    })),
  };
}"""


@dataclass
class LabRun:
    """What a reader of JupyterLab saw while all cells ran.

    Parameters
    ----------
    cells : list of dict
        Code cells at the end: source, count and outputs.
    finished : bool
        Every cell ended before the time was up, none with an error.
    errors : list of str
        Error outputs.
    moments : set of int
        Numbers of finished cells seen on the way.
    progress : list of str
        Texts of progress bars seen on the way.
    seconds, silence : float
        How long it took, and the longest stretch in which nothing moved on the screen.
    """

    cells: list[dict[str, Any]] = field(default_factory=list)
    finished: bool = False
    errors: list[str] = field(default_factory=list)
    moments: set[int] = field(default_factory=set)
    progress: list[str] = field(default_factory=list)
    seconds: float = 0.0
    silence: float = 0.0

    def text(self) -> str:
        """Return all text of the outputs."""
        return "\n".join(_texts(output) for cell in self.cells for output in cell["outputs"])


@contextmanager
def lab(folder: Path, scratch: Path, **environment: str) -> Iterator[str]:
    """Start JupyterLab on a free loopback port and yield its address with ``{}`` for the file.

    Parameters
    ----------
    folder : Path
        What the file browser shows.
    scratch : Path
        Takes settings, runtime files and the log; nothing of the user's is read or written.
    **environment
        Further variables for server and kernels.
    """
    token, port = secrets.token_hex(16), _free_port()
    own = {name: str(scratch / name.lower()) for name in ("JUPYTER_CONFIG_DIR", "IPYTHONDIR")}
    own |= {"JUPYTER_RUNTIME_DIR": str(scratch / "runtime"), "JUPYTER_PREFER_ENV_PATH": "1"}
    own |= {"JUPYTER_DATA_DIR": str(scratch / "data"), "PYTHONPATH": str(ROOT), **environment}
    command = [sys.executable, "-m", "jupyterlab", "--no-browser", "--allow-root"]
    command += [f"--ServerApp.root_dir={folder}", f"--ServerApp.port={port}"]
    command += ["--ServerApp.ip=127.0.0.1", "--ServerApp.port_retries=0"]
    command += [f"--IdentityProvider.token={token}", "--LabApp.expose_app_in_browser=True"]
    command += ["--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate"]
    command += ["--LabApp.news_url=None", f"--LabApp.workspaces_dir={scratch / 'workspaces'}"]
    command += [f"--LabApp.user_settings_dir={scratch / 'settings'}"]
    with (scratch / "lab.log").open("wb") as log:
        server = subprocess.Popen(
            command, env={**os.environ, **own}, stdout=log, stderr=log, cwd=folder
        )
        try:
            base = f"http://127.0.0.1:{port}/lab"
            _wait_for(f"{base}?token={token}", server, scratch / "lab.log")
            yield f"{base}/tree/{{}}?token={token}&reset"
        finally:
            _stop(server)


def run_all(
    chromium: Any,
    address: str,
    *,
    changes: dict[str, str],
    seconds: float = 60,
    picture: Path | None = None,
) -> LabRun:
    """Open a notebook, change its parameters cell, choose Run All Cells and watch.

    Parameters
    ----------
    chromium : playwright browser
    address : str
        Of the notebook in JupyterLab.
    changes : dict
        What to change in the parameters cell, the first code cell, and into what.
    seconds : float
        How long all cells may take.
    picture : Path, optional
        Where to keep a screenshot of the end.
    """
    context = chromium.new_context(viewport={"width": 1400, "height": 1000})
    page = context.new_page()
    try:
        page.goto(address, wait_until="domcontentloaded", timeout=180_000)
        _wait_until(page, lambda state: state and state["kernel"] == "idle", 180)
        _change_parameters(page, changes)
        page.click(".lm-MenuBar-itemLabel:text-is('Run')")
        page.click(".lm-Menu-itemLabel:text-is('Run All Cells')")
        seen = _watch(page, seconds)
        if picture:
            page.screenshot(path=str(picture))
        return seen
    finally:
        context.close()


def _change_parameters(page: Any, changes: dict[str, str]) -> None:
    """Put the cursor into the first code cell, select all and type the changed text."""
    before = page.evaluate(STATE)["cells"][0]["source"]
    after = before
    for old, new in changes.items():
        assert old in before, f"the parameters cell has no {old!r}"
        after = after.replace(old, new)
    editor = page.locator(".jp-Notebook .jp-CodeCell .cm-content").first
    editor.click()
    page.keyboard.press("Control+a")
    page.keyboard.insert_text(after)
    typed = page.evaluate(STATE)["cells"][0]["source"]
    assert typed == after, typed


def _watch(page: Any, seconds: float) -> LabRun:
    seen, start = LabRun(), time.monotonic()
    moved, before = start, ""
    while time.monotonic() - start < seconds:
        state = page.evaluate(STATE)
        seen.cells = state["cells"]
        done = sum(cell["count"] is not None for cell in seen.cells)
        seen.moments.add(done)
        outputs = [output for cell in seen.cells for output in cell["outputs"]]
        seen.progress += [t for t in map(_texts, outputs) if "%|" in t and t not in seen.progress]
        if (now := f"{done} {[_texts(output) for output in outputs]}") != before:
            moved, before = time.monotonic(), now
        seen.silence = max(seen.silence, time.monotonic() - moved)
        seen.errors = [_texts(o) for o in outputs if o["output_type"] == "error"]
        ended = state["kernel"] == "idle" and (seen.errors or done == len(seen.cells))
        if ended:
            seen.finished = not seen.errors
            break
        page.wait_for_timeout(100)
    seen.seconds = time.monotonic() - start
    return seen


def _texts(output: dict[str, Any]) -> str:
    if output["output_type"] == "error":
        return f"{output['ename']}: {output['evalue']}"
    parts = [output.get("text", ""), *output.get("data", {}).values()]
    return "\n".join("".join(p) if isinstance(p, list) else str(p) for p in parts)


def _wait_until(page: Any, condition: Any, seconds: float) -> None:
    start = time.monotonic()
    while time.monotonic() - start < seconds:
        ready = page.evaluate("() => Boolean(window.jupyterapp?.shell)")
        if ready and condition(page.evaluate(STATE)):
            return
        page.wait_for_timeout(100)
    raise TimeoutError(f"JupyterLab showed no idle notebook within {seconds} s")


def _wait_for(address: str, server: subprocess.Popen[bytes], log: Path) -> None:
    for _ in range(1000):
        if server.poll() is not None:
            break
        try:
            with urlopen(address, timeout=5):
                return
        except URLError:
            time.sleep(0.2)
    raise RuntimeError(f"JupyterLab did not start: {log.read_text(errors='replace')[-2000:]}")


def _stop(server: subprocess.Popen[bytes]) -> None:
    """Ask the server to end, with its kernels; insist where it does not."""
    server.terminate()
    try:
        server.wait(timeout=60)
    except subprocess.TimeoutExpired:
        server.kill()
        server.wait()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
