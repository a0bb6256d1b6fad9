"""What the audit says: the findings of its checks, exact counts, and what the data suffice for."""

from __future__ import annotations

from dataclasses import dataclass, field

import pandas as pd

from segwork.checks import Findings
from segwork.quality.readiness import Readiness
from segwork.quality.sources import SourceTables


@dataclass(frozen=True)
class Audit(Findings):
    """The data health report; see :class:`segwork.checks.Findings` for what it can be asked.

    Attributes
    ----------
    findings : DataFrame
        One row per check, columns :data:`segwork.checks.COLUMNS`.
    counts : DataFrame
        Plain exact counts with their definitions: name, value, definition.
    readiness : Readiness
    sources : SourceTables
        The tables as the checks read them, for figures.
    """

    counts: pd.DataFrame
    readiness: Readiness
    sources: SourceTables = field(repr=False)

    @property
    def findings(self) -> pd.DataFrame:
        """One row per check."""
        return self.table

    def facts(self) -> dict[str, float | int | str]:
        """Return the counts, and of every check that ran its status and its number of rows."""
        counted = zip(self.counts["name"], self.counts["value"], strict=True)
        return {**dict(counted), **super().facts()}
