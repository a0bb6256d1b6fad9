"""Labels of one kind: text is never compared with numbers, where every answer would be "wrong"."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from segwork.errors import DataError


def of_one_kind(columns: Mapping[str, ArrayLike]) -> list[np.ndarray]:
    """Return columns of labels as arrays, shape (n,) each, of numbers or of text in all of them.

    Parameters
    ----------
    columns : mapping of name to array-like, shape (n,)
        Truths and falsehoods count as numbers; a categorical is what its categories are.

    Raises
    ------
    DataError
        Text stands against numbers, in one column or between two.

    Examples
    --------
    >>> [a.tolist() for a in of_one_kind({"y_true": [1, 0], "y_pred": [True, False]})]
    [[1, 0], [True, False]]
    """
    arrays = {name: np.asarray(values).ravel() for name, values in columns.items()}
    kinds = {name: {_kind(label) for label in pd.unique(a)} for name, a in arrays.items()}
    if len(set().union(*kinds.values()) - {"missing"}) > 1:
        told = [f"{name} holds {_shown(arrays[name], kinds[name])}" for name in arrays]
        raise DataError(
            "; ".join(told),
            accepted="labels of one kind in all of them: numbers or text",
            hint="bring them into one type first, as in y_true.astype(int)",
        )
    return list(arrays.values())


def _kind(label: object) -> str:
    if label is None or label is pd.NA or label != label:
        return "missing"
    return "numbers" if isinstance(label, int | float | np.number | np.bool_) else "text"


def _shown(labels: np.ndarray, kinds: set[str]) -> str:
    some = ", ".join(repr(getattr(v, "item", lambda v=v: v)()) for v in pd.unique(labels)[:3])
    return f"{' and '.join(sorted(kinds - {'missing'}))} ({some})"
