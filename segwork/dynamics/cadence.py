"""How often to assign customers anew, what waiting costs, and when to fit anew."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from segwork.dynamics import score
from segwork.dynamics.panel import Block
from segwork.dynamics.trace import Trace

WAITS = (1, 7, 30, 91)  # a day, a week, a month, a quarter
REFRESH = ("by day", "by week", "by month")
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
        then; ``outcome_lost``: share of what the segments tell about the next period that is
        lost, with its 95 % limits ``low`` and ``high`` (bootstrap over customers); ``basis``:
        measured, or interpolated within a period.
    segments : DataFrame
        ``segment, leaves`` (share that leaves it in one period), ``days`` until
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
        known = ("reason", "recommended_days", "false_alarms_a_year")
        facts = {name: getattr(self, name) for name in known if getattr(self, name) is not None}
        for name in ("stale_share", "outcome_lost"):
            values = self.table.set_index("days")[name].dropna()
            facts |= {f"{name}_{days}": float(value) for days, value in values.items()}
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
    method, both = trace.recommended or next(iter(trace.coded), None), trace.block.both
    days = pd.Series(sorted({*WAITS, trace.period_days}))
    table, steps = pd.DataFrame({"days": days}), days / trace.period_days
    stays, lost, reason = np.nan, (np.nan,) * 3, "not enough data: no step to measure"
    if method is not None and both.any():
        stays = score.stability(1 - trace.still, both)[0]
        lost = _lost(trace.coded[method].labels, trace.block, seed)
    table["stale_share"] = 1 - stays**steps
    for name, value in zip(("outcome_lost", "low", "high"), lost, strict=True):
        table[name] = value * steps.clip(upper=1)
    table["basis"] = np.where(steps == 1, "measured", "interpolated")
    segments = _by_segment(trace)
    if np.isnan(stays):
        return Cadence(table, segments, None, None, reason)
    fine = table[(table["stale_share"] <= STALE) & ~(table["outcome_lost"] > LOST)]
    row = fine.iloc[-1] if len(fine) else table.iloc[0]
    reason = f"after {row['days']} days {row['stale_share']:.1%} are under a stale segment"
    return Cadence(table, segments, int(row["days"]), 365 / row["days"] * RETRAIN_P, reason)


def _by_segment(trace: Trace) -> pd.DataFrame:
    table = pd.DataFrame({"segment": trace.stay.index, "leaves": 1 - np.diag(trace.stay)})
    rate = np.log(1 - table["leaves"].clip(1e-9, 1 - 1e-9))
    table["days"] = np.log(1 - STALE) / rate * trace.period_days
    table["refresh"] = pd.cut(table["days"], [0, *WAITS[1:3], np.inf], labels=REFRESH).astype(str)
    return table


def _lost(labels: np.ndarray, block: Block, seed: int) -> tuple[float, float, float]:
    """Return the share of the separation lost in one period, and its 95 % limits."""

    def lost(rows: np.ndarray) -> float:
        part, told = block.take(rows), labels[rows]
        fresh = score.separation(told, part, first=1)
        return 1 - score.separation(told, part, lag=1) / fresh if fresh > 0 else np.nan

    rng, n = np.random.default_rng(seed), len(labels)
    some = np.sort(rng.permutation(n)[:RESAMPLED])
    drawn = [lost(rng.choice(some, len(some))) for _ in range(RESAMPLES)]
    known = np.array([value for value in drawn if np.isfinite(value)] or [np.nan])
    value, around = lost(np.arange(n)), 1.96 * known.std() * np.sqrt(len(some) / n)
    return value, value - around, value + around
