"""Figures about change points."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from segwork.plots.style import COLOURS, Drawn, house_style

if TYPE_CHECKING:
    from matplotlib.axes import Axes

KIND_COLOURS = {"stop": COLOURS[5], "fall": COLOURS[1], "temporary": COLOURS[3], "rise": COLOURS[2]}


def by_month(months: pd.DataFrame) -> Drawn:
    """Draw the share of tested customers that changed, by month and kind, with its interval.

    Parameters
    ----------
    months : DataFrame
        As :func:`segwork.changepoints.by_month` returns it.
    """
    import matplotlib.pyplot as plt

    wide = months.set_index("month")
    share, low, high = (100 * wide[c].to_numpy(float) for c in ("share", "low", "high"))
    with house_style():
        figure, axes = plt.subplots(figsize=(8.5, 3.6))
        _stack(axes, axes.bar, "bottom", wide.div(wide["tested"], axis=0))
        wings = np.maximum([share - low, high - share], 0)
        axes.errorbar(wide.index, share, wings, fmt="none", ecolor="#333333", lw=1)
        axes.set_ylabel("customers whose rate\nchanged (% of tested)")
        plt.setp(axes.get_xticklabels(), rotation=60, ha="right", rotation_mode="anchor")
        axes.grid(axis="x", visible=False)
        axes.set_ylim(0)
    top = months.loc[months["share"].idxmax()]
    kinds = ", ".join(f"{wide[k].sum()} {k}" for k in KIND_COLOURS if k in wide)
    return figure, (
        f"Share of tested customers whose order rate changed, by month, {months['month'].iloc[0]}"
        f" to {months['month'].iloc[-1]}; highest in {top['month']} with {100 * top['share']:.2f} %"
        f" (95 % interval {100 * top['low']:.2f} to {100 * top['high']:.2f}). In all: {kinds}."
    )


def _stack(axes: Axes, draw: Callable[..., object], along: str, shares: pd.DataFrame) -> None:
    """Stack the shares of all kinds of change in their colours, one bar a row."""
    start = np.zeros(len(shares))
    for kind, colour in KIND_COLOURS.items():
        if kind in shares:
            width = 100 * shares[kind].to_numpy(float)
            draw(shares.index.astype(str), width, color=colour, label=kind, **{along: start})
            start = start + width
    axes.legend(ncols=4, loc="lower center", bbox_to_anchor=(0.4, 1.0))


def calibration(levels: pd.DataFrame) -> Drawn:
    """Draw observed against nominal false alarms on logarithmic axes.

    Parameters
    ----------
    levels : DataFrame
        ``nominal``, ``observed``, ``low``, ``high`` (shares) and ``world``, one row per point.
    """
    import matplotlib.pyplot as plt

    with house_style():
        figure, axes = plt.subplots(figsize=(6.0, 4.4))
        ends = [100 * levels["nominal"].min() * 0.8, 100 * levels["nominal"].max() * 1.25]
        axes.plot(ends, ends, color="#333333", lw=1, ls="--", label="as promised")
        for j, (world, rows) in enumerate(levels.groupby("world", sort=False)):
            x = 100 * rows["nominal"].to_numpy() * (1 + 0.025 * (j - 2))
            y = 100 * rows["observed"].to_numpy()
            wings = [y - 100 * rows["low"].to_numpy(), 100 * rows["high"].to_numpy() - y]
            error = np.maximum(wings, 0)  # rounding can put a limit on the wrong side
            axes.errorbar(
                x, y, error, fmt="osD^vP"[j % 6], color=COLOURS[j], label=str(world), ms=5
            )
        axes.set(xscale="log", yscale="log", xlabel="promised false alarms (%)")
        axes.set_ylabel("observed false alarms (%)")
        ticks = 100 * np.unique(levels["nominal"])
        axes.set_xticks(ticks, [f"{t:g}" for t in ticks], minor=False)
        axes.set_yticks(ticks, [f"{t:g}" for t in ticks], minor=False)
        axes.minorticks_off()
        axes.legend(fontsize=8)
    told = "; ".join(
        f"{r.world} at {100 * r.nominal:g} %: {100 * r.observed:.1f} %" for r in levels.itertuples()
    )
    return figure, f"Observed against promised share of false alarms. {told}."


def example(counts: np.ndarray, posterior: np.ndarray, week: int) -> Drawn:
    """Draw one simulated customer: orders a week, and where the network sees the change.

    Parameters
    ----------
    counts, posterior : numpy.ndarray, shape (weeks,)
        Orders, and the probability that the change begins in each week.
    week : int
        Week of the planted change.
    """
    import matplotlib.pyplot as plt

    weeks = np.arange(counts.size)
    with house_style():
        figure, (top, below) = plt.subplots(
            2, 1, figsize=(8.5, 3.8), sharex=True, height_ratios=(3, 2)
        )
        top.bar(weeks, counts, color=COLOURS[0])
        top.set_ylabel("orders")
        below.bar(weeks, posterior, color=COLOURS[1])
        below.set_ylabel("probability that\nthe change is here")
        below.set_xlabel("week")
        for axes in (top, below):
            axes.axvline(week - 0.5, color="#333333", ls="--", lw=1, label="planted change")
        top.legend(loc="upper right")
    return figure, (
        f"A simulated customer over {counts.size} weeks whose rate changes in week {week} (dashed):"
        f" orders by week above, below the probability that the change begins in a week, highest in"
        f" week {int(posterior.argmax())} with {posterior.max():.2f}."
    )


def by_segment(shares: pd.DataFrame) -> Drawn:
    """Draw how each segment's tested customers changed.

    Parameters
    ----------
    shares : DataFrame
        ``segment``, ``kind``, ``share`` of the segment's tested customers.
    """
    import matplotlib.pyplot as plt

    wide = shares.pivot_table(index="segment", columns="kind", values="share", fill_value=0.0)
    with house_style():
        figure, axes = plt.subplots(figsize=(8.5, 0.5 * len(wide) + 1.6))
        _stack(axes, axes.barh, "left", wide)
        axes.invert_yaxis()
        axes.set_xlabel("tested customers of the segment (%)")
    told = "; ".join(
        f"{segment}: " + ", ".join(f"{k} {100 * row[k]:.1f} %" for k in wide.columns)
        for segment, row in wide.iterrows()
    )
    return figure, f"Share of tested customers whose rate changed, by segment and kind. {told}."


def outlook(groups: pd.DataFrame) -> Drawn:
    """Draw the promised share of silent customers against what came.

    Parameters
    ----------
    groups : DataFrame
        ``promised``, ``silent`` (shares) and ``customers``, one row per group of customers.
    """
    import matplotlib.pyplot as plt

    with house_style():
        figure, axes = plt.subplots(figsize=(4.6, 4.2))
        axes.plot([0, 100], [0, 100], color="#333333", lw=1, ls="--", label="as promised")
        axes.plot(100 * groups["promised"], 100 * groups["silent"], "o", color=COLOURS[0])
        axes.set_xlabel("promised: no order in half a year (%)")
        axes.set_ylabel("observed (%)")
        axes.legend()
    told = "; ".join(
        f"{100 * r.promised:.0f} %: {100 * r.silent:.0f} %" for r in groups.itertuples()
    )
    return figure, f"Silent customers, promised half a year before against observed. {told}."
