"""After the notebooks: judge the facts, write the records and the report, decide the exit code."""

from __future__ import annotations

import tomllib
from collections.abc import Callable
from dataclasses import asdict

from segwork.engine.conclude import records
from segwork.engine.conclude.terminal import read_first, verdict
from segwork.engine.execute.session import Session
from segwork.engine.plan import fingerprint
from segwork.errors import DataError, GateError
from segwork.results import Finding, Status
from segwork.runs.files import Json, write_json
from segwork.runs.folder import RAN
from segwork.runs.names import line

WRITTEN = ("index.html", "findings.json", "manifest.json")


def conclude(
    session: Session,
    baseline: Json | None,
    *,
    strict: bool,
    say: Callable[[str], None],
) -> tuple[list[Json], int]:
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
    plan, folder = session.plan, session.plan.folder
    entries = {name: session.entries[name] for name in plan.notebooks}
    content = records.manifest(plan, entries, baseline)
    executed = [plan.hashes.of(folder.executed(name)) for name in entries]
    code = _code_behind_report(plan.hashes)
    key = fingerprint.text_hash([content, executed, folder.decision(), code])
    before = session.cache.read("_report")
    if before.get("key") != key or session.cache.damage(before.get("outputs", {"": ""})):
        _write_report(session, content, key)
    write_json(folder.file("timing.json"), {n: asdict(t) for n, t in session.timing.items()})
    try:
        findings = folder.findings()
    except DataError:  # somebody wrote into it a moment ago
        _write_report(session, content, key)
        findings = folder.findings()
    for text in verdict(entries, findings, _gate_notebooks()):
        say(line(text))
    for text in records.for_ci(entries, findings):
        say(text)
    say(line(read_first(findings, _gate_notebooks())))
    say(line(folder.file("index.html")))
    return findings, _exit_code(session, findings, strict=strict)


def _write_report(session: Session, content: Json, key: str) -> None:
    from segwork import report
    from segwork.checks import gates

    plan, folder = session.plan, session.plan.folder
    ran = [name for name in plan.notebooks if session.entries[name].status == RAN]
    facts = {name: folder.recorded(name)["facts"] for name in ran}
    write_json(folder.file("manifest.json"), content)
    findings = gates.judge(facts, plan.config)
    write_json(folder.file("findings.json"), [finding.as_dict() for finding in findings])
    cells = {name: session.cells[name] for name in plan.notebooks}
    records.write_junit(folder.file("junit.xml"), cells, findings)
    report.write(folder.path)
    pages = [*WRITTEN, *(folder.page(name).name for name in plan.notebooks)]
    outputs = {page: plan.hashes.of(folder.path / page) for page in pages}
    write_json(folder.memory("_report"), {"key": key, "outputs": outputs})
    folder.file("verification.html").unlink(missing_ok=True)  # it spoke of other results


def _code_behind_report(hashes: fingerprint.Hashes) -> list[str]:
    files = [*(fingerprint.PACKAGE / "checks").glob("*.py"), *fingerprint.policy_files()]
    files += [p for p in (fingerprint.PACKAGE / "report").rglob("*") if p.suffix != ".pyc"]
    return [hashes.of(path) for path in sorted(files) if path.is_file()]


def _gate_notebooks() -> dict[str, str]:
    """Read whose facts a gate judges, without the judge, whose imports cost a tenth of a second."""
    found: dict[str, str] = {}
    for file in fingerprint.policy_files():
        policy = tomllib.loads(file.read_text(encoding="utf-8"))
        found |= {code: gate["notebook"] for code, gate in policy.items()}
    return found


def _exit_code(session: Session, findings: list[Json], *, strict: bool) -> int:
    if session.interrupted:
        return 130
    if any(session.entries[name].status != RAN for name in session.plan.chosen):
        return 1
    if not strict:
        return 0
    from segwork.checks import gates

    judged = [Finding(**{**f, "status": Status(f["status"])}) for f in findings]
    return GateError.exit_code if gates.blocking(judged) else 0
