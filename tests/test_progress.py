"""Progress bars are seen in terminals and notebooks, and nowhere else."""

from __future__ import annotations

import io
import sys
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient
from nbformat.v4 import new_code_cell, new_notebook

from segwork.progress import unwatched

PACKAGE = Path(__file__).resolve().parent.parent / "segwork"


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        """Say yes."""
        return True


def test_log_file_gets_no_bar(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where stderr is a file or a pipe, bars are off."""
    monkeypatch.setattr(sys, "stderr", io.StringIO())

    assert unwatched()


def test_terminal_gets_a_bar(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where stderr is a terminal, bars are on."""
    monkeypatch.setattr(sys, "stderr", Terminal())

    assert not unwatched()


def test_notebook_gets_a_bar() -> None:
    """In a kernel, which has no terminal, bars are on all the same."""
    code = (
        "import sys; from segwork.progress import unwatched\n"
        "print(sys.stderr.isatty(), unwatched())"
    )
    notebook = nbformat.from_dict(new_notebook(cells=[new_code_cell(code)]))

    NotebookClient(notebook, kernel_name="python3", startup_timeout=600).execute()

    (said,) = [o for o in notebook.cells[0].outputs if o.output_type == "stream"]
    assert said.text == "False False\n"


def test_no_module_hides_its_bar_from_notebooks() -> None:
    """No module of the package falls back to tqdm's own rule."""
    assert [p.name for p in PACKAGE.rglob("*.py") if "disable=None" in p.read_text("utf-8")] == [
        "progress.py"
    ]
