"""Gates: facts and limits in, findings out. Nothing is computed here.

The policy is data: one TOML file per family in ``segwork/checks/limits``, one section per gate::

    [SEG-Q01]
    title = "Order lines without a customer"
    notebook = "10_data_quality"        # whose facts are judged
    fact = "missing_customer_share"     # its `_low`, `_high`, `_n` are used where recorded
    at_most = 0.30                      # or at_least
    unit = "share"
    severity = "high"                   # critical · high · medium · low
    required = true                     # decides under --strict
    checks = ["DQ-M-01"]                # catalogue ids behind it
    source = "where the limit comes from"
    why = "what goes wrong beyond it"

A gate whose ``fact`` is a status word (``"passed"``, ``"inconclusive"`` …) passes that word on.
``shows`` names the number that is printed beside the word; where it is not given and the fact is
``x_status``, that is ``x_rows``. A check that records its number beside its status ``x``, as
``x_value``, ``x_unit``, ``x_limit`` and ``x_words``, is quoted. ``also`` names a second status: the
gate answers the worse of the two, and says the fact ``…_words`` beside it where that is recorded.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date
from functools import cache
from importlib import resources

from segwork.config import Config, Limit, Waiver
from segwork.errors import ConfigError
from segwork.evidence import decide
from segwork.results import YES_NO, Finding, Interval, Severity, Status, display, spelled

Facts = Mapping[str, float | int | str]
STATUS_WORDS = frozenset(status.value for status in Status)
WORST = [
    Status.FAILED,
    Status.WARNED,
    Status.INCONCLUSIVE,
    Status.PASSED,
    Status.WAIVED,
    Status.NOT_APPLICABLE,
    Status.SKIPPED,
]


@dataclass(frozen=True)
class Gate:
    """One rule of the policy; see the module's docstring for the fields."""

    code: str
    title: str
    notebook: str
    fact: str
    severity: Severity
    at_most: float | None = None
    at_least: float | None = None
    unit: str = ""
    shows: str = ""
    also: str = ""
    required: bool = False
    checks: tuple[str, ...] = ()
    source: str = ""
    why: str = ""

    @property
    def limit(self) -> float | None:
        """The number the fact is held against; None for a gate on a status."""
        return self.at_most if self.at_most is not None else self.at_least


@cache
def catalogue() -> dict[str, Gate]:
    """Read every gate of the policy files, by code."""
    gates: dict[str, Gate] = {}
    for file in sorted(resources.files("segwork.checks.limits").iterdir(), key=lambda f: f.name):
        if file.name.endswith(".toml"):
            for code, body in tomllib.loads(file.read_text(encoding="utf-8")).items():
                gates[code] = Gate(
                    code=code,
                    **{
                        **body,
                        "severity": Severity(body["severity"]),
                        "checks": tuple(body.get("checks", ())),
                    },
                )
    return gates


def judge(facts: Mapping[str, Facts], config: Config) -> list[Finding]:
    """Judge the facts of a run against every gate.

    Parameters
    ----------
    facts : mapping of notebook to its facts
        Only notebooks that ran; a gate of a notebook that did not run is skipped.
    config : Config
        Limits and waivers of the user.

    Returns
    -------
    list of Finding
        One per gate, in order of code.

    Raises
    ------
    ConfigError
        The config sets a limit or waiver for a code no gate has.
    """
    gates = catalogue()
    for code in (*config.limits, *config.waivers):
        if code not in gates:
            raise ConfigError.unknown("gate", code, gates, where="the config's limits and waivers")
    return [
        _waive(
            _with_second(
                gate,
                _judge_one(_with_limit(gate, config.limits.get(code)), facts.get(gate.notebook)),
                facts.get(gate.notebook) or {},
            ),
            config.waivers.get(code),
            config.as_of,
        )
        for code, gate in sorted(gates.items())
    ]


def blocking(findings: Iterable[Finding]) -> list[Finding]:
    """Return the findings that make a strict run fail."""
    return [finding for finding in findings if blocks(finding.code, finding.status)]


def blocks(code: str, status: str) -> bool:
    """Tell whether an answer makes a strict run fail: the one rule of page, JUnit and exit code.

    A required gate must not fail, and one about privacy must have an answer as well.

    Examples
    --------
    >>> blocks("SEG-Q02", "failed"), blocks("SEG-Q02", "inconclusive"), blocks("SEG-Q01", "failed")
    (True, False, False)
    """
    gate = catalogue().get(code)
    private = code.startswith("SEG-P") and status == Status.INCONCLUSIVE
    return bool(gate and gate.required and (status == Status.FAILED or private))


def _with_limit(gate: Gate, limit: Limit | None) -> Gate:
    if limit is None:
        return gate
    return replace(gate, at_most=limit.at_most, at_least=limit.at_least, why=limit.why or gate.why)


def _judge_one(gate: Gate, facts: Facts | None) -> Finding:
    if facts is None:
        return _finding(gate, Status.SKIPPED, None, None, f"{gate.notebook} did not run")
    if gate.fact not in facts:
        message = f"{gate.title}: not applicable, the data for it are not there"
        return _finding(gate, Status.NOT_APPLICABLE, None, None, message)
    value, n = facts[gate.fact], facts.get(f"{gate.fact}_n")
    count = int(n) if n is not None else None
    if isinstance(value, str):
        if value not in STATUS_WORDS:
            return _finding(gate, Status.INCONCLUSIVE, None, count, f"{gate.title}: {value}")
        return _passed_on(gate, Status(value), facts)
    status = decide(
        value=float(value),
        limit=float(gate.limit or 0.0),
        interval=_interval(gate.fact, facts),
        higher_is_worse=gate.at_most is not None,
        severity=gate.severity,
    )
    return _finding(gate, status, float(value), count, _sentence(gate, facts))


def _with_second(gate: Gate, finding: Finding, facts: Facts) -> Finding:
    """Let a second status count: a rate alone may be bought."""
    second = facts.get(gate.also, "")
    if second not in STATUS_WORDS:
        return finding
    worse = min(finding.status, Status(second), key=WORST.index)
    words = facts.get(gate.also.removesuffix("_status") + "_words", "")
    said = str(words).rstrip(".")
    message = f"{finding.message} {said[:1].upper()}{said[1:]}." if said else ""
    return replace(finding, status=worse, message=spelled(message or finding.message))


def _passed_on(gate: Gate, status: Status, facts: Facts) -> Finding:
    rows = gate.fact.removesuffix("_status") + "_rows"
    name, unit = (gate.shows, gate.unit) if gate.shows else (rows, "rows")
    text = f"{gate.title}: {str(status).replace('_', ' ')}"
    shown = facts.get(name)
    if words := facts.get(f"{gate.fact}_words"):
        return _quoted(gate, status, facts, f"{text}. {str(words)[:1].upper()}{str(words)[1:]}")
    if isinstance(shown, str) or shown is None:
        return _finding(gate, status, None, None, text)
    with_unit = replace(gate, unit=unit)
    n = facts.get(f"{name}_n")
    count = int(n) if isinstance(n, int | float) else None
    return _finding(with_unit, status, float(shown), count, f"{text} ({display(shown, unit)})")


def _quoted(gate: Gate, status: Status, facts: Facts, text: str) -> Finding:
    """Return what a check says of itself: its words, and its number and limit where it has them."""
    value, limit = (facts.get(f"{gate.fact}_{part}") for part in ("value", "limit"))
    known = replace(
        gate,
        unit=str(facts.get(f"{gate.fact}_unit", "")),
        at_most=None if limit is None else float(limit),
        at_least=None,
    )
    number = None if value is None else float(value)
    return _finding(known, status, number, None, text.rstrip("."))


def _interval(fact: str, facts: Facts) -> Interval | None:
    if f"{fact}_low" not in facts or f"{fact}_high" not in facts:
        return None
    return Interval(float(facts[f"{fact}_low"]), float(facts[f"{fact}_high"]))


def _sentence(gate: Gate, facts: Facts) -> str:
    text = f"{gate.title}: {display(facts[gate.fact], gate.unit)}"
    again = gate.unit if gate.unit in ("share", YES_NO) else ""  # a long unit is said once
    if interval := _interval(gate.fact, facts):
        low, high = display(interval.low, again), display(interval.high, again)
        text += f" (95 % interval {low} to {high})"
    word = "at most" if gate.at_most is not None else "at least"
    wanted = "it must be" if gate.unit == YES_NO else f"limit {word}"
    return f"{text}, {wanted} {display(gate.limit, again)}"


def _finding(
    gate: Gate, status: Status, value: float | None, n: int | None, message: str
) -> Finding:
    text = spelled(f"{message}.")
    return Finding(gate.code, status, gate.severity, value, gate.limit, gate.unit, n, text)


def _waive(finding: Finding, waiver: Waiver | None, as_of: date) -> Finding:
    if waiver is None or finding.status not in (Status.FAILED, Status.WARNED):
        return finding
    if waiver.until is None or waiver.until < as_of:
        return replace(finding, message=f"{finding.message} The waiver of {waiver.who} has ended.")
    note = f"Waived by {waiver.who} until {waiver.until}: {waiver.why.rstrip('.')}."
    return replace(finding, status=Status.WAIVED, message=f"{finding.message} {note}")
