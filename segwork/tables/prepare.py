"""What the rules of a config do to a table: rows that do not count, money that is taken off."""

from __future__ import annotations

from dataclasses import replace

import pandas as pd

from segwork.errors import DataError
from segwork.runs.files import Json
from segwork.schema import Kind
from segwork.source import Source
from segwork.tables import parsing, times
from segwork.tables.faults import Fault
from segwork.tables.raw import Raw


def rows(raw: Raw, name: str, source: Source) -> Raw:
    """Fill down and leave out rows as the rules say; what is left out is counted as a fault.

    Raises
    ------
    DataError
        A rule names a column that is not there.
    """
    rules = source.rules
    if not set(rules) & {"fill_down", "drop", "keep", "nobody", "order_of"}:
        return raw
    frame = raw.frame.copy(deep=False)
    if own := rules.get("fill_down"):
        for column in own:
            frame[column] = _cells(frame, column, name).replace("", None).ffill()
    if together := rules.get("order_of"):
        parts = [_cells(frame, column, name).astype("str").fillna("") for column in together]
        frame[source.columns.get("order_id", "order_id")] = parts[0].str.cat(parts[1:], sep="/")
    kept = pd.Series(True, index=frame.index)
    faults = list(raw.faults)
    if none := rules.get("nobody"):
        who = source.columns.get("customer_id", "customer_id")
        absent = _cells(frame, who, name).astype("str").str.strip().isin(none)
        frame[who] = frame[who].mask(absent)
        faults += [Fault(name, who, "nobody", int(absent.sum()))] if absent.any() else []
    for kind in ("drop", "keep"):
        for rule in rules.get(kind, ()):
            hit = matches(frame, rule, name, source)
            gone = hit if kind == "drop" else ~hit
            if n_rows := int((gone & kept).sum()):
                faults.append(Fault(name, rule["column"], "left_out_by_rule", n_rows))
            kept &= ~gone
    left_out = raw.left_out + int((~kept).sum())
    return replace(raw, frame=frame[kept].reset_index(drop=True), faults=faults, left_out=left_out)


def matches(frame: pd.DataFrame, rule: Json, name: str, source: Source) -> pd.Series:
    """Return which rows a rule speaks of, as a boolean Series."""
    cells = _cells(frame, rule["column"], name)
    text = cells.astype("str").fillna("").astype(str).str.strip()
    if rule.get("nonempty"):
        hit = text != ""
    elif begins := rule.get("startswith"):
        hit = text.str.startswith(tuple([begins] if isinstance(begins, str) else begins))
    else:
        hit = text.isin({str(value) for value in rule.get("values", ())})
    if rule.get("whole_order"):
        order = _cells(frame, source.columns.get("order_id", "order_id"), name)
        hit = order.isin(order[hit].dropna())
    return hit


def money(
    amount: pd.Series, frame: pd.DataFrame, name: str, source: Source
) -> tuple[pd.Series, list[str]]:
    """Return the amounts after the rules, and sentences on what was done to them."""
    rules, notes = source.rules, []
    amount = amount.astype(float)
    for rule in rules.get("negative", ()):
        amount = amount.where(~matches(frame, rule, name, source), -amount.abs())
        notes.append(f"{name}.amount is negative where '{rule['column']}' says so.")
    for column in rules.get("subtract", ()):
        off = _number(frame, column, name, source).fillna(0.0).abs()
        amount = amount - off
        notes.append(f"{name}.amount has '{column}' taken off.")
    for rule in rules.get("zero", ()):
        given = _number(frame, rule["column"], name, source).fillna(0.0)
        amount = amount.mask(given != 0, 0.0)
        notes.append(f"{name}.amount is 0 where '{rule['column']}' is not.")
    if scale := rules.get("scale"):
        amount = amount * scale
        notes.append(f"{name}.amount was multiplied by {scale:g}.")
    return amount, notes


def clock(
    moments: pd.Series, frame: pd.DataFrame, name: str, source: Source
) -> tuple[pd.Series, pd.Series]:
    """Add the time of day of a second column; return the moments and the rows without one."""
    seconds = times.clock_seconds(_cells(frame, source.clock, name))
    whole = moments + pd.to_timedelta(seconds.fillna(0.0), unit="s")
    return whole.astype("datetime64[us]"), seconds.isna().to_numpy() & moments.notna().to_numpy()


def _number(frame: pd.DataFrame, column: str, name: str, source: Source) -> pd.Series:
    cells = _cells(frame, column, name)
    return parsing.parse(cells, Kind.NUMBER, source).column.astype(float)


def _cells(frame: pd.DataFrame, column: str, name: str) -> pd.Series:
    if column not in frame.columns:
        raise DataError.unknown("column", column, map(str, frame.columns), where=f"rules of {name}")
    return frame[column]
