"""What a notebook's result depends on, as hashes, and which of it changed.

Code and parameters are known beforehand; helper modules and packages are what the kernel really
imported the last time. A file is hashed again only when its size, times or place changed.
"""

from __future__ import annotations

import contextlib
import functools
import hashlib
import json
import os
import platform
import sys
import time
from collections.abc import Iterable, Iterator, Mapping
from datetime import date
from pathlib import Path

from segwork.config import Config, SampleCompany, Source
from segwork.engine.plan.notebooks import MEANINGFUL_TAGS, Notebook
from segwork.engine.plan.parameters import plain
from segwork.errors import UsageError
from segwork.runs.files import Json, write_json
from segwork.runs.project import own_folder, project_root
from segwork.settings import Export, Pilot
from segwork.source import shown_address

RACY_SECONDS = 2.0
SEEN_OF_EXPORT = ("purpose", "review_days")
PACKAGE = Path(__file__).resolve().parent.parent.parent
Mark = tuple[int, ...]


class Hashes:
    """SHA-256 of files, remembered under ``.segwork`` while size, times and place are the same."""

    def __init__(self, path: Path | None = None) -> None:
        self._path = path or own_folder() / "hashes.json"
        self._new = False
        self._known: dict[str, list[int | str]] = {}
        with contextlib.suppress(OSError, ValueError, TypeError):
            self._known = dict(json.loads(self._path.read_text(encoding="utf-8")))

    def of(self, path: Path) -> str:
        """Return the hash of a file; ``missing`` where there is none."""
        if not (found_mark := mark(path)):
            return "missing"
        known = self._known.get(str(path))
        if known and known[:-1] == list(found_mark):
            return str(known[-1])
        with path.open("rb") as file:
            found = hashlib.file_digest(file, "sha256").hexdigest()
        # A file changed just now may change again within the same tick of its clock.
        if time.time() - found_mark[1] / 1e9 > RACY_SECONDS:
            self._known[str(path)] = [*found_mark, found]
            self._new = True
        return found

    def keep(self) -> None:
        """Remember what was hashed for the next run."""
        if self._new:
            present = {path: mark for path, mark in self._known.items() if Path(path).exists()}
            with contextlib.suppress(UsageError):  # without it the next run hashes again
                write_json(self._path, present)
            self._new = False


def mark(path: Path) -> Mark:
    """Return size, times and place of a file; empty where there is none.

    The second time moves with every write, link or rename and cannot be set back: a file whose mark
    is the same has been the same all the while.
    """
    try:
        stat = path.stat()
    except (OSError, ValueError):
        return ()
    return (stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns, stat.st_ino)


def text_hash(value: object) -> str:
    """Return the SHA-256 of a value written as canonical JSON."""
    text = json.dumps(value, sort_keys=True, ensure_ascii=False, default=str)
    return hashlib.sha256(text.encode()).hexdigest()


def settings(config: Config) -> Json:
    """Return the settings notebooks can see, as JSON values; limits and names change no result.

    Places on this machine and all that may hold a secret are left out: of an address stay scheme,
    host and database, of a query its hash.
    """
    return {
        "as_of": config.as_of.isoformat(),
        "seed": config.seed,
        "window_days": config.window_days,
        "currency": config.currency,
        "engine": config.engine,
        "purpose": config.purpose,
        "purposes": dict(config.purposes),
        "responsible": vars(config.responsible),
        "tables": {name: _shown(source) for name, source in config.tables.items()},
        "sample": _shown(config.sample) if config.sample.folder else {},
        "export": {k: v for k, v in _shown(config.export).items() if k in SEEN_OF_EXPORT},
        "pilot": _shown(config.pilot) if config.pilot else {},
    }


def _shown(source: Source | SampleCompany | Export | Pilot) -> Json:
    shown: Json = {}
    for key, value in vars(source).items():
        if isinstance(value, Mapping):
            value = dict(value)
        elif isinstance(value, date):
            value = value.isoformat()
        elif key in ("path", "folder") and Path(value).is_absolute():
            value = Path(value).name
        elif key == "url" and value:
            value = shown_address(value)
        elif key == "sql" and value:
            value = f"sha256 {text_hash(value)[:16]}"
        if value:
            shown[key] = value
    return shown


def code(notebook: Notebook) -> list[str]:
    """Return one hash per code cell; text cells and most tags do not count."""
    return [
        text_hash([cell.source, sorted(set(cell.tags) & set(MEANINGFUL_TAGS))])[:16]
        for cell in notebook.code
    ]


def inputs(
    notebook: Notebook,
    *,
    parameters: Mapping[str, object],
    config: Config,
    data: Mapping[str, str],
    upstream: Mapping[str, str],
    before: Json,
    hashes: Hashes,
) -> Json:
    """Return everything the notebook's result depends on.

    Parameters
    ----------
    notebook, parameters, config
    data : mapping of table to hash
    upstream : mapping of table it reads to hash
    before : mapping
        Inputs of the last good run; they name the modules and packages to look at.
    hashes : Hashes
    """
    sees_config = "config" in parameters
    root = project_root()
    modules, packages = before.get("modules", {}), before.get("packages", {})
    return {
        "code": code(notebook),
        "parameters": {k: plain(v) for k, v in parameters.items() if k != "config"},
        "config": settings(config) if sees_config else {},
        "data": dict(data) if sees_config else {},
        "upstream": dict(upstream),
        "modules": {name: hashes.of(place(name, root)) for name in modules},
        "package_data": text_hash([[p.name, hashes.of(p)] for p in _package_data()]),
        "packages": {**dict.fromkeys(packages, "missing"), **installed_versions(packages)},
        "python": platform.python_version(),
        "engine": text_hash([hashes.of(path) for path in _execution()]),
    }


def _execution() -> list[Path]:
    """Return the files that decide what an executed notebook looks like."""
    return sorted((PACKAGE / "engine" / "execute").glob("*.py"))


def used(files: Iterable[str], root: Path) -> tuple[list[str], list[str]]:
    """Split the files a kernel imported into modules of the project and installed packages."""
    modules, tops = set(), set()
    home, standard = root.resolve(), Path(os.__file__).resolve().parent
    for name in files:
        parts = Path(name).parts
        libraries = [i for i, part in enumerate(parts) if part.endswith("-packages")]
        if libraries:
            tops.add(parts[libraries[-1] + 1].partition(".")[0])
            continue
        path = Path(name).resolve()
        if PACKAGE in path.parents:
            modules.add("segwork/" + path.relative_to(PACKAGE).as_posix())
        elif home in path.parents and standard not in path.parents:
            modules.add(path.relative_to(home).as_posix())
    owners = _owners()
    packages = {_normal(package) for top in tops for package in owners.get(top, ())}
    return sorted(modules), sorted(packages)


@functools.cache
def _owners() -> Mapping[str, list[str]]:
    from importlib.metadata import packages_distributions

    return packages_distributions()


def installed_versions(names: Iterable[str]) -> dict[str, str]:
    """Return the versions of installed distributions; one that is not there is left out."""
    folders = _distributions(tuple(sys.path))
    there = (name for name in sorted(names) if name in folders)
    return {name: next(_written(folders[name], "Version"), "") for name in there}


def requirements(name: str) -> list[str]:
    """Return what an installed distribution asks for; empty where it is used from its sources."""
    folder = _distributions(tuple(sys.path)).get(name)
    return list(_written(folder, "Requires-Dist")) if folder else []


@functools.lru_cache(maxsize=2)
def _distributions(places: tuple[str, ...]) -> dict[str, str]:
    """Return the folder of each distribution; the first place it is found in counts."""
    return {
        _normal(entry.partition("-")[0]): os.path.join(place or ".", entry)
        for place in reversed(places)
        if os.path.isdir(place or ".")
        for entry in os.listdir(place or ".")
        if entry.endswith(".dist-info")
    }


def _written(folder: str, field: str) -> Iterator[str]:
    """Yield a field where installers write it; importlib.metadata would parse the whole file."""
    with open(os.path.join(folder, "METADATA"), encoding="utf-8", errors="replace") as file:
        for line in file:
            if line.startswith(f"{field}:"):
                yield line.partition(":")[2].strip()
            elif not line.strip():  # the end of the head
                return


def reason(now: Json, before: Json | None) -> str:
    """Say the first thing that changed since the last good run; empty where nothing did.

    Examples
    --------
    >>> reason({"parameters": {"k": 4}}, {"parameters": {"k": 3}})
    'parameter k: 3 → 4'
    """
    if not before:
        return "never ran here"
    words = {
        "parameters": "parameter",
        "config": "config",
        "data": "data",
        "upstream": "table",
        "modules": "helper",
        "packages": "package",
    }
    if now.get("code") != before.get("code"):
        return _changed_cell(now["code"], before.get("code", []))
    for part, word in words.items():
        new, old = now.get(part, {}), before.get(part, {})
        for key in sorted({*new, *old}):
            if new.get(key) != old.get(key):
                if part in ("data", "upstream", "modules") or key == "tables":
                    return f"{word} {key} changed"
                return f"{word} {key}: {old.get(key, 'absent')} → {new.get(key, 'absent')}"
    for part in ("package_data", "python", "engine"):
        if now.get(part) != before.get(part):
            return f"{part.replace('_', ' ')} changed"
    return ""


def _changed_cell(now: list[str], before: list[str]) -> str:
    for number, (new, old) in enumerate(zip(now, before, strict=False), start=1):
        if new != old:
            return f"code cell {number} changed"
    return f"code cells: {len(before)} → {len(now)}"


def place(name: str, root: Path) -> Path:
    """Return the file behind the name :func:`used` gave a module."""
    return PACKAGE / name.removeprefix("segwork/") if name.startswith("segwork/") else root / name


def policy_files() -> list[Path]:
    """Return the files that hold the gates."""
    return sorted((PACKAGE / "checks" / "limits").glob("*.toml"))


def _package_data() -> list[Path]:
    """Return the data beside the code: weights, rules, words; limits change no result."""
    kept = (".npz", ".json", ".parquet", ".csv", ".toml")
    found = (p for p in PACKAGE.rglob("*") if p.suffix in kept and p.is_file())
    return sorted(path for path in found if path.parent.name not in ("limits", "configs"))


def _normal(name: str) -> str:
    return name.lower().replace("_", "-").replace(".", "-")
