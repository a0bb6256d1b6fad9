"""``junit.xml``: a case per gate, red exactly where a strict run fails."""

from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree

import pytest

from segwork.checks import gates
from segwork.engine.conclude import records
from segwork.results import Finding, Severity, Status


def answer(code: str, status: Status) -> Finding:
    """One answer of a gate of the catalogue."""
    return Finding(code, status, Severity.HIGH, 0.5, 0.1, "share", 9, f"{code} says \x1b[31mso.")


def cases(folder: Path, *findings: Finding) -> tuple[ElementTree.Element, dict[str, str]]:
    """Write the records of one notebook without cells; return its suite and each case's child."""
    records.write_junit(folder / "junit.xml", {"10_data_quality": []}, findings)
    suite = ElementTree.parse(folder / "junit.xml").getroot().find("testsuite")
    assert suite is not None
    found = {str(case.get("name")): case[0].tag if len(case) else "" for case in suite}
    return suite, found


def test_required_and_other_gates_are_told_apart(tmp_path: Path) -> None:
    """SEG-Q02 is required, SEG-Q01 and SEG-Q07 are not, and SEG-C02 is of another notebook."""
    suite, found = cases(
        tmp_path,
        answer("SEG-Q02", Status.FAILED),
        answer("SEG-Q01", Status.FAILED),
        answer("SEG-Q03", Status.INCONCLUSIVE),
        answer("SEG-Q04", Status.WAIVED),
        answer("SEG-Q05", Status.NOT_APPLICABLE),
        answer("SEG-Q06", Status.SKIPPED),
        answer("SEG-Q07", Status.WARNED),
        answer("SEG-Q08", Status.PASSED),
        answer("SEG-C02", Status.FAILED),
    )

    tags = ["failure", "system-out", "system-out", "system-out", "skipped", "skipped"]
    assert list(found.values()) == [*tags, "system-out", ""]
    title = gates.catalogue()["SEG-Q02"].title
    failed = suite.find("testcase/failure")
    assert next(iter(found)) == f"SEG-Q02 {title}"
    assert failed is not None
    assert failed.get("message") == "SEG-Q02 says so."
    assert {case.get("classname") for case in suite} == {"10_data_quality"}
    assert (suite.get("tests"), suite.get("failures"), suite.get("skipped")) == ("8", "1", "2")
    assert "failed: SEG-Q01 says" in str(suite.findtext("testcase/system-out"))


@pytest.mark.parametrize("status", list(Status))
def test_junit_is_red_where_a_strict_run_fails(tmp_path: Path, status: Status) -> None:
    """For every gate and every answer: a failure if and only if the exit code is 3."""
    for code, gate in gates.catalogue().items():
        finding = answer(code, status)
        records.write_junit(tmp_path / "junit.xml", {gate.notebook: []}, [finding])
        suites = ElementTree.parse(tmp_path / "junit.xml").getroot()

        red = suites.find("testsuite/testcase/failure") is not None
        unanswered = status is Status.INCONCLUSIVE and gate.notebook == "70_privacy"
        assert red == (gate.required and (status is Status.FAILED or unanswered)), code
        assert bool(gates.blocking([finding])) == red, code
