"""Area under the ROC curve with the influence of every row, so that differences get intervals.

DeLong, DeLong and Clarke-Pearson (1988) write the area as a mean over rows; the sum of squared
row influences is its variance, summed within a customer first where rows repeat customers
(Obuchowski 1997). Two scores of the same rows are compared through the difference of influences.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.stats import norm, rankdata

from segwork.results import Interval


@dataclass(frozen=True)
class Estimate:
    """A value, and how much each row pulls on it (shape (n,); zero where a row was not used)."""

    value: float
    influence: np.ndarray
    clusters: np.ndarray | None = None

    @property
    def standard_error(self) -> float:
        """Square root of the summed squares, summed by cluster first."""
        pull = self.influence
        if self.clusters is not None:
            pull = np.bincount(self.clusters, weights=pull)
        return float(np.sqrt(np.sum(pull**2)))

    def interval(self, level: float = 0.95) -> Interval:
        """Return the normal interval of the value."""
        half = float(norm.ppf(0.5 + level / 2)) * self.standard_error
        return Interval(self.value - half, self.value + half, level)

    def minus(self, other: Estimate) -> Estimate:
        """Return the difference on the same rows (independent ones where no row is shared)."""
        return Estimate(self.value - other.value, self.influence - other.influence, self.clusters)

    def better(self) -> Estimate:
        """Return the area of the score or of its opposite, whichever is larger."""
        return self if self.value > 0.5 else Estimate(1 - self.value, -self.influence)


def mean(parts: Sequence[Estimate], clusters: np.ndarray | None = None) -> Estimate:
    """Return the mean of estimates from the same rows."""
    value = float(np.mean([part.value for part in parts]))
    return Estimate(value, np.mean([part.influence for part in parts], axis=0), clusters)


def pooled(
    parts: Sequence[tuple[np.ndarray, Estimate]], n: int, clusters: np.ndarray | None = None
) -> Estimate:
    """Return the mean of estimates from parts of ``n`` rows, weighted by their rows."""
    weight, value, pull = sum(len(rows) for rows, _ in parts), 0.0, np.zeros(n)
    for rows, part in parts:
        value += part.value * len(rows) / weight
        pull[rows] += part.influence * len(rows) / weight
    return Estimate(value, pull, clusters)


def auc(event: np.ndarray, score: np.ndarray, clusters: np.ndarray | None = None) -> Estimate:
    """Return the area; NaN without influence where one class is missing."""
    event = np.asarray(event, dtype=bool)
    n_event, n_other = int(event.sum()), int((~event).sum())
    pull = np.zeros(len(event))
    if n_event == 0 or n_other == 0:
        return Estimate(float("nan"), pull, clusters)
    ranks = rankdata(score)
    below = (ranks[event] - rankdata(score[event])) / n_other
    above = 1 - (ranks[~event] - rankdata(score[~event])) / n_event
    area = float(below.mean())
    pull[event] = (below - area) / n_event
    pull[~event] = (above - area) / n_other
    return Estimate(area, pull, clusters)


def macro_auc(
    codes: np.ndarray, scores: np.ndarray, clusters: np.ndarray | None = None
) -> Estimate:
    """Return the mean one-against-rest area over the classes present; two classes need one."""
    which = [1] if scores.shape[1] == 2 else range(scores.shape[1])
    parts = [auc(codes == k, scores[:, k]) for k in which]
    return mean([part for part in parts if np.isfinite(part.value)] or parts, clusters)
