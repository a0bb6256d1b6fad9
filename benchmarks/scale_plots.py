"""What work on order lines costs, by their number."""

from __future__ import annotations

from typing import Any


def cost_by_size(costs: Any) -> tuple[Any, str]:
    """Draw seconds and peak memory against the number of lines, a line a kind of work.

    Parameters
    ----------
    costs : pandas.DataFrame
        lines, work, seconds, peak_gib.

    Returns
    -------
    (Figure, str)
        The figure and its text alternative.
    """
    import matplotlib.pyplot as plt

    from segwork.plots.style import house_style

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
