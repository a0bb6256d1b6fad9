"""Which partition to work with, whether or not there are natural groups.

Two questions, two answers. *Are there natural groups?* is settled by the referee and the
clusterless copies. *Which partition to work with?* is settled here: among all methods and the RFM
rule the one that is found again on other customers, is not too small to address, and tells most of
a later period; ties within the error go to the simplest.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from segwork.clustering.identity import segment_ids
from segwork.clustering.judging.scores import outcome_separation
from segwork.clustering.judging.stability import halves_agreement
from segwork.clustering.methods.classical import MOST_NOISE, quiet
from segwork.clustering.model import SegmentModel
from segwork.clustering.prepare import Scaling

NUMBERS = range(2, 6)  # as many as the RFM rule has, and as personas are read
SPLITS = 5
STARTS = 5
FOUND_AGAIN = 0.7
SMALLEST_SHARE = 0.02
LEAST_MEMBERS = 5
TIE = 0.05  # of what the best explains of the table itself
BOOTSTRAPS = 200


@dataclass(frozen=True)
class Partition:
    """One way to divide the rows, with what decides whether one can work with it.

    Parameters
    ----------
    name : str
    labels : array of int, shape (n,)
        −1 is noise.
    found_again : float
        Adjusted Rand index of fits on disjoint rows; NaN where it was not measured.
    complexity : int
        Rank among methods: a rule before K-Means before anything else.
    """

    name: str
    labels: np.ndarray
    found_again: float
    complexity: int

    @property
    def groups(self) -> int:
        """Number of segments, noise not counted."""
        return len(np.unique(self.labels[self.labels >= 0]))

    @property
    def addressable(self) -> bool:
        """Whether the smallest segment is large enough to be written to, and noise is little."""
        counts = np.bincount(self.labels[self.labels >= 0])
        counts = counts[counts > 0]
        if len(counts) < 2 or (self.labels < 0).mean() > MOST_NOISE:
            return False
        return bool(counts.min() >= max(SMALLEST_SHARE * len(self.labels), LEAST_MEMBERS))


def stable_kmeans(
    X: np.ndarray, *, seed: int, numbers: Sequence[int] = NUMBERS
) -> tuple[np.ndarray, float]:
    """Return the centres of the K-Means that explains most of those that are found again.

    Parameters
    ----------
    X : array, shape (n, d)
        Scaled.
    numbers : sequence of int
        Numbers of clusters to try.

    Returns
    -------
    centres : array, shape (k, d)
        Where no number is found again, those of the one that comes nearest to it.
    agreement : float
        The mean agreement over the splits.
    """
    numbers = [k for k in numbers if 2 * k <= len(np.unique(X, axis=0))] or [1]
    total = max(float(((X - X.mean(axis=0)) ** 2).sum()), 1e-12)
    tried: list[tuple[float, float, np.ndarray]] = []
    for k in numbers:
        model = _kmeans(X, k, seed)

        def labelled(rows: np.ndarray, k: int = k) -> np.ndarray:
            return _kmeans(X[rows], k, seed).predict(X)

        again = halves_agreement(len(X), labelled, seed=seed, splits=SPLITS).mean()
        large = np.bincount(model.labels_).min() >= SMALLEST_SHARE * len(X)
        tried.append((float(again if large else 0), 1 - model.inertia_ / total, model))
    able = [(again, share, m) for again, share, m in tried if again >= FOUND_AGAIN]
    if not able:
        again, _, model = max(tried, key=lambda one: one[0])
        return model.cluster_centers_, again
    most = max(share for _, share, _ in able)
    again, _, model = next(one for one in able if one[1] >= (1 - TIE) * most)
    return model.cluster_centers_, again


def _kmeans(X: np.ndarray, k: int, seed: int) -> object:
    from sklearn.cluster import KMeans

    with quiet():
        return KMeans(min(k, len(X)), n_init=STARTS, random_state=seed).fit(X)


def stable_model(scaling: Scaling, centres: np.ndarray, labels: np.ndarray) -> SegmentModel:
    """Return the K-Means as a model that labels new customers."""
    sizes = np.bincount(labels, minlength=len(centres))
    rule = {"kind": "centres", "centres": centres}
    setting = f"k = {len(centres)}, on {', '.join(scaling.columns)}"
    ids = tuple(segment_ids(centres, sizes))
    return SegmentModel("stable_kmeans", setting, scaling, rule, centres, ids)


def choose(
    partitions: Sequence[Partition],
    outcomes: np.ndarray,
    *,
    later: bool,
    seed: int,
) -> tuple[str | None, str]:
    """Return the partition to work with and one sentence that says why.

    Parameters
    ----------
    partitions : sequence of Partition
    outcomes : array, shape (n, m)
        What a partition should tell: the later outcome, or the table's own columns.
    later : bool
        Whether it is a later one.
    """
    again = [p for p in partitions if p.found_again >= FOUND_AGAIN]
    able = [p for p in again if p.addressable]
    if not able:
        why = (
            f"no partition is found again on other rows (agreement of {FOUND_AGAIN:g} or more)"
            if not again
            else "what is found again has a segment too small to address"
        )
        return None, f"Nothing to work with: {why}."
    shares = {p.name: _explained(p.labels, outcomes) for p in able}
    best = max(able, key=lambda p: shares[p.name])
    tied = [
        p for p in able if p is best or _ties(p, best, shares, outcomes, later=later, seed=seed)
    ]
    chosen = min(tied, key=lambda p: (p.complexity, p.groups, -shares[p.name]))
    of = "a later outcome" if later else "the table's own columns, as no later outcome was given"
    return chosen.name, (
        f"{chosen.name} with {chosen.groups} segments explains {shares[chosen.name]:.0%} of the"
        f" variance of {of}, is found again on other rows (agreement {chosen.found_again:.2f}), and"
        f" is the simplest of {len(tied)} within the error of the best."
    )


def _explained(labels: np.ndarray, outcomes: np.ndarray) -> float:
    return float(np.mean([outcome_separation(labels, column) for column in outcomes.T]))


def _ties(
    one: Partition,
    best: Partition,
    shares: dict[str, float],
    outcomes: np.ndarray,
    *,
    later: bool,
    seed: int,
) -> bool:
    """Tell whether one explains as much as the best, within one standard error."""
    behind = shares[best.name] - shares[one.name]
    if not later:
        return behind <= TIE * shares[best.name]
    rng = np.random.default_rng([seed, 24])
    gaps = []
    for _ in range(BOOTSTRAPS):
        rows = rng.integers(0, len(outcomes), len(outcomes))
        gaps.append(
            _explained(best.labels[rows], outcomes[rows])
            - _explained(one.labels[rows], outcomes[rows])
        )
    return behind <= float(np.std(gaps, ddof=1))


def value_columns(frame: pd.DataFrame, names: Sequence[str]) -> np.ndarray:
    """Return these columns as logarithms where they are never negative, shape (n, m)."""
    values = frame[list(names)].dropna(axis="columns", how="all").to_numpy(float, na_value=np.nan)
    values = np.where(np.isnan(values), np.nanmedian(values, axis=0), values)
    return np.where(values.min(axis=0) >= 0, np.log1p(np.maximum(values, 0)), values)
