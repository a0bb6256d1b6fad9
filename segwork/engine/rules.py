"""Rules about notebooks as a small script, not a plea; also the command ``segwork check``."""

from __future__ import annotations

import ast
import itertools
import json
import re
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from segwork.engine import notebooks, parameters, plan
from segwork.errors import UsageError
from segwork.run import project_root

SECTIONS = ("Question", "Data", "Method", "Result", "Limits", "Decision")
MOST_CODE_CELLS = 14
MAGICS = ("config", "load", "run", "store", "time", "env", "cd", "pip")


def check(
    config: str | Path | None = None,
    *,
    notebooks: str | Path | None = None,
    say: Callable[[str], None] = print,
) -> int:
    """Check the notebooks' rules and, where a config is given, everything a run would refuse.

    Raises
    ------
    SegworkError
        The first thing wrong with config, data, order or parameters.
    """
    folder = Path(notebooks) if notebooks else project_root() / "notebooks"
    paths = sorted(p for p in folder.rglob("*.ipynb") if ".ipynb_checkpoints" not in p.parts)
    found = [f"{path}: {fault}" for path in paths for fault in faults(path)]
    found += [f"{p}: hides the module '{p.stem}' of Python" for p in _shadowing(folder)]
    for line in found:
        say(line)
    if found:
        raise UsageError(f"{len(found)} rules about notebooks are broken")
    if config:
        checked = plan.make(config, folder=notebooks)
        rows = ", ".join(checked.data) or "none"
        say(f"{checked.config_path.name}: config, tables ({rows}) and parameters are fine")
    say(f"{len(paths)} notebooks follow the rules")
    return 0


def faults(path: Path) -> Iterator[str]:
    """Yield a sentence for every rule a notebook breaks."""
    try:
        notebook = notebooks.read(path)
        declared = parameters.schema(notebook)
    except UsageError as error:
        yield str(error)
        return
    raw = json.loads(path.read_text(encoding="utf-8"))
    yield from _noise(raw)
    yield from _shape(notebook)
    yield from _headings(notebook)
    yield from _parameter_cell(notebook, declared)


def _noise(raw: dict[str, Any]) -> Iterator[str]:
    """Nothing in the file comes from having run it."""
    ids = [cell.get("id", "") for cell in raw["cells"]]
    if len(set(ids)) != len(ids) or "" in ids:
        yield "cells need ids, each once (nbformat 4.5)"
    for number, cell in enumerate(raw["cells"]):
        if cell.get("outputs") or cell.get("execution_count") is not None:
            yield f"cell {number} holds outputs or an execution count"
        if {"papermill", "execution"} & set(cell.get("metadata", {})):
            yield f"cell {number} holds metadata of a run"
    if "papermill" in raw.get("metadata", {}):
        yield "the notebook holds metadata of a run"
    if raw.get("metadata", {}).get("kernelspec", {}).get("name") != "python3":
        yield "the kernel is not named python3"


def _shape(notebook: notebooks.Notebook) -> Iterator[str]:
    """Short code, closed by ``run.finish()``, with more text than code."""
    code = notebook.code
    if len(code) > MOST_CODE_CELLS:
        yield f"{len(code)} code cells, at most {MOST_CODE_CELLS}"
    if not code or code[-1].source.strip() != "run.finish()":
        yield "the last code cell is not run.finish()"
    for cell in code:
        if not cell.source.strip():
            yield f"cell {cell.index} is empty"
        if cell.tree is None or re.search(r"^\s*[%!]", cell.source, flags=re.MULTILINE):
            yield f"cell {cell.index} is not plain Python"
        for node in ast.walk(cell.tree) if cell.tree else ():
            if isinstance(node, ast.FunctionDef | ast.ClassDef) and len(ast.unparse(node)) > 160:
                yield f"cell {cell.index} defines '{node.name}': code belongs in the package"
    text = sum(len(cell.source) for cell in notebook.cells if cell.kind == "markdown")
    if text < sum(len(cell.source) for cell in code):
        yield "there is more code than text"


def _headings(notebook: notebooks.Notebook) -> Iterator[str]:
    """Want a title that asks, what is read and left, then the sections in order."""
    texts = [cell.source for cell in notebook.cells if cell.kind == "markdown"]
    found = [
        (len(marks), title)
        for text in texts
        for marks, title in re.findall(r"^(#{1,6})\s+(.+?)\s*$", text, flags=re.MULTILINE)
    ]
    levels = [level for level, _ in found]
    if not texts or notebook.cells[0].kind != "markdown" or levels[:1] != [1]:
        yield "the first cell has no title"
    elif not found[0][1].endswith("?"):
        yield "the title is not a question"
    elif "**Reads**" not in texts[0] or "**Leaves**" not in texts[0]:
        yield "the first cell does not say what the notebook reads and leaves"
    if levels.count(1) > 1:
        yield "there is more than one title"
    if any(after > before + 1 for before, after in itertools.pairwise(levels)):
        yield "a heading level is skipped"
    sections = [title for _, title in found if title in SECTIONS]
    if re.match(r"\d\d_", notebook.name) and sections != list(SECTIONS):
        yield f"the sections are {', '.join(sections) or 'none'}, not {', '.join(SECTIONS)}"


def _parameter_cell(
    notebook: notebooks.Notebook, declared: dict[str, parameters.Parameter]
) -> Iterator[str]:
    """One tagged cell, each parameter with type and comment, safe from IPython's magics."""
    tagged = [cell for cell in notebook.code if "parameters" in cell.tags]
    if not tagged:
        yield "no cell is tagged 'parameters'"
        return
    first = "config" if re.match(r"\d\d_", notebook.name) else "quick"
    if list(declared)[:1] != [first]:
        yield f"the first parameter is not '{first}'"
    for parameter in declared.values():
        if not parameter.help:
            yield f"parameter '{parameter.name}' has no comment"
    lines = tagged[0].source.strip().splitlines()
    if len(lines) == 1 and lines[0].startswith(MAGICS):
        yield "a one-line parameters cell is read as a magic command: put a comment line first"


def _shadowing(folder: Path) -> list[Path]:
    """Files the kernels could import in place of a module of Python."""
    places = [folder, project_root()]
    return [p for place in places for p in place.glob("*.py") if p.stem in sys.stdlib_module_names]
