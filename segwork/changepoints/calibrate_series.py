"""Take the thresholds of ``detect`` from simulations.

``python -m segwork.changepoints.calibrate_series`` writes ``series.json``.

The first change must pass what change-free simulations of like length and roughness (correlation of
their differences) pass in one case of ten. Every further change must pass the value that scores
best (mean of F1 and covering) on changed and unchanged simulations. Rule and levels were fixed
without any real series.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import numpy as np

from segwork.changepoints import scores, series, series_network
from segwork.changepoints.simulate_series import simulate

LENGTHS = (12, 20, 35, 60, 110, 200, 320, 640, 900)
FAMILY_WISE = 0.10
CANDIDATES = (0.1, 0.15, 0.2, 0.25, 0.3, 0.35, 0.4, 0.45, 0.5, 0.55, 0.6)
CHARACTER = (-0.4, -0.25, -0.1, 0.1)  # borders of five classes of roughness
LEAST = 80  # draws behind a threshold


def null_thresholds(n: int, draws: int, rng: np.random.Generator) -> list[float]:
    """Return, by roughness, the value that one change-free series in ten passes."""
    y = np.array([simulate(n, rng, changed=False)[0] for _ in range(draws)])
    top = np.array([series.near(begins).max() for begins in series.begin_probability(y)])
    kind = np.digitize(series_network.character(y), CHARACTER)
    return [_quantile(top, kind, k) for k in range(len(CHARACTER) + 1)]


def _quantile(top: np.ndarray, kind: np.ndarray, k: int) -> float:
    """Widen the class to its neighbours until it holds enough draws."""
    for width in range(len(CHARACTER) + 1):
        like = np.abs(kind - k) <= width
        if like.sum() >= LEAST:
            break
    return round(float(np.quantile(top[like], 1 - FAMILY_WISE)), 4)


def score(
    table: dict, candidates: tuple[float, ...], draws: int, rng: np.random.Generator
) -> np.ndarray:
    """Return mean F1 and covering, (candidates, 2), on fresh series for values of ``more``."""
    got = np.zeros((len(candidates), 2))
    for n in LENGTHS[1:-1]:
        drawn = [simulate(n, rng) for _ in range(draws)]
        y = np.array([y for y, _ in drawn])
        first = np.array(table["threshold"][LENGTHS.index(n)])
        first = first[np.digitize(series_network.character(y), CHARACTER)]
        for needed, begins, (_, marks) in zip(
            first, series.begin_probability(y), drawn, strict=True
        ):
            truth = {"truth": marks.tolist()}
            for j, more in enumerate(candidates):
                found = series.decode(begins, needed, more)
                got[j] += scores.f1(truth, found), scores.covering(truth, found, n)
    return got / (draws * len(LENGTHS[1:-1]))


def main() -> None:
    """Draw, rank, and store the table beside the weights."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--draws", type=int, default=1000)
    parser.add_argument("--out", type=Path, default=Path(__file__).with_name("series.json"))
    asked = parser.parse_args()
    rng = np.random.default_rng(20261122)
    table = {"length": LENGTHS, "character": CHARACTER, "draws": asked.draws}
    table["threshold"] = [null_thresholds(n, asked.draws, rng) for n in LENGTHS]
    tried = score(table, CANDIDATES, asked.draws // 4, rng).mean(1)
    table["more"] = CANDIDATES[int(tried.argmax())]
    f1, covering = score(table, (table["more"],), asked.draws // 4, rng)[0]
    table |= {"simulated_f1": round(float(f1), 4), "simulated_covering": round(float(covering), 4)}
    asked.out.write_text(json.dumps(table) + "\n", encoding="utf-8")
    print(table)


if __name__ == "__main__":
    main()
