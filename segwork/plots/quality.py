"""Figures of the data health page."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd

from segwork import quality
from segwork.disclosure import SMALLEST_GROUP
from segwork.plots.style import COLOURS, SEQUENTIAL, Drawn, house_style
from segwork.quality import Audit

STATUS_COLOURS = {"": "#FFFFFF", "passed": "#009E73", "inconclusive": "#999999"}
STATUS_COLOURS |= {"warned": "#E69F00", "failed": "#D55E00"}
MOST_FIELDS = 25  # of the map of missing values
CELLS = 30  # on each axis of the map of sessions
WEEKDAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")


def details(audit: Audit, *, months: int) -> Iterator[Drawn]:
    """Draw what stands behind the sentences: missing values, days, sessions, converted amounts."""
    gaps = quality.missing_map(audit, periods=months)
    if len(gaps):
        yield missingness(gaps[:MOST_FIELDS])
    for name, daily in quality.calendars(audit).items():
        yield calendar(daily, unit=f"rows of {name}")
    if len(visits := quality.sessions(audit)):
        yield robots(visits)
    if len(converted := quality.rates(audit)):
        yield currencies(converted)


def health(table: pd.DataFrame) -> Drawn:
    """Draw the worst status by table (rows) and control point (columns), in words and colour."""
    import matplotlib.pyplot as plt
    from matplotlib.colors import ListedColormap

    names = list(STATUS_COLOURS)
    codes = table.map(names.index).to_numpy()
    with house_style():
        figure, axes = plt.subplots(figsize=(9, 0.36 * len(table) + 0.9))
        colours = {"cmap": ListedColormap(STATUS_COLOURS.values()), "vmin": -0.5, "vmax": 4.5}
        axes.pcolormesh(codes, **colours, edgecolors="white", linewidth=3)
        for i, j in np.ndindex(codes.shape):
            if table.iloc[i, j]:
                dark = table.iloc[i, j] in ("failed", "passed")
                look = {"ha": "center", "va": "center", "color": "white" if dark else "black"}
                axes.text(j + 0.5, i + 0.5, table.iloc[i, j], **look)
        axes.set_xticks(np.arange(codes.shape[1]) + 0.5, table.columns)
        axes.set_yticks(np.arange(codes.shape[0]) + 0.5, table.index)
        axes.xaxis.tick_top()
        axes.tick_params(length=0)
        axes.invert_yaxis()
        axes.grid(visible=False)
    words = "; ".join(
        f"{name}: " + ", ".join(f"{c} {v}" for c, v in row.items() if v)
        for name, row in table.iterrows()
    )
    return figure, f"Worst answer by table and control point. {words}."


def missingness(table: pd.DataFrame) -> Drawn:
    """Draw the share of missing values by field (rows) and month (columns)."""
    import matplotlib.pyplot as plt
    import seaborn as sns

    with house_style():
        figure, axes = plt.subplots(figsize=(9, 0.42 * len(table) + 1.6))
        sns.heatmap(
            100 * table,
            cmap=SEQUENTIAL,
            vmin=0,
            ax=axes,
            linewidths=0.5,
            cbar_kws={"label": "missing (%)"},
            annot=table.shape[1] <= 14,
            fmt=".0f",
        )
        axes.set(xlabel="month", ylabel="")
        axes.tick_params(axis="x", rotation=45)
    top = table.mean(axis=1).sort_values(ascending=False)
    words = ", ".join(f"{name} {100 * share:.1f} %" for name, share in top.head(5).items())
    return figure, f"Share of missing values by field and month; on average {words}."


def calendar(daily: pd.Series, *, unit: str) -> Drawn:
    """Draw rows by day as a calendar: weeks across, weekdays down; empty days stand out.

    Parameters
    ----------
    daily : Series
        Rows by day, every day of the span.
    unit : str
        What is counted, for the legend.
    """
    import matplotlib.pyplot as plt
    from matplotlib.colors import LogNorm

    daily = daily.iloc[-371:]
    first = daily.index[0] - pd.Timedelta(days=int(daily.index[0].day_of_week))
    week = ((daily.index - first).days // 7).to_numpy()
    grid = np.full((7, int(week.max()) + 1), np.nan)
    grid[daily.index.day_of_week, week] = daily.to_numpy()
    empty = grid == 0
    with house_style():
        figure, axes = plt.subplots(figsize=(10, 2.7))
        shown = np.where(grid > 0, grid, np.nan)
        mesh = axes.pcolormesh(
            shown,
            cmap=SEQUENTIAL,
            edgecolors="white",
            linewidth=0.8,
            norm=LogNorm(max(1, np.nanmin(shown)), np.nanmax(shown)),
        )
        rows, columns = np.nonzero(empty)
        cross = {"color": COLOURS[5], "markersize": 5, "label": "day without a row"}
        axes.plot(columns + 0.5, rows + 0.5, "x", **cross)
        starts = [d for d in daily.index if d.day == 1]
        weeks = [(d - first).days // 7 + 0.5 for d in starts]
        axes.set_xticks(weeks, [f"{d:%b %Y}" for d in starts], rotation=45, ha="right")
        axes.set_yticks(np.arange(7) + 0.5, WEEKDAYS)
        axes.invert_yaxis()
        axes.grid(visible=False)
        bar = figure.colorbar(mesh, ax=axes, label=unit)
        bar.ax.yaxis.set_minor_formatter("")
        bar.ax.yaxis.set_major_formatter("{x:,.0f}")
        if empty.any():
            axes.legend(loc="lower left", bbox_to_anchor=(0, 1.0), frameon=False)
    words = f"median {daily.median():,.0f}, highest {daily.max():,.0f} on {daily.idxmax():%Y-%m-%d}"
    return figure, f"{unit} by day: {words}; {int(empty.sum())} days without a row."


def robots(table: pd.DataFrame) -> Drawn:
    """Draw sessions by number of hits and mean seconds between hits; robots stand out.

    Sessions of people are counts in shaded cells, fewer than five are not shown.

    Parameters
    ----------
    table : DataFrame
        ``hits``, ``seconds_between``, ``verdict``.
    """
    import matplotlib.pyplot as plt

    with house_style():
        figure, axes = plt.subplots(figsize=(7.5, 3.6))
        people = table[table["verdict"] == "person"]
        pace = people["seconds_between"].clip(lower=0.3)
        hits = np.geomspace(1.9, max(people["hits"].max(), 3) + 1, CELLS)
        edges = [hits, np.geomspace(0.29, max(pace.max(), 1.0) + 1, CELLS)]
        counts = np.histogram2d(people["hits"], pace, bins=edges)[0]
        counts[counts < SMALLEST_GROUP] = np.nan
        mesh = axes.pcolormesh(*edges, counts.T, cmap="Greys", vmin=0)
        figure.colorbar(mesh, ax=axes, label="sessions of people")
        for number, (verdict, part) in enumerate(table.groupby("verdict")):
            if verdict != "person":
                axes.plot(
                    part["hits"],
                    part["seconds_between"].clip(lower=0.3),
                    "^o"[number % 2],
                    color=COLOURS[(5, 0)[number % 2]],
                    markersize=6,
                    label=verdict,
                )
        axes.set(xscale="log", yscale="log")
        axes.set(xlabel="hits in a session", ylabel="mean seconds between hits")
        if axes.get_legend_handles_labels()[1]:
            axes.legend()
    counts = table["verdict"].value_counts()
    words = ", ".join(f"{n:,} {verdict}" for verdict, n in counts.items())
    return figure, f"Sessions by hits and pace: {words}."


def currencies(table: pd.DataFrame) -> Drawn:
    """Draw by month and currency how many foreign lines are not at the dated rate.

    Parameters
    ----------
    table : DataFrame
        ``month``, ``currency``, ``lines``, ``off`` and ``kept`` (shares), as
        :func:`segwork.quality.rates` gives them.
    """
    import matplotlib.pyplot as plt

    names, months = sorted(table["currency"].unique()), sorted(table["month"].unique())
    with house_style():
        figure, axes = plt.subplots(figsize=(9, 3.4))
        for number, name in enumerate(names):
            part = table[table["currency"] == name].set_index("month").reindex(months)
            style = {"color": COLOURS[number], "marker": "os^D"[number % 4], "markersize": 5}
            axes.plot(range(len(months)), 100 * part["off"], **style, label=name)
        step = max(1, len(months) // 12)
        axes.set_xticks(range(0, len(months), step), months[::step], rotation=45, ha="right")
        axes.set_ylim(bottom=0)
        axes.set_ylabel("lines not at the dated rate (%)")
        axes.legend(title="currency", loc="upper left", bbox_to_anchor=(1.0, 1.0))
    sums = table.assign(**{n: table[n] * table["lines"] for n in ("off", "kept")})
    sums = sums.groupby("currency")[["lines", "off", "kept"]].sum()
    words = "; ".join(
        f"{row.Index}: {row.off:,.0f} of {row.lines:,} lines, {row.kept:,.0f} left as they were"
        for row in sums.itertuples()
    )
    return figure, f"Foreign amounts not at the dated rate, by month. {words}."
