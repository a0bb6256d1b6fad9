"""The same customers at several ends of period, as one array."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any

import narwhals as nw
import numpy as np
import pandas as pd

from segwork import tables as _tables
from segwork.clustering import prepare
from segwork.errors import DataError, UsageError
from segwork.features import customer_features
from segwork.tables import Tables

KEYS = ["customer_id", "period_end"]
FEATURES = ["orders", "basket_value", "days_since_last"]
OUTCOME = "spend_total"
NEEDED = ("customer_id", "ordered_at", "amount", "order_id", "quantity", "is_return")
MOST_PERIODS = 60


@dataclass(frozen=True)
class Block:
    """Customers × periods × features, scaled.

    Attributes
    ----------
    ids : Index
        Customers, in the order of their first appearance.
    ends : DatetimeIndex
    X : float32 array, shape (n, periods, d)
        Counts, money and days as logarithms, cut off at their 0.5 and 99.5 % points, standardised.
    present : bool array, shape (n, periods)
    outcome : float32 array, shape (n, periods, m)
        What a segment should tell about the next period, scaled alike.
    """

    ids: pd.Index
    ends: pd.DatetimeIndex
    X: np.ndarray
    present: np.ndarray
    outcome: np.ndarray

    def take(self, rows: np.ndarray) -> Block:
        """Return some of the customers."""
        return replace(
            self, ids=self.ids[rows], X=self.X[rows], present=self.present[rows],
            outcome=self.outcome[rows],
        )  # fmt: skip

    @property
    def both(self) -> np.ndarray:
        """Who is present at both ends of each step, shape (n, periods − 1)."""
        return self.present[:, 1:] & self.present[:, :-1]


def of_tables(
    tables: Tables, *, as_of: date | datetime | str, periods: int, period_days: int
) -> pd.DataFrame:
    """Describe each customer's buying in each period, cut at its end and blind to what follows.

    Returns
    -------
    DataFrame
        customer_id, period_end, and of the ``period_days`` before it: ``orders``,
        ``basket_value`` (of the orders of the period; without one, of all so far),
        ``days_since_last`` (at most the length of the period), ``spend_total``. A customer is in
        it from the period of the first order on. Periods that begin before the first order line
        of the table are left out, but the last is always there.
    """
    for name, value, most in (
        ("periods", periods, MOST_PERIODS),
        ("period_days", period_days, 3660),
    ):
        if not 1 <= value <= most:
            raise UsageError(f"{name} is {value}", accepted=f"a whole number from 1 to {most}")
    lines = nw.from_native(tables.transactions)
    names = lines.collect_schema().names()
    bare = replace(
        tables, transactions=lines.select(*(n for n in NEEDED if n in names)).to_native(),
        customers=None, behaviour=None, interactions=None, external=None,
    )  # fmt: skip
    last = pd.Timestamp(_tables.instant(as_of))
    parts: list[pd.DataFrame] = []
    for back in range(periods):
        end = last - pd.Timedelta(days=period_days * back)
        try:
            found = prepare.as_frame(
                customer_features(bare, as_of=end.to_pydatetime(), window_days=period_days)
            )
        except DataError:
            if not parts:
                raise
            break
        if parts and found["tenure_days"].max() < period_days:
            break
        parts.append(_of_period(found, period_days).assign(period_end=end))
    panel = pd.concat(parts[::-1]).rename_axis("customer_id").reset_index()
    return panel[[*KEYS, *FEATURES, OUTCOME]]


def _of_period(found: pd.DataFrame, period_days: int) -> pd.DataFrame:
    orders = found["orders_window"].astype(float)
    own = found["spend_window"] / orders.where(orders > 0)
    return pd.DataFrame({
        "orders": orders,
        "basket_value": own.fillna(found["basket_value"]),
        "days_since_last": found["days_since_last"].clip(upper=period_days).astype(float),
        OUTCOME: found["spend_window"],
    })  # fmt: skip


def block(panel: pd.DataFrame, *, features: list[str], outcome: list[str]) -> Block:
    """Scale a panel and lay it out as arrays.

    Raises
    ------
    DataError
        A column is absent or no number, a customer has a period twice, or nothing is there.
    """
    for name in (*KEYS, *features):
        if name not in panel.columns:
            raise DataError.unknown("column", name, map(str, panel.columns), where="the panel")
    if not features or not len(panel):
        raise DataError(f"the panel has {len(panel)} rows, {len(features)} features",
                        accepted="at least one of each")  # fmt: skip
    rows = panel[panel["customer_id"].notna() & panel["period_end"].notna()]
    rows = rows[rows[features].notna().any(axis=1)]
    if rows.duplicated(KEYS).any():
        raise DataError(f"the panel holds {int(rows.duplicated(KEYS).sum())} rows twice",
                        accepted="one row per customer_id and period_end")  # fmt: skip
    who, ids = pd.factorize(rows["customer_id"])
    ends = pd.DatetimeIndex(pd.to_datetime(rows["period_end"].unique())).sort_values()
    when = ends.get_indexer(pd.to_datetime(rows["period_end"]))

    def laid_out(columns: list[str]) -> np.ndarray:
        plain = rows[columns].set_axis([f"x{j}" for j in range(len(columns))], axis=1)
        scaling = prepare.fit_scaling(plain, scale="customer")
        values = np.zeros((len(ids), len(ends), max(len(scaling.columns), 1)), np.float32)
        if scaling.columns:
            values[who, when] = scaling.transform(plain)
        return values

    present = np.zeros((len(ids), len(ends)), bool)
    present[who, when] = True
    X = laid_out(features)
    told = X if outcome == features else laid_out(outcome)
    return Block(pd.Index(ids), ends, X, present, told)
