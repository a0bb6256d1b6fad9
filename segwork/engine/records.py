"""What a run leaves beside the notebooks' own files: manifest, findings, JUnit, notes for CI."""

from __future__ import annotations

import json
import os
import platform
import re
import subprocess
from collections import Counter
from collections.abc import Mapping
from datetime import date
from importlib import metadata
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

from segwork import __version__
from segwork.engine import fingerprint
from segwork.engine.plan import Plan
from segwork.errors import UsageError
from segwork.run import atomically

PACKAGES_OF_RESULTS = ("numpy", "pandas", "scikit-learn", "scipy", "statsmodels", "tensorflow")
COLOUR_OR_CONTROL = re.compile(
    r"\x1b\[[0-9;]*[A-Za-z]|[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]"
)


def manifest(
    plan: Plan, entries: Mapping[str, Mapping[str, Any]], baseline: Mapping[str, Any] | None
) -> dict[str, Any]:
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
        "baseline": dict(baseline) if baseline else None,
        "notebooks": {name: dict(entries[name]) for name in plan.notebooks},
    }


def versions() -> dict[str, str]:
    """Return the versions of segwork and the packages it asks for."""
    try:
        wanted = metadata.requires("segwork") or []
    except metadata.PackageNotFoundError:  # used from its sources
        wanted = list(PACKAGES_OF_RESULTS)
    names = {re.split(r"[\[<>=!~; ]", line)[0].lower().replace("_", "-") for line in wanted}
    return {**fingerprint.installed_versions(names), "segwork": __version__}


def git(root: Path) -> dict[str, Any]:
    """Return the commit and whether files differ from it; empty outside a repository."""

    def ask(*words: str) -> str:
        done = subprocess.run(["git", *words], cwd=root, capture_output=True, text=True)
        return done.stdout.strip() if done.returncode == 0 else ""

    try:
        commit = ask("rev-parse", "HEAD")
        return {"commit": commit, "dirty": bool(ask("status", "--porcelain"))} if commit else {}
    except OSError:
        return {}


def baseline(folder: str | Path | Mapping[str, Any] | None) -> dict[str, Any] | None:
    """Return name and values of the run to compare with; a mapping holds them already.

    Raises
    ------
    UsageError
        The folder holds no run.
    """
    if not folder or isinstance(folder, Mapping):
        return dict(folder) if folder else None
    path = Path(folder)
    try:
        name = json.loads((path / "manifest.json").read_text(encoding="utf-8"))["name"]
        findings = json.loads((path / "findings.json").read_text(encoding="utf-8"))
    except (OSError, ValueError, KeyError):
        raise UsageError(f"'{folder}' is no run to compare with", accepted="a run folder") from None
    return {"name": name, "values": {f["code"]: f["value"] for f in findings}}


def write_junit(path: Path, cells: Mapping[str, list[dict[str, Any]]]) -> None:
    """Write one test case per code cell, named by the heading above it, in plain text."""
    suites = ElementTree.Element("testsuites")
    for notebook, records in cells.items():
        suite = ElementTree.SubElement(suites, "testsuite", name=notebook)
        for number, record in enumerate(records, 1):
            _case(suite, notebook, number, record)
        counted = Counter(child.tag for case in suite for child in case)
        suite.set("tests", str(len(records)))
        suite.set("failures", str(counted["failure"]))
        suite.set("errors", str(counted["error"]))
        suite.set("skipped", str(counted["skipped"]))
    ElementTree.indent(suites)
    text = ElementTree.tostring(suites, encoding="unicode", xml_declaration=True)
    atomically(path, lambda target: Path(target).write_text(text + "\n", encoding="utf-8"))


def _case(suite: Any, notebook: str, number: int, record: Mapping[str, Any]) -> None:
    title = plain_text(record.get("title") or "code")
    case = ElementTree.SubElement(
        suite, "testcase", classname=notebook, name=f"{title} · code {number}"
    )
    case.set("time", f"{record.get('seconds', 0.0):.3f}")
    status, message = record["status"], plain_text(record.get("message", ""))
    if status in ("skipped", "blocked"):
        ElementTree.SubElement(case, "skipped", message=message)
    elif status != "ok":
        kind = "failure" if status in ("failed", "contract") else "error"
        ElementTree.SubElement(case, kind, type=status, message=message).text = message


def plain_text(text: str) -> str:
    """Return a text without colour codes and characters XML cannot hold."""
    return COLOUR_OR_CONTROL.sub("", text)


def tell_ci(entries: Mapping[str, Mapping[str, Any]], findings: list[dict[str, Any]]) -> list[str]:
    """Append the verdict to GitHub's job summary and return its error annotations, where asked."""
    if summary := os.environ.get("GITHUB_STEP_SUMMARY"):
        with Path(summary).open("a", encoding="utf-8") as file:
            file.write(_summary(entries, findings))
    if not os.environ.get("GITHUB_ACTIONS"):
        return []
    bad = [(name, entry) for name, entry in entries.items() if entry["message"]]
    notes = [
        f"::error file=notebooks/{name}.ipynb,title={_escaped(name)} {entry['status']}::"
        f"{_escaped(sentence(entry))}"
        for name, entry in bad
        if entry["status"] != "skipped"
    ]
    gates = [f for f in findings if f["status"] == "failed"]
    return notes + [f"::warning title={f['code']}::{_escaped(f['message'])}" for f in gates]


def sentence(entry: Mapping[str, Any]) -> str:
    """Say where and why a notebook did not end well."""
    where = f"code {entry['cell']}, {entry['cell_title']}: " if entry.get("cell") else ""
    return plain_text(where + str(entry["message"]))


def _escaped(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A").replace("::", ": :")


def _summary(entries: Mapping[str, Mapping[str, Any]], findings: list[dict[str, Any]]) -> str:
    lines = ["## segwork", "", "| notebook | status | |", "|---|---|---|"]
    for name, entry in entries.items():
        said = sentence(entry).replace("|", "\\|").replace("<", "&lt;")
        lines.append(f"| {name} | {entry['status']} | {said} |")
    counts = Counter(finding["status"] for finding in findings)
    lines += ["", "Gates: " + ", ".join(f"{n} {word}" for word, n in sorted(counts.items())), ""]
    return "\n".join(lines)


def _set(values: Mapping[str, Any]) -> dict[str, Any]:
    return {
        key: value.isoformat() if isinstance(value, date) else value
        for key, value in values.items()
        if value not in (None, "")
    }
