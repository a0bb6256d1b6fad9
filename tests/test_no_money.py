"""Baskets without money: what needs no amounts is answered all the same, nothing breaks off."""

from __future__ import annotations

from datetime import date

import pandas as pd
import pytest

from segwork import clustering, features, outcomes, tables
from segwork.dynamics import panel
from tests.export_layouts import sales

AS_OF = date(2024, 3, 1)


@pytest.fixture(scope="module")
def baskets() -> tables.Tables:
    """Order lines with pieces and no amounts."""
    lines = pd.DataFrame(sales())[["order", "at", "customer", "product", "pieces"]]
    names = ["order_id", "ordered_at", "customer_id", "product_id", "quantity"]
    return tables.from_frames(transactions=lines.set_axis(names, axis="columns"))


def test_customers_are_described_without_gaps(baskets: tables.Tables) -> None:
    """The general rule takes no gaps: the days between orders of who ordered once go."""
    found = clustering.behaviour(features.customer_features(baskets, as_of=AS_OF))

    assert {"orders", "days_since_last", "basket_lines"} <= set(found)
    assert "spend_total" not in found
    assert found.notna().all(axis=None)


def test_models_are_told_who_was_lost(baskets: tables.Tables) -> None:
    """A line counts by its pieces; snapshots before the first order are skipped."""
    found = outcomes.quarters(baskets, as_of=AS_OF, number=12)

    assert 1 <= found.as_of.nunique() < 12
    assert {"lost", "loyal"} <= set(found.label)


def test_periods_count_orders(baskets: tables.Tables) -> None:
    """What a period brought is its orders, what a basket is worth its lines."""
    found = panel.of_tables(baskets, as_of=AS_OF, periods=3, period_days=91)

    assert found["spend_total"].equals(found["orders"])
    assert found["basket_value"].between(1, 3).all()
