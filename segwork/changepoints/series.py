"""Change points of one real-valued series: ``detect``.

A network trained on simulated series gives, for every point, the probability that a segment begins
there. An answer needs the best neighbourhood to pass a threshold that change-free
simulations of like length and roughness pass in one case of ten. Series of counts are scanned for
a step beside their trend as well (``count_scan``), where the network is silent.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from functools import cache
from importlib import resources

import numpy as np
from numpy.typing import ArrayLike

from segwork.changepoints import count_scan, series_network, weights
from segwork.errors import UsageError
from segwork.runs.files import Json

SHORTEST = 8
CHANGED, NONE, THIN = "changed", "none", "not enough data"


@dataclass(frozen=True)
class ChangePoints:
    """Where one series changes.

    Attributes
    ----------
    indices : tuple of int
        First index of each new segment, ascending, counted from 0; never 0 itself.
    probability : numpy.ndarray, shape (n,)
        Probability that a change lies within reach: n / 20 points, from one to five.
    status : str
        ``changed`` · ``none`` · ``not enough data`` (fewer than eight finite values).
    threshold : float
        What the network's largest probability had to reach: exceeded by one change-free
        simulation in ten.
    found_by : str
        ``network`` · ``count scan`` · empty where there is no change. A change of the count scan
        has p of 0.02 or less; ``probability`` is the scan's then.
    """

    indices: tuple[int, ...]
    probability: np.ndarray = field(repr=False)
    status: str
    threshold: float
    found_by: str = ""

    def facts(self) -> dict[str, float | int | str]:
        """Return status, count and threshold as plain values."""
        return {
            "status": self.status,
            "change_points": len(self.indices),
            "false_alarm_level": 0.10,
            "threshold": round(self.threshold, 4),
            "found_by": self.found_by,
        }


def detect(y: ArrayLike, *, seed: int = 0) -> ChangePoints:
    """Find lasting changes of level, slope, spread or season in one series.

    Parameters
    ----------
    y : array-like, shape (n,)
        Values at equal distances. Missing and infinite values are bridged by straight lines; at
        both ends they are left out.
    seed : int, default 0
        Draws the dither, a thousandth of the series' roughness, that breaks ties between equal
        values; the same seed gives the same answer.

    Returns
    -------
    ChangePoints

    Raises
    ------
    UsageError
        ``y`` is not one sequence of numbers, or the seed no whole number.

    Notes
    -----
    The share of change-free series with an answer is 10 % over the simulated families the
    threshold was taken from (``benchmarks/changepoints/simulate_series.py``); it is not promised
    for a process unlike all of them. Unit and origin of ``y`` do not matter to the network.

    12 to 160 non-negative whole numbers without a hole are taken for counts: a step beside a
    log-linear trend is reported although the network is silent; counts below two on average that
    fit a constant rate, and counts that a bent trend or a season explains better than steps do,
    have no change whatever the network says.

    Examples
    --------
    >>> level = np.r_[np.zeros(60), np.full(60, 5.0)]
    >>> noise = np.random.default_rng(0).normal(size=120)
    >>> detect(level + noise).indices
    (60,)
    """
    UsageError.unless_whole(seed=seed)
    y = _values(y)
    known = np.flatnonzero(np.isfinite(y))
    if known.size < SHORTEST:
        return ChangePoints((), np.zeros(y.size), THIN, 1.0)
    first, last = known[0], known[-1] + 1
    bridged = _bridged(y[known], known)
    if np.ptp(bridged) <= 1e-12:
        return ChangePoints((), np.zeros(y.size), NONE, 1.0)
    scaled = _dithered((bridged - bridged.mean()) / np.ptp(bridged), seed)
    threshold, more = thresholds(scaled)
    begins = begin_probability(scaled[None, :])[0]
    indices, found_by = decode(begins, threshold, more), "network"
    step = _step(y[first:last], bool(indices), seed)
    if step is not None:
        indices, found_by = (step.index,) if step.is_found else (), "count scan"
        begins = step.begins
    counts = y[first:last]
    if indices and count_scan.are_counts(counts):
        seconded = found_by == "network"
        indices = () if count_scan.is_bend(counts, indices, seconded=seconded) else indices
    probability = np.zeros(y.size)
    probability[first:last] = np.minimum(near(begins), 1.0)
    if not indices:
        return ChangePoints((), probability, NONE, threshold)
    indices = tuple(int(first) + i for i in indices)
    return ChangePoints(indices, probability, CHANGED, threshold, found_by)


def _step(y: np.ndarray, answered: bool, seed: int) -> count_scan.CountStep | None:
    """Return the count scan's answer where it stands instead of the network's, None elsewhere.

    It adds what the network does not see, and takes back what the network sees in single events.
    """
    if not count_scan.are_counts(y):
        return None
    if answered:
        return count_scan.count_step(y, seed) if count_scan.is_steady(y, seed) else None
    step = count_scan.count_step(y, seed)
    return step if step.is_found else None


def _values(y: ArrayLike) -> np.ndarray:
    values = np.asarray(y)
    try:
        values = values.astype(float) if values.dtype.kind not in "cmM" else None
    except (TypeError, ValueError):
        values = None
    if values is None:
        raise UsageError("the series holds values that are no numbers", accepted="numbers")
    if values.ndim != 1:
        raise UsageError(
            f"the series has {values.ndim} dimensions", accepted="one sequence of numbers"
        )
    return values


def _bridged(values: np.ndarray, where: np.ndarray) -> np.ndarray:
    """Known values in units of the largest, straight lines between them, nothing outside."""
    largest = np.abs(values).max() or 1.0
    return np.interp(np.arange(where[0], where[-1] + 1), where, values / largest)


def _dithered(y: np.ndarray, seed: int) -> np.ndarray:
    size = 1e-3 * np.std(np.diff(y))
    return y + np.random.default_rng(seed).uniform(-size, size, y.size)


def begin_probability(y: np.ndarray) -> np.ndarray:
    """Return the probability that a segment begins at each point, (B, n), for series (B, n).

    Means over the series as it is and upside down.
    """
    n = y.shape[1]
    factor = series_network.block_length(n)
    x = np.concatenate([series_network.features(y), series_network.features(-y)])
    network = weights.shipped(series_network.build, series_network.WEIGHTS)
    logits = weights.predict(network, x)
    both = 1 / (1 + np.exp(-logits.reshape(2, len(y), -1)))
    blocks = both.mean(0)
    blocks[:, 0] = 0
    begins = np.zeros(y.shape)
    begins[:, ::factor] = blocks
    return begins if factor == 1 else _sharpened(begins, y, factor)


def _sharpened(begins: np.ndarray, y: np.ndarray, factor: int) -> np.ndarray:
    """Move each block's probability to the point within it where the level jumps most."""
    jump = np.abs(series_network.level_gap(y, 3 * factor))
    n = y.shape[1]
    sharp = np.zeros_like(begins)
    for start in range(factor, n, factor):
        low, high = start - factor // 2, min(start + factor, n)
        best = low + jump[:, low:high].argmax(1)
        sharp[np.arange(len(y)), best] += begins[:, start]
    return sharp


def reach(n: int) -> int:
    """Return how many points on either side count as the same change: n / 20, from 1 to 5."""
    return int(np.clip(n // 20, 1, 5))


def near(begins: np.ndarray) -> np.ndarray:
    """Add up the points within reach."""
    r = reach(begins.size)
    return np.convolve(begins, np.ones(2 * r + 1), mode="full")[r : r + begins.size]


def decode(begins: np.ndarray, threshold: float, more: float) -> tuple[int, ...]:
    """Take neighbourhoods by falling probability; each gives the median of its own mass."""
    left, r = begins.copy(), reach(begins.size)
    indices: list[int] = []
    while len(indices) < left.size:
        mass_near = near(left)
        best = int(mass_near.argmax())
        if mass_near[best] < (more if indices else threshold):
            break
        low, high = max(best - r, 0), best + r + 1
        mass = np.cumsum(left[low:high])
        indices.append(max(1, low + int(np.searchsorted(mass, mass[-1] / 2))))
        left[low:high] = 0
    return tuple(sorted(set(indices)))


@cache
def _table() -> Json:
    text = (resources.files(__package__) / "series.json").read_text(encoding="utf-8")
    return dict(json.loads(text))


def thresholds(y: np.ndarray) -> tuple[float, float]:
    """Return what the first and every further change must reach in this series.

    The first depends on its length and on how its differences are correlated.
    """
    table = _table()
    kind = int(np.digitize(series_network.character(y[None, :])[0], table["character"]))
    column = [row[kind] for row in table["threshold"]]
    return float(np.interp(np.log(y.size), np.log(table["length"]), column)), table["more"]
