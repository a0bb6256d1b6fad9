"""Change points of a whole base of customers: ``detect_panel``."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import date

import numpy as np
import pandas as pd
from narwhals.typing import IntoFrame
from tqdm import tqdm

from segwork import evidence, purchases, sequences, tables
from segwork.changepoints import change_kind, panel_network, referees, weights
from segwork.changepoints.calibration import Base, calibrate
from segwork.changepoints.outlook import OUTLOOKS, outlook
from segwork.errors import DataError
from segwork.progress import unwatched

SHORTEST = {"D": 60, "W": 26, "4W": 13}  # exposed periods a verdict needs
FEWEST = 8  # orders a verdict needs
FALSE_DISCOVERY_RATE = 0.10
REFEREED = 1_000  # sequences the slow controls look at, at most
CHUNK = 4_096
FALLS_FIRST = 0.45  # a rise twofold is easier to see than a fall by half: this evens the power out
FEW, FALLS_OF_FEW = 60, 0.6  # simulated customers of fewer orders mostly fell, by these log odds
NEAR = 9.0 - np.abs(np.arange(-8, 9))  # weights of the periods around a date: a triangle
KINDS = ("stop", "fall", "rise", "temporary", "none", "not enough data")


@dataclass(frozen=True)
class PanelChanges:
    """Which customers changed, when, how, and how sure that is.

    Attributes
    ----------
    table : pandas.DataFrame
        One row per customer, in source order:

        - ``customer_id``; ``kind``: stop · fall · rise · temporary · none · not enough data
        - ``changed_at``: first day of the period around which the change most probably lies;
          ``changed_from``, ``changed_to``: first days of the first and last period of the smallest
          set holding 80 % of the probability; only where changed. ``likely_at``: the same date as
          ``changed_at`` for every tested customer
        - ``rate_before``, ``rate_after`` with ``…_low``, ``…_high`` (95 %): orders per average
          period; for ``temporary`` outside and inside the episode
        - ``p``, ``q``: false-alarm probability, and Benjamini-Hochberg over the tested customers
        - ``log_odds``: the network's answer behind ``p``, before it is ranked among its like
        - ``outlook``: active · cooling · gone · too new, and ``outlook_probability``: chance of no
          order in the next 182 days; for everybody, see :func:`segwork.changepoints.outlook`
        - ``p_alive``: chance of still being a customer (BG/NBD), whatever the verdict
        - ``orders``, ``periods``: what was observed after the first period
        - controls: ``scan_ratio``, ``scan_p``, ``scan`` (likelihood-ratio scan, calibrated like the
          network, q ≤ 0.10), ``pelt``, ``binseg``, ``bocpd``: change or not; missing if not tested
    as_of : pandas.Timestamp
    period : str
    draws : int
        Resampled customers behind the p-values.
    """

    table: pd.DataFrame = field(repr=False)
    as_of: pd.Timestamp
    period: str
    draws: int

    def facts(self) -> dict[str, float | int | str]:
        """Return counts and shares; shares are of tested customers and left out where none is."""
        table, kind = self.table, self.table["kind"]
        tested = int(table["p"].notna().sum())
        facts: dict[str, float | int | str] = {
            "customers": len(table),
            "tested_customers": tested,
            "tested_share": tested / max(len(table), 1),
            "not_enough_data_customers": int((kind == "not enough data").sum()),
            "false_discovery_rate": FALSE_DISCOVERY_RATE,
            "draws": self.draws,
        }
        if "outlook" in table:
            none = (kind == "not enough data") & (table["outlook"] == OUTLOOKS[-1])
            facts["without_answer_share"] = float(none.mean()) if len(table) else 0.0
            for name in OUTLOOKS:
                number = int((table["outlook"] == name).sum())
                facts[f"outlook_{name.replace(' ', '_')}_customers"] = number
        for name in KINDS[:4]:
            facts[f"{name}_customers"] = int((kind == name).sum())
        if tested:
            changed = int(kind.isin(KINDS[:4]).sum())
            interval = evidence.wilson(changed, tested)
            facts |= {
                "changed_share": changed / tested,
                "changed_share_low": interval.low,
                "changed_share_high": interval.high,
                "changed_share_n": tested,
                "expected_false_alarms": FALSE_DISCOVERY_RATE * changed,
            }
            for name in ("scan", "pelt", "binseg", "bocpd"):
                if table[name].notna().any():
                    facts[f"{name}_share"] = float(table[name].dropna().astype(float).mean())
        return facts


def detect_panel(
    transactions: IntoFrame, *, as_of: date | str, period: str = "W", seed: int = 0
) -> PanelChanges:
    """Find the customers whose order rate changed, at a stated rate of false discoveries.

    Parameters
    ----------
    transactions : native frame
        ``customer_id``, ``ordered_at``, optional ``order_id``; see :func:`sequences.panel`.
    as_of : date
        Orders on or after this day are not used.
    period : {"W", "D", "4W"}, default "W"
        Weeks, days or four-week blocks, counted back from ``as_of``.
    seed : int, default 0
        Seed of the resampling behind the p-values. Order and spelling of ids play no part.

    Returns
    -------
    PanelChanges
        A customer with fewer than 26 exposed weeks or 8 orders after the first week is
        "not enough data": a halving of so few orders could be seen in one case of six.

    Raises
    ------
    UsageError, DataError
        As :func:`sequences.panel`.

    Notes
    -----
    What all customers do together (season, promotion, ageing of a cohort) is calendar, not change.
    ``p`` is the share of change-free customers of like activity, length and dispersion whose
    network statistic is as large. Rates carry the usual optimism of intervals at a chosen date.

    Examples
    --------
    >>> days = pd.date_range("2023-01-02", periods=365 * 2, freq="D")
    >>> steady = pd.DataFrame({"customer_id": "a", "ordered_at": days[::14]})
    >>> found = detect_panel(steady, as_of="2025-01-01")
    >>> found.table["kind"].tolist()
    ['none']
    """
    base = sequences.panel(transactions, as_of=as_of, period=period)
    table, draws = judge(base, seed=seed)
    table = table.join(outlook(transactions, as_of=as_of), on="customer_id")
    table["outlook"] = table["outlook"].fillna(OUTLOOKS[-1])
    return PanelChanges(table, pd.Timestamp(tables.instant(as_of)), period, draws)


def enough(base: sequences.Panel) -> np.ndarray:
    """Tell which customers have the periods and orders a verdict needs, shape (customers,)."""
    return (base.lengths >= SHORTEST[base.period]) & (base.totals >= FEWEST)


def judge(
    base: sequences.Panel, *, seed: int = 0, refereed: int = REFEREED
) -> tuple[pd.DataFrame, int]:
    """Return the table of :class:`PanelChanges` for a panel, and the number of draws behind it."""
    base, source = _canonical(base)
    tested = enough(base)
    shape = sequences.calendar_shape(base, trusted=tested)
    first, back, copies = _distinct(base, tested)
    block = 7 if base.period == "D" else 1
    verdicts, draws = _judge(base.counts[first], shape[first], copies, seed, refereed, block)
    table = pd.DataFrame({"customer_id": base.customer_id})
    for name, values in verdicts.items():
        table[name] = _spread(values[back], np.flatnonzero(tested), len(table))
    table["q"] = evidence.benjamini_hochberg(table["p"].to_numpy(float))
    scan_q = evidence.benjamini_hochberg(table["scan_p"].to_numpy(float))
    table["scan"] = pd.Series(scan_q <= FALSE_DISCOVERY_RATE, dtype="boolean").where(scan_q >= 0)
    table["p_alive"] = _alive(base)
    table["orders"], table["periods"] = base.totals, base.lengths
    return _worded(table, base, tested).iloc[source].reset_index(drop=True), draws


def _canonical(base: sequences.Panel) -> tuple[sequences.Panel, np.ndarray]:
    """Sort customers by their sequences, so that ids and row order play no part; and way back."""
    order = np.lexsort(np.column_stack([base.counts, base.lengths]).T)
    sorted_base = replace(
        base,
        customer_id=base.customer_id[order],
        counts=base.counts[order],
        exposed=base.exposed[order],
    )
    return sorted_base, np.argsort(order)


def _distinct(base: sequences.Panel, tested: np.ndarray) -> tuple[np.ndarray, ...]:
    """Return rows of different tested sequences, which one each customer has, and their copies."""
    rows = np.flatnonzero(tested)
    key = np.column_stack([base.lengths[rows], base.counts[rows]])
    new = np.ones(len(rows), bool)
    new[1:] = (key[1:] != key[:-1]).any(1)
    back = np.cumsum(new) - 1
    return rows[new], back, np.bincount(back)


def _judge(counts, shape, copies, seed: int, refereed: int, block: int):
    """Find out everything about each distinct sequence; and the number of draws."""
    rng = np.random.default_rng(seed)
    found = sequences.scan(counts, shape)
    usual = panel_network.usual_spread(counts, shape, copies, found)
    odds, index, low, high = score(counts, shape, usual)
    base = Base(counts, shape, copies, usual, found)
    ranked = calibrate(base, odds, lambda *drawn: score(*drawn)[0], rng, block=block)
    verdict = change_kind.describe(counts, shape, index)
    verdict |= {"p": ranked.p, "scan_p": ranked.p_scan, "low": low, "high": high}
    verdict |= {"log_odds": odds, "scan_ratio": found.statistic}
    return verdict | _referees(counts, shape, refereed, rng), ranked.draws


def score(counts: np.ndarray, shape: np.ndarray, usual: np.ndarray) -> tuple[np.ndarray, ...]:
    """Return log odds of "any change", likeliest period, and ends of the 80 % set, each (n,)."""
    odds = np.empty(len(counts))
    dates = np.empty((3, len(counts)), int)
    starts = range(0, len(counts), CHUNK)
    for i in tqdm(starts, desc="customers", disable=unwatched() or len(starts) <= 4):
        part = slice(i, i + CHUNK)
        odds[part], posterior = date_probability(counts[part], shape[part], usual[part])
        dates[:, part] = _period_set(posterior)
    return odds, *dates


def date_probability(
    counts: np.ndarray, shape: np.ndarray, usual: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Return log odds of "any change", (n,), and the probability of each date given one, (n, T).

    The simulator draws the rate before the change, so few orders mean a fall to the network. Most
    of that belief is taken back: ``FALLS_OF_FEW`` for each factor e that a total is below ``FEW``.
    In the log odds dates from which orders fall count ``exp(FALLS_FIRST)`` times.
    """
    found = sequences.scan(counts, shape)
    x = panel_network.features(counts, shape, usual, found)
    network = weights.shipped(panel_network.build, panel_network.WEIGHTS)
    logits = weights.predict(network, x).astype(float)
    falls = found.profile < 0
    fewness = np.log(FEW / np.clip(counts.sum(1, keepdims=True), 1, FEW))
    dates = logits[:, :-1] - FALLS_OF_FEW * fewness * falls
    weight = np.exp(dates - dates.max(1, keepdims=True))
    tilted = dates + FALLS_FIRST * falls
    top = tilted.max(1, keepdims=True)
    odds = top[:, 0] + np.log(np.exp(tilted - top).sum(1)) - logits[:, -1]
    return odds, weight / weight.sum(1, keepdims=True)


def _period_set(posterior: np.ndarray, *, level: float = 0.8) -> tuple[np.ndarray, ...]:
    """Likeliest period, and first and last period of the smallest set that holds ``level``.

    Likeliest is where the probability is highest once it is smoothed: a single high period amid
    little is less often near the truth than the middle of a broad hill.
    """
    from scipy.ndimage import convolve1d

    likeliest = convolve1d(posterior, NEAR, axis=1, mode="constant").argmax(1)
    order = np.argsort(-posterior, axis=1, kind="stable")
    mass = np.cumsum(np.take_along_axis(posterior, order, 1), 1)
    inside = np.zeros(posterior.shape, bool)
    np.put_along_axis(inside, order, mass - np.take_along_axis(posterior, order, 1) < level, 1)
    last = posterior.shape[1] - 1 - inside[:, ::-1].argmax(1)
    return likeliest, inside.argmax(1), last


def _referees(counts, shape, most: int, rng: np.random.Generator) -> dict[str, np.ndarray]:
    """Verdicts of the untuned controls on at most so many sequences, drawn at random."""
    verdicts = {name: np.full(len(counts), None, object) for name in ("pelt", "binseg", "bocpd")}
    rows = np.arange(len(counts))
    if len(rows) > most:
        rows = np.sort(rng.choice(rows, most, replace=False))
    for length in np.unique((shape[rows] > 0).sum(1)):
        same = rows[(shape[rows] > 0).sum(1) == length]
        part = counts[same][:, -length:]
        verdicts["pelt"][same] = referees.pelt(part)
        verdicts["binseg"][same] = referees.binary_segmentation(part)
        verdicts["bocpd"][same] = referees.bocpd(part, shape[same][:, -length:] * length)
    return verdicts


def _alive(base: sequences.Panel) -> np.ndarray:
    """P(alive) of every customer; missing where nobody ordered twice."""
    periods = np.arange(base.counts.shape[1])
    last = np.where(base.counts > 0, periods + 1, 0).max(1, initial=0)
    recency = np.maximum(last - (len(periods) - base.lengths), 0)
    seen = purchases.History.of(base.totals, recency, base.lengths)
    try:
        return purchases.fit("bg/nbd", seen).p_alive(seen)
    except DataError:
        return np.full(len(base.totals), np.nan)


def _spread(values: np.ndarray, rows: np.ndarray, size: int) -> np.ndarray:
    """Place the values of tested customers among all, the rest missing."""
    full = np.full(size, None, object) if values.dtype == object else np.full(size, np.nan)
    full[rows] = values
    return full


def _worded(table: pd.DataFrame, base: sequences.Panel, tested: np.ndarray) -> pd.DataFrame:
    """Turn indices into dates and q into a verdict; blank what does not apply."""
    changed = tested & (table["q"].to_numpy(float) <= FALSE_DISCOVERY_RATE)
    kind = np.where(changed, table["kind"].to_numpy(object), "none")
    table["kind"] = np.where(tested, kind, "not enough data")
    table["likely_at"] = _dates(table["index"], base.starts, tested)
    for name, source in (("changed_at", "index"), ("changed_from", "low"), ("changed_to", "high")):
        table[name] = _dates(table[source], base.starts, changed)
    rates = [c for c in table if c.startswith("rate_")]
    for name in rates:
        table[name] = table[name].astype(float).where(changed)
    for name in ("pelt", "binseg", "bocpd"):
        table[name] = pd.array(table[name], dtype="boolean")
    first = ["customer_id", "changed_at", "kind", "rate_before", "rate_after", "p", "q"]
    rest = [c for c in table if c not in (*first, "index", "low", "high")]
    return table[[*first, *rest]]


def _dates(index: pd.Series, starts: pd.DatetimeIndex, known: np.ndarray) -> pd.Series:
    values = np.full(len(index), np.datetime64("NaT"), "datetime64[ns]")
    values[known] = starts.to_numpy()[index.to_numpy(float)[known].astype(int)]
    return pd.Series(values, index=index.index)
