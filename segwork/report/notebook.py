"""The page of one notebook: the answer first, then how it was found, then what it rests on."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from markupsafe import Markup

from segwork.report.cells import appendix, body, failing_cell
from segwork.report.clean import plain
from segwork.report.folder import Finding, JudgedRun
from segwork.report.layout import badge, drawn, link, page
from segwork.report.markdown import Outline, render
from segwork.results import Status, display
from segwork.runs.files import Json
from segwork.runs.folder import RAN, Entry
from segwork.runs.names import visible

BROKE_OFF = "It broke off; nothing after the failing cell was computed."
NOT_FINE = {
    "blocked": "It was not run, because a notebook it needs did not finish.",
    "skipped": "It was not asked for in this run. Nothing here counts as passed.",
    "interrupted": "The run was stopped before it could finish.",
    "contract": "It ran to its end but did not leave what it promises.",
}
ANSWER = {"found": "What was found", "means": "What it means", "do": "What to do"}


class Rows(NamedTuple):
    """A table for a template: header, rows, and which columns are numbers."""

    header: Sequence[object]
    rows: Sequence[Sequence[object]]
    numbers: str = ""


def title(run: JudgedRun, notebook: str) -> str:
    """Return the question a notebook asks, else its name in words."""
    outline = Outline()
    for cell in run.files.cells(notebook):
        if cell["cell_type"] == "markdown" and not outline.title:
            body([cell], outline)
    return outline.title or in_words(notebook)


def in_words(notebook: str) -> str:
    """Return the name of a notebook as a title."""
    return visible(notebook).replace("_", " ")


def answer(run: JudgedRun, notebook: str) -> list[tuple[str, Markup]]:
    """Return what was found, what it means and what to do, as the notebook recorded it."""
    recorded = run.files.recorded(notebook).get("answer")
    known = recorded if isinstance(recorded, dict) else {}
    return [
        (words, Markup(render(str(known[name]))))
        for name, words in ANSWER.items()
        if known.get(name)
    ]


def notebook_page(run: JudgedRun, notebook: str) -> str:
    """Return the whole page of one notebook."""
    cells, entry = run.files.cells(notebook), run.notebooks[notebook]
    failed = _failed_number(cells, entry)
    outline = Outline()
    lead = cells[:1] if cells and cells[0]["cell_type"] == "markdown" else []
    opening = body(lead, outline)
    judged = _judged(run.judged(notebook), outline)
    rest = body(cells[len(lead) :], outline, failed=failed, complete=entry.status == RAN)
    details = appendix(cells)
    details_heading = outline.add(2, "Appendix") if details else ""
    facts, made = _facts(run.files.recorded(notebook)), _made_with(entry)
    html = drawn(
        "notebook.html",
        notebook=notebook,
        heading=outline.title or in_words(notebook),
        verdict=run.verdict(notebook),
        sentence=_sentence(run, notebook),
        banner=_banner(cells, entry),
        entry=entry,
        failed=failed if cells else None,
        answer=answer(run, notebook),
        opening=Markup(opening),
        **judged,
        rest=Markup(rest),
        details=Markup(details_heading + details),
        facts=facts,
        facts_heading=Markup(outline.add(2, "Recorded facts") if facts else ""),
        made=made,
        made_heading=Markup(outline.add(2, "Made with") if made else ""),
    )
    return page(
        f"{outline.title or visible(notebook)} · {run.manifest.get('name', 'segwork')}",
        html,
        contents=outline.entries,
        navigation=_navigation(run, notebook),
        toggle=bool(cells),
        footer=footer(run),
    )


def _judged(findings: Sequence[Finding], outline: Outline) -> dict[str, Markup | Rows | None]:
    """Return heading and tables of the gates: who ask for a look, passed, or do not apply."""
    parts = {"passed": [Status.PASSED], "absent": [Status.NOT_APPLICABLE, Status.SKIPPED]}
    quiet = {name: [f for f in findings if f["status"] in own] for name, own in parts.items()}
    asked = [f for f in findings if not any(f in own for own in quiet.values())]
    return {
        "judged": Markup(outline.add(2, "What was judged") if findings else ""),
        **{n: _findings_table(own) for n, own in {"findings": asked, **quiet}.items()},
    }


def _findings_table(findings: Sequence[Finding]) -> Rows | None:
    """Return findings as a table; the sentence comes first, where a phone shows it unscrolled."""
    if not findings:
        return None
    header = ["Finding", "Verdict", "Gate", "Severity", "n"]
    rows = [
        [
            Markup('<span class="sentence">{}</span>').format(finding["message"]),
            badge(finding["status"]),
            Markup("<code>{}</code>").format(finding["code"]),
            finding.get("severity", ""),
            display(finding.get("n")),
        ]
        for finding in findings
    ]
    if all(finding.get("n") is None for finding in findings):
        return Rows(header[:-1], [row[:-1] for row in rows])
    return Rows(header, rows)


def footer(run: JudgedRun) -> Markup:
    """Return the line below every page of a run: what it is about, nothing about the clock."""
    sentence = (
        "Run <strong>{}</strong>, data before {}. This page needs no network and runs no script."
        ' <a href="index.html">All notebooks</a>'
    )
    name, as_of = run.manifest.get("name", ""), run.manifest.get("as_of", "unknown date")
    return Markup(sentence).format(name, as_of)


def _failed_number(cells: list[Json], entry: Entry) -> int | None:
    """Return the code cell to point at: the one the engine names, else the first with an error."""
    if entry.status == RAN:
        return None
    if entry.cell is not None:
        return entry.cell
    found = failing_cell(cells)
    return found[0] if found else None


def _banner(cells: list[Json], entry: Entry) -> str:
    """Return why there is no result to rely on; empty where there is one."""
    if entry.status in (RAN, "skipped"):
        return ""
    found = failing_cell(cells)
    error = f"{found[1]['ename']}: {found[1]['evalue']}" if found else ""
    return plain(entry.message or error or NOT_FINE.get(entry.status, "")) or BROKE_OFF


def _sentence(run: JudgedRun, notebook: str) -> str:
    status = run.notebooks[notebook].status
    if status != RAN:
        return NOT_FINE.get(status, BROKE_OFF)
    judged = run.judged(notebook)
    if not judged:
        return "It ran to its end; no gate judges it."
    return f"{len(judged)} gate{'s' if len(judged) > 1 else ''}: {run.counted(notebook)}."


def _facts(recorded: Json) -> list[tuple[str, str]]:
    units = recorded["units"]
    return [
        (name, display(value, units.get(name, "")))
        for name, value in sorted(recorded["facts"].items())
    ]


def _made_with(entry: Entry) -> list[tuple[str, object]]:
    rows: list[tuple[str, object]] = [
        (f"parameter {name}", value) for name, value in sorted(entry.parameters.items())
    ]
    for word, tables in (("reads", entry.reads), ("leaves", entry.leaves)):
        if tables:
            rows.append((word, ", ".join(tables)))
    return rows


def _navigation(run: JudgedRun, notebook: str) -> Markup:
    names = list(run.notebooks)
    here = names.index(notebook)
    links = [Markup('<a class="home" href="index.html">All notebooks</a>')]
    if here > 0:
        links.append(link(names[here - 1], f"← {names[here - 1]}", rel="prev"))
    if here + 1 < len(names):
        links.append(link(names[here + 1], f"{names[here + 1]} →", rel="next"))
    return Markup("").join(links)
