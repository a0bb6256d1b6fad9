"""Is there enough, and steady enough, data for models? A warning with its counts, never a veto."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import numpy as np
import pandas as pd

from segwork.quality.sources import SourceTable, SourceTables, source_tables
from segwork.quality.timing import core_days
from segwork.tables import Tables

LEAST_CUSTOMERS = 10_000
LEAST_POINTS = 50_000
LEAST_MONTHS = 6


@dataclass(frozen=True)
class Readiness:
    """What the amount of data allows.

    Attributes
    ----------
    ready : bool
        True where models are supported by the amount and the flow of data.
    recommendation : str
        ``models`` or ``rule-based segments``; advice only, it changes no other result.
    table : DataFrame
        One row per requirement: requirement, value, needed, met.
    months : DataFrame
        month, customers, new_customers, lines.
    """

    ready: bool
    recommendation: str
    reason: str
    table: pd.DataFrame
    months: pd.DataFrame

    def facts(self) -> dict[str, float | int | str]:
        """Return the counts and the recommendation."""
        counts = dict(zip(self.table["name"], self.table["value"], strict=True))
        return {**counts, "readiness": self.recommendation, "readiness_reason": self.reason}


def readiness(tables: Tables, *, as_of: date | str) -> Readiness:
    """Count customers, data points and monthly inflow against what models need.

    Fewer than 10,000 customers, or months without new rows: rule-based segments. Models want
    50,000 data points (order lines) and a steady flow besides.

    Parameters
    ----------
    tables : segwork.tables.Tables
    as_of : date or str
        Rows from this day on are not counted.

    Examples
    --------
    >>> from segwork import tables
    >>> lines = pd.DataFrame({"customer_id": ["a"], "ordered_at": ["2024-01-02"], "amount": [5.0]})
    >>> readiness(tables.from_frames(transactions=lines), as_of="2024-02-01").recommendation
    'rule-based segments'
    """
    return readiness_of(source_tables(tables, as_of=as_of))


def readiness_of(sources: SourceTables) -> Readiness:
    """Count what models need in tables that are read already."""
    lines, people = sources.get("transactions"), sources.get("customers")
    months = _months(lines, sources.as_of) if lines is not None else _no_months()
    known = len(people.codes("customer_id")[1]) if people and "customer_id" in people else 0
    customers = max(int(months["new_customers"].sum()), known)
    inside = months.iloc[1:-1] if len(months) > 2 else months
    typical = float(inside["lines"].median()) if len(inside) else 0.0
    quiet = int((inside["lines"] < 0.25 * typical).sum()) if typical else len(months)
    lines, none_new = months["lines"], int((inside["new_customers"] == 0).sum())
    rows = [
        ("customers_known", "customers", customers, LEAST_CUSTOMERS),
        ("data_points", "order lines before as_of", int(lines.sum()), LEAST_POINTS),
        ("months_with_rows", "months with order lines", int((lines > 0).sum()), LEAST_MONTHS),
        ("quiet_months", "inner months under a quarter of the usual flow", quiet, 0),
        ("months_without_new_customers", "inner months with no new customer", none_new, 0),
    ]
    table = pd.DataFrame(rows, columns=["name", "requirement", "value", "needed"])
    few, enough = table["needed"] == 0, table["value"] >= table["needed"]
    table["met"] = np.where(few, table["value"] <= 0, enough)
    lacking = table.assign(bound=np.where(few, "at most", "at least"))[~table["met"]]
    rules = bool(set(lacking["name"]) - {"months_without_new_customers"})
    parts = [
        f"{r.requirement}: {r.value:,} ({r.bound} {r.needed:,} wanted)"
        for r in lacking.itertuples()
    ]
    reason = "; ".join(parts) or "enough customers, data points and a steady monthly flow"
    recommendation = "rule-based segments" if rules else "models"
    return Readiness(not rules, recommendation, reason, table, months)


def _months(source: SourceTable, end: np.datetime64) -> pd.DataFrame:
    when = source.when()
    inside = ~np.isnat(when) & (when < end) & np.isin(source.days(), core_days(source.days()))
    month = pd.Series(when[inside].astype("datetime64[M]").astype(str), dtype=object)
    who = pd.Series(source.codes("customer_id")[0][inside]).replace(-1, np.nan)
    if month.empty:
        return _no_months()
    first = month.groupby(who).min().value_counts()
    table = pd.DataFrame({"customers": who.groupby(month).nunique(), "lines": month.value_counts()})
    every = np.arange(np.datetime64(table.index[0], "M"), np.datetime64(table.index[-1], "M") + 1)
    if len(every) <= 240:
        table = table.reindex(every.astype(str), fill_value=0)
    table["new_customers"] = first.reindex(table.index, fill_value=0)
    return table.rename_axis("month").reset_index()


def _no_months() -> pd.DataFrame:
    return pd.DataFrame({"month": [], "customers": [], "lines": [], "new_customers": []})
