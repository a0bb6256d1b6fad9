"""Features from behaviour, interactions, customers and external."""

from __future__ import annotations

from datetime import datetime, timedelta

import narwhals as nw
from narwhals.typing import Frame, FrameT, IntoFrame

from segwork.features.common import KEY, collect, slug, today_of, with_day
from segwork.schema import CUSTOMERS, Kind

CALLS = ("call", "phone", "telephone")
CART_WORDS = "add.*(?:cart|basket)|(?:cart|basket).*add|^cart$|^basket$"
BOUGHT_WORDS = "purchase|bought|order|paid|payment|^checkout$|checkout_complete"
COMPLAINT_WORDS = "complain"
COUNTS = ("events", "sessions", "days_active", "days_active_7", "days_active_30", "carts_left")
COUNTS += ("contacts", "calls", "complaints", "complaints_30")


def of_behaviour(behaviour: IntoFrame | None, moment: datetime) -> Frame | None:
    """Count events, sessions, active days and carts left behind."""
    if behaviour is None:
        return None
    frame = nw.from_native(behaviour).filter(~nw.col(KEY).is_null())
    has_session = "session_id" in frame.collect_schema().names()
    event = nw.col("event").cast(nw.String).str.to_lowercase()
    frame = with_day(frame, "occurred_at").with_columns(
        _cart=nw.when(event.str.contains(CART_WORDS)).then(1).otherwise(0),
        _bought=nw.when(event.str.contains(BOUGHT_WORDS)).then(1).otherwise(0),
    )
    visit = "session_id" if has_session else "_day"
    visits = (
        frame.filter(~nw.col(visit).is_null())
        .group_by(KEY, visit)
        .agg(nw.col("_cart").max(), nw.col("_bought").max())
    )
    left = (nw.col("_cart") == 1) & (nw.col("_bought") == 0)
    visits = visits.with_columns(_left=nw.when(left).then(1).otherwise(0))
    sessions = [nw.len().alias("sessions")] if has_session else []
    found = visits.group_by(KEY).agg(*sessions, nw.col("_left").sum().alias("carts_left"))
    days = frame.group_by(KEY, "_day").agg(nw.len().alias("_events"))
    for span in (7, 30):
        recent = nw.col("_day") >= today_of(moment) - span
        days = days.with_columns(nw.when(recent).then(1).otherwise(0).alias(f"days_active_{span}"))
    active = days.group_by(KEY).agg(
        nw.col("_events").sum().alias("events"),
        nw.len().alias("days_active"),
        nw.col("days_active_7").sum(),
        nw.col("days_active_30").sum(),
        nw.col("_day").max(),
    )
    active = active.with_columns(days_since_active=today_of(moment) - nw.col("_day")).drop("_day")
    return active.join(found, on=KEY, how="left")


def of_interactions(interactions: IntoFrame | None, moment: datetime) -> Frame | None:
    """Count contacts, calls and complaints, and add up handling minutes."""
    if interactions is None:
        return None
    frame = nw.from_native(interactions).filter(~nw.col(KEY).is_null())
    names = frame.collect_schema().names()
    call = nw.col("channel").cast(nw.String).str.to_lowercase().is_in(CALLS)
    frame = frame.with_columns(calls=nw.when(call).then(1).otherwise(0))
    sums = ["calls"]
    if "kind" in names:
        kind = nw.col("kind").cast(nw.String).str.to_lowercase()
        complaint = kind.str.contains(COMPLAINT_WORDS).fill_null(False)
        recent = nw.col("occurred_at") >= moment - timedelta(days=30)
        frame = frame.with_columns(
            complaints=nw.when(complaint).then(1).otherwise(0),
            complaints_30=nw.when(complaint & recent).then(1).otherwise(0),
        )
        sums += ["complaints", "complaints_30"]
    if "handling_minutes" in names:
        sums.append("handling_minutes")
    return frame.group_by(KEY).agg(
        nw.len().alias("contacts"), *(nw.col(name).sum() for name in sums)
    )


def of_attributes(customers: IntoFrame | None, moment: datetime) -> Frame | None:
    """Take the attributes of the contract; of a customer listed twice the first row counts.

    A lazy engine has no first row: there the largest value of each column counts.
    """
    if customers is None:
        return None
    frame = nw.from_native(customers).filter(~nw.col(KEY).is_null())
    names = frame.collect_schema().names()
    known = [c.name for c in CUSTOMERS.columns if c.kind in (Kind.NUMBER, Kind.CATEGORY)]
    kept = [n for n in known if n in names and n not in ("birth_year", "age")]
    kept += [n for n in names if n.startswith("lifestyle") and n not in kept]
    age = []
    if "age" in names:
        age = [nw.col("age")]
    elif "birth_year" in names:
        age = [(moment.year - nw.col("birth_year")).alias("age")]
    frame = frame.select(KEY, *age, *kept)
    if isinstance(frame, nw.DataFrame):
        return frame.unique(KEY, keep="first", maintain_order=True)
    rest = [n for n in frame.collect_schema().names() if n != KEY]
    return frame.group_by(KEY).agg(*(nw.col(name).max() for name in rest))


def of_external(found: FrameT, external: IntoFrame | None) -> FrameT:
    """Add the latest published value of each regional series to the customers of that region."""
    names = found.collect_schema().names()
    if external is None or "region" not in names:
        return found
    frame = nw.from_native(external)
    if "region" not in frame.collect_schema().names():
        return found
    rows = collect(
        frame.filter(~nw.col("region").is_null(), ~nw.col("value").is_null()).select(
            "name", "region", "date", "value"
        )
    )
    latest: dict[str, dict[str, float]] = {}
    for name, region, _, value in sorted(rows.iter_rows(), key=lambda row: row[2:]):
        latest.setdefault(name, {})[region] = value
    columns = []
    for name, regions in sorted(latest.items()):
        known = nw.lit(None, nw.Float64)
        for region, value in sorted(regions.items()):
            known = nw.when(nw.col("region") == region).then(value).otherwise(known)
        columns.append(known.alias(f"external_{slug(name)}"))
    return found.with_columns(*columns)
