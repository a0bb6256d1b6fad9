"""Models side by side as they would be used: learn, choose a threshold, be tested later."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from sklearn.model_selection import StratifiedGroupKFold

from segwork.errors import UsageError
from segwork.overfitting.case import Case, make_case
from segwork.overfitting.compare import mcnemar, paired_bootstrap
from segwork.overfitting.metrics import choose_threshold, class_metrics
from segwork.overfitting.operating import reliability
from segwork.overfitting.periods import later_period
from segwork.overfitting.roc import Estimate, auc
from segwork.overfitting.splits import subsample
from segwork.results import Interval

SCORES = ("train", "validation", "test", "low", "high", "threshold")


@dataclass(frozen=True)
class AtWork:
    """Models on rows that took part in nothing: neither in fitting nor in the threshold.

    Attributes
    ----------
    scores : DataFrame
        model, train, validation, test, low, high (areas), threshold; best on validation first.
    classes : DataFrame
        model, class (the event), metric, value, low, high, n on the test rows.
    calibration : dict
        model -> ten bins of predicted and observed share.
    event : object
        The label whose probability is thresholded.
    chosen : str
        The model with the best area on validation rows.
    test_event, test_groups : ndarray
    test_scores : dict
        model -> score of the test rows.
    decisions : dict
        model -> True where the test row counts as the event.
    split : str
        How the test rows were set apart.
    """

    scores: pd.DataFrame
    classes: pd.DataFrame
    calibration: dict[str, list[dict[str, float]]]
    event: Any
    chosen: str
    test_event: np.ndarray
    test_groups: np.ndarray
    test_scores: dict[str, np.ndarray]
    decisions: dict[str, np.ndarray]
    split: str

    def value(self, metric: str, *, model: str = "", label: Any = None) -> tuple[float, Interval]:
        """Return one metric of a class (the event by default) with its interval."""
        table = self.classes
        wanted = table[
            (table["model"] == (model or self.chosen))
            & (table["class"] == (self.event if label is None else label))
            & (table["metric"] == metric)
        ].iloc[0]
        return float(wanted["value"]), Interval(float(wanted["low"]), float(wanted["high"]))

    def facts(self) -> dict[str, float | int | str]:
        """Return area and threshold of each model, and the chosen model's metrics of the event."""
        found: dict[str, float | int | str] = {
            "chosen_model": self.chosen,
            "test_rows": len(self.test_event),
            "test_split": self.split,
        }
        for row in self.scores.itertuples():
            name = str(row.model).replace(" ", "_")
            found |= {f"test_{name}_auc": row.test, f"test_{name}_threshold": row.threshold}
        event = str(self.event).replace(" ", "_")
        for metric in ("recall", "precision", "f1", "pr_auc"):
            value, span = self.value(metric)
            name = f"{event}_{metric}"
            found |= {name: value, f"{name}_low": span.low, f"{name}_high": span.high}
        found[f"{event}_recall_n"] = int(self.test_event.sum())
        return found


def at_work(
    models: Mapping[str, Any],
    X: Any,
    y: Any,
    *,
    event: Any,
    groups: Any = None,
    time: Any = None,
    costs: Mapping[str, float] | None = None,
    max_rows: int = 10_000,
    seed: int = 0,
) -> AtWork:
    """Fit on some customers, choose each threshold on others by cost, test on later rows.

    Parameters
    ----------
    models : mapping of name to scikit-learn classifier
        Simple ones first: equal areas on validation rows choose the first.
    X : DataFrame, shape (n, d)
    y : array-like, shape (n,)
        Labels; all but ``event`` count as one class for the threshold.
    event : object
        The label that must not be missed.
    groups, time : array-like, shape (n,), optional
        Customers are never parted between fitting and validation. With time the last 30 % of the
        rows are the test, else a quarter of the customers.
    costs : mapping, optional
        ``missed`` and ``false_alarm``.

    Returns
    -------
    AtWork

    Raises
    ------
    UsageError
        Nobody or everybody has the label ``event``, or a part of the rows lacks it.
    """
    happened = _happened(y, event)
    cases = {
        name: make_case(model, X, happened, groups=groups, time=time, seed=seed)
        for name, model in models.items()
    }
    first = next(iter(cases.values()))
    rows = subsample(first, max_rows)
    case = first.take(rows)
    k = int(np.flatnonzero(case.classes == str(event))[0])
    parts = _parts(case)
    test = parts[2]
    found = {name: _one(own.take(rows), k, parts, costs) for name, own in cases.items()}
    order = sorted(found, key=lambda name: -round(found[name]["validation"], 3))
    truth = case.codes[test] == k
    scores = pd.DataFrame([{"model": n} | {c: found[n][c] for c in SCORES} for n in order])
    return AtWork(
        scores=scores,
        classes=_event_metrics(found, truth.astype(int), event, seed),
        calibration={n: reliability(truth, found[n]["score"]) for n in models},
        event=event,
        chosen=order[0],
        test_event=truth,
        test_groups=np.arange(len(test)) if case.groups is None else case.groups[test],
        test_scores={n: found[n]["score"] for n in models},
        decisions={n: found[n]["said"] == 1 for n in models},
        split="a quarter of the customers" if time is None else "the last 30 % of the time",
    )


def _happened(y: Any, event: Any) -> np.ndarray:
    labels = np.asarray(y).ravel()
    share = float((labels == event).mean())
    if share in (0.0, 1.0):
        raise UsageError(f"the label {event!r} is on {share:.0%} of the rows", accepted="on some")
    return np.where(labels == event, str(event), f"not {event}")


def _event_metrics(
    found: Mapping[str, Mapping[str, Any]], truth: np.ndarray, event: Any, seed: int
) -> pd.DataFrame:
    tables = []
    for name, one in found.items():
        scores = np.column_stack([-one["score"], one["score"]])
        both = class_metrics(truth, one["said"], scores, classes=["", event], seed=seed)
        tables.append(both[both["class"] == event].assign(model=name))
    return pd.concat(tables, ignore_index=True)


def _parts(case: Case) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Rows to learn from, to choose the threshold on, and to test on."""
    groups = np.arange(len(case)) if case.groups is None else case.groups
    rows = np.arange(len(case))
    if case.time is None:
        split = StratifiedGroupKFold(4, shuffle=True, random_state=case.seed)
        rows, test = next(split.split(rows, case.codes, groups))
    else:
        rows, test = later_period(case)
    split = StratifiedGroupKFold(4, shuffle=True, random_state=case.seed)
    learn, judge = next(split.split(rows, case.codes[rows], groups[rows]))
    parts = rows[learn], rows[judge], test
    if min(len(np.unique(case.codes[part])) for part in parts) < 2:
        lists = " or ".join(str(name) for name in case.classes)
        raise UsageError(f"a part of the rows lacks {lists}", accepted="more rows")
    return parts


def _one(
    case: Case, k: int, parts: tuple[np.ndarray, ...], costs: Mapping[str, float] | None
) -> dict[str, Any]:
    learn, judge, test = parts
    model = case.fit(learn)
    areas = {}
    for name, part in (("train", learn), ("validation", judge), ("test", test)):
        score = case.score(model, part)[:, k]
        area, pull = auc(case.codes[part] == k, score)
        areas[name] = area
        if name == "validation":
            threshold = choose_threshold(case.codes[part] == k, score, costs=costs)
    span = Estimate(area, pull, None if case.groups is None else case.groups[test]).interval()
    return areas | {
        "low": span.low,
        "high": span.high,
        "threshold": threshold,
        "score": score,
        "said": (score >= threshold).astype(int),
    }


def every_class(
    models: Mapping[str, Any], X: Any, y: Any, *, event: Any, costs: Any = None, **rows: Any
) -> tuple[AtWork, pd.DataFrame]:
    """Run :func:`at_work` for each class in turn, the rarest first.

    Parameters
    ----------
    models, X, y
        As for :func:`at_work`.
    event : object
        The class whose run is returned; ``costs`` apply to it, the others are balanced.
    **rows
        Further arguments of :func:`at_work`.

    Returns
    -------
    AtWork, DataFrame
        The run of ``event``, and the table of all classes.
    """
    labels = pd.Series(np.asarray(y).ravel())
    found = {
        label: at_work(models, X, y, event=label, costs=costs if label == event else None, **rows)
        for label in labels.value_counts().index[::-1]
    }
    return found[event], pd.concat([part.classes for part in found.values()], ignore_index=True)


def duels(work: AtWork, *, champion: str, margin: float = 0.01, seed: int = 0) -> pd.DataFrame:
    """Set every other model against the champion on the same test rows.

    Returns
    -------
    DataFrame
        challenger, ahead, low, high (area), p, mcnemar_p (decisions), status.
    """
    rows = []
    for name, score in work.test_scores.items():
        if name == champion:
            continue
        duel = paired_bootstrap(
            work.test_event,
            champion=work.test_scores[champion],
            challenger=score,
            groups=work.test_groups,
            margin=margin,
            seed=seed,
        )
        decided = mcnemar(
            work.test_event, champion=work.decisions[champion], challenger=work.decisions[name]
        )
        span = duel.interval
        rows.append((name, duel.ahead, span.low, span.high, duel.p, decided.p, str(duel.status)))
    columns = ["challenger", "ahead", "low", "high", "p", "mcnemar_p", "status"]
    return pd.DataFrame(rows, columns=columns)
