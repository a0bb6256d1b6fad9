"""The words every check answers in: status, severity, interval, finding."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from enum import StrEnum


class Status(StrEnum):
    """What a check can answer; "does not apply" and "cannot tell" are answers of their own."""

    PASSED = "passed"
    FAILED = "failed"
    WARNED = "warned"
    INCONCLUSIVE = "inconclusive"
    NOT_APPLICABLE = "not_applicable"
    SKIPPED = "skipped"
    WAIVED = "waived"


class Severity(StrEnum):
    """How much a finding matters: critical stops a decision, low is for information."""

    CRITICAL = "critical"
    HIGH = "high"
    MEDIUM = "medium"
    LOW = "low"


@dataclass(frozen=True)
class Interval:
    """A confidence interval with its level.

    Parameters
    ----------
    low, high : float
        Limits, in the unit of the estimate they belong to.
    level : float, default 0.95
        Nominal coverage.
    """

    low: float
    high: float
    level: float = 0.95

    def __contains__(self, value: float) -> bool:
        return self.low <= value <= self.high

    def __str__(self) -> str:
        return f"{display(self.low)} to {display(self.high)}"


@dataclass(frozen=True)
class Verdict:
    """What the first screen of a page says: three sentences that follow the numbers."""

    found: str
    means: str
    do: str


@dataclass(frozen=True)
class Finding:
    """One judged fact.

    Parameters
    ----------
    code : str
        Permanent id: ``SEG-…`` for a gate, a catalogue id such as ``DQ-T-06`` for a check.
    status : Status
    severity : Severity
    value : float or None
        The estimate, in ``unit``.
    limit : float or None
        The limit it was judged against, in ``unit``.
    unit : str
    n : int or None
        Number of rows, customers or pairs behind the value.
    message : str
        One sentence with the numbers in it.
    """

    code: str
    status: Status
    severity: Severity
    value: float | None
    limit: float | None
    unit: str
    n: int | None
    message: str

    def as_dict(self) -> dict[str, object]:
        """Return plain JSON values: enums as words, non-finite numbers as None."""
        return {
            key: None if isinstance(value, float) and not math.isfinite(value) else value
            for key, value in asdict(self).items()
        }


YES_NO = "yes or no"


def spelled(text: str) -> str:
    """Return text with the one spelling of shares that pages have: a space before the sign.

    Examples
    --------
    >>> spelled("9% of 24.9 %")
    '9 % of 24.9 %'
    """
    return re.sub(r"(?<=\d)%", " %", text)


def display(value: object, unit: str = "") -> str:
    """Round a number for people: counts with separators, shares as per cent, else three digits.

    A fact of unit "yes or no" is 1 or 0; one thing is said in the singular.

    Examples
    --------
    >>> display(135080), display(0.24927, "share"), display(0.123456), display(None)
    ('135,080', '24.9 %', '0.123', '–')
    >>> display(25034.2, "IDR"), display(12, "customers"), display(1, "customers")
    ('IDR 25,034', '12 customers', '1 customer')
    """
    if value is None or (isinstance(value, float) and not math.isfinite(value)):
        return "–"
    if isinstance(value, bool) or not isinstance(value, int | float):
        return str(value)
    if unit == YES_NO:
        return "yes" if value else "no"
    if unit == "share":
        return f"{100 * value:.1f} %"
    if float(value).is_integer() and abs(value) < 1e15:
        text = f"{int(value):,}"
    else:
        text = f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"
    if re.fullmatch(r"[A-Z]{3}", unit):  # a currency stands before its amount
        return f"{unit} {text}"
    if text in ("1", "-1") and re.fullmatch(r"[a-z]+s|[a-z ]+ lines", unit):
        unit = unit.removesuffix("s")
    return f"{text} {unit}".strip()


def known_facts(facts: Mapping[str, float | int | str | None]) -> dict[str, float | int | str]:
    """Leave out what is not known: None, NaN and infinite numbers.

    Examples
    --------
    >>> known_facts({"auc": 0.7, "gap": math.nan, "status": "passed", "slope": None})
    {'auc': 0.7, 'status': 'passed'}
    """
    told = {name: value for name, value in facts.items() if value is not None}
    return {n: v for n, v in told.items() if isinstance(v, str) or math.isfinite(v)}


def facts_of(
    result: object, *names: str, prefix: str = "", **renamed: str
) -> dict[str, float | int | str]:
    """Return attributes of a result as facts, each with the prefix in front.

    Parameters
    ----------
    result : object
    *names : str
        Attributes that are facts under their own name.
    prefix : str
    **renamed : str
        Name of a fact and the attribute it comes from; of an :class:`Interval` both ends.

    Examples
    --------
    >>> finding = Finding("X", Status.PASSED, Severity.LOW, 0.5, None, "", 9, "")
    >>> facts_of(finding, "value", "limit", "status", prefix="x_", rows="n")
    {'x_value': 0.5, 'x_status': 'passed', 'x_rows': 9}
    """
    facts: dict[str, float | int | str | None] = {}
    for name, attribute in [*zip(names, names, strict=True), *renamed.items()]:
        value = getattr(result, attribute)
        if isinstance(value, Interval):
            facts |= {f"{prefix}{name}_low": value.low, f"{prefix}{name}_high": value.high}
        else:
            facts[prefix + name] = str(value) if isinstance(value, Status) else value
    return known_facts(facts)
