"""The one runner of checks: order, progress, "does not apply", "cannot tell", and the verdict."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import replace
from typing import TypeVar

import numpy as np
import pandas as pd
from tqdm import tqdm

from segwork.checks.answers import Evidence, Inconclusive, NotApplicable
from segwork.checks.catalogue import FAMILIES, Rule, rules
from segwork.checks.findings import ALARMS, COLUMNS, Findings, rows_of
from segwork.evidence import decide
from segwork.progress import unwatched
from segwork.results import Severity, Status

Subject = TypeVar("Subject")
Check = Callable[[Subject, Rule], Iterable[Evidence]]
_FUNCTIONS: dict[str, Check] = {}
_WORST = (Status.FAILED, Status.WARNED, Status.INCONCLUSIVE, Status.PASSED)


def check(code: str) -> Callable[[Check], Check]:
    """Register the decorated function as the check of this code."""

    def register(function: Check) -> Check:
        _FUNCTIONS[code] = function
        return function

    return register


def registered(family: str) -> Mapping[str, Check]:
    """Return the functions of a family, by code, in the order of its catalogue."""
    return {code: _FUNCTIONS[code] for code in rules(family) if code in _FUNCTIONS}


def run(
    family: str,
    subject: Subject,
    *,
    only: Collection[str] | None = None,
    sizes: Mapping[str, int] | None = None,
) -> Findings:
    """Run the checks of a family on one subject and judge what they yield.

    Parameters
    ----------
    family : str
        ``"DQ"``, ``"OF"``, ``"FA"``, ``"PR"`` or ``"DR"``; its modules must have been imported.
    subject : object
        What every function of the family is called with, beside its rule.
    only : collection of str, optional
        Codes to run; the others are skipped, which never counts as passed.
    sizes : mapping of table to number of rows, optional
        What a count of distinct rows is a share of; without it, of the evidence's own ``of``.

    Returns
    -------
    Findings
    """
    answers, evidence = [], {}
    functions = registered(family)
    title = FAMILIES[family][1].lower()
    for code in tqdm(functions, desc=title, unit="check", disable=unwatched()):
        rule = rules(family)[code]
        if only is not None and code not in only:
            finding, places = _answer(rule, Status.SKIPPED, "not asked for"), []
        else:
            finding, places = run_one(rule, functions[code], subject, sizes=sizes)
        answers.append(finding)
        evidence[code] = places
    table = pd.DataFrame(answers, columns=COLUMNS)
    return Findings(table.astype({"n_rows": "Int64", "n": "Int64"}), evidence)


def run_one(
    rule: Rule, function: Check, subject: Subject, *, sizes: Mapping[str, int] | None = None
) -> tuple[dict[str, object], list[Evidence]]:
    """Run one check; return its finding and the evidence behind it, what decided first."""
    try:
        with np.errstate(all="ignore"):
            places = [_judged(rule, found) for found in function(subject, rule)]
    except NotApplicable as reason:
        return _answer(rule, Status.NOT_APPLICABLE, f"not applicable: {reason}"), []
    except Inconclusive as reason:
        return _answer(rule, Status.INCONCLUSIVE, f"cannot tell: {reason}"), []
    status = next((s for s in _WORST if any(e.status is s for e in places)), Status.PASSED)
    if status in ALARMS:
        places = sorted((e for e in places if e.status in ALARMS), key=lambda e: -e.count)
    if not places:
        return _answer(rule, status, "nothing found"), []
    return _summed(rule, status, places, sizes or {}), places


def _judged(rule: Rule, found: Evidence) -> Evidence:
    if found.status is not None:
        return found
    if found.value is not None:
        status = decide(
            value=found.value,
            limit=rule.limit,
            interval=found.interval,
            higher_is_worse=rule.higher_is_worse,
            severity=rule.severity,
        )
        return replace(found, status=status)
    if found.count == 0:
        return replace(found, status=Status.PASSED)
    serious = rule.severity in (Severity.CRITICAL, Severity.HIGH)
    fails = serious and found.count / max(found.of, 1) > rule.fail_share
    return replace(found, status=Status.FAILED if fails else Status.WARNED)


def _summed(
    rule: Rule, status: Status, places: list[Evidence], sizes: Mapping[str, int]
) -> dict[str, object]:
    tables = list(dict.fromkeys(e.table for e in places if e.table))
    columns = list(dict.fromkeys(c for e in places for c in e.columns))
    counted = any(e.n is not None for e in places)
    n = sum(e.count for e in places) if counted else len(rows_of(places))
    of = sum(sizes[table] for table in tables if table in sizes)
    if counted or not of:
        of = max(n, sum(e.of for e in places))
    notes = [f"{e.table}: {e.note}" if len(tables) > 1 else e.note for e in places[:6]]
    more = f"; and {len(places) - 6} more places" if len(places) > 6 else ""
    finding = _answer(rule, status, "; ".join(note for note in notes if note) + more)
    worst = places[0]
    return finding | {
        "table": ",".join(tables),
        "column": ",".join(columns),
        "n_rows": n,
        "n": of,
        "share": n / of if of else 0.0,
        "value": worst.value,
        "low": worst.interval.low if worst.interval else None,
        "high": worst.interval.high if worst.interval else None,
    }


def _answer(rule: Rule, status: Status, message: str) -> dict[str, object]:
    return {
        "code": rule.code,
        "control_point": rule.control_point,
        "title": rule.title,
        "table": "",
        "column": "",
        "status": status.value,
        "severity": rule.severity.value,
        "n_rows": 0,
        "counts": rule.counts,
        "share": 0.0,
        "limit": rule.limit,
        "unit": rule.unit,
        "message": f"{rule.title}: {message}.",
        "definition": rule.definition,
        "source": rule.source,
        "action": rule.action,
        "why": rule.why,
    }
