"""The training loops of the autoencoder: reconstruct, and (IDEC) reconstruct while clustering."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

import numpy as np

from segwork.clustering.autoencoder import Weights, build, encode, weights_of

BATCH = 256
HIDDEN_SHARE = 0.1
STEPS = 1500


def trained(X: np.ndarray, *, seed: int, steps: int = STEPS) -> tuple[Any, Any]:
    """Train a denoising autoencoder on standardised rows; stop when held-out rows get no better.

    Parameters
    ----------
    X : array, shape (n, d)
        Standardised.
    steps : int
        Most batches of 256 rows; a tenth of the rows is held out to stop early.

    Returns
    -------
    encoder, autoencoder : keras.Model
    """
    tf = _tensorflow()
    rng = np.random.default_rng([seed, 11])
    encoder, model = build(X.shape[1], seed=seed)
    import keras

    optimiser = keras.optimizers.Adam(1e-3)

    @tf.function(reduce_retracing=True)
    def step(noisy: Any, clean: Any) -> None:
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean(tf.square(model(noisy, training=True) - clean))
        optimiser.apply_gradients(
            zip(
                tape.gradient(loss, model.trainable_variables),
                model.trainable_variables,
                strict=True,
            )
        )

    rows = rng.permutation(len(X))
    held, used = np.split(X[rows].astype(np.float32), [len(X) // 10])
    judge = held if len(held) >= 10 else used
    best, kept, since = np.inf, model.get_weights(), 0
    for number, batch in enumerate(_batches(used, rng, steps), start=1):
        mask = rng.random(batch.shape) >= HIDDEN_SHARE
        step(tf.constant(batch * mask.astype(np.float32)), tf.constant(batch))
        if number % 50 == 0:
            loss = float(np.square(np.asarray(model(judge, training=False)) - judge).mean())
            since = 0 if loss < best * 0.999 else since + 1
            if loss < best:
                best, kept = loss, model.get_weights()
            if since >= 6:
                break
    model.set_weights(kept)
    return encoder, model


def refined(
    encoder: Any, model: Any, X: np.ndarray, centres: np.ndarray, *, seed: int, rounds: int = 30
) -> tuple[Weights, np.ndarray, np.ndarray]:
    """Fine-tune towards clusters while still reconstructing (IDEC).

    Parameters
    ----------
    centres : array, shape (k, z)
        Cluster centres in the code to start from; they are learnt too.

    Returns
    -------
    weights, centres, labels

    References
    ----------
    Guo et al. (2017), "Improved deep embedded clustering with local structure preservation".
    """
    tf = _tensorflow()
    rng = np.random.default_rng([seed, 12])
    import keras

    clean = X.astype(np.float32)
    middle = tf.Variable(centres.astype(np.float32))
    learnt = [*model.trainable_variables, middle]
    optimiser = keras.optimizers.Adam(1e-3)
    both = keras.Model(model.inputs, [encoder.output, model.output])

    @tf.function(reduce_retracing=True)
    def step(batch: Any, target: Any) -> None:
        with tf.GradientTape() as tape:
            code, again = both(batch, training=True)
            near = 1.0 / (1.0 + tf.reduce_sum(tf.square(code[:, None, :] - middle[None]), axis=2))
            soft = near / tf.reduce_sum(near, axis=1, keepdims=True)
            pull = tf.reduce_mean(
                tf.reduce_sum(target * tf.math.log((target + 1e-9) / (soft + 1e-9)), axis=1)
            )
            loss = tf.reduce_mean(tf.square(again - batch)) + 0.1 * pull
        optimiser.apply_gradients(zip(tape.gradient(loss, learnt), learnt, strict=True))

    labels = None
    for _ in range(rounds):
        soft = _soft(np.asarray(encoder(clean, training=False)), middle.numpy())
        target = soft**2 / soft.sum(axis=0)
        target = (target / target.sum(axis=1, keepdims=True)).astype(np.float32)
        now = soft.argmax(axis=1)
        if labels is not None and (now != labels).mean() < 0.001:
            break
        labels = now
        for rows in _batches(np.arange(len(X)), rng, max(1, len(X) // BATCH) * 2):
            step(tf.constant(clean[rows]), tf.constant(target[rows]))
    weights = weights_of(encoder)
    return weights, middle.numpy(), _soft(encode(weights, X), middle.numpy()).argmax(axis=1)


def _soft(code: np.ndarray, centres: np.ndarray) -> np.ndarray:
    near = 1.0 / (1.0 + ((code[:, None, :] - centres[None]) ** 2).sum(axis=2))
    return near / near.sum(axis=1, keepdims=True)


def _batches(rows: np.ndarray, rng: np.random.Generator, count: int) -> Iterator[np.ndarray]:
    size, place = min(BATCH, len(rows)), len(rows)
    order = np.arange(len(rows))
    for _ in range(count):
        if place + size > len(rows):
            order, place = rng.permutation(len(rows)), 0
        yield rows[order[place : place + size]]
        place += size


def _tensorflow() -> Any:
    """Import TensorFlow quiet, on the CPU, and with operations that repeat exactly."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "0")
    os.environ.setdefault("CUDA_VISIBLE_DEVICES", "-1")
    import tensorflow as tf

    tf.config.experimental.enable_op_determinism()
    return tf
