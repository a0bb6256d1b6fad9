"""Columns one can open: what is shown of each, and the two periods that are compared."""

from __future__ import annotations

import numpy as np
import pandas as pd

from segwork import quality, tables
from segwork.quality import columns
from segwork.runs import people

N = 400


def lines() -> pd.DataFrame:
    """Build lines over 200 days; the last 91 days cost twice as much; one word is rare."""
    days = np.arange(N) // 2
    country = np.where(np.arange(N) < 3, "Malta", "France")
    return pd.DataFrame({
        "customer_id": [f"c{i % 50}" for i in range(N)],
        "ordered_at": pd.Timestamp("2025-01-01") + pd.to_timedelta(days, unit="D"),
        "amount": np.where(days >= 109, 20.0, 10.0) + np.arange(N) % 5,
        "country": country,
        "note": [f"call +62 812 3456 {i:04}" for i in range(N)],
    })  # fmt: skip


def audited() -> quality.Audit:
    """Audit them as of the day after the last."""
    read = tables.from_frames(transactions=lines())
    return quality.audit(read, as_of="2025-07-20", only=["DQ-T-06"])


def test_each_column_opens_and_shows_nobody() -> None:
    """Quantiles without extremes, no word of fewer than five rows, nothing of ids and texts."""
    shown = {line.partition(":")[0]: frame for line, frame in columns.profiles(audited())}
    amount = shown["transactions.amount"].set_index("what")["value"]
    assert list(shown) == [f"transactions.{c}" for c in lines()]
    assert amount["median"] == "14"  # 218 of 400 lines cost 10 to 14, the dearest 44 of them 14
    assert not {"most", "least"} & set(amount.index)
    assert "Malta" not in " ".join(shown["transactions.country"]["what"])
    assert "99.2 %" in set(shown["transactions.country"]["value"])
    assert len(shown["transactions.customer_id"]) == len(shown["transactions.note"]) == 2
    assert not any(people.shown(frame) for frame in shown.values())


def test_the_last_days_stand_beside_as_many_before() -> None:
    """Ninety-one days a side, two lines a day, personal columns left out."""
    before, now = columns.periods(audited())
    assert (len(before), len(now)) == (182, 182)
    assert now["amount"].min() == 20.0
    assert before["amount"].max() == 14.0
    assert "customer_id" not in now
    empty, none = columns.periods(audited(), "behaviour")
    assert empty.empty
    assert none.empty
