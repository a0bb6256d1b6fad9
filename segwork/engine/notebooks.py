"""A notebook as the engine sees it before anything runs: cells, settings, what it reads and leaves.

Everything is read from the file with ``json`` and ``ast``; no notebook library is imported here.
"""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

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
    """One cell: its place, the heading above it, and its tags."""

    index: int
    kind: str
    source: str
    tags: tuple[str, ...]
    title: str

    @property
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
    code = [cell for cell in cells if cell.kind == "code"]
    return Notebook(
        name=path.stem,
        path=path,
        cells=cells,
        settings=_settings(metadata.get("segwork", {}), path.stem),
        reads=_tables(code, "read", 0, path.stem),
        leaves=_tables(code, "save", 1, path.stem),
        asks=_tables(code, "has", 0, path.stem),
        promises=_tables(code, "save", 1, path.stem, sure=True),
    )


def _cells(raw: list[dict[str, Any]]) -> Iterator[Cell]:
    title = ""
    for index, cell in enumerate(raw):
        source = cell["source"] if isinstance(cell["source"], str) else "".join(cell["source"])
        kind = cell["cell_type"]
        if kind == "markdown":
            title = last_heading(source) or title
        tags = tuple(cell.get("metadata", {}).get("tags", ()))
        yield Cell(index, kind, source, tags, title)


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


def _run_calls(node: ast.AST, sure: bool) -> Iterator[ast.Call]:
    """Yield the calls of methods of ``run``; the sure ones are under no condition or loop."""
    if sure and isinstance(node, ast.If | ast.IfExp | ast.For | ast.While):
        return
    if (
        isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and isinstance(node.func.value, ast.Name)
        and node.func.value.id == "run"
    ):
        yield node
    for child in ast.iter_child_nodes(node):
        yield from _run_calls(child, sure)


def _tables(
    code: list[Cell], method: str, position: int, name: str, *, sure: bool = False
) -> tuple[str, ...]:
    found: list[str] = []
    calls = [(c.index, call) for c in code if c.tree for call in _run_calls(c.tree, sure)]
    for index, call in calls:
        if call.func.attr != method:  # type: ignore[attr-defined]
            continue
        named = {keyword.arg: keyword.value for keyword in call.keywords}
        argument = call.args[position] if len(call.args) > position else named.get("name")
        if not (isinstance(argument, ast.Constant) and isinstance(argument.value, str)):
            example = f'run.{method}({"frame, " * position}"segments")'
            raise UsageError(
                f"run.{method} in cell {index} of {name} does not name its table",
                accepted=f"a literal name, such as {example}",
                hint="the order of the notebooks is read from these names",
            )
        if argument.value not in found:
            found.append(argument.value)
    return tuple(found)
