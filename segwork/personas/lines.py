"""One line of a card: a figure, who and how many stand behind it, and where it was counted."""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields, replace
from typing import Any

import pandas as pd

from segwork.features.common import slug
from segwork.personas.definitions import words
from segwork.personas.display import shown
from segwork.personas.names import column_label

KNOWN, TO_FILL = "known", "to fill in"
NUMBERS = ("value", "low", "high", "rest")


@dataclass(frozen=True)
class Line:
    """A sentence as data; its words come from ``words_<language>.toml``.

    Attributes
    ----------
    segment, section, key : str
        Whose, under which heading, and which sentence.
    column, what : str
        What it is about: a column, and a word from the data.
    value, low, high, rest : float
        The figure, its quartiles, and the same figure of everybody else; NaN where there is none.
    unit : str
    n : int
        Customers behind the figure.
    where : str
        Table and column it was counted in.
    status : str
        known, to fill in, passed or failed.
    mark : str
        Tells facts apart whose names would be the same, see :func:`marked`.
    share, worth : float
        Share of the segment's customers behind a count, and of the segment's spend they bring.
    """

    segment: str
    section: str
    key: str
    column: str = ""
    what: str = ""
    value: float = float("nan")
    low: float = float("nan")
    high: float = float("nan")
    rest: float = float("nan")
    unit: str = ""
    n: int = 0
    where: str = ""
    status: str = KNOWN
    mark: str = ""
    share: float = float("nan")
    worth: float = float("nan")

    @property
    def fact(self) -> str:
        """Name of the figure among the facts."""
        of = (self.segment, self.key, self.column, self.what, self.mark)
        return "_".join(p for p in map(slug, of) if p)

    def facts(self) -> dict[str, float | int | str]:
        """Return the figures of the line; nothing of a line that is to be filled in."""
        ends = {"value": "", "low": "_low", "high": "_high", "rest": "_rest"}
        ends |= {"share": "_share", "worth": "_worth"}
        known = {f"{self.fact}{end}": float(getattr(self, name)) for name, end in ends.items()}
        known = {name: value for name, value in known.items() if value == value}
        return known | {f"{self.fact}_n": self.n} if known else {}

    def text(self, language: str, currency: str = "") -> str:
        """Return the sentence in a language."""
        speech = words(language)
        numbers = {n: shown(getattr(self, n), self.unit, language, currency) for n in NUMBERS}
        label = speech["fill"].get(self.key) or column_label(self.column, speech)
        numbers |= {n: shown(getattr(self, n), "share", language) for n in ("share", "worth")}
        numbers["rest_number"] = shown(self.rest, "number", language)
        spoken = {} if self.key == "buys" else speech["data"]  # goods keep a name
        what = spoken.get(self.what, spoken.get(self.what.casefold(), self.what))
        alone = f"{self.key}_alone" if self.rest != self.rest and self.worth != self.worth else ""
        form = speech["fill"].get(self.key) or speech["line"].get(
            alone, speech["line"].get(self.key)
        )
        text = form.format(label=label, what=what, n=shown(self.n, "count", language), **numbers)
        return f"{text[:1].upper()}{text[1:]}"

    def evidence(self, language: str) -> str:
        """Return where the figure comes from, in a language; empty for what is to be filled in."""
        if self.status == TO_FILL:
            return ""
        form = words(language)["card"]["evidence"]
        return str(form).format(self.fact, shown(self.n, "count", language), self.where)


def marked(lines: list[Line]) -> list[Line]:
    """Return lines with a number where facts of several would share a name, as A-1 and a 1."""
    told: dict[str, list[tuple[str, ...]]] = {}
    found = []
    for line in lines:
        of, same = (line.segment, line.key, line.column, line.what), told.setdefault(line.fact, [])
        if of not in same:
            same.append(of)
        number = same.index(of) + 1
        found.append(replace(line, mark=str(number)) if number > 1 else line)
    return found


def as_table(lines: list[Line]) -> pd.DataFrame:
    """Return lines as a table, one row each."""
    return pd.DataFrame([asdict(line) for line in lines], columns=[f.name for f in fields(Line)])


def from_table(table: pd.DataFrame) -> list[Line]:
    """Return the lines of a table written by :func:`as_table`."""
    rows: list[dict[str, Any]] = table.astype(object).to_dict("records")
    return [Line(**{str(k): v for k, v in row.items()}) for row in rows]
