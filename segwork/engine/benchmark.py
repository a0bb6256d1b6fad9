"""The engine measured against its own bars; used by ``notebooks/benchmarks/reproducibility``."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from segwork import engine
from segwork.engine.verify import verify

SETTINGS = """\
as_of = 2020-01-01
name = "benchmark"
[tables.transactions]
path = "lines.csv"
"""
LINES = "customer_id,ordered_at,amount\nA,2019-06-01,3.5\nB,2019-07-01,4.0\n"
BREAK_KERNEL = "raise SystemExit(3)\n"


def failure_matrix(faults: Path, *, work: Path) -> list[dict[str, Any]]:
    """Run the fault notebooks and say, one row each, whether the engine told the truth.

    Parameters
    ----------
    faults : Path
        Folder of fault notebooks with ``expected.json``: status, failing cell, words of the cause.
    work : Path
        Empty folder to work in.

    Returns
    -------
    list of dict
        ``notebook``, ``expected``, ``status``, ``cell``, ``kept`` (notebook and page), ``right``.
    """
    config = _config(work)
    outcome = engine.run(config, out=work, notebooks=faults, say=lambda _: None)
    entries = _entries(outcome.folder)
    expected = json.loads((faults / "expected.json").read_text(encoding="utf-8"))
    rows = [_row(outcome.folder, n, entries[n], *expected[n]) for n in sorted(expected)]
    rows.append(_interrupted(faults / "interrupt", config, work / "interrupt"))
    rows.append(_without_kernel(faults, config, work / "kernel"))
    return rows


def own_notebooks(root: Path, *, customers: int, work: Path) -> dict[str, int]:
    """Run the project's notebooks on a sample company, verify, and count.

    Parameters
    ----------
    root : Path
        Project root.
    customers : int
        Size of the sample company.
    work : Path
        Empty folder to work in.

    Returns
    -------
    dict of str to int
        ``notebooks``, ``ran``, ``reproduced``, ``drifted``.
    """
    work.mkdir(parents=True)
    text = (root / "notebooks" / "configs" / "sample.toml").read_text(encoding="utf-8")
    text = re.sub(r"customers *= *[\d_]+", f"customers = {customers}", text)
    config = work / "own.toml"
    config.write_text(text.replace("../../data/sample", "sample"), encoding="utf-8")
    outcome = engine.run(config, out=work, say=lambda _: None)
    found = verify(outcome.folder, say=lambda _: None)
    return {
        "notebooks": len(outcome.statuses),
        "ran": len(found.ran),
        "reproduced": len(found.reproduced),
        "drifted": len(found.drifted),
    }


def small_notebooks(folder: Path, *, n: int, work: Path) -> dict[str, float]:
    """Time ``n`` tiny notebooks: Papermill's command line, then one and two workers of ours.

    Returns
    -------
    dict of str to float
        Seconds per notebook: ``papermill``, ``segwork_1``, ``segwork_2``, and with ``_cpu`` the
        processor's seconds; ``no_op``, the seconds of a whole run in which nothing changed.
    """
    folder.mkdir(parents=True, exist_ok=True)
    paths = [folder / f"{number:02}_small.ipynb" for number in range(n)]
    for path in paths:
        path.write_text(json.dumps(_small_notebook()), encoding="utf-8")
    config = _config(work)
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
    found["no_op"] = min(_seconds([words])[0] for _ in range(5))
    return found


def _interrupted(faults: Path, config: Path, out: Path) -> dict[str, Any]:
    """Run a notebook that presses Ctrl-C on the run."""
    done = subprocess.run(_run_words(config, faults, out), capture_output=True)
    entry = _entries(out / "benchmark")["10_interrupt"]
    row = _row(out / "benchmark", "10_interrupt", entry, "interrupted", 2, "stopped by the user")
    return {**row, "right": row["right"] and done.returncode == 130}


def _without_kernel(faults: Path, config: Path, out: Path) -> dict[str, Any]:
    """Run a good notebook where no kernel can start."""
    out.mkdir(parents=True)
    (out / "ipykernel_launcher.py").write_text(BREAK_KERNEL, encoding="ascii")
    paths = os.pathsep.join([str(out), os.environ.get("PYTHONPATH", "")])
    done = subprocess.run(
        _run_words(config, faults, out, "--only", "17"),
        capture_output=True,
        env={**os.environ, "PYTHONPATH": paths},
    )
    entry = _entries(out / "benchmark")["17_good"]
    row = _row(out / "benchmark", "17_good", entry, "died", None, "did not start")
    return {**row, "notebook": "no kernel", "right": row["right"] and done.returncode == 1}


def _row(
    folder: Path, name: str, entry: dict[str, Any], status: str, cell: int | None, words: str
) -> dict[str, Any]:
    page = (folder / f"{name}.html").is_file()
    kept = page and ((folder / "notebooks" / f"{name}.ipynb").is_file() or status == "blocked")
    told = entry["status"] == status and entry["cell"] == cell and words in entry["message"]
    return {
        "notebook": name,
        "expected": status,
        "status": entry["status"],
        "cell": entry["cell"],
        "kept": kept,
        "right": told and kept,
    }


def _config(work: Path) -> Path:
    work.mkdir(parents=True, exist_ok=True)
    path = work / "benchmark.toml"
    path.write_text(SETTINGS, encoding="utf-8")
    (work / "lines.csv").write_text(LINES, encoding="utf-8")
    return path


def _entries(folder: Path) -> dict[str, dict[str, Any]]:
    return dict(json.loads((folder / "manifest.json").read_text(encoding="utf-8"))["notebooks"])


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
