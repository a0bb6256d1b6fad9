"""Figures about fairness."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from segwork.disclosure import SMALLEST_GROUP
from segwork.plots.models import interval_lines
from segwork.plots.style import COLOURS, Drawn, house_style

if TYPE_CHECKING:
    pass

MARKERS = ("o", "s", "D", "^", "v")


def rates(outcomes: pd.DataFrame) -> Drawn:
    """Draw how often each test alarms in each world.

    Parameters
    ----------
    outcomes : DataFrame
        ``world`` and one true/false column per test, one row per draw.
    """
    import matplotlib.pyplot as plt

    shares = outcomes.groupby("world", sort=False).mean()
    with house_style():
        figure, axes = plt.subplots(figsize=(8.5, 0.55 * len(shares) + 1.6))
        for number, test in enumerate(shares.columns):
            axes.plot(
                100 * shares[test],
                range(len(shares)),
                MARKERS[number],
                color=COLOURS[number],
                markersize=9,
                alpha=0.9,
                label=test,
            )
        axes.set_yticks(range(len(shares)), shares.index)
        axes.invert_yaxis()
        axes.set_xlim(-3, 103)
        axes.set_xlabel("share of draws with the answer 'failed' (%)")
        axes.legend(loc="upper center", bbox_to_anchor=(0.4, 1.16), ncols=len(shares.columns))
    described = "; ".join(
        f"{world}: "
        + ", ".join(f"{test} {100 * shares.loc[world, test]:.0f} %" for test in shares.columns)
        for world in shares.index
    )
    return figure, f"Share of draws in which each fairness test alarms, by world. {described}."


def gaps(table: pd.DataFrame, *, title: str, unit: str) -> Drawn:
    """Draw estimated gaps with their intervals against zero.

    Parameters
    ----------
    table : DataFrame
        ``label``, ``gap``, ``low``, ``high``, ``limit`` (NaN where there is none), top to bottom.
    title, unit : str
    """
    series = {"gap": table.rename(columns={"gap": "value"})}
    with interval_lines(list(table["label"]), series) as (figure, axes):
        for position, limit in enumerate(table["limit"]):
            for side in (-limit, limit):
                axes.plot([side] * 2, [position - 0.3, position + 0.3], color=COLOURS[5])
        axes.axvline(0, color="#444444", linewidth=1)
        axes.set_xlabel(unit)
        axes.set_title(title)
    described = "; ".join(
        f"{r.label}: {r.gap:.3g} (interval {r.low:.3g} to {r.high:.3g})" for r in table.itertuples()
    )
    return figure, f"{title}. {described}. Vertical marks are the limits."


def composition(table: pd.DataFrame) -> Drawn:
    """Draw over- and under-representation of groups in segments as a heat map.

    A cell about fewer than five people stays empty.

    Parameters
    ----------
    table : DataFrame
        ``segment``, ``group``, ``n`` (people), ``ratio`` (1: the group's share of all customers).
    """
    import matplotlib.pyplot as plt
    import seaborn as sns

    shown = table.assign(ratio=table["ratio"].where(table["n"] >= SMALLEST_GROUP))
    wide = shown.set_index(["segment", "group"])["ratio"].unstack()  # noqa: PD010 (keeps empty ones)
    wide = wide[sorted(wide, key=lambda group: (not group.startswith("under"), group))]
    with house_style():
        figure, axes = plt.subplots(figsize=(1.3 * wide.shape[1] + 3, 0.55 * len(wide) + 1.6))
        sns.heatmap(
            wide,
            vmin=0,
            vmax=2,
            cmap="PuOr",
            annot=True,
            fmt=".2f",
            ax=axes,
            cbar_kws={"label": "ratio to share of all customers"},
        )
        axes.set_xlabel("group")
        axes.set_ylabel("segment")
    extreme = shown.loc[(shown["ratio"] - 1).abs().fillna(-1).idxmax()]
    return figure, (
        "Heat map of how often each group is found in each segment, against its share of all"
        f" customers. Furthest from 1: {extreme['group']} in {extreme['segment']} at"
        f" {extreme['ratio']:.2f}."
    )
