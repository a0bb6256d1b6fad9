"""Bases of customers with known changes, to measure what ``changepoints`` finds and invents."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from segwork import evidence, sequences
from segwork.changepoints import PanelChanges, detect_panel
from segwork.changepoints.simulate_customers import buy

AS_OF = pd.Timestamp("2024-01-01")
WEEKS = 104
NULLS = ("Poisson", "negative binomial, size 1", "Erlang-2", "shared season", "cohort trend")
CHANGES = {"halving": 0.5, "doubling": 2.0, "stop": 0.0}
NEAR = 5  # weeks
LEVELS = (0.01, 0.05, 0.10, 0.20)


@dataclass(frozen=True)
class World:
    """Order lines, by customer (0, 1, …) the week of the change (-1: none), and all weeks."""

    transactions: pd.DataFrame
    week: np.ndarray
    weeks: int = WEEKS


def order_lines(counts: np.ndarray, rng: np.random.Generator) -> pd.DataFrame:
    """Turn orders per customer and week into order lines at random moments of the week."""
    customer, week = np.nonzero(counts)
    repeat = counts[customer, week]
    customer, week = np.repeat(customer, repeat), np.repeat(week, repeat)
    before = (counts.shape[1] - week) * 604_800 - rng.integers(0, 604_800, week.size)
    when = AS_OF - pd.to_timedelta(before, unit="s")
    return pd.DataFrame(
        {"customer_id": customer, "ordered_at": when, "order_id": np.arange(week.size)}
    )


def unchanged(name: str, customers: int, rng: np.random.Generator) -> World:
    """Draw a base in which nobody changes: one of ``NULLS``, log-normal rates around 0.8 a week."""
    week = np.arange(WEEKS)
    rate = np.exp(rng.normal(np.log(0.8), 0.7, customers))[:, None] * np.ones(WEEKS)
    if name == "shared season":
        rate = rate * np.exp(0.5 * np.sin(2 * np.pi * week / 52) + 0.8 * (week % 52 > 47))
    if name == "cohort trend":
        rate = rate * np.exp(-week / WEEKS)
    size = 1.0 if name == "negative binomial, size 1" else np.inf
    counts = buy(rate, rng, size=size, regularity=2 if name == "Erlang-2" else 1)
    return World(order_lines(counts, rng), np.full(customers, -1))


def one_change(name: str, customers: int, rng: np.random.Generator, *, share: float = 0.2) -> World:
    """Draw Poisson buyers of one order a week; a share changes at week 52 as ``CHANGES`` says."""
    week = np.where(np.arange(customers) < share * customers, WEEKS // 2, -1)
    return World(order_lines(buy(_changed(1.0, week, CHANGES[name]), rng), rng), week)


def mixed(customers: int, rng: np.random.Generator, *, share: float = 0.25) -> World:
    """Draw all kinds of buyers; a share stops (one in four), falls or rises at any week."""
    rate = np.clip(np.exp(rng.normal(np.log(0.7), 1.0, customers)), 9 / WEEKS, 8.0)
    kind = rng.random(customers)
    size = np.where(kind < 0.35, np.exp(rng.uniform(np.log(0.4), np.log(6), customers)), np.inf)
    regularity = np.where(kind > 0.75, rng.integers(2, 5, customers), 1)
    ratio = np.exp(rng.uniform(0.4, 1.8, customers) * rng.choice([-1, 1], customers))
    ratio[rng.random(customers) < 0.25] = 0.0
    week = np.where(rng.random(customers) < share, rng.integers(5, WEEKS - 5, customers), -1)
    expected = rate[:, None] * _changed(1.0, week, ratio[:, None])
    counts = buy(expected, rng, size=size, regularity=regularity)
    return World(order_lines(counts, rng), week)


def _changed(rate: float, week: np.ndarray, factor) -> np.ndarray:
    later = (week[:, None] >= 0) & (np.arange(WEEKS) >= week[:, None])
    return np.where(later, rate * factor, rate)


def spliced(
    transactions: pd.DataFrame, *, as_of: str, rng: np.random.Generator, change: float
) -> World:
    """Plant changes in a real base: its customers' weeks, shuffled, then joined in pairs.

    The weeks of every customer with enough orders are shuffled, which keeps how clumped real
    buying is and takes out whatever change there was. The second half of the weeks then comes
    from another customer: of like rate (``change`` 1, a placebo) or as near as there is to
    ``change`` times the rate. One base in five is spliced, the rest stays shuffled.
    """
    panel = sequences.panel(transactions, as_of=as_of)
    weeks = int(np.median(panel.lengths[panel.totals >= 8]))
    able = (panel.totals >= 8) & (panel.lengths >= weeks)
    counts = rng.permuted(panel.counts[able][:, -weeks:], axis=1)
    counts = counts[counts.sum(1) >= 8]
    order = np.argsort(counts.sum(1) + rng.random(len(counts)))
    counts = counts[order]
    total = counts.sum(1)
    takers = rng.permutation(len(counts))[: len(counts) // 5]
    result = counts.copy()
    for i in takers:
        near = np.clip(
            np.searchsorted(total, change * total[i]) + rng.integers(-3, 4), 0, len(total) - 1
        )
        result[i, weeks // 2 :] = counts[near, weeks // 2 :]
    week = np.full(len(counts), -1)
    week[takers] = weeks // 2
    return World(order_lines(result, rng), week, weeks)


def twin(world: World, *, rng: np.random.Generator, change: float) -> World:
    """Draw Poisson buyers at the rates of a spliced world, changed where and as that one is."""
    orders = np.bincount(world.transactions["customer_id"], minlength=len(world.week))
    later = (world.week[:, None] >= 0) & (np.arange(world.weeks) >= world.week[:, None])
    halves = np.where(world.week >= 0, 1 + change, 2.0) / 2
    rate = orders / world.weeks / halves
    counts = buy(rate[:, None] * np.where(later, change, 1.0), rng)
    return World(order_lines(counts, rng), world.week, world.weeks)


@dataclass(frozen=True)
class Score:
    """How a world was answered; shares of tested customers."""

    found: PanelChanges
    truth: pd.DataFrame

    @staticmethod
    def of(world: World, *, seed: int = 0) -> Score:
        """Run the detector on a world and put its table beside the truth."""
        found = detect_panel(world.transactions, as_of=AS_OF, seed=seed)
        table = found.table[found.table["p"].notna()].copy()
        week = world.week[table["customer_id"].to_numpy(int)]
        start = AS_OF - pd.to_timedelta(7 * (world.weeks - week), unit="D")
        table["changed"] = week >= 0
        off = (table["likely_at"] - pd.Series(start, index=table.index)).abs()
        table["located"] = table["changed"] & (off <= pd.Timedelta(days=7 * NEAR))
        return Score(found, table)

    def alarms(self, level: float = 0.05, *, p: str = "p") -> float:
        """Return the share of unchanged customers with a p-value at or below the level."""
        return float((self.truth.loc[~self.truth["changed"], p] <= level).mean())

    def power(self, level: float = 0.05, *, p: str = "p") -> float:
        """Return the share of changed customers with a p-value at or below the level."""
        return float((self.truth.loc[self.truth["changed"], p] <= level).mean())

    def located(self, level: float = 0.05) -> float:
        """Return the share of changed customers detected and dated within five weeks."""
        changed = self.truth[self.truth["changed"]]
        return float(((changed["p"] <= level) & changed["located"]).mean())

    def false_discoveries(self, q: float = 0.10) -> tuple[float, float]:
        """Return the share of false ones among customers with a verdict, and the power."""
        called = self.truth["q"] <= q
        false = float((called & ~self.truth["changed"]).sum() / max(int(called.sum()), 1))
        return false, float(called[self.truth["changed"]].mean())


def alarm_levels(name: str, score: Score) -> pd.DataFrame:
    """Return observed against nominal false alarms of a world, with Wilson intervals."""
    p = score.truth.loc[~score.truth["changed"], "p"]
    rows = []
    for level in LEVELS:
        interval = evidence.wilson(int((p <= level).sum()), len(p))
        rows.append((name, level, float((p <= level).mean()), interval.low, interval.high, len(p)))
    return pd.DataFrame(rows, columns=["world", "nominal", "observed", "low", "high", "n"])


def power_row(name: str, score: Score) -> dict[str, float | str]:
    """Return what was found in a world, and what the calibrated scan found."""
    false, found = score.false_discoveries()
    return {
        "world": name,
        "network": score.power(),
        "located": score.located(),
        "scan": score.power(p="scan_p"),
        "false alarms": score.alarms(),
        "power at q 0.10": found,
        "false discoveries at q 0.10": false,
        "changed": int(score.truth["changed"].sum()),
    }
