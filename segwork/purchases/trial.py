"""Which model to use, and how it does later: one period to choose, a later one to test."""

from __future__ import annotations

from dataclasses import dataclass, field

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
SHORTEST = 7  # days a test period has at least
WORTH = 0.02  # share of the deviance another model must save before it replaces the first
FEWEST = 30  # customers a change of model needs
MOST_FREQUENT = 7  # repeat orders from which customers are shown together
SCORES = ("model", "mae", "rmse", "bias", "deviance", "coverage")
GROUPS = ("repeat_orders", "customers", "actual", "expected", "own_rate")


@dataclass(frozen=True)
class Trial:
    """A choice of model, and its test in a later period.

    Attributes
    ----------
    model, reason : str
    level : float
        Nominal level whose intervals held 90 % of customers in both periods.
    holdout, by_frequency : pandas.DataFrame
        As :class:`segwork.value.Expected` describes them; empty where nothing could be tested.
    days : int
        Length of the test period; 0 where there was none.
    """

    model: str
    reason: str
    level: float = LEVEL
    holdout: pd.DataFrame = field(default_factory=lambda: pd.DataFrame(columns=SCORES), repr=False)
    by_frequency: pd.DataFrame = field(
        default_factory=lambda: pd.DataFrame(columns=GROUPS), repr=False
    )
    days: int = 0


def trial(found: Occasions, *, horizon_days: int, model: str = "auto") -> Trial:
    """Choose a model by the last but one period and test all of them in the last.

    A period is as long as the horizon, and a third of the history at most. "auto" takes Pareto/NBD
    with the first order's value unless another saves 2 % of the deviance by more than two standard
    errors. Intervals are made with the smallest level that held in the earlier period.
    """
    names = CANDIDATES if model == "auto" else (model,)
    days = min(horizon_days, (found.end - found.begin) // 3)
    if days < SHORTEST:
        return Trial(names[0], "the history is too short for a test")
    try:
        early = {n: forecast(found, found.end - 2 * days, n) for n in names}
        late = {n: forecast(found, found.end - days, n) for n in CANDIDATES}
    except DataError:
        return Trial(names[0], "too few customers ordered twice for a test")
    chosen = _choose(found, early, days)
    level = _level(found, early[chosen], days)
    holdout, groups = _test(found, late, chosen, level, days)
    why = "asked for" if model != "auto" else "clearly best" if chosen != FIRST else "not beaten"
    reason = f"{chosen}: {why} in the {days} days before the {days} of the test"
    level = max(level, _level(found, late[chosen], days))
    return Trial(chosen, reason, level, holdout, groups, days)


def _actual(found: Occasions, made: Forecast, days: int) -> Array:
    return found.summed(found.orders, made.end, made.end + days)


def _choose(found: Occasions, made: dict[str, Forecast], days: int) -> str:
    """Return the first model, or the best of those that beat it clearly."""
    first, *others = made
    there = made[first].place >= 0
    actual = _actual(found, made[first], days)
    loss = {n: deviance(actual, f.orders(days))[there] for n, f in made.items()}
    for other in sorted(others, key=lambda n: loss[n].mean()):
        gain = loss[first] - loss[other]
        error = gain.std() / np.sqrt(len(gain))
        if len(gain) >= FEWEST and gain.mean() > max(2 * error, WORTH * loss[first].mean()):
            return other
    return first


def _level(found: Occasions, made: Forecast, days: int) -> float:
    """Return the smallest level whose intervals held 90 % of the customers."""
    actual, there = _actual(found, made, days), made.place >= 0
    for level in LEVELS:
        low, high = made.interval(days, level)
        if ((low <= actual) & (actual <= high))[there].mean() >= LEVEL:
            return level
    return LEVELS[-1]


def _test(
    found: Occasions, made: dict[str, Forecast], chosen: str, level: float, days: int
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Score every model and two naive ones on the customers known before the test period."""
    there = made[chosen].place >= 0
    actual = _actual(found, made[chosen], days)[there]
    rows = []
    for name, one in made.items():
        low, high = (b[there] for b in one.interval(days, level if name == chosen else LEVEL))
        rows.append({"model": name, **score(actual, one.orders(days)[there], (low, high))})
    seen = made[chosen].seen
    naive = {n: v[there] for n, v in baselines(seen, days).items()}
    rows += [{"model": n, **score(actual, v)} for n, v in naive.items()]
    means = {"actual": actual, "expected": made[chosen].orders(days)[there]}
    means |= {"own_rate": naive["own rate"]}
    group = np.minimum((seen.times - 1)[there], MOST_FREQUENT)
    table = pd.DataFrame(means).groupby(group).mean()
    table["customers"] = pd.Series(group).value_counts()
    words = [str(g) if g < MOST_FREQUENT else f"{g} and more" for g in table.index]
    table = table.assign(repeat_orders=words).reset_index(drop=True)
    return pd.DataFrame(rows, columns=SCORES), table[[*GROUPS]]
