"""The one reader of notebooks: cells, settings, what they read and leave, before anything runs.

Everything is read from the file with ``json`` and ``ast``; no notebook library is imported here.
"""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, fields
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

from segwork.errors import UsageError
from segwork.runs.files import Json
from segwork.runs.folder import OF_A_RUN
from segwork.runs.names import visible

MEANINGFUL_TAGS = ("parameters", "raises-exception", "skip-execution")
LONGEST_NAME = 120  # characters; a page and a table of that name must fit a file system


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

    @property
    def python(self) -> str:
        """The source with blank lines in place of magics."""
        lines = self.source.splitlines()
        return "\n".join("" if line.lstrip().startswith(("%", "!")) else line for line in lines)

    @cached_property
    def tree(self) -> ast.Module | None:
        """The parsed source without magics; None for text and for code that is no Python."""
        if self.kind != "code":
            return None
        try:
            return ast.parse(self.python)
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            return None


class RunCall(NamedTuple):
    """A call of a method of ``run``: its cell, and whether it happens whatever the data."""

    cell: int
    method: str
    node: ast.Call
    sure: bool

    def name(self, position: int) -> str:
        """Return the literal name among the arguments; empty where it is computed."""
        named = {keyword.arg: keyword.value for keyword in self.node.keywords}
        given = self.node.args
        found = given[position] if len(given) > position else named.get("name")
        literal = isinstance(found, ast.Constant) and isinstance(found.value, str)
        return str(found.value) if literal else ""


class Notebook:
    """One source notebook, as it was when it was read.

    Parameters
    ----------
    path : Path
    name : str, optional
        What it calls itself; its file name by default.

    Raises
    ------
    UsageError
        The file is not a notebook.
    """

    def __init__(self, path: Path, name: str = "") -> None:
        self.path = path
        self.name = name or path.stem
        try:
            self._bytes = path.read_bytes()
            self.content: Json = json.loads(self._bytes.decode("utf-8"))
            self.cells: list[Json] = self.content["cells"]
            self.metadata: Json = {**self.content.get("metadata", {})}
            self.parsed = tuple(_cell(index, raw) for index, raw in enumerate(self.cells))
        except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as fault:
            why = visible(getattr(fault, "strerror", None) or fault)[:200]
            raise UsageError(
                f"'{visible(path)}' is not a notebook ({why})", accepted="nbformat 4"
            ) from None

    def is_unchanged(self) -> bool:
        """Tell whether the file still is what was read."""
        try:
            return self.path.read_bytes() == self._bytes
        except OSError:
            return False

    @property
    def code(self) -> list[Cell]:
        """The code cells, in order."""
        return [cell for cell in self.parsed if cell.kind == "code"]

    def sources(self, kind: str) -> list[str]:
        """Return the texts of the cells of one kind."""
        return [cell.source for cell in self.parsed if cell.kind == kind]

    @cached_property
    def calls(self) -> list[RunCall]:
        """The calls of methods of ``run``."""
        trees = [(cell.tree, cell.index) for cell in self.code if cell.tree]
        return [call for tree, index in trees for call in _run_calls(tree, index)]

    def names(self, method: str, position: int, *, sure: bool = False) -> list[str]:
        """Return the names given to ``run.<method>``, each once; a computed one is empty."""
        found = [
            call.name(position)
            for call in self.calls
            if call.method == method and (call.sure or not sure)
        ]
        return list(dict.fromkeys(found))

    @cached_property
    def settings(self) -> Settings:
        """Limits from the metadata."""
        return _settings(self.metadata.get("segwork", {}), self.name)

    @cached_property
    def reads(self) -> tuple[str, ...]:
        """Tables of the run folder it names in ``run.read``."""
        return self._tables("read", 0)

    @cached_property
    def leaves(self) -> tuple[str, ...]:
        """Tables it names in ``run.save``."""
        return self._tables("save", 1)

    @cached_property
    def models(self) -> tuple[str, ...]:
        """Models it names in ``run.save_model``."""
        return tuple(filter(None, self.names("save_model", 1)))

    @cached_property
    def asks(self) -> tuple[str, ...]:
        """Tables it names in ``run.has``: it can do without them."""
        return self._tables("has", 0)

    @cached_property
    def promises(self) -> tuple[str, ...]:
        """Tables it leaves whatever the data: those not saved under an ``if`` or in a loop."""
        return tuple(self.names("save", 1, sure=True))

    @property
    def seen(self) -> list[str]:
        """Tables of other notebooks that it may see, in order of their names."""
        return sorted({*self.reads, *self.asks} - set(self.leaves))

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

    def _tables(self, method: str, position: int) -> tuple[str, ...]:
        for call in self.calls:
            if call.method == method and not call.name(position):
                example = f'run.{method}({"frame, " * position}"segments")'
                raise UsageError(
                    f"run.{method} in cell {call.cell} of {self.name} does not name its table",
                    accepted=f"a literal name, such as {example}",
                    hint="the order of the notebooks is read from these names",
                )
        return tuple(self.names(method, position))


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
    """Read one notebook that is to be run.

    Raises
    ------
    UsageError
        It is not a notebook in Python, its name cannot be that of a page, or it names a table in a
        way that cannot be read beforehand.
    """
    name = visible(path.stem)
    if len(path.stem) > LONGEST_NAME or f"{path.stem}.html" in OF_A_RUN or not _is_text(path.stem):
        raise UsageError(
            f"a notebook cannot be called '{name[:LONGEST_NAME]}'",
            accepted=f"up to {LONGEST_NAME} characters, not index, diff or verification",
        )
    notebook = Notebook(path)
    kernel = notebook.metadata.get("kernelspec")
    language = kernel.get("language", "python") if isinstance(kernel, dict) else "python"
    if language != "python":
        raise UsageError(f"'{visible(path.name)}' is written in {language}", accepted="python")
    _ = notebook.settings, notebook.reads, notebook.leaves, notebook.asks
    return notebook


def _is_text(name: str) -> bool:
    return not re.search(r"[\ud800-\udfff]", name)


def _cell(index: int, raw: Json) -> Cell:
    source = raw["source"] if isinstance(raw["source"], str) else "".join(raw["source"])
    tags = raw.get("metadata", {}).get("tags", ())
    if not isinstance(raw["cell_type"], str) or any(not isinstance(tag, str) for tag in tags):
        raise TypeError(f"cell {index}")
    return Cell(index, raw["cell_type"], source, tuple(tags))


def last_heading(text: str) -> str:
    """Return the last Markdown heading of a text; empty where it has none."""
    headings = re.findall(r"^#{1,6}[ \t]+(\S.*)$", text, flags=re.MULTILINE)
    return headings[-1].rstrip().rstrip("#").rstrip() if headings else ""


def _settings(raw: object, name: str) -> Settings:
    known = {f.name: type(f.default) for f in fields(Settings)}
    if not isinstance(raw, dict):
        raise UsageError(f"'segwork' in the metadata of {name} is no mapping")
    for key, value in raw.items():
        if key not in known:
            raise UsageError.unknown("setting", key, known, where=f"the metadata of {name}")
        if isinstance(value, bool) != (known[key] is bool) or not isinstance(value, int | float):
            kind = known[key].__name__
            raise UsageError(f"setting '{key}' of {name} is {value!r}", accepted=f"a {kind}")
    return Settings(**{key: known[key](value) for key, value in raw.items()})


def _run_calls(node: ast.AST, index: int, sure: bool = True) -> Iterator[RunCall]:
    """Yield the calls of methods of ``run``; under a condition or in a loop none is sure."""
    if (
        isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and isinstance(node.func.value, ast.Name)
        and node.func.value.id == "run"
    ):
        yield RunCall(index, node.func.attr, node, sure)
    sure = sure and not isinstance(node, ast.If | ast.IfExp | ast.For | ast.While)
    for child in ast.iter_child_nodes(node):
        yield from _run_calls(child, index, sure)
