"""The pages of the personas' cards, from the lines a run left, in every language there is."""

from __future__ import annotations

import pandas as pd

from segwork.report.folder import JudgedRun

PAGES = {"en": "cards.html", "id": "cards_id.html"}
LINES, PLAN = "persona_lines", "persona_plan"


def card_pages(run: JudgedRun) -> dict[str, str]:
    """Return the cards by file name, one page a language; none where the run left no lines."""
    path = run.files.table(LINES)
    if not path.is_file():
        return {}
    from segwork.personas import page

    plan = run.files.table(PLAN)
    planned = pd.read_parquet(plan) if plan.is_file() else None
    lines, currency = pd.read_parquet(path), str(run.manifest["config"].get("currency") or "")
    others = dict(zip(PAGES, [*list(PAGES.values())[1:], PAGES["en"]], strict=True))
    return {
        name: page(lines, language, currency, other=others[language], plan=planned)
        for language, name in PAGES.items()
    }
