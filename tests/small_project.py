"""Notebooks written by hand, and commands that run in a project of their own."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterable
from pathlib import Path

HOME = Path(__file__).resolve().parent.parent


def write_notebook(path: Path, cells: Iterable[tuple[str, str]]) -> Path:
    """Write a notebook from kinds (markdown, code, or the tag of a code cell) and sources."""
    raw = []
    for number, (kind, source) in enumerate(cells):
        cell = {"id": f"c{number}", "metadata": {}, "source": source, "cell_type": "markdown"}
        if kind != "markdown":
            cell |= {"cell_type": "code", "outputs": [], "execution_count": None}
            cell["metadata"] = {"tags": [kind] if kind != "code" else []}
        raw.append(cell)
    content = {"cells": raw, "metadata": {}, "nbformat": 4, "nbformat_minor": 5}
    path.write_text(json.dumps(content), encoding="utf-8")
    return path


def command(*words: str | Path) -> list[str]:
    """Return the command line of segwork."""
    return [sys.executable, "-m", "segwork", *map(str, words)]


def surroundings(root: Path, *more: Path) -> dict[str, str]:
    """Return the environment of a command that runs in that project."""
    paths = [*map(str, more), str(HOME), os.environ.get("PYTHONPATH", "")]
    return {**os.environ, "SEGWORK_ROOT": str(root), "PYTHONPATH": os.pathsep.join(paths)}
