"""The package has floors, and no circles: import-linter holds both (see pyproject.toml)."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent


def lint(folder: Path) -> subprocess.CompletedProcess[str]:
    """Run import-linter on a copy of the project or on the project itself."""
    command = [str(Path(sys.executable).parent / "lint-imports"), "--no-cache"]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True)


def test_imports_only_go_down_and_in_no_circle() -> None:
    """Every room has a floor, imports from lower ones only, and nothing goes round."""
    done = lint(ROOT)

    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize(
    ("file", "line", "broken"),
    [
        ("segwork/errors.py", "from segwork import tables", "lower floors BROKEN"),
        ("segwork/value/profit.py", "from segwork import dynamics", "lower floors BROKEN"),
        ("segwork/tables/parsing.py", "import segwork.tables.lazy", "No circles"),
        ("segwork/unplaced.py", "", "unplaced"),
    ],
    ids=["upwards", "across", "round", "a module without a floor"],
)
def test_a_wrong_import_is_seen(tmp_path: Path, file: str, line: str, broken: str) -> None:
    """Imports that break a rule are named, wherever in the file they stand."""
    shutil.copytree(ROOT / "segwork", tmp_path / "segwork", ignore=shutil.ignore_patterns("*.npz"))
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    with (tmp_path / file).open("a", encoding="utf-8") as target:
        target.write(f"\n\ndef late():\n    {line or 'pass'}\n")

    done = lint(tmp_path)

    assert done.returncode != 0
    assert broken in done.stdout
