"""What single features tell about the label: leaks (OF-10), selection (OF-11), one rule (OF-17)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np
import pandas as pd
from scipy.stats import norm

from segwork.errors import UsageError
from segwork.evidence import wilson
from segwork.overfitting.case import Case
from segwork.overfitting.findings import Check, alarm, not_applicable
from segwork.overfitting.roc import Estimate, auc, macro_auc
from segwork.overfitting.splits import CrossScore, Folds
from segwork.results import Status

LEAK_AUC, LEAK_FLOOR = 0.90, 0.85
PURE, COVERED, MOSTLY_OTHER = 0.95, 0.30, 0.35
SUSPECT_AUC, SUSPECT_LEAD, STRONG_AUC = 0.70, 0.05, 0.80
FEWEST_TO_JUDGE = 30  # rows of each class
EQUAL_MARGIN = 0.02  # in area: what a model must be able to add to its best feature
SEARCHED = 4.0
N_BINS, N_FOLDS = 20, 5


@dataclass(frozen=True)
class Single:
    """How well one feature alone ranks the rows.

    Attributes
    ----------
    name : str
    area : Estimate
        Mean one-against-rest area of the better of two readings: its order, or rates by bin.
    score : ndarray, shape (n, n_classes)
    pure : float
        Share of the rarest class in bins that hold almost nothing else.
    """

    name: str
    area: Estimate
    score: np.ndarray
    pure: float


def single_features(case: Case) -> list[Single]:
    """Score every feature alone, strongest first."""
    fold = np.random.default_rng(case.seed).integers(0, N_FOLDS, len(case))
    found = [_single(case, name, fold) for name in case.X]
    return sorted(found, key=lambda single: -single.area.value)


def _single(case: Case, name: str, fold: np.ndarray) -> Single:
    column = case.X[name]
    bins = binned(column)
    order = column.to_numpy(dtype=float) if pd.api.types.is_numeric_dtype(column) else None
    score = np.column_stack([_rates(bins, case.codes == k, fold) for k in range(len(case.classes))])
    parts = []
    for k in [1] if len(case.classes) == 2 else range(len(case.classes)):
        event = case.codes == k
        best, pull = auc(event, score[:, k])
        if order is not None and np.isfinite(order).all():
            area, influence = auc(event, order)
            if max(area, 1 - area) > best:
                sign = 1 if area > 0.5 else -1
                best, pull = max(area, 1 - area), sign * influence
                score[:, k] = sign * order
                if len(case.classes) == 2:
                    score[:, 0] = -score[:, 1]
        parts.append((best, pull))
    value = float(np.mean([part[0] for part in parts]))
    area = Estimate(value, np.mean([part[1] for part in parts], axis=0), case.groups)
    return Single(name, area, score, _pure_share(bins, case.codes == case.rare))


def binned(column: pd.Series) -> np.ndarray:
    """Return small codes: quantile bins of a number, frequent values of a word, gaps apart."""
    if pd.api.types.is_numeric_dtype(column) and column.nunique() > N_BINS:
        codes = pd.qcut(column, N_BINS, labels=False, duplicates="drop")
        return codes.fillna(N_BINS).to_numpy(dtype=int)
    codes, values = pd.factorize(column, use_na_sentinel=False)
    counts = np.bincount(codes, minlength=len(values))
    rank = np.argsort(np.argsort(-counts, kind="stable"), kind="stable")
    return np.minimum(rank[codes], 50)


def _rates(bins: np.ndarray, event: np.ndarray, fold: np.ndarray) -> np.ndarray:
    """Share of the event in the row's bin, counted without the row's own fold."""
    cell = bins * N_FOLDS + fold
    size = (bins.max() + 1) * N_FOLDS
    n = np.bincount(cell, minlength=size).reshape(-1, N_FOLDS)
    k = np.bincount(cell, weights=event, minlength=size).reshape(-1, N_FOLDS)
    base = event.mean()
    rate = (k.sum(1, keepdims=True) - k + 5 * base) / (n.sum(1, keepdims=True) - n + 5)
    return rate[bins, fold]


def _pure_share(bins: np.ndarray, event: np.ndarray) -> float:
    if event.mean() > MOSTLY_OTHER:
        return 0.0
    n, k = np.bincount(bins), np.bincount(bins, weights=event)
    order = np.argsort(-k / np.maximum(n, 1), kind="stable")
    best = 0.0
    for among, events in zip(np.cumsum(n[order]), np.cumsum(k[order]), strict=True):
        if wilson(int(events), int(among)).low >= PURE:
            best = float(events / max(k.sum(), 1))
    return best


def refused_columns(
    case: Case, known_at: Mapping[str, Any] | None, as_of: date | None
) -> list[str]:
    """Return features declared as known only after the decision.

    Raises
    ------
    UsageError
        A declared name is no feature, or a value is neither a date, "before …" nor "after …".
    """
    refused = []
    for name, moment in (known_at or {}).items():
        if name not in case.X:
            raise UsageError.unknown("feature", name, list(case.X), where="known_at")
        if isinstance(moment, str) and moment.lower().startswith(("before", "after")):
            late = moment.lower().startswith("after")
        else:
            late = _is_late(name, moment, as_of)
        if late:
            refused.append(name)
    if len(refused) == case.X.shape[1]:
        raise UsageError("every feature is known only after the decision", accepted="one before it")
    return refused


def _is_late(name: str, moment: Any, as_of: date | None) -> bool:
    try:
        day = pd.Timestamp(moment)
    except (ValueError, TypeError):
        raise UsageError(
            f"known_at of '{name}' is {moment!r}", accepted="a date, 'before decision' or 'after …'"
        ) from None
    if as_of is None:
        raise UsageError(f"known_at of '{name}' is a date", accepted="as_of beside it")
    return bool(day >= pd.Timestamp(as_of))


def check_leaks(
    singles: list[Single], refused: list[str], declared: set[str]
) -> tuple[Check, pd.DataFrame]:
    """OF-10: features that know the label, or that are declared as known too late; and suspects."""
    leaks = [
        s
        for s in singles
        if s.name not in declared
        and ((s.area.value > LEAK_AUC and s.area.interval().low > LEAK_FLOOR) or s.pure >= COVERED)
    ]
    suspects = _suspects(singles, declared)
    if refused:
        text = f"{', '.join(refused)}: declared as not known at the time of the decision, left out"
        names = tuple(refused) + tuple(s.name for s in leaks if s.name not in refused)
        return Check("OF-10", alarm("OF-10"), f"{text}.", names, share=None), suspects
    if leaks:
        told = "; ".join(_told(s) for s in leaks)
        check = Check(
            "OF-10",
            alarm("OF-10"),
            f"Stronger than an honest feature is: {told}. When is it known?",
            tuple(s.name for s in leaks),
            share=leaks[0].area.value,
        )
        return check, suspects
    if len(suspects):
        names = tuple(suspects["column"])
        text = f"{', '.join(names)} stands out and nobody declared when it is known"
        check = Check("OF-10", Status.INCONCLUSIVE, f"{text}: set known_at.", names)
        return check, suspects
    best = f"{singles[0].name} alone reaches an area of {singles[0].area.value:.3f}"
    return Check("OF-10", Status.PASSED, f"No feature gives the label away; {best}."), suspects


def _told(single: Single) -> str:
    if single.area.value > LEAK_AUC:
        return f"{single.name} alone reaches an area of {single.area.value:.3f}"
    return f"{single.name} marks {single.pure:.0%} of the rarest class and almost nobody else"


def _suspects(singles: list[Single], declared: set[str]) -> pd.DataFrame:
    rows = []
    for place, single in enumerate(singles):
        following = singles[place + 1].area.value if place + 1 < len(singles) else 0.5
        stands_out = place == 0 and single.area.value - following >= SUSPECT_LEAD
        strong = single.area.value >= SUSPECT_AUC and stands_out
        if single.name not in declared and (strong or single.area.value >= STRONG_AUC):
            rows.append((single.name, single.area.value, single.area.value - following))
    return pd.DataFrame(rows, columns=["column", "auc_alone", "ahead_of_next"])


def check_one_rule(case: Case, singles: list[Single], folds: Folds, cross: CrossScore) -> Check:
    """OF-17: is the model better than the best single feature on the same rows?"""
    if len(singles) < 2:
        return not_applicable("OF-17", "there is one feature only")
    name = singles[0].name
    gain = cross.held.minus(_best_alone(case, singles, folds))
    span = gain.interval()
    text = (
        f"The model is {gain.value:+.3f} (95 % interval {span.low:+.3f} to {span.high:+.3f}) in"
        f" area against the best feature alone ({name})"
    )
    if span.low > 0:
        return Check("OF-17", Status.PASSED, f"{text}.", share=gain.value)
    if span.high < EQUAL_MARGIN and case.counts.min() >= FEWEST_TO_JUDGE:
        return Check("OF-17", alarm("OF-17"), f"{text}.", (name,), share=gain.value)
    return Check("OF-17", Status.INCONCLUSIVE, f"{text}; more rows decide.", share=gain.value)


def _best_alone(case: Case, singles: list[Single], folds: Folds) -> Estimate:
    """Area of the feature that is best on the rows learned from, on the rows held out.

    Chosen on the rows that judge it, the best of twelve like features looks 0.01 too good.
    """
    value, pull = 0.0, np.zeros(len(case))
    weight = sum(len(held) for _, held in folds)
    for learn, held in folds:
        best = max(singles, key=lambda one: macro_auc(case.codes[learn], one.score[learn])[0])
        area, influence = macro_auc(case.codes[held], best.score[held])
        value += area * len(held) / weight
        pull[held] += influence * len(held) / weight
    return Estimate(value, pull, case.groups)


def check_selection(case: Case) -> Check:
    """OF-11: do the features look like the winners of a search through noise?

    Winners of a search stop dead at the cut and crowd above it (a truncated normal tail). Honest
    strengths scatter by at least one standard error. The two are compared by likelihood, once for
    linear and once for rank correlation, as nobody knows which one a search has used.
    """
    found = [_search_evidence(_strengths(case, ranks)) for ranks in (False, True)]
    found = [item for item in found if item]
    if not found:
        return not_applicable("OF-11", "fewer than five comparable features")
    evidence, cut, n = max(found)
    text = f"The weakest of {n} features lies {cut:.1f} standard errors from nothing"
    if cut > 1.8 and evidence > SEARCHED:
        tried = n / (2 * norm.sf(cut))
        text += f"; they crowd above it like the best of about {tried:,.0f} columns of noise"
        return Check("OF-11", alarm("OF-11"), f"{text}.", tuple(case.X)[:20])
    return Check("OF-11", Status.PASSED, f"{text}; no sign of a search outside the folds.")


def _search_evidence(strength: np.ndarray) -> tuple[float, float, int] | None:
    """Log likelihood ratio of a search through noise, the weakest strength, and their number."""
    strength = strength[strength < 6.0]
    if len(strength) < 5:
        return None
    cut = float(strength.min())
    searched = norm.logpdf(strength) - norm.logsf(cut)
    scale = float(np.sqrt(np.mean(strength**2)))
    honest = max(
        norm.logpdf(strength, strength.mean(), max(float(strength.std()), 1.0)).sum(),
        (np.log(2) + norm.logpdf(strength, 0, scale)).sum(),
    )
    return float(searched.sum() - honest - np.log(len(strength))), cut, len(strength)


def _strengths(case: Case, ranks: bool) -> np.ndarray:
    """Absolute z of each number against the rarest class, of features not tied to one another."""
    numbers = case.X.select_dtypes("number")
    numbers = numbers.loc[:, numbers.nunique() > 10].iloc[:, :500]
    if numbers.shape[1] < 5:
        return np.zeros(0)
    filled = numbers.fillna(numbers.median())
    values = (filled.rank() if ranks else filled).to_numpy(dtype=float)
    values = (values - values.mean(0)) / np.maximum(values.std(0), 1e-12)
    event = (case.codes == case.rare).astype(float)
    r = values.T @ (event - event.mean()) / (len(case) * max(event.std(), 1e-12))
    z = np.abs(np.arctanh(np.clip(r, -0.999999, 0.999999))) * np.sqrt(max(len(case) - 3, 1))
    tied = np.abs(values.T @ values / len(case)) > max(0.3, 4 / np.sqrt(len(case)))
    kept: list[int] = []
    for j in range(len(z)):
        if not tied[j, kept].any():
            kept.append(j)
    return z[kept]
