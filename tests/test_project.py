"""Rules about the project itself: exports, docstrings, sizes, import time, licences of names."""

from __future__ import annotations

import ast
import importlib
import re
import subprocess
import sys
import tomllib
from importlib.metadata import distributions
from itertools import chain
from pathlib import Path

import pytest
from packaging.specifiers import SpecifierSet

import segwork

ROOT = Path(__file__).resolve().parent.parent
SOURCES = sorted((ROOT / "segwork").rglob("*.py"))
# Longer than the alarm limit, with the reason.
LONG_MODULES = {
    "benchmarks/data/plants.py": "one planting function per defect, and their list",
}


def test_front_door_is_sorted_and_complete() -> None:
    """Every exported module exists, and the list is in order."""
    assert segwork.__all__ == sorted(segwork.__all__)
    for name in segwork.__all__:
        assert getattr(segwork, name) is importlib.import_module(f"segwork.{name}")


def test_unknown_attribute_is_named() -> None:
    """A misspelt module gives the usual error."""
    with pytest.raises(AttributeError, match="no attribute 'tabels'"):
        segwork.tabels  # noqa: B018  (the access is the test)


def test_import_is_light() -> None:
    """``import segwork`` loads none of the heavy packages."""
    code = (
        "import sys, segwork, segwork.config, segwork.errors, segwork.results\n"
        "heavy = {'pandas', 'tensorflow', 'papermill', 'sklearn', 'matplotlib', 'nbconvert'}\n"
        "sys.exit(', '.join(heavy & set(sys.modules)) or 0)"
    )

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT)

    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_modules_and_functions_stay_short(path: Path) -> None:
    """Modules stay under 400 lines and functions under 40, docstrings aside."""
    text = path.read_text(encoding="utf-8")
    name = str(path.relative_to(ROOT))
    if name not in LONG_MODULES:
        assert len(text.splitlines()) <= 400
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef):
            docstring = ast.get_docstring(node, clean=False) or ""
            length = node.end_lineno - node.lineno - len(docstring.splitlines())
            assert length <= 40, f"{name}:{node.name} has {length} lines"


def public_functions() -> list[tuple[str, ast.FunctionDef]]:
    """List the public module-level functions of the package."""
    return [
        (f"{path.relative_to(ROOT)}:{node.name}", node)
        for path in SOURCES
        for node in ast.parse(path.read_text(encoding="utf-8")).body
        if isinstance(node, ast.FunctionDef) and not node.name.startswith("_")
    ]


@pytest.mark.parametrize(
    ("name", "node"), public_functions(), ids=[name for name, _ in public_functions()]
)
def test_public_functions_are_documented_and_typed(name: str, node: ast.FunctionDef) -> None:
    """A public function promises something in a sentence and types its arguments and result."""
    docstring = ast.get_docstring(node)
    arguments = [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs]

    assert docstring, f"{name} has no docstring"
    assert all(argument.annotation for argument in arguments if argument.arg != "self")
    assert node.returns is not None


def test_constraints_pin_every_dependency() -> None:
    """Each dependency and extra is pinned to one version, and no index is named."""
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = settings.get("optional-dependencies", {}).values()
    wanted = [*settings["dependencies"], *chain.from_iterable(extras)]
    names = {re.split(r"[\[<>=!~; ]", line)[0].lower().replace("_", "-") for line in wanted}
    text = (ROOT / "constraints.txt").read_text(encoding="utf-8")
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]

    pinned = {line.split("==")[0].lower().replace("_", "-") for line in lines}

    assert names - {"segwork"} <= pinned
    assert all(re.fullmatch(r"[\w.\-]+==[\w.+!\-]+", line) for line in lines)
    assert "://" not in text


def test_pins_install_on_the_oldest_python() -> None:
    """No pinned release asks for a later patch of Python than we do."""
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    oldest = settings["requires-python"].removeprefix(">=") + ".0"
    text = (ROOT / "constraints.txt").read_text(encoding="utf-8")
    pinned = {line.split("==")[0] for line in text.splitlines() if "==" in line}
    installed = {found.name: found.metadata["Requires-Python"] for found in distributions()}
    asked = {name: installed[name] for name in pinned & set(installed) if installed[name]}

    assert len(asked) > 100
    assert {n: a for n, a in asked.items() if not SpecifierSet(a).contains(oldest)} == {}


def test_make_help_lists_every_target() -> None:
    """Bare ``make`` prints the targets a newcomer needs."""
    done = subprocess.run(["make"], capture_output=True, text=True, cwd=ROOT, check=True)

    listed = {line.split()[0] for line in done.stdout.splitlines() if line.strip()}

    expected = {
        "setup",
        "run",
        "test",
        "lint",
        "lab",
        "bench",
        "bench-peers",
        "bench-quick",
        "clean",
    }
    assert expected <= listed
