"""Train the shipped series networks: ``python -m segwork.changepoints.train_series``.

Nothing but :mod:`segwork.changepoints.simulate_series` is seen.
About fifteen minutes a network on one core.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import numpy as np

from segwork.changepoints import series_network, training
from segwork.changepoints.simulate_series import simulate


def batch(rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Draw series of one random length: inputs (B, m, F) and marks (B, m)."""
    n = int(np.exp(rng.uniform(np.log(12), np.log(900))))
    size = 64 if n < 80 else 32
    drawn = [simulate(n, rng) for _ in range(size)]
    x = series_network.features(np.array([y for y, _ in drawn]))
    target = np.zeros(x.shape[:2], np.float32)
    for row, (_, marks) in enumerate(drawn):
        target[row, marks // series_network.block_length(n)] = 1
    return x, target


def loss(target: Any, logits: Any) -> Any:
    """Cross-entropy summed over a series, so that probabilities add up to expected changes."""
    import tensorflow as tf

    entropy = tf.nn.sigmoid_cross_entropy_with_logits(labels=target, logits=logits)
    return tf.reduce_mean(tf.reduce_sum(entropy, axis=1))


def main() -> None:
    """Train and store one network per seed."""
    import tensorflow as tf

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--steps", type=int, default=3500)
    parser.add_argument("--out", type=Path, default=Path(__file__).parent)
    asked = parser.parse_args()
    tf.config.experimental.enable_op_determinism()
    for seed in asked.seeds:
        tf.keras.utils.set_random_seed(seed)
        network = series_network.build()
        final = training.train(network, batch, loss, steps=asked.steps, seed=seed)
        training.save(network, asked.out / series_network.WEIGHTS[seed])
        print(f"series network {seed}: loss {final:.4f}")


if __name__ == "__main__":
    main()
