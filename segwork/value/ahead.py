"""Revenue of each segment over the next quarters: ``revenue_ahead``, with its own back-test."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from typing import Any

import numpy as np
import pandas as pd

from segwork.errors import DataError, UsageError
from segwork.purchases import Occasions, occasions
from segwork.purchases.forecast import FIRST, forecast
from segwork.value.ledger import labels

QUARTER = 91
LEVEL = 1.645  # of a normal: 90 %


@dataclass(frozen=True)
class RevenueAhead:
    """Revenue expected of today's customers.

    Attributes
    ----------
    table : pandas.DataFrame
        ``segment, quarter`` (1, 2, …)``, begins, expected, low, high``: revenue before returns of
        the customers of today; the 90 % interval is as wide as the back-test missed.
    used : str
        "model", or "quarter before" where repeating that missed less in the back-test.
    backtest : pandas.DataFrame
        ``segment, begins, expected, naive, actual`` of earlier quarters: each expected from what
        lay before it, of the customers known then; naive is what they spent the quarter before.
    """

    table: pd.DataFrame = field(repr=False)
    backtest: pd.DataFrame = field(repr=False)
    used: str

    def facts(self) -> dict[str, float | int | str]:
        """Return the next quarter's revenue, and how far model and naive were off before."""
        facts: dict[str, float | int | str] = {"used": self.used}
        if len(self.table):
            first = self.table[self.table["quarter"] == 1]
            facts["next_quarter_revenue"] = float(first["expected"].sum())
        if len(self.backtest) and self.backtest["actual"].sum() > 0:
            facts["backtest_quarters"] = int(self.backtest["begins"].nunique())
            for name in ("expected", "naive"):
                facts[f"{name}_miss"] = _miss(self.backtest, name)
        return facts


def revenue_ahead(
    transactions: Any, segments: Any, *, as_of: date | str, quarters: int = 4
) -> RevenueAhead:
    """Expect each segment's revenue in the next quarters of 91 days, without customers to come.

    Parameters
    ----------
    transactions : native frame
        As in :func:`segwork.value.expected`.
    segments : pandas.Series or DataFrame
        As in :func:`segwork.value.profit`. The back-test uses the segments of today too: a segment
        that was made by looking at its late orders flatters it.
    as_of : date
    quarters : int, default 4
        Quarters ahead, and at most so many tried before; a try needs as many quarters of history.

    Examples
    --------
    >>> days = pd.date_range("2023-01-01", periods=60, freq="7D")
    >>> lines = pd.DataFrame({"customer_id": "a", "ordered_at": days, "amount": 10.0})
    >>> found = revenue_ahead(lines, pd.Series({"a": "x"}), as_of="2024-02-25", quarters=2)
    >>> found.table["expected"].round(-1).tolist()
    [130.0, 130.0]
    """
    if isinstance(quarters, bool) or not 0 < quarters <= 40:
        raise UsageError(f"quarters is {quarters!r}", accepted="1 to 40")
    found = occasions(transactions, as_of=as_of)
    segment = labels(segments).reindex(pd.Index(found.customer_id).map(str))
    tried = []
    for back in range(quarters, 0, -1):
        cut = found.end - back * QUARTER
        if cut - found.begin >= QUARTER * 2:
            tried.append(_quarters(found, segment, cut, 1, actual=True))
    frames = [t for t in tried if t is not None]
    names = ["segment", "begins", "expected", "naive", "actual"]
    backtest = pd.concat(frames)[names] if frames else pd.DataFrame(columns=names)
    naive = bool(len(backtest)) and _miss(backtest, "naive") < _miss(backtest, "expected")
    used = "naive" if naive else "expected"
    table = _quarters(found, segment, found.end, quarters, actual=False)
    if table is None:
        table = pd.DataFrame(columns=["segment", "quarter", "begins", used], dtype=float)
    table["expected"] = table[used]
    wing = np.exp(LEVEL * _spread(backtest, used))
    table = table.assign(low=table["expected"] / wing, high=table["expected"] * wing)
    names = ["segment", "quarter", "begins", "expected", "low", "high"]
    words = "quarter before" if naive else "model"
    return RevenueAhead(table[names], backtest.reset_index(drop=True), words)


def _quarters(
    found: Occasions, segment: pd.Series, cut: int, quarters: int, *, actual: bool
) -> pd.DataFrame | None:
    """Return expected, naive and actual revenue by segment and quarter from day ``cut`` on."""
    try:
        made = forecast(found, cut, FIRST)
    except DataError:
        return None
    value, known = made.value(), made.place >= 0
    until = [np.zeros(len(known))]
    rows = []
    for quarter in range(1, quarters + 1):
        begin = cut + (quarter - 1) * QUARTER
        until.append(made.orders(quarter * QUARTER))
        spend = {"expected": (until[-1] - until[-2]) * np.nan_to_num(value)}
        spend["naive"] = found.summed(found.spend, cut - QUARTER, cut)
        if actual:
            spend["actual"] = np.where(known, found.summed(found.spend, begin, begin + QUARTER), 0)
        sums = pd.DataFrame(spend).groupby(segment.to_numpy()).sum().rename_axis("segment")
        day = pd.Timestamp(int(begin), unit="D")
        rows.append(sums.reset_index().assign(quarter=quarter, begins=day))
    return pd.concat(rows, ignore_index=True)


def _miss(backtest: pd.DataFrame, name: str) -> float:
    """Return the sum of misses over that of the actual revenue."""
    miss = (backtest[name] - backtest["actual"]).abs().sum()
    return float(miss / max(backtest["actual"].sum(), 1e-12))


def _spread(backtest: pd.DataFrame, name: str) -> float:
    """Return the root mean square of the log ratio of actual to expected; NaN if never tried."""
    tried = backtest[(backtest[["actual", name]] > 0).all(axis=1)] if len(backtest) else backtest
    if not len(tried):
        return float("nan")
    ratio = np.log((tried["actual"] / tried[name]).to_numpy(float))
    return float(np.sqrt((ratio**2).mean()))
