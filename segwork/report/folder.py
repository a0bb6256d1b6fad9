"""A finished run as the report sees it: manifest, findings, facts and the verdict per notebook."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from segwork.checks.gates import Gate, blocks, catalogue
from segwork.report.layout import mark
from segwork.results import Status
from segwork.runs.files import Json
from segwork.runs.folder import RAN, Entry, RunFolder

SEVERITIES = ("critical", "high", "medium", "low")
Finding = Json


@dataclass(frozen=True)
class JudgedRun:
    """What ``segwork run`` left: read once, judged nowhere.

    Parameters
    ----------
    files : RunFolder
    manifest : mapping
    notebooks : mapping of str to Entry
        In the order of their numbers.
    findings : list of mappings
        As :meth:`segwork.results.Finding.as_dict` writes them.
    """

    files: RunFolder
    manifest: Json
    notebooks: Mapping[str, Entry]
    findings: list[Finding]

    @cached_property
    def gates(self) -> Mapping[str, Gate]:
        """The policy the findings were judged by."""
        return catalogue()

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

    def blocks(self, finding: Finding) -> bool:
        """Tell whether a finding makes a strict run fail."""
        return blocks(finding["code"], finding["status"])

    def counted(self, notebook: str) -> str:
        """Count a notebook's findings in words, the most urgent first; empty for none."""
        words = Counter(mark(finding["status"]).word for finding in self.judged(notebook))
        return ", ".join(f"{n} {word}" for word, n in words.items())

    def verdict(self, notebook: str) -> str:
        """Return the one word for a notebook: how it ran, else the most urgent that applies."""
        status = self.notebooks[notebook].status
        if status != RAN:
            return status
        judged = self.judged(notebook)
        apply = [f for f in judged if f["status"] != Status.NOT_APPLICABLE] or judged
        return str(apply[0]["status"]) if judged else "no_gates"

    @cached_property
    def baseline_name(self) -> str:
        """Return the name of the run this one is compared with; empty for none."""
        return str(self.manifest["baseline"].get("name", ""))

    @cached_property
    def baseline(self) -> dict[str, float]:
        """Values of the baseline's findings by code, as the manifest keeps them."""
        return dict(self.manifest["baseline"].get("values", {}))

    def fact(self, notebook: str, name: str) -> float | int | str | None:
        """Return a recorded fact, or None where it was not recorded."""
        return self.files.recorded(notebook)["facts"].get(name)

    def counts(self) -> Counter[str]:
        """Count findings by status, over notebooks of this run."""
        return Counter(str(f["status"]) for f in self.findings)


def load(folder: Path) -> JudgedRun:
    """Read a run folder.

    Raises
    ------
    DataError
        The folder has no readable manifest.
    """
    run = RunFolder(folder)
    return JudgedRun(run, run.manifest(), run.entries(), run.findings())


def by_urgency(findings: Iterable[Finding]) -> list[Finding]:
    """Sort findings: failed before warned before inconclusive, critical first, then by code."""
    return sorted(findings, key=lambda f: (mark(f["status"]).rank, _severity(f), f["code"]))


def _severity(finding: Finding) -> int:
    severity = finding.get("severity")
    return SEVERITIES.index(severity) if severity in SEVERITIES else len(SEVERITIES)
