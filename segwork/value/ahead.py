"""Revenue of each segment over the next quarters: ``revenue_ahead``, with its own back-test."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date

import numpy as np
import pandas as pd
from narwhals.typing import IntoFrame

from segwork.errors import DataError, UsageError
from segwork.purchases import Occasions, occasions
from segwork.purchases.forecast import FIRST, forecast
from segwork.purchases.models import Array
from segwork.value.ledger import labels

QUARTER, SHORTEST = 91, 2  # days; quarters of history a try needs
LEVEL = 1.645  # of a normal: 90 %
EMPTY = pd.DataFrame(columns=["segment", "quarter", "begins", "expected", "naive", "actual"])


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
        if len(self.backtest):
            facts["backtest_quarters"] = int(self.backtest["begins"].nunique())
            facts |= {f"{n}_miss": _miss(self.backtest, n) for n in ("expected", "naive")}
        return facts


def revenue_ahead(
    transactions: IntoFrame,
    segments: pd.Series | pd.DataFrame,
    *,
    as_of: date | str,
    quarters: int = 4,
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
        Quarters ahead, and at most so many tried before, each with two quarters of history.

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
    segment = labels(segments).reindex(pd.Index(found.customer_id).map(str)).to_numpy()
    cuts = [found.end - back * QUARTER for back in range(quarters, 0, -1)]
    tried = [_quarters(found, segment, c, 1) for c in cuts if c - found.begin >= SHORTEST * QUARTER]
    backtest = pd.concat([EMPTY, *tried], ignore_index=True)
    naive = bool(len(backtest)) and _miss(backtest, "naive") < _miss(backtest, "expected")
    used = "naive" if naive else "expected"
    ahead = _quarters(found, segment, found.end, quarters)
    table = ahead.drop(columns=["naive", "actual"]).assign(expected=ahead[used])
    wing = np.exp(LEVEL * _spread(backtest, used))
    table = table.assign(low=table["expected"] / wing, high=table["expected"] * wing)
    return RevenueAhead(table, backtest, "quarter before" if naive else "model")


def _quarters(found: Occasions, segment: Array, cut: int, quarters: int) -> pd.DataFrame:
    """Return expected, naive and actual revenue by segment and quarter from day ``cut`` on."""
    try:
        made = forecast(found, cut, FIRST)
    except DataError:
        return EMPTY
    value, known = np.nan_to_num(made.value()), made.place >= 0
    before, rows = np.zeros(len(known)), [EMPTY]
    for quarter in range(quarters):
        begin = cut + quarter * QUARTER
        until = made.orders((quarter + 1) * QUARTER)
        spend = pd.DataFrame({"expected": (until - before) * value})
        spend["naive"] = found.summed(found.spend, cut - QUARTER, cut)
        spend["actual"] = known * found.summed(found.spend, begin, begin + QUARTER)
        sums = spend.groupby(segment).sum().rename_axis("segment").reset_index()
        rows.append(sums.assign(quarter=quarter + 1, begins=pd.Timestamp(int(begin), unit="D")))
        before = until
    return pd.concat(rows, ignore_index=True)[EMPTY.columns]


def _miss(backtest: pd.DataFrame, name: str) -> float:
    """Return the sum of misses over that of the actual revenue."""
    miss = (backtest[name] - backtest["actual"]).abs().sum()
    return float(miss / max(backtest["actual"].sum(), 1e-12))


def _spread(backtest: pd.DataFrame, name: str) -> float:
    """Return the root mean square of the log ratio of actual to expected; NaN if never tried."""
    tried = backtest[["actual", name]].astype(float)
    tried = np.log(tried[(tried > 0).all(axis=1)])
    return float(np.sqrt(((tried["actual"] - tried[name]) ** 2).mean()))
