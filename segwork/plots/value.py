"""Figures about what customers and segments are worth."""

from __future__ import annotations

import numpy as np
import pandas as pd

from segwork.plots.style import COLOURS, Drawn, house_style

POINTS = 400  # points of a curve, at most


def whale(curve: pd.DataFrame, *, answer: str = "profit") -> Drawn:
    """Draw how the total builds up from the best customers to the worst.

    Parameters
    ----------
    curve : DataFrame
        ``share_customers, share_profit, later`` as :class:`segwork.value.Profit` holds them.
    answer : str
        What is added up.
    """
    import matplotlib.pyplot as plt

    rows = np.unique(np.linspace(0, len(curve) - 1, POINTS).round().astype(int))
    some = 100 * curve.iloc[np.union1d(rows, [curve["share_profit"].fillna(0).argmax()])]
    with house_style():
        figure, axes = plt.subplots(figsize=(7.0, 4.0))
        axes.axhline(100, color="#333333", lw=1, ls="--")
        axes.plot(some["share_customers"], some["share_profit"], color=COLOURS[0], lw=2)
        axes.plot(some["share_customers"], some["later"], color=COLOURS[1], lw=2, ls="-.")
        names = ["the total", "sorted by the same window", "second half, sorted by the first"]
        axes.legend(axes.get_lines(), names, fontsize=8, loc="lower right")
        axes.set_xlabel("customers, best first (%)")
        axes.set_ylabel(f"share of the total {answer} (%)")
    peak = some.loc[some["share_profit"].idxmax()] if some["share_profit"].notna().any() else None
    if peak is None:
        return figure, f"Whale curve of {answer}: not drawn, since the total is not positive."
    return figure, (
        f"Whale curve: the best {peak['share_customers']:.0f} % of customers bring"
        f" {peak['share_profit']:.1f} % of the total {answer}, the others take the rest away; in"
        f" the second half, sorted by the first, the top is {some['later'].max():.1f} %."
    )


def by_segment(
    segments: pd.DataFrame, *, answer: str, currency: str = "", by: str = "segment"
) -> Drawn:
    """Draw what each segment brings a customer, with its interval.

    Parameters
    ----------
    segments : DataFrame
        ``by_segment`` of :class:`segwork.value.Profit`.
    answer : str
        The column that ``low`` and ``high`` belong to.
    currency : str
    by : str, default "segment"
        What the rows are, for the title.
    """
    import matplotlib.pyplot as plt

    each = segments[[answer, "low", "high"]].div(segments["customers"], axis=0)
    wings = [each[answer] - each["low"], each["high"] - each[answer]]
    with house_style():
        figure, axes = plt.subplots(figsize=(8.0, 0.45 * len(each) + 1.3))
        rows = np.arange(len(each))
        colours = np.where(each["high"] < 0, COLOURS[5], COLOURS[0])
        axes.barh(rows, each[answer], color=colours, height=0.6)
        axes.errorbar(
            each[answer],
            rows,
            xerr=np.nan_to_num(np.maximum(wings, 0)),
            fmt="none",
            ecolor="#333333",
        )
        axes.axvline(0, color="#333333", lw=1)
        axes.set_yticks(rows, each.index)
        axes.invert_yaxis()
        axes.set_xlabel(f"{answer} a customer" + (f" ({currency})" if currency else ""))
        axes.xaxis.set_major_formatter("{x:,.0f}")
        axes.locator_params(axis="x", nbins=6)
    told = "; ".join(
        f"{name}: {row[answer]:,.0f} ({row['low']:,.0f} to {row['high']:,.0f})"
        for name, row in each.iterrows()
    )
    return figure, f"{answer.capitalize()} a customer by {by} with 95 % intervals. {told}."


def expected_actual(groups: pd.DataFrame) -> Drawn:
    """Draw expected against actual orders by earlier repeat orders, with a naive expectation.

    Parameters
    ----------
    groups : DataFrame
        ``by_frequency`` of :class:`segwork.value.Expected`.
    """
    import matplotlib.pyplot as plt

    place = np.arange(len(groups))
    lines = {"actual": ("o-", 0), "expected": ("s--", 1), "own_rate": ("^:", 5)}
    with house_style():
        figure, axes = plt.subplots(figsize=(7.0, 3.8))
        for name, (style, colour) in lines.items():
            label = {"own_rate": "own rate goes on"}.get(name, name)
            axes.plot(place, groups[name], style, color=COLOURS[colour], label=label)
        axes.set_xticks(place, groups["repeat_orders"])
        axes.set_xlabel("repeat orders before the test period")
        axes.set_ylabel("orders a customer in it")
        axes.legend()
    told = "; ".join(
        f"{row.repeat_orders}: {row.actual:.2f} actual, {row.expected:.2f} expected"
        for row in groups.itertuples()
    )
    return figure, f"Orders in a later period by earlier repeat orders. {told}."
