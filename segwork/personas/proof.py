"""Stages as of an earlier day, held against what the same customers did afterwards."""

from __future__ import annotations

from datetime import date, timedelta

import pandas as pd

from segwork import tables as _tables
from segwork.evidence import wilson
from segwork.personas.lifecycle import STAGES, lifecycle
from segwork.purchases import occasions
from segwork.tables import Tables

HALF_A_YEAR = 182


def proof(tables: Tables, *, as_of: date | str, days: int = HALF_A_YEAR) -> pd.DataFrame:
    """Tell how many customers of each stage of then have ordered since.

    Parameters
    ----------
    tables : Tables
    as_of : date
        End of the later period.
    days : int, default 182
        Its length; stages are drawn as of its beginning.

    Returns
    -------
    DataFrame
        Index ``stage``: ``customers, ordered`` (share with an order since) and ``low, high``
        (95 %, Wilson). Empty where the history before is shorter than the period.

    Examples
    --------
    >>> days = pd.date_range("2022-01-03", periods=120, freq="7D")
    >>> lines = pd.DataFrame({"customer_id": "a", "ordered_at": days})
    >>> data = _tables.from_frames(transactions=lines)
    >>> proof(data, as_of="2024-03-01")["ordered"].to_dict()
    {'loyal': 1.0}
    """
    found = occasions(tables.transactions, as_of=as_of)
    begin = found.end - days
    table = pd.DataFrame(columns=["customers", "ordered", "low", "high"])
    if begin - found.begin < days:
        return table.rename_axis("stage")
    earlier = _tables.instant(as_of) - timedelta(days=days)
    then = lifecycle(_tables.until(tables, earlier), as_of=earlier).dropna(subset="stage")
    again = pd.Series(found.summed(found.orders, begin, found.end) > 0, found.customer_id)
    came = again.reindex(then["customer_id"]).fillna(value=False).to_numpy(bool)
    counts = pd.Series(came).groupby(then["stage"].to_numpy()).agg(["size", "sum"])
    for stage in (s for s in STAGES if s in counts.index):
        n, k = int(counts.loc[stage, "size"]), int(counts.loc[stage, "sum"])
        ends = wilson(k, n)
        table.loc[stage] = [n, k / n, ends.low, ends.high]
    return table.astype({"customers": int}).rename_axis("stage")
