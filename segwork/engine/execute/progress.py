"""What a run says while it runs: a line per notebook; on a terminal the running cell in place."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence

from segwork.engine.execute.job import CellBegun, Timing
from segwork.runs.folder import Entry
from segwork.runs.names import line, visible


class Progress:
    """Takes what happens to the notebooks of a run and prints it.

    Parameters
    ----------
    names : sequence of str
        All notebooks.
    why : bool
        Whether to say why each one runs.
    say : callable
        Takes each line of text.
    forecast : callable
        Takes the names that have to run and says how long that will take.
    """

    def __init__(
        self,
        names: Sequence[str],
        *,
        why: bool,
        say: Callable[[str], None],
        forecast: Callable[[list[str]], str],
    ) -> None:
        self._width = max(len(visible(name)) for name in names)
        self._why = why
        self._say = say
        self._forecast = forecast
        self._live: dict[str, str] = {}
        self._tty = sys.stderr.isatty()

    def waiting(self, names: list[str]) -> None:
        """Say how long the notebooks that have to run will take."""
        self._line(self._forecast(names))

    def started(self, name: str, why: str) -> None:
        """Take that a notebook starts, and why; empty where it is tried again."""
        if self._why and why:
            self._line(f"{self._shown(name)}  runs: {why}")
        self._state(name, "starts")

    def began(self, cell: CellBegun) -> None:
        """Take that a cell begins."""
        self._state(cell.name, f"cell {cell.cell}/{cell.of} {cell.title[:40]}")

    def retried(self, name: str, message: str) -> None:
        """Take that a kernel died and is started again."""
        self._line(f"{self._shown(name)}  {message}; starting it again")

    def settled(self, name: str, entry: Entry, timing: Timing) -> None:
        """Take how a notebook ended and what it took."""
        self._live.pop(name, None)
        if entry.status != "skipped":
            self._line(f"{self._shown(name)}  {_ended(entry, timing)}")

    def _shown(self, name: str) -> str:
        return f"{visible(name):<{self._width}}"

    def _line(self, text: str) -> None:
        self._draw("")
        self._say(line(text))
        self._draw_live()

    def _state(self, name: str, state: str) -> None:
        self._live[name] = state
        self._draw_live()

    def _draw_live(self) -> None:
        self._draw(" | ".join(visible(f"{name}: {state}") for name, state in self._live.items()))

    def _draw(self, text: str) -> None:
        if self._tty:
            sys.stderr.write(f"\r\x1b[K{text[:110]}")
            sys.stderr.flush()


def _ended(entry: Entry, timing: Timing) -> str:
    if timing.cached:
        return "ok (unchanged)"
    text = entry.status
    if timing.seconds:
        text += f"  {timing.seconds:.1f} s  {timing.peak_memory_mb:,.0f} MB"
    if timing.retries:
        text += f"  after {timing.retries} more tries"
    return text + (f"  {entry.sentence}" if entry.message else "")
