"""Would it still hold next quarter? Time, customers and label windows: OF-02, 08, 09, 15, 19."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
import pandas as pd
from scipy.stats import binom, norm
from sklearn.ensemble import ExtraTreesClassifier

from segwork.overfitting.case import Case, days_since_epoch
from segwork.overfitting.findings import Check, alarm, not_applicable
from segwork.overfitting.roc import Estimate, macro_auc
from segwork.overfitting.splits import (
    CrossScore,
    cross_score,
    grouped_folds,
    random_folds,
    time_cut,
    usable,
)
from segwork.results import Status, display

GAP, ENTITY_GAP = 0.05, 0.02
LEARN_SHARE = 0.7
ENDS = (0.7, 0.5, 0.3)  # shares of the rows after which a rule may have ended
RULE_P, KEPT, FEWEST_TO_COMPARE = 0.01, 0.5, 30
TAILS = (0.025, 0.05, 0.075, 0.1, 0.15, 0.2, 0.25, 0.3)
TAIL_RATIO, SURE_TAIL, SURE_RIPENING = 0.6, 1e-4, 0.01


def later_period(case: Case) -> tuple[np.ndarray, np.ndarray]:
    """Positions of the earlier rows and of the later 30 %."""
    cut = time_cut(case.time, LEARN_SHARE)
    return np.flatnonzero(case.time < cut), np.flatnonzero(case.time >= cut)


def check_later(case: Case) -> tuple[Check, dict[str, float]]:
    """OF-02: cross-validated area inside the earlier period minus the area in the later one."""
    if case.time is None:
        return not_applicable("OF-02", "no time given"), {}
    learn, later = later_period(case)
    if min(len(learn), len(later)) < 50 or not usable(case, [(learn, later)]):
        return not_applicable("OF-02", "too few rows in one period"), {}
    early, late = case.take(learn), case.take(later)
    folds = random_folds(early) if early.groups is None else grouped_folds(early)
    if early.counts.min() < 10 or not (folds := usable(early, folds)):
        return not_applicable("OF-02", "too few rows of a class before the cut"), {}
    inside = cross_score(early, folds).held
    area, pull = macro_auc(late.codes, case.score(case.fit(learn), later))
    gap, low = _apart(inside, Estimate(area, pull, late.groups))
    text = (
        f"Area {inside.value:.3f} by cross-validation up to the cut, {area:.3f} after it"
        f" (gap {gap:+.3f}, at least {low:+.3f})"
    )
    status = alarm("OF-02") if low > GAP else Status.PASSED
    if status is Status.PASSED and gap > GAP:
        status = Status.INCONCLUSIVE
    facts = {"auc_earlier_period": inside.value, "auc_later_period": area, "gap_later": gap}
    return Check("OF-02", status, f"{text}.", n_rows=len(later), share=gap), facts


def _apart(first: Estimate, second: Estimate) -> tuple[float, float]:
    """Difference of two estimates taken as independent, and its lower 95 % bound."""
    gap = first.value - second.value
    return gap, gap - 1.96 * float(np.hypot(first.standard_error, second.standard_error))


def check_split(case: Case, held: np.ndarray | None, as_of: date | None) -> list[Check]:
    """OF-08 and OF-09 as exact rules: a split made elsewhere, and rows from after ``as_of``."""
    checks = []
    if held is not None and case.groups is not None:
        both = np.isin(case.groups[held], case.groups[~held])
        n = int(both.sum())
        text = f"{n:,} held-out rows belong to customers that are also learned from."
        status = alarm("OF-08") if n else Status.PASSED
        checks.append(Check("OF-08", status, text, n_rows=n, share=float(both.mean())))
    if case.time is None:
        return checks
    late = 0 if as_of is None else int((case.time >= days_since_epoch(as_of)).sum())
    if late:
        text = f"{late:,} rows lie on or after {as_of}."
        share = late / len(case)
        checks.append(Check("OF-09", alarm("OF-09"), text, n_rows=late, share=share))
    elif held is not None:
        early = case.time[held] <= case.time[~held].max()
        n = int(early.sum())
        text = f"{n:,} held-out rows are not later than the last row learned from."
        status = alarm("OF-09") if n else Status.PASSED
        checks.append(Check("OF-09", status, text, n_rows=n, share=float(early.mean())))
    return checks


def check_time(case: Case, random: CrossScore, ordered: CrossScore | None) -> Check:
    """OF-09: does a random split, which learns from the future, flatter?"""
    if case.time is None:
        return not_applicable("OF-09", "no time given")
    if ordered is None:
        return not_applicable("OF-09", "too few moments for a split by time")
    flatter, low = _apart(random.held, ordered.held)
    text = (
        f"Area {random.held.value:.3f} in a random split, {ordered.held.value:.3f} in a split by"
        f" time (the random one flatters by {flatter:+.3f}, at least {low:+.3f})."
    )
    status = alarm("OF-09") if low > GAP else Status.PASSED
    return Check("OF-09", status, text, n_rows=len(ordered.rows), share=flatter)


def check_customers(case: Case, random: CrossScore, grouped: CrossScore | None) -> Check:
    """OF-08: what a model gains from meeting a customer again in the held-out rows."""
    if case.groups is None:
        return not_applicable("OF-08", "no groups given")
    n = int((np.bincount(case.groups)[case.groups] > 1).sum())
    if n == 0 or grouped is None:
        return Check("OF-08", Status.PASSED, "No customer has two rows.", n_rows=0, share=0.0)
    text = f"{n:,} rows belong to customers with several rows"
    gain, status = random.held.minus(grouped.held), Status.PASSED
    if _flatters(gain):
        text += f"; a random split flatters this model by {gain.value:+.3f} in area"
        status = alarm("OF-08")
    elif _flatters(probe := _probe_gain(case)):
        text += f"; a random split flatters a forest by {probe.value:+.3f}, this model by less"
        status = Status.WARNED
    else:
        text += "; parting them changes nothing that can be seen"
    return Check("OF-08", status, f"{text}.", n_rows=n, share=n / len(case))


def _flatters(gain: Estimate) -> bool:
    return gain.value >= ENTITY_GAP and gain.interval(0.99).low > 0


def _probe_gain(case: Case) -> Estimate:
    """How much a forest that can remember customers gains from a random split."""
    plain, forest = case.plain(), ExtraTreesClassifier(40, random_state=case.seed)
    apart = usable(plain, grouped_folds(plain))
    mixed = cross_score(plain, random_folds(plain), estimator=forest, train=False)
    return mixed.held.minus(cross_score(plain, apart, estimator=forest, train=False).held)


def check_rules(case: Case) -> tuple[Check, pd.DataFrame]:
    """OF-15: rules that lift the rarest class in the earlier period only, wherever that ends."""
    if case.time is None:
        return not_applicable("OF-15", "no time given"), pd.DataFrame()
    ends = dict.fromkeys(time_cut(case.time, share) for share in ENDS)
    periods = [case.time >= end for end in ends]
    periods = [later for later in periods if min(later.sum(), (~later).sum()) >= 50]
    if not periods:
        return not_applicable("OF-15", "too few rows in one period"), pd.DataFrame()
    event, known = case.codes == case.rare, {"groups": case.groups, "looks": len(periods)}
    found = [(rule_lifts(case.X, event, later, **known), 1 - later.mean()) for later in periods]
    found = [(table, share) for table, share in found if len(table)]
    if not found:
        why = f"no rule parts {FEWEST_TO_COMPARE} customers from as many others in both periods"
        return not_applicable("OF-15", why), pd.DataFrame()
    table, share = min(found, key=lambda one: one[0]["p"].where(one[0]["gone"], 1.0).min())
    gone = table[table["gone"]]
    if gone.empty:
        text = f"{len(table)} rules looked at; none holds in the earlier period only"
        return Check("OF-15", Status.PASSED, f"{text}."), table
    worst = gone.iloc[0]
    columns = tuple(dict.fromkeys(gone["column"]))
    text = (
        f"{worst['rule']}: lift {worst['lift_before']:.2f} ({worst['low_before']:.2f} to"
        f" {worst['high_before']:.2f}) in the first {share:.0%} of the rows,"
        f" {worst['lift_after']:.2f} ({worst['low_after']:.2f} to {worst['high_after']:.2f}) after"
    )
    n = int(worst["n_before"] + worst["n_after"])
    return Check("OF-15", alarm("OF-15"), f"{text}.", columns, n_rows=n), table


def rule_lifts(
    X: pd.DataFrame,
    event: np.ndarray,
    later: np.ndarray,
    *,
    groups: np.ndarray | None = None,
    looks: int = 1,
) -> pd.DataFrame:
    """Compare the lift of every simple rule before and after a cut.

    A rule is a value of a column with few values, or a fifth of a number's range. Lift is the
    share of events among rows where the rule holds, over the share elsewhere in the same period.

    Parameters
    ----------
    X : DataFrame, shape (n, d)
    event, later : ndarray of bool, shape (n,)
    groups : ndarray of int, shape (n,), optional
        Customer codes. A customer's rows then count for as many independent ones as they tell
        (Rao and Scott 1992). Without them every row is a customer.
    looks : int, default 1
        Number of cuts tried, among which both levels are shared.

    Returns
    -------
    DataFrame
        rule, column, n_before, lift_before, low_before, high_before, the same ``_after``,
        ``p`` (one-sided, of a log odds ratio that did not shrink), ``gone``. A rule is gone if
        its effect was clear before (p < 0.01, Bonferroni over all rules), fell to half or less,
        and shrank beyond chance (p < 0.01, Bonferroni over the clear ones). Clear rules come
        first, the clearest change on top.
    """
    rows = []
    for name in X:
        for label, holds in _rules(X[name]):
            before, after = (
                [_arm(part & period, event, groups) for part in (holds, ~holds)]
                for period in (~later, later)
            )
            if min(arm.customers for arm in before + after) >= FEWEST_TO_COMPARE:
                rows.append(_rule_row(f"{name} {label}", name, before, after))
    if not rows:
        return pd.DataFrame()
    table = pd.DataFrame(rows)
    clear = table["p_before"] < RULE_P / looks / len(table)
    shrunk = table["log_odds_after"] * np.sign(table["log_odds_before"]) <= (
        KEPT * table["log_odds_before"].abs()
    )
    table["gone"] = clear & shrunk & (table["p"] < RULE_P / looks / max(int(clear.sum()), 1))
    order = table.assign(unclear=~clear).sort_values(["unclear", "p"], kind="stable").index
    return (
        table.loc[order]
        .reset_index(drop=True)
        .drop(columns=["p_before", "log_odds_before", "log_odds_after"])
    )


def _rules(column: pd.Series) -> list[tuple[str, np.ndarray]]:
    if pd.api.types.is_numeric_dtype(column) and column.nunique() > 31:
        edges = np.unique(column.quantile([0.2, 0.4, 0.6, 0.8]).to_numpy())
        codes = np.where(column.isna(), -1, np.searchsorted(edges, column.to_numpy(), side="left"))
        names = [f"in fifth {i + 1}" for i in range(len(edges) + 1)]
        return [(name, codes == i) for i, name in enumerate(names)]
    values = column.value_counts().head(31).index.tolist()
    if len(values) == 2:
        values = [max(values, key=str)]
    return [(f"= {display(value)}", (column == value).to_numpy()) for value in values]


@dataclass(frozen=True)
class _Arm:
    """Rows and customers of one side of a rule; events and others as if rows were independent."""

    rows: int
    customers: int
    event: float
    other: float


def _arm(part: np.ndarray, event: np.ndarray, groups: np.ndarray | None) -> _Arm:
    """Count one side of a rule; repeated customers weigh less the more alike their rows are.

    Rao and Scott's design effect is the variance of the share over customers against that over
    rows. Nothing varies where nobody or everybody has the event: there a customer counts once.
    """
    n, k = int(part.sum()), int((part & event).sum())
    if groups is None:
        return _Arm(n, n, k, n - k)
    own = np.bincount(groups[part])
    customers = np.count_nonzero(own)
    effect = n / max(customers, 1)
    if 0 < k < n and customers > 1:
        apart = np.bincount(groups[part & event], minlength=len(own)) - own * k / n
        effect = np.sum(apart**2) * customers / (customers - 1) / (k * (n - k) / n)
    effect = max(effect, 1.0)
    return _Arm(n, customers, k / effect, (n - k) / effect)


def _rule_row(rule: str, column: str, before: list[_Arm], after: list[_Arm]) -> dict[str, object]:
    row: dict[str, object] = {"rule": rule, "column": column}
    odds, variance = [], []
    for name, arms in (("before", before), ("after", after)):
        smooth = np.array([count for arm in arms for count in (arm.event, arm.other)]) + 0.5
        odds.append(float(np.log(smooth[0] * smooth[3] / (smooth[1] * smooth[2]))))
        variance.append(float(np.sum(1 / smooth)))
        n, m = smooth[:2].sum(), smooth[2:].sum()
        log_lift = np.log(smooth[0] / n) - np.log(smooth[2] / m)
        half = 1.96 * np.sqrt(1 / smooth[0] - 1 / n + 1 / smooth[2] - 1 / m)
        row |= {
            f"n_{name}": arms[0].rows,
            f"lift_{name}": float(np.exp(log_lift)),
            f"low_{name}": float(np.exp(log_lift - half)),
            f"high_{name}": float(np.exp(log_lift + half)),
            f"log_odds_{name}": odds[-1],
        }
    row["p_before"] = float(2 * norm.sf(abs(odds[0]) / np.sqrt(variance[0])))
    weaker = np.sign(odds[0]) * (odds[0] - odds[1]) / np.sqrt(sum(variance))
    row["p"] = float(norm.sf(weaker))
    return row


def check_label_window(case: Case, as_of: date | None, label_days: int | None) -> Check:
    """OF-19: rows whose outcome was not known yet: by date where declared, else by their rate."""
    if case.time is None:
        return not_applicable("OF-19", "no time given")
    if as_of is not None and label_days is not None:
        closed = days_since_epoch(as_of - timedelta(days=label_days))
        n = int((case.time > closed).sum())
        text = f"{n:,} rows are younger than the label window of {label_days} days on {as_of}"
        status = alarm("OF-19") if n else Status.PASSED
        return Check("OF-19", status, f"{text}.", n_rows=n, share=n / len(case))
    event = case.codes == case.rare
    if event.sum() < 30:
        return Check("OF-19", Status.INCONCLUSIVE, "Fewer than 30 events to compare by date.")
    return _check_tail(case.time, event, case.classes[case.rare])


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


def _check_tail(time: np.ndarray, event: np.ndarray, label: object) -> Check:
    """Look for a last stretch where the rarest class runs dry, or where there is nothing else."""
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
    found = _nothing_else(time, event) or found
    if found is None:
        return Check("OF-19", Status.PASSED, f"The share of {label} does not break off at the end.")
    n, rate, base = found
    text = f"{label} is {rate:.1%} of the last {n:,} rows and {base:.1%} before: an open window?"
    return Check("OF-19", alarm("OF-19"), text, n_rows=n, share=n / len(time))
