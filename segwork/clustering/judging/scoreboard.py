"""The scoreboard: one row per method, every column defined here."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import pandas as pd

from segwork.clustering.describe import tree_accuracy
from segwork.clustering.judging import stability
from segwork.clustering.judging.null import copula_copy
from segwork.clustering.judging.scored import Scored
from segwork.clustering.judging.scores import ROWS, scores
from segwork.clustering.rfm import rfm_labels
from segwork.features.rfm import fit_cuts
from segwork.progress import unwatched

COLUMNS = {
    "clusters": "number of clusters, noise not counted",
    "setting": "the chosen one of at most twenty settings",
    "predicted_quality": "the referee's predicted adjusted Rand index with the truth, 0 to 1",
    "smallest_share": "share of rows in the smallest cluster",
    "largest_share": "share of rows in the largest cluster",
    "evenness": "entropy of the shares / its highest value",
    "noise": "share of rows labelled noise",
    "silhouette_noise_dropped": "over clustered rows only",
    "silhouette_noise_class": "noise as one more cluster",
    "silhouette_noise_nearest": "noise given to the nearest clustered row's cluster",
    "calinski_harabasz": "noise dropped",
    "davies_bouldin": "noise dropped; lower is better",
    "dbcv": "density-based validation, −1 to 1",
    "jaccard": "mean bootstrap Jaccard of the clusters",
    "jaccard_worst": "the least stable cluster's",
    "jaccard_null": "mean of the same setting on a clusterless copy",
    "seed_agreement": "adjusted Rand index between three seeds",
    "scaling_agreement": "adjusted Rand index with standardised and rank-scaled columns",
    "found_again": "adjusted Rand index of fits on disjoint rows",
    "tree_accuracy": "balanced accuracy of a depth-3 tree on raw columns",
    "outcome_separation": "eta squared of the later outcome, over all rows",
    "fit_seconds": "time for all settings of the method",
    "peak_megabytes": "how far the method raised the process' peak memory",
}
SEEDLESS = ("ward", "genie", "dbscan", "hdbscan")
FACTS = ("clusters", "predicted_quality", "found_again", "outcome_separation")
SEEDS = 3


def scoreboard(
    pool: Scored, best: dict[str, int], labels: dict[str, np.ndarray], runner: Any, draws: int
) -> pd.DataFrame:
    """Return the table, best predicted quality first; columns as in ``COLUMNS``.

    Parameters
    ----------
    pool, best
        All candidates, and the place of each method's.
    labels : dict of array
        Of the compared rows, by method.
    runner
        The rows and what the methods need; made by ``compare``.
    draws : int
        Bootstrap samples.
    """
    rng = np.random.default_rng([runner.seed, 19])
    some = np.sort(rng.permutation(len(runner.matrix))[:ROWS])
    few = runner.X[np.sort(rng.permutation(len(runner.X))[: stability.ROWS])]
    copy = copula_copy(few, rng)
    raw = runner.compared[list(runner.scaling.columns)].iloc[some].fillna(0)
    rows = {}
    for method, at in with_progress(best.items(), total=len(best)):
        candidate, column = pool.candidates[at], labels[method]
        row = plain_row(column, candidate.setting, np.nan, runner.cost[method])
        row |= {"predicted_quality": float(pool.quality[at])}
        row |= scores(runner.matrix[some], column[some])
        if method == "rule_rfm":
            row["found_again"] = _rule_again(runner.frame, runner.seed)
        else:
            code = runner.codes.get(method)
            row |= _stability(candidate, code, few, copy, draws, runner.seed)
        row["tree_accuracy"] = tree_accuracy(raw, column[some], seed=runner.seed)
        rows[method] = row
    table = pd.DataFrame.from_dict(rows, orient="index").rename_axis("method")
    return table.sort_values("predicted_quality", ascending=False, kind="stable")


def _rule_again(frame: pd.DataFrame, seed: int) -> float:
    """Return how far cuts taken on two disjoint halves agree on everybody, over five splits."""

    def labelled(rows: np.ndarray) -> np.ndarray:
        return rfm_labels(frame, fit_cuts(frame.iloc[rows]))

    agreement = stability.halves_agreement(len(frame), labelled, seed=seed, splits=5)
    return float(agreement.mean())


def plain_row(
    labels: np.ndarray, setting: str, again: float, cost: tuple[float, float]
) -> dict[str, Any]:
    """Return what is said of any labelling: its sizes, setting, stability and cost."""
    row: dict[str, Any] = _shares(labels)
    row |= {"setting": setting, "found_again": again, "noise": float((labels < 0).mean())}
    return row | {"fit_seconds": cost[0], "peak_megabytes": cost[1]}


def _shares(labels: np.ndarray) -> dict[str, float | int]:
    counts = np.unique(labels[labels >= 0], return_counts=True)[1]
    shares = counts / max(len(labels), 1)
    if not len(shares):
        return {"clusters": 0, "smallest_share": 0.0, "largest_share": 0.0, "evenness": 0.0}
    spread = -(shares * np.log(shares)).sum() / np.log(len(shares)) if len(shares) > 1 else 0.0
    return {
        "clusters": len(shares),
        "smallest_share": float(shares.min()),
        "largest_share": float(shares.max()),
        "evenness": float(spread),
    }


def _stability(
    candidate: Any, code: Any, few: np.ndarray, copy: np.ndarray, draws: int, seed: int
) -> dict[str, float]:
    """Refit the chosen setting; the autoencoder's nets stay as they are, its clusters do not."""
    if draws < 1:
        return {}
    refit, encode = candidate.refit, (lambda Y: Y) if code is None else code.encode
    Z = encode(few)
    whole = refit(Z, seed)
    jaccard = stability.bootstrap_jaccard(Z, refit, draws=draws, seed=seed, whole=whole)
    half = (draws + 1) // 2
    jaccard_null = stability.bootstrap_jaccard(encode(copy), refit, draws=half, seed=seed)
    return {
        "jaccard": float(jaccard.mean()) if len(jaccard) else np.nan,
        "jaccard_worst": float(jaccard.min()) if len(jaccard) else np.nan,
        "jaccard_null": float(jaccard_null.mean()) if len(jaccard_null) else np.nan,
        "found_again": stability.sampling_agreement(Z, refit, seed=seed),
        "seed_agreement": 1.0
        if candidate.method in SEEDLESS
        else stability.seed_agreement(Z, refit, seeds=SEEDS, seed=seed),
        "scaling_agreement": stability.scaling_agreement(
            few, whole, lambda Y: refit(encode(Y), seed)
        ),
    }


def with_progress(items: Iterable[Any], *, total: int | None = None) -> Iterable[Any]:
    """Show a bar on a terminal, nothing elsewhere."""
    from tqdm import tqdm

    return tqdm(items, total=total, disable=unwatched(), leave=False, desc="methods")
