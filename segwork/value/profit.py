"""Who earns what: revenue, margin, cost to serve and profit by customer and segment: ``profit``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date

import numpy as np
import pandas as pd

from segwork import evidence
from segwork.config import COSTS, Cost
from segwork.errors import UsageError
from segwork.purchases.models import Array
from segwork.tables import Tables
from segwork.value.ledger import Ledger, column, everybody

ANSWERS = ("profit", "margin", "revenue")
FAR = 10.0  # cost over price from which the price is taken for a fault
SHARES = ("margin_rate", "payment_rate", "discount_rate")
BANDS = {"no contact": 0, "1 or 2 contacts": 1, "3 to 9 contacts": 3, "10 and more contacts": 10}


@dataclass(frozen=True)
class Profit:
    """What customers and segments earned in the window, as far as costs are known.

    Attributes
    ----------
    by_customer : pandas.DataFrame
        One row per customer of the segments, in their order: ``customer_id, segment, revenue``
        (returns taken off)``, margin, cost_to_serve, profit, orders, returns, contacts, minutes``.
        What cannot be known is NaN.
    by_segment : pandas.DataFrame
        Index ``segment``, worst first: ``customers`` and totals of ``revenue, margin,
        cost_to_serve, profit``; ``low, high`` (95 %, bootstrap over customers) of what ``answer``
        names; ``losing`` (share of customers it is negative for); ``revenue_share``,
        ``service_share`` (of cost to serve, of contacts where that is not known), and ``burden``,
        their ratio: above one a segment uses more service than it pays for.
    whale : pandas.DataFrame
        ``share_customers, share_profit``: customers from the best to the worst, and the share of
        the total they have brought by then (NaN unless the total is positive); ``profit``, the same
        in money; ``later``, the share of the second half's total brought by customers in the order
        of the first half, which no luck of the window has sorted.
    answer : str
        What ``low, high`` and ``whale`` are of: profit, or the margin or revenue where more is not
        known.
    missing : tuple of str
        What is not known and therefore not in the figures; lines whose cost is not known, or more
        than ten times their price, have revenue and no margin.
    sources : dict of str to str
        Where each cost comes from.
    outside : float
        Revenue of the window that belongs to nobody in the segments.
    """

    by_customer: pd.DataFrame = field(repr=False)
    by_segment: pd.DataFrame = field(repr=False)
    whale: pd.DataFrame = field(repr=False)
    answer: str
    missing: tuple[str, ...]
    sources: dict[str, str]
    outside: float

    def facts(self) -> dict[str, float | int | str]:
        """Return totals, the peak of the whale curve, and the worst segment."""
        values = self.by_customer[self.answer]
        facts: dict[str, float | int | str] = {
            "answer": self.answer,
            "missing": "; ".join(self.missing) or "nothing",
            "customers": len(values),
            "total": float(values.sum()),
            "revenue": float(self.by_customer["revenue"].sum()),
            "outside_revenue": self.outside,
            "losing_share": float((values < 0).mean()) if len(values) else 0.0,
        }
        peaks = {"whale_peak": "share_profit", "whale_peak_later": "later"}
        found = {name: self.whale[of].max() for name, of in peaks.items()}
        facts |= {name: float(peak) for name, peak in found.items() if np.isfinite(peak)}
        if "whale_peak" in facts:
            peak = self.whale.loc[self.whale["share_profit"].idxmax()]
            facts["whale_peak_customers_share"] = float(peak["share_customers"])
        if len(self.by_segment):
            worst = self.by_segment.iloc[0]
            facts |= {"worst_segment": str(worst.name), "worst_total": float(worst[self.answer])}
        return facts

    def totals(self) -> pd.DataFrame:
        """Return what each segment brings in all, with its interval and the word for it."""
        table = self.by_segment[[self.answer, "low", "high"]].rename(columns={self.answer: "total"})
        return table.assign(answer=self.answer)

    def meaning(self) -> tuple[str, str]:
        """Return what the segments mean and what to do, a sentence each."""
        paid_for = self.by_segment[self.by_segment["high"] < 0]
        if self.answer != "profit":
            text = f"Costs are too little known for a profit; the figures are the {self.answer}."
            return text, "Declare what contacts, returns and payment cost, and run it again."
        if paid_for.empty:
            text = "No group loses money beyond doubt."
            return text, "Spend by what customers are expected to buy."
        worst = paid_for.iloc[0]
        share = worst["customers"] / len(self.by_customer)
        text = f"The others pay for '{worst.name}': {share:.1%} of customers, who bring"
        text += f" {worst['revenue_share']:.1%} of the revenue and cause"
        text += f" {worst['service_share']:.1%} of the cost to serve."
        return text, "Find and remove the reason of their contacts before anybody is asked to pay."


def profit(
    tables: Tables,
    segments: pd.Series | pd.DataFrame,
    *,
    as_of: date | str,
    window_days: int = 365,
    costs: Mapping[str, float | Cost] | None = None,
    seed: int = 0,
) -> Profit:
    """Work out profit by customer and segment from what the tables and declared costs tell.

    Parameters
    ----------
    tables : Tables
        ``unit_cost`` of the order lines and ``cost`` of the interactions are used where filled in.
    segments : pandas.Series or DataFrame
        Segment by customer id, or columns ``customer_id`` and ``segment``.
    as_of : date
    window_days : int, default 365
        The days before ``as_of`` that are looked at.
    costs : mapping, optional
        Numbers in the home currency, or :class:`segwork.config.Cost`: ``order``, ``line``,
        ``return``, ``contact`` and ``contact_minute`` (for contacts without a ``cost``),
        ``payment_rate``, ``margin_rate`` (for lines without a ``unit_cost``), ``discount_rate``.
        What is absent is not guessed: it is named in ``missing``.
    seed : int, default 0
        Of the bootstrap.

    Raises
    ------
    UsageError
        A cost is unknown or no sensible number, or the window is not positive.
    DataError
        A customer has two segments, or none is in the tables.

    Examples
    --------
    >>> from segwork import tables
    >>> lines = pd.DataFrame({"customer_id": ["a", "b", "b"], "amount": [100.0, 50.0, -50.0],
    ...     "ordered_at": pd.to_datetime(["2024-01-02", "2024-01-03", "2024-01-09"])})
    >>> found = profit(tables.from_frames(transactions=lines), pd.Series({"a": "x", "b": "y"}),
    ...     as_of="2024-02-01", costs={"margin_rate": 0.3, "return": 4.0})
    >>> found.by_segment["profit"].tolist()
    [-4.0, 30.0]
    """
    price = _prices(costs or {})
    book = Ledger(tables, segments, as_of=as_of, window_days=window_days)
    missing: list[str] = []
    lines = _line_money(book.lines, price, missing)
    served = _contact_money(book.contacts, price, missing)
    table = pd.DataFrame({"customer_id": book.label.index, "segment": book.label.to_numpy()})
    halves = _halves(book, lines, served)
    for name, values in halves.items():
        table[name] = values.sum(axis=0)
    for name, of in (("orders", "new_order"), ("returns", "back")):
        table[name] = book.sum(book.lines[of], book.lines).astype(int)
    table["contacts"], table["minutes"] = _use(book)
    answer = next((n for n in ANSWERS if table[n].notna().all()), "revenue")
    outside = float(np.nansum(lines["revenue"][(book.lines["row"] < 0).to_numpy()])) + book.lost
    curve = whale_curve(table[answer].to_numpy(float), halves[answer])
    told = tuple(missing), _sources(costs or {}, book)
    return Profit(table, _by_segment(table, answer, seed), curve, answer, *told, outside)


def contact_bands(tables: Tables, *, as_of: date | str, window_days: int = 365) -> pd.Series:
    """Group everybody with a line or a contact by contacts: none, 1 or 2, 3 to 9, 10 and more."""
    book = Ledger(tables, everybody(tables, as_of), as_of=as_of, window_days=window_days)
    contacts = np.nan_to_num(_use(book)[0])
    place = np.searchsorted(list(BANDS.values()), contacts, side="right") - 1
    return pd.Series(np.array(list(BANDS))[place], book.label.index, name="segment")


def whale_curve(values: Array, halves: Array | None = None) -> pd.DataFrame:
    """Add customers up from the best to the worst; see :class:`Profit` for the columns."""
    n = len(values)
    money = np.r_[0.0, np.cumsum(np.sort(values)[::-1])]
    later = np.full(n + 1, np.nan)
    if halves is not None and halves[1].sum() > 0:
        foreseen = np.lexsort((halves[1], -halves[0]))
        later = np.r_[0.0, np.cumsum(halves[1][foreseen])] / halves[1].sum()
    total = money[-1] if money[-1] > 0 else np.nan
    curve = pd.DataFrame({"share_customers": np.arange(n + 1) / max(n, 1), "profit": money})
    return curve.assign(share_profit=money / total, later=later)


def _prices(costs: Mapping[str, float | Cost]) -> dict[str, float]:
    """Return the numbers, checked."""
    prices = {}
    for name, cost in costs.items():
        if name not in COSTS:
            raise UsageError.unknown("cost", str(name), COSTS, where="costs")
        value = cost.value if isinstance(cost, Cost) else cost
        number = not isinstance(value, bool) and isinstance(value, int | float | np.number)
        low, high = -1.0 if name == "margin_rate" else 0.0, 1.0 if name in SHARES else np.inf
        if not number or not low <= value <= high:
            wanted = "a share up to 1" if name in SHARES else "money, 0 or more"
            raise UsageError(f"the cost '{name}' is {value!r}", accepted=wanted)
        prices[name] = float(value)
    return prices


def _sources(costs: Mapping[str, float | Cost], book: Ledger) -> dict[str, str]:
    found = {n: c.source if isinstance(c, Cost) else "given in the call" for n, c in costs.items()}
    columns = {"unit_cost": book.lines, "cost": book.contacts}
    there = [n for n, table in columns.items() if table is not None and n in table]
    return found | {f"column {name}": "recorded in the data" for name in there}


def _line_money(lines: pd.DataFrame, price: dict[str, float], missing: list[str]) -> dict:
    """Return revenue, margin and cost to serve of every line; None for what nobody knows."""
    revenue, sold = np.nan_to_num(column(lines, "amount")), lines["sold"].to_numpy(bool)
    pieces = column(lines, "quantity") if "quantity" in lines else 1.0
    cost = pieces * column(lines, "unit_cost")
    # A price far below cost is one of another currency or in thousands: its margin is not known.
    far = (revenue != 0) & (np.abs(cost) > FAR * np.abs(revenue))
    margin = np.where(far, np.nan, revenue - cost)
    margin = np.where(np.isnan(cost), revenue * price.get("margin_rate", np.nan), margin)
    unknown = np.isnan(margin)
    if n := int(unknown.sum()):
        told = f"{n:,} of {len(lines):,} lines"
        missing.append(f"goods: cost unknown or above ten prices in {told}")
    used = {"order": lines["new_order"], "line": sold, "return": lines["back"]}
    used["payment_rate"] = np.where(sold, revenue, 0.0)
    used["discount_rate"] = np.where(sold, np.nan_to_num(column(lines, "discount")), 0.0)
    parts = [price[n] * np.asarray(times, float) for n, times in used.items() if n in price]
    names = {"order": "orders", "return": "returns", "payment_rate": "payment"}
    missing += [f"{words}: no cost declared" for n, words in names.items() if n not in price]
    if "discount" in lines and "discount_rate" not in price:
        missing.append("discounts: not declared whether they are taken off the amounts")
    known = None if len(lines) and unknown.all() else np.nan_to_num(margin)
    return {"revenue": revenue, "margin": known, "cost": sum(parts) if parts else None}


def _contact_money(
    contacts: pd.DataFrame | None, price: dict[str, float], missing: list[str]
) -> Array | None:
    """Return the cost of every contact: as recorded, else as declared, else None."""
    if contacts is None:
        missing.append("contacts: there are no interactions")
        return None
    each = price.get("contact", np.nan)
    minutes = price.get("contact_minute", np.nan) * column(contacts, "handling_minutes")
    declared = np.where(np.isnan(minutes), each, np.nan_to_num(each) + minutes)
    cost = column(contacts, "cost")
    cost = np.where(np.isnan(cost), declared, cost)
    unknown = np.isnan(cost)
    if unknown.any():
        missing.append(f"contacts: no cost known of {int(unknown.sum())} of {len(cost)}")
    return None if len(cost) and unknown.all() else np.nan_to_num(cost)


def _halves(book: Ledger, lines: dict, served: Array | None) -> dict[str, Array]:
    """Return each quantity by half of the window and customer, shape (2, customers)."""

    def halved(values: Array | None, table: pd.DataFrame | None) -> Array:
        if values is None:
            return np.full((2, len(book.label)), np.nan)
        late = table["late"].to_numpy(bool)
        return np.stack([book.sum(np.where(late == h, values, 0.0), table) for h in (0, 1)])

    found = {name: halved(lines[name], book.lines) for name in ("revenue", "margin")}
    costs = [halved(lines["cost"], book.lines), halved(served, book.contacts)]
    nothing = lines["cost"] is None and served is None
    found["cost_to_serve"] = costs[0] if nothing else np.nansum(costs, axis=0)
    found["profit"] = found["margin"] - found["cost_to_serve"]
    return found


def _use(book: Ledger) -> tuple[Array, Array]:
    """Return contacts and minutes by customer; NaN without interactions."""
    none, contacts = np.full(len(book.label), np.nan), book.contacts
    if contacts is None:
        return none, none
    minutes = book.sum(np.nan_to_num(column(contacts, "handling_minutes")), contacts)
    known = "handling_minutes" in contacts
    return book.sum(np.ones(len(contacts)), contacts), minutes if known else none


def _by_segment(table: pd.DataFrame, answer: str, seed: int) -> pd.DataFrame:
    grouped = table.groupby("segment", sort=True)
    found = grouped[["revenue", "margin", "cost_to_serve", "profit"]].sum(min_count=1)
    found.insert(0, "customers", grouped.size())
    values = table[answer].to_numpy(float)
    codes = grouped.ngroup().to_numpy()
    found[["low", "high"]] = evidence.bootstrap_totals(codes, values, seed=seed)
    found["losing"] = (table[answer] < 0).groupby(table["segment"]).mean()
    service = found["cost_to_serve"]
    if service.isna().all() or not service.sum():
        service = grouped["contacts"].sum(min_count=1)
    for name, values in (("revenue_share", found["revenue"]), ("service_share", service)):
        found[name] = values / values.sum() if values.sum() > 0 else np.nan
    paid = found["revenue_share"]
    found["burden"] = found["service_share"] / paid.where(paid > 0)
    return found.sort_values(answer, kind="stable")
