"""How segments moved since an earlier day: the same borders over the customers of then."""

from __future__ import annotations

from datetime import date, timedelta

import pandas as pd

from segwork import features
from segwork.clustering.model import SegmentModel
from segwork.clustering.prepare import as_frame
from segwork.results import display
from segwork.tables import Tables


def movement(
    model: SegmentModel,
    tables: Tables,
    segments: pd.Series,
    *,
    as_of: date,
    later_days: int = 91,
    window_days: int = 365,
) -> pd.DataFrame:
    """Compare the segments of today with the same segments of an earlier day.

    Parameters
    ----------
    model : SegmentModel
        What drew the segments of today; it labels the customers of then by the same borders.
    tables : Tables
    segments : Series
        Segment of each customer today, by customer.
    as_of : date
    later_days, window_days : int
        Days since the earlier day, and of the window features look back over.

    Returns
    -------
    DataFrame
        Index ``segment``: ``customers_before``, ``share_before``, ``share_now``, ``change``
        (difference of the shares), ``silent`` (share of its customers of then without an order
        since), ``stayed`` (share of them that is in it today), ``trend`` (change in points, with
        its sign, and the silent share, in words).
    """
    ordered, now = (
        as_frame(features.customer_features(tables, as_of=day, window_days=window_days))
        for day in (as_of - timedelta(days=later_days), as_of)
    )
    before = model.segments(ordered)
    today = segments.astype(str).reindex(before.index)
    gone = (now["days_since_last"].reindex(before.index) >= later_days).astype(float)
    names = before.astype(str)
    table = pd.DataFrame(
        {
            "customers_before": names.value_counts(),
            "share_before": names.value_counts(normalize=True),
            "share_now": segments.astype(str).value_counts(normalize=True),
        }
    ).fillna(0.0)
    table["customers_before"] = table["customers_before"].astype(int)
    table["change"] = table["share_now"] - table["share_before"]
    table["silent"] = gone.groupby(names.to_numpy()).mean().reindex(table.index)
    table["stayed"] = (today == names).astype(float).groupby(names.to_numpy()).mean()
    table["trend"] = [
        f"{100 * row.change:+.1f} points; {display(row.silent, 'share')} silent since"
        if row.customers_before
        else "new"
        for row in table.itertuples()
    ]
    return table.rename_axis("segment").sort_index()
