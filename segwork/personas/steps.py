"""The seven steps of segmentation for each persona, told by the lines of its card."""

from __future__ import annotations

import pandas as pd

from segwork.personas import cards
from segwork.personas.build import PersonaBook
from segwork.personas.definitions import definition, words
from segwork.personas.lines import KNOWN, TO_FILL, Line

COLUMNS = ["segment", "step", "text", "facts", "status"]


def steps(book: PersonaBook, *, language: str = "", currency: str = "") -> pd.DataFrame:
    """Go through the seven steps, the four parts of the mix and the growth path of each persona.

    Parameters
    ----------
    book : PersonaBook
    language : {"en", "id"}, optional
        By default that of the book.
    currency : str

    Returns
    -------
    DataFrame
        ``segment, step, text``; ``facts``, the names of the figures the text rests on; ``status``:
        known, or *to fill in* where data tell nothing or not all.

    References
    ----------
    Best, Market-Based Management (needs-based segmentation in seven steps); Ansoff (1957).

    Examples
    --------
    >>> from segwork.personas import build
    >>> people = pd.DataFrame({"orders": [1, 2] * 40 + [30, 40] * 40})
    >>> found = steps(build(people, pd.Series(["S01"] * 80 + ["S02"] * 80)))
    >>> found.set_index(["segment", "step"])["status"][("S02", "6 Acid test")]
    'known'
    """
    language = language or book.language
    speech, rows = words(language), []
    for segment, lines in cards.by_segment(book.lines).items():
        for step, wanted in definition("steps").items():
            told = [line for want in wanted for line in lines if _fits(line, want)]
            known = {line.fact: line for line in told if line.status != TO_FILL}
            texts = [line.text(language, currency) for line in known.values()]
            gaps = [want.removeprefix("fill:") for want in wanted if want.startswith("fill:")]
            asked = [f"{speech['fill'][gap]}: {speech['card']['fill_in']}." for gap in gaps]
            if not texts and not asked:
                asked = [f"{speech['card']['fill_in']}."]
            facts = ", ".join(known)
            status = TO_FILL if asked else KNOWN
            rows.append((segment, speech["step"][step], " ".join(texts + asked), facts, status))
    return pd.DataFrame(rows, columns=COLUMNS)


def _fits(line: Line, want: str) -> bool:
    """Tell whether a line is meant by ``key``, ``key:column`` or ``section/key``."""
    section, _, rest = want.rpartition("/")
    key, _, column = rest.partition(":")
    same = section in ("", line.section) and column in ("", line.column)
    return line.key == key and same
