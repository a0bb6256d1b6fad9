"""Transaction files with a later period: read into the contract's words, and scored.

Any other file is scored by the same code: ``score(lines, as_of=…, days=…)`` takes a frame with
``customer_id``, ``ordered_at`` and what else the contract knows.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from segwork import value
from segwork.purchases import occasions
from segwork.purchases.forecast import baselines
from segwork.purchases.forecast import score as figures

# Cut and days of the later period; the files are named in data/README.md of the shared data.
CUTS = {
    "cdnow_sample": ("1997-10-01", 273),
    "cdnow_master": ("1997-10-01", 273),
    "online_retail_II": ("2011-06-10", 183),
    "cj_transactions_sample": ("2017-07-01", 184),
}
PUBLISHED = {"mae": 0.7545, "rmse": 1.603, "bias": 0.115}  # Pareto/NBD on the CDNOW sample


def read(folder: Path, name: str) -> pd.DataFrame:
    """Return the order lines of one of ``CUTS`` in the contract's words."""
    raw = pd.read_parquet(folder / f"{name}.parquet")
    if name.startswith("cdnow"):
        who = raw["sample_id" if name == "cdnow_sample" else "customer_id"]
        at, amount, order = pd.to_datetime(raw["date"]), raw["dollar_value"], None
    elif name == "online_retail_II":
        raw = raw.dropna(subset=["Customer ID"])
        who, at, order = raw["Customer ID"].astype(int), raw["InvoiceDate"], raw["Invoice"]
        amount = raw["Quantity"] * raw["Price"]
    else:
        who, order, amount = raw["household_id"], raw["basket_id"], raw["sales_value"]
        at = pd.to_datetime(raw["transaction_timestamp"], utc=True).dt.tz_localize(None)
    lines = pd.DataFrame({"customer_id": who.astype(str), "ordered_at": at, "amount": amount})
    return lines if order is None else lines.assign(order_id=order.astype(str))


def score(
    lines: pd.DataFrame, *, as_of: str, days: int, model: str = "auto"
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Expect orders from what lay before ``as_of`` and score them on the days from it on.

    Returns
    -------
    DataFrame, DataFrame
        ``model, mae, rmse, bias, deviance, coverage`` of the model used and two naive ones; and
        means by repeat orders before the cut: ``customers, actual, expected, own rate``.
    """
    found = value.expected(lines, as_of=as_of, horizon_days=days, model=model)
    whole = occasions(lines, as_of=pd.Timestamp(as_of) + pd.Timedelta(days=days))
    cut = whole.end - days
    seen, known = whole.seen(cut), whole.seen(cut).times > 0
    table = found.table.set_index("customer_id").reindex(whole.customer_id)[known]
    actual = whole.summed(whole.orders, cut, whole.end)[known]
    orders = table["expected_orders"].to_numpy()
    bounds = table["low"].to_numpy(), table["high"].to_numpy()
    naive = {name: values[known] for name, values in baselines(seen, days).items()}
    rows = [{"model": found.model, **figures(actual, orders, bounds)}]
    rows += [{"model": name, **figures(actual, values)} for name, values in naive.items()]
    means = pd.DataFrame({"actual": actual, "expected": orders, "own rate": naive["own rate"]})
    group = np.minimum(seen.times[known] - 1, 7)
    by_frequency = means.groupby(group).mean().rename_axis("repeat orders")
    by_frequency.insert(0, "customers", np.bincount(group)[by_frequency.index])
    return pd.DataFrame(rows), by_frequency
