"""The model at its operating point: its decisions, its recall, the segments it errs in."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
from scipy.special import logit
from scipy.stats import norm
from sklearn.base import BaseEstimator
from sklearn.isotonic import IsotonicRegression

from segwork.evidence import holm, wilson
from segwork.overfitting.calibration import are_probabilities
from segwork.overfitting.learning import last_step
from segwork.overfitting.metrics import choose_threshold
from segwork.overfitting.problem import Problem
from segwork.overfitting.single_features import binned
from segwork.overfitting.splits import CrossScore

SMALLEST_SEGMENT, FEWEST_EVENTS = 100, 30


def fixed_threshold(estimator: BaseEstimator) -> float | None:
    """Return a threshold written into the estimator; None where it has none or tunes its own."""
    last = last_step(estimator)
    if not hasattr(last, "predict"):
        return None
    value = last.get_params(deep=False).get("threshold")
    return float(value) if isinstance(value, int | float) and value != 0.5 else None


def own_decision(problem: Problem, cross: CrossScore) -> str:
    """Say why the model's own decision is its operating point; empty where it is the 0.5 default.

    The default cut says nothing about a model, so the threshold is then chosen by cost. A model
    with a cut of its own, or whose probabilities are pushed away from a class, is judged as it is.
    """
    rows = cross.rows
    scores, codes = cross.scores[rows], problem.codes[rows]
    if fixed_threshold(problem.estimator) is not None:
        return "its own threshold"
    if cross.apart > 0.002:
        return "its own decision rule"
    if are_probabilities(scores):
        expected, n = float(scores[:, problem.rare].mean()), int((codes == problem.rare).sum())
        if expected < 0.5 * wilson(n, len(rows)).low:
            return "probabilities pushed away from the class"
    return ""


def decisions(
    problem: Problem, cross: CrossScore, *, costs: Mapping[str, float] | None
) -> tuple[np.ndarray, float | None]:
    """Decide the held-out rows as the model would at work; the threshold where cost chose one."""
    decided, threshold = _decide_by_cost(problem, cross, costs=costs)
    if own_decision(problem, cross):
        return cross.decisions[cross.rows], None
    return decided, threshold


def rare_recall(
    problem: Problem, cross: CrossScore, costs: Mapping[str, float] | None
) -> tuple[float, float, float]:
    """Recall of the rarest class at the operating threshold, with its interval."""
    decided = decisions(problem, cross, costs=costs)[0]
    rare = problem.codes[cross.rows] == problem.rare
    hit, n = int((rare & (decided == problem.rare)).sum()), int(rare.sum())
    span = wilson(hit, n)
    return hit / max(n, 1), span.low, span.high


def _decide_by_cost(
    problem: Problem, cross: CrossScore, *, costs: Mapping[str, float] | None
) -> tuple[np.ndarray, float | None]:
    """Decide every held-out row with a threshold chosen on the other half of the rows.

    Two classes: lowest cost. More: the class with the highest score against its base rate.
    """
    rows = cross.rows
    codes, scores = problem.codes[rows], cross.scores[rows]
    if len(problem.classes) > 2:
        shares = np.bincount(codes, minlength=len(problem.classes)) / len(rows)
        if are_probabilities(scores):
            return (scores / np.maximum(shares, 1e-12)).argmax(axis=1), None
        return scores.argmax(axis=1), None
    half = np.random.default_rng(problem.seed).permutation(len(rows)) % 2
    decided, cuts = np.zeros(len(rows), dtype=int), []
    for part in (0, 1):
        cut = choose_threshold(codes[half != part] == 1, scores[half != part, 1], costs=costs)
        decided[half == part] = scores[half == part, 1] >= cut
        cuts.append(cut)
    return decided, float(np.mean(cuts))


def segment_errors(problem: Problem, cross: CrossScore, *, margin: float) -> pd.DataFrame:
    """Squared error of segments against the error the recalibrated probability announces.

    Area falls in any segment cut along a strong feature; this does not.

    Returns
    -------
    DataFrame
        column, value, n, excess_error, p (Holm) of an excess above ``margin``.
    """
    rows = cross.rows
    event, scores = problem.codes[rows] == problem.rare, cross.scores[rows]
    x = logit(np.clip(scores[:, problem.rare], 1e-4, 1 - 1e-4))
    p = np.clip(IsotonicRegression(out_of_bounds="clip").fit(x, event).predict(x), 0.005, 0.995)
    observed, expected = (event - p) ** 2, p * (1 - p)
    spread = p * (1 - p) * (1 - 2 * p) ** 2
    found = []
    for name in problem.X:
        codes = binned(problem.X[name].iloc[rows])
        for code in np.unique(codes)[:30]:
            part = codes == code
            if part.sum() < SMALLEST_SEGMENT or part.mean() > 0.5:
                continue
            announced = expected[part].sum()
            excess = observed[part].sum() / announced - 1
            z = (excess - margin) * announced / max(np.sqrt(spread[part].sum()), 1e-9)
            label = problem.X[name].iloc[rows[np.argmax(part)]]
            found.append((name, label, int(part.sum()), excess, norm.sf(z)))
    table = pd.DataFrame(found, columns=["column", "value", "n", "excess_error", "p"])
    return table.assign(p=holm(table["p"].to_numpy())) if len(table) else table
