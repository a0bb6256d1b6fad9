"""The candidates of the classical methods, and the rows they are fitted on."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import numpy as np

from segwork.clustering.methods import classical as m
from segwork.clustering.methods.autoencoder import layer_widths

FIT_ROWS = 4000


def classical_pool(
    X: np.ndarray,
    methods: Iterable[str] = m.CLASSICAL,
    *,
    seed: int,
    numbers: list[int] | None = None,
    given: bool = False,
    starts: int = 10,
) -> list[m.Candidate]:
    """Fit classical methods at their (at most twenty) settings; see ``mixture`` for ``given``."""
    ks = [k for k in numbers or m.cluster_numbers(len(X)) if k <= len(X)]
    width = layer_widths(X.shape[1])[-1] if X.shape[1] > 3 else max(1, X.shape[1] - 1)
    recipes: dict[str, Callable[[], list[m.Candidate]]] = {
        "kmeans": lambda: m.kmeans(X, ks, seed=seed, starts=starts),
        "mixture": lambda: m.mixture(X, ks, seed=seed, given=given),
        "ward": lambda: m.ward(X, ks),
        "genie": lambda: m.genie_tree(X, ks),
        "dbscan": lambda: m.dbscan(X),
        "hdbscan": lambda: m.hdbscan(X),
        "pca_kmeans": lambda: m.pca_kmeans(X, ks, width=width, seed=seed),
    }
    return [candidate for name in methods for candidate in recipes[name]()]


def fitting_rows(n_rows: int, *, seed: int) -> np.ndarray:
    """Return the rows methods are fitted on: 4,000 at most."""
    return np.sort(np.random.default_rng([seed, 17]).permutation(n_rows)[:FIT_ROWS])
