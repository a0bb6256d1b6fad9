"""Latent segments that customers stay in or leave: a hidden Markov model over all of them at once.

What is measured in one period is a segment plus noise. The model learns how large the noise is and
how often a segment is really left, so that a quiet month is not taken for a move.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

CHUNK = 50_000  # customers at a time, so that a million of them fit into memory
ROUNDS, ENOUGH = 60, 1e-5  # EM steps at most, and the gain per measurement that ends them
FIRST_STAY, RIDGE = 0.9, 1e-3


@dataclass(frozen=True)
class Posterior:
    """What the model thinks of each customer given all periods.

    Attributes
    ----------
    states : array, shape (n, periods, k)
        Probability of each segment.
    stay : array, shape (n, periods − 1)
        Probability that the segment was the same at both ends of a step.
    pairs : array, shape (periods − 1, k, k)
        Probabilities of each move, summed over the customers present at both ends.
    log_likelihood : float
    """

    states: np.ndarray
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
        for first in range(0, len(X), CHUNK):
            rows = slice(first, first + CHUNK)
            labels[rows] = np.where(
                present[rows], self.forward(X[rows], present[rows])[0].argmax(2), -1
            )
        return labels

    def forward(self, X: np.ndarray, present: np.ndarray) -> tuple[np.ndarray, np.ndarray, float]:
        """Return the probability of each segment given the periods so far, (n, periods, k).

        Beside it the likelihood of each measurement up to a factor by row, and the logarithm of
        the whole likelihood.
        """
        whiten = np.linalg.inv(np.linalg.cholesky(self.noise)).T
        points, centres = X @ whiten.astype(np.float32), (self.centres @ whiten).astype(np.float32)
        far = (points**2).sum(2)[..., None] - 2 * points @ centres.T + (centres**2).sum(1)
        near = far.min(axis=2, keepdims=True)
        measured = np.where(present[..., None], np.exp((near - far) / 2), np.float32(1))
        constant = np.log(np.diag(whiten)).sum() - X.shape[2] / 2 * np.log(2 * np.pi)
        fits = float(((constant - near[..., 0] / 2) * present).sum(dtype=float))
        start, moves = self.start.astype(np.float32), self.moves.astype(np.float32)
        filtered, expected = np.empty_like(measured), np.tile(start, (len(X), 1))
        entered = np.logical_or.accumulate(present, axis=1)
        for t in range(X.shape[1]):
            joint = expected * measured[:, t]
            total = joint.sum(axis=1, keepdims=True)
            fits += float(np.log(total).sum(dtype=float))
            filtered[:, t] = joint / total
            expected = np.where(entered[:, t, None], filtered[:, t] @ moves, start)
        return filtered, measured, fits

    def posterior(self, X: np.ndarray, present: np.ndarray) -> Posterior:
        """Run forward and backward over all customers."""
        states, measured, fits = self.forward(X, present)
        n, periods, k = states.shape
        moves, after = self.moves.astype(np.float32), np.ones((n, k), np.float32)
        stay, pairs = np.zeros((n, periods - 1), np.float32), np.zeros((periods - 1, k, k))
        for t in range(periods - 2, -1, -1):
            ahead, both = measured[:, t + 1] * after, present[:, t] & present[:, t + 1]
            after = ahead @ moves.T
            now = states[:, t] / np.maximum((states[:, t] * after).sum(1, keepdims=True), 1e-30)
            stay[:, t] = (now * ahead) @ np.diag(moves)
            pairs[t] = moves * (now[both].T @ ahead[both])
            entered = present[:, : t + 1].any(axis=1, keepdims=True)
            states[:, t] = np.where(entered, now * after, states[:, t])
            after = after / np.maximum(after.max(axis=1, keepdims=True), 1e-30)
        return Posterior(states, stay, pairs, fits)


def fit(X: np.ndarray, present: np.ndarray, centres: np.ndarray) -> LatentStates:
    """Learn segments, their moves and the noise by expectation maximisation.

    Parameters
    ----------
    X : array, shape (n, periods, d)
        Scaled measurements; no missing values.
    present : bool array, shape (n, periods)
        False before a customer's first period and in gaps.
    centres : array, shape (k, d)
        Where to begin: those of a static clustering.

    Returns
    -------
    LatentStates

    References
    ----------
    Baum, Petrie, Soules & Weiss (1970), Annals of Mathematical Statistics 41(1), 164–171;
    Netzer, Lattin & Srinivasan (2008), Marketing Science 27(2), 185–204, for customers.
    """
    k, rows = len(centres), X[present].astype(float)
    nearest = ((rows[:, None] - centres) ** 2).sum(axis=2).argmin(axis=1)
    moves = np.full((k, k), (1 - FIRST_STAY) / max(k - 1, 1))
    np.fill_diagonal(moves, FIRST_STAY if k > 1 else 1.0)
    noise = _second(rows - centres[nearest], len(rows))
    model, before = LatentStates(np.full(k, 1 / k), moves, centres.astype(float), noise), -np.inf
    first, seen = present.argmax(axis=1), present.any(axis=1)
    for _ in range(ROUNDS):
        found = model.posterior(X, present)
        if found.log_likelihood - before < ENOUGH * len(rows):
            break
        before, weights = found.log_likelihood, found.states[present].astype(float)
        mass = weights.sum(axis=0)[:, None]
        centres = np.where(mass > 1e-3, weights.T @ rows / np.maximum(mass, 1e-3), model.centres)
        noise = _second(rows, len(rows)) - (centres.T * mass[:, 0]) @ centres / len(rows)
        pairs = found.pairs.sum(axis=0) + 1e-3 * model.moves
        begin = found.states[np.arange(len(X)), first][seen].sum(axis=0) + 1e-3
        moves = pairs / pairs.sum(axis=1, keepdims=True)
        model = LatentStates(begin / begin.sum(), moves, centres, noise)
    return model


def stays(
    model: LatentStates, X: np.ndarray, present: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return ``Posterior.stay`` and ``.pairs`` of all, and their most probable segments."""
    starts = range(0, len(X), CHUNK)
    parts = [model.posterior(X[i : i + CHUNK], present[i : i + CHUNK]) for i in starts]
    states = np.concatenate([part.states.argmax(axis=2).astype(np.int8) for part in parts])
    return np.concatenate([p.stay for p in parts]), sum(p.pairs for p in parts), states


def _second(rows: np.ndarray, n: int) -> np.ndarray:
    return rows.T @ rows / n + RIDGE * np.eye(rows.shape[1])
