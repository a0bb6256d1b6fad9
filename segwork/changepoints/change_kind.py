"""What kind of change a dated change is, and the order rates around it."""

from __future__ import annotations

import numpy as np
from scipy.stats import chi2

from segwork.sequences import dispersion, gain

LATE_ORDERS = 1  # orders a stop may leave when the date is that little off
MARGIN = 2  # periods
SILENCE = 3.0  # orders that had to be expected for silence to be a stop


def describe(counts: np.ndarray, shape: np.ndarray, index: np.ndarray) -> dict[str, np.ndarray]:
    """Name the change at ``index`` of each sequence and give the rates around it.

    Parameters
    ----------
    counts, shape : numpy.ndarray, shape (customers, periods)
    index : numpy.ndarray of int, shape (customers,)
        First period of the changed stretch.

    Returns
    -------
    dict of str to numpy.ndarray
        ``index`` (a stop is moved to the period after the last order), ``kind``, and
        ``rate_before``, ``rate_after`` with ``_low`` and ``_high``: orders per average period.
    """
    stopped, index = _stops(counts, shape, index)
    end = _episode_end(counts, shape, index)
    temporary = ~stopped & (end > 0)
    periods = np.arange(counts.shape[1])[None, :]
    until = np.where(temporary, end, counts.shape[1])[:, None]
    inside = (periods >= index[:, None]) & (periods < until)
    clumping = np.maximum(dispersion(counts, shape, index), 1.0)
    before = _rate(counts, shape, ~inside, clumping)
    after = _rate(counts, shape, inside, clumping)
    plain = np.where(after[0] > before[0], "rise", "fall")
    kind = np.where(stopped, "stop", np.where(temporary, "temporary", plain)).astype(object)
    named = {"index": index, "kind": kind}
    for side, values in (("before", before), ("after", after)):
        for suffix, value in zip(("", "_low", "_high"), values, strict=True):
            named[f"rate_{side}{suffix}"] = value
    return named


def _stops(counts, shape, index) -> tuple[np.ndarray, np.ndarray]:
    """Whether orders end for good, and where: nothing follows though enough was expected."""
    periods = np.arange(counts.shape[1])[None, :]
    last = np.where(counts > 0, periods, -1).max(1)
    later = periods >= index[:, None]
    left = (counts * later).sum(1)
    rate = (counts * ~later).sum(1) / np.maximum((shape * ~later).sum(1), 1e-12)
    missed = rate * (shape * (periods > last[:, None])).sum(1)
    near = (left == 0) | ((left <= LATE_ORDERS) & (last - index < MARGIN))
    stopped = near & (missed >= SILENCE)
    return stopped, np.where(stopped, last + 1, index)


def _episode_end(counts, shape, index) -> np.ndarray:
    """First period after an episode that begins at ``index`` and returns, or 0 for none.

    An episode must explain the orders better than a lasting change by the price of one more date.
    """
    size, length = counts.shape
    total = counts.sum(1)
    seen = np.pad(np.cumsum(counts, 1, dtype=float), ((0, 0), (1, 0)))
    share = np.pad(np.cumsum(shape, 1, dtype=float), ((0, 0), (1, 0)))
    rows = np.arange(size)
    inside_seen = seen - seen[rows, index][:, None]
    inside_share = share - share[rows, index][:, None]
    fit = gain(inside_seen, inside_share) + gain(total[:, None] - inside_seen, 1 - inside_share)
    ends = np.arange(length + 1)[None, :]
    possible = (ends >= index[:, None] + 3) & (ends <= length - 3)
    better = np.where(possible, fit - fit[:, -1:], -np.inf)
    price = np.log((shape > 0).sum(1)) + 2.0
    clumping = np.maximum(dispersion(counts, shape, index), 1.0)
    best = better.argmax(1)
    return np.where(2 * better[rows, best] / clumping > price, best, 0)


def _rate(counts, shape, segment, clumping) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Orders per average period in a segment, with a 95 % interval widened by the clumping."""
    orders = (counts * segment).sum(1)
    worth = np.maximum((shape * segment).sum(1) * (shape > 0).sum(1), 1e-9)
    n = orders / clumping
    low = np.where(orders > 0, chi2.ppf(0.025, 2 * np.maximum(n, 1e-9)), 0) / 2
    high = chi2.ppf(0.975, 2 * n + 2) / 2
    return orders / worth, low * clumping / worth, high * clumping / worth
