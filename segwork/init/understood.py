"""What one file was understood to be: what the guesses fill in, part by part."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from segwork.init import formats


@dataclass
class Guess:
    """What one file was understood to be.

    Parameters
    ----------
    file, table : str
    columns : mapping of contract name to header
    why : mapping of contract name to (reason, confidence from 0 to 1)
    ask : mapping of contract name to (question, choices)
    form : dict
        How the file is written; keys as in :class:`segwork.init.look.Look`.
    numbers, times : formats
    rules : dict
        As in the config; ``order_of`` and ``nobody`` too.
    clock : str
        Second column that holds the time of day.
    first_day, day_column : str
        The calendar day of day 1, where the time is a number of days; and the column of those.
    cannot : str
        Why no honest mapping exists.
    notes : list of str
    headers : tuple of str
        All columns of the file.
    """

    file: str
    table: str = "transactions"
    columns: dict[str, str] = field(default_factory=dict)
    why: dict[str, tuple[str, float]] = field(default_factory=dict)
    ask: dict[str, tuple[str, list[str]]] = field(default_factory=dict)
    form: dict[str, Any] = field(default_factory=dict)
    numbers: formats.Numbers = field(default_factory=formats.Numbers)
    times: formats.Times = field(default_factory=formats.Times)
    rules: dict[str, Any] = field(default_factory=dict)
    clock: str = ""
    first_day: str = ""
    day_column: str = ""
    cannot: str = ""
    notes: list[str] = field(default_factory=list)
    headers: tuple[str, ...] = ()

    def take(self, name: str, header: str, reason: str, sure: float) -> None:
        """Map a column of the contract, with the reason."""
        self.columns[name] = header
        self.why[name] = (reason, sure)

    def rule(self, kind: str, rule: Any) -> None:
        """Add to a rule of the config."""
        self.rules.setdefault(kind, []).append(rule)
