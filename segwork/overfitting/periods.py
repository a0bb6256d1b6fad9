"""What a model gains from meeting customers or times again, and labels that are still open."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.stats import binom
from sklearn.ensemble import ExtraTreesClassifier

from segwork.overfitting.problem import Problem
from segwork.overfitting.roc import Estimate, macro_auc
from segwork.overfitting.rules import rule_lifts
from segwork.overfitting.splits import cross_score, grouped_folds, random_folds, time_cut, usable

LEARN_SHARE = 0.7
FEWEST_IN_PERIOD, FEWEST_PEERS = 50, 100
ENDS = (0.7, 0.5, 0.3)  # shares of the rows after which a rule may have ended
TAILS = (0.025, 0.05, 0.075, 0.1, 0.15, 0.2, 0.25, 0.3)
TAIL_RATIO, SURE_TAIL, SURE_RIPENING = 0.6, 1e-4, 0.01


def later_period(problem: Problem) -> tuple[np.ndarray, np.ndarray]:
    """Positions of the earlier rows and of the later 30 %."""
    cut = time_cut(problem.time, LEARN_SHARE)
    return np.flatnonzero(problem.time < cut), np.flatnonzero(problem.time >= cut)


@dataclass(frozen=True)
class LaterPeriod:
    """Area by cross-validation in the earlier period, and in the later one."""

    inside: Estimate
    after: Estimate
    rows: int


def later_scores(problem: Problem) -> LaterPeriod | str:
    """Score the model after a cut in time; a sentence says why where that cannot be done."""
    if problem.time is None:
        return "no time given"
    learn, later = later_period(problem)
    if min(len(learn), len(later)) < FEWEST_IN_PERIOD or not usable(problem, [(learn, later)]):
        return "too few rows in one period"
    early, late = problem.take(learn), problem.take(later)
    folds = random_folds(early) if early.groups is None else grouped_folds(early)
    if early.counts.min() < 10 or not (folds := usable(early, folds)):
        return "too few rows of a class before the cut"
    inside = cross_score(early, folds).held
    after = macro_auc(late.codes, problem.score(problem.fit(learn), later), late.groups)
    return LaterPeriod(inside, after, len(later))


def apart(first: Estimate, second: Estimate) -> tuple[float, float]:
    """Difference of two estimates taken as independent, and its lower 95 % bound."""
    gap = first.value - second.value
    return gap, gap - 1.96 * float(np.hypot(first.standard_error, second.standard_error))


def remembered_gain(problem: Problem) -> Estimate:
    """How much a forest that can remember customers gains from a random split."""
    plain, forest = problem.plain(), ExtraTreesClassifier(40, random_state=problem.seed)
    parted = usable(plain, grouped_folds(plain))
    mixed = cross_score(plain, random_folds(plain), estimator=forest, train=False)
    return mixed.held.minus(cross_score(plain, parted, estimator=forest, train=False).held)


def rules_by_end(problem: Problem) -> tuple[pd.DataFrame, float] | str:
    """Compare all rules at each of three cuts; return those of the clearest end and its share."""
    if problem.time is None:
        return "no time given"
    ends = dict.fromkeys(time_cut(problem.time, share) for share in ENDS)
    periods = [problem.time >= end for end in ends]
    periods = [p for p in periods if min(p.sum(), (~p).sum()) >= FEWEST_IN_PERIOD]
    if not periods:
        return "too few rows in one period"
    event = problem.codes == problem.rare
    known = {"groups": problem.groups, "looks": len(periods)}
    if len(np.unique(problem.time)) * FEWEST_PEERS <= len(problem):
        known["peers"] = problem.time
    found = [(rule_lifts(problem.X, event, p, **known), 1 - p.mean()) for p in periods]
    found = [(table, float(share)) for table, share in found if len(table)]
    if not found:
        return "no rule parts 30 customers from as many others in both periods"
    return min(found, key=lambda one: one[0]["p"].where(one[0]["gone"], 1.0).min())


def open_tail(time: np.ndarray, event: np.ndarray) -> tuple[int, float, float] | None:
    """Find a last stretch where the rarest class runs dry, or where there is nothing else.

    Returns
    -------
    (rows, share of the event in them, share before) or None
    """
    worst, found = 1.0, None
    for share in TAILS:
        tail = time >= time_cut(time, 1 - share)
        n, k, base = int(tail.sum()), int(event[tail].sum()), float(event[~tail].mean())
        if n in (0, len(time)) or base == 0:
            continue
        p = float(binom.cdf(k, n, base)) * len(TAILS)
        ripening = len(TAILS) * np.exp(-max(_ripening(time[tail], event[tail], base), 0.0))
        sure = (p < SURE_TAIL and k / n < TAIL_RATIO * base) or ripening < SURE_RIPENING
        if sure and min(p, ripening) < worst:
            worst, found = min(p, ripening), (n, k / n, base)
    return _nothing_else(time, event) or found


def _ripening(time: np.ndarray, event: np.ndarray, base: float) -> float:
    """Log likelihood of labels that ripen evenly up to the window's length, against a flat rate.

    The chance to exceed c without an open window is at most exp(-c), whatever the data.
    """
    ripe = np.clip((time.max() - time) / max(float(np.ptp(time)), 1e-12), 0.01, 1.0)
    others = np.log((1 - base * ripe) / (1 - base))
    return float(np.where(event, np.log(ripe), others).sum())


def _nothing_else(time: np.ndarray, event: np.ndarray) -> tuple[int, float, float] | None:
    """Return the rows after the last one without the event, where they are too many for chance."""
    tail = time > time[~event].max() if (~event).any() else np.zeros(len(time), bool)
    n, base = int(tail.sum()), float(event[~tail].mean())
    return (n, 1.0, base) if base < 0.9 and base**n * len(TAILS) < 1e-4 else None
