"""The report without a browser: structure, escaping, sameness, honesty of the verdicts."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import run_folder
from run_folder import HOSTILE

from segwork import report
from segwork.errors import DataError
from segwork.report.clean import fragment, mathml, plain
from segwork.report.markdown import Outline, render

IMAGE = '<img src="data:image/png;base64,AA" alt="c">'
VOID = {"meta", "link", "input", "img", "br", "hr", "col", "wbr"}
REMOTE = re.compile(r"^(?!data:|#|[\w.-]+\.html(?:#|$))")


class Reader(HTMLParser):
    """What a page is made of: elements with attributes, text, and whether tags are balanced."""

    def __init__(self, path: Path) -> None:
        super().__init__(convert_charrefs=True)
        self.elements: list[tuple[str, dict[str, str]]] = []
        self.text = ""
        self.open: list[str] = []
        self.feed(path.read_text(encoding="utf-8"))
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note an element."""
        self.elements.append((tag, {name: value or "" for name, value in attrs}))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        """Check that an end closes what was opened last."""
        assert self.open
        assert self.open.pop() == tag, f"</{tag}> closes another element"

    def handle_data(self, data: str) -> None:
        """Collect the text a reader sees."""
        self.text += data

    def all(self, tag: str) -> list[dict[str, str]]:
        """Return the attributes of every element of one kind."""
        return [attributes for name, attributes in self.elements if name == tag]


def write(folder: Path, **changed: Any) -> dict[str, Reader]:
    """Make a run folder, write its report and read every page."""
    report.write(run_folder.make(folder, changed=changed))
    return {path.stem: Reader(path) for path in sorted(folder.glob("*.html"))}


def pages_of(folder: Path) -> dict[str, bytes]:
    """Return the bytes of every page."""
    return {path.name: path.read_bytes() for path in sorted(folder.glob("*.html"))}


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Reader]:
    """Return every page of the hand-made run, read."""
    return write(tmp_path_factory.mktemp("run"))


def test_every_notebook_of_the_manifest_has_a_page(tmp_path: Path) -> None:
    """Ran, failed, blocked or not asked for: each gets its page, and the index is returned."""
    index = report.write(run_folder.make(tmp_path))

    assert index == tmp_path / "index.html"
    assert set(pages_of(tmp_path)) == {"index.html"} | {
        f"{name}.html" for name in run_folder.manifest()["notebooks"]
    }


def test_pages_are_well_formed(pages: dict[str, Reader]) -> None:
    """Every element is closed, every anchor exists once, every inner link leads somewhere."""
    for page in pages.values():
        assert page.open == []
        anchors = [attributes["id"] for _, attributes in page.elements if "id" in attributes]
        assert len(anchors) == len(set(anchors))
        links = [a["href"] for a in page.all("a") if a.get("href", "").startswith("#")]
        assert {link[1:] for link in links} <= set(anchors)


def test_headings_and_landmarks(pages: dict[str, Reader]) -> None:
    """One first heading, no level skipped, one main part, navigation, and a skip link first."""
    for page in pages.values():
        levels = [int(tag[1]) for tag, _ in page.elements if re.fullmatch(r"h[1-6]", tag)]
        assert levels[0] == 1
        assert levels.count(1) == 1
        assert all(after <= before + 1 for before, after in pairwise(levels))
        assert len(page.all("main")) == len(page.all("header")) == len(page.all("footer")) == 1
        assert page.all("a")[0] == {"class": "skip", "href": "#main"}
        assert all(nav.get("aria-label") or nav.get("aria-labelledby") for nav in page.all("nav"))
        assert page.all("html") == [{"lang": "en"}]


def test_nothing_runs_and_nothing_is_fetched(pages: dict[str, Reader]) -> None:
    """No script, no handler, no form, no reference to anything outside the folder."""
    for page in pages.values():
        names = {tag for tag, _ in page.elements}
        assert not names & {"script", "iframe", "object", "embed", "form", "base", "svg"}
        for tag, attributes in page.elements:
            assert not [name for name in attributes if name.startswith("on") or name == "style"]
            for name in ("src", "href", "srcset", "action", "data", "poster"):
                if name in attributes:
                    assert not REMOTE.match(attributes[name]), (tag, attributes)


def test_policy_names_the_style_it_allows(tmp_path: Path) -> None:
    """The policy forbids everything but data images and the one style sheet, by its hash."""
    report.write(run_folder.make(tmp_path))
    html = (tmp_path / "index.html").read_text(encoding="utf-8")
    style = re.search(r"<style>(.*?)</style>", html, re.S)[1]
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()

    policy = Reader(tmp_path / "index.html").all("meta")[1]["content"]

    assert policy == (
        f"default-src 'none'; img-src data:; style-src 'sha256-{digest}'; "
        "base-uri 'none'; form-action 'none'"
    )
    assert "url(" not in style
    assert "@import" not in style


def test_frame_of_a_page_is_small(tmp_path: Path) -> None:
    """An empty page, and the page of a notebook that never ran, stay under 20 kB."""
    report.write(run_folder.make(tmp_path))

    assert len(report.page("Empty", "<h1>Empty</h1>").encode()) < 20_000
    assert (tmp_path / "60_fairness.html").stat().st_size < 20_000


def test_same_run_same_bytes(tmp_path: Path) -> None:
    """Another folder, another clock, another verification: the pages do not change."""
    first, second = tmp_path / "one", tmp_path / "two" / "deeper"
    report.write(run_folder.make(first))
    run_folder.make(second)
    (second / "timing.json").write_text('{"20_segments": 12.5}', encoding="utf-8")
    (second / "verification.html").write_text("ok", encoding="utf-8")
    report.write(second)

    written = pages_of(second)
    assert written.pop("verification.html") == b"ok"
    assert written == pages_of(first)
    assert not [p for p in second.iterdir() if p.name.startswith(".")]


def test_hostile_text_is_shown_wherever_it_comes_from(tmp_path: Path) -> None:
    """Run name, question, parameter, message, finding, config, decision: shown, never run."""
    changed = run_folder.manifest()
    changed["name"] = f"name {HOSTILE}"
    changed["versions"] = {HOSTILE: HOSTILE}
    changed["data"] = {HOSTILE: HOSTILE}
    changed["config"] = {"tables": {"transactions": {"path": HOSTILE, HOSTILE: "x"}}}
    entry = changed["notebooks"]["30_change_points"]
    entry.update(message=HOSTILE, cell_title=HOSTILE, parameters={HOSTILE: HOSTILE})
    folder = run_folder.make(tmp_path, changed=changed)
    finding = {**run_folder.findings()[0], "message": HOSTILE, "code": HOSTILE, "unit": HOSTILE}
    (folder / "findings.json").write_text(json.dumps([finding]), encoding="utf-8")
    (folder / "decision.md").write_text(f"# Decided {HOSTILE}\n\n{HOSTILE}", encoding="utf-8")
    facts = {"facts": {HOSTILE: HOSTILE}, "units": {HOSTILE: HOSTILE}}
    (folder / "facts" / "20_segments.json").write_text(json.dumps(facts), encoding="utf-8")

    report.write(folder)

    for name, least in (("index", 12), ("20_segments", 8), ("30_change_points", 5)):
        page = Reader(folder / f"{name}.html")
        assert not page.all("script")
        assert page.text.count(HOSTILE) >= least, name


@pytest.mark.parametrize(
    ("html", "expected"),
    [
        ("<img src=x onerror=alert(1)>", ""),
        ("<img src='http://a.b/c.png' alt='c'>", ""),
        ("<a href='javascript:alert(1)'>go</a>", "<a>go</a>"),
        ("<b onclick='alert(1)' style='color:red'>x</b>", "<b>x</b>"),
        ("<style>b { color: red }</style><i>x</i>", "<i>x</i>"),
        ("<iframe src='http://a.b'></iframe>", "&lt;iframe src='http://a.b'&gt;&lt;/iframe&gt;"),
        ("<h1>big</h1>", "<p><strong>big</strong></p>"),
        ("<p>never closed", "<p>never closed</p>"),
        ("<b>x</b></main>", "<b>x</b>&lt;/main&gt;"),
        ("<a href='data:text/html,x'>go</a>", "<a>go</a>"),
        ("<img src='data:image/png;base64,AA' alt='c'>", IMAGE),
        ("<img src='data:text/html,x' alt='c'>", ""),
    ],
)
def test_html_outside_the_allow_list_is_text(html: str, expected: str) -> None:
    """Outputs may bring tables and plain mark-up; everything else is gone or shown as text."""
    assert fragment(html) == expected


def test_long_column_names_may_break() -> None:
    """Headings break after an underscore; addresses and classes in them are left alone."""
    html = fragment('<table><tr><th class="a_b"><a href="c_d.html">e_f</a></th><td>g_h</td></tr>')

    assert '<th class="a_b"><a href="c_d.html">e_<wbr>f</a></th>' in html
    assert "<td>g_h</td>" in html


def test_pandas_table_keeps_its_shape() -> None:
    """A frame's own HTML loses its style block and gets a wrapper that scrolls."""
    import pandas as pd

    html = fragment(pd.DataFrame({"a": [1], "b": ["<x>"]})._repr_html_())

    assert html.strip().startswith("<div>")
    assert '<div class="scroll" role="group" aria-label="Table" tabindex="0"><table' in html
    assert "&lt;x&gt;" in html
    assert "dataframe tbody tr" not in html
    assert "<th></th>" not in html


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        ("\x1b[0;31mKeyError\x1b[0m", "KeyError"),
        ("a\rb\rc", "c"),
        ("fit:  40%|####      | 4/10 [00:02<00:03,  1.9it/s]", ""),
        ("orders: 5000 rows [00:02, 2150.17 rows/s]", ""),
        ("[12:30] opened, [12:31] closed", "[12:30] opened, [12:31] closed"),
        ("157/157 [==============================] - 1s", ""),
        ("\x1b[1m12/12\x1b[0m \x1b[32m━━━━━━━━━\x1b[0m 0s 3ms/step", ""),
        ("2026-11-22 08:00:00.1: I tensorflow/core cpu_feature_guard.cc", ""),
        ("I0000 00:00:1763798400.1 cpu_utils.cc", ""),
        ("<Fit at 0x7f3a5c0b1d90>", "<Fit at 0x…>"),
        ("/tmp/ipykernel_123/456.py:3: UserWarning: few rows", "<cell>:3: UserWarning: few rows"),
        ("File /home/me/x/lib/site-packages/a.py:1", "File …/site-packages/a.py:1"),
        ("see https://example.org/notebooks/a", "see https://example.org/notebooks/a"),
        ("50 % | 5 of 10", "50 % | 5 of 10"),
    ],
)
def test_text_of_outputs_is_cleaned(raw: str, expected: str) -> None:
    """Terminal codes, progress, dated log lines, addresses and folders go; words stay."""
    assert plain(raw) == expected


def test_progress_and_widgets_leave_no_trace(pages: dict[str, Reader]) -> None:
    """A progress bar on stderr and a live widget are not part of the page."""
    assert "it/s" not in pages["20_segments"].text
    assert "0%|" not in pages["20_segments"].text
    assert "ok <Fit at 0x…>" in pages["20_segments"].text


def test_streams_cut_differently_give_the_same_page() -> None:
    """How a kernel cuts its stream into pieces depends on the clock, the page does not."""
    from segwork.report.cells import body

    def cell(*texts: str) -> dict[str, Any]:
        outputs = [{"output_type": "stream", "name": "stdout", "text": text} for text in texts]
        return {"cell_type": "code", "source": "x", "metadata": {}, "outputs": outputs}

    assert body([cell("one\ntwo\n")], Outline()) == body([cell("on", "e\n", "two\n")], Outline())


def test_figures_are_described(pages: dict[str, Reader]) -> None:
    """Every figure of the run has its text and its size."""
    (figure,) = pages["20_segments"].all("img")

    assert figure["alt"].startswith("Bar chart: loyal customers")
    assert (figure["width"], figure["height"]) == ("770", "352")
    assert not [p for p in pages["20_segments"].all("p") if p.get("class") == "no-alt"]
    assert "no text description" not in pages["index"].text


def test_figure_without_description_is_called_out(tmp_path: Path) -> None:
    """A figure that came without alt text carries a note that says so."""
    folder = run_folder.make(tmp_path)
    path = folder / "notebooks" / "20_segments.ipynb"
    notebook = json.loads(path.read_text(encoding="utf-8"))
    for cell in notebook["cells"]:
        for output in cell.get("outputs", ()):
            if "image/png" in output.get("data", {}):
                output["metadata"] = {}
    path.write_text(json.dumps(notebook), encoding="utf-8")

    report.write(folder)

    page = Reader(folder / "20_segments.html")
    assert [p for p in page.all("p") if p.get("class") == "no-alt"]
    assert "This figure has no text description" in page.text
    assert "1 figure has no text description" in Reader(folder / "index.html").text


def test_failing_cell_stands_at_the_top(pages: dict[str, Reader]) -> None:
    """The banner comes before everything but the title, links the cell, and that cell is open."""
    page = pages["30_change_points"]

    assert page.text.index("No result to rely on: failed.") < page.text.index("Method\n")
    assert {"href": "#cell-2"} in page.all("a")
    assert {"class": "code failed", "open": "", "id": "cell-2"} in page.all("details")


def test_error_named_by_the_notebook_when_the_engine_names_none(tmp_path: Path) -> None:
    """Without cell or message in the manifest the error output itself is used."""
    changed = run_folder.manifest()
    changed["notebooks"]["30_change_points"] = {"status": "failed"}

    page = write(tmp_path, **changed)["30_change_points"]

    assert {"href": "#cell-2"} in page.all("a")
    assert "KeyError: 'gold'" in page.text


@pytest.mark.parametrize("status", ["timeout", "died", "contract", "blocked", "interrupted"])
def test_every_way_to_break_off_is_loud(tmp_path: Path, status: str) -> None:
    """Each status that is no success is red on the page, on the index, and asks for attention."""
    changed = run_folder.manifest()
    changed["notebooks"] = {"20_segments": {"status": status, "message": f"because {status}"}}

    pages = write(tmp_path, **changed)

    for page in (pages["20_segments"], pages["index"]):
        assert {"class": "badge bad"} in page.all("span")
        assert f"because {status}" in page.text


@pytest.mark.parametrize(
    ("findings", "status", "tone"),
    [
        ([], "ok", "none"),
        (["passed"], "ok", "good"),
        (["passed", "inconclusive"], "ok", "open"),
        (["passed", "warned", "inconclusive"], "ok", "warn"),
        (["passed", "warned", "failed"], "ok", "bad"),
        (["not_applicable"], "ok", "none"),
        (["skipped"], "skipped", "none"),
        (["waived", "passed"], "ok", "warn"),
        (["something new"], "ok", "open"),
        (["passed"], "something new", "open"),
    ],
)
def test_verdict_is_the_most_urgent_answer(
    tmp_path: Path, findings: list[str], status: str, tone: str
) -> None:
    """Not applicable, not asked for, not judged and unknown never look like a success."""
    changed = {**run_folder.manifest(), "notebooks": {"20_segments": {"status": status}}}
    folder = run_folder.make(tmp_path, changed=changed)
    judged = [
        {**run_folder.findings()[1], "status": word, "code": f"SEG-C8{i}"}
        for i, word in enumerate(findings)
    ]
    (folder / "findings.json").write_text(json.dumps(judged), encoding="utf-8")

    report.write(folder)

    for name in ("index", "20_segments"):
        first = next(
            a for a in Reader(folder / f"{name}.html").all("span") if "badge" in a["class"]
        )
        assert first == {"class": f"badge {tone}"}, name


def test_index_says_the_verdict_in_one_sentence(pages: dict[str, Reader]) -> None:
    """Counted by hand: five notebooks, one not asked for, two of four ran; five gates judged."""
    assert (
        "2 of 4 notebooks ran. 1 not run. Of 5 gates judged: 1 failed, 1 warned, "
        "1 inconclusive, 1 waived, 1 passed."
    ) in pages["index"].text


def test_attention_comes_in_order_of_urgency(pages: dict[str, Reader]) -> None:
    """Broken notebooks, failed gates, warnings, open questions; passed gates are not listed."""
    text = pages["index"].text
    listed = text[text.rindex("Needs attention") : text.rindex("Headline numbers")]
    positions = [listed.index(code) for code in ("KeyError", "SEG-C91", "SEG-Q91", "SEG-C93")]

    assert positions == sorted(positions)
    assert "SEG-C92" not in listed


def test_trend_only_against_a_named_baseline(tmp_path: Path) -> None:
    """Worse, better, unchanged follow the direction of the limit; without a baseline, silence."""
    values = {"SEG-C91": 0.55, "SEG-Q91": 0.2493, "SEG-C92": 6}
    named = write(tmp_path / "a", baseline={"name": "last-quarter", "values": values})["index"]
    alone = write(tmp_path / "b")["index"]

    assert "▼ worse, was 0.55 in last-quarter" in named.text
    assert "▼ better, was 6 segments in last-quarter" in named.text
    assert "the same in last-quarter" in named.text
    assert not re.search(r"worse|better|the same|Against", alone.text)


def test_decision_is_shown_or_asked_for(tmp_path: Path) -> None:
    """With a decision.md its words stand on the page, otherwise how to write one."""
    folder = run_folder.make(tmp_path)
    report.write(folder)
    assert "Nobody has recorded a decision" in Reader(folder / "index.html").text

    (folder / "decision.md").write_text("**A. Keeper** keeps five segments.", encoding="utf-8")
    report.write(folder)
    text = Reader(folder / "index.html").text
    assert "A. Keeper keeps five segments." in text
    assert "Nobody has recorded" not in text


def test_password_in_an_address_is_hidden(pages: dict[str, Reader]) -> None:
    """A database address in the config is shown without its password."""
    assert "postgresql://me:…@host/db" in pages["index"].text
    assert "secret" not in pages["index"].text


def test_origin_says_what_made_the_run(pages: dict[str, Reader]) -> None:
    """Data fingerprint, parameters, versions and the state of the code stand on the index."""
    text = pages["index"].text

    assert run_folder.manifest()["data"]["transactions"] in text
    assert "0614135, with uncommitted changes" in text
    assert "20_segments.k" in text
    assert "3.1.1" in text


def test_maths_becomes_mathml(pages: dict[str, Reader]) -> None:
    """Formulas are MathML elements, in line and on their own, with no dollar sign left."""
    kinds = [attributes["display"] for attributes in pages["20_segments"].all("math")]

    assert kinds == ["inline", "block", "inline"]
    assert "$" not in pages["20_segments"].text


def test_text_inside_maths_cannot_break_out() -> None:
    """The converter copies text through; the page must not."""
    html = mathml(r"\text{<script>alert(1)</script>}\href{javascript:alert(1)}{x}", block=False)

    assert "script" not in html


def test_maths_that_cannot_be_read_is_shown_as_written() -> None:
    """A formula with a fault stays readable as source."""
    assert mathml(r"\left( x < 1", block=False) == r"<code>\left( x &lt; 1</code>"


def test_outline_never_skips_and_never_repeats() -> None:
    """Levels are closed up, equal titles get numbered anchors, maths leaves clean anchors."""
    outline = Outline()
    render("# T $x$\n\n#### a\n\n## a\n\n# é $y$\n\n###### b\n\n## main", outline=outline)

    assert outline.title == "T"
    assert [(level, anchor) for level, anchor, _ in outline.entries] == [
        (2, "a"),
        (2, "a-2"),
        (2, "e"),
        (3, "b"),
        (2, "main-2"),
    ]


def test_pictures_in_prose() -> None:
    """A pasted picture is embedded; one from elsewhere is named and not fetched."""
    pasted = {"a.png": {"image/png": "iVBORw0KGgo="}}

    assert '<img src="data:image/png;base64,iVBORw0KGgo=" alt="plan">' in render(
        "![plan](attachment:a.png)", attachments=pasted
    )
    assert "<img" not in render("![logo](https://example.org/x.png)")


def test_folder_of_no_run_is_refused(tmp_path: Path) -> None:
    """A folder without manifest, or with a broken one, is a sentence and nothing is written."""
    with pytest.raises(DataError, match=r"manifest\.json is missing"):
        report.write(tmp_path)
    (tmp_path / "manifest.json").write_text("{", encoding="utf-8")
    with pytest.raises(DataError, match="not readable JSON"):
        report.write(tmp_path)

    assert pages_of(tmp_path) == {}
