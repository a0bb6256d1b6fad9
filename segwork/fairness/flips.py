"""Attribute flips: the same customers, one input changed, the model asked again."""

from __future__ import annotations

import difflib
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from sklearn.base import BaseEstimator, clone, is_classifier
from tqdm import tqdm

from segwork.checks import Evidence, NotApplicable, Rule, check
from segwork.errors import DataError
from segwork.fairness.findings import Judged
from segwork.progress import unwatched
from segwork.results import Status, display, facts_of

ERRORS_LIMIT = 2.58


@dataclass(frozen=True)
class AttributeFlip(Judged):
    """What changing one input does to the decisions of a model.

    Attributes
    ----------
    values : tuple
        The two values put in.
    net_share : float
        Share of customers decided positive at the second value minus at the first.
    standard_error : float
        Of ``net_share``, over refits of the model on resampled customers.
    share_changed : float
        Customers whose decision differs either way.
    mean_score_change : float
        Mean change of the predicted probability; NaN where the model has none.
    n : int
    refits : int
    column : str
    absent : str
        Why no flip is possible: the model's input has no such column; else empty.
    alike : bool
        Whether everybody is decided alike, whatever the value.
    found : Findings
        FA-04, with its definition, limit and source.
    """

    values: tuple[object, object]
    net_share: float
    standard_error: float
    share_changed: float
    mean_score_change: float
    n: int
    refits: int
    column: str
    absent: str = ""
    alike: bool = False

    def facts(self) -> dict[str, float | int | str]:
        """Return the finite facts of the test."""
        names = ("net_share", "standard_error", "share_changed", "mean_score_change", "n", "status")
        return facts_of(self, *names, prefix="flip_")


def attribute_flip(
    estimator: BaseEstimator,
    X: pd.DataFrame | Mapping[str, ArrayLike],
    y: ArrayLike,
    *,
    column: str,
    values: Sequence[object],
    refits: int = 60,
    seed: int = 0,
) -> AttributeFlip:
    """Set one attribute to each of two values for everybody and count changed decisions.

    A perturbation of the input, not a causal claim: it sees what the model does with the attribute
    itself and is blind to proxies, because they stay as they are.

    Parameters
    ----------
    estimator : scikit-learn classifier
        Cloned and fitted on ``X``, ``y``, never changed.
    X : DataFrame of shape (n, k)
    y : array-like of shape (n,)
        Two classes; the second in sorted order is the positive decision.
    column : str
        The attribute. Where the model's input has no such column the answer is *not applicable*.
    values : sequence of two
    refits : int, default 60
        Resamples behind the standard error; a p-value from one model's flips fires in three of
        four fair worlds, because one model flips every borderline case the same way.
    seed : int, default 0

    Returns
    -------
    AttributeFlip
        *failed* at a net share of at least 3 % that is above 2.58 refit standard errors,
        *inconclusive* where the share is as large but not clear of chance, or where the standard
        error is too large to see 3 %; otherwise *passed*.

    Raises
    ------
    DataError
        ``values`` are not two, lengths differ, or ``y`` has not two classes.

    Examples
    --------
    >>> from sklearn.linear_model import LogisticRegression
    >>> rng = np.random.default_rng(0)
    >>> X = pd.DataFrame({"risk": rng.normal(size=2000), "young": rng.integers(0, 2, 2000)})
    >>> y = rng.random(2000) < 1 / (1 + np.exp(-X["risk"] - X["young"]))
    >>> flip = attribute_flip(LogisticRegression(), X, y, column="young", values=(0, 1), refits=20)
    >>> flip.status
    <Status.FAILED: 'failed'>
    """
    frame, target, first, second = _checked(X, y, values)
    estimator = _seeded(estimator, seed)
    if column not in frame.columns:
        near = difflib.get_close_matches(column, [str(c) for c in frame.columns], n=1)
        hint = f" (did you mean '{near[0]}'?)" if near else ""
        absent = f"the model's input has no column '{column}'{hint}"
        nothing = AttributeFlip((first, second), 0.0, 0.0, 0.0, 0.0, len(frame), 0, column, absent)
        return nothing.judged("FA-04")
    both = pd.concat([_everybody(frame, column, value) for value in (first, second)])
    model, before, after = _decisions(estimator, frame, target, both)
    return AttributeFlip(
        values=(first, second),
        net_share=float(after.mean() - before.mean()),
        standard_error=_refit_error(estimator, frame, target, both, refits, seed),
        share_changed=float((after != before).mean()),
        mean_score_change=_score_change(model, both),
        n=len(frame),
        refits=refits,
        column=column,
        alike=bool(np.ptp(np.r_[before, after].astype(int)) == 0),
    ).judged("FA-04")


@check("FA-04")
def uses_attribute(flip: AttributeFlip, rule: Rule) -> Iterator[Evidence]:
    """Judge the net share of changed decisions: effect, refit standard errors, power."""
    if flip.absent:
        raise NotApplicable(
            f"{flip.absent}, so no flip can change a decision; it may still act through proxies,"
            " which only matched pairs can see"
        )
    status, reason = _verdict(flip, rule)
    net, (first, second) = flip.net_share, flip.values  # noqa: PD011 (the two put in)
    text = (
        f"setting {flip.column} to {second} instead of {first} changes the share of"
        f" positive decisions by {display(net, 'share')} (standard error"
        f" {display(flip.standard_error, 'share')} over {flip.refits} refits); {reason}"
    )
    n = round(abs(net) * flip.n)
    yield Evidence(columns=(flip.column,), n=n, of=flip.n, value=net, note=text, status=status)


def _checked(
    X: pd.DataFrame | Mapping[str, ArrayLike], y: ArrayLike, values: Sequence[object]
) -> tuple[pd.DataFrame, np.ndarray, object, object]:
    frame = pd.DataFrame(X).reset_index(drop=True)
    target = np.asarray(y).ravel()
    if len(values) != 2 or values[0] == values[1]:
        raise DataError(f"values are {list(values)!r}", accepted="two values of the attribute")
    if len(frame) != len(target):
        raise DataError(f"X has {len(frame)} rows, y {len(target)}", accepted="the same number")
    classes = np.unique(target)
    if len(classes) != 2:
        raise DataError(f"y has {len(classes)} classes", accepted="two: decided against or for")
    return frame, (target == classes[1]).astype(int), values[0], values[1]


def _seeded(estimator: BaseEstimator, seed: int) -> BaseEstimator:
    """Return a clone whose open ``random_state`` are all set."""
    if not is_classifier(estimator):
        raise DataError(f"estimator is a {type(estimator).__name__}", accepted="a classifier")
    known = clone(estimator).get_params()
    seeds = {k: seed for k, v in known.items() if k.endswith("random_state") and v is None}
    return clone(estimator).set_params(**seeds)


def _everybody(frame: pd.DataFrame, column: str, value: object) -> pd.DataFrame:
    """Give everybody one value of the attribute; the column keeps its type."""
    changed, dtype = frame.copy(), frame[column].dtype
    try:
        changed[column] = pd.Series([value] * len(frame)).astype(dtype)
    except (ValueError, TypeError):
        changed[column] = pd.NA
    if changed[column].isna().any() or changed[column].iloc[0] != value:
        raise DataError(
            f"column '{column}' of type {dtype} cannot hold {value!r}",
            accepted="values as the model knows them",
        )
    return changed


def _decisions(
    estimator: BaseEstimator, X: pd.DataFrame, y: np.ndarray, both: pd.DataFrame
) -> tuple[BaseEstimator, np.ndarray, np.ndarray]:
    """Fit, and decide about everybody at the first value (first half) and at the second."""
    try:
        model = clone(estimator).fit(X, y)
    except (ValueError, TypeError) as fault:
        raise DataError(
            f"{type(estimator).__name__} cannot be fitted to X: {str(fault).splitlines()[0]}",
            accepted="a classifier, or a pipeline, that takes these columns",
        ) from fault
    before, after = np.split(np.asarray(model.predict(both)).ravel() == 1, 2)
    return model, before, after


def _score_change(model: BaseEstimator, both: pd.DataFrame) -> float:
    if not hasattr(model, "predict_proba"):
        return math.nan
    before, after = np.split(model.predict_proba(both)[:, 1], 2)
    return float((after - before).mean())


def _refit_error(
    estimator: BaseEstimator,
    X: pd.DataFrame,
    y: np.ndarray,
    both: pd.DataFrame,
    refits: int,
    seed: int,
) -> float:
    rng = np.random.default_rng(seed)
    shares = []
    for _ in tqdm(range(refits), desc="refits", disable=unwatched(), leave=False):
        rows = rng.integers(0, len(X), len(X))
        if np.ptp(y[rows]) == 0:
            continue
        _, before, after = _decisions(estimator, X.iloc[rows], y[rows], both)
        shares.append(float(after.mean() - before.mean()))
    return float(np.std(shares, ddof=1)) if len(shares) > 1 else math.nan


def _verdict(flip: AttributeFlip, rule: Rule) -> tuple[Status, str]:
    if flip.alike:
        return Status.INCONCLUSIVE, "the model decides alike about everybody"
    if not math.isfinite(flip.standard_error):
        return Status.INCONCLUSIVE, "too few refits to know the standard error"
    if abs(flip.net_share) >= rule.limit:
        if abs(flip.net_share) > ERRORS_LIMIT * flip.standard_error:
            return rule.alarm, "the model decides by this attribute"
        return Status.INCONCLUSIVE, "the share is large but could be chance"
    # 2.58 and 0.84: a share of 3 % would then be seen four times in five.
    if (ERRORS_LIMIT + 0.84) * flip.standard_error > rule.limit:
        return Status.INCONCLUSIVE, "too few customers to see a share of 3 %"
    return Status.PASSED, "the model hardly uses this attribute; proxies are not tested here"
