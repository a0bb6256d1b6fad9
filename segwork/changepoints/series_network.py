"""The series network: its inputs and its layers. Training is in ``train``.

Shapes: B series, n points, m = ceil(n / factor) steps, F inputs.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

LONGEST = 160  # steps; longer series are averaged in blocks
if TYPE_CHECKING:
    import keras

INPUTS = 21
WEIGHTS = "series_0.npz"


def block_length(n: int) -> int:
    """Return how many points one step of the network averages."""
    return -(-n // LONGEST)


def features(y: np.ndarray) -> np.ndarray:
    """Turn series of one length into the network's inputs; same for any unit and origin.

    Parameters
    ----------
    y : numpy.ndarray, shape (B, n)

    Returns
    -------
    numpy.ndarray of float32, shape (B, m, F)
    """
    factor = block_length(y.shape[1])
    y = _blocks(np.asarray(y, float), factor)
    z = y - y.mean(1, keepdims=True)
    z /= z.std(1, keepdims=True) + 1e-12
    m = z.shape[1]
    d = np.diff(z, axis=1, prepend=z[:, :1])
    roughness = np.median(np.abs(d), 1, keepdims=True) / 0.6745 + 0.2 * d.std(1, keepdims=True)
    roughness += 1e-6
    cuts = np.arange(m)
    columns = [z, np.arcsinh(d / roughness), np.arcsinh(level_gap(z, 1) / roughness)]
    for w in sorted({3, 6, max(4, m // 20), max(6, m // 8), max(8, m // 4)})[:4]:
        columns.append(np.arcsinh(_t_gap(z, w, roughness)))
    columns += [columns[-1]] * (7 - len(columns))
    columns += [np.arcsinh(_bend(z, w) / roughness) for w in (3, max(4, m // 16), max(6, m // 6))]
    columns += [_spread_gap(d, w) for w in (max(4, m // 16), max(6, m // 5))]
    gains = [_split_gain(z), _line_gain(z)]
    memory = np.clip(1 + 2 * _correlation(d, 1), 0, 0.98)  # of a first-order autoregression
    worth = (m * (1 - memory) / (1 + memory))[:, None]  # independent points the series is worth
    columns += gains + [np.sqrt(np.maximum(gain * worth, 0)) / 3 for gain in gains]
    constants = [
        np.log(m) - 4.5,
        np.log(factor),
        np.log(roughness[:, 0] + 1e-4),
        _correlation(d, 1),
        np.max([_correlation(d, k) for k in range(2, min(33, m // 3 + 3))], axis=0),
    ]
    columns += [np.broadcast_to(np.reshape(c, (-1, 1)), z.shape) for c in constants]
    columns[2] = np.broadcast_to(np.minimum(cuts, m - cuts) / m, z.shape)
    return np.stack(columns, axis=2).astype(np.float32)


def character(y: np.ndarray) -> np.ndarray:
    """Return the lag-one correlation of differences, (B,): -0.5 white, 0 a walk, above 0 smooth."""
    return _correlation(np.diff(_blocks(y, block_length(y.shape[1])), axis=1, prepend=y[:, :1]), 1)


def _blocks(y: np.ndarray, factor: int) -> np.ndarray:
    """Means of blocks of ``factor`` points; the last block may be shorter."""
    if factor == 1:
        return y
    n = y.shape[1]
    starts = np.arange(0, n, factor)
    return np.add.reduceat(y, starts, axis=1) / np.diff(np.r_[starts, n])


def _windows(z: np.ndarray, w: int) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Return sums over up to w points before and from each step on, and their counts."""
    m = z.shape[1]
    total = np.pad(np.cumsum(z, axis=1), ((0, 0), (1, 0)))
    t = np.arange(m)
    low, high = np.maximum(t - w, 0), np.minimum(t + w, m)
    left, right = total[:, t] - total[:, low], total[:, high] - total[:, t]
    return left, right, np.maximum(t - low, 1), high - t


def level_gap(z: np.ndarray, w: int) -> np.ndarray:
    """Mean of the w points from here on, less the mean of the w points before."""
    left, right, n_left, n_right = _windows(z, w)
    gap = right / n_right - left / n_left
    gap[:, 0] = 0
    return gap


def _t_gap(z: np.ndarray, w: int, roughness: np.ndarray) -> np.ndarray:
    """Return the gap in units of its own spread: a windowed t statistic."""
    left, right, n_left, n_right = _windows(z, w)
    left2, right2, _, _ = _windows(z**2, w)
    inside = left2 - left**2 / n_left + right2 - right**2 / n_right
    spread = np.sqrt(np.maximum(inside, 0) / (n_left + n_right)) + 0.3 * roughness
    return level_gap(z, w) / spread


def _bend(z: np.ndarray, w: int) -> np.ndarray:
    """Slope after less slope before, times w."""
    padded = np.pad(z, ((0, 0), (w, w)), mode="reflect", reflect_type="odd")
    m = z.shape[1]
    return padded[:, 2 * w : 2 * w + m] - 2 * z + padded[:, :m]


def _spread_gap(d: np.ndarray, w: int) -> np.ndarray:
    """Log ratio of the spread of differences after and before."""
    left, right, n_left, n_right = _windows(np.minimum(np.abs(d), 3 * d.std(1, keepdims=True)), w)
    floor = 0.1 * np.abs(d).mean(1, keepdims=True) + 1e-9
    gap = np.log((right / n_right + floor) / (left / n_left + floor))
    gap[:, 0] = 0
    return gap


def _split_gain(z: np.ndarray) -> np.ndarray:
    """Log of the residual sum of squares of one mean over that of two means."""
    m = z.shape[1]
    before = np.arange(m)
    total = np.pad(np.cumsum(z, axis=1), ((0, 0), (1, 0)))[:, :m]
    explained = total**2 * m / np.maximum(before * (m - before), 1)  # z has mean zero
    return -np.log(np.maximum(1 - explained / m, 0.002))


def _line_gain(z: np.ndarray) -> np.ndarray:
    """Log of the residual sum of squares of one line over that of two lines."""
    m = z.shape[1]
    t = np.linspace(-1, 1, m)
    sums = [np.cumsum(np.broadcast_to(c, z.shape), 1) for c in (t**0, t, t * t, z, t * z, z * z)]
    whole = _line_residual(*[s[:, -1:] for s in sums])
    left = _line_residual(*[np.pad(s, ((0, 0), (1, 0)))[:, :m] for s in sums])
    right = _line_residual(*[s[:, -1:] - np.pad(s, ((0, 0), (1, 0)))[:, :m] for s in sums])
    floor = 0.002 * m
    return np.log((whole + floor) / (left + right + floor))


def _line_residual(n, t, tt, z, tz, zz) -> np.ndarray:
    """Residual sum of squares of a straight line from its sums; zero for up to two points."""
    n = np.maximum(n, 1)
    stt, stz, szz = tt - t * t / n, tz - t * z / n, zz - z * z / n
    return np.where(n > 2.5, np.maximum(szz - stz**2 / np.maximum(stt, 1e-12), 0), 0)


def _correlation(d: np.ndarray, lag: int) -> np.ndarray:
    """Autocorrelation of the differences at a lag, shape (B,)."""
    e = d[:, 1:] - d[:, 1:].mean(1, keepdims=True)
    if e.shape[1] <= lag + 2:
        return np.zeros(len(e))
    return (e[:, lag:] * e[:, :-lag]).sum(1) / ((e**2).sum(1) + 1e-9)


def build(*, channels: int = 32, units: int = 40) -> keras.Model:
    """Return the untrained Keras model: (B, m, F) -> logit of "a segment begins", (B, m)."""
    from tensorflow import keras

    x = inputs = keras.Input((None, INPUTS))
    for dilation in (1, 2, 4):
        y = keras.layers.Conv1D(
            channels, 5, padding="same", dilation_rate=dilation, activation="relu"
        )(x)
        x = y if dilation == 1 else keras.layers.Add()([x, y])
    recurrent = keras.layers.LSTM(units, return_sequences=True)
    x = keras.layers.Concatenate()([x, keras.layers.Bidirectional(recurrent)(x)])
    x = keras.layers.Dense(32, activation="relu")(x)
    logit = keras.layers.Dense(1, bias_initializer=keras.initializers.Constant(-4.0))(x)
    return keras.Model(inputs, keras.layers.Flatten()(logit))
