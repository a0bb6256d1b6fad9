"""Is there anything to find? The table's best labelling beside those of clusterless copies."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from segwork.clustering.methods import MOST_SEGMENTS, ROWS_PER_CLUSTER
from segwork.clustering.null import copula_copy
from segwork.clustering.pool import classical_pool, scored

ROWS = 600
NUMBERS = (2, 3, 4, 5, 6, 8, 10, 15, 20, 30, 40)
METHODS = ("kmeans", "ward", "genie", "dbscan")
LOOK = 5
LEAST_EXCESS = 3.0
LEAST_QUALITY = 0.4
# The least step of 0.05 that at most one in fifty tables without groups reaches (2 of 140).
CLEAR_BY_ITSELF = 0.65
CLEAR_IN_ONE_COLUMN = 0.85  # the same for one column, which is its own copy (1 of 56)


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

    Convincing means: predicted quality of at least 0.4, above every copy and three standard
    deviations above their mean; or so high that no clusterless table reaches it. Copies keep the
    modes of each column, so a table of a few tight groups has copies that fall into a grid of
    groups, and the comparison alone would call it empty. Copies are drawn, ``look`` at least, until
    no further one can change the answer.
    """
    rng = np.random.default_rng([seed, 18])
    rows = X[np.sort(rng.permutation(len(X))[:ROWS])]
    asked = {"seed": seed, "n_clusters": n_clusters, "customers": customers}
    value = best_quality(rows, **asked)
    clear = CLEAR_BY_ITSELF if X.shape[1] > 1 else CLEAR_IN_ONE_COLUMN
    if copies == 0:
        return Conviction(value, (), True, "clusterless copies were not asked for")
    null: list[float] = []
    while len(null) < copies and not _settled(value, null, look, clear):
        null.append(best_quality(copula_copy(rows, rng), **asked))
    found = Conviction(value, tuple(null), False, "")
    above = (
        value > max(null, default=1.0) and found.excess >= LEAST_EXCESS and value >= LEAST_QUALITY
    )
    sentence = f"the best labelling is predicted {value:.2f} true"
    if null:
        sentence += (
            f" against {np.mean(null):.2f} on average and {max(null):.2f} at most on {len(null)}"
            " clusterless copies of the table"
        )
    return replace(found, convincing=bool(above or value >= clear), sentence=sentence)


def _settled(value: float, null: list[float], look: int, clear: float) -> bool:
    """Tell whether enough copies were seen and no further one can change the answer."""
    if len(null) < look:
        return False
    return value >= clear or value < LEAST_QUALITY or value <= max(null, default=-1.0)


def best_quality(
    X: np.ndarray, *, seed: int, n_clusters: int | None, customers: bool = False
) -> float:
    """Return the highest predicted quality over the quick pool."""
    most = max(2, len(np.unique(X, axis=0)) // ROWS_PER_CLUSTER)
    most = min(most, MOST_SEGMENTS) if customers else most
    numbers = [n_clusters] if n_clusters else [k for k in NUMBERS if k <= most]
    pool = classical_pool(X, METHODS, seed=seed, numbers=numbers)
    return float(scored(X, pool, seed=seed, customers=customers).quality.max())
