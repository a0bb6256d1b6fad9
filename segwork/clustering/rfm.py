"""The rule everybody starts from: recency, frequency and money scored 1 to 5, 5 is best."""

from __future__ import annotations

import numpy as np
import pandas as pd

NAMES = ("champions", "loyal", "promising", "at risk", "lost")
_COLUMNS = ("days_since_last", "orders", "spend_total")


def fit_cuts(frame: pd.DataFrame) -> np.ndarray:
    """Return the quintile cuts, shape (3, 4), of days since last, orders and spend."""
    values = frame[list(_COLUMNS)].to_numpy(float)
    return np.nanquantile(values, [0.2, 0.4, 0.6, 0.8], axis=0).T


def rfm_scores(frame: pd.DataFrame, cuts: np.ndarray) -> np.ndarray:
    """Return scores 1 to 5, shape (n, 3): R, F, M; equal values always get equal scores."""
    days, orders, spend = (frame[name].to_numpy(float) for name in _COLUMNS)
    return np.column_stack(
        [
            5 - np.searchsorted(cuts[0], days, side="left"),
            1 + np.searchsorted(cuts[1], orders, side="left"),
            1 + np.searchsorted(cuts[2], spend, side="left"),
        ]
    )


def rfm_labels(frame: pd.DataFrame, cuts: np.ndarray) -> np.ndarray:
    """Return the segment, shape (n,), as a position in ``NAMES``.

    Recent (R ≥ 4) with value (mean of F and M above 3.5): champions; recent without: promising;
    R of 3 or value with R of 3: loyal; R ≤ 2 with value: at risk; R ≤ 2 without: lost.

    Examples
    --------
    >>> rows = {"days_since_last": [3, 300], "orders": [30, 1], "spend_total": [900.0, 9.0]}
    >>> cuts = np.array([[10, 30, 90, 180], [1, 2, 4, 8], [20, 50, 100, 400]])
    >>> [NAMES[label] for label in rfm_labels(pd.DataFrame(rows), cuts)]
    ['champions', 'lost']
    """
    recency, frequency, money = rfm_scores(frame, cuts).T
    valued = frequency + money > 7
    return np.select(
        [(recency >= 4) & valued, recency == 3, recency >= 4, valued], [0, 1, 2, 3], default=4
    )


def found_again(frame: pd.DataFrame, seed: int) -> float:
    """Return how far cuts taken on two disjoint halves agree on everybody, over five splits."""
    from sklearn.metrics import adjusted_rand_score

    agreement = []
    for split in range(5):
        order = np.random.default_rng([seed, 23, split]).permutation(len(frame))
        one, two = (
            rfm_labels(frame, fit_cuts(frame.iloc[half])) for half in np.array_split(order, 2)
        )
        agreement.append(adjusted_rand_score(one, two))
    return float(np.mean(agreement))
