"""The report in a real headless Chromium: silent, accessible, readable in both themes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import run_folder
from browser import THEMES, visit

from segwork import report

PAGES = ("index", "10_data_quality", "20_segments", "30_change_points", "60_fairness")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a run folder with its pages."""
    made = run_folder.make(tmp_path_factory.mktemp("run"))
    report.write(made)
    return made


@pytest.mark.parametrize("theme", THEMES)
@pytest.mark.parametrize("name", PAGES)
def test_page_is_silent_and_accessible(chrome: Any, folder: Path, name: str, theme: str) -> None:
    """No request, no console message and no axe-core violation, everything unfolded."""
    with visit(chrome, folder / f"{name}.html", theme=theme) as seen:
        assert seen.requests == []
        assert seen.complaints == []
        for summary in seen.page.query_selector_all("summary"):
            summary.click()
        assert seen.violations() == []


def test_themes_differ(chrome: Any, folder: Path) -> None:
    """The reader's setting decides between light and dark."""
    colours = set()
    for theme in THEMES:
        with visit(chrome, folder / "index.html", theme=theme) as seen:
            script = "getComputedStyle(document.body).backgroundColor"
            colours.add(seen.page.evaluate(script))

    assert len(colours) == 2


def test_policy_stops_script_and_network(chrome: Any, tmp_path: Path) -> None:
    """Even a page that smuggles in a script, a handler, a style and remote files does nothing."""
    smuggled = (
        "<h1>Trap</h1><p style='color: red' id='p'>x</p><script>document.title = 'run'</script>"
        "<img src='http://127.0.0.1:9/x.png' alt='x' onerror=\"document.title = 'run'\">"
        "<link rel='stylesheet' href='http://127.0.0.1:9/x.css'>"
        "<iframe src='http://127.0.0.1:9/'></iframe>"
    )
    page = tmp_path / "trap.html"
    page.write_text(report.page("Trap", smuggled), encoding="utf-8")

    with visit(chrome, page) as seen:
        assert seen.page.title() == "Trap"
        assert sum("Content Security Policy" in line for line in seen.complaints) >= 5
        assert "rgb(255, 0, 0)" not in seen.page.eval_on_selector(
            "#p", "e => getComputedStyle(e).color"
        )


def test_one_switch_shows_all_code(chrome: Any, folder: Path) -> None:
    """The switch needs no script: it shows every folded cell and hides it again."""
    with visit(chrome, folder / "20_segments.html") as seen:
        code = seen.page.locator("details.code pre")
        assert code.count() == 4
        assert not any(code.nth(i).is_visible() for i in range(4))
        seen.page.check("#show-code")
        assert all(code.nth(i).is_visible() for i in range(4))
        seen.page.uncheck("#show-code")
        assert not code.first.is_visible()


def test_failing_cell_is_one_click_away(chrome: Any, folder: Path) -> None:
    """The banner stands at the top, names the cause and leads to the opened cell."""
    with visit(chrome, folder / "30_change_points.html") as seen:
        assert "KeyError: 'gold'" in seen.page.inner_text(".banner")
        seen.page.click(".banner a")
        assert seen.page.is_visible("#cell-2 pre")
        top = seen.page.eval_on_selector("#cell-2", "e => e.getBoundingClientRect().top")
        assert 0 <= top < 900


@pytest.mark.parametrize("name", PAGES)
def test_narrow_screen_never_scrolls_sideways(chrome: Any, folder: Path, name: str) -> None:
    """On a telephone tables scroll by themselves, the page does not."""
    with visit(chrome, folder / f"{name}.html", width=360) as seen:
        for summary in seen.page.query_selector_all("summary"):
            summary.click()
        assert seen.page.evaluate("document.documentElement.scrollWidth") <= 360


def test_hostile_product_is_shown(chrome: Any, folder: Path) -> None:
    """A product called like a script is read as that text, in table and prose."""
    with visit(chrome, folder / "20_segments.html") as seen:
        assert seen.page.inner_text("main").count(run_folder.HOSTILE) == 3


def test_keyboard_reaches_the_content_first(chrome: Any, folder: Path) -> None:
    """The first stop of the tabulator is the link that skips the navigation."""
    with visit(chrome, folder / "index.html") as seen:
        seen.page.keyboard.press("Tab")
        assert seen.page.evaluate("document.activeElement.className") == "skip"
        seen.page.keyboard.press("Enter")
        assert seen.page.evaluate("document.activeElement.id") == "main"
