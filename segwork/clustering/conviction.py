"""Is there anything to find? The table's best labelling beside those of clusterless copies."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from segwork.clustering.methods import MOST_SEGMENTS, ROWS_PER_CLUSTER
from segwork.clustering.null import copula_copy, single_peaked
from segwork.clustering.pool import SCORED_ROWS, classical_pool, deciding_rows, scored

NUMBERS = (2, 3, 4, 5, 6, 8, 10, 15, 20, 30, 40, 50, 66, 80, 100)
METHODS = ("kmeans", "ward", "genie", "dbscan", "hdbscan")
ROWS_PER_GROUP = 30
LOOK = 5
LEAST_EXCESS = 3.0


@dataclass(frozen=True)
class Levels:
    """What one referee's predictions must reach: beside the copies, and by itself."""

    least: float
    clear: float


# ``clear`` is the least step of 0.05 that at most one in fifty simulated tables without groups
# reaches. Beside the copies, 2 of 96 tables of eight plain laws convince at ``least``.
ANY = Levels(least=0.15, clear=0.50)
CUSTOMERS = Levels(least=0.40, clear=0.65)
ONE_COLUMN = Levels(least=0.40, clear=0.85)


@dataclass(frozen=True)
class Conviction:
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
    """

    value: float
    null: tuple[float, ...]
    convincing: bool
    sentence: str

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
        }


def enough_of(X: np.ndarray, groups: int, *, seed: int) -> np.ndarray:
    """Return the rows to look at: 1,000 distinct ones, or thirty for each group if that is more."""
    return X[deciding_rows(X, seed=seed, most=max(SCORED_ROWS, ROWS_PER_GROUP * groups))]


def conviction(
    X: np.ndarray,
    *,
    copies: int,
    seed: int,
    n_clusters: int | None = None,
    look: int = LOOK,
    customers: bool = False,
) -> Conviction:
    """Compare the table with clusterless copies of it (margins and rank correlations kept).

    Convincing means: a predicted quality that reaches the least level, is above every copy and
    three standard deviations above their mean; or one so high that no clusterless table reaches it.
    Copies of customers keep their columns. Any other table may owe the peaks of a column to its
    groups, and a copy that kept them would have groups in every corner; so its columns are smoothed
    to one peak first. One column is its own copy: only a quality that is clear by itself convinces.
    Copies are drawn, ``look`` at least, until no further one can change the answer.
    """
    rng = np.random.default_rng([seed, 18])
    asked = {"seed": seed, "n_clusters": n_clusters, "customers": customers}
    value = best_quality(X, **asked)
    if copies == 0:
        return Conviction(value, (), True, "clusterless copies were not asked for")
    levels, margins = CUSTOMERS, X
    if not customers:
        levels, margins = (ANY, single_peaked(X)) if X.shape[1] > 1 else (ONE_COLUMN, X)
    null: list[float] = []
    while len(null) < copies and not _settled(value, null, look, levels):
        null.append(best_quality(copula_copy(margins, rng), **asked))
    found = Conviction(value, tuple(null), False, "")
    above = (
        value > max(null, default=1.0) and found.excess >= LEAST_EXCESS and value >= levels.least
    )
    sentence = f"the best labelling is predicted {value:.2f} true"
    if null:
        sentence += (
            f" against {np.mean(null):.2f} on average and {max(null):.2f} at most on {len(null)}"
            " clusterless copies of the table"
        )
    return replace(found, convincing=bool(above or value >= levels.clear), sentence=sentence)


def _settled(value: float, null: list[float], look: int, levels: Levels) -> bool:
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
    pool = classical_pool(X, METHODS, seed=seed, numbers=numbers)
    return float(scored(X, pool, seed=seed, customers=customers).quality.max())
