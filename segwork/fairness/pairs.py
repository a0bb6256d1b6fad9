"""Matched pairs: two real customers, the same risk profile, one of each group."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
import statsmodels.api as sm
from numpy.typing import ArrayLike
from scipy.stats import norm

from segwork.checks import Evidence, Rule, check, rules
from segwork.errors import DataError
from segwork.fairness.findings import Judged, one_length
from segwork.fairness.matching import balance, match, space, two_scores
from segwork.results import Interval, Status, display, facts_of

P_LIMIT = 0.01
CALIPER = 0.25
SHARE_MATCHED_LIMIT = 0.5
# Below this share, pairs alike in every column are too few: pairs alike in two scores are made.
SHARE_ALIKE_IN_ALL = 0.7
SMALLEST_FOR_SCORES = 50
IMBALANCE_LIMIT = 0.25


@dataclass(frozen=True)
class MatchedPairs(Judged):
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
    error : float
        Standard error of the gap.
    dropped : int
        Rows without the attribute, left out.
    found : Findings
        FA-05, with its definition, limit and source.
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
    error: float
    dropped: int

    def facts(self) -> dict[str, float | int | str]:
        """Return the finite facts of the test."""
        same, more = ("gap", "p", "share_matched", "status"), {"gap": "interval", "n": "n_pairs"}
        return facts_of(self, *same, prefix="pairs_", **more)


def matched_pairs(
    scores: ArrayLike,
    *,
    profile: pd.DataFrame | Mapping[str, ArrayLike],
    sensitive: ArrayLike,
    seed: int = 0,
) -> MatchedPairs:
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
    numbers = space(frame)
    n_smaller = int(min(second.sum(), (~second).sum()))
    matched_on = "profile"
    reach = CALIPER * math.sqrt(frame.shape[1])
    a, b = match(numbers, second, reach, np.random.default_rng(seed))
    if len(a) < SHARE_ALIKE_IN_ALL * n_smaller and n_smaller >= SMALLEST_FOR_SCORES:
        matched_on = "two scores of the profile"
        plane, reach = two_scores(numbers, score, second), CALIPER * math.sqrt(2.0)
        a, b = match(plane, second, reach, np.random.default_rng(seed))
    gap, error = _gap(score[b] - score[a], numbers[b] - numbers[a])
    p, interval = _p_and_interval(gap, error)
    return MatchedPairs(
        groups=groups,
        gap=gap,
        interval=interval,
        p=p,
        limit=_limit(score),
        n_pairs=len(a),
        share_matched=len(a) / n_smaller,
        balance=balance(frame, second, a, b),
        matched_on=matched_on,
        discordant=_discordant(score, a, b),
        error=error,
        dropped=dropped,
    ).judged("FA-05")


@check("FA-05")
def alike_in_risk(pairs: MatchedPairs, rule: Rule) -> Iterator[Evidence]:
    """Judge the gap between matched people: effect and evidence, overlap, balance, power."""
    status, reason = _verdict(pairs, rule)
    share = display(pairs.share_matched, "share")
    text = (
        f"{pairs.groups[1]} minus {pairs.groups[0]} = {display(pairs.gap)} (99 % interval"
        f" {pairs.interval}) over {display(pairs.n_pairs)} pairs ({share} of the smaller group)"
        f" alike in {pairs.matched_on}; {reason}"
    )
    if pairs.dropped:
        text += f"; {pairs.dropped} rows without the attribute left out"
    known = {"value": pairs.gap, "interval": pairs.interval} if math.isfinite(pairs.gap) else {}
    yield Evidence(n=pairs.n_pairs, of=pairs.n_pairs, note=text, status=status, **known)


def _verdict(pairs: MatchedPairs, rule: Rule) -> tuple[Status, str]:
    if not math.isfinite(pairs.gap):
        return Status.INCONCLUSIVE, "too few pairs to estimate a gap"
    if pairs.share_matched < SHARE_MATCHED_LIMIT:
        return Status.INCONCLUSIVE, "under half of the smaller group found a partner"
    if float(pairs.balance["after"].abs().max()) > IMBALANCE_LIMIT:
        return Status.INCONCLUSIVE, "the matched groups still differ in their profile"
    if abs(pairs.gap) >= pairs.limit and pairs.p < P_LIMIT:
        return rule.alarm, "people alike in risk are treated differently"
    if abs(pairs.gap) >= pairs.limit:
        return Status.INCONCLUSIVE, "the gap is large but could be chance"
    # 2.58 and 0.84: a gap of the size of the limit is then seen at p < 0.01 four times in five.
    if (2.58 + 0.84) * pairs.error > pairs.limit:
        return Status.INCONCLUSIVE, "too few pairs to see a gap of the size of the limit"
    return Status.PASSED, "no gap of the size of the limit"


def _checked(
    scores: ArrayLike, profile: pd.DataFrame | Mapping[str, ArrayLike], sensitive: ArrayLike
) -> tuple[np.ndarray, pd.DataFrame, np.ndarray, tuple[str, str], int]:
    frame = pd.DataFrame(profile).reset_index(drop=True)
    try:
        score = np.asarray(scores, dtype=float).ravel()
    except (ValueError, TypeError):
        raise DataError("scores are no numbers", accepted="0/1, risk scores or prices") from None
    attribute = pd.Series(np.asarray(sensitive).ravel())
    one_length(scores=score, profile=frame, sensitive=attribute)
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


def _gap(differences: np.ndarray, profile: np.ndarray) -> tuple[float, float]:
    """Intercept of score differences on profile differences, with its robust standard error."""
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
    """Five points of decisions, or that share of the mean price; the number of the rule."""
    share = rules("FA")["FA-05"].limit
    within_unit = score.min() >= 0 and score.max() <= 1
    return share if within_unit else share * float(np.abs(score).mean())


def _p_and_interval(gap: float, error: float) -> tuple[float, Interval]:
    if not math.isfinite(gap):
        return math.nan, Interval(math.nan, math.nan, 0.99)
    if error < 1e-12:
        return (1.0 if abs(gap) < 1e-12 else 0.0), Interval(gap, gap, 0.99)
    half = float(norm.ppf(0.995)) * error
    return float(2 * norm.sf(abs(gap) / error)), Interval(gap - half, gap + half, 0.99)


def _discordant(score: np.ndarray, a: np.ndarray, b: np.ndarray) -> tuple[int, int]:
    if not np.isin(score, (0.0, 1.0)).all():
        return (0, 0)
    return int((score[a] > score[b]).sum()), int((score[b] > score[a]).sum())
