"""Rows that occur twice (OF-07) and rare rows that were multiplied before the split (OF-12)."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations

import numpy as np
import pandas as pd
from scipy.stats import binom, binomtest, poisson
from sklearn.neighbors import NearestNeighbors

from segwork.overfitting.case import Case
from segwork.overfitting.findings import Check, alarm
from segwork.results import Status

PAIR_COLUMNS = 12
RARE_VALUE = 0.01
SURE = 1e-4


@dataclass(frozen=True)
class Copies:
    """Repeated rows beyond what chance explains.

    Attributes
    ----------
    surplus : ndarray of bool, shape (n,)
        True for each repetition of an earlier row (the first occurrence stays False).
    pairs, expected_pairs : float
        Pairs of equal rows, and how many of them chance explains.
    """

    surplus: np.ndarray
    pairs: float
    expected_pairs: float

    @property
    def real(self) -> bool:
        """True where there are clearly more equal rows than chance makes."""
        clear = self.pairs >= 1.5 * self.expected_pairs + 1
        return bool(clear and poisson.sf(self.pairs - 1, self.expected_pairs) < 1e-3)


def find_copies(case: Case) -> Copies:
    """Count rows equal in every column and the label, and set chance coincidences against them.

    Chance is judged from near misses: pairs equal in all columns but one or two. Were columns
    independent given the rest, pairs equal everywhere would number (pairs that miss j) × (pairs
    that miss k) / (pairs that miss both). Real copies have no near misses.
    """
    hashes, rare = _column_hashes(case)
    whole = hashes.sum(axis=1, dtype=np.uint64)
    kept = np.ones(len(case), dtype=bool)
    if case.groups is not None and case.time is None:
        own = pd.Series(whole + _hashed(case.groups))
        alike = own - hashes[:, case.X.shape[1]]  # the same customer and features, whatever label
        if own.nunique() > alike.nunique():  # a customer whose features stand still: OF-08's case
            kept = ~own.duplicated().to_numpy()
    kept &= rare
    surplus = np.zeros(len(case), dtype=bool)
    surplus[kept] = pd.Series(whole[kept]).duplicated().to_numpy()
    pairs = _pairs(whole[kept])
    return Copies(surplus, pairs, _by_chance(hashes[kept], pairs) if pairs else 0.0)


def _column_hashes(case: Case) -> tuple[np.ndarray, np.ndarray]:
    """Hash every cell; mark rows with a value that is rare in its column (others repeat anyway)."""
    columns = [case.X[name] for name in case.X] + [pd.Series(case.codes)]
    if case.groups is not None and case.time is not None:
        columns += [pd.Series(case.groups), pd.Series(case.time)]
    coded = [pd.factorize(column, use_na_sentinel=False)[0] for column in columns]
    rare = np.zeros(len(case), dtype=bool)
    for codes in coded:
        rare |= np.bincount(codes)[codes] <= max(20, RARE_VALUE * len(case))
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


def check_copies(case: Case, copies: Copies, holdout: np.ndarray | None) -> Check:
    """OF-07: rows on both sides of the user's split, or rows that any random split would part."""
    if holdout is not None:
        keys = _column_hashes(case)[0].sum(axis=1, dtype=np.uint64)
        shared = np.isin(keys[holdout], keys[~holdout])
        n, base = int(shared.sum()), int(holdout.sum())
        what = f"{n:,} of {base:,} held-out rows are also among the rows learned from"
    else:
        n, base = int(copies.surplus.sum()), len(case)
        what = (
            f"{n:,} of {base:,} rows repeat an earlier row in every feature and the label"
            f" ({copies.expected_pairs:.1f} such pairs expected by chance)"
        )
    if n == 0 or not copies.real:
        return Check("OF-07", Status.PASSED, f"{what}; no sign of copies.", n_rows=0, share=0.0)
    return Check("OF-07", alarm("OF-07"), f"{what}.", n_rows=n, share=n / base)


def check_oversampling(case: Case, copies: Copies, prior: float | None) -> Check:
    """OF-12: copies, or points on lines between neighbours, that belong to one class."""
    surplus = np.bincount(case.codes[copies.surplus], minlength=len(case.classes))
    distinct = case.counts - surplus
    k = int(np.argmax(surplus / np.maximum(distinct, 1)))
    share = distinct[k] / distinct.sum()
    label, n = case.classes[k], int(surplus[k])
    few = distinct[k] == distinct.min()
    mostly = few and n >= 0.8 * surplus.sum()
    if copies.real and mostly and binom.sf(n - 1, int(surplus.sum()), share) < SURE:
        text = f"{n:,} of {case.counts[k]:,} rows of class {label} are copies of other rows"
        return Check("OF-12", alarm("OF-12"), f"{text}.", n_rows=n, share=n / case.counts[k])
    shares = [_between_neighbours(case, k) for k in range(len(case.classes))]
    k = int(np.argmax(shares))
    if shares[k] - min(shares) > 0.05:
        n = round(shares[k] * case.counts[k])
        text = (
            f"about {n:,} of {case.counts[k]:,} rows of class {case.classes[k]} lie exactly"
            " between two others, as synthetic rows do"
        )
        return Check("OF-12", alarm("OF-12"), f"{text}.", n_rows=n, share=shares[k])
    return _check_prior(case, prior)


def _check_prior(case: Case, prior: float | None) -> Check:
    n, k = int(case.counts[case.rare]), case.rare
    if prior is None:
        return Check("OF-12", Status.PASSED, "No class was multiplied before the split.", n_rows=0)
    p = binomtest(n, len(case), prior).pvalue
    text = f"Class {case.classes[k]} is {n / len(case):.1%} of the rows, {prior:.1%} in reality"
    if p < SURE:
        return Check("OF-12", alarm("OF-12"), f"{text}.", n_rows=n, share=n / len(case))
    return Check("OF-12", Status.PASSED, f"{text}.", n_rows=0, share=n / len(case))


def _between_neighbours(case: Case, k: int, *, sample: int = 300, reach: int = 25) -> float:
    """Share of a class's rows that lie on a line through two of their neighbours.

    Where features follow from one another (a single order fixes tenure and days since the last),
    honest rows lie on lines too, of one direction or in one plane; synthetic rows' point anywhere.
    """
    numbers = case.X.select_dtypes("number")
    numbers = numbers.loc[:, numbers.nunique() > 50].fillna(0.0)
    whole = (numbers == numbers.round()).all()  # points of a coarse lattice lie on lines anyway
    numbers = numbers.loc[:, ~whole]
    rows = np.flatnonzero(case.codes == k)
    if numbers.shape[1] < 3 or len(rows) < 2 * reach:
        return 0.0
    points = numbers.to_numpy(dtype=float)
    points = (points / np.maximum(points.std(axis=0), 1e-12))[rows]
    points, first = np.unique(points, axis=0, return_index=True)
    if len(points) < 2 * reach:
        return 0.0
    owner = np.arange(len(points)) if case.groups is None else case.groups[rows][first]
    chosen = np.random.default_rng(case.seed).permutation(len(points))[:sample]
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
