"""The run folder seen from a notebook: save, read, metric, figure, table, say.

A notebook opens its run in the first cell and closes it in the last::

    run = segwork.run.start("20_segments", config=config)
    …
    run.finish()

Under ``segwork run`` the folder comes from the engine. In JupyterLab it is ``reports/lab``.
"""

from __future__ import annotations

import math
import os
from collections.abc import Mapping
from datetime import date
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from segwork import config as _config
from segwork.errors import DataError, UsageError
from segwork.results import display, spelled
from segwork.runs import named, people, picture
from segwork.runs.files import atomically, private_folder, write_json
from segwork.runs.folder import RunFolder
from segwork.runs.project import SAMPLE_KEY, project_root, pseudonym_key
from segwork.runs.shown import CAPTION, ELSEWHERE, as_markdown, html_table, placed

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

__all__ = ["SAMPLE_KEY", "Run", "project_root", "pseudonym_key", "start"]

ROW_LIMIT = 60
Fact = float | int | str


class Result(Protocol):
    """What every analysis returns: an object that knows its facts."""

    def facts(self) -> Mapping[str, Fact]:
        """Return finite numbers and words, by name."""


class Model(Protocol):
    """What can write itself into a folder as plain files, each whole or not there."""

    def save(self, folder: Path) -> Path:
        """Write the files and return the folder."""


class Run:
    """One notebook's view of a run folder; made by :func:`start`.

    Attributes
    ----------
    notebook : str
    folder : Path
    config : segwork.config.Config
    key : str
        Secret that turns customer ids into pseudonyms; pass it to ``tables.load``.
    """

    def __init__(self, notebook: str, folder: Path, config: _config.Config, key: str) -> None:
        self.notebook = notebook
        self.folder = folder
        self.config = config
        self.key = key
        self._files = RunFolder(folder)
        self._facts: dict[str, Fact] = {}
        self._units: dict[str, str] = {}
        self._figures: list[str] = []
        self._answer: dict[str, str] = {}
        self._names: dict[str, str] = {}

    @property
    def as_of(self) -> date:
        """The day before which everything happened."""
        return self.config.as_of

    @property
    def seed(self) -> int:
        """The seed of the run."""
        return self.config.seed

    def metric(
        self,
        name: str,
        value: Fact,
        *,
        unit: str = "",
        low: float | None = None,
        high: float | None = None,
        n: int | None = None,
    ) -> None:
        """Record a fact; the interval and the count behind it become ``_low``, ``_high``, ``_n``.

        Raises
        ------
        UsageError
            The value is not finite, not a number or text, or the name is taken.
        """
        extras = {f"{name}_low": low, f"{name}_high": high, f"{name}_n": n}
        for key, item in {name: value, **extras}.items():
            if item is None and key != name:
                continue
            if key in self._facts:
                raise UsageError(f"metric '{key}' is recorded twice in {self.notebook}")
            self._facts[key] = _plain(key, item, self.notebook)
        if unit or name.endswith("_share"):
            self._units[name] = unit or "share"

    def metrics(self, facts: Mapping[str, Fact], *, prefix: str = "") -> None:
        """Record many facts at once, as ``result.facts()`` returns them."""
        for name, value in facts.items():
            self.metric(f"{prefix}{name}", value)

    def say(self, template: str, **values: object) -> None:
        """Show a sentence whose numbers come from recorded facts or from the values given.

        Examples
        --------
        ``run.say("{missing_customer_rows} of {rows} rows have no customer.")``
        """
        from IPython.display import Markdown
        from IPython.display import display as show

        show(Markdown(self._filled(template, values)))

    def _filled(self, template: str, values: Mapping[str, object]) -> str:
        """Return a sentence with its numbers, rounded for people."""
        filled = {
            name: as_markdown(value if isinstance(value, str) else display(value, self._unit(name)))
            for name, value in {**self._facts, **values}.items()
        }
        names = {code: as_markdown(name) for code, name in self._names.items()}
        return named.in_text(spelled(template.format_map(_Facts(filled, self.notebook))), names)

    def name_segments(self, names: Mapping[str, str]) -> None:
        """Show the name of a segment beside its code from here on, in text, tables and figures.

        Parameters
        ----------
        names : mapping of code to name
            A later notebook need not call it: ``run.read("segments")`` brings the names along.
        """
        self._names |= {str(code): str(name) for code, name in names.items()}

    def _unit(self, name: str) -> str:
        """Return the unit of a fact; the ends of an interval have that of their estimate."""
        estimate = name.removesuffix("_low").removesuffix("_high")
        return self._units.get(name) or self._units.get(estimate, "")

    def answer(self, *, found: str, means: str, do: str, **values: object) -> None:
        """Show what was found, what it means and what to do; the report puts it first.

        Numbers come from recorded facts or from the values given, as in :meth:`say`.
        """
        from IPython.display import Markdown
        from IPython.display import display as show

        parts = {"found": found, "means": means, "do": do}
        self._answer = {name: self._filled(text, values) for name, text in parts.items()}
        show(Markdown("\n\n".join(self._answer.values())), metadata={ELSEWHERE: True})

    def record(self, result: Result, *, prefix: str = "") -> None:
        """Record what a result knows of itself: its ``facts()``."""
        self.metrics(result.facts(), prefix=prefix)

    def figure(
        self, figure: Figure | tuple[Figure, str], *, alt: str = "", appendix: bool = False
    ) -> None:
        """Show a figure with number, title and text alternative, and close it.

        ``figure`` may be the pair that the functions of ``segwork.plots`` return. Its title is
        taken out of the picture and shown as text; without one, the text alternative begins it.
        ``appendix`` puts it at the end of the page, off paper.

        Raises
        ------
        UsageError
            ``alt`` is empty: a figure nobody can hear described is not shown.
        """
        if isinstance(figure, tuple):
            figure, alt = figure
        if not alt.strip():
            raise UsageError(
                f"a figure of {self.notebook} has no alt text", accepted="alt='what it shows'"
            )
        import matplotlib.pyplot as plt
        from IPython.display import Markdown
        from IPython.display import display as show

        alt = named.in_text(spelled(alt), self._names)
        named.in_figure(figure, self._names)
        caption = f"Figure {len(self._figures) + 1}. {picture.title(figure, alt)}"
        drawn = picture.png(figure)
        plt.close(figure)
        self._figures.append(alt)
        show(Markdown(f"**{as_markdown(caption)}**"), metadata={ELSEWHERE: True})
        metadata = {"image/png": {"alt": alt, CAPTION: caption}, **placed(appendix)}
        show({"image/png": drawn, "text/plain": alt}, raw=True, metadata=metadata)

    def table(
        self, frame: pd.DataFrame, *, caption: str, counts: str = "", appendix: bool = False
    ) -> None:
        """Show an aggregated table without groups of a few people; refuses rows about people.

        ``counts`` names the column that counts the people of a row where it is not called
        ``customers``, or is ``cells`` where every number is such a count. ``appendix`` puts the
        table at the end of the page, off paper.

        Raises
        ------
        UsageError
            A column, an index level, a label or a value is personal, or there are more rows than
            a summary has.
        """
        import pandas as pd
        from IPython.display import display as show

        from segwork.disclosure import without_small_groups

        frame = without_small_groups(pd.DataFrame(frame), people=counts)
        frame = named.in_frame(frame, self._names)
        found = people.shown(frame.head(ROW_LIMIT), self._extra_columns)
        if found or len(frame) > ROW_LIMIT:
            raise UsageError(
                f"table '{caption}' of {self.notebook} would show rows about people"
                f" ({len(frame)} rows; personal: {', '.join(found) or 'none'})",
                accepted=f"aggregates with at most {ROW_LIMIT} rows",
            )
        shown = {"text/html": html_table(frame, caption), "text/plain": caption}
        show(shown, raw=True, metadata=placed(appendix))

    @cached_property
    def _extra_columns(self) -> frozenset[str]:
        """Columns of the customers' tables that the contract does not know, read from headers."""
        return people.extra_columns(self.config)

    def save(self, frame: pd.DataFrame, name: str) -> Path:
        """Write a pandas frame for later notebooks to ``tables/<name>.parquet``.

        Raises
        ------
        UsageError
            It holds what reaches a person, free text, or customer ids that are no pseudonyms.
        """
        path = self._files.table(name)
        if found := people.kept(frame):
            raise UsageError(
                f"table '{name}' of {self.notebook} holds what a run folder does not keep about"
                f" people ({', '.join(found)})",
                accepted="pseudonyms, as tables.load(…, key=run.key) gives them, and measures",
            )
        atomically(
            path, lambda target: frame.to_parquet(target, index=frame.index.name is not None)
        )
        return path

    def save_model(self, model: Model, name: str) -> Path:
        """Write a fitted model to ``models/<name>``, where ``segwork score`` finds it.

        Parameters
        ----------
        model : SegmentModel
            Or anything that saves itself as plain files.
        name : str

        Returns
        -------
        Path
            The folder of the model.
        """
        folder = private_folder(self._files.model(name))
        return model.save(folder)

    def has(self, name: str) -> bool:
        """Tell whether an earlier notebook of this run has left a table of that name."""
        return self._files.table(name).is_file()

    def read(self, name: str) -> pd.DataFrame:
        """Read a frame that an earlier notebook saved.

        Raises
        ------
        UsageError
            No notebook of this run has left a table of that name.
        """
        import pandas as pd

        path = self._files.table(name)
        if not path.is_file():
            where = f"run folder {self.folder}"
            raise UsageError.unknown("table", name, self._files.tables(), where=where)
        frame = pd.read_parquet(path)
        self.name_segments(named.of_table(frame))
        return frame

    @property
    def reference_name(self) -> str:
        """Name of the run that the config names as ``reference_run``; empty for none."""
        return Path(self.config.reference_run).name

    def of_reference(self, name: str) -> pd.DataFrame | None:
        """Read a table of the run that the config names as ``reference_run``.

        Returns
        -------
        DataFrame or None
            None where no run is named.

        Raises
        ------
        DataError
            The folder named has no such table.
        """
        if not self.config.reference_run:
            return None
        import pandas as pd

        path = RunFolder(self.config.resolve(self.config.reference_run)).table(name)
        if not path.is_file():
            raise DataError(
                f"reference_run '{self.config.reference_run}' has no table '{name}'",
                accepted="the folder of a finished run of 10_data_quality",
                hint="an older version left none: run it once more",
            )
        return pd.read_parquet(path)

    def finish(self) -> None:
        """Write ``facts/<notebook>.json``; the last cell of every notebook."""
        content = {
            "notebook": self.notebook,
            "as_of": self.as_of.isoformat(),
            "facts": self._facts,
            "units": self._units,
            "figures": self._figures,
            "answer": self._answer,
        }
        write_json(self._files.facts(self.notebook), content)


def start(notebook: str, *, config: str | Path | Mapping[str, object] | _config.Config) -> Run:
    """Open the run folder for one notebook.

    Parameters
    ----------
    notebook : str
        File name without ending, such as ``20_segments``.
    config : path, mapping or Config
        Relative paths start at the project root, whatever the kernel's folder.
    """
    if isinstance(config, str | Path):
        config = project_root() / config
    ready = _config.load(config)
    folder = Path(os.environ.get("SEGWORK_RUN") or project_root() / "reports" / "lab")
    private_folder(folder)
    return Run(notebook, folder, ready, pseudonym_key(ready, run_folder=folder))


class _Facts(dict[str, str]):
    """Values for ``say``; an unknown name is an error that lists the known ones."""

    def __init__(self, values: dict[str, str], notebook: str) -> None:
        super().__init__(values)
        self._notebook = notebook

    def __missing__(self, name: str) -> str:
        raise UsageError.unknown("fact", name, self, where=self._notebook)


def _plain(name: str, value: object, notebook: str) -> Fact:
    if hasattr(value, "item"):
        value = value.item()
    if isinstance(value, bool):
        return int(value)
    if isinstance(value, float) and not math.isfinite(value):
        raise UsageError(
            f"metric '{name}' of {notebook} is {value}",
            accepted="a finite number or text",
            hint="record 'not enough data' or leave it out",
        )
    if isinstance(value, str) and people.VALUE.search(value):
        raise UsageError(f"metric '{name}' of {notebook} names a person", accepted="an aggregate")
    if not isinstance(value, int | float | str):
        raise UsageError(
            f"metric '{name}' of {notebook} is a {type(value).__name__}",
            accepted="a number or text",
        )
    return value
