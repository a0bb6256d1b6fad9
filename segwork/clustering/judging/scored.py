"""All candidates of the same rows, scored on the same rows in the same space."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from segwork.clustering.judging.referee import quality
from segwork.clustering.judging.traits import Space, agreement, traits
from segwork.clustering.methods.classical import Candidate

SCORED_ROWS = 1000


@dataclass(frozen=True)
class Scored:
    """Candidates with their traits, mutual agreement and predicted quality.

    Attributes
    ----------
    candidates : list of Candidate
    space : Space
        The rows scored, at most 1,000.
    traits, agreement, quality : arrays, shapes (m, t), (m, m), (m,)
    customers : bool
        Whether the customers' referee predicts the quality.
    """

    candidates: list[Candidate]
    space: Space
    traits: np.ndarray
    agreement: np.ndarray
    customers: bool

    @property
    def methods(self) -> list[str]:
        """The method of every candidate."""
        return [c.method for c in self.candidates]

    @cached_property
    def quality(self) -> np.ndarray:
        """The referee's predicted agreement with the truth, shape (m,)."""
        return quality(self.traits, self.agreement, self.methods, customers=self.customers)

    @property
    def groups(self) -> int:
        """The number of clusters of the candidate predicted best."""
        return self.candidates[int(self.quality.argmax())].n_clusters


def scored(
    X: np.ndarray, candidates: list[Candidate], *, seed: int, customers: bool = False
) -> Scored:
    """Measure every candidate on the same rows: 1,000 distinct ones at most, drawn at random."""
    rows = deciding_rows(X, seed=seed)
    space = Space.of(X[rows])
    labels = np.column_stack([c.labels[rows] for c in candidates])
    names = [_grouping(column) for column in labels.T]
    first = dict(zip(names[::-1], labels.T[::-1], strict=True))
    known = {name: traits(space, column) for name, column in first.items()}
    values = np.array([known[name] for name in names])
    return Scored(candidates, space, values, agreement(labels), customers)


def deciding_rows(X: np.ndarray, *, seed: int, most: int = SCORED_ROWS) -> np.ndarray:
    """Return rows for all candidates to be scored on: distinct ones, at random, 1,000 at most."""
    distinct = np.sort(np.unique(X, axis=0, return_index=True)[1])
    drawn = np.random.default_rng([seed, 15]).permutation(len(distinct))[:most]
    return distinct[np.sort(drawn)]


def _grouping(labels: np.ndarray) -> bytes:
    """Return the same bytes for the same groups, however they are numbered."""
    _, first, codes = np.unique(labels, return_index=True, return_inverse=True)
    return np.where(labels < 0, -1, first[codes]).tobytes()
