"""The verdict page: what the run says in ten seconds, then everything it rests on."""

from __future__ import annotations

import re
from collections.abc import Mapping
from html import escape
from typing import Any

from segwork.report.cells import undescribed
from segwork.report.clean import plain
from segwork.report.folder import RAN, Finding, RunFolder, by_urgency, flat
from segwork.report.layout import Html, badge, mark, page, table
from segwork.report.markdown import Outline, render
from segwork.report.notebook import footer, title
from segwork.responsible import responsibilities
from segwork.results import YES_NO, display

HEADLINES = 6
ATTENTION = ("failed", "warned", "inconclusive")
UNDECIDED = """\
Nobody has recorded a decision for this run. The numbers do not decide; a named person does.
Write `decision.md` into the folder of this run: who decides, what was decided, on which of the
findings above, and until when it holds. The next `segwork run` shows it here; nothing is
computed anew for it.
"""


def index_page(run: RunFolder) -> str:
    """Return the page that opens a run."""
    outline = Outline(title=str(run.manifest.get("name", "run")))
    sections = (
        ("Notebooks", _notebooks(run)),
        ("Needs attention", _attention(run)),
        ("Headline numbers", _headlines(run)),
        ("Every gate", _every_gate(run)),
        ("Who decides", _decision(run)),
        ("Who answers for what", _responsible(run)),
        ("Can it be repeated?", _verification()),
        ("What it was made from", _origin(run)),
    )
    body = [
        '<p class="name">Segmentation run</p>',
        f"<h1>{escape(outline.title)}</h1>",
        f'<p class="verdict">{badge(_overall(run))} {escape(_sentence(run))}</p>',
        f'<p class="lead">{escape(_about(run))}</p>',
    ]
    for heading, html in sections:
        if html:
            body += [outline.add(2, heading), html]
    return page(
        f"{outline.title} · segwork",
        "\n".join(body),
        contents=outline.entries,
        navigation='<a class="home" href="#main" aria-current="page">All notebooks</a>',
        footer=footer(run),
    )


def _about(run: RunFolder) -> str:
    manifest = run.manifest
    text = f"Data before {manifest.get('as_of', '?')}, seed {manifest.get('seed', '?')}."
    purpose = manifest.get("config", {}).get("purpose")
    return text if purpose is None else f"{text} Purpose: {purpose or 'not declared'}."


def _overall(run: RunFolder) -> str:
    """Return the most urgent verdict; a run in which nothing ran is not a success."""
    verdicts = [run.verdict(notebook) for notebook in run.notebooks]
    told = [v for v in verdicts if v not in ("skipped", "no_gates", "not_applicable")]
    return min(told or verdicts or ["skipped"], key=lambda verdict: mark(verdict).rank)


def _sentence(run: RunFolder) -> str:
    statuses = [entry.get("status") for entry in run.notebooks.values()]
    asked = [status for status in statuses if status != "skipped"]
    ran = sum(status == RAN for status in asked)
    start = f"{ran} of {len(asked)} notebooks ran."
    if ran == len(asked):
        start = f"All {ran} notebooks ran." if ran > 1 else f"{ran} notebook ran."
    if len(asked) < len(statuses):
        start += f" {len(statuses) - len(asked)} not run."
    counts = run.counts()
    judged = sum(n for status, n in counts.items() if status not in ("skipped", "not_applicable"))
    if not judged:
        return f"{start} No gate could be judged."
    parts = [f"{counts[s]} {mark(s).word}" for s in (*ATTENTION, "waived", "passed") if counts[s]]
    required = sum(f["status"] == "failed" and run.is_required(f) for f in run.findings)
    strict = f" Required gates that failed: {required}." if required else ""
    return f"{start} Of {judged} gates judged: {', '.join(parts)}.{strict}"


def _attention(run: RunFolder) -> str:
    items = [
        f'<li>{badge(entry["status"])}<span><a href="{name}.html">{escape(title(run, name))}</a> '
        f"{escape(plain(str(entry.get('message') or '')))}</span></li>"
        for name, entry in run.notebooks.items()
        if entry.get("status") not in (RAN, "skipped")
    ]
    silent = {name: undescribed(run.document(name)) for name in run.notebooks}
    items += [_silent_figures(name, count) for name, count in silent.items() if count]
    items += [_urgent(run, f) for f in by_urgency(run.findings) if f["status"] in ATTENTION]
    if items:
        return f'<ul class="attention">{"".join(items)}</ul>'
    return "<p>Nothing: no notebook broke off and no gate asks for a look.</p>"


def _silent_figures(name: str, count: int) -> str:
    said = "figure has" if count == 1 else "figures have"
    return (
        f"<li>{badge('warned')}<span>{count} {said} no text description, so not everybody can "
        f'read <a href="{name}.html">{name}</a></span></li>'
    )


def _urgent(run: RunFolder, finding: Finding) -> str:
    gate = run.gates.get(finding["code"])
    why = (
        f' <span class="why">Why: {escape(gate.why.rstrip("."))}.</span>'
        if gate and gate.why
        else ""
    )
    name = run.notebook_of(finding)
    link = f' <a href="{name}.html">{name}</a>' if name in run.notebooks else ""
    weight = f"{finding.get('severity') or ''}{', required' if run.is_required(finding) else ''}"
    return (
        f'<li><span>{badge(finding["status"])}<br><small class="why">{escape(weight)}</small>'
        f"</span><span><code>{escape(finding['code'])}</code> "
        f"{escape(finding['message'])}{why}{link}</span></li>"
    )


def _notebooks(run: RunFolder) -> Html:
    rows = []
    for name, entry in run.notebooks.items():
        link = f'<a href="{name}.html">{escape(title(run, name))}</a><br><small>{name}</small>'
        gates = f'<br><small class="why">{run.told(name) or "no gates"}</small>'
        ran = badge(str(entry.get("status", "unknown")))
        rows.append((Html(link), ran, Html(badge(run.verdict(name)) + gates)))
    header = ("Notebook", "Execution", "Verdict of its gates")
    return table("Verdict by notebook", header, rows)


def _headlines(run: RunFolder) -> str:
    """Large numbers: those with a limit first, then required gates, then the most urgent."""
    valued = [f for f in by_urgency(run.findings) if f.get("value") is not None]
    valued.sort(key=lambda f: (f.get("limit") is None, not run.is_required(f)))
    cards = "".join(_card(run, finding) for finding in valued[:HEADLINES])
    return f'<ul class="cards">{cards}</ul>' if cards else ""


def _card(run: RunFolder, finding: Finding) -> str:
    change, value = _change(run, finding), display(finding["value"], finding.get("unit") or "")
    number, _, unit = value.partition(" ")
    small = f" <small>{escape(unit)}</small>" if len(unit) > 1 else escape(f" {unit}".rstrip())
    return (
        f"<li>{badge(finding['status'])}"
        f'<span class="value">{escape(number)}{small}</span> '
        f'<span class="what">{escape(_name(run, finding))}</span> '
        f'<span class="limit">{escape(_limit(run, finding))}'
        f"{escape(f' · {change} in {run.baseline_name}' if change else '')}</span></li>"
    )


def _limit(run: RunFolder, finding: Finding) -> str:
    """Return the limit with its direction, as the run's config or the policy has it."""
    if finding.get("limit") is None:
        return "its own test"
    if finding.get("unit") == YES_NO:
        return f"limit: {display(finding['limit'], YES_NO)}"
    word = "at most" if _higher_is_worse(run, finding) else "at least"
    return f"limit: {word} {display(finding['limit'], finding.get('unit') or '')}"


def _higher_is_worse(run: RunFolder, finding: Finding) -> bool:
    own = (run.manifest.get("config", {}).get("limits") or {}).get(finding["code"], {})
    if own.get("at_most") is not None or own.get("at_least") is not None:
        return own.get("at_most") is not None
    gate = run.gates.get(finding["code"])
    return gate.at_most is not None if gate else "at least" not in finding["message"]


def _name(run: RunFolder, finding: Finding) -> str:
    """Say what a gate is about: its title, or how its sentence begins."""
    gate = run.gates.get(finding["code"])
    return gate.title if gate else str(finding["message"]).partition(":")[0]


def _change(run: RunFolder, finding: Finding) -> str:
    """Say what the number was in the named baseline run, and whether it got better."""
    before = run.baseline.get(finding["code"])
    value, unit = finding.get("value"), finding.get("unit") or ""
    if before is None or value is None:
        return ""
    if display(before, unit) == display(value, unit):
        return "the same"
    arrow = "▲" if value > before else "▼"
    word = "worse" if (value > before) == _higher_is_worse(run, finding) else "better"
    return f"{arrow} {word}, was {display(before, unit)}"


def _every_gate(run: RunFolder) -> str:
    if not run.findings:
        return "<p>This run judged no gate.</p>"
    header = ["Gate", "Verdict", "Value", "Limit", "n", "Notebook"]
    rows = [_gate_row(run, finding) for finding in run.findings]
    if run.baseline:
        header.append(f"Against {run.baseline_name}")
        rows = [(*r, _change(run, f) or "–") for r, f in zip(rows, run.findings, strict=True)]
    listed = table("All gates, in order of their code", header, rows, numbers="4")
    return (
        f"<details><summary>All {len(rows)} gates with value and limit</summary>{listed}</details>"
    )


def _gate_row(run: RunFolder, finding: Finding) -> tuple[Any, ...]:
    return (
        Html(f"<code>{escape(finding['code'])}</code> {escape(_name(run, finding))}"),
        badge(finding["status"]),
        display(finding.get("value"), finding.get("unit") or ""),
        _limit(run, finding).removeprefix("limit: "),
        display(finding.get("n")),
        run.notebook_of(finding) or "–",
    )


def _decision(run: RunFolder) -> str:
    path = run.folder / "decision.md"
    source = path.read_text(encoding="utf-8") if path.is_file() else UNDECIDED
    return f'<div class="decision">{render(source)}</div>'


def _responsible(run: RunFolder) -> str:
    """Return the matrix of roles; a role nobody fills is shown as empty."""
    names = run.manifest.get("config", {}).get("responsible")
    if names is None:
        return ""
    matrix = responsibilities(names)
    header = ("Matter", "Answers", "Works on it", "Is told")
    return table("Who answers for which gates and faults", header, matrix.to_numpy())


def _verification() -> str:
    return render(
        "`segwork verify` with this folder runs everything again from the manifest and compares "
        "every fact and page, byte for byte. Its answer is [verification.html](verification.html); "
        "until the command has run, that page does not exist."
    )


def _origin(run: RunFolder) -> str:
    manifest = run.manifest
    data = [
        (name, Html(f'<code class="hash">{escape(str(digest))}</code>'))
        for name, digest in sorted((manifest.get("data") or {}).items())
    ]
    made = [("git commit", _commit(manifest.get("git") or {}))]
    made += [("baseline", run.baseline_name or "none"), ("Python", manifest.get("python", "–"))]
    made += sorted((manifest.get("versions") or {}).items())
    config = [
        (name, re.sub(r"(://[^:/@\s]+):[^@\s]+@", r"\1:…@", str(value)))
        for name, value in sorted(flat(manifest.get("config") or {}).items())
        if value not in (None, "", [])
    ]
    parameters = [
        (f"{name}.{key}", value)
        for name, entry in run.notebooks.items()
        for key, value in sorted((entry.get("parameters") or {}).items())
    ]
    tables = (
        table("Data, by SHA-256 of its bytes", ("Table", "Fingerprint"), data) if data else "",
        _folded("Config", "Settings of the run", config),
        _folded("Parameters", "Parameters of the notebooks", parameters),
        _folded("Versions", "Software", made),
    )
    return "\n".join(tables)


def _commit(git: Mapping[str, Any]) -> str:
    """Say which commit the code was, and whether files differed from it."""
    commit = str(git.get("commit") or "not in a repository")
    return f"{commit}, with uncommitted changes" if git.get("dirty") else commit


def _folded(summary: str, caption: str, rows: list[tuple[str, Any]]) -> str:
    if not rows:
        return ""
    return (
        f"<details><summary>{summary}</summary>{table(caption, ('Name', 'Value'), rows)}</details>"
    )
