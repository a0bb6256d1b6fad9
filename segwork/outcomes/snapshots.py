"""A labelled table: customers as of a day, and what they did in the window after it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta

import narwhals as nw
import numpy as np
import pandas as pd

from segwork.errors import UsageError
from segwork.features import customer_features
from segwork.features.orders import mark_lines
from segwork.purchases.occasions import in_memory
from segwork.schema import CUSTOMERS
from segwork.tables import Tables, needed, until

AT_RISK_PACE = 0.5
EVENING = 18  # hour


@dataclass(frozen=True)
class Snapshots:
    """Customers described on several days, with what they did afterwards.

    Attributes
    ----------
    X : DataFrame, shape (n, d)
        Features as of the day; ``customer_id`` and the day are not among them.
    label : Series, shape (n,)
        lost (no order in the window), at risk (fewer than half the orders their own pace
        promised), loyal.
    customer : Series, shape (n,)
    as_of : Series of datetime, shape (n,)
        The day of the snapshot; the label window starts on it.
    label_days : int
    left_out : tuple of date
        Days whose label window had not closed, not used.
    """

    X: pd.DataFrame
    label: pd.Series
    customer: pd.Series
    as_of: pd.Series
    label_days: int
    left_out: tuple[date, ...]

    @property
    def known_at(self) -> dict[str, str]:
        """When the features are known: those of dated tables before the day they describe.

        Attributes of the customers table carry no date; whoever keeps it must say.
        """
        undated = {column.name for column in CUSTOMERS.columns}
        return dict.fromkeys([name for name in self.X if name not in undated], "before decision")

    def facts(self) -> dict[str, float | int | str]:
        """Return rows, customers, days, days left out and the share of each class."""
        found: dict[str, float | int | str] = {
            "rows": len(self.X),
            "customers": int(self.customer.nunique()),
            "snapshots": int(self.as_of.nunique()),
            "snapshots_left_out": len(self.left_out),
            "label_days": self.label_days,
        }
        for name, share in self.label.value_counts(normalize=True).sort_index().items():
            found[f"{str(name).replace(' ', '_')}_share"] = float(share)
        return found


def quarters(
    tables: Tables, *, as_of: date, number: int = 4, label_days: int = 90, window_days: int = 365
) -> Snapshots:
    """Take the last ``number`` quarterly snapshots whose label window has closed by ``as_of``.

    Snapshots with no order of a known customer in their window are skipped. The rest is as in
    :func:`snapshots`.
    """
    lines = in_memory(nw.from_native(needed(tables).transactions))
    when = lines.loc[lines["customer_id"].notna(), "ordered_at"]
    window = pd.Timedelta(days=window_days)
    days = [as_of - timedelta(days=label_days + 91 * k) for k in range(number)]
    ends = {day: pd.Timestamp(day) for day in days}
    days = [d for d, end in ends.items() if when.between(end - window, end, "left").any()] or days[
        :1
    ]
    return snapshots(
        tables, days=days, closed_at=as_of, label_days=label_days, window_days=window_days
    )


def snapshots(
    tables: Tables,
    *,
    days: Iterable[date],
    closed_at: date,
    label_days: int = 90,
    window_days: int = 365,
) -> Snapshots:
    """Describe customers on each day, and label them by the ``label_days`` that follow.

    Parameters
    ----------
    tables : segwork.tables.Tables
    days : iterable of date
        Days of the snapshots.
    closed_at : date
        Day the data end (``as_of`` of the config). Days later than ``closed_at`` minus
        ``label_days`` are left out and named: their label is not known yet.
    label_days, window_days : int
        Length of the label window and of the window behind the features.

    Returns
    -------
    Snapshots
        A customer is in a snapshot if they ordered in the ``window_days`` before it.

    Raises
    ------
    UsageError
        No day has a closed label window, or a length is not positive.
    """
    if min(label_days, window_days) <= 0:
        raise UsageError(
            f"label_days {label_days}, window_days {window_days}", accepted="positive days"
        )
    needed(tables)
    asked = sorted(days)
    closed = [day for day in asked if day + timedelta(days=label_days) <= closed_at]
    if not closed:
        raise UsageError(
            f"no snapshot day has a label window of {label_days} days that closed by {closed_at}",
            accepted="earlier days, or a shorter window",
        )
    parts = [_snapshot(tables, day, label_days, window_days) for day in closed]
    rows = pd.concat(parts, ignore_index=True)
    return Snapshots(
        X=rows.drop(columns=["customer_id", "_label", "_day", *_withheld(rows)]),
        label=rows["_label"].rename("label"),
        customer=rows["customer_id"],
        as_of=rows["_day"],
        label_days=label_days,
        left_out=tuple(day for day in asked if day not in closed),
    )


def _withheld(rows: pd.DataFrame) -> list[str]:
    """Columns a model does not get: protected ones, constant ones, and values of the day itself."""
    protected = [c.name for c in CUSTOMERS.columns if c.protected or c.personal]
    return [
        name
        for name in rows.columns.drop(["customer_id", "_label", "_day"])
        if name in protected or name.startswith("external_") or rows[name].nunique() < 2
    ]


def _snapshot(tables: Tables, day: date, label_days: int, window_days: int) -> pd.DataFrame:
    found = described(tables, day, window_days)
    end = day + timedelta(days=label_days)
    later = orders_between(in_memory(nw.from_native(until(tables.transactions, end))), start=day)
    orders = found["customer_id"].map(later).astype(float).fillna(0.0)
    observed = found["tenure_days"].clip(lower=1, upper=window_days)
    promised = found["orders_window"] * label_days / observed.clip(lower=label_days)
    found["_label"] = np.select(
        [orders == 0, orders < AT_RISK_PACE * promised], ["lost", "at risk"], "loyal"
    )
    found["_day"] = pd.Timestamp(day)
    return found


def described(tables: Tables, day: date, window_days: int) -> pd.DataFrame:
    """Features of the customers who ordered in the window before the day.

    ``last_order`` beside the usual ones: weekday of the last order, and whether it was evening.
    """
    found = in_memory(nw.from_native(customer_features(tables, as_of=day, window_days=window_days)))
    found = found[found["orders_window"] > 0].reset_index(drop=True)
    lines = _sold(in_memory(nw.from_native(until(tables.transactions, day))))
    last = found["customer_id"].map(lines.groupby("customer_id")["ordered_at"].max())
    evening = np.where(last.dt.hour >= EVENING, " evening", "")
    return found.assign(last_order=last.dt.day_name() + evening)


def orders_between(transactions: pd.DataFrame, *, start: date | datetime) -> pd.Series:
    """Count each customer's orders from ``start`` on; returns are no orders."""
    lines = _sold(transactions[transactions["ordered_at"] >= pd.Timestamp(start)])
    return lines.groupby("customer_id")["_order"].nunique()


def _sold(lines: pd.DataFrame) -> pd.DataFrame:
    """Return the order lines as the features count them: a free one counts, a return does not."""
    marked = mark_lines(lines, also=("ordered_at",)).to_native()
    return marked[marked["_sold"]]
