"""The rules of all checks, as data: one ``checks.toml`` in the folder of each family."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

from segwork import packaged
from segwork.errors import UsageError
from segwork.results import Severity, Status

FAMILIES = {
    "DQ": ("quality", "Data health"),
    "OF": ("overfitting", "Overfitting"),
    "FA": ("fairness", "Fairness"),
    "PR": ("privacy", "Privacy"),
    "DR": ("dynamics", "Drift"),
}
CONTROL_POINTS = {
    "G": "general",
    "M": "missing values",
    "B": "behaviour",
    "T": "transactions",
    "I": "interactions",
    "X": "external data",
}


@dataclass(frozen=True)
class Rule:
    """One check of the catalogue, as data.

    Parameters
    ----------
    code, title, definition : str
        ``definition`` says what is counted and how it is judged.
    severity : Severity
        Critical and high can fail, medium and low can warn.
    source, action, why : str
        Where the limit comes from, what to do, and what goes wrong beyond it.
    limit : float
        The limit of the check's statistic, in ``unit``.
    unit : str
    counts : str
        What ``n_rows`` counts: rows unless stated.
    fail_share : float
        A critical or high check of counts warns up to this share and fails above it.
    higher_is_worse : bool
        Direction of the limit.
    """

    code: str
    title: str
    definition: str
    severity: Severity
    source: str
    action: str
    why: str
    limit: float = 0.0
    unit: str = ""
    counts: str = "rows"
    fail_share: float = 0.0
    higher_is_worse: bool = True

    @property
    def alarm(self) -> Status:
        """The status of an alarm: critical and high findings fail, medium and low ones warn."""
        serious = self.severity in (Severity.CRITICAL, Severity.HIGH)
        return Status.FAILED if serious else Status.WARNED

    @property
    def control_point(self) -> str:
        """Name of the group of checks, from the letters in the code."""
        letter = self.code.split("-")[1]
        return CONTROL_POINTS.get(letter, FAMILIES[self.code.split("-")[0]][1].lower())


def families() -> list[str]:
    """Return the families that have a catalogue, such as ``"DQ"``."""
    return [
        f for f, (room, _) in FAMILIES.items() if (packaged.HERE / room / "checks.toml").exists()
    ]


@cache
def rules(family: str) -> dict[str, Rule]:
    """Read the rules of a family such as ``"DQ"``, by code, in the order of its file.

    Raises
    ------
    UsageError
        No family has this name.
    """
    if family not in FAMILIES:
        raise UsageError.unknown("family of checks", family, FAMILIES, where="the catalogue")
    return {
        code: Rule(code=code, **{**body, "severity": Severity(body["severity"])})
        for code, body in packaged.values(f"{FAMILIES[family][0]}/checks.toml").items()
    }
