"""Models side by side as they would be used: learn, choose a threshold, be tested later."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from sklearn.base import BaseEstimator
from sklearn.model_selection import StratifiedGroupKFold

from segwork.errors import UsageError
from segwork.overfitting.calibration import reliability
from segwork.overfitting.metrics import choose_threshold, class_metrics
from segwork.overfitting.periods import later_period
from segwork.overfitting.problem import Problem, make_problem
from segwork.overfitting.roc import auc
from segwork.overfitting.splits import subsample
from segwork.results import Interval
from segwork.trials.decision_value import (
    DecisionValue,
    calibration_distance,
    costs_of,
    decision_value,
)
from segwork.trials.paired_tests import mcnemar, paired_bootstrap

SCORES = ("train", "validation", "test", "low", "high", "threshold")


@dataclass(frozen=True)
class Event:
    """The label that must not be missed, and what errors about it cost.

    Attributes
    ----------
    label : object
    costs : mapping, optional
        ``missed`` and ``false_alarm``, in one unit. Without them a missed event costs as many
        false alarms as there are other rows for each event.
    """

    label: object
    costs: Mapping[str, float] | None = None


@dataclass(frozen=True)
class HoldoutTrial:
    """Models on rows that took part in nothing: neither in fitting nor in the threshold.

    Attributes
    ----------
    scores : DataFrame
        model, train, validation, test, low, high (areas), threshold; best on validation first.
    classes : DataFrame
        model, class (the event), metric, value, low, high, n on the test rows.
    calibration : dict
        model -> ten bins of predicted and observed share.
    event : Event
        What is decided about.
    chosen : str
        The model with the best area on validation rows.
    test_event, test_groups : ndarray
    test_scores : dict
        model -> score of the test rows.
    decisions : dict
        model -> True where the test row counts as the event.
    split : str
        How the test rows were set apart.
    model : scikit-learn classifier
        The chosen one, as fitted.
    test : Problem
        The test rows.
    """

    scores: pd.DataFrame
    classes: pd.DataFrame
    calibration: dict[str, list[dict[str, float]]]
    event: Event
    chosen: str
    test_event: np.ndarray
    test_groups: np.ndarray
    test_scores: dict[str, np.ndarray]
    decisions: dict[str, np.ndarray]
    split: str
    model: BaseEstimator = field(repr=False)
    test: Problem = field(repr=False)

    def value(self, metric: str, *, model: str = "") -> tuple[float, Interval]:
        """Return one metric of the event with its interval; of the chosen model by default."""
        table = self.classes
        of_model = table["model"] == (model or self.chosen)
        wanted = table[of_model & (table["metric"] == metric)].iloc[0]
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
        event = str(self.event.label).replace(" ", "_")
        for metric in ("recall", "precision", "f1", "pr_auc"):
            value, span = self.value(metric)
            name = f"{event}_{metric}"
            found |= {name: value, f"{name}_low": span.low, f"{name}_high": span.high}
        found[f"{event}_recall_n"] = int(self.test_event.sum())
        distance, span = self.calibration_of(self.chosen)
        found["chosen_calibration"] = distance
        found |= {"chosen_calibration_low": span.low, "chosen_calibration_high": span.high}
        return found | self.worth().facts(event)

    def worth(self, model: str = "") -> DecisionValue:
        """Return what the decisions are worth; of the chosen model by default."""
        decided, costs = self.decisions[model or self.chosen], self.event.costs
        return decision_value(self.test_event, decided, costs=costs, groups=self.test_groups)

    def calibration_of(self, model: str) -> tuple[float, Interval]:
        """Return how far promised and observed shares lie apart on the test rows."""
        scores = self.test_scores[model]
        return calibration_distance(self.test_event, scores, groups=self.test_groups)

    def curve(self, model: str = "", *, points: int = 200) -> pd.DataFrame:
        """Follow the threshold from nobody to everybody on the test rows.

        Returns
        -------
        DataFrame
            threshold, contacted, recall, precision, false_positive_rate, cost (a customer),
            chosen (True at the threshold in use).
        """
        name, event = model or self.chosen, self.test_event
        score, cut = self.test_scores[name], self.threshold(name)
        cuts = np.unique(np.quantile(score, np.linspace(0, 1, points), method="nearest"))
        cuts = np.unique(np.append(cuts, cut))[::-1]
        said = score[None, :] >= cuts[:, None]
        hit, n = (said & event).sum(axis=1), said.sum(axis=1)
        missed, false_alarm = costs_of(event, self.event.costs)
        others = len(event) - event.sum()
        table = {
            "threshold": cuts,
            "contacted": n / len(event),
            "recall": hit / event.sum(),
            "precision": hit / np.maximum(n, 1),
            "false_positive_rate": (n - hit) / others,
            "cost": (missed * (event.sum() - hit) + false_alarm * (n - hit)) / len(event),
            "chosen": cuts == cut,
        }
        return pd.DataFrame(table)

    def threshold(self, model: str = "") -> float:
        """Return the threshold of a model, the chosen one by default."""
        table = self.scores.set_index("model")["threshold"]
        return float(table[model or self.chosen])

    def importance(self, *, repeats: int = 3) -> pd.DataFrame:
        """Return how much area the chosen model loses when a feature is shuffled.

        Returns
        -------
        DataFrame
            feature, value (mean loss over the repeats), low, high (smallest and largest),
            strongest first.

        References
        ----------
        Breiman (2001), "Random forests", section 10.
        """
        rng, n = np.random.default_rng(self.test.seed), len(self.test)
        k = int(np.flatnonzero(self.test.classes == str(self.event.label))[0])
        whole = auc(self.test_event, self.test_scores[self.chosen]).value
        rows = []
        for name in self.test.X:
            lost = []
            for _ in range(repeats):
                mixed = self.test.X[name].iloc[rng.permutation(n)].set_axis(self.test.X.index)
                shuffled = replace(self.test, X=self.test.X.assign(**{name: mixed}))
                score = shuffled.score(self.model, np.arange(n))[:, k]
                lost.append(whole - auc(self.test_event, score).value)
            rows.append((name, float(np.mean(lost)), min(lost), max(lost)))
        table = pd.DataFrame(rows, columns=["feature", "value", "low", "high"])
        return table.sort_values("value", ascending=False, kind="stable", ignore_index=True)


def holdout(
    models: Mapping[str, BaseEstimator],
    X: pd.DataFrame,
    y: ArrayLike,
    *,
    event: Event,
    groups: ArrayLike | None = None,
    time: ArrayLike | None = None,
    max_rows: int = 10_000,
    seed: int = 0,
) -> HoldoutTrial:
    """Fit on some customers, choose each threshold on others by cost, test on later rows.

    Parameters
    ----------
    models : mapping of name to scikit-learn classifier
        Simple ones first: equal areas on validation rows choose the first.
    X : DataFrame, shape (n, d)
    y : array-like, shape (n,)
        Labels; all but that of ``event`` count as one class for the threshold.
    event : Event
    groups, time : array-like, shape (n,), optional
        Customers are never parted between fitting and validation. With time the last 30 % of the
        rows are the test, else a quarter of the customers.
    max_rows : int, default 10,000
    seed : int, default 0

    Returns
    -------
    HoldoutTrial

    Raises
    ------
    UsageError
        Nobody or everybody has the label of the event, or a part of the rows lacks it.
    """
    happened = _happened(y, event.label)
    problems = {
        name: make_problem(model, X, happened, groups=groups, time=time, seed=seed)
        for name, model in models.items()
    }
    first = next(iter(problems.values()))
    rows = subsample(first, max_rows)
    problem = first.take(rows)
    parts = _parts(problem)
    k = int(np.flatnonzero(problem.classes == str(event.label))[0])
    found = {name: _one(own.take(rows), k, parts, event) for name, own in problems.items()}
    order = sorted(found, key=lambda name: -round(found[name].areas["validation"], 3))
    test = parts[2]
    truth = problem.codes[test] == k
    return HoldoutTrial(
        scores=pd.DataFrame([{"model": name} | found[name].areas for name in order]),
        classes=_event_metrics(found, truth, event, seed),
        calibration={name: reliability(truth, one.score) for name, one in found.items()},
        event=event,
        chosen=order[0],
        test_event=truth,
        test_groups=np.arange(len(test)) if problem.groups is None else problem.groups[test],
        test_scores={name: one.score for name, one in found.items()},
        decisions={name: one.decided for name, one in found.items()},
        split="a quarter of the customers" if time is None else "the last 30 % of the time",
        model=found[order[0]].model,
        test=problems[order[0]].take(rows[test]),
    )


def _happened(y: ArrayLike, event: object) -> np.ndarray:
    labels = np.asarray(y).ravel()
    share = float((labels == event).mean())
    if share in (0.0, 1.0):
        raise UsageError(f"the label {event!r} is on {share:.0%} of the rows", accepted="on some")
    return np.where(labels == event, str(event), f"not {event}")


def _parts(problem: Problem) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Rows to learn from, to choose the threshold on, and to test on."""
    groups = np.arange(len(problem)) if problem.groups is None else problem.groups
    rows = np.arange(len(problem))
    if problem.time is None:
        split = StratifiedGroupKFold(4, shuffle=True, random_state=problem.seed)
        rows, test = next(split.split(rows, problem.codes, groups))
    else:
        rows, test = later_period(problem)
    split = StratifiedGroupKFold(4, shuffle=True, random_state=problem.seed)
    learn, judge = next(split.split(rows, problem.codes[rows], groups[rows]))
    parts = rows[learn], rows[judge], test
    if min(len(np.unique(problem.codes[part])) for part in parts) < 2:
        lists = " or ".join(str(name) for name in problem.classes)
        raise UsageError(f"a part of the rows lacks {lists}", accepted="more rows")
    return parts


@dataclass(frozen=True)
class _Tested:
    """One model: areas and threshold by :data:`SCORES`, score and decision of the test rows."""

    areas: dict[str, float]
    score: np.ndarray
    decided: np.ndarray
    model: BaseEstimator


def _one(problem: Problem, k: int, parts: tuple[np.ndarray, ...], event: Event) -> _Tested:
    learn, judge, test = parts
    model = problem.fit(learn)
    scores = [problem.score(model, part)[:, k] for part in (learn, judge, test)]
    events = [problem.codes[part] == k for part in (learn, judge, test)]
    groups = None if problem.groups is None else problem.groups[test]
    areas = [auc(*pair, groups) for pair in zip(events, scores, strict=True)]
    threshold, span = choose_threshold(events[1], scores[1], costs=event.costs), areas[2].interval()
    values = (*(area.value for area in areas), span.low, span.high, threshold)
    areas = dict(zip(SCORES, values, strict=True))
    return _Tested(areas, scores[2], scores[2] >= threshold, model)


def _event_metrics(
    found: Mapping[str, _Tested], truth: np.ndarray, event: Event, seed: int
) -> pd.DataFrame:
    tables = []
    for name, one in found.items():
        scores = np.column_stack([-one.score, one.score])
        names, decided = ["", event.label], one.decided.astype(int)
        both = class_metrics(truth.astype(int), decided, scores, classes=names, seed=seed)
        tables.append(both[both["class"] == event.label].assign(model=name))
    return pd.concat(tables, ignore_index=True)


def every_class(
    models: Mapping[str, BaseEstimator],
    X: pd.DataFrame,
    y: ArrayLike,
    *,
    event: Event,
    **rows: object,
) -> tuple[HoldoutTrial, pd.DataFrame]:
    """Run :func:`holdout` for each class in turn, the rarest first.

    Parameters
    ----------
    models, X, y
        As for :func:`holdout`.
    event : Event
        What is decided about; its costs apply to its label, the other classes are balanced.
    **rows
        ``groups``, ``time``, ``max_rows`` and ``seed`` of :func:`holdout`.

    Returns
    -------
    HoldoutTrial, DataFrame
        The trial of ``event``, and the table of all classes.
    """
    labels = pd.Series(np.asarray(y).ravel()).value_counts().index[::-1]
    found = {
        label: holdout(models, X, y, event=event if label == event.label else Event(label), **rows)
        for label in labels
    }
    classes = pd.concat([part.classes for part in found.values()], ignore_index=True)
    return found[event.label], classes


def challengers(
    trial: HoldoutTrial, *, champion: str, margin: float = 0.01, seed: int = 0
) -> pd.DataFrame:
    """Set every other model against the champion on the same test rows.

    Returns
    -------
    DataFrame
        challenger, ahead, low, high (area), p, mcnemar_p (decisions), status.
    """
    rows = []
    truth, scores, decided = trial.test_event, trial.test_scores, trial.decisions
    for name in scores:
        if name == champion:
            continue
        pair = {"champion": scores[champion], "challenger": scores[name]}
        area = paired_bootstrap(truth, **pair, groups=trial.test_groups, margin=margin, seed=seed)
        cuts = mcnemar(truth, champion=decided[champion], challenger=decided[name])
        span = area.interval
        rows.append((name, area.ahead, span.low, span.high, area.p, cuts.p, str(area.status)))
    columns = ["challenger", "ahead", "low", "high", "p", "mcnemar_p", "status"]
    return pd.DataFrame(rows, columns=columns)
