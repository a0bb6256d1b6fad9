"""The verdict page: may the segments be used, what was found, then everything it rests on."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from markupsafe import Markup

from segwork.checks.catalogue import Rule, families, rules
from segwork.checks.gates import Gate
from segwork.report.cards import LINES, PAGES
from segwork.report.cells import undescribed
from segwork.report.clean import plain
from segwork.report.folder import Finding, JudgedRun, by_urgency
from segwork.report.layout import badge, drawn, mark, page
from segwork.report.markdown import Outline, render
from segwork.report.notebook import Rows, answer, footer, title
from segwork.report.questions import questions
from segwork.report.segments import FEWEST, segments
from segwork.report.use import use
from segwork.responsible import responsibilities
from segwork.results import YES_NO, display
from segwork.runs.files import Json
from segwork.runs.folder import RAN

HEADLINES = 6
PASSWORD = re.compile(r"(://[^:/@\s]+):[^@\s]+@")  # of a run made before addresses were cut
ATTENTION = ("failed", "warned", "inconclusive")
UNDECIDED = """\
Nobody has recorded a decision for this run. The numbers do not decide; a named person does.
Write `decision.md` into the folder of this run: who decides, what was decided, on which of the
findings above, and until when it holds. The next `segwork run` shows it here; nothing is
computed anew for it.
"""


class Card(NamedTuple):
    """A large number with its verdict and limit."""

    status: str
    number: str
    unit: str
    what: str
    limit: str


class Urgent(NamedTuple):
    """A finding that asks for a look."""

    status: str
    weight: str
    code: str
    message: str
    why: str
    notebook: str


class Answered(NamedTuple):
    """One page: how it ran, how its gates stand, what it found, what it means and what to do."""

    notebook: str
    title: str
    execution: str
    verdict: str
    gates: str
    parts: list[tuple[str, Markup]]


def index_page(run: JudgedRun) -> str:
    """Return the page that opens a run."""
    outline = Outline(title=str(run.manifest.get("name", "run")))
    html = drawn(
        "index.html",
        add=lambda words: Markup(outline.add(2, words)),
        heading=outline.title,
        overall=_overall(run),
        sentence=_sentence(run),
        about=_about(run),
        use=use(run),
        segments=segments(run),
        fewest=FEWEST,
        personas=PAGES["en"] if run.files.table(LINES).is_file() else "",
        questions=questions(run),
        answers=_answers(run),
        broken=_broken(run),
        silent=_silent(run),
        urgent=[_urgent(run, f) for f in by_urgency(run.findings) if f["status"] in ATTENTION],
        cards=_headlines(run),
        gates=_every_gate(run),
        decision=Markup(render(run.files.decision() or UNDECIDED)),
        responsible=_responsible(run),
        data=_data(run),
        folded=_origin(run),
    )
    return page(
        f"{outline.title} · segwork",
        html,
        contents=outline.entries,
        navigation=Markup('<a class="home" href="#main" aria-current="page">All notebooks</a>'),
        footer=footer(run),
    )


def _about(run: JudgedRun) -> str:
    manifest = run.manifest
    text = f"Data before {manifest.get('as_of', '?')}, seed {manifest.get('seed', '?')}."
    purpose = manifest["config"].get("purpose")
    return text if purpose is None else f"{text} Purpose: {purpose or 'not declared'}."


def _responsible(run: JudgedRun) -> list[list[str]]:
    """Return the matrix of roles; a role nobody fills is shown as empty."""
    names = run.manifest["config"].get("responsible")
    return [] if names is None else responsibilities(names).to_numpy().tolist()


def _overall(run: JudgedRun) -> str:
    """Return the most urgent verdict; a run in which nothing ran is not a success."""
    verdicts = [run.verdict(notebook) for notebook in run.notebooks]
    said = [v for v in verdicts if v not in ("skipped", "no_gates", "not_applicable")]
    return min(said or verdicts or ["skipped"], key=lambda verdict: mark(verdict).rank)


def _sentence(run: JudgedRun) -> str:
    statuses = [entry.status for entry in run.notebooks.values()]
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
    red = sum(run.blocks(f) for f in run.findings)
    strict = f" Required gates that make a strict run fail: {red}." if red else ""
    return f"{start} Of {judged} gates judged: {', '.join(parts)}.{strict}"


def _answers(run: JudgedRun) -> list[Answered]:
    return [
        Answered(
            name,
            title(run, name),
            entry.status,
            run.verdict(name),
            run.counted(name) or "no gates",
            answer(run, name),
        )
        for name, entry in run.notebooks.items()
    ]


def _broken(run: JudgedRun) -> list[tuple[str, str, str, str]]:
    return [
        (name, entry.status, title(run, name), plain(entry.message))
        for name, entry in run.notebooks.items()
        if entry.status not in (RAN, "skipped")
    ]


def _silent(run: JudgedRun) -> list[tuple[str, int]]:
    counts = [(name, undescribed(run.files.cells(name))) for name in run.notebooks]
    return [(name, count) for name, count in counts if count]


def _urgent(run: JudgedRun, finding: Finding) -> Urgent:
    gate = run.gates.get(finding["code"])
    name = run.notebook_of(finding)
    return Urgent(
        status=finding["status"],
        weight=f"{finding.get('severity') or ''}{', required' if run.is_required(finding) else ''}",
        code=finding["code"],
        message=finding["message"],
        why=gate.why.rstrip(".") if gate else "",
        notebook=name if name in run.notebooks else "",
    )


def _headlines(run: JudgedRun) -> list[Card]:
    """Large numbers: the most urgent first, so that nobody is told six times that all is well."""
    valued = [f for f in by_urgency(run.findings) if f.get("value") is not None]
    return [_card(run, finding) for finding in valued[:HEADLINES]]


def _card(run: JudgedRun, finding: Finding) -> Card:
    change, value = _change(run, finding), display(finding["value"], finding.get("unit") or "")
    number, _, unit = value.partition(" ")
    if len(unit) <= 1:
        number, unit = f"{number} {unit}".rstrip(), ""
    against = f" · {change} in {run.baseline_name}" if change else ""
    limit = f"{_limit(run, finding)}{against}"
    return Card(finding["status"], number, unit, _name(run, finding), limit)


def _limit(run: JudgedRun, finding: Finding) -> str:
    """Return the limit with its direction, as the run's config or the policy has it."""
    if finding.get("limit") is None:
        return _by_rule(run.gates.get(finding["code"]))
    if finding.get("unit") == YES_NO:
        return f"limit: {display(finding['limit'], YES_NO)}"
    words = {True: "at most ", False: "at least ", None: ""}
    word = words[_higher_is_worse(run, finding)]
    return f"limit: {word}{display(finding['limit'], finding.get('unit') or '')}"


def _rules(gate: Gate) -> list[Rule]:
    """Return the rules of the checks behind a gate."""
    known = {code: rule for family in families() for code, rule in rules(family).items()}
    return [known[code] for code in gate.checks if code in known]


def _by_rule(gate: Gate | None) -> str:
    """Name the check that a status comes from, with its limit where that is in its numbers."""
    found = _rules(gate) if gate else []
    if not found:
        return "by what is declared" if gate else "–"
    words, rule = f"by {' and '.join(rule.code for rule in found)}", found[0]
    if rule.unit:
        unit = "share" if rule.unit.startswith("share") else rule.unit
        return f"{words}: {display(rule.limit, unit)}"
    shown = gate.shows if gate else ""
    return words if rule.limit or shown else f"{words}: 0 {rule.counts}"


def _higher_is_worse(run: JudgedRun, finding: Finding) -> bool | None:
    """Tell on which side of the limit a number is bad; None where a check alone knows that."""
    own = (run.manifest["config"].get("limits") or {}).get(finding["code"], {})
    if own.get("at_most") is not None or own.get("at_least") is not None:
        return own.get("at_most") is not None
    gate = run.gates.get(finding["code"])
    if gate and gate.limit is None:
        rule = next(iter(_rules(gate)), None)
        return rule.higher_is_worse if rule and finding.get("limit") is not None else None
    return gate.at_most is not None if gate else "at least" not in finding["message"]


def _name(run: JudgedRun, finding: Finding) -> str:
    """Say what a gate is about: its title, or how its sentence begins."""
    gate = run.gates.get(finding["code"])
    return gate.title if gate else str(finding["message"]).partition(":")[0]


def _change(run: JudgedRun, finding: Finding) -> str:
    """Say what the number was in the named baseline run, and whether it got better."""
    before = run.baseline.get(finding["code"])
    value, unit = finding.get("value"), finding.get("unit") or ""
    if before is None or value is None:
        return ""
    if display(before, unit) == display(value, unit):
        return "the same"
    arrow = "▲" if value > before else "▼"
    side = _higher_is_worse(run, finding)
    word = "" if side is None else "worse, " if (value > before) == side else "better, "
    return f"{arrow} {word}was {display(before, unit)}"


def _every_gate(run: JudgedRun) -> Rows:
    header = ["Gate", "Verdict", "Value", "Limit", "n", "Notebook"]
    rows = [_gate_row(run, finding) for finding in run.findings]
    if run.baseline:
        header.append(f"Against {run.baseline_name}")
        rows = [[*r, _change(run, f) or "–"] for r, f in zip(rows, run.findings, strict=True)]
    return Rows(header, rows)


def _gate_row(run: JudgedRun, finding: Finding) -> list[object]:
    return [
        Markup("<code>{}</code> {}").format(finding["code"], _name(run, finding)),
        badge(finding["status"]),
        display(finding.get("value"), finding.get("unit") or ""),
        _limit(run, finding).removeprefix("limit: "),
        display(finding.get("n")),
        run.notebook_of(finding) or "–",
    ]


def _data(run: JudgedRun) -> list[tuple[str, Markup]]:
    shown = Markup('<code class="hash">{}</code>')
    return [(name, shown.format(digest)) for name, digest in sorted(run.manifest["data"].items())]


def _origin(run: JudgedRun) -> Iterable[tuple[str, str, list[tuple[str, object]]]]:
    manifest = run.manifest
    made: list[tuple[str, object]] = [("git commit", _commit(manifest["git"]))]
    made += [("baseline", run.baseline_name or "none"), ("Python", manifest.get("python", "–"))]
    made += sorted(manifest["versions"].items())
    config = [
        (name, PASSWORD.sub(r"\1:…@", str(value)))
        for name, value in sorted(_flat(manifest["config"]).items())
        if value not in (None, "", [])
    ]
    parameters = [
        (f"{name}.{key}", value)
        for name, entry in run.notebooks.items()
        for key, value in sorted(entry.parameters.items())
    ]
    return (
        ("Config", "Settings of the run", config),
        ("Parameters", "Parameters of the notebooks", parameters),
        ("Versions", "Software", made),
    )


def _flat(values: Mapping[str, object], prefix: str = "") -> Json:
    """Return nested settings as one level of dotted names."""
    flat: Json = {}
    for name, value in values.items():
        nested = isinstance(value, Mapping) and value
        flat |= _flat(value, f"{prefix}{name}.") if nested else {f"{prefix}{name}": value}
    return flat


def _commit(git: Mapping[str, object]) -> str:
    """Say which commit the code was, and whether files differed from it."""
    commit = str(git.get("commit") or "not in a repository")
    return f"{commit}, with uncommitted changes" if git.get("dirty") else commit
