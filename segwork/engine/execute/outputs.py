"""Take everything out of an executed notebook that differs between two equal runs.

Every step takes time with the length of the text: a line of a million letters is one pass.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from segwork.runs.files import Json
from segwork.runs.names import without_cell_files

INJECTED = "injected-parameters"
ADDRESS = re.compile(r"\b0x[0-9a-fA-F]{6,16}\b")
STYLER = re.compile(r"\bT_[0-9a-f]{5}\b")
# A bar has no line of its own where a library writes to the same stream while it is drawn.
COUNTED = re.compile(r"^\d+it \[[^\n]*\]\s*$", flags=re.MULTILINE)
NATIVE_LOG = re.compile(
    r"^(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d+: [IWEF] |[IWEF]\d{4} \d\d:\d\d"
    r"|WARNING: All log mess).*\n?",
    flags=re.MULTILINE,
)


def stable(notebook: Json, parameters: Json, shown: Mapping[str, str]) -> Json:
    """Return a copy of an executed notebook with every volatile detail removed.

    Parameters
    ----------
    notebook : nbformat notebook or its dict
    parameters : dict
        What the parameters cell ran with, as JSON values; kept in the metadata as Papermill does.
    shown : mapping of str to str
        Machine paths and what stands for them in a text.

    Returns
    -------
    dict
        Without times, counters of processes, addresses, random ids and machine paths.
    """
    kernel = {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"}
    kept = {
        key: value
        for key, value in notebook.get("metadata", {}).items()
        if key not in ("papermill", "kernelspec", "language_info", "widgets")
    }
    return {
        "cells": [_cell(cell, shown) for cell in notebook["cells"]],
        "metadata": {
            **kept,
            "kernelspec": kernel,
            "language_info": {"name": "python", "file_extension": ".py"},
            "papermill": {"parameters": parameters},
        },
        "nbformat": 4,
        "nbformat_minor": 5,
    }


def without_outputs(source: Json) -> Json:
    """Return a notebook in format 4.5 as if nobody had run it, whatever tool wrote it."""
    ready = stable(source, {}, {})
    for number, cell in enumerate(ready["cells"]):
        cell["id"] = cell["id"] or f"cell-{number}"
        if cell["cell_type"] == "code":
            cell |= {"outputs": [], "execution_count": None}
    return ready


def with_text_of(source: Json, executed: Json) -> Json:
    """Return the executed notebook with the text cells of the source, where only text changed."""
    ran = [cell for cell in executed["cells"] if cell["cell_type"] == "code"]
    cells: list[Json] = []
    for cell in source["cells"]:
        if cell["cell_type"] != "code":
            cells.append(_cell(cell, {}))
            continue
        cells.append(ran.pop(0))
        if ran and ran[0]["id"] == INJECTED:
            cells.append(ran.pop(0))
    return {**executed, "cells": cells}


def _cell(cell: Json, shown: Mapping[str, str]) -> Json:
    kept = {
        k: v for k, v in cell.get("metadata", {}).items() if k not in ("papermill", "execution")
    }
    tags = kept.get("tags", [])
    if not tags:
        kept.pop("tags", None)
    injected = INJECTED in tags
    source = joined(cell["source"])
    ready: Json = {
        "cell_type": cell["cell_type"],
        "id": INJECTED if injected else cell.get("id", ""),
        "metadata": kept,
        "source": replaced(source, shown) if injected else source,
    }
    if cell["cell_type"] == "code":
        ready["execution_count"] = cell.get("execution_count")
        ready["outputs"] = [
            output for raw in cell.get("outputs", ()) if (output := _output(raw, shown))
        ]
    elif cell.get("attachments"):
        ready["attachments"] = cell["attachments"]
    return ready


def _output(output: Json, shown: Mapping[str, str]) -> Json | None:
    if output["output_type"] == "stream":
        text = plain(output["text"], shown)
        if output["name"] == "stderr":
            text = NATIVE_LOG.sub("", without_bars(text))
        return {**output, "text": text} if text.strip() else None
    ready = dict(output)
    if "data" in output:
        styles: dict[str, str] = {}
        ready["data"] = {
            kind: _styles(plain(value, shown), styles) if kind.startswith("text/") else value
            for kind, value in output["data"].items()
            if not kind.startswith("application/vnd.jupyter.widget")
        }
    if "traceback" in output:
        ready["traceback"] = [plain(line, shown) for line in output["traceback"]]
        ready["evalue"] = plain(output["evalue"], shown)
    return ready


def without_bars(text: str) -> str:
    r"""Return text without progress bars, which a warning may share its line with.

    Examples
    --------
    >>> without_bars("fit:  73%|##  | 8/11 [00:14<00:05]UserWarning: small group\n")
    'UserWarning: small group\n'
    """
    if "%|" not in text and "it [" not in text:
        return text
    return COUNTED.sub("", "\n".join(map(_without_bar, text.split("\n"))))


def _without_bar(line: str) -> str:
    """Cut out every ``what 9%|##| 1/9 [time]`` of a line; a letter is looked at twice at most."""
    kept: list[str] = []
    start = 0
    while (sign := line.find("%|", start)) >= 0:
        if not line[sign - 1 : sign].isdigit():
            kept.append(line[start : sign + 2])
            start = sign + 2
            continue
        end_of_bar = line.find("|", sign + 2)
        bracket = line.find("[", end_of_bar)
        end = line.find("]", bracket)
        if min(end_of_bar, bracket, end) < 0:
            break
        # What stands before the bar names it, back to the end of another bracket.
        kept.append(line[start : line.rfind("]", start, sign) + 1])
        start = end + 1
        while line[start : start + 1] in (" ", "\t"):
            start += 1
    return "".join([*kept, line[start:]])


def coalesced(outputs: list[Json]) -> list[Json]:
    """Return outputs with the pieces of each stream in one, as a terminal shows them.

    What stands before a carriage return is overwritten; standard output comes before the error
    stream where the two lie side by side, because their order differs from run to run.
    """
    merged: list[Json] = []
    pieces: dict[str, list[str]] = {}
    for output in outputs:
        if output["output_type"] != "stream":
            merged.append(output)
        elif (name := output["name"]) in pieces:
            pieces[name].append(joined(output["text"]))
        else:
            merged.append(output)
            pieces[name] = [joined(output["text"])]
    for output in merged:
        if output["output_type"] == "stream":
            lines = "".join(pieces[output["name"]]).split("\n")
            output["text"] = "\n".join(line[line.rfind("\r", 0, -1) + 1 :] for line in lines)
    for first in range(len(merged) - 1):
        if [output.get("name") for output in merged[first : first + 2]] == ["stderr", "stdout"]:
            merged[first : first + 2] = merged[first + 1], merged[first]
    return merged


def _styles(text: str, known: dict[str, str]) -> str:
    return STYLER.sub(lambda m: known.setdefault(m.group(), f"T_{len(known):05x}"), text)


def joined(text: str | Iterable[str]) -> str:
    """Return a text that nbformat may keep as a list of lines."""
    return text if isinstance(text, str) else "".join(text)


def plain(text: str | Iterable[str], shown: Mapping[str, str]) -> str:
    """Return text without addresses in memory, names of cells' files and machine paths."""
    return replaced(without_cell_files(ADDRESS.sub("0x…", joined(text))), shown)


def replaced(text: str, shown: Mapping[str, str]) -> str:
    """Put what is shown in the place of each machine path."""
    for path in sorted(shown, key=len, reverse=True):
        text = text.replace(path, shown[path])
    return text
