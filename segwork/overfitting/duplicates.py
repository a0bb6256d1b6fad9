"""Rows that occur twice, beyond what chance explains, and rows that lie between two others."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations

import numpy as np
import pandas as pd
from scipy.stats import poisson
from sklearn.neighbors import NearestNeighbors

from segwork.overfitting.problem import Problem

PAIR_COLUMNS = 12
RARE_VALUE = 0.01


@dataclass(frozen=True)
class Duplicates:
    """Repeated rows beyond what chance explains.

    Attributes
    ----------
    surplus : ndarray of bool, shape (n,)
        True for each repetition of an earlier row (the first occurrence stays False), among the
        rows that can be judged: with a value that is rare in its column, and not merely a customer
        who stands still.
    repeats : ndarray of bool, shape (n,)
        The same among all rows.
    pairs, expected_pairs : float
        Pairs of equal rows, and how many of them chance explains.
    """

    surplus: np.ndarray
    repeats: np.ndarray
    pairs: float
    expected_pairs: float

    @property
    def unseen(self) -> float:
        """How many copies could be there without being told from coincidence, at least about."""
        unjudged = int(self.repeats.sum()) - int(self.surplus.sum())
        return unjudged + 0.5 * self.expected_pairs

    @property
    def real(self) -> bool:
        """True where there are clearly more equal rows than chance makes."""
        clear = self.pairs >= 1.5 * self.expected_pairs + 1
        return bool(clear and poisson.sf(self.pairs - 1, self.expected_pairs) < 1e-3)


def find_duplicates(problem: Problem) -> Duplicates:
    """Count rows equal in every column and the label, and set chance coincidences against them.

    Chance is judged from near misses: pairs equal in all columns but one or two. Were columns
    independent given the rest, pairs equal everywhere would number (pairs that miss j) × (pairs
    that miss k) / (pairs that miss both). Real copies have no near misses.
    """
    hashes, rare = column_hashes(problem)
    whole = hashes.sum(axis=1, dtype=np.uint64)
    kept = np.ones(len(problem), dtype=bool)
    if problem.groups is not None and problem.time is None:
        own = pd.Series(whole + _hashed(problem.groups))
        alike = (
            own - hashes[:, problem.X.shape[1]]
        )  # the same customer and features, whatever label
        if own.nunique() > alike.nunique():  # a customer whose features stand still: OF-08's case
            kept = ~own.duplicated().to_numpy()
    kept &= rare
    surplus = np.zeros(len(problem), dtype=bool)
    surplus[kept] = pd.Series(whole[kept]).duplicated().to_numpy()
    pairs = _pairs(whole[kept])
    expected = _by_chance(hashes[kept], pairs) if pairs else 0.0
    repeats = pd.Series(whole).duplicated().to_numpy()
    return Duplicates(surplus, repeats, pairs, expected)


def column_hashes(problem: Problem) -> tuple[np.ndarray, np.ndarray]:
    """Hash every cell; mark rows with a value that is rare in its column (others repeat anyway)."""
    columns = [problem.X[name] for name in problem.X] + [pd.Series(problem.codes)]
    if problem.groups is not None and problem.time is not None:
        columns += [pd.Series(problem.groups), pd.Series(problem.time)]
    coded = [pd.factorize(column, use_na_sentinel=False)[0] for column in columns]
    rare = np.zeros(len(problem), dtype=bool)
    for codes in coded:
        rare |= np.bincount(codes)[codes] <= max(20, RARE_VALUE * len(problem))
    return np.column_stack([_hashed(codes, salt) for salt, codes in enumerate(coded)]), rare


def _hashed(codes: np.ndarray, salt: int = 99_991) -> np.ndarray:
    mixed = codes.astype(np.uint64) + np.uint64((salt + 1) * 0x9E3779B97F4A7C15 % 2**64)
    return pd.util.hash_array(mixed)


def _pairs(keys: np.ndarray) -> float:
    counts = np.unique(keys, return_counts=True)[1].astype(float)
    return float((counts * (counts - 1) / 2).sum())


def _by_chance(hashes: np.ndarray, pairs: float) -> float:
    whole = hashes.sum(axis=1, dtype=np.uint64)
    distinct = np.array([len(np.unique(column)) for column in hashes.T])
    chosen = np.argsort(distinct, kind="stable")[:PAIR_COLUMNS]
    miss = {j: _pairs(whole - hashes[:, j]) - pairs for j in range(hashes.shape[1])}
    expected = 0.0
    for j, missed in miss.items():
        shares = np.unique(hashes[:, j], return_counts=True)[1] / len(hashes)
        same = float(np.sum(shares**2))
        expected = max(expected, missed * same / max(1 - same, 1e-12))
    for j, k in combinations(chosen, 2):
        if miss[j] and miss[k]:
            both = _pairs(whole - hashes[:, j] - hashes[:, k]) - pairs - miss[j] - miss[k]
            expected = max(expected, miss[j] * miss[k] / max(both, 1.0))
    return expected


def between_neighbours(problem: Problem, k: int, *, sample: int = 300, reach: int = 25) -> float:
    """Share of a class's rows that lie on a line through two of their neighbours.

    Where features follow from one another (a single order fixes tenure and days since the last),
    honest rows lie on lines too, of one direction or in one plane; synthetic rows' point anywhere.
    """
    numbers = problem.X.select_dtypes("number")
    numbers = numbers.loc[:, numbers.nunique() > 50].fillna(0.0)
    whole = (numbers == numbers.round()).all()  # points of a coarse lattice lie on lines anyway
    numbers = numbers.loc[:, ~whole]
    rows = np.flatnonzero(problem.codes == k)
    if numbers.shape[1] < 3 or len(rows) < 2 * reach:
        return 0.0
    points = numbers.to_numpy(dtype=float)
    points = (points / np.maximum(points.std(axis=0), 1e-12))[rows]
    points, first = np.unique(points, axis=0, return_index=True)
    if len(points) < 2 * reach:
        return 0.0
    owner = np.arange(len(points)) if problem.groups is None else problem.groups[rows][first]
    chosen = np.random.default_rng(problem.seed).permutation(len(points))[:sample]
    near = (
        NearestNeighbors(n_neighbors=reach)
        .fit(points)
        .kneighbors(points[chosen], return_distance=False)[:, 1:]
    )
    away = points[near] - points[chosen][:, None, :]
    moved = (np.abs(away) > 1e-9).sum(axis=2) >= 3
    away /= np.maximum(np.linalg.norm(away, axis=2, keepdims=True), 1e-12)
    away[~moved] = 0.0
    cosine = np.abs(np.einsum("nid,njd->nij", away, away))
    cosine[:, np.arange(reach - 1), np.arange(reach - 1)] = 0
    own = owner[near] == owner[chosen][:, None]
    cosine[own[:, :, None] & own[:, None, :]] = 0  # who only grows older moves along a line, too
    on_line = np.flatnonzero(cosine.max(axis=(1, 2)) > 1 - 1e-7)
    if not len(on_line):
        return 0.0
    line = away[on_line, cosine[on_line].max(axis=2).argmax(axis=1)]
    line *= np.sign(line[np.arange(len(line)), np.abs(line).argmax(axis=1)])[:, None]
    _, which, times = np.unique(line.round(4), axis=0, return_inverse=True, return_counts=True)
    single = times[which.ravel()] <= max(3, 0.05 * len(on_line))
    spread = np.linalg.matrix_rank(line[single], tol=1e-3) >= 3
    return float(spread * single.sum() / len(chosen))
