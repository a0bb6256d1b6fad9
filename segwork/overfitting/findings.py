"""One row per check, in the words of the catalogue."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from segwork.results import Severity, Status

SEVERITY = {
    **dict.fromkeys(("OF-07", "OF-08", "OF-09", "OF-10", "OF-11"), Severity.CRITICAL),
    **dict.fromkeys(("OF-12", "OF-14", "OF-19"), Severity.CRITICAL),
    **dict.fromkeys(("OF-02", "OF-13", "OF-15", "OF-16", "OF-17"), Severity.HIGH),
    **dict.fromkeys(("OF-01", "OF-03", "OF-04", "OF-06", "OF-18", "OF-20"), Severity.MEDIUM),
    "OF-05": Severity.LOW,
}
COLUMNS = ["code", "table", "column", "status", "severity", "n_rows", "share", "message"]


@dataclass(frozen=True)
class Check:
    """The answer of one check.

    Attributes
    ----------
    code : str
        Catalogue id, OF-01 to OF-20.
    status : Status
    message : str
        One sentence with the numbers in it.
    columns : tuple of str
        Features it is about.
    n_rows : int or None
        Rows it is about.
    share : float or None
        The same as a share, or the size of the effect where no rows are counted.
    """

    code: str
    status: Status
    message: str
    columns: tuple[str, ...] = ()
    n_rows: int | None = None
    share: float | None = None


def alarm(code: str) -> Status:
    """Critical and high findings fail, medium and low ones warn."""
    grave = SEVERITY[code] in (Severity.CRITICAL, Severity.HIGH)
    return Status.FAILED if grave else Status.WARNED


def not_applicable(code: str, why: str) -> Check:
    """Return the answer of a check that has nothing to look at."""
    return Check(code, Status.NOT_APPLICABLE, f"Not applicable: {why}.")


def as_frame(checks: list[Check]) -> pd.DataFrame:
    """Return the checks in order of code, one row each."""
    rows = [
        (c.code, "X", ",".join(c.columns), str(c.status), str(SEVERITY[c.code]),
         c.n_rows, c.share, c.message)
        for c in sorted(checks, key=lambda c: c.code)
    ]  # fmt: skip
    frame = pd.DataFrame(rows, columns=COLUMNS)
    return frame.astype({"n_rows": "Int64", "share": float})
