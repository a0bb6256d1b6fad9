"""What is looked for on pages: each complaint is seen once, and a sound page has none."""

from __future__ import annotations

import pytest

from benchmarks import pages

SOUND = (
    '<main><h2 id="result">Result</h2><p>The picture shows IDR 12 (9 %) more.</p>'
    '<div class="outputs"><figure><img alt="x"></figure></div><h2 id="limits">Limits</h2>'
    '<p>None of them.</p><a href="20_segments.html">on</a></main>'
)


def said(html: str) -> list[str]:
    """Return the complaints of a page of a run in rupiah."""
    return list(pages.complaints(html, notebooks=["20_segments"], currency="IDR"))


def test_a_sound_page_has_no_complaint() -> None:
    """A picture that is there, money of the run, a link that leads somewhere."""
    assert said(SOUND) == []


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("12", "nan", "missing value"),
        ("12", "-0.0", "minus nought"),
        ("12", "8e-298", "exponent"),
        ("9 %", "9%", "without its space"),
        ("IDR", "GBP", "money in GBP"),
        ("20_segments.html", "40_dynamics.html", "link to 40_dynamics"),
        ('<figure><img alt="x"></figure>', "<p>3</p>", "no figure after it"),
    ],
)
def test_each_complaint_is_seen(old: str, new: str, words: str) -> None:
    """One thing made wrong, one complaint."""
    found = said(SOUND.replace(old, new))
    assert len(found) == 1
    assert words in found[0]
