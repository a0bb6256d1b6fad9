"""Ten questions of whoever decides, each with its answer from the run and the page behind it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from markupsafe import Markup

from segwork.report.folder import JudgedRun
from segwork.report.notebook import answer
from segwork.report.segments import called, known
from segwork.report.use import use
from segwork.results import display
from segwork.runs.folder import RAN

ADVISERS = {
    "80_personas": "By segment",
    "50_overfitting": "By the model of 50_overfitting",
    "30_change_points": "By change of buying",
}
GONE = 0.9  # of the customers of a segment silent since: it does not leave, it has left
MOVED = 0.005  # of the customers: a smaller change of a segment's share is none


@dataclass(frozen=True)
class Answered:
    """A question, its answer, and the page where it stands at length."""

    question: str
    answer: Markup
    notebook: str


def questions(run: JudgedRun) -> list[Answered]:
    """Answer the ten questions from facts, tables and findings; none is left out.

    A question that the run cannot answer says so, with the reason.
    """
    return [
        Answered(question, _said(run, notebook, say), notebook if notebook in run.notebooks else "")
        for question, (notebook, say) in QUESTIONS.items()
    ]


def _said(run: JudgedRun, notebook: str, say: Callable[[JudgedRun], str | Markup]) -> Markup:
    if said := say(run):
        return said if isinstance(said, Markup) else Markup("{}").format(said)
    entry = run.notebooks.get(notebook)
    if entry is None or entry.status != RAN:
        return Markup("Not answered: <code>{}</code> did not run.").format(notebook)
    return Markup("Not answered: the data for it are not there.")


def _number(run: JudgedRun, notebook: str, name: str) -> float | None:
    value = run.fact(notebook, name)
    return float(value) if isinstance(value, int | float) else None


def _share(value: object) -> str:
    return display(float(value), "share")  # type: ignore[arg-type]


def _how_many(run: JudgedRun) -> str:
    number = _number(run, "20_segments", "segments_saved")
    if number is None:
        return ""
    saved, natural = (
        run.fact("20_segments", n) for n in ("method_saved", "comparison_recommended")
    )
    kind = "natural groups" if saved == natural else "a division of a continuum, not natural groups"
    return f"{display(number)} segments, drawn by {saved}: {kind}."


def _how_large(run: JudgedRun) -> str:
    table = known(run)
    if table is None or "share" not in table:
        return ""
    sizes = [
        f"{called(table, name)}: {display(int(row.customers))} ({_share(row.share)})"
        for name, row in table.iterrows()
    ]
    return f"{'; '.join(sizes)}."


def _earns(run: JudgedRun) -> str:
    table = known(run)
    if table is None or "spend_share" not in table:
        return ""
    top = table["spend_share"].idxmax()
    text = f"{called(table, top)} makes {_share(table.loc[top, 'spend_share'])} of the spend"
    text += f" with {_share(table.loc[top, 'share'])} of the customers."
    if "total" in table and table["total"].notna().any():
        best, worst = table["total"].idxmax(), table["total"].idxmin()
        money = run.manifest["config"].get("currency") or ""
        what = table["answer"].dropna().iloc[0]
        most, least = (display(table.loc[name, "total"], money) for name in (best, worst))
        text += f" Of the {what}, {called(table, best)} brings most ({most})"
        text += f" and {called(table, worst)} least ({least})."
    return text


def _leaves(run: JudgedRun) -> str:
    table, text = known(run), ""
    if table is not None and "silent" in table and table["silent"].notna().any():
        silent, days = table["silent"].dropna(), _number(run, "20_segments", "later_days")
        left = silent[silent >= GONE].sort_values(ascending=False)
        told = {"Already gone": left, "Leaving most": silent.drop(left.index).nlargest(1)}
        words = [
            f"{start}: {', '.join(f'{called(table, s)}, {_share(v)}' for s, v in some.items())}."
            for start, some in told.items()
            if len(some)
        ]
        text = f"{' '.join(words)} These are shares of the customers of {display(days)} days ago"
        text += " who have not ordered since."
    stopped, fell = (
        _number(run, "30_change_points", f"{kind}_customers") for kind in ("stop", "fall")
    )
    if stopped is not None and fell is not None:
        text += f" By the tests of single customers {display(stopped)} stopped and"
        text += f" {display(fell)} fell."
    return text.strip()


def _may_be_used(run: JudgedRun) -> str:
    found = use(run)
    first = f" First: {found.mend[0]}" if found.mend else ""
    return f"{found.verdict}{first}"


def _page_says(notebook: str, *parts: str) -> Callable[[JudgedRun], Markup]:
    """Answer with what a page found (the first part of its answer), or does."""

    def say(run: JudgedRun) -> Markup:
        found = dict(answer(run, notebook))
        return Markup(" ").join(found[part] for part in parts if part in found)

    return say


def _write_to(run: JudgedRun) -> Markup:
    sent = _number(run, "90_activation", "may_be_sent")
    said = {page: _page_says(page, "What to do")(run) for page in ADVISERS}
    parts = [Markup("{}: {}").format(ADVISERS[page], text) for page, text in said.items() if text]
    if sent is not None:
        who = Markup("{} customers may be written to").format(display(sent))
        first = Markup("Nobody yet: nobody is known to have agreed. Then:")
        parts = (
            [*parts, who + Markup(", over all.")] if sent else [first, *parts, who + Markup(".")]
        )
    return Markup(" ").join(parts)


def _costs(run: JudgedRun) -> str:
    names = ("lost_contacted", "lost_cost", "lost_cost_everybody", "lost_cost_nobody")
    numbers = [_number(run, "50_overfitting", name) for name in names]
    if None in numbers:
        return ""
    contacted, cost, everybody, nobody = numbers
    return (
        f"Contacting {_share(contacted)} of the customers, whom the model chooses, costs"
        f" {display(cost)} a customer; contacting everybody {display(everybody)}, nobody"
        f" {display(nobody)}, in units of one contact made in vain at the costs of that page."
    )


def _changed(run: JudgedRun) -> str:
    """Say what differs from the earlier run in gates and in columns, else how segments moved."""
    columns = _number(run, "10_data_quality", "reference_changed_columns")
    of = _number(run, "10_data_quality", "reference_changed_columns_n")
    text = _moved(run)
    if columns is None:
        return text
    told = f"Of {display(of)} columns of the data {display(columns)} differ from those of"
    return f"{text} {told} the reference run."


def _moved(run: JudgedRun) -> str:
    if run.baseline:
        values = {f["code"]: f.get("value") for f in run.findings}
        both = [
            c for c, old in run.baseline.items() if old is not None and values.get(c) is not None
        ]
        other = [c for c in both if display(run.baseline[c]) != display(values[c])]
        start = (
            f"Of {len(both)} gates with a number in both runs {len(other)} have another one than"
        )
        return f"{start} in {run.baseline_name}: {', '.join(other) or 'none'}."
    table = known(run)
    if table is None or "change" not in table:
        return ""
    moved = table[table["change"].abs() >= MOVED]["change"].dropna()
    days = display(_number(run, "20_segments", "later_days"))
    words = "; ".join(f"{called(table, name)} {100 * by:+.1f} points" for name, by in moved.items())
    start = f"Shares of the segments against {days} days before: {words or 'no change'}."
    return f"{start} No earlier run was named (segwork run --baseline)."


Said = Callable[[JudgedRun], str | Markup]
QUESTIONS: dict[str, tuple[str, Said]] = {
    "How many segments are there?": ("20_segments", _how_many),
    "How large are they?": ("20_segments", _how_large),
    "Which one earns?": ("75_value", _earns),
    "Which one is leaving?": ("20_segments", _leaves),
    "May I use them?": ("20_segments", _may_be_used),
    "What is wrong with the data?": (
        "10_data_quality",
        _page_says("10_data_quality", "What was found"),
    ),
    "Whom do I write to?": ("90_activation", _write_to),
    "What will it cost?": ("50_overfitting", _costs),
    "Is anybody treated unfairly?": ("60_fairness", _page_says("60_fairness", "What was found")),
    "What changed since last time?": ("40_dynamics", _changed),
}
