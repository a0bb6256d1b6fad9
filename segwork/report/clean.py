"""Make text from data, outputs and Markdown harmless, tidy and the same in every run."""

from __future__ import annotations

import re
from collections.abc import Callable
from html import escape
from xml.etree import ElementTree

from segwork.runs.names import without_cell_files

_HTML_WORDS = """
a abbr b blockquote br caption code col colgroup dd del div dl dt em figcaption figure h1 h2 h3 h4
h5 h6 hr i img ins kbd li mark ol p pre s samp small span strong sub sup table tbody td tfoot th
thead tr u ul var
"""
_MATH_WORDS = """
math mrow mi mn mo ms mtext mspace mfrac msqrt mroot mstyle merror mpadded mphantom mfenced menclose
msub msup msubsup munder mover munderover mmultiscripts mprescripts none mtable mtr mtd
"""
TAGS = frozenset(_HTML_WORDS.split())
_MATH_TAGS = frozenset(_MATH_WORDS.split())
ATTRIBUTES = {
    "abbr": ["title"],
    "ol": ["start"],
    "td": ["colspan", "rowspan", "class"],
    "th": ["colspan", "rowspan", "scope", "class"],
    "table": ["class"],
}
PROTOCOLS = ("http", "https", "mailto", "data")  # which of them where: _link_, _image_attribute
MATH_ATTRIBUTES = {"display", "accent", "stretchy", "mathvariant", "columnalign", "linethickness"}
LONGEST_HTML = 1_000_000  # characters, pictures aside
NO_ALT = (
    '<p class="no-alt">This figure has no text description; pass <code>alt=</code> to '
    "<code>run.figure</code>.</p>"
)
_ANSI = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*\x07|[@-_])")
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
_ADDRESS = re.compile(r"\b0x[0-9a-fA-F]{6,}\b")
_FOLDER = re.compile(r"(?<![\w:/.])/(?:[^\s/:'\"()<>]+/)+(?=(?:site-packages|segwork|notebooks)/)")
_PLACE = re.compile(r":?[^\s:'\"()<>]{1,1000}")
_HIDDEN = (
    (re.compile(r"(?i)<style\b"), re.compile(r"(?i)</style\s*>")),
    (re.compile("<!--"), re.compile("-->")),
)
_INLINED = re.compile(r"""(?i)(?<=src=["'])data:image/[\w.+-]+;base64,[\w+/=\s]+(?=["'])""")
_PROGRESS = re.compile(r"\d%\|.*\||\[(?:\d+:)?\d\d:\d\d[<,]|━{3}|^\s*\d+/\d+ \[[=>.]+\]")
_LOG = re.compile(r"^(?:[IWEF]\d{4} |\d{4}-\d\d-\d\d[ T]\d\d:\d\d:\d\d|WARNING: All log messages)")


def plain(text: str) -> str:
    r"""Return text without terminal codes, progress bars, dated log lines, addresses or folders.

    Examples
    --------
    >>> plain("\x1b[31mred\x1b[0m <obj at 0x7f3a5c0b1d90>")
    'red <obj at 0x…>'
    >>> plain("  5%|5    | 1/20\r100%|#####| 20/20 [00:01<00:00, 19it/s]\ndone")
    'done'
    """
    lines = [_overwritten(line) for line in _ANSI.sub("", text).split("\n")]
    kept = [line for line in lines if not (_PROGRESS.search(line) or _LOG.match(line))]
    text = without_cell_files(_CONTROL.sub("", "\n".join(kept)))
    return _ADDRESS.sub("0x…", _without_folders(text)).strip("\n")


def _without_folders(text: str) -> str:
    """Shorten paths to what is the same everywhere; one pass, whatever stands in the text."""
    return _PLACE.sub(lambda found: _FOLDER.sub("…/", found[0]), text)


def _without(html: str, begin: re.Pattern[str], end: re.Pattern[str]) -> str:
    """Cut out what stands between two marks; where the second is missing nothing is hidden."""
    kept, at = [], 0
    while (first := begin.search(html, at)) and (last := end.search(html, first.end())):
        kept.append(html[at : first.start()])
        at = last.end()
    return "".join([*kept, html[at:]])


def _overwritten(line: str) -> str:
    """Return what a terminal shows of a line with carriage returns."""
    parts = [part for part in line.split("\r") if part]
    return parts[-1] if parts else ""


def bold(_level: int, text: str) -> str:
    """Show a heading as a bold line: output of code must not disturb the page's outline."""
    return f"<p><strong>{text}</strong></p>"


def fragment(html: str, *, heading: Callable[[int, str], str] = bold) -> str:
    """Return HTML reduced to a small allow-list; whatever is outside it is shown as text.

    Scripts, styles, handlers, ids and every reference to another file are gone; tables can
    be scrolled on narrow screens; ``heading`` writes each heading from its level and text.
    """
    import bleach

    pictures: list[str] = []  # they may be megabytes, which nothing below has to look at

    def cut(found: re.Match[str]) -> str:
        pictures.append("".join(found[0].split()))
        return f"data:image/cut;{len(pictures) - 1}"

    html = _INLINED.sub(cut, _CONTROL.sub("", html.replace("data:image/cut;", "data:")))
    if len(html) > LONGEST_HTML:
        return f"<p>An output of {len(html):,} characters is too large for a page.</p>"
    for begin, end in _HIDDEN:
        html = _without(html, begin, end)
    html = _ADDRESS.sub("0x…", _without_folders(html))
    attributes: dict[str, list[str] | Callable[[str, str, str], bool]] = {
        **ATTRIBUTES,
        "a": _link_attribute,
        "img": _image_attribute,
    }
    safe = bleach.clean(html, tags=TAGS, attributes=attributes, protocols=PROTOCOLS)
    safe = re.sub(r"<th(?: [^>]*)?>\s*</th>", "<td></td>", safe)
    safe = safe.replace("<pre>", '<pre tabindex="0">')
    safe = re.sub(r"<img\b[^>]*>", lambda match: _picture(match[0]), safe)
    safe = re.sub(r"(?s)<h([1-6])>(.*?)</h\1>", lambda m: heading(int(m[1]), m[2]), safe)
    safe = re.sub(r"(?s)<table\b.*?</table>", lambda match: scrollable(match[0]), safe)
    return re.sub(r"data:image/cut;(\d+)", lambda match: pictures[int(match[1])], safe)


def scrollable(table: str) -> str:
    """Wrap a table so that it scrolls by itself, also by keyboard, named by its caption."""
    found = re.search(r"(?s)<caption[^>]*>(.*?)</caption>", table)
    name = re.sub(r"<[^>]+>", "", found[1]).strip() if found else ""
    label = name.replace('"', "&quot;") or "Table"
    breakable = re.sub(r"(?s)(?<=<th)[ >].*?(?=</th>)", lambda m: _breakable(m[0]), table)
    return region(breakable, label)


def _breakable(heading: str) -> str:
    """Let a long column name break after an underscore, in its text but not in a tag."""
    parts = re.split(r"([^<>]*>)", heading)
    parts[::2] = [re.sub(r"(?<=\w)_(?=\w)", "_<wbr>", text) for text in parts[::2]]
    return "".join(parts)


def region(html: str, label: str) -> str:
    """Wrap what may be wider than the screen in a part that scrolls, also by keyboard."""
    return f'<div class="scroll" role="group" aria-label="{label}" tabindex="0">{html}</div>'


def _picture(tag: str) -> str:
    """Keep an embedded picture that is described; say what is missing otherwise."""
    if " src=" not in tag:
        return ""
    return tag if re.search(r' alt="[^"]', tag) else tag[:-1] + ' alt="">' + NO_ALT


def _link_attribute(_tag: str, name: str, value: str) -> bool:
    return name == "href" and bool(
        re.match(r"(?i)https?://|mailto:|#(?!harmful)|[\w.-]+\.html", value)
    )


def _image_attribute(_tag: str, name: str, value: str) -> bool:
    return name == "alt" or (name == "src" and value.startswith("data:image/"))


def mathml(latex: str, *, block: bool) -> str:
    """Return LaTeX as MathML, or as code where it cannot be converted.

    Examples
    --------
    >>> mathml("x^2", block=False)
    '<math display="inline"><mrow><msup><mi>x</mi><mn>2</mn></msup></mrow></math>'
    """
    from latex2mathml.converter import convert

    try:
        root = ElementTree.fromstring(convert(latex, display="block" if block else "inline"))
    except Exception:  # the converter raises bare Exceptions of many kinds
        return f"<code>{escape(latex)}</code>"
    return _math_element(root)


def _math_element(element: ElementTree.Element) -> str:
    r"""Serialise allowed MathML only: the converter passes `\text` through unescaped."""
    inner = escape(element.text or "", quote=False)
    for child in element:
        inner += _math_element(child) + escape(child.tail or "", quote=False)
    tag = element.tag.rpartition("}")[2]
    if tag not in _MATH_TAGS:
        return inner
    kept = {name: value for name, value in element.attrib.items() if name in MATH_ATTRIBUTES}
    attributes = "".join(f' {name}="{escape(value)}"' for name, value in kept.items())
    return f"<{tag}{attributes}>{inner}</{tag}>"
