"""Group metrics: fairlearn's MetricFrame with counts, intervals and three-way answers."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from segwork.errors import DataError
from segwork.evidence import holm, wilson
from segwork.results import Interval, Severity, Status, display

GAP_LIMIT = 0.10
P_LIMIT = 0.01
RATES = ("selection_rate", "true_positive_rate", "false_positive_rate", "false_negative_rate")
OTHERS = ("accuracy", "precision", "recall", "f1")
BOOTSTRAPS = 200


@dataclass(frozen=True)
class GroupMetrics:
    """Outcomes and errors by group.

    Attributes
    ----------
    by_group : DataFrame
        Columns ``group``, ``metric``, ``value``, ``low``, ``high`` (95 %), ``n`` (the rows that
        the metric is a share of; 0 where it cannot be known, then the value is NaN).
    differences : DataFrame
        One row per metric: ``difference``, ``ratio`` (smallest over largest), ``lowest``,
        ``highest`` group, over the groups where the metric is known.
    findings : DataFrame
        FA-01 selection gap, FA-02 error-rate gap, FA-03 calibration gap, FA-13 estimability,
        with the columns of every audit.
    """

    by_group: pd.DataFrame
    differences: pd.DataFrame
    findings: pd.DataFrame

    def facts(self) -> dict[str, float | int | str]:
        """Return differences and verdicts as flat facts."""
        facts: dict[str, float | int | str] = {}
        for row in self.differences.itertuples():
            for name in ("difference", "ratio"):
                if math.isfinite(getattr(row, name)):
                    facts[f"{row.metric}_{name}"] = float(getattr(row, name))
        facts |= {f"{r.code}_status": str(r.status) for r in self.findings.itertuples()}
        return facts


def group_metrics(
    y_true: Any, y_pred: Any, *, sensitive: Any, scores: Any = None, seed: int = 0
) -> GroupMetrics:
    """Compare selection and error rates between groups, with counts and intervals.

    Parameters
    ----------
    y_true, y_pred : array-like of shape (n,)
        Two classes, 0/1 or any two values (the larger one is the positive class).
    sensitive : array-like of shape (n,) or DataFrame of shape (n, k)
        The groups; several columns give their intersections. Missing is a group of its own.
    scores : array-like of shape (n,), optional
        Predicted probabilities, for calibration by group.
    seed : int, default 0
        Of the bootstrap intervals of accuracy, precision, recall and F1.

    Returns
    -------
    GroupMetrics

    Raises
    ------
    DataError
        Lengths differ, values are missing, or there are more than two classes.

    References
    ----------
    Uniform Guidelines on Employee Selection Procedures (1978), section 4(D): four fifths is a rule
    of thumb, and small numbers need significance. Newcombe (1998) for the interval of a difference.

    Notes
    -----
    Groups overlap, labels may be biased themselves, and several criteria cannot hold at once where
    base rates differ. A passed line is not a certificate.

    Examples
    --------
    >>> metrics = group_metrics([0, 1, 0, 1], [0, 1, 1, 1], sensitive=list("aabb"))
    >>> float(metrics.differences.set_index("metric").loc["selection_rate", "difference"])
    0.5
    >>> str(metrics.findings.set_index("code").loc["FA-01", "status"])
    'inconclusive'
    """
    truth, predicted, groups, probability = _checked(y_true, y_pred, sensitive, scores)
    by_group = _by_group(truth, predicted, groups, seed)
    findings = [
        _selection(predicted, groups),
        _error_rates(truth, predicted, groups),
        _calibration(truth, probability, groups),
        _estimability(truth, groups),
    ]
    return GroupMetrics(by_group, _differences(by_group), pd.DataFrame(findings))


def _checked(
    y_true: Any, y_pred: Any, sensitive: Any, scores: Any
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray | None]:
    truth, predicted = np.asarray(y_true).ravel(), np.asarray(y_pred).ravel()
    columns = pd.DataFrame(sensitive)
    if not len(truth) == len(predicted) == len(columns) > 0:
        raise DataError(
            f"y_true, y_pred and sensitive have {len(truth)}, {len(predicted)} and"
            f" {len(columns)} rows",
            accepted="one row per person in each, in the same order",
        )
    if pd.isna(truth).any() or pd.isna(predicted).any():
        raise DataError(
            "y_true or y_pred has missing values",
            accepted="known outcomes and decisions",
            hint="leave rows without an outcome out and report how many per group",
        )
    classes = np.unique(np.concatenate([truth, predicted]))
    if len(classes) > 2:
        raise DataError(f"{len(classes)} classes: {classes[:5].tolist()}", accepted="two classes")
    positive = 1 if set(classes.tolist()) <= {0, 1} else classes[-1]
    text = columns.astype(object).where(columns.notna(), "missing").astype(str)
    groups = text.agg(" × ".join, axis=1).to_numpy(dtype=object)
    probability = None if scores is None else np.asarray(scores, dtype=float).ravel()
    return (truth == positive).astype(int), (predicted == positive).astype(int), groups, probability


def _metric_functions() -> dict[str, Any]:
    from functools import partial

    from fairlearn import metrics as fl
    from sklearn import metrics as sk

    return {
        "selection_rate": fl.selection_rate,
        "true_positive_rate": partial(fl.true_positive_rate, pos_label=1),
        "false_positive_rate": partial(fl.false_positive_rate, pos_label=1),
        "false_negative_rate": partial(fl.false_negative_rate, pos_label=1),
        "accuracy": sk.accuracy_score,
        "precision": partial(sk.precision_score, zero_division=np.nan),
        "recall": partial(sk.recall_score, zero_division=np.nan),
        "f1": partial(sk.f1_score, zero_division=np.nan),
    }


def _by_group(
    truth: np.ndarray, predicted: np.ndarray, groups: np.ndarray, seed: int
) -> pd.DataFrame:
    from fairlearn.metrics import MetricFrame

    frame = MetricFrame(
        metrics=_metric_functions(), y_true=truth, y_pred=predicted, sensitive_features=groups
    )
    rows = []
    for group in sorted(set(groups)):
        mask = groups == group
        counts = _denominators(truth[mask], predicted[mask])
        bounds = _bootstrap(truth[mask], predicted[mask], seed)
        for metric in (*RATES, *OTHERS):
            n = counts[metric]
            value = float(frame.by_group.loc[group, metric]) if n else math.nan
            if metric in RATES:
                interval = wilson(round(value * n), n) if n else Interval(0.0, 1.0)
            else:
                interval = bounds[metric] if n else Interval(0.0, 1.0)
            rows.append((group, metric, value, interval.low, interval.high, n))
    return pd.DataFrame(rows, columns=["group", "metric", "value", "low", "high", "n"])


def _denominators(truth: np.ndarray, predicted: np.ndarray) -> dict[str, int]:
    positives, n = int(truth.sum()), len(truth)
    return {
        "selection_rate": n,
        "true_positive_rate": positives,
        "false_positive_rate": n - positives,
        "false_negative_rate": positives,
        "accuracy": n,
        "precision": int(predicted.sum()),
        "recall": positives,
        "f1": int(((truth + predicted) > 0).sum()),
    }


def _bootstrap(truth: np.ndarray, predicted: np.ndarray, seed: int) -> dict[str, Interval]:
    """Resample the four cells of the confusion table: the same as resampling people, and quick."""
    n = len(truth)
    cells = np.bincount(2 * truth + predicted, minlength=4)
    tn, fp, fn, tp = np.random.default_rng(seed).multinomial(n, cells / n, BOOTSTRAPS).T
    with np.errstate(divide="ignore", invalid="ignore"):
        draws = {
            "accuracy": (tp + tn) / n,
            "precision": tp / (tp + fp),
            "recall": tp / (tp + fn),
            "f1": 2 * tp / (2 * tp + fp + fn),
        }
    bounds = {}
    for name, values in draws.items():
        known = values[np.isfinite(values)]
        low, high = np.quantile(known, [0.025, 0.975]) if len(known) else (0.0, 1.0)
        bounds[name] = Interval(float(low), float(high))
    return bounds


def _differences(by_group: pd.DataFrame) -> pd.DataFrame:
    rows = []
    for metric, part in by_group.dropna(subset="value").groupby("metric", sort=False):
        low, high = part.loc[part["value"].idxmin()], part.loc[part["value"].idxmax()]
        ratio = low["value"] / high["value"] if high["value"] else math.nan
        rows.append((metric, high["value"] - low["value"], ratio, low["group"], high["group"]))
    return pd.DataFrame(rows, columns=["metric", "difference", "ratio", "lowest", "highest"])


def _counts(outcome: np.ndarray, groups: np.ndarray) -> pd.DataFrame:
    frame = pd.DataFrame({"group": groups, "outcome": outcome})
    return frame.groupby("group")["outcome"].agg(positive="sum", n="count")


def _selection(predicted: np.ndarray, groups: np.ndarray) -> dict[str, Any]:
    """FA-01: four-fifths ratio and p < 0.01; compared as whole numbers, so a tie is no alarm."""
    from scipy.stats import fisher_exact

    counts = _counts(predicted, groups)
    if len(counts) < 2:
        return _finding("FA-01", Status.NOT_APPLICABLE, Severity.HIGH, None, 0, "one group only")
    rates = counts["positive"] / counts["n"]
    best = rates[counts["n"] >= min(30, counts["n"].max())].idxmax()
    others = [group for group in counts.index if group != best]
    beyond, p_values, powered = [], [], []
    for group in others:
        a, n = int(counts.loc[group, "positive"]), int(counts.loc[group, "n"])
        b, m = int(counts.loc[best, "positive"]), int(counts.loc[best, "n"])
        beyond.append(5 * a * m < 4 * b * n)
        p_values.append(float(fisher_exact([[a, n - a], [b, m - b]]).pvalue))
        powered.append(_power(0.6 * b / m, b / m, n, m) >= 0.8)
    adjusted = holm(p_values)
    alarms = [g for g, bad, p in zip(others, beyond, adjusted, strict=True) if bad and p < P_LIMIT]
    ratio = float(min(rates[g] / rates[best] for g in others)) if rates[best] else 1.0
    text = f"smallest selection ratio {display(ratio)} against {best}"
    n_rows = int(counts.loc[alarms, "n"].sum()) if alarms else 0
    if alarms:
        status, text = (
            Status.FAILED,
            f"{text}; below four fifths with p < 0.01: {', '.join(alarms)}",
        )
    elif any(beyond):
        status, text = Status.INCONCLUSIVE, f"{text}; below four fifths but could be chance"
    elif not all(powered):
        status, text = Status.INCONCLUSIVE, f"{text}; a group is too small to see a ratio of 0.6"
    else:
        status = Status.PASSED
    return _finding("FA-01", status, Severity.HIGH, ratio, n_rows, text)


def _power(p1: float, p2: float, n1: int, n2: int) -> float:
    """Power of a two-sided test of two shares at 1 %."""
    from scipy.stats import norm

    spread = math.sqrt(p1 * (1 - p1) / n1 + p2 * (1 - p2) / n2)
    return float(norm.cdf(abs(p1 - p2) / spread - 2.576)) if spread else 0.0


def _error_rates(truth: np.ndarray, predicted: np.ndarray, groups: np.ndarray) -> dict[str, Any]:
    """FA-02: a gap in false-positive or false-negative rate above ten points, with evidence."""
    from statsmodels.stats.proportion import confint_proportions_2indep

    if len(set(groups)) < 2:
        return _finding("FA-02", Status.NOT_APPLICABLE, Severity.HIGH, None, 0, "one group only")
    worst, alarms, unclear, n_rows = 0.0, [], [], 0
    for name, label in (("false-positive", 0), ("false-negative", 1)):
        rows = truth == label
        counts = _counts((predicted != truth)[rows].astype(int), groups[rows])
        if len(counts) < 2:
            unclear.append(name)
            continue
        first, second = np.triu_indices(len(counts), 1)
        wrong, n = counts["positive"].to_numpy(), counts["n"].to_numpy()
        gap = np.abs(wrong[first] / n[first] - wrong[second] / n[second])
        sides = (wrong[first], n[first], wrong[second], n[second])
        level = P_LIMIT / (2 * len(gap))
        spans = confint_proportions_2indep(*sides, method="newcomb", alpha=level)
        low, high = np.sort(spans, axis=0)
        clear = (np.maximum(low, -high) > 0) & (gap > GAP_LIMIT)
        open_ = ~clear & (np.maximum(np.abs(low), np.abs(high)) > GAP_LIMIT)
        for found, which in ((alarms, clear), (unclear, open_)):
            pairs = zip(counts.index[first[which]], counts.index[second[which]], strict=True)
            found += [f"{name} rate {g} v {h}" for g, h in pairs]
        worst = max(worst, float(gap.max()))
        n_rows = max([n_rows, *(n[first] + n[second])[clear].tolist()])
    text = f"largest gap in an error rate {display(worst, 'share')}"
    if alarms:
        return _finding(
            "FA-02", Status.FAILED, Severity.HIGH, worst, n_rows, f"{text}: {'; '.join(alarms[:4])}"
        )
    if unclear:
        text = f"{text}; too few people to exclude ten points: {'; '.join(unclear[:4])}"
        return _finding("FA-02", Status.INCONCLUSIVE, Severity.HIGH, worst, 0, text)
    return _finding("FA-02", Status.PASSED, Severity.HIGH, worst, 0, text)


def _calibration(
    truth: np.ndarray, probability: np.ndarray | None, groups: np.ndarray
) -> dict[str, Any]:
    """FA-03: observed over expected outcomes by group outside 0.8 to 1.25, with evidence."""
    if probability is None:
        text = "no scores given, calibration by group not looked at"
        return _finding("FA-03", Status.NOT_APPLICABLE, Severity.MEDIUM, None, 0, text)
    names, worst, alarms, unclear = sorted(set(groups)), 1.0, [], []
    from scipy.stats import norm

    z = float(norm.ppf(1 - P_LIMIT / (2 * len(names))))
    for name in names:
        mask = groups == name
        expected, observed = float(probability[mask].sum()), int(truth[mask].sum())
        spread = math.sqrt(float((probability[mask] * (1 - probability[mask])).sum()))
        if expected <= 0 or spread == 0:
            unclear.append(name)
            continue
        ratio = observed / expected
        worst = (
            ratio if abs(math.log(max(ratio, 1e-9))) > abs(math.log(max(worst, 1e-9))) else worst
        )
        low, high = ratio - z * spread / expected, ratio + z * spread / expected
        if high < 0.8 or low > 1.25:
            alarms.append(name)
        elif low < 0.8 or high > 1.25:
            unclear.append(name)
    text = f"observed over expected outcomes furthest from 1: {display(worst)}"
    if alarms:
        text = f"{text}; outside 0.8 to 1.25: {', '.join(alarms)}"
        return _finding("FA-03", Status.WARNED, Severity.MEDIUM, worst, 0, text)
    status = Status.INCONCLUSIVE if unclear else Status.PASSED
    return _finding("FA-03", status, Severity.MEDIUM, worst, 0, text)


def _estimability(truth: np.ndarray, groups: np.ndarray) -> dict[str, Any]:
    """FA-13: groups too small, or without one of the two outcomes; listed, never green."""
    counts = _counts(truth, groups)
    thin = counts[
        (counts["n"] < 50) | (counts["positive"] == 0) | (counts["positive"] == counts["n"])
    ]
    if thin.empty:
        text = "every group has at least 50 people and both outcomes"
        return _finding("FA-13", Status.PASSED, Severity.CRITICAL, 0, 0, text)
    listed = ", ".join(f"{name} (n {row.n})" for name, row in list(thin.iterrows())[:6])
    text = f"cannot be judged: {listed}"
    return _finding(
        "FA-13", Status.INCONCLUSIVE, Severity.CRITICAL, len(thin), int(thin["n"].sum()), text
    )


def _finding(
    code: str, status: Status, severity: Severity, value: float | None, n_rows: int, text: str
) -> dict[str, Any]:
    """Return a row with the columns of every audit."""
    return {
        "code": code,
        "table": "decisions",
        "column": "sensitive",
        "status": status.value,
        "severity": severity.value,
        "n_rows": n_rows,
        "share": math.nan if value is None else float(value),
        "message": f"{text}.",
    }
