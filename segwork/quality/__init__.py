"""The data health audit: every check of the catalogue over all five tables.

A check is one small function in a module of its family; what it is called, counts, allows and
means is data in ``catalogue.toml``. Nothing here repairs anything.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import date, datetime
from typing import Any

import narwhals as nw
import numpy as np
import pandas as pd
from tqdm import tqdm

from segwork.errors import DataError, UsageError
from segwork.progress import unwatched
from segwork.quality import (
    behavioural,
    duplicates,
    exchange,
    external,
    general,
    interaction,
    lateness,
    levels,
    missing,
    transactional,
)
from segwork.quality.counts import counts_of
from segwork.quality.income import MissingIncome, missing_income
from segwork.quality.readiness import Readiness, readiness
from segwork.quality.result import (
    Audit,
    Check,
    catalogue,
    details_of,
    rows_of,
    run,
    skipped,
)
from segwork.quality.sheet import Book, Sheet
from segwork.schema import TABLES

__all__ = [
    "Audit",
    "MissingIncome",
    "Readiness",
    "audit",
    "catalogue",
    "checks",
    "missing_income",
    "readiness",
]


def audit(tables: Any, *, as_of: date | str, only: Collection[str] | None = None) -> Audit:
    """Check the health of the tables; count and locate every fault, repair none.

    Parameters
    ----------
    tables : segwork.tables.Tables
        Any engine; a table that is None makes its checks not applicable.
    as_of : date or str
        The day the data were taken; a date after it is impossible.
    only : collection of str, optional
        Codes of the checks to run; the others are skipped, which never counts as passed.

    Returns
    -------
    Audit
        ``.findings`` (one row per check), ``.rows(code)``, ``.counts``, ``.readiness``,
        ``.facts()``.

    Raises
    ------
    UsageError
        ``as_of`` is no date.
    DataError
        There is no row in any table.

    References
    ----------
    Kim et al. (2003), "A taxonomy of dirty data"; Abedjan et al. (VLDB 2016), "Detecting data
    errors: where are we and what needs to be done?". Limits and their sources: ``catalogue.toml``.

    Examples
    --------
    >>> from segwork import tables
    >>> lines = pd.DataFrame({"customer_id": ["a", "b"], "ordered_at": ["2024-01-02"] * 2,
    ...                       "quantity": [1, 2], "unit_price": [4.5, -1.0]})
    >>> report = audit(tables.from_frames(transactions=lines), as_of="2024-02-01")
    >>> report.findings.set_index("code").loc["DQ-T-06", "status"]
    'failed'
    >>> report.rows("DQ-T-06").values.tolist()
    [['transactions', 1]]
    """
    book = open_book(tables, as_of=as_of)
    functions, findings, rows, details = checks(), [], {}, []
    for code, rule in tqdm(
        catalogue().items(), desc="data health", unit="check", disable=unwatched()
    ):
        if only is not None and code not in only:
            findings.append(skipped(rule))
            rows[code] = rows_of([])
            continue
        finding, hits = run(rule, functions[code], book)
        findings.append(finding)
        rows[code] = rows_of(hits)
        details += details_of(code, hits)
    columns = ["code", "table", "column", "status", "n", "of", "note"]
    return Audit(
        findings=pd.DataFrame(findings),
        details=pd.DataFrame(details, columns=columns),
        counts=counts_of(book),
        readiness=readiness(tables, as_of=as_of),
        book=book,
        _rows=rows,
    )


def checks() -> dict[str, Check]:
    """Return the function behind every code of the catalogue."""
    families = (
        duplicates, general, levels, missing, behavioural, exchange, transactional, interaction,
        external, lateness,
    )  # fmt: skip
    found = {code: check for family in families for code, check in family.CHECKS.items()}
    return {code: found[code] for code in catalogue() if code in found}


def open_book(tables: Any, *, as_of: date | str) -> Book:
    """Take the given tables as sheets in source order."""
    sheets = {}
    for name in TABLES:
        native = source_frame(tables, name)
        if native is not None:
            sheets[name] = Sheet(name, native, getattr(tables, name))
    if not any(sheet.n for sheet in sheets.values()):
        raise DataError("there is no row in any table", accepted="at least transactions with rows")
    return Book(sheets, as_day(as_of))


def source_frame(tables: Any, name: str) -> Any:
    """Return a table as it came, before anything was read into types, under contract names."""
    checked = getattr(tables, name, None)
    if checked is None:
        return None
    given = nw.from_native(tables.source(name))
    own = {theirs: ours for ours, theirs in tables.columns[name].items() if ours != theirs}
    return given.rename(own).to_native() if own else given.to_native()


def as_day(as_of: date | str) -> np.datetime64:
    """Return the day as numpy knows it."""
    try:
        if isinstance(as_of, datetime | date):
            return np.datetime64(as_of.strftime("%Y-%m-%d"), "D")
        return np.datetime64(datetime.fromisoformat(as_of).strftime("%Y-%m-%d"), "D")
    except (ValueError, TypeError, AttributeError):
        raise UsageError(f"as_of is {as_of!r}, which is no date", accepted="2011-12-10") from None
