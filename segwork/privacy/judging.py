"""The checks PR-…: what was measured about a run's privacy, held against the rules."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

import narwhals as nw
import numpy as np
import pandas as pd
from narwhals.typing import IntoFrame

from segwork.checks import Evidence, Findings, NotApplicable, Rule, check, run
from segwork.disclosure import SMALLEST_GROUP, direct_identifiers, recovered
from segwork.privacy.anonymity import k_anonymity
from segwork.privacy.consent import Consented
from segwork.privacy.ledger import Ledger
from segwork.privacy.releases import Release
from segwork.privacy.unicity import Unicity
from segwork.results import Interval

MOST_EPSILON = 10.0
T = TypeVar("T")


@dataclass(frozen=True)
class Disclosure:
    """What a run hands on about people, and what was tried against it; empty: not there.

    Parameters
    ----------
    consent : Consented, optional
    tables : mapping of str to DataFrame
        Tables handed on, with a column ``customer_id``.
    people : DataFrame, optional
        One row a person: the quasi-identifiers and the secret.
    known : sequence of str
        Quasi-identifiers.
    secret : str
    traces : Unicity, optional
    counts : mapping of str to (true counts, hidden)
        Published tables of counts: a DataFrame, and a boolean array of the same shape.
    attacks : DataFrame, optional
        Rows as :mod:`segwork.privacy.attacks` gives them.
    releases : sequence of Release
    ledger : Ledger, optional
    """

    consent: Consented | None = None
    tables: Mapping[str, pd.DataFrame] = field(default_factory=dict)
    people: pd.DataFrame | None = None
    known: Sequence[str] = ()
    secret: str = ""
    traces: Unicity | None = None
    counts: Mapping[str, tuple[pd.DataFrame, np.ndarray]] = field(default_factory=dict)
    attacks: pd.DataFrame | None = None
    releases: Sequence[Release] = ()
    ledger: Ledger | None = None


def judged(case: Disclosure) -> Findings:
    """Run every privacy check on what a run hands on."""
    return run("PR", case)


def _need(there: T | None, what: str) -> T:
    if there is None or (hasattr(there, "__len__") and not len(there)):
        raise NotApplicable(f"there is no {what}")
    return there


@check("PR-01")
def direct(case: Disclosure, _rule: Rule) -> Iterator[Evidence]:
    """Look for columns that name people, in what is handed on."""
    for name, frame in _need(case.tables, "table handed on").items():
        found = direct_identifiers(frame)
        note = "; ".join(f"{column} {why}" for column, why in found.items()) or "none"
        yield Evidence(name, tuple(found), of=frame.shape[1], n=len(found), note=note)


@check("PR-02")
def small_classes(case: Disclosure, _rule: Rule) -> Iterator[Evidence]:
    """Count people who share their quasi-identifiers with too few."""
    found = k_anonymity(_need(case.people, "table of people"), quasi_identifiers=case.known)
    share = found.share_below(SMALLEST_GROUP)
    note = f"k is {found.k}; {found.share_below(2):.1%} are unique"
    n = round(share * found.people)
    yield Evidence("people", tuple(case.known), of=found.people, n=n, value=share, note=note)


@check("PR-03")
def traces(case: Disclosure, _rule: Rule) -> Iterator[Evidence]:
    """Judge the share that two points single out."""
    for row in _need(case.traces, "trace").table.query("points == 2").itertuples():
        ends = Interval(row.low, row.high)
        n = round(row.share * row.n)
        note = f"two points single out {row.share:.1%}"
        yield Evidence(of=row.n, n=n, value=row.share, interval=ends, note=note)


@check("PR-04")
def same_secret(case: Disclosure, _rule: Rule) -> Iterator[Evidence]:
    """Count people in groups that share the secret."""
    people = _need(case.people, "table of people")
    if case.secret not in people:
        raise NotApplicable("no sensitive column is named")
    by = people.groupby(list(case.known), dropna=False, observed=True)[case.secret]
    n = int((by.transform("nunique") == 1).sum())
    note = f"{n:,} of {len(people):,} people"
    yield Evidence("people", of=len(people), n=n, value=n / len(people), note=note)


@check("PR-06")
def small_cells(case: Disclosure, _rule: Rule) -> Iterator[Evidence]:
    """Count small cells that are shown, and hidden ones that totals give away."""
    for name, (counts, hidden) in _need(case.counts, "table of counts").items():
        small = ((counts > 0) & (counts < SMALLEST_GROUP)).to_numpy() & ~hidden
        found = recovered(counts, hidden)
        note = f"{small.sum()} shown, {found.sum()} of {hidden.sum()} hidden ones given away"
        yield Evidence(name, of=counts.size, n=int(small.sum() + found.sum()), note=note)


@check("PR-07")
def without_consent(case: Disclosure, _rule: Rule) -> Iterator[Evidence]:
    """Count customers in the tables who did not come through the door."""
    consent = _need(case.consent, "consent")
    if consent.status != "passed":
        raise NotApplicable(f"consent is {consent.status}")
    for name, frame in _need(case.tables, "table handed on").items():
        ids = _ids(frame)
        n = len(ids - _ids(consent.tables.customers))
        note = f"{n:,} of {len(ids):,} customers did not come through the door"
        yield Evidence(name, ("customer_id",), of=len(ids), n=n, note=note)


@check("PR-11")
def promises(case: Disclosure, _rule: Rule) -> Iterator[Evidence]:
    """Count releases that are loose, undeclared or beyond the budget."""
    releases, ledger = _need(case.releases, "private release"), case.ledger
    loose = [r for r in releases if r.epsilon > MOST_EPSILON or not r.declared]
    over = ledger is None or ledger.spent > ledger.budget * (1 + 1e-9)
    note = "no ledger" if ledger is None else f"{len(loose)} of {len(releases)} are loose"
    yield Evidence("releases", of=len(releases), n=len(loose) + over, note=note)


@check("PR-15")
def attacks(case: Disclosure, _rule: Rule) -> Iterator[Evidence]:
    """Hold each attack against guessing."""
    for row in _need(case.attacks, "attack").query("attempts > 0").itertuples():
        ends = Interval(row.low - row.guessing, row.high - row.guessing)
        lead = {"value": row.share - row.guessing, "interval": ends}
        note = f"{row.attack} in {row.share:.1%}, guessing in {row.guessing:.1%}"
        yield Evidence(of=row.attempts, n=row.successes, note=note, **lead)


def _ids(native: IntoFrame) -> set[str]:
    ids = nw.from_native(native).lazy().select("customer_id").drop_nulls().unique().collect()
    return set(ids["customer_id"].to_list())
