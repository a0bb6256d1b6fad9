"""The same customers at several ends of period, as one array."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

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
        arrays = (self.X[rows], self.present[rows], self.outcome[rows])
        return Block(self.ids[rows], self.ends, *arrays)

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
        ``days_since_last`` (at most the length of the period), ``spend_total``. Without money
        a basket is worth its lines, and ``spend_total`` counts orders. A customer is in
        it from the period of the first order on. Periods that begin before the first order line
        of the table are left out, but the last is always there.
    """
    if not (1 <= periods <= MOST_PERIODS and period_days >= 1):
        raise UsageError(
            f"periods is {periods}, period_days {period_days}",
            accepted=f"1 to {MOST_PERIODS} periods of at least a day",
        )
    lines = nw.from_native(_tables.needed(tables).transactions)
    names = [name for name in NEEDED if name in lines.collect_schema().names()]
    bare = Tables(transactions=lines.select(names).to_native())
    parts: list[pd.DataFrame] = []
    for back in range(periods):
        end = pd.Timestamp(_tables.instant(as_of)) - pd.Timedelta(days=period_days * back)
        try:
            found = customer_features(bare, as_of=end.to_pydatetime(), window_days=period_days)
        except DataError:  # nobody had bought by then
            if not parts:
                raise
            break
        found = prepare.as_frame(found)
        if parts and found["tenure_days"].max() < period_days:
            break
        known = "spend_window" in found  # without money baskets are worth their lines
        brought = found["spend_window" if known else "orders_window"].astype(float)
        own = brought / found["orders_window"].where(found["orders_window"] > 0)
        part = pd.DataFrame({"period_end": end, "orders": found["orders_window"].astype(float)})
        part["basket_value"] = own.fillna(found["basket_value"]) if known else found["basket_lines"]
        part["days_since_last"] = found["days_since_last"].clip(upper=period_days).astype(float)
        parts.append(part.assign(**{OUTCOME: brought}))
    return pd.concat(parts[::-1]).rename_axis("customer_id").reset_index()


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
    rows = panel.dropna(subset=KEYS).dropna(subset=features, how="all")
    if not features or not len(rows):
        raise DataError(f"the panel has {len(rows)} rows and {len(features)} numeric columns")
    if twice := int(rows.duplicated(KEYS).sum()):
        raise DataError(f"the panel holds {twice} rows twice", accepted="one by customer and end")
    who, ids = pd.factorize(rows["customer_id"])
    when, ends = pd.factorize(pd.to_datetime(rows["period_end"]), sort=True)
    present = np.zeros((len(ids), len(ends)), bool)
    present[who, when] = True

    def laid_out(columns: list[str]) -> np.ndarray:
        plain = rows[columns].set_axis([f"x{j}" for j in range(len(columns))], axis=1)
        scaling = prepare.fit_scaling(plain, scale="customer")
        values = np.zeros((*present.shape, max(len(scaling.columns), 1)), np.float32)
        if scaling.columns:
            values[who, when] = scaling.transform(plain)
        return values

    X = laid_out(features)
    told = X if outcome == features else laid_out(outcome)
    return Block(pd.Index(ids), pd.DatetimeIndex(ends), X, present, told)
