"""Do outcomes and errors differ between groups? FA-01, 02, 03, 13."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
import pandas as pd
from scipy.stats import fisher_exact, norm
from statsmodels.stats.proportion import confint_proportions_2indep

from segwork.checks import Evidence, NotApplicable, Rule, check
from segwork.evidence import holm
from segwork.fairness.group_decisions import GroupDecisions, counts
from segwork.results import Status, display

P_LIMIT = 0.01
SMALL_GROUP, FEWEST = 30, 50
SEEN_RATIO, POWER = 0.6, 0.8
CALIBRATED = (0.8, 1.25)


@check("FA-01")
def selection(people: GroupDecisions, rule: Rule) -> Iterator[Evidence]:
    """Four fifths with evidence: of selection, and of rejection where the good label is named."""
    if len(set(people.groups)) < 2:
        raise NotApplicable("one group only")
    yield _four_fifths(people, rule)
    if people.favourable and not people.predicted.all():
        yield _four_fifths(people, rule, rejected=True)


def _four_fifths(people: GroupDecisions, rule: Rule, *, rejected: bool = False) -> Evidence:
    """Compare in whole numbers, so that a tie is no alarm, with the group selected most.

    Few rejections hide behind four fifths selected: the rejected are compared with the group
    rejected least.
    """
    table = counts(1 - people.predicted if rejected else people.predicted, people.groups)
    positive, n = table["positive"].astype(int), table["n"].astype(int)
    rates = positive / n
    known = rates[n >= min(SMALL_GROUP, n.max())]
    best = str(known.idxmin() if rejected else known.idxmax())
    others = [group for group in table.index if group != best]
    b, m = int(positive[best]), int(n[best])
    few, many = (b * n, positive * m) if rejected else (positive * m, b * n)
    beyond = (5 * few < 4 * many)[others].to_numpy()
    alarms = [g for g, bad in zip(others, beyond & _clear(table, best, others), strict=True) if bad]
    worst = str((rates[others] if rejected else -rates[others]).idxmax())
    if rejected:
        words = "more than 1.25 times as often"
        said = (f"{display(rates[group], 'share')} of {group}" for group in (worst, best))
        text = f"rejected: {' against '.join(said)}"
        value = float(rates[best] / rates[worst]) if rates[worst] else 1.0
    else:
        words = "below four fifths"
        value = float(rates[worst] / rates[best]) if rates[best] else 1.0
        text = f"smallest selection ratio {display(value)} against {best}"
    status = Status.PASSED
    if alarms:
        status, text = rule.alarm, f"{text}; {words} with p < 0.01: {', '.join(alarms)}"
    elif beyond.any():
        status, text = Status.INCONCLUSIVE, f"{text}; {words} but could be chance"
    elif not rejected and min(_power(SEEN_RATIO * b / m, b / m, k, m) for k in n[others]) < POWER:
        status, text = Status.INCONCLUSIVE, f"{text}; a group is too small to see a ratio of 0.6"
    return _evidence(people, n=int(n[alarms].sum()), value=value, note=text, status=status)


def _clear(table: pd.DataFrame, best: str, others: list[str]) -> np.ndarray:
    """Whether each group differs from the best beyond chance (Fisher, Holm)."""
    b, m = int(table.loc[best, "positive"]), int(table.loc[best, "n"])
    p_values = []
    for group in others:
        a, n = int(table.loc[group, "positive"]), int(table.loc[group, "n"])
        p_values.append(float(fisher_exact([[a, n - a], [b, m - b]]).pvalue))
    return holm(p_values) < P_LIMIT


def _evidence(people: GroupDecisions, **found: object) -> Evidence:
    return Evidence(columns=people.attribute, of=len(people.groups), **found)


def _power(p1: float, p2: float, n1: int, n2: int) -> float:
    """Power of a two-sided test of two shares at 1 %."""
    spread = math.sqrt(p1 * (1 - p1) / n1 + p2 * (1 - p2) / n2)
    return float(norm.cdf(abs(p1 - p2) / spread - 2.576)) if spread else 0.0


@check("FA-02")
def error_rates(people: GroupDecisions, rule: Rule) -> Iterator[Evidence]:
    """Look for a gap in false-positive or false-negative rate, with evidence."""
    if len(set(people.groups)) < 2:
        raise NotApplicable("one group only")
    worst, alarms, unclear, n_rows = 0.0, [], [], 0
    for name, label in (("false-positive", 0), ("false-negative", 1)):
        rows = people.truth == label
        wrong = (people.predicted != people.truth)[rows].astype(int)
        table = counts(wrong, people.groups[rows])
        if len(table) < 2:
            unclear.append(name)
            continue
        gap, clear, open_, pairs, sizes = _gaps(table, rule.limit)
        alarms += [f"{name} rate {pairs[k]}" for k in np.flatnonzero(clear)]
        unclear += [f"{name} rate {pairs[k]}" for k in np.flatnonzero(open_)]
        worst = max(worst, float(gap.max()))
        n_rows = max([n_rows, *sizes[clear].tolist()])
    status, text = Status.PASSED, f"largest gap in an error rate {display(worst, 'share')}"
    if alarms:
        status, text = rule.alarm, f"{text}: {'; '.join(alarms[:4])}"
    elif unclear:
        status = Status.INCONCLUSIVE
        text = f"{text}; too few people to exclude ten points: {'; '.join(unclear[:4])}"
    yield _evidence(people, n=n_rows if alarms else 0, value=worst, note=text, status=status)


def _gaps(
    table: pd.DataFrame, limit: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray, list[str], np.ndarray]:
    """Gap of each pair of groups; clearly beyond the limit; open; names; people in both."""
    first, second = np.triu_indices(len(table), 1)
    wrong, n = table["positive"].to_numpy(), table["n"].to_numpy()
    gap = np.abs(wrong[first] / n[first] - wrong[second] / n[second])
    sides = (wrong[first], n[first], wrong[second], n[second])
    level = P_LIMIT / (2 * len(gap))
    low, high = np.sort(confint_proportions_2indep(*sides, method="newcomb", alpha=level), axis=0)
    clear = (np.maximum(low, -high) > 0) & (gap > limit)
    open_ = ~clear & (np.maximum(np.abs(low), np.abs(high)) > limit)
    pairs = [f"{g} v {h}" for g, h in zip(table.index[first], table.index[second], strict=True)]
    return gap, clear, open_, pairs, n[first] + n[second]


@check("FA-03")
def calibration(people: GroupDecisions, rule: Rule) -> Iterator[Evidence]:
    """Observed over expected outcomes by group outside 0.8 to 1.25, with evidence."""
    if people.probability is None:
        raise NotApplicable("no scores given, calibration by group not looked at")
    names, worst, alarms, unclear = sorted(set(people.groups)), 1.0, [], []
    z = float(norm.ppf(1 - P_LIMIT / (2 * len(names))))
    for name in names:
        p, happened = (a[people.groups == name] for a in (people.probability, people.outcome))
        expected, spread = float(p.sum()), math.sqrt(float((p * (1 - p)).sum()))
        if expected <= 0 or spread == 0:
            unclear.append(name)
            continue
        ratio, half = int(happened.sum()) / expected, z * spread / expected
        worst = max(worst, ratio, key=lambda r: abs(math.log(max(r, 1e-9))))
        if ratio + half < CALIBRATED[0] or ratio - half > CALIBRATED[1]:
            alarms.append(name)
        elif ratio - half < CALIBRATED[0] or ratio + half > CALIBRATED[1]:
            unclear.append(name)
    text = f"observed over expected outcomes furthest from 1: {display(worst)}"
    if alarms:
        text = f"{text}; outside 0.8 to 1.25: {', '.join(alarms)}"
    status = rule.alarm if alarms else Status.INCONCLUSIVE if unclear else Status.PASSED
    yield _evidence(people, n=0, value=worst, note=text, status=status)


@check("FA-13")
def estimability(people: GroupDecisions, rule: Rule) -> Iterator[Evidence]:
    """List groups too small, or without one of the two outcomes: never green."""
    table = counts(people.truth, people.groups)
    one_sided = (table["positive"] == 0) | (table["positive"] == table["n"])
    thin = table[(table["n"] < rule.limit) | one_sided]
    if thin.empty:
        text, status = "every group has at least 50 people and both outcomes", Status.PASSED
    else:
        listed = ", ".join(f"{name} (n {row.n})" for name, row in list(thin.iterrows())[:6])
        text, status = f"cannot be judged: {listed}", Status.INCONCLUSIVE
    n = int(thin["n"].sum())
    yield _evidence(people, n=n, value=float(len(thin)), note=text, status=status)
