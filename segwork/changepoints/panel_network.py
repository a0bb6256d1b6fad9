"""The customer network: its inputs and its layers. Training is in ``train``.

Shapes: B customers, T periods, F inputs. The answer is a distribution over "the change begins in
period t" and, as the last of T + 1 entries, "no change".
"""

from __future__ import annotations

from typing import Any

import numpy as np

from segwork.sequences import Scan, dispersion, scan

INPUTS = 12
WEIGHTS = "panel_0.npz"


def features(counts: np.ndarray, shape: np.ndarray, found: Scan | None = None) -> np.ndarray:
    """Turn counts and the calendar's shares into inputs, float32 of shape (B, T, F)."""
    found = found or scan(counts, shape)
    exposed = shape > 0
    total = counts.sum(1, keepdims=True)
    span = exposed.sum(1, keepdims=True)
    due = total * shape
    spread = dispersion(counts, shape, found.index)[:, None]
    passed = np.cumsum(due, 1)
    drift = (np.cumsum(counts, 1) - passed) / np.sqrt(np.maximum(total, 1))
    age = np.cumsum(exposed, 1) / np.maximum(span, 1)
    columns = [
        np.arcsinh(counts),
        np.arcsinh((counts - due) / np.sqrt(due + 0.05)),
        drift,
        np.log1p(_since_last(counts, passed)),
        np.log1p(_since_last(counts[:, ::-1], np.cumsum(due[:, ::-1], 1))[:, ::-1]),
        found.profile / 3,
        age,
        np.log(np.maximum(shape * span, 0.02)),
        np.broadcast_to(np.log1p(total) - 3.5, counts.shape),
        np.broadcast_to(np.log(span) - 4, counts.shape),
        np.broadcast_to(np.log(spread + 0.1), counts.shape),
        np.ones(counts.shape),
    ]
    return (np.stack(columns, 2) * exposed[:, :, None]).astype(np.float32)


def _since_last(counts: np.ndarray, passed: np.ndarray) -> np.ndarray:
    """Orders the calendar expected since the last order."""
    seen = np.where(counts > 0, passed, 0.0)
    return passed - np.maximum.accumulate(seen, axis=1)


def build(*, channels: int = 32, units: int = 40) -> Any:
    """Return the untrained Keras model: (B, T, F) -> (B, T + 1) logits, "no change" last."""
    from tensorflow import keras
    from tensorflow.keras import layers

    inputs = keras.Input((None, INPUTS))
    mask = inputs[:, :, -1:]
    x = layers.Conv1D(channels, 5, padding="same", activation="relu")(inputs)
    x = layers.Multiply()([x, mask])
    h = layers.Bidirectional(layers.LSTM(units, return_sequences=True))(x)
    h = layers.Concatenate()([h, x])
    h = layers.Dense(32, activation="relu")(h)
    h = layers.Multiply()([h, mask])
    date = layers.Dense(1)(h) - 30.0 * (1.0 - mask)
    pooled = layers.Concatenate()(
        [layers.GlobalAveragePooling1D()(h), layers.GlobalMaxPooling1D()(h)]
    )
    none = layers.Dense(1, bias_initializer=keras.initializers.Constant(4.0))(
        layers.Dense(24, activation="relu")(pooled)
    )
    return keras.Model(inputs, layers.Concatenate()([layers.Reshape((-1,))(date), none]))
