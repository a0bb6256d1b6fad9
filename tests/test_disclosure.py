"""Small groups stay hidden, also from subtraction; columns that name people are found."""

from __future__ import annotations

from itertools import product

import numpy as np
import pandas as pd
import pytest

from segwork.disclosure import (
    direct_identifiers,
    hidden_groups,
    recovered,
    suppressed,
    without_small_groups,
)


@pytest.mark.parametrize(
    ("column", "values"),
    [
        ("note", ["call +62 812-3456-7890"]),
        ("note", ["write to ann.e@example.co.id today"]),
        ("full_name", ["x"]),
        ("contact_mail", [1]),
        ("home_address", ["x"]),
    ],
)
def test_identifier_is_found(column: str, values: list[object]) -> None:
    """A name in the header, or a mail or phone number in the values, gives a column away."""
    assert list(direct_identifiers(pd.DataFrame({column: values}))) == [column]


def test_times_codes_amounts_and_pseudonyms_are_no_identifiers() -> None:
    """Dates, pseudonyms, order numbers and amounts do not look like phone numbers."""
    frame = pd.DataFrame(
        {
            "at": ["2026-07-01 12:30:00", "01/07/2026"],
            "customer_id": ["08b52ca360340a9a", "1234567890abcdef"],
            "order_id": ["C536365", "O-00001234"],
            "amount": [123_456_789_012, 5],
            "segment": ["S01", "S02"],
            "username_length": [3, 4],
        }
    )

    assert direct_identifiers(frame) == {}


def test_small_rows_are_blanked_with_a_second_one() -> None:
    """One hidden row would follow from the total, so the next smallest goes with it."""
    frame = pd.DataFrame({"segment": list("ABC"), "customers": [2, 40, 9], "mean": [1.0, 2.0, 3.0]})

    shown = without_small_groups(frame)

    assert shown["segment"].tolist() == ["A", "B", "C"]
    assert shown["customers"].tolist() == [None, 40, None]
    assert shown["mean"].tolist() == [None, 2.0, None]
    assert frame["customers"].tolist() == [2, 40, 9]


@pytest.mark.parametrize(
    "frame",
    [
        pd.DataFrame({"customers": [5, 0, 40], "mean": [1.0, 2.0, 3.0]}),
        pd.DataFrame({"n": [1, 2], "mean": [1.0, 2.0]}),
        pd.DataFrame({"customers": ["few", "many"]}),
    ],
)
def test_tables_without_small_groups_stay(frame: pd.DataFrame) -> None:
    """Five is enough, nobody is nobody, and other counts are not about people."""
    pd.testing.assert_frame_equal(without_small_groups(frame), frame)


def test_the_column_that_counts_people_may_be_named() -> None:
    """Where a column of another name counts them it is said, and its order of rows matters not."""
    frame = pd.DataFrame({"group": list("ABC"), "n": [50, 3, 9], "recall": [0.5, 1.0, 0.7]})

    assert without_small_groups(frame)["recall"].tolist() == [0.5, 1.0, 0.7]
    shown = without_small_groups(frame, people="n")
    assert shown["recall"].tolist() == [0.5, None, None]


def test_every_cell_may_count_people() -> None:
    """A cross table keeps its words and loses small cells, and those that give them away."""
    frame = pd.DataFrame({"reading": list("ABC"), "x": [2, 40, 7], "y": [30, 50, 6]})

    shown = without_small_groups(frame, people="cells")

    assert shown["reading"].tolist() == list("ABC")
    assert shown["x"].tolist() == [None, 40, None]
    assert shown["y"].tolist() == [None, 50, None]


def test_two_hidden_ones_are_not_enough() -> None:
    """Groups of one and two: their sum would say who is who, so a third is hidden."""
    assert hidden_groups(np.array([1, 2, 30, 40])).tolist() == [True, True, True, False]


def slow_recovered(counts: np.ndarray, hidden: np.ndarray) -> np.ndarray:
    """Try every whole number in every hidden cell; what is the same in all answers is recovered."""
    places = np.argwhere(hidden)
    answers = []
    for guess in product(range(1, int(counts[hidden].sum()) + 1), repeat=len(places)):
        table = counts.copy()
        table[hidden] = guess
        if (table.sum(0) == counts.sum(0)).all() and (table.sum(1) == counts.sum(1)).all():
            answers.append(guess)
    same = np.zeros(hidden.shape, bool)
    same[hidden] = np.array([len(set(column)) == 1 for column in zip(*answers, strict=True)])
    return same


def test_attack_by_subtraction_equals_trying_everything() -> None:
    """The linear programmes find what an exhaustive search finds."""
    rng = np.random.default_rng(1)
    given_away = 0
    for _ in range(25):
        counts = rng.integers(0, 5, (3, 3))
        hidden = (counts > 0) & (rng.random((3, 3)) < 0.5)
        if hidden.any() and counts[hidden].sum() <= 9 and hidden.sum() <= 5:
            expected = slow_recovered(counts, hidden)
            found = recovered(pd.DataFrame(counts), hidden)
            assert found.tolist() == expected.tolist()
            given_away += expected.sum()

    assert given_away > 5


def test_suppressed_tables_withstand_subtraction() -> None:
    """No small cell is shown and no hidden one recovered, in tables drawn at random."""
    rng = np.random.default_rng(0)
    attacked = 0
    for _ in range(8):
        counts = pd.DataFrame(rng.negative_binomial(1, 0.05, (7, 4)))
        naive = ((counts > 0) & (counts < 5)).to_numpy()
        attacked += recovered(counts, naive).sum()

        shown = suppressed(counts)

        hidden = shown.isna().to_numpy()
        assert not ((shown > 0) & (shown < 5)).to_numpy().any()
        assert not recovered(counts, hidden).any()
        assert (shown.to_numpy()[~hidden] == counts.to_numpy()[~hidden]).all()

    assert attacked > 10, "hiding small cells alone would have done"


def test_one_column_is_a_list() -> None:
    """Counts in one column are hidden as a list whose total is known."""
    shown = suppressed(pd.DataFrame({"customers": [3, 60, 8]}))

    assert shown["customers"].isna().tolist() == [True, False, True]
