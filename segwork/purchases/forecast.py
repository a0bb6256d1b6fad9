"""One fitted forecast: what everybody known on a morning will order afterwards, and how surely."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import xlogy
from scipy.stats import nbinom

from segwork.errors import DataError, UsageError
from segwork.purchases.models import MODELS, Array, Buying, History, fit
from segwork.purchases.occasions import WEEK, Occasions, Seen
from segwork.purchases.spend import Spending, fit_spending

FIRST = "pareto/nbd, first order"
CANDIDATES = (FIRST, *MODELS)
COVERED = 50_000  # customers the coverage of intervals is counted on, at most
COLUMNS = ("p_alive", "expected_orders", "low", "high", "expected_spend")
LEVELS = (0.90, 0.95, 0.975, 0.99, 0.995)


@dataclass(frozen=True)
class Forecast:
    """A model fitted on a morning, and the customers known then.

    ``place`` says which of the different ``histories`` a customer has, −1 for none; ``end`` is the
    day of that morning.
    """

    end: int
    model: Buying
    seen: Seen
    histories: History
    place: Array
    per_occasion: float

    def _each(self, values: Array) -> Array:
        return np.where(self.place >= 0, values[self.place], 0.0)

    def p_alive(self) -> Array:
        """Return the probability of still being a customer; 0 for who never ordered."""
        return self._each(self.model.p_alive(self.histories))

    def orders(self, days: float) -> Array:
        """Return the orders expected of each customer within so many days."""
        return self._each(self.per_occasion * self.model.orders(self.histories, days / WEEK))

    def interval(self, days: float, level: float) -> tuple[Array, Array]:
        """Return bounds that hold each customer's orders within so many days with a probability.

        A negative binomial count about the customer's own rate, with more zeros for those who have
        left: both are chosen so that mean and probability of no order are the model's.
        """
        seen, weeks = self.histories, days / WEEK
        mean, silent = self.model.orders(seen, weeks), self.model.p_silent(seen, weeks)
        shape = self.model.parameters["r"] + seen.x
        active = _active_mean(mean, silent, shape)
        gone = np.clip(1 - mean / active, 0, 1 - 1e-12)
        bounds = []
        for share in ((1 - level) / 2, (1 + level) / 2):
            left = np.clip((share - gone) / (1 - gone), 0, 1)
            count = np.maximum(nbinom.ppf(left, shape, shape / (shape + active)), 0)
            bounds.append(self._each(count))
        return bounds[0], np.ceil(bounds[1] * self.per_occasion - 1e-9)

    def value(self) -> Array:
        """Return what an order of each customer is expected to be worth; NaN without amounts."""
        spending, times = spending_of(self.seen), np.maximum(self.seen.times, 1)
        if spending is None:  # too few have paid to tell customers apart
            mean = self.seen.spend.sum() / max(self.seen.orders.sum(), 1)
            return np.full(len(times), float(mean))
        return spending.mean(times, self.seen.spend / times) / self.per_occasion

    def columns(self, days: float, level: float) -> dict[str, Array]:
        """Return what is expected of each customer within so many days, by name."""
        orders, bounds = self.orders(days), self.interval(days, level)
        spend = np.where(self.place >= 0, orders * self.value(), 0.0)
        return dict(zip(COLUMNS, (self.p_alive(), orders, *bounds, spend), strict=True))

    def parameters(self) -> dict[str, float]:
        """Return the parameters of the model, and of the value of an order where there is one."""
        spending = spending_of(self.seen)
        more = {} if spending is None else vars(spending)
        return self.model.parameters | {f"spend_{name}": value for name, value in more.items()}


def spending_of(seen: Seen) -> Spending | None:
    """Fit what occasions are worth; None where fewer than two customers paid anything."""
    times = np.maximum(seen.times, 1)
    try:
        return fit_spending(seen.times, seen.spend / times)
    except DataError:
        return None


def _active_mean(mean: Array, silent: Array, shape: Array) -> Array:
    """Solve for the mean of those who stay: its zeros and those of who left make ``silent``."""
    low, high = mean.copy(), np.maximum(mean / np.maximum(1 - silent, 1e-300), mean) + 1e-12
    for _ in range(50):
        middle = (low + high) / 2
        none = np.exp(shape * np.log(shape / (shape + middle)))
        less = 1 - mean / np.maximum(middle, 1e-300) * (1 - none) < silent
        low, high = np.where(less, middle, low), np.where(less, high, middle)
    return np.maximum((low + high) / 2, 1e-300)


def forecast(found: Occasions, end: int, name: str) -> Forecast:
    """Fit one of ``CANDIDATES`` on what was known on the morning of day ``end``.

    Raises
    ------
    DataError
        Nobody had ordered on two days.
    """
    seen = found.seen(end)
    first = name == FIRST
    value = seen.first_value() if first else (0.0, 0.0)
    histories, weight, place = seen.histories(value)
    model = fit(FIRST.split(",")[0] if first else name, histories, weight=weight, first=first)
    per_occasion = seen.orders.sum() / max(seen.times.sum(), 1)
    return Forecast(end, model, seen, histories, place, float(per_occasion))


def baselines(seen: Seen, days: int) -> dict[str, Array]:
    """Return what somebody without a model would expect: own rate, or the mean of all."""
    own = np.where(seen.times > 0, (seen.orders - 1) * days / np.maximum(seen.age, 1), 0.0)
    weeks = np.maximum(seen.age, 1)[seen.times > 0].sum()
    mean = (seen.orders - 1)[seen.times > 0].sum() * days / max(weeks, 1)
    return {"own rate": np.maximum(own, 0), "mean of all": np.full(len(own), float(mean))}


def score(actual: Array, expected: Array, bounds: tuple[Array, Array] | None = None) -> dict:
    """Return mae, rmse, bias (share of the actual total), deviance and coverage."""
    miss = expected - actual
    total = actual.sum()
    rows = slice(None, None, max(-(-len(actual) // COVERED), 1))
    inside = np.nan
    if bounds is not None:
        inside = float(((bounds[0] <= actual) & (actual <= bounds[1]))[rows].mean())
    return {
        "mae": float(np.abs(miss).mean()),
        "rmse": float(np.sqrt((miss**2).mean())),
        "bias": float(miss.sum() / total) if total else np.nan,
        "deviance": float(deviance(actual, expected).mean()),
        "coverage": inside,
    }


def deviance(actual: Array, expected: Array) -> Array:
    """Return the Poisson deviance of each customer: smallest on average for the true mean."""
    due = np.maximum(expected, 1e-9)
    return 2 * (xlogy(actual, actual / due) - (actual - due))


def candidate(model: str) -> str:
    """Return the candidate a spelling such as "BG/NBD" or "pareto_nbd" means.

    Raises
    ------
    UsageError
        It means none.
    """
    plain = {"".join(filter(str.isalnum, name)): name for name in CANDIDATES}
    key = "".join(filter(str.isalnum, str(model).lower()))
    if key not in plain:
        raise UsageError.unknown("model", str(model), ("auto", *CANDIDATES), where="expected")
    return plain[key]
