"""The data health audit: every check of the catalogue over all five tables.

A check is one small function in a module of its group; what it is called, counts, allows and
means is data in ``checks.toml``. Nothing here repairs anything.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import date

from segwork import checks
from segwork.quality import (  # noqa: F401 - importing them registers their checks
    baskets,
    behavioural,
    customer_ids,
    duplicates,
    exchange,
    external,
    general,
    house_orders,
    interaction,
    jumps,
    lateness,
    levels,
    missing,
    returns,
    spellings,
    transactional,
    units,
)
from segwork.quality.columns import periods, profiles, summaries
from segwork.quality.counts import counts_of
from segwork.quality.income import MissingIncome, missing_income
from segwork.quality.readiness import Readiness, readiness, readiness_of
from segwork.quality.result import Audit
from segwork.quality.sources import source_tables
from segwork.quality.summary import (
    answer,
    calendars,
    details,
    health,
    largest_gaps,
    loading,
    missing_map,
    rates,
    sessions,
    to_fix,
)
from segwork.tables import Tables

__all__ = ["Audit", "MissingIncome", "Readiness", "audit", "missing_income", "readiness"]
__all__ += ["answer", "calendars", "details", "health", "largest_gaps", "loading"]
__all__ += ["missing_map", "rates", "sessions", "to_fix"]
__all__ += ["periods", "profiles", "summaries"]


def audit(tables: Tables, *, as_of: date | str, only: Collection[str] | None = None) -> Audit:
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
    errors: where are we and what needs to be done?". Limits and their sources: ``checks.toml``.

    Examples
    --------
    >>> import pandas as pd
    >>> from segwork import tables
    >>> lines = pd.DataFrame({"customer_id": ["a", "b"], "ordered_at": ["2024-01-02"] * 2,
    ...                       "quantity": [1, 2], "unit_price": [4.5, -1.0]})
    >>> report = audit(tables.from_frames(transactions=lines), as_of="2024-02-01")
    >>> report.findings.set_index("code").loc["DQ-T-06", "status"]
    'failed'
    >>> report.rows("DQ-T-06").values.tolist()
    [['transactions', 1]]
    """
    sources = source_tables(tables, as_of=as_of)
    sizes = {source.name: source.n for source in sources}
    found = checks.run("DQ", sources, only=only, sizes=sizes)
    counts, ready = counts_of(sources), readiness_of(sources)
    return Audit(found.table, found.evidence, counts, ready, sources)
