"""``segwork export``: gates first, then the rows, then one line that a scheduler can read."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from segwork import config as _config
from segwork.checks import gates
from segwork.errors import GateError, UsageError
from segwork.export import pilot
from segwork.export.rows import config_of, rows
from segwork.export.sending import send
from segwork.results import Finding, Status
from segwork.runs.files import Json, write_json
from segwork.runs.folder import RunFolder
from segwork.runs.project import own_folder, project_root, pseudonym_key


@dataclass(frozen=True)
class Options:
    """How a run is exported; what is None is as the config or the project has it."""

    to: str
    dry_run: bool = False
    resume: bool = False
    config: str | None = None
    journal: str | None = None
    out: str | None = None
    url: str = ""
    despite: str = ""


def export(run_folder: str, *, say: Callable[[str], None] = print, **options: Any) -> int:
    """Export a run and return the exit code: 0, or 1 where a row failed or not all could be sent.

    Parameters
    ----------
    run_folder : str
    say : callable
        Takes each line of text.
    **options
        As in :class:`Options`.

    Raises
    ------
    GateError
        A required gate of the run failed and no reason to go on was given.
    SegworkError
        Nothing was sent: the run, the config, the credentials or the CRM's fields do not fit.
    """
    folder, how = Path(run_folder), Options(**options)
    findings, blocked = _blocked(folder, how.despite)
    ready = _config.load(how.config) if how.config else config_of(folder)
    done = send(
        rows(folder, config=ready),
        to=how.to,
        journal=how.journal or own_folder() / "export.sqlite",
        dry_run=how.dry_run,
        resume=how.resume,
        base_url=how.url,
        settings=ready.export,
        key=pseudonym_key(ready),
        out=how.out or project_root() / "exports" / ready.name,
    )
    record = done.facts() | {
        "reasons": done.reasons.astype({"outcome": str, "reason": str}).to_dict("records"),
        "failed_gates": blocked,
        "despite": how.despite if blocked else "",
    }
    if ready.pilot:
        listed = pilot.go_no_go(findings, {c for c, g in gates.catalogue().items() if g.required})
        record["go_no_go"] = listed.to_dict("records")
    word = how.to + "_dry_run" * how.dry_run
    write_json(folder / "exports" / f"{word}.json", record)
    for line in _lines(record):
        say(f"  {line}".rstrip())
    say(f"segwork export {word.replace('_', ' ')}: {done}")
    return 1 if done.failed or done.stopped or not done.reconciled else 0


def _blocked(folder: Path, despite: str) -> tuple[list[Json], list[str]]:
    """Return the findings and the codes of failed required gates; refuse those without reason."""
    run = RunFolder(folder)
    if not run.file("findings.json").is_file():
        raise UsageError(f"'{folder}' holds no run", accepted="a folder of 'segwork run'")
    findings = run.findings()
    known = [f for f in findings if f["code"] in gates.catalogue()]
    judged = [Finding(**{**f, "status": Status(f["status"])}) for f in known]
    blocked = [finding.code for finding in gates.blocking(judged)]
    if blocked and not despite.strip():
        raise GateError(
            f"a required gate of this run failed: {', '.join(blocked)}",
            accepted="a run whose required gates passed",
            hint='--despite "reason" exports it all the same, and writes the reason down',
        )
    return findings, blocked


def _lines(record: Json) -> Iterator[str]:
    for line in record["reasons"]:
        yield f"{line['outcome']:<10} {line['rows']:>9,}  {line['reason']}"
    if record["left_behind"]:
        yield f"{record['left_behind']:,} customers of an earlier export are no row of this one"
    for line in record.get("go_no_go", ()):
        yield f"{line['answer']:<6} {line['question']} {line['why']}"
    if record["despite"]:
        yield f"despite {', '.join(record['failed_gates'])}: {record['despite']}"
