"""Order counts drawn around what is expected: even, clumped or regular buying."""

from __future__ import annotations

import numpy as np


def buy(
    expected: np.ndarray,
    rng: np.random.Generator,
    *,
    size: float | np.ndarray = np.inf,
    regularity: int | np.ndarray = 1,
) -> np.ndarray:
    """Draw order counts around their expectation.

    Parameters
    ----------
    expected : numpy.ndarray, shape (B, T)
    rng : numpy.random.Generator
    size : float or numpy.ndarray of shape (B,), default infinity
        Negative-binomial size of a period; infinity is Poisson.
    regularity : int or numpy.ndarray of shape (B,), default 1
        Shape k of Erlang gaps between orders; 1 is Poisson.
    """
    size = np.broadcast_to(size, len(expected))[:, None].astype(float)
    k = np.broadcast_to(regularity, len(expected))[:, None]
    clumped = np.isfinite(size)
    draws = rng.gamma(np.where(clumped, size, 1.0), 1.0, expected.shape)
    frailty = np.where(clumped, draws / np.where(clumped, size, 1.0), 1.0)
    steps = np.cumsum(rng.poisson(k * expected * frailty), axis=1) + rng.integers(0, k)
    return np.diff(steps // k, axis=1, prepend=0).astype(np.int32)
