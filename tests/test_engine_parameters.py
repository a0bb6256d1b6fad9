"""The parameter contract: what Papermill lets pass is refused before a kernel starts."""

from __future__ import annotations

import json
from datetime import date
from functools import partial
from pathlib import Path

import pytest
from small_project import write_notebook

from segwork.engine.plan import notebooks, order, parameters
from segwork.errors import UsageError

ROOT = Path(__file__).resolve().parent.parent

CELL = """\
# what the tests set
k: int = 3  # number of segments
share: float = 0.5
names: list[str] = ["a"]
day: date | None = None
where: Path = Path("data")
method: Literal["kmeans", "rule"] = "rule"
quick = True
weights: dict[str, float] = {}
label = "x"
maybe: Optional[int] = None\
"""


def notebook(tmp_path: Path, *cells: str | tuple[str, str], name: str = "20_segments") -> Path:
    """Write a notebook of code cells; a pair is a source and its tag."""
    pairs = [(cell[1], cell[0]) if isinstance(cell, tuple) else ("code", cell) for cell in cells]
    return write_notebook(tmp_path / f"{name}.ipynb", pairs)


def value_of(tmp_path: Path, texts: dict[str, str], **config: object) -> dict[str, object]:
    """Return the parameters of the example cell after texts from the command line."""
    found = notebooks.read(notebook(tmp_path, (CELL, "parameters")))
    return parameters.values(found, config=config, command_line=texts, injected={})


def test_types_come_from_annotation_or_default(tmp_path: Path) -> None:
    """Each parameter knows its type, default and comment."""
    found = parameters.schema(notebooks.read(notebook(tmp_path, (CELL, "parameters"))))

    kinds = {name: parameter.kind for name, parameter in found.items()}
    assert kinds["k"] == "int"
    assert kinds["quick"] == "bool"
    assert kinds["label"] == "str"
    assert found["k"].help == "number of segments"
    assert found["where"].default == Path("data")


@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [
        ("k", "-7", -7),
        ("share", "1", 1.0),
        ("share", "1e-3", 0.001),
        ("quick", "false", False),
        ("label", "01234", "01234"),
        ("label", "true", "true"),
        ("names", '["b", "c"]', ["b", "c"]),
        ("weights", '{"a": 1}', {"a": 1.0}),
        ("day", "2011-12-10", date(2011, 12, 10)),
        ("day", "none", None),
        ("where", "a/b", Path("a/b")),
        ("method", "kmeans", "kmeans"),
        ("maybe", "null", None),
        ("maybe", "5", 5),
    ],
)
def test_command_line_is_read_by_the_declared_type(
    tmp_path: Path, name: str, text: str, expected: object
) -> None:
    """The type decides what a text means; nothing is guessed."""
    value = value_of(tmp_path, {name: text})[name]

    assert value == expected
    assert type(value) is type(expected)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("k", "ten"),
        ("k", "01234"),
        ("k", "1_000"),
        ("k", "3.0"),
        ("share", "nan"),
        ("share", "inf"),
        ("quick", "1"),
        ("names", "b"),
        ("names", "[1]"),
        ("weights", '{"a": NaN}'),
        ("day", "yesterday"),
        ("method", "dbscan"),
        ("share", "1e999"),
        ("maybe", "x"),
    ],
)
def test_text_of_another_type_is_refused(tmp_path: Path, name: str, text: str) -> None:
    """A value that is not of the declared type stops the run and names the type."""
    with pytest.raises(UsageError, match=f"parameter '{name}' of 20_segments is .*accepted:"):
        value_of(tmp_path, {name: text})


@pytest.mark.parametrize(("name", "value"), [("k", "ten"), ("k", True), ("k", 3.5), ("label", 3)])
def test_config_of_another_type_is_refused(tmp_path: Path, name: str, value: object) -> None:
    """TOML values keep their own type; a flag is no number."""
    with pytest.raises(UsageError, match=f"parameter '{name}'"):
        value_of(tmp_path, {}, **{name: value})


def test_command_line_wins_over_config(tmp_path: Path) -> None:
    """Default < config < command line."""
    assert value_of(tmp_path, {}, k=4)["k"] == 4
    assert value_of(tmp_path, {"k": "5"}, k=4)["k"] == 5


def test_unknown_name_gets_a_suggestion(tmp_path: Path) -> None:
    """A typo names the parameter that was probably meant."""
    with pytest.raises(UsageError, match=r"unknown parameter 'kk'.*did you mean 'k'\?"):
        value_of(tmp_path, {"kk": "5"})


@pytest.mark.parametrize(
    ("cells", "said"),
    [
        (["k = 1"], "has no cell tagged 'parameters'"),
        ([("k = 1", "parameters"), ("k = 2", "parameters")], "both tagged"),
        ([("k = 3\nk2 = 2 * k", "parameters")], "'k2 = 2 \\* k'.*not a literal"),
        ([("k = 3\nk = 4", "parameters")], "assigned twice"),
        ([("k: int = 3", "parameters"), "k = 5"], "assigns parameter 'k' again"),
        ([("k: int = 'three'", "parameters")], "is 'three'.*accepted: int"),
        ([("k = (1, 2)", "parameters")], "not a literal assignment"),
        ([("k = {1, 2}", "parameters")], "not a literal assignment"),
        ([("k: ndarray = 1", "parameters")], "has type ndarray"),
        ([("k, j = 1, 2", "parameters")], "not a literal assignment"),
        ([("import os\nk = 1", "parameters")], "not a literal assignment"),
        ([("k = = 1", "parameters")], "is not Python"),
    ],
)
def test_a_cell_that_would_mislead_is_refused(tmp_path: Path, cells: list, said: str) -> None:
    """Untagged, doubled, derived, reassigned and untypable parameters are all refused."""
    found = notebooks.read(notebook(tmp_path, *cells))

    with pytest.raises(UsageError, match=said):
        parameters.values(found, config={}, command_line={"k": "1"}, injected={})


@pytest.mark.parametrize("text", ["k", "20_segments=3", "k=3", "20_segments.=3", "21.k=3"])
def test_assignments_need_notebook_name_and_value(text: str) -> None:
    """``-p`` takes ``notebook.name=value`` and nothing else."""
    with pytest.raises(UsageError):
        parameters.assignments([text], ["20_segments"])


def test_same_assignment_twice_is_refused() -> None:
    """Two values for one parameter leave open which one ran."""
    with pytest.raises(UsageError, match="given twice"):
        parameters.assignments(["20.k=3", "20_segments.k=4"], ["20_segments"])


def test_value_may_hold_an_equals_sign() -> None:
    """Only the first equals sign separates."""
    found = parameters.assignments(["20.label=a=b"], ["20_segments"])

    assert found == {"20_segments": {"label": "a=b"}}


@pytest.mark.parametrize(
    "value",
    [3, 0.1, "a'\n\"\\ö{x}", [1, [2.5]], {"1": None}, True, date(2011, 12, 10), Path("a b/c")],
)
def test_injected_source_builds_the_same_value(value: object) -> None:
    """What is written into the notebook evaluates to exactly the value."""
    again = eval(parameters.code_of(value))  # the text under test

    assert again == value
    assert type(again) is type(value)


def test_order_follows_reads_and_leaves(tmp_path: Path) -> None:
    """A notebook comes after the one whose table it reads, whatever their names."""
    notebook(tmp_path, 'run.read("b")', name="10_last")
    notebook(tmp_path, 'a = run.read("a")\nrun.save(a, "b")', name="20_middle")
    notebook(tmp_path, 'run.save(f, name="a")', name="30_first")

    waits = order.needs(notebooks.find(tmp_path))

    assert list(waits) == ["30_first", "20_middle", "10_last"]
    assert order.selected(["20"], waits) == {"20_middle", "30_first"}


@pytest.mark.parametrize(
    ("first", "second", "said"),
    [
        ('run.save(f, "a")', 'run.save(f, "a")', "both leave the table 'a'"),
        ('run.save(f, "segments")', 'run.read("segment")', "did you mean 'segments'"),
        ('run.read("b")\nrun.save(f, "a")', 'run.read("a")\nrun.save(f, "b")', "wait for each"),
        ("run.read(name)", "x = 1", "does not name its table"),
    ],
)
def test_impossible_orders_are_refused(tmp_path: Path, first: str, second: str, said: str) -> None:
    """Two owners, no owner, a ring and a name only known later are errors before the run."""
    notebook(tmp_path, first, name="10_a")
    notebook(tmp_path, second, name="20_b")

    with pytest.raises(UsageError, match=said):
        order.needs(notebooks.find(tmp_path))


def test_a_table_asked_for_is_waited_for_but_not_needed(tmp_path: Path) -> None:
    """``run.has`` orders two notebooks; without an owner of the table nothing is wrong."""
    notebook(tmp_path, 'if run.has("b"):\n    run.read("b")', name="10_a")
    assert order.needs(notebooks.find(tmp_path)) == {"10_a": ()}

    notebook(tmp_path, 'run.save(f, "b")', name="20_b")
    assert list(order.needs(notebooks.find(tmp_path))) == ["20_b", "10_a"]


def test_only_an_unconditional_save_is_a_promise(tmp_path: Path) -> None:
    """A table saved under a condition may be missing; one saved in a ``try`` may not."""
    source = 'if x:\n    run.save(f, "a")\ntry:\n    run.save(f, "b")\nexcept E:\n    pass'

    found = notebooks.read(notebook(tmp_path, source))

    assert found.leaves == ("a", "b")
    assert found.promises == ("b",)


def test_settings_come_from_the_metadata(tmp_path: Path) -> None:
    """Limits are read from the key ``segwork``; an unknown one is named."""
    path = notebook(tmp_path, "x = 1")
    content = json.loads(path.read_text(encoding="utf-8"))
    content["metadata"]["segwork"] = {"cell_seconds": 5, "exclusive": True}
    path.write_text(json.dumps(content), encoding="utf-8")
    assert notebooks.read(path).settings == notebooks.Settings(cell_seconds=5.0, exclusive=True)

    content["metadata"]["segwork"] = {"cell_second": 5}
    path.write_text(json.dumps(content), encoding="utf-8")
    with pytest.raises(UsageError, match="did you mean 'cell_seconds'"):
        notebooks.read(path)


@pytest.mark.parametrize("text", ["", "{}", "[1]", '{"cells": [{}]}'])
def test_no_notebook_is_a_clear_error(tmp_path: Path, text: str) -> None:
    """A file that is no notebook is named."""
    path = tmp_path / "10_x.ipynb"
    path.write_text(text, encoding="utf-8")

    with pytest.raises(UsageError, match="is not a notebook"):
        notebooks.read(path)


def test_a_number_below_zero_where_the_default_is_none(tmp_path: Path) -> None:
    """Counts, days and shares are not negative; a parameter that begins below zero may be."""
    found = notebooks.read(notebook(tmp_path, ("copies: int = 19\nshift: int = -3", "parameters")))
    with pytest.raises(UsageError, match=r"'copies' of .* is -1; accepted: 0 or more"):
        parameters.refuse_below_zero(found, {"copies": -1, "shift": -1})
    parameters.refuse_below_zero(found, {"copies": 0, "shift": -1})


def test_the_methods_of_20_segments_are_those_there_are() -> None:
    """A method mistyped is refused before a kernel starts, with the nearest one."""
    from segwork.clustering import METHODS

    notebook = notebooks.read(ROOT / "notebooks" / "20_segments.ipynb")
    given = partial(parameters.values, notebook, config={}, injected={})
    for name in ("", *METHODS):
        assert given(command_line={"method": name})["method"] == name
    with pytest.raises(UsageError, match=r"'method' of 20_segments is 'kmean'.*mean 'kmeans'"):
        given(command_line={"method": "kmean"})
