"""What gives a withheld attribute away: all kept features together, and each alone."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from sklearn.base import BaseEstimator
from sklearn.compose import make_column_transformer
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import StratifiedKFold, cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OrdinalEncoder

from segwork.checks import Evidence, Rule, check
from segwork.errors import DataError
from segwork.fairness.findings import Judged, one_length
from segwork.results import facts_of

FOLDS = 5


@dataclass(frozen=True)
class Proxies(Judged):
    """What gives a withheld attribute away.

    Attributes
    ----------
    auc : float
        Out-of-fold AUC of predicting the attribute from all features (mean over its values).
    contributors : DataFrame
        ``feature``, ``auc`` of that feature alone, strongest first.
    n : int
    found : Findings
        FA-06: *warned* beyond an AUC of 0.70.
    """

    auc: float
    contributors: pd.DataFrame
    n: int

    def facts(self) -> dict[str, float | int | str]:
        """Return the finite facts."""
        return facts_of(self, "auc", "n", "status", prefix="proxy_")


def proxies(
    X: pd.DataFrame | Mapping[str, ArrayLike], *, sensitive: ArrayLike, seed: int = 0
) -> Proxies:
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
    auc = cross_validated_auc(_encoder(frame), frame, attribute, seed)
    alone = [
        (str(name), cross_validated_auc(_encoder(frame[[name]]), frame[[name]], attribute, seed))
        for name in frame.columns
    ]
    table = pd.DataFrame(alone, columns=["feature", "auc"]).sort_values(
        "auc", ascending=False, kind="stable", ignore_index=True
    )
    return Proxies(auc, table, len(frame)).judged("FA-06")


@check("FA-06")
def stand_ins(found: Proxies, rule: Rule) -> Iterator[Evidence]:  # noqa: ARG001 (judged by runner)
    """Hold the area of the kept features against the limit."""
    top = found.contributors.head(3)
    told = ", ".join(f"{row.feature} ({row.auc:.2f})" for row in top.itertuples())
    text = (
        f"the kept features predict the attribute at AUC {found.auc:.2f}; strongest alone: {told}"
    )
    yield Evidence(columns=tuple(top["feature"]), n=found.n, of=found.n, value=found.auc, note=text)


def _known(
    X: pd.DataFrame | Mapping[str, ArrayLike], sensitive: ArrayLike
) -> tuple[pd.DataFrame, np.ndarray]:
    frame = pd.DataFrame(X).reset_index(drop=True)
    attribute = pd.Series(np.asarray(sensitive))
    one_length(X=frame, sensitive=attribute)
    known = attribute.notna().to_numpy()
    values = attribute[known].astype(str).to_numpy()
    sizes = pd.Series(values).value_counts()
    kept = np.isin(values, sizes[sizes >= FOLDS].index)
    if len(set(values[kept])) < 2:
        raise DataError(
            "the attribute has fewer than two groups of five people", accepted="two groups or more"
        )
    return frame[known][kept].reset_index(drop=True), values[kept]


def _encoder(frame: pd.DataFrame) -> BaseEstimator:
    numeric = [c for c in frame.columns if pd.api.types.is_numeric_dtype(frame[c])]
    other = [c for c in frame.columns if c not in numeric]
    ordinal = OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1)
    columns = make_column_transformer((ordinal, other), ("passthrough", numeric))
    model = HistGradientBoostingClassifier(max_iter=80, random_state=0, early_stopping=False)
    return make_pipeline(columns, model)


def cross_validated_auc(
    model: BaseEstimator, frame: pd.DataFrame, attribute: np.ndarray, seed: int
) -> float:
    """Return the out-of-fold area of predicting the attribute, the mean over its values."""
    folds = StratifiedKFold(FOLDS, shuffle=True, random_state=seed)
    scores = cross_val_predict(model, frame, attribute, cv=folds, method="predict_proba")
    if scores.shape[1] == 2:
        return float(roc_auc_score(attribute, scores[:, 1]))
    return float(roc_auc_score(attribute, scores, multi_class="ovr"))
