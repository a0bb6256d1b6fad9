"""Processor time of ``value.profit`` and ``value.expected`` on a large made-up base."""

from __future__ import annotations

import time

import numpy as np
import pandas as pd

from segwork import tables, value

AS_OF = "2025-12-29"
WEEKS = 104


def base(customers: int, *, seed: int = 0) -> tuple[pd.DataFrame, pd.DataFrame, pd.Series]:
    """Return shuffled order lines of a Pareto/NBD world, as many contacts, and seven segments."""
    rng = np.random.default_rng(seed)
    rate, leave = rng.gamma(0.6, 0.1, customers), rng.gamma(0.6, 1 / 11, customers)
    seen = rng.uniform(1, WEEKS, customers)
    stays = np.minimum(rng.exponential(1 / np.maximum(leave, 1e-9)), seen)
    repeat = rng.poisson(rate * stays)
    who = np.r_[np.arange(customers), np.repeat(np.arange(customers), repeat)]
    week = np.r_[np.zeros(customers), rng.random(repeat.sum()) * np.repeat(stays, repeat)]
    second = ((week + WEEKS - seen[who]) * 7 * 86_400).astype(int)
    lines = np.repeat(np.arange(who.size), rng.integers(1, 4, who.size))
    lines = rng.permutation(lines)
    ids = np.char.mod("C%08d", np.arange(customers))
    transactions = pd.DataFrame({
        "customer_id": ids[who[lines]],
        "ordered_at": pd.Timestamp("2024-01-01") + pd.to_timedelta(second[lines], unit="s"),
        "order_id": np.char.mod("O%09d", lines),
        "quantity": rng.integers(1, 4, lines.size),
        "amount": rng.gamma(3, 10, lines.size).round(2),
        "unit_cost": 5.0,
    })  # fmt: skip
    days = pd.to_timedelta(rng.integers(0, 360, customers), unit="D")
    interactions = pd.DataFrame({
        "customer_id": ids[rng.integers(0, customers, customers)],
        "occurred_at": pd.Timestamp("2025-01-02") + days,
        "channel": "call",
        "handling_minutes": rng.gamma(2, 5, customers),
    })  # fmt: skip
    return transactions, interactions, pd.Series(np.char.mod("S%d", np.arange(customers) % 7), ids)


def seconds(customers: int, *, seed: int = 0) -> dict[str, float]:
    """Return processor seconds of both calls, tables already read, and the lines behind them."""
    transactions, interactions, segments = base(customers, seed=seed)
    data = tables.from_frames(transactions=transactions, interactions=interactions)
    costs = {"contact_minute": 0.8, "order": 1.0}
    begun = time.process_time()
    value.profit(data, segments, as_of=AS_OF, costs=costs)
    middle = time.process_time()
    value.expected(data.transactions, as_of=AS_OF)
    ended = time.process_time()
    return {"lines": len(transactions), "profit": middle - begun, "expected": ended - middle}
