"""Write docs/checks.md from the catalogues of checks and gates, so that they cannot disagree.

Run: ``python tools/manual.py``
"""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path

from segwork.checks.catalogue import FAMILIES, Rule, families, rules
from segwork.checks.gates import Gate, catalogue
from segwork.results import YES_NO, display

GATES = {
    "Q": "data quality",
    "L": "leakage",
    "C": "clustering",
    "T": "time",
    "D": "segments that move",
    "O": "overfitting",
    "F": "fairness",
    "P": "privacy",
    "B": "business",
    "V": "value",
    "X": "export",
}
CHECKS_BEGIN = """# Checks and gates

A **check** looks at data, a model or a release and counts what is wrong; a **gate** holds one
recorded fact of a notebook against a limit. Both answer *passed*, *failed*, *warned*,
*inconclusive*, *not applicable* or *skipped*, and alarm only where the effect is beyond the limit
**and** the evidence is clear of it. Critical and high ones fail, medium and low ones warn.

`findings.rows(code)` lists every row behind a finding of a check.

This page is written by `python tools/manual.py` from `segwork/*/checks.toml` and
`segwork/checks/limits/*.toml`.
"""
GATES_BEGIN = """# Gates

A gate can also be *waived*. Required gates decide the exit code under `segwork run --strict`.
Change a limit in your config, with a reason that the report prints:

```toml
[limits]
SEG-O02 = { at_least = 0.60, why = "lost customers we must not miss" }

[waivers]
SEG-Q01 = { who = "A. Reviewer", why = "guests may order without an account", until = 2027-06-30 }
```
"""


BENCHMARKS = Path(__file__).resolve().parent.parent / "benchmarks"
ANSWERS, PLANTS = BENCHMARKS / "gate_answers.csv", BENCHMARKS / "gate_plants.csv"
ANSWERS_BEGIN = """# What the gates answer

On the sample company with its planted faults (`sample`), its twin without faults in the data
(`sample_clean`, the same customers, unfair prices included) and public data. Made by
`python -m benchmarks.gate_answers RUN …` from finished runs.

A gate that could not have answered otherwise would say nothing. So each one whose answers above are
alike is also asked about a fault that was planted for it, and about the same case without the
fault: the last three columns, made by `python -m benchmarks.gate_plants`. Some of these faults no
run can have as long as its notebooks are as they are, such as a customer who came past the door of
consent (SEG-P02) or rows with an open window (SEG-L04): those gates watch over changes of
notebooks.
"""


def manual() -> str:
    """Return the whole page; a family without a catalogue is left out."""
    return "\n".join([CHECKS_BEGIN, *_checks(), GATES_BEGIN, *_answers(), *_gates()])


def _answers() -> Iterator[str]:
    """Return the table of answers, gates down; runs, then the planted case, across."""
    header, *rows = _read(ANSWERS)
    planted = {code: told for code, *told in _read(PLANTS)[1:]}
    header += ["planted", "answer to it", "without it"]
    rows = [[code, *told, *planted.get(code, [""] * 3)] for code, *told in rows]
    yield ANSWERS_BEGIN
    lines = [header, ["---"] * len(header), *rows]
    yield "\n".join(f"| {' | '.join(cells)} |" for cells in lines) + "\n"


def _read(path: Path) -> list[list[str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.reader(file))


def _checks() -> Iterator[str]:
    for family in families():
        yield f"# {family}: {FAMILIES[family][1]}\n"
        yield from map(_check, rules(family).values())


def _check(rule: Rule) -> str:
    limit = display(rule.limit, rule.unit) if rule.unit else f"{rule.limit:g}"
    share = f"; fails above {rule.fail_share:.1%} of the {rule.counts}" if rule.fail_share else ""
    return f"""## {rule.code} {rule.title}

Counts {rule.counts}: {rule.definition}.

- **Limit** {limit} ({rule.source}); severity {rule.severity}{share}
- **Do** {rule.action}.
- **Else** {rule.why}.
"""


def _gates() -> Iterator[str]:
    family = ""
    for code, gate in sorted(catalogue().items()):
        if code[4] != family:
            family = code[4]
            yield f"# SEG-{family}: {GATES[family]}\n"
        yield _gate(gate)


def _gate(gate: Gate) -> str:
    if gate.limit is None:
        judged = f"Passes on the status `{gate.fact}` of `{gate.notebook}`."
    else:
        word = "at most" if gate.at_most is not None else "at least"
        word = "" if gate.unit == YES_NO else word + " "
        limit = display(gate.limit, gate.unit)
        judged = f"`{gate.fact}` of `{gate.notebook}`: {word}**{limit}**."
    required = "required" if gate.required else "for information"
    checks = f" · checks {', '.join(gate.checks)}" if gate.checks else ""
    return f"""## {gate.code} {gate.title}

{judged}

Severity {gate.severity} · {required}{checks}.

Why: {gate.why}

Source: {gate.source}
"""


if __name__ == "__main__":
    path = Path(__file__).resolve().parent.parent / "docs" / "checks.md"
    path.write_text(manual(), encoding="utf-8")
    n_checks = sum(len(rules(family)) for family in families())
    print(f"wrote {path.name}: {n_checks} checks, {len(catalogue())} gates")
