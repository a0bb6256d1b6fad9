"""What a run leaves beside the notebooks' own files: manifest, findings, JUnit, notes for CI."""

from __future__ import annotations

import os
import platform
import re
import subprocess
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from datetime import date
from html import escape
from pathlib import Path
from typing import NamedTuple

from segwork import __version__
from segwork.engine.execute.job import CellRecord
from segwork.engine.plan import Plan, fingerprint
from segwork.errors import DataError, UsageError
from segwork.results import Finding
from segwork.runs.files import Json, write_text
from segwork.runs.folder import RAN, Entry, RunFolder
from segwork.runs.names import visible

PACKAGES_OF_RESULTS = ("numpy", "pandas", "scikit-learn", "scipy", "statsmodels", "tensorflow")


def manifest(plan: Plan, entries: Mapping[str, Entry], baseline: Json | None) -> Json:
    """Return what the run depended on and how each notebook ended; no clock, no machine path."""
    config = plan.config
    limits = {code: _set(vars(limit)) for code, limit in config.limits.items()}
    waivers = {code: _set(vars(waiver)) for code, waiver in config.waivers.items()}
    return {
        "name": config.name,
        "as_of": config.as_of.isoformat(),
        "seed": config.seed,
        "config": {**fingerprint.settings(config), "limits": limits, "waivers": waivers},
        "data": dict(plan.data),
        "versions": versions(),
        "python": platform.python_version(),
        "git": git(plan.root),
        "baseline": baseline,
        "notebooks": {name: asdict(entries[name]) for name in plan.notebooks},
    }


def versions() -> dict[str, str]:
    """Return the versions of segwork and the packages it asks for."""
    wanted = fingerprint.requirements("segwork") or PACKAGES_OF_RESULTS
    names = {re.split(r"[\[<>=!~; ]", line)[0].lower().replace("_", "-") for line in wanted}
    return {**fingerprint.installed_versions(names), "segwork": __version__}


def git(root: Path) -> Json:
    """Return the commit and whether files differ from it; empty outside a repository."""

    def ask(*words: str) -> str:
        done = subprocess.run(["git", *words], cwd=root, capture_output=True, text=True)
        return done.stdout.strip() if done.returncode == 0 else ""

    try:
        commit = ask("rev-parse", "HEAD")
        return {"commit": commit, "dirty": bool(ask("status", "--porcelain"))} if commit else {}
    except OSError:
        return {}


def baseline(given: str | Path | Json | None) -> Json | None:
    """Return name and values of the run to compare with; a mapping holds them already.

    Raises
    ------
    UsageError
        The folder holds no run.
    """
    if not given or isinstance(given, dict):
        return dict(given) if given else None
    run = RunFolder(Path(given))
    try:
        name, findings = run.manifest()["name"], run.findings()
    except DataError as fault:
        raise UsageError(
            f"'{visible(given)}' is no run to compare with",
            accepted="a run folder",
            hint=fault.what,
        ) from None
    return {"name": name, "values": {f["code"]: f.get("value") for f in findings}}


class Case(NamedTuple):
    """A test case of ``junit.xml``: ``kind`` is the element that says how it went, if any."""

    name: str
    status: str
    message: str
    kind: str = ""
    seconds: float | None = None


def write_junit(
    path: Path, cells: Mapping[str, list[CellRecord]], findings: Iterable[Finding] = ()
) -> None:
    """Write a test case per code cell, named by the heading above it, and one per gate.

    A gate that makes a strict run fail is a failure, one that could not be judged is skipped;
    every other answer but "passed" stands as text in its case.
    """
    from segwork.checks import gates
    from segwork.report.layout import drawn

    judged = [(gates.catalogue()[finding.code], finding) for finding in findings]
    suites = {
        notebook: [_of_cell(number, record) for number, record in enumerate(found, 1)]
        + [
            _of_gate(f"{gate.code} {gate.title}", one, red=gates.blocks(one.code, one.status))
            for gate, one in judged
            if gate.notebook == notebook
        ]
        for notebook, found in cells.items()
    }
    write_text(path, drawn("junit.xml", suites=suites))


def _of_gate(name: str, finding: Finding, *, red: bool) -> Case:
    kinds = {"passed": "", "skipped": "skipped", "not_applicable": "skipped"}
    kind = "failure" if red else kinds.get(finding.status, "system-out")
    return Case(name, finding.status, finding.message, kind)


def _of_cell(number: int, record: CellRecord) -> Case:
    kinds = {RAN: "", "failed": "failure", "contract": "failure"}
    kinds |= dict.fromkeys(("skipped", "blocked"), "skipped")
    kind, name = kinds.get(record.status, "error"), f"{record.title or 'code'} · code {number}"
    return Case(name, record.status, record.message, kind, record.seconds)


def for_ci(entries: Mapping[str, Entry], findings: list[Json]) -> list[str]:
    """Append the verdict to GitHub's job summary and return its error annotations, where asked."""
    if summary := os.environ.get("GITHUB_STEP_SUMMARY"):
        with Path(summary).open("a", encoding="utf-8") as file:
            file.write(_summary(entries, findings))
    if not os.environ.get("GITHUB_ACTIONS"):
        return []
    notes = []
    for name, entry in entries.items():
        if entry.message and entry.status != "skipped":
            kind, file = "warning" if entry.status == RAN else "error", f"notebooks/{name}.ipynb"
            title = f"{name} {entry.status}"
            notes.append(_annotation(kind, entry.sentence, file=file, title=title))
    gates = [f for f in findings if f["status"] == "failed"]
    return notes + [_annotation("warning", f["message"], title=f["code"]) for f in gates]


def _annotation(kind: str, message: str, **properties: str) -> str:
    """Return a command of GitHub's logs, in which no name or message ends its own part."""
    named = ",".join(
        f"{key}={_escaped(value).replace(':', '%3A').replace(',', '%2C')}"
        for key, value in properties.items()
    )
    return f"::{kind} {named}::{_escaped(message).replace('::', ': :')}"


def _escaped(text: str) -> str:
    return visible(text).replace("%", "%25")


def _summary(entries: Mapping[str, Entry], findings: list[Json]) -> str:
    rows = [(name, entry.status, entry.sentence) for name, entry in entries.items()]
    lines = ["## segwork", "", "| notebook | status | |", "|---|---|---|"]
    lines += [f"| {' | '.join(map(_cell, row))} |" for row in rows]
    counts = Counter(finding["status"] for finding in findings)
    lines += ["", "Gates: " + ", ".join(f"{n} {word}" for word, n in sorted(counts.items())), ""]
    return "\n".join(lines)


def _cell(text: str) -> str:
    """Return text as a cell of a Markdown table, in which it stays text."""
    shown = escape(visible(text), quote=False)
    return "".join(f"\\{mark}" if mark in "\\`*[]|#!~" else mark for mark in shown)


def _set(values: Mapping[str, object]) -> Json:
    return {
        key: value.isoformat() if isinstance(value, date) else value
        for key, value in values.items()
        if value not in (None, "")
    }
