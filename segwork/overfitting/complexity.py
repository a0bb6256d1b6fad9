"""Does the model remember instead of learn? OF-01, 03, 04, 05, 06, 16."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from sklearn.base import clone
from sklearn.linear_model import LogisticRegression
from sklearn.tree import DecisionTreeClassifier

from segwork.overfitting.case import Case
from segwork.overfitting.findings import Check, alarm, not_applicable
from segwork.overfitting.roc import Estimate, macro_auc
from segwork.overfitting.splits import CrossScore, Folds, cross_score, random_folds
from segwork.results import Status

OPTIMISM = 0.10
HARMFUL_GAP = 0.05
# Usual forests and boosting on an additive world lose 0.02 to 0.09 to logistic regression, trees
# that memorise 0.13 to 0.24 (bench ``model_audits``): the first is a choice, the second a fault.
HARM, HARM_FOR_SURE = 0.10, 0.05
SHUFFLES, SHUFFLE_ROWS = 6, 2_000
CURVE = (0.15, 0.35, 0.65, 1.0)


def rivals(case: Case) -> dict[str, Any]:
    """Two simple models every model should beat: logistic regression and a small tree."""
    leaf = max(20, len(case) // 50)
    return {
        "logistic regression": LogisticRegression(max_iter=1000),
        "small tree": DecisionTreeClassifier(min_samples_leaf=leaf, random_state=case.seed),
    }


def check_optimism(cross: CrossScore, harm: tuple[str, Estimate] | None) -> Check:
    """OF-01: the training score promises more than the held-out score, and a simpler model wins."""
    gap, span = cross.train - cross.held.value, cross.held.interval()
    text = f"Area {cross.train:.3f} in training, {cross.held.value:.3f} held out"
    if cross.train - span.high <= OPTIMISM:
        return Check("OF-01", Status.PASSED, f"{text}.", share=gap)
    if harm is None or not _harmful(harm[1]):
        return Check("OF-01", Status.PASSED, f"{text}, yet no simpler model does much better.")
    return Check("OF-01", alarm("OF-01"), f"{text}; {_told(*harm)}.", share=gap)


def check_harm(cross: CrossScore, harm: tuple[str, Estimate] | None) -> Check:
    """OF-03: complexity that costs: a simpler rival is clearly better on the same rows."""
    gap = cross.train - cross.held.value
    if harm is None or cross.train - cross.held.interval().high <= HARMFUL_GAP:
        return Check("OF-03", Status.PASSED, f"Training and held-out area differ by {gap:.3f}.")
    told = _told(*harm)
    if _harmful(harm[1]):
        return Check("OF-03", alarm("OF-03"), f"{told}.", share=harm[1].value)
    said = "a simpler model would do" if harm[1].interval().low > 0 else "no harm shown"
    return Check("OF-03", Status.PASSED, f"{told}; {said}.", share=harm[1].value)


def strongest_rival(case: Case, folds: Folds, cross: CrossScore) -> tuple[str, Estimate]:
    """Return the simple model that beats the estimator most, with the paired difference."""
    plain = case.plain()
    ahead = {
        name: cross_score(plain, folds, estimator=rival, train=False).held.minus(cross.held)
        for name, rival in rivals(case).items()
    }
    name = max(ahead, key=lambda key: ahead[key].value)
    return name, ahead[name]


def _harmful(ahead: Estimate) -> bool:
    return ahead.value >= HARM and ahead.interval().low > HARM_FOR_SURE


def _told(name: str, ahead: Estimate) -> str:
    span = ahead.interval()
    return (
        f"a simple rival ({name}) is {ahead.value:+.3f} in area against it"
        f" (95 % interval {span.low:+.3f} to {span.high:+.3f})"
    )


def check_folds(cross: CrossScore) -> Check:
    """OF-04: one fold far below the others, in standard errors of a fold."""
    areas, errors = cross.by_fold.T
    errors = np.maximum(errors, max(float(np.median(errors)), 1e-9))  # a few rows may show none
    lowest = int(np.argmin((areas - areas.mean()) / errors))
    depth = (areas.mean() - areas[lowest]) / errors[lowest]
    text = (
        f"Area by fold {areas.min():.3f} to {areas.max():.3f}; the lowest lies {depth:.1f} standard"
        " errors below the mean"
    )
    bad = depth > 3.5 and areas.mean() - areas[lowest] > 0.02
    return Check("OF-04", alarm("OF-04") if bad else Status.PASSED, f"{text}.", share=float(depth))


def learning_curve(case: Case, *, sizes: tuple[float, ...] = CURVE) -> pd.DataFrame:
    """Return area in training and held out by rows learned from (one grouped or random split)."""
    learn, held = random_folds(case, n_folds=4)[0]
    learn = np.random.default_rng(case.seed).permutation(learn)
    rows = []
    for share in sizes:
        part = np.sort(learn[: max(20, int(share * len(learn)))])
        if len(np.unique(case.codes[part])) < len(case.classes):
            continue
        model = case.fit(part)
        area, pull = macro_auc(case.codes[held], case.score(model, held))
        span = Estimate(area, pull).interval()
        train = macro_auc(case.codes[part], case.score(model, part))[0]
        rows.append((len(part), train, area, span.low, span.high))
    return pd.DataFrame(rows, columns=["rows", "train", "holdout", "low", "high"])


def check_curve(curve: pd.DataFrame, warned: set[str]) -> Check:
    """OF-05: is the learning curve still rising, and did every fit converge?"""
    if len(curve) < 2:
        return not_applicable("OF-05", "too few rows for a learning curve")
    rise = float(curve["holdout"].iloc[-1] - curve["holdout"].iloc[-2])
    text = f"The last third of the rows moved the held-out area by {rise:+.3f}"
    if "ConvergenceWarning" in warned:
        text += "; some fits did not converge"
    rising = rise > 0.02 and curve["low"].iloc[-1] > curve["holdout"].iloc[-2]
    status = Status.INCONCLUSIVE if rising else Status.PASSED
    return Check("OF-05", status, f"{text}.", share=rise)


def check_strength(case: Case) -> Check:
    """OF-06: did a search for the strength of regularisation end at the edge of its grid?"""
    if not _searches(case.estimator):
        return not_applicable("OF-06", "the estimator does not search a grid")
    model = case.fit(np.arange(len(case)))
    last = model[-1] if hasattr(model, "steps") else model
    edges = _grid_edges(last) if hasattr(last, "cv_results_") else _path_edges(last)
    if not edges:
        return Check("OF-06", Status.PASSED, "The chosen strength lies inside the grid.")
    text = f"Clearly best at the edge of the grid: {', '.join(edges)}; widen it"
    return Check("OF-06", alarm("OF-06"), f"{text}.")


def _searches(estimator: Any) -> bool:
    last = estimator[-1] if hasattr(estimator, "steps") else estimator
    return hasattr(last, "param_grid") or type(last).__name__ == "LogisticRegressionCV"


def _grid_edges(search: Any) -> list[str]:
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


def _path_edges(model: Any) -> list[str]:
    grid = np.asarray(model.Cs_, dtype=float)
    scores = model.scores_
    scores = np.mean(list(scores.values()), axis=0) if isinstance(scores, dict) else scores
    scores = np.asarray(scores).reshape(len(scores), -1, len(grid)).mean(axis=1)
    mean, error = scores.mean(axis=0), scores.std(axis=0) / np.sqrt(len(scores))
    best = int(np.argmax(mean))
    inner = mean[1:-1].max() if len(grid) > 2 else -np.inf
    edge = best in (0, len(grid) - 1) and mean[best] - inner > error[best]
    return [f"C = {grid[best]:g}"] if edge else []


def check_shuffled(case: Case, cross: CrossScore) -> tuple[Check, float]:
    """OF-16: is the score above what the same model reaches on shuffled labels?"""
    rng = np.random.default_rng(case.seed)
    floor = float(np.mean([_shuffled_area(case, rng) for _ in range(SHUFFLES)]))
    codes = case.codes[cross.rows]
    error = _null_error(codes, len(case.classes))
    ahead = cross.held.value - floor
    text = f"Area {cross.held.value:.3f}, with shuffled labels {floor:.3f} ± {error:.3f}"
    if ahead > 2.33 * error:
        return Check("OF-16", Status.PASSED, f"{text}.", share=ahead), floor
    if 2.33 * error > 0.10:
        return Check("OF-16", Status.INCONCLUSIVE, f"{text}; too few rows to tell."), floor
    return Check("OF-16", alarm("OF-16"), f"{text}.", share=ahead), floor


def _shuffled_area(case: Case, rng: np.random.Generator) -> float:
    rows = rng.permutation(len(case))[:SHUFFLE_ROWS]
    learn, held = rows[: len(rows) // 2], rows[len(rows) // 2 :]
    mixed = case.codes.copy()
    mixed[rows] = rng.permutation(mixed[rows])
    if len(np.unique(mixed[learn])) < len(case.classes):
        return 0.5
    area = macro_auc(mixed[held], case.score(case.fit(learn, codes=mixed), held))[0]
    return area if np.isfinite(area) else 0.5


def _null_error(codes: np.ndarray, n_classes: int) -> float:
    counts = np.bincount(codes, minlength=n_classes)[1:] if n_classes == 2 else np.bincount(codes)
    errors = [np.sqrt((len(codes) + 1) / (12 * c * (len(codes) - c))) for c in counts if c]
    return float(np.mean(errors))


def seed_spread(case: Case, *, seeds: int = 3) -> float | None:
    """Return the standard deviation of the area over model seeds; None for a model without one."""
    keys = [k for k in case.estimator.get_params() if k.split("__")[-1] == "random_state"]
    if not keys:
        return None
    learn, held = random_folds(case, n_folds=4)[0]
    areas = []
    for seed in range(seeds):
        other = clone(case.estimator).set_params(**dict.fromkeys(keys, case.seed + seed))
        areas.append(
            macro_auc(case.codes[held], case.score(case.fit(learn, estimator=other), held))
        )
    return float(np.std([area for area, _ in areas], ddof=1))
