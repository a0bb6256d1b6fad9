"""Text and tables as notebooks show them: whatever comes from data stays text."""

from __future__ import annotations

import re
from html import escape
from typing import TYPE_CHECKING

from segwork.results import Status, display, spelled
from segwork.runs.names import visible

if TYPE_CHECKING:
    import pandas as pd

APPENDIX = "appendix"  # metadata of what stands at the end of the page and stays off paper
STATUS_WORDS = {str(status): str(status).replace("_", " ") for status in Status}
LONGEST_CODE = 8  # characters
LEAST_P = 0.0005  # a smaller p is rounded to nought
CHANCE = re.compile(r"^(p|q)$|^p_|_p$")  # names of columns that hold a p
LISTED = re.compile(r",(?!\d{3}(?!\d))")  # a comma of a list, not of a number
CAPTION = "caption"  # metadata of a figure: its number and title
ELSEWHERE = "elsewhere"  # metadata of a line that JupyterLab shows here and a page in its own place


def placed(appendix: bool) -> dict[str, bool]:
    """Return the metadata of what is shown: whether it stands in the appendix."""
    return {APPENDIX: True} if appendix else {}


def as_markdown(text: str) -> str:
    """Make text from data harmless inside Markdown and HTML."""
    for mark in "\\`*_[]#|$":
        text = text.replace(mark, "\\" + mark)
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def html_table(frame: pd.DataFrame, caption: str) -> str:
    """Return a frame as an HTML table; named index levels become columns."""
    named = [name for name in frame.index.names if name is not None]
    whole = frame.reset_index() if named else frame
    kinds = [' class="number"' if dtype.kind in "iufc" else "" for dtype in whole.dtypes]
    head = "".join(
        f'<th scope="col"{kind}>{escape(visible(_label(name)))}</th>'
        for name, kind in zip(whole.columns, kinds, strict=True)
    )
    chance = [bool(CHANCE.search(_label(name))) for name in whole.columns]
    rows = ("".join(map(_cell, row, chance)) for row in whole.itertuples(index=False))
    return (
        f'<table class="segwork"><caption>{escape(visible(spelled(caption)))}</caption>'
        f"<thead><tr>{head}</tr></thead>"
        f"<tbody>{''.join(f'<tr>{cells}</tr>' for cells in rows)}</tbody></table>"
    )


def _label(name: object) -> str:
    return " ".join(str(part) for part in name if part) if isinstance(name, tuple) else str(name)


def _cell(value: object, chance: bool = False) -> str:
    """Return a cell; ``chance`` says that it holds a p, which is small and never nought."""
    if hasattr(value, "item"):
        value = value.item()
    value = ("no", "yes")[value] if isinstance(value, bool) else value
    text = STATUS_WORDS.get(value, "") if isinstance(value, str) else ""
    text = "< 0.001" if chance and isinstance(value, float) and value < LEAST_P else text
    text = text or spelled(display(value))
    kind = ' class="number"' if isinstance(value, int | float) else ""
    if not kind and len(text) <= LONGEST_CODE and " " not in text:
        kind = ' class="short"'  # a check's code must not break at its hyphens
    if " " not in text:  # a list of columns may break between its names
        text = LISTED.sub(", ", text) if isinstance(value, str) else text
    return f"<td{kind}>{escape(text)}</td>"
