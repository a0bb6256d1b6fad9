"""Customer features: hand-worked values, published counts, leaks, engines."""

from __future__ import annotations

import os
from datetime import date
from pathlib import Path

import pandas as pd
import pytest

from segwork import features, tables

DATA = os.environ.get("SEGWORK_DATA", "")
needs_data = pytest.mark.skipif(not DATA, reason="SEGWORK_DATA is not set")

AS_OF = date(2011, 12, 10)
LINES = pd.DataFrame(
    [
        ("b", "1", "2011-11-01 10:00", "P1", 2, 10.0, False, "card"),
        ("b", "1", "2011-11-01 10:00", "P2", 1, 5.0, False, "card"),
        ("a", "2", "2010-06-01 09:00", "P1", 1, 7.0, False, "cash"),
        ("b", "3", "2011-11-11 23:59", "P1", 1, 20.0, False, "cash"),
        ("b", "4", "2011-11-12 00:01", "P1", -1, -20.0, True, None),
        ("b", "5", "2011-12-01 00:00", "P3", 4, 40.0, False, "card"),
        (None, "6", "2011-12-01 00:00", "P3", 4, 99.0, False, "card"),
        ("c", "7", "2011-12-10 00:00", "P3", 4, 99.0, False, "card"),
        ("d", "8", "2011-12-01 00:00", "P3", -4, -9.0, False, "card"),
    ],
    columns=[
        "customer_id", "order_id", "ordered_at", "product_id", "quantity", "amount", "is_return",
        "payment_method",
    ],
)  # fmt: skip


def of(lines=LINES, *, as_of=AS_OF, **others):
    """Features of small frames, indexed by customer."""
    data = tables.from_frames(transactions=lines, **others)
    return features.customer_features(data, as_of=as_of).set_index("customer_id")


def test_worked_by_hand() -> None:
    """Every column of one customer equals the value worked out by eye from nine lines."""
    found = of()
    assert list(found.index) == ["b", "a"]
    expected = {
        "orders": 3, "order_lines": 4, "orders_window": 3, "spend_total": 75.0,
        "spend_window": 75.0, "tenure_days": 39, "days_since_last": 9, "gap_days_mean": 15.0,
        "gap_days_variation": 5 / 15, "basket_lines": 4 / 3, "basket_value": 25.0,
        "basket_pieces": 8 / 3, "returns": 1, "returns_total": 20.0, "products": 3,
        "return_share": 0.2, "payment_share_card": 0.75, "payment_share_cash": 0.25,
    }  # fmt: skip
    assert found.loc["b"].to_dict() == pytest.approx(expected)
    assert found.loc["a", ["orders", "orders_window", "spend_window", "returns"]].tolist() == [
        1, 0, 0.0, 0,
    ]  # fmt: skip
    assert pd.isna(found.loc["a", "gap_days_mean"])


def test_rows_after_as_of_change_nothing() -> None:
    """Features of all rows equal features of the rows before ``as_of`` alone, for any cut."""
    lines = LINES.assign(ordered_at=pd.to_datetime(LINES["ordered_at"]))
    for cut in ("2011-11-02", "2011-11-12", "2011-12-01", "2011-12-10"):
        alone = lines[lines["ordered_at"] < pd.Timestamp(cut)]
        pd.testing.assert_frame_equal(of(lines, as_of=cut), of(alone, as_of=cut))


@needs_data
def test_cdnow_equals_the_published_summary() -> None:
    """Frequency, recency and T of all 2,357 customers equal Fader & Hardie's 39-week summary."""
    lines = pd.read_parquet(Path(DATA) / "cdnow_sample.parquet").rename(
        columns={"sample_id": "customer_id", "date": "ordered_at", "dollar_value": "amount"}
    )
    found = of(lines, as_of="1997-10-01")
    published = pd.read_parquet(Path(DATA) / "cdnow_customers_summary.parquet").set_index("ID")
    found = found.set_index(found.index.astype(int)).loc[published.index]
    weeks = (found["tenure_days"] - 1) / 7
    active = (found["tenure_days"] - found["days_since_last"]) / 7
    assert len(found) == 2357
    assert (found["orders"] - 1 == published["frequency"]).all()
    assert (weeks.round(2) == published["T"]).all()
    assert (active.round(2) == published["recency"]).all()
