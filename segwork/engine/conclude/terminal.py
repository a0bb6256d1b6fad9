"""What a run says on the terminal: a line per notebook, then the verdict table."""

from __future__ import annotations

import sys
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence

from segwork.engine.conclude.records import sentence
from segwork.engine.execute import session
from segwork.engine.execute.tasks import CellBegun
from segwork.runs.files import Json
from segwork.runs.folder import Entry
from segwork.runs.names import line, visible

COLUMNS = ("passed", "failed", "warned", "inconclusive", "not_applicable", "skipped", "waived")


class Progress:
    """Prints how the notebooks do; on a terminal the running cell is shown in place."""

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

    def __call__(self, name: str, event: session.Progress) -> None:
        """Take one event of the run."""
        shown = f"{visible(name):<{self._width}}"
        if isinstance(event, session.Waiting):
            self._line(self._forecast(event.names))
        elif isinstance(event, session.Started):
            self._live[name] = "starts"
            if self._why and event.why:
                self._line(f"{shown}  runs: {event.why}")
        elif isinstance(event, CellBegun):
            self._live[name] = f"cell {event.cell}/{event.of} {event.title[:40]}"
        elif isinstance(event, session.Retried):
            self._line(f"{shown}  {event.message}; starting it again")
        else:
            self._live.pop(name, None)
            if event.entry.status != "skipped":
                self._line(f"{shown}  {_ended(event)}")
        self._show_live()

    def _line(self, text: str) -> None:
        if self._tty:
            sys.stderr.write("\r\x1b[K")
            sys.stderr.flush()
        self._say(line(text))

    def _show_live(self) -> None:
        if self._tty:
            text = " | ".join(visible(f"{name}: {state}") for name, state in self._live.items())
            sys.stderr.write(f"\r\x1b[K{text[:110]}")
            sys.stderr.flush()


def _ended(event: session.Settled) -> str:
    entry, timing = event.entry, event.timing
    if timing.cached:
        return "ok (unchanged)"
    text = entry.status
    if timing.seconds:
        text += f"  {timing.seconds:.1f} s  {timing.peak_memory_mb:,.0f} MB"
    if timing.retries:
        text += f"  after {timing.retries} more tries"
    return text + (f"  {sentence(entry)}" if entry.message else "")


def read_first(findings: Sequence[Json], notebook_of: Mapping[str, str]) -> str:
    """Say where to begin reading: the first page, then the one with most failed gates."""
    failed = Counter(notebook_of.get(f["code"], "") for f in findings if f["status"] == "failed")
    page, times = (failed.most_common(1) or [("20_segments", 0)])[0]
    why = f"{times} failed gates" if times > 1 else "a failed gate" if times else "no gate failed"
    return f"read first: may the segments be used (top of the report), then {page} ({why})"


def verdict(
    entries: Mapping[str, Entry],
    findings: Sequence[Json],
    notebook_of: Mapping[str, str],
) -> list[str]:
    """Return the verdict table: how each notebook ran and what its gates say."""
    counts: dict[str, Counter[str]] = defaultdict(Counter)
    for finding in findings:
        counts[notebook_of.get(finding["code"], "")][finding["status"]] += 1
    used = [word for word in COLUMNS if any(counts[name][word] for name in entries)]
    rows = [("notebook", "ran", *(word.replace("_", " ") for word in used))]
    rows += [
        (visible(name), entry.status, *(str(counts[name][word] or "·") for word in used))
        for name, entry in entries.items()
    ]
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    lines = ["  ".join(cell.ljust(w) for cell, w in zip(r, widths, strict=True)) for r in rows]
    return ["", lines[0], "-" * len(lines[0]), *lines[1:], ""]
