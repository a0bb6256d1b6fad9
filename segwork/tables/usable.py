"""What would end a run in its first minutes, said before it starts."""

from __future__ import annotations

from datetime import date, datetime

import narwhals as nw

from segwork.errors import DataError
from segwork.tables import Tables, until


def refuse_unusable(data: Tables, as_of: date | datetime | str) -> None:
    """Refuse tables with nothing before ``as_of``.

    Raises
    ------
    DataError

    Examples
    --------
    >>> import pandas as pd
    >>> from segwork import tables
    >>> frame = pd.DataFrame({"customer_id": ["a"], "ordered_at": ["2024-01-02"], "amount": [5.0]})
    >>> refuse_unusable(tables.from_frames(transactions=frame), "2020-01-01")
    Traceback (most recent call last):
        ...
    segwork.errors.DataError: as_of is 2020-01-01, before every order; accepted: a day after ...
    """
    frame = nw.from_native(data.transactions).lazy()
    when = nw.col("ordered_at")
    edges = frame.select(when.min().alias("first"), when.max().alias("last")).collect()
    past = nw.from_native(until(data.transactions, as_of)).lazy()
    if len(past.head(1).collect()) == 0:
        first, last = (f"{edges[name].to_list()[0]:%Y-%m-%d}" for name in ("first", "last"))
        raise DataError(
            f"as_of is {as_of}, before every order",
            accepted=f"a day after {first}",
            hint=f"the last order is of {last}",
        )
