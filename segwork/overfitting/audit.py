"""The whole examination of one model: every check of the catalogue, scores side by side."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from sklearn.base import BaseEstimator

from segwork import checks
from segwork.errors import UsageError
from segwork.overfitting import (  # noqa: F401 (the modules register their checks)
    leak_checks,
    memory_checks,
    operating,
    time_checks,
    use_checks,
)
from segwork.overfitting.examination import Design, Examination
from segwork.overfitting.problem import make_problem
from segwork.results import known_facts

SCORES = ["split", "metric", "train", "holdout", "low", "high", "note"]


@dataclass(frozen=True)
class OverfittingCheck:
    """What :func:`check` found.

    Attributes
    ----------
    found : Findings
        The answers of all checks with the rows behind them.
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

    found: checks.Findings
    scores: pd.DataFrame
    classes: pd.DataFrame
    learning_curve: pd.DataFrame
    rules: pd.DataFrame
    segments: pd.DataFrame
    suspects: pd.DataFrame
    extra: Mapping[str, float]

    @property
    def findings(self) -> pd.DataFrame:
        """One row per check, columns :data:`segwork.checks.COLUMNS`."""
        return self.found.table

    @property
    def alarms(self) -> pd.DataFrame:
        """The findings that warned or failed, worst first."""
        return self.found.alarms

    def status(self, code: str) -> str:
        """Return the status word of one check."""
        return self.found.status(code)

    def rows(self, code: str) -> pd.DataFrame:
        """Return the rows behind a finding: table, row (0-based position in X)."""
        return self.found.rows(code)

    def facts(self) -> dict[str, float | int | str]:
        """Return finite numbers and status words, by name; of each check its number and words."""
        found: dict[str, float | int | str] = {}
        for row in self.findings.itertuples():
            name = row.code.lower().replace("-", "_")
            found |= {name: row.status, f"{name}_words": str(row.message).partition(": ")[2]}
            if np.isfinite(float(row.value)):
                found |= {f"{name}_value": float(row.value), f"{name}_unit": str(row.unit)}
                found |= known_facts({f"{name}_limit": row.limit})
        found["alarms"] = len(self.alarms)
        for row in self.scores[self.scores["metric"] == "auc"].itertuples():
            name = f"auc_{row.split.replace('-', '_').replace(' ', '_')}"
            found |= known_facts(
                {name: row.holdout, f"{name}_low": row.low, f"{name}_high": row.high}
            )
        rarest = self.classes["class"].iloc[0] if len(self.classes) else None
        for row in self.classes.itertuples():
            if row[1] == rarest:
                name = f"rare_{row.metric}"
                bounds = {f"{name}_low": row.low, f"{name}_high": row.high}
                found |= known_facts({name: row.value} | bounds) | {f"{name}_n": int(row.n)}
        return found | known_facts(self.extra)


def check(
    estimator: BaseEstimator,
    X: pd.DataFrame | ArrayLike,
    y: ArrayLike,
    *,
    groups: ArrayLike | None = None,
    time: ArrayLike | None = None,
    seed: int = 0,
    design: Design | None = None,
    **declared: object,
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
    design : Design, optional
        What is known about the rows and the use of the model.
    **declared
        Fields of :class:`Design` by name, such as ``known_at={"duration": "after the call"}``.

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
    known = [field.name for field in fields(Design)]
    for name in declared:
        if name not in known:
            raise UsageError.unknown("argument", name, known, where="check")
    problem = make_problem(estimator, X, y, groups=groups, time=time, seed=seed)
    x = Examination(problem, replace(design or Design(), **declared))
    _ = x.refused, x.held  # what was declared is read before anything is fitted
    found = checks.run("OF", x)
    try:
        fitted = _from_fits(x)
    except checks.Inconclusive:
        none = pd.DataFrame()
        fitted = {"classes": none, "learning_curve": none, "segments": none, "extra": {}}
    rules = pd.DataFrame() if isinstance(x.rules, str) else x.rules[0]
    return OverfittingCheck(
        found=found, scores=_scores(x), rules=rules, suspects=x.suspects, **fitted
    )


def _from_fits(x: Examination) -> dict[str, object]:
    """Collect the tables and numbers of the fits; Inconclusive where there were none."""
    extra: dict[str, float | None] = {"seed_spread": x.seed_spread, "auc_shuffled": x.shuffled}
    if not isinstance(x.later, str):
        inside, after = x.later.inside.value, x.later.after.value
        extra |= {"auc_earlier_period": inside, "auc_later_period": after}
        extra["gap_later"] = inside - after
    extra["threshold"] = x.decided[1]
    segments = pd.DataFrame() if isinstance(x.segments, str) else x.segments
    try:
        line = use_checks.calibration_numbers(x)
    except checks.Inconclusive:
        line = "too few events"
    if not isinstance(line, str):
        extra |= {"calibration_slope": line["slope"], "calibration_error": line["error"]}
    curve = x.learning_curve
    return {"classes": x.classes, "learning_curve": curve, "segments": segments, "extra": extra}


def _scores(x: Examination) -> pd.DataFrame:
    """Put the ways to split side by side; one that does not apply says why."""
    absent = {
        "random": "not enough data",
        "grouped": "not applicable: no customer has two rows",
        "time-ordered": "not applicable: no time given",
    }
    if x.whole.groups is None:
        absent["grouped"] = "not applicable: no groups given"
    try:
        crosses = dict(x.crosses)
        if x.refused:
            crosses["random, with refused features"] = x.with_refused
    except checks.Inconclusive:
        crosses = {}
    rows: list[tuple[object, ...]] = []
    for split, cross in crosses.items():
        span, costs = cross.held.interval(), x.design.costs
        rows.append((split, "auc", cross.train, cross.held.value, span.low, span.high, ""))
        with_refused = x.whole.take(x.rows) if "refused" in split else x.sampled
        recall = operating.rare_recall(with_refused, cross, costs)
        rows.append((split, "recall", np.nan, *recall, ""))
    rows += [
        (split, "auc", np.nan, np.nan, np.nan, np.nan, why)
        for split, why in absent.items()
        if split not in crosses
    ]
    return pd.DataFrame(rows, columns=SCORES)
