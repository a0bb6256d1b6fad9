"""The segments of a run in one table: names, sizes, what they bring, where they go, what to do."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
from markupsafe import Markup

from segwork.report.folder import JudgedRun
from segwork.report.notebook import Rows
from segwork.results import display

FEWEST = 10  # customers of a segment that is shown
TABLES = ("segment_profile", "segment_value", "segment_moves", "segment_names", "segment_actions")
COLUMNS = {
    "customers": ("customers", ""),
    "share": ("share of customers", "share"),
    "spend_share": ("share of all spend", "share"),
    "total": ("total", ""),
    "trend": ("trend", ""),
    "action": ("what to do", ""),
}
WIDTHS = {"trend": "phrase", "action": "sentence"}  # columns of words, and the class of their width


def known(run: JudgedRun) -> pd.DataFrame | None:
    """Return what notebooks left about each segment, side by side; None where nothing is known.

    The largest segment comes first; one of fewer than ten customers is left out. Read are the
    tables ``segment_…`` of the run folder that have a column ``segment``; the first to know a
    column is the one that is shown.
    """
    whole: pd.DataFrame | None = None
    for name in TABLES:
        part = _of_segments(run.files.table(name))
        if part is None:
            continue
        if whole is None:
            whole = part
        else:
            whole = whole.join(part[[c for c in part.columns if c not in whole.columns]])
    if whole is None or "customers" not in whole.columns:
        return None
    return whole[whole["customers"] >= FEWEST].sort_values("customers", ascending=False)


def called(table: pd.DataFrame, segment: object) -> str:
    """Return the name of a segment with its code, where a page has named it; else its code."""
    name = _plain(table["name"].get(segment)) if "name" in table.columns else None
    return f"{name} ({segment})" if name else str(segment)


def segments(run: JudgedRun) -> Rows | None:
    """Return the segments as a table for the index; None where nothing is known."""
    whole = known(run)
    if whole is None:
        return None
    columns = [name for name in COLUMNS if name in whole.columns]
    rows = [
        [_named(whole, segment), *(_cell(row[name], name) for name in columns)]
        for segment, row in whole.iterrows()
    ]
    numbers = "".join(str(at) for at, name in enumerate(columns, 1) if name not in WIDTHS)
    return Rows(["segment", *(_heading(run, whole, name) for name in columns)], rows, numbers)


def _named(table: pd.DataFrame, segment: object) -> str:
    """Return code and name of a segment; names are told apart quicker than codes."""
    name = _plain(table["name"].get(segment)) if "name" in table.columns else None
    return f"{segment} · {name}" if name else str(segment)


def _cell(value: object, name: str) -> str:
    """Return a value as it is shown; what is said in words gets room for them."""
    said = display(_plain(value), COLUMNS[name][1])
    room = WIDTHS.get(name)
    return Markup('<span class="{}">{}</span>').format(room, said) if room else said


def _heading(run: JudgedRun, whole: pd.DataFrame, name: str) -> str:
    """Return the words above a column; money says what it is and in which currency."""
    if name != "total":
        return COLUMNS[name][0]
    money = run.manifest["config"].get("currency") or ""
    what = str(whole["answer"].dropna().iloc[0]) if "answer" in whole else "total"
    days = run.manifest["config"].get("window_days")
    span = f" of {days} days" if days else ""
    return f"{what}{span} ({money})" if money else f"{what}{span}"


def _of_segments(path: Path) -> pd.DataFrame | None:
    if not path.is_file():
        return None
    table = pd.read_parquet(path)
    table = table.reset_index() if table.index.name == "segment" else table
    if "segment" not in table.columns or table["segment"].duplicated().any():
        return None
    return table.set_index("segment")


def _plain(value: object) -> object:
    value = value.item() if hasattr(value, "item") else value
    return None if value is None or value != value else value
