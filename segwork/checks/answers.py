"""What a check can answer with: evidence, "does not apply", "cannot tell"."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from segwork.results import Interval, Status


class NotApplicable(Exception):  # noqa: N818 - an answer of a check, not an error
    """The check's prerequisite is not in the data; the text says which."""


class Inconclusive(Exception):  # noqa: N818 - an answer of a check, not an error
    """The data cannot settle the check; the text says what would."""


@dataclass(frozen=True)
class Evidence:
    """What a check found in one place.

    Parameters
    ----------
    table : str
        Table or frame it is about; empty where there is only one.
    columns : tuple of str
    rows : ndarray of int, optional
        0-based source positions, complete, where rows are what was counted.
    of : int
        How many rows, customers or pairs were looked at.
    n : int, optional
        The count where it is not the number of rows (days, groups, estimated excess).
    value : float, optional
        The estimate held against the rule's limit, in the rule's unit. Without it the count
        is judged: any is an alarm, and its share of ``of`` decides between warned and failed.
    interval : Interval, optional
        Of the value. None means a complete count, which needs no evidence.
    note : str
        The numbers in words.
    status : Status, optional
        Set by a check that judges by a test of its own.
    """

    table: str = ""
    columns: tuple[str, ...] = ()
    rows: np.ndarray | None = None
    of: int = 0
    n: int | None = None
    value: float | None = None
    interval: Interval | None = None
    note: str = ""
    status: Status | None = None

    @property
    def count(self) -> int:
        """The number that is reported."""
        if self.n is not None:
            return self.n
        return 0 if self.rows is None else len(self.rows)
