"""How long a run will probably take: from the earlier run in its folder, else from its rows."""

from __future__ import annotations

import json
from collections.abc import Collection

from segwork.engine.plan import Plan

START_SECONDS, SECONDS_A_ROW = 30.0, 2.5e-4
"""Of one notebook that has not run yet, as ``tests/test_newcomer.py`` measures at 30,000 rows."""


def told(plan: Plan, names: Collection[str], jobs: int) -> str:
    """Say how long notebooks will probably take, and from what that is known.

    Parameters
    ----------
    plan : Plan
    names : collection of str
        Notebooks that have to run.
    jobs : int
        Notebooks at a time.
    """
    before = _earlier(plan)
    seconds = [before.get(name, START_SECONDS + SECONDS_A_ROW * plan.rows) for name in names]
    whole = max([sum(seconds) / max(1, min(jobs, len(seconds))), *seconds])
    known = sum(name in before for name in names)
    source = "by the earlier run" if known == len(names) else f"by {plan.rows:,} rows"
    source = "by a usual first run" if not known and not plan.rows else source
    amount = f"{whole / 60:.0f} minutes" if whole >= 90 else f"{max(1, whole):.0f} seconds"
    number = "1 notebook" if len(names) == 1 else f"{len(names)} notebooks"
    return f"{number} to run: probably about {amount}, {source}"


def _earlier(plan: Plan) -> dict[str, float]:
    """Return the seconds each notebook took when it last ran in this folder."""
    try:
        found = json.loads(plan.folder.file("timing.json").read_text(encoding="utf-8"))
        return {n: float(t["seconds"]) for n, t in found.items() if float(t["seconds"]) > 0}
    except (OSError, ValueError, TypeError, KeyError, AttributeError):
        return {}
