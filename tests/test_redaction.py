"""Errors lose the values of personal columns and keep everything else."""

from __future__ import annotations

import pandas as pd
import pytest

from segwork import tables
from segwork.redaction import HIDDEN, redacted


@pytest.fixture(scope="module")
def data() -> tables.Tables:
    """Return tables with names in ids, extra columns and texts."""
    lines = pd.DataFrame(
        {
            "customer_id": ["ann.example@post.org", "C2"],
            "ordered_at": "2026-01-02",
            "amount": [9.0, 7.0],
            "payment_method": "wallet",
            "ship_to": ["Ann Example", "Bo Sample"],
        }
    )
    calls = pd.DataFrame(
        {
            "customer_id": ["C2", "C2"],
            "channel": "mail",
            "occurred_at": "2026-01-03",
            "text": ["this is Quentin Oddname", "hello"],
        }
    )
    return tables.from_frames(transactions=lines, interactions=calls)


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        ("could not convert string to float: 'Ann Example'", f"to float: '{HIDDEN}'"),
        ("KeyError: 'ann.example@post.org'", f"KeyError: '{HIDDEN}'"),
        ("odd: Oddname", f"odd: {HIDDEN}"),
        ("no column 'payment_method'", "no column 'payment_method'"),
        ("wallet is not accepted", "wallet is not accepted"),
        ("division by zero", "division by zero"),
    ],
)
def test_values_go_and_words_stay(data: tables.Tables, said: str, shown: str) -> None:
    """Names, mails and words of texts go; columns, categories and the message stay."""
    assert shown in redacted(said, data)


def test_the_programmers_own_words_stay(data: tables.Tables) -> None:
    """What stands in the notebook's code is no secret of the data."""
    assert redacted("name 'hello' is odd", data, code="hello = 3") == "name 'hello' is odd"
    assert redacted("name 'hello' is odd", data) == f"name '{HIDDEN}' is odd"
