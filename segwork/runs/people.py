"""Whether a table is about single people: by the names of its columns and by its values."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from segwork.config import Config
from segwork.schema import TABLES, Kind

if TYPE_CHECKING:
    import pandas as pd

PERSONAL = frozenset(c.name for table in TABLES.values() for c in table.columns if c.personal)
CUSTOMER = "customer_id"
FAULTS_SHOW = "examples"  # values of the data, in the frame of faults
# Words of a column's name, in this order, that say what reaches or names a person.
DIRECT = re.compile(
    r"e?mail|phone|telephone|mobile|fax|address|street|post ?code|zip|iban|passport|ssn|"
    r"(?:first|last|full|given|family|maiden|customer|client|user|contact|nick|sur) ?name|"
    r"birth ?(?:day|date|year)?|dob|(?:customer|client|person|user|member|device|session) ?"
    r"(?:id|no|nr|number|key)|(?:card|account) ?(?:no|nr|number)|user ?agent|ip|login|signature"
)
# What a name alone does not decide: it does for an extra column of the customers' own table.
PERHAPS = re.compile(r"name|notes?|comments?|remarks?|id|title|text|message")
VALUE = re.compile(r"\b[0-9a-f]{16}\b|[\w.+-]+@[A-Za-z][\w-]*\.[A-Za-z]|\+\d[\d ()/-]{7,}\d")
PSEUDONYM = r"[0-9a-f]{16}"
CHANNEL = re.compile(r"mail|phone|mobile|fax|login")
LARGEST_COUNT = 1e6  # a larger number in a column called phone is no count of calls
LOOKED_AT = 10_000  # rows of a saved table whose values are read


def shown(frame: pd.DataFrame, extra: frozenset[str] = frozenset()) -> list[str]:
    """Name what of a table to be shown is about single people.

    Parameters
    ----------
    frame : pandas.DataFrame
        Index levels count as columns, and the labels of either axis as values.
    extra : set of str
        Columns of the customers' own tables that the contract does not know.
    """
    whole = frame.reset_index() if any(frame.index.names) else frame
    labels = [label for level in _levels(whole) for label in level]
    found = [name for name, values in _columns(whole) if _is_personal(name, values, extra)]
    found += [name for name in labels if name == FAULTS_SHOW and "n_rows" in labels]
    found += [name for name in labels if name in PERSONAL or VALUE.search(name)]
    for name, values in _columns(whole):
        if any(isinstance(value, str) and VALUE.search(value) for value in values):
            found.append(f"values of {'a column' if VALUE.search(name) else name}")
    return ["a label" if VALUE.search(name) else name for name in dict.fromkeys(found)]


def kept(frame: pd.DataFrame) -> list[str]:
    """Name what of a table to be kept goes beyond pseudonyms: contacts, free text, plain ids."""
    found = []
    head = frame.head(LOOKED_AT)
    for name, values in _columns(head.reset_index() if any(head.index.names) else head):
        texts = {value for value in values if isinstance(value, str)}
        if name == CUSTOMER:
            if not all(re.fullmatch(PSEUDONYM, text) for text in texts):
                found.append(f"{CUSTOMER} without key=run.key")
        elif _is_personal(name, values, frozenset()):
            found.append(name)
        elif any("@" in text and VALUE.search(text) for text in texts):
            found.append(f"values of {name}")
    return found


def extra_columns(config: Config) -> frozenset[str]:
    """Return what the files of the customers' tables hold beyond the contract, by their headers."""
    found: set[str] = set()
    for name, source in config.tables.items():
        table = TABLES[name]
        if table.column(CUSTOMER) and source.path:
            own = set(_header(config.resolve(source.path))) - set(source.columns.values())
            found |= {column for column in own if not table.column(column)}
    return frozenset(found)


def _header(path: Path) -> list[str]:
    """Return the column names of a CSV or Parquet file; none for what is neither."""
    with contextlib.suppress(OSError, ValueError):  # pyarrow's errors are ValueErrors
        if path.suffix.lower() in (".parquet", ".pq"):
            import pyarrow.parquet as parquet

            return list(parquet.read_schema(path).names)
        if path.suffix.lower() in (".csv", ".tsv", ".txt"):
            with path.open(encoding="utf-8", errors="replace") as file:
                return [part.strip(' "\ufeff\n') for part in re.split(r"[,;\t|]", file.readline())]
    return []


def _is_personal(name: str, values: pd.Series, extra: frozenset[str]) -> bool:
    if name in PERSONAL or (name in extra and PERHAPS.search(name.lower())):
        return True
    words = re.sub(r"(?<=[a-z])(?=[A-Z])|[\W_]+", " ", name).strip().lower()
    contract = [c for table in TABLES.values() if (c := table.column(name))]
    if contract and any(c.kind is not Kind.IDENTIFIER for c in contract):
        return name == "user_agent"
    if not re.search(rf"(?:^| )(?:{DIRECT.pattern})s?(?:$| )", words):
        return False
    is_count = values.dtype.kind in "iuf" and CHANNEL.search(words)
    return not is_count or bool((values.abs() > LARGEST_COUNT).any())


def _columns(frame: pd.DataFrame) -> Iterator[tuple[str, pd.Series]]:
    for position, label in enumerate(frame.columns):
        parts = label if isinstance(label, tuple) else (label,)
        values = frame.iloc[:, position]
        for part in filter(None, map(str, parts)):
            yield part, values


def _levels(frame: pd.DataFrame) -> Iterator[list[str]]:
    yield [str(name) for name in frame.columns.names if name is not None]
    for level in range(frame.columns.nlevels):
        yield [str(label) for label in frame.columns.get_level_values(level)]
