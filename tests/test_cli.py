"""The command line: every command has help, and a mistake is one sentence and exit code 2."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from segwork import cli, engine
from segwork.engine import diff
from segwork.errors import UsageError

ROOT = Path(__file__).resolve().parent.parent
COMMANDS = ("run", "verify", "diff", "check", "sample", "fetch", "export", "lab")


def call(*words: object) -> Result:
    """Call the command line in this process."""
    return CliRunner().invoke(cli.main, [str(word) for word in words])


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_explains_itself(command: str) -> None:
    """``--help`` says in a sentence what a command does, and names the exit codes."""
    found = call(command, "--help")

    assert found.exit_code == 0
    assert "Exit codes: 0 fine" in " ".join(found.output.split())


def test_all_commands_are_listed() -> None:
    """Bare help lists every command of the architecture that exists."""
    assert set(COMMANDS) <= set(re.findall(r"^  (\w+)", call("--help").output, re.MULTILINE))


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["run", "--config", "no.toml"], "no config file at"),
        (["verify", "nowhere"], "nowhere' holds no run"),
        (["diff", "nowhere", "elsewhere"], "'nowhere' holds no run"),
        (["check", "no.toml", "--notebooks", "nowhere"], "no config file at|no notebooks in"),
        (["run", "--jobs", "many"], "not a valid integer"),
        (["run", "--jobs", "-1"], "not in the range"),
        (["run", "--deadline", "0"], "not in the range"),
        (["export", "nowhere", "--to", "csv"], "'nowhere' holds no run"),
        (["export", "nowhere", "--to", "excel"], "'excel' is not one of"),
        (["fetch", "online_retial"], "did you mean 'online_retail'"),
    ],
)
def test_a_mistake_is_one_sentence_and_exit_code_two(words: list[str], said: str) -> None:
    """No traceback: what was wrong, on the error stream."""
    found = call(*words)

    assert found.exit_code == 2
    assert re.search(said, found.output), found.output
    assert "Traceback" not in found.output


def test_interrupt_before_the_run_is_130(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ctrl-C while planning ends with 130 too."""

    def interrupt(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(engine, "run", interrupt)

    assert call("run").exit_code == 130


def test_module_and_command_are_the_same() -> None:
    """``python -m segwork`` is the command line."""
    done = subprocess.run(
        [sys.executable, "-m", "segwork", "--version"], capture_output=True, text=True, cwd=ROOT
    )

    assert done.stdout.startswith("segwork, version ")


def test_lab_opens_the_notebooks(monkeypatch: pytest.MonkeyPatch) -> None:
    """JupyterLab starts at the project root, shows the notebooks and gets further arguments."""
    called: list[list[str]] = []
    monkeypatch.setattr(subprocess, "call", lambda words, cwd: called.append(words) or 0)
    monkeypatch.setenv("SEGWORK_ROOT", "/somewhere")

    assert call("lab", "--no-browser").exit_code == 0

    assert called[0][1:4] == ["-m", "jupyterlab", "--ServerApp.root_dir=/somewhere"]
    assert called[0][-2:] == ["--LabApp.default_url=/lab/tree/notebooks", "--no-browser"]


def write_run(folder: Path, *, share: float, status: str, gate: str, **more: object) -> Path:
    """Write a run folder with one notebook, one fact and one gate."""
    (folder / "facts").mkdir(parents=True)
    facts = {"missing_customer_share": share, "rows": 10, "word": "passed"}
    content = {"notebook": "10_data_quality", "facts": facts}
    entry = {
        "status": status,
        "parameters": {"k": more.get("k", 3)},
        "code": more.get("code", "a"),
        "helpers": "h",
    }
    manifest = {
        "name": folder.name,
        "config": {"as_of": "2020-01-01"},
        "data": {"transactions": more.get("data", "0" * 64)},
        "versions": {"pandas": "3.0"},
        "python": "3.11",
        "notebooks": {"10_data_quality": entry},
    }
    findings = [{"code": "SEG-Q01", "status": gate, "value": share}]
    for place, value in {
        "facts/10_data_quality.json": content,
        "manifest.json": manifest,
        "findings.json": findings,
    }.items():
        (folder / place).write_text(json.dumps(value), encoding="utf-8")
    return folder


@pytest.fixture
def lower_is_better(monkeypatch: pytest.MonkeyPatch) -> None:
    """Judge the one fact by "at most"."""
    better = {"10_data_quality.missing_customer_share": -1}
    monkeypatch.setattr(diff, "directions", lambda: better)


def test_diff_of_equal_runs_finds_nothing(tmp_path: Path) -> None:
    """Two equal runs have no difference, and the exit code is 0."""
    a = write_run(tmp_path / "a", share=0.1, status="ok", gate="passed")
    b = write_run(tmp_path / "b", share=0.1 * (1 + 1e-12), status="ok", gate="passed")

    found = call("diff", a, b, "--fail-on-regression")

    assert found.exit_code == 0
    assert "no difference" in found.output


def test_diff_names_what_changed_and_which_way(tmp_path: Path, lower_is_better: None) -> None:
    """Parameters, data, code, facts with direction and gates are told apart."""
    a = write_run(tmp_path / "a", share=0.1, status="ok", gate="passed")
    b = write_run(
        tmp_path / "b", share=0.4, status="ok", gate="failed", k=4, data="1" * 64, code="b"
    )

    changes = {(c.kind, c.name): c.effect for c in diff.changes(a, b)}

    assert changes == {
        ("parameter", "10_data_quality.k"): "changed",
        ("data", "transactions"): "changed",
        ("code", "10_data_quality"): "changed",
        ("fact", "10_data_quality.missing_customer_share"): "worse",
        ("gate", "SEG-Q01"): "worse",
    }
    assert all(c.effect != "worse" for c in diff.changes(b, a))


def test_diff_fails_on_regression_only_when_asked(tmp_path: Path, lower_is_better: None) -> None:
    """A worse gate is exit code 3 with the flag, 0 without; the page says the same."""
    a = write_run(tmp_path / "a", share=0.1, status="ok", gate="passed")
    b = write_run(tmp_path / "b", share=0.4, status="failed", gate="failed")

    before = sorted(tmp_path.rglob("*"))
    plain, strict = call("diff", a, b), call("diff", a, b, "--fail-on-regression")

    assert (plain.exit_code, strict.exit_code) == (0, 3)
    assert "3 for the worse" in plain.output
    assert sorted(tmp_path.rglob("*")) == before, "nothing is written unasked"
    assert "diff.html" in call("diff", a, b, "--html", tmp_path / "diff.html").output
    page = (tmp_path / "diff.html").read_text(encoding="utf-8")
    assert "3 for the worse" in page
    assert "<script" not in page


@pytest.mark.parametrize(
    ("before", "after", "effect"),
    [
        ("ok", "timeout", "worse"),
        ("failed", "timeout", "worse"),
        ("skipped", "timeout", "worse"),
        ("timeout", "ok", "better"),
        ("timeout", "failed", "changed"),
        ("skipped", "failed", "changed"),
    ],
)
def test_a_notebook_that_timed_out_is_worse(
    tmp_path: Path, before: str, after: str, effect: str
) -> None:
    """Whatever was there before; and a gate that nobody judged any more is no better one."""
    a = write_run(tmp_path / "a", share=0.1, status=before, gate="failed")
    b = write_run(tmp_path / "b", share=0.1, status=after, gate="skipped")

    found = {c.kind: c.effect for c in diff.changes(a, b)}

    assert found == {"status": effect, "gate": "changed"}


def test_tolerance_is_relative(tmp_path: Path) -> None:
    """A number within the tolerance is no difference."""
    a = write_run(tmp_path / "a", share=0.100, status="ok", gate="passed")
    b = write_run(tmp_path / "b", share=0.101, status="ok", gate="passed")

    assert [c.name for c in diff.changes(a, b)] == ["10_data_quality.missing_customer_share"]
    assert diff.changes(a, b, tolerance=0.02) == []


def test_a_gate_direction_comes_from_the_policy() -> None:
    """Where a gate says "at most", lower is better; every limited gate has a direction."""
    found = diff.directions()

    assert set(found.values()) <= {-1, 1}
    assert all("." in name for name in found)


def test_verify_refuses_what_it_cannot_repeat(tmp_path: Path) -> None:
    """A run folder nobody knows the config of cannot be run again."""
    from segwork.engine.verify import verify

    folder = write_run(tmp_path / "a", share=0.1, status="ok", gate="passed")

    with pytest.raises(UsageError, match="was not made by this project"):
        verify(folder)


def test_check_names_every_broken_rule(tmp_path: Path) -> None:
    """All complaints are printed before the one sentence."""
    cell = {
        "cell_type": "code",
        "id": "c0",
        "metadata": {},
        "source": "x",
        "outputs": [],
        "execution_count": 3,
    }
    content = {"cells": [cell], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}
    (tmp_path / "10_x.ipynb").write_text(json.dumps(content), encoding="utf-8")
    (tmp_path / "random.py").write_text("", encoding="ascii")

    found = call("check", "--notebooks", tmp_path)

    assert found.exit_code == 2
    assert "has outputs or an execution count" in found.output
    assert "0 cells are tagged parameters" in found.output
    assert "hides the module 'random'" in found.output
    assert "complaints about notebooks" in found.output
