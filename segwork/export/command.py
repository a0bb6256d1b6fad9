"""``segwork export``: gates first, then the rows, then one line that a scheduler can read."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from segwork import config as _config
from segwork.checks import gates
from segwork.errors import GateError, UsageError
from segwork.export import pilot
from segwork.export.rows import config_of, rows
from segwork.export.sending import Sent, send
from segwork.results import Finding, Status
from segwork.run import project_root, pseudonym_key, write_json


def export(
    run_folder: str,
    *,
    to: str,
    dry_run: bool = False,
    resume: bool = False,
    config: str | None = None,
    journal: str | None = None,
    out: str | None = None,
    url: str = "",
    despite: str = "",
    say: Callable[[str], None] = print,
) -> int:
    """Export a run and return the exit code: 0, or 1 where a row failed or not all could be sent.

    Raises
    ------
    GateError
        A required gate of the run failed and no reason to go on was given.
    SegworkError
        Nothing was sent: the run, the config, the credentials or the CRM's fields do not fit.
    """
    folder = Path(run_folder)
    findings = _findings(folder)
    blocked = _refuse(findings, despite)
    ready = _config.load(config) if config else config_of(folder)
    place = Path(out) if out else project_root() / "exports" / ready.name
    done = send(
        rows(folder, config=ready),
        to=to,
        journal=journal or project_root() / ".segwork" / "export.sqlite",
        dry_run=dry_run,
        resume=resume,
        base_url=url,
        settings=ready.export,
        key=pseudonym_key(ready),
        out=place if to == "csv" else "",
        despite=despite if blocked else "",
    )
    record = {
        **done.facts(),
        "reasons": done.reasons.astype({"outcome": str, "reason": str}).to_dict("records"),
        "failed_gates": blocked,
        "despite": despite if blocked else "",
    }
    if ready.pilot:
        listed = pilot.go_no_go(findings, {c for c, g in gates.catalogue().items() if g.required})
        record["go_no_go"] = listed.to_dict("records")
    name = f"{to}{'_dry_run' if dry_run else ''}.json"
    write_json(folder / "exports" / name, record)
    _tell(done, record, to, place, say)
    return 1 if done.failed or done.stopped or not done.reconciled else 0


def _findings(folder: Path) -> list[dict[str, Any]]:
    try:
        return list(json.loads((folder / "findings.json").read_text(encoding="utf-8")))
    except (OSError, ValueError):
        raise UsageError(f"'{folder}' holds no run", accepted="a folder of 'segwork run'") from None


def _refuse(findings: list[dict[str, Any]], despite: str) -> list[str]:
    """Return the codes of failed required gates, or refuse where no reason is given."""
    judged = [Finding(**{**f, "status": Status(f["status"])}) for f in findings]
    known = gates.catalogue()
    blocked = [f.code for f in gates.blocking(f for f in judged if f.code in known)]
    if blocked and not despite.strip():
        raise GateError(
            f"a required gate of this run failed: {', '.join(blocked)}",
            accepted="a run whose required gates passed",
            hint='--despite "reason" exports it all the same, and writes the reason down',
        )
    return blocked


def _tell(
    done: Sent, record: dict[str, Any], to: str, place: Path, say: Callable[[str], None]
) -> None:
    for line in record["reasons"]:
        say(f"  {line['outcome']:<10} {line['rows']:>9,}  {line['reason']}".rstrip())
    if done.left_behind:
        say(f"  {done.left_behind:,} customers of an earlier export are no row of this one")
    for line in record.get("go_no_go", ()):
        say(f"  {line['answer']:<6} {line['question']} {line['why']}".rstrip())
    if record["despite"]:
        say(f"  despite {', '.join(record['failed_gates'])}: {record['despite']}")
    if to == "csv" and not done.dry_run:
        say(f"  {place / 'customers.csv'}")
    say(f"segwork export {to}{' (dry run)' if done.dry_run else ''}: {done}")
