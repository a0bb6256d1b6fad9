"""The one decision rule of the fairness page: cut at the base rate."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from sklearn.base import BaseEstimator, ClassifierMixin, clone

BASE_RATE_RULE = (
    "people whose predicted risk is at least the share of adverse decisions among those the model"
    " learned from are decided against"
)


class AboveBaseRate(ClassifierMixin, BaseEstimator):
    """Decide for the adverse class where its predicted share is at least its base rate.

    Both kinds of error then weigh alike whatever the base rate: the cut is the one of the best
    balanced accuracy where probabilities are kept.

    Parameters
    ----------
    estimator : scikit-learn classifier
    threshold : float, optional
        Another cut, for procedures that move the base rate themselves.
    """

    def __init__(self, estimator: BaseEstimator, threshold: float | None = None) -> None:
        self.estimator = estimator
        self.threshold = threshold

    def fit(
        self, X: pd.DataFrame, y: ArrayLike, sample_weight: ArrayLike | None = None
    ) -> AboveBaseRate:
        """Fit, and remember the share of the second class."""
        given = {}
        if sample_weight is not None:
            steps = getattr(self.estimator, "steps", None)
            prefix = f"{steps[-1][0]}__" if steps else ""
            given[f"{prefix}sample_weight"] = sample_weight
        self.model_ = clone(self.estimator).fit(X, y, **given)
        self.classes_ = self.model_.classes_
        share = float(np.mean(np.asarray(y) == self.classes_[-1]))
        self.threshold_ = share if self.threshold is None else self.threshold
        return self

    def predict_proba(self, X: pd.DataFrame) -> np.ndarray:
        """Return the probabilities of the model, shape (n, 2)."""
        return np.asarray(self.model_.predict_proba(X))

    def predict(self, X: pd.DataFrame) -> np.ndarray:
        """Return the decisions, shape (n,)."""
        adverse = self.predict_proba(X)[:, -1] >= self.threshold_
        return self.classes_[adverse.astype(int)]
