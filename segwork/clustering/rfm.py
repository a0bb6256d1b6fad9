"""The rule everybody starts from: recency, frequency and money scored 1 to 5, 5 is best."""

from __future__ import annotations

import numpy as np
import pandas as pd

from segwork.features.rfm import scores_by

NAMES = ("champions", "loyal", "promising", "at risk", "lost")


def rfm_labels(frame: pd.DataFrame, cuts: np.ndarray) -> np.ndarray:
    """Return the segment, shape (n,), as a position in ``NAMES``.

    Recent (R ≥ 4) with value (mean of F and M above 3.5): champions; recent without: promising;
    R of 3 or value with R of 3: loyal; R ≤ 2 with value: at risk; R ≤ 2 without: lost.

    Examples
    --------
    >>> rows = {"days_since_last": [3, 300], "orders": [30, 1], "spend_total": [900.0, 9.0]}
    >>> cuts = np.array([[-180, -90, -30, -10], [1, 2, 4, 8], [20, 50, 100, 400]])
    >>> [NAMES[label] for label in rfm_labels(pd.DataFrame(rows), cuts)]
    ['champions', 'lost']
    """
    recency, frequency, money = scores_by(cuts, frame).T
    valued = frequency + money > 7
    return np.select(
        [(recency >= 4) & valued, recency == 3, recency >= 4, valued], [0, 1, 2, 3], default=4
    )
