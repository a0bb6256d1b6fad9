"""What of an exception's text may be written down: the words of programs, not those of data.

An exception quotes what it met: a customer's id, a name, a line of text. A run folder is read by
more people than the data, so a word is kept only where somebody wrote it into a program: the
notebook's own cells, the text literals of the modules the exception came through, or what Python
itself says. Everything else is shown as "…". Errors of this package say nothing of the kind.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path

from segwork import errors, packaged
from segwork.runs.files import Json
from segwork.runs.names import COLOUR

OURS = frozenset(name for name, kind in vars(errors).items() if isinstance(kind, type))
PYTHON_SAYS = frozenset(packaged.values("engine/execute/exceptions.toml")["python_says"].split())
WORD = re.compile(r"\w+")
LONGEST = 2_000  # characters of a text
NAME = re.compile(r"[A-Za-z_][\w.]{0,79}")
FRAME = re.compile(r"(?:File|Cell|Input) ?\S.*?(?:line \d+|:\d+)?(?=, in |$)")
CODE = re.compile(r"(?:-+> ?)?\d+ |-+> \d+$")


def censor(output: Json, cells: Iterable[str]) -> None:
    """Take out of an error output, in place, what comes from data.

    Parameters
    ----------
    output : dict
        As nbformat keeps an error: ``ename``, ``evalue``, ``traceback``.
    cells : iterable of str
        The code of the notebook.
    """
    name = NAME.match(str(output["ename"]))
    output["ename"] = name[0] if name else "Error"
    trace = COLOUR.sub("", "\n".join(output["traceback"]))
    output["evalue"] = kept(output["ename"], str(output["evalue"]), trace, cells)
    items = (COLOUR.sub("", item).splitlines() for item in output["traceback"])
    frames = [_frame(lines) for lines in items if lines]
    said = f"{output['ename']}: {output['evalue']}".removesuffix(": ")
    output["traceback"] = [*filter(None, frames), said]


def kept(name: str, text: str, trace: str, cells: Iterable[str]) -> str:
    """Return the text of an exception with "…" in place of every word nobody wrote into a program.

    Examples
    --------
    >>> kept("KeyError", "'gold'", "", ["spend['gold']"])
    "'gold'"
    >>> kept("ValueError", "could not convert string to float: 'Mary Doe'", "", [])
    "could not convert string to float: '…'"
    """
    if name.rpartition(".")[2] in OURS:
        return text
    known = set(PYTHON_SAYS).union(*map(WORD.findall, cells), *map(_words_of, _files(trace)))
    parts = re.split(r"(\s+)", text[:LONGEST])
    shown = "".join(part if part.isspace() else _shown(part, known) for part in parts)
    return re.sub(r"…(?:[\s'\"…]*…)+", "…", shown)


def _shown(part: str, known: set[str]) -> str:
    words = WORD.findall(part)
    if all(word in known for word in words):
        return part
    first, last = part.find(words[0]), part.rfind(words[-1]) + len(words[-1])
    return f"{part[:first]}…{part[last:]}"


def _files(trace: str) -> list[Path]:
    found = re.findall(
        r"^File (\S.*?\.py)(?::\d+|, line)", COLOUR.sub("", trace), flags=re.MULTILINE
    )
    return [Path(name).expanduser() for name in dict.fromkeys(found)][:50]


@lru_cache(maxsize=256)
def _words_of(path: Path) -> frozenset[str]:
    """Return the words of the texts a module may put into a message, its docstrings left out."""
    try:
        tree = ast.parse(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, SyntaxError, RecursionError):
        return frozenset()
    said = [node for node in ast.walk(tree) if isinstance(node, ast.Expr)]
    silent = {id(node.value) for node in said}
    texts = (
        node.value
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in silent
    )
    return frozenset(word for text in texts for word in WORD.findall(text))


def _frame(lines: list[str]) -> str:
    """Return the place and the code of one frame of a traceback; empty for anything else."""
    head = FRAME.match(lines[0].strip())
    if not head:
        return ""
    function = re.search(r", in ([\w.]+|<\w+>)", lines[0])
    where = head[0] + (f", in {function[1]}" if function else "")
    return "\n".join([where, *(line for line in lines[1:] if CODE.match(line.lstrip()))])
