"""After the notebooks: judge the facts, write the records and the report, decide the exit code."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Callable, Mapping
from typing import Any

from segwork.engine import fingerprint, records
from segwork.engine.runner import GREEN, Session
from segwork.engine.terminal import verdict
from segwork.errors import GateError
from segwork.results import Finding, Status
from segwork.run import write_json

WRITTEN = ("index.html", "findings.json", "manifest.json")


def conclude(
    session: Session,
    baseline: Mapping[str, Any] | None,
    *,
    strict: bool,
    say: Callable[[str], None],
) -> tuple[list[dict[str, Any]], int]:
    """Write everything that follows from the notebooks; return the findings and the exit code.

    Parameters
    ----------
    session : Session
        After its run.
    baseline : mapping or None
        Name and values of the run to compare with.
    strict : bool
        Whether required gates decide.
    say : callable
        Takes each line of text.
    """
    plan = session.plan
    folder = plan.folder
    entries = {name: session.entries[name] for name in plan.notebooks}
    content = records.manifest(plan, entries, baseline)
    executed = [plan.hashes.of(folder.path / "notebooks" / f"{name}.ipynb") for name in entries]
    decision = folder.path / "decision.md"  # written by people, shown by the index page
    decided = decision.read_text(encoding="utf-8") if decision.is_file() else ""
    key = fingerprint.text_hash([content, executed, decided, _code_behind_report(plan.hashes)])
    before = folder.remembered("_report")
    if before.get("key") != key or folder.damage(before["outputs"], plan.hashes):
        _write_report(session, content, key)
    write_json(folder.path / "timing.json", session.timing)
    findings = json.loads((folder.path / "findings.json").read_text(encoding="utf-8"))
    for line in verdict(entries, findings, _gate_notebooks()):
        say(line)
    for line in records.tell_ci(entries, findings):
        say(line)
    say(str(folder.path / "index.html"))
    return findings, _exit_code(session, findings, strict=strict)


def _write_report(session: Session, content: dict[str, Any], key: str) -> None:
    from segwork import report
    from segwork.checks import gates

    plan, folder = session.plan, session.plan.folder
    ran = [name for name in plan.notebooks if session.entries[name]["status"] == GREEN]
    facts = {name: folder.facts(name) for name in ran}
    write_json(folder.path / "manifest.json", content)
    found = [finding.as_dict() for finding in gates.judge(facts, plan.config)]
    write_json(folder.path / "findings.json", found)
    records.write_junit(folder.path / "junit.xml", {n: session.cells[n] for n in plan.notebooks})
    report.write(folder.path)
    pages = [*WRITTEN, *(f"{name}.html" for name in plan.notebooks)]
    outputs = {page: plan.hashes.of(folder.path / page) for page in pages}
    folder.remember("_report", {"key": key, "outputs": outputs})
    (folder.path / "verification.html").unlink(missing_ok=True)  # it spoke of other results


def _code_behind_report(hashes: fingerprint.Hashes) -> list[str]:
    files = [fingerprint.PACKAGE / "gates.py", *fingerprint.policy_files()]
    files += [p for p in (fingerprint.PACKAGE / "report").rglob("*") if p.suffix != ".pyc"]
    return [hashes.of(path) for path in sorted(files) if path.is_file()]


def _gate_notebooks() -> dict[str, str]:
    """Read whose facts a gate judges, without the judge, whose imports cost a tenth of a second."""
    found: dict[str, str] = {}
    for file in fingerprint.policy_files():
        policy = tomllib.loads(file.read_text(encoding="utf-8"))
        found |= {code: gate["notebook"] for code, gate in policy.items()}
    return found


def _exit_code(session: Session, findings: list[dict[str, Any]], *, strict: bool) -> int:
    if session.interrupted:
        return 130
    asked = [session.entries[name]["status"] for name in session.plan.chosen]
    if any(status != GREEN for status in asked):
        return 1
    if not strict:
        return 0
    from segwork.checks import gates

    judged = [Finding(**{**f, "status": Status(f["status"])}) for f in findings]
    return GateError.exit_code if gates.blocking(judged) else 0
