"""Names of segments beside their codes, in text, tables and figures of a notebook."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from segwork import clustering
from segwork import run as runs
from segwork.runs import named

NAMES = {"S01": "Many orders", "S02": "Long silent"}


def test_text_names_the_first_mention_and_leaves_other_words_alone() -> None:
    """S010 is no S01, a second mention needs no name, and a code nobody named stays."""
    assert (
        named.in_text("S010, S01, S01 and S03.", NAMES) == "S010, S01 (Many orders), S01 and S03."
    )


def test_table_names_cells_index_and_columns() -> None:
    """Every place a code stands in; numbers and the order stay; the frame given is not changed."""
    frame = pd.DataFrame({"S01": [1, 2], "to": ["S02", "S03"]}, index=pd.Index(["S01", "x"]))
    shown = named.in_frame(frame, NAMES)
    assert shown.columns.tolist() == ["S01 · Many orders", "to"]
    assert shown.index.tolist() == ["S01 · Many orders", "x"]
    assert shown["to"].tolist() == ["S02 · Long silent", "S03"]
    assert frame["to"].tolist() == ["S02", "S03"]
    both = pd.DataFrame(
        {"n": [1]}, index=pd.MultiIndex.from_tuples([("S01", "a")], names=["s", "t"])
    )
    assert named.in_frame(both, NAMES).index.tolist() == [("S01 · Many orders", "a")]


def test_figure_names_ticks_legend_and_titles() -> None:
    """Whatever is labelled by a code alone gets the name; a sentence with a code does not."""
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots()
    axes.barh(["S01", "S02"], [1, 2], label="S01")
    axes.set_title("S02", loc="left")
    axes.set_xlabel("S01 against the rest")
    axes.legend()
    named.in_figure(figure, NAMES)
    figure.canvas.draw()
    assert [t.get_text() for t in axes.get_yticklabels()] == [
        "S01 · Many orders",
        "S02 · Long silent",
    ]
    assert axes.get_title(loc="left") == "S02 · Long silent"
    assert axes.get_legend().get_texts()[0].get_text() == "S01 · Many orders"
    assert axes.get_xlabel() == "S01 against the rest"
    plt.close(figure)


def test_names_travel_with_the_segments(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """What one notebook saves another shows, by reading the segments and nothing else."""
    monkeypatch.setenv("SEGWORK_RUN", str(tmp_path / "run"))
    config = {"as_of": "2026-01-01"}
    first = runs.start("20_segments", config=config)
    labels = pd.Series(["S01", "noise"], index=["0" * 16, "1" * 16])
    first.save(clustering.saved_table(labels, "kmeans", {"S01": "Many *orders*"}), "segments")
    later = runs.start("75_value", config=config)
    table = later.read("segments")
    assert table["segment_name"].astype(str).tolist() == ["Many *orders*", "noise"]
    later.answer(found="{best} is best.", means="It is.", do="Nothing.", best="S01")
    assert later._answer["found"] == r"S01 (Many \*orders\*) is best."
    shown = named.in_frame(pd.DataFrame(index=["S01", "noise"]), later._names)
    assert shown.index.tolist() == ["S01 · Many *orders*", "noise"]


def test_a_table_without_names_names_nothing() -> None:
    """Runs from before names show codes, as they did."""
    assert named.of_table(pd.DataFrame({"segment": ["S01"]})) == {}
    assert clustering.saved_table(pd.Series({"a": "S01"}), "m").columns.tolist() == [
        "customer_id", "segment", "method",
    ]  # fmt: skip
