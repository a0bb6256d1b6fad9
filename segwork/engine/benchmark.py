"""The engine measured against its own bars; used by ``notebooks/benchmarks/reproducibility``.

Whether the engine tells the truth is what its tests ask, so they are run and counted here: the
benchmark and the tests cannot disagree. Speeds and sizes are measured beside Papermill's and
nbconvert's in the same run.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

from segwork import engine
from segwork.engine.verify import verify
from segwork.errors import UsageError

SETTINGS = 'as_of = 2020-01-01\nname = "small"\n'
TESTED = ("engine_failures", "engine_run", "engine_parameters", "report", "browser")
TESTED_IN_FULL = ("browser_run", "browser_lab")
OWN_SETTINGS = ("SEGWORK_", "GITHUB_", "TQDM_", "PYTHONHASHSEED")
ENDINGS = {
    "error in a cell": r"\[01_error\]",
    "time-out of a cell or a notebook": r"\[0[23]_",
    "dead kernel": r"\[(04|18)_",
    "out of memory": r"\[05_",
    "no kernel": r"kernel_that_cannot_start|\[06_",
    "sys.exit(0)": r"\[07_",
    "sys.exit(3)": r"\[08_",
    "expected exception": r"\[09_",
    "tagged cell that did not raise": r"\[10_",
    "missing or stale output": r"\[1[125]_",
    "metric that is not finite": r"\[1[34]_",
    "Ctrl-C": r"ctrl_c",
}
CACHE = {
    "code": r"changed_code_cell",
    "parameter": r"changed_parameter_is",
    "data byte": r"changed_data_byte",
    "helper function": r"changed_helper",
    "package version": r"changed_package",
    "Markdown edit, which runs nothing": r"changed_text_runs_nothing",
}
REFUSED = r"engine_parameters.*(refused|suggestion|need)|wrong_usage"
KILLED, SEEN, IN_LAB = r"killed_run_resumes", r"silent_and_accessible", r"browser_lab"
REFERENCE = re.compile(
    r"<(?:link|script|img|iframe)\b[^>]*(?:src|href)=[\"'](?:https?:)?//"
    r"|url\([\"']?(?:https?:)?//|\b(?:import|from)[\s(]*[\"']https?://"
)


def tests(root: Path, *, work: Path, quick: bool) -> list[dict[str, Any]]:
    """Run the engine's own tests.

    Parameters
    ----------
    root : Path
        Project root.
    work : Path
        Empty folder to work in.
    quick : bool
        Leave out those that take more than ten seconds each.

    Returns
    -------
    list of dict
        ``test``, ``result`` (passed, failed or skipped) and ``said``, what the engine said.
    """
    work.mkdir(parents=True)
    report = work / "tests.xml"
    words = ["-q", "-p", "no:cacheprovider", "-o", "junit_family=xunit1", f"--junitxml={report}"]
    words += [f"--basetemp={work / 'tests'}", *(["-m", "not slow"] if quick else [])]
    words += [f"tests/test_{name}.py" for name in TESTED + (() if quick else TESTED_IN_FULL)]
    environment = {k: v for k, v in os.environ.items() if not k.startswith(OWN_SETTINGS)}
    command = [sys.executable, "-m", "pytest", *words]
    done = subprocess.run(command, cwd=root, env=environment, capture_output=True, text=True)
    if not report.is_file():
        said = (done.stderr or done.stdout).strip().splitlines()[-1:]
        raise UsageError(f"the tests did not run: {said}", hint="make bench installs what they use")
    return [_case(case) for case in ElementTree.parse(report).iter("testcase")]


def _case(case: ElementTree.Element) -> dict[str, Any]:
    kinds = {child.tag: child for child in case}
    result = "failed" if {"failure", "error"} & set(kinds) else "passed"
    said = [p.get("value", "") for p in case.iter("property") if p.get("name") == "said"]
    return {
        "test": f"{case.get('classname')}.{case.get('name')}",
        "result": "skipped" if "skipped" in kinds else result,
        "said": said[0] if said else "",
    }


def counted(cases: list[dict[str, Any]], rows: Mapping[str, str]) -> list[dict[str, Any]]:
    """Count the tests behind each row; a row is held where all of them ran and passed.

    Parameters
    ----------
    cases : list of dict
        As :func:`tests` returns them.
    rows : mapping of str to str
        What is counted, and the pattern of its tests.
    """
    found = []
    for what, pattern in rows.items():
        own = [case for case in cases if re.search(pattern, case["test"])]
        passed = sum(case["result"] == "passed" for case in own)
        held = "not run" if not own else "yes" if passed == len(own) else "no"
        said = " · ".join(dict.fromkeys(case["said"] for case in own if case["said"]))
        row = {"what": what, "tests": len(own), "passed": passed, "held": held}
        found.append({**row, "the engine said": said or "–"})
    return found


def bars(
    cases: list[dict[str, Any]],
    own: Mapping[str, float],
    seconds: Mapping[str, float],
    frames: Mapping[str, Mapping[str, float]],
) -> list[dict[str, str]]:
    """Return the whole table: what is asked, what the best peer does, and what is measured here.

    Parameters
    ----------
    cases, own, seconds, frames
        What the other functions of this module return.
    """
    ours, theirs = frames["segwork"], frames["nbconvert"]
    faster = seconds["papermill_cpu"] / seconds["segwork_1_cpu"]
    same = own["ran"] == own["reproduced"] == own["notebooks"]
    references = own["references"] + ours["references"]
    rows = [
        _tested(cases, "endings told as they were", "papermill: 2 of 7 tried", ENDINGS),
        (
            "own notebooks run and reproduce, byte for byte",
            "in the wild 24 % and 4 %",
            f"{own['ran']} and {own['reproduced']} of {own['notebooks']}",
            _word(same),
        ),
        (
            "external references in a page: 0",
            f"nbconvert: {theirs['references']}",
            f"{references} in {own['pages'] + 1} pages",
            _word(references == 0),
        ),
        _tested(cases, "silent in a browser, no axe-core violation, both themes", "–", SEEN),
        (
            "frame of a page: below 20 kB",
            f"nbconvert: {theirs['kilobytes']:.0f} kB",
            f"{ours['kilobytes']:.1f} kB",
            _word(ours["kilobytes"] < 20),
        ),
        (
            "run in which nothing changed: below 0.5 s",
            "jupyter-cache: 0.7 s for one",
            f"{own['no_op_seconds']:.2f} s of the processor for {own['notebooks']}",
            _word(own["no_op_seconds"] < 0.5),
        ),
        (
            "small notebooks: 3 times faster than Papermill's command line",
            f"{seconds['papermill_cpu']:.2f} s of the processor each",
            f"{seconds['segwork_1_cpu']:.2f} s, {faster:.1f} times faster",
            _word(faster >= 3),
        ),
        _tested(cases, "changes seen with their reason", "none sees all five", CACHE),
        _tested(cases, "parameter mistakes refused before a kernel", "papermill: two", REFUSED),
        _tested(cases, "kill -9 at ten moments, same facts", "–", KILLED),
        _tested(cases, "notebooks in JupyterLab, changed and run", "–", IN_LAB),
    ]
    return [dict(zip(("bar", "best peer", "here", "held"), row, strict=True)) for row in rows]


def _tested(
    cases: list[dict[str, Any]], bar: str, peer: str, rows: Mapping[str, str] | str
) -> tuple[str, str, str, str]:
    """Return a row of the table that tests decide; one left out is neither held nor broken."""
    found = counted(cases, {bar: rows} if isinstance(rows, str) else rows)
    if not any(row["tests"] for row in found):
        return bar, peer, "left out in quick mode", "–"
    right, of = sum(row["held"] == "yes" for row in found), len(found)
    if of == 1:
        right, of = found[0]["passed"], found[0]["tests"]
    here = found[0]["the engine said"] if of == 1 else f"{right} of {of}"
    return bar, peer, here, _word(right == of)


def _word(held: bool) -> str:
    return "yes" if held else "no"


def own_notebooks(root: Path, *, customers: int, only: str, work: Path) -> dict[str, float]:
    """Run the project's notebooks on a sample company, verify, run again unchanged, and count.

    Parameters
    ----------
    root : Path
        Project root.
    customers : int
        Size of the sample company.
    only : str
        Notebooks by number, such as ``10,20``; empty for all.
    work : Path
        Empty folder to work in.

    Returns
    -------
    dict of str to float
        ``notebooks``, ``ran``, ``reproduced``, ``drifted``, ``pages``, ``references`` (external
        ones in all pages), and ``no_op_seconds`` of a run in which nothing changed.
    """
    work.mkdir(parents=True)
    text = (root / "notebooks" / "configs" / "sample.toml").read_text(encoding="utf-8")
    text = re.sub(r"customers *= *[\d_]+", f"customers = {customers}", text)
    config = work / "own.toml"
    config.write_text(text.replace("../../data/sample", "sample"), encoding="utf-8")
    chosen = only.split(",") if only else []
    outcome = engine.run(config, out=work, only=chosen, say=lambda _: None)
    found = verify(outcome.folder, say=lambda _: None)
    pages = [page.read_text(encoding="utf-8") for page in sorted(outcome.folder.glob("*.html"))]
    again = _run_words(config, root / "notebooks", work, *(["--only", only] if only else []))
    return {
        "notebooks": sum(status != "skipped" for status in outcome.statuses.values()),
        "ran": len(found.ran),
        "reproduced": len(found.reproduced),
        "drifted": len(found.drifted),
        "pages": len(pages),
        "references": sum(len(REFERENCE.findall(page)) for page in pages),
        "no_op_seconds": min(_seconds([again])[1] for _ in range(3)),
    }


def small_notebooks(folder: Path, *, n: int, work: Path) -> dict[str, float]:
    """Time ``n`` tiny notebooks: Papermill's command line, then one and two workers of ours.

    Returns
    -------
    dict of str to float
        Seconds per notebook: ``papermill``, ``segwork_1``, ``segwork_2``, and with ``_cpu`` the
        processor's seconds.
    """
    folder.mkdir(parents=True, exist_ok=True)
    work.mkdir(parents=True, exist_ok=True)
    paths = [folder / f"{number:02}_small.ipynb" for number in range(n)]
    for path in paths:
        path.write_text(json.dumps(_small_notebook()), encoding="utf-8")
    config = work / "small.toml"
    config.write_text(SETTINGS, encoding="utf-8")
    papermill = [
        [sys.executable, "-m", "papermill", str(p), str(work / p.name), "--no-progress-bar"]
        for p in paths
    ]
    ways = {"papermill": papermill}
    for jobs in (1, 2):
        words = _run_words(config, folder, work / str(jobs), "--jobs", str(jobs))
        ways[f"segwork_{jobs}"] = [words]
    found: dict[str, float] = {}
    for name, commands in ways.items():
        wall, cpu = _seconds(commands)
        found |= {name: wall / n, f"{name}_cpu": cpu / n}
    return found


def page_frames(work: Path) -> dict[str, dict[str, float]]:
    """Compare the page of one tiny notebook with the one nbconvert makes of it.

    Parameters
    ----------
    work : Path
        Where :func:`small_notebooks` worked.

    Returns
    -------
    dict of str to dict
        ``kilobytes`` and external ``references`` of ``segwork`` and ``nbconvert``.
    """
    from nbconvert import HTMLExporter

    folder = work / "1" / "small"
    ours = (folder / "00_small.html").read_text(encoding="utf-8")
    theirs, _ = HTMLExporter().from_filename(folder / "notebooks" / "00_small.ipynb")
    return {
        name: {"kilobytes": len(page.encode()) / 1e3, "references": len(REFERENCE.findall(page))}
        for name, page in {"segwork": ours, "nbconvert": str(theirs)}.items()
    }


def _run_words(config: Path, notebooks: Path, out: Path, *more: str) -> list[str]:
    words = ["-m", "segwork", "run", "--config", config, "--notebooks", notebooks, "--out", out]
    return [sys.executable, *map(str, words), *more]


def _seconds(commands: list[list[str]]) -> tuple[float, float]:
    """Return the seconds commands take one after the other: on the clock, and of the processor."""
    before, began = os.times(), time.perf_counter()
    for words in commands:
        subprocess.run(words, check=True, capture_output=True)
    after = os.times()
    cpu = (
        after.children_user + after.children_system - before.children_user - before.children_system
    )
    return time.perf_counter() - began, cpu


def _small_notebook() -> dict[str, Any]:
    cell = {"cell_type": "code", "execution_count": None, "metadata": {}, "outputs": []}
    sources = ["total = sum(range(1000))", "print(total)"]
    cells = [{**cell, "id": f"c{number}", "source": text} for number, text in enumerate(sources)]
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    metadata = {"kernelspec": kernel, "language_info": {"name": "python"}}
    return {"cells": cells, "metadata": metadata, "nbformat": 4, "nbformat_minor": 5}
