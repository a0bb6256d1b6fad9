"""The statistics behind the checks: plain functions of arrays, each with its own evidence."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
import pandas as pd
from scipy import stats

NONE = np.array([], dtype=int)

SLIPS = (10.0, 100.0, 1000.0, 1e4, 1e6)


def day_resolution(when: np.ndarray) -> bool:
    """Say whether the times carry no time of day."""
    known = when[~np.isnat(when)]
    return len(known) == 0 or bool(np.mean(known.astype(np.int64) % 86_400 == 0) > 0.9)


def robust_scale(values: np.ndarray) -> float:
    """Return a standard deviation that ignores up to a seventh of wild values on each side."""
    if not len(values):
        return 0.0
    low, mid, high = np.quantile(values, [0.15, 0.5, 0.85])
    mad = 1.4826 * float(np.median(np.abs(values - mid)))
    return max(mad, float(high - low) / 2.073)


def residual_logs(
    values: np.ndarray, groups: Mapping[str, np.ndarray], *, least: int = 3
) -> tuple[np.ndarray, str]:
    """Return logs of positive values less the medians of their groups, and the groups that help."""
    positive = np.isfinite(values) & (values > 0)
    logs = np.where(positive, np.log(np.where(positive, values, 1.0)), np.nan)
    logs -= np.nanmedian(logs)
    used: list[str] = []
    for _ in range(2):
        for name, codes in groups.items():
            frame = pd.DataFrame({"code": codes, "log": logs}).groupby("code")["log"]
            effect = frame.transform("median").to_numpy()
            effect = np.where(frame.transform("count").to_numpy() >= least, effect, 0.0)
            effect = np.where(codes >= 0, effect, 0.0)
            rest = logs - effect
            if robust_scale(rest[positive]) < 0.97 * robust_scale(logs[positive]):
                logs, used = rest, [*dict.fromkeys([*used, name])]
    return logs, f"within {', '.join(used)}" if used else "over all rows"


def scale_slip(
    logs: np.ndarray, *, limit: float, slips: tuple[float, ...] = SLIPS, least: int = 4
) -> tuple[np.ndarray, float]:
    """Find a second heap one power of ten away: separate, of like spread, with a valley between."""
    known = logs[np.isfinite(logs)]
    scale = max(robust_scale(known), 0.02)
    best, factor = NONE, 1.0
    for times in (*slips, *(1 / s for s in slips)):
        shift = np.log(times)
        if abs(shift) < limit * scale:
            continue
        along = logs * np.sign(shift)
        width = min(abs(shift) / 2, max(3.5 * scale, 0.35))
        heap = np.flatnonzero(np.abs(along - abs(shift)) <= width)
        valley = int((np.abs(along - abs(shift) / 2) <= 0.15 * abs(shift)).sum())
        if len(heap) < least or len(heap) > 0.4 * len(known):
            continue
        off = abs(np.median(logs[heap]) - shift)
        tight = robust_scale(logs[heap]) <= 1.6 * scale + 0.1
        centred = off < max(0.35, 2.5 * scale / np.sqrt(len(heap)))
        if centred and tight and valley <= len(heap) / 3 and len(heap) > len(best):
            best, factor = heap, times
    return best, factor


def swapped_numbers(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Return rows where two columns that lie apart lie the other way round.

    A line between the two bodies has one column below and one above; rows with both on the wrong
    side are swapped, if hardly any row has one alone there (then tails cross the line by chance).
    """
    known = np.flatnonzero(np.isfinite(a) & np.isfinite(b))
    if len(known) < 50:
        return NONE
    low, high = a[known], b[known]
    if np.median(low) > np.median(high):
        low, high = high, low
    top, bottom = np.quantile(low, 0.85), np.quantile(high, 0.15)
    if top >= bottom or np.ptp(low) == 0 or np.ptp(high) == 0:
        return NONE
    line = float(np.sqrt(top * bottom)) if top > 0 else (top + bottom) / 2
    up, down = low > line, high < line
    both = up & down
    inside = (low <= high[~both].max()) & (high >= low[~both].min())
    alone = int((up ^ down).sum())
    return known[both & inside] if alone <= both.sum() / 10 else NONE


def stuck_run(
    values: np.ndarray,
    order: np.ndarray,
    groups: list[np.ndarray],
    limit: float,
    *,
    levels: list[np.ndarray] | None = None,
    least: int = 5,
) -> np.ndarray:
    """Return the rows of runs of one value longer than the column's own stickiness explains.

    A run is explained as well where its rows are of one group (an order, a product), or of one of
    the ``levels`` (a currency) that settles the value.
    """
    v = values[order]
    n = len(v)
    same = (v[1:] == v[:-1]) & (v[1:] != 0)
    edges = np.flatnonzero(np.diff(np.concatenate([[False], same, [False]]).astype(int)))
    starts, lengths = edges[::2], edges[1::2] - edges[::2] + 1
    if not len(starts) or lengths.max() < least or np.nanmax(v) == np.nanmin(v):
        return NONE
    found: list[np.ndarray] = []
    usual = int(np.sort(lengths)[-6]) if len(lengths) > 5 else 1
    for i in np.argsort(-lengths)[:20]:
        start, length = int(starts[i]), int(lengths[i])
        if length < 2 * usual:
            break
        others = int(same.sum()) - (length - 1)
        sticky = max(others / max(1, n - length), _stays(v, same, start, length), 1 / n)
        if length < least or np.log(n) + (length - 1) * np.log(min(sticky, 1.0)) > np.log(limit):
            break
        rows = order[start : start + length]
        alike = any((group[rows] == group[rows[0]]).all() for group in groups)
        if not alike and not any(_settles(codes, values, rows) for codes in levels or ()):
            found.append(rows)
    return np.concatenate(found) if found else NONE


def _settles(codes: np.ndarray, values: np.ndarray, rows: np.ndarray) -> bool:
    """Say whether the rows are of one level that has their value nearly always, elsewhere too."""
    others = codes == codes[rows[0]]
    others[rows] = False
    return bool(
        (codes[rows] == codes[rows[0]]).all()
        and others.sum() >= len(rows)
        and (values[others] == values[rows[0]]).mean() > 0.99
    )


def _stays(v: np.ndarray, same: np.ndarray, start: int, length: int) -> float:
    """Return how often this value is followed by itself outside the run, rounded up."""
    here = v == v[start]
    rows = max(1, int(here.sum()) - length)
    pairs = max(0, int((same & here[1:]).sum()) - (length - 1))
    share = max(pairs / rows, (rows - 1) / max(1, len(v) - length))
    return min(1.0, share + 2 * float(np.sqrt(share * (1 - share) / rows)))


def heaped(values: np.ndarray) -> tuple[float, int, np.ndarray] | None:
    """Test multiples of five and of ten against their smoothed neighbours.

    Returns the larger z, how many values were moved there by estimate, and the rows on the heaps;
    None where the values are no dense whole numbers.
    """
    known = values[np.isfinite(values)]
    if len(known) < 200 or (np.mod(known, 1) == 0).mean() < 0.95:
        return None
    low, high = np.quantile(known, [0.005, 0.995])
    span = np.arange(int(low), int(high) + 1)
    if not 25 <= len(span) <= 130:
        return None
    size = np.array([(known == v).sum() for v in span], dtype=float)
    if (size > 0).mean() < 0.8 or low < 0:
        return None
    best = (0.0, 0, 5)
    for step, reach in ((5, (1, 2)), (10, (1, 2, 3, 4))):
        at = [i for i, v in enumerate(span) if v % step == 0 and 4 <= i < len(span) - 4]
        sides = [s for r in reach for s in (-r, r)]
        near = np.array([[size[i + s] for s in sides] for i in at])
        if not len(at):
            continue
        surplus = float(size[at].sum() - near.mean(axis=1).sum())
        spread = np.sqrt(size[at].sum() + near.sum() / len(sides) ** 2)
        z = surplus / max(spread, 1.0)
        if z > best[0]:
            # A moved value adds one to the heap and takes 1 / (step - 1) from its neighbours.
            best = (z, round(surplus * (1 - 1 / step)), step)
    return best[0], best[1], np.isfinite(values) & (np.mod(values, best[2]) == 0)


def heaped_against(ages: np.ndarray, years: np.ndarray) -> tuple[float, int, np.ndarray] | None:
    """Find ages rounded to multiples of five that the birth years beside them deny.

    An age and a birth year add up to one year, or two next to each other (birthday still to come
    or past). Which ones, people of other ages say: theirs are not rounded. Returns z of Fisher's
    exact test that other sums go with multiples of five, the estimated number rounded and the rows
    with such a sum; None where the sums of the other ages are no one or two years.
    """
    total = ages + years
    known = np.isfinite(total)
    on_five = known & (np.mod(ages, 5) == 0)
    sums, size = np.unique(total[known & ~on_five], return_counts=True)
    if size.sum() < 50:
        return None
    top = sums[size.argmax()]
    beside = [v for v in (top - 1, top + 1) if size[sums == v].sum() > 0.01 * size.sum()]
    usual = [top, *beside]
    if len(usual) > 2 or size[np.isin(sums, usual)].sum() < 0.9 * size.sum():
        return None
    off = known & ~np.isin(total, usual) & (np.abs(total - top) <= 5)
    rows = np.flatnonzero(off & on_five)
    p = stats.hypergeom.sf(len(rows) - 1, known.sum(), on_five.sum(), off.sum())
    # Of moves by one or two years a quarter lead from one of two usual sums to the other.
    hidden = 0.25 if len(usual) == 2 else 0.0
    return float(stats.norm.isf(p)), round(len(rows) / (1 - hidden)), rows


def rating_domain(values: np.ndarray) -> float | None:
    """Return the top of a rating scale of few whole numbers, or None where it is no rating.

    The top is the smallest value above which only even numbers are left: what doubling leaves.
    """
    known = values[np.isfinite(values)]
    if len(known) < 50 or (np.mod(known, 1) != 0).any() or known.min() < 0 or known.max() > 20:
        return None
    for top in (3.0, 4.0, 5.0, 6.0, 7.0, 10.0):
        beyond = known[known > top]
        inside = np.unique(known[known <= top])
        full = len(inside) >= top - 1 and top in inside
        if full and len(beyond) < 0.3 * len(known) and (np.mod(beyond, 2) == 0).all():
            return top
    return None


def rescaled(
    values: np.ndarray, top: float, groups: Mapping[str, np.ndarray], limit: float
) -> tuple[np.ndarray, int, str]:
    """Return the rows above the scale, the estimated number doubled, and the group they are in.

    Where all of the group is doubled its rows are returned; where part is, the number follows
    from how many of the others' values would leave the scale when doubled.
    """
    beyond = (values > top) & (values <= 2 * top)
    # Doubling takes the highest mark to twice the scale; counts without an odd one need not.
    if beyond.sum() <= limit or not (values == 2 * top).any():
        return NONE, 0, ""
    for name, codes in groups.items():
        inside = codes[beyond]
        level = int(np.bincount(inside[inside >= 0]).argmax()) if (inside >= 0).any() else -1
        if level < 0 or (inside == level).mean() <= 0.95:
            continue
        member = (codes == level) & np.isfinite(values)
        others = values[np.isfinite(values) & ~member]
        if (values[member] % 2 == 0).mean() > 0.98:
            return np.flatnonzero(member), int(member.sum()), f", all of one {name}"
        leaving = max(float((2 * others > top).mean()), 0.05) if len(others) else 1.0
        n = min(int(member.sum()), round(beyond.sum() / leaving))
        return np.flatnonzero(beyond), n, f", part of one {name}"
    return np.flatnonzero(beyond), int(beyond.sum()), ""


class Spike(NamedTuple):
    """A heap of one value: its rows, their number, what is usual there, and which centre it is.

    ``most`` is the highest count nearby, ``z`` holds it against equally round values.
    """

    rows: np.ndarray
    n: int
    most: float
    z: float
    centre: str


def spike(values: np.ndarray) -> Spike | None:
    """Find a value at the mean or median that is far more frequent than its neighbours.

    Neighbours are the nearest other values, and the nearest values at least as round, so that
    columns of honestly round numbers keep silent.
    """
    known = values[np.isfinite(values)]
    distinct, count = np.unique(known, return_counts=True)
    if len(known) < 50:
        return None
    top = int(count.argmax())
    if count[top] >= len(known) / 2 and distinct[top] != 0 and len(distinct) > 2:
        return _filled(values, distinct[top], known[known != distinct[top]])
    if len(distinct) < 20:
        return None
    best = None
    for centre, name in ((known.mean(), "mean"), (np.median(known), "median")):
        near = np.abs(distinct - centre) <= max(1e-9, 0.15 * robust_scale(known))
        # Zero is a value of its own in counts, and half of all values are the median anyway.
        for i in np.flatnonzero(near & (count >= 6) & (distinct != 0) & (count < len(known) / 2)):
            most, z = _nearby(distinct, count, i)
            if best is None or count[i] / most > best.n / best.most:
                rows = np.flatnonzero(values == distinct[i])
                best = Spike(rows, int(count[i]), most, z, name)
    return best


def _filled(values: np.ndarray, value: float, others: np.ndarray) -> Spike | None:
    """Return the heap of a value that half of all rows have, if it is the mean of the others."""
    means = (round(float(others.mean()), digits) for digits in (2, 1, 0))
    if value not in (*means, float(others.mean())) or len(np.unique(others)) < min(20, len(others)):
        return None
    rows = np.flatnonzero(values == value)
    most = np.unique(others, return_counts=True)[1].max()
    return Spike(rows, len(rows), float(most), 0.0, "mean")


def _nearby(distinct: np.ndarray, count: np.ndarray, i: int) -> tuple[float, float]:
    """Return the highest count among near and near equally round values, and z against these."""
    window = np.arange(max(0, i - 10), min(len(distinct), i + 11))
    any_near = count[window[window != i]].max(initial=0)
    grid = _roundness(distinct[i])
    if grid is None:
        return max(float(any_near), 1.0), 0.0
    reach = np.flatnonzero(np.abs(distinct - distinct[i]) <= 12 * grid)
    alike = count[[j for j in reach if j != i and distinct[j] % grid == 0]]
    if not len(alike):
        return max(float(any_near), 1.0), 0.0
    z = (count[i] - alike.mean()) / np.sqrt(max(alike.mean(), alike.var(), 1.0))
    return float(max(any_near, alike.max(), 1)), float(z) if len(alike) >= 6 else 0.0


def _roundness(value: float) -> float | None:
    """Return the largest of …, 1000, 500, 100, 50, 10 that divides the value, or None."""
    for grid in (1e6, 5e5, 1e5, 5e4, 1e4, 5e3, 1e3, 500.0, 100.0, 50.0, 10.0):
        if value and value % grid == 0:
            return grid
    return None


def sentinels(values: np.ndarray, *, least: int = 5) -> np.ndarray:
    """Return the rows of a repeated value that lies far outside all others."""
    known = values[np.isfinite(values)]
    if len(known) < 50:
        return NONE
    distinct, count = np.unique(known, return_counts=True)
    found: list[float] = []
    for end in (-1, 0):
        values_left, count_left = distinct, count
        for _ in range(2):
            if len(values_left) < 5:
                break
            value, times = values_left[end], count_left[end]
            body = np.delete(values_left, end)
            low, high = np.quantile(np.repeat(body, np.delete(count_left, end)), [0.01, 0.99])
            gap = abs(value - body[end])
            typical = max(high - low, 1e-12)
            odd_name = abs(value) in (1, 9, 99, 999, 9999, 99999, 999999, 88, 888)
            far = gap > typical if not _all_nines(value) else gap > 0.1 * typical
            if value < 0 <= body.min() and odd_name:
                far = True
            if not (far and least <= times < 0.3 * len(known)):
                break
            found.append(float(value))
            values_left, count_left = body, np.delete(count_left, end)
    return np.flatnonzero(np.isin(values, found)) if found else NONE


def _all_nines(value: float) -> bool:
    text = f"{abs(value):.10g}".replace(".", "")
    return len(text) >= 2 and set(text) <= {"9"}


def agree(
    a: np.ndarray,
    b: np.ndarray,
    absolute: np.ndarray | float,
    relative: np.ndarray | float,
) -> np.ndarray:
    """Say where two amounts agree in size, within either tolerance; unknown never agrees."""
    gap = np.abs(np.abs(a) - np.abs(b))
    return (gap <= absolute) | (gap <= relative * np.abs(b))


def in_step(a: np.ndarray, b: np.ndarray, *, share: float = 0.5) -> bool:
    """Say whether two amounts are in one fixed ratio on more than a share of the rows."""
    ratio = a / np.where(b == 0, np.nan, b)
    known = ratio[np.isfinite(ratio)]
    return len(known) > 0 and bool((np.abs(known / np.median(known) - 1) < 0.03).mean() > share)


def best_stretch(votes: np.ndarray) -> tuple[int, int, float]:
    """Return first and last place of the stretch with the largest sum, and the sum."""
    total = np.concatenate([[0.0], np.cumsum(votes)])
    gain = total[1:] - np.minimum.accumulate(total)[:-1]
    last = int(gain.argmax())
    return int(np.argmin(total[: last + 1])), last, float(gain[last])
