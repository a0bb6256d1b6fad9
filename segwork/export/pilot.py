"""A pilot: who takes part, who is kept out for comparison, may it go on, what came of it."""

from __future__ import annotations

import hashlib
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, time
from importlib import resources

import numpy as np
import pandas as pd

from segwork.errors import UsageError
from segwork.evidence import wilson
from segwork.results import Interval, Status, facts_of
from segwork.settings import Pilot

REASONS = {"pilot": "", "control": "control group", "": "outside the pilot"}
SPLIT_P = 0.001


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
    >>> draw(people, Pilot(starts=datetime(2026, 7, 1), region="Java")).tolist()
    ['', '']
    """
    start = datetime.combine(pilot.starts, time())
    # Who withdrew since then stays in the comparison, or leaving would look like an effect.
    since = people["withdrawn_at"] >= start if "withdrawn_at" in people else False
    known = people["customer_id"].notna() & (people["first_order_at"] < start)
    known &= (people["reason"] == "") | since
    if pilot.region and "region" not in people:
        raise UsageError("[pilot] names a region", accepted="customers with a column 'region'")
    if pilot.region:
        here = people["region"].astype("str").str.strip().str.casefold()
        known &= here == pilot.region.strip().casefold()
    ids = people.loc[known, "customer_id"]
    place = pd.Series([_lot(pilot.name, "place", one) for one in ids], index=ids.index, dtype=float)
    chosen = ids[place.nsmallest(pilot.size).index]
    kept_out = [_lot(pilot.name, "arm", one) < pilot.control_share for one in chosen]
    arm = pd.Series("", index=people.index, dtype="str")
    arm[chosen.index] = np.where(kept_out, "control", "pilot")
    return arm


def _lot(name: str, use: str, customer_id: str) -> float:
    """Return a number in [0, 1) that is the same for a customer in every run."""
    digest = hashlib.sha256(f"{name}\x1f{use}\x1f{customer_id}".encode()).digest()
    return int.from_bytes(digest[:8], "big") / 2**64


def questions() -> dict[str, str]:
    """Return the question behind each family of gates, from ``pilot.toml``."""
    text = resources.files("segwork.export").joinpath("pilot.toml").read_text(encoding="utf-8")
    return dict(tomllib.loads(text)["questions"])


def go_no_go(findings: Iterable[Mapping[str, object]], required: Iterable[str]) -> pd.DataFrame:
    """Fill the list of ``pilot.toml`` from a run's findings.

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
    found, lines = list(findings), []
    for family, question in questions().items():
        mine = [f for f in found if str(f["code"]).startswith(family)]
        judged = [f for f in mine if f["status"] not in ("skipped", "not_applicable")]
        doubts = [f for f in judged if f["status"] in ("failed", "warned", "inconclusive")]
        bad = ("failed", "inconclusive") if family == "SEG-P" else ("failed",)
        stops = [f for f in doubts if f["status"] in bad and f["code"] in set(required)]
        answer = "no-go" if stops else "open" if doubts or not judged else "go"
        why = ", ".join(f"{f['code']} {f['status']}" for f in stops or doubts)
        lines.append((question, answer, why or ("" if judged else "nothing was judged")))
    return pd.DataFrame(lines, columns=["question", "answer", "why"])


@dataclass(frozen=True)
class Outcome:
    """The pilot against its control, by the draw, whoever was reached or not.

    Attributes
    ----------
    table : DataFrame
        Index arm: customers, buyers, share, low, high.
    difference : float
        Share of buyers of the pilot minus that of the control.
    interval : Interval
        Newcombe's, 95 %.
    split_p : float
        Exact p of the size of the control group under the planned share.
    status : Status
        Passed: better beyond chance; failed: worse, or the split is damaged; else inconclusive.
    settles : int
        Customers that would settle a difference of this size with a power of 80 %; 0 for none.
    """

    table: pd.DataFrame
    difference: float
    interval: Interval
    split_p: float
    status: Status
    settles: int

    def facts(self) -> dict[str, float | int | str]:
        """Return the difference with its interval, sizes and the verdict."""
        names, customers = ("difference", "split_p", "settles", "status"), self.table["customers"]
        sizes = {"customers": int(customers.sum()), "control": int(customers["control"])}
        told = facts_of(self, *names, prefix="pilot_", difference="interval")
        return told | {f"pilot_{name}": n for name, n in sizes.items()}


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

    Examples
    --------
    >>> arm = pd.Series(["pilot"] * 80 + ["control"] * 20)
    >>> outcome(arm, arm == "pilot", control_share=0.2).status
    <Status.PASSED: 'passed'>
    """
    from scipy.stats import binomtest, norm
    from statsmodels.stats.proportion import confint_proportions_2indep

    counted = bought.groupby(arm).agg(["size", "sum"]).loc[["pilot", "control"]].astype(int)
    table = counted.rename_axis("arm").set_axis(["customers", "buyers"], axis=1)
    spans = [wilson(k, n) for n, k in table.itertuples(index=False)]
    table["share"] = table["buyers"] / table["customers"]
    table["low"], table["high"] = [s.low for s in spans], [s.high for s in spans]
    (n_1, n_0), (k_1, k_0) = table["customers"], table["buyers"]
    difference = float(k_1 / n_1 - k_0 / n_0)
    low, high = confint_proportions_2indep(k_1, n_1, k_0, n_0, method="newcomb", compare="diff")
    split_p = float(binomtest(int(n_0), int(n_0 + n_1), control_share).pvalue)
    status = Status.PASSED if low > 0 else Status.FAILED if high < 0 else Status.INCONCLUSIVE
    status = Status.FAILED if split_p < SPLIT_P else status
    rate = (k_1 + k_0) / (n_1 + n_0)
    error = rate * (1 - rate) / (control_share * (1 - control_share))
    wanted = (norm.ppf(0.975) + norm.ppf(0.8)) ** 2 * error
    settles = int(np.ceil(wanted / difference**2)) if difference else 0
    return Outcome(table, difference, Interval(float(low), float(high)), split_p, status, settles)
