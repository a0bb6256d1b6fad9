"""``segwork.toml``: one frozen tree of settings; an unknown key is an error with a suggestion."""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Mapping
from dataclasses import MISSING, dataclass, field, fields, is_dataclass
from datetime import date, datetime
from pathlib import Path
from types import MappingProxyType
from typing import Any, TypeVar

from segwork.errors import ConfigError
from segwork.schema import TABLES
from segwork.settings import Export, Pilot
from segwork.source import Source, check, no_unknown, shown_address

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

ENGINES = ("pandas", "polars", "duckdb")
COSTS = {
    "margin_rate": "margin as a share of revenue, for lines without unit_cost",
    "order": "money an order",
    "line": "money an order line",
    "return": "money a returned line",
    "payment_rate": "share of what was sold",
    "discount_rate": "share of the column discount that is not yet taken off the amount",
    "contact": "money a contact, besides its minutes",
    "contact_minute": "money a minute of handling",
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
    known = {f.name for f in fields(Config)} - {"folder"}
    no_unknown(values, known, where)
    plain = {
        key: _typed(key, values[key], where)
        for key in ("name", "seed", "window_days", "currency", "engine", "memory_limit", "purpose")
        if key in values
    }
    if plain.get("engine", "pandas") not in ENGINES:
        raise ConfigError.unknown("engine", plain["engine"], ENGINES, where=where)
    return Config(
        **{"name": name, **plain},
        as_of=_date("as_of", values["as_of"], where),
        purposes=_purposes(values.get("purposes", {}), where),
        responsible=_section(Responsible, values.get("responsible", {}), f"responsible of {where}"),
        tables=_tables(values.get("tables", {}), where),
        sample=_section(SampleCompany, values.get("sample", {}), f"[sample] of {where}"),
        parameters=_frozen(values.get("parameters", {}), "parameters", where),
        costs=_costs(values.get("costs", {}), where),
        limits=_sections(Limit, values.get("limits", {}), "limits", where),
        waivers=_sections(Waiver, values.get("waivers", {}), "waivers", where),
        export=_section(Export, values.get("export", {}), f"[export] of {where}"),
        pilot=_optional(Pilot, values.get("pilot"), f"[pilot] of {where}"),
        folder=folder,
    )


def _purposes(values: object, where: str) -> Mapping[str, str]:
    values = _mapping(values, "purposes", where)
    no_unknown(values, set(TABLES), f"[purposes] of {where}", kind="table")
    return MappingProxyType({name: _typed(name, text, where) for name, text in values.items()})


def _tables(values: object, where: str) -> Mapping[str, Source]:
    values = _mapping(values, "tables", where)
    no_unknown(values, set(TABLES), f"[tables] of {where}", kind="table")
    sources = _sections(Source, values, "tables", where)
    for name, source in sources.items():
        place = f"[tables.{name}] of {where}"
        if not source.path and not source.sql and not (source.url and source.table):
            raise ConfigError(f"{place} names no data", accepted="path, or url with sql or table")
        if source.sql and not (source.url or source.path):
            raise ConfigError(f"{place} has sql but no url", accepted="url = 'postgresql://…'")
        check(source, name, place)
    return sources


def _costs(values: object, where: str) -> Mapping[str, Cost]:
    values = _mapping(values, "costs", where)
    no_unknown(values, set(COSTS), f"[costs] of {where}", kind="cost")
    return _sections(Cost, values, "costs", where)


def _sections(kind: type[T], values: object, key: str, where: str) -> Mapping[str, T]:
    values = _mapping(values, key, where)
    return MappingProxyType(
        {name: _section(kind, body, f"[{key}.{name}] of {where}") for name, body in values.items()}
    )


def _optional(kind: type[T], values: object, where: str) -> T | None:
    return None if values is None else _section(kind, values, where)


def _section(kind: type[T], values: object, where: str) -> T:
    assert is_dataclass(kind)
    values = _mapping(values, kind.__name__.lower(), where)
    allowed = {f.name: f.type for f in fields(kind)}
    no_unknown(values, set(allowed), where)
    needed = {f.name for f in fields(kind) if f.default is f.default_factory is MISSING}
    if missing := needed - set(values):
        raise ConfigError(
            f"{where} lacks {', '.join(sorted(missing))}", accepted=" and ".join(sorted(needed))
        )
    return kind(**{key: _typed(key, value, where) for key, value in values.items()})


_POSITIVE = ("window_days", "customers", "review_days", "size")
_NOT_NEGATIVE = ("header_row", "skip_after_header", "skip_footer")
_TYPES: dict[str, tuple[type, ...]] = {
    **dict.fromkeys(("seed", *_POSITIVE, *_NOT_NEGATIVE), (int,)),
    **dict.fromkeys(("value", "at_most", "at_least"), (int, float)),
    **dict.fromkeys(("columns", "rules", "fields"), (dict,)),
    "money_signs": (list, tuple),
    "day_first": (bool,),
    "control_share": (float,),
}


def _typed(key: str, value: object, where: str) -> Any:
    if key in ("until", "starts", "first_day"):
        found = _date(key, value, where)
        return found.isoformat() if key == "first_day" else found
    accepted = _TYPES.get(key, (str,))
    if isinstance(value, bool) != (accepted == (bool,)) or not isinstance(value, accepted):
        names = " or ".join(kind.__name__ for kind in accepted)
        raise ConfigError(f"'{key}' is {value!r} in {where}", accepted=names)
    if key in _POSITIVE and value <= 0:
        raise ConfigError(f"'{key}' is {value} in {where}", accepted="a positive number")
    if key in _NOT_NEGATIVE and value < 0:
        raise ConfigError(f"'{key}' is {value} in {where}", accepted="0 or more")
    if key == "control_share" and not 0 < value < 1:
        raise ConfigError(f"'{key}' is {value} in {where}", accepted="a share between 0 and 1")
    return value


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


def _mapping(values: object, key: str, where: str) -> Mapping[str, object]:
    if not isinstance(values, Mapping):
        raise ConfigError(
            f"'{key}' is {values!r} in {where}", accepted="a table of keys and values"
        )
    return values


def _frozen(values: object, key: str, where: str) -> Mapping[str, Mapping[str, object]]:
    values = _mapping(values, key, where)
    return MappingProxyType({name: _mapping(body, name, where) for name, body in values.items()})


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
