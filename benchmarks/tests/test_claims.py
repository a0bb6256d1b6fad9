"""The reader of sentences: numbers are found where they stand, and unequal ones are told."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
import pytest

from benchmarks import claims
from segwork import evidence
from segwork.results import display

TEXT = "3,452 of 552,829 order lines have no customer, 2,122 are surplus copies of another line."


def test_a_number_that_is_not_equal_is_told_with_its_sentence() -> None:
    """Three numbers are found in their places, one of them is another when computed again."""
    rule = "{nobody} of {rows} order lines have no customer, {copies} are surplus copies"
    again = {"nobody": "3,452", "rows": "552,829", "copies": "2,121"}
    found = [(said, other) for said, other, _, _ in claims.compare(TEXT, [(rule, again)])]
    assert found == [("3,452", "3,452"), ("552,829", "552,829"), ("2,122", "2,121")]
    assert list(claims.compare("Nothing of the kind.", [(rule, again)])) == []
    assert len(claims.NUMBER.findall(TEXT)) == 3


@pytest.mark.parametrize(("hits", "n"), [(0, 40), (7, 40), (3406, 9677)])
def test_spelling_and_intervals_are_those_of_the_pages(hits: int, n: int) -> None:
    """Written again by hand, they give what the pages show."""
    low, high = (display(end, "share") for end in vars(evidence.wilson(hits, n)).values()
                 if end != 0.95)  # fmt: skip
    assert claims.wilson(hits, n) == (low, high)
    assert claims.share(hits / n) == display(hits / n, "share")
    assert claims.count(n) == display(n)


def test_raw_lines_of_a_run_by_hand(tmp_path: Path) -> None:
    """Of five lines one has no customer, one is cancelled, one copies another, one is too late."""
    lines = pd.DataFrame({
        "Customer ID": [1.0, 1.0, 2.0, None, 2.0], "Invoice": ["a", "a", "C1", "b", "d"],
        "at": ["2024-01-02", "2024-01-02", "2024-01-03", "2024-01-04", "2024-03-01"],
        "Quantity": [1, 1, -1, 2, 1], "Price": [5.0, 5.0, 5.0, 1.0, 1.0],
    })  # fmt: skip
    lines.to_parquet(tmp_path / "lines.parquet")
    columns = {"customer_id": "Customer ID", "order_id": "Invoice", "ordered_at": "at",
               "quantity": "Quantity", "unit_price": "Price"}  # fmt: skip
    source = {"path": "lines.parquet", "columns": columns, "rules": {"cancelled_prefix": "C"}}
    manifest = {"as_of": "2024-02-01", "config": {"tables": {"transactions": source}}}
    (tmp_path / "manifest.json").write_text(json.dumps(manifest), encoding="utf-8")
    run = claims.Run(tmp_path, tmp_path / "shop.toml")
    assert run.table("transactions").duplicated().sum() == 1
    assert len(run.lines) == 4
    assert run.sold["customer_id"].tolist() == ["1", "1"]
    assert run.sold["amount"].tolist() == [5.0, 5.0]
    assert len(run.orders) == 1
