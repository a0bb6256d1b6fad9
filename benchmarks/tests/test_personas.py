"""The bench of personas: its own worlds and counts are right before they judge anything."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from benchmarks.personas import study, worlds


@pytest.mark.parametrize("kind", worlds.SHOPS)
def test_a_shop_is_what_was_planted(kind: str) -> None:
    """Dates follow the stage: new within 90 days, silence of the lost, slower gaps of a risk."""
    data, stage = worlds.shop(kind, customers=300, seed=1)
    mean, _ = worlds.SHOPS[kind]
    lines = data.transactions
    days = (worlds.AS_OF - lines["ordered_at"]).dt.total_seconds() / 86_400
    by = days.groupby(lines["customer_id"])
    first, last = by.max().reindex(stage.index), by.min().reindex(stage.index)
    assert set(stage) == set(worlds.SHARES)
    assert (first[stage == "new"] <= 90).all()
    assert first[stage == "active"].between(90, 365).all()
    assert (first[stage == "loyal"] >= 365).all()
    assert (last[stage == "lost"] > 90).all()
    gaps = (first - last) / (by.size().reindex(stage.index) - 1)
    assert gaps[stage == "loyal"].median() == pytest.approx(mean, rel=0.25)
    assert last[stage == "at risk"].median() > last[stage == "loyal"].median()


def test_a_shop_is_the_same_for_a_seed() -> None:
    """Same seed, same lines; another seed, others."""
    one, two, other = (
        worlds.shop("grocer", customers=20, seed=s)[0].transactions for s in (1, 1, 2)
    )
    pd.testing.assert_frame_equal(one, two)
    assert not one.equals(other)


def test_f1_is_counted_over_all_stages() -> None:
    """A stage nobody is told to be in counts with zero; a customer without an answer is wrong."""
    key = pd.Series(["new", "active", "loyal", "at risk", "lost"], index=list("abcde"))
    told = pd.Series(["new", "active", "loyal", "lost", None], index=list("abcde"))
    found = study._f1(key, told)
    assert found["stage"] == pytest.approx((1 + 1 + 1 + 0 + 0) / 5)
    assert found["loyal"] == 1.0


def test_shuffled_books_are_counted() -> None:
    """Segments that mean something pass when they are not shuffled, and not one when they are."""
    table = pd.DataFrame({"orders": np.repeat([1, 9], 80)}, index=[f"c{n}" for n in range(160)])
    table = table.rename_axis("customer_id").reset_index()
    label = pd.Series(np.repeat(["x", "y"], 80), index=table["customer_id"])
    assert study.shuffled(table, label, repeats=5, seed=0) == 5
    assert study.names_kept(table, label, repeats=3, seed=0) == 1.0
