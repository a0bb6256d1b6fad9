"""Rules about notebooks as small functions: each returns what it complains about."""

from __future__ import annotations

import ast
import io
import json
import re
import tokenize
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

SECTIONS = ["Question", "Data", "Method", "Result", "Limits", "Decision"]
MOST_CODE_CELLS = 14
TABLES = {"transactions", "customers", "behaviour", "interactions", "external"}
MAGICS = ("config", "load", "run", "store", "time", "env", "cd", "pip")
SHOWS_ROWS = {"head", "tail", "display", "print"}


class Notebook:
    """A notebook file as the rules read it.

    Parameters
    ----------
    path : Path
    name : str, optional
        What it calls itself in ``run.start``; its file name by default.
    """

    def __init__(self, path: Path, name: str = "") -> None:
        self.name = name or path.stem
        self.content: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        self.cells: list[dict[str, Any]] = self.content["cells"]
        self.benchmark = path.parent.parent.name == "benchmarks"

    def sources(self, kind: str) -> list[str]:
        """Return the texts of the cells of one kind."""
        return ["".join(cell["source"]) for cell in self.cells if cell["cell_type"] == kind]

    @property
    def code(self) -> ast.Module:
        """All code as one tree; magics are no Python and therefore an error of their own."""
        return ast.parse("\n".join(self.sources("code")))

    def calls(self, method: str) -> Iterator[ast.Call]:
        """Yield the calls ``run.<method>(…)``."""
        for node in ast.walk(self.code):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
                owner = node.func.value
                if node.func.attr == method and isinstance(owner, ast.Name) and owner.id == "run":
                    yield node

    def names(self, method: str, position: int) -> set[str]:
        """Return the literal names given to ``run.<method>``; a computed one is an empty name."""
        arguments = (call.args[position : position + 1] for call in self.calls(method))
        return {
            found[0].value if found and isinstance(found[0], ast.Constant) else ""
            for found in arguments
        }


def no_traces_of_a_run(notebook: Notebook) -> Iterator[str]:
    """No outputs, execution counts or metadata that change by themselves."""
    for cell in notebook.cells:
        where = f"cell {cell.get('id')}"
        if cell.get("outputs") or cell.get("execution_count") is not None:
            yield f"{where} has outputs or an execution count"
        if extra := set(cell["metadata"]) - {"tags"}:
            yield f"{where} has metadata {sorted(extra)}"
        if not "".join(cell["source"]).strip():
            yield f"{where} is empty"
    if extra := set(notebook.content["metadata"]) - {"kernelspec", "language_info", "segwork"}:
        yield f"the notebook has metadata {sorted(extra)}"


def kernel_and_format(notebook: Notebook) -> Iterator[str]:
    """Kernel python3, format 4.5, ids that are short and unique."""
    kernel = notebook.content["metadata"].get("kernelspec", {}).get("name")
    if kernel != "python3":
        yield f"the kernel is {kernel}, not python3"
    version = (notebook.content["nbformat"], notebook.content["nbformat_minor"])
    if version != (4, 5):
        yield f"the format is {version}, not 4.5"
    ids = [cell.get("id", "") for cell in notebook.cells]
    if len(set(ids)) < len(ids):
        yield "two cells share an id"
    yield from (f"bad cell id '{i}'" for i in ids if not re.fullmatch(r"[A-Za-z0-9_-]{1,32}", i))


def one_parameters_cell(notebook: Notebook) -> Iterator[str]:
    """Exactly one code cell tagged ``parameters``: typed literals, each with a comment."""
    tagged = [c for c in notebook.cells if "parameters" in c["metadata"].get("tags", ())]
    if len(tagged) != 1 or tagged[0]["cell_type"] != "code":
        yield f"{len(tagged)} cells are tagged parameters"
        return
    source = "".join(tagged[0]["source"])
    tokens = tokenize.generate_tokens(io.StringIO(source).readline)
    commented = {t.start[0] for t in tokens if t.type == tokenize.COMMENT}
    names = []
    for statement in ast.parse(source).body:
        if not isinstance(statement, ast.AnnAssign) or statement.value is None:
            yield f"'{ast.unparse(statement)}' is no typed literal"
            continue
        names.append(ast.unparse(statement.target))
        yield from _not_of_its_type(statement)
        if not commented & set(range(statement.lineno, (statement.end_lineno or 0) + 1)):
            yield f"parameter {names[-1]} has no comment"
    if len(source.strip().splitlines()) == 1 and source.startswith(MAGICS):
        yield "IPython reads this one-line cell as a magic command: put a comment line first"
    if not notebook.benchmark and names[:1] != ["config"]:
        yield "the first parameter is not config"
    if notebook.benchmark and "quick" not in names:
        yield "a benchmark needs the parameter quick"


def _not_of_its_type(statement: ast.AnnAssign) -> Iterator[str]:
    assert statement.value is not None
    try:
        value = ast.literal_eval(statement.value)
    except ValueError:
        yield f"parameter {ast.unparse(statement.target)} is computed"
        return
    accepted = re.findall(r"\w+", ast.unparse(statement.annotation))
    if type(value).__name__ not in accepted and not (value is None and "None" in accepted):
        yield f"parameter {ast.unparse(statement.target)} is no {accepted[0]}"


def title_asks_and_tells(notebook: Notebook) -> Iterator[str]:
    """Check that the title asks a question and says what is read and left, as the code does."""
    first = notebook.cells[0]
    text = "".join(first["source"])
    if first["cell_type"] != "markdown" or not re.match(r"# .+\?\s*(\n|$)", text):
        yield "the first cell is no title that asks a question"
        return
    said = re.search(r"\*\*Reads\*\*(.*)\*\*Leaves\*\*(.*)", text, re.S)
    if not said:
        yield "the title does not say **Reads** … **Leaves** …"
        return
    reads, leaves = (set(re.findall(r"`(?!\d\d_)(\w+)`", part)) for part in said.groups())
    done, left = notebook.names("read", 0), notebook.names("save", 1)
    if "" in done | left:
        yield "a name in run.read or run.save is computed, so the order cannot be read"
    yield from (f"reads {name}, the title does not say so" for name in sorted(done - reads - {""}))
    yield from (f"leaves {name}, the title does not say so" for name in sorted(left - leaves))
    yield from (f"title says reads {n}, no cell does" for n in sorted(reads - done - TABLES))
    yield from (f"title says leaves {name}, no cell does" for name in sorted(leaves - left))


def sections_in_order(notebook: Notebook) -> Iterator[str]:
    """Question, Data, Method, Result, Limits, Decision, after the parameters."""
    headings = re.findall(r"^## (.+?)\s*$", "\n".join(notebook.sources("markdown")), re.M)
    if headings != SECTIONS:
        yield f"the sections are {', '.join(headings) or 'none'}"
    tags = notebook.cells[1]["metadata"].get("tags", ()) if len(notebook.cells) > 1 else ()
    if "parameters" not in tags:
        yield "the parameters do not follow the title"


def more_text_than_code(notebook: Notebook) -> Iterator[str]:
    """Few short code cells, more text than code, no function longer than two lines, no class."""
    code, text = notebook.sources("code"), notebook.sources("markdown")
    if len(code) > MOST_CODE_CELLS:
        yield f"{len(code)} code cells"
    if len("".join(code)) >= len("".join(text)):
        yield f"{len(''.join(code))} characters of code, {len(''.join(text))} of text"
    for node in ast.walk(notebook.code):
        if isinstance(node, ast.ClassDef):
            yield f"class {node.name} belongs into the package"
        if isinstance(node, ast.FunctionDef) and (node.end_lineno or 0) - node.lineno > 1:
            yield f"function {node.name} belongs into the package"


def starts_and_finishes(notebook: Notebook) -> Iterator[str]:
    """``run.start`` names this file, ``run.finish()`` is the last cell."""
    if notebook.names("start", 0) - {notebook.name} or f'start("{notebook.name}"' not in "\n".join(
        notebook.sources("code")
    ):
        yield f'run.start does not name "{notebook.name}"'
    last = notebook.cells[-1]
    if last["cell_type"] != "code" or "".join(last["source"]).strip() != "run.finish()":
        yield "the last cell is not run.finish()"


def shows_no_rows(notebook: Notebook) -> Iterator[str]:
    """Nothing is shown but through ``run.table``, ``run.figure`` and ``run.say``."""
    for source in notebook.sources("code"):
        body = ast.parse(source).body
        if (
            body
            and isinstance(body[-1], ast.Expr)
            and not isinstance(body[-1].value, ast.Call | ast.Constant)
        ):
            yield f"'{ast.unparse(body[-1])}' at the end of a cell shows its rows"
    for node in ast.walk(notebook.code):
        if isinstance(node, ast.Call):
            name = getattr(node.func, "attr", getattr(node.func, "id", ""))
            if name in SHOWS_ROWS:
                yield f"{name}(…) shows rows or hand-made results"


def no_typed_results(notebook: Notebook) -> Iterator[str]:
    """Prose under Result has no per cent figures: numbers come from ``run.say``."""
    text = "\n".join(notebook.sources("markdown"))
    result = re.search(r"^## Result\s*$(.*?)^## ", text, re.M | re.S)
    for number in re.findall(r"\d[\d.,]*\s*%(?! intervals?\b)", result[1] if result else ""):
        yield f"'{number}' under Result is typed by hand"


ALWAYS: tuple[Callable[[Notebook], Iterator[str]], ...] = (
    no_traces_of_a_run,
    kernel_and_format,
    one_parameters_cell,
)
ORDINARY = (
    title_asks_and_tells,
    sections_in_order,
    more_text_than_code,
    starts_and_finishes,
    shows_no_rows,
    no_typed_results,
)


def complaints(notebook: Notebook) -> list[str]:
    """Return everything the rules for this kind of notebook complain about."""
    rules = ALWAYS if notebook.benchmark else ALWAYS + ORDINARY
    return [complaint for rule in rules for complaint in rule(notebook)]
