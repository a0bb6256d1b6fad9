"""Order, parameters, Papermill, true status, cache, verify, diff: runs that can be trusted."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from segwork.engine import forecast
from segwork.engine.conclude import conclude
from segwork.engine.conclude.records import baseline
from segwork.engine.execute.cache import Cache, Origin
from segwork.engine.execute.progress import Progress
from segwork.engine.execute.session import Session
from segwork.engine.execute.stage import Stages
from segwork.engine.plan import Plan, Values, make
from segwork.engine.plan.parameters import plain
from segwork.runs.files import Json, write_json

__all__ = ["Options", "Outcome", "run"]

MOST_JOBS = 4


@dataclass(frozen=True)
class Options:
    """How a run is done.

    Parameters
    ----------
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
    """

    out: str | Path = "reports"
    only: Iterable[str] = ()
    parameters: Iterable[str] = ()
    jobs: int = 0
    strict: bool = False
    why: bool = False
    baseline: str | Path | Json | None = None
    deadline: float | None = None
    notebooks: str | Path | None = None
    values: Values | None = None
    hash_seed: str = "0"
    reuse: bool = True


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
    findings: list[Json]
    exit_code: int


def run(
    config: str | Path | None = None, *, say: Callable[[str], None] = print, **options: Any
) -> Outcome:
    """Run the notebooks on the data of a config and write the report.

    Parameters
    ----------
    config : path, optional
        ``segwork.toml`` of the working folder, else the sample company.
    say : callable
        Takes each line of text.
    **options
        As in :class:`Options`.

    Returns
    -------
    Outcome

    Raises
    ------
    SegworkError
        Before anything starts, for whatever can be known to be wrong by then.
    """
    how = Options(**options)
    against = baseline(how.baseline)
    plan = make(
        config,
        out=how.out,
        only=how.only,
        assignments=how.parameters,
        folder=how.notebooks,
        values=how.values,
    )
    stages, origin = Stages(plan.folder), Origin(plan.folder)
    jobs = max(1, how.jobs or min(MOST_JOBS, os.cpu_count() or 1))
    with stages.locked():
        cache = Cache(plan, trusted=bool(origin.known()))
        session = Session(
            plan,
            cache,
            stages,
            Progress(
                list(plan.notebooks),
                why=how.why,
                say=say,
                forecast=lambda names: forecast.told(plan, names, jobs),
            ),
            deadline=how.deadline,
            hash_seed=how.hash_seed,
            reuse=how.reuse,
        )
        _prepare(plan, replace(how, jobs=jobs), origin)
        cache.forget_others()
        session.run(jobs)
        findings, exit_code = conclude(session, against, strict=how.strict, say=say)
        plan.hashes.keep()
    statuses = {name: entry.status for name, entry in session.entries.items()}
    return Outcome(plan.folder.path, statuses, session.why, findings, exit_code)


def _prepare(plan: Plan, how: Options, origin: Origin) -> None:
    """Keep what later runs and ``verify`` need; what names this machine lies outside the folder."""
    values = {
        name: {key: plain(value) for key, value in own.items() if key != "config"}
        for name, own in plan.values.items()
    }
    origin.remember(
        {
            "config": str(plan.config_path),
            "root": str(plan.root.resolve()),
            "notebooks": str(Path(how.notebooks).resolve()) if how.notebooks else None,
            "jobs": how.jobs,
            "values": values,
        }
    )
    write_json(plan.folder.memory("_checked"), {"checked": plan.checked})
