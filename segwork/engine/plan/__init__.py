"""Everything about a run that can be known, and refused, before a kernel starts."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from segwork import config as _config
from segwork import tables
from segwork.config import Config
from segwork.engine.plan import fingerprint, notebooks, order, parameters
from segwork.errors import ConfigError, DataError, UsageError
from segwork.packaged import notebooks_of
from segwork.runs.folder import COLUMNS, RunFolder
from segwork.runs.project import own_folder, project_root, pseudonym_key

Values = Mapping[str, Mapping[str, object]]  # typed parameter values, by notebook
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
    watched : mapping of what to the marks of its files
        Config and data as they were before they were read; see :func:`fingerprint.mark`.
    folder : RunFolder
    hashes : Hashes
    checked : str
        Hash of the config, data and policy that were found usable.
    """

    config: Config
    config_path: Path
    root: Path
    notebooks: Mapping[str, notebooks.Notebook]
    needs: Mapping[str, tuple[str, ...]]
    chosen: set[str]
    values: Values
    folder: RunFolder
    hashes: fingerprint.Hashes
    data: Mapping[str, str] = field(default_factory=dict)
    watched: Mapping[str, list[fingerprint.Mark]] = field(default_factory=dict)
    checked: str = ""
    rows: int = 0

    @property
    def entry_config(self) -> str:
        """The config's name as the records of a run hold it: no folder of this machine."""
        shown = shown_config(self.config_path, self.root)
        return self.config_path.name if Path(shown).is_absolute() else shown


def make(
    config: str | Path | None = None,
    *,
    out: str | Path = "reports",
    only: Iterable[str] = (),
    assignments: Iterable[str] = (),
    folder: str | Path | None = None,
    values: Values | None = None,
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
    root, path = project_root(), config_path(config)
    settings = _config.load(path)
    if not re.fullmatch(r"[\w.\- ]+", settings.name) or settings.name.strip(". ") == "":
        raise ConfigError(f"'name' is {settings.name!r} in {path}", accepted="a folder name")
    found = notebooks.find(Path(folder) if folder else notebooks_of(root))
    needs = order.needs(found)
    chosen = order.selected(only, needs)
    ready = _values(found, settings, shown_config(path, root), assignments, values)
    _same_day([found[name] for name in chosen], settings.as_of.isoformat(), path.name)
    hashes = fingerprint.Hashes(own_folder() / "hashes.json")
    run_folder = RunFolder(Path(out).resolve() / settings.name)
    pseudonym_key(settings, run_folder=run_folder.path, make=False)
    _other_than(run_folder.path, settings, path.name)
    run_folder.decision()  # a decision nobody can read is said before the work, not after
    # Benchmarks make their own data, and their config names no tables.
    reads_data = any("config" in own for own in ready.values())
    seen = _checked_data(settings, path, hashes, run_folder) if reads_data else {}
    return Plan(
        config=settings,
        config_path=path,
        root=root,
        notebooks={name: found[name] for name in needs},
        needs=needs,
        chosen=chosen,
        values=ready,
        folder=run_folder,
        hashes=hashes,
        **seen,
    )


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
    raise ConfigError(
        "no segwork.toml here",
        accepted="--config FILE",
        hint="'segwork init . FILES' makes one from your exports, 'segwork init demo' an example",
    )


def shown_config(path: Path, root: Path) -> str:
    """Return the config's path as notebooks get it: from the project root where it lies below."""
    root = root.resolve()
    return path.relative_to(root).as_posix() if root in path.parents else path.as_posix()


def data_hashes(config: Config, hashes: fingerprint.Hashes) -> dict[str, str]:
    """Return the hash of each table's files; a database has to be read for it."""
    from_files: dict[str, str] = {}
    reference = {what: hashes.of(path) for what, path in _reference(config).items()}
    sources = tables.table_sources(config)
    for name, source in sources.items():
        found = [(path.name, hashes.of(path)) for path in tables.source_files(config, source)]
        if source.path:
            one = found[0][1] if len(found) == 1 else fingerprint.text_hash(found)
            from_files[name] = one if found else "missing"
    if len(from_files) < len(sources):
        read = tables.load(config, key=pseudonym_key(config)).fingerprint
        return {name: from_files.get(name) or read[name] for name in sources} | reference
    return from_files | reference


def _reference(config: Config) -> dict[str, Path]:
    """Return the file of the run that columns are compared with; none where none is named."""
    if not config.reference_run:
        return {}
    folder = config.resolve(config.reference_run)
    if not (path := RunFolder(folder).table(COLUMNS)).is_file():
        raise ConfigError(
            f"'reference_run' is '{config.reference_run}', which left no '{COLUMNS}'",
            accepted="the folder of a finished run of 10_data_quality",
            hint="a run of an older version has to be made once more",
        )
    return {"reference_run": path}


def marks(config: Config, path: Path) -> dict[str, list[fingerprint.Mark]]:
    """Return the marks of the files a notebook reads beside the run folder, by what they are."""
    sources = tables.table_sources(config)
    files = {f"data {name}": tables.source_files(config, one) for name, one in sources.items()}
    files |= {what: [path] for what, path in _reference(config).items()}
    return {
        what: [fingerprint.mark(file) for file in found]
        for what, found in {"the config": [path], **files}.items()
    }


def _values(
    found: Mapping[str, notebooks.Notebook],
    config: Config,
    config_name: str,
    texts: Iterable[str],
    typed: Values | None,
) -> dict[str, dict[str, object]]:
    from_config = typed if typed is not None else config.parameters
    for name in from_config:
        if name not in found:
            where = "[parameters] of the config"
            raise UsageError.unknown("notebook", name, found, where=where)
    given = parameters.assignments(texts, found)
    ready = {
        name: parameters.values(
            notebook,
            config=from_config.get(name, {}),
            command_line=given.get(name, {}),
            injected={"config": config_name},
        )
        for name, notebook in found.items()
    }
    for name, notebook in found.items():
        parameters.refuse_below_zero(notebook, ready[name])
    return ready


def _other_than(folder: Path, settings: Config, config: str) -> None:
    """Refuse a run that is its own reference."""
    if settings.reference_run and settings.resolve(settings.reference_run) == folder:
        raise ConfigError(
            f"'reference_run' of {config} is the folder of this run itself",
            accepted="the folder of an earlier run",
            hint="give every run a 'name' of its own, such as shop_2026_07",
        )


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
    config: Config, path: Path, hashes: fingerprint.Hashes, folder: RunFolder
) -> dict[str, Any]:
    """Read the tables once and check the gates' names, unless exactly this was checked before.

    Marks are taken before the bytes are looked at, so what moves meanwhile shows later.
    """
    watched, data, rows = marks(config, path), data_hashes(config, hashes), 0
    checked = _checked_hash(config, data)
    if not is_checked(folder, checked):
        from segwork.checks import gates
        from segwork.engine.plan import read_data

        gates.judge({}, config)
        held = " ".join(read_data.read_once(path))  # it writes the sample where that is missing
        counted = re.search(r"transactions: ([\d,]+) rows", held)
        rows = int(counted[1].replace(",", "")) if counted else 0
        watched, data = marks(config, path), data_hashes(config, hashes)
        checked = _checked_hash(config, data)
    return {"watched": watched, "data": data, "checked": checked, "rows": rows}


def is_checked(folder: RunFolder, checked: str) -> bool:
    """Tell whether the run in that folder found the same config, data and policy usable."""
    path = folder.memory("_checked")
    try:
        return bool(path.is_file() and folder.read(path, dict).get("checked") == checked)
    except DataError:
        return False


def _checked_hash(config: Config, data: Mapping[str, str]) -> str:
    rules = [{k: vars(v) for k, v in part.items()} for part in (config.limits, config.waivers)]
    policy = [[p.name, p.read_text(encoding="utf-8")] for p in fingerprint.policy_files()]
    return fingerprint.text_hash([fingerprint.settings(config), rules, policy, dict(data)])
