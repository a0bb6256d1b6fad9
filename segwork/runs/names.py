"""Names and messages are text: what cannot be seen is spelled out before anybody reads it."""

from __future__ import annotations

import re

COLOUR = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")
# Controls, marks that turn the direction of writing, characters without width, lone surrogates.
UNSEEN = re.compile(
    "[\x00-\x1f\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb"
    "\ud800-\udfff\U000e0000-\U000e007f]"
)
COMMAND = re.compile(r"^(\s*)([:#])\2")
CELL_FILE = re.compile(r"ipykernel_\d+[/\\]\d+\.py")
NOT_IN_A_PATH = re.compile(r"[\s\"'<>]")
BETWEEN = re.compile(r"[/\\\0]")


def visible(text: object) -> str:
    r"""Return a text on one line without colour codes, every unseen character spelled out.

    Examples
    --------
    >>> visible("a\x1b[31mb\x1b[0m\nc\u202ed")
    'ab\\nc\\u202ed'
    """
    return UNSEEN.sub(_spelled, COLOUR.sub("", str(text)))


def line(text: object) -> str:
    """Return a line for a terminal or a log, which no CI service takes for a command of its own.

    Examples
    --------
    >>> line("::error::not really")
    ': :error::not really'
    """
    return COMMAND.sub(r"\1\2 \2", visible(text))


def is_part_of_a_path(name: object) -> bool:
    """Tell whether a name stays in the folder it is put into."""
    return isinstance(name, str) and name not in ("", ".", "..") and not BETWEEN.search(name)


def without_cell_files(text: str) -> str:
    """Replace the temporary file a cell is compiled as, with the folder before its name."""
    kept: list[str] = []
    start = 0
    for found in CELL_FILE.finditer(text):
        before = text[start : found.start()]
        breaks = [m.end() for m in NOT_IN_A_PATH.finditer(before)]
        kept += [before[: breaks[-1]] if breaks else "", "<cell>"]
        start = found.end()
    return "".join([*kept, text[start:]]) if kept else text


def _spelled(found: re.Match[str]) -> str:
    code = ord(found[0])
    short = {9: "\\t", 10: "\\n", 13: "\\r"}
    wide = f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
    return short.get(code) or (f"\\x{code:02x}" if code < 0x100 else wide)
