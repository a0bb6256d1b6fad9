"""Order, parameters, Papermill, true status, cache, verify, diff: runs that can be trusted."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from segwork.engine.conclude import conclude
from segwork.engine.plan import Plan, make, remember_checked
from segwork.engine.records import baseline as read_baseline
from segwork.engine.runner import Session
from segwork.engine.terminal import Progress

__all__ = ["Outcome", "run"]

MOST_JOBS = 4


@dataclass(frozen=True)
class Outcome:
    """How a run ended.

    Parameters
    ----------
    folder : Path
        Its ``index.html`` is the report's first page.
    statuses : dict of str to str
        ok · failed · timeout · died · contract · blocked · skipped · interrupted, by notebook.
    reasons : dict of str to str
        Why each notebook ran; empty where it was reused.
    findings : list of dict
        One per gate.
    exit_code : int
        As in ``segwork run --help``.
    """

    folder: Path
    statuses: dict[str, str]
    reasons: dict[str, str]
    findings: list[dict[str, Any]]
    exit_code: int


def run(
    config: str | Path | None = None,
    *,
    out: str | Path = "reports",
    only: Iterable[str] = (),
    parameters: Iterable[str] = (),
    jobs: int = 0,
    strict: bool = False,
    why: bool = False,
    baseline: str | Path | Mapping[str, Any] | None = None,
    deadline: float | None = None,
    notebooks: str | Path | None = None,
    values: Mapping[str, Mapping[str, Any]] | None = None,
    hash_seed: str = "0",
    reuse: bool = True,
    say: Callable[[str], None] = print,
) -> Outcome:
    """Run the notebooks on the data of a config and write the report.

    Parameters
    ----------
    config : path, optional
        ``segwork.toml`` of the working folder, else the sample company.
    out : path, default "reports"
        The run folder is ``<out>/<name of the config>``.
    only : iterable of str
        Notebooks by name or number; what they need comes with them.
    parameters : iterable of str
        ``notebook.name=value``, parsed by the declared type.
    jobs : int, default 0
        Notebooks at a time; 0 means one per processor, at most four. Results do not depend on it.
    strict : bool
        Let required gates decide the exit code.
    why : bool
        Say why each notebook runs.
    baseline : path or mapping, optional
        A run folder to compare with on the index page, or its name and values.
    deadline : float, optional
        Longest time of one notebook, in seconds.
    notebooks : path, optional
        Folder of the notebooks.
    values : mapping, optional
        Typed parameter values by notebook, in place of those of the config.
    hash_seed : str
        ``PYTHONHASHSEED`` of the kernels.
    reuse : bool, default True
        Whether unchanged results in the run folder may stand.
    say : callable
        Takes each line of text.

    Returns
    -------
    Outcome

    Raises
    ------
    SegworkError
        Before anything starts, for whatever can be known to be wrong by then.
    """
    against = read_baseline(baseline)
    plan = make(config, out=out, only=only, assignments=parameters, folder=notebooks, values=values)
    session = Session(
        plan,
        Progress(list(plan.notebooks), why=why, say=say),
        deadline=deadline,
        hash_seed=hash_seed,
        reuse=reuse,
    )
    jobs = max(1, jobs or min(MOST_JOBS, os.cpu_count() or 1))
    with plan.folder.locked():
        _prepare(plan, notebooks, jobs)
        session.run(jobs)
        findings, exit_code = conclude(session, against, strict=strict, say=say)
        plan.hashes.keep()
    statuses = {name: entry["status"] for name, entry in session.entries.items()}
    return Outcome(plan.folder.path, statuses, session.why, findings, exit_code)


def _prepare(plan: Plan, notebooks: str | Path | None, jobs: int) -> None:
    """Keep what later runs and ``verify`` need, machine paths too, beside the hashed set."""
    origin = {
        "config": str(plan.config_path),
        "root": str(plan.root.resolve()),
        "notebooks": str(Path(notebooks).resolve()) if notebooks else None,
        "jobs": jobs,
    }
    plan.folder.remember("_origin", origin)
    remember_checked(plan)
    plan.folder.forget_others(plan.notebooks)
