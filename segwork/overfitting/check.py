"""The whole examination of one model: every check of the catalogue, scores side by side."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

import numpy as np
import pandas as pd
from tqdm import tqdm

from segwork.errors import UsageError
from segwork.overfitting import complexity, copies, features, operating, periods
from segwork.overfitting.case import Case, make_case
from segwork.overfitting.findings import Check, as_frame
from segwork.overfitting.splits import (
    CrossScore,
    Folds,
    cross_score,
    grouped_folds,
    random_folds,
    subsample,
    time_folds,
    usable,
)
from segwork.progress import unwatched
from segwork.results import Status

FEWEST = 10
TOO_FEW = f"Not enough data: a class has fewer than {FEWEST} rows."
NEEDS_FITS = ("OF-01", "OF-02", "OF-03", "OF-04", "OF-05", "OF-06", "OF-08", "OF-09")
NEEDS_FITS += ("OF-14", "OF-16", "OF-17", "OF-18", "OF-20")
STEPS = 10
REPEATS = 2


@dataclass(frozen=True)
class OverfittingCheck:
    """What :func:`check` found.

    Attributes
    ----------
    findings : DataFrame
        One row per check: code, table, column (comma-joined), status, severity, n_rows, share,
        message.
    scores : DataFrame
        split (random, grouped, time-ordered, later period …), metric, train, holdout, low, high,
        note. A split that does not apply has no numbers and says why.
    classes : DataFrame
        class (rarest first), metric, value, low, high, n, on held-out rows at the operating
        threshold.
    learning_curve, rules, segments, suspects : DataFrame
        Behind OF-05, OF-15, OF-18 and OF-10.
    extra : mapping
        Numbers for :meth:`facts` that no table holds.
    """

    findings: pd.DataFrame
    scores: pd.DataFrame
    classes: pd.DataFrame
    learning_curve: pd.DataFrame
    rules: pd.DataFrame
    segments: pd.DataFrame
    suspects: pd.DataFrame
    extra: Mapping[str, float]

    @property
    def alarms(self) -> pd.DataFrame:
        """The findings that warned or failed."""
        return self.findings[self.findings["status"].isin(["warned", "failed"])]

    def status(self, code: str) -> str:
        """Return the status word of one check."""
        return str(self.findings.set_index("code").loc[code, "status"])

    def facts(self) -> dict[str, float | int | str]:
        """Return finite numbers and status words, by name."""
        found: dict[str, float | int | str] = {
            row.code.lower().replace("-", "_"): row.status for row in self.findings.itertuples()
        }
        found["alarms"] = len(self.alarms)
        for row in self.scores[self.scores["metric"] == "auc"].itertuples():
            name = f"auc_{row.split.replace('-', '_').replace(' ', '_')}"
            found |= _finite({name: row.holdout, f"{name}_low": row.low, f"{name}_high": row.high})
        if len(self.classes):
            rare = self.classes.iloc[0]["class"]
            for row in self.classes[self.classes["class"] == rare].itertuples():
                name = f"rare_{row.metric}"
                found |= _finite(
                    {name: row.value, f"{name}_low": row.low, f"{name}_high": row.high}
                )
                found[f"{name}_n"] = int(row.n)
        return found | _finite(dict(self.extra))


def check(
    estimator: Any,
    X: Any,
    y: Any,
    *,
    groups: Any = None,
    time: Any = None,
    seed: int = 0,
    holdout: Any = None,
    known_at: Mapping[str, Any] | None = None,
    as_of: date | None = None,
    label_days: int | None = None,
    costs: Mapping[str, float] | None = None,
    recall_floor: float | None = None,
    threshold_from: str | None = None,
    prior: float | None = None,
    max_rows: int = 10_000,
    progress: bool = True,
) -> OverfittingCheck:
    """Examine whether what a classifier learns would hold for other rows, customers and times.

    Parameters
    ----------
    estimator : scikit-learn classifier
        Fitted or not; it is cloned. Columns it cannot take are encoded inside each fold.
    X : DataFrame, shape (n, d)
        Features, numbers and categories.
    y : array-like, shape (n,)
        Label, two or more classes.
    groups : array-like, shape (n,), optional
        Customer of each row.
    time : array-like, shape (n,), optional
        Date or number that orders the rows.
    seed : int, default 0
    holdout : array-like of bool, shape (n,), optional
        The rows held out by a split made elsewhere, to be examined itself.
    known_at : mapping, optional
        Feature -> "before decision", "after decision" or a date (with ``as_of``). Features known
        too late are refused: left out of every fit, and their effect on the area is printed.
    as_of : date, optional
        Day of the decision; with ``label_days`` rows whose label was still open are found.
    label_days : int, optional
        Length of the label window in days.
    costs : mapping, optional
        ``missed`` and ``false_alarm`` of the rarer class, for the threshold.
    recall_floor : float, optional
        Recall no class may clearly fall below; by default that of a blind choice, one over the
        number of classes (0.50 for two).
    threshold_from : {"validation", "costs", "holdout"}, optional
        Where a threshold fixed in the estimator comes from.
    prior : float, optional
        Share of the rarest class in the population.
    max_rows : int, default 10,000
        Rows used for repeated fits; counts of rows always use all.
    progress : bool, default True
        Show a bar on a terminal.

    Returns
    -------
    OverfittingCheck

    Raises
    ------
    UsageError
        An argument is not accepted, or the estimator cannot be fitted.

    Notes
    -----
    Not promised: that a passed model is useful, or that a leak through several features at once
    is found. A leak no stronger than an honest feature can only be found by ``known_at``.

    Examples
    --------
    >>> import numpy as np, pandas as pd
    >>> from sklearn.tree import DecisionTreeClassifier
    >>> rng = np.random.default_rng(0)
    >>> X = pd.DataFrame(rng.normal(size=(1000, 4)), columns=list("abcd"))
    >>> y = X["a"] + X["b"] + rng.normal(size=1000) > 0
    >>> found = check(DecisionTreeClassifier(), X, y).findings.set_index("code")
    >>> str(found.loc["OF-01", "status"])
    'warned'
    """
    case = make_case(estimator, X, y, groups=groups, time=time, seed=seed)
    if threshold_from not in (None, *operating.PROVENANCES):
        raise UsageError.unknown(
            "threshold_from", str(threshold_from), operating.PROVENANCES, where="check"
        )
    declared = _Declared(
        held=_mask(holdout, len(case)),
        refused=features.refused_columns(case, known_at, as_of),
        known=set(known_at or {}),
        as_of=as_of,
        label_days=label_days,
        costs=costs,
        recall_floor=recall_floor,
        threshold_from=threshold_from,
        prior=prior,
    )
    with tqdm(total=STEPS, desc="overfitting", disable=unwatched() or not progress) as bar:
        return _examine(case, declared, max_rows, bar)


@dataclass(frozen=True)
class _Declared:
    """What the user says about the data; the optional arguments of :func:`check`."""

    held: np.ndarray | None
    refused: list[str]
    known: set[str]
    as_of: date | None
    label_days: int | None
    costs: Mapping[str, float] | None
    recall_floor: float | None
    threshold_from: str | None
    prior: float | None


def _examine(whole: Case, declared: _Declared, max_rows: int, bar: tqdm[Any]) -> OverfittingCheck:
    """Look at all rows first, then fit on some."""
    case = whole.without(declared.refused)
    alone = features.single_features(whole)
    leak, suspects = features.check_leaks(alone, declared.refused, declared.known)
    if case.counts.min() < FEWEST and not declared.refused:
        leak = Check("OF-10", Status.INCONCLUSIVE, TOO_FEW)
    rule_check, rules = periods.check_rules(case)
    plain = whole if declared.held is None else replace(whole, groups=None, time=None)
    twice = copies.find_copies(plain)
    checks = [
        copies.check_copies(plain, twice, declared.held),
        copies.check_oversampling(plain, twice, declared.prior),
        *periods.check_split(whole, declared.held, declared.as_of),
        periods.check_label_window(case, declared.as_of, declared.label_days),
        rule_check,
        leak,
        features.check_selection(case),
        operating.check_threshold(case, declared.threshold_from),
    ]
    bar.update()
    rows = subsample(case, max_rows)
    done = {answer.code for answer in checks}
    fitted = _fit_all(case.take(rows), done, declared, bar)
    if declared.refused and fitted.crosses:
        _score_refused(whole.take(rows), fitted, declared.costs)
    return OverfittingCheck(
        findings=as_frame(checks + [c for c in fitted.checks if c.code not in done]),
        scores=_scores(fitted, case),
        classes=fitted.classes,
        learning_curve=fitted.curve,
        rules=rules,
        segments=fitted.segments,
        suspects=suspects,
        extra=fitted.extra,
    )


def _score_refused(case: Case, fitted: _Fitted, costs: Mapping[str, float] | None) -> None:
    """Show what the refused features would have promised."""
    name = "random, with refused features"
    fitted.crosses[name] = cross_score(case, random_folds(case, repeats=REPEATS))
    fitted.recalls[name] = operating.rare_recall(case, fitted.crosses[name], costs)


@dataclass
class _Fitted:
    """What the fits have shown so far."""

    checks: list[Check]
    crosses: dict[str, CrossScore]
    recalls: dict[str, tuple[float, float, float]]
    classes: pd.DataFrame
    curve: pd.DataFrame
    segments: pd.DataFrame
    extra: dict[str, float]


def _fit_all(case: Case, done: set[str], declared: _Declared, bar: tqdm[Any]) -> _Fitted:
    """Run the checks that need fits, each on the rows a real use would hold out."""
    if case.counts.min() < FEWEST:
        checks = [Check(code, Status.INCONCLUSIVE, TOO_FEW) for code in NEEDS_FITS]
        none = pd.DataFrame()
        return _Fitted(checks, {}, {}, none, none, none, {})
    crosses, folds = _splits(case, bar)
    random, main = crosses["random"], crosses.get("grouped", crosses["random"])
    rival = complexity.strongest_rival(case, folds, main)
    bar.update()
    later, extra = periods.check_later(case)
    bar.update()
    shuffled, floor_area = complexity.check_shuffled(case, main)
    bar.update()
    curve = complexity.learning_curve(case)
    bar.update()
    if (spread := complexity.seed_spread(case)) is not None:
        extra["seed_spread"] = spread
    checks = [
        complexity.check_optimism(main, rival),
        later,
        complexity.check_harm(main, rival),
        complexity.check_folds(main),
        complexity.check_curve(curve, case.warned),
        complexity.check_strength(case),
        shuffled,
        features.check_one_rule(case, features.single_features(case), folds, main),
    ]
    if "OF-08" not in done:
        checks.append(periods.check_customers(case, random, crosses.get("grouped")))
    if "OF-09" not in done:
        checks.append(periods.check_time(case, random, crosses.get("time-ordered")))
    bar.update()
    costs = declared.costs
    work = operating.examine(case, main, costs=costs, floor=declared.recall_floor)
    bar.update()
    recalls = {name: operating.rare_recall(case, cross, costs) for name, cross in crosses.items()}
    extra |= work.facts | {"auc_shuffled": floor_area}
    checks += work.checks
    return _Fitted(checks, crosses, recalls, work.classes, curve, work.segments, extra)


def _splits(case: Case, bar: tqdm[Any]) -> tuple[dict[str, CrossScore], Folds]:
    """Score the model under every split that applies; the folds are those of the strictest."""
    crosses = {"random": cross_score(case, random_folds(case, repeats=REPEATS))}
    bar.update()
    repeated = case.groups is not None and case.groups.max() + 1 < len(case)
    folds = usable(case, grouped_folds(case)) if repeated else []
    if folds:
        crosses["grouped"] = cross_score(case, folds)
    bar.update()
    if case.time is not None and (ordered := usable(case, time_folds(case))):
        crosses["time-ordered"] = cross_score(case, ordered)
    bar.update()
    return crosses, folds or random_folds(case)


def _mask(holdout: Any, n: int) -> np.ndarray | None:
    if holdout is None:
        return None
    mask = np.asarray(holdout).ravel()
    if len(mask) != n or mask.dtype != bool or not 0 < mask.sum() < n:
        raise UsageError(
            f"holdout has {len(mask)} values of type {mask.dtype} for {n} rows of X",
            accepted="True for held-out rows and False for rows learned from, both present",
        )
    return mask


def _scores(fitted: _Fitted, case: Case) -> pd.DataFrame:
    """Put the ways to split side by side; one that does not apply says why."""
    rows: list[tuple[Any, ...]] = []
    for split, cross in fitted.crosses.items():
        span = cross.held.interval()
        rows.append((split, "auc", cross.train, cross.held.value, span.low, span.high, ""))
        rows.append((split, "recall", np.nan, *fitted.recalls[split], ""))
    absent = {
        "random": "not enough data",
        "grouped": "not applicable: no customer has two rows",
        "time-ordered": "not applicable: no time given",
    }
    if case.groups is None:
        absent["grouped"] = "not applicable: no groups given"
    for split, why in absent.items():
        if split not in fitted.crosses:
            rows.append((split, "auc", np.nan, np.nan, np.nan, np.nan, why))
    return pd.DataFrame(
        rows, columns=["split", "metric", "train", "holdout", "low", "high", "note"]
    )


def _finite(facts: Mapping[str, Any]) -> dict[str, float | int | str]:
    return {
        name: value
        for name, value in facts.items()
        if isinstance(value, str) or (value is not None and np.isfinite(value))
    }
