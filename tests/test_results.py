"""The words checks answer in."""

from __future__ import annotations

import math

import pytest

from segwork.results import Finding, Interval, Severity, Status, display


@pytest.mark.parametrize(
    ("value", "unit", "expected"),
    [
        (135080, "rows", "135,080 rows"),
        (0.24927, "share", "24.9 %"),
        (1234.5678, "GBP", "GBP 1,235"),
        (0.0001234, "", "0.000123"),
        (math.nan, "rows", "–"),
        (None, "", "–"),
        ("<b>", "", "<b>"),
    ],
)
def test_display_rounds_for_people(value: object, unit: str, expected: str) -> None:
    """Counts keep every digit, shares become per cent, the rest three digits."""
    assert display(value, unit) == expected


def test_interval_knows_what_it_holds() -> None:
    """Both limits belong to the interval."""
    interval = Interval(0.1, 0.2)

    assert 0.1 in interval
    assert 0.2 in interval
    assert 0.2001 not in interval


def test_finding_as_dict_is_plain_json() -> None:
    """Enums become words and a number that is not finite becomes None."""
    finding = Finding(
        "SEG-Q01", Status.WARNED, Severity.LOW, math.nan, 0.1, "share", 10, "unknown share."
    )

    assert finding.as_dict() == {
        "code": "SEG-Q01",
        "status": "warned",
        "severity": "low",
        "value": None,
        "limit": 0.1,
        "unit": "share",
        "n": 10,
        "message": "unknown share.",
    }
