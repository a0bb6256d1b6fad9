"""Change points of a base in few numbers: by month, by segment, and how often a placebo alarms."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from narwhals.typing import IntoFrame

from segwork import evidence, sequences
from segwork.changepoints.buying import buy
from segwork.changepoints.panel import KINDS, PanelChanges, date_probability, enough, judge
from segwork.changepoints.panel_network import usual_spread

LEVELS = (0.01, 0.05, 0.10, 0.20)


def by_month(changes: PanelChanges) -> pd.DataFrame:
    """Count changes by month of their most probable date.

    Returns
    -------
    pandas.DataFrame
        ``month`` (2026-01), ``changed`` and one column for each kind, ``tested`` (customers whose
        observation had begun by then), ``share`` with ``low`` and ``high`` (Wilson, 95 %).
    """
    tested = changes.table[changes.table["p"].notna()]
    days = sequences.PERIOD_DAYS[changes.period]
    begun = changes.as_of - pd.to_timedelta(days * tested["periods"], unit="D")
    if tested.empty:
        return pd.DataFrame(columns=["month", "changed", "tested", "share", "low", "high"])
    rows = []
    for month in pd.period_range(begun.min(), changes.as_of - pd.Timedelta(days=1), freq="M"):
        here = tested[tested["changed_at"].dt.to_period("M") == month]
        there = int((begun <= month.end_time).sum())
        interval = evidence.wilson(len(here), there)
        rows.append(
            {"month": str(month), "changed": len(here)}
            | {kind: int((here["kind"] == kind).sum()) for kind in KINDS[:4]}
            | {"tested": there, "share": len(here) / there}
            | {"low": interval.low, "high": interval.high}
        )
    return pd.DataFrame(rows)


def last_quarter(
    changes: PanelChanges, *, days: int = 91, delay: int = 0
) -> dict[str, float | int | str]:
    """Return the share of tested customers that stopped or fell in the last days, as facts.

    ``delay`` leaves out so many days at the end, in which a stop could not be seen yet.
    """
    tested = changes.table[changes.table["p"].notna()]
    end = changes.as_of - pd.Timedelta(days=delay)
    inside = tested["changed_at"].between(end - pd.Timedelta(days=days), end)
    lost = tested["kind"].isin(("stop", "fall")) & inside
    if tested.empty:
        return {}
    interval = evidence.wilson(int(lost.sum()), len(tested))
    return {
        "lost_last_quarter_share": float(lost.mean()),
        "lost_last_quarter_share_low": interval.low,
        "lost_last_quarter_share_high": interval.high,
        "lost_last_quarter_share_n": len(tested),
    }


@dataclass(frozen=True)
class Example:
    """A simulated customer: orders and date probability by week, and the week of the change."""

    counts: np.ndarray
    probability: np.ndarray
    week: int


def example_customer(*, seed: int = 0) -> Example:
    """Simulate a buyer of three orders in two weeks who falls to two fifths in week 60 of 104."""
    rate = 1.5 * np.where(np.arange(104) < 60, 1.0, 0.4)[None, :]
    counts = buy(rate, np.random.default_rng(seed))
    shape = np.full(counts.shape, 1 / 104)
    usual = usual_spread(counts, shape)  # his own
    _, probability = date_probability(counts, shape, usual)
    return Example(counts[0], probability[0], 60)


def by_segment(changes: PanelChanges, segments: pd.DataFrame) -> pd.DataFrame:
    """Count kinds of change among the tested customers of each segment.

    Parameters
    ----------
    changes : PanelChanges
    segments : pandas.DataFrame
        ``customer_id`` and ``segment``.

    Returns
    -------
    pandas.DataFrame
        ``segment, kind, customers, tested, share``; every segment with every kind of change.
    """
    named = changes.table[["customer_id", "kind", "p"]].merge(
        segments[["customer_id", "segment"]], on="customer_id"
    )
    tested = named[named["p"].notna()]
    counts = pd.crosstab(tested["segment"].astype(str), tested["kind"])
    counts = counts.reindex(columns=list(KINDS[:4]), fill_value=0)
    long = counts.stack().rename("customers").reset_index()  # noqa: PD013 (one row per pair)
    sizes = tested["segment"].astype(str).value_counts()
    long["tested"] = long["segment"].map(sizes)
    long["share"] = long["customers"] / long["tested"]
    return long


def placebo_alarms(
    transactions: IntoFrame, changes: PanelChanges, *, customers: int = 2_000, seed: int = 0
) -> pd.DataFrame:
    """Shuffle the gaps between orders of customers without a verdict, and count the alarms.

    Gaps are shuffled on a circle as long as the observation, which leaves total and regularity of
    buying as they are and no change; shuffled weeks would make regular buyers irregular.

    Parameters
    ----------
    transactions : native frame
    changes : PanelChanges
        What :func:`detect_panel` found in them.
    customers : int, default 2,000
        At most so many customers with enough data, drawn at random.
    seed : int, default 0

    Returns
    -------
    pandas.DataFrame
        ``nominal`` (1, 5, 10, 20 %), ``observed``, ``low``, ``high``, ``n``; empty where no
        customer has enough data.
    """
    base = sequences.panel(transactions, as_of=changes.as_of, period=changes.period)
    rng = np.random.default_rng(seed)
    rows = np.flatnonzero(enough(base) & (changes.table["kind"] == "none").to_numpy())
    order = np.lexsort(base.counts[rows].T)
    rows = rows[order][np.sort(rng.permutation(len(rows))[:customers])]
    p = judge(_shuffled(base, rows, rng), seed=seed)[0]["p"].dropna().to_numpy()
    observed = []
    for level in LEVELS if len(p) else ():
        hits = int((p <= level).sum())
        interval = evidence.wilson(hits, len(p))
        observed.append((level, hits / len(p), interval.low, interval.high, len(p)))
    return pd.DataFrame(observed, columns=["nominal", "observed", "low", "high", "n"])


def _shuffled(base: sequences.Panel, rows: np.ndarray, rng: np.random.Generator):
    """Give the chosen customers their own gaps in random order, from a random start."""
    counts = base.counts[rows].copy()
    for row, exposed in zip(counts, base.exposed[rows], strict=True):
        row[exposed] = _gaps_permuted(row[exposed], rng)
    return replace(
        base, customer_id=base.customer_id[rows], counts=counts, exposed=base.exposed[rows]
    )


def _gaps_permuted(counts: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    span = counts.size
    moments = np.sort(np.repeat(np.arange(span), counts) + rng.random(int(counts.sum())))
    gaps = np.diff(np.append(moments, moments[0] + span))
    moved = (np.cumsum(rng.permutation(gaps)) + span * rng.random()) % span
    return np.bincount(np.minimum(moved.astype(int), span - 1), minlength=span)


def answer(changes: PanelChanges) -> dict[str, str]:
    """Return what was found, what it means and what to do, for the first screen.

    Examples
    --------
    Without a customer who could be tested nothing is claimed: see ``tests``.
    """
    facts = changes.facts()
    customers, tested = int(facts["customers"]), int(facts["tested_customers"])
    silent = float(facts.get("without_answer_share", 1.0))
    start = f"Of {customers:,} customers {silent:.1%} have neither a verdict nor an outlook."
    if not tested:
        return {
            "found": f"{start} Nobody has the orders and weeks that a verdict needs.",
            "means": "Whether somebody's buying changed cannot be said from these orders.",
            "do": "Use the outlook below, and look again with a longer history.",
        }
    changed, false = float(facts["changed_share"]), float(facts["expected_false_alarms"])
    low, high = float(facts["changed_share_low"]), float(facts["changed_share_high"])
    return {
        "found": (
            f"{start} {tested:,} could be tested; the buying of {changed:.1%} (95 % interval"
            f" {low:.1%} to {high:.1%}) changed: {facts['stop_customers']:,} stopped,"
            f" {facts['fall_customers']:,} fell, {facts['rise_customers']:,} rose,"
            f" {facts['temporary_customers']:,} had an episode that passed."
        ),
        "means": f"About {false:,.0f} of these verdicts are false; nobody can say which.",
        "do": _first(changes),
    }


def _first(changes: PanelChanges, days: int = 91) -> str:
    """Say whom to write to first: young losses, as far as they can be seen, then the cooling."""
    table, since = changes.table, changes.as_of - pd.Timedelta(days=days)
    gone = table["kind"].isin(("stop", "fall")) & (table["changed_at"] >= since)
    young, cooling = int(gone.sum()), int((table["outlook"] == "cooling").sum())
    if not young:
        return f"Write to the {cooling:,} who are cooling; no verdict is young enough to win back."
    who = "the one who" if young == 1 else f"the {young:,} who"
    return (
        f"Begin with {who} stopped or fell within the last {days} days, the most valuable first;"
        f" most stops so young cannot be seen yet, so the {cooling:,} who are cooling come next."
    )
