"""Templates in, pages out: the frame of every page, its policy, and how a verdict looks."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import resources
from urllib.parse import quote

from jinja2 import Environment, FunctionLoader, StrictUndefined
from markupsafe import Markup

from segwork.results import display
from segwork.runs.names import visible


@dataclass(frozen=True)
class Mark:
    """How a verdict looks: a tone for the colour, a sign and a word that do without colour."""

    tone: str
    sign: str
    word: str
    rank: int


MARKS = {
    "failed": Mark("bad", "✕", "failed", 0),
    "died": Mark("bad", "✕", "kernel died", 0),
    "timeout": Mark("bad", "✕", "timed out", 0),
    "contract": Mark("bad", "✕", "output missing or unusable", 0),
    "interrupted": Mark("bad", "✕", "interrupted", 0),
    "blocked": Mark("bad", "✕", "blocked", 1),
    "warned": Mark("warn", "!", "warned", 2),
    "inconclusive": Mark("open", "?", "inconclusive", 3),
    "waived": Mark("warn", "~", "waived", 4),
    "skipped": Mark("none", "–", "skipped", 5),
    "not_applicable": Mark("none", "–", "not applicable", 6),
    "no_gates": Mark("none", "·", "ran, nothing judged", 7),
    "passed": Mark("good", "✓", "passed", 8),
    "drifted": Mark("bad", "✕", "drifted", 0),
    "reproduced": Mark("good", "✓", "reproduced", 8),
    "ok": Mark("good", "✓", "ran", 8),
}


def mark(status: str) -> Mark:
    """Return the look of a status; an unknown word is shown as it is, never as a success."""
    return MARKS.get(status) or Mark("open", "?", status.replace("_", " "), 1)


@cache
def templates() -> Environment:
    """Return the templates: what they are given is escaped unless it is Markup already."""
    folder = resources.files("segwork.report").joinpath("templates")
    loaded = Environment(
        loader=FunctionLoader(lambda name: folder.joinpath(name).read_text(encoding="utf-8")),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    loaded.globals["mark"] = mark
    loaded.filters.update(visible=visible, display=display, address=address)
    return loaded


def address(notebook: str) -> str:
    """Return the address of a notebook's page, whatever characters its name has."""
    return f"{quote(notebook, safe='')}.html"


def drawn(template: str, **values: object) -> Markup:
    """Return a filled template."""
    return Markup(templates().get_template(template).render(**values))


def part(template: str, name: str, *values: object, **named: object) -> Markup:
    """Return one small part: a macro of a template, called."""
    return getattr(templates().get_template(template).module, name)(*values, **named)


def badge(status: str) -> Markup:
    """Return a status as sign and word."""
    return part("parts.html", "badge", status)


def link(notebook: str, words: str = "", *, rel: str = "") -> Markup:
    """Return a link to the page of a notebook: its name is text, whatever characters it has."""
    return part("parts.html", "page_link", notebook, words, rel)


def table(
    caption: str, header: Sequence[object], rows: Iterable[Sequence[object]], *, numbers: str = ""
) -> Markup:
    """Return a table with caption and column headings; the first cell of a row names it.

    Parameters
    ----------
    caption : str
    header : sequence
    rows : iterable of sequences
        Text is escaped; Markup is kept.
    numbers : str
        Positions of right-aligned columns, such as ``"12"``.
    """
    return part("parts.html", "table", caption, header, list(rows), numbers=numbers)


def page(
    title: str,
    body: str,
    *,
    contents: Sequence[tuple[int, str, str]] = (),
    navigation: Markup | None = None,
    toggle: bool = False,
    footer: Markup | None = None,
) -> str:
    """Return a whole offline page; its policy forbids scripts and every request.

    Parameters
    ----------
    title : str
        Plain text of the title; the ``h1`` is part of ``body``.
    body : str
        Safe HTML, as the other functions of this package return it.
    contents : sequence of (level, anchor, text)
        Headings for the table of contents.
    navigation : Markup
        Links to other pages; default a link to the index.
    toggle : bool
        Offer a switch that shows all folded code.
    footer : Markup
    """
    home = Markup('<a href="index.html">All notebooks</a>')
    return drawn(
        "page.html",
        title=title,
        body=Markup(body),
        language="en",
        contents=[entry for entry in contents if entry[0] <= 3],
        navigation=navigation or home,
        toggle=toggle,
        footer=footer or "Made by segwork. This page needs no network.",
        style=Markup(_style()),
        style_hash=_style_hash(),
    )


@cache
def _style() -> str:
    return resources.files("segwork.report").joinpath("style.css").read_text(encoding="utf-8")


@cache
def _style_hash() -> str:
    digest = hashlib.sha256(_style().encode()).digest()
    return f"sha256-{base64.b64encode(digest).decode()}"
