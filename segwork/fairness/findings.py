"""Findings of one test: only the checks that look at its kind of subject."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Self

import pandas as pd
from numpy.typing import ArrayLike

from segwork import checks
from segwork.errors import DataError
from segwork.results import Status


def findings(subject: object, *codes: str) -> checks.Findings:
    """Run the checks of these codes on one subject; the others look at other things."""
    found = checks.run("FA", subject, only=codes)
    table = found.table[found.table["code"].isin(codes)].reset_index(drop=True)
    return checks.Findings(table, {code: found.evidence[code] for code in codes})


@dataclass(frozen=True, kw_only=True)
class Judged:
    """A test's result with its answer: ``found`` holds the finding, its words and its rule."""

    found: checks.Findings = field(repr=False, compare=False, default=None)

    def judged(self, *codes: str) -> Self:
        """Return the result with what its checks say of it."""
        return replace(self, found=findings(self, *codes))

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


def one_length(who: str = "customer", **columns: ArrayLike) -> None:
    """Refuse columns that are not of the same people.

    Raises
    ------
    DataError
        Lengths differ, or are zero.
    """
    sizes = [len(column) for column in columns.values()]
    if len(set(sizes)) > 1 or not sizes[0]:
        *names, last = columns
        *counts, of_last = map(str, sizes)
        raise DataError(
            f"{', '.join(names)} and {last} have {', '.join(counts)} and {of_last} rows",
            accepted=f"one row per {who} in each, in the same order",
        )
