"""What is wrong with the values of a table: codes and definitions; counted, never repaired."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from segwork import packaged

DEFINITIONS: dict[str, str] = packaged.values("tables/faults.toml")
EXAMPLES = 5


@dataclass(frozen=True)
class Fault:
    """One kind of fault in one column: how many rows, and the first values that have it."""

    table: str
    column: str
    code: str
    n_rows: int
    examples: tuple[str, ...] = ()


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

    columns = ["table", "column", "code", "n_rows", "examples"]
    frame = pd.DataFrame([vars(fault) for fault in faults], columns=columns)
    frame["examples"] = [", ".join(shown) for shown in frame["examples"]]
    frame["definition"] = [DEFINITIONS[code] for code in frame["code"]]
    return frame.astype({"n_rows": "int64"})
