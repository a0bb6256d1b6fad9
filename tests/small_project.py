"""Notebooks written by hand, and commands that run in a project of their own."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable
from pathlib import Path

import nbformat
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

HOME = Path(__file__).resolve().parent.parent


def write_notebook(path: Path, cells: Iterable[tuple[str, str]]) -> Path:
    """Write a notebook from kinds (markdown, code, or the tag of a code cell) and sources."""
    raw = [
        new_markdown_cell(source, id=f"c{number}")
        if kind == "markdown"
        else new_code_cell(source, id=f"c{number}", metadata={"tags": [kind] * (kind != "code")})
        for number, (kind, source) in enumerate(cells)
    ]
    nbformat.write(new_notebook(cells=raw), path)
    return path


def command(*words: str | Path) -> list[str]:
    """Return the command line of segwork."""
    return [sys.executable, "-m", "segwork", *map(str, words)]


def surroundings(root: Path, *more: Path) -> dict[str, str]:
    """Return the environment of a command that runs in that project."""
    paths = [*map(str, more), str(HOME), os.environ.get("PYTHONPATH", "")]
    return {**os.environ, "SEGWORK_ROOT": str(root), "PYTHONPATH": os.pathsep.join(paths)}
