"""Three models of customers who buy at random until they leave for good, fitted by likelihood.

Orders come at a customer's own gamma distributed rate until he leaves: after an order with his own
beta distributed chance (BG/NBD; MBG/NBD: after the first one too), or at a gamma distributed rate
of leaving (Pareto/NBD). What a customer did is ``x`` repeat orders, the last one ``t_x`` and the
cut ``age`` after the first order.

Everything is a logarithm of a gamma function or a hypergeometric function in the form of Euler's
transformation, which stays near one where the published form overflows.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from scipy.optimize import minimize
from scipy.special import betaincinv, betaln, expit, gammaln, hyp2f1

from segwork.errors import DataError, UsageError

FITTED = 10_000  # customers a model is fitted on, at most
# Each log parameter is taken to be normal around zero with a spread of 2.2, time being counted in
# tenths of the longest history. It decides where the data say nothing, and moves parameters fitted
# on two thousand customers by one per cent.
PRIOR = 0.1
MODELS = {
    "bg/nbd": ("r", "alpha", "a", "b"),
    "mbg/nbd": ("r", "alpha", "a", "b"),
    "pareto/nbd": ("r", "alpha", "s", "beta"),
}
QUANTILES = (np.arange(200) + 0.5) / 200
Array = np.ndarray
Parameters = Mapping[str, float | Array]


@dataclass(frozen=True)
class History:
    """What customers did, one entry each.

    Attributes
    ----------
    x, t_x, age : numpy.ndarray of float, shape (n,)
        Repeat orders, time of the last one, and time observed, both since the first order.
    z : numpy.ndarray of float, shape (n,)
        Anything known from the first order on that the rate of ordering may depend on.
    """

    x: Array
    t_x: Array
    age: Array
    z: Array

    @classmethod
    def of(cls, x: Array, t_x: Array, age: Array, z: Array | float = 0.0) -> History:
        """Build one from anything array-like."""
        x, t_x, age = (np.asarray(v, float) for v in (x, t_x, age))
        return cls(x, t_x, age, np.broadcast_to(np.asarray(z, float), x.shape))

    def take(self, rows: Array) -> History:
        """Return the customers of these rows."""
        return History(self.x[rows], self.t_x[rows], self.age[rows], self.z[rows])

    def later(self, horizon: float) -> History:
        """Return the same customers had they ordered nothing for so long."""
        return History(self.x, self.t_x, self.age + horizon, self.z)


@dataclass(frozen=True)
class Buying:
    """A fitted model.

    Attributes
    ----------
    name : str
        bg/nbd, mbg/nbd or pareto/nbd.
    parameters : dict
        ``r, alpha`` of the order rate; ``a, b`` of the chance, or ``s, beta`` of the rate of
        leaving; ``first`` where the rate goes with ``exp(first × z)``. ``alpha`` and ``beta`` are
        in the unit of time of the data.
    log_likelihood : float
        Of the customers it was fitted on.
    customers : int
        How many these were.

    References
    ----------
    Fader, Hardie and Lee (2005), "Counting your customers the easy way", Marketing Science 24(2).
    Batislam, Denizel and Filiztekin (2007), "Empirical validation and comparison of models for
    customer base analysis", International Journal of Research in Marketing 24(3).
    Schmittlein, Morrison and Colombo (1987), "Counting your customers", Management Science 33(1).
    """

    name: str
    parameters: dict[str, float]
    log_likelihood: float
    customers: int

    def p_alive(self, seen: History) -> Array:
        """Return the probability of not having left, shape (n,).

        BG/NBD lets nobody leave before the second order, so one-time buyers get one.
        """
        p = _own(self.parameters, seen)
        if "s" in p:
            return np.exp(np.minimum(_stayed(p, seen) - _pareto(p, seen), 0.0))
        stays, odds = _stays(self.name, p, seen.x)
        odds = odds + (p["r"] + seen.x) * np.log((p["alpha"] + seen.age) / (p["alpha"] + seen.t_x))
        return np.where(stays > 0, expit(-odds), 1.0)

    def p_silent(self, seen: History, horizon: float) -> Array:
        """Return the probability of no order within the horizon, shape (n,).

        It is the likelihood of the same orders seen until the horizon, over that seen until now.
        """
        later = log_likelihood(self.name, self.parameters, seen.later(horizon))
        return np.exp(np.minimum(later - log_likelihood(self.name, self.parameters, seen), 0.0))

    def orders(self, seen: History, horizon: float) -> Array:
        """Return the expected number of orders within the horizon, shape (n,)."""
        p, alive = _own(self.parameters, seen), self.p_alive(seen)
        if "s" not in p:
            return alive * _until_leaving(self.name, p, seen, horizon)
        s = p["s"] if abs(p["s"] - 1) > 1e-6 else 1 + 1e-6  # the limit at one is smooth
        active = -np.expm1((1 - s) * np.log1p(horizon / (p["beta"] + seen.age))) / (s - 1)
        return alive * (p["r"] + seen.x) * (p["beta"] + seen.age) / (p["alpha"] + seen.age) * active


def fit(name: str, seen: History, *, weight: Array | None = None, first: bool = False) -> Buying:
    """Fit one model by maximum likelihood, with a weak prior.

    Parameters
    ----------
    name : str
        bg/nbd, mbg/nbd or pareto/nbd.
    seen : History
        Equal histories are counted, not repeated. Of more than 10,000 customers as many are used,
        at even distances in their sorted list: their order in the source plays no part.
    weight : array-like, shape (n,), optional
        Customers with each history, one by default.
    first : bool, default False
        Let the rate depend on ``z``.

    Raises
    ------
    UsageError
        Nobody knows a model of that name.
    DataError
        Nobody ordered twice, so that nothing can be fitted.

    Examples
    --------
    >>> seen = History.of([2, 0, 1, 0], [30.4, 0, 1.7, 0], [38.9, 38.9, 38.9, 30.0])
    >>> sorted(fit("bg/nbd", seen).parameters)
    ['a', 'alpha', 'b', 'r']
    """
    if name not in MODELS:
        raise UsageError.unknown("model", name, MODELS, where="the models of buying")
    rows, weight = _counted(seen, weight, first)
    if not (rows.x > 0).any():
        raise DataError("no customer ordered twice", accepted="at least one repeat order")
    unit = rows.age.max() / 10
    scaled = History(rows.x, rows.t_x / unit, rows.age / unit, rows.z)
    names = (*MODELS[name], *(["first"] if first else []))
    total = weight.sum()

    def loss(logs: Array) -> float:
        value = weight @ log_likelihood(name, _named(names, logs), scaled)
        return float(PRIOR * logs @ logs - value) / total

    start = np.r_[np.log([0.5, 1.0, 0.8, 2.0]), [0.0] * first]
    bounds = [(-7, 9)] * 4 + [(-3, 3)] * first
    found = _named(names, minimize(loss, start, method="L-BFGS-B", bounds=bounds).x)
    value = float(weight @ (log_likelihood(name, found, scaled) - rows.x * np.log(unit)))
    found |= {scale: found[scale] * float(unit) for scale in ("alpha", "beta") if scale in found}
    return Buying(name, found, value, int(total))


def _counted(seen: History, weight: Array | None, first: bool) -> tuple[History, Array]:
    """Return different histories and how many of at most 10,000 customers have each."""
    rows = np.column_stack([seen.x, seen.t_x, seen.age, seen.z * first])
    used = seen.age > 0
    rows, back = np.unique(rows[used], axis=0, return_inverse=True)
    each = None if weight is None else np.asarray(weight, float)[used]
    count = np.bincount(back.ravel(), each, minlength=len(rows)).astype(float)
    if count.sum() > FITTED:
        spots = (np.arange(FITTED) + 0.5) * count.sum() / FITTED
        count = np.bincount(np.searchsorted(np.cumsum(count), spots), minlength=len(rows))
    return History(*rows[count > 0].T), count[count > 0].astype(float)


def _named(names: tuple[str, ...], logs: Array) -> dict[str, float]:
    """Return parameters by name; all are positive but the effect of the first order."""
    values = {name: float(v) for name, v in zip(names, logs, strict=True)}
    return {name: v if name == "first" else float(np.exp(v)) for name, v in values.items()}


def _own(parameters: Parameters, seen: History) -> dict[str, Array]:
    """Give each customer his own alpha where the rate depends on the first order."""
    effect = np.exp(-parameters.get("first", 0.0) * seen.z)
    return {**parameters, "alpha": parameters["alpha"] * effect}


def log_likelihood(name: str, parameters: Parameters, seen: History) -> Array:
    """Return the log-likelihood of each history, shape (n,)."""
    p = _own(parameters, seen)
    if name == "pareto/nbd":
        return _pareto(p, seen)
    stays, odds = _stays(name, p, seen.x)
    shared = _rates(p, seen.x) + betaln(p["a"], p["b"] + stays) - betaln(p["a"], p["b"])
    stayed = -(p["r"] + seen.x) * np.log(p["alpha"] + seen.age)
    left = odds - (p["r"] + seen.x) * np.log(p["alpha"] + seen.t_x)
    return shared + np.where(stays > 0, np.logaddexp(stayed, left), stayed)


def _rates(p: Parameters, x: Array) -> Array:
    return gammaln(p["r"] + x) - gammaln(p["r"]) + p["r"] * np.log(p["alpha"])


def _stays(name: str, p: Parameters, x: Array) -> tuple[Array, Array]:
    """Return how often a customer stayed, and the log odds factor of having left at the last."""
    stays = x + 1 if name == "mbg/nbd" else x
    return stays, np.log(p["a"]) - np.log(p["b"] + np.maximum(stays, 1) - 1)


def _until_leaving(name: str, p: Parameters, seen: History, horizon: float) -> Array:
    """Return the orders expected of a customer who has not left."""
    stays, _ = _stays(name, p, seen.x)
    a = p["a"] if abs(p["a"] - 1) > 1e-6 else 1 + 1e-6  # the limit at one is smooth
    third = a + p["b"] + stays - 1
    z = horizon / (p["alpha"] + seen.age + horizon)
    euler = hyp2f1(third - p["r"] - seen.x, a - 1, third, z)
    return third / (a - 1) * (1 - np.exp((a - 1) * np.log1p(-z)) * euler)


def _stayed(p: Parameters, seen: History) -> Array:
    """Return the log-likelihood of having bought so and not having left (Pareto/NBD)."""
    stayed = -(p["r"] + seen.x) * np.log(p["alpha"] + seen.age)
    return _rates(p, seen.x) + stayed + p["s"] * np.log(p["beta"] / (p["beta"] + seen.age))


def _pareto(p: Parameters, seen: History) -> Array:
    """Log-likelihood of the Pareto/NBD: stayed, or left between the last order and the cut."""
    power = p["r"] + p["s"] + seen.x
    early, late = _left_after(p, seen, seen.t_x), _left_after(p, seen, seen.age)
    between = early + np.log(-np.expm1(np.minimum(late - early, -1e-300)))
    left = _rates(p, seen.x) + p["s"] * np.log(p["beta"]) + np.log(p["s"] / power) + between
    return np.logaddexp(_stayed(p, seen), left)


def _left_after(p: Parameters, seen: History, since: Array) -> Array:
    """Return the log of the chance to leave after a time, but for a factor."""
    power = p["r"] + p["s"] + seen.x
    slow = p["alpha"] >= p["beta"]
    larger, smaller = np.maximum(p["alpha"], p["beta"]), np.minimum(p["alpha"], p["beta"])
    middle = np.where(slow, p["r"] + seen.x, p["s"] + 1)
    end = np.where(slow, p["s"], p["r"] + seen.x - 1)
    z = (larger - smaller) / (larger + since)
    return (
        np.log(mean_inverse(middle, power + 1, z))
        - end * np.log1p(-z)
        - power * np.log(larger + since)
    )


def mean_inverse(b: Array, c: Array, z: Array) -> Array:
    """Return 2F1(1, b; c; z), which is the mean of 1 / (1 − z y) over a beta(b, c − b) y.

    Where SciPy's gamma functions overflow (b or c above 170, z near one) that mean is taken over
    quantiles of the distribution.
    """
    found = hyp2f1(1.0, b, c, z)
    bad = ~np.isfinite(found)
    if bad.any():
        b, c, z = (np.broadcast_to(v, bad.shape)[bad][:, None] for v in (b, c, z))
        rest = betaincinv(c - b, b, QUANTILES)
        found[bad] = (1 / (1 - z + z * rest)).mean(axis=1)
    return found
