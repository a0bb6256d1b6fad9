"""Train the shipped customer networks: ``python -m segwork.changepoints.train_panel``.

Nothing but :mod:`segwork.changepoints.simulate_customers` is seen.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import numpy as np

from segwork.changepoints import panel_network, training
from segwork.changepoints.simulate_customers import simulate


def batch(rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Draw customers over one random length: inputs (B, T, F) and the entry that is true (B,)."""
    length = int(rng.integers(26, 131)) if rng.random() < 0.9 else int(rng.integers(13, 209))
    drawn = simulate(128, length, rng)
    x = panel_network.features(drawn.counts, drawn.shape)
    return x, np.where(drawn.index < 0, length, drawn.index).astype(np.int32)


def loss(target: Any, logits: Any) -> Any:
    """Cross-entropy over the dates and "no change"."""
    import tensorflow as tf

    return tf.reduce_mean(
        tf.nn.sparse_softmax_cross_entropy_with_logits(labels=target, logits=logits)
    )


def main() -> None:
    """Train and store one network per seed."""
    import tensorflow as tf

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--steps", type=int, default=7000)
    parser.add_argument("--out", type=Path, default=Path(__file__).parent)
    asked = parser.parse_args()
    tf.config.experimental.enable_op_determinism()
    for seed in asked.seeds:
        tf.keras.utils.set_random_seed(seed)
        network = panel_network.build()
        final = training.train(network, batch, loss, steps=asked.steps, seed=seed)
        training.save(network, asked.out / panel_network.WEIGHTS[seed])
        print(f"customer network {seed}: loss {final:.4f}", flush=True)


if __name__ == "__main__":
    main()
