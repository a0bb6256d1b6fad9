"""``segwork.toml``: one frozen tree of settings; an unknown key is an error with a suggestion."""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from pathlib import Path
from types import MappingProxyType
from typing import Any, TypeVar

import fastjsonschema

from segwork import packaged
from segwork.errors import ConfigError
from segwork.settings import Export, Pilot
from segwork.source import Source, check, shown_address

__all__ = [
    "Config",
    "Limit",
    "SampleCompany",
    "Source",
    "Waiver",
    "expand",
    "load",
    "shown_address",
]

_COSTS = packaged.schema("config.json")["config"]["properties"]["costs"]["properties"]
COSTS = {name: cost["description"] for name, cost in _COSTS.items()}
KEYS = {"tables": "table", "purposes": "table", "costs": "cost", "rules": "rule"}
"""What the keys of a section are, where they are more than keys."""
TYPES = {
    "string": "str",
    "integer": "int",
    "number": "int or float",
    "boolean": "bool",
    "object": "dict",
    "array": "list or tuple",
}

T = TypeVar("T")


@dataclass(frozen=True)
class Limit:
    """A gate limit set by the user; ``why`` is printed beside the result."""

    at_most: float | None = None
    at_least: float | None = None
    why: str = ""


@dataclass(frozen=True)
class Cost:
    """What something costs, in the home currency or as a share, and who says so."""

    value: float
    source: str


@dataclass(frozen=True)
class Waiver:
    """A finding accepted by a named person, for a reason, until a date."""

    who: str
    why: str
    until: date


@dataclass(frozen=True)
class Responsible:
    """Who answers for what: the names behind the four roles; empty where nobody is named."""

    data_owner: str = ""
    data_scientist: str = ""
    vendor: str = ""
    marketing: str = ""


@dataclass(frozen=True)
class SampleCompany:
    """The embedded sample company, written where it is missing."""

    folder: str = ""
    customers: int = 20_000
    seed: int = 7


@dataclass(frozen=True)
class Config:
    """Everything a run depends on besides code and data.

    Parameters
    ----------
    as_of : date
        Rows on or after this day are not used. Required: there is no "now" in segwork.
    name : str
        Name of the run folder; the file name where absent.
    seed : int
    window_days : int
        Length of the observation window that ends at ``as_of``.
    currency : str
        Currency of the amounts, for labels.
    engine : str
        Engine that holds the tables: pandas, polars or duckdb.
    memory_limit : str
        What DuckDB may hold in memory, as in "6GB"; beyond that it works on disk.
    purpose : str
        What the run uses people's data for, as in "profiling": without ``consent_profiling`` a
        customer is left out of every table. Empty: not declared.
    reference_run : str
        Folder of an earlier run whose columns those of this one are compared with.
    purposes : mapping of table to purpose
        Further consent that a table needs, as in ``behaviour = "tracking"``.
    responsible : Responsible
    tables : mapping of str to Source
    sample : SampleCompany
    parameters : mapping of notebook to mapping
        Notebook parameters; ``-p`` on the command line wins.
    costs : mapping of a name in COSTS to Cost
        What an order, a return or a minute costs; what is not given is not guessed.
    limits : mapping of gate code to Limit
    waivers : mapping of gate code to Waiver
    export : Export
    pilot : Pilot, optional
    folder : Path
        Where relative paths start.
    """

    as_of: date
    name: str = "run"
    seed: int = 0
    window_days: int = 365
    currency: str = ""
    engine: str = "pandas"
    memory_limit: str = "6GB"
    purpose: str = ""
    reference_run: str = ""
    purposes: Mapping[str, str] = field(default_factory=dict)
    responsible: Responsible = field(default_factory=Responsible)
    tables: Mapping[str, Source] = field(default_factory=dict)
    sample: SampleCompany = field(default_factory=SampleCompany)
    parameters: Mapping[str, Mapping[str, object]] = field(default_factory=dict)
    costs: Mapping[str, Cost] = field(default_factory=dict)
    limits: Mapping[str, Limit] = field(default_factory=dict)
    waivers: Mapping[str, Waiver] = field(default_factory=dict)
    export: Export = field(default_factory=Export)
    pilot: Pilot | None = None
    folder: Path = Path()

    def resolve(self, path: str) -> Path:
        """Fill in ``${VARIABLE}`` and anchor a relative path at the config's folder."""
        if "\0" in path:
            raise ConfigError("a path holds the character NUL", accepted="the name of a file")
        return (self.folder / expand(path)).resolve()


ONE = {"responsible": Responsible, "sample": SampleCompany, "export": Export, "pilot": Pilot}
MANY = {"tables": Source, "costs": Cost, "limits": Limit, "waivers": Waiver}


def load(source: str | Path | Mapping[str, object] | Config) -> Config:
    """Read a config from a TOML file, a mapping, or return a ready one unchanged.

    Raises
    ------
    ConfigError
        The file is missing or no TOML, a key is unknown or mistyped, or ``as_of`` is missing.

    Examples
    --------
    >>> load({"as_of": "2011-12-10", "tables": {"transactions": {"path": "lines.csv"}}}).as_of
    datetime.date(2011, 12, 10)
    """
    if isinstance(source, Config):
        return source
    if isinstance(source, Mapping):
        return _build(dict(source), where="the given mapping", folder=Path.cwd(), name="run")
    if not isinstance(source, str | Path):
        raise ConfigError(
            f"a config is no {type(source).__name__}",
            accepted="the path of a TOML file, a mapping or a Config",
            hint="tables.from_frames(transactions=frame) takes frames",
        )
    path = Path(source)
    if "\0" in str(source) or not path.is_file():
        raise ConfigError(
            f"no config file at {str(path)!r}", hint="see notebooks/configs/ for examples"
        )
    try:
        values = tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except RecursionError:
        raise ConfigError(f"'{path}' is nested too deeply", accepted="a few levels") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as fault:
        raise ConfigError(
            f"'{path}' is not TOML: {fault}",
            accepted="a TOML file",
            hint="data files are named in one: [tables.transactions] path = 'lines.csv'",
        ) from None
    return _build(values, where=str(path), folder=path.resolve().parent, name=path.stem)


def _build(values: dict[str, object], *, where: str, folder: Path, name: str) -> Config:
    if "as_of" not in values:
        raise ConfigError(
            f"'as_of' is missing in {where}",
            accepted="a date such as as_of = 2011-12-10",
            hint="rows on or after that day are not used; it is never 'now'",
        )
    try:
        packaged.validator("config.json", "config")(values)
    except fastjsonschema.JsonSchemaValueException as fault:
        raise _explained(fault, values, where) from None
    known: dict[str, Any] = {
        "name": name,
        **values,
        "as_of": _date("as_of", values["as_of"], where),
    }
    for key, kind in ONE.items():
        if key in known:
            known[key] = _section(kind, known[key], _place([key], where))
    for key, kind in MANY.items():
        sections = {
            n: _section(kind, body, _place([key, n], where))
            for n, body in known.get(key, {}).items()
        }
        known[key] = MappingProxyType(sections)
    for table, source in known["tables"].items():
        check(source, table, _place(["tables", table], where))
    for key in ("purposes", "parameters"):
        known[key] = MappingProxyType(known.get(key, {}))
    return Config(**known, folder=folder)


def _section(kind: type[T], values: Mapping[str, Any], where: str) -> T:
    """Build a section; what is a date in it may be written as text."""
    days = {key: _date(key, values[key], where) for key in ("until", "starts") if key in values}
    if "first_day" in values:
        days["first_day"] = _date("first_day", values["first_day"], where).isoformat()
    return kind(**{**values, **days})


def _place(path: Sequence[str], where: str) -> str:
    """Name the section of a path of keys."""
    if path and path[-1] == "rules":
        return f"rules of {_place(path[:-1], where)}"
    return f"[{'.'.join(path)}] of {where}" if path else where


def _explained(
    fault: fastjsonschema.JsonSchemaValueException, values: Mapping[str, Any], where: str
) -> ConfigError:
    """Say what the schema refuses: an unknown key, one that is missing, a value of another kind."""
    path, definition, value = fault.path[1:], fault.definition, fault.value
    if fault.rule == "additionalProperties" and "rules" not in path[:-1]:
        known, kind = definition["properties"], KEYS.get(path[-1] if path else "", "key")
        unknown = next(key for key in value if key not in known)
        return ConfigError.unknown(kind, str(unknown), known, where=_place(path, where))
    if fault.rule == "required" and "rules" not in path:
        needed = sorted(definition["required"])
        missing = ", ".join(key for key in needed if key not in value)
        return ConfigError(f"{_place(path, where)} lacks {missing}", accepted=" and ".join(needed))
    if fault.rule == "enum" and path == ["engine"]:
        return ConfigError.unknown("engine", value, definition["enum"], where=where)
    if path[2:3] == ["rules"] and len(path) > 3:  # a rule is shown whole
        path = path[:4]
        value = values["tables"][path[1]]["rules"][path[3]]
        definition = packaged.schema("config.json")["definitions"]["source"]["properties"]["rules"]
        definition = definition["properties"][path[3]]
    accepted = definition.get("description") or TYPES[definition["type"]]
    above = path[:2] if path[2:3] == ["columns"] and len(path) > 3 else path[:-1]
    return ConfigError(f"'{path[-1]}' is {value!r} in {_place(above, where)}", accepted=accepted)


def _date(key: str, value: object, where: str) -> date:
    if isinstance(value, datetime):
        return value.date()
    if isinstance(value, date):
        return value
    try:
        return date.fromisoformat(str(value))
    except ValueError:
        raise ConfigError(
            f"'{key}' is {value!r} in {where}, which is no date", accepted="year-month-day"
        ) from None


def expand(text: str) -> str:
    """Fill in each ``${VARIABLE}`` from the environment.

    Raises
    ------
    ConfigError
        A variable is not set.
    """

    def value(match: re.Match[str]) -> str:
        name = match.group(1)
        if name not in os.environ:
            raise ConfigError(
                f"the environment variable {name} is not set",
                accepted=f"{name}=… in the environment",
                hint="SEGWORK_DATA is the folder that 'segwork fetch NAME' downloads into",
            )
        return os.environ[name]

    return re.sub(r"\$\{(\w+)\}", value, text)
