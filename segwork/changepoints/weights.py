"""Weights of the networks: stored small, loaded once, and put to work."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from importlib import resources
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from segwork.nets import tensorflow

if TYPE_CHECKING:
    import keras


def save(network: keras.Model, path: Path) -> None:
    """Store the weights as half-precision numbers: small, and the same on every machine."""
    arrays = {f"w{i:02d}": w.astype(np.float16) for i, w in enumerate(network.get_weights())}
    np.savez_compressed(path, **arrays)


def load(network: keras.Model, path: Path | Traversable) -> keras.Model:
    """Put stored weights into a freshly built network."""
    with np.load(path) as stored:
        network.set_weights([stored[name].astype(np.float32) for name in sorted(stored.files)])
    return network


@cache
def shipped(build: Callable[[], keras.Model], file: str) -> keras.Model:
    """Return the network with the weights of the package, built once."""
    tensorflow()
    return load(build(), resources.files(__package__) / file)


def predict(network: keras.Model, x: np.ndarray, *, batch: int = 2000) -> np.ndarray:
    """Return the network's output for many inputs, a batch at a time."""
    tf = tensorflow()
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
