"""The first screens: the answer of a page, and an index one can decide from."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import run_folder

from segwork import report
from segwork.report.folder import load
from segwork.report.layout import badge, drawn, table
from segwork.report.use import NO, OPEN, RESERVED, YES, use

RAN = {
    name: {"status": "ok"}
    for name in ("10_data_quality", "20_segments", "60_fairness", "70_privacy")
}


def finding(code: str, status: str, notebook: str, severity: str = "high") -> dict[str, Any]:
    """Write a finding as a run does."""
    return {
        "code": code,
        "status": status,
        "severity": severity,
        "value": 0.4,
        "limit": 0.3,
        "unit": "share",
        "n": 100,
        "message": f"{code} says {status}.",
        "notebook": notebook,
    }


def of(folder: Path, *findings: dict[str, Any], notebooks: dict[str, Any] = RAN) -> Any:
    """Write a run with these findings and read it as the report does."""
    run_folder.make(folder, changed={"notebooks": notebooks})
    (folder / "findings.json").write_text(json.dumps(findings), encoding="utf-8")
    return load(folder)


HELD = finding("SEG-C01", "passed", "20_segments")


@pytest.mark.parametrize(
    ("others", "verdict"),
    [
        ([], YES),
        ([finding("SEG-Q01", "warned", "10_data_quality", "low")], RESERVED),
        ([finding("SEG-Q01", "failed", "10_data_quality")], RESERVED),
        ([finding("SEG-C04", "failed", "20_segments")], NO),
        ([finding("SEG-F02", "failed", "60_fairness")], NO),
        ([finding("SEG-T01", "failed", "30_change_points")], YES),
        ([finding("SEG-P01", "inconclusive", "70_privacy")], NO),
    ],
    ids=[
        "all held",
        "a warning",
        "not required",
        "segments fell",
        "a required gate",
        "page not run",
        "consent not declared: a strict run is red",
    ],
)
def test_index_says_whether_the_segments_may_be_used(
    tmp_path: Path, others: list[dict[str, Any]], verdict: str
) -> None:
    """The verdict follows from the findings, a failed required gate or fallen segments first."""
    assert use(of(tmp_path, HELD, *others)).verdict == verdict


def test_nothing_judged_and_broken_pages_are_no_yes(tmp_path: Path) -> None:
    """Without gates about the segments nobody can tell; a page that broke off says not yet."""
    assert use(of(tmp_path / "a", finding("SEG-Q02", "passed", "10_data_quality"))).verdict == OPEN
    broken = {**RAN, "60_fairness": {"status": "failed", "message": "KeyError"}}
    said = use(of(tmp_path / "b", HELD, notebooks=broken))
    assert said.verdict == NO
    assert "1 of 4 pages broke off" in said.why


def test_what_is_to_be_mended_comes_gravest_first_and_is_cut(tmp_path: Path) -> None:
    """Required before severe before the rest; after five the rest is counted."""
    grave = [finding(f"SEG-C9{i}", "failed", "20_segments", "medium") for i in range(6)]
    required = finding("SEG-F02", "failed", "60_fairness")
    lines = use(of(tmp_path, *grave, required)).mend
    assert lines[0] == "SEG-F02 says failed."
    assert len(lines) == 6
    assert lines[-1] == "… and 2 more, listed below."


def test_segments_stand_on_the_index_and_few_people_do_not(tmp_path: Path) -> None:
    """Tables of segments are put side by side; one of fewer than ten customers is left out."""
    run_folder.make(tmp_path)
    (tmp_path / "tables").mkdir()
    sizes = pd.DataFrame(
        {"segment": ["S01", "S02", "S03"], "customers": [50, 900, 3], "share": [0.05, 0.94, 0.003]}
    )
    sizes.to_parquet(tmp_path / "tables" / "segment_profile.parquet")
    names = pd.DataFrame({"segment": ["S01", "S02"], "name": ["<b>Heavy</b>", "Light"]})
    names.to_parquet(tmp_path / "tables" / "segment_names.parquet")

    html = report.write(tmp_path).read_text(encoding="utf-8")

    assert html.index("S02") < html.index("S01")
    assert "S03" not in html
    assert "&lt;b&gt;Heavy&lt;/b&gt;" in html
    assert "94.0 %" in html


def test_a_page_opens_with_its_answer(tmp_path: Path) -> None:
    """What was found stands before the gates, on the page and on the index, as harmless text."""
    run_folder.make(tmp_path)
    path = tmp_path / "facts" / "20_segments.json"
    answer = {"found": "Five <i>segments</i>.", "means": "They hold.", "do": "Use them."}
    path.write_text(json.dumps({"facts": {}, "units": {}, "answer": answer}), encoding="utf-8")

    index = report.write(tmp_path).read_text(encoding="utf-8")
    page = (tmp_path / "20_segments.html").read_text(encoding="utf-8")
    page = page[page.index("<main") :]

    assert page.index("What was found") < page.index("What was judged")
    for html in (index, page):
        assert "They hold." in html
        assert "What to do" in html


def test_templates_escape_what_is_not_markup() -> None:
    """One omission is an injection: everything a template is given is escaped by the engine."""
    evil = "<script>alert(1)</script>"
    assert "<script" not in badge(evil)
    assert "<script" not in table(evil, [evil], [[evil, evil]])
    with pytest.raises(Exception, match="undefined"):
        drawn("page.html")


def test_a_claim_with_a_warning_is_no_claim_that_held(tmp_path: Path) -> None:
    """What passed, what warned or could not tell, and what fell stand apart."""
    warned = finding("SEG-P06", "warned", "70_privacy", "medium")
    fell = finding("SEG-F01", "failed", "60_fairness")
    claims = dict(use(of(tmp_path, HELD, warned, fell)).claims)
    assert [len(said) for said in claims.values()] == [1, 1, 1]
    assert "nobody can be recognised" in claims["With a reservation"][0]
    html = report.write(tmp_path).read_text(encoding="utf-8")
    assert html.index("Checked and not refuted") < html.index("With a reservation")


def test_rules_that_are_advised_and_a_model_that_is_saved_are_reconciled(tmp_path: Path) -> None:
    """The index says why segments of a model were saved against the advice of the first page."""
    run = of(tmp_path, HELD)
    facts = {
        "10_data_quality": {"readiness": "rule-based segments"},
        "20_segments": {"method_saved": "kmeans", "segments_saved": 4},
    }
    for page, told in facts.items():
        path = tmp_path / "facts" / f"{page}.json"
        path.write_text(json.dumps({"facts": told, "units": {}}), encoding="utf-8")
    assert "advises rule-based segments" in use(run).why
    told = {"facts": {"method_saved": "rule_rfm", "segments_saved": 4}, "units": {}}
    (tmp_path / "facts" / "20_segments.json").write_text(json.dumps(told), encoding="utf-8")
    assert "advises" not in use(load(tmp_path)).why


def test_a_gate_that_does_not_apply_is_no_verdict_of_its_page(tmp_path: Path) -> None:
    """Beside gates that passed it is folded away; alone it is the verdict."""
    absent = finding("SEG-C04", "not_applicable", "20_segments")
    run = of(tmp_path, HELD, absent)
    assert run.verdict("20_segments") == "passed"
    report.write(tmp_path)
    html = (tmp_path / "20_segments.html").read_text(encoding="utf-8")
    assert "1 gate passed, 1 not applicable" in html
    assert "Gates that ask for a look" not in html
    assert of(tmp_path, absent).verdict("20_segments") == "not_applicable"
