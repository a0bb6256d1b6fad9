"""Two run folders side by side: what of their facts, gates and records differs, and which way."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from segwork.runs.folder import RunFolder

BADNESS = {
    "passed": 0,
    "waived": 0,
    "not_applicable": 1,
    "skipped": 1,
    "inconclusive": 2,
    "warned": 3,
    "failed": 4,
}
UNJUDGED = frozenset({"not_applicable", "skipped"})


@dataclass(frozen=True)
class Change:
    """One difference: ``effect`` is better, worse, changed, added or removed."""

    kind: str
    name: str
    before: object
    after: object
    effect: str = "changed"


def differences(
    before: Mapping[str, object],
    after: Mapping[str, object],
    *,
    kind: str,
    tolerance: float = 0.0,
    better: Mapping[str, int] | None = None,
) -> Iterator[Change]:
    """Yield what differs between two flat mappings.

    Parameters
    ----------
    before, after : mapping
    kind : str
        What the entries are.
    tolerance : float
        Largest relative difference of numbers that counts as none.
    better : mapping of name to +1 or -1, optional
        Whether a higher or a lower number is better, where that is known.
    """
    for name in sorted({*before, *after}):
        if name not in after:
            yield Change(kind, name, before[name], None, "removed")
        elif name not in before:
            yield Change(kind, name, None, after[name], "added")
        elif not _same(before[name], after[name], tolerance):
            effect = _effect(before[name], after[name], (better or {}).get(name, 0))
            yield Change(kind, name, before[name], after[name], effect)


def _same(one: object, other: object, tolerance: float) -> bool:
    """Whether two values are equal: numbers within the relative tolerance, all else exactly."""
    if _is_number(one) and _is_number(other) and tolerance:
        return math.isclose(one, other, rel_tol=tolerance, abs_tol=tolerance * 1e-3)
    return type(one) is type(other) and one == other


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _effect(before: object, after: object, direction: int) -> str:
    if not direction or isinstance(before, str) or isinstance(after, str):
        return "changed"
    return "better" if (after - before) * direction > 0 else "worse"


def gate_changes(before: RunFolder, after: RunFolder) -> Iterator[Change]:
    """Yield gates whose answer changed; worse means nearer to failed.

    A gate that is judged no more (its notebook broke off, its data are gone) never got better.
    """
    old, new = ({f["code"]: f["status"] for f in run.findings()} for run in (before, after))
    for change in differences(old, new, kind="gate"):
        if change.effect != "changed":
            yield change
            continue
        step = BADNESS.get(str(change.after), 1) - BADNESS.get(str(change.before), 1)
        if change.after in UNJUDGED:
            step = max(step, 0)
        yield replace(change, effect="worse" if step > 0 else "better" if step < 0 else "changed")


def outputs(run: RunFolder, notebook: str) -> list[str]:
    """Return the outputs of each code cell of an executed notebook, as canonical text."""
    code = [cell for cell in run.cells(notebook) if cell["cell_type"] == "code"]
    return [json.dumps(cell.get("outputs"), sort_keys=True) for cell in code]
