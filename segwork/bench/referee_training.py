"""Train the referee: ``python -m segwork.bench.referee_training TABLES OUT.npz``."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from segwork.bench.referee_tables import simulated
from segwork.clustering.pool import CLASSICAL, Scored, classical_pool, scored
from segwork.clustering.referee import features

ROUNDS = 3
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
    from sklearn.ensemble import HistGradientBoostingRegressor

    read, truth = (np.concatenate(part) for part in zip(*tables, strict=True))
    models = [
        HistGradientBoostingRegressor(
            max_iter=150, learning_rate=0.06, max_leaf_nodes=24, min_samples_leaf=80,
            max_features=0.3, l2_regularization=5.0, random_state=seed,
        ).fit(read, truth)
        for seed in range(ROUNDS)
    ]  # fmt: skip
    np.savez_compressed(Path(out), **flat(models))


def flat(models: list[Any]) -> dict[str, np.ndarray]:
    """Return the mean of boosted models as arrays: one list of nodes and the root of each tree."""
    trees = [stage[0].nodes for model in models for stage in model._predictors]
    roots = np.cumsum([0, *(len(nodes) for nodes in trees)])
    inner = [nodes["is_leaf"] == 0 for nodes in trees]
    left, right = (
        np.concatenate(
            [
                np.where(mask, nodes[side].astype(np.int64) + root, -1)
                for nodes, mask, root in zip(trees, inner, roots[:-1], strict=True)
            ]
        ).astype(np.int32)
        for side in ("left", "right")
    )
    return {
        "roots": roots[:-1].astype(np.int32),
        "left": left,
        "right": right,
        "feature": np.concatenate([nodes["feature_idx"] for nodes in trees]).astype(np.int16),
        "threshold": np.concatenate([nodes["num_threshold"] for nodes in trees]),
        "value": np.concatenate([nodes["value"] for nodes in trees]) / len(models),
        "start": np.array(np.mean([float(m._baseline_prediction.ravel()[0]) for m in models])),
    }


if __name__ == "__main__":
    train(examples(range(int(sys.argv[1]))), sys.argv[2])
