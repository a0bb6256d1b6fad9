"""Every example in a docstring runs and prints what it says; every public call has one."""

from __future__ import annotations

import doctest
import importlib
import inspect
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
WITH_EXAMPLES = sorted(
    path for path in (ROOT / "segwork").rglob("*.py") if ">>>" in path.read_text(encoding="utf-8")
)
# What architecture and README promise to users, notebooks and outside programs.
PUBLIC = {
    "tables": ["load", "from_frames"],
    "features": ["customer_features"],
    "quality": ["audit"],
    "clustering": ["compare"],
    "changepoints": ["detect", "detect_panel", "group_changes", "outlook"],
    "overfitting": ["check"],
    "fairness": ["group_metrics", "matched_pairs", "attribute_flip"],
    "dynamics": ["mobility", "trace", "drift", "cadence"],
    "sample": ["make"],
    "export": ["rows", "send"],
    "scoring": ["assign"],
    "value": ["attractiveness", "expected", "profit", "revenue_ahead", "service"],
}


def test_the_site_shows_public_calls_that_exist() -> None:
    """Every name of docs/python.md is there and says what it does; none that is promised is absent.

    Their examples are those of the docstrings, which run below.
    """
    text = (ROOT / "docs" / "python.md").read_text(encoding="utf-8")
    shown = re.findall(r"auto(?:function|class):: segwork\.(\w+)\.(\w+)", text)

    assert all(
        inspect.getdoc(getattr(importlib.import_module(f"segwork.{room}"), name))
        for room, name in shown
    )
    assert {(room, name) for room, names in PUBLIC.items() for name in names} <= set(shown)


@pytest.mark.parametrize("path", WITH_EXAMPLES, ids=lambda path: str(path.relative_to(ROOT)))
def test_examples_print_what_they_say(path: Path) -> None:
    """The examples of a module run as they stand in its docstrings."""
    dotted = ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
    module = importlib.import_module(dotted)

    lenient = doctest.NORMALIZE_WHITESPACE | doctest.ELLIPSIS
    failed, tried = doctest.testmod(module, optionflags=lenient)

    assert tried
    assert failed == 0


@pytest.mark.parametrize(
    ("room", "name"), [(room, name) for room, names in PUBLIC.items() for name in names]
)
def test_public_calls_show_an_example(room: str, name: str) -> None:
    """What a newcomer calls first is shown being called."""
    function = getattr(importlib.import_module(f"segwork.{room}"), name)
    _, _, examples = inspect.cleandoc(function.__doc__ or "").partition("\nExamples\n")

    assert f"{name}(" in examples
