"""The autoencoder's shape: a Keras model of several nets, its code, and the code without Keras."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import keras

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


def build(n_features: int, *, nets: int, seed: int) -> tuple[keras.Model, keras.Model]:
    """Return the encoder and the whole autoencoder as untrained Keras models.

    Parameters
    ----------
    n_features : int
        Standardised columns.
    nets : int
        Nets side by side that share nothing: inputs and outputs have shape (nets, batch, columns).
    seed : int
        Of the starting weights (Glorot's); nothing else is random here.
    """
    import keras

    widths = layer_widths(n_features)

    def dense(width: int, activation: str | None) -> keras.Layer:
        return keras.layers.EinsumDense(
            "nbi,nio->nbo", (None, width), activation=activation, bias_axes="no"
        )

    inputs = keras.Input(batch_shape=(nets, None, n_features))
    signal = inputs
    for width in widths[:-1]:
        signal = dense(width, "relu")(signal)
    code = dense(widths[-1], None)(signal)
    signal = code
    for width in reversed(widths[:-1]):
        signal = dense(width, "relu")(signal)
    model = keras.Model(inputs, dense(n_features, None)(signal))
    model.set_weights(_glorot([w.shape for w in model.weights], seed))
    return keras.Model(inputs, code), model


def _glorot(shapes: list[tuple[int, ...]], seed: int) -> list[np.ndarray]:
    """Return uniform kernels (nets, in, out) and zero biases (nets, 1, out), in turn."""
    rng = np.random.default_rng([seed, 10])
    weights = [np.zeros(shape) for shape in shapes]
    for place in range(0, len(shapes), 2):
        shape = shapes[place]
        weights[place] = rng.uniform(-1, 1, shape) * np.sqrt(6 / sum(shape[1:]))
    return weights


def encoders(weights: list[np.ndarray]) -> list[Weights]:
    """Return each net's encoder as kernels and biases, from a whole model's weights."""
    half = weights[: len(weights) // 2]
    layers = list(zip(half[::2], half[1::2], strict=True))
    return [[(kernel[net], bias[net, 0]) for kernel, bias in layers] for net in range(len(half[0]))]


def encode(weights: Weights, X: np.ndarray) -> np.ndarray:
    """Return the code of standardised rows, shape (n, z), with NumPy alone."""
    signal = np.asarray(X, dtype=np.float32)
    for place, (kernel, bias) in enumerate(weights):
        signal = signal @ kernel + bias
        if place < len(weights) - 1:
            signal = np.maximum(signal, 0)
    return signal.astype(float)
