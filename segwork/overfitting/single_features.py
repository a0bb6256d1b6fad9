"""What every single feature tells about the label."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.stats import norm

from segwork.evidence import wilson
from segwork.overfitting.problem import Problem
from segwork.overfitting.roc import Estimate, auc, mean

PURE, MOSTLY_OTHER = 0.95, 0.35
N_BINS, N_FOLDS = 20, 5


@dataclass(frozen=True)
class SingleFeature:
    """How well one feature alone ranks the rows.

    Attributes
    ----------
    name : str
    area : Estimate
        Mean one-against-rest area of the better of two readings: its order, or rates by bin.
    score : ndarray, shape (n, n_classes)
    pure : float
        Share of the rarest class in bins that hold almost nothing else.
    """

    name: str
    area: Estimate
    score: np.ndarray
    pure: float


def single_features(problem: Problem) -> list[SingleFeature]:
    """Score every feature alone, strongest first."""
    fold = np.random.default_rng(problem.seed).integers(0, N_FOLDS, len(problem))
    found = [_single(problem, name, fold) for name in problem.X]
    return sorted(found, key=lambda single: -single.area.value)


def _single(problem: Problem, name: str, fold: np.ndarray) -> SingleFeature:
    column = problem.X[name]
    bins = binned(column)
    order = column.to_numpy(dtype=float) if pd.api.types.is_numeric_dtype(column) else None
    score = np.column_stack(
        [_rates(bins, problem.codes == k, fold) for k in range(len(problem.classes))]
    )
    parts = []
    for k in [1] if len(problem.classes) == 2 else range(len(problem.classes)):
        event = problem.codes == k
        best = auc(event, score[:, k])
        if order is not None and np.isfinite(order).all():
            ordered = auc(event, order)
            if ordered.better().value > best.value:
                best = ordered.better()
                score[:, k] = order if ordered.value > 0.5 else -order
                if len(problem.classes) == 2:
                    score[:, 0] = -score[:, 1]
        parts.append(best)
    area, event = mean(parts, problem.groups), problem.codes == problem.rare
    return SingleFeature(name, area, score, _pure_share(bins, event))


def binned(column: pd.Series) -> np.ndarray:
    """Return small codes: quantile bins of a number, frequent values of a word, gaps apart."""
    if pd.api.types.is_numeric_dtype(column) and column.nunique() > N_BINS:
        codes = pd.qcut(column, N_BINS, labels=False, duplicates="drop")
        return codes.fillna(N_BINS).to_numpy(dtype=int)
    codes, values = pd.factorize(column, use_na_sentinel=False)
    counts = np.bincount(codes, minlength=len(values))
    rank = np.argsort(np.argsort(-counts, kind="stable"), kind="stable")
    return np.minimum(rank[codes], 50)


def _rates(bins: np.ndarray, event: np.ndarray, fold: np.ndarray) -> np.ndarray:
    """Share of the event in the row's bin, counted without the row's own fold."""
    cell = bins * N_FOLDS + fold
    size = (bins.max() + 1) * N_FOLDS
    n = np.bincount(cell, minlength=size).reshape(-1, N_FOLDS)
    k = np.bincount(cell, weights=event, minlength=size).reshape(-1, N_FOLDS)
    base = event.mean()
    rate = (k.sum(1, keepdims=True) - k + 5 * base) / (n.sum(1, keepdims=True) - n + 5)
    return rate[bins, fold]


def _pure_share(bins: np.ndarray, event: np.ndarray) -> float:
    if event.mean() > MOSTLY_OTHER:
        return 0.0
    n, k = np.bincount(bins), np.bincount(bins, weights=event)
    order = np.argsort(-k / np.maximum(n, 1), kind="stable")
    best = 0.0
    for among, events in zip(np.cumsum(n[order]), np.cumsum(k[order]), strict=True):
        if wilson(int(events), int(among)).low >= PURE:
            best = float(events / max(k.sum(), 1))
    return best


def search_evidence(strength: np.ndarray) -> tuple[float, float, int] | None:
    """Log likelihood ratio of a search through noise, the weakest strength, and their number."""
    strength = strength[strength < 6.0]
    if len(strength) < 5:
        return None
    cut = float(strength.min())
    searched = norm.logpdf(strength) - norm.logsf(cut)
    scale = float(np.sqrt(np.mean(strength**2)))
    honest = max(
        norm.logpdf(strength, strength.mean(), max(float(strength.std()), 1.0)).sum(),
        (np.log(2) + norm.logpdf(strength, 0, scale)).sum(),
    )
    return float(searched.sum() - honest - np.log(len(strength))), cut, len(strength)


def strengths(problem: Problem, ranks: bool) -> np.ndarray:
    """Absolute z of each number against the rarest class, of features not tied to one another."""
    numbers = problem.X.select_dtypes("number")
    numbers = numbers.loc[:, numbers.nunique() > 10].iloc[:, :500]
    if numbers.shape[1] < 5:
        return np.zeros(0)
    filled = numbers.fillna(numbers.median())
    values = (filled.rank() if ranks else filled).to_numpy(dtype=float)
    values = (values - values.mean(0)) / np.maximum(values.std(0), 1e-12)
    event = (problem.codes == problem.rare).astype(float)
    r = values.T @ (event - event.mean()) / (len(problem) * max(event.std(), 1e-12))
    z = np.abs(np.arctanh(np.clip(r, -0.999999, 0.999999))) * np.sqrt(max(len(problem) - 3, 1))
    tied = np.abs(values.T @ values / len(problem)) > max(0.3, 4 / np.sqrt(len(problem)))
    kept: list[int] = []
    for j in range(len(z)):
        if not tied[j, kept].any():
            kept.append(j)
    return z[kept]
