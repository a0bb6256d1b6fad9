"""Figures about segments: one function each, all return the figure and its text alternative."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from segwork.plots.style import COLOURS, DIVERGING, SEQUENTIAL, Drawn, house_style
from segwork.results import display

if TYPE_CHECKING:
    from segwork.clustering import Comparison

FEWEST = 5  # customers in a cell that is shown
CELLS = 14


def quality(comparison: Comparison) -> Drawn:
    """Draw the predicted quality of every method and of the clusterless copies."""
    import matplotlib.pyplot as plt

    table = comparison.scoreboard.dropna(subset="predicted_quality")[::-1]
    null = comparison.clusterability.null
    with house_style():
        figure, axis = plt.subplots(figsize=(7.5, 0.42 * len(table) + 1.2))
        if null:
            axis.axvspan(
                min(null), max(null), color=COLOURS[6], alpha=0.3, label="clusterless copies"
            )
        colours = [COLOURS[1 if m == comparison.recommended else 0] for m in table.index]
        bars = axis.barh(table.index, table["predicted_quality"], color=colours, height=0.6)
        axis.bar_label(bars, fmt="%.2f", padding=3)
        axis.set(
            xlim=(0, 1), xlabel="predicted agreement with a true grouping (adjusted Rand index)"
        )
        axis.set_title("How good each method's best labelling is expected to be")
        if null:
            axis.legend(loc="lower right")
    best = table.index[-1]
    band = f", clusterless copies reach {min(null):.2f} to {max(null):.2f}" if null else ""
    return figure, (
        f"Bars of predicted quality for {len(table)} methods: {best} is highest at"
        f" {table['predicted_quality'].iloc[-1]:.2f}{band}."
    )


def sizes(profile: pd.DataFrame, *, currency: str = "") -> Drawn:
    """Draw each segment's share of customers beside its share of spend.

    Parameters
    ----------
    profile : DataFrame
        Index ``segment``; columns ``customers`` and ``spend`` (sums).
    """
    import matplotlib.pyplot as plt

    shares = profile[["customers", "spend"]] / profile[["customers", "spend"]].sum()
    shares = shares[::-1]
    with house_style():
        figure, axis = plt.subplots(figsize=(7.5, 0.62 * len(shares) + 1.3))
        shares.plot.barh(ax=axis, color=[COLOURS[4], COLOURS[0]], width=0.75)
        for bars in axis.containers:
            labels = [display(float(v), "share") for v in bars.datavalues]
            axis.bar_label(bars, labels=labels, padding=3)
        money = f"spend ({currency})" if currency else "spend"
        axis.legend(["customers", money], fontsize=8, loc="lower right")
        axis.set(xlabel="share of all (0 to 1)", ylabel="segment", xlim=(0, 1))
        axis.set_title("How large each segment is, and what it brings")
    top = shares["spend"].idxmax()
    return figure, (
        f"Bars of {len(shares)} segments: {top} brings most, {shares['spend'].max():.0%} of spend"
        f" from {shares.loc[top, 'customers']:.0%} of customers."
    )


def movement(moves: pd.DataFrame, *, days: int) -> Drawn:
    """Draw each segment's share of customers then and now, and who has been silent since.

    Parameters
    ----------
    moves : DataFrame
        As :func:`segwork.clustering.movement` returns it.
    days : int
        Days between the two cuts.
    """
    import matplotlib.pyplot as plt

    shown = moves[::-1]
    place = np.arange(len(shown))
    with house_style():
        figure, axis = plt.subplots(figsize=(7.5, 0.62 * len(shown) + 1.3))
        for shift, name, colour, label in (
            (0.19, "share_before", COLOURS[4], f"{days} days before"),
            (-0.19, "share_now", COLOURS[0], "now"),
        ):
            axis.barh(place + shift, 100 * shown[name], 0.36, color=colour, label=label)
        for at, row in zip(place, shown.itertuples(), strict=True):
            silent = f"{row.change * 100:+.1f} points; {display(row.silent, 'share')} silent"
            beside = {"xytext": (5, 0), "textcoords": "offset points", "va": "center"}
            axis.annotate(silent, (100 * max(row.share_before, row.share_now), at), **beside)
        axis.set_yticks(place, shown.index)
        axis.set(xlabel="share of customers (%)", ylabel="segment")
        axis.margins(x=0.4)
        axis.grid(visible=False, axis="y")
        axis.legend(fontsize=8, loc="lower right")
        axis.set_title(f"How the segments moved in {days} days")
    told = "; ".join(f"{row.Index}: {row.trend}" for row in moves.itertuples())
    return figure, f"Share of customers by segment, {days} days before and now. {told}."


def maps(comparison: Comparison, frame: pd.DataFrame, segments: pd.Series) -> Drawn:
    """Draw where the customers of each segment lie, as shaded counts; few are not shown.

    Everybody is mapped, also who has one order only. Cells with fewer than ``FEWEST`` customers
    stay empty: no point of the map is a person.

    Parameters
    ----------
    comparison : Comparison
        Whose scaling is used.
    frame : DataFrame
        The columns that were compared, one row a customer.
    segments : Series
        By customer.
    """
    import matplotlib.pyplot as plt
    from sklearn.decomposition import PCA

    names = segments.reindex(frame.index)
    order = sorted(names.dropna().unique())
    place = PCA(2, svd_solver="full").fit_transform(comparison.scaling.transform(frame))
    edges = [np.linspace(*np.quantile(column, [0.005, 0.995]), CELLS + 1) for column in place.T]
    columns = min(len(order), 4)
    rows = -(-len(order) // columns)
    shape = {"figsize": (2.6 * columns, 2.4 * rows + 0.6), "sharex": True, "sharey": True}
    shown = {}
    with house_style():
        figure, axes = plt.subplots(rows, columns, squeeze=False, **shape)
        for axis in axes.flat[len(order) :]:
            axis.set_visible(False)
        for axis, name in zip(axes.flat, order, strict=False):
            inside = (names == name).to_numpy()
            counts = np.histogram2d(*place[inside].T, bins=edges)[0]
            counts[counts < FEWEST] = np.nan
            axis.pcolormesh(*edges, counts.T, cmap=SEQUENTIAL, vmin=0)
            axis.set_title(str(name), fontsize=10)
            shown[name] = np.nansum(counts) / max(inside.sum(), 1)
        figure.supxlabel("component 1 (no unit)", fontsize=9)
        figure.supylabel("component 2 (no unit)", fontsize=9)
        figure.suptitle(f"Where each segment lies (cells of {FEWEST} customers or more)")
    return figure, (
        f"Shaded maps of {len(order)} segments in the two leading components of the columns;"
        f" {np.mean(list(shown.values())):.0%} of a segment's customers lie in cells shown."
    )


def distributions(frame: pd.DataFrame, segments: pd.Series, columns: Sequence[str]) -> Drawn:
    """Draw quartiles and tenths of a few columns by segment, on logarithmic axes where needed."""
    import matplotlib.pyplot as plt

    names = segments.reindex(frame.index).to_numpy()
    order = sorted(set(names[pd.notna(names)]))
    with house_style():
        size = (3.2 * len(columns), 0.45 * len(order) + 1.5)
        figure, axes = plt.subplots(1, len(columns), figsize=size, sharey=True, squeeze=False)
        for axis, column in zip(axes[0], columns, strict=True):
            for at, name in enumerate(order):
                values = frame[column].to_numpy(float)[names == name]
                if np.isfinite(values).sum() < FEWEST:
                    continue
                cuts = np.nanquantile(values, [0.1, 0.25, 0.5, 0.75, 0.9])
                axis.plot(cuts[[0, 4]], [at, at], color=COLOURS[6], linewidth=2)
                axis.plot(cuts[[1, 3]], [at, at], color=COLOURS[0], linewidth=7)
                axis.plot(cuts[2], at, marker="|", color="white", markersize=9)
            if frame[column].min() >= 0 and frame[column].max() > 100:
                axis.set_xscale("symlog", linthresh=1)
            axis.set(xlabel=column.replace("_", " "), yticks=range(len(order)), yticklabels=order)
        axes[0][0].invert_yaxis()
        figure.suptitle("Tenths, quarters and median of each segment")
    return figure, (
        f"Ranges of {', '.join(columns)} for {len(order)} segments: thin lines hold eight in ten"
        " customers, thick ones half of them, the gap is the median."
    )


def profiles(contrasts: pd.DataFrame) -> Drawn:
    """Draw the heat map of mean ranks: one row per segment, one column per feature."""
    import matplotlib.pyplot as plt
    import seaborn as sns

    with house_style():
        figure, axis = plt.subplots(figsize=(9, 0.5 * len(contrasts) + 2.0))
        sns.heatmap(
            contrasts.round(1) + 0.0,  # no cell says -0.0
            cmap=DIVERGING,
            vmin=-1,
            vmax=1,
            annot=True,
            fmt=".1f",
            ax=axis,
            cbar_kws={"label": "mean rank, −1 lowest to 1 highest"},
            linewidths=0.5,
        )
        axis.set(xlabel="", ylabel="segment")
        axis.tick_params(axis="x", rotation=35)
        axis.set_title("How each segment differs from all customers")
    flat = contrasts.melt(ignore_index=False)
    low, high = (
        (row.name, row["variable"])
        for row in (flat.iloc[flat["value"].argmin()], flat.iloc[flat["value"].argmax()])
    )
    return figure, (
        f"Heat map of {len(contrasts)} segments and {contrasts.shape[1]} features. Highest:"
        f" {high[1]} in {high[0]}; lowest: {low[1]} in {low[0]}."
    )


def stability(scoreboard: pd.DataFrame) -> Drawn:
    """Draw each method's bootstrap Jaccard beside the same on a clusterless copy."""
    import matplotlib.pyplot as plt

    table = scoreboard[scoreboard["jaccard"].notna()][::-1]
    with house_style():
        figure, axis = plt.subplots(figsize=(7.5, 0.42 * len(table) + 1.4))
        axis.hlines(table.index, table["jaccard_null"], table["jaccard"], color="#bbbbbb", zorder=1)
        axis.scatter(table["jaccard"], table.index, color=COLOURS[0], label="this table", zorder=3)
        copy = {"color": COLOURS[6], "marker": "D", "s": 60, "label": "clusterless copy"}
        axis.scatter(table["jaccard_null"], table.index, **copy)
        axis.axvline(0.75, color="#888888", linestyle=":", label="0.75, the usual bar")
        axis.set(xlim=(0, 1.02), xlabel="mean bootstrap Jaccard of the clusters (0 to 1)")
        axis.set_title("Stable is not the same as real: compare with the clusterless copy")
        axis.legend(fontsize=8, loc="lower left")
    above = int((table["jaccard"] > table["jaccard_null"]).sum())
    return figure, (
        f"Bootstrap Jaccard of {len(table)} methods beside a clusterless copy's: {above} above it."
    )
