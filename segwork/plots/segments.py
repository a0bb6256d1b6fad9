"""Figures about segments: one function each, all return the figure and its text alternative."""

from __future__ import annotations

from typing import Any

import pandas as pd

from segwork.plots.style import COLOURS, DIVERGING, house_style

Drawn = tuple[Any, str]


def quality(comparison: Any) -> Drawn:
    """Draw the predicted quality of every method and of the clusterless copies."""
    import matplotlib.pyplot as plt

    table = comparison.scoreboard[::-1]
    null = comparison.conviction.null
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


def maps(comparison: Any, segments: pd.Series) -> Drawn:
    """Draw the rows in two components of the columns and of the autoencoder's code."""
    import matplotlib.pyplot as plt

    flat = comparison.maps
    names = segments.reindex(flat.index)
    order = sorted(names.dropna().unique())
    kinds = [kind for kind in ("pca", "code") if f"{kind}_1" in flat.columns]
    titles = {"pca": "Leading components of the columns", "code": "Leading components of the code"}
    with house_style():
        figure, axes = plt.subplots(1, len(kinds), figsize=(5.2 * len(kinds), 4.4), squeeze=False)
        for axis, kind in zip(axes[0], kinds, strict=True):
            for place, name in enumerate(order):
                rows = (names == name).to_numpy()
                colour = "#444444" if name == "noise" else COLOURS[place % len(COLOURS)]
                axis.scatter(
                    flat[f"{kind}_1"][rows], flat[f"{kind}_2"][rows], s=7, color=colour,
                    marker="x" if name == "noise" else "os^D"[place // len(COLOURS) % 4],
                    linewidths=0.4, alpha=0.7, label=name,
                )  # fmt: skip
            axis.set(xlabel="component 1 (no unit)", ylabel="component 2 (no unit)")
            axis.set_title(titles[kind])
        axes[0][-1].legend(markerscale=2, fontsize=8, loc="best")
    return figure, (
        f"Maps of {len(flat)} customers in {len(kinds)} views, coloured by {len(order)} groups."
    )


def profiles(contrasts: pd.DataFrame) -> Drawn:
    """Draw the heat map of mean ranks: one row per segment, one column per feature."""
    import matplotlib.pyplot as plt
    import seaborn as sns

    with house_style():
        figure, axis = plt.subplots(figsize=(9, 0.5 * len(contrasts) + 2.0))
        sns.heatmap(
            contrasts, cmap=DIVERGING, vmin=-1, vmax=1, annot=True, fmt=".1f", ax=axis,
            cbar_kws={"label": "mean rank, −1 lowest to 1 highest"}, linewidths=0.5,
        )  # fmt: skip
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


def noise(scoreboard: pd.DataFrame) -> Drawn:
    """Draw the silhouette of every method under the three readings of noise."""
    import matplotlib.pyplot as plt

    readings = {
        "silhouette_noise_dropped": "noise dropped",
        "silhouette_noise_class": "noise as a cluster",
        "silhouette_noise_nearest": "noise given to the nearest cluster",
    }
    table = scoreboard[::-1]
    with house_style():
        figure, axis = plt.subplots(figsize=(7.5, 0.42 * len(table) + 1.4))
        values = table[list(readings)]
        axis.hlines(table.index, values.min(axis=1), values.max(axis=1), color="#bbbbbb", zorder=1)
        for (column, label), marker, colour in zip(readings.items(), "o^s", COLOURS, strict=False):
            axis.scatter(table[column], table.index, marker=marker, color=colour, label=label)
        for place, share in enumerate(table["noise"]):
            if share > 0:
                axis.annotate(
                    f"{100 * share:.0f} % noise", (values.max(axis=1).iloc[place], place),
                    xytext=(6, -3), textcoords="offset points", fontsize=8,
                )  # fmt: skip
        axis.set(xlabel="mean silhouette width (−1 to 1)")
        axis.set_title("One labelling, three silhouettes: it depends on what noise counts as")
        axis.legend(fontsize=8, loc="best")
    gap = (values.max(axis=1) - values.min(axis=1)).fillna(0)
    return figure, (
        f"Silhouettes under three readings of noise; the readings differ most for"
        f" {gap.idxmax()}, by {gap.max():.2f}."
    )


def stability(scoreboard: pd.DataFrame) -> Drawn:
    """Draw each method's bootstrap Jaccard beside the same on a clusterless copy."""
    import matplotlib.pyplot as plt

    table = scoreboard[scoreboard["jaccard"].notna()][::-1]
    with house_style():
        figure, axis = plt.subplots(figsize=(7.5, 0.42 * len(table) + 1.4))
        axis.hlines(table.index, table["jaccard_null"], table["jaccard"], color="#bbbbbb", zorder=1)
        axis.scatter(table["jaccard"], table.index, color=COLOURS[0], label="this table", zorder=3)
        axis.scatter(
            table["jaccard_null"], table.index, color=COLOURS[6], marker="D", s=60,
            label="clusterless copy",
        )  # fmt: skip
        axis.axvline(0.75, color="#888888", linestyle=":", label="0.75, the usual bar")
        axis.set(xlim=(0, 1.02), xlabel="mean bootstrap Jaccard of the clusters (0 to 1)")
        axis.set_title("Stable is not the same as real: compare with the clusterless copy")
        axis.legend(fontsize=8, loc="lower left")
    above = int((table["jaccard"] > table["jaccard_null"]).sum())
    return figure, (
        f"Bootstrap Jaccard of {len(table)} methods beside a clusterless copy's: {above} above it."
    )
