"""The customer network: its inputs and its layers. Training is in ``train``.

Shapes: B customers, T periods, F inputs. The answer is a distribution over "the change begins in
period t" and, as the last of T + 1 entries, "no change".

Fifty orders of one customer hardly tell whether orders come clumped or evenly, and a burst is a
change in the second case only. A hundred customers of like activity tell it: the network reads how
clumped they usually buy beside the customer's own orders.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from segwork.sequences import Scan, dispersion, scan

if TYPE_CHECKING:
    import keras

INPUTS = 15
WEIGHTS = "panel_0.npz"
USUAL = (1.0, 1.0, 5.0)  # scales of what is usual
LIKE = 128  # customers of like activity behind what is usual


def usual_spread(
    counts: np.ndarray,
    shape: np.ndarray,
    copies: np.ndarray | None = None,
    found: Scan | None = None,
    *,
    like: int = LIKE,
) -> np.ndarray:
    """Return how clumped the customers of like activity buy, shape (B, 3).

    Parameters
    ----------
    counts, shape : numpy.ndarray, shape (B, T)
    copies : numpy.ndarray of int, shape (B,), optional
        How many customers share the sequence; one by default.
    found : Scan, optional
        Where each sequence is split before its dispersion is measured; scanned if not given.
    like : int, default 128
        So many customers, those of nearest totals, are averaged over.

    Returns
    -------
    numpy.ndarray
        Mean and standard deviation of the log dispersion, and the log of the number of customers.
    """
    copies = np.ones(len(counts), int) if copies is None else copies
    found = found or scan(counts, shape)
    order = np.argsort(counts.sum(1), kind="stable")
    spread, many = _log_spread(counts, shape, found)[order], copies[order]
    upto = np.cumsum(many)
    middle = upto - many / 2
    first = np.searchsorted(upto, middle - like / 2, side="right")
    last = np.searchsorted(upto - many, middle + like / 2, side="left")
    sums = np.cumsum(np.stack([many, many * spread, many * spread**2]), axis=1)
    sums = np.concatenate([np.zeros((3, 1)), sums], axis=1)
    number, total, squares = sums[:, last] - sums[:, first]
    mean = total / number
    deviation = np.sqrt(np.maximum(squares / number - mean**2, 0))
    usual = np.empty((len(counts), 3))
    usual[order] = np.stack([mean, deviation, np.log(np.minimum(number, like))], 1)
    return usual


def _log_spread(counts: np.ndarray, shape: np.ndarray, found: Scan) -> np.ndarray:
    return np.log(dispersion(counts, shape, found.index) + 0.1)


def features(
    counts: np.ndarray, shape: np.ndarray, usual: np.ndarray, found: Scan | None = None
) -> np.ndarray:
    """Turn counts, the calendar's shares and what is usual into inputs, float32 (B, T, F)."""
    found = found or scan(counts, shape)
    exposed = shape > 0
    total = counts.sum(1, keepdims=True)
    span = exposed.sum(1, keepdims=True)
    due = total * shape
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
        np.broadcast_to(_log_spread(counts, shape, found)[:, None], counts.shape),
        *(np.broadcast_to(column[:, None], counts.shape) for column in (usual / USUAL).T),
        np.ones(counts.shape),
    ]
    return (np.stack(columns, 2) * exposed[:, :, None]).astype(np.float32)


def _since_last(counts: np.ndarray, passed: np.ndarray) -> np.ndarray:
    """Orders the calendar expected since the last order."""
    seen = np.where(counts > 0, passed, 0.0)
    return passed - np.maximum.accumulate(seen, axis=1)


def build(*, channels: int = 32, units: int = 40) -> keras.Model:
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
