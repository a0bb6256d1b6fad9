"""Customers as sequences: periods and exposure, what the calendar expects, where a rate breaks.

A sequence is one customer's orders per period, from the period after the first order (which is
there by construction and says nothing about the rate) to the cut of the data.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import numpy as np
import pandas as pd
from narwhals.typing import IntoFrame
from scipy.special import rel_entr

from segwork import tables
from segwork.errors import DataError, UsageError

PERIOD_DAYS = {"D": 1, "W": 7, "4W": 28}
LONGEST = 208  # periods; older orders are not looked at, nor is the oldest one in a thousand
AGE_EDGES = (1, 2, 4, 8, 13, 26, 52, 104)
EDGE = 2  # periods a segment has at least
CHANGED_BEFOREHAND = 0.2  # share of customers that changed, before the orders are looked at
FITTED = 10_000  # customers the calendar is fitted on, at most
FITS = 5
IMMATERIAL = 0.04  # a shared effect of this spread matters to nobody with a few hundred orders


@dataclass(frozen=True)
class Panel:
    """Orders per customer and period.

    Attributes
    ----------
    customer_id : numpy.ndarray, shape (customers,)
        In order of first appearance in the source.
    counts : numpy.ndarray of int, shape (customers, periods)
        Orders in each period; zero where not exposed.
    exposed : numpy.ndarray of bool, shape (customers, periods)
        True from the period after the first order on.
    starts : pandas.DatetimeIndex, shape (periods,)
        First day of each period; the last one ends the day before ``as_of``.
    period : str
    """

    customer_id: np.ndarray
    counts: np.ndarray
    exposed: np.ndarray
    starts: pd.DatetimeIndex
    period: str = "W"

    @property
    def totals(self) -> np.ndarray:
        """Orders in exposed periods, shape (customers,)."""
        return self.counts.sum(axis=1)

    @property
    def lengths(self) -> np.ndarray:
        """Exposed periods, shape (customers,)."""
        return self.exposed.sum(axis=1)


def panel(transactions: IntoFrame, *, as_of: date | str, period: str = "W") -> Panel:
    """Count each customer's orders per period, counting periods back from ``as_of``.

    Parameters
    ----------
    transactions : native frame
        ``customer_id``, ``ordered_at``, optional ``order_id`` (without it a customer's lines of
        one day are one order). Lines without customer or date are not looked at; returns and lines
        of negative quantity or amount are no orders, but their customer has a row. Any engine
        Narwhals knows; pandas is the fastest path.
    as_of : date
        Orders on or after this day are not used.
    period : {"W", "D", "4W"}, default "W"
        Blocks of 7, 1 or 28 days that end at ``as_of``, so that no period is cut short.

    Returns
    -------
    Panel
        At most the last 208 periods; customers whose first order is older are exposed throughout.

    Raises
    ------
    UsageError
        The period is not known or ``as_of`` is no date.
    DataError
        A needed column is missing.

    Examples
    --------
    >>> lines = pd.DataFrame({"customer_id": ["a", "a", "a"],
    ...     "ordered_at": pd.to_datetime(["2024-01-01", "2024-01-09", "2024-01-09"])})
    >>> panel(lines, as_of="2024-01-22").counts.tolist()
    [[0, 1, 0]]
    """
    if period not in PERIOD_DAYS:
        raise UsageError.unknown("period", str(period), PERIOD_DAYS, where="the panel")
    days = PERIOD_DAYS[period]
    cut = pd.Timestamp(tables.instant(as_of))
    customer_id, orders = _orders(transactions, as_of)
    codes = orders["customer"].to_numpy()
    ago = (
        (cut - orders["ordered_at"]).to_numpy().astype("timedelta64[ns]").astype("int64") - 1
    ) // (days * 86_400 * 10**9)
    first = np.zeros(len(customer_id), int)
    np.maximum.at(first, codes, ago)
    length = _length(ago)
    counts = np.zeros((len(customer_id), length), np.int32)
    counted = (ago < length) & (ago < first[codes])
    np.add.at(counts, (codes[counted], length - 1 - ago[counted]), 1)
    exposed = np.arange(length)[None, :] > (length - 1 - first)[:, None]
    starts = pd.DatetimeIndex([cut - pd.Timedelta(days=days * (length - t)) for t in range(length)])
    return Panel(np.asarray(customer_id), counts, exposed, starts, period)


def _length(ago: np.ndarray) -> int:
    """Periods back to the oldest orders but one in a thousand, which may be misdated."""
    if not ago.size:
        return 1
    oldest = int(np.sort(ago)[-1 - ago.size // 1000])
    return min(oldest + 1, LONGEST)


def _orders(transactions: IntoFrame, as_of: date | str) -> tuple[pd.Index, pd.DataFrame]:
    """Return customers with a line before the cut, and orders: ``customer``, ``ordered_at``."""
    import narwhals as nw

    names = nw.from_native(transactions).collect_schema().names()
    for needed in ("customer_id", "ordered_at"):
        if needed not in names:
            raise DataError(
                f"transactions has no column '{needed}'", accepted="customer_id and ordered_at"
            )
    frame = nw.from_native(tables.until(transactions, as_of))
    keep = ~nw.col("customer_id").is_null()
    for column in ("quantity", "amount"):
        if column in names:
            keep &= ~(nw.col(column).fill_null(1) < 0)
    if "is_return" in names:
        keep &= ~nw.col("is_return").fill_null(False)
    wanted = [c for c in ("customer_id", "ordered_at", "order_id") if c in names]
    narrow = frame.select(*wanted, is_order=keep)
    lines = (narrow.collect() if isinstance(narrow, nw.LazyFrame) else narrow).to_pandas()
    lines["customer"], customer_id = pd.factorize(lines["customer_id"], sort=False)
    times = pd.to_datetime(lines["ordered_at"])
    lines["ordered_at"] = times.dt.tz_convert(None) if times.dt.tz is not None else times
    return customer_id, _one_row_an_order(lines[lines["is_order"].astype(bool)])


def _one_row_an_order(lines: pd.DataFrame) -> pd.DataFrame:
    """Lines of one order id, or without it of one customer and day, become one row."""
    day = lines["ordered_at"].dt.normalize()
    keys = pd.DataFrame({"customer": lines["customer"], "day": day})
    if "order_id" in lines:
        keys["order_id"] = lines["order_id"]
        keys["day"] = day.where(lines["order_id"].isna())
    return lines.loc[~keys.duplicated(), ["customer", "ordered_at"]].reset_index(drop=True)


def calendar_shape(panel: Panel, *, trusted: np.ndarray | None = None) -> np.ndarray:
    """Estimate what share of a change-free customer's orders falls into each period.

    The expected count is level × week × age × cohort-by-quarter. The level is the customer's own
    total; the three other effects are shared, fitted by proportional scaling and each shrunk to
    one by its own empirical-Bayes factor, so that a base without a season gets a flat calendar.
    Each customer's level may break once, with a probability renewed in every fit: what some do is
    their change, what most do is the calendar.

    Parameters
    ----------
    panel : Panel
    trusted : numpy.ndarray of bool, optional
        Customers the effects are fitted on (at most 10,000 of them), all by default. Customers
        with hardly any orders are better left out: most of them have left, together.

    Returns
    -------
    numpy.ndarray of float, shape (customers, periods)
        Rows add up to one over exposed periods, zero elsewhere.
    """
    groups = _calendar_groups(panel)
    rows = _fitted_rows(panel, trusted)
    mine = [group[rows] for group in groups]
    counts, exposed = panel.counts[rows].astype(float), panel.exposed[rows].astype(float)
    weight = np.minimum(1.0, 100 / np.maximum(counts.sum(1, keepdims=True), 1))
    factors = [np.ones(int(group.max(initial=0)) + 1) for group in groups]
    shape = exposed / np.maximum(exposed.sum(1, keepdims=True), 1)
    for _ in range(FITS if len(rows) else 0):
        shape = _scale_once(factors, mine, counts * weight, shape, _levels(counts, shape) * weight)
        shape = shape / np.maximum(shape.sum(1, keepdims=True), 1e-12)
    whole = panel.exposed * np.prod([f[g] for f, g in zip(factors, groups, strict=True)], axis=0)
    return whole / np.maximum(whole.sum(1, keepdims=True), 1e-12)


def _calendar_groups(panel: Panel) -> list[np.ndarray]:
    """Which week, age class, and cohort quarter × six periods each cell belongs to."""
    periods = np.arange(panel.counts.shape[1])
    begin = len(periods) - panel.lengths
    age = np.maximum(periods[None, :] - begin[:, None], 0)
    cohort = (begin // 13)[:, None] * (len(periods) // 6 + 1) + periods // 6
    return [np.broadcast_to(periods, age.shape), np.digitize(age, AGE_EDGES), cohort]


def _fitted_rows(panel: Panel, trusted: np.ndarray | None) -> np.ndarray:
    """At most ``FITTED`` customers at even distances; all where fewer than 50 are trusted."""
    rows = np.arange(len(panel.counts))
    if trusted is not None and trusted.sum() >= 50:
        rows = rows[trusted]
    return rows[:: -(-len(rows) // FITTED)] if len(rows) else rows


def _scale_once(factors, groups, counts, shape, level) -> np.ndarray:
    """Renew every factor given the others, in place, and return the unnormalised shape."""
    noise = _noise_factor(counts, shape * level)
    for factor, group in zip(factors, groups, strict=True):
        without = shape / factor[group]
        seen = np.bincount(group.ravel(), counts.ravel(), factor.size)
        due = np.bincount(group.ravel(), (without * level).ravel(), factor.size)
        factor[:] = _shrunk_ratio(seen, due, noise)
        shape = without * factor[group]
    return shape


def _noise_factor(counts: np.ndarray, expected: np.ndarray) -> float:
    """Return the base's variance over its mean, at least one."""
    busy = expected > 0
    freedom = max(float(busy.sum() - len(counts)), 1.0)
    return max(1.0, float(((counts - expected)[busy] ** 2 / expected[busy]).sum() / freedom))


def _shrunk_ratio(seen: np.ndarray, due: np.ndarray, noise: float) -> np.ndarray:
    """Seen over due per group, shrunk to one by the variance that noise does not explain."""
    excess = ((seen - due) ** 2 - noise * due).sum() / max((due**2).sum(), 1e-12)
    spread = max(excess - IMMATERIAL**2, 0.0)
    ratio = 1 + (seen - due) * spread / np.maximum(spread * due + noise, 1e-12)
    return np.maximum(ratio, 1e-6)


def _levels(counts: np.ndarray, shape: np.ndarray) -> np.ndarray:
    """Return each customer's expected level by period, "two rates" counted with its probability.

    How many change, and when, is learned from all customers together by expectation-maximisation:
    a week in which many break for themselves is told from a week that is slow for everybody.
    """
    found = scan(counts, shape)
    clumping = np.maximum(dispersion(counts, shape, found.index), 1.0)
    price = 0.5 * np.log(1 + counts.sum(1) / clumping / 4)
    factor = np.exp(np.minimum(found.profile**2 / (2 * clumping[:, None]) - price[:, None], 50))
    factor[found.profile == 0] = 0
    dates = np.full(counts.shape[1], 1 / counts.shape[1])
    changed = CHANGED_BEFOREHAND
    for _ in range(20):
        joint = changed * factor * dates
        joint /= joint.sum(1, keepdims=True) + 1 - changed
        share = joint.mean(0)
        changed = float(np.clip(share.sum(), 0.02, 0.5))
        dates = 0.5 / dates.size + 0.5 * share / max(share.sum(), 1e-12)
    before, part = _sums_before(counts, shape)
    total = counts.sum(1, keepdims=True)
    early = joint * before / np.maximum(part, 1e-12)
    late = joint * (total - before) / np.maximum(1 - part, 1e-12)
    still = early.sum(1, keepdims=True) - np.cumsum(early, 1)
    return total * (1 - joint.sum(1, keepdims=True)) + still + np.cumsum(late, 1)


@dataclass(frozen=True)
class Scan:
    """The likelihood-ratio profile of "one rate before, another from here on".

    Attributes
    ----------
    profile : numpy.ndarray, shape (customers, periods)
        Signed root of the likelihood ratio at each period: positive for a rise, zero where a
        segment would be shorter than two exposed periods.
    statistic : numpy.ndarray, shape (customers,)
        Largest likelihood ratio (twice the log-likelihood gain).
    index : numpy.ndarray of int, shape (customers,)
        First period of the second segment at that maximum.
    """

    profile: np.ndarray
    statistic: np.ndarray
    index: np.ndarray


def scan(counts: np.ndarray, shape: np.ndarray) -> Scan:
    """Compare one rate with two at every period, given the calendar's shape; O(periods).

    Parameters
    ----------
    counts : numpy.ndarray, shape (customers, periods)
    shape : numpy.ndarray, shape (customers, periods)
        Expected shares as :func:`calendar_shape` gives them; zero where not exposed.

    References
    ----------
    Poisson likelihood ratio given the total, as in Kulldorff (1997), "A spatial scan statistic".

    Examples
    --------
    >>> found = scan(np.array([[2, 2, 2, 2, 0, 0, 0, 0]]), np.full((1, 8), 1 / 8))
    >>> int(found.index[0]), round(float(found.statistic[0]), 3)
    (4, 11.09)
    """
    before, share = _sums_before(counts, shape)
    total = counts.sum(1, keepdims=True)
    ratio = 2 * (gain(before, total * share) + gain(total - before, total * (1 - share)))
    ratio = np.where(_allowed(shape), np.maximum(ratio, 0), 0)
    sign = np.where(before > total * share, -1.0, 1.0)
    index = ratio.argmax(1)
    return Scan(sign * np.sqrt(ratio), ratio.max(1), index)


def _sums_before(counts: np.ndarray, shape: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    before = np.cumsum(counts, axis=1, dtype=float) - counts
    share = np.cumsum(shape, axis=1) - shape
    return before, np.clip(share, 0.0, 1.0)


def gain(seen: np.ndarray, due: np.ndarray) -> np.ndarray:
    """Return seen × log(seen / due), zero where nothing was seen."""
    return rel_entr(seen, np.maximum(due, 1e-12))


def _allowed(shape: np.ndarray) -> np.ndarray:
    """Periods with at least two exposed periods before and from there on."""
    open_ = shape > 0
    passed = np.cumsum(open_, 1)
    left = passed - open_
    return (left >= EDGE) & (passed[:, -1:] - left >= EDGE)


def dispersion(counts: np.ndarray, shape: np.ndarray, index: np.ndarray) -> np.ndarray:
    """Return variance over mean within the two segments a scan found, shape (customers,).

    One for Poisson buyers, above for clumped, below for regular ones. Splitting first keeps a
    change of rate from passing as clumping.
    """
    later = np.arange(counts.shape[1])[None, :] >= index[:, None]
    value = np.zeros(len(counts))
    for segment in (~later, later):
        part = shape * segment
        due = part * ((counts * segment).sum(1) / np.maximum(part.sum(1), 1e-12))[:, None]
        value += np.where(due > 0, (counts - due) ** 2 / np.maximum(due, 1e-12), 0).sum(1)
    return value / np.maximum((shape > 0).sum(1) - 2, 1)
