"""Latent segments that customers stay in or leave: a hidden Markov model over all of them at once.

What is measured in one period is a segment plus noise. The model learns how large the noise is and
how often a segment is really left, so that a quiet month is not taken for a move.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

CHUNK = 50_000
ROUNDS, ENOUGH = 60, 1e-5  # EM steps at most, and the gain per measurement that ends them
FIRST_STAY = 0.9
RIDGE = 1e-3


@dataclass(frozen=True)
class Posterior:
    """What the model thinks of each customer, shape (n, periods, k) unless stated.

    Attributes
    ----------
    filtered : array
        Probability of each segment given the periods so far: for assignment.
    smoothed : array
        The same given all periods.
    stay : array, shape (n, periods − 1)
        Probability that the segment was the same at both ends of a step, given all periods.
    pairs : array, shape (periods − 1, k, k)
        Sum over customers of the probabilities of each move.
    log_likelihood : float
    """

    filtered: np.ndarray
    smoothed: np.ndarray
    stay: np.ndarray
    pairs: np.ndarray
    log_likelihood: float


@dataclass(frozen=True)
class LatentStates:
    """Segments as states of a Markov chain, measured with normal noise that all of them share.

    Attributes
    ----------
    start : array, shape (k,)
        Shares at the first period of a customer.
    moves : array, shape (k, k)
        Probability of each move in one step; rows sum to 1.
    centres : array, shape (k, d)
    noise : array, shape (d, d)
        Covariance of a measurement around its segment's centre.
    """

    start: np.ndarray
    moves: np.ndarray
    centres: np.ndarray
    noise: np.ndarray

    def __call__(self, X: np.ndarray, present: np.ndarray) -> np.ndarray:
        """Return the most probable segment of each period given the periods so far, (n, periods).

        −1 where a customer is not present. Nothing later than a period plays a part in it.
        """
        labels = np.full(present.shape, -1, np.int8)
        for rows in _chunks(len(X)):
            filtered, _, _ = _forward(self, X[rows], present[rows])
            labels[rows] = np.where(present[rows], filtered.argmax(axis=2), -1)
        return labels

    def posterior(self, X: np.ndarray, present: np.ndarray) -> Posterior:
        """Run forward and backward over all customers."""
        filtered, measured, fits = _forward(self, X, present)
        entered = np.logical_or.accumulate(present, axis=1)
        n, periods, k = filtered.shape
        after = np.ones((n, k), np.float32)
        smoothed = filtered.copy()
        stay, pairs = np.zeros((n, periods - 1), np.float32), np.zeros((periods - 1, k, k))
        moves = self.moves.astype(np.float32)
        for t in range(periods - 2, -1, -1):
            ahead = measured[:, t + 1] * after
            now = filtered[:, t] * (ahead @ moves.T)
            total = np.maximum(now.sum(axis=1, keepdims=True), 1e-30)
            both = present[:, t] & present[:, t + 1]
            stay[:, t] = (filtered[:, t] * ahead) @ np.diag(moves) / total[:, 0]
            pairs[t] = moves * ((filtered[:, t] / total)[both].T @ ahead[both]).astype(float)
            smoothed[:, t] = np.where(entered[:, t, None], now / total, filtered[:, t])
            after = ahead @ moves.T
            after /= np.maximum(after.max(axis=1, keepdims=True), 1e-30)
        return Posterior(filtered, smoothed, stay, pairs, float(fits))


def stays(
    model: LatentStates, X: np.ndarray, present: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return ``Posterior.stay`` and ``.pairs``, and the most probable segments given everything.

    In chunks of customers, so that a million of them fit into memory.
    """
    parts = [model.posterior(X[rows], present[rows]) for rows in _chunks(len(X))]
    states = np.concatenate([part.smoothed.argmax(axis=2).astype(np.int8) for part in parts])
    return np.concatenate([p.stay for p in parts]), sum(p.pairs for p in parts), states


def _chunks(n: int) -> Iterator[slice]:
    return (slice(first, first + CHUNK) for first in range(0, n, CHUNK))


def _forward(
    model: LatentStates, X: np.ndarray, present: np.ndarray
) -> tuple[np.ndarray, np.ndarray, float]:
    """Return filtered probabilities, likelihoods up to a factor by row, and the log-likelihood."""
    whiten = np.linalg.inv(np.linalg.cholesky(model.noise)).T.astype(np.float32)
    points, centres = X @ whiten, model.centres.astype(np.float32) @ whiten
    far = (points**2).sum(axis=2)[..., None] - 2 * points @ centres.T + (centres**2).sum(axis=1)
    near = far.min(axis=2, keepdims=True)
    measured = np.where(present[..., None], np.exp(-0.5 * (far - near)), np.float32(1))
    constant = np.log(np.diag(whiten)).sum() - 0.5 * X.shape[2] * np.log(2 * np.pi)
    fits = float(((constant - 0.5 * near[..., 0]) * present).sum(dtype=float))
    start, moves = model.start.astype(np.float32), model.moves.astype(np.float32)
    filtered = np.empty_like(measured)
    before = np.broadcast_to(start, measured[:, 0].shape)
    entered = np.zeros(len(X), bool)
    for t in range(X.shape[1]):
        expected = np.where(entered[:, None], before @ moves, start)
        joint = expected * measured[:, t]
        total = joint.sum(axis=1, keepdims=True)
        fits += float(np.log(total).sum(dtype=float))
        filtered[:, t] = before = joint / total
        entered |= present[:, t]
    return filtered, measured, fits


def fit(
    X: np.ndarray, present: np.ndarray, centres: np.ndarray, *, rounds: int = ROUNDS
) -> LatentStates:
    """Learn segments, their moves and the noise by expectation maximisation.

    Parameters
    ----------
    X : array, shape (n, periods, d)
        Scaled measurements; no missing values.
    present : bool array, shape (n, periods)
        False before a customer's first period and in gaps.
    centres : array, shape (k, d)
        Where to begin: those of a static clustering.
    rounds : int
        EM steps at most.

    Returns
    -------
    LatentStates

    References
    ----------
    Baum, Petrie, Soules & Weiss (1970), Annals of Mathematical Statistics 41(1), 164–171;
    Netzer, Lattin & Srinivasan (2008), Marketing Science 27(2), 185–204, for customers.
    """
    k, d = centres.shape
    X = X.astype(np.float32)
    rows = X[present].astype(float)
    nearest = ((rows[:, None] - centres) ** 2).sum(axis=2).argmin(axis=1)
    moves = np.full((k, k), (1 - FIRST_STAY) / max(k - 1, 1))
    np.fill_diagonal(moves, FIRST_STAY if k > 1 else 1.0)
    noise = np.cov((rows - centres[nearest]).T, bias=True).reshape(d, d) + RIDGE * np.eye(d)
    model = LatentStates(np.full(k, 1 / k), moves, centres.astype(float), noise)
    before = -np.inf
    for _ in range(rounds):
        seen = model.posterior(X, present)
        if seen.log_likelihood - before < ENOUGH * len(rows):
            break
        before = seen.log_likelihood
        model = _updated(model, seen, X, present)
    return model


def _updated(
    model: LatentStates, seen: Posterior, X: np.ndarray, present: np.ndarray
) -> LatentStates:
    weights, rows = seen.smoothed[present].astype(float), X[present].astype(float)
    mass = weights.sum(axis=0)
    alive = (mass > 1e-3)[:, None]
    centres = np.where(alive, weights.T @ rows / np.maximum(mass, 1e-3)[:, None], model.centres)
    second = rows.T @ rows - (centres.T * mass) @ centres
    noise = second / len(rows) + RIDGE * np.eye(rows.shape[1])
    pairs = seen.pairs.sum(axis=0) + 1e-3 * model.moves
    first = present.argmax(axis=1)
    begin = seen.smoothed[np.arange(len(X)), first][present.any(axis=1)].sum(axis=0) + 1e-3
    return LatentStates(
        begin / begin.sum(), pairs / pairs.sum(axis=1, keepdims=True), centres, noise
    )
