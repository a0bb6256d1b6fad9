"""How often to assign customers anew, what waiting costs, and when to fit anew."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from segwork.dynamics import score
from segwork.dynamics.trace import Trace

WAITS = {"day": 1, "week": 7, "month": 30, "quarter": 91}
STALE, LOST = 0.05, 0.05  # what waiting may cost: customers under a stale segment, value told wrong
RESAMPLED, RESAMPLES = 5_000, 200
RETRAIN_P = 0.01


@dataclass(frozen=True)
class Cadence:
    """What waiting costs.

    Attributes
    ----------
    table : DataFrame
        ``days`` between two assignments; ``stale_share`` of customers whose segment is another by
        then, with ``stale_low`` and ``stale_high``; ``outcome_lost``: share of what the segments
        tell about the next period that is lost, with its 95 % limits ``low`` and ``high``
        (bootstrap over customers); ``basis``: measured, or interpolated within a period.
    segments : DataFrame
        ``segment, customers, leaves`` (share that leaves it in one period), ``days`` until
        one in twenty has left, ``refresh``: by day (dynamic) · by week · by month (static).
    recommended_days : int or None
        The longest wait at which at most one customer in twenty is under a stale segment and at
        most a twentieth of what segments tell is lost; a day where no wait keeps to that.
    false_alarms_a_year : float or None
        Of the retrain rule: at each refresh :func:`drift` of the last period, fit anew at p below
        0.01. That many refreshes a year times 0.01 where nothing ever changes.
    reason : str
    """

    table: pd.DataFrame
    segments: pd.DataFrame
    recommended_days: int | None
    false_alarms_a_year: float | None
    reason: str

    def facts(self) -> dict[str, float | int | str]:
        """Return the recommendation and the cost of each wait; what is not known is left out."""
        facts: dict[str, float | int | str] = {"reason": self.reason}
        if self.recommended_days is not None and self.false_alarms_a_year is not None:
            facts |= {"recommended_days": self.recommended_days,
                      "false_alarms_a_year": self.false_alarms_a_year}  # fmt: skip
        for row in self.table.itertuples():
            values = {"stale_share": row.stale_share, "outcome_lost": row.outcome_lost}
            facts |= {f"{name}_{row.days}": v for name, v in values.items() if np.isfinite(v)}
        return facts


def cadence(trace: Trace, *, seed: int = 0) -> Cadence:
    """Measure what it costs to assign customers less often.

    Parameters
    ----------
    trace : Trace
        At its own period the cost is measured, below it interpolated: a segment is left at an
        even rate, and what it tells fades evenly. A trace of shorter periods measures more.
    seed : int, default 0
        Of the bootstrap.

    Returns
    -------
    Cadence
        Recommends nothing where there is no step to measure, and says so.

    Examples
    --------
    >>> from segwork.dynamics import trace_features
    >>> rng = np.random.default_rng(0)
    >>> panel = pd.DataFrame({
    ...     "customer_id": np.repeat(np.arange(200), 4),
    ...     "period_end": np.tile(pd.date_range("2025-01-01", periods=4, freq="QS"), 200),
    ...     "orders": np.repeat(rng.permutation([0.0, 9.0] * 100), 4) + rng.normal(0, 1, 800)})
    >>> cadence(trace_features(panel, n_segments=2)).recommended_days
    91
    """
    method = trace.recommended or next(iter(trace.coded), None)
    both = trace.block.both
    if method is None or not both.any():
        empty = pd.DataFrame({"days": list(WAITS.values())}, dtype=int).assign(
            stale_share=np.nan, outcome_lost=np.nan, low=np.nan, high=np.nan,
            stale_low=np.nan, stale_high=np.nan, basis="not known")  # fmt: skip
        return Cadence(empty, pd.DataFrame(columns=["segment", "customers", "leaves", "days",
                       "refresh"]), None, None, "not enough data: no step to measure")  # fmt: skip
    leaves = 1 - score.stability(trace.still, both)[0], *_around(trace)
    lost = _outcome_lost(trace, method, seed)
    rows = []
    for days in dict.fromkeys([*WAITS.values(), trace.period_days]):
        steps = days / trace.period_days
        stale, low, high = (1 - (1 - share) ** steps for share in leaves)
        rows.append({
            "days": days, "stale_share": stale, "outcome_lost": lost[0] * min(steps, 1.0),
            "low": lost[1] * min(steps, 1.0), "high": lost[2] * min(steps, 1.0),
            "stale_low": low, "stale_high": high,
            "basis": "measured" if days == trace.period_days else "interpolated",
        })  # fmt: skip
    table = pd.DataFrame(rows).sort_values("days", ignore_index=True)
    fine = table[(table["stale_share"] <= STALE) & ~(table["outcome_lost"] > LOST)]
    days = int(fine["days"].max()) if len(fine) else 1
    why = f"at {days} days" if len(fine) else "even at a day more than"
    reason = (
        f"{why} {table.set_index('days').at[days, 'stale_share']:.1%} are under a stale segment"
    )
    return Cadence(table, _by_segment(trace), days, 365 / days * RETRAIN_P, reason)


def _around(trace: Trace) -> tuple[float, float]:
    _, low, high = score.stability(trace.still, trace.block.both)
    return 1 - high, 1 - low


def _by_segment(trace: Trace) -> pd.DataFrame:
    counts = trace.pairs.sum(axis=0)
    size = counts.sum(axis=1)
    leaves = 1 - np.diag(counts) / np.maximum(size, 1e-9)
    days = np.log(1 - STALE) / np.log(np.clip(1 - leaves, 1e-9, 1 - 1e-9)) * trace.period_days
    words = np.select(
        [days < WAITS["week"], days < WAITS["month"]], ["by day", "by week"], "by month"
    )
    now = trace.pairs[-1].sum(axis=0) if len(trace.pairs) else size
    return pd.DataFrame({"segment": trace.stay.index, "customers": np.round(now).astype(int),
                         "leaves": leaves, "days": days, "refresh": words})  # fmt: skip


def _outcome_lost(trace: Trace, method: str, seed: int) -> tuple[float, float, float]:
    """Return the share of the separation lost in one period, and its 95 % limits."""
    labels, block = trace.coded[method], trace.block
    if labels.shape[1] < 3:
        return np.nan, np.nan, np.nan

    def lost(rows: np.ndarray | slice) -> float:
        part = block if isinstance(rows, slice) else block.take(rows)
        fresh = score.separation(labels[rows], part, first=1)
        return 1 - score.separation(labels[rows], part, lag=1) / fresh if fresh > 0 else np.nan

    rng = np.random.default_rng(seed)
    n = len(labels)
    some = np.sort(rng.permutation(n)[:RESAMPLED])
    drawn = [lost(rng.choice(some, len(some))) for _ in range(RESAMPLES)]
    spread = np.nanstd(drawn) * np.sqrt(len(some) / n)
    value = lost(slice(None))
    return value, value - 1.96 * spread, value + 1.96 * spread
