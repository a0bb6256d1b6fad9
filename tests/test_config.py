"""The config: one frozen tree; every mistake is one sentence that says what would be right."""

from __future__ import annotations

from dataclasses import fields
from datetime import date, datetime
from pathlib import Path

import fastjsonschema
import pytest

from segwork import config, packaged
from segwork.errors import ConfigError

CONFIGS = sorted((Path(__file__).parent.parent / "notebooks" / "configs").glob("*.toml"))
LINES = {"transactions": {"path": "lines.csv"}}


def of(**values) -> config.Config:
    """Load a mapping with a date and one table, changed as told."""
    return config.load({"as_of": "2011-12-10", "tables": LINES, **values})


def test_reads_a_file_and_anchors_paths_at_it(tmp_path: Path) -> None:
    """Name, date, mapping and limits arrive; relative paths start at the file's folder."""
    file = tmp_path / "shop.toml"
    file.write_text(
        "as_of = 2011-12-10\nseed = 3\n[tables.transactions]\npath = 'lines.csv'\n"
        "columns = { customer_id = 'Who' }\n[limits]\n"
        "SEG-O02 = { at_least = 0.5, why = 'lost customers' }\n",
        encoding="utf-8",
    )
    found = config.load(file)
    assert (found.name, found.as_of, found.seed) == ("shop", date(2011, 12, 10), 3)
    assert found.tables["transactions"].columns == {"customer_id": "Who"}
    assert found.limits["SEG-O02"].at_least == 0.5
    assert found.resolve("lines.csv") == (tmp_path / "lines.csv").resolve()
    assert config.load(found) is found


@pytest.mark.parametrize("name", ["config.json", "runs/records.json"])
def test_schemas_are_schemas(name: str) -> None:
    """What a config and a run folder may hold is written as JSON schemas that compile."""
    known = packaged.schema(name)
    for kind in set(known) - {"$schema", "definitions"}:
        fastjsonschema.compile({"definitions": known["definitions"], **known[kind]})


def test_schema_and_dataclasses_name_the_same_keys() -> None:
    """A key that one of them lacks could not be set, or would not be checked."""
    known = packaged.schema("config.json")
    parts = known["config"]["properties"]
    pairs = {config.Config: parts, config.Source: known["definitions"]["source"]["properties"]}
    pairs |= {kind: parts[key]["properties"] for key, kind in config.ONE.items()}
    for key, kind in {"cost": config.Cost, "limit": config.Limit, "waiver": config.Waiver}.items():
        pairs[kind] = known["definitions"][key]["properties"]

    for kind, keys in pairs.items():
        assert {field.name for field in fields(kind)} - {"folder"} == set(keys) - {"folder"}, kind
    assert parts["tables"]["properties"].keys() == packaged.values("schema.toml").keys()


def test_environment_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    """A variable is filled in; one that is not set is named, with the command that helps."""
    monkeypatch.setenv("SHOP", "/data")
    assert str(of().resolve("${SHOP}/x.csv")) == "/data/x.csv"
    monkeypatch.delenv("SHOP")
    with pytest.raises(ConfigError, match=r"SHOP.*not set.*segwork fetch"):
        of().resolve("${SHOP}/x.csv")


@pytest.mark.parametrize("value", ["2011-12-10", date(2011, 12, 10), datetime(2011, 12, 10, 9)])
def test_dates(value: object) -> None:
    """A date may be text, a date or a time of that day."""
    assert of(as_of=value).as_of == date(2011, 12, 10)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"as_of": "soon"}, "'as_of' is 'soon'.*year-month-day"),
        ({"as_off": 1}, "unknown key 'as_off'.*did you mean 'as_of'"),
        ({"seed": "x"}, "'seed' is 'x'.*int"),
        ({"seed": True}, "'seed' is True"),
        ({"window_days": 0}, "window_days.*positive"),
        ({"engine": "panda"}, "did you mean 'pandas'"),
        ({"tables": {"transaction": {}}}, "did you mean 'transactions'"),
        ({"tables": {"transactions": {}}}, "names no data"),
        ({"tables": {"transactions": {"path": "x", "colums": {}}}}, "did you mean 'columns'"),
        ({"tables": {"transactions": {"sql": "select 1"}}}, "sql but no url"),
        ({"tables": {"transactions": {"path": 3}}}, "'path' is 3.*str"),
        ({"tables": {"transactions": {"path": "x", "columns": "Id"}}}, "columns.*dict"),
        ({"tables": {"transactions": {"path": "x", "columns": {"amount": 1}}}}, "'amount' is 1"),
        ({"tables": {"transactions": {"path": "x", "decimal": ";"}}}, "'decimal'.*'.' or ','"),
        ({"tables": {"transactions": {"path": "x", "separator": ";;"}}}, "one mark"),
        ({"tables": {"transactions": {"path": "x", "rules": {"prefix": "C"}}}}, "unknown rule"),
        ({"tables": 7}, "'tables' is 7"),
        ({"waivers": {"SEG-Q01": {"who": "me"}}}, "lacks until, why"),
        ({"limits": {"SEG-Q01": 3}}, r"'SEG-Q01' is 3 in \[limits\].*table of keys"),
        ({"pilot": {"starts": "2020-01-01", "control_share": 2.0}}, "share between 0 and 1"),
        ({"costs": {"ordr": {}}}, "unknown cost 'ordr'.*did you mean 'order'"),
        (
            {"tables": {"transactions": {"path": "x", "rules": {"drop": [{"column": ""}]}}}},
            r"'drop' is \[\{'column': ''\}\] in rules of \[tables.transactions\]",
        ),
    ],
)
def test_mistakes(values: dict, message: str) -> None:
    """Each mistake names the key, its place and what is accepted."""
    with pytest.raises(ConfigError, match=message):
        of(**values)


def test_as_of_is_required() -> None:
    """There is no 'now'."""
    with pytest.raises(ConfigError, match=r"'as_of' is missing.*never 'now'"):
        config.load({"tables": LINES})


@pytest.mark.parametrize("content", [b"as_of = ", b"\xff\xfe\x00"])
def test_files_that_are_no_toml(tmp_path: Path, content: bytes) -> None:
    """A file that is no TOML, and one that is not there, are named."""
    file = tmp_path / "bad.toml"
    file.write_bytes(content)
    with pytest.raises(ConfigError, match=r"bad\.toml' is not TOML"):
        config.load(file)
    with pytest.raises(ConfigError, match="no config file at"):
        config.load(tmp_path / "none.toml")


def test_memory_limit_is_an_amount(tmp_path: Path) -> None:
    """A limit DuckDB does not understand is an error of the config."""
    from segwork import tables

    file = tmp_path / "l.csv"
    file.write_text("customer_id,ordered_at,amount\na,2011-01-01,1\n", encoding="utf-8")
    with pytest.raises(ConfigError, match=r"memory_limit is 'much'.*6GB"):
        tables.load(of(memory_limit="much", tables={"transactions": {"path": str(file)}}))


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.stem)
def test_committed_configs_are_valid(path: Path) -> None:
    """Every config of the project loads, and maps only columns of the contract or new ones."""
    assert config.load(path).as_of > date(1997, 1, 1)
