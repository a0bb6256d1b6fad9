"""What is wrong with the values of a table: codes and definitions; counted, never repaired."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

DEFINITIONS = {
    "missing": "no value in a column the contract needs; the row is kept",
    "missing_marker": r"a word for 'no value' (nan, null, n/a, \N, ?, -); read as missing",
    "decimal_id": "an id written as a number with decimals (20113.0); read without them",
    "scientific_id": "an id in scientific notation (1.2E+12): its last digits are lost; kept",
    "date_id": "an id that is a date: a spreadsheet has turned 1-5 into one; kept",
    "other_sheet": "rows of another sheet with the same header, which is not read; name one by"
    " table = …, or put them together",
    "not_a_time": "the value cannot be read as a time; read as missing",
    "time_zone": "the value names a time zone; moved to UTC",
    "implausible_time": "before 1980 or from 2100 on; kept",
    "not_a_number": "the value cannot be read as a number; read as missing",
    "decimal_comma": "a decimal comma where the config says decimal point; read as missing",
    "not_finite": "infinite; read as missing",
    "huge": "an amount of 1e9 or more in either direction; kept",
    "not_a_flag": "neither yes nor no; read as missing",
    "nobody": "an id that the config says stands for no customer; read as missing",
    "left_out_by_rule": "a row that the rules of the config leave out, such as a cancelled order",
    "no_clock": "the time of day in the second column cannot be read; midnight is used",
    "encoding": "a line that is not in the file's encoding; read as Windows-1252",
    "torn_quote": "a quote that is not closed in its row; the line is read without quotes, kept",
    "ragged_short": "a row with fewer fields than the header; padded with missing values, kept",
    "ragged_long": "a row with more fields than the header, which cannot be placed; left out",
}

EXAMPLES = 5


@dataclass(frozen=True)
class Fault:
    """One kind of fault in one column: how many rows, and the first values that have it."""

    table: str
    column: str
    code: str
    n_rows: int
    examples: tuple[str, ...] = ()

    def as_row(self) -> dict[str, Any]:
        """Return one row of ``Tables.faults``."""
        return {
            "table": self.table,
            "column": self.column,
            "code": self.code,
            "n_rows": self.n_rows,
            "examples": ", ".join(self.examples),
            "definition": DEFINITIONS[self.code],
        }


def first_values(values: Iterable[Any]) -> tuple[str, ...]:
    """Return the first few different values as short texts."""
    seen: dict[str, None] = {}
    for value in values:
        seen.setdefault(str(value)[:40])
        if len(seen) == EXAMPLES:
            break
    return tuple(seen)


def as_frame(faults: Iterable[Fault]) -> Any:
    """Return the faults as a pandas frame, one row a fault."""
    import pandas as pd

    columns = ["table", "column", "code", "n_rows", "examples", "definition"]
    frame = pd.DataFrame([fault.as_row() for fault in faults], columns=columns)
    return frame.astype({"n_rows": "int64"})
