"""The controls every table carries: PELT and binary segmentation (ruptures), and BOCPD.

They run with the settings their users would pick and nobody tuned; only the scan is calibrated.
"""

from __future__ import annotations

import numpy as np
from scipy.special import gammaln

EXPECTED_RUN = 100  # periods between changes, the usual hazard of 1/100


def pelt(counts: np.ndarray) -> np.ndarray:
    """Say for each sequence whether exact penalised segmentation of its mean finds a change.

    Penalty 3 log(n) × variance, segments of at least two periods.

    References
    ----------
    Killick, Fearnhead and Eckley (2012), "Optimal detection of changepoints with a linear
    computational cost"; ruptures' compiled search for the same squared-error cost.
    """
    import ruptures

    search = ruptures.KernelCPD(kernel="linear", min_size=2)
    return np.array([len(search.fit(y).predict(pen=_penalty(y))) > 1 for y in _columns(counts)])


def binary_segmentation(counts: np.ndarray) -> np.ndarray:
    """Say for each sequence whether binary segmentation finds a change; penalty as in ``pelt``.

    Whether it finds any is decided by its first cut: the best single one, which ruptures' compiled
    search gives too.
    """
    import ruptures

    search = ruptures.KernelCPD(kernel="linear", min_size=2)
    verdicts = []
    for y in _columns(counts):
        parts = np.split(y, search.fit(y).predict(n_bkps=1)[:-1])
        gain = len(y) * y.var() - sum(len(part) * part.var() for part in parts)
        verdicts.append(gain > _penalty(y))
    return np.array(verdicts, bool)


def _columns(counts: np.ndarray):
    return (y[:, None].astype(float) for y in counts)


def _penalty(y: np.ndarray) -> float:
    return 3 * np.log(len(y)) * max(float(y.var()), 1e-9)


def bocpd(counts: np.ndarray, exposure: np.ndarray) -> np.ndarray:
    """Say for each sequence whether the most probable segmentation of the BOCPD model has a change.

    Gamma-Poisson segments, hazard 1/100. The most probable path is used because the posterior of
    a run of length zero equals the hazard whatever the data.

    Parameters
    ----------
    counts, exposure : numpy.ndarray, shape (customers, periods)
        Orders, and how many average periods each period is worth.

    References
    ----------
    Adams and MacKay (2007), "Bayesian online changepoint detection", arXiv:0710.3742.
    """
    seen = np.pad(np.cumsum(counts, 1, dtype=float), ((0, 0), (1, 0)))
    due = np.pad(np.cumsum(exposure, 1, dtype=float), ((0, 0), (1, 0)))
    scale = np.maximum(seen[:, -1:], 1) / np.maximum(due[:, -1:], 1e-9)
    length = counts.shape[1]
    best = np.full((len(counts), length + 1), -np.inf)
    best[:, 0] = 0.0
    changes = np.zeros((len(counts), length + 1), int)
    for end in range(1, length + 1):
        n, e = seen[:, end : end + 1] - seen[:, :end], due[:, end : end + 1] - due[:, :end]
        score = best[:, :end] + gammaln(n + 1) - (n + 1) * np.log(e * scale + 1)
        score += n * np.log(scale)
        score[:, 1:] += np.log(1 / (EXPECTED_RUN - 1))
        pick = score.argmax(1)
        best[:, end] = score.max(1)
        changes[:, end] = np.where(pick > 0, changes[np.arange(len(counts)), pick] + 1, 0)
    return changes[:, -1] > 0
