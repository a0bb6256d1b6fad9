"""The ledger of a privacy budget: what was answered, and what it cost.

Noise is never seeded, so an answer can be given again only because it was kept: the same question
on the same data gets the stored answer and spends nothing.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TypeVar

from segwork.errors import BudgetError, DataError, UsageError
from segwork.run import Run, project_root
from segwork.runs.files import atomically

T = TypeVar("T")


class Ledger:
    """A file that holds each released answer under the fingerprint of its data and question.

    Parameters
    ----------
    path : str or Path
        Kept beside the key and outside run folders; only its owner can read it.
    budget : float
        Greatest sum of ε that may ever be spent on these people.

    Raises
    ------
    UsageError
        The budget is no positive number.

    Examples
    --------
    >>> import tempfile
    >>> ledger = Ledger(Path(tempfile.mkdtemp()) / "ledger.json", budget=1.0)
    >>> ledger.answer("how many?", epsilon=0.4, draw=lambda: 17), ledger.left
    (17, 0.6)
    """

    def __init__(self, path: str | Path, *, budget: float) -> None:
        if not (isinstance(budget, int | float) and math.isfinite(budget) and budget > 0):
            raise UsageError(f"the budget is {budget!r}", accepted="a positive number")
        self.path = Path(path)
        self.budget = float(budget)

    @property
    def spent(self) -> float:
        """Sum of ε of all answers kept."""
        return math.fsum(entry["epsilon"] for entry in self._read().values())

    @property
    def left(self) -> float:
        """What may still be spent."""
        return max(0.0, self.budget - self.spent)

    def answer(self, question: str, *, epsilon: float, draw: Callable[[], T]) -> T:
        """Return the kept answer; else spend, draw, keep it, and only then return it.

        Parameters
        ----------
        question : str
            Fingerprint of data and question.
        epsilon : float
        draw : callable
            Gives the answer as JSON values.

        Raises
        ------
        BudgetError
            The answer is not kept, and ε is more than what is left.
        DataError
            The file cannot be read as a ledger; nothing is answered then.
        """
        with self._locked():
            entries = self._read()
            if question not in entries:
                if epsilon > self.left + 1e-9:
                    said = f"ε = {epsilon:g} is more than is left: {self.left:g} of {self.budget:g}"
                    raise BudgetError(said, accepted="a question that was answered before")
                entries[question] = {"epsilon": float(epsilon), "answer": draw()}
                text = json.dumps(entries, sort_keys=True, indent=1, allow_nan=False)
                atomically(self.path, lambda place: Path(place).write_text(text, "utf-8"))
            return entries[question]["answer"]

    def _read(self) -> dict[str, dict[str, object]]:
        try:
            entries = json.loads(self.path.read_text("utf-8")) if self.path.exists() else {}
            if all(entry["epsilon"] > 0 and "answer" in entry for entry in entries.values()):
                return dict(entries)
        except (ValueError, KeyError, TypeError, AttributeError):
            pass
        raise DataError(f"'{self.path.name}' is no ledger", hint="restore it from a copy")

    @contextmanager
    def _locked(self) -> Iterator[None]:
        self.path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        with self.path.with_name(f".{self.path.name}.lock").open("w") as file:
            with suppress(ImportError):  # Windows has none: one run at a time there
                import fcntl

                fcntl.flock(file, fcntl.LOCK_EX)
            yield


def ledger_of(run: Run, *, budget: float) -> Ledger:
    """Return the ledger of a run's data, beside the key of the project."""
    return Ledger(project_root() / ".segwork" / f"ledger-{run.config.name}.json", budget=budget)
