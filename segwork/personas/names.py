"""Names of segments that say what sets them apart, and the sentence with units behind each."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from segwork.personas.definitions import definition, words
from segwork.personas.display import shown
from segwork.personas.given import labelled, own_codes
from segwork.schema import CUSTOMERS

CLEAR, SLIGHT = 0.4, 0.2  # seven, and six, of ten pairs
STEP = 0.5  # contrasts nearer than this are told in the order of the definitions
TOLD, SAID = 2, 3  # of a name, of a description


class Trait(NamedTuple):
    """What sets a segment apart: a column, the side (high, low or middle), and how clearly."""

    column: str
    side: str
    strength: float


def told_columns(frame: pd.DataFrame) -> dict[str, list[str]]:
    """Return the columns a segment is told by, with family and unit, in the order of telling.

    Who people are, protected attributes above all, names no segment.
    """
    known = {n: rule for n, rule in definition("columns").items() if n in frame}
    if known:
        return known
    who = {c.name for c in CUSTOMERS.columns}
    return {str(n): [str(n), "number"] for n in frame.select_dtypes("number") if n not in who}


def against_rest(frame: pd.DataFrame, label: pd.Series) -> pd.DataFrame:
    """Return how each segment differs from the rest in every told column, −1 to 1.

    Returns
    -------
    DataFrame
        Index segment; columns (column, "more") and (column, "middle"). Of the pairs of a customer
        of the segment and one of the rest, the share in which the former has more less the share in
        which the former has less (Somers' D, twice the area under the curve less one); and the
        same of who lies nearer to the middle of all.
    """
    ranks = frame[list(told_columns(frame))].astype(float).rank(pct=True)
    parts = {"more": _against_rest(ranks, label)}
    parts["middle"] = -_against_rest((ranks - ranks.mean()).abs().rank(pct=True), label)
    return pd.concat(parts, axis=1).swaplevel(axis=1).rename_axis("segment")


def _against_rest(ranks: pd.DataFrame, label: pd.Series) -> pd.DataFrame:
    mean = ranks.groupby(label.to_numpy()).mean()
    known = ranks.notna().groupby(label.to_numpy()).sum() / ranks.notna().sum()
    return (2 * (mean - ranks.mean()) / (1 - known.where(known < 1))).fillna(0.0)


def names(features: Any, segments: Any, *, language: str = "en") -> pd.Series:
    """Name every segment by what sets it apart from the rest.

    Parameters
    ----------
    features : DataFrame
        As :func:`segwork.features.customer_features` returns it; columns it does not know are told
        by their own name.
    segments : Series or DataFrame
        Segment by customer id, or ``customer_id, segment``; noise (noise, −1) gets no name.
    language : {"en", "id"}

    Returns
    -------
    Series
        Name by segment as it was given, in the order of the segments; unique whatever the case. A
        name rests on coarse steps of contrast and holds no number, so that it survives new
        customers, another seed and other ids; only segments that nothing tells apart are numbered.

    Raises
    ------
    DataError
        No customer of the features has a segment.

    Examples
    --------
    >>> people = pd.DataFrame({"days_since_last": [3, 4, 200, 300], "orders": [30, 25, 1, 2]},
    ...                       index=list("abcd"))
    >>> names(people, pd.Series(["S01", "S01", "S02", "S02"], index=list("abcd"))).to_dict()
    {'S01': 'Bought lately, many orders', 'S02': 'Long silent, few orders'}
    """
    frame, label = labelled(features, segments)
    told = told_names(against_rest(frame, label), frame, language)
    return told.rename(index=own_codes(features, segments)).sort_index()


def told_names(apart: pd.DataFrame, frame: pd.DataFrame, language: str) -> pd.Series:
    """Return the names that contrasts, as of :func:`against_rest`, make."""
    speech = words(language)
    traits = {s: traits_of(row, frame) for s, row in apart.iterrows()}
    length = dict.fromkeys(traits, TOLD)
    while True:
        told = {s: _name(traits[s][: length[s]], speech) for s in traits}
        same = pd.Series(told).str.casefold()
        twins = [s for s in told if (same == same[s]).sum() > 1]
        longer = [s for s in twins if length[s] < len(traits[s])]
        if not longer:
            break
        length.update({s: length[s] + 1 for s in longer})
    strength = {s: [-trait.strength for trait in traits[s]] for s in twins}
    for segment in twins:  # nothing that is known tells them apart: the clearest is the first
        rivals = sorted(same.index[same == same[segment]], key=strength.__getitem__)
        told[segment] += f" ({rivals.index(segment) + 1})"
    return pd.Series(told, name="name", dtype="str").rename_axis("segment")


def describe(
    features: Any, segments: Any, *, language: str = "en", currency: str = ""
) -> pd.DataFrame:
    """Return ``segment, name, description``: what sets each apart, in words and units.

    Of fewer customers than a persona needs, inside or beside a segment, no figure is told.

    Examples
    --------
    >>> people = pd.DataFrame({"orders": [30, 26] * 20 + [1, 2] * 20})
    >>> describe(people, pd.Series(["S01"] * 40 + ["S02"] * 40))["description"][0]
    'Orders: typically 28 (the others 1.5).'
    """
    frame, label = labelled(features, segments)
    speech, rows = words(language), []
    apart = against_rest(frame, label)
    for segment, row in apart.iterrows():
        inside = (label == segment).to_numpy()
        columns = [trait.column for trait in traits_of(row, frame)[:SAID]]
        told = [_beside(frame[name], inside, speech, language, currency) for name in columns]
        text = "; ".join(part for part in told if part)
        if columns and not text:
            text = speech["few"].format(shown(inside.sum(), "count", language))
        rows.append((segment, f"{text[:1].upper()}{text[1:]}." if text else ""))
    found = pd.DataFrame(rows, columns=["segment", "description"])
    found.insert(1, "name", found["segment"].map(told_names(apart, frame, language)))
    codes = own_codes(features, segments)
    found["segment"] = found["segment"].map(codes)
    return found.sort_values("segment", ignore_index=True)


def _beside(
    values: pd.Series, inside: np.ndarray, speech: dict[str, Any], language: str, currency: str
) -> str:
    """Say the typical value of a segment and of the others, each only of k customers."""
    own, rest = values[inside].dropna(), values[~inside].dropna()
    k, unit = definition("persona")["customers"], told_columns(values.to_frame())[values.name][1]
    if len(own) < k:
        return ""
    form = speech["describe" if len(rest) >= k else "describe_alone"]
    said = [shown(part.median(), unit, language, currency) for part in (own, rest)]
    return str(form.format(column_label(str(values.name), speech), *said))


def column_label(name: str, speech: dict[str, Any]) -> str:
    """Return the words for a column; its own name where nobody has put it into words."""
    return str(speech["columns"].get(name, {}).get("label", str(name).replace("_", " ")))


def traits_of(row: pd.Series, frame: pd.DataFrame) -> list[Trait]:
    """Return what sets a segment apart, the clearest column of each family, the clear ones first.

    ``row`` is a row of :func:`against_rest`.
    """
    best: dict[str, Trait] = {}
    for name, (family, _) in told_columns(frame).items():
        more, middle = float(row[name, "more"]), float(row[name, "middle"])
        side = "high" if more > 0 else "low"
        trait = Trait(name, side, abs(more))
        if abs(more) < SLIGHT:  # as much as the rest on the whole, but of them the middle
            trait = Trait(name, "middle", middle)
        if family not in best or trait.strength > best[family].strength + STEP:
            best[family] = trait
    kept = [trait for trait in best.values() if trait.strength >= SLIGHT]
    return sorted(kept, key=lambda trait: (trait.strength < CLEAR, trait.side == "middle"))


def _name(traits: list[Trait], speech: dict[str, Any]) -> str:
    text = ", ".join(_phrase(trait, speech) for trait in traits) or str(speech["like_all"])
    return text[:1].upper() + text[1:]


def _phrase(trait: Trait, speech: dict[str, Any]) -> str:
    label = column_label(trait.column, speech)
    said = speech["columns"].get(trait.column, {}).get(trait.side)
    said = str(said or speech[trait.side].format(label))
    return said if trait.strength >= CLEAR else str(speech["rather"]).format(said)
