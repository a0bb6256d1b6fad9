"""Findings of one test: only the checks that look at its kind of subject."""

from __future__ import annotations

from segwork import checks


def findings(subject: object, *codes: str) -> checks.Findings:
    """Run the checks of these codes on one subject; the others look at other things."""
    found = checks.run("FA", subject, only=codes)
    table = found.table[found.table["code"].isin(codes)].reset_index(drop=True)
    return checks.Findings(table, {code: found.evidence[code] for code in codes})
