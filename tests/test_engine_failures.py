"""The failure matrix: whatever a notebook does, its status, exit code and evidence are true."""

from __future__ import annotations

import json
import signal
import subprocess
import time
from collections.abc import Callable
from html import unescape
from pathlib import Path
from xml.etree import ElementTree

import psutil
import pytest
from small_project import command, surroundings, write_notebook

from segwork import engine
from segwork.engine.conclude import records
from segwork.runs.folder import Entry, RunFolder

HERE = Path(__file__).resolve().parent
FAULTS = HERE / "notebooks"

# notebook -> status, number of the failing code cell, words of the message
MATRIX: dict[str, tuple[str, int | None, str]] = json.loads(
    (FAULTS / "expected.json").read_text(encoding="utf-8")
)
TITLES = {"01_error": "Divide", "02_cell_limit": "Sleep", "05_out_of_memory": "Fill"}


@pytest.fixture(scope="module")
def matrix(tmp_path_factory: pytest.TempPathFactory) -> engine.Outcome:
    """Run every fault notebook once, two at a time."""
    root = tmp_path_factory.mktemp("matrix")
    config = write_project(root)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SEGWORK_ROOT", str(root))
        return engine.run(
            config, out=root / "reports", notebooks=FAULTS, jobs=2, say=lambda _: None
        )


def write_project(root: Path) -> Path:
    """Write the smallest data and config a run accepts."""
    (root / "lines.csv").write_text(
        "customer_id,ordered_at,amount\nA,2019-06-01,3.5\nB,2019-07-01,4.0\n", encoding="utf-8"
    )
    config = root / "segwork.toml"
    config.write_text(
        'as_of = 2020-01-01\nname = "faults"\n[tables.transactions]\npath = "lines.csv"\n',
        encoding="utf-8",
    )
    return config


def entry(outcome: engine.Outcome, name: str) -> dict:
    """Return what the manifest says of a notebook."""
    manifest = json.loads((outcome.folder / "manifest.json").read_text(encoding="utf-8"))
    return manifest["notebooks"][name]


def test_matrix_covers_every_fault_notebook() -> None:
    """No fault notebook is forgotten."""
    assert {path.stem for path in FAULTS.glob("*.ipynb")} == set(MATRIX)


@pytest.mark.parametrize("name", MATRIX)
def test_status_cell_and_message_are_true(
    matrix: engine.Outcome, name: str, record_property: Callable[[str, object], None]
) -> None:
    """Status, failing cell and cause are what really happened."""
    status, cell, words = MATRIX[name]
    found = entry(matrix, name)
    record_property("said", f"{found['status']}, {Entry.of(found).sentence}".rstrip(", "))

    assert (found["status"], found["cell"]) == (status, cell)
    assert words in found["message"]
    assert found["cell_title"] == TITLES.get(name, found["cell_title"])
    assert matrix.statuses[name] == status


@pytest.mark.parametrize("name", [n for n, (status, *_) in MATRIX.items() if status != "blocked"])
def test_notebook_and_page_are_kept(matrix: engine.Outcome, name: str) -> None:
    """The executed part of a notebook and its page are there, however it ended."""
    path = matrix.folder / "notebooks" / f"{name}.ipynb"
    cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    page = (matrix.folder / f"{name}.html").read_text(encoding="utf-8")

    assert sum(cell["cell_type"] == "code" for cell in cells) >= 1
    if MATRIX[name][2] and name not in ("04_dead_kernel", "18_killed"):
        assert MATRIX[name][2].split(" (")[0] in unescape(page)


def test_evidence_before_the_fault_is_kept(matrix: engine.Outcome) -> None:
    """What a notebook printed before it failed is in the kept notebook, what follows is not."""
    text = (matrix.folder / "notebooks" / "01_error.ipynb").read_text(encoding="utf-8")

    assert '"text": "before\\n"' in text
    assert '"text": "never\\n"' not in text


def test_only_good_notebooks_leave_results(matrix: engine.Outcome) -> None:
    """Facts and tables of a notebook that broke its promise are not in the run folder."""
    facts = {path.stem for path in (matrix.folder / "facts").glob("*.json")}

    assert facts == {"17_good"}
    assert not list((matrix.folder / "tables").glob("*.parquet"))


def test_exit_code_is_one(matrix: engine.Outcome) -> None:
    """A run with a failed notebook does not exit with 0."""
    assert matrix.exit_code == 1


def test_died_kernels_are_tried_again_only_where_asked(matrix: engine.Outcome) -> None:
    """The setting ``retries`` starts a dead kernel again, and the number is recorded."""
    timing = json.loads((matrix.folder / "timing.json").read_text(encoding="utf-8"))

    assert timing["18_killed"]["retries"] == 1
    assert timing["04_dead_kernel"]["retries"] == 0
    assert timing["01_error"]["retries"] == 0
    assert timing["05_out_of_memory"]["peak_memory_mb"] > 300


def test_volatile_text_is_normalised(matrix: engine.Outcome) -> None:
    """No address, no machine path and no time is kept in an executed notebook."""
    text = (matrix.folder / "notebooks" / "17_good.ipynb").read_text(encoding="utf-8")

    assert "object at 0x…" in text
    assert str(matrix.folder) not in text
    assert "duration" not in text
    assert "timestamp" not in text


def test_text_from_data_is_shown_not_run(matrix: engine.Outcome) -> None:
    """A printed script tag reaches the page as text."""
    page = (matrix.folder / "17_good.html").read_text(encoding="utf-8")

    assert "<script" not in page
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page


def test_junit_has_one_plain_case_per_code_cell(matrix: engine.Outcome) -> None:
    """Cases are named by the heading above the cell; no colour codes are left."""
    text = (matrix.folder / "junit.xml").read_text(encoding="utf-8")
    suites = {suite.get("name"): suite for suite in ElementTree.fromstring(text)}

    cases = suites["01_error"].findall("testcase")
    assert [case.get("name") for case in cases] == [
        "What does an error do? · code 1",
        "Divide · code 2",
    ]
    assert cases[1].find("failure").get("message") == "ZeroDivisionError: division by zero"
    assert suites["09_expected"].get("skipped") == "1"
    assert suites["04_dead_kernel"].get("errors") == "1"
    assert "\x1b" not in text


def test_ci_gets_a_summary_and_annotations(
    matrix: engine.Outcome, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where GitHub's variables are set, the verdict goes to the job summary and the annotations."""
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(tmp_path / "summary.md"))
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    entries = RunFolder(matrix.folder).entries()

    notes = records.for_ci(entries, [])

    summary = (tmp_path / "summary.md").read_text(encoding="utf-8")
    assert "| 01_error | failed | code 2, Divide: ZeroDivisionError: division by zero |" in summary
    assert any(line.startswith("::error file=notebooks/01_error.ipynb,") for line in notes)
    assert len(notes) == sum(status not in ("ok",) for status, *_ in MATRIX.values())


def test_a_kernel_that_cannot_start_is_named(
    tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    """With a broken ipykernel the run says so, after a second try, and exits with 1."""
    config = write_project(tmp_path)
    broken = tmp_path / "broken"
    broken.mkdir()
    (broken / "ipykernel_launcher.py").write_text(
        "raise SystemExit('no kernel today')\n", encoding="ascii"
    )
    words = ["run", "--config", config, "--out", tmp_path, "--notebooks", FAULTS, "--only", "17"]

    done = subprocess.run(
        command(*words), env=surroundings(tmp_path, broken), capture_output=True, text=True
    )

    assert done.returncode == 1, done.stderr
    assert "starting it again" in done.stdout
    assert "17_good   " in done.stdout
    assert "the kernel did not start (no kernel today)" in done.stdout
    record_property("said", "died, the kernel did not start (no kernel today), exit code 1")
    assert (tmp_path / "faults" / "17_good.html").is_file()


def test_ctrl_c_keeps_what_ran_and_leaves_no_kernel(
    tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    """Ctrl-C: exit 130, status interrupted, partial notebook and report kept, kernels gone."""
    config = write_project(tmp_path)
    mark = tmp_path / "kernel.pid"
    slow = tmp_path / "own"
    slow.mkdir()
    sources = [
        "print('kept')",
        f"import os, pathlib\npathlib.Path({str(mark)!r}).write_text(str(os.getpid()))",
        "import time; time.sleep(120)",
    ]
    write_notebook(slow / "10_slow.ipynb", [("code", source) for source in sources])
    words = ["run", "--config", config, "--out", tmp_path, "--notebooks", slow]
    process = subprocess.Popen(
        command(*words), env=surroundings(tmp_path), stdout=subprocess.PIPE, text=True
    )
    wait_for(lambda: mark.is_file() and mark.read_text())
    time.sleep(0.5)
    process.send_signal(signal.SIGINT)
    said, _ = process.communicate(timeout=60)

    manifest = json.loads((tmp_path / "faults" / "manifest.json").read_text(encoding="utf-8"))
    kept = (tmp_path / "faults" / "notebooks" / "10_slow.ipynb").read_text(encoding="utf-8")
    assert process.returncode == 130
    assert manifest["notebooks"]["10_slow"]["status"] == "interrupted"
    assert manifest["notebooks"]["10_slow"]["cell"] == 3
    assert "kept" in kept
    assert said.strip().endswith("index.html")
    wait_for(lambda: not psutil.pid_exists(int(mark.read_text())))
    record_property("said", "interrupted in code 3, exit code 130, no kernel left")


def wait_for(condition: object, *, seconds: float = 60.0) -> None:
    """Wait until something is true, or fail."""
    limit = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < limit, "waited in vain"
        time.sleep(0.1)
