"""Cards in a real Chromium: screen, telephone and paper, both languages, and through a report."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import run_folder
from browser import THEMES, visit

from segwork import features, personas, report, sample
from segwork.personas.definitions import LANGUAGES

AS_OF = "2026-07-01"
OTHER = {"en": "id", "id": "en"}


@pytest.fixture(scope="module")
def made() -> tuple[personas.PersonaBook, pd.DataFrame]:
    """Return personas and plan of a small company."""
    company = sample.make(customers=1_500, seed=33)
    table = features.customer_features(company.tables, as_of=AS_OF)
    label = company.key.segments.set_index("customer_id")["segment"].astype(str)
    standing = personas.lifecycle(company.tables, as_of=AS_OF)
    known = {"lifecycle": standing}
    book = personas.build(table, label, tables=company.tables, value=known, as_of=AS_OF)
    consent = personas.consent(company.tables, purpose="marketing", as_of=AS_OF)
    plan = personas.plans(table, label, standing, consent=consent, currency="IDR")[1]
    return book, plan


@pytest.fixture(scope="module")
def folder(
    made: tuple[personas.PersonaBook, pd.DataFrame], tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """Return a run folder whose report has been drawn, cards and all."""
    where = run_folder.make(tmp_path_factory.mktemp("run"))
    (where / "tables").mkdir()
    made[0].lines.to_parquet(where / "tables" / "persona_lines.parquet")
    made[1].to_parquet(where / "tables" / "persona_plan.parquet")
    manifest = json.loads((where / "manifest.json").read_text(encoding="utf-8"))
    manifest["config"]["currency"] = "IDR"
    (where / "manifest.json").write_text(json.dumps(manifest), encoding="utf-8")
    report.write(where)
    return where


def _page(language: str) -> str:
    return {"en": "cards.html", "id": "cards_id.html"}[language]


@pytest.mark.parametrize("theme", THEMES)
@pytest.mark.parametrize("language", LANGUAGES)
def test_cards_are_silent_and_accessible(
    chrome: Any, folder: Path, language: str, theme: str
) -> None:
    """No request, no complaint, no axe-core violation, in either language and theme."""
    with visit(chrome, folder / _page(language), theme=theme) as seen:
        assert (seen.requests, seen.complaints) == ([], [])
        assert seen.violations() == []
        assert seen.page.get_attribute("html", "lang") == language
        assert seen.page.locator("article.card").count() == 6
        assert seen.page.locator("img, svg, canvas, script").count() == 0


@pytest.mark.parametrize("language", LANGUAGES)
def test_cards_on_a_telephone(chrome: Any, folder: Path, language: str) -> None:
    """The page never scrolls sideways, and the text stays readable."""
    with visit(chrome, folder / _page(language), width=360) as seen:
        assert seen.page.evaluate("document.documentElement.scrollWidth") <= 360
        assert seen.violations() == []
        columns = "getComputedStyle(document.querySelector('.sections')).columnCount"
        assert seen.page.evaluate(columns) == "1"


@pytest.mark.parametrize("language", LANGUAGES)
def test_one_card_a_sheet_of_paper(
    chrome: Any, folder: Path, language: str, tmp_path: Path
) -> None:
    """A plan and five cards make six sheets of A4, each card whole on its own."""
    with visit(chrome, folder / _page(language)) as seen:
        names = [h.inner_text() for h in seen.page.query_selector_all("article h2")]
        pdf = seen.page.pdf(prefer_css_page_size=True, print_background=True)
    sheets = pdf.count(b"/Type /Page\n") + pdf.count(b"/Type /Page ")
    assert len(names) == 6
    assert sheets == 6


def test_reader_goes_from_the_index_to_the_cards_and_to_the_other_language(
    chrome: Any, folder: Path
) -> None:
    """The index leads to the cards, the cards to their twin, in the reader's form."""
    with visit(chrome, folder / "index.html") as seen:
        seen.page.click("text=the cards of the personas")
        assert seen.page.title() == "Personas"
        text = seen.page.inner_text("main")
        assert "No such person exists" in text
        assert "April 1, 2027" in text
        assert "IDR\xa0" in text
        assert "Who to write to first" in text
        seen.page.click("text=Bahasa Indonesia")
        assert seen.page.title() == "Persona"
        text = seen.page.inner_text("main")
        assert "Orang seperti ini tidak ada" in text
        assert "1 April 2027" in text
        assert "Rp" in text
        assert "untuk diisi" in text


def test_a_run_without_personas_has_no_pages_of_them(tmp_path: Path) -> None:
    """No table, no page, no link."""
    where = run_folder.make(tmp_path)
    report.write(where)
    assert not (where / "cards.html").exists()
    assert "cards.html" not in (where / "index.html").read_text(encoding="utf-8")
