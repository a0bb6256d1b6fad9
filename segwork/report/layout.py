"""The frame of every page: head with its policy, navigation, contents, footer; and small parts."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from html import escape
from importlib import resources
from urllib.parse import quote

from segwork.report.clean import scrollable
from segwork.runs.names import visible


class Html(str):
    """Text that is already safe HTML; every other text is escaped before it is shown."""

    __slots__ = ()


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


def badge(status: str) -> Html:
    """Return a status as sign and word."""
    look = mark(status)
    return Html(
        f'<span class="badge {look.tone}"><span class="sign" aria-hidden="true">{look.sign}</span>'
        f" {escape(look.word)}</span>"
    )


def text(value: object) -> str:
    """Escape a value, unless it is :class:`Html` already."""
    return value if isinstance(value, Html) else escape(str(value))


def link(name: str, words: str = "", *, attributes: str = "") -> Html:
    """Return a link to the page of a notebook: its name is text, whatever characters it has."""
    shown = escape(visible(words or name))
    return Html(f'<a{attributes} href="{quote(name, safe="")}.html">{shown}</a>')


def table(
    caption: str, header: Sequence[object], rows: Iterable[Sequence[object]], *, numbers: str = ""
) -> Html:
    """Return a table with caption and column headings; the first cell of a row names it.

    Parameters
    ----------
    caption : str
    header : sequence
    rows : iterable of sequences
        Text is escaped; :class:`Html` is kept.
    numbers : str
        Positions of right-aligned columns, such as ``"12"``.
    """

    def kind(position: int) -> str:
        return ' class="number"' if str(position) in numbers else ""

    head = "".join(f'<th scope="col"{kind(i)}>{text(h)}</th>' for i, h in enumerate(header))
    body = []
    for first, *others in rows:
        cells = "".join(f"<td{kind(i)}>{text(cell)}</td>" for i, cell in enumerate(others, 1))
        body.append(f'<tr><th scope="row">{text(first)}</th>{cells}</tr>')
    return Html(
        scrollable(
            f"<table><caption>{text(caption)}</caption>"
            f"<thead><tr>{head}</tr></thead><tbody>{''.join(body)}</tbody></table>"
        )
    )


def page(
    title: str,
    body: str,
    *,
    contents: Sequence[tuple[int, str, str]] = (),
    navigation: str = "",
    toggle: bool = False,
    footer: str = "",
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
    navigation : str
        Safe HTML of links to other pages; default a link to the index.
    toggle : bool
        Offer a switch that shows all folded code.
    footer : str
        Safe HTML.
    """
    policy = (
        f"default-src 'none'; img-src data:; style-src '{_style_hash()}'; "
        "base-uri 'none'; form-action 'none'"
    )
    links = navigation or '<a href="index.html">All notebooks</a>'
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<meta name="color-scheme" content="light dark">\n<link rel="icon" href="data:,">\n'
        f"<title>{escape(title)}</title>\n<style>{_style()}</style>\n</head>\n<body>\n"
        '<a class="skip" href="#main">Skip to the content</a>\n'
        f'<header class="top"><nav aria-label="Report">{links}</nav></header>\n'
        f'<div class="frame">\n{_contents(contents, toggle)}'
        f'<main id="main" tabindex="-1">\n{body}\n</main>\n</div>\n'
        f"<footer><p>{footer or 'Made by segwork. This page needs no network.'}</p></footer>\n"
        "</body>\n</html>\n"
    )


def _contents(entries: Sequence[tuple[int, str, str]], toggle: bool) -> str:
    box = '<input type="checkbox" id="show-code"><label for="show-code">Show all code</label>'
    switch = f'<p class="toggle">{box}</p>' if toggle else ""
    items = "".join(
        f'<li class="level-{level}"><a href="#{anchor}">{escape(words)}</a></li>'
        for level, anchor, words in entries
        if level <= 3
    )
    listed = (
        f'<nav aria-labelledby="contents"><p id="contents">On this page</p><ul>{items}</ul></nav>'
        if items
        else ""
    )
    if not switch and not listed:
        return ""
    return f'<aside class="side" aria-label="Reading aids">{switch}{listed}</aside>\n'


@cache
def _style() -> str:
    return resources.files("segwork.report").joinpath("style.css").read_text(encoding="utf-8")


@cache
def _style_hash() -> str:
    digest = hashlib.sha256(_style().encode()).digest()
    return f"sha256-{base64.b64encode(digest).decode()}"
