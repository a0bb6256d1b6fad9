"""Would it still hold next quarter? Time, customers and label windows: OF-02, 08, 09, 15, 19."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import numpy as np

from segwork.checks import Evidence, Inconclusive, NotApplicable, Rule, check
from segwork.overfitting.examination import Examination, answer
from segwork.overfitting.periods import apart, open_tail, remembered_gain
from segwork.overfitting.problem import days_since_epoch
from segwork.overfitting.roc import Estimate
from segwork.results import Status

FEWEST_EVENTS = 30


@check("OF-02")
def later_gap(x: Examination, rule: Rule) -> Iterator[Evidence]:
    """Cross-validated area inside the earlier period minus the area in the later one."""
    if isinstance(x.later, str):
        raise NotApplicable(x.later)
    gap, low = apart(x.later.inside, x.later.after)
    text = (
        f"area {x.later.inside.value:.3f} by cross-validation up to the cut,"
        f" {x.later.after.value:.3f} after it (gap {gap:+.3f}, at least {low:+.3f})"
    )
    status = rule.alarm if low > rule.limit else Status.PASSED
    if status is Status.PASSED and gap > rule.limit:
        status = Status.INCONCLUSIVE
    yield Evidence(n=x.later.rows, of=len(x.sampled), value=gap, note=text, status=status)


@check("OF-08")
def same_customers(x: Examination, rule: Rule) -> Iterator[Evidence]:
    """Measure what a model gains from meeting a customer again in the held-out rows."""
    groups = x.whole.groups
    if x.held is not None and groups is not None:
        both = np.isin(groups[x.held], groups[~x.held])
        rows, of = np.flatnonzero(x.held)[both], int(x.held.sum())
        text = f"{len(rows):,} held-out rows belong to customers that are also learned from"
        yield answer(rule, len(rows) > 0, text, rows=rows, of=of)
        return
    sampled = x.sampled
    if sampled.groups is None:
        raise NotApplicable("no groups given")
    n = int((np.bincount(sampled.groups)[sampled.groups] > 1).sum())
    if n == 0 or "grouped" not in x.crosses:
        yield answer(rule, False, "no customer has two rows", n=0, of=len(sampled))
        return
    text = f"{n:,} rows belong to customers with several rows"
    gain, status = x.crosses["random"].held.minus(x.crosses["grouped"].held), Status.PASSED
    if _flatters(gain, rule):
        text += f"; a random split flatters this model by {gain.value:+.3f} in area"
        status = rule.alarm
    elif _flatters(probe := remembered_gain(sampled), rule):
        text += f"; a random split flatters a forest by {probe.value:+.3f}, this model by less"
        status = Status.WARNED
    else:
        text += "; parting them changes nothing that can be seen"
    yield Evidence(n=n, of=len(sampled), value=gain.value, note=text, status=status)


def _flatters(gain: Estimate, rule: Rule) -> bool:
    return gain.value >= rule.limit and gain.interval(0.99).low > 0


@check("OF-09")
def future_rows(x: Examination, rule: Rule) -> Iterator[Evidence]:
    """Rows from after the decision, held-out rows older than learned ones, or what time hides."""
    time, as_of = x.whole.time, x.design.as_of
    late = np.zeros(0) if time is None or as_of is None else time >= days_since_epoch(as_of)
    if late.any():
        text = f"{int(late.sum()):,} rows lie on or after {as_of}"
        yield answer(rule, True, text, rows=np.flatnonzero(late), of=len(x.whole))
    elif x.held is not None and time is not None:
        rows = np.flatnonzero(x.held)[time[x.held] <= time[~x.held].max()]
        text = f"{len(rows):,} held-out rows are not later than the last row learned from"
        yield answer(rule, len(rows) > 0, text, rows=rows, of=int(x.held.sum()))
    else:
        yield _flattered_by_time(x, rule)


def _flattered_by_time(x: Examination, rule: Rule) -> Evidence:
    """Measure how far a random split, which learns from the future, flatters."""
    if x.sampled.time is None:
        raise NotApplicable("no time given")
    if "time-ordered" not in x.crosses:
        raise NotApplicable("too few moments for a split by time")
    random, ordered = x.crosses["random"], x.crosses["time-ordered"]
    flatter, low = apart(random.held, ordered.held)
    text = (
        f"area {random.held.value:.3f} in a random split, {ordered.held.value:.3f} in a split by"
        f" time (the random one flatters by {flatter:+.3f}, at least {low:+.3f})"
    )
    size = {"n": len(ordered.rows), "of": len(x.sampled)}
    return answer(rule, low > rule.limit, text, value=flatter, **size)


@check("OF-15")
def rules_gone(x: Examination, rule: Rule) -> Iterator[Evidence]:
    """Rules that lift the rarest class in the earlier period only, wherever that ends."""
    if isinstance(x.rules, str):
        raise NotApplicable(x.rules)
    table, share = x.rules
    gone = table[table["gone"]]
    if gone.empty:
        text = f"{len(table)} rules looked at; none holds in the earlier period only"
        yield answer(rule, False, text, n=0, of=len(x.problem))
        return
    worst = gone.iloc[0]
    text = (
        f"{worst['rule']}: lift {worst['lift_before']:.2f} ({worst['low_before']:.2f} to"
        f" {worst['high_before']:.2f}) in the first {share:.0%} of the rows,"
        f" {worst['lift_after']:.2f} ({worst['low_after']:.2f} to {worst['high_after']:.2f}) after"
    )
    columns = tuple(dict.fromkeys(gone["column"]))
    n = int(worst["n_before"] + worst["n_after"])
    yield answer(rule, True, text, columns=columns, n=n, of=len(x.problem))


@check("OF-19")
def open_labels(x: Examination, rule: Rule) -> Iterator[Evidence]:
    """Rows whose outcome was not known yet: by date where declared, else by their rate."""
    rows, as_of, days = x.problem, x.design.as_of, x.design.label_days
    if rows.time is None:
        raise NotApplicable("no time given")
    if as_of is not None and days is not None:
        young = np.flatnonzero(rows.time > days_since_epoch(as_of - timedelta(days=days)))
        text = f"{len(young):,} rows are younger than the label window of {days} days on {as_of}"
        yield answer(rule, len(young) > 0, text, rows=young, of=len(rows))
        return
    event, label = rows.codes == rows.rare, rows.classes[rows.rare]
    if event.sum() < FEWEST_EVENTS:
        raise Inconclusive(f"fewer than {FEWEST_EVENTS} events to compare by date")
    found = open_tail(rows.time, event)
    if found is None:
        text = f"the share of {label} does not break off at the end"
        yield answer(rule, False, text, n=0, of=len(rows))
        return
    n, rate, base = found
    text = f"{label} is {rate:.1%} of the last {n:,} rows and {base:.1%} before: an open window?"
    yield answer(rule, True, text, n=n, of=len(rows))
