"""Risky but loyal: customers who call and complain much, and still engage."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, timedelta

import pandas as pd
from narwhals.typing import IntoFrame

from segwork import tables
from segwork.changepoints.panel import PanelChanges, detect_panel
from segwork.errors import DataError

CALLS, COMPLAINTS, CALL_DAYS, SOCIAL_DAYS = 5, 3, 30, 7
MAY_STAY, AT_RISK = "at risk, may stay", "at risk"


@dataclass(frozen=True)
class Trouble:
    """Customers in trouble and how it reads.

    Attributes
    ----------
    table : pandas.DataFrame
        One row per customer with at least five calls and three complaints in the last 30 days:
        ``customer_id``, ``calls``, ``complaints``, ``social`` (contacts on social channels in the
        last 7 days), ``reading`` (at risk, may stay · at risk), ``contacts_change`` and
        ``orders_change`` (kinds as in :class:`PanelChanges`).
    """

    table: pd.DataFrame = field(repr=False)

    def counts(self) -> pd.DataFrame:
        """Count customers: a row a reading and whether contacts rose, a column a kind of change."""
        more = (self.table["contacts_change"] == "rise").map({True: "rose", False: "no rise shown"})
        rows = [self.table["reading"], more.rename("contacts")]
        return pd.crosstab(rows, "orders: " + self.table["orders_change"]).reset_index()

    def facts(self) -> dict[str, float | int | str]:
        """Return how many customers are in trouble and how many of them may stay."""
        reading = self.table["reading"]
        return {
            "in_trouble_customers": len(self.table),
            "at_risk_may_stay_customers": int((reading == MAY_STAY).sum()),
            "at_risk_customers": int((reading == AT_RISK).sum()),
        }


def read_trouble(
    interactions: IntoFrame, orders: PanelChanges, *, as_of: date | str, seed: int = 0
) -> Trouble:
    """Read contacts beside orders: who is at risk, and who of them may stay.

    Parameters
    ----------
    interactions : native frame
        ``customer_id``, ``channel`` (call, social, …), ``occurred_at``, ``kind`` (complaint, …).
    orders : PanelChanges
        What :func:`detect_panel` found in the same customers' orders.
    as_of : date
    seed : int, default 0

    Raises
    ------
    DataError
        ``kind`` or another needed column is missing, so that no complaint can be told.
    """
    contacts = _contacts(interactions, as_of)
    end = pd.Timestamp(tables.instant(as_of))
    month = contacts["occurred_at"] >= end - timedelta(days=CALL_DAYS)
    week = contacts["occurred_at"] >= end - timedelta(days=SOCIAL_DAYS)
    flags = contacts[["customer_id"]].assign(
        calls=month & (contacts["channel"] == "call"),
        complaints=month & (contacts["kind"] == "complaint"),
        social=week & (contacts["channel"] == "social"),
    )
    table = flags.groupby("customer_id", sort=False).sum().astype(int).reset_index()
    table = table[(table["calls"] >= CALLS) & (table["complaints"] >= COMPLAINTS)]
    table = table.assign(reading=table["social"].gt(0).map({True: MAY_STAY, False: AT_RISK}))
    asked = contacts.rename(columns={"occurred_at": "ordered_at"})[["customer_id", "ordered_at"]]
    asked = asked.assign(order_id=range(len(asked)))
    changes = {
        "contacts_change": detect_panel(asked, as_of=as_of, seed=seed).table,
        "orders_change": orders.table,
    }
    for name, found in changes.items():
        kinds = found.set_index("customer_id")["kind"]
        table[name] = table["customer_id"].map(kinds).fillna("not enough data")
    return Trouble(table.reset_index(drop=True))


def _contacts(interactions: IntoFrame, as_of: date | str) -> pd.DataFrame:
    """Contacts before the cut as a pandas frame, channel and kind in lower case."""
    import narwhals as nw

    names = nw.from_native(interactions).collect_schema().names()
    wanted = ("customer_id", "channel", "occurred_at", "kind")
    for needed in wanted:
        if needed not in names:
            raise DataError(f"interactions has no column '{needed}'", accepted=", ".join(wanted))
    narrow = nw.from_native(tables.until(interactions, as_of)).select(*wanted)
    frame = (narrow.collect() if isinstance(narrow, nw.LazyFrame) else narrow).to_pandas()
    frame = frame[frame["customer_id"].notna()]
    words = {c: frame[c].astype("string").str.strip().str.lower() for c in ("channel", "kind")}
    return frame.assign(**words).reset_index(drop=True)
