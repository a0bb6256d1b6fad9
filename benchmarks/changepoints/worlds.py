"""Bases of customers with known changes, to measure what ``changepoints`` finds and invents."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.special import logsumexp, xlogy

from benchmarks.changepoints.simulate_customers import ways_of_buying
from segwork import evidence, sequences
from segwork.changepoints.buying import buy
from segwork.changepoints.panel import judge

AS_OF = pd.Timestamp("2024-01-01")
WEEKS = 104
NULLS = ("Poisson", "negative binomial, size 1", "Erlang-2", "shared season", "cohort trend")
CHANGES = {"halving": 0.5, "doubling": 2.0, "stop": 0.0}
NEAR = 5  # weeks
LOG_RATIO, STOPS = (0.4, 1.8), 0.25  # of rates after and before; share of stops
LEVELS = (0.01, 0.05, 0.10, 0.20)
GRID = {"rate": (0.25, 0.5, 1.0, 2.0, 4.0), "ratio": (0.0, 0.25, 0.5, 2.0)}
COARSE = {"rate": (0.5, 1.0, 2.0), "ratio": (0.0, 0.5, 2.0)}  # for the mixed population


@dataclass(frozen=True)
class World:
    """Order lines, and by customer (0, 1, …) the week of the change, -1 for none.

    ``rates`` are orders a week before and after, (customers, 2), where a splice knows them.
    """

    transactions: pd.DataFrame
    week: np.ndarray
    weeks: int = WEEKS
    rates: np.ndarray | None = None

    def counts(self) -> np.ndarray:
        """Return orders by customer and week, shape (customers, weeks)."""
        ago = (AS_OF - self.transactions["ordered_at"]) // pd.Timedelta(days=7)
        counts = np.zeros((len(self.week), self.weeks), int)
        np.add.at(counts, (self.transactions["customer_id"], self.weeks - 1 - ago), 1)
        return counts

    def later(self) -> np.ndarray:
        """Tell which weeks of which customers follow a change, shape (customers, weeks)."""
        return (self.week[:, None] >= 0) & (np.arange(self.weeks) >= self.week[:, None])


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


def ordinary(
    name: str, customers: int, rng: np.random.Generator, *, share: float = 0.0, grid: bool = False
) -> World:
    """Draw one of ``NULLS``, a share changed: as in `mixed`, or on the ``GRID`` in week 52.

    Rates are log-normal around 0.8 a week, or those of the grid.
    """
    weeks = np.arange(WEEKS)
    calendar = np.ones(WEEKS)
    if name == "shared season":
        calendar = np.exp(0.5 * np.sin(2 * np.pi * weeks / 52) + 0.8 * (weeks % 52 > 47))
    if name == "cohort trend":
        calendar = np.exp(-weeks / WEEKS)
    if grid:
        rate, week, factor = _on_grid(GRID, customers, rng, share)
    else:
        rate = np.exp(rng.normal(np.log(0.8), 0.7, customers))
        week, factor = _any_change(customers, rng, share)
    size = 1.0 if name == "negative binomial, size 1" else np.inf
    expected = rate[:, None] * calendar * factor
    counts = buy(expected, rng, size=size, regularity=2 if name == "Erlang-2" else 1)
    return World(order_lines(counts, rng), week)


def mixed_cells(customers: int, rng: np.random.Generator, *, share: float = 0.25) -> World:
    """Draw Poisson, size-1 and Erlang-2 buyers in equal parts; a share changes in week 52.

    Rates and changes are those of ``COARSE``, in equal parts too.
    """
    rate, week, factor = _on_grid(COARSE, customers, rng, share)
    kind = rng.integers(0, 3, customers)
    size, regularity = np.where(kind == 1, 1.0, np.inf), np.where(kind == 2, 2, 1)
    counts = buy(rate[:, None] * factor, rng, size=size, regularity=regularity)
    return World(order_lines(counts, rng), week)


def _on_grid(grid: dict, customers: int, rng: np.random.Generator, share: float):
    """Rates, weeks of change (-1: none) and factors, drawn evenly from a grid."""
    rate, ratio = (rng.choice(grid[name], customers) for name in ("rate", "ratio"))
    week = np.where(rng.random(customers) < share, WEEKS // 2, -1)
    return rate, week, _changed(1.0, week, ratio[:, None])


def one_change(name: str, customers: int, rng: np.random.Generator, *, share: float = 0.2) -> World:
    """Draw Poisson buyers of one order a week; a share changes at week 52 as ``CHANGES`` says."""
    week = np.where(np.arange(customers) < share * customers, WEEKS // 2, -1)
    return World(order_lines(buy(_changed(1.0, week, CHANGES[name]), rng), rng), week)


def mixed(
    customers: int, rng: np.random.Generator, *, share: float = 0.25, plain: bool = False
) -> World:
    """Draw all kinds of buyers, or Poisson ones only (``plain``); a share changes at any week."""
    rate = np.clip(np.exp(rng.normal(np.log(0.7), 1.0, customers)), 9 / WEEKS, 8.0)
    size, regularity = (np.inf, 1) if plain else ways_of_buying(customers, rng)
    week, factor = _any_change(customers, rng, share)
    counts = buy(rate[:, None] * factor, rng, size=size, regularity=regularity)
    return World(order_lines(counts, rng), week)


def _any_change(customers: int, rng: np.random.Generator, share: float) -> tuple[np.ndarray, ...]:
    """Weeks of change (-1: none) and factors on the rate: a quarter stop, others fall or rise."""
    ratio = np.exp(rng.uniform(*LOG_RATIO, customers) * rng.choice([-1, 1], customers))
    ratio[rng.random(customers) < STOPS] = 0.0
    week = np.where(rng.random(customers) < share, rng.integers(5, WEEKS - 5, customers), -1)
    return week, _changed(1.0, week, ratio[:, None])


def _changed(rate: float, week: np.ndarray, factor) -> np.ndarray:
    later = (week[:, None] >= 0) & (np.arange(WEEKS) >= week[:, None])
    return np.where(later, rate * factor, rate)


def spliced(
    transactions: pd.DataFrame, *, as_of: str, rng: np.random.Generator, change: float
) -> World:
    """Plant changes in a real base: its customers' weeks, shuffled, then joined in pairs.

    The weeks of every customer are shuffled, which keeps how clumped real buying is and takes out
    whatever change there was. The second half of the weeks of one in five then comes from another
    customer with ``change`` times the orders (1: a placebo), within a fifth or one order; who has
    no such partner stays as he is. Customers of fewer than eight orders serve as partners only.
    """
    panel = sequences.panel(transactions, as_of=as_of)
    weeks = int(np.median(panel.lengths[panel.totals >= 8]))
    counts = rng.permuted(panel.counts[panel.lengths >= weeks][:, -weeks:], axis=1)
    counts = counts[np.argsort(counts.sum(1) + rng.random(len(counts)))]
    total = counts.sum(1)
    kept = np.flatnonzero(total >= 8)
    result, week = counts.copy(), np.full(len(counts), -1)
    rates = np.column_stack([total, total]) / weeks
    for i in rng.permutation(kept)[: len(kept) // 5]:
        wanted = change * total[i]
        slack = max(0.2 * wanted, 1.0)
        partners = np.flatnonzero(np.abs(total - wanted) <= slack)
        partners = partners[partners != i]
        if partners.size:
            partner = rng.choice(partners)
            result[i, weeks // 2 :] = counts[partner, weeks // 2 :]
            week[i], rates[i, 1] = weeks // 2, rates[partner, 0]
    return World(order_lines(result[kept], rng), week[kept], weeks, rates[kept])


def twin(world: World, *, rng: np.random.Generator) -> World:
    """Simulate the customers of a spliced world: same rates before and after, same clumping.

    How clumped, as the size of a negative binomial, is estimated by moments within six classes of
    activity: Poisson twins of customers who buy in bursts would be easier to read, and say nothing
    about the detector.
    """
    counts = world.counts()
    rate = np.where(world.later(), world.rates[:, 1:], world.rates[:, :1])
    activity = np.argsort(np.argsort(counts.sum(1), kind="stable"), kind="stable")
    size = _clumping(counts, rate, 6 * activity // len(counts))
    bought = buy(rate, rng, size=size)
    return World(order_lines(bought, rng), world.week, world.weeks, world.rates)


def _clumping(counts: np.ndarray, rate: np.ndarray, group: np.ndarray) -> np.ndarray:
    """Negative-binomial size by customer, one for each group; infinite where nothing clumps."""
    excess = np.bincount(group, ((counts - rate) ** 2 - counts).sum(1))
    due = np.bincount(group, (rate**2).sum(1))
    return np.where(excess > 0, due / np.maximum(excess, 1e-9), np.inf)[group]


@dataclass(frozen=True)
class Score:
    """Tested customers with what was found in them and what is true."""

    truth: pd.DataFrame

    @staticmethod
    def of(world: World, *, seed: int = 0) -> Score:
        """Run the detector on a world, without the slow controls, and add the truth."""
        base = sequences.panel(world.transactions, as_of=AS_OF)
        table, _ = judge(base, seed=seed, refereed=0)
        table = table[table["p"].notna()].copy()
        week = world.week[table["customer_id"].to_numpy(int)]
        start = AS_OF - pd.to_timedelta(7 * (world.weeks - week), unit="D")
        table["changed"] = week >= 0
        off = (table["likely_at"] - pd.Series(start, index=table.index)).abs()
        table["located"] = table["changed"] & (off <= pd.Timedelta(days=7 * NEAR))
        return Score(table)

    def alarms(self, level: float = 0.05, *, p: str = "p") -> float:
        """Return the share of unchanged customers with a p-value at or below the level."""
        return float((self.truth.loc[~self.truth["changed"], p] <= level).mean())

    def power(self, level: float = 0.05, *, p: str = "p") -> float:
        """Return the share of changed customers with a p-value at or below the level."""
        return float((self.truth.loc[self.truth["changed"], p] <= level).mean())

    def at_one_threshold(self, statistic: str, level: float = 0.05) -> float:
        """Return the power of a raw statistic above the same value for everybody.

        The value is passed by a share ``level`` of the unchanged customers of this very world.
        """
        changed = self.truth["changed"]
        value = self.truth.loc[~changed, statistic].quantile(1 - level)
        return float((self.truth.loc[changed, statistic] > value).mean())

    def located(self, level: float = 0.05) -> float:
        """Return the share of changed customers detected and dated within five weeks."""
        changed = self.truth[self.truth["changed"]]
        return float(((changed["p"] <= level) & changed["located"]).mean())

    def false_discoveries(self, q: float = 0.10) -> tuple[float, float]:
        """Return the share of false ones among customers with a verdict, and the power."""
        called = self.truth["q"] <= q
        false = float((called & ~self.truth["changed"]).sum() / max(int(called.sum()), 1))
        return false, float(called[self.truth["changed"]].mean())


def together(scores: list[Score]) -> Score:
    """Put the customers of several worlds, judged world by world, into one table."""
    return Score(pd.concat([s.truth for s in scores], ignore_index=True))


def best_possible(counts: np.ndarray) -> np.ndarray:
    """Return the best statistic there is for Poisson buyers of a flat calendar, shape (n,).

    The likelihood of the worlds' own changes, averaged over dates and sizes, over that of none,
    given the total (Neyman and Pearson 1933): no detector can have more power on average.
    """
    weeks = counts.shape[1]
    logs = np.linspace(*LOG_RATIO, 15)
    ratios = np.exp(np.r_[-np.inf, logs, -logs])
    prior = np.log(np.r_[STOPS, np.full(30, (1 - STOPS) / 30)])
    total = counts.sum(1, keepdims=True)
    left = total - np.cumsum(counts, axis=1) + counts
    passed = np.arange(weeks) / weeks
    dates = slice(5, weeks - 5)
    each = [
        xlogy(left, ratio) - total * np.log(passed + ratio * (1 - passed) + 1e-300) + weight
        for ratio, weight in zip(ratios, prior, strict=True)
    ]
    return logsumexp(logsumexp(each, axis=0)[:, dates], axis=1)


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
        "network, one threshold": score.at_one_threshold("log_odds"),
        "scan, one threshold": score.at_one_threshold("scan_ratio"),
        "false alarms": score.alarms(),
        "power at q 0.10": found,
        "false discoveries at q 0.10": false,
        "changed": int(score.truth["changed"].sum()),
    }
