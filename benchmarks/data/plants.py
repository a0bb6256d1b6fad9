"""Plant one fault in a clean world: a pure function to a faulty world and its answer key."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from benchmarks.data.worlds import World

LIGHT, MEDIUM, HEAVY = "light", "medium", "heavy"
SHARE = {LIGHT: 0.005, MEDIUM: 0.02, HEAVY: 0.10}
Frames = dict[str, pd.DataFrame]
FAST, SLOW = 0.4, 30.0


@dataclass(frozen=True)
class Key:
    """What was planted.

    Parameters
    ----------
    table : str
    columns : tuple of str
        Any of these named by a check counts as the right place.
    n : int
        How many rows (or days) carry the fault.
    rows : ndarray of int
        Their positions; empty where the fault is that rows are gone.
    codes : tuple of str
        Checks that must find it.
    words : tuple of str
        What the message has to name, where that is asked.
    """

    table: str
    columns: tuple[str, ...]
    n: int
    rows: np.ndarray
    codes: tuple[str, ...] = ()
    words: tuple[str, ...] = ()


Plant = Callable[[World, Frames, str, np.random.Generator], Key]


@dataclass(frozen=True)
class Defect:
    """One row of the list of faults: number, name, the checks that must catch it, how to plant."""

    number: int
    name: str
    codes: tuple[str, ...]
    plant: Plant


def plant(world: World, defect: Defect, strength: str, *, seed: int) -> tuple[World, Key]:
    """Return the world with the fault in it, and the key; the clean world is not changed."""
    frames = world.copy()
    key = defect.plant(world, frames, strength, np.random.default_rng([seed, defect.number]))
    return replace(world, frames=frames), replace(key, codes=defect.codes)


def _some(
    rng: np.random.Generator, n: int, strength: str, among: np.ndarray | None = None
) -> np.ndarray:
    """Draw the rows to hit: a share of all rows, at most of those among which it can be."""
    pool = np.arange(n) if among is None else np.flatnonzero(among)
    wanted = max(1, round(SHARE[strength] * n))
    return np.sort(rng.choice(pool, min(wanted, max(1, len(pool) * 2 // 3)), replace=False))


def _set(frame: pd.DataFrame, column: str, rows: np.ndarray, values: object) -> None:
    cells = frame[column].astype(object).to_numpy(copy=True) if isinstance(values, np.ndarray) and (
        values.dtype == object) else frame[column].to_numpy(copy=True)  # fmt: skip
    cells[rows] = values
    frame[column] = cells


def _append(frames: Frames, table: str, extra: pd.DataFrame) -> np.ndarray:
    n = len(frames[table])
    frames[table] = pd.concat([frames[table], extra], ignore_index=True)
    return np.arange(n, n + len(extra))


def exact_duplicates(_w: World, f: Frames, strength: str, rng: np.random.Generator) -> Key:
    """Copy whole order lines."""
    lines = f["transactions"]
    rows = _append(f, "transactions", lines.iloc[_some(rng, len(lines), strength)])
    return Key("transactions", tuple(lines.columns), len(rows), rows)


def rekeyed(_w: World, f: Frames, strength: str, rng: np.random.Generator) -> Key:
    """Copy order lines under a new order id, seconds later."""
    lines = f["transactions"]
    again = lines.iloc[_some(rng, len(lines), strength)].copy()
    again["ordered_at"] += pd.to_timedelta(rng.integers(3, 50, len(again)), unit="s")
    fresh = pd.Series(np.arange(len(again)) + 990_000, index=again.index)
    again["order_id"] = (
        fresh if pd.api.types.is_numeric_dtype(lines["order_id"]) else "F" + fresh.astype(str)
    )
    rows = _append(f, "transactions", again)
    return Key("transactions", ("order_id", "customer_id"), len(rows), rows)


def second_id(_w: World, f: Frames, strength: str, rng: np.random.Generator) -> Key:
    """Enter customers again under a new id."""
    people = f["customers"]
    again = people.iloc[_some(rng, len(people), strength)].copy()
    fresh = pd.Series(np.arange(len(again)) + 950_000, index=again.index)
    again["customer_id"] = (
        fresh if pd.api.types.is_numeric_dtype(people["customer_id"]) else "K" + fresh.astype(str)
    )
    rows = _append(f, "customers", again)
    return Key("customers", ("customer_id",), len(rows), rows)


def _abroad(world: World, f: Frames) -> tuple[pd.DataFrame, np.ndarray]:
    lines = f["transactions"]
    local = lines[world.roles["local"][1]].to_numpy(float)
    ratio = np.abs(lines["amount"].to_numpy(float) / np.where(local == 0, np.nan, local))
    return lines, np.abs(np.log(ratio)) > 0.03


def not_converted(world: World, f: Frames, strength: str, rng: np.random.Generator) -> Key:
    """Leave amounts in their own currency."""
    lines, abroad = _abroad(world, f)
    rows = _some(rng, len(lines), strength, abroad)
    _set(lines, "amount", rows, lines[world.roles["local"][1]].to_numpy()[rows])
    return Key("transactions", ("amount",), len(rows), rows)


def stale_rate(world: World, f: Frames, strength: str, rng: np.random.Generator) -> Key:
    """Freeze one currency's rate for a stretch, at a value 5 to 8 % off its start."""
    lines, abroad = _abroad(world, f)
    currency = lines["currency"].to_numpy()
    chosen = pd.Series(currency[abroad]).value_counts().index[0]
    mine = np.flatnonzero(abroad & (currency == chosen))
    mine = mine[np.argsort(lines["ordered_at"].to_numpy()[mine], kind="stable")]
    n = min(max(12, round(SHARE[strength] * len(lines))), len(mine) * 2 // 3)
    start = int(rng.integers(0, len(mine) - n))
    rows = np.sort(mine[start : start + n])
    local = lines[world.roles["local"][1]].to_numpy(float)
    first = mine[start]
    rate = round(abs(lines["amount"].iloc[first] / local[first]) * rng.uniform(1.05, 1.08), 5)
    column = world.roles["rate"][1]
    if column != "amount":
        _set(lines, column, rows, rate)
    digits = 0 if (lines["amount"] % 1 == 0).all() else 2
    _set(lines, "amount", rows, np.round(local[rows] * rate, digits))
    return Key("transactions", (column, "amount"), len(rows), rows)


def broken_identity(_w: World, f: Frames, strength: str, rng: np.random.Generator) -> Key:
    """Change amounts by 2 to 40 %."""
    lines = f["transactions"]
    rows = _some(rng, len(lines), strength, (lines["amount"].abs() > 1).to_numpy())
    digits = 0 if (lines["amount"] % 1 == 0).all() else 2
    wrong = lines["amount"].to_numpy()[rows] * (1 + rng.uniform(0.02, 0.4, len(rows)))
    _set(lines, "amount", rows, np.round(wrong, digits))
    return Key("transactions", ("amount",), len(rows), rows)


def pence(world: World, f: Frames, strength: str, rng: np.random.Generator) -> Key:
    """Give prices in pence."""
    lines, column = f["transactions"], world.roles["level"][1]
    rows = _some(rng, len(lines), strength)
    _set(lines, column, rows, lines[column].to_numpy()[rows] * 100)
    return Key("transactions", (column,), len(rows), rows)


def negative_quantity(world: World, f: Frames, strength: str, rng: np.random.Generator) -> Key:
    """Turn quantities (and amounts) of sales below zero."""
    lines = f["transactions"]
    rows = _some(rng, len(lines), strength, (lines["quantity"] > 0).to_numpy())
    for column in ("quantity", "amount", world.roles["local"][1]):
        _set(lines, column, rows, -lines[column].to_numpy()[rows])
    return Key("transactions", ("quantity",), len(rows), rows)


def reason_variants(_w: World, f: Frames, strength: str, rng: np.random.Generator) -> Key:
    """Spell reasons for returns in capitals or with a stray blank."""
    lines = f["transactions"]
    given = np.flatnonzero(lines["return_reason"].notna())
    rows = np.sort(
        rng.choice(given, max(2, round(2 * SHARE[strength] * len(given))), replace=False)
    )
    old = lines["return_reason"].to_numpy(object)[rows]
    new = np.array([w.upper() if i % 2 else f"{w} " for i, w in enumerate(old)], object)
    _set(lines, "return_reason", rows, new)
    return Key("transactions", ("return_reason",), len(rows), rows)


def reason_without_return(_w: World, f: Frames, strength: str, rng: np.random.Generator) -> Key:
    """Give a reason for lines that nobody returned."""
    lines = f["transactions"]
    rows = _some(rng, len(lines), strength, lines["return_reason"].isna().to_numpy())
    words = lines["return_reason"].dropna().unique()
    _set(lines, "return_reason", rows, rng.choice(words, len(rows)).astype(object))
    return Key("transactions", ("return_reason",), len(rows), rows)


def placeholders(world: World, f: Frames, strength: str, rng: np.random.Generator) -> Key:
    """Write N/A, unknown and the like into a category."""
    table, column = world.roles["category"]
    rows = _some(rng, len(f[table]), strength)
    _set(
        f[table], column, rows, rng.choice(["N/A", "unknown", "-", "TBD"], len(rows)).astype(object)
    )
    return Key(table, (column,), len(rows), rows)


def trailing_blank(world: World, f: Frames, strength: str, rng: np.random.Generator) -> Key:
    """Add a blank to the name of a place."""
    table, column = world.roles["place"]
    rows = _some(rng, len(f[table]), strength)
    old = f[table][column].to_numpy(object)[rows]
    _set(f[table], column, rows, np.array([f"{w} " for w in old], object))
    return Key(table, (column,), len(rows), rows)


def decimal_comma(_w: World, f: Frames, strength: str, rng: np.random.Generator) -> Key:
    """Write amounts with a decimal comma, as text."""
    lines = f["transactions"]
    rows = _some(rng, len(lines), strength)
    words = np.array(
        [f"{v:.2f}".replace(".", ",") for v in lines["unit_price"].to_numpy()[rows]], object
    )
    _set(lines, "unit_price", rows, words)
    return Key("transactions", ("unit_price",), len(rows), rows)


def _dates(shift: Callable[[pd.Series], pd.Series]) -> Plant:
    def plant_dates(_w: World, f: Frames, strength: str, rng: np.random.Generator) -> Key:
        lines = f["transactions"]
        rows = _some(rng, len(lines), strength)
        when = lines["ordered_at"].copy()
        when.iloc[rows] = shift(when.iloc[rows]).astype(when.dtype)
        lines["ordered_at"] = when
        return Key("transactions", ("ordered_at",), len(rows), rows)

    return plant_dates


def clock_shift(_w: World, f: Frames, strength: str, rng: np.random.Generator) -> Key:
    """Move the clock of a block of neighbouring rows by nine hours."""
    lines = f["transactions"]
    n = max(25, round(SHARE[strength] * len(lines)))
    start = int(rng.integers(0, len(lines) - n))
    rows = np.arange(start, start + n)
    when = lines["ordered_at"].copy()
    when.iloc[rows] += pd.Timedelta(hours=9)
    lines["ordered_at"] = when
    return Key("transactions", ("ordered_at",), n, rows)


def daylight_saving(_w: World, f: Frames, strength: str, rng: np.random.Generator) -> Key:
    """Lose an hour for a night, a month or a summer."""
    lines = f["transactions"]
    when = lines["ordered_at"]
    start = pd.Timestamp("2023-03-26") + pd.Timedelta(days=int(rng.integers(0, 5)))
    length = {LIGHT: 1, MEDIUM: 30, HEAVY: 217}[strength]
    rows = np.flatnonzero((when >= start) & (when < start + pd.Timedelta(days=length)))
    moved = when.copy()
    moved.iloc[rows] += pd.Timedelta(hours=1)
    lines["ordered_at"] = moved
    return Key("transactions", ("ordered_at",), len(rows), rows)


def outage(_w: World, f: Frames, strength: str, rng: np.random.Generator) -> Key:
    """Lose all rows of some open days."""
    lines = f["transactions"]
    day = lines["ordered_at"].dt.floor("D")
    open_days = np.sort(day.unique())
    length = {LIGHT: 1, MEDIUM: 7, HEAVY: 36}[strength]
    at = int(rng.integers(60, len(open_days) - 100))
    gone = open_days[at : at + length]
    f["transactions"] = lines[~day.isin(gone)].reset_index(drop=True)
    return Key("transactions", ("ordered_at",), len(gone), np.array([], int))


def row_cap(_w: World, f: Frames, strength: str, rng: np.random.Generator) -> Key:
    """Cut days at a highest number of rows."""
    lines = f["transactions"]
    day = lines["ordered_at"].dt.floor("D")
    count = day.value_counts()
    cap = int(count.quantile({LIGHT: 0.97, MEDIUM: 0.90, HEAVY: 0.60}[strength]))
    place = rng.permutation(len(lines))
    nth = pd.Series(place, index=lines.index).groupby(day).rank(method="first")
    f["transactions"] = lines[nth <= cap].reset_index(drop=True)
    return Key("transactions", ("ordered_at",), int((count >= cap).sum()), np.array([], int))


def _robots(hits: tuple[int, int], step: float, jitter: float) -> Plant:
    def plant_robots(_w: World, f: Frames, strength: str, rng: np.random.Generator) -> Key:
        events = f["behaviour"]
        sessions = events["session_id"].nunique()
        extra = []
        for i in range(max(1, round(SHARE[strength] * sessions))):
            n = int(rng.integers(*hits))
            host = events.iloc[int(rng.integers(len(events)))]
            gaps = step * (1 + rng.uniform(-jitter, jitter, n))
            at = host["occurred_at"] + pd.to_timedelta(np.round(np.cumsum(gaps)), unit="s")
            row = {c: host[c] for c in events.columns} | {
                "occurred_at": at,
                "session_id": f"robot{i}",
            }
            extra.append(pd.DataFrame(row))
        rows = _append(f, "behaviour", pd.concat(extra)[events.columns])
        return Key("behaviour", ("session_id", "occurred_at", "customer_id"), len(rows), rows)

    return plant_robots


def long_sessions(_w: World, f: Frames, strength: str, rng: np.random.Generator) -> Key:
    """Put a pause of 14 hours before the last event of sessions."""
    events = f["behaviour"]
    size = events.groupby("session_id")["event"].transform("size")
    names = events.loc[size >= 2, "session_id"].unique()
    hit = rng.choice(
        names, max(1, round(SHARE[strength] * events["session_id"].nunique())), replace=False
    )
    last = events[events["session_id"].isin(hit)].groupby("session_id")["occurred_at"].idxmax()
    when = events["occurred_at"].copy()
    when.loc[last] += pd.Timedelta(hours=14)
    events["occurred_at"] = when
    rows = np.flatnonzero(events["session_id"].isin(hit))
    return Key("behaviour", ("session_id", "occurred_at"), len(rows), rows)


def swapped(world: World, f: Frames, strength: str, rng: np.random.Generator) -> Key:
    """Swap quantity with unit price, or with the column of the other world."""
    lines, other = f["transactions"], world.roles["swap"][1]
    a, b = ("quantity", other) if other == "unit_price" else ("unit_price", other)
    differ = lines[a].to_numpy(float) != lines[b].to_numpy(float)
    rows = _some(rng, len(lines), strength, differ & (lines["quantity"] > 1).to_numpy())
    left, right = lines[a].to_numpy(float).copy(), lines[b].to_numpy(float).copy()
    left[rows], right[rows] = lines[b].to_numpy(float)[rows], lines[a].to_numpy(float)[rows]
    lines[a], lines[b] = left, right
    return Key("transactions", (a, b), len(rows), rows)


def _customers(
    column: str, change: Callable[[np.ndarray, np.random.Generator], np.ndarray]
) -> Plant:
    def plant_in(_w: World, f: Frames, strength: str, rng: np.random.Generator) -> Key:
        people = f["customers"]
        rows = _some(rng, len(people), strength)
        values = people[column].to_numpy(float).copy()
        values[rows] = change(values, rng)[rows]
        people[column] = values
        return Key("customers", (column,), len(rows), rows)

    return plant_in


def income_hidden(_w: World, f: Frames, strength: str, rng: np.random.Generator) -> Key:
    """Hide incomes, the rich ones and those of one region more often."""
    people = f["customers"]
    rich = people["income"].rank(pct=True).to_numpy()
    odds = 0.02 + rich**4 + 2.0 * (people["region"] == people["region"].mode()[0]).to_numpy()
    n = max(1, round(2 * SHARE[strength] * len(people)))
    rows = np.sort(rng.choice(len(people), n, replace=False, p=odds / odds.sum()))
    _set(people, "income", rows, np.nan)
    return Key("customers", ("income",), n, rows)


def heaping(_w: World, f: Frames, strength: str, rng: np.random.Generator) -> Key:
    """Round ages to the next five years."""
    people = f["customers"]
    rows = _some(rng, len(people), strength)
    age = people["age"].to_numpy().copy()
    age[rows] = np.round(age[rows] / 5) * 5
    n = int((age != people["age"]).sum())
    people["age"] = age
    return Key("customers", ("age",), n, rows)


def rating_doubled(world: World, f: Frames, strength: str, rng: np.random.Generator) -> Key:
    """Double the ratings of part or all of one group."""
    table, column = world.roles["rating"]
    frame = f[table]
    group = next(c for c in ("office", "region") if c in frame)
    level = rng.choice(frame[group].unique())
    inside = np.flatnonzero(frame[group] == level)
    part = {LIGHT: 0.25, MEDIUM: 0.6, HEAVY: 1.0}[strength]
    rows = np.sort(rng.choice(inside, round(part * len(inside)), replace=False))
    _set(frame, column, rows, frame[column].to_numpy()[rows] * 2)
    return Key(table, (column,), len(rows), rows)


def stuck(world: World, f: Frames, strength: str, rng: np.random.Generator) -> Key:
    """Repeat one value over a block of rows."""
    table, column = world.roles["stuck"]
    frame = f[table]
    n = max(8, round(SHARE[strength] * len(frame)))
    start = int(rng.integers(0, len(frame) - n))
    rows = np.arange(start, start + n)
    _set(frame, column, rows, frame[column].to_numpy()[start])
    return Key(table, (column,), n, rows)


def misdecoded(world: World, f: Frames, strength: str, rng: np.random.Generator) -> Key:
    """Read UTF-8 as Latin-1 in some rows."""
    table, column = world.roles["accents"]
    frame = f[table]
    rows = _some(rng, len(frame), strength, frame[column].map(lambda w: not w.isascii()).to_numpy())
    old = frame[column].to_numpy(object)[rows]
    _set(frame, column, rows, np.array([w.encode().decode("latin-1") for w in old], object))
    return Key(table, (column,), len(rows), rows)


def labels_flipped(_w: World, f: Frames, strength: str, rng: np.random.Generator) -> Key:
    """Give contacts the opposite sentiment."""
    talks = f["interactions"]
    numbers = pd.api.types.is_numeric_dtype(talks["sentiment"])
    other = {"negative": "positive", "positive": "negative"}
    clear = talks["sentiment"].abs().gt(0.1) if numbers else talks["sentiment"].isin(other)
    share = {LIGHT: 0.05, MEDIUM: 0.15, HEAVY: 0.30}[strength]
    pool = np.flatnonzero(clear)
    rows = np.sort(rng.choice(pool, round(share * len(talks)), replace=False))
    old = talks["sentiment"].to_numpy()[rows]
    _set(talks, "sentiment", rows, -old if numbers else np.array([other[w] for w in old], object))
    return Key("interactions", ("sentiment",), len(rows), rows)


def spam(_w: World, f: Frames, strength: str, rng: np.random.Generator) -> Key:
    """Add a wave of copied offers over two days."""
    talks = f["interactions"]
    n = max(6, round(SHARE[strength] * len(talks)))
    copies = talks.iloc[rng.integers(0, len(talks), n)].copy()
    start = talks["occurred_at"].sort_values().iloc[len(talks) // 2].floor("D")
    copies["occurred_at"] = start + pd.to_timedelta(rng.integers(0, 2 * 86_400, n), unit="s")
    copies["text"] = [
        f"Cheap watches and free loans today, click http://x{i}.biz now {i}"
        for i in rng.integers(1, 99, n)
    ]
    rows = _append(f, "interactions", copies)
    return Key("interactions", ("text",), n, rows)


def weather_late(world: World, f: Frames, strength: str, rng: np.random.Generator) -> Key:
    """Enter the weather of one region one, two or seven days late."""
    outside, name = f["external"], world.roles["weather"][1]
    region = rng.choice(outside.loc[outside["name"] == name, "region"].unique())
    rows = np.flatnonzero((outside["name"] == name) & (outside["region"] == region))
    lag = {LIGHT: 1, MEDIUM: 2, HEAVY: 7}[strength]
    values = outside["value"].to_numpy()[rows]
    _set(outside, "value", rows, np.r_[values[:lag], values[:-lag]])
    return Key("external", ("value", "date", "region"), len(rows), rows)


def published_late(world: World, f: Frames, strength: str, rng: np.random.Generator) -> Key:
    """Publish part of a series before the day it describes: it was used too early."""
    outside, name = f["external"], world.roles["weather"][1]
    pool = (outside["name"] == name).to_numpy()
    rows = _some(rng, len(outside), MEDIUM, pool)
    early = {LIGHT: 1, MEDIUM: 7, HEAVY: 30}[strength]
    when = outside["published_at"].copy()
    when.iloc[rows] = outside["date"].iloc[rows] - pd.Timedelta(days=early)
    outside["published_at"] = when
    return Key("external", ("published_at", "date"), len(rows), rows)


DEFECTS = tuple(Defect(n, name, tuple(codes.split()), plant) for n, name, codes, plant in (
    (1, "exact duplicates", "DQ-G-01", exact_duplicates),
    (2, "re-keyed duplicates", "DQ-G-02", rekeyed),
    (3, "customer under a second id", "DQ-G-03", second_id),
    (4, "amount not converted", "DQ-T-02", not_converted),
    (5, "stale rate", "DQ-T-03", stale_rate),
    (6, "amount identity broken", "DQ-T-01", broken_identity),
    (7, "price in pence", "DQ-G-08", pence),
    (8, "negative without return", "DQ-T-05", negative_quantity),
    (9, "return-reason variants", "DQ-T-07", reason_variants),
    (10, "reason without return", "DQ-T-07", reason_without_return),
    (11, "placeholder words", "DQ-M-02", placeholders),
    (12, "trailing blank", "DQ-G-05", trailing_blank),
    (13, "decimal comma", "DQ-G-04", decimal_comma),
    (14, "dates in 1970", "DQ-B-03", _dates(lambda s: s - s + pd.Timestamp("1970-01-01"))),
    (15, "dates ten years ahead", "DQ-B-03", _dates(lambda s: s + pd.DateOffset(years=10))),
    (16, "clock shift", "DQ-B-02", clock_shift),
    (17, "daylight saving", "DQ-B-10", daylight_saving),
    (18, "outage", "DQ-B-09", outage),
    (19, "row cap", "DQ-X-04", row_cap),
    (20, "fast robots", "DQ-B-04", _robots((140, 220), FAST, 0.5)),
    (21, "slow robots", "DQ-B-05", _robots((40, 90), SLOW, 0.05)),
    (22, "long sessions", "DQ-B-07", long_sessions),
    (23, "columns swapped", "DQ-G-09", swapped),
    (24, "sentinel age", "DQ-M-02", _customers("age", lambda v, _: np.full(len(v), 999.0))),
    (25, "income mean-imputed", "DQ-M-03 DQ-M-07",
     _customers("income", lambda v, _: np.full(len(v), np.round(v.mean())))),
    (26, "income missing at random", "DQ-M-01",
     _customers("income", lambda v, _: np.full(len(v), np.nan))),
    (27, "income hidden by the rich", "DQ-M-01 DQ-M-04 DQ-M-05", income_hidden),
    (28, "income in thousands", "DQ-G-08", _customers("income", lambda v, _: v / 1000)),
    (29, "age heaping", "DQ-G-11", heaping),
    (30, "rating doubled", "DQ-G-14", rating_doubled),
    (31, "stuck value", "DQ-G-10", stuck),
    (32, "mis-decoded text", "DQ-G-06", misdecoded),
    (33, "sentiment flipped", "DQ-I-01", labels_flipped),
    (34, "spam wave", "DQ-I-06", spam),
    (35, "weather late", "DQ-X-02", weather_late),
    (36, "published too early", "DQ-X-01", published_late),
))  # fmt: skip
