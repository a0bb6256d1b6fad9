"""A run folder on disk: the only place that knows where each of its files lies.

A folder may come from anywhere. Whatever is read from it stays inside it, links included, and what
is not as a run writes it is refused in a sentence.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from types import UnionType
from typing import Self, TypeVar

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
T = TypeVar("T")
MANIFEST: dict[str, type] = {
    **dict.fromkeys(("name", "as_of", "python"), str),
    **dict.fromkeys(("notebooks", "config", "data", "versions", "git", "baseline"), dict),
    "seed": int,
}
FINDING = {
    **dict.fromkeys(("code", "status", "message"), str),
    **dict.fromkeys(("severity", "unit", "notebook"), str | None),
    **dict.fromkeys(("value", "limit", "n"), int | float | None),
}
CELL = {"cell_type": str, "source": str | list, "metadata": dict, "outputs": list}
OUTPUT = {
    **dict.fromkeys(("output_type", "ename", "evalue"), str),
    **dict.fromkeys(("data", "metadata"), dict),
    "traceback": list,
}


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
        known = {name: value for name, value in _mapping(content, where).items() if name in _EMPTY}
        for name, value in known.items():
            kind = int | None if name == "cell" else type(_EMPTY[name])
            named = isinstance(value, list) and not all(map(is_part_of_a_path, value))
            if not isinstance(value, kind) or named:
                raise DataError(f"'{name}' of {where} is {visible(value)[:80]}")
        return cls(**known)

    def as_dict(self) -> Json:
        """Return the entry as JSON holds it."""
        return asdict(self)


_EMPTY = {part.name: getattr(Entry(), part.name) for part in fields(Entry)}


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
        content = self.read(path, dict)
        for key, kind in MANIFEST.items():
            if content.get(key) is None:
                content[key] = kind()
            elif not isinstance(content[key], kind):
                raise DataError(f"'{key}' of '{visible(path)}' is no {kind.__name__}")
        if not all(map(is_part_of_a_path, content["notebooks"])):
            raise DataError(f"'notebooks' of '{visible(path)}' are no names of notebooks")
        limits = _mapping(content["config"].get("limits") or {}, f"'limits' of '{visible(path)}'")
        for limit in limits.values():
            _mapping(limit, f"a limit of '{visible(path)}'")
        before = _mapping(content["baseline"].get("values") or {}, f"'values' of '{visible(path)}'")
        if not all(isinstance(value, int | float | None) for value in before.values()):
            raise DataError(f"'values' of '{visible(path)}' are no numbers")
        return content

    def entries(self) -> dict[str, Entry]:
        """Return the manifest's entries by notebook, in the order of their numbers."""
        found = sorted(self.manifest()["notebooks"].items())
        return {name: Entry.of(entry, f"'{visible(name)}'") for name, entry in found}

    def findings(self) -> list[Json]:
        """Return the findings of the gates; none where the file is not there."""
        path = self.file("findings.json")
        found = self.read(path, list) if path.is_file() else []
        for finding in found:
            whole = {"message": "", **_mapping(finding, "a finding")}
            _of_kinds(whole, FINDING, f"a finding of '{visible(path)}'")
        return [{"message": "", **finding} for finding in found]

    def recorded(self, notebook: str) -> Json:
        """Return what a notebook recorded: ``facts`` and ``units``; empty for none."""
        path = self.facts(notebook)
        content = self.read(path, dict) if path.is_file() else {}
        content = {"facts": {}, "units": {}, **content}
        for part in ("facts", "units"):
            for value in _mapping(content[part], f"'{part}' of '{visible(path)}'").values():
                if not isinstance(value, int | float | str):
                    raise DataError(f"'{part}' of '{visible(path)}' holds {visible(value)[:80]}")
        return content

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
        cells = self.read(path, dict).get("cells")
        for cell in cells if isinstance(cells, list) else [None]:
            where = f"a cell of '{visible(path)}'"
            whole = {"metadata": {}, "outputs": [], **_mapping(cell, where)}
            _of_kinds(whole, CELL, where)
            lines = whole["source"] if isinstance(whole["source"], list) else ()
            if not all(
                isinstance(part, str) for part in (*lines, *whole["metadata"].get("tags", ()))
            ):
                raise DataError(f"{where} holds no text")
            for output in whole["outputs"]:
                empty = {"data": {}, "metadata": {}, "ename": "", "evalue": "", "traceback": []}
                _of_kinds({**empty, **_mapping(output, where)}, OUTPUT, f"an output of {where}")
        return list(cells or [])

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


def _of_kinds(content: Json, kinds: Mapping[str, type | UnionType], where: str) -> None:
    for key, kind in kinds.items():
        if not isinstance(content.get(key), kind):
            raise DataError(f"{where} has no usable {key}")


def _mapping(value: object, where: str) -> Json:
    if not isinstance(value, Mapping):
        raise DataError(f"{where} is no mapping")
    return value
