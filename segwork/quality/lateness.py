"""DQ-X-02: outside series entered some days late."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd

from segwork.checks import Evidence, NotApplicable, Rule, check
from segwork.quality import statistics as st
from segwork.quality.sources import SourceTable, SourceTables

TABLE = "external"
LAGS = 10  # days either way


@check("DQ-X-02")
def misaligned(sources: SourceTables, rule: Rule) -> Iterator[Evidence]:
    """Series, or stretches of them, that follow their sisters or our orders by a day or more."""
    source = sources.need(TABLE, "date", "name", "value")
    wide = by_series(source)
    if wide.shape[1] < 2 and sources.get("transactions") is None:
        raise NotApplicable("one series and nothing to hold it against")
    late = {series: (lag, wide.index) for series, lag in _late_series(wide).items()}
    if not late:
        every = wide.index
        late = {series: (lag, every) for series, lag in _late_to_orders(sources, wide).items()}
    late |= {k: v for k, v in _late_stretches(wide, rule).items() if k not in late}
    for (name, region), (lag, days) in late.items():
        rows = series_rows(source, name, region)
        rows = rows[np.isin(source.days()[rows], days)]
        place = f" in {region}" if region else ""
        note = f"{name}{place} is {lag:+d} days off over {len(days)} days"
        columns = ("date", "value", *(("region",) if region else ()))
        yield source.found(columns, rows, note)


def _late_series(wide: pd.DataFrame) -> dict[tuple[str, str], int]:
    """Return whole series that agree best with their sisters at another lag than 0."""
    late: dict[tuple[str, str], int] = {}
    for name in dict.fromkeys(wide.columns.get_level_values("name")):
        own = wide[name]
        if own.shape[1] >= 3:
            late |= {(name, region): lag for region, lag in _late_sisters(own).items()}
        elif own.shape[1] == 2 and (lag := _lag_of(own.iloc[:, 1], own.iloc[:, [0]])):
            late[name, own.columns[1 if lag > 0 else 0]] = abs(lag)
    return late


def _late_sisters(own: pd.DataFrame) -> dict[str, int]:
    """Return the late ones of three series or more, fewest that explain every disagreement."""
    late: dict[str, int] = {}
    while own.shape[1] >= 3:
        found = {r: _lag_of(own[r], own.drop(columns=r)) for r in own}
        suspects = [r for r, lag in found.items() if lag]
        if not suspects:
            break
        left = {r: _disagreements(own.drop(columns=r)) for r in suspects}
        culprit = min(suspects, key=lambda r: (left[r], -abs(found[r])))
        late[culprit] = found[culprit]
        own = own.drop(columns=culprit)
    return late


def _disagreements(own: pd.DataFrame) -> int:
    return sum(bool(_lag_of(own[r], own.drop(columns=r))) for r in own)


def _late_stretches(wide: pd.DataFrame, rule: Rule) -> dict[tuple[str, str], tuple[int, pd.Index]]:
    """Return stretches of a series that fit its closest sister better some days late.

    The score of a day is the clipped log-likelihood ratio of the late to the punctual reading;
    the best stretch by chance stays below the log of the places tried (as for clocks).
    """
    moves = wide.apply(_moves)
    level = moves.rank().corr(min_periods=60).abs().to_numpy(copy=True)
    np.fill_diagonal(level, 0.0)
    found: dict[tuple[str, str], tuple[float, int, pd.Index]] = {}
    for i, series in enumerate(wide.columns):
        j = int(np.nanargmax(level[i])) if np.isfinite(level[i]).any() else i
        if not level[i, j] > 0.6:
            continue
        x, y = moves[series], moves.iloc[:, j]
        for lag in (k for k in range(-LAGS, LAGS + 1) if abs(k) >= rule.limit):
            score, days = _best_days(x, y, lag)
            if score > 2 * np.log(len(wide) * 2 * LAGS * wide.shape[1] / 1e-3):
                pair = frozenset((series, wide.columns[j]))
                best = max(
                    (v for k, v in found.items() if k in pair), default=None, key=lambda v: v[0]
                )
                if best is None or score > best[0] + 1e-9:
                    for other in pair & set(found):
                        del found[other]
                    found[series] = (score, lag, days)
    return {series: (lag, days) for series, (_, lag, days) in found.items()}


def _best_days(x: pd.Series, y: pd.Series, lag: int) -> tuple[float, pd.Index]:
    one, two = x.to_numpy(), y.to_numpy()
    late = np.full(len(two), np.nan)
    late[max(lag, 0) : len(two) + min(lag, 0)] = two[max(-lag, 0) : len(two) + min(-lag, 0)]
    known = np.isfinite(one) & np.isfinite(two) & np.isfinite(late)
    if known.sum() < 60:
        return 0.0, x.index[:0]
    slope = float(np.cov(one[known], two[known])[0, 1] / max(np.var(two[known]), 1e-12))
    now, then = (one - slope * two)[known], (one - slope * late)[known]
    noise = max(st.robust_scale(now), 0.1 * float(np.std(now)), 1e-9)
    ratio = np.clip((now**2 - then**2) / (2 * noise**2), -4, 4)
    first, last, score = st.best_stretch(ratio)
    return score, x.index[known][first : last + 1]


def by_series(source: SourceTable) -> pd.DataFrame:
    """Return day × (name, region), daily values; series of fewer than 60 days are left out."""
    region = (
        source.frame["region"].astype(str).where(~source.missing("region"), "")
        if "region" in source
        else ""
    )
    values = {"day": source.days(), "value": source.number("value")}
    names = {"name": source.frame["name"].astype(str), "region": region}
    frame = pd.DataFrame(values | names)
    frame = frame[(frame["day"] > -(10**6)) & ~frame["name"].str.match(r"(?i)fx_")]
    wide = frame.pivot_table(
        index="day", columns=["name", "region"], values="value", aggfunc="mean"
    )
    wide = (
        wide.reindex(range(int(wide.index.min()), int(wide.index.max()) + 1)) if len(wide) else wide
    )
    return wide.loc[:, wide.notna().sum() >= 60]


def _lag_of(one: pd.Series, others: pd.DataFrame) -> int:
    """Return the lag at which a series agrees best with the middle of the others; 0 if unclear."""
    a, b = _moves(one), _moves(others.median(axis=1))
    corr = _cross(a, b)
    best = max(corr, key=lambda k: corr[k][0])
    (top, n), (now, _) = corr[best], corr[0]
    clear = np.arctanh(min(top, 0.999)) - np.arctanh(min(now, 0.999)) > 5 * np.sqrt(2 / max(n, 4))
    return int(best) if best and top > 0.2 and clear else 0


def _moves(series: pd.Series) -> pd.Series:
    """Return what is left of a series without its slow movement."""
    return series - series.rolling(15, center=True, min_periods=5).median()


def _cross(a: pd.Series, b: pd.Series) -> dict[int, tuple[float, int]]:
    """Return rank correlation and days of ``a`` with ``b`` moved by every lag."""
    x, y = a.rank().to_numpy(), b.rank().to_numpy()
    n, found = len(x), {}
    for k in range(-LAGS, LAGS + 1):
        left, right = x[max(k, 0) : n + min(k, 0)], y[max(-k, 0) : n + min(-k, 0)]
        both = np.isfinite(left) & np.isfinite(right)
        flat = both.sum() < 40 or np.ptp(left[both]) == 0 or np.ptp(right[both]) == 0
        corr = 0.0 if flat else float(np.corrcoef(left[both], right[both])[0, 1])
        found[k] = (corr, int(both.sum()))
    return found


def _late_to_orders(sources: SourceTables, wide: pd.DataFrame) -> dict[object, int]:
    """Return series that orders seem to foresee: orders cannot follow tomorrow's weather."""
    lines = sources.get("transactions")
    if lines is None or lines.days() is None:
        return {}
    daily = pd.Series(lines.days()[lines.days() > -(10**6)]).value_counts().sort_index()
    orders = _moves(np.log1p(daily.reindex(wide.index).fillna(0)))
    late = {}
    for series in wide.columns:
        values = _moves(wide[series])
        corr = _cross(values, orders)
        best = max(corr, key=lambda k: abs(corr[k][0]))
        top, n = corr[best]
        level = max(abs(corr[k][0]) for k in corr if abs(k - best) > 1)
        if best > 0 and abs(top) > 5.5 / np.sqrt(max(n, 4)) and abs(top) > 1.5 * level:
            late[series] = best
    return late


def series_rows(source: SourceTable, name: str, region: str) -> np.ndarray:
    """Return the places of the rows of one series."""
    rows = source.where("name", lambda w: w == name)
    if "region" in source:
        rows &= (
            source.where("region", lambda w: w == region) if region else source.missing("region")
        )
    return np.flatnonzero(rows)
