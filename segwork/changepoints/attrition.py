"""P(alive): the BG/NBD model of customers who buy at random until they leave for good."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.optimize import minimize
from scipy.special import expit, gammaln

from segwork.errors import DataError


@dataclass(frozen=True)
class BgNbd:
    """A fitted BG/NBD model: gamma (r, alpha) order rates, beta (a, b) chances of leaving.

    References
    ----------
    Fader, Hardie and Lee (2005), "Counting your customers the easy way", Marketing Science 24(2).
    """

    r: float
    alpha: float
    a: float
    b: float
    log_likelihood: float

    def p_alive(self, frequency, recency, age) -> np.ndarray:
        """Return the probability of being active, shape (n,); one for customers without repeats.

        Parameters
        ----------
        frequency, recency, age : array-like, shape (n,)
            Repeat orders, time of the last one, and time observed, both since the first order.
        """
        x, t_x, age = (np.asarray(v, float) for v in (frequency, recency, age))
        log_odds_left = (
            (self.r + x) * np.log((self.alpha + age) / (self.alpha + t_x))
            + np.log(self.a)
            - np.log(self.b + np.maximum(x, 1) - 1)
        )
        return np.where(x > 0, expit(-log_odds_left), 1.0)


def fit(frequency: np.ndarray, recency: np.ndarray, age: np.ndarray) -> BgNbd:
    """Fit by maximum likelihood; equal rows are counted, not repeated.

    Parameters
    ----------
    frequency, recency, age : array-like, shape (n,)
        As in :meth:`BgNbd.p_alive`, any one unit of time.

    Raises
    ------
    DataError
        Nobody bought twice, so that nothing can be fitted.
    """
    rows = np.column_stack([frequency, recency, age]).astype(float)
    rows = rows[rows[:, 2] > 0]
    if not (rows[:, 0] > 0).any():
        raise DataError("no customer ordered twice", accepted="at least one repeat order")
    unit = rows[:, 2].max() / 10
    rows, weight = np.unique(rows, axis=0, return_counts=True)
    x, t_x, age = rows[:, 0], rows[:, 1] / unit, rows[:, 2] / unit
    total = weight.sum()

    def loss(log_parameters: np.ndarray) -> float:
        value = weight @ _log_likelihood(np.exp(log_parameters), x, t_x, age)
        return -value / total + 1e-6 * float(log_parameters @ log_parameters)

    found = minimize(loss, np.log([0.5, 1.0, 0.8, 2.0]), method="L-BFGS-B", bounds=[(-7, 9)] * 4)
    r, alpha, a, b = np.exp(found.x)
    value = float(weight @ _log_likelihood(np.exp(found.x), x, t_x, age))
    return BgNbd(r, alpha * unit, a, b, value - float(weight @ x) * np.log(unit))


def _log_likelihood(parameters: np.ndarray, x, t_x, age) -> np.ndarray:
    r, alpha, a, b = parameters
    shared = gammaln(r + x) - gammaln(r) + r * np.log(alpha)
    shared += gammaln(a + b) + gammaln(b + x) - gammaln(b) - gammaln(a + b + x)
    stayed = -(r + x) * np.log(alpha + age)
    left = np.log(a) - np.log(b + np.maximum(x, 1) - 1) - (r + x) * np.log(alpha + t_x)
    return shared + np.where(x > 0, np.logaddexp(stayed, left), stayed)
