"""What an order is worth: the gamma-gamma model, which believes a customer's mean by his orders."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.optimize import minimize
from scipy.special import betaln

from segwork.errors import DataError
from segwork.purchases.models import FITTED, Array


@dataclass(frozen=True)
class Spending:
    """A fitted gamma-gamma model: gamma (p, ν) order values whose ν is gamma (q, gamma).

    References
    ----------
    Fader, Hardie and Lee (2005), "RFM and CLV", Journal of Marketing Research 42(4).
    """

    p: float
    q: float
    gamma: float

    def mean(self, orders: Array, average: Array) -> Array:
        """Return the expected value of a customer's next order, shape (n,).

        Parameters
        ----------
        orders, average : array-like, shape (n,)
            Orders seen and their mean value, free ones among them.
        """
        orders, average = np.asarray(orders, float), np.asarray(average, float)
        return self.p * (self.gamma + orders * average) / (self.p * orders + self.q - 1)


def fit_spending(orders: Array, average: Array) -> Spending:
    """Fit by maximum likelihood to customers with a positive mean.

    Raises
    ------
    DataError
        Fewer than two customers have paid anything.

    Examples
    --------
    >>> found = fit_spending([1, 3, 2, 5], [10.0, 12.0, 30.0, 25.0])
    >>> bool(15 < found.mean(1, 20.0) < 25)
    True
    """
    x, m = np.asarray(orders, float), np.asarray(average, float)
    paid = (x > 0) & (m > 0)
    if paid.sum() < 2:
        raise DataError("nobody has paid anything", accepted="two customers with amounts above 0")
    by_value = np.lexsort((m[paid], x[paid]))[:: -(-int(paid.sum()) // FITTED)]
    x, m = x[paid][by_value], m[paid][by_value]
    unit = float(np.median(m))
    m = m / unit

    def loss(logs: Array) -> float:
        p, q, gamma = np.exp(logs)
        value = -betaln(p * x, q) - np.log(m) + q * np.log(gamma)
        value += p * x * np.log(x * m) - (p * x + q) * np.log(x * m + gamma)
        return -float(value.mean()) + 1e-6 * float(logs @ logs)

    # Above one, so that the mean of all customers is finite.
    bounds = [(-7, 9), (np.log(1.01), 9), (-7, 9)]
    found = minimize(loss, np.log([3.0, 3.0, 3.0]), method="L-BFGS-B", bounds=bounds).x
    p, q, gamma = (float(v) for v in np.exp(found))
    return Spending(p, q, gamma * unit)
