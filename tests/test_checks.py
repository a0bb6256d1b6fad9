"""One way to check: complete catalogues, a function for every rule, a runner that judges."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from segwork import checks
from segwork.checks import catalogue, runner
from segwork.errors import UsageError
from segwork.results import Interval, Severity, Status


def test_catalogues_are_complete_and_every_rule_has_its_function() -> None:
    """No rule without definition, source, action and why, and none without a documented check."""
    for family in catalogue.families():
        importlib.import_module(f"segwork.{catalogue.FAMILIES[family][0]}")
        functions = runner.registered(family)
        assert list(functions) == list(checks.rules(family)), family
        for code, rule in checks.rules(family).items():
            texts = (rule.title, rule.definition, rule.source, rule.action, rule.why)
            assert all(texts), code
            assert (functions[code].__doc__ or "").strip(), code
    with pytest.raises(UsageError, match="DQ"):
        checks.rules("QD")


def test_the_manual_says_what_the_catalogues_say(project: Path) -> None:
    """docs/checks.md is up to date."""
    sys.path.insert(0, str(project / "tools"))
    written = (project / "docs" / "checks.md").read_text(encoding="utf-8")

    assert written == importlib.import_module("manual").manual(), "run: python tools/manual.py"


def rule(severity: str = "high", **given: float) -> checks.Rule:
    """Return a rule whose limit is 0.1."""
    words = ("title", "definition", "source", "action", "why")
    return checks.Rule("DQ-T-99", *words[:2], Severity(severity), *words[2:], limit=0.1, **given)


@pytest.mark.parametrize(
    ("evidence", "severity", "wanted"),
    [
        ({"rows": np.arange(3), "of": 10}, "high", "failed"),
        ({"rows": np.arange(3), "of": 10}, "low", "warned"),
        ({"rows": np.arange(0), "of": 10}, "high", "passed"),
        ({"n": 2, "of": 10}, "critical", "failed"),
        ({"value": 0.2}, "high", "failed"),
        ({"value": 0.2, "interval": Interval(0.05, 0.4)}, "high", "inconclusive"),
        ({"value": 0.05}, "high", "passed"),
        ({"value": 0.05, "status": Status.WARNED}, "high", "warned"),
    ],
)  # fmt: skip
def test_evidence_is_judged_by_its_rule(evidence: dict, severity: str, wanted: str) -> None:
    """Counts by severity and share, estimates by limit and interval, unless the check judged."""
    found = checks.Evidence(table="t", **evidence)
    answer, _ = runner.run_one(rule(severity), lambda *_: iter([found]), None)

    assert answer["status"] == wanted


def test_a_share_decides_between_warned_and_failed() -> None:
    """Three of a hundred rows warn under a limit of 5 % of the rows, eight fail."""
    for n, wanted in ((3, "warned"), (8, "failed")):
        found = checks.Evidence(table="t", rows=np.arange(n), of=100)
        answer, _ = runner.run_one(rule(fail_share=0.05), lambda *_, e=found: iter([e]), None)
        assert answer["status"] == wanted


def test_what_does_not_apply_and_what_cannot_be_told_are_answers() -> None:
    """The exceptions of a check become statuses with their reasons; other errors are errors."""

    def answering(error: Exception) -> Iterator[checks.Evidence]:
        raise error
        yield

    for error, wanted in (
        (checks.NotApplicable("no table"), "not_applicable"),
        (checks.Inconclusive("few rows"), "inconclusive"),
    ):
        answer, places = runner.run_one(rule(), lambda *_, e=error: answering(e), None)
        assert (answer["status"], places) == (wanted, [])
        assert str(error) in answer["message"]
    with pytest.raises(ZeroDivisionError):
        runner.run_one(rule(), lambda *_: answering(ZeroDivisionError()), None)


def test_findings_count_distinct_rows_and_put_the_worst_first() -> None:
    """Two places with a shared row are three rows of ten; the larger place comes first."""
    places = [
        checks.Evidence("t", ("a",), np.array([1]), 10, note="one"),
        checks.Evidence("t", ("b",), np.array([1, 2, 5]), 10, note="three"),
    ]
    answer, found = runner.run_one(
        rule(), lambda *_: iter(places), SimpleNamespace(), sizes={"t": 10}
    )

    assert (answer["n_rows"], answer["n"], answer["share"]) == (3, 10, 0.3)
    assert answer["column"] == "b,a"
    assert [place.note for place in found] == ["three", "one"]
