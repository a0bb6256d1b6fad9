"""Rules about the project itself: exports, docstrings, sizes, import time, licences of names."""

from __future__ import annotations

import ast
import importlib
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from importlib.metadata import distributions
from itertools import chain
from pathlib import Path
from typing import Any

import pytest
from packaging.specifiers import SpecifierSet

import segwork

ROOT = Path(__file__).resolve().parent.parent
SOURCES = sorted((ROOT / "segwork").rglob("*.py"))
MOST_LINES, MOST_LINES_OF_A_FUNCTION, MOST_ARGUMENTS = 400, 40, 8


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


def functions(path: Path) -> list[ast.FunctionDef]:
    """List all functions and methods of a module, also nested ones."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    return [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)]


def arguments(node: ast.FunctionDef) -> list[ast.arg]:
    """List the named arguments of a function."""
    named = [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs]
    return [argument for argument in named if argument.arg not in ("self", "cls")]


def complaints(path: Path) -> Iterator[str]:
    """Say what of a module is too long, and which public function promises or types too little."""
    place, text = path.relative_to(ROOT), path.read_text(encoding="utf-8")
    if len(text.splitlines()) > MOST_LINES:
        yield f"{place} is longer than {MOST_LINES} lines"
    for node in functions(path):
        docstring = ast.get_docstring(node, clean=False) or ""
        first = min(part.lineno for part in (node, *node.decorator_list))
        length = node.end_lineno - first + 1 - len(docstring.splitlines())
        if length > MOST_LINES_OF_A_FUNCTION:
            yield f"{place}:{node.name} has {length} lines"
        if len(arguments(node)) > MOST_ARGUMENTS:
            yield f"{place}:{node.name} has {len(arguments(node))} arguments"
    for node in ast.parse(text).body:
        if isinstance(node, ast.FunctionDef) and not node.name.startswith("_"):
            if not ast.get_docstring(node):
                yield f"{place}:{node.name} has no docstring"
            if not node.returns or not all(one.annotation for one in arguments(node)):
                yield f"{place}:{node.name} is not typed"


def test_modules_and_functions_are_short_and_say_what_they_do() -> None:
    """Lengths, numbers of arguments, docstrings and types, over all of the package."""
    assert len(SOURCES) > 200
    assert [said for path in SOURCES for said in complaints(path)] == []


def test_the_product_and_its_tests_do_without_the_benchmarks() -> None:
    """Neither a module of the package nor a test beside this one imports what no wheel holds."""
    named = re.compile(r"^\s*(?:from|import) benchmarks\b", re.MULTILINE)
    sources = [*SOURCES, *Path(__file__).parent.glob("*.py")]

    assert [p.name for p in sources if named.search(p.read_text(encoding="utf-8"))] == []


def test_any_is_rare_and_formats_are_the_formatters() -> None:
    """At most 200 times any type is meant, and fewer than ten layouts are kept by hand."""
    texts = [path.read_text(encoding="utf-8") for path in SOURCES]
    names = [node for text in texts for node in ast.walk(ast.parse(text))]

    assert sum(isinstance(node, ast.Name) and node.id == "Any" for node in names) <= 200
    assert sum(text.count("# fmt: skip") for text in texts) < 10


def test_a_careless_module_is_complained_of(tmp_path: Path, monkeypatch: Any) -> None:
    """Each of these rules is seen to complain."""
    monkeypatch.setattr(sys.modules[__name__], "ROOT", tmp_path)
    names = ", ".join(f"a{k}: int" for k in range(9))
    body = "\n".join(["    x = 1"] * 400)
    careless = tmp_path / "careless.py"
    careless.write_text(f"def f({names}):\n{body}\n", encoding="utf-8")

    said = [text.split(" ", 1)[1] for text in complaints(careless)]

    assert said == [
        "is longer than 400 lines",
        "has 401 lines",
        "has 9 arguments",
        "has no docstring",
        "is not typed",
    ]


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
