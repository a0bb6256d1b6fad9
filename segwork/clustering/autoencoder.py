"""The autoencoder's shape: a Keras model, its code, and the code again without Keras."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

Weights = list[tuple[np.ndarray, np.ndarray]]


def layer_widths(n_features: int) -> tuple[int, ...]:
    """Return the encoder's layer widths, code last: 64-32-z for tables, 256-128-z for wide data.

    Examples
    --------
    >>> layer_widths(8), layer_widths(64)
    ((64, 32, 4), (256, 128, 10))
    """
    hidden = (64, 32) if n_features < 32 else (256, 128)
    return *hidden, max(2, min(10, math.ceil(n_features / 2)))


def build(n_features: int, *, seed: int) -> tuple[Any, Any]:
    """Return the encoder and the whole autoencoder as untrained Keras models.

    Parameters
    ----------
    n_features : int
        Standardised columns.
    seed : int
        Of the starting weights; nothing else is random here.
    """
    import keras

    widths = layer_widths(n_features)
    starts = iter(range(1000 * seed, 1000 * seed + 2 * len(widths)))

    def dense(width: int, activation: str | None) -> Any:
        start = keras.initializers.GlorotUniform(seed=next(starts))
        return keras.layers.Dense(width, activation=activation, kernel_initializer=start)

    inputs = keras.Input((n_features,))
    signal = inputs
    for width in widths[:-1]:
        signal = dense(width, "relu")(signal)
    code = dense(widths[-1], None)(signal)
    signal = code
    for width in reversed(widths[:-1]):
        signal = dense(width, "relu")(signal)
    return keras.Model(inputs, code), keras.Model(inputs, dense(n_features, None)(signal))


def weights_of(encoder: Any) -> Weights:
    """Return the encoder's kernels and biases as arrays."""
    return [tuple(map(np.asarray, layer.get_weights())) for layer in encoder.layers[1:]]


def encode(weights: Weights, X: np.ndarray) -> np.ndarray:
    """Return the code of standardised rows, shape (n, z), with NumPy alone."""
    signal = np.asarray(X, dtype=np.float32)
    for place, (kernel, bias) in enumerate(weights):
        signal = signal @ kernel + bias
        if place < len(weights) - 1:
            signal = np.maximum(signal, 0)
    return signal.astype(float)
