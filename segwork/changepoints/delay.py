"""How long a stop goes unnoticed: stops are planted among customers without a verdict."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np
import pandas as pd
from narwhals.typing import IntoFrame

from segwork import evidence, sequences
from segwork.changepoints.panel import FALSE_DISCOVERY_RATE, KINDS, PanelChanges, enough, judge
from segwork.results import Status, display

AGES_DAYS = (42, 91, 182)  # days since a planted stop
SEEN = 0.5  # share found from which on stops of an age count as seen
PLANTED = 100  # stops of each age, among so many customers that the calendar hardly notices
AMONG = 8  # customers looked at for each planted stop


@dataclass(frozen=True)
class Delay:
    """What is found of planted stops, by their age.

    Attributes
    ----------
    table : DataFrame
        ``days`` since the stop, ``found`` (share, at the level at which this base got its
        verdicts), ``low``, ``high`` (95 %), ``n``; empty where nobody has enough data.
    """

    table: pd.DataFrame = field(repr=False)

    @property
    def days(self) -> int | None:
        """Least age at which half of the stops are found; None where that is at no age."""
        seen = self.table.loc[self.table["found"].astype(float) >= SEEN, "days"]
        return int(seen.min()) if len(seen) else None

    @property
    def status(self) -> Status:
        """Passed where stops are seen at some age, else inconclusive."""
        return Status.INCONCLUSIVE if self.days is None else Status.PASSED

    @property
    def words(self) -> str:
        """Say what is found of each age."""
        if self.table.empty:
            return "nobody has enough data to plant a stop in"
        shares = [
            f"{display(row.found, 'share')} of stops {row.days} days old"
            for row in self.table.itertuples()
        ]
        seen = f"a stop counts as seen after {self.days} days"
        late = "too few for a verdict on any late quarter" if self.days is None else seen
        return f"planted among these customers, the tests find {', '.join(shares)}: {late}"

    def facts(self) -> dict[str, float | int | str]:
        """Return the shares found with their intervals, the status and its words."""
        facts: dict[str, float | int | str] = {}
        for row in self.table.itertuples():
            name = f"stop_found_{row.days}_days"
            facts |= {name: row.found, f"{name}_low": row.low, f"{name}_high": row.high}
            facts[f"{name}_n"] = row.n
        facts |= {} if self.days is None else {"stop_seen_days": self.days}
        return {**facts, "detection_status": str(self.status), "detection_words": self.words}


def detection_delay(transactions: IntoFrame, changes: PanelChanges, *, seed: int = 0) -> Delay:
    """Plant stops of several ages among customers without a verdict, and look for them.

    Parameters
    ----------
    transactions : native frame
    changes : PanelChanges
        What :func:`detect_panel` found in them; its least sure verdict is the level asked for.
    seed : int, default 0

    Returns
    -------
    Delay
    """
    base = sequences.panel(transactions, as_of=changes.as_of, period=changes.period)
    rng = np.random.default_rng([seed, 42])
    rows = np.flatnonzero(enough(base) & (changes.table["kind"] == "none").to_numpy())
    rows = rows[np.lexsort(base.counts[rows].T)]  # whatever the order of the ids
    rows = rng.permutation(rows)[: PLANTED * AMONG * len(AGES_DAYS)]
    each = min(PLANTED, len(rows) // (AMONG * len(AGES_DAYS)))
    if not each:
        return Delay(pd.DataFrame(columns=["days", "found", "low", "high", "n"]))
    counts = base.counts[rows].copy()
    for place, days in enumerate(AGES_DAYS):
        silent = max(1, round(days / sequences.PERIOD_DAYS[changes.period]))
        counts[place * each : (place + 1) * each, -silent:] = 0
    ids, exposed = base.customer_id[rows], base.exposed[rows]
    planted = replace(base, customer_id=ids, counts=counts, exposed=exposed)
    p = judge(planted, seed=seed, refereed=0)[0]["p"].to_numpy(float)
    hits = np.nan_to_num(p, nan=1.0) <= _level(changes.table)
    found = []
    for place, days in enumerate(AGES_DAYS):
        number = int(hits[place * each : (place + 1) * each].sum())
        interval = evidence.wilson(number, each)
        found.append((days, number / each, interval.low, interval.high, each))
    return Delay(pd.DataFrame(found, columns=["days", "found", "low", "high", "n"]))


def _level(table: pd.DataFrame) -> float:
    """Return the largest p that was called a change; where none was, what one would have needed."""
    called = table.loc[table["kind"].isin(KINDS[:4]), "p"].max()
    return float(called) if pd.notna(called) else FALSE_DISCOVERY_RATE / table["p"].notna().sum()
