"""Train the referees: ``python -m segwork.bench.referee_training NAME FOLDER OUT.npz``.

NAME is ``any`` or ``customers``. Simulated tables are clustered in lots of 38, kept in FOLDER, so
that a run that was stopped goes on where it was. Then the referee is judged on tables it has not
seen, and trained on all of them.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from segwork.bench.referee_customers import CUSTOMER_FAMILIES, simulated_customers
from segwork.bench.referee_tables import CLUSTERLESS, FAMILIES, simulated
from segwork.clustering.methods import MOST_SEGMENTS, cluster_numbers
from segwork.clustering.pool import CLASSICAL, Scored, classical_pool, scored
from segwork.clustering.referee import features, predicted
from segwork.clustering.traits import TRAITS
from segwork.progress import unwatched

LOT = 38
ROUNDS = 3
FOLDS = 5
PANELS = (CLASSICAL, ("kmeans", "ward", "genie", "dbscan"), ("kmeans", "mixture", "genie"))
Lot = dict[str, np.ndarray]


@dataclass(frozen=True)
class Curriculum:
    """What one referee learns on.

    Attributes
    ----------
    draw : callable
        A seed in; family, rows and true groups out.
    families : tuple of str
        Table ``seed`` is of family ``seed % len(families)``; no multiple of ``FOLDS``.
    tables, most : int
        How many tables; the most clusters a method is asked for.
    """

    draw: Callable[[int], tuple[str, np.ndarray, np.ndarray]]
    families: tuple[str, ...]
    tables: int
    most: int


CURRICULA = {
    "any": Curriculum(simulated, tuple(FAMILIES), tables=190, most=100),
    "customers": Curriculum(
        simulated_customers, tuple(CUSTOMER_FAMILIES), tables=228, most=MOST_SEGMENTS
    ),
}


def examples(curriculum: Curriculum, seeds: Iterable[int]) -> Iterator[Lot]:
    """Yield what the referee reads and the true adjusted Rand indices, one row per candidate.

    Each simulated table is read three times: with all methods' candidates, and as smaller panels
    of methods would see it.
    """
    for seed in seeds:
        _, X, truth = curriculum.draw(seed)
        numbers = cluster_numbers(len(X), most=curriculum.most)
        pool = scored(X, classical_pool(X, seed=0, numbers=numbers), seed=0)
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


def lots(curriculum: Curriculum, folder: str | Path) -> Lot:
    """Return the examples of all tables; lots found in the folder are not made again."""
    from tqdm import tqdm

    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    found, tables = [], curriculum.tables
    for first in tqdm(range(0, tables, LOT), disable=unwatched(), desc="lots of tables"):
        path = folder / f"tables_{first:04d}.npz"
        if not path.is_file():
            seeds = range(first, min(first + LOT, tables))
            np.savez(path.with_suffix(".part.npz"), **joined(examples(curriculum, seeds)))
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


def unseen(lot: Lot) -> np.ndarray:
    """Return predictions for every row by models that have not seen its table, shape (rows,)."""
    quality = np.zeros(len(lot["truth"]))
    for fold in range(FOLDS):
        test = lot["table"] % FOLDS == fold
        models = fitted({name: values[~test] for name, values in lot.items()})
        quality[test] = np.mean([m.predict(lot["read"][test]) for m in models], axis=0)
    return quality


def judged(lot: Lot, quality: np.ndarray, families: tuple[str, ...]) -> pd.DataFrame:
    """Return what a referee of that quality would do, one row per simulated table.

    Columns: ``family``; ``quality``, the highest it predicts for the quick panel; ``found``,
    ``best`` and ``by_silhouette``: the true index of its choice, of the best method's and of the
    highest silhouette's candidate; ``order``: Spearman's rho of the methods' predictions with the
    truth.
    """
    from scipy.stats import spearmanr

    read = pd.DataFrame(lot["read"][:, : len(TRAITS)], columns=TRAITS)
    rows = read[["silhouette", "noise", "log_clusters"]].assign(
        predicted=np.where(read["log_clusters"] > 0, quality, 0.0),
        **{name: lot[name] for name in ("truth", "table", "panel", "method")},
    )
    quick = rows[rows["panel"] == 1].groupby("table")["predicted"].max()
    rows = rows[rows["panel"] == 0]
    rows["order"] = rows["predicted"] - (rows["noise"] > 0.3)
    result = {}
    for table, group in rows.groupby("table"):
        shown = group.loc[group.groupby("method")["order"].idxmax()]
        several = np.ptp(shown["truth"]) > 0 and np.ptp(shown["order"]) > 0
        result[table] = {
            "family": families[table % len(families)],
            "quality": quick[table],
            "found": shown.loc[shown["order"].idxmax(), "truth"],
            "best": shown["truth"].max(),
            "by_silhouette": shown.loc[shown["silhouette"].idxmax(), "truth"],
            "order": spearmanr(shown["order"], shown["truth"])[0] if several else np.nan,
        }
    return pd.DataFrame.from_dict(result, orient="index")


def without_groups(judgement: pd.DataFrame) -> pd.Series:
    """Tell which tables have no groups, shape (tables,)."""
    return judgement["family"].isin((*CLUSTERLESS, "copied"))


def summary(judgement: pd.DataFrame) -> pd.DataFrame:
    """Return means by family, and over all families that have groups."""
    table = judgement.groupby("family", sort=False).mean(numeric_only=True)
    empty = judgement.loc[without_groups(judgement), "family"].unique()
    table.loc["all with groups"] = table.drop(index=empty).mean()
    return table.assign(
        regret=table["best"] - table["found"], gain=table["found"] - table["by_silhouette"]
    )


def levels(judgement: pd.DataFrame) -> pd.DataFrame:
    """Return how many tables reach each predicted quality, with groups and without."""
    none = without_groups(judgement)
    plain = ~none & (judgement["best"] >= 0.7)
    steps = np.round(np.arange(0.2, 0.85, 0.05), 2)
    reached = pd.DataFrame({step: judgement["quality"] >= step for step in steps})
    return pd.DataFrame({"without": reached[none].mean(), "plain groups": reached[plain].mean()})


def paired(own: pd.DataFrame, other: pd.DataFrame) -> pd.DataFrame:
    """Return how much better ``own`` is on tables with groups, with errors of the difference."""
    kept = ~without_groups(own)
    better = pd.DataFrame(
        {"regret": own["found"] - other["found"], "order": own["order"] - other["order"]}
    )[kept]
    return better.agg(["mean", "sem", "count"])


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


def main(name: str, folder: str, out: str) -> None:
    """Make the tables, print the judgement, train on all and write the arrays."""
    from threadpoolctl import threadpool_limits

    curriculum = CURRICULA[name]
    with threadpool_limits(1):
        lot = lots(curriculum, folder)
        judgement = judged(lot, unseen(lot), curriculum.families)
        print(summary(judgement).round(3).to_string())
        print(levels(judgement).round(3).to_string())
        if name == "customers":
            general = judged(lot, predicted(lot["read"], customers=False), curriculum.families)
            print("Better than the referee of any table, on customers neither has seen:")
            print(paired(judgement, general).round(3).to_string())
        np.savez_compressed(Path(out), **flat(fitted(lot)))


if __name__ == "__main__":
    main(*sys.argv[1:])
