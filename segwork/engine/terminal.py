"""What a run says on the terminal: a line per notebook, then the verdict table."""

from __future__ import annotations

import sys
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from segwork.engine.records import sentence

COLUMNS = ("passed", "failed", "warned", "inconclusive", "not_applicable", "skipped", "waived")


class Progress:
    """Prints how the notebooks do; on a terminal the running cell is shown in place."""

    def __init__(self, names: Sequence[str], *, why: bool, say: Callable[[str], None]) -> None:
        self._width = max(map(len, names))
        self._why = why
        self._say = say
        self._live: dict[str, str] = {}
        self._tty = sys.stderr.isatty()

    def __call__(self, name: str, what: str, event: Mapping[str, Any]) -> None:
        """Take one event of the run."""
        if what == "start":
            self._live[name] = "starts"
            if self._why and event["why"]:
                self._line(f"{name:<{self._width}}  runs: {event['why']}")
        elif what == "cell":
            self._live[name] = f"cell {event['cell']}/{event['of']} {event['title'][:40]}"
        elif what == "retry":
            self._line(f"{name:<{self._width}}  {event['message']}; starting it again")
        elif what == "end":
            self._live.pop(name, None)
            if event["status"] != "skipped":
                self._line(self._ended(name, event))
        self._show_live()

    def _ended(self, name: str, event: Mapping[str, Any]) -> str:
        if event["cached"]:
            return f"{name:<{self._width}}  ok (unchanged)"
        text = f"{name:<{self._width}}  {event['status']}"
        if event["seconds"]:
            text += f"  {event['seconds']:.1f} s  {event['peak_memory_mb']:,.0f} MB"
        if event["retries"]:
            text += f"  after {event['retries']} more tries"
        return text + (f"  {sentence(event)}" if event["message"] else "")

    def _line(self, text: str) -> None:
        if self._tty:
            sys.stderr.write("\r\x1b[K")
            sys.stderr.flush()
        self._say(text)

    def _show_live(self) -> None:
        if self._tty:
            text = " | ".join(f"{name}: {state}" for name, state in self._live.items())
            sys.stderr.write(f"\r\x1b[K{text[:110]}")
            sys.stderr.flush()


def verdict(
    entries: Mapping[str, Mapping[str, Any]],
    findings: Sequence[Mapping[str, Any]],
    notebook_of: Mapping[str, str],
) -> list[str]:
    """Return the verdict table: how each notebook ran and what its gates say."""
    counts: dict[str, Counter[str]] = defaultdict(Counter)
    for finding in findings:
        counts[notebook_of.get(finding["code"], "")][finding["status"]] += 1
    used = [word for word in COLUMNS if any(counts[name][word] for name in entries)]
    rows = [("notebook", "ran", *(word.replace("_", " ") for word in used))]
    rows += [
        (name, str(entry["status"]), *(str(counts[name][word] or "·") for word in used))
        for name, entry in entries.items()
    ]
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    lines = ["  ".join(cell.ljust(w) for cell, w in zip(r, widths, strict=True)) for r in rows]
    return ["", lines[0], "-" * len(lines[0]), *lines[1:], ""]
