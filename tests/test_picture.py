"""Figures on a page: title and number in text, small, and nobody to be seen in them."""

from __future__ import annotations

from io import BytesIO

import matplotlib.pyplot as plt
import nbformat.v4 as nb
import numpy as np
import pandas as pd
import pytest
from PIL import Image

from segwork.plots import fairness, quality, segments
from segwork.plots.style import house_style
from segwork.report.cells import appendix, body
from segwork.report.markdown import Outline
from segwork.runs import picture


def panels(*titles: str, whole: str = "") -> plt.Figure:
    """Draw panels with these titles."""
    with house_style():
        figure, axes = plt.subplots(1, len(titles), squeeze=False)
        for axis, words in zip(axes.flat, titles, strict=True):
            axis.plot([0, 1])
            axis.set_title(words)
        figure.suptitle(whole) if whole else None
    plt.close(figure)
    return figure


@pytest.mark.parametrize(
    ("figure", "alt", "title"),
    [
        (panels("One"), "Bars.", "One"),
        (panels("ROC", "Gain", whole="Both"), "Curves.", "Both"),
        (panels("ROC", "Gain"), "Two curves on later rows. More.", "Two curves on later rows"),
        (panels(""), "rows by day: median 3.5; none empty.", "Rows by day"),
    ],
    ids=["one panel", "title of the whole", "titles of panels stay", "none"],
)
def test_the_title_is_text_and_leaves_the_picture(figure: plt.Figure, alt: str, title: str) -> None:
    """Taken once: the picture keeps the titles of its panels and no title of its own."""
    left = [axis.get_title("left") for axis in figure.axes]
    assert picture.title(figure, alt) == title
    kept = [axis.get_title("left") for axis in figure.axes]
    assert kept == (left if len(left) > 1 else [""])
    assert not figure.get_suptitle()


def test_a_palette_makes_it_small_and_the_same() -> None:
    """Less than half of the plain PNG, in a palette, twice the same bytes."""
    figure = panels("One")
    figure.axes[0].pcolormesh(np.random.default_rng(0).random((40, 40)), cmap="cividis")
    plain = BytesIO()
    figure.savefig(plain, dpi=picture.DOTS_AN_INCH, bbox_inches="tight")
    packed = picture.png(figure)
    assert len(packed) < 0.5 * len(plain.getvalue())
    assert packed == picture.png(figure)
    assert Image.open(BytesIO(packed)).mode == "P"


def shown(text: str, **metadata: object) -> nb.NotebookNode:
    """Return an output of text."""
    data = {"text/markdown": text, "text/plain": text}
    return nb.new_output("display_data", data=data, metadata=metadata)


def test_what_is_for_the_appendix_stands_there_alone() -> None:
    """Folded under its caption at the end; what a page shows elsewhere is not shown twice."""
    html = {"text/html": "<table><tr><td>7</td></tr></table>", "text/plain": "Counts"}
    table = nb.new_output("display_data", data=html, metadata={"appendix": True})
    cells = [
        nb.new_code_cell("x", outputs=[shown("Said."), table, shown("Twice.", elsewhere=True)])
    ]
    main, last = body(cells, Outline()), appendix(cells)
    assert "Said." in main
    assert "Twice." not in main + last
    assert "<td>7</td>" in last
    assert "<td>7</td>" not in main
    assert "<summary>Counts</summary>" in last


def test_prose_goes_where_its_result_is_missing() -> None:
    """Under Result only, in a finished run only, and its heading stays."""
    prose = "### The curve\n\nThe left curve is too steep."
    there = [nb.new_markdown_cell(f"## Result\n\n{prose}"), nb.new_code_cell("x")]
    told = [*there[:1], nb.new_code_cell("x", outputs=[shown("Not applicable: no costs.")])]
    drawn = [*there[:1], nb.new_code_cell("x", outputs=[shown("Best 3.")])]
    for cells, kept in ((there, False), (told, False), (drawn, True)):
        html = body(cells, Outline(), complete=True)
        assert ("too steep" in html) is kept
        assert "The curve" in html
        assert "too steep" in body(cells, Outline())
    before = [nb.new_markdown_cell(f"## Method\n\n{prose}"), nb.new_code_cell("x")]
    assert "too steep" in body(before, Outline(), complete=True)


def test_no_cell_of_a_figure_is_about_a_few_people() -> None:
    """Cells under five stay empty in maps of sessions, of segments' groups and of customers."""
    table = pd.DataFrame({"segment": ["S1", "S1"], "group": ["a", "b"], "n": [3, 40],
                          "ratio": [0.1, 1.2]})  # fmt: skip
    figure, alt = fairness.composition(table)
    assert np.isnan(figure.axes[0].collections[0].get_array().filled(np.nan)).sum() == 1
    assert "0.10" not in alt
    visits = pd.DataFrame({"hits": [5] * 9 + [60], "seconds_between": [20.0] * 9 + [3.0],
                           "verdict": "person"})  # fmt: skip
    figure, _ = quality.robots(visits)
    counts = figure.axes[0].collections[0].get_array()
    assert np.nanmax(counts.filled(np.nan)) == 9
    assert np.isfinite(counts.filled(np.nan)).sum() == 1
    frame = pd.DataFrame({"orders": np.arange(40.0)})
    few = pd.Series(["S1"] * 37 + ["S2"] * 3)
    figure, _ = segments.distributions(frame, few, ["orders"])
    assert len(figure.axes[0].lines) == 3  # three lines of the large segment, none of the small
    plt.close("all")
