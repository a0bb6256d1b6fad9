"""A run folder on disk: the only place that knows where each of its files lies.

A folder may come from anywhere. Whatever is read from it stays inside it, links included, and what
is not as a run writes it is refused in a sentence.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, Self, TypeVar

from segwork import packaged
from segwork.errors import DataError
from segwork.runs.files import Json
from segwork.runs.names import is_part_of_a_path, visible

RAN = "ok"
OF_A_RUN = (
    "index.html",
    "manifest.json",
    "findings.json",
    "junit.xml",
    "timing.json",
    "decision.md",
    "verification.html",
    "diff.html",
    "cards.html",
    "cards_id.html",
)
COLUMNS = "column_summaries"  # the table of a run that later runs compare their columns with
T = TypeVar("T")


@dataclass(frozen=True)
class Entry:
    """What the manifest says of a notebook: how it ended, and on what.

    Parameters
    ----------
    status : str
        ok · failed · timeout · died · contract · blocked · skipped · interrupted.
    message : str
        Why it did not end well, or what there is to say of a result that stands.
    cell, cell_title
        Number of the failing code cell and the heading above it.
    parameters : dict
        As JSON values.
    reads, leaves : list of str
        Tables of the run folder.
    code, helpers, key : str
        Hashes of its code cells, of the helper modules it imported, of all it depends on.
    """

    status: str = "unknown"
    message: str = ""
    cell: int | None = None
    cell_title: str = ""
    parameters: Json = field(default_factory=dict)
    reads: list[str] = field(default_factory=list)
    leaves: list[str] = field(default_factory=list)
    code: str = ""
    helpers: str = ""
    key: str = ""

    @classmethod
    def of(cls, content: object, where: str = "an entry") -> Self:
        """Build an entry from JSON; what is absent is as by default.

        Raises
        ------
        DataError
            A value is of another kind.
        """
        known = _valid(content, "entry", where)
        return cls(**{part.name: known[part.name] for part in fields(cls) if part.name in known})

    @property
    def sentence(self) -> str:
        """Where and why the notebook did not end well."""
        where = f"code {self.cell}, {self.cell_title}: " if self.cell else ""
        return visible(where + self.message)


@dataclass(frozen=True)
class RunFolder:
    """The folder of a run, or the stage of one notebook, which looks the same.

    Parameters
    ----------
    path : Path
    """

    path: Path

    @property
    def state(self) -> Path:
        """Where the engine keeps what the next run has to know."""
        return self.path / ".state"

    def file(self, name: str) -> Path:
        """Return the place of one of the files a run has once."""
        if name not in OF_A_RUN:
            raise DataError.unknown("file", name, OF_A_RUN, where="a run folder")
        return self.path / name

    def executed(self, notebook: str) -> Path:
        """Return the place of an executed notebook."""
        return self._place("notebooks", notebook, ".ipynb")

    def facts(self, notebook: str) -> Path:
        """Return the place of a notebook's facts."""
        return self._place("facts", notebook, ".json")

    def table(self, name: str) -> Path:
        """Return the place of a table notebooks hand to each other."""
        return self._place("tables", name, ".parquet")

    def model(self, name: str) -> Path:
        """Return the folder of a model a notebook saved."""
        return self._place("models", name, "")

    def page(self, notebook: str) -> Path:
        """Return the place of a notebook's page."""
        return self._place("", notebook, ".html")

    def memory(self, name: str) -> Path:
        """Return the place of what is remembered of a notebook, or of the run under ``_name``."""
        return self._place(".state", name, ".json")

    def inside(self, place: str) -> Path | None:
        """Return a file named relative to the folder, or None where the name leads out of it."""
        path = self.path / place
        home = self.path.resolve()
        return path if home in path.resolve().parents else None

    def _place(self, folder: str, name: str, ending: str) -> Path:
        if not is_part_of_a_path(name):
            raise DataError(f"'{visible(name)}' is no name of a notebook, table or model")
        return self.path / folder / f"{name}{ending}"

    def tables(self) -> list[str]:
        """Return the names of the tables that are there."""
        return sorted(path.stem for path in (self.path / "tables").glob("*.parquet"))

    def read(self, path: Path, kind: type[T]) -> T:
        """Read a JSON file of the folder.

        Raises
        ------
        DataError
            It is not there, leads out of the folder, or is not JSON of that kind.
        """
        where = f"'{visible(path)}'"
        if self.path.resolve() not in path.resolve().parents:
            raise DataError(f"{where} leads out of the run folder")
        try:
            content = json.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError, RecursionError) as fault:
            why = visible(getattr(fault, "strerror", None) or fault)
            raise DataError(f"{where} is not readable JSON ({why})", hint="run again") from None
        if not isinstance(content, kind):
            raise DataError(f"{where} holds no {kind.__name__}", hint="run again")
        return content

    def manifest(self) -> Json:
        """Return the manifest; what an older run did not write is empty.

        Raises
        ------
        DataError
            The folder has no manifest, or one that no run wrote.
        """
        path = self.file("manifest.json")
        if not path.is_file():
            raise DataError(
                f"'{visible(self.path)}' holds no run: manifest.json is missing",
                accepted="a folder written by 'segwork run'",
            )
        known = {key: value for key, value in self.read(path, dict).items() if value is not None}
        return _valid(known, "manifest", f"'{visible(path)}'")

    def entries(self) -> dict[str, Entry]:
        """Return the manifest's entries by notebook, in the order of their numbers."""
        found = sorted(self.manifest()["notebooks"].items())
        return {name: Entry.of(entry, f"'{visible(name)}'") for name, entry in found}

    def findings(self) -> list[Json]:
        """Return the findings of the gates; none where the file is not there."""
        path = self.file("findings.json")
        found = self.read(path, list) if path.is_file() else []
        return _valid(found, "findings", f"'{visible(path)}'")

    def recorded(self, notebook: str) -> Json:
        """Return what a notebook recorded: ``facts`` and ``units``; empty for none."""
        path = self.facts(notebook)
        content = self.read(path, dict) if path.is_file() else {}
        return _valid(content, "facts", f"'{visible(path)}'")

    def all_facts(self) -> dict[str, float | int | str]:
        """Return all recorded facts as ``notebook.name``."""
        names = sorted(path.stem for path in (self.path / "facts").glob("*.json"))
        return {
            f"{name}.{fact}": value
            for name in names
            for fact, value in self.recorded(name)["facts"].items()
        }

    def cells(self, notebook: str) -> list[Json]:
        """Return the cells of the executed notebook; none where it never ran."""
        path = self.executed(notebook)
        if not path.is_file():
            return []
        return _valid(self.read(path, dict), "executed", f"'{visible(path)}'")["cells"]

    def decision(self) -> str:
        """Return what people wrote into ``decision.md``; empty for nothing.

        Raises
        ------
        DataError
            It is not text in UTF-8.
        """
        path = self.file("decision.md")
        if not path.is_file() or self.inside("decision.md") is None:
            return ""
        try:
            return path.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError):
            raise DataError(f"'{visible(path)}' is not text in UTF-8") from None


def flat(value: object, prefix: str = "") -> Json:
    """Return nested mappings as dotted names."""
    if not isinstance(value, Mapping):
        return {prefix: value}
    found: Json = {}
    for key, item in value.items():
        found |= flat(item, f"{prefix}.{key}" if prefix else str(key))
    return found


def _valid(content: object, kind: str, where: str) -> Any:
    """Return a record with what is absent as by default; refuse one that no run writes."""
    import fastjsonschema

    try:
        return packaged.validator("runs/records.json", kind)(content)
    except fastjsonschema.JsonSchemaValueException as fault:
        what = visible(fault.message.removeprefix("data").lstrip("."))[:120]
        raise DataError(f"{where} is not as a run writes it: {what}") from None
