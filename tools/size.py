"""Print the lines of code by room: no blanks, comments or docstrings. Run: ``make size``."""

from __future__ import annotations

import ast
import io
import tokenize
from collections import Counter
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
SKIPPED = {
    tokenize.COMMENT,
    tokenize.NL,
    tokenize.NEWLINE,
    tokenize.INDENT,
    tokenize.DEDENT,
    tokenize.ENDMARKER,
    tokenize.ENCODING,
}
DOCUMENTED = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)


def code_lines(text: str) -> int:
    r"""Count the lines that hold code.

    Examples
    --------
    >>> code_lines('def f():\n    "What it does."\n\n    return 1  # one\n')
    2
    """
    lines: set[int] = set()
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type not in SKIPPED:
            lines.update(range(token.start[0], token.end[0] + 1))
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, DOCUMENTED) and ast.get_docstring(node, clean=False) is not None:
            lines -= set(range(node.body[0].lineno, node.body[0].end_lineno + 1))
    return len(lines)


def rooms(folder: str) -> Counter[str]:
    """Return the lines of code of each room of a top-level folder."""
    found: Counter[str] = Counter()
    for path in sorted((ROOT / folder).rglob("*.py")):
        room = path.relative_to(ROOT / folder).parts[0].removesuffix(".py")
        found[room] += code_lines(path.read_text(encoding="utf-8"))
    return found


def main() -> None:
    """Print the table: what the wheel holds, then what it does not."""
    for folder in ("segwork", "benchmarks", "tools", "tests"):
        found = rooms(folder)
        print(f"{folder + '/':<16}{found.total():>7,}")
        for room, lines in found.most_common() if folder in ("segwork", "benchmarks") else ():
            print(f"  {room:<14}{lines:>7,}")


if __name__ == "__main__":
    main()
