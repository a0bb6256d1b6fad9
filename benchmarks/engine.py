"""The engine measured against its own bars; used by ``benchmarks/notebooks/reproducibility``.

Whether the engine tells the truth is what its tests ask, so they are run and counted here: the
benchmark and the tests cannot disagree. Speeds and sizes are measured beside Papermill's and
nbconvert's in the same run.
"""

from __future__ import annotations

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
Row = tuple[str, str, str, bool | None]  # bar, best peer, here, whether it is held
FAULT = r"engine_failures\..*\[({})_"
ENDINGS = {
    "error in a cell": FAULT.format("01"),
    "time-out of a cell or a notebook": FAULT.format("02|03"),
    "dead kernel": FAULT.format("04|18"),
    "out of memory": FAULT.format("05"),
    "no kernel": FAULT.format("06") + "|kernel_that_cannot_start",
    "sys.exit(0)": FAULT.format("07"),
    "sys.exit(3)": FAULT.format("08"),
    "expected exception": FAULT.format("09"),
    "tagged cell that did not raise": FAULT.format("10"),
    "missing or stale output": FAULT.format("11|12|15"),
    "metric that is not finite": FAULT.format("13|14"),
    "Ctrl-C": "ctrl_c_keeps",
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
OTHERS = (
    ("silent in a browser, no axe-core violation, both themes", "–", r"silent_and_accessible"),
    ("changes seen with their reason", "none sees all five", CACHE),
    ("parameter mistakes refused before a kernel", "papermill: two", REFUSED),
    ("kill -9 at ten moments, then the same facts", "–", r"killed_run_resumes"),
    ("JupyterLab in a browser: changed, run, finished", "–", r"browser_lab"),
)
REFERENCE = re.compile(
    r"<(?:link|script|img|iframe)\b[^>]*(?:src|href)=[\"'](?:https?:)?//"
    r"|url\([\"']?(?:https?:)?//|(?<!src=)[\"'](?:https?:)?//[^\"'\s]+\.(?:m?js|css)\b"
)


def tests(root: Path, *, work: Path, quick: bool) -> list[dict[str, Any]]:
    """Run the engine's own tests and proofs; ``quick``: none of more than ten seconds each.

    Returns
    -------
    list of dict
        ``test``, ``result`` (passed, failed or skipped) and ``said``, what the engine said.
    """
    work.mkdir(parents=True)
    report = work / "tests.xml"
    words = ["-q", "-p", "no:cacheprovider", "-o", "junit_family=xunit1", f"--junitxml={report}"]
    words += [f"--basetemp={work / 'tests'}", "-m", "not slow and not proof" if quick else ""]
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
    """Count the tests behind each row; one whose tests all ran and passed is held."""
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
    """Return the whole table: what is asked, what the best peer does, what was measured."""
    rows = [
        _tested(cases, "endings told as they were", "papermill: 2 of 7 tried", ENDINGS),
        *_measured(own, seconds, frames),
        *(_tested(cases, *row) for row in OTHERS),
    ]
    words = {True: "yes", False: "no", None: "–"}
    names = ("bar", "best peer", "here", "held")
    return [dict(zip(names, (*row[:3], words[row[3]]), strict=True)) for row in rows]


def _measured(
    own: Mapping[str, float],
    seconds: Mapping[str, float],
    frames: Mapping[str, Mapping[str, float]],
) -> list[Row]:
    """Return the rows that a figure decides; all seconds are the processor's."""
    frame, other = (frames[name]["kilobytes"] for name in ("segwork", "nbconvert"))
    ran, same, of = (own[name] for name in ("ran", "reproduced", "notebooks"))
    linked = own["references"] + frames["segwork"]["references"]
    no_op, small, peer = own["no_op_cpu"], seconds["segwork_cpu"], seconds["papermill_cpu"]
    faster = f"{small:.2f} s, {peer / small:.1f} times faster"
    return [
        ("own notebooks that run", "in the wild 24 %", f"{ran} of {of}", ran == of),
        ("own notebooks that reproduce", "in the wild 4 %", f"{same} of {of}", same == of),
        (
            "external references in a page: 0",
            f"nbconvert: {frames['nbconvert']['references']}",
            f"{linked} in {own['pages'] + 1} pages",
            linked == 0,
        ),
        ("frame of a page: < 20 kB", f"nbconvert: {other:.0f} kB", f"{frame:.1f} kB", frame < 20),
        (
            "run in which nothing changed: < 0.5 s",
            "jupyter-cache: 0.7 s for one",
            f"{no_op:.2f} s for {of}",
            no_op < 0.5,
        ),
        ("small notebook: 3 × faster", f"papermill: {peer:.2f} s", faster, peer >= 3 * small),
    ]


def _tested(cases: list[dict[str, Any]], bar: str, peer: str, rows: Mapping[str, str] | str) -> Row:
    """Return a row of the table that tests decide; one left out is neither held nor broken."""
    found = counted(cases, {bar: rows} if isinstance(rows, str) else rows)
    right, of = sum(row["held"] == "yes" for row in found), len(found)
    if not any(row["tests"] for row in found):
        return bar, peer, "left out in quick mode", None
    if of == 1:
        right, of = found[0]["passed"], found[0]["tests"]
    here = found[0]["the engine said"] if of == 1 else f"{right} of {of}"
    return bar, peer, here, right == of


def own_notebooks(root: Path, *, customers: int, only: str, work: Path) -> dict[str, float]:
    """Run the project's notebooks (``only`` some, by number), verify, and run again unchanged.

    Returns
    -------
    dict of str to float
        ``notebooks``, ``ran``, ``reproduced``, ``drifted``, ``pages``, ``references`` (external
        ones in all pages), and the seconds of a run in which nothing changed: ``no_op`` on the
        clock, ``no_op_cpu`` of the processor.
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
    no_op = [_seconds([again]) for _ in range(3)]
    return {
        "notebooks": sum(status != "skipped" for status in outcome.statuses.values()),
        "ran": len(found.ran),
        "reproduced": len(found.reproduced),
        "drifted": len(found.drifted),
        "pages": len(pages),
        "references": sum(len(REFERENCE.findall(page)) for page in pages),
        "no_op": min(wall for wall, _ in no_op),
        "no_op_cpu": min(cpu for _, cpu in no_op),
    }


def small_notebooks(folder: Path, *, n: int, papermill: int, work: Path) -> dict[str, float]:
    """Time ``n`` tiny notebooks in one run of ours, and Papermill's command line on some of them.

    Papermill's costs the same for each, because each is a process of its own.

    Returns
    -------
    dict of str to float
        Seconds per notebook on the clock: ``papermill``, ``segwork``, and with ``_cpu`` those of
        the processor.
    """
    for place in (folder, work):
        place.mkdir(parents=True)
    paths = [folder / f"{number:02}_small.ipynb" for number in range(n)]
    for path in paths:
        path.write_text(_small_notebook(), encoding="utf-8")
    config = work / "small.toml"
    config.write_text(SETTINGS, encoding="utf-8")
    words = [sys.executable, "-m", "papermill", "--no-progress-bar"]
    theirs = [[*words, str(path), str(work / path.name)] for path in paths[:papermill]]
    ours = [_run_words(config, folder, work, "--jobs", "1")]
    found: dict[str, float] = {}
    for name, commands, count in (("papermill", theirs, papermill), ("segwork", ours, n)):
        wall, cpu = _seconds(commands)
        found |= {name: wall / count, f"{name}_cpu": cpu / count}
    return found


def page_frames(work: Path) -> dict[str, dict[str, float]]:
    """Compare the page of one tiny notebook, where they were timed, with the one of nbconvert.

    Returns
    -------
    dict of str to dict
        ``kilobytes`` and external ``references`` of ``segwork`` and ``nbconvert``.
    """
    from nbconvert import HTMLExporter

    folder = work / "small"
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


def _small_notebook() -> str:
    import nbformat
    from nbformat.v4 import new_code_cell, new_notebook

    cells = [new_code_cell(text) for text in ("total = sum(range(1000))", "print(total)")]
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    return str(nbformat.writes(new_notebook(cells=cells, metadata={"kernelspec": kernel})))
