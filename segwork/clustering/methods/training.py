"""The training loops of the autoencoder: reconstruct, and (IDEC) reconstruct while clustering."""

from __future__ import annotations

from collections.abc import Callable
from types import ModuleType
from typing import TYPE_CHECKING

import numpy as np

from segwork.clustering.methods.autoencoder import Weights, build, encode, encoders
from segwork.nets import tensorflow

if TYPE_CHECKING:
    import keras
    import tensorflow as tf

BATCH = 256
HIDDEN_SHARE = 0.1
STEPS = 1500
CHUNK = 50
PATIENCE = 6
RATES = {"lr": 1e-3, "beta1": 0.9, "beta2": 0.999, "epsilon": 1e-7}  # of Adam


def trained(X: np.ndarray, *, nets: int, seed: int, steps: int = STEPS) -> list[np.ndarray]:
    """Train denoising autoencoders side by side; each keeps its best state on held-out rows.

    Parameters
    ----------
    X : array, shape (n, d)
        Standardised.
    nets : int
        They differ in starting weights, batches and noise.
    steps : int
        Most batches of 256 rows; a tenth of the rows is held out to stop early.

    Returns
    -------
    list of arrays
        Weights of :func:`segwork.clustering.autoencoder.build`, net by net on the first axis.
    """
    tf = tensorflow()
    rng = np.random.default_rng([seed, 11])
    _, model = build(X.shape[1], nets=nets, seed=seed)
    learn = _learner(tf, _variables(model), lambda noisy, clean: _error(tf, model, noisy, clean))
    rows = rng.permutation(len(X))
    held, used = np.split(X[rows].astype(np.float32), [len(X) // 10])
    judge = np.repeat((held if len(held) >= 10 else used)[None], nets, axis=0)
    batches = _Batches(len(used), nets, rng)
    best, since = np.full(nets, np.inf), np.zeros(nets, dtype=int)
    kept = model.get_weights()
    for _ in range(steps // CHUNK):
        clean = used[batches.draw(CHUNK)]
        mask = rng.random(clean.shape, dtype=np.float32) >= HIDDEN_SHARE
        learn(tf.constant(clean * mask), tf.constant(clean))
        error = np.square(np.asarray(model(judge, training=False)) - judge).mean(axis=(1, 2))
        better = error < best * 0.999
        since = np.where(better, 0, since + 1)
        best = np.minimum(error, best)
        for old, new in zip(kept, model.get_weights(), strict=True):
            old[better] = new[better]
        if (since >= PATIENCE).all():
            break
    return kept


def _variables(model: keras.Model) -> list[tf.Variable]:
    """Return TensorFlow's variables behind Keras's."""
    return [variable.value for variable in model.trainable_variables]


def _error(tf: ModuleType, model: keras.Model, noisy: tf.Tensor, clean: tf.Tensor) -> tf.Tensor:
    """Return the sum of all nets' mean squared errors."""
    error = tf.square(model(noisy, training=True) - clean)
    return tf.reduce_sum(tf.reduce_mean(error, axis=(1, 2)))


def _learner(
    tf: ModuleType, variables: list[tf.Variable], loss: Callable[..., tf.Tensor]
) -> Callable[..., None]:
    """Return a compiled loop of Adam steps (one fused operation each) over stacked batches."""
    states = [[tf.Variable(tf.zeros_like(v)) for _ in "mv"] for v in variables]
    number = tf.Variable(0.0)

    @tf.function(reduce_retracing=True)
    def learn(first: tf.Tensor, second: tf.Tensor) -> None:
        for i in tf.range(tf.shape(first)[0]):
            with tf.GradientTape() as tape:
                value = loss(first[i], second[i])
            number.assign_add(1.0)
            slopes = tape.gradient(value, variables)
            for variable, (mean, square), slope in zip(variables, states, slopes, strict=True):
                held = {"var": variable.handle, "m": mean.handle, "v": square.handle}
                powers = {"beta1_power": 0.9**number, "beta2_power": 0.999**number}
                tf.raw_ops.ResourceApplyAdam(**held, **powers, grad=slope, **RATES)

    return learn


def refined(
    weights: list[np.ndarray], X: np.ndarray, centres: np.ndarray, *, seed: int, rounds: int = 30
) -> tuple[Weights, np.ndarray, np.ndarray]:
    """Fine-tune one net towards clusters while still reconstructing (IDEC).

    Parameters
    ----------
    weights : list of arrays
        Of one net, as :func:`trained` returns them.
    centres : array, shape (k, z)
        Cluster centres in the code to start from; they are learnt too.

    Returns
    -------
    weights, centres, labels

    References
    ----------
    Guo et al. (2017), "Improved deep embedded clustering with local structure preservation".
    """
    tf = tensorflow()
    import keras

    encoder, model = build(X.shape[1], nets=1, seed=seed)
    model.set_weights(weights)
    clean = X.astype(np.float32)
    middle = tf.Variable(centres.astype(np.float32))
    both = keras.Model(model.inputs, [encoder.output, model.output])

    def loss(batch: tf.Tensor, target: tf.Tensor) -> tf.Tensor:
        code, again = both(batch, training=True)
        far = tf.reduce_sum(tf.square(code[0][:, None] - middle[None]), axis=2)
        near = 1.0 / (1.0 + far)
        soft = near / tf.reduce_sum(near, axis=1, keepdims=True)
        pull = tf.reduce_sum(target * tf.math.log((target + 1e-9) / (soft + 1e-9)), axis=1)
        return tf.reduce_mean(tf.square(again - batch)) + 0.1 * tf.reduce_mean(pull)

    learn = _learner(tf, [*_variables(model), middle], loss)
    batches = _Batches(len(X), 1, np.random.default_rng([seed, 12]))
    labels = None
    for _ in range(rounds):
        soft = _soft(encode(encoders(model.get_weights())[0], clean), middle.numpy())
        target = soft**2 / soft.sum(axis=0)
        target = (target / target.sum(axis=1, keepdims=True)).astype(np.float32)
        now = soft.argmax(axis=1)
        if labels is not None and (now != labels).mean() < 0.001:
            break
        labels = now
        rows = batches.draw(2 * max(1, len(X) // BATCH))
        learn(tf.constant(clean[rows]), tf.constant(target[rows[:, 0]]))
    tuned = encoders(model.get_weights())[0]
    return tuned, middle.numpy(), _soft(encode(tuned, X), middle.numpy()).argmax(axis=1)


def _soft(code: np.ndarray, centres: np.ndarray) -> np.ndarray:
    near = 1.0 / (1.0 + ((code[:, None, :] - centres[None]) ** 2).sum(axis=2))
    return near / near.sum(axis=1, keepdims=True)


class _Batches:
    """Row numbers of batches, one shuffled pass over the rows after the other, net by net."""

    def __init__(self, n_rows: int, nets: int, rng: np.random.Generator) -> None:
        self.n_rows, self.nets, self.rng = n_rows, nets, rng
        self.size = min(BATCH, n_rows)
        self.left = np.zeros((nets, 0), dtype=int)

    def draw(self, count: int) -> np.ndarray:
        """Return row numbers, shape (count, nets, batch)."""
        found = []
        while len(found) < count:
            if self.left.shape[1] < self.size:
                every = np.repeat(np.arange(self.n_rows)[None], self.nets, axis=0)
                self.left = self.rng.permuted(every, axis=1)
            found.append(self.left[:, : self.size])
            self.left = self.left[:, self.size :]
        return np.array(found)
