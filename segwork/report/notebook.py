"""The page of one notebook."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

from segwork.report.cells import body, failing_cell
from segwork.report.clean import plain
from segwork.report.folder import Finding, JudgedRun
from segwork.report.layout import Html, badge, link, mark, page, table
from segwork.report.markdown import Outline
from segwork.results import display
from segwork.runs.folder import RAN, Entry
from segwork.runs.names import visible

BROKE_OFF = "It broke off; nothing after the failing cell was computed."
NOT_FINE = {
    "blocked": "It was not run, because a notebook it needs did not finish.",
    "skipped": "It was not asked for in this run. Nothing here counts as passed.",
    "interrupted": "The run was stopped before it could finish.",
    "contract": "It ran to its end but did not leave what it promises.",
}


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


def notebook_page(run: JudgedRun, notebook: str) -> str:
    """Return the whole page of one notebook."""
    cells, entry = run.files.cells(notebook), run.notebooks[notebook]
    failed = _failed_number(cells, entry)
    outline = Outline()
    lead = cells[:1] if cells and cells[0]["cell_type"] == "markdown" else []
    opening = body(lead, outline)
    judged = _judged(run.judged(notebook), outline)
    rest = body(cells[len(lead) :], outline, failed=failed)
    parts = [
        f'<p class="name">{escape(visible(notebook))}</p>',
        f"<h1>{escape(outline.title or in_words(notebook))}</h1>",
        f'<p class="verdict">{badge(run.verdict(notebook))} {escape(_sentence(run, notebook))}</p>',
        _banner(cells, entry, failed),
        f'<div class="lead">{opening}</div>' if opening else "",
        judged,
        rest,
        _facts(run.files.recorded(notebook), outline),
        _made_with(entry, outline),
    ]
    return page(
        f"{outline.title or visible(notebook)} · {run.manifest.get('name', 'segwork')}",
        "\n".join(part for part in parts if part),
        contents=outline.entries,
        navigation=_navigation(run, notebook),
        toggle=bool(cells),
        footer=footer(run),
    )


def _findings_table(findings: Sequence[Finding], caption: str) -> Html:
    """Return findings as a table: verdict, sentence with value and limit, and what it rests on."""
    rows = [
        (
            Html(f"<code>{escape(finding['code'])}</code>"),
            badge(finding["status"]),
            Html(f'<span class="sentence">{escape(finding["message"])}</span>'),
            finding.get("severity", ""),
            display(finding.get("n")),
        )
        for finding in findings
    ]
    header = ("Gate", "Verdict", "Finding", "Severity", "n")
    if all(finding.get("n") is None for finding in findings):
        header, rows = header[:-1], [row[:-1] for row in rows]
    return table(caption, header, rows, numbers="4")


def footer(run: JudgedRun) -> str:
    """Return the line below every page of a run: what it is about, nothing about the clock."""
    as_of = escape(str(run.manifest.get("as_of", "unknown date")))
    name = escape(str(run.manifest.get("name", "")))
    return (
        f"Run <strong>{name}</strong>, data before {as_of}. This page needs no network and runs "
        'no script. <a href="index.html">All notebooks</a>'
    )


def _failed_number(cells: list[Any], entry: Entry) -> int | None:
    """Return the code cell to point at: the one the engine names, else the first with an error."""
    if entry.status == RAN:
        return None
    if entry.cell is not None:
        return entry.cell
    found = failing_cell(cells)
    return found[0] if found else None


def _banner(cells: list[Any], entry: Entry, failed: int | None) -> str:
    status = entry.status
    if status in (RAN, "skipped"):
        return ""
    found = failing_cell(cells)
    error = f"{found[1]['ename']}: {found[1]['evalue']}" if found else ""
    cause = plain(str(entry.message or error or NOT_FINE.get(status, "")))
    where = entry.cell_title
    place = (
        f'<a href="#cell-{failed}">Go to code {failed}{escape(f" in “{where}”" if where else "")}'
        "</a>"
        if failed and cells
        else ""
    )
    return (
        f'<div class="banner" role="note" aria-label="Failure"><p><strong>No result to rely on: '
        f"{escape(mark(status).word)}.</strong></p>"
        f'<p class="cause">{escape(cause)}</p>{f"<p>{place}</p>" if place else ""}</div>'
    )


def _sentence(run: JudgedRun, notebook: str) -> str:
    status = run.notebooks[notebook].status
    if status != RAN:
        return NOT_FINE.get(status, BROKE_OFF)
    judged = run.judged(notebook)
    if not judged:
        return "It ran to its end; no gate judges it."
    return f"{len(judged)} gate{'s' if len(judged) > 1 else ''}: {run.counted(notebook)}."


def _judged(findings: Sequence[Finding], outline: Outline) -> str:
    if not findings:
        return ""
    return outline.add(2, "What was judged") + _findings_table(
        findings, "Gates of this notebook, the most urgent first"
    )


def _facts(recorded: Mapping[str, Any], outline: Outline) -> str:
    facts, units = recorded.get("facts", {}), recorded.get("units", {})
    if not facts:
        return ""
    rows = [(name, display(value, units.get(name, ""))) for name, value in sorted(facts.items())]
    return (
        outline.add(2, "Recorded facts")
        + f"<details><summary>All {len(rows)} facts this notebook recorded</summary>"
        + table("Facts, rounded; exact values are in the facts folder", ("Fact", "Value"), rows)
        + "</details>"
    )


def _made_with(entry: Entry, outline: Outline) -> str:
    rows = [(f"parameter {k}", v) for k, v in sorted(entry.parameters.items())]
    tables = {"reads": entry.reads, "leaves": entry.leaves}
    rows += [(word, ", ".join(names)) for word, names in tables.items() if names]
    if not rows:
        return ""
    return outline.add(2, "Made with") + table("Parameters and tables", ("What", "Value"), rows)


def _navigation(run: JudgedRun, notebook: str) -> str:
    names = list(run.notebooks)
    here = names.index(notebook)
    links: list[str] = ['<a class="home" href="index.html">All notebooks</a>']
    if here > 0:
        before = names[here - 1]
        links.append(link(before, f"← {before}", attributes=' rel="prev"'))
    if here + 1 < len(names):
        after = names[here + 1]
        links.append(link(after, f"{after} →", attributes=' rel="next"'))
    return "".join(links)
