"""The acid test: the story told of a segment must pick its own held-out customers."""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy.stats import norm

from segwork.personas.definitions import definition
from segwork.personas.names import against_rest
from segwork.personas.story import neighbour, places, ranked, story

COLUMNS = ["segment", "neighbour", "own_share", "chance", "low", "high", "n", "passed"]
CHANCE = 0.5


def acid_test(frame: pd.DataFrame, label: pd.Series, *, seed: int = 0) -> pd.DataFrame:
    """Let each segment's story choose between its own customers and those of its neighbour.

    The story (the typical value in the columns of :func:`segwork.personas.story.story`) is told
    from one half of the customers. In the other half, ``own_share`` of the pairs of an own customer
    and one of the nearest segment are those in which the story lies nearer to the own one; ties
    count half.

    Parameters
    ----------
    frame, label
        Features and segment, as :func:`segwork.personas.given.labelled` returns them.
    seed : int
        Of the halves.

    Returns
    -------
    DataFrame
        One row per segment with enough customers: ``segment, neighbour, own_share, chance, low,
        high`` (simultaneous over the segments, see ``[acid]`` of the definitions)``, n`` (held-out
        customers) and ``passed``: low above chance, and own_share at least two in three.

    References
    ----------
    DeLong, DeLong and Clarke-Pearson (1988), Biometrics 44(3): variance of the share of pairs.
    Chapman and Milham (2006), The personas' new clothes: a persona has to be refutable.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> label = pd.Series(np.repeat(["S01", "S02"], 60))
    >>> frame = pd.DataFrame({"orders": rng.poisson(np.repeat([2, 20], 60))})
    >>> acid_test(frame, label)["passed"].tolist()
    [True, True]
    """
    sizes = label.value_counts()
    able = sorted(sizes.index[sizes >= definition("persona")["customers"]])
    if len(able) < 2:
        return pd.DataFrame(columns=COLUMNS)
    rows = label.isin(able).to_numpy()
    frame, label = frame[rows], label[rows]
    first = _half(label, seed)
    ranks = ranked(frame)
    middle = places(ranks[first], label[first])
    apart = against_rest(frame[first], label[first])
    wing = norm.ppf(1 - definition("acid")["error"] / len(able) / 2)
    found = []
    for segment in able:
        nearest = neighbour(middle, segment)
        columns = story(frame[first], label[first], apart, segment, nearest)
        far = _distance(ranks[~first], middle.loc[segment], columns)
        sides = [far[(label[~first] == name).to_numpy()] for name in (segment, nearest)]
        share, error = _pairs(*sides)
        ends = (share - wing * error, share + wing * error)
        found.append((segment, nearest, share, CHANCE, *ends, len(sides[0])))
    table = pd.DataFrame(found, columns=COLUMNS[:-1])
    table[["low", "high"]] = table[["low", "high"]].clip(0, 1)
    enough = table["own_share"] >= definition("acid")["share"]
    return table.assign(passed=(table["low"] > CHANCE) & enough)


def _half(label: pd.Series, seed: int) -> np.ndarray:
    """Mark one half of every segment, by place and not by id."""
    order = np.random.default_rng(seed).permutation(len(label))
    codes = label.astype("category").cat.codes.to_numpy()[order]
    half = np.zeros(len(label), bool)
    for code in np.unique(codes):
        mine = order[codes == code]
        half[mine[: len(mine) // 2]] = True
    return half


def _distance(ranks: pd.DataFrame, story: pd.Series, columns: list[str]) -> np.ndarray:
    """Return how far each customer is from the story; without a story all are equally near."""
    if not columns:
        return np.zeros(len(ranks))
    return (ranks[columns] - story[columns]).abs().fillna(0.5).mean(axis=1).to_numpy()


def _pairs(own: np.ndarray, other: np.ndarray) -> tuple[float, float]:
    """Return the share of pairs in which the own one is nearer, and its standard error."""
    if min(len(own), len(other)) < 2:
        return CHANCE, np.inf
    below, upto = (np.searchsorted(np.sort(other), own, side=s) for s in ("left", "right"))
    of_own = 1 - (below + upto) / 2 / len(other)
    below, upto = (np.searchsorted(np.sort(own), other, side=s) for s in ("left", "right"))
    of_other = (below + upto) / 2 / len(own)
    error = np.sqrt(of_own.var(ddof=1) / len(own) + of_other.var(ddof=1) / len(other))
    return float(of_own.mean()), float(error)
