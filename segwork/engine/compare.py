"""Two run folders side by side: facts, outputs, pages, parameters, gates, data and code."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from segwork.errors import UsageError

BADNESS = {
    "passed": 0,
    "waived": 0,
    "not_applicable": 1,
    "skipped": 1,
    "inconclusive": 2,
    "warned": 3,
    "failed": 4,
}


@dataclass(frozen=True)
class Change:
    """One difference: ``effect`` is better, worse, changed, added or removed."""

    kind: str
    name: str
    before: Any
    after: Any
    effect: str = "changed"


def manifest(folder: Path) -> dict[str, Any]:
    """Read the manifest of a run folder.

    Raises
    ------
    UsageError
        The folder holds no run.
    """
    try:
        return dict(json.loads((folder / "manifest.json").read_text(encoding="utf-8")))
    except (OSError, ValueError):
        raise UsageError(
            f"'{folder}' holds no run", accepted="a folder written by 'segwork run'"
        ) from None


def facts(folder: Path) -> dict[str, float | int | str]:
    """Return all recorded facts of a run as ``notebook.name``."""
    found: dict[str, float | int | str] = {}
    for path in sorted((folder / "facts").glob("*.json")):
        content = json.loads(path.read_text(encoding="utf-8"))
        found |= {f"{path.stem}.{name}": value for name, value in content["facts"].items()}
    return found


def differences(
    before: Mapping[str, Any],
    after: Mapping[str, Any],
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
        elif not same(before[name], after[name], tolerance):
            effect = _effect(before[name], after[name], (better or {}).get(name, 0))
            yield Change(kind, name, before[name], after[name], effect)


def same(one: Any, other: Any, tolerance: float) -> bool:
    """Whether two values are equal: numbers within the relative tolerance, all else exactly."""
    numbers = all(isinstance(v, int | float) and not isinstance(v, bool) for v in (one, other))
    if numbers and tolerance:
        return math.isclose(one, other, rel_tol=tolerance, abs_tol=tolerance * 1e-3)
    return type(one) is type(other) and one == other


def _effect(before: Any, after: Any, direction: int) -> str:
    if not direction or isinstance(before, str) or isinstance(after, str):
        return "changed"
    return "better" if (after - before) * direction > 0 else "worse"


def gate_changes(before: Path, after: Path) -> Iterator[Change]:
    """Yield gates whose answer changed; worse means nearer to failed."""
    old, new = _statuses(before), _statuses(after)
    for change in differences(old, new, kind="gate"):
        effect = change.effect
        if effect == "changed":
            step = BADNESS[change.after] - BADNESS[change.before]
            effect = "worse" if step > 0 else "better" if step < 0 else "changed"
        yield Change("gate", change.name, change.before, change.after, effect)


def _statuses(folder: Path) -> dict[str, str]:
    path = folder / "findings.json"
    content = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else []
    return {finding["code"]: finding["status"] for finding in content}


def outputs(folder: Path, notebook: str) -> list[str]:
    """Return the outputs of each code cell of an executed notebook, as canonical text."""
    path = folder / "notebooks" / f"{notebook}.ipynb"
    if not path.is_file():
        return []
    cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    code = [cell for cell in cells if cell["cell_type"] == "code"]
    return [json.dumps(cell["outputs"], sort_keys=True) for cell in code]
