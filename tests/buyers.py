"""Order lines of buyers, from their orders by week."""

from __future__ import annotations

import numpy as np
import pandas as pd

AS_OF = pd.Timestamp("2024-01-01")


def order_lines(counts: np.ndarray, rng: np.random.Generator) -> pd.DataFrame:
    """Turn orders per customer and week into order lines at random moments of the week."""
    customer, week = (np.repeat(at, counts[counts > 0]) for at in np.nonzero(counts))
    seconds_ago = (counts.shape[1] - week) * 604_800 - rng.integers(0, 604_800, week.size)
    lines = {"customer_id": customer, "ordered_at": AS_OF - pd.to_timedelta(seconds_ago, "s")}
    return pd.DataFrame({**lines, "order_id": np.arange(week.size)})
