"""The answers of a family of checks: one row each, the rows behind them, the facts."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from segwork.checks.answers import Evidence
from segwork.checks.catalogue import CONTROL_POINTS
from segwork.errors import UsageError
from segwork.results import Severity, Status

COLUMNS = ["code", "control_point", "title", "table", "column", "status", "severity"]
COLUMNS += ["value", "low", "high", "limit", "unit", "n_rows", "n", "counts", "share", "message"]
COLUMNS += ["definition", "source", "action", "why"]
ALARMS = (Status.FAILED, Status.WARNED)


@dataclass(frozen=True)
class Findings:
    """What :func:`segwork.checks.run` gives.

    Attributes
    ----------
    table : DataFrame
        One row per check, columns :data:`COLUMNS`: ``n_rows`` is what was found, ``n`` how many
        were looked at, ``value`` with ``low`` and ``high`` the estimate in ``unit``.
    evidence : mapping of code to list of Evidence
        What each check found, place by place, the places that decided first.
    """

    table: pd.DataFrame
    evidence: Mapping[str, list[Evidence]] = field(repr=False)

    def status(self, code: str) -> str:
        """Return the status word of one check."""
        self._known(code)
        return str(self.table.set_index("code").loc[code, "status"])

    def rows(self, code: str) -> pd.DataFrame:
        """Return every row behind a finding: table, row (0-based source position).

        Raises
        ------
        UsageError
            No check has this code.
        """
        self._known(code)
        return rows_of(self.evidence[code])

    @property
    def alarms(self) -> pd.DataFrame:
        """The failed and warned findings, worst first: failed, severity, share of the rows."""
        hot = self.table[self.table["status"].isin([s.value for s in ALARMS])]
        order = {s.value: i for i, s in enumerate(Severity)}
        rank = hot["severity"].map(order).astype(int) + 10 * (hot["status"] == Status.WARNED)
        by = ["_rank", "share", "code"]
        ordered = hot.assign(_rank=rank).sort_values(by, ascending=[True, False, True])
        return ordered.drop(columns="_rank")

    @property
    def health(self) -> pd.DataFrame:
        """Number of checks by control point and status."""
        names = [s.value for s in Status if s is not Status.WAIVED]
        table = pd.crosstab(self.table["control_point"], self.table["status"])
        order = [p for p in CONTROL_POINTS.values() if p in table.index]
        order += [p for p in table.index if p not in order]
        return table.reindex(index=order, columns=names, fill_value=0)

    @property
    def details(self) -> pd.DataFrame:
        """One row per place a check looked at with a result: code, table, column, status, n …"""
        rows = [
            (code, e.table, ",".join(e.columns), str(e.status), e.count, e.of, e.note)
            for code, places in self.evidence.items()
            for e in places
        ]
        return pd.DataFrame(rows, columns=["code", "table", "column", "status", "n", "of", "note"])

    def facts(self) -> dict[str, float | int | str]:
        """Return how many checks gave each status, and of each its status and its count."""
        facts: dict[str, float | int | str] = {
            f"checks_{status.value}": int((self.table["status"] == status).sum())
            for status in Status
            if status is not Status.WAIVED
        }
        for row in self.table.itertuples():
            name = re.sub(r"\W", "_", str(row.code)).lower()
            facts[f"{name}_status"] = str(row.status)
            if row.status not in (Status.NOT_APPLICABLE, Status.SKIPPED) and pd.notna(row.n_rows):
                facts[f"{name}_rows"] = int(row.n_rows)
        return facts

    def _known(self, code: str) -> None:
        if code not in self.evidence:
            raise UsageError.unknown("check", code, self.evidence, where="the audit")


def rows_of(places: list[Evidence]) -> pd.DataFrame:
    """Return the distinct rows of the evidence: table, row."""
    parts = [
        pd.DataFrame({"table": e.table, "row": np.asarray(e.rows, np.int64)})
        for e in places
        if e.rows is not None
    ]
    if not parts:
        return pd.DataFrame({"table": pd.Series(dtype=str), "row": pd.Series(dtype=np.int64)})
    return pd.concat(parts, ignore_index=True).drop_duplicates(ignore_index=True)
