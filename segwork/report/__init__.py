"""The offline report: facts, findings and executed notebooks in, HTML pages out.

Nothing is computed or judged here. A page holds no script, asks the network for nothing (its
policy forbids it), carries no clock value, and is the same bytes whenever the run is the same.
"""

from __future__ import annotations

from pathlib import Path

from segwork.report.cards import card_pages
from segwork.report.folder import load
from segwork.report.index import index_page
from segwork.report.layout import badge, page, table
from segwork.report.notebook import notebook_page
from segwork.runs.files import write_text

__all__ = ["badge", "page", "table", "write", "write_page"]


def write(folder: str | Path) -> Path:
    """Write ``index.html``, one page per notebook of a run, and the cards of its personas.

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
        write_page(run.files.page(notebook), notebook_page(run, notebook))
    for name, html in card_pages(run).items():
        write_page(run.files.file(name), html)
    return write_page(run.files.file("index.html"), index_page(run))


def write_page(path: Path, html: str) -> Path:
    """Write a page under a temporary name, then rename it: no half page is ever seen."""
    write_text(path, html)
    return path
