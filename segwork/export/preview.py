"""What an export of this run would do, in counts: the page before anything leaves the house."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, time

import pandas as pd

from segwork import tables
from segwork.export import pilot
from segwork.export.rows import GONE, NOT_DECLARED, rows
from segwork.run import Run


@dataclass(frozen=True)
class Preview:
    """Counts only; no customer can be found in it.

    Attributes
    ----------
    reasons : DataFrame
        reason, customers: "may be sent" and every reason against it.
    segments : DataFrame
        Index segment: segment_name, action, customers, may_be_sent.
    outcome : pilot.Outcome or None
        Where a pilot has started before the day of the run.
    """

    reasons: pd.DataFrame
    segments: pd.DataFrame
    outcome: pilot.Outcome | None

    def facts(self) -> dict[str, float | int | str]:
        """Return the counts and, where there is a pilot, its reading."""
        counts = self.reasons.set_index("reason")["customers"]
        total, allowed = int(counts.sum()), int(counts.get(SENDABLE, 0))
        undeclared = int(counts.get(NOT_DECLARED, 0))
        return {
            "customers": total,
            "may_be_sent": allowed,
            "suppressed": total - allowed,
            "not_in_sources": int(counts.get(GONE, 0)),
            "consent_status": "inconclusive" if undeclared else "passed",
            **(self.outcome.facts() if self.outcome else {}),
        }


SENDABLE = "may be sent"


def preview(run: Run) -> Preview:
    """Count what ``segwork export`` would do with this run, were it the first export.

    Raises
    ------
    UsageError, DataError
        As :func:`segwork.export.rows`.
    """
    found = rows(run)
    why = found["suppressed"].astype("str").replace("", SENDABLE)
    reasons = why.value_counts().rename_axis("reason").rename("customers").reset_index()
    reasons = reasons.sort_values(["customers", "reason"], ascending=[False, True])
    groups = found.dropna(subset="segment").groupby("segment", observed=True)
    segments = groups.agg(
        segment_name=("segment_name", "first"),
        action=("action", "first"),
        customers=("segment", "size"),
        may_be_sent=("suppressed", lambda why: int((why == "").sum())),
    )
    return Preview(reasons.reset_index(drop=True), segments, _outcome(run, found))


def _outcome(run: Run, found: pd.DataFrame) -> pilot.Outcome | None:
    plan = run.config.pilot
    drawn = found[found["arm"] != ""]
    if plan is None or plan.starts >= run.as_of or drawn["arm"].nunique() < 2:
        return None
    start = datetime.combine(plan.starts, time())
    lines = tables.until(tables.load(run.config).transactions, run.as_of)
    since = pd.DataFrame(lines)[["customer_id", "ordered_at"]]
    buyers = since.loc[since["ordered_at"] >= start, "customer_id"]
    bought = drawn["customer_id"].isin(buyers)
    return pilot.outcome(drawn["arm"].astype("str"), bought, control_share=plan.control_share)
