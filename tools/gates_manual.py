"""Write docs/gates.md from the policy files, so that the two cannot disagree.

Run: ``python tools/gates_manual.py``
"""

from __future__ import annotations

from pathlib import Path

from segwork.checks.gates import Gate, catalogue
from segwork.results import YES_NO, display

FAMILIES = {
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
INTRODUCTION = """# Gates

A gate holds a recorded fact against a limit and answers *passed*, *failed*, *warned*,
*inconclusive*, *not applicable*, *skipped* or *waived*.
It alarms only where the effect is beyond the limit **and** the interval is clear of it.
Required gates decide the exit code under `segwork run --strict`.

Change a limit in your config, with a reason that the report prints:

```toml
[limits]
SEG-O02 = { at_least = 0.60, why = "lost customers we must not miss" }

[waivers]
SEG-Q01 = { who = "A. Reviewer", why = "guests may order without an account", until = 2027-06-30 }
```

This page is written by `python tools/gates_manual.py` from `segwork/checks/limits/*.toml`.
"""


def manual() -> str:
    """Return the whole page."""
    parts = [INTRODUCTION]
    family = ""
    for code, gate in sorted(catalogue().items()):
        if code[4] != family:
            family = code[4]
            parts.append(f"# SEG-{family}: {FAMILIES[family]}\n")
        parts.append(_section(gate))
    return "\n".join(parts)


def _section(gate: Gate) -> str:
    lines = [f"## {gate.code} {gate.title}", ""]
    if gate.limit is None:
        lines.append(f"Passes on the status `{gate.fact}` of `{gate.notebook}`.")
    else:
        word = "at most" if gate.at_most is not None else "at least"
        limit = display(gate.limit, gate.unit)
        word = "" if gate.unit == YES_NO else word + " "
        lines.append(f"`{gate.fact}` of `{gate.notebook}`: {word}**{limit}**.")
    required = "required" if gate.required else "for information"
    checks = f" · checks {', '.join(gate.checks)}" if gate.checks else ""
    lines += ["", f"Severity {gate.severity} · {required}{checks}.", ""]
    lines += [f"Why: {gate.why}", "", f"Source: {gate.source}", ""]
    return "\n".join(lines)


if __name__ == "__main__":
    path = Path(__file__).resolve().parent.parent / "docs" / "gates.md"
    path.write_text(manual(), encoding="utf-8")
    print(f"wrote {path.name}: {len(catalogue())} gates")
