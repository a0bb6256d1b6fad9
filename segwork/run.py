"""The run folder seen from a notebook: save, read, metric, figure, table, say.

A notebook opens its run in the first cell and closes it in the last::

    run = segwork.run.start("20_segments", config=config)
    …
    run.finish()

Under ``segwork run`` the folder comes from the engine. In JupyterLab it is ``reports/lab``.
"""

from __future__ import annotations

import json
import math
import os
import secrets
import tempfile
from collections.abc import Callable
from datetime import date
from html import escape
from pathlib import Path
from typing import Any

from segwork import config as _config
from segwork.errors import UsageError
from segwork.results import display

SAMPLE_KEY = "segwork-sample-company"
PERSONAL_COLUMNS = ("customer_id", "text", "birth_year")
ROW_LIMIT = 60
LONGEST_CODE = 8  # characters


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
        self._facts: dict[str, float | int | str] = {}
        self._units: dict[str, str] = {}
        self._figures: list[str] = []
        self._answer: dict[str, str] = {}

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
        value: float | int | str,
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
        if unit:
            self._units[name] = unit

    def metrics(self, facts: dict[str, float | int | str], *, prefix: str = "") -> None:
        """Record many facts at once, as ``result.facts()`` returns them."""
        for name, value in facts.items():
            self.metric(f"{prefix}{name}", value)

    def say(self, template: str, **values: Any) -> None:
        """Show a sentence whose numbers come from recorded facts or from the values given.

        Examples
        --------
        ``run.say("{missing_customer_rows} of {rows} rows have no customer.")``
        """
        from IPython.display import Markdown
        from IPython.display import display as show

        show(Markdown(self._filled(template, values)))

    def _filled(self, template: str, values: dict[str, Any]) -> str:
        """Return a sentence with its numbers, rounded for people."""
        filled = {
            name: _escape(display(value, self._unit(name)) if not isinstance(value, str) else value)
            for name, value in {**self._facts, **values}.items()
        }
        return template.format_map(_Facts(filled, self.notebook))

    def _unit(self, name: str) -> str:
        """Return the unit of a fact; the ends of an interval have that of their estimate."""
        estimate = name.removesuffix("_low").removesuffix("_high")
        return self._units.get(name) or self._units.get(estimate, "")

    def answer(self, *, found: str, means: str, do: str, **values: Any) -> None:
        """Show what was found, what it means and what to do; the report puts it first.

        Numbers come from recorded facts or from the values given, as in :meth:`say`.
        """
        from IPython.display import Markdown
        from IPython.display import display as show

        parts = {"found": found, "means": means, "do": do}
        self._answer = {name: self._filled(text, values) for name, text in parts.items()}
        show(Markdown("\n\n".join(self._answer.values())))

    def record(self, result: Any, *, prefix: str = "") -> None:
        """Record what a result knows of itself: its ``facts()``."""
        self.metrics(result.facts(), prefix=prefix)

    def figure(self, figure: Any, *, alt: str = "") -> None:
        """Show a figure with its text alternative and close it.

        ``figure`` may be the pair that the functions of ``segwork.plots`` return.

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
        from io import BytesIO

        import matplotlib.pyplot as plt
        from IPython.display import display as show

        buffer = BytesIO()
        figure.savefig(
            buffer, format="png", dpi=110, bbox_inches="tight", metadata={"Software": None}
        )
        plt.close(figure)
        self._figures.append(alt)
        bundle = {"image/png": buffer.getvalue(), "text/plain": alt}
        show(bundle, raw=True, metadata={"image/png": {"alt": alt}})

    def table(self, frame: Any, *, caption: str) -> None:
        """Show an aggregated table; refuses rows about people.

        Raises
        ------
        UsageError
            The table has a personal column or more rows than a summary has.
        """
        import pandas as pd
        from IPython.display import display as show

        frame = pd.DataFrame(frame)
        personal = [c for c in (*frame.columns, *frame.index.names) if c in PERSONAL_COLUMNS]
        if personal or len(frame) > ROW_LIMIT:
            raise UsageError(
                f"table '{caption}' of {self.notebook} would show rows about people"
                f" ({len(frame)} rows; personal: {', '.join(map(str, personal)) or 'none'})",
                accepted=f"aggregates with at most {ROW_LIMIT} rows",
            )
        show({"text/html": _html_table(frame, caption), "text/plain": caption}, raw=True)

    def save(self, frame: Any, name: str) -> Path:
        """Write a pandas frame for later notebooks to ``tables/<name>.parquet``."""
        path = self.folder / "tables" / f"{name}.parquet"
        atomically(
            path, lambda target: frame.to_parquet(target, index=frame.index.name is not None)
        )
        return path

    def has(self, name: str) -> bool:
        """Tell whether an earlier notebook of this run has left a table of that name."""
        return (self.folder / "tables" / f"{name}.parquet").is_file()

    def read(self, name: str) -> Any:
        """Read a frame that an earlier notebook saved.

        Raises
        ------
        UsageError
            No notebook of this run has left a table of that name.
        """
        import pandas as pd

        path = self.folder / "tables" / f"{name}.parquet"
        if not path.is_file():
            left = sorted(p.stem for p in path.parent.glob("*.parquet"))
            raise UsageError.unknown("table", name, left, where=f"run folder {self.folder}")
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
        write_json(self.folder / "facts" / f"{self.notebook}.json", content)


def start(notebook: str, *, config: str | Path | dict[str, Any] | _config.Config) -> Run:
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
    return Run(notebook, folder, ready, pseudonym_key(ready))


def project_root() -> Path:
    """Return the folder that holds ``notebooks``, searched upwards from the working folder."""
    if root := os.environ.get("SEGWORK_ROOT"):
        return Path(root)
    here = Path.cwd()
    for folder in (here, *here.parents):
        if (folder / "notebooks").is_dir() and (folder / "pyproject.toml").is_file():
            return folder
    return here


def pseudonym_key(config: _config.Config) -> str:
    """Return the secret behind the pseudonyms: public for the sample, else kept outside runs.

    ``SEGWORK_KEY`` wins; otherwise a key is made once in ``.segwork/key`` of the project.
    """
    if key := os.environ.get("SEGWORK_KEY"):
        return key
    if config.sample.folder:
        return SAMPLE_KEY
    path = project_root() / ".segwork" / "key"
    if not path.is_file():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(secrets.token_hex(32), encoding="ascii")
        path.chmod(0o600)
    return path.read_text(encoding="ascii").strip()


def write_json(path: Path, content: Any) -> None:
    """Write canonical JSON (sorted keys, no NaN) under a temporary name, then rename it."""
    text = json.dumps(content, sort_keys=True, indent=1, ensure_ascii=False, allow_nan=False) + "\n"
    atomically(path, lambda target: Path(target).write_text(text, encoding="utf-8"))


def atomically(path: Path, write: Callable[[str], object]) -> None:
    """Let ``write`` fill a file under a temporary name, then rename it: none is ever seen half."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    os.close(handle)
    try:
        write(temporary)
        os.chmod(temporary, 0o644)
        os.replace(temporary, path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


class _Facts(dict):  # type: ignore[type-arg]
    """Values for ``say``; an unknown name is an error that lists the known ones."""

    def __init__(self, values: dict[str, str], notebook: str) -> None:
        super().__init__(values)
        self._notebook = notebook

    def __missing__(self, name: str) -> str:
        raise UsageError.unknown("fact", name, self, where=self._notebook)


def _plain(name: str, value: Any, notebook: str) -> float | int | str:
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
    if not isinstance(value, int | float | str):
        raise UsageError(
            f"metric '{name}' of {notebook} is a {type(value).__name__}",
            accepted="a number or text",
        )
    return value


def _escape(text: str) -> str:
    """Make text from data harmless inside Markdown and HTML."""
    for mark in "\\`*_[]#|$":
        text = text.replace(mark, "\\" + mark)
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _html_table(frame: Any, caption: str) -> str:
    named = [name for name in frame.index.names if name is not None]
    flat = frame.reset_index() if named else frame
    kinds = [' class="number"' if dtype.kind in "iufc" else "" for dtype in flat.dtypes]
    head = "".join(
        f'<th scope="col"{kind}>{escape(str(name))}</th>'
        for name, kind in zip(flat.columns, kinds, strict=True)
    )
    body = []
    for row in flat.itertuples(index=False):
        cells = "".join(_cell(value) for value in row)
        body.append(f"<tr>{cells}</tr>")
    return (
        f'<table class="segwork"><caption>{escape(caption)}</caption>'
        f"<thead><tr>{head}</tr></thead><tbody>{''.join(body)}</tbody></table>"
    )


def _cell(value: Any) -> str:
    if hasattr(value, "item"):
        value = value.item()
    text = display(value)
    kind = ' class="number"' if isinstance(value, int | float) else ""
    if not kind and len(text) <= LONGEST_CODE and " " not in text:
        kind = ' class="short"'  # a check's code must not break at its hyphens
    if " " not in text:  # a list of columns may break between its names
        text = text.replace(",", ", ") if isinstance(value, str) else text
    return f"<td{kind}>{escape(text)}</td>"
