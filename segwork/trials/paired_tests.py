"""Champion against challenger: paired bootstrap, McNemar's test, corrected resampled t."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from scipy.stats import binomtest, norm, t
from sklearn.base import BaseEstimator
from sklearn.model_selection import StratifiedShuffleSplit

from segwork.errors import UsageError
from segwork.overfitting.problem import make_problem
from segwork.overfitting.roc import auc, macro_auc
from segwork.results import Interval, Status, facts_of

HELD = 0.25  # share of the rows a random split holds out


@dataclass(frozen=True)
class PairedTest:
    """How far a challenger is ahead of the champion.

    Attributes
    ----------
    metric, method : str
    ahead : float
        Challenger minus champion, in units of the metric.
    interval : Interval
    p : float
        Two-sided, of no difference.
    n : int
        Rows (or splits) behind it.
    margin : float
        Smallest lead worth a change, stated before the test.
    """

    metric: str
    method: str
    ahead: float
    interval: Interval
    p: float
    n: int
    margin: float

    @property
    def different(self) -> bool:
        """Whether the two differ beyond chance."""
        return self.p < 1 - self.interval.level

    @property
    def status(self) -> Status:
        """Passed: challenger is ahead by the margin; failed: it is not; else inconclusive."""
        if self.interval.low > 0 and self.ahead >= self.margin:
            return Status.PASSED
        beaten = self.interval.high < max(self.margin, 0.0) or self.interval.high <= 0
        return Status.FAILED if beaten else Status.INCONCLUSIVE

    def facts(self) -> dict[str, float | int | str]:
        """Return the lead, its interval, p, n and the verdict."""
        return facts_of(self, "ahead", "p", "n", "status", ahead="interval")


def mcnemar(
    y: ArrayLike, *, champion: ArrayLike, challenger: ArrayLike, margin: float = 0.0
) -> PairedTest:
    """Compare the decisions of two models on the same held-out rows (CC-01).

    Parameters
    ----------
    y, champion, challenger : array-like, shape (n,)
        True and decided labels.
    margin : float, default 0
        Smallest difference in accuracy worth a change.

    Returns
    -------
    PairedTest
        Of accuracy, with the exact binomial p of the rows on which one model only is right.

    References
    ----------
    McNemar (1947); Dietterich (1998), "Approximate statistical tests for comparing supervised
    classification learning algorithms", where it keeps its level.

    Examples
    --------
    >>> y = [1] * 20
    >>> found = mcnemar(y, champion=[1] * 10 + [0] * 10, challenger=[1] * 19 + [0])
    >>> round(found.p, 4), found.ahead
    (0.0039, 0.45)
    """
    y, first, second = _same_length(y, champion, challenger)
    right = (second == y).astype(float) - (first == y)
    gained, lost, n = int((right > 0).sum()), int((right < 0).sum()), len(y)
    p = float(binomtest(gained, gained + lost).pvalue) if gained + lost else 1.0
    half = norm.ppf(0.975) * float(np.sqrt(right.var() / n))
    span = Interval(right.mean() - half, right.mean() + half)
    return PairedTest("accuracy", "McNemar", float(right.mean()), span, p, n, margin)


def paired_bootstrap(
    y: ArrayLike,
    *,
    champion: ArrayLike,
    challenger: ArrayLike,
    groups: ArrayLike | None = None,
    margin: float = 0.0,
    draws: int = 2000,
    seed: int = 0,
) -> PairedTest:
    """Compare two scores of the same held-out rows by area under the ROC curve (CC-01).

    Parameters
    ----------
    y : array-like of bool, shape (n,)
        True where the event happened.
    champion, challenger : array-like, shape (n,)
        Scores, higher means more likely.
    groups : array-like, shape (n,), optional
        Customers; whole customers are drawn.
    margin : float, default 0
        Smallest lead in area worth a change, stated before the test.
    draws, seed : int

    Returns
    -------
    PairedTest
        With a percentile interval; rows are drawn together for both models.
    """
    y, first, second = _same_length(y, champion, challenger)
    event = y.astype(bool)
    lead = auc(event, second).minus(auc(event, first))
    ahead, pull = lead.value, lead.influence
    if not np.isfinite(ahead):
        raise UsageError("y has one class only", accepted="events and others in the held-out rows")
    if groups is not None:
        pull = np.bincount(np.unique(np.asarray(groups), return_inverse=True)[1], weights=pull)
    rng = np.random.default_rng(seed)
    drawn = np.array([pull[rng.integers(0, len(pull), len(pull))].sum() for _ in range(draws)])
    low, high = np.quantile(ahead + drawn, [0.025, 0.975])
    error = float(drawn.std(ddof=1))
    p = float(2 * norm.sf(abs(ahead) / error)) if error > 0 else 1.0
    span = Interval(float(low), float(high))
    return PairedTest("auc", "paired bootstrap", float(ahead), span, p, len(event), margin)


def corrected_t(
    differences: Sequence[float], *, learn_rows: int, held_rows: int, margin: float = 0.0
) -> PairedTest:
    """Test the mean difference over repeated random splits (CC-02).

    Splits share rows, so the naive t calls equal models different in a third of the cases. The
    variance is enlarged by the overlap: 1/J + held/learn in place of 1/J.

    Parameters
    ----------
    differences : sequence of float, length J
        Challenger minus champion in each split.
    learn_rows, held_rows : int
        Sizes of the two parts of a split.

    References
    ----------
    Nadeau and Bengio (2003), "Inference for the generalization error".
    """
    values = np.asarray(differences, dtype=float)
    n, mean, variance = len(values), float(values.mean()), float(values.var(ddof=1))
    error = float(np.sqrt((1 / n + held_rows / learn_rows) * variance))
    p = float(2 * t.sf(abs(mean) / error, n - 1)) if error > 0 else 1.0
    half = float(t.ppf(0.975, n - 1)) * error
    span = Interval(mean - half, mean + half)
    return PairedTest("auc", "corrected resampled t", mean, span, p, n, margin)


def resampled(
    champion: BaseEstimator,
    challenger: BaseEstimator,
    X: pd.DataFrame | ArrayLike,
    y: ArrayLike,
    *,
    splits: int = 30,
    margin: float = 0.0,
    metric: str = "auc",
    seed: int = 0,
) -> PairedTest:
    """Compare two estimators over repeated random splits with the corrected resampled t.

    Parameters
    ----------
    champion, challenger : scikit-learn classifiers
    X : DataFrame, shape (n, d)
    y : array-like, shape (n,)
    splits : int, default 30
    metric : {"auc", "accuracy"}

    Returns
    -------
    PairedTest
    """
    if metric not in ("auc", "accuracy"):
        raise UsageError.unknown("metric", metric, ["auc", "accuracy"], where="resampled")
    problems = [make_problem(e, X, y, seed=seed) for e in (champion, challenger)]
    plan = StratifiedShuffleSplit(splits, test_size=HELD, random_state=seed)
    differences = []
    for learn, held in plan.split(problems[0].X, problems[0].codes):
        found = []
        for problem in problems:
            model = problem.fit(learn)
            if metric == "auc":
                found.append(macro_auc(problem.codes[held], problem.score(model, held)).value)
            else:
                found.append(float((problem.predict(model, held) == problem.codes[held]).mean()))
        differences.append(found[1] - found[0])
    return corrected_t(differences, learn_rows=len(learn), held_rows=len(held), margin=margin)


def _same_length(*columns: ArrayLike) -> list[np.ndarray]:
    arrays = [np.asarray(column).ravel() for column in columns]
    if len({len(a) for a in arrays}) != 1 or len(arrays[0]) == 0:
        sizes = ", ".join(str(len(a)) for a in arrays)
        raise UsageError(f"y, champion and challenger have {sizes} values", accepted="one length")
    return arrays
