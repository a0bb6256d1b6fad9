"""A notebook as the engine sees it before anything runs: cells, settings, what it reads and leaves.

Everything is read from the file with ``json`` and ``ast``; no notebook library is imported here.
"""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

from segwork.errors import UsageError

MEANINGFUL_TAGS = ("parameters", "raises-exception", "skip-execution")


@dataclass(frozen=True)
class Settings:
    """Limits of one notebook, from its metadata key ``segwork``.

    Parameters
    ----------
    cell_seconds, deadline_seconds : float
        Longest time for one cell and for the whole notebook.
    memory_mb : float
        Largest memory of the kernel and its children; 0 means nine tenths of the machine's.
    retries : int
        How often a kernel that died is started again; a failing cell never is.
    exclusive : bool
        Runs alone.
    """

    cell_seconds: float = 900.0
    deadline_seconds: float = 3600.0
    memory_mb: float = 0.0
    retries: int = 0
    exclusive: bool = False


@dataclass(frozen=True)
class Cell:
    """One cell: its place and its tags."""

    index: int
    kind: str
    source: str
    tags: tuple[str, ...]

    @cached_property
    def tree(self) -> ast.Module | None:
        """The parsed source without magics; None for text and for code that is no Python."""
        if self.kind != "code":
            return None
        lines = (
            "" if line.lstrip().startswith(("%", "!")) else line
            for line in self.source.splitlines()
        )
        try:
            return ast.parse("\n".join(lines))
        except SyntaxError:
            return None


@dataclass(frozen=True)
class Notebook:
    """One source notebook.

    Parameters
    ----------
    name, path, cells, settings
    reads, leaves : tuple of str
        Tables of the run folder it names in ``run.read`` and ``run.save``.
    asks : tuple of str
        Tables it names in ``run.has``: it can do without them.
    promises : tuple of str
        Tables it leaves whatever the data: those not saved under an ``if`` or in a loop.
    """

    name: str
    path: Path
    cells: tuple[Cell, ...]
    settings: Settings
    reads: tuple[str, ...]
    leaves: tuple[str, ...]
    asks: tuple[str, ...] = ()
    promises: tuple[str, ...] = ()

    @property
    def code(self) -> list[Cell]:
        """The code cells, in order."""
        return [cell for cell in self.cells if cell.kind == "code"]

    @property
    def starts(self) -> list[ast.Call]:
        """The calls that open its run; what opens one has to close it with its facts."""
        nodes = (node for cell in self.code if cell.tree for node in ast.walk(cell.tree))
        calls = (node for node in nodes if isinstance(node, ast.Call))
        return [call for call in calls if ast.unparse(call.func).endswith("run.start")]

    @property
    def own_days(self) -> list[str]:
        """The days it opens its run as of, where it writes them itself, as benchmarks do."""
        found = re.findall(r"'as_of': '(.*?)'", " ".join(map(ast.unparse, self.starts)))
        return [str(day) for day in found]


class _RunCall(NamedTuple):
    """A call of a method of ``run``: its cell, and whether it happens whatever the data."""

    cell: int
    method: str
    node: ast.Call
    sure: bool


def find(folder: Path) -> dict[str, Notebook]:
    """Read every notebook of a folder, by name; drafts (``_…``) and the template are left out.

    Raises
    ------
    UsageError
        The folder has no notebook, or a file is not a notebook the engine can use.
    """
    paths = sorted(p for p in folder.glob("*.ipynb") if not p.name.startswith(("_", ".", "templ")))
    if not paths:
        raise UsageError(f"no notebooks in '{folder}'", accepted="a folder with .ipynb files")
    return {path.stem: read(path) for path in paths}


def read(path: Path) -> Notebook:
    """Read one notebook.

    Raises
    ------
    UsageError
        It is not a notebook in Python, or names a table in a way that cannot be read beforehand.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        cells = tuple(_cells(content["cells"]))
        metadata = content.get("metadata", {})
    except (ValueError, KeyError, TypeError, AttributeError) as fault:
        raise UsageError(f"'{path}' is not a notebook ({fault})", accepted="nbformat 4") from None
    language = metadata.get("kernelspec", {}).get("language", "python")
    if language != "python":
        raise UsageError(f"'{path.name}' is written in {language}", accepted="python")
    calls = [call for cell in cells if cell.tree for call in _run_calls(cell.tree, cell.index)]
    return Notebook(
        name=path.stem,
        path=path,
        cells=cells,
        settings=_settings(metadata.get("segwork", {}), path.stem),
        reads=_tables(calls, "read", 0, path.stem),
        leaves=_tables(calls, "save", 1, path.stem),
        asks=_tables(calls, "has", 0, path.stem),
        promises=_tables(calls, "save", 1, path.stem, sure=True),
    )


def _cells(raw: list[dict[str, Any]]) -> Iterator[Cell]:
    for index, cell in enumerate(raw):
        source = cell["source"] if isinstance(cell["source"], str) else "".join(cell["source"])
        tags = tuple(cell.get("metadata", {}).get("tags", ()))
        yield Cell(index, cell["cell_type"], source, tags)


def last_heading(text: str) -> str:
    """Return the last Markdown heading of a text; empty where it has none."""
    headings = re.findall(r"^#{1,6}\s+(.+?)\s*#*$", text, flags=re.MULTILINE)
    return headings[-1] if headings else ""


def _settings(raw: Mapping[str, Any], name: str) -> Settings:
    known = {f.name: type(f.default) for f in fields(Settings)}
    for key, value in raw.items():
        if key not in known:
            raise UsageError.unknown("setting", key, known, where=f"the metadata of {name}")
        if isinstance(value, bool) != (known[key] is bool) or not isinstance(value, int | float):
            kind = known[key].__name__
            raise UsageError(f"setting '{key}' of {name} is {value!r}", accepted=f"a {kind}")
    return Settings(**{key: known[key](value) for key, value in raw.items()})


def _run_calls(node: ast.AST, index: int, sure: bool = True) -> Iterator[_RunCall]:
    """Yield the calls of methods of ``run``; under a condition or in a loop none is sure."""
    if (
        isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and isinstance(node.func.value, ast.Name)
        and node.func.value.id == "run"
    ):
        yield _RunCall(index, node.func.attr, node, sure)
    sure = sure and not isinstance(node, ast.If | ast.IfExp | ast.For | ast.While)
    for child in ast.iter_child_nodes(node):
        yield from _run_calls(child, index, sure)


def _tables(
    calls: list[_RunCall], method: str, position: int, name: str, *, sure: bool = False
) -> tuple[str, ...]:
    found: list[str] = []
    for call in calls:
        if call.method != method or (sure and not call.sure):
            continue
        named = {keyword.arg: keyword.value for keyword in call.node.keywords}
        given = call.node.args
        argument = given[position] if len(given) > position else named.get("name")
        if not (isinstance(argument, ast.Constant) and isinstance(argument.value, str)):
            example = f'run.{method}({"frame, " * position}"segments")'
            raise UsageError(
                f"run.{method} in cell {call.cell} of {name} does not name its table",
                accepted=f"a literal name, such as {example}",
                hint="the order of the notebooks is read from these names",
            )
        if argument.value not in found:
            found.append(argument.value)
    return tuple(found)
