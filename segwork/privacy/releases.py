"""Differentially private counts, means, histograms and quantiles, with the noise of OpenDP."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from importlib.util import find_spec
from itertools import pairwise

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from segwork.errors import MissingExtraError, UsageError
from segwork.privacy.ledger import Ledger

STEPS = 2**20  # a mean sums whole steps of its bounds: sums of floats leak through rounding
CANDIDATES = 201
BINS = 10
ENDS = ("value", "low", "high")
LEVEL, BOTH = 0.95, 0.975  # of an interval; of each of two that hold together
Numbers = float | pd.Series | pd.DataFrame
Limits = Sequence[float | str]  # bounds, edges of bins, or categories
Row = list[str | float | None]  # group and bin, or bin alone; then value, low, high
Mechanism = Callable[[int | list[float]], float]  # draws noise at every call


@dataclass(frozen=True)
class Release:
    """A released statistic: safe to publish, whatever else becomes known.

    Attributes
    ----------
    value, low, high : number, or Series by group or bin, or DataFrame (group, bin)
        The noisy statistic, and where with 95 % the exact one of the clipped data lies.
    epsilon : float
        What it cost. One customer's whole contribution moves the probability of any answer by a
        factor of at most e to the ε; groups hold different customers and cost no more than one.
    statistic : str
    declared : bool
        Whether the names of the groups were declared, and not read from the data.
    """

    value: Numbers
    low: Numbers
    high: Numbers
    epsilon: float
    statistic: str
    declared: bool = True

    @property
    def table(self) -> pd.DataFrame:
        """Value, low and high beside each other, one row a group or bin."""
        return pd.DataFrame({"value": self.value, "low": self.low, "high": self.high})


def release(
    values: ArrayLike,
    *,
    statistic: str,
    epsilon: float,
    bounds: Limits | None = None,
    groups: ArrayLike | None = None,
    ledger: Ledger | None = None,
    quantile: float = 0.5,
) -> Release:
    """Release a statistic of customers under ε-differential privacy.

    Parameters
    ----------
    values : Series or array
        One value a customer. A Series whose index repeats a customer is summed to one first, so
        that the whole contribution is bounded; a missing value takes no part.
    statistic : str
        ``count``, ``mean``, ``histogram`` or ``quantile``.
    epsilon : float
        Privacy loss, for adding or removing one customer.
    bounds : (low, high), or the categories of a histogram of words
        Said by a person who did not look at the data; values beyond are clipped. Needed but for
        counts and for a Categorical, which names its categories. A histogram of numbers has ten
        bins between them.
    groups : Series or array, optional
        A group for each value; a customer has one. A Categorical declares its groups, otherwise
        the names present are published as they are.
    ledger : Ledger, optional
        Without one every call draws, and spends, anew.
    quantile : float, default 0.5

    Raises
    ------
    UsageError
        Unknown statistic, no ε, no bounds, bounds that are no interval, or two groups for one
        customer.
    BudgetError
        The ledger has too little left.
    MissingExtraError
        OpenDP is not installed.

    References
    ----------
    Dwork and Roth (2014), "The algorithmic foundations of differential privacy"; the OpenDP
    library, ``make_laplace`` and ``make_private_quantile`` (Smith 2011).

    Examples
    --------
    >>> found = release([3, 5, 4] * 400, statistic="mean", epsilon=3.0, bounds=(0, 10))
    >>> bool(3 < found.value < 5), found.epsilon
    (True, 3.0)
    """
    if statistic not in _DRAW:
        raise UsageError.unknown("statistic", statistic, _DRAW, where="release")
    if not (np.isfinite(epsilon) and epsilon > 0 and 0 < quantile < 1):
        raise UsageError(f"epsilon is {epsilon!r}, quantile {quantile!r}", accepted="ε > 0, 0 to 1")
    people, names = _one_row_each(values, groups)
    bins = _bins(statistic, people["value"], bounds)
    if not available():
        raise MissingExtraError.of("opendp", extra="privacy", needed_for="a private release")

    def draw() -> list[Row]:
        parts = {name: people.loc[people["group"] == name, "value"] for name in names}
        return [
            [name, *line]
            for name, own in (parts if names else {None: people["value"]}).items()
            for line in _DRAW[statistic](own, epsilon, bins, quantile)
        ]

    question = [statistic, float(epsilon), quantile, list(map(str, bins)), list(map(str, names))]
    ask = ledger and ledger.answer  # without a ledger nothing is kept
    lines = ask(_fingerprint(people, question), epsilon=epsilon, draw=draw) if ask else draw()
    shown = lines[0][2:] if lines[0][:2] == [None, None] else _shaped(lines)
    return Release(*shown, float(epsilon), statistic, groups is None or _declares(groups))


def available() -> bool:
    """Tell whether OpenDP is installed; without it a release is not applicable, never passed."""
    return find_spec("opendp") is not None


@lru_cache(maxsize=256)
def half_width(*, epsilon: float, sensitivity: int = 1, level: float = LEVEL) -> int:
    """Return how far a noisy count is from the exact one, at most, with the given probability.

    Examples
    --------
    >>> half_width(epsilon=1.0)
    4
    """
    import opendp.prelude as dp

    scale = _laplace(sensitivity, epsilon)[0]
    return int(np.ceil(dp.discrete_laplacian_scale_to_accuracy(scale, 1 - level)))


def _declares(groups: ArrayLike) -> bool:
    return isinstance(getattr(groups, "dtype", None), pd.CategoricalDtype)


def _one_row_each(values: ArrayLike, groups: ArrayLike | None) -> tuple[pd.DataFrame, list[str]]:
    """Return value and group of each customer, one row each, and the names of the groups."""
    frame = pd.DataFrame({"value": pd.Series(values), "group": ""})
    names: list[str] = []
    if groups is not None:
        by_customer = isinstance(groups, pd.Series) and not groups.index.equals(frame.index)
        frame["group"] = frame.index.map(groups) if by_customer else np.asarray(groups)
        known = pd.Series(groups).cat.categories if _declares(groups) else frame["group"].dropna()
        names = np.unique(known).tolist()
    frame = frame.dropna()
    if frame.index.has_duplicates:
        by = frame.groupby(level=0, sort=False)
        numbers = pd.api.types.is_numeric_dtype(frame["value"])
        for column in ["group"] if numbers else ["group", "value"]:
            if (frame[column] != by[column].transform("first")).any():
                raise UsageError(f"a customer has more than one {column}", accepted="one each")
        frame = by.agg({"value": "sum" if numbers else "first", "group": "first"})
    return frame, names


def _bins(statistic: str, values: pd.Series, bounds: Limits | None) -> Limits:
    """Return what limits the values: nothing, both bounds, edges of bins, or categories."""
    words = not pd.api.types.is_numeric_dtype(values)
    if statistic == "count":
        return []
    if bounds is None and not (statistic == "histogram" and _declares(values)):
        raise UsageError(
            f"a {statistic} needs bounds",
            accepted="bounds=(low, high), or the categories of a histogram of words",
            hint="they are never taken from the data: the largest value is somebody's",
        )
    if statistic == "histogram" and words:
        return list(values.cat.categories if bounds is None else bounds)
    low, high = map(float, bounds)
    if words or not (np.isfinite(high - low) and low < high):
        raise UsageError(f"bounds are {bounds} of {values.dtype}", accepted="numbers, low < high")
    return list(np.linspace(low, high, BINS + 1)) if statistic == "histogram" else [low, high]


def _fingerprint(people: pd.DataFrame, question: list[object]) -> str:
    """Hash data and question; neither the order nor the ids of customers matter."""
    rows = np.sort(pd.util.hash_pandas_object(people.astype(str), index=False).to_numpy())
    return hashlib.sha256(rows.tobytes() + json.dumps(question).encode()).hexdigest()


def _shaped(lines: list[Row]) -> list[Numbers]:
    """Return value, low and high by group, by bin, or by both."""
    table = pd.DataFrame(lines, columns=["group", "bin", *ENDS])
    keys = [key for key in ("group", "bin") if table[key].notna().any()]
    if len(keys) == 1:
        return [table.set_index(keys)[column] for column in ENDS]
    return [table.pivot_table(column, "group", "bin", sort=False) for column in ENDS]


@lru_cache(maxsize=256)
def _laplace(sensitivity: int, epsilon: float) -> tuple[float, Mechanism]:
    """Return scale and mechanism of a noisy whole number."""
    import opendp.prelude as dp

    space = dp.atom_domain(T="i64"), dp.absolute_distance(T="i64")
    return _tuned(lambda scale: dp.m.make_laplace(*space, scale), sensitivity, epsilon)


@lru_cache(maxsize=256)
def _quantile_at(low: float, high: float, at: float, epsilon: float) -> tuple[float, Mechanism]:
    """Return scale and mechanism of a quantile among fixed candidates."""
    import opendp.prelude as dp

    space = dp.vector_domain(dp.atom_domain(T=float, nan=False)), dp.symmetric_distance()
    fixed = (*space, dp.max_divergence(), np.linspace(low, high, CANDIDATES).tolist(), at)
    return _tuned(lambda scale: dp.m.make_private_quantile(*fixed, scale), 1, epsilon)


def _tuned(
    make: Callable[[float], Mechanism], moved: int, epsilon: float
) -> tuple[float, Mechanism]:
    """Let the library find the least scale whose privacy loss is ε at most."""
    import opendp.prelude as dp

    dp.enable_features("contrib")
    scale = dp.binary_search_param(make, d_in=moved, d_out=float(epsilon), T=float)
    return scale, make(scale)


def _noisy(n: float, epsilon: float, *, sensitivity: int = 1, level: float = LEVEL) -> list[int]:
    """Return a noisy whole number and the ends of its interval, none below zero."""
    value = int(_laplace(sensitivity, epsilon)[1](int(n)))
    width = half_width(epsilon=epsilon, sensitivity=sensitivity, level=level)
    return [max(0, value), max(0, value - width), max(0, value + width)]


def _count(values: pd.Series, epsilon: float, _bins: Limits, _at: float) -> list[Row]:
    return [[None, *_noisy(len(values), epsilon)]]


def _histogram(values: pd.Series, epsilon: float, bins: Limits, _at: float) -> list[Row]:
    """Count by bin; a customer is in one bin, so that all bins together cost ε once."""
    if not pd.api.types.is_numeric_dtype(values):
        return [[str(name), *_noisy((values == name).sum(), epsilon)] for name in bins]
    counts = np.histogram(np.clip(values.to_numpy(float), bins[0], bins[-1]), bins)[0]
    names = (f"{low:g} to {high:g}" for low, high in pairwise(bins))
    return [[name, *_noisy(n, epsilon)] for name, n in zip(names, counts, strict=True)]


def _mean(values: pd.Series, epsilon: float, bins: Limits, _at: float) -> list[Row]:
    """Divide a noisy sum by a noisy count, half of ε each."""
    low, step = bins[0], (bins[1] - bins[0]) / STEPS
    steps = np.rint((np.clip(values.to_numpy(float), *bins) - low) / step)
    total = _noisy(steps.sum(), epsilon / 2, sensitivity=STEPS, level=BOTH)
    n = _noisy(len(values), epsilon / 2, level=BOTH)
    ends = [total[1] / max(n[2], 1), total[2] / n[1] if n[1] else STEPS]
    means = np.array([total[0] / max(n[0], 1), *ends])
    return [[None, *np.clip(low + step * means, *bins).tolist()]]


def _quantile(values: pd.Series, epsilon: float, bins: Limits, at: float) -> list[Row]:
    """Choose among fixed candidates; quantiles further out by their own error are the ends.

    A tenth of ε goes to a count, four to the value, five to the ends.
    """
    data = np.clip(values.to_numpy(float), *bins).tolist()
    scale = _quantile_at(*bins, at, 0.25 * epsilon)[0]
    error = scale * np.log(2 * CANDIDATES / (1 - LEVEL))  # in customers
    off = np.ceil(100 * error / max(_noisy(len(data), 0.1 * epsilon)[1], 1)) / 100
    value = _quantile_at(*bins, at, 0.4 * epsilon)[1](data)
    ends = list(bins)
    for end, place in enumerate((at - off, at + off)):
        if 0 < place < 1:
            ends[end] = _quantile_at(*bins, place, 0.25 * epsilon)[1](data)
    return [[None, float(value), float(min(value, ends[0])), float(max(value, ends[1]))]]


_DRAW = {draw.__name__[1:]: draw for draw in (_count, _mean, _histogram, _quantile)}
