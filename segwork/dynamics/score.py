"""What a labelling over time is worth: how stable, how noisy, what it tells, what it overlooks."""

from __future__ import annotations

import numpy as np

from segwork.dynamics.methods import Label
from segwork.dynamics.mobility import flows
from segwork.dynamics.panel import Block

SPLICED, FEWEST_SPLICED, SOON = 2_000, 20, 2  # planted moves; found within so many periods


def steps(labels: np.ndarray, both: np.ndarray, k: int) -> np.ndarray:
    """Count the moves of each step, shape (periods − 1, k, k)."""
    rows = [flows(labels[b, t], labels[b, t + 1], k) for t, b in enumerate(both.T)]
    return np.array(rows, float).reshape(-1, k, k)


def stability(moved: np.ndarray, both: np.ndarray) -> tuple[float, float, float]:
    """Return the share of steps without a move and its 95 % interval over customers.

    A customer's steps belong together: the interval is that of a ratio of two sums over
    customers, which a bootstrap of customers would give as well.
    """
    at_risk, stayed = both.sum(axis=1), ((1 - moved) * both).sum(axis=1)
    total = at_risk.sum() or np.nan
    share = float(stayed.sum() / total)
    error = 1.96 * np.sqrt(((stayed - share * at_risk) ** 2).sum()) / total
    low, high = np.clip([share - error, share + error], 0, 1)
    return share, float(low), float(high)


def noise_floor(labels: np.ndarray, still: np.ndarray, both: np.ndarray) -> float:
    """Return how often the label changes although the latent segment stood still.

    That is one segment measured and labelled twice: the mobility that is no movement.
    """
    weight = still * both
    return float((weight * (np.diff(labels) != 0)).sum() / (weight.sum() or np.nan))


def separation(labels: np.ndarray, block: Block, *, lag: int = 0, first: int = 0) -> float:
    """Return the share of the next period's outcome that labels ``lag`` periods old explain.

    Between-segment share of the variance (omega squared, so nothing on average for random
    labels), over all steps with at least two customers, mean over the outcome columns.
    """
    left = total = 0.0
    for t in range(max(lag, first), labels.shape[1] - 1):
        rows = block.present[:, t - lag] & block.present[:, t + 1]
        groups, y = labels[rows, t - lag].astype(int), block.outcome[rows, t + 1].astype(float)
        sizes = np.bincount(groups)
        n, used = len(y), int((sizes > 0).sum())
        if n <= used:
            continue
        for column in ((y - y.mean(axis=0)) / np.maximum(y.std(axis=0), 1e-12)).T:
            sums = np.bincount(groups, column)
            between = float((sums**2 / np.maximum(sizes, 1)).sum())
            left += (n - between) * (n - 1) / (n - used)
            total += n
    return 1 - left / total if total else np.nan


def planted_moves(label: Label, block: Block, states: np.ndarray, seed: int) -> tuple[float, float]:
    """Return the share of planted moves that are found within two periods, and the mean delay.

    Halfway a customer goes on as another one whose latent segment is different; the move is
    found when the label is no longer the old one but the one the other customer has.
    """
    periods, rng = block.present.shape[1], np.random.default_rng(seed)
    half = periods // 2
    full = rng.permutation(np.flatnonzero(block.present.all(axis=1)))
    one, two = full[: len(full) // 2], full[len(full) // 2 :][: len(full) // 2]
    if periods < 4:
        return np.nan, np.nan
    fits = states[one, half - 1] != states[two, half]
    fits &= states[one, half - 2] == states[one, half - 1]
    fits &= states[two, half] == states[two, half + 1]
    one, two = one[fits][:SPLICED], two[fits][:SPLICED]
    if len(one) < FEWEST_SPLICED:
        return np.nan, np.nan
    joined = np.concatenate([block.X[one, :half], block.X[two, half:]], axis=1)
    there = np.ones(joined.shape[:2], bool)
    seen, theirs = label(joined, there), label(block.X[two], there)
    arrived = ((seen == theirs) & (seen != seen[:, half - 1 : half]))[:, half : half + SOON]
    found = arrived.any(axis=1)
    return float(found.mean()), float(arrived[found].argmax(1).mean()) if found.any() else np.nan
