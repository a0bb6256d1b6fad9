"""The model at work: its threshold, the recall of rare classes, weak segments, calibration."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from scipy.special import expit, logit
from scipy.stats import norm

from segwork.evidence import holm, wilson
from segwork.overfitting.case import Case
from segwork.overfitting.features import binned
from segwork.overfitting.findings import Check, alarm, not_applicable
from segwork.overfitting.metrics import choose_threshold, class_metrics
from segwork.overfitting.splits import CrossScore
from segwork.results import Status, display

FEWEST_EVENTS = 30
SLOPE_LOW, SLOPE_HIGH, SKILL_LOST = 0.80, 1.25, 0.10  # the alarm is for promising too much
WEAKER = 0.20
PROVENANCES = ("validation", "costs", "holdout")


@dataclass(frozen=True)
class Work:
    """The model at its operating point: checks, table by class, table by segment, numbers."""

    checks: list[Check]
    classes: pd.DataFrame
    segments: pd.DataFrame
    facts: dict[str, float]


def examine(
    case: Case, cross: CrossScore, *, costs: Mapping[str, float] | None, floor: float | None
) -> Work:
    """Run OF-14, OF-18 and OF-20 on rows the model did not learn from."""
    rows = cross.rows
    codes = case.codes[rows]
    why = own_decision(case, cross)
    decided, facts = decide_by_cost(case, cross, costs=costs)
    if why:
        decided, facts = cross.decisions[rows], {}
    calibration, numbers = check_calibration(case, cross)
    weak, segments = check_segments(case, cross)
    classes = class_metrics(
        codes, decided, cross.scores[rows], classes=case.classes, seed=case.seed
    )
    recall = check_recall(case, codes, decided, why, floor=floor or 1 / len(case.classes))
    return Work([recall, weak, calibration], classes, segments, facts | numbers)


def rare_recall(
    case: Case, cross: CrossScore, costs: Mapping[str, float] | None
) -> tuple[float, float, float]:
    """Recall of the rarest class at the operating threshold, with its interval."""
    decided = decide_by_cost(case, cross, costs=costs)[0]
    if own_decision(case, cross):
        decided = cross.decisions[cross.rows]
    rare = case.codes[cross.rows] == case.rare
    hit, n = int((rare & (decided == case.rare)).sum()), int(rare.sum())
    span = wilson(hit, n)
    return hit / max(n, 1), span.low, span.high


def fixed_threshold(estimator: Any) -> float | None:
    """Return a threshold written into the estimator; None where it has none or tunes its own."""
    last = estimator[-1] if hasattr(estimator, "steps") else estimator
    if not hasattr(last, "predict"):
        return None
    value = last.get_params(deep=False).get("threshold")
    return float(value) if isinstance(value, int | float) and value != 0.5 else None


def own_decision(case: Case, cross: CrossScore) -> str:
    """Say why the model's own decision is its operating point; empty where it is the 0.5 default.

    The default cut says nothing about a model, so the threshold is then chosen by cost. A model
    with a cut of its own, or whose probabilities are pushed away from a class, is judged as it is.
    """
    rows = cross.rows
    scores, codes = cross.scores[rows], case.codes[rows]
    if fixed_threshold(case.estimator) is not None:
        return "its own threshold"
    if cross.apart > 0.002:
        return "its own decision rule"
    if _are_probabilities(scores):
        expected, n = float(scores[:, case.rare].mean()), int((codes == case.rare).sum())
        if expected < 0.5 * wilson(n, len(rows)).low:
            return "probabilities pushed away from the class"
    return ""


def decide_by_cost(
    case: Case, cross: CrossScore, *, costs: Mapping[str, float] | None
) -> tuple[np.ndarray, dict[str, float]]:
    """Decide every held-out row with a threshold chosen on the other half of the rows.

    Two classes: lowest cost. More: the class with the highest score against its base rate.
    """
    rows = cross.rows
    codes, scores = case.codes[rows], cross.scores[rows]
    if len(case.classes) > 2:
        shares = np.bincount(codes, minlength=len(case.classes)) / len(rows)
        if _are_probabilities(scores):
            return (scores / np.maximum(shares, 1e-12)).argmax(axis=1), {}
        return scores.argmax(axis=1), {}
    half = np.random.default_rng(case.seed).permutation(len(rows)) % 2
    decided, cuts = np.zeros(len(rows), dtype=int), []
    for part in (0, 1):
        cut = choose_threshold(codes[half != part] == 1, scores[half != part, 1], costs=costs)
        decided[half == part] = scores[half == part, 1] >= cut
        cuts.append(cut)
    return decided, {"threshold": float(np.mean(cuts))}


def check_threshold(case: Case, provenance: str | None) -> Check:
    """OF-13: a threshold whose origin nobody can name may come from the holdout."""
    value = fixed_threshold(case.estimator)
    if provenance == "holdout":
        text = "The threshold was chosen on the held-out rows it is judged on"
        return Check("OF-13", alarm("OF-13"), f"{text}.")
    if value is None:
        text = "Thresholds are chosen on validation rows and judged on others"
        return Check("OF-13", Status.PASSED, f"{text}.")
    if provenance is None:
        text = f"The threshold {value:g} is fixed and nobody says on which rows it was chosen"
        return Check("OF-13", alarm("OF-13"), f"{text}: set threshold_from.", share=value)
    return Check("OF-13", Status.PASSED, f"The threshold {value:g} comes from {provenance}.")


def check_recall(
    case: Case, codes: np.ndarray, decided: np.ndarray, why: str, *, floor: float
) -> Check:
    """OF-14: recall of every class at the operating threshold, the rarest first.

    Where the threshold was chosen by cost, the other class of two pays for it and is only told.
    """
    worst, told = Status.PASSED, []
    by_cost = not why and len(case.classes) == 2
    for k in case.rarest_first:
        n, hit = int((codes == k).sum()), int(((codes == k) & (decided == k)).sum())
        span = wilson(hit, n)
        found = f"{case.classes[k]} {hit / max(n, 1):.1%} ({span.low:.1%} to {span.high:.1%})"
        if n < FEWEST_EVENTS:
            worst = Status.INCONCLUSIVE if worst is Status.PASSED else worst
            told.append(f"{found} of only {n}")
        elif span.high < floor and not (by_cost and k != case.rare):
            worst = alarm("OF-14")
            told.append(f"{found}, below {display(floor, 'share')}")
        else:
            told.append(found)
    rare = case.rare
    missed = int(((codes == rare) & (decided != rare)).sum())
    at = why or "the threshold of lowest cost on validation rows"
    share = 1 - missed / max(int((codes == rare).sum()), 1)
    return Check("OF-14", worst, f"Recall at {at}: {'; '.join(told)}.", n_rows=missed, share=share)


def check_calibration(case: Case, cross: CrossScore) -> tuple[Check, dict[str, float]]:
    """OF-20: slope and expected error of the rarest class's held-out probabilities.

    A slope that is too low held out and right on the rows learned from is optimism, which OF-01
    and OF-03 judge: it is said. The alarm is for probabilities that promise too much even there.
    """
    rows = cross.rows
    scores, event = cross.scores[rows], case.codes[rows] == case.rare
    if not _are_probabilities(scores):
        return not_applicable("OF-20", "the model gives no probabilities"), {}
    if min(event.sum(), (~event).sum()) < FEWEST_EVENTS:
        return Check("OF-20", Status.INCONCLUSIVE, "Fewer than 30 events or others."), {}
    p = scores[:, case.rare]
    if np.ptp(p) < 1e-9:
        return not_applicable("OF-20", "every row gets the same probability"), {}
    fit, ece = calibration_line(event, p), expected_error(event, p)
    text = (
        f"Calibration slope {fit['slope']:.2f} (95 % interval {fit['low']:.2f} to"
        f" {fit['high']:.2f}), intercept {fit['intercept']:+.2f}, expected error {ece:.3f};"
        f" its slope costs {fit['skill_lost']:.0%} of the model's skill"
    )
    facts = {"calibration_slope": fit["slope"], "calibration_error": ece}
    status = Status.PASSED
    # Averages of many trees are too modest however honest they are: said, and no alarm.
    if fit["low"] > SLOPE_HIGH:
        text += "; too modest: recalibrate before the probabilities themselves are used"
    elif fit["high"] < SLOPE_LOW and fit["skill_lost"] > SKILL_LOST:
        text += "; they promise too much: recalibrate before they are used as probabilities"
        codes = np.concatenate([part[0] for part in cross.learned])
        at_home = np.concatenate([part[1][:, case.rare] for part in cross.learned])
        if calibration_line(codes == case.rare, at_home)["high"] < SLOPE_LOW:
            text, status = f"{text}, even on the rows learned from", alarm("OF-20")
    return Check("OF-20", status, f"{text}.", share=fit["slope"]), facts


def calibration_line(event: np.ndarray, p: np.ndarray) -> dict[str, float]:
    """Fit event ~ intercept + slope · logit(p); also what its slope costs in log-loss.

    Returns
    -------
    dict
        intercept, slope, low, high (95 % interval of the slope), skill_lost.

    References
    ----------
    Cox (1958), "Two further applications of a model for binary regression".
    """
    from sklearn.linear_model import LogisticRegression

    x = logit(np.clip(p, 1e-4, 1 - 1e-4))
    line = LogisticRegression(C=1e6, max_iter=1000).fit(x[:, None], event)
    slope, intercept = float(line.coef_[0, 0]), float(line.intercept_[0])
    fitted = expit(intercept + slope * x)
    design = np.column_stack([np.ones_like(x), x])
    information = design.T @ (design * (fitted * (1 - fitted))[:, None])
    error = float(np.sqrt(np.linalg.pinv(information)[1, 1]))
    shift = _shift_to_rate(x, event.mean())
    null = _loss(event, np.full(len(x), event.mean()))
    best = _loss(event, fitted)
    lost = (_loss(event, expit(x + shift)) - best) / max(null - best, 1e-9)
    low, high = slope - 1.96 * error, slope + 1.96 * error
    return {"slope": slope, "intercept": intercept, "low": low, "high": high, "skill_lost": lost}


def _shift_to_rate(x: np.ndarray, rate: float) -> float:
    """Constant that makes the mean probability equal to the rate (a class weight moves only it)."""
    shift = 0.0
    for _ in range(50):
        p = expit(x + shift)
        shift += float(np.clip((rate - p.mean()) / max((p * (1 - p)).mean(), 1e-9), -2, 2))
    return shift


def _loss(event: np.ndarray, p: np.ndarray) -> float:
    p = np.clip(p, 1e-9, 1 - 1e-9)
    return float(-np.mean(np.where(event, np.log(p), np.log(1 - p))))


def expected_error(event: np.ndarray, p: np.ndarray, *, bins: int = 10) -> float:
    """Mean absolute difference of predicted and observed shares over equally filled bins."""
    return float(
        np.sum([b["share"] * abs(b["p"] - b["rate"]) for b in reliability(event, p, bins)])
    )


def reliability(event: np.ndarray, p: np.ndarray, bins: int = 10) -> list[dict[str, float]]:
    """Predicted mean, observed share with Wilson interval and weight of equally filled bins."""
    rows = []
    for part in np.array_split(np.argsort(p, kind="stable"), bins):
        span = wilson(int(event[part].sum()), len(part))
        rows.append(
            {"p": float(p[part].mean()), "rate": float(event[part].mean())}
            | {"low": span.low, "high": span.high, "share": len(part) / len(p)}
        )
    return rows


def check_segments(case: Case, cross: CrossScore) -> tuple[Check, pd.DataFrame]:
    """OF-18: segments where the model errs clearly more than a fifth beyond what it expects.

    Area falls in any segment cut along a strong feature; squared error against the error the
    recalibrated probability announces does not.
    """
    rows = cross.rows
    event, scores = case.codes[rows] == case.rare, cross.scores[rows]
    if not _are_probabilities(scores) or min(event.sum(), (~event).sum()) < FEWEST_EVENTS:
        return not_applicable("OF-18", "no probabilities, or too few events"), pd.DataFrame()
    x = logit(np.clip(scores[:, case.rare], 1e-4, 1 - 1e-4))
    from sklearn.isotonic import IsotonicRegression

    p = IsotonicRegression(out_of_bounds="clip").fit(x, event).predict(x)
    p = np.clip(p, 0.005, 0.995)
    observed, expected = (event - p) ** 2, p * (1 - p)
    spread = p * (1 - p) * (1 - 2 * p) ** 2
    found = []
    for name in case.X:
        codes = binned(case.X[name].iloc[rows])
        for code in np.unique(codes)[:30]:
            part = codes == code
            if part.sum() < 100 or part.mean() > 0.5:
                continue
            announced = expected[part].sum()
            excess = observed[part].sum() / announced - 1
            z = (excess - WEAKER) * announced / max(np.sqrt(spread[part].sum()), 1e-9)
            label = case.X[name].iloc[rows[np.argmax(part)]]
            found.append((name, label, int(part.sum()), excess, norm.sf(z)))
    table = pd.DataFrame(found, columns=["column", "value", "n", "excess_error", "p"])
    if table.empty:
        return not_applicable("OF-18", "no segment of 100 rows"), table
    table["p"] = holm(table["p"].to_numpy())
    weak = table[table["p"] < 0.01]
    if weak.empty:
        text = f"{len(table)} segments looked at; none errs much more than announced"
        return Check("OF-18", Status.PASSED, f"{text}."), table
    worst = weak.sort_values("p", kind="stable").iloc[0]
    text = (
        f"{len(weak)} segments err more than announced; around {worst['column']} ="
        f" {display(worst['value'])} by {worst['excess_error']:.0%}"
    )
    columns = tuple(dict.fromkeys(weak["column"]))
    return Check("OF-18", alarm("OF-18"), f"{text}.", columns, n_rows=int(weak["n"].sum())), table


def _are_probabilities(scores: np.ndarray) -> bool:
    inside = scores.min() >= -1e-9 and scores.max() <= 1 + 1e-9
    hard = np.all((scores < 1e-12) | (scores > 1 - 1e-12))
    return bool(inside and not hard and np.allclose(scores.sum(axis=1), 1, atol=1e-3))
