"""The gates judge what is used: a few of the planted cases, the hundred are a command."""

from __future__ import annotations

import pandas as pd
import pytest

from benchmarks import gate_answers, gate_plants, planted_gates
from segwork.checks.gates import catalogue
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


def test_every_gate_has_been_seen_to_answer_otherwise() -> None:
    """On real data, samples and planted cases no gate says the same thing wherever it applies."""
    runs = pd.read_csv(gate_answers.FILE).set_index("gate")
    planted = pd.read_csv(gate_plants.FILE).set_index("gate")[["answer", "sound"]]
    told = runs.join(planted, how="outer").reindex(list(catalogue()))
    applied = told.where(~told.isin(["not applicable", "skipped"]))
    alike = applied.apply(lambda row: len(set(row.dropna())) < 2, axis=1)
    assert list(alike[alike].index) == []
    assert set(planted["answer"]) <= {"failed", "warned"}, "a planted fault that passed"
    assert set(planted["sound"]) <= {"passed", "inconclusive", "not applicable"}


@pytest.mark.parametrize("made", ["pilot", "habits", "costly", "inside", "handful"])
def test_planted_faults_are_answered_and_their_counterparts_are_not(made: str) -> None:
    """The quickest of the cases behind the table, once more."""
    case = getattr(gate_plants, made)
    bad, sound = case(True), case(False)
    for code, (_, own) in gate_plants.PLANTS.items():
        if own is case:
            notebook = catalogue()[code].notebook
            assert planted_gates.judged(code, notebook, bad) in AGAINST, code
            assert planted_gates.judged(code, notebook, sound) is Status.PASSED, code
