"""Train the referees: ``python -m benchmarks.clustering.referee_training NAME FOLDER OUT.npz``.

NAME is ``any`` or ``customers``. Simulated tables are clustered and kept in FOLDER, so that a run
that was stopped goes on where it was. Then the referee is judged on tables it has not seen, and
trained on all of them.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from benchmarks.clustering.referee_customers import CUSTOMER_FAMILIES, simulated_customers
from benchmarks.clustering.referee_tables import CLUSTERLESS, FAMILIES, simulated
from segwork.clustering.judging.clusterability import METHODS as QUICK
from segwork.clustering.judging.referee import PARTS, expected, features, quality
from segwork.clustering.judging.scored import Scored, scored
from segwork.clustering.judging.traits import TRAITS
from segwork.clustering.methods.classical import (
    CLASSICAL,
    MOST_NOISE,
    MOST_SEGMENTS,
    cluster_numbers,
)
from segwork.clustering.methods.pool import classical_pool
from segwork.progress import unwatched

ROUNDS = 3
FOLDS = 5
LEFT_OUT = 8  # groups of families
FURTHEST = -0.6  # a candidate worse than that is as wrong as any
PANELS = (CLASSICAL, QUICK, ("kmeans", "mixture", "genie"))
KEPT = ("traits", "agreement", "method", "truth")
Views = tuple[np.ndarray, np.ndarray]


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
    "any": Curriculum(simulated, tuple(FAMILIES), tables=648, most=100),
    "customers": Curriculum(
        simulated_customers, tuple(CUSTOMER_FAMILIES), tables=228, most=MOST_SEGMENTS
    ),
}


@dataclass(frozen=True)
class Table:
    """One simulated table, clustered: what the referee reads and what is true.

    Attributes
    ----------
    seed : int
    traits, agreement, method, truth : arrays, shapes (m, t), (m, m), (m,), (m,)
        Of the candidates; ``method`` is their place in ``CLASSICAL``, ``truth`` their adjusted Rand
        index with the true groups.
    """

    seed: int
    traits: np.ndarray
    agreement: np.ndarray
    method: np.ndarray
    truth: np.ndarray

    def seen_by(self, panel: tuple[str, ...]) -> Table:
        """Return the candidates of some methods only."""
        kept = np.isin(self.method, [CLASSICAL.index(name) for name in panel])
        inside = self.agreement[np.ix_(kept, kept)]
        return Table(self.seed, self.traits[kept], inside, self.method[kept], self.truth[kept])

    @property
    def methods(self) -> list[str]:
        """The method of every candidate."""
        return [CLASSICAL[at] for at in self.method]

    def read(self) -> np.ndarray:
        """Return what the referee reads, shape (m, features)."""
        return np.round(features(self.traits, self.agreement, self.methods), 6)

    def judged_by(self, judge: Callable[[Table], np.ndarray]) -> Views:
        """Return the predicted quality of all candidates, and of those of the quick panel."""
        return judge(self), judge(self.seen_by(PANELS[1]))


def clustered(curriculum: Curriculum, seed: int) -> Table:
    """Draw a simulated table and cluster it with all classical methods."""
    _, X, truth = curriculum.draw(seed)
    numbers = cluster_numbers(len(X), most=curriculum.most)
    pool = scored(X, classical_pool(X, seed=0, numbers=numbers), seed=0)
    method = np.array([CLASSICAL.index(name) for name in pool.methods])
    return Table(seed, pool.traits, pool.agreement, method, true_agreement(pool, truth))


def true_agreement(pool: Scored, truth: np.ndarray) -> np.ndarray:
    """Return each candidate's adjusted Rand index with the truth; background noise left out."""
    from sklearn.metrics import adjusted_rand_score

    kept = truth >= 0
    return np.array([adjusted_rand_score(truth[kept], c.labels[kept]) for c in pool.candidates])


def all_tables(curriculum: Curriculum, folder: str | Path) -> list[Table]:
    """Return all tables, clustered; those found in the folder are not made again."""
    from tqdm import tqdm

    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    found = []
    for seed in tqdm(range(curriculum.tables), disable=unwatched(), desc="tables"):
        path = folder / f"table_{seed:04d}.npz"
        if not path.is_file():
            table = clustered(curriculum, seed)
            np.savez(path.with_suffix(".part.npz"), **{n: getattr(table, n) for n in KEPT})
            path.with_suffix(".part.npz").rename(path)
        with np.load(path, allow_pickle=False) as file:
            found.append(Table(seed, **{name: file[name] for name in KEPT}))
    return found


def lessons(tables: Iterable[Table]) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """Return what the referee reads, one row per candidate, and what it is to predict by part.

    Each table is read three times: with all methods' candidates, and as smaller panels see it.
    """
    views = [table.seen_by(panel) for table in tables for panel in PANELS]
    short = [np.maximum(view.truth - view.truth.max(), FURTHEST) for view in views]
    answers = {"level": [view.truth for view in views], "shortfall": short}
    return np.vstack([view.read() for view in views]), {
        part: np.concatenate(answers[part]) for part in PARTS
    }


def fitted(tables: Iterable[Table]) -> dict[str, list[Any]]:
    """Fit the boosted trees of each part, one model for each seed."""
    from sklearn.ensemble import HistGradientBoostingRegressor

    read, answers = lessons(tables)
    return {
        part: [
            HistGradientBoostingRegressor(
                max_iter=150, learning_rate=0.06, max_leaf_nodes=24, min_samples_leaf=80,
                max_features=0.3, l2_regularization=5.0, random_state=seed,
            ).fit(read, answers[part])
            for seed in range(ROUNDS)
        ]
        for part in PARTS
    }  # fmt: skip


def predicted_by(models: dict[str, list[Any]], table: Table) -> np.ndarray:
    """Return the predicted quality of a table's candidates by fitted models, shape (m,)."""
    read = table.read()
    parts = (np.mean([model.predict(read) for model in models[part]], axis=0) for part in PARTS)
    return expected(*parts, table.traits, table.agreement, table.methods)


def unseen(tables: list[Table], group: Callable[[int], int]) -> list[Views]:
    """Return what models that have seen none of its group predict for each table."""
    from tqdm import tqdm

    found: dict[int, Views] = {}
    groups = sorted({group(table.seed) for table in tables})
    for left_out in tqdm(groups, disable=unwatched(), desc="groups left out"):
        models = fitted(table for table in tables if group(table.seed) != left_out)
        for table in tables:
            if group(table.seed) == left_out:
                found[table.seed] = table.judged_by(partial(predicted_by, models))
    return [found[table.seed] for table in tables]


def judged(tables: list[Table], qualities: list[Views], families: tuple[str, ...]) -> pd.DataFrame:
    """Return what a referee of that quality would do, one row per simulated table.

    Columns: ``family``; ``quality``, the highest it predicts for the quick panel; ``found``,
    ``best`` and ``by_silhouette``: the true index of its choice, of the best method's and of the
    highest silhouette's candidate; ``order``: Spearman's rho of the methods' predictions with the
    truth.
    """
    from scipy.stats import spearmanr

    result = {}
    for table, (found, quick) in zip(tables, qualities, strict=True):
        order = found - (table.traits[:, TRAITS.index("noise")] > MOST_NOISE)
        of_method = [np.flatnonzero(table.method == at) for at in np.unique(table.method)]
        shown = np.array([rows[order[rows].argmax()] for rows in of_method])
        order, truth = order[shown], table.truth[shown]
        several = np.ptp(truth) > 0 and np.ptp(order) > 0
        result[table.seed] = {
            "family": families[table.seed % len(families)],
            "quality": quick.max(),
            "found": truth[order.argmax()],
            "best": truth.max(),
            "by_silhouette": truth[table.traits[shown, TRAITS.index("silhouette")].argmax()],
            "order": spearmanr(order, truth)[0] if several else np.nan,
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


def flat(models: list[Any], part: str) -> dict[str, np.ndarray]:
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
    arrays = {
        "roots": roots[:-1].astype(np.int32),
        "left": left,
        "right": right,
        "feature": np.concatenate([nodes["feature_idx"] for nodes in trees]).astype(np.int16),
        "threshold": np.concatenate([nodes["num_threshold"] for nodes in trees]),
        "value": np.concatenate([nodes["value"] for nodes in trees]) / len(models),
        "start": np.array(np.mean([float(m._baseline_prediction.ravel()[0]) for m in models])),
    }
    return {f"{part}_{name}": values for name, values in arrays.items()}


def by_general_referee(table: Table) -> np.ndarray:
    """Return what the shipped referee of any table predicts, shape (m,)."""
    return quality(table.traits, table.agreement, table.methods, customers=False)


def main(name: str, folder: str, out: str) -> None:
    """Make the tables, print the judgement, train on all and write the arrays."""
    from threadpoolctl import threadpool_limits

    curriculum = CURRICULA[name]
    families = curriculum.families
    with threadpool_limits(1):
        tables = all_tables(curriculum, folder)
        print("Judged on tables not seen:")
        judgement = judged(tables, unseen(tables, lambda seed: seed % FOLDS), families)
        print(summary(judgement).round(3).to_string())
        print(levels(judgement).round(3).to_string())
        if name == "any":
            print("Judged on families not seen, three left out at a time:")
            whole = unseen(tables, lambda seed: seed % len(families) % LEFT_OUT)
            print(summary(judged(tables, whole, families)).round(3).to_string())
        if name == "customers":
            shipped = [table.judged_by(by_general_referee) for table in tables]
            general = judged(tables, shipped, families)
            print("Better than the referee of any table, on customers neither has seen:")
            print(paired(judgement, general).round(3).to_string())
        models = fitted(tables)
        arrays = [flat(models[part], part) for part in PARTS]
        np.savez_compressed(
            Path(out), **{n: values for part in arrays for n, values in part.items()}
        )


if __name__ == "__main__":
    main(*sys.argv[1:])
