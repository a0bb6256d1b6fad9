"""Markdown to safe HTML: headings in order, maths as MathML, nothing that runs."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field
from html import escape, unescape

from segwork.report.clean import bold, fragment, mathml, region

MARK = "\ue000{}\ue001"


@dataclass
class Outline:
    """The headings met so far: gives each an anchor and never skips a level.

    Parameters
    ----------
    title : str
        The first heading of level one; it becomes the page's only ``h1``.
    entries : list of (level, anchor, text)
        What the table of contents shows.
    """

    title: str = ""
    entries: list[tuple[int, str, str]] = field(default_factory=list)

    def add(self, level: int, text: str) -> str:
        """Return the heading as HTML; the first of level one is kept as the title instead."""
        words = unescape(re.sub(r"<[^>]+>|\ue000\d+\ue001", "", text)).strip()
        if level == 1 and not self.title:
            self.title = words
            return ""
        deepest = self.entries[-1][0] + 1 if self.entries else 2
        level = max(2, min(level, deepest))
        anchor = self._anchor(words)
        self.entries.append((level, anchor, words))
        return f'<h{level} id="{anchor}">{text}</h{level}>'

    def _anchor(self, words: str) -> str:
        ascii_words = unicodedata.normalize("NFKD", words).encode("ascii", "ignore").decode()
        base = re.sub(r"[^a-z0-9]+", "-", ascii_words.lower()).strip("-") or "section"
        taken = {anchor for _, anchor, _ in self.entries} | {"main", "show-code", "print-appendix"}
        numbered = (f"{base}-{n}" if n > 1 else base for n in range(1, len(taken) + 2))
        return next(anchor for anchor in numbered if anchor not in taken)


def render(
    source: str,
    *,
    outline: Outline | None = None,
    attachments: Mapping[str, Mapping[str, str]] | None = None,
) -> str:
    """Return Markdown as safe HTML.

    Parameters
    ----------
    source : str
    outline : Outline, optional
        Collects the headings; without it (text shown by code) headings become bold lines.
    attachments : mapping, optional
        Images pasted into the cell, as nbformat stores them.
    """
    import mistune
    from mistune.plugins.math import math, math_in_list, math_in_quote
    from mistune.plugins.table import table

    kept: list[str] = []

    def keep(latex: str, *, block: bool) -> str:
        formula = mathml(latex, block=block)
        kept.append(region(formula, "Formula") if block else formula)
        return MARK.format(len(kept) - 1)

    renderer = mistune.HTMLRenderer(escape=False)
    parse = mistune.Markdown(renderer, plugins=[table, math, math_in_list, math_in_quote])
    renderer.register("block_math", lambda _, text: keep(text, block=True))
    renderer.register("inline_math", lambda _, text: keep(text, block=False))
    renderer.image = lambda text, url, title=None: _image(text, url, attachments or {})  # noqa: ARG005
    html = str(parse(re.sub("[\ue000\ue001]", "", source)))
    html = html.replace(' style="text-align:right"', ' class="number"')
    safe = fragment(html, heading=outline.add if outline else bold)
    return re.sub(MARK.format(r"(\d+)"), lambda match: kept[int(match[1])], safe)


def _image(text: str, url: str, attachments: Mapping[str, Mapping[str, str]]) -> str:
    """Show an image pasted into the notebook; only name one from elsewhere."""
    for kind, data in attachments.get(url.removeprefix("attachment:"), {}).items():
        url = f"data:{kind};base64,{data}"
    if url.startswith("data:image/"):
        return f'<img src="{escape(url)}" alt="{text}">'
    return f"<em>Picture not included: {text or escape(url)}</em>"
