"""A guess as keys of ``segwork.toml``, and as its text with a reason for each line."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from datetime import date
from typing import Any

from segwork.init.understood import Guess
from segwork.schema import TIME_COLUMN

_CALLED = {"delimiter": "separator", "encoding": "encoding", "sheet": "table"}


def settings(one: Guess) -> dict[str, Any]:
    """Return the keys of ``[tables.NAME]`` that a guess amounts to, without where the file is."""
    form = one.form
    keys = {_CALLED[k]: form[k] for k in _CALLED if form.get(k)}
    if keys.get("encoding") == "utf-8":
        del keys["encoding"]
    if form.get("skip_rows"):
        keys["header_row"] = form["skip_rows"] + 1
    keys |= {k: form[k] for k in ("skip_after_header", "skip_footer") if form.get(k)}
    numbers, times = one.numbers, one.times
    if numbers.decimal or numbers.thousands:
        keys["decimal"] = numbers.decimal or ("," if numbers.thousands == "." else ".")
    if numbers.thousands:
        keys["thousands"] = numbers.thousands
    if numbers.money_signs:
        keys["money_signs"] = list(numbers.money_signs)
    if times.unit == "excel_serial" or times.unit in ("s", "ms", "us", "ns"):
        keys["time_format"] = "excel" if times.unit == "excel_serial" else times.unit
    elif times.time_format:
        keys["time_format"] = times.time_format
    elif times.day_first is not None:
        keys["day_first"] = times.day_first
    if times.zone:
        keys["time_zone"] = "as written"
    if one.first_day:
        keys["first_day"] = one.first_day
    if one.clock:
        keys["clock"] = one.clock
    if one.rules:
        keys["rules"] = one.rules
    return {**keys, "columns": dict(one.columns)}


def written(
    found: Mapping[str, Guess], sources: Mapping[str, Mapping[str, str]], as_of: date
) -> str:
    """Return the text of ``segwork.toml``."""
    lines = [
        "# Written by 'segwork init': a reason and how sure it is stand above each guess.",
        "# Lines that begin with '# OPEN' are for you to decide.",
        "",
        f"as_of = {as_of}  # the day after the last order; rows on or after it are not used",
    ]
    if not found:
        lines += ["", "[sample]", 'folder = "data/sample"', ""]
    for table, one in found.items():
        lines += ["", f"[tables.{table}]", *_table(one, sources[table])]
    return "\n".join(lines) + "\n"


def _table(one: Guess, source: Mapping[str, str]) -> Iterator[str]:
    keys = settings(one)
    time = TIME_COLUMN.get(one.table, "signed_up_at")
    for key, value in {**source, **keys}.items():
        if key in ("columns", "rules"):
            continue
        if key in ("time_format", "day_first") and time in one.ask:
            yield f"# OPEN {one.ask[time][0]} ({one.times.why}); choose one:"
            yield f"# day_first = {_toml(bool(one.times.day_first))}"
            yield f"# day_first = {_toml(not one.times.day_first)}"
        elif key in ("decimal", "thousands") and not one.numbers.sure and "amount" in one.ask:
            yield f"# OPEN {one.ask['amount'][0]}"
            yield f"# {key} = {_toml(value)}"
        else:
            yield f"{key} = {_toml(value)}"
    yield from (f"# {note}" for note in one.notes)
    yield f"\n[tables.{one.table}.columns]"
    for name, header in one.columns.items():
        reason, sure = one.why.get(name, ("", 0.5))
        question, choices = one.ask.get(name, ("", []))
        if len(choices) > 1 and header in choices:
            yield f"# OPEN {question} The first is what we would take."
            first = [header, *(c for c in choices if c != header)]
            yield from (f"# {name} = {_toml(choice)}" for choice in first)
        else:
            yield f"# {reason}, {sure:.0%} sure"
            yield f"{name} = {_toml(header)}"
    if "rules" in keys:
        yield f"\n[tables.{one.table}.rules]"
        yield from (f"{key} = {_toml(value)}" for key, value in keys["rules"].items())


def _toml(value: Any) -> str:
    if isinstance(value, Mapping):
        return "{ " + ", ".join(f"{k} = {_toml(v)}" for k, v in value.items()) + " }"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(_toml(one) for one in value) + "]"
    return json.dumps(value, ensure_ascii=False)
