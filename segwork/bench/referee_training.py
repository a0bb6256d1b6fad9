"""Train the referee: ``python -m segwork.bench.referee_training TABLES OUT.npz``."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np

from segwork.bench.referee_tables import simulated
from segwork.clustering.pool import CLASSICAL, Scored, classical_pool, scored
from segwork.clustering.referee import features

ROUNDS = 250
PANELS = (CLASSICAL, ("kmeans", "ward", "genie", "dbscan"), ("kmeans", "mixture", "genie"))


def examples(seeds: Iterable[int]) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yield what the referee reads and the true adjusted Rand indices.

    Each simulated table is read three times: with all methods' candidates, and as smaller panels
    of methods would see it.
    """
    for seed in seeds:
        _, X, truth = simulated(seed)
        pool = scored(X, classical_pool(X, seed=0), seed=0)
        rand = true_agreement(pool, truth)
        for panel in PANELS:
            inside = np.array([name in panel for name in pool.methods])
            names = [name for name in pool.methods if name in panel]
            read = features(pool.traits[inside], pool.agreement[np.ix_(inside, inside)], names)
            yield read, rand[inside]


def true_agreement(pool: Scored, truth: np.ndarray) -> np.ndarray:
    """Return each candidate's adjusted Rand index with the truth; background noise left out."""
    from sklearn.metrics import adjusted_rand_score

    kept = truth >= 0
    return np.array([adjusted_rand_score(truth[kept], c.labels[kept]) for c in pool.candidates])


def train(tables: Iterable[tuple[np.ndarray, np.ndarray]], out: str | Path) -> None:
    """Fit boosted trees on the examples and write them as plain arrays."""
    from sklearn.ensemble import GradientBoostingRegressor

    read, truth, weight = [], [], []
    for X, y in tables:
        read.append(X)
        truth.append(y)
        weight.append(np.exp(3 * (y - y.max())) / np.exp(3 * (y - y.max())).mean())
    model = GradientBoostingRegressor(
        n_estimators=ROUNDS,
        learning_rate=0.06,
        max_depth=5,
        subsample=0.5,
        max_features=0.3,
        min_samples_leaf=40,
        random_state=0,
    )
    model.fit(np.vstack(read), np.concatenate(truth), sample_weight=np.concatenate(weight))
    np.savez_compressed(Path(out), **flat(model))


def flat(model: object) -> dict[str, np.ndarray]:
    """Return fitted boosted trees as arrays: one long list of nodes and the root of each tree."""
    trees = [stage[0].tree_ for stage in model.estimators_]
    roots = np.cumsum([0, *(t.node_count for t in trees)])
    children = [
        np.where(side < 0, -1, side + root).astype(np.int32)
        for t, root in zip(trees, roots, strict=False)
        for side in (t.children_left, t.children_right)
    ]
    return {
        "roots": roots[:-1].astype(np.int32),
        "left": np.concatenate(children[0::2]),
        "right": np.concatenate(children[1::2]),
        "feature": np.concatenate([np.maximum(t.feature, 0) for t in trees]).astype(np.int16),
        "threshold": np.concatenate([t.threshold for t in trees]),
        "value": model.learning_rate * np.concatenate([t.value[:, 0, 0] for t in trees]),
        "start": np.array(model.init_.constant_.ravel()[0]),
    }


if __name__ == "__main__":
    train(examples(range(int(sys.argv[1]))), sys.argv[2])
