"""Precision, recall, F1 and area under the precision-recall curve with intervals, by class."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from segwork.errors import UsageError
from segwork.evidence import wilson


def class_metrics(
    codes: np.ndarray,
    decisions: np.ndarray,
    scores: np.ndarray,
    *,
    classes: Sequence[object],
    seed: int = 0,
    draws: int = 300,
) -> pd.DataFrame:
    """Measure every class, the rarest first.

    Parameters
    ----------
    codes, decisions : ndarray of int, shape (n,)
        True and decided class, as positions in ``classes``.
    scores : ndarray, shape (n, n_classes)
    classes : sequence
        Names of the classes.
    draws : int, default 300
        Bootstrap samples behind the intervals of F1 and PR-AUC; recall and precision have
        Wilson intervals.

    Returns
    -------
    DataFrame
        class, metric (recall, precision, f1, pr_auc), value, low, high, n (rows of the class).
    """
    counts = np.bincount(codes, minlength=len(classes))
    rng = np.random.default_rng(seed)
    n = len(codes)
    weights = np.array([np.bincount(rng.integers(0, n, n), minlength=n) for _ in range(draws)])
    rows: list[tuple[object, str, float, float, float, int]] = []
    for k in np.lexsort((-np.arange(len(classes)), counts)):
        true, said = codes == k, decisions == k
        hit, n_true, n_said = int((true & said).sum()), int(counts[k]), int(said.sum())
        for name, base in (("recall", n_true), ("precision", n_said)):
            span = wilson(hit, base)
            value = hit / base if base else 0.0
            rows.append((classes[k], name, value, span.low, span.high, n_true))
        drawn = {"f1": _f1(true, said, weights), "pr_auc": pr_auc(true, scores[:, k], weights)}
        whole = np.ones((1, n))
        value = {"f1": _f1(true, said, whole), "pr_auc": pr_auc(true, scores[:, k], whole)}
        for name in drawn:
            low, high = np.quantile(drawn[name], [0.025, 0.975])
            rows.append((classes[k], name, float(value[name][0]), float(low), float(high), n_true))
    return pd.DataFrame(rows, columns=["class", "metric", "value", "low", "high", "n"])


def _f1(true: np.ndarray, said: np.ndarray, weights: np.ndarray) -> np.ndarray:
    both, either = weights[:, true & said].sum(1), weights[:, true].sum(1) + weights[:, said].sum(1)
    return 2 * both / np.maximum(either, 1)


def pr_auc(event: np.ndarray, score: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Return the average precision for each row of weights, shape (draws, n) -> (draws,).

    The same number as scikit-learn's ``average_precision_score``, for many resamples at once.
    """
    order = np.argsort(-score, kind="stable")
    ends = np.flatnonzero(np.append(np.diff(score[order]) != 0, True))
    weighed = weights[:, order].astype(float)
    caught = np.cumsum(weighed * event[order], axis=1)[:, ends]
    told = np.cumsum(weighed, axis=1)[:, ends]
    gained = np.diff(caught, axis=1, prepend=0.0)
    return (gained * caught / np.maximum(told, 1)).sum(axis=1) / np.maximum(caught[:, -1], 1)


def choose_threshold(
    event: np.ndarray, score: np.ndarray, *, costs: Mapping[str, float] | None = None
) -> float:
    """Choose the threshold with the lowest cost on validation rows; never on a test set.

    Parameters
    ----------
    event : ndarray of bool, shape (n,)
    score : ndarray, shape (n,)
        Higher means more likely an event; at the threshold or above it counts as one.
    costs : mapping, optional
        ``missed`` and ``false_alarm``, in one unit. By default a missed event costs as many
        false alarms as there are other rows for each event.

    Raises
    ------
    UsageError
        A cost is missing, unknown or not positive.

    Examples
    --------
    >>> import numpy as np
    >>> event = np.array([False, False, True, True])
    >>> score = np.array([0.1, 0.4, 0.3, 0.9])
    >>> choose_threshold(event, score, costs={"missed": 5, "false_alarm": 1})
    0.3
    """
    missed, false_alarm = _costs(costs, float(np.mean(event)))
    order = np.argsort(-score, kind="stable")
    ranked = score[order]
    caught, wrong = np.cumsum(event[order]), np.cumsum(~event[order])
    last_of_ties = np.append(ranked[1:] != ranked[:-1], True)
    total = missed * (event.sum() - caught) + false_alarm * wrong
    return float(ranked[np.argmin(np.where(last_of_ties, total, np.inf))])


def _costs(costs: Mapping[str, float] | None, share: float) -> tuple[float, float]:
    if costs is None:
        return (1 - share) / max(share, 1e-12), 1.0
    if set(costs) != {"missed", "false_alarm"} or min(costs.values()) <= 0:
        raise UsageError(
            f"costs is {dict(costs)!r}", accepted="positive 'missed' and 'false_alarm'"
        )
    return float(costs["missed"]), float(costs["false_alarm"])
