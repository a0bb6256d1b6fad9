"""Take everything out of an executed notebook that differs between two equal runs."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

INJECTED = "injected-parameters"
ADDRESS = re.compile(r"\b0x[0-9a-fA-F]{6,16}\b")
CELL_FILE = re.compile(r"[^\s\"'<>]*ipykernel_\d+[/\\]\d+\.py")
STYLER = re.compile(r"\bT_[0-9a-f]{5}\b")
# A bar has no line of its own where a library writes to the same stream while it is drawn.
BAR = re.compile(
    r"[^\n\]]*\d+%\|[^|\n]*\|[^\[\n]*\[[^\]\n]*\][ \t]*|^\d+it \[.*\]\s*$", flags=re.MULTILINE
)
NATIVE_LOG = re.compile(
    r"^(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d+: [IWEF] |[IWEF]\d{4} \d\d:\d\d"
    r"|WARNING: All log mess).*\n?",
    flags=re.MULTILINE,
)


def clean(
    notebook: Any, *, parameters: Mapping[str, Any], shown: Mapping[str, str]
) -> dict[str, Any]:
    """Return a copy of an executed notebook with every volatile detail removed.

    Parameters
    ----------
    notebook : nbformat notebook or its dict
    parameters : mapping
        What the parameters cell ran with, as JSON values; kept in the metadata as Papermill does.
    shown : mapping of str to str
        Machine paths and what stands for them in a text.

    Returns
    -------
    dict
        Without times, counters of processes, addresses, random ids and machine paths.
    """
    cells = [_cell(cell, shown) for cell in notebook["cells"]]
    kernel = {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"}
    kept = {
        key: value
        for key, value in notebook.get("metadata", {}).items()
        if key not in ("papermill", "kernelspec", "language_info", "widgets")
    }
    return {
        "cells": cells,
        "metadata": {
            **kept,
            "kernelspec": kernel,
            "language_info": {"name": "python", "file_extension": ".py"},
            "papermill": {"parameters": dict(parameters)},
        },
        "nbformat": 4,
        "nbformat_minor": 5,
    }


def graft(source: Mapping[str, Any], executed: Mapping[str, Any]) -> dict[str, Any]:
    """Return the executed notebook with the text cells of the source, where only text changed."""
    ran = [cell for cell in executed["cells"] if cell["cell_type"] == "code"]
    cells: list[Any] = []
    for cell in source["cells"]:
        if cell["cell_type"] != "code":
            cells.append(_cell(cell, {}))
            continue
        cells.append(ran.pop(0))
        if ran and ran[0]["id"] == INJECTED:
            cells.append(ran.pop(0))
    return {**executed, "cells": cells}


def _cell(cell: Mapping[str, Any], shown: Mapping[str, str]) -> dict[str, Any]:
    kept = {
        k: v for k, v in cell.get("metadata", {}).items() if k not in ("papermill", "execution")
    }
    tags = kept.get("tags", [])
    if not tags:
        kept.pop("tags", None)
    injected = INJECTED in tags
    source = cell["source"] if isinstance(cell["source"], str) else "".join(cell["source"])
    ready: dict[str, Any] = {
        "cell_type": cell["cell_type"],
        "id": INJECTED if injected else cell.get("id", ""),
        "metadata": kept,
        "source": _replaced(source, shown) if injected else source,
    }
    if cell["cell_type"] == "code":
        ready["execution_count"] = cell.get("execution_count")
        ready["outputs"] = [
            output for raw in cell.get("outputs", ()) if (output := _output(raw, shown))
        ]
    elif cell.get("attachments"):
        ready["attachments"] = cell["attachments"]
    return ready


def _output(output: Mapping[str, Any], shown: Mapping[str, str]) -> dict[str, Any] | None:
    if output["output_type"] == "stream":
        text = _text(output["text"], shown)
        if output["name"] == "stderr":
            text = NATIVE_LOG.sub("", BAR.sub("", text))
        return {**output, "text": text} if text.strip() else None
    ready = dict(output)
    if "data" in output:
        styles: dict[str, str] = {}
        ready["data"] = {
            kind: _styles(_text(value, shown), styles) if kind.startswith("text/") else value
            for kind, value in output["data"].items()
            if not kind.startswith("application/vnd.jupyter.widget")
        }
    if "traceback" in output:
        ready["traceback"] = [_text(line, shown) for line in output["traceback"]]
        ready["evalue"] = _text(output["evalue"], shown)
    return ready


def _styles(text: str, known: dict[str, str]) -> str:
    return STYLER.sub(lambda m: known.setdefault(m.group(), f"T_{len(known):05x}"), text)


def _text(text: Any, shown: Mapping[str, str]) -> str:
    text = text if isinstance(text, str) else "".join(text)
    return _replaced(CELL_FILE.sub("<cell>", ADDRESS.sub("0x…", text)), shown)


def _replaced(text: str, shown: Mapping[str, str]) -> str:
    for path in sorted(shown, key=len, reverse=True):
        text = text.replace(path, shown[path])
    return text
