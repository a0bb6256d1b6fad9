"""What to expect of customers with too few orders for a verdict: an outlook from a pooled model.

A change of rate cannot be seen in three orders. What can be said of everybody is how probable it
is that he orders nothing in the next half year, given what all customers taught: the chance of
having left *and* the pace of those who have not. P(alive) alone cannot, since it is one for
one-time buyers of whom nine in ten stay silent. And where single customers have too few orders, a
segment or a cohort of them has enough.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date

import numpy as np
import pandas as pd
from narwhals.typing import IntoFrame
from scipy.optimize import brentq
from scipy.special import expit, logit

from segwork import evidence, sequences
from segwork.errors import DataError, UsageError
from segwork.purchases import MODELS, Occasions, fit, occasions

HORIZON_DAYS = 182
YEAR = 365
FEWEST_DAYS, FEWEST = 7, 100  # of history before the same season a year ago, and customers in it
FEWEST_TRIED = 28  # days in which moving the odds is tried
SAME_SHOP = 1.5  # times the recent customers of a year ago; a growing or ending shop has no season
MOST_SHIFT = 2.0  # of log odds by a season
NEW_DAYS = 28  # a single order so recent says nothing of its customer
COOLING, GONE = 0.5, 0.8  # more likely silent than not; four of five stay silent
OUTLOOKS = ("active", "cooling", "gone", "too new")
BINS = 10
DRAWS, DRAWN = 999, 20_000  # random signs of a group test, and customers in it, at most
EARLIEST = 0.05  # share of the expected orders on either side of a break, at least
AGES = (1, 2, 4, 8, 13, 26, 52, 104)
ALARM = 0.05


def silence(found: Occasions, end: int, days: int = HORIZON_DAYS) -> np.ndarray:
    """Return each customer's probability of no order in the days from a morning on; NaN if unknown.

    It is the mean of BG/NBD, MBG/NBD and Pareto/NBD: nobody knows in which way customers leave, and
    their mean errs least on the shared data. The models know no season: the odds of all are moved
    by what a year ago shows (:func:`season`), unless that would have misled lately. Customers who
    had not ordered yet have none.
    """
    promised = _without_season(found, end, days)
    if not np.isfinite(promised).any():
        return promised
    shift = season(found, end, days, promised)
    return expit(logit(promised) + (shift if shift and _helped(found, end, days) else 0.0))


def _without_season(found: Occasions, end: int, days: int) -> np.ndarray:
    histories, weight, place = found.seen(end).histories((0.0, 0.0))
    try:
        models = [fit(name, histories, weight=weight) for name in MODELS]
    except DataError:
        return np.full(len(place), np.nan)
    mean = np.mean([model.p_silent(histories, days / 7) for model in models], axis=0)
    return np.where(place >= 0, mean[place], np.nan)


def _helped(found: Occasions, end: int, days: int) -> bool:
    """Say whether moving the odds told the last days better; also where history is too short.

    What differs between two years may be a season, or a shop that grows or loses customers sooner
    than a year ago: then the move is wrong for as long as that lasts.
    """
    tried = min(days, end - YEAR - FEWEST_DAYS - _history_begins(found, end))
    if tried < FEWEST_TRIED:
        return True
    cut = end - tried
    promised = _without_season(found, cut, tried)
    known = np.isfinite(promised)
    shift = season(found, cut, tried, promised) if known.any() else 0.0
    if not shift:  # it was another shop then
        return False
    silent = ~found.bought(cut, end)[known]
    odds = logit(promised[known])
    without, moved = (np.logaddexp(0, np.where(silent, -o, o)).mean() for o in (odds, odds + shift))
    return bool(moved < without)


def _history_begins(found: Occasions, end: int) -> int:
    """Return the first day after the last year without any order; a lone 1970 begins nothing."""
    days = np.unique(found.day[found.day < end])
    late = np.flatnonzero(np.diff(days) > YEAR)
    return int(days[late[-1] + 1 if len(late) else 0]) if len(days) else end


def season(found: Occasions, end: int, days: int, promised: np.ndarray) -> float:
    """Return by how much the log odds of silence differ in this season; zero where not known.

    Those who ordered in the weeks before the same day of last year are compared with those who did
    so now: the odds are moved until as many silent ones are promised as there were then. A season
    moves who orders once and who orders weekly alike, which a faster or slower clock would not. It
    is not known in the first year, nor where the shop was another one then.
    """
    then = end - YEAR
    back = min(HORIZON_DAYS, then - _history_begins(found, end))
    before, now = (found.bought(day - back, day) for day in (then, end))
    alike = now.sum() < SAME_SHOP * before.sum() and before.sum() < SAME_SHOP * now.sum()
    if days > YEAR or back < FEWEST_DAYS or before.sum() < FEWEST or not alike:
        return 0.0
    silent = float((~found.bought(then, then + days))[before].mean())
    odds = logit(promised[now])

    def above(shift: float) -> float:
        return float(expit(odds + shift).mean()) - silent

    low, high = -MOST_SHIFT, MOST_SHIFT
    return brentq(above, low, high) if above(low) < 0 < above(high) else np.sign(-above(0)) * high


def outlook(transactions: IntoFrame, *, as_of: date | str) -> pd.DataFrame:
    """Tell what to expect of every customer in the next half year.

    Parameters
    ----------
    transactions : native frame
        As in :func:`segwork.changepoints.detect_panel`.
    as_of : date

    Returns
    -------
    pandas.DataFrame
        Index ``customer_id``: ``outlook`` and ``outlook_probability``, the probability of no order
        in the next 182 days. active: below one half; cooling: below 0.8; gone: above; too new: one
        order within the last four weeks, or none but returns (whose probability is missing).

    Examples
    --------
    >>> days = pd.to_datetime(["2024-01-01", "2024-02-01", "2024-02-25", "2023-01-01"])
    >>> lines = pd.DataFrame({"customer_id": list("aaab"), "ordered_at": days})
    >>> outlook(lines, as_of="2024-03-01")["outlook"].tolist()
    ['active', 'gone']
    """
    found = occasions(transactions, as_of=as_of)
    probability = silence(found, found.end)
    seen = found.seen(found.end)
    new = np.isnan(probability) | ((seen.times < 2) & (seen.age < NEW_DAYS))
    cases = [new, probability < COOLING, probability < GONE]
    words = np.select(cases, [OUTLOOKS[3], *OUTLOOKS[:2]], OUTLOOKS[2])
    return pd.DataFrame(
        {"outlook": words, "outlook_probability": probability},
        index=pd.Index(found.customer_id, name="customer_id"),
    )


@dataclass(frozen=True)
class OutlookTest:
    """How the outlook of half a year ago turned out.

    Attributes
    ----------
    table : pandas.DataFrame
        Ten groups of customers by probability: ``promised`` and ``silent`` (shares), ``customers``.
        Empty where the history is shorter than a year.
    auc, gap, answered : float
        Area under the curve for "no order"; mean distance of promised and observed over the groups;
        share of the customers of then who were not too new.
    days : int
        Length of the period looked at.
    """

    table: pd.DataFrame = field(repr=False)
    auc: float
    gap: float
    answered: float
    days: int

    def facts(self) -> dict[str, float | int | str]:
        """Return what could be measured."""
        if self.table.empty:
            return {}
        facts = {"outlook_gap": self.gap, "outlook_answered_share": self.answered}
        return {**facts, "outlook_auc": self.auc} if np.isfinite(self.auc) else facts


def outlook_test(
    transactions: IntoFrame, *, as_of: date | str, days: int = HORIZON_DAYS
) -> OutlookTest:
    """Work out the outlook as of ``days`` ago and compare it with what came.

    Lines on or after ``as_of`` are not used.

    Raises
    ------
    UsageError
        ``days`` is no whole number from one on.
    """
    from sklearn.metrics import roc_auc_score

    UsageError.unless_whole(days=days, least=1)
    found = occasions(transactions, as_of=as_of)
    cut = found.end - days
    nothing = OutlookTest(
        pd.DataFrame(columns=["promised", "silent", "customers"]), *[np.nan] * 3, days
    )
    if cut - found.begin < days:
        return nothing
    promised, seen = silence(found, cut, days), found.seen(cut)
    known = np.isfinite(promised)
    if not known.any():
        return nothing
    new = (seen.times < 2) & (seen.age < NEW_DAYS)
    silent = (~found.bought(cut, cut + days))[known].astype(float)
    promised = promised[known]
    order = np.argsort(promised, kind="stable")
    level = pd.Series(silent).groupby(promised).transform("mean").to_numpy()  # ties are one group
    parts = [part for part in np.array_split(order, BINS) if part.size]
    rows = [(promised[part].mean(), level[part].mean(), part.size) for part in parts]
    table = pd.DataFrame(rows, columns=nothing.table.columns)
    miss = (table["promised"] - table["silent"]).abs()
    auc = float(roc_auc_score(silent, promised)) if 0 < silent.mean() < 1 else np.nan
    gap = float((miss * table["customers"]).sum() / table["customers"].sum())
    return OutlookTest(table, auc, gap, float(1 - new[known].mean()), days)


def group_changes(
    transactions: IntoFrame,
    groups: pd.Series | None = None,
    *,
    as_of: date | str,
    period: str = "W",
    seed: int = 0,
) -> pd.DataFrame:
    """Find groups of customers whose buying took another course than that of all customers.

    A group has enough orders where its customers have too few. Its orders up to each period are
    compared with what period and age let expect of its customers, given the group's total; the
    spread is taken between customers, so that no single one makes a group change.

    Parameters
    ----------
    transactions : native frame
        As in :func:`segwork.changepoints.detect_panel`.
    groups : pandas.Series, optional
        Group by customer id; by default the quarter of the first order.
    as_of, period, seed
        As in :func:`segwork.changepoints.detect_panel`; the seed draws the random signs.

    Returns
    -------
    pandas.DataFrame
        Index ``group``: ``customers, orders, changed_at`` (NaT where not changed), ``factor``
        (orders over expected from the likeliest break on, over the same before it) and ``p`` (Holm
        over the groups; at most 0.05 for a change).

    References
    ----------
    Wu (1986), "Jackknife, bootstrap and other resampling methods", Annals of Statistics 14(4): the
    distribution of the largest contrast is that under random signs of the customers' parts.

    Examples
    --------
    >>> days = pd.date_range("2024-01-01", periods=40, freq="7D")
    >>> lines = pd.DataFrame({"customer_id": np.repeat(list("abcd"), 40),
    ...     "ordered_at": np.tile(days, 4)})
    >>> groups = pd.Series({"a": "x", "b": "x", "c": "y", "d": "y"})
    >>> bool(group_changes(lines, groups, as_of="2024-10-07")["changed_at"].isna().all())
    True
    """
    base = sequences.panel(transactions, as_of=as_of, period=period)
    groups = _cohorts(transactions, as_of) if groups is None else groups
    named = groups.reindex(base.customer_id).to_numpy(object)
    codes, names = pd.factorize(named, sort=True)
    due = _due(base)
    rows = []
    for code in range(len(names)):
        mine = np.flatnonzero(codes == code)
        keys = np.column_stack([base.counts[mine], base.lengths[mine]])
        mine = mine[np.lexsort(keys.T)]  # the order of customers plays no part
        sample = mine[:: -(-len(mine) // DRAWN)]
        rng = np.random.default_rng([seed, code])
        index, factor, p = _break(base.counts[sample].astype(float), due[sample], rng)
        total = int(base.totals[mine].sum())
        rows.append((len(mine), total, base.starts[index], factor, p))
    names_of = ["customers", "orders", "changed_at", "factor", "p"]
    table = pd.DataFrame(rows, columns=names_of, index=pd.Index(names, name="group"))
    table["p"] = evidence.holm(table["p"].to_numpy(float))
    table["changed_at"] = table["changed_at"].where(table["p"] <= ALARM)
    return table


def _cohorts(transactions: IntoFrame, as_of: date | str) -> pd.Series:
    """Return the quarter of each customer's first order."""
    found = occasions(transactions, as_of=as_of)
    seen = found.seen(found.end)
    first = pd.to_datetime(found.end - 1 - seen.age, unit="D").to_period("Q").astype(str)
    return pd.Series(first, found.customer_id).where(seen.times > 0)


def _due(base: sequences.Panel) -> np.ndarray:
    """Return the orders that period and age alone let expect, shape (customers, periods)."""
    counts = base.counts.astype(float)
    age = np.digitize(np.cumsum(base.exposed, axis=1), AGES)
    seen = np.bincount(age.ravel(), counts.ravel(), len(AGES) + 1)
    due = base.exposed.astype(float)
    for _ in range(5):
        due *= counts.sum(axis=0) / np.maximum(due.sum(axis=0), 1e-12)
        now = np.bincount(age.ravel(), due.ravel(), len(AGES) + 1)
        due *= (seen / np.maximum(now, 1e-12))[age]
    return due


def _break(
    counts: np.ndarray, due: np.ndarray, rng: np.random.Generator
) -> tuple[int, float, float]:
    """Return the likeliest break of a group's course, its factor, and the p-value of any break."""
    seen, expected = counts.sum(axis=0), due.sum(axis=0)
    total = expected.sum()
    if not total or not seen.sum() or len(counts) < 2:
        return 0, np.nan, np.nan
    share = np.cumsum(expected) / total
    parts = np.cumsum(counts - due * seen.sum() / total, axis=1)
    parts = (parts - share * parts[:, -1:])[:, (share > EARLIEST) & (share < 1 - EARLIEST)]
    if not parts.shape[1]:
        return 0, np.nan, np.nan
    spread = np.sqrt(np.maximum((parts**2).sum(axis=0), 1e-12))
    contrast = np.abs(parts.sum(axis=0)) / spread
    signs = rng.integers(0, 2, (DRAWS, len(counts))) * 2 - 1
    largest = (np.abs(signs @ parts) / spread).max(axis=1)
    p = (1 + (largest >= contrast.max()).sum()) / (1 + DRAWS)
    index = int(np.flatnonzero(share > EARLIEST)[0] + contrast.argmax()) + 1
    before, after = (seen[s].sum() / expected[s].sum() for s in (slice(index), slice(index, None)))
    return index, float(after / before) if before else np.inf, float(p)
