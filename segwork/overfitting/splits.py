"""Ways to split rows, and the score of a model under each of them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.model_selection import StratifiedGroupKFold, StratifiedKFold

from segwork.overfitting.problem import Problem, noted
from segwork.overfitting.roc import Estimate, macro_auc, pooled

Folds = list[tuple[np.ndarray, np.ndarray]]
TRAIN_SCORED = 2_000


@dataclass(frozen=True)
class CrossScore:
    """What a model reaches under one way of splitting.

    Attributes
    ----------
    train : float
        Mean area on the rows a fold learned from.
    held : Estimate
        Mean area on rows not learned from, weighted by rows.
    learned : list of (codes, scores)
        Of at most 2,000 rows each fold learned from; empty without ``train``.
    by_fold : ndarray of (area, standard error), shape (folds, 2)
    scores : ndarray, shape (n, n_classes)
        Score of each row while held out, averaged over repeats; NaN where it never was.
    decisions : ndarray of int, shape (n,)
        The model's own decision for the row in the first repeat; -1 where it never was held out.
    apart : float
        Share of held-out rows where the model does not decide for its highest score.
    """

    train: float
    held: Estimate
    learned: list[tuple[np.ndarray, np.ndarray]]
    by_fold: np.ndarray
    scores: np.ndarray
    decisions: np.ndarray
    apart: float

    @property
    def rows(self) -> np.ndarray:
        """Positions of the rows that were held out at least once."""
        return np.flatnonzero(self.decisions >= 0)


def random_folds(problem: Problem, *, n_folds: int = 5, repeats: int = 1) -> Folds:
    """Stratified folds at random, ``repeats`` times."""
    folds: Folds = []
    for repeat in range(repeats):
        split = StratifiedKFold(n_folds, shuffle=True, random_state=problem.seed + repeat)
        with noted(set()):
            folds += list(split.split(problem.X, problem.codes))
    return folds


def grouped_folds(problem: Problem, *, n_folds: int = 5) -> Folds:
    """Stratified folds that never part the rows of a customer."""
    n_folds = min(n_folds, int(problem.groups.max()) + 1)
    if n_folds < 2:
        return []
    split = StratifiedGroupKFold(n_folds, shuffle=True, random_state=problem.seed)
    with noted(set()):
        return list(split.split(problem.X, problem.codes, problem.groups))


def time_folds(problem: Problem, *, n_folds: int = 4) -> Folds:
    """Learn from the past, score the next stretch; rows of one moment stay together."""
    cuts = [time_cut(problem.time, k / (n_folds + 1)) for k in range(1, n_folds + 1)]
    edges = [*dict.fromkeys(cuts), np.inf]
    return [
        (
            np.flatnonzero(problem.time < low),
            np.flatnonzero((problem.time >= low) & (problem.time < high)),
        )
        for low, high in pairwise(edges)
    ]


def time_cut(time: np.ndarray, share: float) -> float:
    """Return the moment that leaves about ``share`` of the rows before it."""
    moments, counts = np.unique(time, return_counts=True)
    before = np.concatenate([[0], np.cumsum(counts)[:-1]]) / len(time)
    return float(moments[1:][np.argmin(np.abs(before[1:] - share))]) if len(moments) > 1 else np.inf


def usable(problem: Problem, folds: Iterable[tuple[np.ndarray, np.ndarray]]) -> Folds:
    """Keep the folds with every class to learn from and two classes to score."""
    n_classes = len(problem.classes)
    return [
        (learn, held)
        for learn, held in folds
        if len(np.unique(problem.codes[learn])) == n_classes
        and len(np.unique(problem.codes[held])) > 1
    ]


def cross_score(
    problem: Problem, folds: Folds, *, estimator: BaseEstimator | None = None, train: bool = True
) -> CrossScore:
    """Fit on each fold and score the rows left out (and those learned from, with ``train``)."""
    n, n_classes = len(problem), len(problem.classes)
    total, times, decisions = np.zeros((n, n_classes)), np.zeros(n), np.full(n, -1)
    learned, parts, apart = [], [], 0.0
    for learn, held in folds:
        model = problem.fit(learn, estimator=estimator)
        scores = problem.score(model, held)
        parts.append((held, macro_auc(problem.codes[held], scores)))
        total[held] += scores
        if not times[held].any():  # a repeat would tell the same again
            decisions[held] = problem.predict(model, held)
            decided = scores[np.arange(len(held)), decisions[held]]
            apart += np.sum(decided < scores.max(axis=1) - 1e-9) / len(problem)
            learned += [_learned(problem, model, learn)] if train else []
        times[held] += 1
    with np.errstate(invalid="ignore"):
        mean = total / times[:, None]
    return CrossScore(
        float(np.mean([macro_auc(*part).value for part in learned] or [np.nan])),
        pooled(parts, n, problem.groups),
        learned,
        np.array([(part.value, part.standard_error) for _, part in parts]),
        mean,
        decisions,
        float(apart),
    )


def _learned(
    problem: Problem, model: BaseEstimator, learn: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    if len(learn) > TRAIN_SCORED:
        learn = np.random.default_rng(problem.seed).choice(learn, TRAIN_SCORED, replace=False)
    return problem.codes[learn], problem.score(model, learn)


def subsample(problem: Problem, n_rows: int) -> np.ndarray:
    """Return at most about ``n_rows`` positions in order: whole customers, every moment alike."""
    if len(problem) <= n_rows:
        return np.arange(len(problem))
    rng = np.random.default_rng(problem.seed)
    if problem.groups is None:
        return np.sort(rng.permutation(len(problem))[:n_rows])
    order = rng.permutation(problem.groups.max() + 1)
    sizes = np.bincount(problem.groups)[order]
    kept = order[: max(1, int(np.searchsorted(np.cumsum(sizes), n_rows)))]
    return np.flatnonzero(np.isin(problem.groups, kept))
