"""What tables hold, in a few lines that a person can hold against what they know."""

from __future__ import annotations

from collections.abc import Iterator

import narwhals as nw
import pandas as pd

from segwork.runs.files import Json
from segwork.tables import Tables

MOST_MONTHS = 36
STRAY_SHARE, STRAY_DAYS = 0.001, 60
"""So few rows so long after all others are no end of the data."""


def lines(data: Tables) -> Iterator[str]:
    """Give customers, orders, revenue, first and last day, and the same by month.

    Rows whose amount is negative are money given back: they count in revenue, not as orders.

    Examples
    --------
    >>> import pandas as pd
    >>> from segwork import tables
    >>> frame = pd.DataFrame({"customer_id": ["a", "b"], "ordered_at": ["2024-01-02", "2024-02-03"],
    ...                       "amount": [5.0, 7.5]})
    >>> print(next(lines(tables.from_frames(transactions=frame))))
    transactions: 2 rows, 2 customers, 2 orders, revenue 12.50, 2024-01-02 to 2024-02-03
    """
    found = counted(data)
    money = "" if found["revenue"] is None else f", revenue {found['revenue']:,.2f}"
    yield (
        f"transactions: {found['rows']:,} rows, {found['customers']:,} customers,"
        f" {found['orders']:,} orders{money}, {found['first_day']} to {found['last_day']}"
    )
    for name, frame in data.items():
        if name != "transactions":
            yield f"{name}: {nw.from_native(frame).lazy().select(nw.len()).collect().item():,} rows"
    months = found["months"]
    for month, orders, revenue in months[-MOST_MONTHS:]:
        told = "" if revenue is None else f"  revenue {revenue:>16,.2f}"
        yield f"  {month}  {orders:>8,} orders{told}"
    if data.customers is not None and (twice := in_two_rows(data)):
        yield f"  {twice:,} customers stand in more than one row of customers; the first one counts"
    for row in data.faults.itertuples():
        yield f"  {row.n_rows:,} × {row.table}.{row.column or '(row)'}: {row.definition}"


def in_two_rows(data: Tables) -> int:
    """Return how many ids stand in more than one row of ``customers``."""
    people = nw.from_native(data.customers).lazy().select("customer_id")
    known = people.filter(~nw.col("customer_id").is_null())
    counts = known.group_by("customer_id").agg(nw.len().alias("n")).filter(nw.col("n") > 1)
    return len(counts.select("n").collect())


def usual_last_day(days: pd.Series) -> pd.Timestamp | None:
    """Return the last day of times before a few that lie far after all others.

    Examples
    --------
    >>> import pandas as pd
    >>> days = pd.Series(pd.to_datetime(["2024-01-02"] * 50 + ["2024-02-03", "2099-12-31"]))
    >>> str(usual_last_day(days).date())
    '2024-02-03'
    """
    known = days.dropna().sort_values()
    usual = known.iloc[int((1 - STRAY_SHARE) * (len(known) - 1))]
    return known[known <= usual + pd.Timedelta(days=STRAY_DAYS)].max()


def counted(data: Tables) -> Json:
    """Return rows, customers, orders, revenue, first_day, last_day and months of transactions."""
    frame = nw.from_native(data.transactions)
    names = frame.collect_schema().names()
    wanted = [n for n in ("customer_id", "ordered_at", "order_id", "amount") if n in names]
    small = frame.lazy().select(*wanted).collect().to_pandas()
    money = "amount" in wanted
    counts = small[~(small["amount"] < 0)] if money else small
    days = counts["ordered_at"].dropna()
    key = (
        counts["order_id"]
        if "order_id" in wanted
        else (counts["customer_id"].astype("str") + counts["ordered_at"].dt.strftime(" %Y-%m-%d"))
    )
    by_month = small["ordered_at"].dt.strftime("%Y-%m")
    orders = key.groupby(by_month.loc[key.index]).nunique()
    sums = small["amount"].groupby(by_month).sum() if money else {}
    return {
        "rows": len(small),
        "customers": int(counts["customer_id"].nunique()),
        "orders": int(key.nunique()),
        "revenue": float(small["amount"].sum()) if money else None,
        "first_day": str(days.min().date()) if len(days) else None,
        "last_day": str(days.max().date()) if len(days) else None,
        "usual_last_day": str(usual_last_day(days).date()) if len(days) else None,
        "months": [(m, int(n), float(sums[m]) if money else None) for m, n in orders.items()],
    }
