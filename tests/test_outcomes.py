"""Labels after a day, and behaviour nobody has shown before."""

from __future__ import annotations

from datetime import date

import numpy as np
import pandas as pd
import pytest

from segwork import outcomes, tables
from segwork.errors import UsageError


def orders() -> tables.Tables:
    """Five customers by hand: orders on given days of 2024."""
    days = {
        "lost": ["2024-01-10", "2024-02-10", "2024-03-01"],
        "loyal": ["2024-01-05", "2024-03-20", "2024-04-10", "2024-06-20"],
        "slowed": [f"2024-{m:02d}-{d:02d}" for m in (1, 2, 3) for d in (3, 10, 17, 24)]
        + ["2024-05-01"],
        "long gone": ["2022-01-01"],
        "too new": ["2024-04-15"],
    }
    lines = [(name, day, 10.0) for name, ds in days.items() for day in ds]
    frame = pd.DataFrame(lines, columns=["customer_id", "ordered_at", "amount"])
    frame["ordered_at"] = pd.to_datetime(frame["ordered_at"])
    return tables.from_frames(transactions=frame)


def test_labels_by_hand() -> None:
    """As of 1 April: no order, as many as before, and one where twelve were promised."""
    found = outcomes.snapshots(
        orders(), days=[date(2024, 4, 1), date(2024, 6, 1)], closed_at=date(2024, 7, 1)
    )
    assert dict(zip(found.customer, found.label, strict=True)) == {
        "lost": "lost",
        "loyal": "loyal",
        "slowed": "at risk",
    }
    assert found.left_out == (date(2024, 6, 1),)


def test_a_free_order_is_an_order_and_a_return_is_none() -> None:
    """What counts as an order is the same before the day, in the features, and after it."""
    after = pd.DataFrame({
        "customer_id": ["free", "back"], "ordered_at": pd.to_datetime(["2024-05-01"] * 2),
        "amount": [0.0, -10.0],
    })  # fmt: skip
    before = after.assign(ordered_at=pd.Timestamp("2024-03-01"), amount=10.0)
    lines = tables.from_frames(transactions=pd.concat([before, after], ignore_index=True))
    found = outcomes.snapshots(lines, days=[date(2024, 4, 1)], closed_at=date(2024, 7, 1))
    assert dict(zip(found.customer, found.label, strict=True)) == {"free": "loyal", "back": "lost"}


def test_no_order_after_the_snapshot_changes_a_feature() -> None:
    """Features as of a day are the same with and without the rows that follow."""
    whole = orders()
    cut = tables.from_frames(transactions=whole.transactions.query("ordered_at < '2024-04-01'"))
    first, second = (
        outcomes.snapshots(t, days=[date(2024, 4, 1)], closed_at=date(2024, 7, 1))
        for t in (whole, cut)
    )
    names = first.X.columns.intersection(second.X.columns)
    pd.testing.assert_frame_equal(first.X[names], second.X[names])


def test_open_label_window_is_refused() -> None:
    """A snapshot whose window has not closed cannot be labelled."""
    with pytest.raises(UsageError, match="no snapshot day has a label window of 90 days"):
        outcomes.snapshots(orders(), days=[date(2024, 6, 1)], closed_at=date(2024, 7, 1))


def test_unseen_behaviour_is_flagged_at_the_stated_rate() -> None:
    """About 1 % of rows of the same law are flagged, and all rows far from it."""
    rng = np.random.default_rng(10)
    past, same = (pd.DataFrame(rng.normal(size=(4000, 4))).add_prefix("x") for _ in range(2))
    assert outcomes.unseen(past, same).mean() == pytest.approx(0.01, abs=0.006)
    assert outcomes.unseen(past, same + 8).all()


def test_dated_features_are_known_before_the_day_and_undated_ones_are_asked_about() -> None:
    """What orders tell is known; an attribute without a date is left for somebody to declare."""
    lines = orders().transactions
    people = pd.DataFrame({"customer_id": lines["customer_id"].unique()})
    people["income"] = np.arange(len(people)) * 1000.0
    both = tables.from_frames(transactions=lines, customers=people)
    found = outcomes.snapshots(both, days=[date(2024, 4, 1)], closed_at=date(2024, 7, 1))
    assert "income" in found.X
    assert set(found.X) - set(found.known_at) == {"income"}


def test_last_order_is_the_weekday_and_evening_before_the_day() -> None:
    """The last order before the snapshot counts, not the one after it."""
    at = pd.to_datetime(["2024-03-29 19:00", "2024-03-28 09:00", "2024-04-05 20:00"])
    lines = pd.DataFrame({"customer_id": ["a", "b", "b"], "ordered_at": at, "amount": 10.0})
    found = outcomes.snapshots(
        tables.from_frames(transactions=lines), days=[date(2024, 4, 1)], closed_at=date(2024, 7, 1)
    )
    told = dict(zip(found.customer, found.X["last_order"], strict=True))
    assert told == {"a": "Friday evening", "b": "Thursday"}
