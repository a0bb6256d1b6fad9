"""Benchmark sets for clustering and the figures the comparison is held against."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from segwork.clustering import Comparison, compare, copula_copy

PUBLISHED = {
    "kmeans": {"wut": 0.492, "sipu": 0.743, "uci": 0.286},
    "mixture": {"wut": 0.576, "sipu": 0.747, "uci": 0.412},
}
"""Mean ARI of published label files (clustering-results-v1), scored as :func:`rand` does."""


def suite(folder: str | Path, name: str) -> Iterator[tuple[str, np.ndarray, list[np.ndarray]]]:
    """Yield name, rows and reference labellings (0 is noise) of the sets of one suite."""
    for path in sorted((Path(folder) / "clustering" / name).glob("*.data.gz")):
        stem = path.name.removesuffix(".data.gz")
        files = sorted(path.parent.glob(f"{stem}.labels*.gz"))
        labels = [np.loadtxt(file, dtype=int, ndmin=1) for file in files]
        yield stem, np.loadtxt(path, ndmin=2), labels


def rand(references: Sequence[np.ndarray], labels: np.ndarray) -> float:
    """Return the adjusted Rand index with the best-matching reference; its noise is left out."""
    from sklearn.metrics import adjusted_rand_score

    labels = np.asarray(labels)
    return max(float(adjusted_rand_score(r[r > 0], labels[r > 0])) for r in references)


def known_numbers(X: np.ndarray, references: Sequence[np.ndarray]) -> dict[str, float]:
    """Return K-Means' and the mixture's index with the number of clusters of each reference."""
    found = {"kmeans": -1.0, "mixture": -1.0}
    for reference in references:
        result = compare(
            X, n_clusters=int(reference.max()), methods=tuple(found), copies=0, draws=0
        )
        for method in found:
            found[method] = max(found[method], rand([reference], result.labels[method]))
    return found


def unknown_number(X: np.ndarray, references: Sequence[np.ndarray], **settings: object) -> dict:
    """Return the index of the recommended, the best and the best-silhouette candidate.

    No recommendation counts as 0.
    """
    result = compare(X, **settings)
    own = {name: rand(references, result.labels[name]) for name in result.labels}
    widths = result.scoreboard["silhouette_noise_class"]
    return {
        "recommended": result.recommended or "none",
        "found": own.get(result.recommended, 0.0),
        "best": max(own.values()),
        "by_silhouette": own[widths.idxmax()] if widths.notna().any() else 0.0,
        "first_choice": own[result.scoreboard["predicted_quality"].idxmax()],
        **{f"ari_{name}": value for name, value in own.items()},
    }


def refusals(frame: pd.DataFrame, *, tables: int, seed: int = 0) -> int:
    """Return how many clusterless copies of a table get no recommendation."""
    rng = np.random.default_rng([seed, 21])
    count = 0
    for draw in range(tables):
        copy = pd.DataFrame(copula_copy(frame.to_numpy(float), rng), columns=frame.columns)
        result = compare(copy, methods=("kmeans",), draws=0, seed=seed + draw)
        count += result.recommended is None
    return count


def order_agreement(result: Comparison, truth: np.ndarray) -> float:
    """Return Spearman's rho between predicted quality and the index with the planted truth."""
    from scipy.stats import spearmanr
    from sklearn.metrics import adjusted_rand_score

    quality = result.scoreboard["predicted_quality"]
    true = [adjusted_rand_score(truth, result.labels[name]) for name in quality.index]
    return float(spearmanr(quality, true)[0])


def seconds(task: Callable[[], object]) -> float:
    """Return how long a task takes."""
    from time import perf_counter

    start = perf_counter()
    task()
    return perf_counter() - start
