"""Figures about the people behind segments."""

from __future__ import annotations

import numpy as np
import pandas as pd

from segwork.plots.style import COLOURS, Drawn, house_style

STAGES = ("new", "active", "loyal", "at risk", "lost")
HATCHES = ("", "", "", "//", "xx")


def stages(counts: pd.DataFrame) -> Drawn:
    """Draw the stages of the lifecycle within each segment.

    Parameters
    ----------
    counts : DataFrame
        Customers, a row a segment, a column a stage.
    """
    import matplotlib.pyplot as plt

    shares = 100 * counts.div(counts.sum(axis=1), axis=0)
    rows, left = np.arange(len(shares)), np.zeros(len(shares))
    with house_style():
        figure, axes = plt.subplots(figsize=(8.0, 0.5 * len(shares) + 1.6))
        for stage, colour, hatch in zip(STAGES, (4, 2, 0, 1, 6), HATCHES, strict=True):
            width = shares.get(stage, pd.Series(0.0, shares.index)).to_numpy(float)
            axes.barh(rows, width, left=left, color=COLOURS[colour], label=stage, hatch=hatch)
            left = left + width
        axes.set_yticks(rows, shares.index)
        axes.invert_yaxis()
        axes.set_xlabel("customers of the segment (%)")
        axes.legend(ncols=len(STAGES), loc="upper center", bbox_to_anchor=(0.5, 1.22), fontsize=8)
    told = "; ".join(
        f"{segment}: " + ", ".join(f"{name} {row[name]:.0f} %" for name in shares if row[name] >= 1)
        for segment, row in shares.iterrows()
    )
    return figure, f"Stages of the lifecycle by segment. {told}."


def scoreboard(board: pd.DataFrame) -> Drawn:
    """Draw what each segmentation tells of later spend, classical and learned side by side.

    Parameters
    ----------
    board : DataFrame
        As :func:`segwork.personas.scoreboard` returns it.
    """
    shown = 100 * board[["explained", "low", "high"]]
    shown = shown.rename(columns={"explained": "value"}).assign(kind=board["kind"])
    text = "What each segmentation tells of later spend, with 95 % intervals"
    return _ranges(shown, "variance of later spend that is explained (%)", text)


def acid(tested: pd.DataFrame) -> Drawn:
    """Draw how often the story of a persona picks its own customer.

    Parameters
    ----------
    tested : DataFrame
        ``acid_test`` of :class:`segwork.personas.PersonaBook`.
    """
    shown = tested.set_index("segment")[["own_share", "low", "high", "passed"]].astype(float) * 100
    shown["kind"] = np.where(shown["passed"] > 0, "passed", "failed")
    text = "Pairs in which the story is nearer to the own customer, with simultaneous intervals"
    return _ranges(shown.assign(value=shown["own_share"]), "pairs (%)", text, chance=50)


def _ranges(table: pd.DataFrame, label: str, text: str, *, chance: float | None = None) -> Drawn:
    """Draw a point and its interval a row; the kind decides colour and mark."""
    import matplotlib.pyplot as plt

    rows = np.arange(len(table))
    with house_style():
        figure, axes = plt.subplots(figsize=(8.0, 0.45 * len(table) + 1.5))
        for number, kind in enumerate(dict.fromkeys(table["kind"])):
            mine = (table["kind"] == kind).to_numpy()
            some = table[mine]
            wings = [(some["value"] - some["low"]).clip(0), (some["high"] - some["value"]).clip(0)]
            look = {"fmt": "os^"[number % 3], "color": COLOURS[(0, 5)[number % 2]]}
            axes.errorbar(some["value"], rows[mine], xerr=wings, label=kind, **look)
        if chance is not None:
            axes.axvline(chance, color="#333333", ls="--", lw=1)
        axes.set_yticks(rows, table.index)
        axes.invert_yaxis()
        axes.set_xlabel(label)
        axes.legend(fontsize=8)
    told = "; ".join(
        f"{name}: {row['value']:.0f} % ({row['low']:.0f} to {row['high']:.0f}), {row['kind']}"
        for name, row in table.iterrows()
    )
    return figure, f"{text}. {told}."
