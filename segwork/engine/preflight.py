"""``segwork check``: everything a run would refuse, and the rules about notebooks; runs nothing."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

from segwork.engine import plan, rules
from segwork.engine.plan.read_data import read_once
from segwork.errors import UsageError
from segwork.packaged import notebooks_of
from segwork.runs.names import line
from segwork.runs.project import project_root


def preflight(
    config: str | Path | None = None,
    *,
    notebooks: str | Path | None = None,
    say: Callable[[str], None] = print,
) -> int:
    """Check the rules about notebooks and, where a config is given, all that a run depends on.

    Parameters
    ----------
    config : path, optional
    notebooks : path, optional
        Folder of the notebooks; ``notebooks`` of the project by default.
    say : callable
        Takes each line of text.

    Raises
    ------
    SegworkError
        A rule is broken, or config, data, order or parameters would stop a run.
    """
    folder = Path(notebooks) if notebooks else notebooks_of(project_root())
    paths = sorted(p for p in folder.rglob("*.ipynb") if ".ipynb_checkpoints" not in p.parts)
    found = [f"{path}: {text}" for path in paths for text in rules.complaints(rules.Notebook(path))]
    found += [f"{p}: hides the module '{p.stem}' of Python" for p in _shadowing(folder)]
    for complaint in found:
        say(line(complaint))
    if found:
        raise UsageError(f"{len(found)} complaints about notebooks")
    say(f"{len(paths)} notebooks keep the rules")
    if config:
        checked = plan.make(config, folder=notebooks)
        tables = ", ".join(checked.data) or "none"
        for told in read_once(checked.config_path) if checked.data else ():
            say(line(told))
        say(f"{checked.config_path.name}: config, tables ({tables}) and parameters are fine")
    return 0


def _shadowing(folder: Path) -> list[Path]:
    """Return files that kernels would import in place of a module of Python."""
    places = [*folder.glob("*.py"), *project_root().glob("*.py")]
    return [path for path in places if path.stem in sys.stdlib_module_names]
