"""Take the thresholds of ``detect`` from simulations.

``python -m segwork.changepoints.calibrate_series`` writes ``series.json``.

The first change must pass what change-free simulations of that length pass in one case of ten.
Every further change must pass the value that scores best (mean of F1 and covering) on changed and
unchanged simulations. Rule and levels were fixed before any real series was scored.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import numpy as np

from segwork.changepoints import scores, series
from segwork.changepoints.simulate_series import simulate

LENGTHS = (12, 20, 35, 60, 110, 200, 320, 640, 900)
FAMILY_WISE = 0.10
CANDIDATES = (0.1, 0.15, 0.2, 0.25, 0.3, 0.35, 0.4, 0.45, 0.5)


def null_threshold(n: int, draws: int, rng: np.random.Generator) -> float:
    """Return the value that the largest probability of a change-free series passes in 10 %."""
    y = np.array([simulate(n, rng, changed=False)[0] for _ in range(draws)])
    top = [series.near(begins).max() for begins in series.begin_probability(y)]
    return float(np.quantile(top, 1 - FAMILY_WISE))


def further_threshold(table: dict, draws: int, rng: np.random.Generator) -> tuple[float, float]:
    """Return the best candidate for further changes and its mean of F1 and covering."""
    got = np.zeros(len(CANDIDATES))
    for n in LENGTHS[1:-1]:
        drawn = [simulate(n, rng) for _ in range(draws)]
        first = float(np.interp(np.log(n), np.log(table["length"]), table["threshold"]))
        for begins, (_, marks) in zip(
            series.begin_probability(np.array([y for y, _ in drawn])), drawn, strict=True
        ):
            for j, more in enumerate(CANDIDATES):
                found = series.decode(begins, first, min(first, more))
                truth = {"truth": marks.tolist()}
                got[j] += scores.f1(truth, found) + scores.covering(truth, found, n)
    best = int(got.argmax())
    return CANDIDATES[best], float(got[best] / (2 * draws * len(LENGTHS[1:-1])))


def main() -> None:
    """Draw, rank, and store the table beside the weights."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--draws", type=int, default=1000)
    parser.add_argument("--out", type=Path, default=Path(__file__).with_name("series.json"))
    asked = parser.parse_args()
    rng = np.random.default_rng(20261122)
    first = [round(null_threshold(n, asked.draws, rng), 4) for n in LENGTHS]
    table = {"length": LENGTHS, "threshold": first, "draws": asked.draws}
    table["more"], score = further_threshold(table, asked.draws // 4, rng)
    table["simulated_score"] = round(score, 4)
    asked.out.write_text(json.dumps(table) + "\n", encoding="utf-8")
    print(table)


if __name__ == "__main__":
    main()
