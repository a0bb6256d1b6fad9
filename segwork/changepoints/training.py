"""The training loop both networks share: fresh simulations every step, one cosine schedule."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np


def train(
    network: Any,
    batch: Callable[[np.random.Generator], tuple[np.ndarray, np.ndarray]],
    loss: Callable[[Any, Any], Any],
    *,
    steps: int,
    seed: int,
    rate: float = 2e-3,
) -> float:
    """Fit a Keras model to batches drawn anew each step; return the mean loss of the last tenth."""
    import tensorflow as tf
    from tqdm import trange

    rng = np.random.default_rng(seed)
    schedule = tf.keras.optimizers.schedules.CosineDecay(rate, steps, warmup_target=None)
    optimiser = tf.keras.optimizers.Adam(schedule, clipnorm=1.0)
    optimiser.build(network.trainable_variables)

    @tf.function(reduce_retracing=True)
    def step(x: Any, target: Any) -> Any:
        with tf.GradientTape() as tape:
            value = loss(target, network(x, training=True))
        gradients = tape.gradient(value, network.trainable_variables)
        optimiser.apply_gradients(zip(gradients, network.trainable_variables, strict=True))
        return value

    losses = []
    for i in (bar := trange(steps, mininterval=20)):
        losses.append(float(step(*map(tf.constant, batch(rng)))))
        if i % 200 == 0:
            bar.set_postfix(loss=f"{np.mean(losses[-200:]):.4f}")
    return float(np.mean(losses[-max(1, steps // 10) :]))


def save(network: Any, path: Path) -> None:
    """Store the weights as half-precision numbers: small, and the same on every machine."""
    arrays = {f"w{i:02d}": w.astype(np.float16) for i, w in enumerate(network.get_weights())}
    np.savez_compressed(path, **arrays)


def load(network: Any, path: Any) -> Any:
    """Put stored weights into a freshly built network."""
    with np.load(path) as stored:
        network.set_weights([stored[name].astype(np.float32) for name in sorted(stored.files)])
    return network


def predict(network: Any, x: np.ndarray, *, batch: int = 2000) -> np.ndarray:
    """Return the network's output for many inputs, a batch at a time."""
    import tensorflow as tf

    if not hasattr(network, "compiled_call"):
        like = tf.TensorSpec((None, None, network.input_shape[-1]), tf.float32)
        network.compiled_call = tf.function(
            lambda part: network(part, training=False), input_signature=[like]
        )
    parts = [
        network.compiled_call(tf.constant(x[i : i + batch])).numpy()
        for i in range(0, len(x), batch)
    ]
    return np.concatenate(parts)
