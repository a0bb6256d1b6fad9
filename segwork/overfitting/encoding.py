"""The plain preparation of a table for models that take numbers only."""

from __future__ import annotations

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.pipeline import Pipeline, make_pipeline


class Encoder(TransformerMixin, BaseEstimator):
    """The plain preparation: numbers centred and scaled, gaps at the median, words one-hot.

    Parameters
    ----------
    fewest, most : int
        Rows a word needs for a column of its own; columns of words at most.
    """

    def __init__(self, *, fewest: int = 10, most: int = 30) -> None:
        self.fewest = fewest
        self.most = most

    def fit(self, X: pd.DataFrame, y: object = None) -> Encoder:  # noqa: ARG002 (for pipelines)
        """Learn medians, scales and frequent words."""
        numbers = X.select_dtypes("number")
        self.numbers_ = list(numbers.columns)
        values = numbers.to_numpy(dtype=float)
        empty = np.isnan(values).all(axis=0)
        self.medians_ = np.zeros(values.shape[1])
        self.medians_[~empty] = np.nanmedian(values[:, ~empty], axis=0)
        values = np.where(np.isnan(values), self.medians_, values)
        self.means_, self.scales_ = values.mean(axis=0), values.std(axis=0)
        self.scales_[self.scales_ == 0] = 1.0
        self.words_ = {}
        for name in X.columns.difference(self.numbers_, sort=False):
            counts = X[name].astype(str).value_counts().head(self.most)
            self.words_[name] = sorted(counts.index[counts >= self.fewest])
        return self

    def transform(self, X: pd.DataFrame) -> np.ndarray:
        """Return the numbers, shape (n, columns)."""
        values = X[self.numbers_].to_numpy(dtype=float)
        values = (np.where(np.isnan(values), self.medians_, values) - self.means_) / self.scales_
        parts = [values]
        for name, words in self.words_.items():
            column = X[name].astype(str).to_numpy(dtype=object)
            parts.append(np.column_stack([column == word for word in words] or [np.zeros(len(X))]))
        return np.hstack(parts).astype(float)


def prepared(estimator: BaseEstimator) -> Pipeline:
    """Put the plain preparation in front; it is learned anew inside each fold."""
    return make_pipeline(Encoder(), estimator)
