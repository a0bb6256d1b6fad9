"""What the page of movement says first: found, meaning, action."""

from __future__ import annotations

from collections.abc import Mapping

from segwork.dynamics.cadence import Cadence
from segwork.dynamics.trace import Trace

MOST_NOISE = 0.10  # of the labels, as SEG-D02 has it


def answer(found: Trace, usual: Mapping[str, float], waiting: Cadence) -> dict[str, str]:
    """Return what was found, what it means and what to do.

    Parameters
    ----------
    found : Trace
    usual : mapping
        Of :func:`segwork.dynamics.summary`, about segments as they are usually made.
    waiting : Cadence
    """
    board, best = found.scoreboard, found.recommended
    if usual:
        low, high = 1 - board.loc["fit_once", ["high", "low"]]
        said = (
            "Segments as they are usually made, by k-means on each quarter's figures, lose"
            f" {usual['moved']:.1%} of their customers from one period to the next (95 % interval"
            f" {low:.1%} to {high:.1%}; by chance alone {usual['expected_moved']:.1%})."
            f" {usual['noise_of_moved']:.1%} of that is noise of the method: the customer did not"
            " change."
        )
    else:
        said = "There are not two periods to compare, so nothing can be said of movement."
    if best is None:
        meant = f"No way of labelling can be recommended: {found.reason}."
        act = "Keep the labels you have; a steadier label that tells nothing is no gain."
        return {"found": said, "means": meant, "do": act}
    row = board.loc[best]
    meant = (
        f"With {best} {row['stability']:.1%} stay for a period (95 % interval {row['low']:.1%} to"
        f" {row['high']:.1%}; {row['stability_corrected']:.1%} after what chance alone would keep)."
    )
    days, noise = waiting.recommended_days, float(row["noise_floor"])
    if noise > MOST_NOISE:
        act = (
            f"These labels are the best of those tried, and yet {noise:.1%} of them change although"
            " the customer stands still: describe a quarter by them, and plan no campaign on them."
        )
        return {"found": said, "means": meant, "do": act}
    act = (
        f"Use these labels, and assign customers anew every {days} days."
        if days
        else ("Use these labels; how long they last cannot be said from these periods.")
    )
    return {"found": said, "means": meant, "do": act}
