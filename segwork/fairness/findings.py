"""Findings of one test: only the checks that look at its kind of subject."""

from __future__ import annotations

import pandas as pd

from segwork import checks
from segwork.results import Status


def findings(subject: object, *codes: str) -> checks.Findings:
    """Run the checks of these codes on one subject; the others look at other things."""
    found = checks.run("FA", subject, only=codes)
    table = found.table[found.table["code"].isin(codes)].reset_index(drop=True)
    return checks.Findings(table, {code: found.evidence[code] for code in codes})


class Judged:
    """A test's result with its answer: ``found`` holds the finding, its words and its rule."""

    found: checks.Findings

    @property
    def findings(self) -> pd.DataFrame:
        """One row per check, with the columns of every audit."""
        return self.found.table

    @property
    def status(self) -> Status:
        """The answer of the first check."""
        return Status(self.found.table["status"].iloc[0])

    @property
    def message(self) -> str:
        """The numbers in words."""
        notes = self.found.details["note"]
        return "; ".join(notes) + "." if len(notes) else str(self.found.table["message"].iloc[0])
