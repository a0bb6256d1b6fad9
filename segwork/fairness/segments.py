"""Fairness of segments: who is in them, and how they are treated."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from scipy.stats import chi2_contingency, fisher_exact, kruskal
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder

from segwork.checks import Evidence, NotApplicable, Rule, check
from segwork.evidence import holm
from segwork.fairness.findings import Judged, one_length
from segwork.fairness.proxies import FOLDS, cross_validated_auc
from segwork.results import Status, display, facts_of

RATIO_RANGE = (0.8, 1.25)
P_LIMIT = 0.01


@dataclass(frozen=True)
class SegmentFairness(Judged):
    """Composition and treatment of segments by a protected attribute.

    Attributes
    ----------
    composition : DataFrame
        One row per segment and group: ``segment``, ``group``, ``n``, ``share`` of the segment,
        ``ratio`` to the group's share of all customers, ``p`` (Holm), ``status``.
    treatment : DataFrame
        Where a treatment is given: ``segment``, ``treatment``, ``lowest``, ``highest`` group,
        ``gap`` of the means, ``p`` (Holm), ``n``, ``status``.
    cramers_v : float
        Association of segment and group, 0 to 1, corrected for chance.
    auc : float
        How well the segment alone predicts the group, out of fold; 0.5 is not at all.
    found : Findings
        FA-08 and FA-10, each with its definition, limit and source.
    """

    composition: pd.DataFrame
    treatment: pd.DataFrame
    cramers_v: float
    auc: float

    @property
    def status(self) -> Status:
        """Failed where one of FA-08 and FA-10 has failed, else the answer of FA-08."""
        failed = "failed" in set(self.found.table["status"])
        return Status.FAILED if failed else Status(self.found.status("FA-08"))

    def facts(self) -> dict[str, float | int | str]:
        """Return the finite facts."""
        failed = {"skewed": self.composition, "treated_unequally": self.treatment}
        counts = {n: _failed(table) for n, table in failed.items() if n == "skewed" or len(table)}
        told = facts_of(self, "cramers_v", "auc", "status", prefix="segments_")
        return told | {f"segments_{name}": n for name, n in counts.items()}


def _failed(table: pd.DataFrame) -> int:
    return int((table["status"] == Status.FAILED.value).sum())


def segment_fairness(
    segments: ArrayLike,
    *,
    sensitive: ArrayLike,
    treatment: pd.DataFrame | Mapping[str, ArrayLike] | None = None,
    seed: int = 0,
) -> SegmentFairness:
    """Compare segments by a protected attribute: composition, treatment, and proxy power.

    Parameters
    ----------
    segments : array-like of shape (n,)
    sensitive : array-like of shape (n,)
        Rows where it is missing form the group "missing".
    treatment : DataFrame of shape (n, t), optional
        What customers of a segment get: offers, prices, waiting minutes.
    seed : int, default 0
        Of the folds.

    Returns
    -------
    SegmentFairness
        *failed* where a group is over- or under-represented (ratio outside 0.8 to 1.25) or treated
        differently inside a segment, with Holm-adjusted p < 0.01; *warned* at Cramér's V > 0.2.

    References
    ----------
    Bergsma (2013), "A bias-correction for Cramér's V and Tschuprow's T".

    Examples
    --------
    >>> segments = ["S01"] * 200 + ["S02"] * 200
    >>> young = [True] * 150 + [False] * 50 + [True] * 50 + [False] * 150
    >>> result = segment_fairness(segments, sensitive=young)
    >>> result.status, round(result.auc, 1)
    (<Status.FAILED: 'failed'>, 0.7)
    """
    frame = _frame(segments, sensitive)
    composition = _composition(frame)
    treated = _treatment(frame, treatment)
    v, auc = _cramers_v(frame), _auc_of_segment(frame, seed)
    return SegmentFairness(composition, treated, v, auc).judged("FA-08", "FA-10")


@check("FA-08")
def representation(segments: SegmentFairness, rule: Rule) -> Iterator[Evidence]:
    """Find groups over- or under-represented in segments."""
    table, v = segments.composition, segments.cramers_v
    skewed = table[table["status"] == Status.FAILED.value]
    text = f"the segment predicts the group at AUC {display(segments.auc)}, Cramér's V {display(v)}"
    status = Status.PASSED
    if len(skewed):
        worst = skewed.loc[np.log(skewed["ratio"].clip(lower=1e-9)).abs().idxmax()]
        text += f"; {worst['group']} in {worst['segment']} is {worst['ratio']:.2f} of its share"
        status = rule.alarm
    elif v > rule.limit:
        status = Status.WARNED
    elif (table["status"] == Status.INCONCLUSIVE.value).any():
        status = Status.INCONCLUSIVE
    yield Evidence(n=len(skewed), of=len(table), value=v, note=text, status=status)


@check("FA-10")
def treatment_inside(segments: SegmentFairness, rule: Rule) -> Iterator[Evidence]:
    """Find segments whose groups are treated differently."""
    table = segments.treatment
    if table.empty:
        raise NotApplicable("no treatment given, or no segment with two groups of ten people")
    if unequal := _failed(table):
        status, text = rule.alarm, f"{unequal} treatments differ by group inside a segment"
    else:
        unclear = (table["status"] == Status.INCONCLUSIVE.value).any()
        status = Status.INCONCLUSIVE if unclear else Status.PASSED
        text = "no treatment clearly differs by group inside a segment"
    value = float(table["relative"].max())
    yield Evidence(n=unequal, of=len(table), value=value, note=text, status=status)


def _frame(segments: ArrayLike, sensitive: ArrayLike) -> pd.DataFrame:
    labels, groups = pd.Series(np.asarray(segments)), pd.Series(np.asarray(sensitive))
    one_length(segments=labels, sensitive=groups)
    groups = groups.astype(object).where(groups.notna(), "missing").astype(str)
    return pd.DataFrame({"segment": labels.astype(str), "group": groups})


def _composition(frame: pd.DataFrame) -> pd.DataFrame:
    counts = pd.crosstab(frame["segment"], frame["group"])
    totals, sizes, n = counts.sum(), counts.sum(axis=1), len(frame)
    rows = []
    for segment in counts.index:
        for group in counts.columns:
            a, size, total = map(int, (counts.loc[segment, group], sizes[segment], totals[group]))
            p = fisher_exact([[a, size - a], [total - a, n - size - total + a]]).pvalue
            ratio = (a / size) / (total / n)
            rows.append((segment, group, a, a / size, ratio, float(p)))
    table = pd.DataFrame(rows, columns=["segment", "group", "n", "share", "ratio", "p"])
    table["p"] = holm(table["p"])
    return _with_status(table, ~table["ratio"].between(*RATIO_RANGE))


def _with_status(table: pd.DataFrame, beyond: pd.Series) -> pd.DataFrame:
    """Failed is what lies beyond the limit and beyond chance; beyond the limit alone is open."""
    answers = [Status.FAILED.value, Status.INCONCLUSIVE.value]
    cases = [beyond & (table["p"] < P_LIMIT), beyond]
    return table.assign(status=np.select(cases, answers, Status.PASSED.value))


def _treatment(
    frame: pd.DataFrame, treatment: pd.DataFrame | Mapping[str, ArrayLike] | None
) -> pd.DataFrame:
    """Means of each treatment by group inside each segment; Kruskal-Wallis, Holm over all."""
    columns = ["segment", "treatment", "lowest", "highest", "gap", "relative", "p", "n"]
    given = pd.DataFrame(treatment if treatment is not None else {})
    rows = []
    for name in given.columns:
        values = pd.Series(given[name].to_numpy(dtype=float), index=frame.index)
        for segment, part in frame.assign(value=values).dropna().groupby("segment"):
            groups = [g["value"] for _, g in part.groupby("group") if len(g) >= 10]
            if len(groups) < 2 or part["value"].nunique() < 2:
                continue
            means = part.groupby("group")["value"].mean()
            gap = float(means.max() - means.min())
            relative = gap / (abs(float(part["value"].mean())) or 1.0)
            p = float(kruskal(*groups).pvalue)
            rows.append(
                (segment, str(name), means.idxmin(), means.idxmax(), gap, relative, p, len(part))
            )
    table = pd.DataFrame(rows, columns=columns)
    table["p"] = holm(table["p"]) if len(table) else table["p"]
    return _with_status(table, table["relative"] > 1 - RATIO_RANGE[0])


def _cramers_v(frame: pd.DataFrame) -> float:
    counts = pd.crosstab(frame["segment"], frame["group"]).to_numpy()
    rows, columns = counts.shape
    n = counts.sum()
    if min(rows, columns) < 2 or n < 2:
        return 0.0
    phi2 = chi2_contingency(counts, correction=False).statistic / n
    phi2 = max(0.0, phi2 - (rows - 1) * (columns - 1) / (n - 1))
    rows, columns = rows - (rows - 1) ** 2 / (n - 1), columns - (columns - 1) ** 2 / (n - 1)
    return float(math.sqrt(phi2 / (min(rows, columns) - 1)))


def _auc_of_segment(frame: pd.DataFrame, seed: int) -> float:
    if frame["group"].value_counts().min() < FOLDS or frame["group"].nunique() < 2:
        return math.nan
    model = make_pipeline(OneHotEncoder(handle_unknown="ignore"), LogisticRegression())
    return cross_validated_auc(model, frame[["segment"]], frame["group"].to_numpy(), seed)
