"""DQ-X: outside series: delay, alignment, places, caps, gaps, revisions, units, repeats."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import combinations

import numpy as np
import pandas as pd

from segwork.quality import statistics as st
from segwork.quality import timing
from segwork.quality.lateness import by_series, series_rows
from segwork.quality.result import Hit, Rule
from segwork.quality.sheet import Book, Inconclusive, NotApplicable, Sheet
from segwork.schema import TIME_COLUMN, Kind

TABLE = "external"
LATITUDE, LONGITUDE = (
    re.compile(r"^lat(itude)?$", re.I),
    re.compile(r"^(lon|lng|long|longitude)$", re.I),
)
PLACE = re.compile(r"station|site|sensor|grid|location", re.I)
UNITS = {"10 times": 10, "100 times": 100, "1000 times": 1000, "inch to mm": 25.4,
         "mile to km": 1.609344, "pound to kg": 0.45359237, "m/s to km/h": 3.6}  # fmt: skip


def used_before_published(book: Book, _: Rule) -> Iterator[Hit]:
    """Values that were used, or are in the data, before they were published."""
    sheet = book.need(TABLE, "published_at")
    published = sheet.time("published_at").astype("datetime64[D]")
    valid = sheet.time("date").astype("datetime64[D]")
    early = (published < valid) & ~_forecasts(sheet, published < valid)
    delay = pd.Series((published - valid).astype(float))
    usual = delay.groupby(sheet.codes("name")[0]).transform("median").to_numpy()
    unborn = (published >= book.as_of) & (valid < book.as_of) & (delay.to_numpy() > 2 * usual + 2)
    if unborn.any():
        rows = np.flatnonzero(unborn)
        note = f"{len(rows):,} values are in the data before they were published"
        yield Hit(TABLE, ("published_at",), rows, sheet.n, note)
    rows = np.flatnonzero(early)
    if len(rows):
        note = f"{len(rows):,} values were published before the day they describe"
        yield Hit(TABLE, ("published_at", "date"), rows, sheet.n, note)
    for column in sheet.extra(Kind.TIME):
        used = sheet.time(column)
        before = used < sheet.time("published_at")
        if 0 < before.sum() < 0.5 * max(1, (~np.isnat(used)).sum()):
            note = f"{before.sum():,} values have {column} before published_at"
            yield Hit(TABLE, (column, "published_at"), np.flatnonzero(before), sheet.n, note)


def _forecasts(sheet: Sheet, early: np.ndarray) -> np.ndarray:
    """Return the rows of series that are mostly published ahead: forecasts."""
    return pd.Series(early).groupby(sheet.codes("name")[0]).transform("mean").gt(0.5).to_numpy()


def places(book: Book, rule: Rule) -> Iterator[Hit]:
    """Regions mapped to the wrong place: coordinates, stations, unknown names, swapped series."""
    sheet = book.need(TABLE, "region")
    yield from _coordinates(sheet, rule)
    yield from _stations(sheet)
    yield from _unmapped(book, sheet)
    if sheet.has("date", "name", "value"):
        wide = by_series(sheet)
        for name in dict.fromkeys(wide.columns.get_level_values("name")):
            pairs = combinations(wide[name].columns, 2)
            found = [(*_swapped_series(sheet, wide, name, a, b), a, b) for a, b in pairs]
            told: set[str] = set()
            for score, rows, a, b in sorted(found, key=lambda f: -f[0]):
                if score > 0 and not told & {a, b}:
                    told |= {a, b}
                    note = f"{name} of {a} and {b} change places"
                    yield Hit(TABLE, ("region", "value"), rows, sheet.n, note)


def _coordinates(sheet: Sheet, rule: Rule) -> Iterator[Hit]:
    lat = next((c for c in sheet.frame.columns if LATITUDE.match(c)), None)
    lon = next((c for c in sheet.frame.columns if LONGITUDE.match(c)), None)
    if not lat or not lon:
        return
    region = sheet.codes("region")[0]
    at = pd.DataFrame({"r": region, "lat": sheet.number(lat), "lon": sheet.number(lon)})
    home = at.groupby("r")[["lat", "lon"]].transform("median")
    east = np.cos(np.radians(home["lat"].clip(-89, 89)))
    far = 111.2 * np.hypot(at["lat"] - home["lat"], (at["lon"] - home["lon"]) * east)
    outside = (at["lat"].abs() > 90) | (at["lon"].abs() > 180)
    rows = np.flatnonzero((far > rule.limit) | outside)
    yield Hit(
        TABLE, ("region", lat, lon), rows, sheet.n, f"{len(rows):,} rows far from their region"
    )


def _stations(sheet: Sheet) -> Iterator[Hit]:
    for column in sheet.extra(Kind.CATEGORY, Kind.IDENTIFIER):
        if not PLACE.search(column):
            continue
        frame = pd.DataFrame({"r": sheet.codes("region")[0], "s": sheet.codes(column)[0]})
        usual = frame.groupby("r")["s"].transform(lambda s: s.mode().iloc[0])
        odd = (frame["s"] != usual) & (frame["s"] >= 0) & (frame["r"] >= 0)
        first = frame.drop_duplicates(["r", "s"])
        shared = first[first["s"].duplicated(keep=False) & ~odd[first.index]]
        rows = np.flatnonzero(odd) if odd.mean() < 0.34 else st.NONE
        if len(rows):
            note = f"{len(rows):,} rows of a region at another {column} ({len(shared)} shared)"
            yield Hit(TABLE, ("region", column), rows, sheet.n, note)


def _unmapped(book: Book, sheet: Sheet) -> Iterator[Hit]:
    for other in (book.get("customers"), book.get("transactions")):
        for column in ("region", "country"):
            if other is None or column not in other:
                continue
            known = {w.strip().casefold() for w in other.words(column)}
            mine = {w.strip().casefold() for w in sheet.words("region")}
            if len(mine & known) >= 0.5 * len(mine) > 0:
                rows = np.flatnonzero(
                    ~sheet.where("region", lambda w, k=known: w.strip().casefold() in k)
                    & ~sheet.missing("region")
                )
                if len(rows):
                    note = f"{len(mine - known)} regions no {other.name} row knows"
                    yield Hit(TABLE, ("region",), rows, sheet.n, note)
                return


def _swapped_series(
    sheet: Sheet, wide: pd.DataFrame, name: str, a: str, b: str
) -> tuple[float, np.ndarray]:
    """Return the score (0: none) and rows of the stretch in which two series change places."""
    gap = (wide[name, a] - wide[name, b]).dropna()
    if len(gap) < 60:
        return 0.0, st.NONE
    middle = float(gap.median())
    noise = max(st.robust_scale((gap - middle).to_numpy()), 1e-9)
    ratio = np.clip(-2 * gap.to_numpy() * middle / noise**2, -4, 4)
    total = np.concatenate([[0.0], np.cumsum(ratio)])
    gain = total - np.minimum.accumulate(total)
    end = int(gain.argmax())
    begin = int(total[: end + 1].argmin())
    moved = abs(gap.iloc[begin:end].median() + middle) if end > begin else np.inf
    if gain[end] < 3 * np.log(len(gap) / 1e-3) or moved > 0.5 * abs(middle):
        return 0.0, st.NONE
    both = np.concatenate([series_rows(sheet, name, r) for r in (a, b)])
    rows = np.sort(both[np.isin(sheet.days()[both], gap.index[begin:end])])
    return float(gain[end]), rows


def row_caps(book: Book, rule: Rule) -> Iterator[Hit]:
    """Days that end at exactly the highest number of rows: what a capped interface leaves."""
    looked = False
    for sheet in book:
        if sheet.days() is None or sheet.n < 300 or sheet.name == "customers":
            continue
        looked = True
        if sheet.name == TABLE and _panel(sheet):
            continue
        days, top = timing.capped_days(sheet.days(), rule.limit)
        if len(days):
            rows = np.flatnonzero(np.isin(sheet.days(), days))
            note = f"{len(days)} days have exactly {top:,} rows"
            of = len(timing.core_days(sheet.days()))
            yield Hit(sheet.name, (TIME_COLUMN[sheet.name],), rows, of, note, n=len(days))
    if not looked:
        raise NotApplicable("no dated table of 300 rows or more")


def _panel(sheet: Sheet) -> bool:
    """Say whether the table is a panel: each series has at most one row a day."""
    keys = [c for c in ("name", "region", "date") if c in sheet]
    return bool(pd.Series(sheet.group(*keys)).duplicated().mean() < 0.05)


def missing_periods(book: Book, rule: Rule) -> Iterator[Hit]:
    """Holes in a series that otherwise keeps its step, and blocks that repeat a whole page."""
    sheet = book.need(TABLE, "date", "name", "value")
    found: list[str] = []
    lost = 0
    for code in np.unique(key := sheet.group(*[c for c in ("name", "region") if c in sheet])):
        days = np.unique(sheet.days()[key == code])
        steps = np.diff(days[days > -(10**6)])
        if len(steps) < 20:
            continue
        values, size = np.unique(steps, return_counts=True)
        usual = values[size >= 0.02 * len(steps)].max()
        weekly = set(values[size >= 0.1 * len(steps)]) >= {1, 3}
        holes = steps[steps > (usual + 2 if weekly else usual + rule.limit * (usual > 1))]
        if len(holes) and len(holes) < 0.02 * len(steps) + 2:
            lost += int((holes // max(1, int(np.median(steps))) - 1).sum())
            found.append(str(sheet.frame["name"].iloc[np.flatnonzero(key == code)[0]]))
    if lost:
        note = f"{lost} periods are missing from {', '.join(dict.fromkeys(found))}"
        yield Hit(TABLE, ("date",), st.NONE, sheet.n, note, n=lost)


def revised(book: Book, rule: Rule) -> Iterator[Hit]:
    """Values of one day that differ between two publications."""
    sheet = book.need(TABLE, "date", "name", "value", "published_at")
    keys = [c for c in ("name", "region", "date") if c in sheet]
    frame = pd.DataFrame({"k": sheet.group(*keys), "v": sheet.number("value")})
    spread = frame.groupby("k")["v"].agg(["min", "max", "size"])
    if not (spread["size"] > 1).any():
        raise NotApplicable("no value was published twice")
    changed = spread.index[spread["max"] != spread["min"]]
    rows = np.flatnonzero(frame["k"].isin(changed))
    rows = rows if len(changed) > rule.limit * len(spread) else st.NONE
    yield Hit(TABLE, ("value",), rows, sheet.n, f"{len(changed):,} values were revised")


def unit_change(book: Book, rule: Rule) -> Iterator[Hit]:
    """Find a stretch of a series in another unit: a known factor, or Fahrenheit for Celsius."""
    sheet = book.need(TABLE, "date", "name", "value")
    key = sheet.group(*[c for c in ("name", "region") if c in sheet])
    for code in np.unique(key):
        member = np.flatnonzero(key == code)
        member = member[np.argsort(sheet.days()[member], kind="stable")]
        values = sheet.number("value")[member]
        found = _other_unit(values[np.isfinite(values)], rule.limit)
        if found is not None:
            (begin, end), what = found
            rows = np.sort(member[np.isfinite(values)][begin:end])
            name = sheet.frame["name"].iloc[member[0]]
            yield Hit(TABLE, ("value",), rows, sheet.n, f"{len(rows):,} values of {name}: {what}")


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


def stale_repeats(book: Book, rule: Rule) -> Iterator[Hit]:
    """One value repeated day after day in a series that moves."""
    sheet = book.need(TABLE, "date", "name", "value")
    key = sheet.group(*[c for c in ("name", "region") if c in sheet])
    tried = 0
    for code in np.unique(key):
        member = np.flatnonzero(key == code)
        values = sheet.number("value")
        order = member[np.argsort(sheet.days()[member], kind="stable")]
        if len(member) < 30 or (np.diff(values[order]) == 0).mean() > 0.3:
            continue
        tried += 1
        rows = st.stuck_run(values, order, [], rule.limit)
        if len(rows):
            name = sheet.frame["name"].iloc[rows[0]]
            note = f"{name} is {values[rows[0]]:g} {len(rows)} times running"
            yield Hit(TABLE, ("value",), np.sort(rows), sheet.n, note)
    if not tried:
        raise Inconclusive("no series of 30 moving values")


CHECKS = {
    "DQ-X-01": used_before_published,
    "DQ-X-03": places,
    "DQ-X-04": row_caps,
    "DQ-X-05": missing_periods,
    "DQ-X-06": revised,
    "DQ-X-07": unit_change,
    "DQ-X-08": stale_repeats,
}
