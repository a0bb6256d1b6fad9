"""Every column by itself, and whether its last period looks like the one before."""

from __future__ import annotations

import numpy as np
import pandas as pd

from segwork.disclosure import SMALLEST_GROUP
from segwork.quality.result import Audit
from segwork.quality.sources import SourceTable
from segwork.results import display
from segwork.runs.people import VALUE
from segwork.schema import TABLES, Kind

TAILS = (0.05, 0.25, 0.5, 0.75, 0.95)  # no extremes: the largest value is somebody's
FEWEST = 20 * SMALLEST_GROUP  # values behind a twentieth of the column that is five people
COMMONEST, MOST_WORDS = 8, 50  # words that are shown, and that have a bin of their own
TENTHS = np.arange(1, 10) / 10
MEASURED = (Kind.NUMBER, Kind.CATEGORY, Kind.FLAG)


def profiles(audit: Audit) -> list[tuple[str, pd.DataFrame]]:
    """Return a line and a small table about every column of every table, in source order.

    Returns
    -------
    list of (str, DataFrame)
        ``transactions.amount: number, 0.0 % missing`` and columns ``what``, ``value``. Numbers
        have quantiles and no extremes, words the commonest ones with five rows or more; of
        personal columns, ids and texts nothing is shown but how many there are.
    """
    return [_profile(source, column) for source in audit.sources for column in source.frame.columns]


def periods(
    audit: Audit, table: str = "transactions", *, days: int = 91
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the measured columns of the last days and of as many days before them.

    Returns
    -------
    (DataFrame, DataFrame)
        The period before, and the last one; both empty where the table or its times are missing.
    """
    source = audit.sources.get(table)
    if source is None or source.days() is None:
        return pd.DataFrame(), pd.DataFrame()
    names = [n for n in source.columns(*MEASURED) if not _personal(source, n)]
    numbers = {n: source.number(n) for n in names if source.kind(n) is Kind.NUMBER}
    read = {n: numbers[n] if n in numbers else source.frame[n].astype(str) for n in names}
    frame = pd.DataFrame(read).replace([np.inf, -np.inf], np.nan)
    age = audit.sources.as_of.astype(np.int64) - source.days()
    return frame[(age > days) & (age <= 2 * days)], frame[(age > 0) & (age <= days)]


def summaries(audit: Audit, *, days: int = 91, bins: pd.DataFrame | None = None) -> pd.DataFrame:
    """Count the rows in each bin of every measured column: what a later run is compared with.

    Parameters
    ----------
    audit : Audit
    days : int, default 91
        Of a table with times the last days before the cut are counted, of others all rows.
    bins : DataFrame, optional
        Summaries of another run: its bins are used, and no column without one.

    Returns
    -------
    DataFrame
        ``table, column, bin, rows``; a bin is ``≤ 12.5`` (numbers, by tenths), ``> 90``,
        ``= France`` (the fifty commonest words of five rows or more), ``other`` or ``missing``.
        Personal columns, ids and texts are not in it.
    """
    known = {} if bins is None else dict(list(bins.groupby(["table", "column"])["bin"]))
    found: list[tuple[str, str, str, int]] = []
    for source in audit.sources:
        rows = np.ones(source.n, bool)
        if (day := source.days()) is not None:
            age = audit.sources.as_of.astype(np.int64) - day
            rows = (age > 0) & (age <= days)
        for column in source.columns(*MEASURED):
            own = known.get((source.name, column))
            if _personal(source, column) or (bins is not None and own is None):
                continue
            of_kind = _tenths if source.kind(column) is Kind.NUMBER else _words
            counts = of_kind(source, column, rows, own)
            found += [(source.name, column, name, int(n)) for name, n in counts.items()]
    return pd.DataFrame(found, columns=["table", "column", "bin", "rows"])


def _tenths(
    source: SourceTable, column: str, rows: np.ndarray, own: pd.Series | None
) -> dict[str, int]:
    values = source.number(column)[rows]
    values = values[np.isfinite(values)]
    if own is None:
        borders = np.unique(np.quantile(values, TENTHS)) if len(values) >= FEWEST else np.array([])
    else:
        borders = own[own.str.startswith("≤ ")].str[2:].astype(float).to_numpy()
    if not len(borders):
        return {}
    counts = np.bincount(np.searchsorted(borders, values), minlength=len(borders) + 1)
    names = [*(f"≤ {border}" for border in borders), f"> {borders[-1]}"]
    return dict(zip(names, counts, strict=True)) | {"missing": rows.sum() - len(values)}


def _words(
    source: SourceTable, column: str, rows: np.ndarray, own: pd.Series | None
) -> dict[str, int]:
    codes, words = source.codes(column)[0][rows], source.words(column)
    sizes = pd.Series(np.bincount(codes[codes >= 0], minlength=len(words)), index=words)
    if own is None:
        shown = sizes[(sizes >= SMALLEST_GROUP) & ~sizes.index.str.contains(VALUE)]
        kept = list(shown.sort_values(ascending=False, kind="stable").index[:MOST_WORDS])
    else:
        kept = list(own[own.str.startswith("= ")].str[2:])
    counts = {f"= {word}": sizes.get(word, 0) for word in kept}
    other = sizes.sum() - sum(counts.values())
    return counts | {"other": other, "missing": (codes < 0).sum()}


def _personal(source: SourceTable, column: str) -> bool:
    known = TABLES[source.name].column(column)
    return known is not None and known.personal


def _profile(source: SourceTable, column: str) -> tuple[str, pd.DataFrame]:
    kind, missing = source.kind(column), float(source.missing(column).mean())
    line = f"{source.name}.{column}: {kind}, {display(missing, 'share')} missing"
    rows = [("rows", display(source.n)), ("distinct values", display(len(source.words(column))))]
    if not _personal(source, column):
        rows += _values(source, column, kind)
    return line, pd.DataFrame(rows, columns=["what", "value"])


def _values(source: SourceTable, column: str, kind: Kind) -> list[tuple[str, str]]:
    if kind is Kind.NUMBER:
        values = source.number(column)
        values = values[np.isfinite(values)]
        if len(values) < FEWEST:
            return [("quantiles", f"not shown, fewer than {FEWEST} values")]
        cuts = np.quantile(values, TAILS)
        names = ["median" if q == 0.5 else f"quantile {q:g}" for q in TAILS]
        return [(name, display(float(cut))) for name, cut in zip(names, cuts, strict=True)]
    if kind in (Kind.CATEGORY, Kind.FLAG):
        sizes, words = source.sizes(column), source.words(column)
        order = np.argsort(-sizes, kind="stable")[:COMMONEST]
        return [
            (f"“{words[at]}”", display(sizes[at] / source.n, "share"))
            for at in order
            if sizes[at] >= SMALLEST_GROUP and not VALUE.search(words[at])
        ]
    if kind is Kind.TIME:
        days = np.sort(source.time(column)[~np.isnat(source.time(column))])
        if len(days) >= FEWEST:
            cuts = days[[int(q * (len(days) - 1)) for q in TAILS]].astype("datetime64[D]")
            return [(f"quantile {q:g}", str(day)) for q, day in zip(TAILS, cuts, strict=True)]
    return []
