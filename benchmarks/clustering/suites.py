"""Benchmark sets for clustering and the figures the comparison is held against."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from segwork.clustering import METHODS, Comparison, compare, copula_copy, prepare
from segwork.clustering.judging.clusterability import clusterability
from segwork.clustering.judging.scored import deciding_rows
from segwork.clustering.methods.pool import fitting_rows

NATURAL = tuple(name for name in METHODS if name != "stable_kmeans")
STABLE = ("rule_rfm", "stable_kmeans", "kmeans", "ward")
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
            X,
            n_clusters=int(reference.max()),
            methods=tuple(found),
            scale="as given",  # as the published labels were made
            copies=0,
            draws=0,
        )
        for method in found:
            found[method] = max(found[method], rand([reference], result.labels[method]))
    return found


def unknown_number(X: np.ndarray, references: Sequence[np.ndarray], *, seed: int = 0) -> dict:
    """Return the index of the recommended, the best and the best-silhouette candidate.

    No recommendation counts as 0.
    """
    result = compare(X, methods=NATURAL, seed=seed)
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


LAWS: dict[str, Callable[[np.random.Generator], np.ndarray]] = {
    "normal": lambda rng: rng.normal(size=(500, 4)) @ rng.normal(size=(4, 4)),
    "uniform box": lambda rng: rng.uniform(size=(500, 3)),
    "heavy tails": lambda rng: rng.standard_t(3, (500, 3)),
    "log-normal": lambda rng: np.exp(rng.normal(0, 0.7, (500, 4))),
    "exponential": lambda rng: rng.exponential(size=(500, 3)),
    "counts": lambda rng: rng.poisson(rng.gamma(2, 2, (500, 1)), (500, 4)).astype(float),
    "wide": lambda rng: rng.normal(size=(300, 20)),
    "flat pair": lambda rng: rng.normal(size=(500, 2)),
}
"""Tables without groups, none of them drawn as the referee's training tables are."""


def refusals(tables: Iterable[np.ndarray], *, seed: int = 0) -> np.ndarray:
    """Return which tables get no recommendation, whatever the methods.

    Only the part of :func:`segwork.clustering.compare` that decides is run: scaling, the rows it
    looks at (a thousand, as for up to thirty groups), and clusterability; clusterless copies are
    drawn only until the answer is known.
    """
    refused = []
    for number, X in enumerate(tables):
        frame = prepare.as_frame(X)
        scaling = prepare.fit_scaling(frame)
        matrix = scaling.transform(frame)
        matrix = matrix[fitting_rows(len(matrix), seed=seed + number)]
        matrix = matrix[deciding_rows(matrix, seed=seed + number)]
        found = clusterability(
            matrix,
            copies=19,
            seed=seed + number,
            look=0,
            customers=scaling.rule == "customer",
        )
        refused.append(not found.convincing)
    return np.array(refused)


def copies(frame: pd.DataFrame, count: int, *, seed: int = 0) -> Iterator[pd.DataFrame]:
    """Yield clusterless copies of a table: its columns and rank correlations, no groups."""
    rng = np.random.default_rng([seed, 21])
    for _ in range(count):
        yield pd.DataFrame(copula_copy(frame.to_numpy(float), rng), columns=frame.columns)


def draws(law: str, count: int, *, seed: int = 0) -> Iterator[np.ndarray]:
    """Yield tables of one of the ``LAWS``."""
    rng = np.random.default_rng([seed, 22, list(LAWS).index(law)])
    for _ in range(count):
        yield LAWS[law](rng)


def _log_normal(scale: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Return columns that are log-normal beside what moved their logarithms."""
    columns = scale.shape[1]
    mixed = rng.normal(size=(columns, columns)) / np.sqrt(columns)
    return np.exp(scale + rng.normal(size=scale.shape) @ mixed)


def _one_size(scale: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Return columns that all grow with one size, each by a power of its own."""
    size = rng.normal(size=(len(scale), 1)) * rng.uniform(0.2, 1.2, scale.shape[1])
    return np.exp(scale + size + rng.normal(0, rng.uniform(0.1, 0.5), scale.shape))


def _mixed_factors(scale: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Return columns that are sums of a few gamma factors."""
    factors = rng.gamma(rng.uniform(0.5, 3), size=(len(scale), int(rng.integers(1, 5))))
    loadings = rng.uniform(0, 1, (factors.shape[1], scale.shape[1]))
    return np.exp(scale) * (factors @ loadings + rng.gamma(2, 0.2, scale.shape))


def _counts(scale: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Return counts of clumped events."""
    rate = rng.gamma(1.5, 1 / 1.5, (len(scale), 1))
    return rng.poisson(6 * rate * np.exp(scale)).astype(float)


SKEWED: dict[str, Callable[[np.ndarray, np.random.Generator], np.ndarray]] = {
    "log-normal": _log_normal,
    "one size": _one_size,
    "mixed factors": _mixed_factors,
    "counts": _counts,
}
"""Tables of skewed columns (of mixed factors: half of them), around given logarithms of scale."""


def skewed_draws(
    law: str, count: int, *, groups: tuple[int, int], seed: int = 0
) -> Iterator[np.ndarray]:
    """Yield tables of one of the ``SKEWED``, each of some number of groups from a range.

    Groups differ by the scale of their columns; one group is a skewed cloud and nothing else.
    """
    rng = np.random.default_rng([seed, 23, list(SKEWED).index(law), *groups])
    for _ in range(count):
        rows, columns = int(rng.integers(150, 1000)), int(rng.integers(2, 31))
        number = int(rng.integers(groups[0], groups[1] + 1))
        scales = rng.normal(0, rng.uniform(0.5, 1.5), (number, columns))
        yield SKEWED[law](scales[rng.choice(number, rows, p=rng.dirichlet([5] * number))], rng)


def order_agreement(result: Comparison, truth: np.ndarray) -> float:
    """Return Spearman's rho between predicted quality and the index with the planted truth."""
    from scipy.stats import spearmanr
    from sklearn.metrics import adjusted_rand_score

    quality = result.scoreboard["predicted_quality"].dropna()
    true = [adjusted_rand_score(truth, result.labels[name]) for name in quality.index]
    return float(spearmanr(quality, true)[0])


def groups(n_rows: int, n_columns: int, rng: np.random.Generator) -> np.ndarray:
    """Return six round groups, shape (n_rows, n_columns)."""
    centres = 6 * rng.normal(size=(6, n_columns))
    return centres[rng.integers(0, 6, n_rows)] + rng.normal(size=(n_rows, n_columns))


def declared_eps(X: np.ndarray) -> float:
    """Return DBSCAN's eps by the rule for all rows: the 90 % point of 2 d-distances.

    It is read on 4,000 rows and shrunk as neighbours come nearer where rows are denser.
    """
    from sklearn.neighbors import NearestNeighbors

    some = X[fitting_rows(len(X), seed=0)]
    reach = NearestNeighbors(n_neighbors=2 * X.shape[1]).fit(some).kneighbors(some)[0][:, -1]
    return float(np.quantile(reach, 0.9) * (len(some) / len(X)) ** (1 / X.shape[1]))


def seconds(task: Callable[[], object]) -> float:
    """Return how long a task takes, wall clock."""
    from time import perf_counter

    start = perf_counter()
    task()
    return perf_counter() - start


def usable_on(config: str, *, later_days: int = 91, seed: int = 0) -> dict[str, float | str]:
    """Return what the partition to work with tells of later spend, and how it is found again.

    Beside it stand the better of the RFM rule and K-Means on logarithms (five groups), and the
    agreement with the partition that is chosen on a disjoint half of the customers.
    """
    from datetime import timedelta

    from segwork import tables
    from segwork.clustering import behaviour, later_period
    from segwork.config import load
    from segwork.features import customer_features

    ready = load(config)
    data = tables.load(ready)
    study = later_period(data, as_of=ready.as_of, later_days=later_days, seed=seed)
    told, chosen = study.table["explained"], study.comparison.usable
    earlier = ready.as_of - timedelta(days=later_days)
    people = behaviour(customer_features(data, as_of=earlier))
    halves = np.array_split(np.random.default_rng([seed, 26]).permutation(len(people)), 2)
    one, two = (
        compare(people.iloc[np.sort(half)], methods=STABLE, copies=0, draws=1, seed=seed)
        for half in halves
    )
    other = people.iloc[np.sort(halves[1])]
    again = rand(
        [two.labels[two.usable].to_numpy() + 1], one.model(one.usable).assign(other).to_numpy()
    )
    return {
        "usable": chosen,
        "explained": float(told[chosen]),
        "of_the_better": float(told[chosen] / told[["rule_rfm", "stable_kmeans"]].max()),
        "found_again": float(again),
    }
