"""Everything about a run that can be known, and refused, before a kernel starts."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from segwork import config as _config
from segwork import tables
from segwork.config import Config
from segwork.engine import fingerprint, notebooks, order, parameters
from segwork.engine.folder import Folder
from segwork.errors import ConfigError, UsageError
from segwork.run import project_root, pseudonym_key

DEFAULT_CONFIGS = ("segwork.toml", "notebooks/configs/sample.toml")


@dataclass(frozen=True)
class Plan:
    """A checked run.

    Parameters
    ----------
    config : Config
    config_path : Path
    root : Path
        Project root, the working folder of every kernel.
    notebooks : mapping of name to Notebook
        In running order.
    needs : mapping of name to names
    chosen : set of str
        Notebooks asked for, with everything they need.
    values : mapping of name to parameter values
    data : mapping of table to SHA-256
    folder : Folder
    hashes : Hashes
    """

    config: Config
    config_path: Path
    root: Path
    notebooks: Mapping[str, notebooks.Notebook]
    needs: Mapping[str, tuple[str, ...]]
    chosen: set[str]
    values: Mapping[str, Mapping[str, Any]]
    data: Mapping[str, str]
    folder: Folder
    hashes: fingerprint.Hashes


def make(
    config: str | Path | None = None,
    *,
    out: str | Path = "reports",
    only: Iterable[str] = (),
    assignments: Iterable[str] = (),
    folder: str | Path | None = None,
    values: Mapping[str, Mapping[str, Any]] | None = None,
) -> Plan:
    """Check config, data, notebooks and parameters.

    Parameters
    ----------
    config : path, optional
        ``segwork.toml`` of the working folder, else the sample's config.
    out : path
        Folder of run folders.
    only : iterable of str
        Notebooks by name or number; what they need comes with them.
    assignments : iterable of str
        ``notebook.name=value`` texts; they win over the config.
    folder : path, optional
        Folder with the notebooks; ``notebooks`` of the project by default.
    values : mapping, optional
        Parameter values already typed, by notebook; they replace those of the config.

    Raises
    ------
    SegworkError
        Anything that would make the run fail for a reason known beforehand.
    """
    root = project_root()
    path = config_path(config)
    settings = _config.load(path)
    if not re.fullmatch(r"[\w.\- ]+", settings.name) or settings.name.strip(". ") == "":
        raise ConfigError(f"'name' is {settings.name!r} in {path}", accepted="a folder name")
    found = notebooks.find(Path(folder) if folder else root / "notebooks")
    needs = order.needs(found)
    chosen = order.selected(only, needs)
    ready = _values(found, settings, shown_config(path, root), assignments, values)
    _same_day([found[name] for name in chosen], settings.as_of.isoformat(), path.name)
    hashes = fingerprint.Hashes(root / ".segwork" / "hashes.json")
    run_folder = Folder(Path(out).resolve() / settings.name)
    # Benchmarks make their own data, and their config names no tables.
    reads_data = any("config" in own for own in ready.values())
    data = _checked_data(settings, path, hashes, run_folder) if reads_data else {}
    in_order = {name: found[name] for name in needs}
    return Plan(settings, path, root, in_order, needs, chosen, ready, data, run_folder, hashes)


def config_path(given: str | Path | None) -> Path:
    """Return the config file to use, absolute.

    Raises
    ------
    ConfigError
        None was given and there is none in the usual places.
    """
    if given:
        here = Path(given)
        return (here if here.is_file() else project_root() / here).resolve()
    for place in (Path.cwd() / DEFAULT_CONFIGS[0], project_root() / DEFAULT_CONFIGS[1]):
        if place.is_file():
            return place.resolve()
    raise ConfigError("no config file here", accepted="--config FILE", hint=DEFAULT_CONFIGS[1])


def shown_config(path: Path, root: Path) -> str:
    """Return the config's path as notebooks get it: from the project root where it lies below."""
    root = root.resolve()
    return path.relative_to(root).as_posix() if root in path.parents else path.as_posix()


def data_hashes(config: Config, hashes: fingerprint.Hashes) -> dict[str, str]:
    """Return the hash of each table's files; a database has to be read for it."""
    from_files: dict[str, str] = {}
    sources = tables.table_sources(config)
    for name, source in sources.items():
        found = [(path.name, hashes.of(path)) for path in tables.source_files(config, source)]
        if source.path:
            one = found[0][1] if len(found) == 1 else fingerprint.text_hash(found)
            from_files[name] = one if found else "missing"
    if len(from_files) < len(sources):
        read = tables.load(config, key=pseudonym_key(config)).fingerprint
        return {name: from_files.get(name) or read[name] for name in sources}
    return from_files


def _values(
    found: Mapping[str, notebooks.Notebook],
    config: Config,
    config_name: str,
    texts: Iterable[str],
    typed: Mapping[str, Mapping[str, Any]] | None,
) -> dict[str, dict[str, Any]]:
    from_config = typed if typed is not None else config.parameters
    for name in from_config:
        if name not in found:
            where = "[parameters] of the config"
            raise UsageError.unknown("notebook", name, found, where=where)
    given = parameters.assignments(texts, found)
    return {
        name: parameters.values(
            notebook,
            config=from_config.get(name, {}),
            command_line=given.get(name, {}),
            injected={"config": config_name},
        )
        for name, notebook in found.items()
    }


def _same_day(chosen: Iterable[notebooks.Notebook], day: str, config: str) -> None:
    """Refuse a notebook whose facts the run would find to be of another day."""
    for notebook in chosen:
        for own in notebook.own_days:
            if own != day:
                raise UsageError(
                    f"{notebook.name} starts its run as of {own}, {config} is as of {day}",
                    accepted="the same day in both",
                    hint="change 'as_of' in run.start or in the config",
                )


def _checked_data(
    config: Config, path: Path, hashes: fingerprint.Hashes, folder: Folder
) -> dict[str, str]:
    """Read the tables once and check the gates' names, unless exactly this was checked before."""
    data = data_hashes(config, hashes)
    if folder.remembered("_checked") == _mark(config, data):
        return data
    from segwork.checks import gates
    from segwork.engine import datacheck

    gates.judge({}, config)
    datacheck.check(path)
    return data_hashes(config, hashes)


def _mark(config: Config, data: Mapping[str, str]) -> dict[str, str]:
    rules = [{k: vars(v) for k, v in part.items()} for part in (config.limits, config.waivers)]
    policy = [[p.name, p.read_text(encoding="utf-8")] for p in fingerprint.policy_files()]
    settings = fingerprint.settings(config)
    return {"checked": fingerprint.text_hash([settings, rules, policy, dict(data)])}


def remember_checked(plan: Plan) -> None:
    """Note in the run folder that config and data were found usable."""
    plan.folder.remember("_checked", _mark(plan.config, plan.data))
