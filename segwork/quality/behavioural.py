"""DQ-B: clocks, sessions, bots, silent days."""

from __future__ import annotations

import re
from collections.abc import Iterator

import numpy as np
import pandas as pd

from segwork.checks import Evidence, Inconclusive, NotApplicable, Rule, check
from segwork.quality import statistics as st
from segwork.quality import timing
from segwork.quality.daylight import switch_shifts
from segwork.quality.sources import SourceTable, SourceTables
from segwork.results import Status
from segwork.schema import TIME_COLUMN, Kind

EVENT_TABLES = ("transactions", "behaviour", "interactions")
BOT = re.compile(
    r"bot\b|bot/|crawl|spider|slurp|headless|python-|curl/|wget/|scrapy|phantomjs", re.I
)
DURATION = re.compile(r"duration|minutes|seconds|dwell|length|elapsed", re.I)
DEVICE = re.compile(r"device|cookie|visitor|browser_id", re.I)
DEFAULT_DAYS = ("1900-01-01", "1899-12-30", "1899-12-31", "1970-01-01", "1970-01-02", "0001-01-01")
AHEAD = re.compile(r"until|end|expir|due|next|plan|deliver|renew|valid", re.I)
HALF_HOUR, HALF_DAY = 1800, 43_200
HOURS_OFF = list(range(3, 22))


@check("DQ-B-01")
def event_order(sources: SourceTables, rule: Rule) -> Iterator[Evidence]:
    """Events of one session that go back in time along the rows."""
    source, key, seconds = _events(sources)
    order = np.argsort(key, kind="stable")
    order = order[(key[order] >= 0) & (seconds[order] > 0)]
    inside = key[order][1:] == key[order][:-1]
    back = inside & (np.diff(seconds[order]) < 0)
    share = back.sum() / max(1, inside.sum())
    if share > 0.2:
        raise NotApplicable("the rows of a session are not kept in order of time")
    rows = np.sort(order[1:][back]) if share > rule.limit else st.NONE
    yield source.found(("occurred_at",), rows, f"{share:.2%} of steps go back in time")


@check("DQ-B-02")
def clock_shift(sources: SourceTables, rule: Rule) -> Iterator[Evidence]:
    """Find a block of rows whose hours of day are moved by three hours or more."""
    for source, when, unit in _clocks(sources):
        yield from _moved(source, timing.clock_shifts(when, unit, HOURS_OFF, rule.limit))


@check("DQ-B-10")
def daylight_saving(sources: SourceTables, rule: Rule) -> Iterator[Evidence]:
    """Find a stretch of days whose hours of day are moved by one hour."""
    for source, when, unit in _clocks(sources):
        found = switch_shifts(when, unit, rule.limit / 2)
        found = found or timing.clock_shifts(when, unit, [1, 23], rule.limit / 2)
        larger = timing.clock_shifts(when, unit, HOURS_OFF, rule.limit) if found else []
        yield from _moved(source, [f for f in found if not _explained(f, larger)])


def _explained(found: timing.Shift, larger: list[timing.Shift]) -> bool:
    """Say whether the rows are part of a move by several hours, which is DQ-B-02."""
    return any(
        other.score > found.score and np.isin(found.rows, other.rows).mean() > 0.5
        for other in larger
    )


def _clocks(sources: SourceTables) -> list[tuple[SourceTable, np.ndarray, np.ndarray]]:
    tables = [s for name in EVENT_TABLES if (s := sources.get(name)) is not None]
    timed = [(s, when) for s in tables if (when := s.when()) is not None]
    found = [(s, when, _unit(s)) for s, when in timed if not st.day_resolution(when)]
    if not found:
        raise NotApplicable("no table with a time of day")
    return found


def _moved(source: SourceTable, shifts: list[timing.Shift]) -> Iterator[Evidence]:
    for shift in shifts[:1]:
        note = f"{len(shift.rows):,} rows lie {shift.hours:+d} hours off (p {shift.p:.1g})"
        yield source.found((TIME_COLUMN[source.name],), shift.rows, note)


def _unit(source: SourceTable) -> np.ndarray:
    """Return the session or order of each row; without an id, a customer's rows of one day."""
    for column in ("session_id", "order_id"):
        if column in source:
            return source.group(column)
    who = source.codes("customer_id")[0].astype(np.int64)
    return np.where(who >= 0, who * 10**6 + source.days() % 10**6, -1 - np.arange(source.n))


@check("DQ-B-03")
def impossible_dates(sources: SourceTables, rule: Rule) -> Iterator[Evidence]:
    """Default dates, dates long before all others, and dates from the day of the data on."""
    dated = [(s, c) for s, c in sources.columns(Kind.TIME) if c != "published_at"]
    if not dated:
        raise NotApplicable("no column of dates")
    for source, column in dated:
        days = source.time(column).astype("datetime64[D]").astype(np.int64)
        ahead = AHEAD.search(column) is not None or source.name == "external"
        rows = _strays(days, int(sources.as_of.astype(np.int64)) + 400 * ahead, int(rule.limit))
        if rows.any():
            seen = f"{timing.written(days[rows].min())} and {timing.written(days[rows].max())}"
            note = f"{rows.sum():,} values of {column} between {seen}"
            yield source.found((column,), rows, note)


def _strays(days: np.ndarray, as_of: int, far: int) -> np.ndarray:
    known, main = days > -(10**7), timing.main_days(days, far)
    if not len(main):
        return np.zeros(len(days), bool)
    defaults = np.array(DEFAULT_DAYS, "datetime64[D]").astype(np.int64)
    default = np.isin(days, defaults)
    early = known & (days < main[0]) & ((main[0] - days > far) | default)
    if main[0] in defaults and len(main) > 1 and main[1] - main[0] > 30:
        early |= default
    late = known & (days >= as_of)
    before = ((days >= as_of - 28) & (days < as_of)).sum()
    after = ((days >= as_of) & (days < as_of + 28)).sum()
    if after > 0.2 * max(before, 1) and main[-1] > as_of + 7:
        late &= days > main[-1]
    return early | late


@check("DQ-B-04")
def fast_bots(sources: SourceTables, rule: Rule) -> Iterator[Evidence]:
    """Sessions with more hits in a hundred seconds than a person can make."""
    source, key, seconds = _events(sources)
    order = _in_time(key, seconds)
    hits = int(rule.limit)
    k, t = key[order], seconds[order]
    fast = np.zeros(len(k), bool)
    if len(k) > hits:
        fast[hits:] = (k[hits:] == k[:-hits]) & (t[hits:] - t[:-hits] <= 100)
    yield _sessions_hit(source, key, np.unique(k[fast]), f"over {hits} hits in 100 seconds")


@check("DQ-B-05")
def rhythmic_bots(sources: SourceTables, rule: Rule) -> Iterator[Evidence]:
    """Sessions of twenty hits or more at even gaps, and customers active around the clock."""
    source, key, seconds = _events(sources)
    by = _gaps(key, seconds).groupby("key")["gap"]
    gaps = by.agg(["mean", "std", "count"])[lambda g: (g["count"] >= 19) & (g["mean"] > 0)]
    low, middle, high = (by.quantile(q).reindex(gaps.index) for q in (0.25, 0.5, 0.75))
    # A host's own clicks among the robot's leave the middle half of the gaps as it is.
    middle_half = (high - low + _step(seconds)) / middle.clip(lower=1e-9) < 1.35 * rule.limit
    even = gaps[(gaps["std"] / gaps["mean"] < rule.limit) | middle_half]
    yield _sessions_hit(source, key, even.index.to_numpy(), "20 hits or more at even gaps")
    who = source.codes("customer_id")[0]
    hours = pd.DataFrame({"c": who, "d": seconds // 86_400, "h": seconds // 3600})
    awake = hours[(who >= 0) & (seconds > 0)].groupby(["c", "d"])["h"].nunique()
    tireless = awake[awake >= 21].index.get_level_values("c").unique()
    if len(tireless):
        note = f"{len(tireless):,} customers active in 21 hours of one day"
        yield source.found(("customer_id", "occurred_at"), np.isin(who, tireless), note)


def _step(seconds: np.ndarray) -> int:
    """Return the step the clock of the events goes by: a second, or a minute or an hour."""
    known = seconds[seconds > 0]
    return next((k for k in (3600, 60) if len(known) and (known % k == 0).all()), 1)


@check("DQ-B-06")
def declared_bots(sources: SourceTables, _: Rule) -> Iterator[Evidence]:
    """Events whose user agent says it is a program."""
    source = sources.need("behaviour", "user_agent")
    rows = source.where("user_agent", BOT.search)
    yield source.found(("user_agent",), rows, f"{rows.sum():,} events of declared bots")


@check("DQ-B-07")
def long_sessions(sources: SourceTables, rule: Rule) -> Iterator[Evidence]:
    """Sessions over twelve hours, over 2,500 hits, or with a pause over half an hour inside."""
    source = sources.need("behaviour", "session_id")
    key = source.codes("session_id")[0]
    gaps = _gaps(key, source.when().astype(np.int64)).groupby("key")["gap"]
    by = gaps.agg(length="sum", n="size", gap="max")
    too_long = (by["length"] > rule.limit * 3600) | (by["n"] > 2500)
    paused = by["gap"] > HALF_HOUR
    if paused.mean() > 0.2:
        paused = by["gap"] > HALF_DAY
    note = f"{too_long.sum():,} too long, {paused.sum():,} with a pause inside"
    yield _sessions_hit(source, key, by.index[too_long | paused].to_numpy(), note)


@check("DQ-B-08")
def durations(sources: SourceTables, _: Rule) -> Iterator[Evidence]:
    """Durations below zero, and ends before their beginnings."""
    lasting = [(s, c) for s, c in sources.columns(Kind.NUMBER) if DURATION.search(c)]
    ends = [
        (source, start, column)
        for source in sources
        if (start := TIME_COLUMN.get(source.name, "")) in source
        for column in source.extra(Kind.TIME)
        if re.search(r"end|finish|closed|resolved|left", column)
    ]
    if not lasting and not ends:
        raise NotApplicable("no durations")
    for source, column in lasting:
        rows = source.number(column) < 0
        yield from source.some((column,), rows, f"negative values of {column}")
    for source, start, column in ends:
        rows = source.time(column) < source.when()
        if rows.mean() < 0.3:
            yield from source.some((start, column), rows, "rows end before they begin")


@check("DQ-B-09")
def outages(sources: SourceTables, rule: Rule) -> Iterator[Evidence]:
    """Days without a row where the usual traffic leaves no room for none."""
    dated = [s for n in EVENT_TABLES if (s := sources.get(n)) and s.days() is not None]
    if not dated:
        raise NotApplicable("no dated table")
    for source in dated:
        # Lines of an order and clicks of a session come together: chance empties days of units.
        first = ~pd.Series(_unit(source)).duplicated().to_numpy()
        days = timing.empty_days(source.days()[first], rule.limit)
        days = days[~np.isin(days, source.days())]
        if len(days):
            span = " to ".join(timing.written(day) for day in np.unique(days[[0, -1]]))
            note = f"{len(days)} day{'s' * (len(days) > 1)} without a row, {span}"
            of = len(timing.core_days(source.days()))
            yield source.found((TIME_COLUMN[source.name],), note=note, of=of, n=len(days))


@check("DQ-B-11")
def stitched_identities(sources: SourceTables, rule: Rule) -> Iterator[Evidence]:
    """Sessions of several customers, and devices shared by many."""
    source = sources.need("behaviour")
    columns = [c for c in source.frame.columns if c == "session_id" or DEVICE.search(c)]
    if not columns:
        raise NotApplicable("behaviour has no session_id and no device")
    who = pd.Series(source.codes("customer_id")[0]).where(lambda c: c >= 0)
    for column in columns:
        codes = source.codes(column)[0]
        people = who.groupby(codes).nunique()
        people = people[people.index >= 0]
        most = 1.0 if column == "session_id" else max(rule.limit, 5 * people.quantile(0.999))
        shared = people.index[people > most]
        if len(shared):
            usual = column == "session_id" and len(shared) > 0.2 * len(people)
            note = f"{len(shared):,} values of {column} belong to several customers"
            status = Status.INCONCLUSIVE if usual else None
            rows = np.isin(codes, shared)
            yield source.found((column, "customer_id"), rows, note, status=status)


def _events(sources: SourceTables) -> tuple[SourceTable, np.ndarray, np.ndarray]:
    """Return the events, the session (or customer and day) of each, and seconds since 1970."""
    source = sources.need("behaviour", "occurred_at", "customer_id")
    seconds = source.when().astype(np.int64)
    if st.day_resolution(source.when()):
        raise Inconclusive("the events have no time of day")
    if "session_id" in source:
        return source, source.codes("session_id")[0], seconds
    who = source.codes("customer_id")[0]
    order = np.lexsort((seconds, who))
    new = np.append(True, (np.diff(who[order]) != 0) | (np.diff(seconds[order]) > HALF_HOUR))
    key = np.empty(source.n, dtype=np.int64)
    key[order] = np.cumsum(new) - 1
    return source, np.where(who >= 0, key, -1), seconds


def _gaps(key: np.ndarray, seconds: np.ndarray) -> pd.DataFrame:
    """Return session and gap since the event before it, in seconds, in order of time."""
    order = _in_time(key, seconds)
    frame = pd.DataFrame({"key": key[order], "t": seconds[order]})
    return frame.assign(gap=frame.groupby("key")["t"].diff())


def _in_time(key: np.ndarray, seconds: np.ndarray) -> np.ndarray:
    order = np.lexsort((seconds, key))
    return order[(key[order] >= 0) & (seconds[order] > -(10**15))]


def _sessions_hit(
    source: SourceTable, key: np.ndarray, sessions: np.ndarray, what: str
) -> Evidence:
    rows = np.isin(key, sessions)
    column = "session_id" if "session_id" in source else "customer_id"
    note = f"{len(sessions):,} sessions with {rows.sum():,} events: {what}"
    return source.found((column, "occurred_at"), rows, note)
