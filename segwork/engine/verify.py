"""``segwork verify``: run again in fresh kernels, with another hash seed, and compare."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from segwork.engine import Outcome, run
from segwork.engine.conclude.differences import differences, outputs
from segwork.engine.execute.cache import Origin
from segwork.errors import NotReproducedError, UsageError
from segwork.results import display
from segwork.runs.files import Json, private_folder, write_text
from segwork.runs.folder import RAN, Entry, RunFolder, flat
from segwork.runs.names import is_part_of_a_path, line
from segwork.runs.project import temporary_folder

OTHER_HASH_SEED = "20261122"


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


def verify(
    run_folder: str | Path,
    *,
    config: str | Path | None = None,
    notebooks: str | Path | None = None,
    say: Callable[[str], None] = print,
) -> Verification:
    """Run a run folder again from its manifest and compare facts, outputs and pages.

    Parameters
    ----------
    run_folder : path
        A folder written by ``segwork run``. Where this project made it, ``verification.html`` is
        written into it; a folder from elsewhere is only read.
    config, notebooks : path, optional
        What to run; by default what this project remembers of the run. A folder from elsewhere
        names nothing that is run.
    say : callable
        Takes each line of text.

    Raises
    ------
    DataError
        The folder holds no run, or records no run writes.
    UsageError
        Nobody says which config it came from, or that is gone.
    """
    old = RunFolder(Path(run_folder).resolve())
    manifest, before = old.manifest(), old.entries()
    known = Origin(old).known()
    origin = _origin(old, known, config, notebooks)
    only = [name for name, entry in before.items() if entry.status != "skipped"]
    if not only:
        raise UsageError(f"nothing ran in '{old.path}', so there is nothing to compare")
    with tempfile.TemporaryDirectory(prefix="verify-", dir=temporary_folder()) as fresh:
        outcome = _again(origin, old, only, Path(fresh), say)
        new = RunFolder(outcome.folder)
        drifts = {name: list(_drifts(old, new, name)) for name in only}
        general = list(_general_drifts(old, new, manifest))
    drifted = [name for name in only if drifts[name]]
    ran = [n for n in only if outcome.statuses.get(n) == before[n].status == RAN]
    found = Verification(
        ran=ran,
        reproduced=[name for name in ran if name not in drifted],
        drifted=drifted,
        drifts=general + [f"{name}: {text}" for name in only for text in drifts[name]],
    )
    for text in found.drifts:
        say(line(f"  {text}"))
    say(_sentence(found, len(only)))
    if known:
        say(line(_write_page(old, found, only)))
    return found


def _again(
    origin: Json, old: RunFolder, only: list[str], fresh: Path, say: Callable[[str], None]
) -> Outcome:
    """Run the same notebooks on the same parameters, with everything else different."""
    manifest = old.manifest()
    values = origin["values"] or {
        name: {key: value for key, value in entry.parameters.items() if key != "config"}
        for name, entry in old.entries().items()
    }
    # A decision is part of the index page.
    if (decided := old.decision()) and is_part_of_a_path(manifest["name"]):
        write_text(RunFolder(private_folder(fresh / manifest["name"])).file("decision.md"), decided)
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


def _origin(
    old: RunFolder, known: Json, config: str | Path | None, notebooks: str | Path | None
) -> Json:
    """Return config, root, notebooks, jobs and values of the run: as told, else as remembered."""
    if not known and not config:
        raise UsageError(
            f"'{old.path}' was not made by this project, which does not know its config and"
            " notebooks",
            accepted="--config FILE, and --notebooks FOLDER where they are your own",
            hint="verify a run where it was made",
        )
    told = {"config": config, "notebooks": notebooks, "root": None, "jobs": 2, "values": None}
    origin = {**told, **({} if config else known)}
    for key in ("config", "notebooks"):
        origin[key] = str(Path(origin[key]).resolve()) if origin[key] else None
    if not Path(origin["config"]).is_file():
        raise UsageError(f"the config of this run is gone: '{origin['config']}'")
    return {**origin, "root": origin["root"] or str(Path.cwd())}


def _general_drifts(old: RunFolder, new: RunFolder, manifest: Json) -> list[str]:
    """Name what is no longer as it was when the run was made: it explains a drift of results."""
    present = new.manifest()
    found = []
    for part in ("config", "data", "versions"):
        before, after = flat(manifest[part]), flat(present[part])
        for change in differences(before, after, kind=part):
            shown = f": {display(change.before)} → {display(change.after)}"
            found.append(f"{part} {change.name} changed{'' if part == 'data' else shown}")
    pages = ("findings.json",) if found else ("findings.json", "index.html")
    return found + [f"{n} differs" for n in pages if not _same_bytes(old, new, old.file(n))]


def _drifts(old: RunFolder, new: RunFolder, name: str) -> list[str]:
    """Return a sentence for everything about one notebook that differs."""
    found = []
    before, after = (run.entries().get(name, Entry()) for run in (old, new))
    if before.status != after.status:
        found.append(f"it was {before.status} and is {after.status}")
    if before.code != after.code:
        found.append("its code changed")
    was, now = (run.recorded(name)["facts"] for run in (old, new))
    for change in differences(was, now, kind="fact"):
        found.append(f"fact {name}.{change.name}: {change.before!r} → {change.after!r}")
    one, other = outputs(old, name), outputs(new, name)
    cells = [i for i, (x, y) in enumerate(zip(one, other, strict=False), 1) if x != y]
    if cells or len(one) != len(other):
        found.append(f"output of code {', '.join(map(str, cells)) or 'cells'} differs")
    for path in (old.facts(name), old.executed(name), old.page(name)):
        if not found and not _same_bytes(old, new, path):
            found.append(f"{path.relative_to(old.path)} differs")
    for table in before.leaves:
        if not _same_bytes(old, new, old.table(table)):
            found.append(f"table {table} differs")
    return found


def _same_bytes(old: RunFolder, new: RunFolder, path: Path) -> bool:
    """Compare a file of the old folder with its twin; one that leads elsewhere is not read."""
    place = str(path.relative_to(old.path))
    one, other = old.inside(place), new.path / place
    if one is None or not one.is_file() or not other.is_file():
        return one is not None and one.is_file() == other.is_file()
    return one.read_bytes() == other.read_bytes()


def _sentence(found: Verification, of: int) -> str:
    return (
        f"Of {of} notebooks, {len(found.ran)} ran, {len(found.reproduced)} reproduced byte for"
        f" byte, {len(found.drifted)} drifted."
    )


def _write_page(run: RunFolder, found: Verification, names: list[str]) -> Path:
    from segwork import report
    from segwork.report.layout import drawn

    body = drawn(
        "verification.html", found=found, names=names, sentence=_sentence(found, len(names))
    )
    return report.write_page(run.file("verification.html"), report.page("Verification", body))
