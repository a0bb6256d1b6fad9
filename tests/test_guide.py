"""README and guide name every notebook with its title and every parameter, and no other."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from segwork.engine.plan import notebooks, parameters

ROOT = Path(__file__).resolve().parent.parent
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
GUIDE = (ROOT / "docs" / "guide.md").read_text(encoding="utf-8")
README = (ROOT / "README.md").read_text(encoding="utf-8")


def test_readme_and_guide_list_the_notebooks_that_exist() -> None:
    """The table of the README and the sections of the guide, in order."""
    names = [path.stem for path in NOTEBOOKS]

    assert re.findall(r"^\| `(\w+)` \|", README, re.MULTILINE) == names
    assert re.findall(r"^## `(\w+)`", GUIDE, re.MULTILINE) == names


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_section_names_the_parameters_of_its_notebook(path: Path) -> None:
    """What the guide tells to change can be changed."""
    _, _, section = GUIDE.partition(f"## `{path.stem}`\n")
    section, _, _ = section.partition("\n## ")
    declared = set(parameters.schema(notebooks.read(path))) - {"config"}
    named = set(re.findall(r"`(\w+)`", section))

    assert declared <= named
    _, _, change = section.partition("**Change**")
    assert set(re.findall(r"`([a-z]+_[a-z_]+)`", change)) <= declared


def test_a_question_of_the_readme_is_the_title_of_its_page() -> None:
    """A reader finds on the page what the table promised."""
    for path in NOTEBOOKS:
        title = re.search(r'"# ([^"\\]+)', path.read_text(encoding="utf-8"))
        assert title is not None
        assert f"| `{path.stem}` | {title[1]} |" in README
