"""The bench of value: its own figures are right before they judge anything."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from benchmarks.value import company, files, million
from segwork import sample


def test_planted_profit_is_the_answer_key() -> None:
    """Heavy callers are a segment of their own; nobody is lost; each of them costs money."""
    made = sample.make(customers=1_000, seed=3, faults=False)
    truth = company.planted(made)
    assert len(truth) == 1_000
    heavy = truth[truth["segment"] == company.HEAVY]
    assert (heavy["profit"] < 0).all()
    assert heavy.index.size == made.key.profitability["heavy_caller"].sum()


def test_study_of_a_clean_company() -> None:
    """Without faults the ledger is the answer key: every segment held, the peak the same."""
    found = company.study(seed=5, customers=1_500, faults=False)
    assert found["heavy_last"]
    assert found["held"] >= found["segments"] - 1
    assert found["peak"] == pytest.approx(found["true_peak"], abs=1e-3)
    assert found["heavy_found"] > 0.8


def test_scoring_of_a_file_worked_by_hand() -> None:
    """Two customers with two and one orders in the later period; unknown ones are left out."""
    rows = [
        ("a", d) for d in ("2024-01-01", "2024-01-11", "2024-02-10", "2024-04-05", "2024-04-09")
    ]
    rows += [("b", "2024-02-01"), ("b", "2024-03-02"), ("b", "2024-05-01"), ("late", "2024-04-02")]
    lines = pd.DataFrame(rows, columns=["customer_id", "ordered_at"])
    lines["ordered_at"] = pd.to_datetime(lines["ordered_at"])
    rows, means = files.score(lines, as_of="2024-04-01", days=31, model="bg/nbd")
    own = rows.set_index("model").loc["own rate"]
    expected = np.array([2 * 31 / 90, 1 * 31 / 59])
    assert own["mae"] == pytest.approx(np.abs(expected - [2, 1]).mean())
    assert own["bias"] == pytest.approx(expected.sum() / 3 - 1)
    assert means["customers"].tolist() == [1, 1]
    assert means["actual"].tolist() == [1.0, 2.0]


def test_shared_file_is_scored_as_published(public_data: Path) -> None:
    """CDNOW: 1,882 orders came, by the counts of the published table of frequencies."""
    lines = files.read(public_data, "cdnow_sample")
    rows, means = files.score(lines, as_of="1997-10-01", days=273, model="pareto/nbd")
    assert means["customers"].tolist() == [1411, 439, 214, 100, 62, 38, 29, 64]
    actual = [0.237, 0.697, 1.393, 1.560, 2.532, 2.947, 3.862, 6.359]
    assert means["actual"].tolist() == pytest.approx(actual, abs=6e-4)
    published = [0.138, 0.599, 1.196, 1.714, 2.398, 2.907, 3.819, 6.403]
    assert means["expected"].tolist() == pytest.approx(published, rel=0.04)
    naive = rows.set_index("model").loc["own rate"]
    assert (naive["mae"], naive["rmse"]) == pytest.approx((1.0237, 2.212), abs=0.02)


def test_a_large_base_is_timed_on_a_small_one() -> None:
    """The made-up base has its customers, lines and contacts, and the clock runs."""
    found = million.seconds(2_000)
    assert found["lines"] > 4_000
    assert found["profit"] > 0
    assert found["expected"] > 0
