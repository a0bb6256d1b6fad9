"""Every check of the data audit: fires, silent, not applicable, inconclusive; one row a code."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest
from quality_company import AS_OF, DAYS, START, Frames, bare, company

from segwork import checks, quality
from segwork.checks import rules
from segwork.quality.sources import source_tables
from segwork.tables import from_frames

Spoil = Callable[[Frames], object]
Rows = Callable[[pd.DataFrame], pd.Series]
ALARMS = ("failed", "warned")
INFORM = {"DQ-G-15", "DQ-T-08", "DQ-I-08"}  # say what they count and never alarm


def finding(code: str, frames: Frames) -> pd.Series:
    """Audit with one check."""
    report = checks.run("DQ", source_tables(from_frames(**frames), as_of=AS_OF), only=[code])
    found = report.table.set_index("code").loc[code]
    if code in INFORM:
        found = found.where(found.index != "n_rows", len(report.details))
    return found


def put(table: str, column: str, value: object, n: int = 40, start: int = 300) -> Spoil:
    """Write a value, or what a function makes of the old ones, into a block of rows."""

    def spoil(f: Frames) -> None:
        frame = f[table]
        rows = frame.index[start : start + n]
        new = value(frame.loc[rows, column]) if callable(value) else value
        if not isinstance(new, float | int):
            frame[column] = frame[column].astype(object)
        frame.loc[rows, column] = new

    return spoil


def where(
    table: str, column: str, rows: Callable[[pd.DataFrame], pd.Series], value: object
) -> Spoil:
    """Write a value, or what a function makes of the old ones, where a condition holds."""

    def spoil(f: Frames) -> None:
        frame = f[table]
        mask = rows(frame)
        new = value(frame[column]) if callable(value) else value
        frame[column] = frame[column].astype(object).mask(mask, new).infer_objects()

    return spoil


def both(*spoils: Spoil) -> Spoil:
    """Do one after the other."""
    return lambda f: [spoil(f) for spoil in spoils]


def again(table: str, n: int = 40, **new: object) -> Spoil:
    """Append rows that are there, with some columns changed."""

    def spoil(f: Frames) -> None:
        rows = f[table].iloc[100 : 100 + n].copy()
        for column, value in new.items():
            rows[column] = value(rows) if callable(value) else value
        f[table] = pd.concat([f[table], rows], ignore_index=True)

    return spoil


def drop(table: str, rows: Rows) -> Spoil:
    """Lose rows."""

    def spoil(f: Frames) -> None:
        f[table] = f[table][~rows(f[table])].reset_index(drop=True)

    return spoil


def without(table: str, *columns: str) -> Spoil:
    """Lose a table, or some of its columns."""

    def spoil(f: Frames) -> None:
        f[table] = f[table].drop(columns=[*columns]) if columns else None

    return spoil


def session(hits: int, step: float) -> Spoil:
    """Append a session of a program."""

    def spoil(f: Frames) -> None:
        events = f["behaviour"]
        seconds = pd.to_timedelta(np.round(np.arange(hits) * step), unit="s")
        rows = events.iloc[[50] * hits].assign(session_id="robot")
        rows["occurred_at"] = (rows["occurred_at"].iloc[0] + seconds).to_numpy()
        f["behaviour"] = pd.concat([events, rows], ignore_index=True)

    return spoil


def days_only(table: str, column: str) -> Spoil:
    """Lose the time of day."""
    return where(table, column, lambda t: t[column].notna(), lambda v: v.dt.floor("D"))


def in_days(first: int, last: int) -> Rows:
    """Mark the order lines of a stretch of days."""

    def rows(lines: pd.DataFrame) -> pd.Series:
        start, end = (START + pd.Timedelta(days=d) for d in (first, last))
        return (lines["ordered_at"] >= start) & (lines["ordered_at"] < end)

    return rows


def abroad(lines: pd.DataFrame) -> pd.Series:
    """Mark lines in euros."""
    return lines["currency"] == "EUR"


def a_day_again(f: Frames) -> None:
    """Load a day's orders again under new numbers."""
    lines = f["transactions"]
    rows = lines[in_days(90, 92)(lines)]
    f["transactions"] = pd.concat(
        [lines, rows.assign(order_id=rows["order_id"] + 90_000)], ignore_index=True
    )


def a_basket_a_day(f: Frames) -> None:
    """One customer orders the same three lines every day."""
    lines = f["transactions"]
    basket = lines[lines["quantity"] > 0].iloc[:3].assign(customer_id="K77777", order_id=0)
    days = [START + pd.Timedelta(days=d, hours=9 + d % 7) for d in range(30)]
    new = [basket.assign(order_id=80_000 + d, ordered_at=at) for d, at in enumerate(days)]
    f["transactions"] = pd.concat([lines, *new], ignore_index=True)


def mirror(f: Frames) -> None:
    """Order 80,995 pieces and take them back."""
    lines = f["transactions"]
    one = lines[lines["quantity"] > 0].iloc[[7]]
    pair = [one.assign(quantity=q, amount=q * one["unit_price"] * one["rate"], is_return=q < 0)
            for q in (80_995, -80_995)]  # fmt: skip
    f["transactions"] = pd.concat([lines, *pair], ignore_index=True)


def at_most(n: int) -> Spoil:
    """Cut every day at so many lines."""

    def spoil(f: Frames) -> None:
        lines = f["transactions"]
        nth = lines.groupby(lines["ordered_at"].dt.floor("D")).cumcount()
        f["transactions"] = lines[nth < n].reset_index(drop=True)

    return spoil


def weather(region: str, change: Callable[[np.ndarray], np.ndarray]) -> Spoil:
    """Change the temperature of one region."""

    def spoil(f: Frames) -> None:
        table = f["external"]
        rows = table.index[(table["name"] == "temperature") & (table["region"] == region)][:DAYS]
        table.loc[rows, "value"] = change(table.loc[rows, "value"].to_numpy())

    return spoil


def few(table: str, n: int) -> Spoil:
    """Keep the first rows."""
    return lambda f: f.update({table: f[table].iloc[:n]})


def swapped(f: Frames) -> None:
    """Enter age and income in each other's column."""
    people = f["customers"]
    mixed = people.index < 40
    people["age"], people["income"] = (
        people["age"].mask(mixed, people["income"]), people["income"].mask(mixed, people["age"])
    )  # fmt: skip


def a_stranger(table: str, n: int) -> Spoil:
    """Give rows to a customer who has none."""
    return lambda f: put(table, "customer_id", f["customers"]["customer_id"].iloc[800], n)(f)


def hourly(hours: int) -> Callable[[pd.Series], pd.Series]:
    """Move a clock."""
    return lambda v: v + pd.Timedelta(hours=hours)


def mean_of(table: str, column: str) -> Spoil:
    """Fill sixty values with the mean."""
    return lambda f: put(table, column, float(f[table][column].mean().round()), 60)(f)


FIRES: dict[str, Spoil] = {
    "DQ-G-01": again("transactions"),
    "DQ-G-02": again("transactions", order_id=lambda r: r["order_id"] + 90_000,
                     ordered_at=lambda r: r["ordered_at"] + pd.Timedelta(seconds=20)),
    "DQ-G-03": again("customers", customer_id=lambda r: "L" + r["customer_id"]),
    "DQ-G-04": put("transactions", "unit_price", "1,50"),
    "DQ-G-05": put("customers", "region", "North "),
    "DQ-G-06": put("transactions", "product_description", "cafÃ© set"),
    "DQ-G-07": put("transactions", "customer_id", "K99999x"),
    "DQ-G-08": put("transactions", "unit_price", lambda v: v * 100),
    "DQ-G-09": swapped,
    "DQ-G-10": put("behaviour", "dwell_seconds", 33.3, 60),
    "DQ-G-11": put("customers", "age", lambda v: (v / 5).round() * 5, 80),
    "DQ-G-12": put("customers", "debt_ratio", "high", 700, 0),
    "DQ-G-13": put("customers", "customer_id", lambda v: v.iloc[0], 3),
    "DQ-G-14": where("interactions", "stars", lambda t: (t["channel"] == "chat")
                     & (t.index < 500), lambda v: v * 2),
    "DQ-G-15": lambda f: f["customers"].insert(0, "income_year", f["customers"]["income"] * 12),
    "DQ-G-16": where("interactions", "handling_minutes", lambda t: t["channel"] == "call",
                     lambda v: v * 60),
    "DQ-G-17": a_day_again,
    "DQ-G-18": put("transactions", "customer_id", lambda v: v + "\u00a0"),
    "DQ-M-01": put("customers", "income", np.nan),
    "DQ-M-02": put("customers", "region", "n/a"),
    "DQ-M-03": mean_of("customers", "income"),
    "DQ-M-04": where("customers", "income", lambda t: t["age"] > 65, np.nan),
    "DQ-M-05": where("customers", "income",
                     lambda t: (t["region"] == "north") & (t.index % 3 == 0), np.nan),
    "DQ-M-06": where("transactions", "payment_method",
                     lambda t: in_days(60, 91)(t) & (t.index % 2 == 0), None),
    "DQ-M-07": mean_of("customers", "income"),
    "DQ-B-01": where("behaviour", "occurred_at", lambda t: t.index % 17 == 5,
                     lambda v: v - pd.Timedelta(minutes=9)),
    "DQ-B-02": put("transactions", "ordered_at", hourly(9), 300),
    "DQ-B-03": put("transactions", "ordered_at", pd.Timestamp("1970-01-01")),
    "DQ-B-04": session(150, 0.4),
    "DQ-B-05": session(40, 30),
    "DQ-B-06": put("behaviour", "user_agent", "Googlebot/2.1"),
    "DQ-B-07": session(3, 50_000),
    "DQ-B-08": put("behaviour", "dwell_seconds", -5.0, 3),
    "DQ-B-09": drop("transactions", in_days(100, 106)),
    "DQ-B-10": where("transactions", "ordered_at", in_days(90, 165), hourly(1)),
    "DQ-B-11": a_stranger("behaviour", 3),
    "DQ-B-12": a_basket_a_day,
    "DQ-T-01": put("transactions", "amount", lambda v: (v * 1.2).round(2)),
    "DQ-T-02": where("transactions", "amount", lambda t: abroad(t) & (t.index % 9 == 0),
                     lambda v: (v / 0.86).round(2)),
    "DQ-T-03": where("transactions", "amount", lambda t: abroad(t) & in_days(60, 91)(t),
                     lambda v: (v * 1.07).round(2)),
    "DQ-T-04": lambda f: where("transactions", "currency",
                               lambda t: t.index.isin(t.index[abroad(t)][:2]), "GBP")(f),
    "DQ-T-05": put("transactions", "quantity", lambda v: -v.abs()),
    "DQ-T-06": put("transactions", "unit_price", 0.0, 5),
    "DQ-T-07": where("transactions", "return_reason",
                     lambda t: t["return_reason"].notna() & (t.index % 4 == 0), "Broken "),
    "DQ-T-08": lambda f: f,
    "DQ-T-09": mirror,
    "DQ-T-10": put("transactions", "product_id", "POST", 20),
    "DQ-T-11": a_stranger("transactions", 1),
    "DQ-T-12": drop("transactions", in_days(164, DAYS)),
    "DQ-T-13": where("transactions", "customer_id", lambda t: t["unit_price"] > 25, None),
    "DQ-T-14": both(*(where("transactions", c, in_days(90, 120), lambda v: v * 15_000)
                      for c in ("unit_price", "amount"))),
    "DQ-T-15": where("transactions", "currency", lambda t: abroad(t) & in_days(90, 150)(t), "GBP"),
    "DQ-T-16": put("transactions", "customer_id", "TEST-1", 6),
    "DQ-I-01": where("interactions", "sentiment", lambda t: (t["sentiment"] == "negative")
                     & (t.index % 3 == 0), "positive"),
    "DQ-I-02": where("interactions", "sentiment", lambda t: t["text"].str.startswith("she"),
                     "negative"),
    "DQ-I-03": where("interactions", "sentiment", lambda t: t["text"].str.startswith("not happy"),
                     "positive"),
    "DQ-I-04": put("interactions", "text", lambda v: v + " <br>"),
    "DQ-I-05": put("interactions", "text", lambda v: "der die und ist nicht " + v.str[9:30], 60),
    "DQ-I-06": both(put("interactions", "text", "cheap watches and free loans today"),
                    put("interactions", "occurred_at", START + pd.Timedelta(days=60))),
    "DQ-I-07": put("interactions", "text", lambda v: v + " a.b@example.org", 2),
    "DQ-I-08": lambda f: f,
    "DQ-I-09": put("interactions", "text", "", 20),
    "DQ-X-01": put("external", "published_at", lambda v: v - pd.Timedelta(days=9)),
    "DQ-X-02": weather("east", lambda v: np.r_[v[:2], v[:-2]]),
    "DQ-X-03": put("external", "region", "nowhere"),
    "DQ-X-04": at_most(9),
    "DQ-X-05": drop("external", lambda t: (t["region"] == "north")
                    & t["date"].between("2024-03-05", "2024-03-09")),
    "DQ-X-06": put("external", "value", lambda v: v * 1.1, 20, 4 * DAYS),
    "DQ-X-07": weather("north", lambda v: np.r_[v[:120], v[120:] * 1.8 + 32]),
    "DQ-X-08": weather("north", lambda v: np.r_[v[:50], np.full(12, v[50]), v[62:]]),
}  # fmt: skip


def lost(table: str, column: str) -> Spoil:
    """Lose every ninth value, whatever stands beside it."""
    return where(table, column, lambda t: t.index % 9 == 0, None)


SILENT: dict[str, Spoil] = {  # of the others, the company as it is
    "DQ-M-04": lost("customers", "income"),
    "DQ-M-05": lost("customers", "income"),
    "DQ-M-06": lost("transactions", "payment_method"),
    "DQ-T-13": lost("transactions", "customer_id"),
}

ALWAYS = {  # a row of order lines is enough
    "DQ-G-01", "DQ-G-02", "DQ-G-04", "DQ-G-05", "DQ-G-06", "DQ-G-08", "DQ-G-09", "DQ-G-10",
    "DQ-G-12", "DQ-G-13", "DQ-G-15", "DQ-G-17", "DQ-G-18", "DQ-M-01", "DQ-M-02", "DQ-M-03",
    "DQ-M-07", "DQ-B-03", "DQ-B-09", "DQ-T-05", "DQ-T-14", "DQ-T-16",
}  # fmt: skip
NO_CLOCK = both(days_only("transactions", "ordered_at"), without("behaviour"),
                without("interactions"))  # fmt: skip
ABSENT: dict[str, Spoil] = {  # of the others, bare order lines
    "DQ-B-02": NO_CLOCK,
    "DQ-B-10": NO_CLOCK,
}

EVENT_DAYS = days_only("behaviour", "occurred_at")
UNSURE: dict[str, Spoil] = {
    "DQ-G-02": both(NO_CLOCK),
    "DQ-G-03": without("customers", "income", "debt_ratio", "gender", "region", "birth_year"),
    "DQ-G-17": few("transactions", 5),
    "DQ-B-01": EVENT_DAYS,
    "DQ-B-04": EVENT_DAYS,
    "DQ-B-05": EVENT_DAYS,
    "DQ-B-11": lambda f: f["behaviour"].update({"customer_id": f["customers"]["customer_id"]}),
    "DQ-T-14": few("transactions", 30),
    "DQ-I-01": few("interactions", 90),
    "DQ-I-05": both(
        put("interactions", "text", lambda v: [f"x{i}" for i in range(len(v))], 900, 0)
    ),
    "DQ-I-08": few("interactions", 90),
    "DQ-X-08": where("external", "value", lambda t: t["value"] > 0, 1.5),
}
CERTAIN = set(rules("DQ")) - set(UNSURE)  # complete counts, or tests that answer "no"


def test_no_check_lacks_a_row() -> None:
    """Every code of the catalogue fires, is silent, and may be absent or unsure, or never is."""
    codes = set(rules("DQ"))

    assert set(FIRES) == codes
    assert set(SILENT) <= codes
    assert not ALWAYS & set(ABSENT)
    assert set(UNSURE) | CERTAIN == codes


@pytest.mark.parametrize("code", FIRES)
def test_a_check_fires(code: str) -> None:
    """With its fault in the company it alarms, and counts something."""
    frames = company()
    FIRES[code](frames)
    found = finding(code, frames)

    assert found["n_rows"] > 0, found["message"]
    assert found["status"] in (("passed",) if code in INFORM else ALARMS), found["message"]


def test_checks_are_silent_on_the_company_as_it_is() -> None:
    """Nothing planted, nothing found; every check applies or has a company of its own."""
    report = quality.audit(from_frames(**company()), as_of=AS_OF).findings.set_index("code")
    for code, spoil in SILENT.items():
        frames = company()
        spoil(frames)
        report.loc[code] = finding(code, frames)

    assert report.loc[report["status"] != "passed", "message"].tolist() == []


def test_checks_without_their_data_are_not_applicable() -> None:
    """Bare order lines leave only the checks that any lines can have."""
    report = quality.audit(from_frames(**bare()), as_of=AS_OF).findings.set_index("code")["status"]
    for code, spoil in ABSENT.items():
        frames = company()
        spoil(frames)
        report[code] = finding(code, frames)["status"]

    assert set(report.index[report == "not_applicable"]) == set(rules("DQ")) - ALWAYS


def test_checks_that_cannot_tell_say_so() -> None:
    """Too few rows, or no time of day: inconclusive, neither alarm nor pass."""
    told = {}
    for code, spoil in UNSURE.items():
        frames = company()
        spoil(frames)
        told[code] = finding(code, frames)["status"]

    assert {code: word for code, word in told.items() if word != "inconclusive"} == {}
