"""How far each row's money is from what is usual."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd


@dataclass(frozen=True)
class Level:
    """How far each row's money is from its usual level.

    Parameters
    ----------
    column : str
    off : ndarray
        Log of the value less the log that is usual for its product (or for all); NaT where the
        value is not positive or its product is too rare to have a usual price.
    days : ndarray of int
        Days since 1970.
    order : ndarray of int
    value : ndarray
        The money itself, NaN where there is none.
    key : ndarray of int, optional
        The product (and currency) of each row.
    """

    column: str
    off: np.ndarray
    days: np.ndarray
    order: np.ndarray
    value: np.ndarray
    key: np.ndarray | None

    @property
    def by_product(self) -> bool:
        """Whether products have usual prices here."""
        return self.key is not None

    def usual(self, rows: np.ndarray) -> np.ndarray:
        """Return each row's usual log, from some rows: its product's median, or that of all."""
        logs = pd.Series(np.log(self.value))
        if self.key is None:
            return np.full(len(logs), logs[rows].median())
        by = logs[rows].groupby(self.key[rows]).median()
        return by.reindex(self.key).to_numpy()
