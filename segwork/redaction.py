"""Errors in a notebook must not quote the data: a kept notebook and JUnit would publish them."""

from __future__ import annotations

import re
import sys
from collections import Counter
from collections.abc import Iterator
from typing import Any

import narwhals as nw

from segwork.schema import TABLES, Kind
from segwork.tables import Tables

HIDDEN = "<from the data>"
COMMON = 0.01  # a small word that stands in more of the texts than that names nobody
SHORTEST = 4  # characters; shorter values are codes, and words of any message
_WORD = re.compile(r"[\w@.+-]{4,}")


def guard(data: Tables) -> None:
    """From here on, take values of the tables out of every error this kernel shows.

    Ids, texts and columns the contract does not know are looked for, whole values and the words of
    texts; names of columns and the code stay readable. Outside a notebook nothing happens.
    """
    interactive = sys.modules.get("IPython")
    shell = interactive and interactive.get_ipython()
    if shell is None:
        return

    def show(shell: Any, kind: type, error: BaseException, trace: Any, **options: Any) -> Any:
        lines = shell.InteractiveTB.structured_traceback(kind, error, trace, **options)
        code = " ".join(shell.user_ns.get("In", ()))
        error.args = (redacted(str(error), data, code=code),)
        clean = [redacted(line, data, code=code) for line in lines]
        shell._showtraceback(kind, error, clean)
        return clean

    shell.set_custom_exc((Exception,), show)


def redacted(text: str, data: Tables, *, code: str = "") -> str:
    """Return a text without the values of personal columns.

    Parameters
    ----------
    text : str
    data : Tables
    code : str
        Words that stand in it are the programmer's own and stay.

    Examples
    --------
    >>> import pandas as pd
    >>> from segwork import tables
    >>> lines = pd.DataFrame({"customer_id": ["A"], "ordered_at": "2026-01-02", "amount": 9,
    ...     "ship_to": "Ann Example"})
    >>> redacted("no price for 'Ann Example'", tables.from_frames(transactions=lines))
    "no price for '<from the data>'"
    """
    own = set(_WORD.findall(code))
    words = set(_WORD.findall(text)) - own
    found: set[str] = set()
    for values in _personal(data):
        found |= {value for value in values if len(value) >= SHORTEST and value in text}
        told_by = Counter(word for value in values for word in words & set(_WORD.findall(value)))
        most = max(COMMON * len(values), 1)
        found |= {word for word, times in told_by.items() if times <= most or not word.islower()}
    for value in sorted(found - own, key=len, reverse=True):
        text = text.replace(value, HIDDEN)
    return text


def _personal(data: Tables) -> Iterator[list[str]]:
    """Yield the different values of each column that may name somebody, as text."""
    for name, native in data.items():
        frame = nw.from_native(native).lazy()
        for column in frame.collect_schema().names():
            contract = TABLES[name].column(column)
            if contract is None or contract.kind in (Kind.IDENTIFIER, Kind.TEXT):
                values = frame.select(nw.col(column).cast(nw.String)).unique().collect()[column]
                yield values.drop_nulls().to_list()
