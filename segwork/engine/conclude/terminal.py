"""The last words of a run: the verdict table, and where to begin reading."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence

from segwork.runs.files import Json
from segwork.runs.folder import Entry
from segwork.runs.names import visible

COLUMNS = ("passed", "failed", "warned", "inconclusive", "not_applicable", "skipped", "waived")


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
