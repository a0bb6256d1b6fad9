"""Personas from data: at most five, each line with its evidence, each put to the acid test."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from numbers import Integral
from typing import Any

import narwhals as nw
import pandas as pd

from segwork.errors import UsageError
from segwork.personas import cards
from segwork.personas.acid import acid_test
from segwork.personas.cards import Card
from segwork.personas.definitions import LANGUAGES, definition, words
from segwork.personas.evidence import (
    CONSENT,
    STANDING,
    WORTH,
    Known,
    attributes,
    growth,
    known,
    lines_of,
)
from segwork.personas.given import by_customer, labelled, own_codes
from segwork.personas.lifecycle import lifecycle
from segwork.personas.lines import TO_FILL, Line, as_table, from_table, marked
from segwork.personas.names import told_names
from segwork.privacy.consent import agreed
from segwork.purchases.occasions import in_memory
from segwork.tables import Tables, needed


@dataclass(frozen=True)
class PersonaBook:
    """Personas of a customer base; segments of ``acid_test`` and ``left_out`` are as given.

    Attributes
    ----------
    lines : DataFrame
        Every line of every card as data, see :class:`segwork.personas.lines.Line`; the cards are
        drawn from it in any language.
    acid_test : DataFrame
        As :func:`segwork.personas.acid.acid_test`, one row per persona.
    left_out : DataFrame
        ``segment, customers, reason``: segments without a card.
    language : str
    """

    lines: pd.DataFrame = field(repr=False)
    acid_test: pd.DataFrame
    left_out: pd.DataFrame
    language: str = "en"

    @property
    def cards(self) -> list[Card]:
        """The cards in words, in the language of the book."""
        return [cards.card(of, self.language) for of in cards.by_segment(self.lines).values()]

    def facts(self) -> dict[str, float | int | str]:
        """Return every figure on a card by name, and how many personas stand the acid test."""
        facts: dict[str, float | int | str] = {
            "personas": int(self.lines["segment"].nunique()),
            "segments_left_out": len(self.left_out),
            "customers_without_card": int(self.left_out["customers"].sum()),
        }
        counted = self.lines.loc[(self.lines["section"] != "head") & (self.lines["n"] > 0), "n"]
        if len(counted):
            facts["fewest_behind_a_line"] = int(counted.min())
        if len(self.acid_test):
            facts["acid_passed_share"] = float(self.acid_test["passed"].mean())
            facts["acid_least_own_share"] = float(self.acid_test["own_share"].min())
        for line in from_table(self.lines):
            facts |= line.facts()
        return facts

    def meaning(self) -> str:
        """Say which cards may be used."""
        failed = self.acid_test.loc[~self.acid_test["passed"].astype(bool), "segment"]
        if self.acid_test.empty:
            return "There are no two segments to be told apart, so no card was put to the test."
        if failed.empty:
            return (
                "Each story picks its own customers among its neighbour's: the cards may be used."
            )
        names = ", ".join(map(str, failed))
        return f"Put away the cards of {names}: their stories fit the neighbour as well."

    def html(self, language: str = "", *, currency: str = "", other: str = "") -> str:
        """Return the cards as one offline page, a card a sheet on paper.

        Parameters
        ----------
        language : {"en", "id"}, optional
            By default that of the book.
        currency : str
            Code of the home currency; money stands as a number without it.
        other : str
            Address of the same page in the other language, for a link.
        """
        return cards.page(self.lines, language or self.language, currency, other=other)


def build(
    features: Any,
    segments: Any,
    *,
    tables: Tables | None = None,
    value: Any = None,
    max_personas: int = 5,
    language: str = "en",
    seed: int = 0,
    as_of: date | str | None = None,
) -> PersonaBook:
    """Build personas from data: what sets segments apart, who and what they are, want and bring.

    Parameters
    ----------
    features : DataFrame
        As :func:`segwork.features.customer_features` returns it.
    segments : Series or DataFrame
        Segment by customer id, or ``customer_id, segment``; noise (noise, −1) has no persona.
    tables : Tables, optional
        For goods, times, channels, goals, pains and standing. Without ``customers`` the personas
        are of behaviour alone; without tables of the features alone.
    value : DataFrame or result of :mod:`segwork.value`, optional
        By customer: profit, margin, revenue, expected_orders, expected_spend, as far as known.
        A mapping may hold several of these by name, and the ``lifecycle`` where it was worked out
        already.
    max_personas : int, default 5
        The segments with the largest share of spend (of customers where there is no money).
    language : {"en", "id"}
    seed : int, default 0
        Of the halves of the acid test.
    as_of : date, optional
        Rows on or after it are not used; by default the day after the last order.

    Raises
    ------
    UsageError
        ``max_personas`` is below 1, or nobody speaks the language.
    DataError
        No customer of the features has a segment.

    Notes
    -----
    A segment, and every line, needs the number of customers in ``[persona]`` of the definitions.
    Values are medians and quartiles, rounded, never those of one customer. What data cannot know is
    an empty line *to fill in*.

    Examples
    --------
    >>> people = pd.DataFrame({"orders": [1, 2] * 40 + [30, 40] * 40})
    >>> book = build(people, pd.Series(["S01"] * 80 + ["S02"] * 80))
    >>> [card.name for card in book.cards], book.acid_test["passed"].all()
    (['Few orders', 'Many orders'], np.True_)
    """
    whole = isinstance(max_personas, Integral) and not isinstance(max_personas, bool)
    if not (whole and max_personas >= 1):
        raise UsageError(f"max_personas is {max_personas!r}", accepted="a whole number, 1 or more")
    words(language)
    frame, label = labelled(features, segments)
    more = _by_customer(value)
    if tables is not None:
        tables = needed(tables)
        as_of = as_of or _after_last_order(tables)
        if "lifecycle" not in more:
            more |= _by_customer({"lifecycle": lifecycle(tables, as_of=as_of)})
        people = attributes(tables)
        if (willing := agreed(tables, purpose="marketing", as_of=as_of)) is not None:
            people[CONSENT] = willing
        more = {"customers": people, **more}
    data = known(frame, label, more, tables, as_of)
    chosen, left_out = _chosen(data, max_personas)
    tested = acid_test(frame, label, seed=seed)
    tested = tested[tested["segment"].isin(chosen)].reset_index(drop=True)
    told = {code: told_names(data.apart, frame, code) for code in LANGUAGES}
    review = _review(as_of)
    lines = [
        line for segment in chosen for line in _card_lines(data, segment, tested, told, review)
    ]
    codes, named = own_codes(features, segments), {"segment", "neighbour"}
    tested, left_out = (
        t.assign(**{n: t[n].map(codes) for n in named & set(t)}) for t in (tested, left_out)
    )
    return PersonaBook(as_table(marked(lines)), tested, left_out, language)


def _card_lines(
    data: Known, segment: str, tested: pd.DataFrame, told: dict[str, pd.Series], review: str
) -> list[Line]:
    """Return all lines of one card, from its name to what is to be filled in."""
    own = lines_of(data, segment)
    return [
        *(Line(segment, "head", "name", code, told[code][segment]) for code in told),
        Line(segment, "head", "kind", what=_kind(own)),
        Line(segment, "head", "review", what=review),
        *_tested(tested, segment, told),
        *own,
        growth(data, segment),
        *(Line(segment, "fill", key, status=TO_FILL) for key in definition("persona")["fill"]),
    ]


def _review(as_of: date | str | None) -> str:
    """Return the day a persona should be looked over on, empty where no day is known."""
    if as_of is None:
        return ""
    later = pd.Timestamp(as_of) + pd.DateOffset(months=definition("persona")["months"])
    return later.date().isoformat()


def _after_last_order(tables: Tables) -> date:
    last = nw.from_native(tables.transactions).select(nw.col("ordered_at").max())
    return (in_memory(last).iloc[0, 0] + pd.Timedelta(days=1)).date()


def _by_customer(value: Any) -> dict[str, pd.DataFrame]:
    """Return tables by customer id from what ``value`` may be."""
    if value is None:
        return {}
    if isinstance(value, Mapping):
        return {str(n): t for n, part in value.items() for t in _by_customer(part).values()}
    table = by_customer(getattr(value, "by_customer", getattr(value, "table", value)), "values")
    return {"value": table[[name for name in (*WORTH, *STANDING) if name in table]]}


def _chosen(data: Known, most: int) -> tuple[list[str], pd.DataFrame]:
    """Return the segments with a card, the weightiest first, and the others with the reason."""
    sizes = data.label.value_counts()
    weight = data.frame.get("spend_total", pd.Series(1.0, data.frame.index))
    weight = weight.groupby(data.label).sum().sort_values(ascending=False, kind="stable")
    able = [segment for segment in weight.index if sizes[segment] >= data.k]
    rows = [
        (s, int(sizes[s]), "less spend than the others" if s in able else "too few customers")
        for s in weight.index
        if s not in able[:most]
    ]
    return able[:most], pd.DataFrame(rows, columns=["segment", "customers", "reason"])


def _kind(lines: list[Line]) -> str:
    """Tell the persona of who uses what is bought from that of who decides to buy.

    Where nobody knows who uses it, only the decision to buy is known.
    """
    most = {line.column: line.what for line in lines if line.key == "most"}
    uses = "user" in most.get("role", "") and most.get("relation") != "B2B"
    return "customer_persona" if uses else "buyer_persona"


def _tested(tested: pd.DataFrame, segment: str, told: Mapping[str, pd.Series]) -> list[Line]:
    """Return the acid test of a segment, and the names of the neighbour it was put to."""
    asked, found = definition("acid")["share"], []
    for row in tested[tested["segment"] == segment].itertuples():
        status, figures = "passed" if row.passed else "failed", (row.own_share, row.low, row.high)
        about = (segment, "head", "acid", "", str(row.neighbour), *figures, asked, "share")
        found.append(Line(*about, int(row.n), "acid_test", status))
        about = (segment, "head", "neighbour")
        found += [Line(*about, code, names[row.neighbour]) for code, names in told.items()]
    return found
