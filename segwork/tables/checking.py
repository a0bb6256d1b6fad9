"""Hold one table against the contract: map, type, derive; collect every problem and fault."""

from __future__ import annotations

import difflib
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from segwork.errors import DataError
from segwork.schema import TABLES, Kind, Table
from segwork.source import Source
from segwork.tables import parsing, prepare
from segwork.tables.faults import Fault, first_values

HUGE = 1e9
MONEY = ("amount", "quantity", "unit_price")
UNREAD = ("not_a_time", "not_a_number", "decimal_comma", "not_a_flag")
"""Faults of values that are there and cannot be read."""
HINTS = {
    Kind.TIME: 'set time_format, such as "%d/%m/%Y" or "s", or day_first',
    Kind.NUMBER: "set decimal, thousands or money_signs",
    Kind.FLAG: 'name the words in rules: yes = ["Ya"], no = ["Tidak"]',
}


@dataclass
class Checked:
    """A table after the check; ``problems`` are the reasons it cannot be used at all."""

    frame: Any = None
    columns: dict[str, str] = field(default_factory=dict)
    faults: list[Fault] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    count: Callable[[], list[Fault]] | None = None

    def found(self) -> list[Fault]:
        """Return the faults; a lazy table counts them now."""
        return self.faults if self.count is None else self.count()


def check_names(names: list[str], table: Table, source: Source) -> Checked:
    """Find the source column of every contract column; say what is missing, twice or mistaken."""
    checked = Checked()
    for name, times in Counter(names).items():
        if times > 1:
            checked.problems.append(f"column '{name}' is there {times} times")
    wanted = dict(source.columns)
    for name, own in wanted.items():
        if own not in names:
            checked.problems.append(f"no column '{own}' (mapped to {name}){_near(own, names)}")
    mapped = set(wanted.values())
    own_names = {name: name for name in names if name not in mapped and name not in wanted}
    clashing = [n for n in names if n in wanted and n not in mapped and n not in own_names]
    kept = {f"source_{name}": name for name in clashing if f"source_{name}" not in names}
    checked.notes += [
        f"{table.name}: the file's own '{n}' is kept as 'source_{n}'." for n in clashing
    ]
    mine = {name: own for name, own in wanted.items() if own in names}
    checked.columns = {**mine, **own_names, **kept}
    checked.problems += _lacking(checked.columns, wanted, table, names)
    return checked


def _lacking(
    columns: Mapping[str, str], wanted: Mapping[str, str], table: Table, names: list[str]
) -> list[str]:
    lacking = [n for n in table.needed if n not in columns and n not in wanted]
    return [f"needs a column '{name}'{_near(name, names)}" for name in lacking]


def _near(name: str, names: list[str]) -> str:
    """Suggest the nearest actual column, else list the columns there are."""
    folded = {n.lower().replace(" ", "").replace("_", ""): n for n in names}
    near = difflib.get_close_matches(name.lower().replace("_", ""), folded, n=1, cutoff=0.6)
    if near:
        return f"; did you mean '{folded[near[0]]}'?"
    shown = ", ".join(f"'{n}'" for n in names[:12])
    return f"; columns there: {shown or 'none'}{', …' if len(names) > 12 else ''}"


def check_pandas(frame: Any, table: Table, source: Source, *, raw_text: bool = False) -> Checked:
    """Check a pandas frame; the result has fresh columns, the frame given is not changed.

    Parameters
    ----------
    raw_text : bool
        Every column is text because the source has no types (CSV): extra columns that are
        numbers throughout become numbers.
    """
    import pandas as pd

    checked = check_names([str(name) for name in frame.columns], table, source)
    if not checked.problems and len(frame) == 0:
        checked.problems.append("has no rows")
    if checked.problems:
        return checked
    by_name = {str(name): position for position, name in enumerate(frame.columns)}
    ready = {}
    for name, own in checked.columns.items():
        column = frame.iloc[:, by_name[own]]
        contract = table.column(name)
        if contract is None:
            ready[name] = _extra(column) if raw_text else column
        else:
            ready[name] = _read(column, contract.name, contract.kind, checked, table, source)
    if source.clock and "ordered_at" in ready and not checked.problems:
        _add_clock(ready, frame, checked, table, source)
    _derive_pandas(ready, frame, checked, table, source)
    checked.frame = pd.DataFrame(ready, index=frame.index, copy=False)
    return checked


def _read(
    column: Any, name: str, kind: Kind, checked: Checked, table: Table, source: Source
) -> Any:
    parsed = parsing.parse(column, kind, source)
    needed = name in table.needed
    if parsed.problem:
        checked.problems.append(f"'{name}': {parsed.problem}")
    elif parsed.column.isna().all() and (needed or (source.is_named and name in MONEY)):
        checked.problems.append(no_value(table, name, first_values(column.dropna().head(1))))
    elif source.is_named and (problem := _mostly_unread(column, name, table, parsed.faults)):
        checked.problems.append(problem)
    faults = dict(parsed.faults)
    if needed or name in MONEY:
        faults["missing"] = _missing(parsed)
    if name == "amount":
        faults["huge"] = (parsed.column.abs() >= HUGE).to_numpy()
    for code, rows in faults.items():
        count_rows(checked, table, name, code, column, rows)
    checked.notes += [f"{table.name}.{name} was {note}." for note in parsed.notes]
    return parsed.column


def no_value(table: Table, name: str, examples: tuple[str, ...]) -> str:
    """Say that nothing of a needed column can be read, and what can be done about it."""
    if not examples:
        return f"no value of '{name}': all are missing"
    kind = table.column(name).kind
    hint = f" ({HINTS[kind]})" if kind in HINTS else ""
    return (
        f"no value of '{name}' can be read as {kind.value}{_such_as(table, name, examples)}{hint}"
    )


def mostly_unread(
    table: Table, name: str, unread: int, there: int, examples: tuple[str, ...]
) -> str:
    """Say that more than half of the values of a column cannot be read; empty if fewer."""
    if not unread or 2 * unread <= there:
        return ""
    kind = table.column(name).kind
    told = f"{unread:,} of {there:,} values of '{name}' cannot be read as {kind.value}"
    return f"{told}{_such_as(table, name, examples)} ({HINTS[kind]})"


def _such_as(table: Table, name: str, examples: tuple[str, ...]) -> str:
    """Show values that cannot be read, if they are not about persons."""
    if table.column(name).personal:
        return ""
    return ", such as " + ", ".join(f"'{one}'" for one in examples[:3])


def _mostly_unread(column: Any, name: str, table: Table, faults: Mapping[str, Any]) -> str:
    found = [faults[code] for code in UNREAD if code in faults]
    if table.column(name).kind not in HINTS or not found:
        return ""
    bad = np.logical_or.reduce(found)
    marked = faults["missing_marker"].sum() if "missing_marker" in faults else 0
    there = int(column.notna().sum() - marked)
    return mostly_unread(table, name, int(bad.sum()), there, first_values(column[bad].head(1000)))


def _missing(parsed: Any) -> Any:
    """Mark what was missing already, not what could not be read."""
    unread = parsed.column.isna().to_numpy(bool)
    for code in ("missing_marker", *UNREAD, "not_finite"):
        if code in parsed.faults:
            unread = unread & ~parsed.faults[code]
    return unread


def count_rows(
    checked: Checked, table: Table, name: str, code: str, column: Any, rows: Any
) -> None:
    """Add a fault if any row has it; ids of people are not shown as examples."""
    n_rows = int(rows.sum())
    if not n_rows:
        return
    contract = table.column(name)
    hidden = code == "missing" or (contract is not None and contract.personal)
    examples = () if hidden else first_values(column[rows].head(1000))
    checked.faults.append(Fault(table.name, name, code, n_rows, examples))


def _extra(column: Any) -> Any:
    """Make a column without contract a number if every value of it is one."""
    import pandas as pd

    numbers = pd.to_numeric(column, errors="coerce")
    coded = column.str.match(r"^[+-]?0\d", na=False).any()
    same_gaps = (numbers.isna() == column.isna()).all()
    return numbers if same_gaps and not coded and not numbers.isna().all() else column


def _add_clock(
    ready: dict[str, Any], frame: Any, checked: Checked, table: Table, source: Source
) -> None:
    ready["ordered_at"], without = prepare.clock(ready["ordered_at"], frame, table.name, source)
    count_rows(checked, table, "ordered_at", "no_clock", frame[source.clock], without)
    checked.notes.append(f"{table.name}.ordered_at has its time of day from '{source.clock}'.")


def _derive_pandas(
    ready: dict[str, Any], frame: Any, checked: Checked, table: Table, source: Source
) -> None:
    if table.name != "transactions" or checked.problems:
        return
    if "amount" not in ready and has_money(ready):
        ready["amount"] = (ready["quantity"] * ready["unit_price"]).rename("amount")
    if "amount" in ready and set(source.rules) & {"negative", "subtract", "zero", "scale"}:
        ready["amount"], notes = prepare.money(ready["amount"], frame, table.name, source)
        checked.notes += notes
    prefix = source.rules.get("cancelled_prefix", "")
    if prefix and "is_return" not in ready and "order_id" in ready:
        ready["is_return"] = ready["order_id"].str.startswith(prefix, na=False).rename("is_return")
    checked.notes += derivation_notes(checked.columns, prefix)


def has_money(columns: Any) -> bool:
    """Say whether amounts are there or can be worked out."""
    return "amount" in columns or {"quantity", "unit_price"} <= set(columns)


def derivation_notes(columns: Mapping[str, str], cancelled_prefix: str) -> list[str]:
    """Say which columns of transactions were made, and from what."""
    notes = []
    if not has_money(columns):
        notes.append("transactions has no money: orders are counted, spend is not known.")
    elif "amount" not in columns:
        notes.append("transactions.amount is quantity × unit_price.")
    if "order_id" not in columns:
        notes.append("transactions has no order_id: a customer's lines of one day are one order.")
    if cancelled_prefix and "is_return" not in columns and "order_id" in columns:
        notes.append(
            f"transactions.is_return is true where order_id starts with '{cancelled_prefix}'."
        )
    return notes


def refuse(problems: Mapping[str, list[str]], unreadable: Mapping[str, DataError]) -> None:
    """Raise one error that lists every problem of every table."""
    lacking = {name: found for name, found in problems.items() if found}
    if len(unreadable) == 1 and not lacking:
        raise next(iter(unreadable.values()))
    told = [f"{name}: {'; '.join(found)}" for name, found in lacking.items()]
    told += [f"{name}: {str(fault).rstrip('.')}" for name, fault in unreadable.items()]
    if told:
        unnamed = [n for n, found in lacking.items() if any("column" in text for text in found)]
        raise DataError(
            f"the data cannot be used: {' | '.join(told)}",
            accepted="; ".join(_accepted(TABLES[name]) for name in unnamed),
            hint="map your own names in segwork.toml: columns = { contract_name = 'Your name' };"
            " 'segwork init --check' says what changed in the files"
            if unnamed
            else "",
        )


def _accepted(table: Table) -> str:
    money = ", and for money amount or (quantity and unit_price)"
    money = money if table.name == "transactions" else ""
    return f"{table.name} with {', '.join(table.needed)}{money}"
