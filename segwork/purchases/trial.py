"""Which model to use, and how it does later: one period to choose, a later one to test."""

from __future__ import annotations

import numpy as np
import pandas as pd

from segwork.errors import DataError
from segwork.purchases.forecast import (
    CANDIDATES,
    FIRST,
    LEVELS,
    Forecast,
    baselines,
    deviance,
    forecast,
    score,
)
from segwork.purchases.models import Array
from segwork.purchases.occasions import Occasions

LEVEL = LEVELS[0]
WORTH = 0.02  # share of the deviance another model must save before it replaces the first
MOST_FREQUENT = 7  # repeat orders from which customers are shown together


def choose(found: Occasions, cut: int, days: int, name: str) -> tuple[str, float, str]:
    """Choose model and level of the intervals by the period before the test period."""
    actual = found.summed(found.orders, cut, cut + days)
    there = found.seen(cut).times > 0
    names = CANDIDATES if name == "auto" else (name,)
    try:
        made = {n: forecast(found, cut, n) for n in names}
    except DataError:
        return (FIRST if name == "auto" else name), LEVEL, "too few customers for a choice"
    loss = {n: deviance(actual, f.orders(days))[there] for n, f in made.items()}
    chosen = names[0]
    for other in sorted(names[1:], key=lambda n: loss[n].mean()):
        gain = loss[names[0]] - loss[other]
        error = gain.std() / np.sqrt(max(len(gain), 1))
        if gain.mean() > max(2 * error, WORTH * loss[names[0]].mean()):
            chosen = other
            break
    level = _level(made[chosen], actual, there, days)
    why = "asked for" if name != "auto" else "not beaten" if chosen == names[0] else "clearly best"
    return chosen, level, f"{chosen}: {why} in the {days} days before the {days} of the test"


def _level(made: Forecast, actual: Array, there: Array, days: int) -> float:
    """Return the smallest level whose intervals held 90 % of the customers."""
    for level in LEVELS:
        low, high = made.interval(days, level)
        if ((low <= actual) & (actual <= high))[there].mean() >= LEVEL:
            return level
    return LEVELS[-1]


def back_test(
    found: Occasions, cut: int, days: int, chosen: str, level: float
) -> tuple[list[dict], pd.DataFrame | None]:
    """Score every model and two naive ones on the customers known before the test period."""
    seen = found.seen(cut)
    there = seen.times > 0
    actual = found.summed(found.orders, cut, cut + days)[there]
    rows, best = [], np.zeros(0)
    for name in CANDIDATES:
        try:
            made = forecast(found, cut, name)
        except DataError:
            return [], None
        orders = made.orders(days)[there]
        bounds = made.interval(days, level if name == chosen else LEVEL)
        low, high = (bound[there] for bound in bounds)
        rows.append({"model": name, **score(actual, orders, (low, high))})
        best = orders if name == chosen else best
    naive = {n: v[there] for n, v in baselines(seen, days).items()}
    rows += [{"model": n, **score(actual, v)} for n, v in naive.items()]
    means = {"actual": actual, "expected": best, "own_rate": naive["own rate"]}
    return rows, by_frequency(means, (seen.times - 1)[there], actual)


def by_frequency(values: dict[str, Array], repeats: Array, actual: Array) -> pd.DataFrame:
    """Return means of customers with as many repeat orders each."""
    names = ["repeat_orders", "customers", "actual", "expected", "own_rate"]
    if not len(actual):
        return pd.DataFrame(columns=names)
    group = np.minimum(repeats, MOST_FREQUENT)
    table = pd.DataFrame(values).groupby(group).mean()
    table.insert(0, "customers", pd.Series(group).value_counts())
    words = [str(g) if g < MOST_FREQUENT else f"{g} and more" for g in table.index]
    table.insert(0, "repeat_orders", words)
    return table[names].reset_index(drop=True)
