"""What an export of this run would do, in counts: the page before anything leaves the house."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, time

import pandas as pd

from segwork import tables
from segwork.export import pilot
from segwork.export.rows import GONE, NOT_DECLARED, rows
from segwork.run import Run

SENDABLE = "may be sent"


@dataclass(frozen=True)
class Preview:
    """Counts only; no customer can be found in it.

    Attributes
    ----------
    reasons : DataFrame
        reason, customers: "may be sent" and every reason against it, the largest first.
    segments : DataFrame
        segment, segment_name, customers, may_be_sent.
    outcome : pilot.Outcome or None
        Where a pilot has started before the day of the run.
    accounted_for : bool
        Every customer of the run is one row, and nobody is two.
    without_consent : int
        Customers who would be sent against the customers table, counted a second way.
    """

    reasons: pd.DataFrame
    segments: pd.DataFrame
    outcome: pilot.Outcome | None
    accounted_for: bool
    without_consent: int

    def facts(self) -> dict[str, float | int | str]:
        """Return the counts and, where there is a pilot, its reading."""
        counts = self.reasons.set_index("reason")["customers"]
        return {
            "customers": int(counts.sum()),
            "may_be_sent": int(counts.get(SENDABLE, 0)),
            "suppressed": int(counts.sum() - counts.get(SENDABLE, 0)),
            "not_in_sources_share": float(counts.get(GONE, 0) / counts.sum()),
            "accounted_for": int(self.accounted_for),
            "to_be_sent_without_consent": self.without_consent,
            "consent_status": "inconclusive" if NOT_DECLARED in counts else "passed",
            **(self.outcome.facts() if self.outcome else {}),
        }


def preview(run: Run) -> Preview:
    """Count what ``segwork export`` would do with this run, were it the first export.

    Raises
    ------
    UsageError, DataError
        As :func:`segwork.export.rows`.

    Examples
    --------
    ``export.preview(run).reasons``
    """
    found = rows(run)
    why = found["suppressed"].astype("str").replace("", SENDABLE)
    reasons = why.value_counts().rename_axis("reason").rename("customers").reset_index()
    order = reasons.sort_values(["customers", "reason"], ascending=[False, True])
    groups = (why == SENDABLE).groupby([found["segment"], found["segment_name"]], observed=True)
    segments = groups.agg(customers="size", may_be_sent="sum").reset_index()
    whole = found["customer_id"].dropna().is_unique
    whole &= int(found["segment"].notna().sum()) == len(run.read("segments"))
    refusing = _refusing(run, set(found.loc[found["suppressed"] == "", "customer_id"]))
    outcome = _outcome(run, found)
    return Preview(order.reset_index(drop=True), segments, outcome, whole, refusing)


def _refusing(run: Run, allowed: set[str]) -> int:
    """Count customers among the allowed with a row that says no: one row, one question."""
    people, flag = tables.load(replace(run.config, engine="pandas")).customers, run.config.export
    if people is None:
        return len(allowed)
    refusing = set()
    for row in people.to_dict("records"):
        agreed, left = row.get(f"consent_{flag.purpose}"), row.get("withdrawn_at")
        again = row.get(f"consent_{flag.purpose}_at")
        gone = pd.notna(left) and not (pd.notna(again) and pd.Timestamp(again) > left)
        if gone or str(agreed).lower() not in ("true", "1", "1.0", "yes"):
            refusing.add(row["customer_id"])
    return len(allowed & refusing)


def _outcome(run: Run, found: pd.DataFrame) -> pilot.Outcome | None:
    plan, drawn = run.config.pilot, found[found["arm"] != ""]
    if plan is None or plan.starts >= run.as_of or drawn["arm"].nunique() < 2:
        return None
    lines = tables.load(replace(run.config, engine="pandas")).transactions
    since = tables.until(lines, run.as_of)
    buyers = since.loc[since["ordered_at"] >= datetime.combine(plan.starts, time()), "customer_id"]
    bought = drawn["customer_id"].isin(buyers)
    return pilot.outcome(drawn["arm"].astype("str"), bought, control_share=plan.control_share)
