"""``segwork verify``: run again in fresh kernels, with another hash seed, and compare."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Any

from segwork.engine import Outcome, compare, run
from segwork.errors import NotReproducedError, UsageError
from segwork.report.folder import flat
from segwork.results import display

OTHER_HASH_SEED = "20261122"
COMPARED = (
    "Fresh kernels, another hash seed and another number of workers; facts, tables, notebook"
    " outputs and pages were compared."
)
PUBLISHED = (
    "In the wild, 24 % of public notebooks ran and 4 % gave the same results (Pimentel et al."
    " 2019); 11.6 % and 8.5 % in Samuel and Mietchen (2024)."
)


@dataclass(frozen=True)
class Verification:
    """What a second run of the same manifest gave.

    Parameters
    ----------
    ran, reproduced, drifted : list of str
        Notebooks that ended as before · that gave the same bytes · that did not.
    drifts : list of str
        One sentence for each difference.
    exit_code : int
        0, or 4 where anything differs.
    """

    ran: list[str]
    reproduced: list[str]
    drifted: list[str]
    drifts: list[str]

    @property
    def exit_code(self) -> int:
        """Return 0, or the code of "not reproduced"."""
        return NotReproducedError.exit_code if self.drifts else 0


def verify(run_folder: str | Path, *, say: Callable[[str], None] = print) -> Verification:
    """Run a run folder again from its manifest and compare facts, outputs and pages.

    Parameters
    ----------
    run_folder : path
        A folder written by ``segwork run``; ``verification.html`` is written into it.
    say : callable
        Takes each line of text.

    Raises
    ------
    UsageError
        The folder holds no run, or the config it came from is gone.
    """
    folder = Path(run_folder).resolve()
    manifest = compare.manifest(folder)
    origin = _origin(folder)
    only = [name for name, entry in manifest["notebooks"].items() if entry["status"] != "skipped"]
    if not only:
        raise UsageError(f"nothing ran in '{folder}', so there is nothing to compare")
    with tempfile.TemporaryDirectory(prefix="segwork-verify-") as fresh:
        outcome = _again(origin, manifest, only, Path(fresh), say, decided=folder / "decision.md")
        drifts = {name: list(_drifts(folder, outcome.folder, name)) for name in only}
        general = list(_general_drifts(folder, outcome.folder, manifest))
    drifted = [name for name in only if drifts[name]]
    ran = [n for n in only if outcome.statuses[n] == manifest["notebooks"][n]["status"] == "ok"]
    found = Verification(
        ran=ran,
        reproduced=[name for name in ran if name not in drifted],
        drifted=drifted,
        drifts=general + [f"{name}: {text}" for name in only for text in drifts[name]],
    )
    for line in found.drifts:
        say(f"  {line}")
    say(_sentence(found, len(only)))
    say(str(_write_page(folder, found, only)))
    return found


def _again(
    origin: dict[str, Any],
    manifest: dict[str, Any],
    only: list[str],
    fresh: Path,
    say: Callable[[str], None],
    *,
    decided: Path,
) -> Outcome:
    """Run the same notebooks on the same parameters, with everything else different."""
    values = {
        name: {key: value for key, value in entry["parameters"].items() if key != "config"}
        for name, entry in manifest["notebooks"].items()
    }
    if decided.is_file():  # it is part of the index page
        (fresh / manifest["name"]).mkdir()
        shutil.copy(decided, fresh / manifest["name"])
    here = Path.cwd()
    try:
        os.chdir(origin["root"])
        return run(
            origin["config"],
            out=fresh,
            only=only,
            jobs=1 if origin["jobs"] > 1 else 2,
            baseline=manifest["baseline"],
            notebooks=origin["notebooks"],
            values=values,
            hash_seed=OTHER_HASH_SEED,
            reuse=False,
            say=say,
        )
    finally:
        os.chdir(here)


def _origin(folder: Path) -> dict[str, Any]:
    try:
        origin = json.loads((folder / ".state" / "_origin.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        raise UsageError(
            f"'{folder}' does not say which config and notebooks it came from",
            hint="verify a run where it was made",
        ) from None
    if not Path(origin["config"]).is_file():
        raise UsageError(f"the config of this run is gone: '{origin['config']}'")
    return dict(origin)


def _general_drifts(old: Path, new: Path, manifest: dict[str, Any]) -> list[str]:
    """Name what is no longer as it was when the run was made: it explains a drift of results."""
    present = compare.manifest(new)
    found = []
    for part in ("config", "data", "versions"):
        before, after = flat(manifest[part]), flat(present[part])
        for change in compare.differences(before, after, kind=part):
            shown = f": {display(change.before)} → {display(change.after)}"
            found.append(f"{part} {change.name} changed{'' if part == 'data' else shown}")
    pages = ("findings.json",) if found else ("findings.json", "index.html")
    return found + [f"{n} differs" for n in pages if not _same_bytes(old / n, new / n)]


def _drifts(old: Path, new: Path, name: str) -> list[str]:
    """Return a sentence for everything about one notebook that differs."""
    found = []
    before, after = (compare.manifest(folder)["notebooks"].get(name, {}) for folder in (old, new))
    for part, words in (("status", "it was {} and is {}"), ("code", "its code changed")):
        if before.get(part) != after.get(part):
            found.append(words.format(before.get(part), after.get(part)))
    facts_old, facts_new = (
        {k: v for k, v in compare.facts(folder).items() if k.startswith(f"{name}.")}
        for folder in (old, new)
    )
    for change in compare.differences(facts_old, facts_new, kind="fact"):
        found.append(f"fact {change.name}: {change.before!r} → {change.after!r}")
    one, other = compare.outputs(old, name), compare.outputs(new, name)
    cells = [i for i, (x, y) in enumerate(zip(one, other, strict=False), 1) if x != y]
    if cells or len(one) != len(other):
        found.append(f"output of code {', '.join(map(str, cells)) or 'cells'} differs")
    for place in (f"facts/{name}.json", f"notebooks/{name}.ipynb", f"{name}.html"):
        if not found and not _same_bytes(old / place, new / place):
            found.append(f"{place} differs")
    for table in before.get("leaves", ()):
        if not _same_bytes(
            old / "tables" / f"{table}.parquet", new / "tables" / f"{table}.parquet"
        ):
            found.append(f"table {table} differs")
    return found


def _same_bytes(one: Path, other: Path) -> bool:
    if not one.is_file() or not other.is_file():
        return one.is_file() == other.is_file()
    return one.read_bytes() == other.read_bytes()


def _sentence(found: Verification, of: int) -> str:
    return (
        f"Of {of} notebooks, {len(found.ran)} ran, {len(found.reproduced)} reproduced byte for"
        f" byte, {len(found.drifted)} drifted."
    )


def _write_page(folder: Path, found: Verification, names: list[str]) -> Path:
    from segwork import report

    words = {name: "reproduced" if name in found.reproduced else "drifted" for name in names}
    rows = [
        (name, report.badge("ok" if name in found.ran else "failed"), report.badge(words[name]))
        for name in names
    ]
    whole = report.badge("drifted" if found.drifts else "reproduced")
    body = [
        "<h1>Does a second run give the same results?</h1>",
        f'<p class="verdict">{whole} {escape(_sentence(found, len(names)))}</p>',
        f"<p>{COMPARED}</p>",
        report.table("Notebooks", ("Notebook", "Ran", "Reproduced"), rows),
        *(f"<p>{escape(line)}</p>" for line in found.drifts),
        f"<p>{escape(PUBLISHED)}</p>",
    ]
    page = report.page("Verification", "\n".join(map(str, body)))
    return report.write_page(folder / "verification.html", page)
