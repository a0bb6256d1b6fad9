"""Does the model learn or remember? Simple rivals, learning curve, shuffled labels, seeds."""

from __future__ import annotations

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator, clone
from sklearn.linear_model import LogisticRegression
from sklearn.tree import DecisionTreeClassifier

from segwork.overfitting.problem import Problem
from segwork.overfitting.roc import Estimate, macro_auc
from segwork.overfitting.splits import CrossScore, Folds, cross_score, random_folds

SHUFFLES, SHUFFLE_ROWS = 6, 2_000
CURVE = (0.15, 0.35, 0.65, 1.0)


def rivals(problem: Problem) -> dict[str, BaseEstimator]:
    """Two simple models every model should beat: logistic regression and a small tree."""
    leaf = max(20, len(problem) // 50)
    return {
        "logistic regression": LogisticRegression(max_iter=1000),
        "small tree": DecisionTreeClassifier(min_samples_leaf=leaf, random_state=problem.seed),
    }


def strongest_rival(problem: Problem, folds: Folds, cross: CrossScore) -> tuple[str, Estimate]:
    """Return the simple model that beats the estimator most, with the paired difference."""
    plain = problem.plain()
    ahead = {
        name: cross_score(plain, folds, estimator=rival, train=False).held.minus(cross.held)
        for name, rival in rivals(problem).items()
    }
    name = max(ahead, key=lambda key: ahead[key].value)
    return name, ahead[name]


def learning_curve(problem: Problem, *, sizes: tuple[float, ...] = CURVE) -> pd.DataFrame:
    """Return area in training and held out by rows learned from (one random split)."""
    learn, held = random_folds(problem, n_folds=4)[0]
    learn = np.random.default_rng(problem.seed).permutation(learn)
    rows = []
    for share in sizes:
        part = np.sort(learn[: max(20, int(share * len(learn)))])
        if len(np.unique(problem.codes[part])) < len(problem.classes):
            continue
        model = problem.fit(part)
        area = macro_auc(problem.codes[held], problem.score(model, held))
        train = macro_auc(problem.codes[part], problem.score(model, part)).value
        span = area.interval()
        rows.append((len(part), train, area.value, span.low, span.high))
    return pd.DataFrame(rows, columns=["rows", "train", "holdout", "low", "high"])


def shuffled_area(problem: Problem) -> float:
    """Return the mean area the model reaches on labels that were shuffled."""
    rng = np.random.default_rng(problem.seed)
    return float(np.mean([_area_once(problem, rng) for _ in range(SHUFFLES)]))


def _area_once(problem: Problem, rng: np.random.Generator) -> float:
    rows = rng.permutation(len(problem))[:SHUFFLE_ROWS]
    learn, held = rows[: len(rows) // 2], rows[len(rows) // 2 :]
    mixed = problem.codes.copy()
    mixed[rows] = rng.permutation(mixed[rows])
    if len(np.unique(mixed[learn])) < len(problem.classes):
        return 0.5
    area = macro_auc(mixed[held], problem.score(problem.fit(learn, codes=mixed), held)).value
    return area if np.isfinite(area) else 0.5


def chance_error(codes: np.ndarray, n_classes: int) -> float:
    """Return the standard error of the area of scores that know nothing (Mann and Whitney)."""
    counts = np.bincount(codes, minlength=n_classes)[1:] if n_classes == 2 else np.bincount(codes)
    errors = [np.sqrt((len(codes) + 1) / (12 * c * (len(codes) - c))) for c in counts if c]
    return float(np.mean(errors))


def seed_spread(problem: Problem, *, seeds: int = 3) -> float | None:
    """Return the standard deviation of the area over model seeds; None for a model without one."""
    keys = [k for k in problem.estimator.get_params() if k.split("__")[-1] == "random_state"]
    if not keys:
        return None
    learn, held = random_folds(problem, n_folds=4)[0]
    areas = []
    for seed in range(seeds):
        other = clone(problem.estimator).set_params(**dict.fromkeys(keys, problem.seed + seed))
        scores = problem.score(problem.fit(learn, estimator=other), held)
        areas.append(macro_auc(problem.codes[held], scores).value)
    return float(np.std(areas, ddof=1))


def grid_edges(problem: Problem) -> list[str] | None:
    """Name what a search chose clearly at the edge of its grid; None where nothing is searched."""
    last = last_step(problem.estimator)
    if not (hasattr(last, "param_grid") or type(last).__name__ == "LogisticRegressionCV"):
        return None
    fitted = last_step(problem.fit(np.arange(len(problem))))
    return _search_edges(fitted) if hasattr(fitted, "cv_results_") else _path_edges(fitted)


def last_step(estimator: BaseEstimator) -> BaseEstimator:
    """Return the model at the end of a pipeline, or the model itself."""
    return estimator[-1] if hasattr(estimator, "steps") else estimator


def _search_edges(search: BaseEstimator) -> list[str]:
    results = pd.DataFrame(search.cv_results_)
    best = results.loc[search.best_index_]
    folds = max(int(search.n_splits_), 2)
    edges = []
    for name in [c for c in results if c.startswith("param_")]:
        values = pd.to_numeric(results[name], errors="coerce").dropna()
        if values.nunique() < 3 or best[name] not in (values.min(), values.max()):
            continue
        others = results.loc[results[name] != best[name], "mean_test_score"].max()
        if best["mean_test_score"] - others > best["std_test_score"] / np.sqrt(folds):
            edges.append(f"{name.removeprefix('param_')} = {best[name]:g}")
    return edges


def _path_edges(model: BaseEstimator) -> list[str]:
    grid = np.asarray(model.Cs_, dtype=float)
    scores = model.scores_
    scores = np.mean(list(scores.values()), axis=0) if isinstance(scores, dict) else scores
    scores = np.asarray(scores).reshape(len(scores), -1, len(grid)).mean(axis=1)
    mean, error = scores.mean(axis=0), scores.std(axis=0) / np.sqrt(len(scores))
    best = int(np.argmax(mean))
    inner = mean[1:-1].max() if len(grid) > 2 else -np.inf
    edge = best in (0, len(grid) - 1) and mean[best] - inner > error[best]
    return [f"C = {grid[best]:g}"] if edge else []
