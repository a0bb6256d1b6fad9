"""The gates judge what is used: a few of the planted cases, the hundred are a command."""

from __future__ import annotations

import pytest

from benchmarks import planted_gates
from segwork.results import Status

AGAINST = (Status.FAILED, Status.WARNED)


@pytest.mark.parametrize("seed", [1000, 1001])
def test_the_chosen_model_is_the_one_that_is_judged(seed: int) -> None:
    """The best ranking model promises too much: the gate says so, though a sound one took part."""
    chosen, status = planted_gates.model_gate(seed)
    assert (chosen, status in AGAINST) == ("best", True)
    chosen, status = planted_gates.model_gate(seed, sound=True)
    assert (chosen, status in AGAINST) == ("best", False)


def test_the_saved_segments_are_the_ones_that_are_judged() -> None:
    """Twelve slices of a continuum are not found again; the rule beside them is."""
    assert planted_gates.segment_gate(1000)[1] in AGAINST
    assert planted_gates.segment_gate(1000, sound=True)[1] is Status.PASSED
