"""Rules about notebooks as small functions: each returns what it complains about."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterator

from segwork.checks.gates import catalogue
from segwork.engine.plan import parameters
from segwork.engine.plan.notebooks import Notebook
from segwork.errors import UsageError

__all__ = ["Notebook", "complaints"]

SECTIONS = ["Question", "Data", "Method", "Result", "Limits", "Decision"]
MOST_CODE_CELLS = 14
TABLES = {"transactions", "customers", "behaviour", "interactions", "external"}
MAGICS = ("config", "load", "run", "store", "time", "env", "cd", "pip")
SPEAKS_OF = {  # words of prose, and the call that shows what they speak of
    r"(?i)\b(?:the|each|both) (?:\w+ )?(?:figure|picture|bar|dot|curve|heat map)s?\b": "run.figure",
    r"(?i)\b(?:dashed|dotted|thin) lines?\b|\bdiamonds?\b|\bribbon\b": "run.figure",
    r"(?i)\b(?:the|this) table (?:has|holds|shows|names|says)\b": "run.table",
}
SHOWS_ROWS = {"head", "tail", "display", "print"}


def _is_benchmark(notebook: Notebook) -> bool:
    return notebook.path.parent.parent.name == "benchmarks"


def _code(notebook: Notebook) -> ast.Module:
    """Return all code as one tree; magics are no Python and therefore an error of their own."""
    return ast.parse("\n".join(notebook.sources("code")))


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
    tagged = [cell for cell in notebook.parsed if "parameters" in cell.tags]
    if len(tagged) != 1 or tagged[0].kind != "code":
        yield f"{len(tagged)} cells are tagged parameters"
        return
    try:
        found = parameters.schema(notebook)
    except UsageError as error:
        yield error.what
        return
    for name, parameter in found.items():
        accepted = re.findall(r"\w+", parameter.kind)
        if not parameter.annotated:
            yield f"'{name} = {parameter.literal!r}' is no typed literal"
        elif accepted[0] == "Literal":
            if repr(parameter.literal) not in parameter.kind.replace('"', "'"):
                yield f"parameter {name} is none of {parameter.kind}"
        elif type(parameter.literal).__name__.removesuffix("Type") not in accepted:
            yield f"parameter {name} is no {accepted[0]}"
        if not parameter.help:
            yield f"parameter {name} has no comment"
    source = tagged[0].source
    if len(source.strip().splitlines()) == 1 and source.startswith(MAGICS):
        yield "IPython reads this one-line cell as a magic command: put a comment line first"
    if not _is_benchmark(notebook) and list(found)[:1] != ["config"]:
        yield "the first parameter is not config"
    if _is_benchmark(notebook) and "quick" not in found:
        yield "a benchmark needs the parameter quick"


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
    done, left = set(notebook.names("read", 0)), set(notebook.names("save", 1))
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
    for node in ast.walk(_code(notebook)):
        if isinstance(node, ast.ClassDef):
            yield f"class {node.name} belongs into the package"
        if isinstance(node, ast.FunctionDef) and (node.end_lineno or 0) - node.lineno > 1:
            yield f"function {node.name} belongs into the package"


def starts_and_finishes(notebook: Notebook) -> Iterator[str]:
    """``run.start`` names this file, ``run.finish()`` is the last cell."""
    if set(notebook.names("start", 0)) - {
        notebook.name
    } or f'start("{notebook.name}"' not in "\n".join(notebook.sources("code")):
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
    for node in ast.walk(_code(notebook)):
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


def prose_has_its_picture(notebook: Notebook) -> Iterator[str]:
    """Prose under Result that speaks of a picture or table is followed by code that shows one.

    Where the data for it are missing the page leaves such prose out (``report.cells``).
    """
    section, prose, shown = "", "", ""
    for cell in [*notebook.cells, {"cell_type": "markdown", "source": ""}]:
        source = "".join(cell["source"])
        if cell["cell_type"] == "code":
            shown += source
            continue
        for words, call in SPEAKS_OF.items():
            found = re.search(words, prose) if section == "Result" else None
            if found and call not in shown:
                yield f"'{found[0]}' under Result, and no {call}(…) after it"
        headings = re.findall(r"^## (.+?)\s*$", source, re.M)
        section, prose, shown = (headings or [section])[-1], source, ""


def names_gates_that_exist(notebook: Notebook) -> Iterator[str]:
    """Every gate a notebook speaks of is in the policy, and judges this notebook or an earlier."""
    text = "\n".join(notebook.sources("markdown"))
    for code in sorted(set(re.findall(r"SEG-[A-Z]\d\d", text)) - set(catalogue())):
        yield f"{code} is no gate"


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
    prose_has_its_picture,
    names_gates_that_exist,
)


def complaints(notebook: Notebook) -> list[str]:
    """Return everything the rules for this kind of notebook complain about."""
    rules = ALWAYS if _is_benchmark(notebook) else ALWAYS + ORDINARY
    return [complaint for rule in rules for complaint in rule(notebook)]
