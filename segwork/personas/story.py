"""The story of a segment: the columns in which it differs from the rest and from its neighbour."""

from __future__ import annotations

import pandas as pd

from segwork.personas.definitions import definition
from segwork.personas.names import CLEAR, Trait, against_rest, told_columns, traits_of


def ranked(frame: pd.DataFrame) -> pd.DataFrame:
    """Return the told columns as ranks, 0 to 1."""
    return frame[list(told_columns(frame))].astype(float).rank(pct=True)


def places(ranks: pd.DataFrame, label: pd.Series) -> pd.DataFrame:
    """Return the typical rank of each segment in every column; the middle if unknown."""
    return ranks.groupby(label.to_numpy()).median().fillna(0.5)


def neighbour(typical: pd.DataFrame, segment: str) -> str:
    """Return the segment whose typical customer is nearest, of :func:`places`."""
    return str((typical - typical.loc[segment]).abs().sum(axis=1).drop(segment).idxmin())


def story(
    frame: pd.DataFrame, label: pd.Series, apart: pd.DataFrame, segment: str, other: str = ""
) -> list[str]:
    """Return the columns a segment's story is told by, the clearest first.

    What sets a segment apart from all others may be the same for its neighbour; the two columns
    in which they differ most, where they differ clearly, belong to the story as well.

    Parameters
    ----------
    frame, label
        As :func:`segwork.personas.given.labelled` returns them.
    apart : DataFrame
        As :func:`segwork.personas.names.against_rest` returns it.
    segment, other : str
        The segment, and its neighbour if it has one.
    """
    rule = definition("persona")
    told = [
        t.column for t in traits_of(apart.loc[segment], frame) if _seen(frame, label, segment, t)
    ]
    beside: list[str] = []
    if other:
        pair = label.isin([segment, other]).to_numpy()
        row = against_rest(frame[pair], label[pair]).loc[segment]
        traits = [t for t in traits_of(row, frame) if t.strength >= CLEAR]
        traits = [t for t in traits if _seen(frame[pair], label[pair], segment, t)]
        traits = sorted(traits, key=lambda trait: -trait.strength)
        beside = [trait.column for trait in traits[: rule["beside"]]]
    kept = {*beside, *[name for name in told if name not in beside][: rule["story"] - len(beside)]}
    return [*(name for name in told if name in kept), *(n for n in beside if n not in told)]


def _seen(frame: pd.DataFrame, label: pd.Series, segment: str, trait: Trait) -> bool:
    """Tell whether the typical values differ; with many ties ranks do and a reader sees nothing."""
    inside, values = (label == segment).to_numpy(), frame[trait.column]
    return trait.side == "middle" or values[inside].median() != values[~inside].median()
