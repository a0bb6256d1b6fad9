"""Is there anything to find? The table's best labelling beside those of clusterless copies."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from segwork.clustering.judging.null import copula_copy, single_peaked, stepped
from segwork.clustering.judging.scored import SCORED_ROWS, deciding_rows, scored
from segwork.clustering.methods.classical import MOST_SEGMENTS, ROWS_PER_CLUSTER
from segwork.clustering.methods.pool import classical_pool

NUMBERS = (2, 3, 4, 5, 6, 8, 10, 15, 20, 30, 40, 50, 66, 80, 100)
METHODS = ("kmeans", "ward", "genie", "dbscan", "hdbscan")
ROWS_PER_GROUP = 30
LOOK = 5
STARTS = 3  # of K-Means, in the table and in its copies alike
LEAST_EXCESS = 3.0
LOW, STABLE = 0.30, 0.75  # Hennig (2007): a Jaccard similarity of 0.75 is a valid, stable cluster
MOST_SKEW = 1.0


@dataclass(frozen=True)
class Thresholds:
    """What one referee's predictions must reach: beside the copies, and by itself."""

    least: float
    clear: float


# ``clear`` is the least step of 0.05 that at most one in fifty simulated tables without groups
# reaches. What is predicted below ``least`` convinces nobody, whatever its copies are predicted,
# and what is predicted below ``LOW`` only where it comes back on resampled rows as well.
ANY = Thresholds(least=0.15, clear=0.50)
CUSTOMERS = Thresholds(least=0.40, clear=0.65)
ONE_COLUMN = Thresholds(least=0.40, clear=0.85)


@dataclass(frozen=True)
class Clusterability:
    """The evidence that there are segments at all.

    Attributes
    ----------
    value : float
        Highest predicted quality over a quick pool of candidates.
    null : tuple of float
        The same for clusterless copies.
    convincing : bool
    sentence : str
        The evidence in words.
    by_itself : bool
        Whether the value is one that no clusterless table reaches, whatever its copies.
    without_skew : bool
        Whether value and null are those of the table with its skewed columns made symmetric.
    """

    value: float
    null: tuple[float, ...]
    convincing: bool
    sentence: str
    by_itself: bool = False
    without_skew: bool = False

    @property
    def excess(self) -> float:
        """Standard deviations above the copies' mean."""
        if len(self.null) < 2:
            return 0.0
        return float((self.value - np.mean(self.null)) / max(np.std(self.null, ddof=1), 0.01))

    def facts(self) -> dict[str, float | int | str]:
        """Return the evidence by name."""
        if not self.null:
            return {"convincing": int(self.convincing)}
        return {
            "convincing": int(self.convincing),
            "quality_found": round(self.value, 9),
            "quality_null_mean": round(float(np.mean(self.null)), 9),
            "quality_null_highest": round(max(self.null), 9),
            "excess_over_null_z": round(self.excess, 9),
            "null_copies": len(self.null),
            "without_skew": int(self.without_skew),
        }


def enough_of(X: np.ndarray, groups: int, *, seed: int) -> np.ndarray:
    """Return the rows to look at: 1,000 distinct ones, or thirty for each group if that is more."""
    return X[deciding_rows(X, seed=seed, most=max(SCORED_ROWS, ROWS_PER_GROUP * groups))]


def clusterability(
    X: np.ndarray,
    *,
    copies: int,
    seed: int,
    n_clusters: int | None = None,
    look: int = LOOK,
    customers: bool = False,
) -> Clusterability:
    """Compare the table with clusterless copies of it (margins and rank correlations kept).

    Convincing means: a predicted quality that reaches the least level, is above every copy and
    three standard deviations above their mean; or one so high that no clusterless table reaches it.
    Copies of customers keep their columns. Any other table may owe the peaks of a column to its
    groups, and a copy that kept them would have groups in every corner; so its columns are smoothed
    to one peak first. A long tail looks like a group too, in the table and in its copies; so skewed
    columns are looked at without their skew first, and as they are only if that does not convince,
    and then nothing is clear by itself.
    One column is its own copy: only a quality that is clear by itself convinces.
    Copies are drawn, ``look`` at least, until no further one can change the answer.
    """
    asked = {"seed": seed, "n_clusters": n_clusters, "customers": customers}
    if copies == 0:
        value = best_quality(X, **asked)
        return Clusterability(value, (), True, "clusterless copies were not asked for")
    straight = X if customers or X.shape[1] < 2 else symmetric(X)
    if (straight == X).all():
        return _look(X, copies, look, asked)
    found = _look(straight, copies, look, asked)
    sentence = f"with skewed columns brought to symmetry {found.sentence}"
    if not found.convincing:
        as_given = _look(X, copies, 0, asked)
        sentence += f"; as they are {as_given.sentence}"
        if as_given.convincing:
            return replace(as_given, sentence=sentence)
    return replace(found, sentence=sentence, without_skew=True)


def skewed(X: np.ndarray) -> np.ndarray:
    """Return which columns are skewed by more than 1, shape (d,); constant ones are not."""
    centred = X - X.mean(axis=0)
    spread = centred.std(axis=0)
    shape = ((centred / np.where(spread > 0, spread, 1)) ** 3).mean(axis=0)
    return np.abs(shape) > MOST_SKEW


def symmetric(X: np.ndarray) -> np.ndarray:
    """Return the table with its skewed columns as symmetric as a power makes them, shape (n, d).

    Every column keeps its mean and its standard deviation. A column of which most rows share their
    value stays as it is: no power makes steps symmetric.

    References
    ----------
    Yeo & Johnson (2000), "A new family of power transformations to improve normality or symmetry",
    Biometrika 87(4).

    Examples
    --------
    >>> long = np.random.default_rng(0).exponential(size=(500, 1))
    >>> bool(skewed(long)[0]), bool(skewed(symmetric(long))[0])
    (True, False)
    """
    from sklearn.preprocessing import power_transform

    columns = skewed(X) & ~np.array([stepped(column) for column in X.T])
    if not columns.any():
        return X
    straight = X.copy()
    middle, spread = X[:, columns].mean(axis=0), X[:, columns].std(axis=0)
    straight[:, columns] = middle + spread * power_transform((X[:, columns] - middle) / spread)
    return straight


def _look(X: np.ndarray, copies: int, look: int, asked: dict[str, Any]) -> Clusterability:
    """Compare the table as it is with its copies."""
    rng = np.random.default_rng([asked["seed"], 18])
    levels, margins = CUSTOMERS, X
    if not asked["customers"]:
        levels, margins = (ANY, single_peaked(X)) if X.shape[1] > 1 else (ONE_COLUMN, X)
        if levels is ANY and skewed(X).any():
            levels = replace(ANY, clear=np.inf)
    value = best_quality(X, **asked)
    null: list[float] = []
    while len(null) < copies and not _settled(value, null, look, levels):
        null.append(best_quality(copula_copy(margins, rng), **asked))
    found = Clusterability(value, tuple(null), False, "")
    above = (
        value > max(null, default=1.0) and found.excess >= LEAST_EXCESS and value >= levels.least
    )
    sentence = f"the best labelling is predicted {value:.2f} true"
    if null:
        sentence += (
            f" against {np.mean(null):.2f} on average and {max(null):.2f} at most on {len(null)}"
            " clusterless copies of the table"
        )
    clear = bool(value >= levels.clear)
    if clear and not above and null:
        sentence += f"; {levels.clear:.2f} is clear by itself"
    return replace(found, convincing=bool(above or clear), sentence=sentence, by_itself=clear)


def _settled(value: float, null: list[float], look: int, levels: Thresholds) -> bool:
    """Tell whether enough copies were seen and no further one can change the answer."""
    if len(null) < look:
        return False
    return value >= levels.clear or value < levels.least or value <= max(null, default=-1.0)


def best_quality(
    X: np.ndarray, *, seed: int, n_clusters: int | None, customers: bool = False
) -> float:
    """Return the highest predicted quality over the quick pool."""
    most = max(2, len(np.unique(X, axis=0)) // ROWS_PER_CLUSTER)
    most = min(most, MOST_SEGMENTS) if customers else most
    numbers = [n_clusters] if n_clusters else [k for k in NUMBERS if k <= most]
    pool = classical_pool(X, METHODS, seed=seed, numbers=numbers, starts=STARTS)
    return float(scored(X, pool, seed=seed, customers=customers).quality.max())
