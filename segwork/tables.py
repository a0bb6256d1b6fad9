"""Read the five tables from any source, mapped to the contract; faults counted, none repaired."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Tables:
    """The five tables as native frames; a table that was not given is None.

    Attributes
    ----------
    transactions, customers, behaviour, interactions, external : native frame or None
    fingerprint : dict of str to str
        SHA-256 of each source.
    """

    transactions: Any
    customers: Any = None
    behaviour: Any = None
    interactions: Any = None
    external: Any = None
    fingerprint: dict[str, str] = field(default_factory=dict)


def from_frames(
    *,
    transactions: Any,
    customers: Any = None,
    behaviour: Any = None,
    interactions: Any = None,
    external: Any = None,
) -> Tables:
    """Take frames that already use the contract's column names."""
    return Tables(transactions, customers, behaviour, interactions, external)
