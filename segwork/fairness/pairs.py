"""Matched pairs: two real customers, the same risk profile, one of each group."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from segwork.errors import DataError
from segwork.results import Interval, Status, display

GAP_LIMIT = 0.05
P_LIMIT = 0.01
CALIPER = 0.25
NEIGHBOURS = 15
SHARE_MATCHED_LIMIT = 0.5
# Below this share, pairs alike in every column are too few: pairs alike in two scores are made.
SHARE_ALIKE_IN_ALL = 0.7
SMALLEST_FOR_SCORES = 50
IMBALANCE_LIMIT = 0.25


@dataclass(frozen=True)
class MatchedPairs:
    """The gap between real customers alike but for one attribute.

    Attributes
    ----------
    groups : tuple of str
        ``gap`` is the mean of the second group minus that of the first.
    gap : float
        In the unit of the scores; for decisions and probabilities, a share.
    interval : Interval
        99 % interval of the gap, the level of the decision rule.
    p : float
        Two-sided p-value of no gap.
    limit : float
        Smallest gap that matters: 0.05 for scores within [0, 1], else 5 % of their mean size.
    n_pairs : int
    share_matched : float
        Share of the smaller group that found a partner.
    balance : DataFrame
        One row per profile column: ``before``, ``after`` (standardised mean differences).
    matched_on : str
        "profile" (alike in every column) or "two scores of the profile".
    discordant : tuple of int
        Pairs decided against the first, against the second group (0/1 scores only).
    status : Status
    message : str
    """

    groups: tuple[str, str]
    gap: float
    interval: Interval
    p: float
    limit: float
    n_pairs: int
    share_matched: float
    balance: pd.DataFrame
    matched_on: str
    discordant: tuple[int, int]
    status: Status
    message: str

    def facts(self) -> dict[str, float | int | str]:
        """Return the finite facts of the test."""
        facts = {
            "pairs_gap": self.gap,
            "pairs_gap_low": self.interval.low,
            "pairs_gap_high": self.interval.high,
            "pairs_p": self.p,
            "pairs_n": self.n_pairs,
            "pairs_share_matched": self.share_matched,
            "pairs_status": self.status.value,
        }
        return {k: v for k, v in facts.items() if isinstance(v, str) or math.isfinite(v)}


def matched_pairs(scores: Any, *, profile: Any, sensitive: Any, seed: int = 0) -> MatchedPairs:
    """Compare real customers of two groups that share a risk profile.

    Each customer of the smaller group is matched once, without replacement, to the nearest
    customer of the other group: categories weigh like two standard deviations, numbers are
    standardised, and pairs further apart than 0.25 standard deviations a column are not made.
    With many columns few people are alike in all of them; where under 70 % of the smaller group
    would find a partner, pairs are made alike in two scores of the profile instead: the predicted
    score (learnt on the larger group) and the propensity to belong to the other group.
    The gap is the intercept of the pair differences in score on the pair differences in profile,
    so that what little imbalance is left does not count as a gap.

    Parameters
    ----------
    scores : array-like of shape (n,)
        Decisions (0/1), risk scores or prices, one per customer.
    profile : DataFrame of shape (n, k)
        What may justify a difference. Leave the sensitive attribute and its proxies out.
    sensitive : array-like of shape (n,)
        Exactly two values. Rows where it is missing are left out and counted in the message.
    seed : int, default 0
        Order in which equally near partners are taken.

    Returns
    -------
    MatchedPairs
        *failed* where the gap is at least the limit and p < 0.01. *inconclusive* where under half
        of the smaller group found a partner, balance is poor, or the pairs are too few to see
        the limit. Otherwise *passed*.

    Raises
    ------
    DataError
        Lengths differ, scores or profile have missing values, or ``sensitive`` has not two values.

    References
    ----------
    Rosenbaum and Rubin (1985), "Constructing a control group using multivariate matched sampling"
    (calipers). Leacy and Stuart (2014), "On the joint use of propensity and prognostic scores"
    (two scores). Abadie and Imbens (2011), "Bias-corrected matching estimators" (adjustment).

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> risk = rng.normal(size=2000)
    >>> young = rng.random(2000) < 0.5
    >>> pairs = matched_pairs(risk + 0.3 * young > 0, profile={"risk": risk}, sensitive=young)
    >>> pairs.status, round(pairs.gap, 1)
    (<Status.FAILED: 'failed'>, 0.1)
    """
    score, frame, second, groups, dropped = _checked(scores, profile, sensitive)
    space = _space(frame)
    n_smaller = int(min(second.sum(), (~second).sum()))
    matched_on = "profile"
    reach = CALIPER * math.sqrt(frame.shape[1])
    a, b = _match(space, second, reach, np.random.default_rng(seed))
    if len(a) < SHARE_ALIKE_IN_ALL * n_smaller and n_smaller >= SMALLEST_FOR_SCORES:
        matched_on = "two scores of the profile"
        plane, reach = _two_scores(space, score, second), CALIPER * math.sqrt(2.0)
        a, b = _match(plane, second, reach, np.random.default_rng(seed))
    share = len(a) / n_smaller
    gap, error = _gap(score[b] - score[a], space[b] - space[a])
    limit = _limit(score)
    p, interval = _p_and_interval(gap, error)
    balance = _balance(frame, second, a, b)
    worst = float(balance["after"].abs().max()) if len(a) else math.inf
    status, reason = _verdict(gap, error, p, limit, share, worst)
    return MatchedPairs(
        groups=groups,
        gap=gap,
        interval=interval,
        p=p,
        limit=limit,
        n_pairs=len(a),
        share_matched=share,
        balance=balance,
        matched_on=matched_on,
        discordant=_discordant(score, a, b),
        status=status,
        message=_message(groups, gap, interval, len(a), share, f"{matched_on}; {reason}", dropped),
    )


def _checked(
    scores: Any, profile: Any, sensitive: Any
) -> tuple[np.ndarray, pd.DataFrame, np.ndarray, tuple[str, str], int]:
    frame = pd.DataFrame(profile).reset_index(drop=True)
    try:
        score = np.asarray(scores, dtype=float).ravel()
    except (ValueError, TypeError):
        raise DataError("scores are no numbers", accepted="0/1, risk scores or prices") from None
    attribute = pd.Series(np.asarray(sensitive).ravel())
    if not len(score) == len(frame) == len(attribute):
        raise DataError(
            f"scores, profile and sensitive have {len(score)}, {len(frame)} and"
            f" {len(attribute)} rows",
            accepted="one row per customer in each, in the same order",
        )
    known = attribute.notna().to_numpy()
    values = sorted(attribute[known].unique(), key=str)
    if len(values) != 2:
        raise DataError(
            f"sensitive has {len(values)} values",
            accepted="two groups",
            hint="compare them two at a time, or use group_metrics for all at once",
        )
    frame = frame[known].reset_index(drop=True)
    missing = [str(c) for c in frame.columns if frame[c].isna().any()]
    if missing or not np.isfinite(score[known]).all():
        raise DataError(
            f"missing values in {', '.join(missing) or 'scores'}",
            accepted="complete scores and profile columns",
            hint="make missing a category of its own, or leave those rows out and say so",
        )
    for name in frame.select_dtypes(["datetime", "datetimetz"]):
        frame[name] = frame[name].astype("int64")
    second = (attribute[known] == values[1]).to_numpy()
    return score[known], frame, second, (str(values[0]), str(values[1])), int((~known).sum())


def _space(frame: pd.DataFrame) -> np.ndarray:
    """Standardise numbers; a differing category is as far as two standard deviations."""
    columns = []
    for name in frame.columns:
        column = frame[name]
        if pd.api.types.is_numeric_dtype(column) and not pd.api.types.is_bool_dtype(column):
            spread = float(column.std(ddof=0))
            if spread > 0:
                columns.append(((column - column.mean()) / spread).to_numpy(dtype=float)[:, None])
        else:
            dummies = pd.get_dummies(column.astype(str)).to_numpy(dtype=float)
            columns.append(dummies * math.sqrt(2.0))
    return np.hstack(columns) if columns else np.zeros((len(frame), 1))


def _two_scores(space: np.ndarray, score: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Predicted score and propensity of each customer, standardised, shape (n, 2)."""
    from sklearn.linear_model import LogisticRegression, Ridge

    larger = second if second.sum() > (~second).sum() else ~second
    risk = Ridge(alpha=1.0).fit(space[larger], score[larger]).predict(space)
    propensity = LogisticRegression(max_iter=1000).fit(space, second).decision_function(space)
    scores = np.column_stack([risk, propensity])
    spread = scores.std(axis=0)
    return (scores - scores.mean(axis=0)) / np.where(spread > 0, spread, 1.0)


def _match(
    space: np.ndarray, second: np.ndarray, reach: float, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Greedy matching, nearest pairs first; returns row numbers of first and second group."""
    first_rows, second_rows = np.flatnonzero(~second), np.flatnonzero(second)
    few, many = sorted((first_rows, second_rows), key=len)
    few, many = rng.permutation(few), rng.permutation(many)
    pairs = _twins(space, few, many)
    while True:
        few, many = np.setdiff1d(few, pairs[:, 0]), np.setdiff1d(many, pairs[:, 1])
        few, many = rng.permutation(few), rng.permutation(many)
        more = _nearest(space, few, many, reach) if len(few) and len(many) else []
        if not len(more):
            break
        pairs = np.concatenate([pairs, more])
    first, other = pairs.T
    return (other, first) if len(pairs) and second[first[0]] else (first, other)


def _twins(space: np.ndarray, few: np.ndarray, many: np.ndarray) -> np.ndarray:
    """Pairs of equal profiles, shape (pairs, 2): the k-th of one group with the k-th of the other.

    A nearest-neighbour search sees only as many of a crowd of equals as it looks for.
    """
    profile = np.unique(space, axis=0, return_inverse=True)[1].ravel()
    sides = []
    for rows in (few, many):
        side = pd.DataFrame({"row": rows, "profile": profile[rows]})
        sides.append(side.assign(place=side.groupby("profile").cumcount()))
    return sides[0].merge(sides[1], on=["profile", "place"])[["row_x", "row_y"]].to_numpy()


def _nearest(
    space: np.ndarray, few: np.ndarray, many: np.ndarray, reach: float
) -> list[tuple[int, int]]:
    """Pair customers no further apart than ``reach``, each once, the nearest first."""
    from scipy.spatial import cKDTree

    k = min(NEIGHBOURS, len(many))
    distance, neighbour = cKDTree(space[many]).query(
        space[few], k=k, distance_upper_bound=reach + 1e-12
    )
    distance, neighbour = distance.reshape(len(few), k), neighbour.reshape(len(few), k)
    free_few, free_many = np.ones(len(few), bool), np.ones(len(many), bool)
    chosen = []
    for flat in np.argsort(distance, axis=None, kind="stable"):
        row, rank = divmod(int(flat), k)
        if not np.isfinite(distance[row, rank]):
            break
        partner = neighbour[row, rank]
        if free_few[row] and free_many[partner]:
            free_few[row] = free_many[partner] = False
            chosen.append((few[row], many[partner]))
    return chosen


def _gap(differences: np.ndarray, profile: np.ndarray) -> tuple[float, float]:
    """Intercept of score differences on profile differences, with its robust standard error."""
    import statsmodels.api as sm

    if not len(differences):
        return math.nan, math.nan
    # Columns that say the same twice are one direction.
    directions, sizes, _ = np.linalg.svd(profile, full_matrices=False)
    directions = directions[:, sizes > 1e-9 * max(float(sizes.max()), 1.0)]
    if len(differences) < directions.shape[1] + 10:
        return math.nan, math.nan
    design = np.column_stack([np.ones(len(differences)), directions])
    fit = sm.OLS(differences, design).fit(cov_type="HC1")
    return float(fit.params[0]), float(fit.bse[0])


def _limit(score: np.ndarray) -> float:
    within_unit = score.min() >= 0 and score.max() <= 1
    return GAP_LIMIT if within_unit else GAP_LIMIT * float(np.abs(score).mean())


def _p_and_interval(gap: float, error: float) -> tuple[float, Interval]:
    from scipy.stats import norm

    if not math.isfinite(gap):
        return math.nan, Interval(math.nan, math.nan, 0.99)
    if error < 1e-12:
        return (1.0 if abs(gap) < 1e-12 else 0.0), Interval(gap, gap, 0.99)
    half = float(norm.ppf(0.995)) * error
    return float(2 * norm.sf(abs(gap) / error)), Interval(gap - half, gap + half, 0.99)


def _verdict(
    gap: float, error: float, p: float, limit: float, share: float, worst: float
) -> tuple[Status, str]:
    if not math.isfinite(gap):
        return Status.INCONCLUSIVE, "too few pairs to estimate a gap"
    if share < SHARE_MATCHED_LIMIT:
        return Status.INCONCLUSIVE, "under half of the smaller group found a partner"
    if worst > IMBALANCE_LIMIT:
        return Status.INCONCLUSIVE, "the matched groups still differ in their profile"
    if abs(gap) >= limit and p < P_LIMIT:
        return Status.FAILED, "people alike in risk are treated differently"
    if abs(gap) >= limit:
        return Status.INCONCLUSIVE, "the gap is large but could be chance"
    # 2.58 and 0.84: a gap of the size of the limit is then seen at p < 0.01 four times in five.
    if (2.58 + 0.84) * error > limit:
        return Status.INCONCLUSIVE, "too few pairs to see a gap of the size of the limit"
    return Status.PASSED, "no gap of the size of the limit"


def _balance(frame: pd.DataFrame, second: np.ndarray, a: np.ndarray, b: np.ndarray) -> pd.DataFrame:
    rows = []
    for name in frame.columns:
        column = frame[name]
        if pd.api.types.is_numeric_dtype(column):
            parts = {str(name): column.astype(float)}
        else:
            dummies = pd.get_dummies(column.astype(str)).astype(float)
            parts = {f"{name}={level}": dummies[level] for level in dummies.columns}
        for label, values in parts.items():
            spread = float(values.std(ddof=0)) or 1.0
            before = (values[second].mean() - values[~second].mean()) / spread
            after = (values.iloc[b].mean() - values.iloc[a].mean()) / spread if len(a) else math.nan
            rows.append({"column": label, "before": before, "after": after})
    return pd.DataFrame(rows, columns=["column", "before", "after"])


def _discordant(score: np.ndarray, a: np.ndarray, b: np.ndarray) -> tuple[int, int]:
    if not np.isin(score, (0.0, 1.0)).all():
        return (0, 0)
    return int((score[a] > score[b]).sum()), int((score[b] > score[a]).sum())


def _message(
    groups: tuple[str, str],
    gap: float,
    interval: Interval,
    n_pairs: int,
    share: float,
    reason: str,
    dropped: int,
) -> str:
    text = (
        f"{groups[1]} minus {groups[0]} = {display(gap)} (99 % interval {interval}) over"
        f" {display(n_pairs)} pairs ({display(share, 'share')} of the smaller group) alike in"
        f" {reason}"
    )
    return text + (f"; {dropped} rows without the attribute left out." if dropped else ".")
