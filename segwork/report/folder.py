"""A finished run as the report sees it: manifest, findings, facts and the verdict per notebook."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from segwork.checks.gates import Gate, catalogue
from segwork.errors import DataError
from segwork.report.layout import mark

RAN = "ok"
SEVERITIES = ("critical", "high", "medium", "low")
Finding = Mapping[str, Any]


@dataclass(frozen=True)
class RunFolder:
    """What ``segwork run`` left: read once, judged nowhere.

    Parameters
    ----------
    folder : Path
    manifest : mapping
    findings : list of mappings
        As :meth:`segwork.results.Finding.as_dict` writes them.
    """

    folder: Path
    manifest: Mapping[str, Any]
    findings: list[Finding]

    @cached_property
    def notebooks(self) -> dict[str, Mapping[str, Any]]:
        """Entries of the manifest by notebook, in the order of their numbers."""
        return dict(sorted(self.manifest.get("notebooks", {}).items()))

    @cached_property
    def gates(self) -> Mapping[str, Gate]:
        """The policy the findings were judged by."""
        return catalogue()

    def document(self, notebook: str) -> list[Mapping[str, Any]]:
        """Return the cells of the executed notebook; none where it never ran."""
        path = self.folder / "notebooks" / f"{notebook}.ipynb"
        return list(read_json(path)["cells"]) if path.is_file() else []

    def facts(self, notebook: str) -> Mapping[str, Any]:
        """Return what the notebook recorded: ``facts`` and ``units``."""
        path = self.folder / "facts" / f"{notebook}.json"
        return dict(read_json(path)) if path.is_file() else {"facts": {}, "units": {}}

    def judged(self, notebook: str) -> list[Finding]:
        """Return the findings about a notebook, what needs attention first."""
        return by_urgency(f for f in self.findings if self.notebook_of(f) == notebook)

    def notebook_of(self, finding: Finding) -> str:
        """Return the notebook whose facts a finding judges."""
        gate = self.gates.get(finding["code"])
        return str(finding.get("notebook") or (gate.notebook if gate else ""))

    def is_required(self, finding: Finding) -> bool:
        """Tell whether the gate behind a finding decides under ``--strict``."""
        gate = self.gates.get(finding["code"])
        return bool(gate and gate.required)

    def told(self, notebook: str) -> str:
        """Count a notebook's findings in words, the most urgent first; empty for none."""
        words = Counter(mark(finding["status"]).word for finding in self.judged(notebook))
        return ", ".join(f"{n} {word}" for word, n in words.items())

    def verdict(self, notebook: str) -> str:
        """Return the one word for a notebook: how it ran, else its most urgent finding."""
        status = str(self.notebooks[notebook].get("status", "unknown"))
        if status != RAN:
            return status
        judged = self.judged(notebook)
        return str(judged[0]["status"]) if judged else "no_gates"

    @cached_property
    def baseline_name(self) -> str:
        """Return the name of the run this one is compared with; empty for none."""
        return str((self.manifest.get("baseline") or {}).get("name", ""))

    @cached_property
    def baseline(self) -> dict[str, float]:
        """Values of the baseline's findings by code, as the manifest keeps them."""
        return dict((self.manifest.get("baseline") or {}).get("values", {}))

    def counts(self) -> Counter[str]:
        """Count findings by status, over notebooks of this run."""
        return Counter(str(f["status"]) for f in self.findings)


def load(folder: Path) -> RunFolder:
    """Read a run folder.

    Raises
    ------
    DataError
        The folder has no readable manifest.
    """
    path = folder / "manifest.json"
    if not path.is_file():
        raise DataError(
            f"{folder} is not the folder of a run: manifest.json is missing",
            hint="name a folder that 'segwork run' wrote",
        )
    findings = folder / "findings.json"
    return RunFolder(folder, read_json(path), read_json(findings) if findings.is_file() else [])


def by_urgency(findings: Iterable[Finding]) -> list[Finding]:
    """Sort findings: failed before warned before inconclusive, critical first, then by code."""
    return sorted(findings, key=lambda f: (mark(f["status"]).rank, _severity(f), f["code"]))


def _severity(finding: Finding) -> int:
    severity = finding.get("severity")
    return SEVERITIES.index(severity) if severity in SEVERITIES else len(SEVERITIES)


def flat(value: Any, prefix: str = "") -> dict[str, Any]:
    """Return nested mappings as dotted names."""
    if not isinstance(value, Mapping):
        return {prefix: value}
    found: dict[str, Any] = {}
    for key, item in value.items():
        found |= flat(item, f"{prefix}.{key}" if prefix else str(key))
    return found


def read_json(path: Path) -> Any:
    """Read a JSON file of the run.

    Raises
    ------
    DataError
        The file is not JSON.
    """
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise DataError(f"{path} is not readable JSON: {error}", hint="run again") from error
