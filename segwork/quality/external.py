"""DQ-X: outside series: delay, alignment, places, caps, gaps, revisions, units, repeats."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import combinations

import numpy as np
import pandas as pd

from segwork.checks import Evidence, Inconclusive, NotApplicable, Rule, check
from segwork.quality import statistics as st
from segwork.quality import timing
from segwork.quality.lateness import by_series, series_rows
from segwork.quality.sources import SourceTable, SourceTables
from segwork.schema import TIME_COLUMN, Kind

TABLE = "external"
LATITUDE, LONGITUDE = re.compile(r"lat(itude)?", re.I), re.compile(r"lon|lng|long|longitude", re.I)
PLACE = re.compile(r"station|site|sensor|grid|location", re.I)
UNITS = {"10 times": 10, "100 times": 100, "1000 times": 1000, "inch to mm": 25.4}
UNITS |= {"mile to km": 1.609344, "pound to kg": 0.45359237, "m/s to km/h": 3.6}


@check("DQ-X-01")
def used_before_published(sources: SourceTables, _: Rule) -> Iterator[Evidence]:
    """Values that were used, or are in the data, before they were published."""
    source = sources.need(TABLE, "published_at")
    published = source.time("published_at").astype("datetime64[D]")
    valid = source.time("date").astype("datetime64[D]")
    early = (published < valid) & ~_forecasts(source, published < valid)
    delay = pd.Series((published - valid).astype(float))
    usual = delay.groupby(source.codes("name")[0]).transform("median").to_numpy()
    unborn = (published >= sources.as_of) & (valid < sources.as_of)
    unborn &= delay.to_numpy() > 2 * usual + 2
    note = "values are in the data before they were published"
    yield from source.some(("published_at",), unborn, note)
    note = "values were published before the day they describe"
    yield from source.some(("published_at", "date"), early, note)
    for column in source.extra(Kind.TIME):
        used = source.time(column)
        before = used < source.time("published_at")
        if before.sum() < 0.5 * max(1, (~np.isnat(used)).sum()):
            note = f"values have {column} before published_at"
            yield from source.some((column, "published_at"), before, note)


def _forecasts(source: SourceTable, early: np.ndarray) -> np.ndarray:
    """Return the rows of series that are mostly published ahead: forecasts."""
    return pd.Series(early).groupby(source.codes("name")[0]).transform("mean").gt(0.5).to_numpy()


@check("DQ-X-03")
def places(sources: SourceTables, rule: Rule) -> Iterator[Evidence]:
    """Regions mapped to the wrong place: coordinates, stations, unknown names, swapped series."""
    source = sources.need(TABLE, "region")
    yield from _coordinates(source, rule)
    yield from _stations(source)
    yield from _unmapped(sources, source)
    if source.has("date", "name", "value"):
        wide = by_series(source)
        for name in dict.fromkeys(wide.columns.get_level_values("name")):
            pairs = combinations(wide[name].columns, 2)
            found = [(*_swapped_series(source, wide, name, a, b), a, b) for a, b in pairs]
            told: set[str] = set()
            for score, rows, a, b in sorted(found, key=lambda f: -f[0]):
                if score > 0 and not told & {a, b}:
                    told |= {a, b}
                    note = f"{name} of {a} and {b} change places"
                    yield source.found(("region", "value"), rows, note)


def _coordinates(source: SourceTable, rule: Rule) -> Iterator[Evidence]:
    found = [[c for c in source.frame.columns if p.fullmatch(c)] for p in (LATITUDE, LONGITUDE)]
    if not all(found):
        return
    lat, lon = found[0][0], found[1][0]
    at = pd.DataFrame({"lat": source.number(lat), "lon": source.number(lon)})
    home = at.groupby(source.codes("region")[0]).transform("median")
    east = np.cos(np.radians(home["lat"].clip(-89, 89)))
    far = 111.2 * np.hypot(at["lat"] - home["lat"], (at["lon"] - home["lon"]) * east)
    rows = ((far > rule.limit) | (at["lat"].abs() > 90) | (at["lon"].abs() > 180)).to_numpy()
    yield source.found(("region", lat, lon), rows, f"{rows.sum():,} rows far from their region")


def _stations(source: SourceTable) -> Iterator[Evidence]:
    for column in source.extra(Kind.CATEGORY, Kind.IDENTIFIER):
        if not PLACE.search(column):
            continue
        frame = pd.DataFrame({"r": source.codes("region")[0], "s": source.codes(column)[0]})
        usual = frame.groupby("r")["s"].transform(lambda s: s.mode().iloc[0])
        odd = (frame["s"] != usual) & (frame["s"] >= 0) & (frame["r"] >= 0)
        first = frame.drop_duplicates(["r", "s"])
        shared = first[first["s"].duplicated(keep=False) & ~odd[first.index]]
        if odd.mean() < 0.34:
            note = f"rows of a region at another {column} ({len(shared)} shared)"
            yield from source.some(("region", column), odd.to_numpy(), note)


def _unmapped(sources: SourceTables, source: SourceTable) -> Iterator[Evidence]:
    """Hold the regions to those of the first column of customers or orders that has most."""
    others = [sources.get(name) for name in ("customers", "transactions")]
    columns = [(o, c) for o in others if o for c in ("region", "country") if c in o]
    mine = {w.strip().casefold() for w in source.words("region")}
    for other, column in columns:
        known = {w.strip().casefold() for w in other.words(column)}
        if len(mine & known) >= 0.5 * len(mine) > 0:
            rows = ~source.where("region", lambda w, k=known: w.strip().casefold() in k)
            rows &= ~source.missing("region")
            if rows.any():
                note = f"{len(mine - known)} regions no {other.name} row knows"
                yield source.found(("region",), rows, note)
            return


def _swapped_series(
    source: SourceTable, wide: pd.DataFrame, name: str, a: str, b: str
) -> tuple[float, np.ndarray]:
    """Return the score (0: none) and rows of the stretch in which two series change places."""
    gap = (wide[name, a] - wide[name, b]).dropna()
    if len(gap) < 60:
        return 0.0, st.NONE
    middle = float(gap.median())
    noise = max(st.robust_scale((gap - middle).to_numpy()), 1e-9)
    ratio = np.clip(-2 * gap.to_numpy() * middle / noise**2, -4, 4)
    first, last, score = st.best_stretch(ratio)
    inside = gap.iloc[first : last + 1]
    if score < 3 * np.log(len(gap) / 1e-3) or abs(inside.median() + middle) > 0.5 * abs(middle):
        return 0.0, st.NONE
    both = np.concatenate([series_rows(source, name, r) for r in (a, b)])
    return score, np.sort(both[np.isin(source.days()[both], inside.index)])


@check("DQ-X-04")
def row_caps(sources: SourceTables, rule: Rule) -> Iterator[Evidence]:
    """Days that end at exactly the highest number of rows: what a capped interface leaves."""
    dated = [s for s in sources if s.days() is not None and s.n >= 300 and s.name != "customers"]
    if not dated:
        raise NotApplicable("no dated table of 300 rows or more")
    for source in dated:
        if source.name == TABLE and _panel(source):
            continue
        days, top = timing.capped_days(source.days(), rule.limit)
        if len(days):
            more = {"of": len(timing.core_days(source.days())), "n": len(days)}
            note = f"{len(days)} days have exactly {top:,} rows"
            rows = np.isin(source.days(), days)
            yield source.found((TIME_COLUMN[source.name],), rows, note, **more)


def _panel(source: SourceTable) -> bool:
    """Say whether the table is a panel: each series has at most one row a day."""
    keys = [c for c in ("name", "region", "date") if c in source]
    return bool(pd.Series(source.group(*keys)).duplicated().mean() < 0.05)


@check("DQ-X-05")
def missing_periods(sources: SourceTables, rule: Rule) -> Iterator[Evidence]:
    """Holes in a series that otherwise keeps its step, and blocks that repeat a whole page."""
    source = sources.need(TABLE, "date", "name", "value")
    found: dict[str, int] = {}
    for name, rows in series(source):
        steps = np.diff(np.unique(source.days()[rows]))
        if len(steps) < 20:
            continue
        values, size = np.unique(steps, return_counts=True)
        usual = values[size >= 0.02 * len(steps)].max()
        weekly = set(values[size >= 0.1 * len(steps)]) >= {1, 3}
        holes = steps[steps > (usual + 2 if weekly else usual + rule.limit * (usual > 1))]
        if 0 < len(holes) < 0.02 * len(steps) + 2:
            lost = int((holes // max(1, int(np.median(steps))) - 1).sum())
            found[name] = found.get(name, 0) + lost
    if lost := sum(found.values()):
        note = f"{lost} periods are missing from {', '.join(found)}"
        yield source.found(("date",), note=note, n=lost)


def series(source: SourceTable) -> Iterator[tuple[str, np.ndarray]]:
    """Yield the name and the dated rows of every series, in order of time."""
    key, days = source.group(*[c for c in ("name", "region") if c in source]), source.days()
    dated = np.flatnonzero(days > -(10**6))
    order = pd.Series(dated[np.lexsort((dated, days[dated]))])
    for _, rows in order.groupby(key[order]):
        yield str(source.frame["name"].iloc[rows.min()]), rows.to_numpy()


@check("DQ-X-06")
def revised(sources: SourceTables, rule: Rule) -> Iterator[Evidence]:
    """Values of one day that differ between two publications."""
    source = sources.need(TABLE, "date", "name", "value", "published_at")
    keys = [c for c in ("name", "region", "date") if c in source]
    frame = pd.DataFrame({"k": source.group(*keys), "v": source.number("value")})
    spread = frame.groupby("k")["v"].agg(["min", "max", "size"])
    if not (spread["size"] > 1).any():
        raise NotApplicable("no value was published twice")
    changed = spread.index[spread["max"] != spread["min"]]
    changed = changed if len(changed) > rule.limit * len(spread) else changed[:0]
    rows = frame["k"].isin(changed).to_numpy()
    yield source.found(("value",), rows, f"{len(changed):,} values were revised")


@check("DQ-X-07")
def unit_change(sources: SourceTables, rule: Rule) -> Iterator[Evidence]:
    """Find a stretch of a series in another unit: a known factor, or Fahrenheit for Celsius."""
    source = sources.need(TABLE, "date", "name", "value")
    for name, rows in series(source):
        rows = rows[np.isfinite(source.number("value")[rows])]
        found = _other_unit(source.number("value")[rows], rule.limit)
        if found is not None:
            (begin, end), what = found
            yield from source.some(
                ("value",), np.sort(rows[begin:end]), f"values of {name}: {what}"
            )


def _other_unit(values: np.ndarray, limit: float) -> tuple[tuple[int, int], str] | None:
    """Return the stretch and unit whose reversal makes the series one again, by least jumps."""
    if len(values) < 60:
        return None
    jumps = np.abs(np.diff(values))
    noise = max(float(np.median(jumps)), 1e-12)
    edges = np.flatnonzero(jumps > limit * noise)
    if not 1 <= len(edges) <= 4:
        return None
    edges = edges[np.argsort(-jumps[edges])][:2]
    changes = {name: (lambda v, f=f: v / f) for name, f in UNITS.items()}
    changes |= {f"{n} back": (lambda v, f=f: v * f) for n, f in UNITS.items()}
    changes["Celsius to Fahrenheit"] = lambda v: (v - 32) / 1.8
    for begin, end in _stretches(edges, len(values)):
        inside = np.arange(begin, end)
        rest = np.delete(values, inside)
        if not 5 <= len(inside) <= len(values) / 2:
            continue
        for name, back in changes.items():
            mended = values.copy()
            mended[inside] = back(values[inside])
            at = [i for i in (begin - 1, end - 1) if 0 <= i < len(jumps)]
            fits = all(abs(mended[i + 1] - mended[i]) < 5 * noise for i in at)
            apart = abs(np.median(values[inside]) - np.median(rest)) > 4 * st.robust_scale(rest)
            spread = st.robust_scale(mended[inside]) / max(st.robust_scale(rest), 1e-12)
            if fits and apart and 0.3 < spread < 3:
                return (begin, end), name
    return None


def _stretches(edges: np.ndarray, n: int) -> list[tuple[int, int]]:
    cuts = sorted(int(e) + 1 for e in edges)
    one = [(cuts[0], n), (0, cuts[0])] if cuts else []
    return ([(cuts[0], cuts[1])] if len(cuts) == 2 else []) + one


@check("DQ-X-08")
def stale_repeats(sources: SourceTables, rule: Rule) -> Iterator[Evidence]:
    """One value repeated day after day in a series that moves."""
    source = sources.need(TABLE, "date", "name", "value")
    tried, values = 0, source.number("value")
    for name, order in series(source):
        if len(order) < 30 or (np.diff(values[order]) == 0).mean() > 0.3:
            continue
        tried += 1
        rows = st.stuck_run(values, order, [], rule.limit)
        if len(rows):
            note = f"{name} is {values[rows[0]]:g} {len(rows)} times running"
            yield source.found(("value",), np.sort(rows), note)
    if not tried:
        raise Inconclusive("no series of 30 moving values")
