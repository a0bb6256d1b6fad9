"""Simulated customer tables, on which the customers' referee learns; no real data in here.

Types of customers order by a process, and the table holds the columns that
``features.customer_features`` would make of their orders, scaled by the declared rule.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields, replace

import numpy as np
import pandas as pd

from benchmarks.clustering.referee_tables import FAMILIES, Random, Sample
from segwork.clustering.judging.null import copula_copy
from segwork.clustering.prepare import fit_scaling

RECENCY_FREQUENCY_MONEY = ["orders", "spend_total", "days_since_last"]


def simulated_customers(seed: int) -> tuple[str, np.ndarray, np.ndarray]:
    """Return the family, the rows (n, d) and their true groups (n,).

    Examples
    --------
    >>> family, X, truth = simulated_customers(2)
    >>> len(X) == len(truth)
    True
    """
    rng = np.random.default_rng([seed, 2027])
    family = list(CUSTOMER_FAMILIES)[seed % len(CUSTOMER_FAMILIES)]
    X, truth = CUSTOMER_FAMILIES[family](rng)
    order = rng.permutation(len(X))
    return family, X[order], truth[order]


@dataclass(frozen=True)
class _Type:
    """One type of customer: rhythm, life at the shop, basket."""

    log_rate_per_week: float
    rate_shape: float
    first_day: tuple[float, float]
    quiet_share: tuple[float, float]
    log_value: float
    value_spread: float
    lines: float
    log_pieces: float
    categories: float


def _type(rng: Random) -> _Type:
    life = rng.choice(["old", "any", "new"], p=[0.4, 0.4, 0.2])
    stop = rng.choice(["buys", "fading", "left"], p=[0.6, 0.2, 0.2])
    return _Type(
        log_rate_per_week=rng.uniform(-3.2, 0.3),
        rate_shape=float(rng.choice([2, 6, 15])),
        first_day={"old": (400, 900), "any": (120, 900), "new": (20, 110)}[life],
        quiet_share={"buys": (0.0, 0.0), "fading": (0.15, 0.45), "left": (0.4, 0.85)}[stop],
        log_value=rng.normal(0, 0.9),
        value_spread=rng.uniform(0.15, 0.6),
        lines=float(rng.choice([0.2, 0.8, 2.0, 6.0])),
        log_pieces=rng.normal(0.3, 0.7),
        categories=float(rng.choice([3, 5, 8, 12])),
    )


def _types(rng: Random, k: int) -> list[_Type]:
    """Draw k types; about half are like an earlier one but for one or two traits."""
    found = [_type(rng)]
    while len(found) < k:
        drawn = _type(rng)
        if rng.random() < 0.5:
            changed = rng.permutation([f.name for f in fields(_Type)])[: rng.integers(1, 3)]
            earlier = found[rng.integers(len(found))]
            drawn = replace(earlier, **{name: getattr(drawn, name) for name in changed})
        found.append(drawn)
    return found


def _orders(rng: Random, kind: _Type, n: int) -> pd.DataFrame:
    """Let n customers of one type order; those with a single order are left out, as by rule."""
    rate = np.exp(kind.log_rate_per_week) * rng.gamma(kind.rate_shape, 1 / kind.rate_shape, n)
    tenure = rng.uniform(*kind.first_day, n)
    quiet = tenure * rng.uniform(*kind.quiet_share, n)
    more = 1 + rng.poisson(rate * (tenure - quiet) / 7)
    last = quiet + (tenure - quiet) * (1 - rng.random(n) ** (1 / more))
    orders = more + 1
    value = np.exp(kind.log_value + kind.value_spread * rng.normal(size=n))
    noisy = value * rng.lognormal(0, 0.3 / np.sqrt(orders))
    lines = 1 + rng.poisson(kind.lines * orders) / orders
    pieces = lines * np.exp(kind.log_pieces) * rng.gamma(20, 1 / 20, n)
    seen = kind.categories * (1 - np.exp(-orders * lines / kind.categories))
    return pd.DataFrame(
        {
            "orders": orders.astype(float),
            "spend_total": 1e5 * noisy * orders,
            "days_since_last": last,
            "tenure_days": tenure,
            "gap_days_mean": (tenure - last) / more,
            "basket_value": 1e5 * noisy,
            "basket_pieces": pieces,
            "basket_lines": lines,
            "categories": np.maximum(1, np.round(seen)),
        }
    )


def _company(rng: Random) -> tuple[pd.DataFrame, np.ndarray]:
    k = int(rng.integers(2, 9))
    total = int(np.exp(rng.uniform(np.log(max(300, 60 * k)), np.log(4000))))
    sizes = np.maximum(20, rng.dirichlet(np.full(k, rng.choice([50.0, 5.0, 2.0]))) * total)
    parts = [_orders(rng, t, int(n)) for t, n in zip(_types(rng, k), sizes, strict=True)]
    table = pd.concat(parts, ignore_index=True)
    if rng.random() < 0.4:
        wrong = rng.random(len(table)) < rng.uniform(0, 0.03)
        table.loc[wrong, ["spend_total", "basket_value"]] *= rng.choice([1e-3, 30.0])
    return table, np.repeat(np.arange(k), [len(part) for part in parts])


def _scaled(table: pd.DataFrame) -> np.ndarray:
    return fit_scaling(table, scale="customer").transform(table)


def _companies(rng: Random) -> Sample:
    """Draw a company's customers with all behaviour columns."""
    table, truth = _company(rng)
    return _scaled(table), truth


def _few_columns(rng: Random) -> Sample:
    """Draw a company of which recency, frequency, money and perhaps a little more is known."""
    table, truth = _company(rng)
    others = [name for name in table.columns if name not in RECENCY_FREQUENCY_MONEY]
    some = list(rng.permutation(others)[: rng.integers(0, 5)])
    kept = [name for name in table.columns if name in [*RECENCY_FREQUENCY_MONEY, *some]]
    return _scaled(table[kept]), truth


def _copied(rng: Random) -> Sample:
    """Draw a company and copy its margins and rank correlations alone. No groups."""
    X = _scaled(_company(rng)[0])
    return copula_copy(X, rng), np.zeros(len(X), dtype=int)


CUSTOMER_FAMILIES: dict[str, Callable[[Random], Sample]] = {
    "customers": FAMILIES["customers"],
    "buyers": FAMILIES["buyers"],
    "companies": _companies,
    "few columns": _few_columns,
    "continuum": FAMILIES["continuum"],
    "copied": _copied,
}
