"""Figures about privacy."""

from __future__ import annotations

import pandas as pd

from segwork.plots.models import interval_lines
from segwork.plots.style import COLOURS, Drawn, house_style

EPSILONS = (0.1, 0.5, 1.0, 3.0)


def consent(counts: pd.DataFrame) -> Drawn:
    """Draw who came through the door, by table.

    Parameters
    ----------
    counts : DataFrame
        ``step``, ``customers_in``, ``kept``, ``no_consent``, ``withdrawn``, one row a step.
    """
    import matplotlib.pyplot as plt

    with house_style():
        figure, axes = plt.subplots(figsize=(8, 1.4 + 0.4 * len(counts)))
        left = pd.Series(0, index=counts.index)
        for name, colour, hatch in zip(
            ("kept", "no_consent", "withdrawn"), COLOURS[:3], ("", "//", ".."), strict=True
        ):
            width = counts[name]
            label = name.replace("_", " ")
            axes.barh(counts["step"], width, left=left, color=colour, hatch=hatch, label=label)
            left = left + width
        axes.invert_yaxis()
        axes.set_xlabel("customers")
        axes.legend(loc="upper center", bbox_to_anchor=(0.4, 1.3), ncols=3, frameon=False)
    described = "; ".join(
        f"{r.step}: {r.kept:,} of {r.customers_in:,} kept, {r.no_consent:,} without consent,"
        f" {r.withdrawn:,} withdrew"
        for r in counts.itertuples()
    )
    return figure, f"Customers who came through the door, by table. {described}."


def singled_out(table: pd.DataFrame) -> Drawn:
    """Draw the share of customers whom so many known points single out.

    Parameters
    ----------
    table : DataFrame
        ``points``, ``share``, ``low``, ``high``, as :func:`segwork.privacy.unicity` gives them.
    """
    import matplotlib.pyplot as plt

    shares = 100 * table.set_index("points")[["share", "low", "high"]]
    wings = [shares["share"] - shares["low"], shares["high"] - shares["share"]]
    with house_style():
        figure, axes = plt.subplots(figsize=(6.5, 3.6))
        axes.errorbar(shares.index, shares["share"], yerr=wings, fmt="o-", capsize=3)
        axes.set_xticks(shares.index)
        axes.set_ylim(-3, 103)
        axes.set_xlabel("known points (product and day)")
        axes.set_ylabel("customers singled out (%)")
    described = ", ".join(f"{p} known: {s:.1f} %" for p, s in shares["share"].items())
    return figure, f"Share of customers singled out by the points known of them. {described}."


def attacks(table: pd.DataFrame) -> Drawn:
    """Draw how often each attack succeeds, beside guessing.

    Parameters
    ----------
    table : DataFrame
        Rows as :mod:`segwork.privacy.attacks` gives them.
    """
    shares = table.assign(
        value=100 * table["share"], low=100 * table["low"], high=100 * table["high"]
    )
    names = [f"{row.attack}\n({row.knows})" for row in table.itertuples()]
    with interval_lines(names, {"attack": shares}) as (figure, axes):
        figure.set_figheight(1.4 + 0.62 * len(names))
        places = range(len(names))
        axes.plot(100 * table["guessing"], places, "|", color=COLOURS[5], ms=16, label="guessing")
        axes.set_xlim(-3, 103)
        axes.set_xlabel("attempts that succeed (%), with 95 % interval")
    described = "; ".join(
        f"{row.attack} knowing {row.knows}: {100 * row.share:.1f} %, guessing"
        f" {100 * row.guessing:.1f} %"
        for row in table.itertuples()
    )
    return figure, f"Success of attempted attacks beside guessing. {described}."


def accuracy(counts: pd.Series, means: pd.Series, *, most: float) -> Drawn:
    """Draw what a privacy budget costs: the error of released numbers by ε.

    Parameters
    ----------
    counts, means : Series
        Released number of customers and mean of each group; half of ε went to each.
    most : float
        Upper bound of what the mean is of.
    """
    import matplotlib.pyplot as plt

    from segwork.privacy import half_width

    n, rows = counts.clip(lower=1), []
    for epsilon in EPSILONS:
        rows.append((epsilon, "count", (half_width(epsilon=epsilon / 2) / n).median()))
        error = half_width(epsilon=epsilon / 4) * most / n  # a mean halves its part again
        rows.append((epsilon, "mean", (error / means.clip(lower=1e-9 * most)).median()))
    table = pd.DataFrame(rows, columns=["epsilon", "statistic", "error"])
    with house_style():
        figure, axes = plt.subplots(figsize=(6.5, 3.6))
        for number, (name, rows) in enumerate(table.groupby("statistic", sort=False)):
            style = "osD^"[number % 4] + "-"
            axes.plot(rows["epsilon"], 100 * rows["error"], style, label=name)
        axes.set_xscale("log")
        axes.set_yscale("log")
        ticks = sorted(table["epsilon"].unique())
        axes.set_xticks(ticks, [f"{tick:g}" for tick in ticks])
        axes.minorticks_off()
        axes.set_xlabel("privacy loss ε (smaller protects more)")
        axes.set_ylabel("error of a group's number (% of it)")
        axes.legend(frameon=False)
    described = "; ".join(
        f"{r.statistic} at ε {r.epsilon:g}: {100 * r.error:.2g} %" for r in table.itertuples()
    )
    return figure, f"Error of released numbers by privacy loss, median over groups. {described}."
