"""Segments of today held against the same borders over the customers of an earlier day."""

from __future__ import annotations

from datetime import date

import pandas as pd

from segwork import clustering, tables


class Border:
    """A model of one border: three orders and more are heavy."""

    def segments(self, frame: pd.DataFrame) -> pd.Series:
        """Return the names by customer."""
        return pd.Series(["heavy" if n >= 3 else "light" for n in frame["orders"]], frame.index)


def test_movement_of_four_customers_by_hand() -> None:
    """Ann stays heavy, Bob becomes heavy, Cem and Dee fall silent, Eve is new and counts as now."""
    days = {"ann": [1, 2, 3, 150], "bob": [1, 2, 150, 160], "cem": [1], "dee": [1, 2, 3],
            "eve": [160]}  # fmt: skip
    rows = [(c, pd.Timestamp("2025-01-01") + pd.Timedelta(days=d)) for c, at in days.items()
            for d in at]  # fmt: skip
    lines = pd.DataFrame(rows, columns=["customer_id", "ordered_at"]).assign(amount=10.0)
    now = pd.Series({"ann": "heavy", "bob": "heavy", "cem": "light", "dee": "heavy",
                     "eve": "light"})  # fmt: skip
    found = clustering.movement(
        Border(), tables.from_frames(transactions=lines), now, as_of=date(2025, 6, 20)
    )
    heavy, light = found.loc["heavy"], found.loc["light"]
    assert (heavy["customers_before"], light["customers_before"]) == (2, 2)  # ann, dee; bob, cem
    assert (heavy["share_before"], heavy["share_now"]) == (0.5, 0.6)
    assert (heavy["silent"], light["silent"]) == (0.5, 0.5)  # dee of the heavy, cem of the light
    assert (heavy["stayed"], light["stayed"]) == (1.0, 0.5)
    assert heavy["trend"] == "+10.0 points; 50.0 % silent since"
