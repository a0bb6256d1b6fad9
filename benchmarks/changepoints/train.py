"""Make what the detectors ship with: ``make weights``.

Nothing but simulations is seen: :mod:`benchmarks.changepoints.simulate_series` for ``detect``,
:mod:`segwork.changepoints.simulate_customers` for ``detect_panel``; a fresh batch every step, one
cosine schedule. One thread and one seed give the same bytes on the same kind of processor.

The thresholds of ``detect`` come last. The first change must pass what change-free simulations of
like length and roughness (correlation of their differences) pass in one case of ten. Every further
change must pass the value that scores best (mean of F1 and covering) on changed and unchanged
simulations. Rule and levels were fixed without any real series.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.changepoints import scores
from benchmarks.changepoints import simulate_customers as customers
from benchmarks.changepoints.simulate_series import simulate
from segwork.changepoints import panel_network, series, series_network, weights
from segwork.sequences import scan

BATCH, STEPS, RATE = 256, 4_500, 2e-3
BASE = 128  # simulated customers who tell what is usual among them
LENGTHS = (12, 20, 35, 60, 110, 200, 320, 640, 900)
FAMILY_WISE = 0.10
CANDIDATES = (0.1, 0.15, 0.2, 0.25, 0.3, 0.35, 0.4, 0.45, 0.5, 0.55, 0.6)
CHARACTER = (-0.4, -0.25, -0.1, 0.1)  # borders of five classes of roughness
DRAWS, LEAST = 1_000, 80  # simulated series a length, and behind a threshold


def series_batch(rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Draw series of one random length: inputs (B, m, F) and marks (B, m)."""
    n = int(np.exp(rng.uniform(np.log(12), np.log(900))))
    drawn = [simulate(n, rng) for _ in range(BATCH)]
    x = series_network.features(np.array([y for y, _ in drawn]))
    target = np.zeros(x.shape[:2], np.float32)
    for row, (_, marks) in enumerate(drawn):
        target[row, marks // series_network.block_length(n)] = 1
    return x, target


def panel_batch(rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Draw customers over one random length: inputs (B, T, F) and the entry that is true (B,)."""
    length = int(rng.integers(26, 131)) if rng.random() < 0.9 else int(rng.integers(13, 209))
    drawn = [_base(length, rng) for _ in range(BATCH // BASE)]
    x, target = (np.concatenate(part) for part in zip(*drawn, strict=True))
    return x, np.where(target < 0, length, target).astype(np.int32)


def _base(length: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Draw a base; how many customers tell what is usual differs from base to base, from one up."""
    drawn = customers.simulate(BASE, length, rng)
    found = scan(drawn.counts, drawn.shape)
    like = int(np.exp(rng.uniform(0, np.log(BASE + 1))))
    usual = panel_network.usual_spread(drawn.counts, drawn.shape, found=found, like=like)
    return panel_network.features(drawn.counts, drawn.shape, usual, found), drawn.index


def series_loss(target: Any, logits: Any) -> Any:
    """Cross-entropy summed over a series, so that probabilities add up to expected changes."""
    import tensorflow as tf

    entropy = tf.nn.sigmoid_cross_entropy_with_logits(labels=target, logits=logits)
    return tf.reduce_mean(tf.reduce_sum(entropy, axis=1))


def panel_loss(target: Any, logits: Any) -> Any:
    """Cross-entropy over the dates and "no change"."""
    import tensorflow as tf

    entropy = tf.nn.sparse_softmax_cross_entropy_with_logits(labels=target, logits=logits)
    return tf.reduce_mean(entropy)


@dataclass(frozen=True)
class Task:
    """What a network is built, fed and judged by, and where its weights are kept."""

    build: Callable[[], Any]
    batch: Callable[[np.random.Generator], tuple[np.ndarray, np.ndarray]]
    loss: Callable[[Any, Any], Any]
    file: str


TASKS = {
    "series": Task(series_network.build, series_batch, series_loss, series_network.WEIGHTS),
    "panel": Task(panel_network.build, panel_batch, panel_loss, panel_network.WEIGHTS),
}


def fit(task: Task, *, steps: int = STEPS) -> tuple[Any, float]:
    """Train a network from scratch; return it and the mean loss of the last tenth."""
    import tensorflow as tf
    from tqdm import trange

    tf.config.experimental.enable_op_determinism()
    tf.keras.utils.set_random_seed(0)
    rng, network = np.random.default_rng(0), task.build()
    schedule = tf.keras.optimizers.schedules.CosineDecay(RATE, steps, warmup_target=None)
    optimiser = tf.keras.optimizers.Adam(schedule, clipnorm=1.0)
    optimiser.build(network.trainable_variables)

    @tf.function(reduce_retracing=True)
    def step(x: Any, target: Any) -> Any:
        with tf.GradientTape() as tape:
            value = task.loss(target, network(x, training=True))
        gradients = tape.gradient(value, network.trainable_variables)
        optimiser.apply_gradients(zip(gradients, network.trainable_variables, strict=True))
        return value

    losses = [
        float(step(*map(tf.constant, task.batch(rng)))) for _ in trange(steps, mininterval=20)
    ]
    return network, float(np.mean(losses[-max(1, steps // 10) :]))


def thresholds(draws: int = DRAWS) -> dict[str, Any]:
    """Return the table of ``series.json`` for the shipped series network."""
    rng = np.random.default_rng(20261122)
    table = {"length": LENGTHS, "character": CHARACTER, "draws": draws}
    table["threshold"] = [_null_thresholds(n, draws, rng) for n in LENGTHS]
    tried = _score(table, CANDIDATES, draws // 4, rng).mean(1)
    table["more"] = CANDIDATES[int(tried.argmax())]
    f1, covering = _score(table, (table["more"],), draws // 4, rng)[0]
    return table | {
        "simulated_f1": round(float(f1), 4),
        "simulated_covering": round(float(covering), 4),
    }


def _null_thresholds(n: int, draws: int, rng: np.random.Generator) -> list[float]:
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


def _score(table, candidates: tuple[float, ...], draws: int, rng) -> np.ndarray:
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
    """Make the parts asked for, all by default, and store them in the package."""
    parser = argparse.ArgumentParser(description=__doc__)
    parts = [*TASKS, "thresholds"]
    parser.add_argument("--only", choices=parts, nargs="+", default=parts)
    asked, folder = parser.parse_args().only, Path(weights.__file__).parent
    for name in [name for name in TASKS if name in asked]:
        network, loss = fit(TASKS[name])
        weights.save(network, folder / TASKS[name].file)
        print(f"{name} network: loss {loss:.4f}", flush=True)
    if "thresholds" in asked:
        table = thresholds()
        (folder / "series.json").write_text(json.dumps(table) + "\n", encoding="utf-8")
        print(table)


if __name__ == "__main__":
    main()
