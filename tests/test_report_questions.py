"""Ten questions of whoever decides, answered on the index or one click away."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pandas as pd
import run_folder

from segwork import report
from segwork.report.folder import load
from segwork.report.questions import QUESTIONS, questions

PAGES = ("10_data_quality", "20_segments", "30_change_points", "40_dynamics", "50_overfitting",
         "60_fairness", "75_value", "90_activation")  # fmt: skip
FACTS: dict[str, dict[str, Any]] = {
    "20_segments": {"segments_saved": 2, "method_saved": "kmeans", "later_days": 91},
    "30_change_points": {"stop_customers": 12, "fall_customers": 7},
    "50_overfitting": {"lost_contacted": 0.25, "lost_cost": 0.4, "lost_cost_everybody": 0.7,
                       "lost_cost_nobody": 0.6},
    "90_activation": {"may_be_sent": 640},
}  # fmt: skip
ANSWERS = {
    "10_data_quality": {"found": "3 checks failed; most urgent: two prices for one product."},
    "50_overfitting": {"do": "Write to customers above the threshold."},
    "60_fairness": {"found": "The young pay USD 12 (3.0 %) more."},
}


def decided(folder: Path, **manifest: Any) -> Any:
    """Write a run of two segments that says everything the questions ask for."""
    notebooks = {name: {"status": "ok"} for name in PAGES}
    run_folder.make(folder, changed={"notebooks": notebooks, **manifest})
    for page in PAGES:
        content = {"facts": FACTS.get(page, {}), "units": {}, "answer": ANSWERS.get(page, {})}
        (folder / "facts" / f"{page}.json").write_text(json.dumps(content), encoding="utf-8")
    tables = {
        "profile": {"customers": [900, 100], "share": [0.9, 0.1], "spend_share": [0.4, 0.6]},
        "moves": {"change": [-0.02, 0.02], "silent": [0.5, 0.1], "trend": ["-2 points", "+2"]},
        "value": {"total": [-50.0, 900.0], "answer": ["profit", "profit"]},
    }
    (folder / "tables").mkdir(exist_ok=True)
    for name, columns in tables.items():
        table = pd.DataFrame({"segment": ["S01", "S02"], **columns})
        table.to_parquet(folder / "tables" / f"segment_{name}.parquet")
    return load(folder)


SAID = {
    "How many segments are there?": "2 segments, drawn by kmeans: a division of a continuum",
    "How large are they?": "S01: 900 (90.0 %); S02: 100 (10.0 %)",
    "Which one earns?": "S02 makes 60.0 % of the spend with 10.0 % of the customers",
    "Which one is leaving?": "Leaving most: S01, 50.0 %. These are shares of the customers of 91",
    "May I use them?": "Not yet. First: Stability of segments: 0.41",
    "What is wrong with the data?": "two prices for one product",
    "Whom do I write to?": "above the threshold",
    "What will it cost?": "Contacting 25.0 % of the customers, whom the model chooses, costs 0.4",
    "Is anybody treated unfairly?": "The young pay USD 12 (3.0 %) more.",
    "What changed since last time?": "S01 -2.0 points; S02 +2.0 points",
}


def test_every_question_has_its_answer_and_its_page(tmp_path: Path) -> None:
    """All ten by their text, from facts and tables alone."""
    run = decided(tmp_path)
    found = {item.question: item for item in questions(run)}
    assert list(found) == list(SAID) == list(QUESTIONS)
    for question, words in SAID.items():
        assert words in found[question].answer, question
        assert found[question].notebook in PAGES
    assert "12 stopped and 7 fell" in found["Which one is leaving?"].answer
    assert "S02 brings most (900" in str(found["Which one earns?"].answer).replace("profit, ", "")
    assert "Already gone" not in found["Which one is leaving?"].answer
    index = report.write(tmp_path).read_text(encoding="utf-8")
    assert all(question in index for question in QUESTIONS)


def test_with_a_run_before_the_last_answer_compares_gates(tmp_path: Path) -> None:
    """Gates whose number differs are named; without one the words say how to name it."""
    baseline = {"name": "june", "values": {"SEG-C91": 0.5, "SEG-C92": 5.0}}
    last = questions(decided(tmp_path, baseline=baseline))[-1]
    assert "in june: SEG-C91." in last.answer


def test_what_a_run_cannot_answer_says_why(tmp_path: Path) -> None:
    """Nothing is left out and nothing is guessed."""
    run_folder.make(tmp_path, changed={"notebooks": {"20_segments": {"status": "ok"}}})
    said = [str(item.answer) for item in questions(load(tmp_path))]
    assert len(said) == 10
    assert "<code>60_fairness</code> did not run" in said[8]


def test_a_named_segment_is_called_by_its_name(tmp_path: Path) -> None:
    """Names come from the page that gives them; a segment without one keeps its code."""
    decided(tmp_path)
    names = pd.DataFrame({"segment": ["S02"], "name": ["Heavy buyers"]})
    names.to_parquet(tmp_path / "tables" / "segment_names.parquet")
    said = {item.question: str(item.answer) for item in questions(load(tmp_path))}
    assert "Heavy buyers (S02) makes 60.0 % of the spend" in said["Which one earns?"]
    assert "S01: 900 (90.0 %); Heavy buyers (S02): 100" in said["How large are they?"]


def test_what_has_left_is_told_from_what_is_leaving(tmp_path: Path) -> None:
    """A segment of which nine in ten are silent is gone; columns of a reference run are told."""
    decided(tmp_path)
    moves = pd.read_parquet(tmp_path / "tables" / "segment_moves.parquet")
    moves.assign(silent=[0.999, 0.1]).to_parquet(tmp_path / "tables" / "segment_moves.parquet")
    facts = {"reference_changed_columns": 2, "reference_changed_columns_n": 30}
    content = {"facts": facts, "units": {}, "answer": {}}
    path = tmp_path / "facts" / "10_data_quality.json"
    path.write_text(json.dumps(content), encoding="utf-8")
    found = {item.question: str(item.answer) for item in questions(load(tmp_path))}
    assert "Already gone: S01, 99.9 %. Leaving most: S02, 10.0 %." in found["Which one is leaving?"]
    assert "Of 30 columns of the data 2 differ" in found["What changed since last time?"]
