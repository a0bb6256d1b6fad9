"""Decisions and outcomes by group: what the checks of groups look at, rates with counts."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from segwork.errors import DataError
from segwork.evidence import wilson
from segwork.fairness.findings import one_length
from segwork.labels import of_one_kind
from segwork.results import Interval

RATES = ("selection_rate", "true_positive_rate", "false_positive_rate", "false_negative_rate")
BOOTSTRAPS = 200


@dataclass(frozen=True)
class GroupDecisions:
    """One row per person.

    Attributes
    ----------
    truth, predicted : ndarray of 0/1, shape (n,)
        1 is the favourable label where one was named, else the larger one.
    groups : ndarray of str, shape (n,)
    probability, outcome : ndarray or None
        Predicted probability of the larger label, and whether it came true.
    favourable : str
        The label that is good for people; empty where nobody has said which.
    attribute : tuple of str
        Names of the sensitive columns.
    """

    truth: np.ndarray
    predicted: np.ndarray
    groups: np.ndarray
    probability: np.ndarray | None
    outcome: np.ndarray
    favourable: str
    attribute: tuple[str, ...]

    @classmethod
    def of(
        cls,
        y_true: ArrayLike,
        y_pred: ArrayLike,
        *,
        sensitive: ArrayLike | pd.DataFrame,
        favourable: object,
        scores: ArrayLike | None,
    ) -> GroupDecisions:
        """Check the arguments of :func:`segwork.fairness.group_metrics` and put them in one form.

        Raises
        ------
        DataError
            Lengths or kinds of label differ, values are missing, or there are not two classes.
        """
        truth, predicted = of_one_kind({"y_true": y_true, "y_pred": y_pred})
        columns = pd.DataFrame(sensitive)
        one_length("person", y_true=truth, y_pred=predicted, sensitive=columns)
        larger = _larger_label(truth, predicted)
        good = larger if favourable is None else _favourable(favourable, truth, predicted)
        text = columns.astype(object).where(columns.notna(), "missing").astype(str)
        named = isinstance(sensitive, pd.DataFrame | pd.Series)
        return cls(
            truth=(truth == good).astype(int),
            predicted=(predicted == good).astype(int),
            groups=text.agg(" × ".join, axis=1).to_numpy(dtype=object),
            probability=None if scores is None else np.asarray(scores, dtype=float).ravel(),
            outcome=(truth == larger).astype(int),
            favourable="" if favourable is None else str(favourable),
            attribute=tuple(map(str, columns.columns)) if named else (),
        )


def _larger_label(truth: np.ndarray, predicted: np.ndarray) -> object:
    if pd.isna(truth).any() or pd.isna(predicted).any():
        raise DataError(
            "y_true or y_pred has missing values",
            accepted="known outcomes and decisions",
            hint="leave rows without an outcome out and report how many per group",
        )
    classes = np.unique(np.concatenate([truth, predicted]))
    if len(classes) > 2:
        raise DataError(f"{len(classes)} classes: {classes[:5].tolist()}", accepted="two classes")
    return 1 if set(classes.tolist()) <= {0, 1} else classes[-1]


def _favourable(label: object, truth: np.ndarray, predicted: np.ndarray) -> object:
    known = set(np.concatenate([truth, predicted]).tolist())
    of_one_kind({"the labels": list(known), "favourable": [label]})
    allowed = known | {0, 1} if known <= {0, 1} else known
    if label not in allowed:
        raise DataError(f"favourable is {label!r}", accepted=f"a label: {sorted(allowed)}")
    return label


def counts(outcome: np.ndarray, groups: np.ndarray) -> pd.DataFrame:
    """Return ``positive`` and ``n`` of each group."""
    frame = pd.DataFrame({"group": groups, "outcome": outcome})
    return frame.groupby("group")["outcome"].agg(positive="sum", n="count")


def rates_by_group(people: GroupDecisions, *, seed: int) -> pd.DataFrame:
    """Return group, metric, value, low, high, n, from the four cells of each group."""
    rows = []
    for group in sorted(set(people.groups)):
        mask = people.groups == group
        cells = np.bincount(2 * people.truth[mask] + people.predicted[mask], minlength=4)
        # Resampling the cells is the same as resampling people, and quick.
        rng = np.random.default_rng(seed)
        drawn = _metrics(*rng.multinomial(cells.sum(), cells / cells.sum(), BOOTSTRAPS).T)
        for metric, (hit, base) in _metrics(*cells).items():
            value, n = float(hit / base) if base else math.nan, int(base)
            interval = Interval(0.0, 1.0)
            if n and metric in RATES:
                interval = wilson(int(hit), n)
            elif n:
                hits, bases = drawn[metric]
                known = hits[bases > 0] / bases[bases > 0]
                interval = Interval(*np.quantile(known, [0.025, 0.975]).tolist())
            n = int(cells[1:].sum()) if metric == "f1" else n
            rows.append((group, metric, value, interval.low, interval.high, n))
    return pd.DataFrame(rows, columns=["group", "metric", "value", "low", "high", "n"])


def _metrics(
    tn: np.ndarray, fp: np.ndarray, fn: np.ndarray, tp: np.ndarray
) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Return what each metric counts, and out of what, in the words of fairlearn."""
    n = tn + fp + fn + tp
    return {
        "selection_rate": (fp + tp, n),
        "true_positive_rate": (tp, fn + tp),
        "false_positive_rate": (fp, tn + fp),
        "false_negative_rate": (fn, fn + tp),
        "accuracy": (tn + tp, n),
        "precision": (tp, fp + tp),
        "recall": (tp, fn + tp),
        "f1": (2 * tp, 2 * tp + fp + fn),
    }


def differences(by_group: pd.DataFrame) -> pd.DataFrame:
    """Return difference, ratio, lowest and highest group of each metric."""
    rows = []
    for metric, part in by_group.dropna(subset="value").groupby("metric", sort=False):
        low, high = part.loc[part["value"].idxmin()], part.loc[part["value"].idxmax()]
        ratio = low["value"] / high["value"] if high["value"] else math.nan
        rows.append((metric, high["value"] - low["value"], ratio, low["group"], high["group"]))
    return pd.DataFrame(rows, columns=["metric", "difference", "ratio", "lowest", "highest"])
