"""What the audit says: rules from the catalogue, hits from the checks, one finding per check."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from functools import cache
from importlib import resources
from typing import Any

import numpy as np
import pandas as pd

from segwork.quality.sheet import Book, Inconclusive, NotApplicable
from segwork.results import Severity, Status

ALARMS = (Status.FAILED, Status.WARNED)
_WORST = (Status.FAILED, Status.WARNED, Status.INCONCLUSIVE, Status.PASSED)
_CONTROL_POINTS = {
    "G": "general",
    "M": "missing values",
    "B": "behaviour",
    "T": "transactions",
    "I": "interactions",
    "X": "external data",
}


@dataclass(frozen=True)
class Rule:
    """One check of the catalogue, as data.

    Parameters
    ----------
    code, title, definition : str
        ``definition`` says what is counted and how it is judged.
    limit : float
        The limit of the check's statistic.
    severity : Severity
        Critical and high can fail, medium and low can warn.
    fail_share : float
        A critical or high check warns up to this share of the rows and fails above it.
    counts : str
        What ``n_rows`` counts: rows unless stated.
    source, action, harm : str
        Where the limit comes from, what to do, and what the fault would do to the segments.
    """

    code: str
    title: str
    definition: str
    limit: float
    severity: Severity
    source: str
    action: str
    harm: str
    fail_share: float = 0.0
    counts: str = "rows"

    @property
    def control_point(self) -> str:
        """Name of the family, from the letter in the code."""
        return _CONTROL_POINTS[self.code.split("-")[1]]


@dataclass(frozen=True)
class Hit:
    """What a check found in one place.

    Parameters
    ----------
    table : str
    columns : tuple of str
    rows : ndarray of int
        0-based source positions, complete.
    n : int, optional
        The count where it is not the number of rows (days, groups, estimated excess).
    of : int
        How many were looked at.
    note : str
        The numbers in words.
    status : Status, optional
        Set by the check; None lets severity and share decide.
    """

    table: str
    columns: tuple[str, ...]
    rows: np.ndarray
    of: int
    note: str = ""
    n: int | None = None
    status: Status | None = None

    @property
    def count(self) -> int:
        """The number that is reported."""
        return len(self.rows) if self.n is None else self.n


Check = Callable[[Book, Rule], Iterable[Hit]]


@cache
def catalogue() -> dict[str, Rule]:
    """Read the rules of all checks, by code, in the order of the catalogue."""
    text = resources.files("segwork.quality").joinpath("catalogue.toml").read_text("utf-8")
    return {
        code: Rule(code=code, **{**body, "severity": Severity(body["severity"])})
        for code, body in tomllib.loads(text).items()
    }


def page() -> str:
    """Return the catalogue as Markdown: what ``docs/data_checks.md`` holds, word for word."""
    lines = ["# The checks of the data audit", "",
             "Made from `segwork/quality/catalogue.toml`; a test keeps the two alike.",
             "`audit.rows(code)` lists every row behind a finding.", ""]  # fmt: skip
    for rule in catalogue().values():
        lines += [
            f"## {rule.code} · {rule.title}", "",
            f"Counts {rule.counts}: {rule.definition}.", "",
            f"- **Limit** {rule.limit:g} ({rule.source}); severity {rule.severity.value}"
            + (f"; fails above {rule.fail_share:.1%} of the rows" if rule.fail_share else ""),
            f"- **Do** {rule.action}.",
            f"- **Else** {rule.harm}.", "",
        ]  # fmt: skip
    return "\n".join(lines)


@dataclass(frozen=True)
class Audit:
    """The data health report.

    Attributes
    ----------
    findings : DataFrame
        One row per check: code, control_point, title, table, column (comma-joined), status,
        severity, n_rows, counts (what n_rows counts), share, limit, message, definition, source,
        action, harm.
    details : DataFrame
        One row per place a check looked at with a result: code, table, column, status, n, of, note.
    counts : DataFrame
        Plain exact counts with their definitions: name, value, definition.
    readiness : Readiness
    book : Book
        The tables as the checks read them, for figures.
    """

    findings: pd.DataFrame
    details: pd.DataFrame
    counts: pd.DataFrame
    readiness: Any
    book: Book = field(repr=False)
    _rows: dict[str, pd.DataFrame] = field(default_factory=dict, repr=False)

    def rows(self, code: str) -> pd.DataFrame:
        """Return every row behind a finding: table, row (0-based source position).

        Raises
        ------
        UsageError
            No check has this code.
        """
        from segwork.errors import UsageError

        if code not in self._rows:
            raise UsageError.unknown("check", code, self._rows, where="the audit")
        return self._rows[code].copy()

    @property
    def alarms(self) -> pd.DataFrame:
        """The failed and warned findings, worst first: failed, severity, share of the rows."""
        hot = self.findings[self.findings["status"].isin([s.value for s in ALARMS])]
        order = {s.value: i for i, s in enumerate(Severity)}
        rank = hot["severity"].map(order).astype(int) + 10 * (hot["status"] == Status.WARNED)
        by = ["_rank", "share", "code"]
        ordered = hot.assign(_rank=rank).sort_values(by, ascending=[True, False, True])
        return ordered.drop(columns="_rank")

    @property
    def health(self) -> pd.DataFrame:
        """Number of checks by control point and status."""
        names = [s.value for s in Status if s is not Status.WAIVED]
        table = pd.crosstab(self.findings["control_point"], self.findings["status"])
        order = [p for p in _CONTROL_POINTS.values() if p in table.index]
        return table.reindex(index=order, columns=names, fill_value=0)

    def facts(self) -> dict[str, float | int | str]:
        """Return the counts, and of every check that ran its status and its number of rows."""
        facts: dict[str, float | int | str] = dict(
            zip(self.counts["name"], self.counts["value"], strict=True)
        )
        for status in Status:
            if status is not Status.WAIVED:
                facts[f"checks_{status.value}"] = int((self.findings["status"] == status).sum())
        for row in self.findings.itertuples():
            name = re.sub(r"\W", "_", str(row.code)).lower()
            facts[f"{name}_status"] = str(row.status)
            if row.status not in (Status.NOT_APPLICABLE, Status.SKIPPED):
                facts[f"{name}_rows"] = int(row.n_rows)
        return facts


def run(rule: Rule, check: Check, book: Book) -> tuple[dict[str, Any], list[Hit]]:
    """Run one check; return its finding and the hits behind it."""
    try:
        with np.errstate(all="ignore"):
            hits = [_judged(rule, hit) for hit in check(book, rule)]
    except NotApplicable as reason:
        return _answer(rule, Status.NOT_APPLICABLE, f"not applicable: {reason}"), []
    except Inconclusive as reason:
        return _answer(rule, Status.INCONCLUSIVE, f"cannot tell: {reason}"), []
    status = next((s for s in _WORST if any(hit.status is s for hit in hits)), Status.PASSED)
    if status in ALARMS:
        hits = sorted((h for h in hits if h.status in ALARMS), key=lambda hit: -hit.count)
    if not hits:
        return _answer(rule, status, "nothing found"), []
    return _finding(rule, status, hits, book), hits


def skipped(rule: Rule) -> dict[str, Any]:
    """Return the finding of a check that was not asked for."""
    return _answer(rule, Status.SKIPPED, "not asked for")


def rows_of(hits: list[Hit]) -> pd.DataFrame:
    """Return the distinct rows of the hits: table, row."""
    parts = [pd.DataFrame({"table": h.table, "row": np.asarray(h.rows, np.int64)}) for h in hits]
    if not parts:
        return pd.DataFrame({"table": pd.Series(dtype=str), "row": pd.Series(dtype=np.int64)})
    return pd.concat(parts, ignore_index=True).drop_duplicates(ignore_index=True)


def details_of(code: str, hits: list[Hit]) -> Iterator[dict[str, Any]]:
    """Yield one plain row per hit."""
    for hit in hits:
        yield {
            "code": code,
            "table": hit.table,
            "column": ",".join(hit.columns),
            "status": str(hit.status),
            "n": hit.count,
            "of": hit.of,
            "note": hit.note,
        }


def _judged(rule: Rule, hit: Hit) -> Hit:
    from dataclasses import replace

    if hit.status is not None:
        return hit
    if hit.count == 0:
        return replace(hit, status=Status.PASSED)
    serious = rule.severity in (Severity.CRITICAL, Severity.HIGH)
    fails = serious and hit.count / max(hit.of, 1) > rule.fail_share
    return replace(hit, status=Status.FAILED if fails else Status.WARNED)


def _finding(rule: Rule, status: Status, hits: list[Hit], book: Book) -> dict[str, Any]:
    tables = list(dict.fromkeys(hit.table for hit in hits))
    columns = list(dict.fromkeys(c for hit in hits for c in hit.columns))
    counted = any(hit.n is not None for hit in hits)
    n = sum(hit.count for hit in hits) if counted else len(rows_of(hits))
    of = sum(book.sheets[table].n for table in tables if table in book.sheets)
    if counted:
        of = max(n, sum(hit.of for hit in hits))
    notes = [f"{hit.table}: {hit.note}" if len(tables) > 1 else hit.note for hit in hits[:6]]
    more = f"; and {len(hits) - 6} more places" if len(hits) > 6 else ""
    return _answer(
        rule,
        status,
        "; ".join(note for note in notes if note) + more,
        table=",".join(tables),
        column=",".join(columns),
        n_rows=n,
        share=n / of if of else 0.0,
    )


def _answer(
    rule: Rule,
    status: Status,
    message: str,
    *,
    table: str = "",
    column: str = "",
    n_rows: int = 0,
    share: float = 0.0,
) -> dict[str, Any]:
    return {
        "code": rule.code,
        "control_point": rule.control_point,
        "title": rule.title,
        "table": table,
        "column": column,
        "status": status.value,
        "severity": rule.severity.value,
        "n_rows": n_rows,
        "counts": rule.counts,
        "share": share,
        "limit": rule.limit,
        "message": f"{rule.title}: {message}.",
        "definition": rule.definition,
        "source": rule.source,
        "action": rule.action,
        "harm": rule.harm,
    }
