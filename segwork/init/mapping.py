"""Guess what the columns of an export mean, from names and values; what is doubtful is asked."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from segwork.errors import DataError
from segwork.init import formats, look, rules
from segwork.init.column import Column, holds, score
from segwork.init.names import fit, known, plain, vocabulary
from segwork.init.understood import Guess
from segwork.init.which import which_table
from segwork.schema import TABLES, TIME_COLUMN, Kind

LEAST, LOOSE = 0.6, 0.45
"""Names that fit less well say nothing; dates and amounts must also hold such values."""
PERSON_KEYS = 0.8
SMALL_DAY = 2_000


def guess(paths: str | Path | Iterable[str | Path]) -> list[dict[str, Any]]:
    """Guess table, mapping and formats of each file, as plain values.

    Parameters
    ----------
    paths : path or iterable of path

    Returns
    -------
    list of dict
        For each file: file, table, columns (contract name → header), format (delimiter, encoding,
        decimal, thousands, dayfirst, time_unit, time_format, sheet, skip_rows, skip_after_header,
        skip_footer), prepare (rules), ask (contract names a person should decide), cannot (why no
        honest mapping exists, or '').
    """
    given = [paths] if isinstance(paths, str | Path) else list(paths)
    return [_plain_or_reason(Path(path)) for path in given]


def _plain_or_reason(path: Path) -> dict[str, Any]:
    try:
        return as_plain(of_file(path))
    except DataError as fault:
        return as_plain(Guess(path.name, cannot=str(fault)))


def as_plain(one: Guess) -> dict[str, Any]:
    """Return a guess as plain values."""
    form = {
        **one.form,
        "decimal": one.numbers.decimal or ".",
        "thousands": one.numbers.thousands or None,
        "dayfirst": one.times.day_first,
        "time_unit": one.times.unit or None,
        "time_format": None if one.times.unit else one.times.time_format or None,
    }
    prepare = {k: v for k, v in one.rules.items() if k not in ("nobody", "yes", "no")}
    if nobody := one.rules.get("nobody"):
        prepare["customer_else"] = {"when": nobody}
    if one.table == "transactions":
        prepare["money_only"] = ["negative"]
    return {
        "file": one.file, "table": one.table, "columns": one.columns, "format": form,
        "prepare": prepare, "ask": list(one.ask), "cannot": one.cannot,
    }  # fmt: skip


def of_file(path: Path) -> Guess:
    """Look at a file and guess.

    Raises
    ------
    DataError
        It cannot be read.
    """
    guesses = []
    for found in look.look(path, known):
        columns = [Column(*one) for one in look.columns(found)]
        guesses.append(of_columns(path.name, columns, found.form, above=found.above))
    honest = [one for one in guesses if not one.cannot]
    lines = [one for one in honest if one.table == "transactions"]
    best = [*lines, *honest, *guesses][0]
    if len(lines) > 1:
        names = ", ".join(f"'{one.form['sheet']}'" for one in lines)
        best.notes.append(f"More than one sheet may hold order lines: {names}; see 'table'.")
    return best


def of_columns(
    file: str, columns: list[Column], form: dict[str, Any] | None = None, above: str = ""
) -> Guess:
    """Guess from columns of text; ``above`` is what stands above the header."""
    headers = tuple(column.name for column in columns)
    columns = [column for column in columns if column.filled]
    one = Guess(file, which_table(columns), form=dict(form or {}), headers=headers)
    by_name = {column.name: column for column in columns}
    _assign(one, columns)
    _unnamed(one, columns)
    if one.table == "transactions":
        rules.money(one, by_name)
    time = one.columns.get(TIME_COLUMN.get(one.table, "signed_up_at"), "")
    if time:
        one.times = by_name[time].times
        _time_doubts(one, by_name[time])
    money = [c.filled for c in _of_money(one, columns)]
    one.numbers = formats.numbers(money)
    if not one.numbers.sure and "amount" in one.columns:
        one.ask["amount"] = (
            "are points and commas between thousands, or decimals?",
            ["thousands", "decimals"],
        )
    if one.table == "transactions":
        rules.rows(one, by_name)
    _persons(one, columns)
    _count_days(one, by_name, above)
    _honest(one)
    if (key := one.columns.get("customer_id")) and by_name[key].broken:
        lost = f"the ids in '{key}' lost their last digits in a spreadsheet (1.2E+12)"
        one.cannot = "; ".join(filter(None, [one.cannot, lost]))
    return one


def _of_money(one: Guess, columns: list[Column]) -> Iterator[Column]:
    wanted = {
        one.columns.get(n) for n in ("amount", "unit_price", "unit_cost", "value", "income", "cost")
    }
    return (c for c in columns if c.name in wanted)


def _assign(one: Guess, columns: list[Column]) -> None:
    """Give each column of the contract the header that fits best and holds such values."""
    ranked = []
    for contract in TABLES[one.table].columns:
        for column in columns:
            fits = score(column, one.table, contract.name)
            fits *= 0.7 + 0.3 * len(column.filled) / len(column.cells)
            least = LOOSE if contract.kind is Kind.TIME or contract.name == "amount" else LEAST
            if fits >= least and holds(column, contract.name, contract.kind, one.table):
                ranked.append((fits, contract.name, column.name))
    order = {c.name: n for n, c in enumerate(TABLES[one.table].columns)}
    used: set[str] = set()
    for fits, name, header in sorted(ranked, key=lambda r: (-r[0], order[r[1]])):
        if name not in one.columns and header not in used:
            one.columns[name] = header
            one.why[name] = (f"'{header}' is what exports call it", min(0.99, fits))
            used.add(header)


def _unnamed(one: Guess, columns: list[Column]) -> None:
    """Find what no header names: the only dates there are, and the number of an order."""
    name = TIME_COLUMN.get(one.table)
    if name and name not in one.columns:
        dates = [c for c in columns if c.times.share > 0.9 and not c.times.unit]
        dates = [c for c in dates if len(c.filled) > 0.9 * len(c.cells)]
        dates = [c for c in dates if fit(c.name, rules.words("contact")) <= 0.7]
        other = vocabulary()[one.table][name]["not"]
        dates.sort(key=lambda c: any(f" {word} " in f" {plain(c.name)} " for word in other))
        if dates:
            one.take(name, dates[0].name, "a column of dates", 0.6)
            if len(dates) > 1 or any(f" {w} " in f" {plain(dates[0].name)} " for w in other):
                one.ask[name] = ("when was it ordered?", [c.name for c in dates])
    keys = [one.columns.get(n) for n in ("customer_id", "ordered_at")]
    if one.table == "transactions" and "order_id" not in one.columns and all(keys):
        taken = {h for n, h in one.columns.items() if n != "product_id"}
        for column in (c for c in columns if c.name not in taken):
            named = fit(column.name, rules.words("reference")) > 0.9
            if named and _settles(column, [c for c in columns if c.name in keys]):
                if one.columns.get("product_id") == column.name:
                    del one.columns["product_id"]
                one.take("order_id", column.name, "each value is of one customer and day", 0.8)
                return


def _settles(key: Column, others: list[Column]) -> bool:
    """Say whether a value of a column always comes with the same values of others."""
    import pandas as pd

    table = pd.DataFrame({n: column.cells for n, column in enumerate(others)})
    found = table.groupby(key.cells).nunique()
    return len(found) >= 10 and bool((found.max(axis=1) == 1).mean() > 0.98)


def _persons(one: Guess, columns: list[Column]) -> None:
    """Where more than one column can be the person, propose the one that comes again, and ask."""
    if "customer_id" not in one.columns:
        return
    chosen = next(c for c in columns if c.name == one.columns["customer_id"])
    others = {h for c, h in one.columns.items() if c != "customer_id"}
    fits = {
        column.name: score(column, one.table, "customer_id")
        for column in columns
        if column.name not in others and holds(column, "customer_id", Kind.IDENTIFIER, one.table)
    }
    least = LEAST if chosen.named else PERSON_KEYS
    keys = [c for c in columns if fits.get(c.name, 0.0) >= least - (0.3 if c.mail else 0.0)]
    order = next((c for c in columns if c.name == one.columns.get("order_id")), None)
    if order is not None and len(keys) > 1:  # a key that is new with every order is no person
        keys = [c for c in keys if c.different < 0.9 * order.different] or keys
    keys = [c for c in keys if not c.named] or keys or [chosen]
    if chosen not in keys:
        chosen = max(keys, key=lambda c: fits[c.name])
        one.take("customer_id", chosen.name, "comes again, and is no name", 0.9)
    if chosen.named:
        one.ask["customer_id"] = ("is one name always one customer?", [c.name for c in keys])
    elif len(keys) > 1:
        names = sorted((column.name for column in keys), key=lambda name: name != chosen.name)
        one.ask["customer_id"] = ("which column names the person?", names)


def _time_doubts(one: Guess, column: Column) -> None:
    name = TIME_COLUMN.get(one.table, "signed_up_at")
    one.why[name] = (f"'{column.name}': {column.times.why}", one.why.get(name, ("", 0.9))[1])
    if not column.times.sure:
        one.ask[name] = ("is it day/month or month/day?", ["day first", "month first"])


def _count_days(one: Guess, by_name: dict[str, Column], above: str) -> None:
    """Take a number of days for the time where the file says which calendar day is day 1."""
    time = TIME_COLUMN.get(one.table, "")
    day = next(filter(_counts_days, by_name.values()), None)
    if day is None or not time or time in one.columns:
        return
    one.take(time, day.name, "counts days from the first day", 0.8)
    if stated := re.search(r"\d{4}-\d{2}-\d{2}", f"{day.name} {above}"):
        one.first_day = stated[0]
    else:
        one.ask[time] = ("which calendar day is day 1?", [])


def _honest(one: Guess) -> None:
    """Say why there is no honest mapping, if there is none."""
    lacking = [c.name for c in TABLES[one.table].columns if c.needed and c.name not in one.columns]
    time, told = TIME_COLUMN.get(one.table, ""), []
    if time in one.columns and time in one.ask and not one.ask[time][1]:
        one.day_column = one.columns.pop(time)
        told.append(
            f"no calendar date: '{one.day_column}' counts from a day the file does not name (if"
            " you know it, map it and set first_day)"
        )
    elif time in lacking:
        told.append("no column holds a date")
    if "customer_id" in lacking and one.table != "external":
        told.append("no column names a customer")
    told += [f"no column for {n}" for n in lacking if n not in (time, "customer_id")]
    one.cannot = "; ".join(told)


def _counts_days(column: Column) -> bool:
    """Say whether a column counts days from some first one."""
    days = [float(v) for v in column.filled if re.fullmatch(r"\d+(\.0+)?", v)]
    name = re.sub(r"\(.*|since.*|\d.*", "", plain(column.name) or column.name).strip()
    named = fit(name, rules.words("day_number")) >= 0.9
    return named and column.numeric and bool(days) and max(days) <= SMALL_DAY
