"""Group metrics with counts, intervals and three-way answers."""

from __future__ import annotations

import math
from dataclasses import dataclass

import pandas as pd
from numpy.typing import ArrayLike

from segwork.fairness import group_checks  # noqa: F401 (registers its checks)
from segwork.fairness.findings import findings
from segwork.fairness.group_decisions import GroupDecisions, differences, rates_by_group


@dataclass(frozen=True)
class GroupMetrics:
    """Outcomes and errors by group.

    Attributes
    ----------
    by_group : DataFrame
        Columns ``group``, ``metric``, ``value``, ``low``, ``high`` (95 %), ``n`` (the rows that
        the metric is a share of; 0 where it cannot be known, then the value is NaN).
    differences : DataFrame
        One row per metric: ``difference``, ``ratio`` (smallest over largest), ``lowest``,
        ``highest`` group, over the groups where the metric is known.
    findings : DataFrame
        FA-01 selection gap, FA-02 error-rate gap, FA-03 calibration gap, FA-13 estimability,
        with the columns of every audit.
    """

    by_group: pd.DataFrame
    differences: pd.DataFrame
    findings: pd.DataFrame

    def facts(self) -> dict[str, float | int | str]:
        """Return differences and verdicts as flat facts."""
        facts: dict[str, float | int | str] = {}
        for row in self.differences.itertuples():
            for name in ("difference", "ratio"):
                if math.isfinite(getattr(row, name)):
                    facts[f"{row.metric}_{name}"] = float(getattr(row, name))
        facts |= {f"{r.code}_status": str(r.status) for r in self.findings.itertuples()}
        return facts


def group_metrics(
    y_true: ArrayLike,
    y_pred: ArrayLike,
    *,
    sensitive: ArrayLike | pd.DataFrame,
    favourable: object = None,
    scores: ArrayLike | None = None,
    seed: int = 0,
) -> GroupMetrics:
    """Compare selection and error rates between groups, with counts and intervals.

    Parameters
    ----------
    y_true, y_pred : array-like of shape (n,)
        Two classes, 0/1 or any two values of one kind: text is not compared with numbers.
    sensitive : array-like of shape (n,) or DataFrame of shape (n, k)
        The groups; several columns give their intersections. Missing is a group of its own.
    favourable : object, optional
        The label that is good for the person: 0 where 1 means "bad credit". It is then the
        positive class of every rate, and rejection is judged beside selection. Without it the
        larger label is the positive class, and nobody is said to be rejected.
    scores : array-like of shape (n,), optional
        Predicted probabilities of the larger label, for calibration by group.
    seed : int, default 0
        Of the bootstrap intervals of accuracy, precision, recall and F1.

    Returns
    -------
    GroupMetrics

    Raises
    ------
    DataError
        Lengths differ, values are missing, labels are text here and numbers there, or there are
        more than two classes.

    References
    ----------
    Uniform Guidelines on Employee Selection Procedures (1978), section 4(D): four fifths is a rule
    of thumb, and small numbers need significance. Newcombe (1998) for the interval of a difference.
    Bellamy et al. (2018), AI Fairness 360, for the favourable label.

    Notes
    -----
    Groups overlap, labels may be biased themselves, and several criteria cannot hold at once where
    base rates differ. A passed line is not a certificate.

    Examples
    --------
    >>> metrics = group_metrics([0, 1, 0, 1], [0, 1, 1, 1], sensitive=list("aabb"))
    >>> float(metrics.differences.set_index("metric").loc["selection_rate", "difference"])
    0.5
    >>> str(metrics.findings.set_index("code").loc["FA-01", "status"])
    'inconclusive'
    """
    people = GroupDecisions.of(
        y_true, y_pred, sensitive=sensitive, favourable=favourable, scores=scores
    )
    by_group = rates_by_group(people, seed=seed)
    found = findings(people, "FA-01", "FA-02", "FA-03", "FA-13")
    return GroupMetrics(by_group, differences(by_group), found.table)
