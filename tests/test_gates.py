"""Gates judge recorded facts and compute nothing."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import date

import pytest

from segwork.checks import gates
from segwork.checks.gates import Gate
from segwork.config import Config, Limit, Waiver
from segwork.errors import ConfigError
from segwork.results import Finding, Severity, Status

GATE = Gate(
    code="SEG-Q99",
    title="Order lines without a customer",
    notebook="10_data_quality",
    fact="missing_share",
    severity=Severity.HIGH,
    at_most=0.3,
    unit="share",
    required=True,
)


@pytest.fixture(autouse=True)
def one_gate(monkeypatch: pytest.MonkeyPatch) -> None:
    """Judge against one gate only."""
    monkeypatch.setattr(gates, "catalogue", lambda: {GATE.code: GATE})


def judge(facts: dict[str, float | int | str] | None, **settings: object) -> Finding:
    """Judge the facts of one notebook against the one gate."""
    config = Config(as_of=date(2011, 12, 10), **settings)
    return gates.judge({} if facts is None else {"10_data_quality": facts}, config)[0]


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        ({"missing_share": 0.4}, Status.FAILED),
        ({"missing_share": 0.2}, Status.PASSED),
        (
            {"missing_share": 0.4, "missing_share_low": 0.2, "missing_share_high": 0.6},
            Status.INCONCLUSIVE,
        ),
        (
            {"missing_share": 0.4, "missing_share_low": 0.35, "missing_share_high": 0.45},
            Status.FAILED,
        ),
        ({"something_else": 1}, Status.NOT_APPLICABLE),
        ({"missing_share": "not enough data"}, Status.INCONCLUSIVE),
        ({"missing_share": "passed"}, Status.PASSED),
        (None, Status.SKIPPED),
    ],
)
def test_gate_answers(facts: dict[str, float | int | str] | None, expected: Status) -> None:
    """A gate fires, stays silent, cannot tell, does not apply, or was not run."""
    assert judge(facts).status is expected


def test_message_carries_value_interval_and_limit() -> None:
    """The sentence can be read without the table."""
    facts = {"missing_share": 0.4, "missing_share_low": 0.35, "missing_share_high": 0.45}

    assert judge(facts).message == (
        "Order lines without a customer: 40.0 % (95 % interval 35.0 % to 45.0 %),"
        " limit at most 30.0 %."
    )


def test_status_is_passed_on_with_its_number() -> None:
    """A status word carries the number named by ``shows``, or the rows counted beside it."""
    shown = replace(GATE, fact="pairs_status", shows="pairs_gap", unit="share")
    counted = replace(GATE, fact="dq_t_01_status")

    with_gap = gates._judge_one(shown, {"pairs_status": "failed", "pairs_gap": 0.15})
    with_rows = gates._judge_one(counted, {"dq_t_01_status": "warned", "dq_t_01_rows": 656})

    counted_n = {"pairs_status": "failed", "pairs_gap": 0.15, "pairs_gap_n": 433}
    assert gates._judge_one(shown, counted_n).n == 433
    assert with_gap.message == "Order lines without a customer: failed (15.0 %)."
    assert with_rows.message == "Order lines without a customer: warned (656 rows)."


def test_yes_or_no_is_said_in_words(monkeypatch: pytest.MonkeyPatch) -> None:
    """A flag is no quantity: the sentence says no and yes, not 0 and 1."""
    flag = replace(GATE, fact="clear", at_most=None, at_least=1, unit="yes or no", title="Clear")
    monkeypatch.setattr(gates, "catalogue", lambda: {flag.code: flag})

    assert judge({"clear": 0}).message == "Clear: no, it must be yes."


def test_users_limit_replaces_the_default() -> None:
    """A limit in the config decides, and its direction is the user's."""
    limits = {"SEG-Q99": Limit(at_most=0.5, why="our shop sells to guests")}

    finding = judge({"missing_share": 0.4}, limits=limits)

    assert (finding.status, finding.limit) == (Status.PASSED, 0.5)


def test_unknown_gate_in_config_is_an_error() -> None:
    """A limit for a code nobody has names the nearest one."""
    with pytest.raises(ConfigError, match="did you mean 'SEG-Q99'"):
        judge({}, limits={"SEG-Q98": Limit(at_most=1)})


@pytest.mark.parametrize(
    ("until", "expected"),
    [(date(2012, 1, 1), Status.WAIVED), (date(2011, 1, 1), Status.FAILED)],
)
def test_waiver_needs_a_date_that_is_not_past(until: date, expected: Status) -> None:
    """A waiver covers a failure until its end, counted from ``as_of``."""
    waivers = {"SEG-Q99": Waiver(who="A. Reviewer", why="guests", until=until)}

    assert judge({"missing_share": 0.4}, waivers=waivers).status is expected


def test_only_required_failures_block() -> None:
    """A failed required gate blocks; inconclusive blocks only for privacy."""
    assert gates.blocking([judge({"missing_share": 0.4})])
    assert not gates.blocking([judge({"missing_share": "not enough data"})])


def test_policy_files_are_complete(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every gate states source and why, and one limit at most."""
    monkeypatch.undo()

    for code, gate in gates.catalogue().items():
        assert re.fullmatch(r"SEG-[QLCTDOFPBXV]\d\d", code)
        assert gate.source
        assert gate.why, code
        assert gate.at_most is None or gate.at_least is None


def test_a_check_that_gives_its_number_is_quoted(monkeypatch: pytest.MonkeyPatch) -> None:
    """Status, number, limit and the check's own sentence stand in the finding of the gate."""
    gate = replace(GATE, fact="of_02", at_most=None, unit="")
    monkeypatch.setattr(gates, "catalogue", lambda: {gate.code: gate})
    words = {"of_02_unit": "area", "of_02_words": "area 0.81 in the later period."}
    found = judge({"of_02": "passed", "of_02_value": 0.03, "of_02_limit": 0.05, **words})
    assert (found.status, found.value, found.limit, found.unit) == ("passed", 0.03, 0.05, "area")
    assert found.message.endswith("passed. Area 0.81 in the later period.")


def test_words_of_a_second_status_end_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """A sentence that a check ends itself gets no second full stop."""
    gate = replace(GATE, also="of_20")
    monkeypatch.setattr(gates, "catalogue", lambda: {gate.code: gate})
    found = judge({"missing_share": 0.2, "of_20": "warned", "of_20_words": "slope 0.6."})
    assert found.message.endswith("limit at most 30.0 %. Slope 0.6.")
