"""Notebooks in JupyterLab, in a real browser: open, change a parameter, Run All."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import nbformat
import pytest
from lab import ROOT, lab, run_all
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from segwork.engine.rules import Notebook

FIRST = ("10_data_quality", "20_segments")  # the others are a proof, and part of the benchmark
ORDINARY = sorted((ROOT / "notebooks").glob("[0-9][0-9]_*.ipynb"))
CUSTOMERS = 1000
PATIENCE_SECONDS = 100  # without any bar; importing TensorFlow on a busy machine takes half of it
PROGRESS = """\
import time
from tqdm import tqdm
for _ in tqdm(range(20), desc="fit"):
    time.sleep(0.05)"""


def tiny(path: Path) -> Path:
    """Write a notebook with a parameter, a progress bar, and a result that depends on both."""
    cells = [
        new_markdown_cell("# How many?", id="title"),
        new_code_cell(
            "# Parameters\nk: int = 3  # groups",
            id="parameters",
            metadata={"tags": ["parameters"]},
        ),
        new_code_cell(PROGRESS, id="fit"),
        new_code_cell('print(f"{k} groups, {k**2} pairs")', id="say"),
    ]
    kernel = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
    nbformat.write(new_notebook(cells=cells, metadata=kernel), path)
    return path


@pytest.fixture(scope="module")
def workbench(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Path]]:
    """Return JupyterLab's address and its folder: the notebooks, a tiny one, a small company."""
    folder = tmp_path_factory.mktemp("work")
    for name in ("notebooks", "pyproject.toml"):
        if (ROOT / name).exists():
            copy = shutil.copytree if (ROOT / name).is_dir() else shutil.copy
            copy(ROOT / name, folder / name)
    tiny(folder / "tiny.ipynb")
    settings = {"SEGWORK_RUN": str(folder / "reports" / "lab"), "SEGWORK_ROOT": str(folder)}
    with lab(folder, tmp_path_factory.mktemp("lab"), **settings) as address:
        yield address, folder


@pytest.mark.slow
def test_changed_parameter_just_works(chrome: Any, workbench: tuple[str, Path]) -> None:
    """A changed cell, Run All: every cell finishes, progress is seen, the result follows."""
    seen = run_all(chrome, workbench[0].format("tiny.ipynb"), changes={"= 3": "= 7"})

    assert seen.errors == []
    assert seen.finished
    assert "7 groups, 49 pairs" in seen.text()
    assert len(seen.progress) > 2, "the progress bar was not seen moving"
    assert len(seen.moments) > 1, "the cells were not seen finishing one after the other"


@pytest.mark.slow
def test_failing_cell_is_seen(chrome: Any, workbench: tuple[str, Path]) -> None:
    """The same watch notices an error, so the test of the real notebooks can fail."""
    seen = run_all(chrome, workbench[0].format("tiny.ipynb"), changes={"= 3": "= None"})

    assert not seen.finished
    assert len(seen.errors) == 1
    assert seen.errors[0].startswith("TypeError: unsupported operand")


@pytest.mark.slow
@pytest.mark.parametrize(
    "path",
    [
        path if path.stem in FIRST else pytest.param(path, marks=pytest.mark.proof)
        for path in ORDINARY
    ],
    ids=lambda path: path.stem,
)
def test_every_notebook_runs_in_the_browser(
    chrome: Any, workbench: tuple[str, Path], path: Path
) -> None:
    """In their order, on another config than the default: finished, no error, facts written."""
    address, folder = workbench
    small_config(folder / "small.toml")
    seen = run_all(
        chrome, address.format(f"notebooks/{path.name}"), changes=quick(path), seconds=600
    )

    assert seen.errors == []
    assert seen.finished
    assert len(seen.moments) > 2, "the cells were not seen finishing one after the other"
    assert seen.progress or seen.silence < PATIENCE_SECONDS, "a long wait showed no progress bar"
    assert (folder / "reports" / "lab" / "facts" / f"{path.stem}.json").is_file()


def quick(path: Path) -> dict[str, str]:
    """Return changes of the parameters that keep the analysis but cost seconds, not minutes."""
    source = "\n".join(Notebook(path).sources("code"))
    changes = {'"notebooks/configs/sample.toml"': '"small.toml"'}
    for name, value in {"copies": 1, "draws": 2}.items():
        if found := re.search(rf"^{name}: int = \d+", source, re.M):
            changes[found[0]] = f"{name}: int = {value}"
    return changes


def small_config(path: Path) -> None:
    """Write the sample's config for fewer customers, with the data beside it."""
    original = (ROOT / "notebooks" / "configs" / "sample.toml").read_text(encoding="utf-8")
    small = original.replace("20_000", str(CUSTOMERS)).replace("../../data/sample", "data")
    assert str(CUSTOMERS) in small
    path.write_text(small, encoding="utf-8")
