"""``segwork diff``: what changed between two runs, with tolerance and direction."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from segwork.engine.conclude.differences import Change, differences, gate_changes
from segwork.errors import GateError
from segwork.results import display
from segwork.runs.files import Json
from segwork.runs.folder import RAN, Entry, RunFolder, flat
from segwork.runs.names import line

GROUPS = {
    "status": "Notebooks",
    "gate": "Gates",
    "fact": "Facts",
    "parameter": "Parameters",
    "config": "Config",
    "data": "Data",
    "code": "Code",
    "version": "Versions",
}
# Ways to end in which nobody knows what the notebook would have said.
NO_ANSWER = frozenset({"timeout", "died", "interrupted"})


def changes(run_a: str | Path, run_b: str | Path, *, tolerance: float = 1e-9) -> list[Change]:
    """Return every difference between two runs.

    Parameters
    ----------
    run_a, run_b : path
        Run folders, earlier and later.
    tolerance : float, default 1e-9
        Largest relative difference of a number that counts as none.

    Raises
    ------
    DataError
        A folder holds no run.
    """
    a, b = RunFolder(Path(run_a)), RunFolder(Path(run_b))
    old, new = a.manifest(), b.manifest()
    entries = [run.entries() for run in (a, b)]
    pairs = {
        "status": [{name: entry.status for name, entry in e.items()} for e in entries],
        "parameter": [flat({n: entry.parameters for n, entry in e.items()}) for e in entries],
        "config": [flat(m["config"]) for m in (old, new)],
        "data": [m["data"] for m in (old, new)],
        "code": [_code(e) for e in entries],
        "version": [{**m["versions"], "python": m["python"]} for m in (old, new)],
    }
    found = [c for kind, (x, y) in pairs.items() for c in differences(x, y, kind=kind)]
    found += differences(
        a.all_facts(), b.all_facts(), kind="fact", tolerance=tolerance, better=directions()
    )
    return [_judged(change) for change in found] + list(gate_changes(a, b))


def directions() -> dict[str, int]:
    """Return for each fact a gate limits whether higher (+1) or lower (-1) is better."""
    from segwork.checks import gates

    return {
        f"{gate.notebook}.{gate.fact}": -1 if gate.at_most is not None else 1
        for gate in gates.catalogue().values()
        if gate.limit is not None
    }


def regressions(found: list[Change]) -> list[Change]:
    """Return the changes for the worse: gates, judged facts and notebooks that no longer run."""
    return [change for change in found if change.effect == "worse"]


def show(
    run_a: str | Path,
    run_b: str | Path,
    *,
    tolerance: float = 1e-9,
    fail_on_regression: bool = False,
    page: str | Path | None = None,
    say: Callable[[str], None] = print,
) -> int:
    """Print the differences and return the exit code; nothing is written unasked.

    Parameters
    ----------
    run_a, run_b, tolerance
        As in :func:`changes`.
    fail_on_regression : bool
        Exit with 3 where something got worse.
    page : path, optional
        Where the differences are written as a page; without it nothing is.
    say : callable
        Takes each line of text.
    """
    found = changes(run_a, run_b, tolerance=tolerance)
    for kind, title in GROUPS.items():
        lines = [change for change in found if change.kind == kind]
        if lines:
            say(f"{title} ({len(lines)})")
        for change in lines:
            shown = _short(change.before, change.after)
            say(line(f"  {change.effect:<8} {change.name}: {shown}"))
    worse = regressions(found)
    say(f"{len(found)} differences, {len(worse)} for the worse" if found else "no difference")
    if page:
        say(line(_write_page(Path(page), found, Path(run_a).name, Path(run_b).name)))
    return GateError.exit_code if fail_on_regression and worse else 0


def _code(entries: dict[str, Entry]) -> Json:
    helpers = {f"{name} helpers": entry.helpers for name, entry in entries.items()}
    return {name: entry.code for name, entry in entries.items()} | helpers


def _judged(change: Change) -> Change:
    """Say which way a notebook went: without its answers is worse, whatever was there before."""
    if change.kind != "status" or change.effect == "removed":
        return change
    if change.after == RAN:
        return change if change.effect == "added" else replace(change, effect="better")
    lost = change.after in NO_ANSWER and change.before not in NO_ANSWER
    return replace(change, effect="worse" if lost or change.before == RAN else change.effect)


def _short(before: object, after: object) -> str:
    if isinstance(before, str) and isinstance(after, str) and len(before) == len(after) == 64:
        return f"{before[:8]} → {after[:8]}"
    text = f"{display(before)} → {display(after)}"
    both = all(isinstance(v, int | float) and not isinstance(v, bool) for v in (before, after))
    if both and display(before) == display(after):
        text = f"{before!r} → {after!r}"
    return text


def _write_page(target: Path, found: list[Change], name_a: str, name_b: str) -> Path:
    from segwork import report
    from segwork.report.layout import drawn

    title, worse = f"From {name_a} to {name_b}", len(regressions(found))
    shown = {"found": found, "groups": GROUPS, "runs": [name_a, name_b], "worse": worse}
    return report.write_page(target, report.page(title, drawn("diff.html", title=title, **shown)))
