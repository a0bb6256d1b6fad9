"""Simulated tables with known groups, on which the referee learns; no real data in here."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from benchmarks.clustering.referee_figures import (
    Random,
    Sample,
    curve,
    group_sizes,
    inside,
    joined,
    moons,
    place_centres,
    rings,
    shapes,
    slopes,
    solids,
    spirals,
    stripes,
    tiles,
    turn,
)
from segwork.clustering.judging.null import copula_copy, single_peaked


def simulated(seed: int) -> tuple[str, np.ndarray, np.ndarray]:
    """Return the family, the rows (n, d) and their true groups (n,); −1 is background noise.

    Examples
    --------
    >>> family, X, truth = simulated(3)
    >>> len(X) == len(truth)
    True
    """
    rng = np.random.default_rng([seed, 2026])
    family = list(FAMILIES)[seed % len(FAMILIES)]
    X, truth = FAMILIES[family](rng)
    if X.shape[1] <= 3 and rng.random() < 0.15:
        count = int(len(X) * rng.uniform(0.02, 0.12))
        low, high = X.min(axis=0), X.max(axis=0)
        X = np.vstack([X, rng.uniform(low, high, (count, X.shape[1]))])
        truth = np.append(truth, np.full(count, -1))
    if rng.random() < 0.2:
        X = X * rng.uniform(0.5, 2.0, X.shape[1])
    order = rng.permutation(len(X))
    return family, X[order], truth[order]


def _blobs(rng: Random) -> Sample:
    k = int(rng.choice([2, 3, 4, 5, 6, 8, 12, 20, 30]))
    d = int(rng.choice([2, 2, 2, 3, 5, 10, 30, 80]))
    gap = rng.uniform(3.0, 8.0)
    spread = np.exp(rng.normal(0, rng.choice([0.0, 0.3, 0.6]), k))
    return _round_groups(rng, place_centres(rng, k, d, gap), spread)


def _round_groups(rng: Random, centres: np.ndarray, spread: np.ndarray) -> Sample:
    sizes = group_sizes(rng, len(centres))
    rows = zip(centres, spread, sizes, strict=True)
    return joined([c + s * rng.normal(size=(n, len(c))) for c, s, n in rows])


def _ellipses(rng: Random) -> Sample:
    k, d = int(rng.integers(2, 9)), int(rng.choice([2, 2, 3, 5, 8]))
    parts = []
    for centre, n in zip(
        place_centres(rng, k, d, rng.uniform(3.0, 9.0)), group_sizes(rng, k), strict=True
    ):
        axes = np.exp(rng.normal(0, rng.uniform(0.3, 1.0), d))
        parts.append(centre + (rng.normal(size=(n, d)) * axes) @ turn(rng, d))
    return joined(parts)


def _tails(rng: Random) -> Sample:
    k, d = int(rng.integers(2, 8)), int(rng.choice([2, 2, 3, 6]))
    kind, parts = rng.choice(["t", "exponential", "uniform", "laplace"]), []
    for centre, n in zip(
        place_centres(rng, k, d, rng.uniform(4.0, 10.0)), group_sizes(rng, k), strict=True
    ):
        draw = {
            "t": lambda n=n: rng.standard_t(3, (n, d)),
            "exponential": lambda n=n: rng.exponential(1.0, (n, d)),
            "uniform": lambda n=n: rng.uniform(-1.7, 1.7, (n, d)),
            "laplace": lambda n=n: rng.laplace(0, 0.8, (n, d)),
        }[kind]()
        parts.append(centre + draw * rng.uniform(0.6, 1.4))
    return joined(parts)


def _mixed(rng: Random) -> Sample:
    """Blobs, ellipses and shapes of very different density in one picture."""
    k, parts = int(rng.integers(3, 9)), []
    for centre, n in zip(place_centres(rng, k, 2, 2.6), group_sizes(rng, k), strict=True):
        if rng.random() < 0.5:
            base = (rng.normal(size=(n, 2)) * rng.uniform(0.1, 0.6, 2)) @ turn(rng, 2)
        else:
            base = curve(rng, n) * rng.uniform(0.6, 1.1)
            base = base + rng.uniform(0.02, 0.12) * rng.normal(size=(n, 2))
        parts.append(centre + base)
    return joined(parts)


def _touching(rng: Random) -> Sample:
    """Draw groups that overlap or touch: many blobs too near each other, or a dense one inside."""
    k, d = int(rng.choice([2, 3, 4, 6, 9, 15])), int(rng.choice([2, 2, 3]))
    spread = np.exp(rng.normal(0, 0.5, k))
    return _round_groups(rng, place_centres(rng, k, d, rng.uniform(2.0, 4.0)), spread)


def _measured(rng: Random) -> Sample:
    """Measurements of things: few latent groups, correlated, skewed and useless columns."""
    k, d = int(rng.choice([2, 2, 3, 4, 6, 8])), int(rng.integers(5, 40))
    latent = int(rng.integers(2, 6))
    centres = rng.normal(size=(k, latent)) * rng.uniform(1.5, 4.0)
    X, truth = joined(
        [
            c + rng.normal(size=(n, latent)) * np.exp(rng.normal(0, 0.4, latent))
            for c, n in zip(centres, group_sizes(rng, k, most=800), strict=True)
        ]
    )
    X = X @ rng.normal(size=(latent, d)) + rng.normal(size=(len(X), d)) * rng.uniform(0.5, 2.5)
    skewed = rng.random(d) < rng.choice([0.0, 0.4])
    X[:, skewed] = np.exp(0.4 * X[:, skewed] / X[:, skewed].std(axis=0)) if skewed.any() else 0
    return (X - X.mean(axis=0)) / X.std(axis=0), truth


def _customers(rng: Random) -> Sample:
    """Draw customers of a few types: counts, money and days, in logarithms."""
    k, parts = int(rng.integers(2, 7)), []
    for n in group_sizes(rng, k):
        rate, value = np.exp(rng.normal(1.5, 1.2)), np.exp(rng.normal(3.5, 0.9))
        orders = 1 + rng.poisson(rate * rng.gamma(6, 1 / 6, n))
        spend = orders * value * rng.lognormal(0, 0.35, n)
        days = np.minimum(rng.exponential(365 / (1 + rate * rng.choice([1, 1, 0.2])), n), 365)
        basket = 1 + rng.poisson(np.exp(rng.normal(0.7, 0.6)), n)
        online = rng.beta(*rng.uniform(0.8, 6, 2), n)
        logs = [np.log1p(orders), np.log1p(spend), np.log1p(days), np.log1p(basket)]
        parts.append(np.column_stack([*logs, online]))
    X, truth = joined(parts)
    return (X - X.mean(axis=0)) / np.where(X.std(axis=0) > 0, X.std(axis=0), 1), truth


def _buyers(rng: Random) -> Sample:
    """Draw repeat buyers of a few types from an order process: rhythm, life, stop, basket."""
    k, parts, today = int(rng.integers(3, 8)), [], 900.0
    for n in group_sizes(rng, k, most=1800):
        rate = np.exp(rng.uniform(-3.0, 0.0)) * rng.gamma(
            shape := rng.choice([4, 12]), 1 / shape, n
        )
        tenure = rng.uniform(10, 80, n) if rng.random() < 0.2 else rng.uniform(150, today, n)
        quiet = np.zeros(n)
        if rng.random() < 0.35:
            quiet = tenure * rng.uniform(0.1, 0.4) + tenure * rng.uniform(0, 0.4, n)
        orders = 2 + rng.poisson(rate * (tenure - quiet) / 7)
        days = np.minimum(quiet + rng.exponential(7 / np.maximum(rate, 0.02)), tenure)
        value = np.exp(rng.normal(0, 0.8) + rng.normal(0, rng.uniform(0.2, 0.5), n))
        pieces = np.exp(rng.choice([0.0, 0.3, 1.5])) * rng.gamma(8, 1 / 8, n)
        lines = 1 + rng.poisson(rng.choice([0.3, 1.0, 4.0]) * orders) / orders
        kinds = 8 * (1 - np.exp(-orders * lines / rng.choice([4, 8, 16])))
        gap = np.maximum(tenure - quiet, 1) / (orders - 1)
        columns = [orders, 1e3 * value * orders, days, tenure, gap, 1e3 * value]
        parts.append(np.column_stack([*columns, pieces, lines, kinds]))
    X, truth = joined(parts)
    if rng.random() < 0.5:
        wrong = rng.random(len(X)) < rng.uniform(0, 0.03)
        X[wrong, rng.integers(1, 6)] *= rng.choice([1e-3, 30.0])
    X = np.log1p(X)
    X = np.clip(X, *np.quantile(X, [0.005, 0.995], axis=0))
    X = X[:, rng.random(X.shape[1]) < 0.9] if rng.random() < 0.5 else X
    return (X - X.mean(axis=0)) / np.where(X.std(axis=0) > 0, X.std(axis=0), 1), truth


def _many(rng: Random) -> Sample:
    """Draw many blobs of like size, as in grids of shops or cities."""
    k, d = int(rng.choice([15, 20, 30, 40, 60, 90])), int(rng.choice([2, 2, 2, 3]))
    centres, n = place_centres(rng, k, d, rng.uniform(3.0, 6.0)), int(rng.integers(20, 60))
    spread = np.exp(rng.normal(0, rng.choice([0.0, 0.15, 0.3]), (k, d)))
    return joined([c + s * rng.normal(size=(n, d)) for c, s in zip(centres, spread, strict=True)])


def _cloud(rng: Random) -> Sample:
    """Draw one correlated cloud: normal, heavy-tailed, uniform or skewed. No groups."""
    n, d = int(rng.integers(120, 1200)), int(rng.choice([2, 2, 3, 5, 8, 15]))
    kind = rng.choice(["normal", "t", "box", "ball", "skewed", "exponential"])
    X = rng.normal(size=(n, d))
    if kind == "t":
        X = X / np.sqrt(rng.chisquare(4, (n, 1)) / 4)
    if kind == "box":
        X = rng.uniform(-1, 1, (n, d))
    if kind == "ball":
        X = X / np.linalg.norm(X, axis=1, keepdims=True) * rng.random((n, 1)) ** (1 / d)
    X = X @ (np.eye(d) + rng.uniform(0, 0.8) * rng.normal(size=(d, d)) / np.sqrt(d))
    if kind == "skewed":
        X = np.exp(rng.uniform(0.2, 0.8) * X / X.std(axis=0))
    if kind == "exponential":
        X = rng.exponential(1.0, (n, d))
    return X, np.zeros(n, dtype=int)


def _continuum(rng: Random) -> Sample:
    """Draw customers without types: one law for rate, life and value. No groups."""
    n = int(rng.integers(150, 1200))
    rate = np.exp(rng.normal(-1.5, rng.uniform(0.5, 1.1), n))
    tenure = rng.uniform(30, 900, n)
    orders = 2 + rng.poisson(rate * tenure / 7)
    days = np.minimum(rng.exponential(7 / np.maximum(rate, 0.02)), tenure)
    value = np.exp(rng.normal(0, rng.uniform(0.3, 0.9), n) + 0.2 * np.log(rate))
    gap = tenure / (orders - 1)
    lines = 1 + rng.poisson(1.5 * orders) / orders
    X = np.log1p(np.column_stack([orders, 1e3 * value * orders, days, tenure, gap, value, lines]))
    X = X[:, np.sort(rng.permutation(7)[: rng.integers(3, 8)])]
    X = np.clip(X, *np.quantile(X, [0.005, 0.995], axis=0))
    return (X - X.mean(axis=0)) / X.std(axis=0), np.zeros(n, dtype=int)


def _single(rng: Random) -> Sample:
    """Draw one shape, thick or thin. No groups."""
    n = int(rng.integers(120, 1200))
    thick = rng.uniform(0.02, 0.3)
    return curve(rng, n) + thick * rng.normal(size=(n, 2)), np.zeros(n, dtype=int)


def _warped(rng: Random) -> Sample:
    """Bend the plane under a drawn figure, smoothly and without folding it."""
    X, truth = _figure(rng)
    X = X / X.std()
    for _ in range(2):
        wave = rng.uniform(0.5, 2.0)
        shift = rng.uniform(0.2, 0.8) / wave * np.sin(wave * X[:, ::-1] + rng.uniform(0, 6, 2))
        X = X + shift * rng.integers(0, 2, 2)
    return X, truth


def _collage(rng: Random) -> Sample:
    """Put two or three figures of any kind beside each other, each at its own scale."""
    parts, names, corner = [], [], 0.0
    for _ in range(int(rng.integers(2, 4))):
        X, truth = _figure(rng)
        some = rng.permutation(len(X))[:600]
        X, truth = X[some] - X.min(axis=0), truth[some]
        X = X / X.max() * rng.uniform(0.4, 1.2)
        parts.append(X + np.array([corner, rng.uniform(0, 0.5)]))
        names.append(truth + 1 + (names[-1].max() if names else -1))
        corner = parts[-1][:, 0].max() + rng.uniform(0.05, 0.5)
    return np.vstack(parts), np.concatenate(names)


def _figure(rng: Random) -> Sample:
    """Draw a plane figure of one of the other families."""
    while True:
        X, truth = FAMILIES[str(rng.choice(FIGURES))](rng)
        if X.shape[1] == 2 and truth.max() < 12:
            return X, truth


def _flattened(rng: Random) -> Sample:
    """Copy the smoothed margins and rank correlations of a table with groups. No groups."""
    named = [name for name in FAMILIES if name not in (*CLUSTERLESS, "many")]
    X = FAMILIES[str(rng.choice(named))](rng)[0]
    return copula_copy(single_peaked(X), rng), np.zeros(len(X), dtype=int)


FAMILIES: dict[str, Callable[[Random], Sample]] = {
    draw.__name__.lstrip("_"): draw
    for draw in (
        _blobs, _ellipses, _tails, shapes, rings, spirals, moons, inside, stripes, tiles,
        _mixed, _touching, _measured, _customers, _buyers, _many, solids, slopes, _warped,
        _collage, _cloud, _continuum, _single, _flattened,
    )
}  # fmt: skip
FIGURES = (
    "blobs", "ellipses", "tails", "shapes", "rings", "spirals", "moons", "inside", "stripes",
    "tiles", "mixed", "touching", "slopes",
)  # fmt: skip
CLUSTERLESS = ("cloud", "continuum", "single", "flattened")
