"""Bring the text of a reused notebook up to date: words changed, results did not."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from segwork.engine.clean import graft
from segwork.engine.fingerprint import text_hash
from segwork.engine.notebooks import Notebook
from segwork.engine.plan import Plan
from segwork.run import write_json


def words_of(notebook: Notebook) -> str:
    """Return the hash of the text cells, which change the page but no result."""
    return text_hash([[c.kind, c.source if c.kind != "code" else ""] for c in notebook.cells])


def refresh(plan: Plan, name: str, record: Mapping[str, Any]) -> dict[str, Any]:
    """Put the source's present text cells into the executed notebook; return the record to keep.

    Parameters
    ----------
    plan : Plan
    name : str
    record : mapping
        What the run folder remembers of the notebook.
    """
    notebook = plan.notebooks[name]
    words = words_of(notebook)
    kept = dict(record)
    if record["words"] == words:
        return kept
    place = f"notebooks/{name}.ipynb"
    path = plan.folder.path / place
    executed = json.loads(path.read_text(encoding="utf-8"))
    source = json.loads(notebook.path.read_text(encoding="utf-8"))
    write_json(path, graft(source, executed))
    kept["words"] = words
    kept["outputs"] = {**record["outputs"], place: plan.hashes.of(path)}
    plan.folder.remember(name, kept)
    return kept
