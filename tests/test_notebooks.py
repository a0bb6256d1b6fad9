"""Every committed notebook keeps the rules; every rule is seen to complain."""

from __future__ import annotations

import copy
import json
import re
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from segwork.engine import rules
from segwork.engine.rules import Notebook, complaints

ROOT = Path(__file__).resolve().parent.parent
TEMPLATE = ROOT / "docs" / "notebook_template.ipynb"
FOLDER = ROOT / "notebooks"
BENCHMARKS = ROOT / "benchmarks"
COMMITTED = sorted(
    path
    for path in (*FOLDER.rglob("*.ipynb"), *(BENCHMARKS / "notebooks").glob("*.ipynb"))
    if not any(part.startswith(".") for part in path.relative_to(ROOT).parts)
)


@pytest.mark.parametrize("path", COMMITTED, ids=lambda path: path.stem)
def test_committed_notebook_keeps_the_rules(path: Path) -> None:
    """Nothing to complain about in any notebook of the repository."""
    assert complaints(Notebook(path)) == []


def test_template_keeps_the_rules() -> None:
    """The template for new notebooks is itself a good notebook."""
    assert complaints(Notebook(TEMPLATE, name="00_template")) == []


def test_names_of_notebooks_shadow_nothing() -> None:
    """Ordinary notebooks are numbered, and no Python file lies where a kernel starts."""
    assert [p.name for p in FOLDER.glob("*.ipynb") if not p.stem[:2].isdigit()] == []
    assert [p.name for p in FOLDER.rglob("*.py")] == []


def test_only_the_first_saves_a_name() -> None:
    """Two notebooks never leave a table of the same name, and what one reads another leaves."""
    notebooks = [Notebook(path) for path in FOLDER.glob("*.ipynb")]
    left = [name for notebook in notebooks for name in notebook.names("save", 1)]

    assert len(left) == len(set(left))
    assert {name for n in notebooks for name in n.names("read", 0)} <= set(left)


def _edit(position: int | str, **changes: Any) -> Callable[[dict[str, Any]], None]:
    """Return an edit of the cell with that id or position: what a careless author does."""

    def apply(content: dict[str, Any]) -> None:
        cells = content["cells"]
        number = position if isinstance(position, int) else [c["id"] for c in cells].index(position)
        cells[number].update(changes)

    return apply


def _replace(old: str, new: str) -> Callable[[dict[str, Any]], None]:
    """Return an edit of the text of the notebook, wherever it stands."""

    def apply(content: dict[str, Any]) -> None:
        found = 0
        for cell in content["cells"]:
            source = "".join(cell["source"])
            found += old in source
            cell["source"] = source.replace(old, new)
        assert found, f"the template has no {old!r}"

    return apply


def _append(*lines: str) -> Callable[[dict[str, Any]], None]:
    """Return an edit that adds a code cell before the last."""

    def apply(content: dict[str, Any]) -> None:
        cell = {"cell_type": "code", "metadata": {}, "outputs": [], "execution_count": None}
        content["cells"].insert(-1, {**cell, "source": "\n".join(lines), "id": "added"})

    return apply


def _top(**changes: Any) -> Callable[[dict[str, Any]], None]:
    return lambda content: content.update(changes)


SAVE = 'run.save(days.reset_index(), "recent_buyers")'
CARELESS = [
    ("outputs", _edit("load", execution_count=1), "cell load has outputs or an execution count"),
    ("empty", _edit("load", source="\n"), "cell load is empty"),
    ("metadata", _edit("load", metadata={"collapsed": True}), "has metadata ['collapsed']"),
    ("widgets", _top(metadata={"widgets": {}}), "the notebook has metadata ['widgets']"),
    ("kernel", _top(metadata={"kernelspec": {"name": "venv"}}), "the kernel is venv"),
    ("format", _top(nbformat_minor=4), "the format is (4, 4)"),
    ("same id", _edit("load", id="title"), "two cells share an id"),
    ("long id", _edit("load", id="x" * 40), "bad cell id"),
    ("untagged", _edit("parameters", metadata={}), "0 cells are tagged parameters"),
    ("two tagged", _edit("load", metadata={"tags": ["parameters"]}), "2 cells are tagged"),
    ("untyped", _replace("recent_days: int = 90", "recent_days = 90"), "is no typed literal"),
    ("computed", _replace("int = 90", "int = 9 * 10"), "is not a literal assignment"),
    ("mistyped", _replace("int = 90", "float = 90"), "recent_days is no float"),
    ("magic", _edit("parameters", source='config: str = "a"  # b'), "as a magic command"),
    ("no comment", _replace("= 90  # an", "= 90\n# an"), "recent_days has no comment"),
    ("config later", _replace("config: str", "settings: str"), "first parameter is not config"),
    ("no question", _replace("bought lately?", "bought lately"), "no title that asks"),
    ("no leaves", _replace("**Leaves**", "It leaves"), "does not say **Reads**"),
    ("unsaid leaf", _replace("**Leaves** `recent_buyers`", "**Leaves** rows"), "leaves recent_bu"),
    ("unsaid read", _append('run.read("rfm")'), "reads rfm, the title does not say so"),
    ("false leaf", _replace(SAVE, "pass"), "title says leaves recent_buyers, no cell does"),
    ("false read", _replace("`transactions`", "`rfm`"), "title says reads rfm, no cell does"),
    ("computed name", _replace(SAVE, "run.save(days, name)"), "run.save is computed"),
    ("no limits", _replace("## Limits", "### Limits"), "the sections are Question, Data"),
    ("other name", _replace('"00_template"', '"01_other"'), 'does not name "00_template"'),
    ("not finished", _edit("finish", source="run"), "the last cell is not run.finish()"),
    ("function", _append("def f(x):", "    y = x", "    return y"), "function f belongs"),
    ("class", _append("class A:", "    pass"), "class A belongs into the package"),
    ("long code", _append("x = 1\n" * 700), "characters of code"),
    ("bare frame", _append("orders"), "'orders' at the end of a cell shows its rows"),
    ("head", _append("orders.head()"), "head(…) shows rows"),
    ("print", _append("print(1)"), "print(…) shows rows"),
    ("no picture", _replace("A share comes", "The picture says so. A share comes"), "no run.fig"),
    ("no such gate", _replace("## Limits", "## Limits\n\nSee SEG-Z99."), "SEG-Z99 is no gate"),
    ("typed result", _replace("A share comes", "It is 42.1 %. A share comes"), "'42.1 %' under"),
]


@pytest.mark.parametrize(
    ("edit", "complaint"),
    [row[1:] for row in CARELESS],
    ids=[row[0] for row in CARELESS],
)
def test_rule_complains(
    edit: Callable[[dict[str, Any]], None], complaint: str, tmp_path: Path
) -> None:
    """Each rule notices the careless edit it was made for."""
    content = copy.deepcopy(json.loads(TEMPLATE.read_text(encoding="utf-8")))
    edit(content)
    path = tmp_path / "00_template.ipynb"
    path.write_text(json.dumps(content), encoding="utf-8")

    assert complaint in "\n".join(complaints(Notebook(path)))


def test_too_many_cells_are_noticed(tmp_path: Path) -> None:
    """A notebook of more than fourteen code cells is two notebooks."""
    content = json.loads(TEMPLATE.read_text(encoding="utf-8"))
    for number in range(rules.MOST_CODE_CELLS):
        _append(f"x = {number}")(content)
        content["cells"][-2]["id"] = f"added-{number}"
    path = tmp_path / "00_template.ipynb"
    path.write_text(json.dumps(content), encoding="utf-8")

    assert "code cells" in "\n".join(complaints(Notebook(path)))


def test_benchmark_needs_its_quick_mode(tmp_path: Path) -> None:
    """A benchmark is held to fewer rules, but it must have a quick mode."""
    path = tmp_path / "benchmarks" / "notebooks" / "speed.ipynb"
    path.parent.mkdir(parents=True)
    path.write_text(TEMPLATE.read_text(encoding="utf-8"), encoding="utf-8")

    assert complaints(Notebook(path)) == ["a benchmark needs the parameter quick"]


def test_benchmarks_are_as_of_the_day_of_their_config() -> None:
    """A benchmark that starts with another day leaves facts the run refuses as stale."""
    for config in sorted((BENCHMARKS / "configs").glob("*.toml")):
        day = str(tomllib.loads(config.read_text(encoding="utf-8"))["as_of"])
        for path in (BENCHMARKS / "notebooks").glob("*.ipynb"):
            said = re.findall(
                r'config={"as_of": "(.+?)"}', "\n".join(Notebook(path).sources("code"))
            )
            assert said == [day], f"{path.stem} starts as of {said}, {config.name} says {day}"
