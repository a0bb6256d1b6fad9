"""Train the referee: ``python -m segwork.bench.referee_training FOLDER OUT.npz``.

Simulated tables are clustered in lots of 38, kept in FOLDER, so that a run that was stopped goes on
where it was. Then the referee is judged on tables it has not seen, and trained on all of them.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from segwork.bench.referee_tables import CLUSTERLESS, FAMILIES, simulated
from segwork.clustering.pool import CLASSICAL, Scored, classical_pool, scored
from segwork.clustering.referee import features
from segwork.clustering.traits import TRAITS
from segwork.progress import unwatched

TABLES, LOT = 190, 38
ROUNDS = 3
FOLDS = 5
PANELS = (CLASSICAL, ("kmeans", "ward", "genie", "dbscan"), ("kmeans", "mixture", "genie"))
Lot = dict[str, np.ndarray]


def examples(seeds: Iterable[int]) -> Iterator[Lot]:
    """Yield what the referee reads and the true adjusted Rand indices, one row per candidate.

    Each simulated table is read three times: with all methods' candidates, and as smaller panels
    of methods would see it.
    """
    for seed in seeds:
        _, X, truth = simulated(seed)
        pool = scored(X, classical_pool(X, seed=0), seed=0)
        rand = true_agreement(pool, truth)
        for number, panel in enumerate(PANELS):
            inside = np.array([name in panel for name in pool.methods])
            names = [name for name in pool.methods if name in panel]
            read = features(pool.traits[inside], pool.agreement[np.ix_(inside, inside)], names)
            method = np.array([CLASSICAL.index(name) for name in names])
            same = {"table": np.full(len(names), seed), "panel": np.full(len(names), number)}
            yield {"read": np.round(read, 6), "truth": rand[inside], "method": method, **same}


def true_agreement(pool: Scored, truth: np.ndarray) -> np.ndarray:
    """Return each candidate's adjusted Rand index with the truth; background noise left out."""
    from sklearn.metrics import adjusted_rand_score

    kept = truth >= 0
    return np.array([adjusted_rand_score(truth[kept], c.labels[kept]) for c in pool.candidates])


def joined(lots: Iterable[Lot]) -> Lot:
    """Return several lots as one."""
    lots = list(lots)
    return {name: np.concatenate([lot[name] for lot in lots]) for name in lots[0]}


def lots(folder: str | Path, tables: int = TABLES) -> Lot:
    """Return the examples of all tables; lots found in the folder are not made again."""
    from tqdm import tqdm

    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    found = []
    for first in tqdm(range(0, tables, LOT), disable=unwatched(), desc="lots of tables"):
        path = folder / f"tables_{first:04d}.npz"
        if not path.is_file():
            lot = joined(examples(range(first, min(first + LOT, tables))))
            np.savez(path.with_suffix(".part.npz"), **lot)
            path.with_suffix(".part.npz").rename(path)
        with np.load(path, allow_pickle=False) as file:
            found.append(dict(file))
    return joined(found)


def fitted(lot: Lot) -> list[Any]:
    """Fit the boosted trees, one model for each seed."""
    from sklearn.ensemble import HistGradientBoostingRegressor

    return [
        HistGradientBoostingRegressor(
            max_iter=150, learning_rate=0.06, max_leaf_nodes=24, min_samples_leaf=80,
            max_features=0.3, l2_regularization=5.0, random_state=seed,
        ).fit(lot["read"], lot["truth"])
        for seed in range(ROUNDS)
    ]  # fmt: skip


def judged(lot: Lot) -> pd.DataFrame:
    """Return what the referee would do with tables it has not seen, one row per simulated table.

    Columns: ``family``; ``quality``, the highest it predicts for the quick panel; ``found``,
    ``best`` and ``by_silhouette``: the true index of its choice, of the best method's and of the
    highest silhouette's candidate.
    """
    predicted = np.zeros(len(lot["truth"]))
    for fold in range(FOLDS):
        test = lot["table"] % FOLDS == fold
        models = fitted({name: values[~test] for name, values in lot.items()})
        predicted[test] = np.mean([m.predict(lot["read"][test]) for m in models], axis=0)
    read = pd.DataFrame(lot["read"][:, : len(TRAITS)], columns=TRAITS)
    rows = read[["silhouette", "noise", "log_clusters"]].assign(
        predicted=np.where(read["log_clusters"] > 0, predicted, 0.0),
        **{name: lot[name] for name in ("truth", "table", "panel", "method")},
    )
    quick = rows[rows["panel"] == 1].groupby("table")["predicted"].max()
    rows = rows[rows["panel"] == 0]
    rows["order"] = rows["predicted"] - (rows["noise"] > 0.3)
    result = {}
    for table, group in rows.groupby("table"):
        shown = group.loc[group.groupby("method")["order"].idxmax()]
        result[table] = {
            "family": list(FAMILIES)[table % len(FAMILIES)],
            "quality": quick[table],
            "found": shown.loc[shown["order"].idxmax(), "truth"],
            "best": shown["truth"].max(),
            "by_silhouette": shown.loc[shown["silhouette"].idxmax(), "truth"],
        }
    return pd.DataFrame.from_dict(result, orient="index")


def summary(judgement: pd.DataFrame) -> pd.DataFrame:
    """Return means by family, and over all families that have groups."""
    table = judgement.groupby("family", sort=False).mean(numeric_only=True)
    table.loc["all with groups"] = table.drop(index=list(CLUSTERLESS), errors="ignore").mean()
    return table.assign(
        regret=table["best"] - table["found"], gain=table["found"] - table["by_silhouette"]
    )


def levels(judgement: pd.DataFrame) -> pd.DataFrame:
    """Return how many tables reach each predicted quality, with groups and without."""
    none = judgement["family"].isin(CLUSTERLESS)
    plain = ~none & (judgement["best"] >= 0.7)
    steps = np.round(np.arange(0.2, 0.85, 0.05), 2)
    reached = pd.DataFrame({step: judgement["quality"] >= step for step in steps})
    return pd.DataFrame({"without": reached[none].mean(), "plain groups": reached[plain].mean()})


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


def main(folder: str, out: str) -> None:
    """Make the tables, print the judgement, train on all and write the arrays."""
    from threadpoolctl import threadpool_limits

    with threadpool_limits(1):
        lot = lots(folder)
        judgement = judged(lot)
        print(summary(judgement).round(3).to_string())
        print(levels(judgement).round(3).to_string())
        np.savez_compressed(Path(out), **flat(fitted(lot)))


if __name__ == "__main__":
    main(*sys.argv[1:])
