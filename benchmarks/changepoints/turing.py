"""The Turing change-point series of a user's folder: our scores beside the published defaults."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd

from benchmarks.changepoints import scores
from segwork.changepoints import detect


def scored(folder: Path, *, seeds: int = 5) -> pd.DataFrame:
    """Score ``detect`` on every series of a folder, means over seeds.

    Parameters
    ----------
    folder : Path
        Holds ``annotations.json`` and ``series/<name>.json``.
    seeds : int, default 5

    Returns
    -------
    pandas.DataFrame
        ``dataset``, ``n``, ``cover``, ``f1``, ``found`` (mean number of change points).
    """
    marks = json.loads((folder / "annotations.json").read_text(encoding="utf-8"))
    rows = []
    for path in sorted((folder / "series").glob("*.json")):
        content = json.loads(path.read_text(encoding="utf-8"))
        y = np.array(content["series"][0]["raw"], dtype=float)
        found = [detect(y, seed=seed).indices for seed in range(seeds)]
        rows.append({
            "dataset": content["name"],
            "n": len(y),
            "cover": np.mean([scores.covering(marks[content["name"]], f, len(y)) for f in found]),
            "f1": np.mean([scores.f1(marks[content["name"]], f) for f in found]),
            "found": np.mean([len(f) for f in found]),
        })  # fmt: skip
    return pd.DataFrame(rows)


def published_defaults(folder: Path) -> pd.DataFrame:
    """Return cover and F1 of the published untuned methods (first release: all series)."""
    table = pd.read_parquet(folder / "published_detections.parquet")
    table = table[table["method"].str.startswith("default_") & (table["version"] == "v1")]
    return table[["method", "dataset", "cover", "f1"]]


def against(
    ours: pd.DataFrame, theirs: pd.DataFrame, *, draws: int = 2_000, seed: int = 0
) -> pd.DataFrame:
    """Compare with each method on the series it was scored on, series drawn with replacement.

    Returns
    -------
    pandas.DataFrame
        One row per method: means, and the difference in cover and F1 with its 95 % interval.
    """
    rng = np.random.default_rng(seed)
    rows = []
    for method, part in theirs.groupby("method", sort=True):
        both = part.merge(ours, on="dataset", suffixes=("", "_ours"))
        row = {"method": method, "series": len(both)}
        for score in ("cover", "f1"):
            gap = (both[f"{score}_ours"] - both[score]).to_numpy()
            means = gap[rng.integers(0, len(gap), (draws, len(gap)))].mean(1)
            low, high = np.quantile(means, (0.025, 0.975))
            row |= {score: both[score].mean(), f"{score}_gain": gap.mean()}
            row |= {f"{score}_gain_low": low, f"{score}_gain_high": high}
        rows.append(row)
    return pd.DataFrame(rows).sort_values("f1", ascending=False, ignore_index=True)
