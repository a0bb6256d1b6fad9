"""The offline report: facts, findings and executed notebooks in, HTML pages out.

Nothing is computed or judged here. A page holds no script, asks the network for nothing (its
policy forbids it), carries no clock value, and is the same bytes whenever the run is the same.
"""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from segwork.report.folder import load
from segwork.report.index import index_page
from segwork.report.layout import Html, badge, page, table
from segwork.report.notebook import findings_table, notebook_page

__all__ = ["Html", "badge", "findings_table", "page", "table", "write"]


def write(folder: str | Path) -> Path:
    """Write ``index.html`` and one page per notebook of a run.

    Parameters
    ----------
    folder : path
        A folder that ``segwork run`` wrote: ``manifest.json``, ``findings.json``, ``facts/`` and
        ``notebooks/``. A notebook that failed or never ran gets its page too.

    Returns
    -------
    Path
        The index page.

    Raises
    ------
    DataError
        The folder has no readable manifest.
    """
    run = load(Path(folder))
    for notebook in run.notebooks:
        write_page(run.folder / f"{notebook}.html", notebook_page(run, notebook))
    return write_page(run.folder / "index.html", index_page(run))


def write_page(path: Path, html: str) -> Path:
    """Write a page under a temporary name, then rename it: no half page is ever seen."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "w", encoding="utf-8", newline="\n") as file:
            file.write(html)
        os.chmod(temporary, 0o644)
        os.replace(temporary, path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
    return path
