"""Figures about segments that move: one function each, all return the figure and its words."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from segwork.plots.style import COLOURS, Drawn, house_style
from segwork.results import display

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from segwork.dynamics import Cadence, Mobility, Trace

INKS = tuple(colour for colour in COLOURS if colour != "#999999")  # grey is for who stays
FAINT, GAP = 0.004, 0.012  # a flow below this share of the base is not drawn; space between blocks


def flow(mobility: Mobility, *, before: str = "before", after: str = "after") -> Drawn:
    """Draw who went where: a ribbon from each segment to each, as wide as its customers.

    Who stayed is grey, who moved has the colour of the segment that was left; flows of less than
    four customers in a thousand are left to the table.
    """
    import matplotlib.pyplot as plt

    counts = mobility.table.pivot_table(
        index="from_segment", columns="to_segment", values="n", aggfunc="sum", observed=False
    )
    names, shares = list(counts.index), counts.to_numpy(float) / max(mobility.n, 1)
    left, right = _blocks(shares.sum(axis=1)), _blocks(shares.sum(axis=0))
    with house_style():
        figure, axis = plt.subplots(figsize=(8, 3.6 + 0.32 * len(names)))
        _ribbons(axis, shares, left, right)
        for place, name in enumerate(names):
            for x, tops, share, side in (
                (0.0, left, shares.sum(axis=1), "right"),
                (1.0, right, shares.sum(axis=0), "left"),
            ):
                colour = INKS[place % len(INKS)]
                axis.barh(
                    tops[place] - share[place] / 2, 0.03, share[place], color=colour, left=x - 0.015
                )
                text, at = f"{name}  {_per_cent(share[place])}", tops[place] - share[place] / 2
                off = {"xytext": (-12 if side == "right" else 12, 0), "va": "center", "ha": side}
                axis.annotate(text, (x, at), textcoords="offset points", fontsize=9, **off)
        axis.set(xlim=(-0.16, 1.16), xticks=[0, 1], xticklabels=[before, after], yticks=[])
        axis.set_ylabel(f"share of {mobility.n:,} customers in both periods")
        axis.grid(visible=False)
        axis.spines[["left", "bottom"]].set_visible(False)
        axis.set_title(f"Who went where: {_per_cent(mobility.moved)} are in another segment")
    moves = mobility.table[mobility.table["from_segment"] != mobility.table["to_segment"]]
    words = f"Flows between {len(names)} segments of {mobility.n} customers"
    if len(moves) and moves["n"].max() > 0:
        row = moves.loc[moves["n"].idxmax()]
        words += f"; the largest move is {row['from_segment']} to {row['to_segment']}, {row['n']}"
    moved, chance = _per_cent(mobility.moved), _per_cent(mobility.expected_moved)
    return figure, f"{words}. {moved} moved, {chance} by chance."


def _per_cent(share: float) -> str:
    return display(float(share), "share")


def _blocks(shares: np.ndarray) -> np.ndarray:
    """Return the upper edge of each block, the first on top; small ones keep room for a name."""
    rooms = np.maximum(shares, 0.022) + GAP
    tops = rooms[::-1].cumsum()[::-1]
    return tops - (rooms - GAP - shares) / 2


def _ribbons(axis: Axes, shares: np.ndarray, left: np.ndarray, right: np.ndarray) -> None:
    from matplotlib.patches import PathPatch
    from matplotlib.path import Path

    begin, end = left.copy(), right.copy()
    turns = [Path.MOVETO, *[Path.CURVE4] * 3, Path.LINETO, *[Path.CURVE4] * 3, Path.CLOSEPOLY]
    for i, row in enumerate(shares):
        for j, width in enumerate(row):
            a, b = begin[i], end[j]
            begin[i], end[j] = a - width, b - width
            if width < FAINT:
                continue
            upper = [(0.015, a), (0.5, a), (0.5, b), (0.985, b)]
            lower = [(0.985, b - width), (0.5, b - width), (0.5, a - width), (0.015, a - width)]
            colour, alpha = ("#bbbbbb", 0.45) if i == j else (INKS[i % len(INKS)], 0.55)
            path = Path([*upper, *lower, (0.015, a)], turns)
            axis.add_patch(PathPatch(path, facecolor=colour, alpha=alpha, linewidth=0, zorder=1))


def stability(trace: Trace) -> Drawn:
    """Draw each method's stability beside chance and beside what its noise allows at most."""
    import matplotlib.pyplot as plt

    board = trace.scoreboard[trace.scoreboard["stability"].notna()][::-1]
    kept, corrected = board["stability"], board["stability_corrected"]
    chance = ((kept - corrected) / (1 - corrected)).where(corrected < 1)
    with house_style():
        figure, axis = plt.subplots(figsize=(7.5, 0.55 * len(board) + 1.6))
        axis.hlines(board.index, chance, kept, color="#bbbbbb", zorder=1)
        axis.scatter(chance, board.index, color=COLOURS[6], marker="D", label="by chance")
        still = "if nobody moved: noise of the method alone"
        axis.scatter(
            1 - board["noise_floor"], board.index, color=COLOURS[1], marker="^", label=still
        )
        spread = [kept - board["low"], board["high"] - kept]
        axis.errorbar(kept, board.index, xerr=spread, fmt="o", color=COLOURS[0], label="measured")
        axis.set(xlim=(0, 1.02), xlabel="share that keeps its segment for a period, 95 % interval")
        axis.set_title("How stable the segments are, by method")
        figure.legend(fontsize=8, loc="outside lower center", ncols=3)
    rows = [f"{name} {_per_cent(value)}" for name, value in kept[::-1].items()]
    return figure, f"Share that keeps its segment for one period: {', '.join(rows)}."


def split(steps: pd.DataFrame) -> Drawn:
    """Draw what the measured mobility of each step consists of."""
    import matplotlib.pyplot as plt

    parts = steps[["noise", "drift", "event"]].fillna(0)
    labels = {
        "noise": "noise: the latent segment did not move",
        "drift": "drift: moved without a change point" if steps["event"].notna().any() else "moved",
        "event": "event: moved with a change point",
    }
    days = [f"{end:%Y-%m-%d}" for end in steps["to_end"]]
    with house_style():
        figure, axis = plt.subplots(figsize=(7.5, 3.6))
        under = np.zeros(len(parts))
        for name, colour in zip(labels, (COLOURS[6], COLOURS[4], COLOURS[5]), strict=True):
            if parts[name].any():
                axis.bar(days, parts[name], 0.7, under, color=colour, label=labels[name])
            under = under + parts[name].to_numpy()
        axis.plot(days, steps["expected_moved"], "k_", markersize=22, label="by chance")
        axis.set(
            ylim=(0, 1), ylabel="share of customers that moved", xlabel="end of the later period"
        )
        axis.tick_params(axis="x", rotation=30)
        axis.set_title("What the measured mobility consists of")
        figure.legend(fontsize=8, loc="outside lower center", ncols=2)
    shares = parts.mul(steps["n"], axis=0).sum() / max(steps["n"].sum(), 1)
    words = ", ".join(f"{name} {_per_cent(share)}" for name, share in shares.items())
    return figure, f"Moves in {len(steps)} steps, as shares of the customers: {words}."


def waiting(cadence: Cadence) -> Drawn:
    """Draw what waiting with the next assignment costs."""
    import matplotlib.pyplot as plt

    table = cadence.table
    with house_style():
        figure, axis = plt.subplots(figsize=(7.5, 3.6))
        axis.plot(
            table["days"], table["stale_share"], "o-", label="customers under a stale segment"
        )
        lost = "lost of what segments tell about the next period"
        axis.plot(table["days"], table["outcome_lost"], "s--", color=COLOURS[1], label=lost)
        axis.fill_between(table["days"], table["low"], table["high"], color=COLOURS[1], alpha=0.2)
        if cadence.recommended_days is not None:
            axis.axvline(
                cadence.recommended_days, color="#888888", linestyle=":", label="recommended"
            )
        axis.set(xscale="log", xlabel="days between two assignments", ylabel="share")
        axis.set_xticks(list(table["days"]), [str(days) for days in table["days"]])
        axis.set_title("What waiting costs")
        figure.legend(fontsize=8, loc="outside lower center", ncols=3)
    rows = [f"{row.days} days {_per_cent(row.stale_share)}" for row in table.itertuples()]
    return figure, f"Share of customers under a stale segment: {', '.join(rows)}."
