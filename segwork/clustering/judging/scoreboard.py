"""The scoreboard: one row per method, every column defined here."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import pandas as pd

from segwork.clustering.describe import tree_accuracy
from segwork.clustering.judging import stability
from segwork.clustering.judging.null import copula_copy
from segwork.clustering.judging.scored import Scored
from segwork.clustering.judging.scores import ROWS, outcome_separation, scores
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
    "seed_agreement": "adjusted Rand index between five seeds",
    "scaling_agreement": "adjusted Rand index with standardised and rank-scaled columns",
    "sampling_agreement": "adjusted Rand index of fits on two thirds, read on the last third",
    "tree_accuracy": "balanced accuracy of a depth-3 tree on raw columns",
    "outcome_separation": "eta squared of the later outcome",
    "fit_seconds": "time for all settings of the method",
    "peak_megabytes": "how far the method raised the process' peak memory",
}
SEEDLESS = ("ward", "genie", "dbscan", "hdbscan")
FACTS = [c for c in COLUMNS if c not in ("setting", "fit_seconds", "peak_megabytes")]


def scoreboard(
    pool: Scored,
    best: dict[str, int],
    labels: pd.DataFrame,
    frame: pd.DataFrame,
    matrix: np.ndarray,
    runner: Any,
    *,
    later: Sequence[float] | None,
    draws: int,
    seed: int,
) -> pd.DataFrame:
    """Return the table, best predicted quality first; columns as in ``COLUMNS``."""
    rng = np.random.default_rng([seed, 19])
    some = np.sort(rng.permutation(len(matrix))[:ROWS])
    few = runner.X[np.sort(rng.permutation(len(runner.X))[: stability.ROWS])]
    copy = copula_copy(few, rng)
    raw = frame[list(runner.scaling.columns)].iloc[some].fillna(0)
    quality = pool.quality
    rows = {}
    for method, at in with_progress(best.items(), total=len(best)):
        candidate, column = pool.candidates[at], labels[method].to_numpy()
        row: dict[str, Any] = _shares(column)
        row |= {"setting": candidate.setting, "predicted_quality": float(quality[at])}
        row |= scores(matrix[some], column[some])
        if method != "rule_rfm":
            row |= _stability(candidate, runner.codes.get(method), few, copy, draws, seed)
        row["tree_accuracy"] = tree_accuracy(raw, column[some], seed=seed)
        if later is not None:
            row["outcome_separation"] = outcome_separation(column, np.asarray(later, dtype=float))
        row["fit_seconds"], row["peak_megabytes"] = runner.cost[method]
        rows[method] = row
    table = pd.DataFrame.from_dict(rows, orient="index").rename_axis("method")
    table = table.reindex(columns=[c for c in COLUMNS if c in table.columns])
    return table.sort_values("predicted_quality", ascending=False, kind="stable")


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
    refit = candidate.refit
    Z, null = (few, copy) if code is None else (code.encode(few), code.encode(copy))
    if draws < 1:
        return {}
    jaccard = stability.bootstrap_jaccard(Z, refit, draws=draws, seed=seed)[1]
    jaccard_null = stability.bootstrap_jaccard(null, refit, draws=(draws + 1) // 2, seed=seed)[1]
    row = {
        "jaccard": float(jaccard.mean()) if len(jaccard) else np.nan,
        "jaccard_worst": float(jaccard.min()) if len(jaccard) else np.nan,
        "jaccard_null": float(jaccard_null.mean()) if len(jaccard_null) else np.nan,
        "sampling_agreement": stability.sampling_agreement(Z, refit, seed=seed),
        "seed_agreement": 1.0
        if candidate.method in SEEDLESS
        else stability.seed_agreement(Z, refit, seeds=5, seed=seed),
    }
    if code is None:
        row["scaling_agreement"] = stability.scaling_agreement(Z, refit, seed=seed)
    return row


def with_progress(items: Iterable[Any], *, total: int | None = None) -> Iterable[Any]:
    """Show a bar on a terminal, nothing elsewhere."""
    from tqdm import tqdm

    return tqdm(items, total=total, disable=unwatched(), leave=False, desc="methods")
