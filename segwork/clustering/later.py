"""Segments drawn as of an earlier day, held against what the same customers did afterwards."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
import pandas as pd

from segwork import features
from segwork.clustering.comparison import Comparison, compare
from segwork.clustering.judging.scores import outcome_separation
from segwork.clustering.prepare import as_frame, behaviour
from segwork.tables import Tables

YARDSTICKS = ("rule_rfm", "stable_kmeans", "kmeans")
BOOTSTRAPS = 200


@dataclass(frozen=True)
class LaterPeriod:
    """What segments of an earlier day tell of the later period.

    Attributes
    ----------
    table : DataFrame
        One row per method (index ``method``), best first: ``segments``, ``explained`` (share of
        the variance of later spend, in logarithms), ``low``, ``high`` (95 %, over customers),
        ``behind`` (less than the best yardstick by so much), ``behind_low``, ``behind_high``.
    comparison : Comparison
        Of the earlier day, with later spend as the outcome; it chooses ``usable``.
    earlier : date
    customers : int
        Who had bought by then.
    """

    table: pd.DataFrame
    comparison: Comparison
    earlier: date
    customers: int

    def explained(self, method: str) -> str:
        """Return the share a method explains as a phrase, with its interval."""
        if method not in self.table.index:
            return "nothing, as it could not be drawn,"
        row = self.table.loc[method]
        return f"{row['explained']:.1%} (95 % interval {row['low']:.1%} to {row['high']:.1%})"

    def facts(self, method: str) -> dict[str, float | int | str]:
        """Return what the method tells beside the best yardstick, and the size of the study."""
        facts: dict[str, float | int | str] = {"later_customers": self.customers}
        for name in dict.fromkeys((method, *YARDSTICKS)):
            if name in self.table.index:
                facts[f"later_explained_{name}"] = float(self.table.loc[name, "explained"])
        if method in self.table.index:
            row = self.table.loc[method]
            facts |= {
                "saved_behind": float(row["behind"]),
                "saved_behind_low": float(row["behind_low"]),
                "saved_behind_high": float(row["behind_high"]),
                "saved_behind_n": self.customers,
            }
        return facts


def later_period(
    tables: Tables,
    *,
    as_of: date,
    later_days: int = 91,
    window_days: int = 365,
    methods: Sequence[str] = (),
    seed: int = 0,
) -> LaterPeriod:
    """Draw segments as of an earlier day and measure what they tell of spend since.

    Parameters
    ----------
    tables : Tables
    as_of : date
        End of the later period.
    later_days, window_days : int
        Length of the later period, and of the window that features look back over.
    methods : sequence of str
        Whose segments to test, beside the yardsticks (RFM rule and two K-Means).
    seed : int, default 0

    Returns
    -------
    LaterPeriod

    Raises
    ------
    DataError
        Nobody had bought before the earlier day.

    Notes
    -----
    Later spend (orders, where there is no money) counts for everybody who had bought by the
    earlier day, zero for those who bought nothing since: who leaves is part of what a segment
    should tell.
    """
    earlier = as_of - timedelta(days=later_days)
    past = _features(tables, earlier, window_days)
    now = _features(tables, as_of, window_days)
    described = behaviour(past)
    told = "spend_total" if "spend_total" in past.columns else "orders"
    since = now[told].reindex(past.index) - past[told]
    outcome = np.log1p(since.clip(lower=0).to_numpy(float))
    wanted = tuple(dict.fromkeys((*YARDSTICKS, *methods)))
    found = compare(described, methods=wanted, later=outcome, copies=0, draws=1, seed=seed)
    return LaterPeriod(_table(found, outcome, seed), found, earlier, len(past))


def _features(tables: Tables, day: date, window_days: int) -> pd.DataFrame:
    return as_frame(features.customer_features(tables, as_of=day, window_days=window_days))


def _table(found: Comparison, outcome: np.ndarray, seed: int) -> pd.DataFrame:
    labels = {name: found.labels[name].to_numpy() for name in found.labels}
    drawn = pd.DataFrame(
        [
            {n: outcome_separation(column[rows], outcome[rows]) for n, column in labels.items()}
            for rows in _resampled(len(outcome), seed)
        ]
    )
    explained = {n: outcome_separation(column, outcome) for n, column in labels.items()}
    known = [name for name in YARDSTICKS if name in labels]
    best = max(known, key=lambda name: explained[name])
    rows = {}
    for name in labels:
        gap = drawn[best] - drawn[name]
        rows[name] = {
            "segments": int(found.scoreboard.loc[name, "clusters"]),
            "explained": explained[name],
            "low": float(drawn[name].quantile(0.025)),
            "high": float(drawn[name].quantile(0.975)),
            "behind": explained[best] - explained[name],
            "behind_low": float(gap.quantile(0.025)),
            "behind_high": float(gap.quantile(0.975)),
        }
    table = pd.DataFrame.from_dict(rows, orient="index").rename_axis("method")
    return table.sort_values("explained", ascending=False, kind="stable")


def _resampled(n: int, seed: int) -> list[np.ndarray]:
    rng = np.random.default_rng([seed, 25])
    return [rng.integers(0, n, n) for _ in range(BOOTSTRAPS)]
