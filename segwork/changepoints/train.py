"""Train the shipped networks anew: ``python -m segwork.changepoints.train``, or ``make weights``.

Nothing but simulations is seen: :mod:`segwork.changepoints.simulate_series` for the networks of
``detect``, :mod:`segwork.changepoints.simulate_customers` for those of ``detect_panel``. One
thread and one seed a network give the same bytes on the same kind of processor.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from segwork.changepoints import panel_network, series_network, training
from segwork.changepoints import simulate_customers as customers
from segwork.changepoints import simulate_series as series

BATCH = 256


def series_batch(rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Draw series of one random length: inputs (B, m, F) and marks (B, m)."""
    n = int(np.exp(rng.uniform(np.log(12), np.log(900))))
    drawn = [series.simulate(n, rng) for _ in range(BATCH)]
    x = series_network.features(np.array([y for y, _ in drawn]))
    target = np.zeros(x.shape[:2], np.float32)
    for row, (_, marks) in enumerate(drawn):
        target[row, marks // series_network.block_length(n)] = 1
    return x, target


def panel_batch(rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Draw customers over one random length: inputs (B, T, F) and the entry that is true (B,)."""
    length = int(rng.integers(26, 131)) if rng.random() < 0.9 else int(rng.integers(13, 209))
    drawn = customers.simulate(BATCH, length, rng)
    x = panel_network.features(drawn.counts, drawn.shape)
    return x, np.where(drawn.index < 0, length, drawn.index).astype(np.int32)


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
    """What a network is built, fed and judged by, for how many steps, and where it is kept."""

    build: Callable[[], Any]
    batch: Callable[[np.random.Generator], tuple[np.ndarray, np.ndarray]]
    loss: Callable[[Any, Any], Any]
    files: tuple[str, ...]
    steps: int


TASKS = {
    "series": Task(
        series_network.build, series_batch, series_loss, series_network.WEIGHTS, steps=4_500
    ),
    "panel": Task(panel_network.build, panel_batch, panel_loss, panel_network.WEIGHTS, steps=4_500),
}


def weights(name: str, number: int, *, steps: int | None = None) -> tuple[Any, float]:
    """Train one network from its number, which is its seed; return it and its last loss."""
    import tensorflow as tf

    task = TASKS[name]
    tf.config.experimental.enable_op_determinism()
    tf.keras.utils.set_random_seed(number)
    network = task.build()
    loss = training.train(network, task.batch, task.loss, steps=steps or task.steps, seed=number)
    return network, loss


def main() -> None:
    """Train and store the networks asked for, all by default."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", choices=TASKS, nargs="+", default=list(TASKS))
    parser.add_argument("--numbers", type=int, nargs="+", help="networks of each kind; all")
    parser.add_argument("--out", type=Path, default=Path(__file__).parent)
    asked = parser.parse_args()
    for name in asked.only:
        for number in asked.numbers or range(len(TASKS[name].files)):
            network, loss = weights(name, number)
            training.save(network, asked.out / TASKS[name].files[number])
            print(f"{name} network {number}: loss {loss:.4f}", flush=True)


if __name__ == "__main__":
    main()
