"""Recency, frequency and money scored 1 to 5: on any engine, and by cuts for new customers."""

from __future__ import annotations

import narwhals as nw
import numpy as np
import pandas as pd
from narwhals.typing import IntoFrameT

from segwork.features.common import KEY

SCORES = {"days_since_last": False, "orders": True, "spend_total": True}
"""The columns that are scored, and whether more is better."""


def rfm(features: IntoFrameT) -> IntoFrameT:
    """Score customers 1 to 5, 5 best, on days since last order, orders and spend.

    Parameters
    ----------
    features : native frame
        From :func:`customer_features`.

    Returns
    -------
    native frame
        ``customer_id``, ``score_days_since_last``, ``score_orders``, ``score_spend`` (1–5) and
        ``score_sum`` (3–15). A score is the fifth of customers a value lies in, counted from the
        worst: 1 + floor(5 × customers strictly worse / customers). Equal values therefore get
        equal scores, and a fifth may be empty.

    Examples
    --------
    >>> import pandas as pd
    >>> frame = pd.DataFrame({"customer_id": list("abcde"), "days_since_last": [1, 2, 3, 4, 5],
    ...                       "orders": [1, 1, 1, 1, 9], "spend_total": [5.0, 4, 3, 2, 1]})
    >>> rfm(frame)[["score_days_since_last", "score_orders"]].values.tolist()
    [[5, 1], [4, 1], [3, 1], [2, 1], [1, 5]]
    """
    frame = nw.from_native(features)
    scores = []
    for name, more_is_better in SCORES.items():
        worse = nw.col(name).rank("min", descending=not more_is_better) - 1
        score = (5 * worse).cast(nw.Int64) // nw.len() + 1
        scores.append(score.cast(nw.Int64).alias(f"score_{name.removesuffix('_total')}"))
    scored = frame.select(KEY, *scores)
    total = sum((nw.col(f"score_{n.removesuffix('_total')}") for n in SCORES), nw.lit(0))
    return scored.with_columns(score_sum=total).to_native()


def fit_cuts(frame: pd.DataFrame) -> np.ndarray:
    """Return the cuts, shape (3, 4), that give customers of this table the scores of :func:`rfm`.

    A cut on a column where less is better is that of the negative value.
    """
    fifths = [0.2, 0.4, 0.6, 0.8]
    return np.nanquantile(_better_is_more(frame), fifths, axis=0, method="inverted_cdf").T


def scores_by(cuts: np.ndarray, frame: pd.DataFrame) -> np.ndarray:
    """Return scores 1 to 5, shape (n, 3), of any customers by the cuts of others.

    Examples
    --------
    >>> frame = pd.DataFrame({"days_since_last": [1, 2, 3, 4, 5], "orders": [1, 1, 1, 1, 9],
    ...                       "spend_total": [5.0, 4, 3, 2, 1]})
    >>> scores_by(fit_cuts(frame), frame)[:, 1].tolist()
    [1, 1, 1, 1, 5]
    """
    values = _better_is_more(frame)
    columns = zip(cuts, values.T, strict=True)
    return np.column_stack([1 + np.searchsorted(cut, v, side="left") for cut, v in columns])


def _better_is_more(frame: pd.DataFrame) -> np.ndarray:
    signs = np.array([1.0 if more else -1.0 for more in SCORES.values()])
    return frame[list(SCORES)].to_numpy(float) * signs
