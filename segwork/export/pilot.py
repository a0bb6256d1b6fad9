"""A pilot: who takes part, who is kept out for comparison, may it go on, what came of it."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, time

import numpy as np
import pandas as pd
from scipy.stats import binomtest, norm
from statsmodels.stats.proportion import confint_proportions_2indep

from segwork.results import Interval, Status
from segwork.settings import Pilot

REASONS = {"pilot": "", "control": "control group", "": "outside the pilot"}
SPLIT_P = 0.001
QUESTIONS = {
    "SEG-P": "May these customers' data be used?",
    "SEG-Q": "Can the data carry it?",
    "SEG-C": "Are there segments that hold?",
    "SEG-T": "Do they hold over time?",
    "SEG-L": "Does nothing leak?",
    "SEG-O": "Would the rule still hold next quarter?",
    "SEG-F": "Is nobody treated worse for who they are?",
    "SEG-B": "Does it pay?",
    "SEG-X": "Does what was found reach the right customers?",
}


def draw(people: pd.DataFrame, pilot: Pilot) -> pd.Series:
    """Return the arm of each customer: pilot, control, or empty for who does not take part.

    A customer's place in the draw is a hash of their id and of the pilot's name. It depends on
    nobody else, on no order of rows and on no later run; only who was a customer on the first
    day, in the region, and had not withdrawn by then is drawn.

    Parameters
    ----------
    people : DataFrame
        customer_id, region, first_order_at, reason, and withdrawn_at where it is known.
    pilot : Pilot

    Examples
    --------
    >>> people = pd.DataFrame({"customer_id": ["7", "8"], "region": "Bali", "reason": "",
    ...                        "first_order_at": pd.Timestamp("2026-01-01")})
    >>> draw(people, Pilot(starts=date(2026, 7, 1), region="Java")).tolist()
    ['', '']
    """
    start = datetime.combine(pilot.starts, time())
    known = people["customer_id"].notna() & (people["first_order_at"] < start)
    if pilot.region:
        here = people["region"].astype("str").str.strip().str.casefold()
        known &= here == pilot.region.strip().casefold()
    # Who withdrew since then stays in the comparison, or leaving would look like an effect.
    since = people["withdrawn_at"] >= start if "withdrawn_at" in people else False
    known &= (people["reason"] == "") | since
    lot = pd.Series(np.nan, index=people.index)
    lot[known] = [_lot(pilot.name, "place", one) for one in people.loc[known, "customer_id"]]
    chosen = lot.nsmallest(pilot.size).index
    ids = people.loc[chosen, "customer_id"]
    kept_out = [_lot(pilot.name, "arm", one) < pilot.control_share for one in ids]
    arm = pd.Series("", index=people.index, dtype="str")
    arm[chosen] = np.where(kept_out, "control", "pilot")
    return arm


def _lot(name: str, use: str, customer_id: str) -> float:
    """Return a number in [0, 1) that is the same for a customer in every run."""
    digest = hashlib.sha256(f"{name}\x1f{use}\x1f{customer_id}".encode()).digest()
    return int.from_bytes(digest[:8], "big") / 2**64


def go_no_go(findings: Iterable[Mapping[str, object]], required: Iterable[str]) -> pd.DataFrame:
    """Fill the list from a run's findings.

    Parameters
    ----------
    findings : iterable of mapping
        As in ``findings.json``.
    required : iterable of str
        Codes of the required gates.

    Returns
    -------
    DataFrame
        question, answer (go, no-go or open), why. No-go: a required gate failed, or one on
        privacy cannot tell. Open: nothing was judged, or a gate failed or cannot tell.
    """
    required = set(required)
    lines = []
    for family, question in QUESTIONS.items():
        mine = [f for f in findings if str(f["code"]).startswith(family)]
        judged = [f for f in mine if f["status"] not in ("skipped", "not_applicable")]
        unsure = ("failed", "inconclusive") if family == "SEG-P" else ("failed",)
        stops = [f for f in judged if f["status"] in unsure and f["code"] in required]
        doubts = [f for f in judged if f["status"] in ("failed", "warned", "inconclusive")]
        answer = "no-go" if stops else "open" if doubts or not judged else "go"
        codes = ", ".join(f"{f['code']} {f['status']}" for f in stops or doubts)
        lines.append((question, answer, codes or ("" if judged else "nothing was judged")))
    return pd.DataFrame(lines, columns=["question", "answer", "why"])


@dataclass(frozen=True)
class Outcome:
    """The pilot against its control, whoever was reached or not (by the draw).

    Attributes
    ----------
    table : DataFrame
        Index arm: customers, buyers, share, low, high; customers with an order since the start.
    difference : float
        Share of the pilot minus share of the control.
    interval : Interval
        Newcombe's, 95 %.
    split_p : float
        Exact p of the size of the control group under the planned share.
    status : Status
        Passed: better beyond chance; failed: worse, or the split is damaged; else inconclusive.
    settles : int
        Customers in the pilot that would settle a difference of this size; 0 where there is none.
    message : str
    """

    table: pd.DataFrame
    difference: float
    interval: Interval
    split_p: float
    status: Status
    settles: int
    message: str

    def facts(self) -> dict[str, float | int | str]:
        """Return the difference with its interval, sizes and the verdict."""
        return {
            "pilot_customers": int(self.table["customers"].sum()),
            "pilot_control": int(self.table.loc["control", "customers"]),
            "pilot_difference": self.difference,
            "pilot_difference_low": self.interval.low,
            "pilot_difference_high": self.interval.high,
            "pilot_split_p": self.split_p,
            "pilot_settles": self.settles,
            "pilot_status": str(self.status),
        }


def outcome(arm: pd.Series, bought: pd.Series, *, control_share: float) -> Outcome:
    """Compare who bought since the start, pilot against control.

    Parameters
    ----------
    arm : Series
        pilot, control or empty; both arms need a customer.
    bought : Series of bool
        Whether the customer has an order since the start; same index.
    control_share : float
        The share planned.

    References
    ----------
    Newcombe (1998), "Interval estimation for the difference between independent proportions".
    """
    from segwork.evidence import wilson

    rows = {}
    for name in ("pilot", "control"):
        mine = bought[arm == name]
        k, n = int(mine.sum()), len(mine)
        span = wilson(k, n)
        rows[name] = (n, k, k / max(n, 1), span.low, span.high)
    table = pd.DataFrame.from_dict(
        rows, orient="index", columns=["customers", "buyers", "share", "low", "high"]
    ).rename_axis("arm")
    (n_1, k_1, *_), (n_0, k_0, *_) = rows["pilot"], rows["control"]
    difference = k_1 / n_1 - k_0 / n_0
    low, high = confint_proportions_2indep(k_1, n_1, k_0, n_0, method="newcomb", compare="diff")
    split_p = float(binomtest(n_0, n_0 + n_1, control_share).pvalue)
    if split_p < SPLIT_P:
        status, word = Status.FAILED, "the groups differ in size beyond chance: the draw is damaged"
    elif low > 0:
        status, word = Status.PASSED, "better beyond chance"
    elif high < 0:
        status, word = Status.FAILED, "worse beyond chance"
    else:
        status, word = Status.INCONCLUSIVE, "no difference beyond chance"
    pooled = (k_1 + k_0) / (n_1 + n_0)
    # 80 % power at 5 %, two-sided, with the arms in the planned proportion.
    error = pooled * (1 - pooled) * (1 / (1 - control_share) + 1 / control_share)
    wanted = (norm.ppf(0.975) + norm.ppf(0.8)) ** 2 * error
    settles = int(np.ceil(wanted / difference**2)) if difference else 0
    message = f"{k_1 / n_1:.1%} of the pilot and {k_0 / n_0:.1%} of the control bought: {word}."
    span = Interval(float(low), float(high))
    return Outcome(table, float(difference), span, split_p, status, settles, message)
