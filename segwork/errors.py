"""Every error a user can meet.

::

    SegworkError                 exit code 2 unless stated
    ├── UsageError               a command, argument or parameter that is not accepted
    ├── ConfigError              a configuration that cannot be used
    ├── DataError                a table that cannot be read or lacks what the contract needs
    ├── MissingExtraError        an optional package is not installed
    ├── BudgetError              a release that a privacy budget does not allow
    ├── GateError                a required gate failed under ``--strict`` (exit 3)
    └── NotReproducedError       a second run gave other facts (exit 4)

A message says what was wrong and where, then what is accepted, then a hint.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from numbers import Integral
from typing import Self


class SegworkError(Exception):
    """Base of all errors raised on purpose; carries the process exit code."""

    exit_code = 2

    def __init__(self, what: str, *, accepted: str = "", hint: str = "") -> None:
        self.what = what
        self.accepted = accepted
        self.hint = hint
        parts = [what.rstrip(".")]
        if accepted:
            parts.append(f"accepted: {accepted.rstrip('.')}")
        if hint:
            parts.append(f"hint: {hint.rstrip('.')}")
        super().__init__("; ".join(parts) + ".")

    @classmethod
    def unknown(cls, kind: str, name: str, known: Iterable[str], *, where: str) -> Self:
        """Build the error for a name nobody knows, with the nearest known name as hint.

        Examples
        --------
        >>> print(UsageError.unknown("parameter", "kk", ["k", "seed"], where="20_segments"))
        unknown parameter 'kk' in 20_segments; accepted: k, seed; hint: did you mean 'k'?.
        """
        known = sorted(known)
        near = difflib.get_close_matches(name, known, n=1, cutoff=0.5)
        return cls(
            f"unknown {kind} '{name}' in {where}",
            accepted=", ".join(known) or "none",
            hint=f"did you mean '{near[0]}'?" if near else "",
        )


class UsageError(SegworkError):
    """A command, argument or parameter that is not accepted."""

    @classmethod
    def unless_whole(cls, *, least: int = 0, **values: object) -> None:
        """Raise for the first of the named values that is no whole number from ``least`` on.

        Examples
        --------
        >>> UsageError.unless_whole(seed=7, copies=19)
        >>> UsageError.unless_whole(seed=-1)
        Traceback (most recent call last):
        segwork.errors.UsageError: seed is -1; accepted: a whole number from 0 on.
        """
        for name, value in values.items():
            if not isinstance(value, Integral) or isinstance(value, bool) or value < least:
                raise cls(f"{name} is {value!r}", accepted=f"a whole number from {least} on")


class ConfigError(SegworkError):
    """A configuration file or mapping that cannot be used."""


class DataError(SegworkError):
    """A table that cannot be read, or lacks what the data contract needs."""


class MissingExtraError(SegworkError):
    """An optional package is not installed; the message is the install line."""

    @classmethod
    def of(cls, package: str, *, extra: str, needed_for: str) -> Self:
        """Build the error from the package, the extra that brings it and the use."""
        return cls(
            f"{needed_for} needs the package '{package}', which is not installed",
            hint=f"pip install 'segwork[{extra}]' -c constraints.txt",
        )


class BudgetError(SegworkError):
    """A release would cost more than is left of a privacy budget."""


class GateError(SegworkError):
    """A required gate failed in a strict run."""

    exit_code = 3


class NotReproducedError(SegworkError):
    """Running again from the manifest gave other facts."""

    exit_code = 4
