"""Figures about models: splits side by side, curves, calibration, paths, rules, power."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from segwork.plots.style import COLOURS, Drawn, house_style

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


def split_scores(scores: pd.DataFrame) -> Drawn:
    """Draw training and held-out area of each model under each split.

    Parameters
    ----------
    scores : DataFrame
        model, split, train, holdout, low, high; splits without numbers are left out.
    """
    rows = scores[scores["holdout"].notna()].reset_index(drop=True)
    names = [f"{r.model}, {r.split}" for r in rows.itertuples()]
    held = rows.rename(columns={"holdout": "value"})
    with interval_lines(names, {"held out, 95 %": held}) as (figure, axes):
        axes.plot(rows["train"], range(len(rows)), "D", color=COLOURS[1], label="training")
        axes.axvline(0.5, color=COLOURS[6], linestyle=":", label="no better than chance")
        axes.set_xlabel("area under the ROC curve")
        axes.set_title("Training promises, held-out rows decide")
    told = "; ".join(
        f"{r.model}, {r.split}: {r.holdout:.2f} held out, {r.train:.2f} in training"
        for r in rows.itertuples()
    )
    return figure, f"Area under the ROC curve by model and split. {told}."


def class_intervals(classes: pd.DataFrame) -> Drawn:
    """Draw recall, precision, F1 and PR-AUC with intervals, the rarest class first.

    Parameters
    ----------
    classes : DataFrame
        model, class, metric, value, low, high; the rarest class in the first rows.
    """
    import matplotlib.pyplot as plt

    metrics = {"recall": "recall", "precision": "precision", "f1": "F1", "pr_auc": "PR-AUC"}
    names, models = list(dict.fromkeys(classes["class"])), list(dict.fromkeys(classes["model"]))
    with house_style():
        figure, panels = plt.subplots(1, 4, figsize=(10, 1.4 + 0.5 * len(names)), sharey=True)
        for axes, (metric, title) in zip(panels, metrics.items(), strict=True):
            for m, model in enumerate(models):
                part = classes[(classes["model"] == model) & (classes["metric"] == metric)]
                part = part.set_index("class").reindex(names)
                place = np.arange(len(names)) + 0.18 * (m - (len(models) - 1) / 2)
                _intervals(axes, part, "value", place, color=COLOURS[m], label=model)
            axes.set(xlim=(0, 1), xlabel=title)
        panels[0].set_yticks(np.arange(len(names)), [str(name) for name in names])
        panels[0].invert_yaxis()
        handles, labels = panels[0].get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside lower center", ncols=4, frameon=False)
        figure.suptitle("Every class, the rarest first (95 % intervals)")
    rare = classes[(classes["class"] == names[0]) & (classes["metric"] == "recall")]
    told = ", ".join(f"{r.model} {r.value:.2f}" for r in rare.itertuples())
    return figure, f"Recall, precision, F1 and PR-AUC by class. Recall of {names[0]}: {told}."


def calibration(bins: dict[str, list[dict[str, float]]]) -> Drawn:
    """Draw observed against predicted shares in ten equally filled bins for each model."""
    import matplotlib.pyplot as plt

    with house_style():
        figure, axes = plt.subplots(figsize=(5.2, 4.6))
        axes.plot([0, 1], [0, 1], color=COLOURS[6], linestyle=":", label="perfect")
        for colour, (model, rows) in zip(COLOURS, bins.items(), strict=False):
            table = pd.DataFrame(rows)
            wings = [table["rate"] - table["low"], table["high"] - table["rate"]]
            axes.errorbar(
                table["p"],
                table["rate"],
                yerr=np.maximum(wings, 0),
                fmt="o-",
                ms=4,
                color=colour,
                label=model,
            )
        axes.set(xlim=(0, 1), ylim=(0, 1), xlabel="predicted share", ylabel="observed share")
        axes.set_title("Do the promised shares come true?")
        axes.legend(frameon=False)
    told = "; ".join(
        f"{model}: mean distance {np.mean([abs(r['p'] - r['rate']) for r in rows]):.3f}"
        for model, rows in bins.items()
    )
    return figure, f"Observed against predicted share in ten bins. {told} (chance included)."


def curves(tables: dict[str, pd.DataFrame], *, x: str, label: str, log: bool = False) -> Drawn:
    """Draw training and held-out area over one quantity, two panels a line.

    Parameters
    ----------
    tables : dict of title to DataFrame
        Columns ``x``, train, holdout, low, high; ``chosen`` and ``simplest`` are marked.
    x : str
        Column on the horizontal axis.
    label : str
        Its name and unit.
    """
    import matplotlib.pyplot as plt

    with house_style():
        lines = -(-len(tables) // 2)
        size = (8, 3.2 * lines)
        figure, panels = plt.subplots(lines, 2, figsize=size, sharey=True, squeeze=False)
        for axes, (title, table) in zip(panels.flat, tables.items(), strict=True):
            where = table[x].astype(float)
            axes.plot(where, table["train"], "D--", ms=4, color=COLOURS[1], label="training")
            axes.plot(where, table["holdout"], "o-", ms=4, color=COLOURS[0], label="held out")
            axes.fill_between(where, table["low"], table["high"], color=COLOURS[0], alpha=0.2)
            for mark, colour in (("chosen", COLOURS[2]), ("simplest", COLOURS[3])):
                if mark in table:
                    axes.axvline(where[table[mark]].iloc[0], color=colour, ls=":", label=mark)
            if log:
                axes.set_xscale("symlog" if (where <= 0).any() else "log")
                if (where <= 0).any():
                    axes.set_xlim(left=-0.2)
            axes.set(xlabel=label, title=title)
        for axes in panels[:, 0]:
            axes.set_ylabel("area under the ROC curve")
        panels[0][0].legend(frameon=False)
    told = "; ".join(
        f"{title}: held out {t['holdout'].iloc[0]:.2f} to {t['holdout'].iloc[-1]:.2f}"
        for title, t in tables.items()
    )
    return figure, f"Training and held-out area by {label}. {told}."


def ranking(curve: pd.DataFrame, *, base_rate: float) -> Drawn:
    """Draw ROC, precision-recall and gain curve, with the threshold in use.

    Parameters
    ----------
    curve : DataFrame
        contacted, recall, precision, false_positive_rate, chosen, from nobody to everybody.
    base_rate : float
        Share of the event among all rows.
    """
    import matplotlib.pyplot as plt

    panels_of = (
        ("ROC", "false_positive_rate", "recall", ([0, 1], [0, 1])),
        ("Precision and recall", "recall", "precision", ([0, 1], [base_rate] * 2)),
        ("Gain", "contacted", "recall", ([0, 1], [0, 1])),
    )
    names = {"false_positive_rate": "false-positive rate", "contacted": "share contacted"}
    used = curve[curve["chosen"]].iloc[0]
    with house_style():
        figure, panels = plt.subplots(1, 3, figsize=(10, 3.5))
        for axes, (title, x, y, chance) in zip(panels, panels_of, strict=True):
            axes.plot(*chance, color=COLOURS[6], linestyle=":", label="without a model")
            axes.plot(curve[x], curve[y], color=COLOURS[0], label="model")
            axes.plot(used[x], used[y], "D", color=COLOURS[1], label="threshold in use")
            axes.set(xlim=(0, 1), ylim=(0, 1.02), title=title)
            axes.set(xlabel=names.get(x, x), ylabel=names.get(y, y))
        handles, labels = panels[0].get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside lower center", ncols=3, frameon=False)
    return figure, (
        "ROC, precision-recall and gain curve on later rows. At the threshold in use"
        f" {used['contacted']:.0%} are contacted, recall is {used['recall']:.0%}, precision"
        f" {used['precision']:.0%} at a base rate of {base_rate:.0%}."
    )


def thresholds(curve: pd.DataFrame, *, everybody: float, nobody: float) -> Drawn:
    """Draw what each threshold gives and costs.

    Parameters
    ----------
    curve : DataFrame
        threshold, contacted, recall, precision, cost (a customer), chosen.
    everybody, nobody : float
        Cost a customer of contacting everybody and nobody.
    """
    import matplotlib.pyplot as plt

    used, cheapest = curve[curve["chosen"]].iloc[0], curve.loc[curve["cost"].idxmin()]
    with house_style():
        figure, (rates, costs) = plt.subplots(1, 2, figsize=(9, 3.6))
        for name, colour in zip(("recall", "precision", "contacted"), COLOURS, strict=False):
            rates.plot(curve["threshold"], curve[name], color=colour, label=name)
        rates.set(xlabel="threshold (predicted share)", ylabel="share", ylim=(0, 1.02))
        costs.plot(curve["contacted"], curve["cost"], color=COLOURS[0], label="model")
        costs.axhline(everybody, color=COLOURS[3], ls="--", label="contact everybody")
        costs.axhline(nobody, color=COLOURS[2], ls="-.", label="contact nobody")
        costs.plot(used["contacted"], used["cost"], "D", color=COLOURS[1], label="in use")
        costs.set(xlabel="share contacted", ylabel="cost a customer", ylim=(0, None))
        rates.axvline(used["threshold"], color=COLOURS[6], linestyle=":", label="in use")
        for axes in (rates, costs):
            axes.legend(frameon=False, fontsize="small")
        figure.suptitle("What each threshold gives, and what it costs")
    return figure, (
        f"Recall, precision and share contacted by threshold; cost by share contacted. In use:"
        f" threshold {used['threshold']:.2f}, cost {used['cost']:.3g} a customer; everybody"
        f" {everybody:.3g}, nobody {nobody:.3g}; cheapest on these rows {cheapest['cost']:.3g}."
    )


def confusion(event: np.ndarray, decided: np.ndarray, *, label: str) -> Drawn:
    """Draw the confusion matrix: counts, and shares of what truly happened."""
    import matplotlib.pyplot as plt
    import seaborn as sns

    rows = np.array([event, ~event])
    counts = np.array([[(row & decided).sum(), (row & ~decided).sum()] for row in rows])
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    text = np.array(
        [
            [f"{n:,}\n{share:.0%}" for n, share in zip(*pair, strict=True)]
            for pair in zip(counts, shares, strict=True)
        ]
    )
    happened, said = [label, f"not {label}"], ["contacted", "left alone"]
    with house_style():
        figure, axes = plt.subplots(figsize=(4.6, 3.4))
        style = {"cmap": "Blues", "vmin": 0, "vmax": 1, "fmt": "", "cbar": False}
        sns.heatmap(shares, annot=text, xticklabels=said, yticklabels=happened, ax=axes, **style)
        axes.set(xlabel="decision", ylabel="what happened", title="Confusion matrix")
    (hit, missed), (wrong, right) = counts
    return figure, (
        f"Confusion matrix: of {hit + missed:,} {label}, {hit:,} are contacted and {missed:,} are"
        f" missed; of {wrong + right:,} others {wrong:,} are contacted and {right:,} left alone."
    )


def importance(table: pd.DataFrame, *, most: int = 12) -> Drawn:
    """Draw the loss of area when a feature is shuffled, the largest first.

    Parameters
    ----------
    table : DataFrame
        feature, value, low, high.
    """
    shown = table.head(most)
    with interval_lines(list(shown["feature"]), {"loss": shown}) as (figure, axes):
        axes.axvline(0, color=COLOURS[6], linestyle=":")
        axes.set_xlabel("loss of area when the feature is shuffled (range of repeats)")
        axes.set_title("What the chosen model relies on")
    told = ", ".join(f"{r.feature} {r.value:.3f}" for r in shown.head(5).itertuples())
    return figure, f"Importance of {len(shown)} of {len(table)} features by shuffling: {told}."


def rules(table: pd.DataFrame, *, most: int = 12) -> Drawn:
    """Draw the lift of rules before and after the cut in time: each column's most doubtful."""
    shown = table.drop_duplicates("column").head(most)
    names = [f"{r.rule}{' (gone)' if r.gone else ''}" for r in shown.itertuples()]
    sides = {
        f"{when} the cut": shown.rename(
            columns={f"lift_{when}": "value", f"low_{when}": "low", f"high_{when}": "high"}
        )
        for when in ("before", "after")
    }
    with interval_lines(names, sides) as (figure, axes):
        axes.axvline(1, color=COLOURS[6], linestyle=":")
        axes.set_xscale("log", base=2)
        axes.xaxis.set_major_formatter(lambda lift, _: f"{lift:g}")
        axes.set_xlabel("lift of the rarest class (95 % interval)")
        axes.set_title("Does the rule still hold?")
    gone = list(shown.loc[shown["gone"], "rule"])
    return figure, (
        f"Lift of {len(shown)} rules before and after the cut in time."
        f" Gone after it: {', '.join(gone) or 'none'}."
    )


@contextmanager
def interval_lines(
    names: Sequence[str], series: Mapping[str, pd.DataFrame]
) -> Iterator[tuple[Figure, Axes]]:
    """Draw values with their intervals, a line a name, top to bottom; a legend comes at the end.

    Parameters
    ----------
    names : sequence of str
    series : mapping of label to DataFrame
        value, low, high, one row a name.
    """
    import matplotlib.pyplot as plt

    with house_style():
        figure, axes = plt.subplots(figsize=(8, 1.4 + 0.36 * len(names)))
        for k, (label, rows) in enumerate(series.items()):
            place = np.arange(len(names)) + 0.2 * (k - (len(series) - 1) / 2)
            _intervals(axes, rows, "value", place, color=COLOURS[k], label=label)
        axes.set_yticks(range(len(names)), names)
        axes.set_ylim(len(names) - 0.5, -0.5)
        yield figure, axes
        if len(axes.get_legend_handles_labels()[1]) > 1:
            figure.legend(loc="outside lower center", ncols=3, frameon=False)


def _intervals(
    axes: Axes, rows: pd.DataFrame, value: str, place: np.ndarray, **style: object
) -> None:
    """Draw a value with its interval (columns low, high) on every line."""
    wings = [rows[value] - rows["low"], rows["high"] - rows[value]]
    axes.errorbar(rows[value], place, xerr=np.maximum(wings, 0), fmt="o", ms=4, **style)
