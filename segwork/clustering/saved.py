"""What the page of segments saves and says: the labelling that was tested is the one kept."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import pandas as pd

from segwork.clustering.comparison import Comparison
from segwork.clustering.later import LaterPeriod
from segwork.clustering.usable import FOUND_AGAIN
from segwork.results import display

SUMMARY = {
    "clusters": "segments",
    "predicted_quality": "predicted",
    "found_again": "found again",
    "smallest_share": "smallest",
    "noise": "noise",
    "jaccard": "stable",
    "jaccard_null": "copy stable",
    "scaling_agreement": "scalings",
    "tree_accuracy": "tree",
}


@dataclass(frozen=True)
class Saved:
    """The labelling a run keeps, as facts."""

    method: str
    segments: pd.Series
    found_again: float
    later: dict[str, float | int | str]
    natural: bool

    def facts(self) -> dict[str, float | int | str]:
        """Return how many segments were saved, how small, how stable, and what they tell."""
        shares = self.segments.value_counts(normalize=True)
        inside = shares.drop("noise", errors="ignore")
        facts: dict[str, float | int | str] = {
            "method_saved": self.method,
            "segments_saved": len(inside),
            "smallest_segment_share": float(inside.min()) if len(inside) else 0.0,
            "noise_share": float(shares.get("noise", 0.0)),
            **self.later,
        }
        if pd.notna(self.found_again):
            facts["saved_found_again"] = float(self.found_again)
        return facts

    def answer(self, profile: pd.DataFrame) -> dict[str, str]:
        """Return what was found, what it means and what to do, for the first screen.

        Parameters
        ----------
        profile : DataFrame
            As :func:`segwork.clustering.segment_profile` returns it.
        """
        inside = profile.drop("noise", errors="ignore")
        top = inside["spend_share"].idxmax()
        kind = "natural groups" if self.natural else "a division of a continuum, no natural groups"
        holds = self.found_again >= FOUND_AGAIN
        behind = float(self.later.get("saved_behind", 0.0))
        stable = "are found again" if holds else "are not found again"
        tells = (
            f"tell up to {display(behind, 'share')} less of what customers spend next than the best"
            " yardstick"
            if behind > 0
            else "tell as much of what customers spend next as the best yardstick"
        )
        use = (
            "Address customers by these segments, and look at each one's page of value first."
            if holds
            else "Do not use these segments; order customers by the RFM rule until they hold."
        )
        return {
            "found": (
                f"{len(inside)} segments of {inside['customers'].min():,} to"
                f" {inside['customers'].max():,} customers, drawn by {self.method}: {kind}."
                f" {top}, {display(float(inside.loc[top, 'share']), 'share')} of the customers,"
                f" makes {display(float(inside.loc[top, 'spend_share']), 'share')} of the spend."
            ),
            "means": f"On other customers the segments {stable}, and they {tells}.",
            "do": use,
        }


def saved(
    found: Comparison, study: LaterPeriod, method: str, segments: pd.Series, *, later_days: int
) -> Saved:
    """Return what is said of the labelling that is kept."""
    again = found.scoreboard["found_again"].get(method, float("nan"))
    later = {"later_days": later_days, **study.facts(method)}
    return Saved(method, segments, again, later, natural=method == found.recommended)


def saved_table(
    segments: pd.Series, method: str, names: Mapping[str, str] | None = None
) -> pd.DataFrame:
    """Return the table every later page reads: customer_id, segment, method.

    With ``names`` by code it has a column ``segment_name`` too, which those pages show.
    """
    table = pd.DataFrame(
        {"customer_id": segments.index, "segment": segments.to_numpy(), "method": method}
    )
    if names is not None:
        told = table["segment"].map(dict(names))
        table["segment_name"] = told.fillna(table["segment"]).astype("category")
    return table


def summary(found: Comparison) -> pd.DataFrame:
    """Return the columns of the scoreboard a reader needs, under names of two words at most."""
    names = {old: new for old, new in SUMMARY.items() if old in found.scoreboard}
    return found.scoreboard[list(names)].rename(columns=names)
