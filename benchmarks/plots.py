"""Figures of the benchmarks: what is found of planted faults, and what it costs."""

from __future__ import annotations

import numpy as np
import pandas as pd

from segwork.plots.models import Drawn, interval_lines
from segwork.plots.style import COLOURS, house_style


def detection(table: pd.DataFrame, *, label: str) -> Drawn:
    """Draw the share of planted faults found, by kind and strength, with 95 % intervals.

    Parameters
    ----------
    table : DataFrame
        kind, strength, found, low, high (shares).
    label : str
        What counts as found.
    """
    kinds = list(dict.fromkeys(table["kind"]))
    parts = table.rename(columns={"found": "value"}).groupby("strength", sort=False)
    series = {strength: part.set_index("kind").reindex(kinds) for strength, part in parts}
    with interval_lines(kinds, series) as (figure, axes):
        axes.set(xlim=(-0.02, 1.02), xlabel=label)
    means = table.groupby("strength", sort=False)["found"].mean()
    told = ", ".join(f"{strength} {mean:.0%}" for strength, mean in means.items())
    return figure, f"{label.capitalize()}: mean by strength {told}."


def losses(table: pd.DataFrame) -> Drawn:
    """Draw the privacy loss that an audit saw beside what was promised.

    Parameters
    ----------
    table : DataFrame
        ``mechanism``, ``promised``, ``observed``, ``low`` (lower bound), one row a mechanism.
    """
    rows = table.assign(value=table["observed"], high=table["observed"])
    with interval_lines(list(table["mechanism"]), {"seen, down to its lower bound": rows}) as (
        figure,
        axes,
    ):
        places = range(len(table))
        axes.plot(table["promised"], places, "|", color=COLOURS[5], ms=18, label="promised")
        axes.set_xlabel("privacy loss ε")
    described = "; ".join(
        f"{r.mechanism}: promised {r.promised:g}, seen {r.observed:.2f}, at least {r.low:.2f}"
        for r in table.itertuples()
    )
    return figure, f"Privacy loss seen by the audit beside the promised one. {described}."


def power(cells: pd.DataFrame) -> Drawn:
    """Draw the power of the network beside that of the scan.

    Parameters
    ----------
    cells : DataFrame
        ``world``, ``network``, ``scan``: shares of changed customers found at the 5 % level.
    """
    import matplotlib.pyplot as plt

    with house_style():
        figure, axes = plt.subplots(figsize=(7.5, 0.5 * len(cells) + 1.4))
        rows = np.arange(len(cells))
        for shift, name, marker in ((-0.1, "network", "o"), (0.1, "scan", "s")):
            axes.plot(100 * cells[name], rows + shift, marker, label=name, ms=8)
        axes.set_yticks(rows, cells["world"])
        axes.invert_yaxis()
        axes.set_xlim(0, 103)
        axes.set_xlabel("changed customers found at 5 % false alarms (%)")
        axes.legend()
    told = "; ".join(
        f"{r.world}: {100 * r.network:.0f} % against {100 * r.scan:.0f} %"
        for r in cells.itertuples()
    )
    return figure, f"Power of the network against that of the calibrated scan. {told}."


def cost_by_size(costs: pd.DataFrame) -> Drawn:
    """Draw seconds and peak memory against the number of lines, a line a kind of work.

    Parameters
    ----------
    costs : pandas.DataFrame
        lines, work, seconds, peak_gib.
    """
    import matplotlib.pyplot as plt

    with house_style():
        figure, (left, right) = plt.subplots(1, 2, figsize=(9, 3.6))
        for mark, (work, rows) in zip("osD^", costs.groupby("work", sort=False), strict=False):
            left.plot(rows["lines"] / 1e6, rows["seconds"], marker=mark, label=work)
            right.plot(rows["lines"] / 1e6, rows["peak_gib"], marker=mark, label=work)
        for axes, label in ((left, "seconds"), (right, "peak memory (GiB)")):
            axes.set(xlabel="order lines (millions)", ylabel=label, xscale="log", yscale="log")
        left.legend(frameon=False)
    told = "; ".join(
        f"{row.work}, {row.lines / 1e6:g} million: {row.seconds:.1f} s, {row.peak_gib:.1f} GiB"
        for row in costs.itertuples()
    )
    return figure, f"Two line charts on logarithmic axes, time and memory by order lines: {told}."
