"""A real run from config to pages, opened in a real browser."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from browser import THEMES, visit

from segwork import engine

ROOT = Path(__file__).resolve().parent.parent
CUSTOMERS = 2000


@pytest.fixture(scope="module")
def run_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Run the template for new notebooks, and one that fails, on a small sample company."""
    root = tmp_path_factory.mktemp("project")
    (root / "notebooks").mkdir()
    (root / "pyproject.toml").touch()
    template = (ROOT / "docs" / "notebook_template.ipynb").read_text(encoding="utf-8")
    good = template.replace("00_template", "10_buyers")
    bad = template.replace("00_template", "20_broken").replace("recent_buyers", "nobody")
    (root / "notebooks" / "10_buyers.ipynb").write_text(good, encoding="utf-8")
    broken = bad.replace("evidence.wilson(recent", "evidence.wilson('<b>many</b>'")
    (root / "notebooks" / "20_broken.ipynb").write_text(broken, encoding="utf-8")
    config = (ROOT / "notebooks" / "configs" / "sample.toml").read_text(encoding="utf-8")
    small = config.replace("20_000", str(CUSTOMERS)).replace("../../data/sample", "data")
    (root / "small.toml").write_text(small, encoding="utf-8")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SEGWORK_ROOT", str(root))
        patch.chdir(root)
        outcome = engine.run("small.toml", out=root / "reports", say=lambda _: None)
    return Path(outcome.folder)


@pytest.mark.slow
def test_template_runs_on_the_sample(run_folder: Path) -> None:
    """The template is no decoration: it runs, records its facts and leaves its table."""
    manifest = json.loads((run_folder / "manifest.json").read_text(encoding="utf-8"))
    facts = json.loads((run_folder / "facts" / "10_buyers.json").read_text(encoding="utf-8"))

    assert manifest["notebooks"]["10_buyers"]["status"] == "ok"
    assert manifest["notebooks"]["20_broken"]["status"] == "failed"
    assert 0 < facts["facts"]["recent_share"] < 1
    assert (run_folder / "tables" / "recent_buyers.parquet").is_file()


@pytest.mark.slow
@pytest.mark.parametrize("theme", THEMES)
def test_every_page_of_a_run_is_silent_and_accessible(
    chrome: Any, run_folder: Path, theme: str
) -> None:
    """Pages drawn from a real run ask for nothing, complain of nothing, break no rule."""
    pages = sorted(run_folder.glob("*.html"))

    assert {page.stem for page in pages} == {"index", "10_buyers", "20_broken"}
    for page in pages:
        with visit(chrome, page, theme=theme) as seen:
            for summary in seen.page.query_selector_all("summary"):
                summary.click()
            assert (seen.requests, seen.complaints) == ([], [])
            assert seen.violations() == []


@pytest.mark.slow
def test_reader_comes_from_the_index_to_the_failing_cell(chrome: Any, run_folder: Path) -> None:
    """Two clicks from the first page lead to the opened cell that failed, text as it was."""
    with visit(chrome, run_folder / "index.html") as seen:
        seen.page.click(".attention a")
        seen.page.click(".banner a")
        code = seen.page.inner_text("details.failed pre")
        assert "'<b>many</b>'" in code
        assert "failed" in seen.page.inner_text(".verdict")


@pytest.mark.slow
def test_decision_is_shown_and_nothing_computed_anew(
    run_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A decision written into the run folder stands on the index after the next run."""
    root = run_folder.parent.parent
    monkeypatch.setenv("SEGWORK_ROOT", str(root))
    monkeypatch.chdir(root)
    (run_folder / "decision.md").write_text("**A. Keeper** decides.", encoding="utf-8")
    said: list[str] = []

    engine.run("small.toml", out=root / "reports", say=said.append)

    assert "A. Keeper" in (run_folder / "index.html").read_text(encoding="utf-8")
    assert [line for line in said if line.startswith("10_buyers") and "unchanged" in line]
