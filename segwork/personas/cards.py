"""Cards from lines: one offline page in a language, a card a sheet, nothing drawn but words."""

from __future__ import annotations

import base64
import hashlib
from datetime import date
from functools import cache
from importlib import resources
from typing import NamedTuple

import pandas as pd
from jinja2 import Environment, FunctionLoader, StrictUndefined
from markupsafe import Markup

from segwork.personas.definitions import words
from segwork.personas.display import day, shown
from segwork.personas.lines import Line, from_table


def page(
    lines: pd.DataFrame,
    language: str,
    currency: str = "",
    *,
    other: str = "",
    plan: pd.DataFrame | None = None,
) -> str:
    """Return the page of all cards of a table of lines.

    Parameters
    ----------
    lines : DataFrame
        As :class:`segwork.personas.PersonaBook` holds it.
    language : {"en", "id"}
    currency : str
        Code of the home currency; numbers of money stand alone without it.
    other : str
        Address of the page in the other language.
    plan : DataFrame, optional
        As :func:`segwork.personas.plans` returns it for the cards: the first sheet.
    """
    style = _file("cards.css")
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    blocks = {"trim_blocks": True, "lstrip_blocks": True, "keep_trailing_newline": True}
    drawn = Environment(
        loader=FunctionLoader(_file), autoescape=True, undefined=StrictUndefined, **blocks
    )
    drawn.globals |= {"words": words(language), "language": language, "other": other}
    drawn.globals |= {"style": Markup(style), "style_hash": f"sha256-{digest}"}
    if plan is not None and "language" in plan:
        plan = plan[plan["language"] == language]
    told = [card(of, language, currency) for of in by_segment(lines).values()]
    rows = [] if plan is None else plan.to_dict("records")
    return drawn.get_template("cards.html").render(cards=told, plan=rows)


class Card(NamedTuple):
    """One persona in words; ``lines`` are (section, sentence, evidence), empty where to fill in."""

    segment: str
    name: str
    kind: str
    lines: list[tuple[str, str, str]]
    facts: list[str]
    made_up: str
    acid: tuple[str, str, str]
    review: str


def by_segment(lines: pd.DataFrame) -> dict[str, list[Line]]:
    """Return the lines of each segment, in the order of the cards."""
    found: dict[str, list[Line]] = {}
    for line in from_table(lines):
        found.setdefault(line.segment, []).append(line)
    return found


def card(lines: list[Line], language: str, currency: str = "") -> Card:
    """Put the lines of one segment into words."""
    speech = words(language)["card"]
    head = {(x.key, x.column): x for x in lines if x.section == "head"}
    body = [x for x in lines if x.section not in ("head", "growth")]
    size = next(x for x in lines if x.key == "share")
    tested, review = head.get(("acid", "")), head["review", ""].what
    acid = ("none", speech["acid_none"], "")
    if tested:
        pairs = [f"{100 * x:.0f}" for x in (tested.value, tested.rest)]
        near = head.get(("neighbour", language))
        beside = f"{tested.what} · {near.what}" if near else tested.what
        text = speech[f"acid_{tested.status}"].format(pairs[0], beside, pairs[1])
        acid = (tested.status, text, tested.fact)
    until = speech["review_none"]
    if review:
        until = speech["review"].format(day(date.fromisoformat(review), language))
    names = (head["name", language].what, speech[head["kind", ""].what])
    told = [(x.section, x.text(language, currency), x.evidence(language)) for x in body]
    made_up = speech["made_up"].format(shown(size.n, "count", language), size.segment)
    return Card(size.segment, *names, told, [x.fact for x in body], made_up, acid, until)


@cache
def _file(name: str) -> str:
    folder = resources.files("segwork.personas").joinpath("templates")
    return folder.joinpath(name).read_text(encoding="utf-8")
