"""Cells of an executed notebook as HTML: prose, folded code, cleaned outputs."""

from __future__ import annotations

import base64
import re
import struct
from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import takewhile
from typing import Any
from urllib.parse import quote

from markupsafe import Markup

from segwork.report.clean import NO_ALT, fragment, plain
from segwork.report.layout import part
from segwork.report.markdown import Outline, render
from segwork.runs.files import Json
from segwork.runs.shown import APPENDIX, CAPTION, ELSEWHERE

Cell = Mapping[str, Any]  # of a notebook, an output of it, or what that holds
LONGEST_TEXT = 20_000
_BASE64 = re.compile(r"(?:[A-Za-z0-9+/]{4})+(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?")
ABSENT = re.compile(r"\s*<p>Not applicable")
IMAGES = ("image/png", "image/jpeg", "image/svg+xml")


def code_cells(cells: list[Cell]) -> Iterator[tuple[int, Cell]]:
    """Yield code cells with their number on the page, from one, in order of the notebook."""
    yield from enumerate((cell for cell in cells if cell["cell_type"] == "code"), 1)


def failing_cell(cells: list[Cell]) -> tuple[int, Cell] | None:
    """Return number and error of the first code cell that failed against its author's will."""
    for number, cell in code_cells(cells):
        if "raises-exception" in _tags(cell):
            continue
        for output in cell.get("outputs", ()):
            if output["output_type"] == "error":
                return number, output
    return None


def undescribed(cells: list[Cell]) -> int:
    """Count the figures of a notebook that nobody can hear described."""
    outputs = [output for _, cell in code_cells(cells) for output in cell.get("outputs", ())]
    return sum(
        kind in output.get("data", {}) and not _alt(kind, output.get("metadata", {}))
        for output in outputs
        for kind in IMAGES
    )


def body(
    cells: list[Cell], outline: Outline, *, failed: int | None = None, complete: bool = False
) -> str:
    """Return all cells as HTML; the code of cell number ``failed`` is open.

    Parameters
    ----------
    cells : list
        As nbformat reads them.
    outline : Outline
        Collects the headings.
    failed : int, optional
    complete : bool, default False
        The notebook ran to its end: prose about a result that is not there is left out.
    """
    parts, number, absent = [], 0, introduces_nothing(cells) if complete else set()
    for at, cell in enumerate(cells):
        if cell["cell_type"] == "markdown":
            shown = without_what_is_not_there(cell) if at in absent else cell
            parts.append(_or_a_sentence(_prose, shown, outline))
        elif cell["cell_type"] == "code":
            number += 1
            parts.append(_code(cell, number, failed=number == failed))
            parts.append(_or_a_sentence(_outputs, cell))
    return "\n".join(part for part in parts if part)


def introduces_nothing(cells: list[Cell]) -> set[int]:
    """Return the places of prose under Result whose code shows nothing but why it does not apply.

    Prose is written before the run. What it says of a figure must not stand on a page where the
    data for that figure are missing.
    """
    found, section = set(), ""
    for at, cell in enumerate(cells):
        if cell["cell_type"] != "markdown":
            continue
        if headings := re.findall(r"(?m)^## (.+?)\s*$", _source(cell)):
            section = headings[-1]
        after = list(takewhile(lambda c: c["cell_type"] == "code", cells[at + 1 :]))
        outputs = [output for code in after for output in code.get("outputs", ())]
        shown = filter(None, (_or_a_sentence(_output, output) for output in outputs))
        if section == "Result" and after and all(map(ABSENT.match, shown)):
            found.add(at)
    return found


def without_what_is_not_there(cell: Cell) -> Cell:
    """Keep the headings of a cell, and say that nothing stands below them."""
    source = _source(cell)
    headings = re.findall(r"(?m)^#+ .*$", source) or re.findall(r"\A\*\*[^*]+\*\*", source)
    nothing = "*The data for this are not there; nothing is shown.*"
    return {**cell, "source": "\n\n".join([*headings, nothing])}


def appendix(cells: list[Cell]) -> str:
    """Return what cells show for the appendix, tables folded under their captions."""
    return "\n".join(
        _or_a_sentence(_folded, output)
        for _, cell in code_cells(cells)
        for output in cell.get("outputs", ())
        if output.get("metadata", {}).get(APPENDIX)
    )


def _folded(output: Cell) -> str:
    html = _output(output)
    if "text/html" not in output["data"]:
        return html
    return part("cells.html", "folded", _text(output["data"]["text/plain"]), Markup(html))


def _or_a_sentence(draw: Callable[..., str], *what: object) -> str:
    """Return what is drawn; where that fails, a sentence: one bad output costs that output."""
    try:
        return draw(*what)
    except Exception:  # many libraries, each with errors of its own
        return "<p><em>This output is damaged and cannot be shown.</em></p>"


def _prose(cell: Cell, outline: Outline) -> str:
    return render(_source(cell), outline=outline, attachments=cell.get("attachments"))


def _code(cell: Cell, number: int, *, failed: bool) -> str:
    source = _source(cell).strip("\n")
    if not source:
        return ""
    return part("cells.html", "code", number, _label(cell, source), coloured(source), failed)


def _label(cell: Cell, source: str) -> str:
    tags = _tags(cell)
    if "injected-parameters" in tags:
        return "parameters of this run"
    if "parameters" in tags:
        return "parameters and their defaults"
    first = source.splitlines()[0]
    return first.lstrip("# ") if first.startswith("# ") else ""


def coloured(source: str) -> list[tuple[str, str]]:
    """Return Python source in pieces, each with its kind: comment, string, keyword, number."""
    from pygments import lex
    from pygments.lexers import PythonLexer
    from pygments.token import Comment, Keyword, Number, String

    kinds = {Comment: "c", String: "s", Keyword: "k", Number: "n"}
    return [
        (next((letter for kind, letter in kinds.items() if token in kind), ""), value)
        for token, value in lex(source, PythonLexer(stripnl=False, ensurenl=False))
    ]


def _outputs(cell: Cell) -> str:
    outputs = _joined(cell.get("outputs", ()))
    outputs = [output for output in outputs if not output.get("metadata", {}).get(APPENDIX)]
    shown = [html for output in outputs if (html := _or_a_sentence(_output, output))]
    return f'<div class="outputs">{"".join(shown)}</div>' if shown else ""


def _joined(outputs: Iterable[Cell]) -> list[Cell]:
    """Join neighbouring pieces of one stream: how they are cut differs from run to run."""
    joined: list[Json] = []
    for output in outputs:
        last = joined[-1] if joined else {}
        if output["output_type"] == "stream" and output["name"] == last.get("name"):
            last["text"] += _text(output["text"])
        elif output["output_type"] == "stream":
            joined.append({**output, "text": _text(output["text"])})
        else:
            joined.append(dict(output))
    return joined  # type: ignore[return-value]


def _output(output: Cell) -> str:
    kind = output["output_type"]
    if kind == "stream":
        text = plain(_text(output["text"]))
        if output["name"] == "stderr" and text:
            return part("cells.html", "messages", _pre(text))
        return _pre(text)
    if kind == "error":
        head = plain(f"{output['ename']}: {output['evalue']}")
        trace = plain("\n".join(output.get("traceback", ())))
        return part("cells.html", "error", head, _pre(trace))
    if re.match(r"(?:Posix|Windows)Path\(", _text(output["data"].get("text/plain", ""))):
        return ""  # a cell that ends with run.save(…) says where the file lies
    if output.get("metadata", {}).get(ELSEWHERE):
        return ""
    return _rich(output["data"], output.get("metadata", {}))


def _rich(data: Cell, metadata: Cell) -> str:
    """Show the richest form that needs no script; live widgets are left out."""
    if any(kind.startswith("application/vnd.jupyter.widget") for kind in data):
        return ""
    for kind in IMAGES:
        if kind in data:
            return _figure(kind, data[kind], metadata)
    if "text/html" in data:
        return fragment(_text(data["text/html"]))
    for kind in ("text/markdown", "text/latex"):
        if kind in data:
            text = _text(data[kind])
            return render(text) if len(text) <= LONGEST_TEXT else _pre(plain(text))
    return _pre(plain(_text(data.get("text/plain", ""))))


def _figure(kind: str, data: str | list[str], metadata: Cell) -> str:
    alt, width, height = _alt(kind, metadata), 0, 0
    if kind == "image/svg+xml":
        url = f"data:{kind},{quote(_text(data))}"
    else:
        packed = "".join(_text(data).split())
        if not _BASE64.fullmatch(packed):
            raise ValueError("no picture")
        url = f"data:{kind};base64,{packed}"
        width, height = _size(packed)
    note = "" if alt else Markup(NO_ALT)
    caption = str(metadata.get(kind, {}).get(CAPTION, ""))
    return part("cells.html", "figure", url, alt, caption, width, height, note)


def _alt(kind: str, metadata: Cell) -> str:
    return str(metadata.get(kind, {}).get("alt") or metadata.get("alt") or "").strip()


def _size(packed: str) -> tuple[int, int]:
    """Width and height from the head of a PNG, so that the page does not jump while loading."""
    head = base64.b64decode(packed[:44] + "=" * (-len(packed[:44]) % 4))
    if len(head) < 24 or head[:8] != b"\x89PNG\r\n\x1a\n":
        return 0, 0
    width, height = struct.unpack(">II", head[16:24])
    return width, height


def _pre(text: str) -> Markup:
    if len(text) > LONGEST_TEXT:
        text = f"{text[:LONGEST_TEXT]}\n… {len(text) - LONGEST_TEXT:,} more characters"
    return part("cells.html", "output", text) if text.strip() else Markup()


def _source(cell: Cell) -> str:
    return _text(cell["source"])


def _text(value: str | list[str]) -> str:
    return "".join(value) if isinstance(value, list) else str(value)


def _tags(cell: Cell) -> list[str]:
    return list(cell.get("metadata", {}).get("tags", ()))
