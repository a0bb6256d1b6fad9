"""What an export would do, and what came of a pilot."""

from __future__ import annotations

from typing import TYPE_CHECKING

from segwork.plots.style import COLOURS, Drawn, house_style

if TYPE_CHECKING:
    import pandas as pd

    from segwork.export.pilot import Outcome


def reasons(counts: pd.DataFrame) -> Drawn:
    """Draw how many customers may be sent, and why the others may not.

    Parameters
    ----------
    counts : pandas.DataFrame
        reason, customers; "may be sent" is drawn in another colour.

    Returns
    -------
    (Figure, str)
        The figure and its text alternative.
    """
    import matplotlib.pyplot as plt

    shown = counts.iloc[::-1]
    colours = [COLOURS[0] if reason == "may be sent" else COLOURS[6] for reason in shown["reason"]]
    with house_style():
        figure, axes = plt.subplots(figsize=(7, 0.5 + 0.45 * max(len(shown), 2)))
        bars = axes.barh(shown["reason"], shown["customers"], color=colours)
        axes.bar_label(bars, [f"{n:,}" for n in shown["customers"]], padding=3)
        axes.set(xlabel="customers")
        axes.margins(x=0.15)
    told = "; ".join(f"{row.reason}, {row.customers:,}" for row in counts.itertuples())
    return figure, f"Bar chart of customers by what an export would do with them: {told}."


def pilot(outcome: Outcome) -> Drawn:
    """Draw the share of buyers of pilot and control with their 95 % intervals.

    Parameters
    ----------
    outcome : segwork.export.pilot.Outcome

    Returns
    -------
    (Figure, str)
        The figure and its text alternative.
    """
    import matplotlib.pyplot as plt

    table = 100 * outcome.table[["share", "low", "high"]]
    with house_style():
        figure, axes = plt.subplots(figsize=(6, 2))
        for place, (name, row) in enumerate(table.iterrows()):
            axes.plot([row["low"], row["high"]], [place, place], color=COLOURS[place], linewidth=3)
            axes.plot(row["share"], place, "o", color=COLOURS[place])
            beside = {"xytext": (0, 7), "textcoords": "offset points", "ha": "center"}
            axes.annotate(str(name), (row["share"], place), **beside)
        axes.set(xlabel="customers with an order since the start (%)", ylim=(-0.5, 1.7), yticks=[])
    told = "; ".join(
        f"{name} {row['share']:.1f} % ({row['low']:.1f} to {row['high']:.1f})"
        for name, row in table.iterrows()
    )
    return figure, f"Shares of customers who bought since the start, with 95 % intervals: {told}."
