"""Fairness of segments: who is in them, how they are treated, and what they stand in for."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from segwork.errors import DataError
from segwork.evidence import holm
from segwork.results import Status, display

RATIO_RANGE = (0.8, 1.25)
P_LIMIT = 0.01
CRAMER_LIMIT = 0.2
AUC_LIMIT = 0.70
FOLDS = 5


@dataclass(frozen=True)
class SegmentFairness:
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
    status : Status
    message : str
    """

    composition: pd.DataFrame
    treatment: pd.DataFrame
    cramers_v: float
    auc: float
    status: Status
    message: str

    def facts(self) -> dict[str, float | int | str]:
        """Return the finite facts."""
        facts: dict[str, float | int | str] = {
            "segments_cramers_v": self.cramers_v,
            "segments_auc": self.auc,
            "segments_skewed": int((self.composition["status"] == Status.FAILED.value).sum()),
            "segments_status": self.status.value,
        }
        if len(self.treatment):
            unequal = self.treatment["status"] == Status.FAILED.value
            facts["segments_treated_unequally"] = int(unequal.sum())
        return {k: v for k, v in facts.items() if isinstance(v, str) or math.isfinite(v)}


@dataclass(frozen=True)
class Proxies:
    """What gives a withheld attribute away.

    Attributes
    ----------
    auc : float
        Out-of-fold AUC of predicting the attribute from all features (mean over its values).
    contributors : DataFrame
        ``feature``, ``auc`` of that feature alone, strongest first.
    n : int
    status : Status
        *warned* at an AUC of at least 0.70.
    message : str
    """

    auc: float
    contributors: pd.DataFrame
    n: int
    status: Status
    message: str

    def facts(self) -> dict[str, float | int | str]:
        """Return the finite facts."""
        facts = {"proxy_auc": self.auc, "proxy_n": self.n, "proxy_status": self.status.value}
        return {k: v for k, v in facts.items() if isinstance(v, str) or math.isfinite(v)}


def segment_fairness(
    segments: Any, *, sensitive: Any, treatment: Any = None, seed: int = 0
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
    status, message = _verdict(composition, treated, v, auc)
    return SegmentFairness(composition, treated, v, auc, status, message)


def proxies(X: Any, *, sensitive: Any, seed: int = 0) -> Proxies:
    """Tell how well the kept features give a withheld attribute away, and which ones do.

    Parameters
    ----------
    X : DataFrame of shape (n, k)
        The features of the clustering or the model, without the attribute.
    sensitive : array-like of shape (n,)
        Rows where it is missing are left out.
    seed : int, default 0

    Returns
    -------
    Proxies

    Raises
    ------
    DataError
        Lengths differ, or the attribute has one value only.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> young = rng.integers(0, 2, 500)
    >>> X = pd.DataFrame({"app_use": young + rng.normal(0, 0.5, 500), "z": rng.normal(size=500)})
    >>> found = proxies(X, sensitive=young)
    >>> found.status, found.contributors["feature"].iloc[0]
    (<Status.WARNED: 'warned'>, 'app_use')
    """
    frame, attribute = _known(X, sensitive)
    auc = _cross_validated_auc(_encoder(frame), frame, attribute, seed)
    alone = [
        (str(name), _cross_validated_auc(_encoder(frame[[name]]), frame[[name]], attribute, seed))
        for name in frame.columns
    ]
    table = pd.DataFrame(alone, columns=["feature", "auc"]).sort_values(
        "auc", ascending=False, kind="stable", ignore_index=True
    )
    status = Status.WARNED if auc >= AUC_LIMIT else Status.PASSED
    top = ", ".join(f"{row.feature} ({row.auc:.2f})" for row in table.head(3).itertuples())
    message = f"the kept features predict the attribute at AUC {auc:.2f}; strongest alone: {top}."
    return Proxies(auc, table, len(frame), status, message)


def _frame(segments: Any, sensitive: Any) -> pd.DataFrame:
    labels, groups = pd.Series(np.asarray(segments)), pd.Series(np.asarray(sensitive))
    if len(labels) != len(groups):
        raise DataError(
            f"segments and sensitive have {len(labels)} and {len(groups)} rows",
            accepted="one row per customer in each, in the same order",
        )
    groups = groups.astype(object).where(groups.notna(), "missing").astype(str)
    return pd.DataFrame({"segment": labels.astype(str), "group": groups})


def _composition(frame: pd.DataFrame) -> pd.DataFrame:
    from scipy.stats import fisher_exact

    counts = pd.crosstab(frame["segment"], frame["group"])
    totals, sizes, n = counts.sum(), counts.sum(axis=1), len(frame)
    rows = []
    for segment in counts.index:
        for group in counts.columns:
            a, size, total = (
                int(counts.loc[segment, group]),
                int(sizes[segment]),
                int(totals[group]),
            )
            p = fisher_exact([[a, size - a], [total - a, n - size - total + a]]).pvalue
            ratio = (a / size) / (total / n)
            rows.append((segment, group, a, a / size, ratio, float(p)))
    table = pd.DataFrame(rows, columns=["segment", "group", "n", "share", "ratio", "p"])
    table["p"] = holm(table["p"])
    outside = ~table["ratio"].between(*RATIO_RANGE)
    table["status"] = np.select(
        [outside & (table["p"] < P_LIMIT), outside],
        [Status.FAILED.value, Status.INCONCLUSIVE.value],
        Status.PASSED.value,
    )
    return table


def _treatment(frame: pd.DataFrame, treatment: Any) -> pd.DataFrame:
    """Means of each treatment by group inside each segment; Kruskal-Wallis, Holm over all."""
    from scipy.stats import kruskal

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
    beyond = table["relative"] > 1 - RATIO_RANGE[0]
    table["status"] = np.select(
        [beyond & (table["p"] < P_LIMIT), beyond],
        [Status.FAILED.value, Status.INCONCLUSIVE.value],
        Status.PASSED.value,
    )
    return table


def _cramers_v(frame: pd.DataFrame) -> float:
    from scipy.stats import chi2_contingency

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
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OneHotEncoder

    model = make_pipeline(OneHotEncoder(handle_unknown="ignore"), LogisticRegression())
    return _cross_validated_auc(model, frame[["segment"]], frame["group"].to_numpy(), seed)


def _verdict(
    composition: pd.DataFrame, treated: pd.DataFrame, v: float, auc: float
) -> tuple[Status, str]:
    skewed = composition[composition["status"] == Status.FAILED.value]
    unequal = treated[treated["status"] == Status.FAILED.value]
    text = f"the segment predicts the group at AUC {display(auc)}, Cramér's V {display(v)}"
    if len(unequal):
        text += f"; {len(unequal)} treatments differ by group inside a segment"
    if len(skewed):
        worst = skewed.loc[np.log(skewed["ratio"].clip(lower=1e-9)).abs().idxmax()]
        text += f"; {worst['group']} in {worst['segment']} is {worst['ratio']:.2f} of its share"
    if len(skewed) or len(unequal):
        return Status.FAILED, text + "."
    if v > CRAMER_LIMIT:
        return Status.WARNED, text + "."
    unclear = (composition["status"] == Status.INCONCLUSIVE.value).any()
    return (Status.INCONCLUSIVE if unclear else Status.PASSED), text + "."


def _known(X: Any, sensitive: Any) -> tuple[pd.DataFrame, np.ndarray]:
    frame = pd.DataFrame(X).reset_index(drop=True)
    attribute = pd.Series(np.asarray(sensitive))
    if len(frame) != len(attribute):
        raise DataError(
            f"X and sensitive have {len(frame)} and {len(attribute)} rows",
            accepted="one row per customer in each, in the same order",
        )
    known = attribute.notna().to_numpy()
    values = attribute[known].astype(str).to_numpy()
    sizes = pd.Series(values).value_counts()
    kept = np.isin(values, sizes[sizes >= FOLDS].index)
    if len(set(values[kept])) < 2:
        raise DataError(
            "the attribute has fewer than two groups of five people", accepted="two groups or more"
        )
    return frame[known][kept].reset_index(drop=True), values[kept]


def _encoder(frame: pd.DataFrame) -> Any:
    from sklearn.compose import make_column_transformer
    from sklearn.ensemble import HistGradientBoostingClassifier
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OrdinalEncoder

    numeric = [c for c in frame.columns if pd.api.types.is_numeric_dtype(frame[c])]
    other = [c for c in frame.columns if c not in numeric]
    ordinal = OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1)
    columns = make_column_transformer((ordinal, other), ("passthrough", numeric))
    model = HistGradientBoostingClassifier(max_iter=80, random_state=0, early_stopping=False)
    return make_pipeline(columns, model)


def _cross_validated_auc(
    model: Any, frame: pd.DataFrame, attribute: np.ndarray, seed: int
) -> float:
    from sklearn.metrics import roc_auc_score
    from sklearn.model_selection import StratifiedKFold, cross_val_predict

    folds = StratifiedKFold(FOLDS, shuffle=True, random_state=seed)
    scores = cross_val_predict(model, frame, attribute, cv=folds, method="predict_proba")
    if scores.shape[1] == 2:
        return float(roc_auc_score(attribute, scores[:, 1]))
    return float(roc_auc_score(attribute, scores, multi_class="ovr"))
