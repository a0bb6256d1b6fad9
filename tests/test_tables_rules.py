"""Rules of a source, hostile files, and a fuzz of the reader."""

from __future__ import annotations

import random
import time
from pathlib import Path

import pandas as pd
import pytest

from segwork import config, tables
from segwork.errors import ConfigError, DataError, SegworkError, UsageError
from segwork.tables.sql_readers import MARKER, NO_ID
from segwork.words import MISSING_MARKS

HEAD = "customer_id,ordered_at,amount,status,note\n"
FUZZ_SECONDS = 5.0


def loaded(folder: Path, text: str | bytes, *, engine: str = "pandas", **source) -> tables.Tables:
    """Write a CSV and load it as transactions."""
    file = folder / "l.csv"
    file.write_bytes(text if isinstance(text, bytes) else text.encode())
    where = {"transactions": {"path": str(file), **source}}
    return tables.load({"as_of": "2026-01-01", "engine": engine, "tables": where})


def found(data: tables.Tables) -> tuple[list, list]:
    """Return customers and amounts, missing as None."""
    frame = data.transactions
    frame = frame if isinstance(frame, pd.DataFrame) else frame.df()
    columns = (frame["customer_id"], frame["amount"])
    return tuple([None if pd.isna(v) else v for v in column] for column in columns)


BODY = "a,2024-01-01,10,ok,\nb,2024-01-02,20,cancelled,x\n,2024-01-03,30,,\nc,2024-01-04,,ok,2\n"
RULES = {
    "drop values": ({"drop": [{"column": "status", "values": ["cancelled"]}]}, [10, 30, None]),
    "drop nonempty": ({"drop": [{"column": "note", "nonempty": True}]}, [10, 30]),
    "drop beginning": ({"drop": [{"column": "status", "startswith": ["can"]}]}, [10, 30, None]),
    "keep": ({"keep": [{"column": "status", "values": ["ok"]}]}, [10, None]),
    "negative": (
        {"negative": [{"column": "status", "values": ["cancelled"]}]}, [10, -20, 30, None],
    ),
    "subtract": ({"subtract": ["note"]}, [10, 20, 30, None]),
    "zero": ({"zero": [{"column": "note"}]}, [10, 20, 30, None]),
    "scale": ({"scale": 0.01}, [0.1, 0.2, 0.3, None]),
}  # fmt: skip


@pytest.mark.parametrize("engine", ["pandas", "duckdb"])
def test_rules_on_rows_and_money(tmp_path: Path, engine: str) -> None:
    """Each rule by hand: rows left out are counted, unknown money stays unknown."""
    body = BODY.replace("cancelled,x", "cancelled,") if engine == "none" else BODY
    for name, (rules, amounts) in RULES.items():
        body = BODY.replace(",x\n", ",5\n") if name in ("subtract", "zero") else BODY
        expected = {"subtract": [10, 15, 30, None], "zero": [10, 0, 30, 0]}.get(name, amounts)
        data = loaded(tmp_path, HEAD + body, engine=engine, rules=rules)
        assert found(data)[1] == expected, name
        left = int(data.rows["rows_left_out"].iloc[0])
        assert left == 4 - len(expected), name
        told = data.faults[data.faults["code"] == "left_out_by_rule"]["n_rows"].sum()
        assert told == left, name


def test_whole_orders_fill_down_nobody_and_joined_names(tmp_path: Path) -> None:
    """Order fields on first lines, walk-ins, receipts that begin again: worked by hand."""
    head = "order_id,customer_id,ordered_at,amount,cancelled\n"
    body = "1,a,2024-01-01,5,\n1,a,2024-01-01,6,\n2,b,2024-01-02,7,yes\n2,b,2024-01-02,8,\n"
    rule = {"column": "cancelled", "nonempty": True, "whole_order": True}
    data = loaded(tmp_path, head + body, rules={"drop": [rule]})
    assert found(data) == (["a", "a"], [5, 6])
    blank = "1,a,2024-01-01,5,\n,,,6,\n2,b,2024-01-02,7,\n"
    rules = {"fill_down": ["order_id", "customer_id", "ordered_at"]}
    data = loaded(tmp_path, head + blank, rules=rules)
    assert data.transactions["order_id"].tolist() == ["1", "1", "2"]
    assert found(data)[0] == ["a", "a", "b"]
    data = loaded(tmp_path, head + body, rules={"nobody": ["b"]})
    assert found(data)[0] == ["a", "a", None, None]
    assert "nobody" in data.faults["code"].tolist()
    data = loaded(tmp_path, head + body, rules={"order_of": ["ordered_at", "order_id"]})
    assert data.transactions["order_id"].tolist()[0] == "2024-01-01/1"


@pytest.mark.parametrize(
    ("clock", "moment"),
    [("10:59", "10:59"), ("83433", "08:34:33"), ("934", "09:34"), ("1:02:03", "01:02:03")],
)
def test_the_time_of_day_in_a_second_column(tmp_path: Path, clock: str, moment: str) -> None:
    """HH:MM, HH:MM:SS, HHMM and HHMMSS without leading zeros; what is none is midnight, counted."""
    text = f"customer_id,ordered_at,amount,clock\na,2024-01-01,1,{clock}\nb,2024-01-02,1,late\n"
    data = loaded(tmp_path, text, clock="clock")
    assert data.transactions["ordered_at"].iloc[0] == pd.Timestamp(f"2024-01-01 {moment}")
    assert data.transactions["ordered_at"].iloc[1] == pd.Timestamp("2024-01-02")
    assert data.faults["code"].tolist() == ["no_clock"]


def test_titles_units_and_sums(tmp_path: Path) -> None:
    """The header below a title, a row of units, a sum at the end; lines as in the file."""
    text = "All orders\n\n" + HEAD + ",,EUR,,\n" + BODY + "\nTotal,,60,,\n"
    data = loaded(tmp_path, text, header_row=3, skip_after_header=1, skip_footer=1)
    assert found(data) == (["a", "b", None, "c"], [10, 20, 30, None])
    with pytest.raises(DataError, match="has no line 99"):
        loaded(tmp_path, text, header_row=99)


def test_flags_in_other_words(tmp_path: Path) -> None:
    """Words for yes and no may be named; common languages are known."""
    head = "customer_id,ordered_at,amount,is_return\n"
    text = head + "a,2024-01-01,1,Ya\nb,2024-01-01,1,Tidak\n"
    assert loaded(tmp_path, text).transactions["is_return"].tolist() == [True, False]
    text = text.replace("Ya", "Retour").replace("Tidak", "Verkauf")
    with pytest.raises(DataError, match=r"2 of 2 values of 'is_return'.*'Retour'.*yes ="):
        loaded(tmp_path, text)
    rules = {"yes": ["Retour"], "no": ["Verkauf"]}
    assert loaded(tmp_path, text, rules=rules).transactions["is_return"].tolist() == [True, False]


def test_mistakes_in_rules(tmp_path: Path) -> None:
    """A rule that cannot be meant, and a column that is not there, are one sentence."""
    mistakes = {
        "drop": ["status"], "keep": [{"values": ["x"]}], "negative": [{"column": "a", "value": 1}],
        "subtract": "note", "fill_down": [1], "scale": 0, "zero": {"column": "note"},
    }  # fmt: skip
    for name, rule in mistakes.items():
        with pytest.raises(ConfigError, match=f"'{name}' is "):
            loaded(tmp_path, HEAD + BODY, rules={name: rule})
    for rules in ({"subtract": ["nope"]}, {"drop": [{"column": "statsu", "values": ["x"]}]}):
        with pytest.raises(DataError, match=r"unknown column '(nope|statsu)' in rules"):
            loaded(tmp_path, HEAD + BODY, rules=rules)
    for source in ({"thousands": "x"}, {"thousands": ",", "decimal": ","}, {"header_row": -1},
                   {"time_zone": "Mars"}, {"first_day": "soon"}, {"day_first": "yes"}):  # fmt: skip
        with pytest.raises(ConfigError, match="|".join(source)):
            loaded(tmp_path, HEAD + BODY, **source)


def test_the_files_own_column_of_a_contract_name_is_kept(tmp_path: Path) -> None:
    """A mapping wins over the file's own column of that name, which stays under another one."""
    text = "customer_id,person,ordered_at,amount\no1,p,2024-01-01,1\no2,p,2024-01-02,1\n"
    for engine in ("pandas", "duckdb"):
        data = loaded(tmp_path, text, engine=engine, columns={"customer_id": "person"})
        frame = data.transactions if engine == "pandas" else data.transactions.df()
        assert frame["customer_id"].tolist() == ["p", "p"]
        assert frame["source_customer_id"].tolist() == ["o1", "o2"]
        assert any("'customer_id' is kept as 'source_customer_id'" in note for note in data.notes)


def test_hostile_files_and_configs(tmp_path: Path) -> None:
    """Long headers, NUL in a path, deep TOML, a BOM: read, or one sentence each."""
    wide = ",".join(f"extra_column_with_a_long_name_{n}" for n in range(3000))
    assert len(wide) > 1 << 16
    text = f"customer_id,ordered_at,amount,{wide}\na,2024-01-01,5{',1' * 3000}\n"
    assert found(loaded(tmp_path, text)) == (["a"], [5])
    huge = f"customer_id,ordered_at,amount,note\na,2024-01-01,5,{'x' * 200_000}\n"
    assert found(loaded(tmp_path, huge)) == (["a"], [5])
    with pytest.raises(ConfigError, match="NUL"):
        tables.load({"as_of": "2026-01-01", "tables": {"transactions": {"path": "a\0b.csv"}}})
    with pytest.raises(ConfigError, match="no config file"):
        config.load("a\0b.toml")
    deep = tmp_path / "deep.toml"
    deep.write_text("as_of = 2026-01-01\na = " + "[" * 5000 + "]" * 5000, encoding="utf-8")
    with pytest.raises(ConfigError, match=r"nested too deeply|not TOML"):
        config.load(deep)
    marked = tmp_path / "bom.toml"
    (tmp_path / "l.csv").write_text(HEAD + BODY, encoding="utf-8")
    marked.write_bytes(b"\xef\xbb\xbfas_of = 2026-01-01\n[tables.transactions]\npath = 'l.csv'\n")
    assert len(tables.load(marked).transactions) == 4


PIECES = (
    "a", "7", "007", "1.802.500", "48.000", "-3", "5-", "(5)", "Rp 5", "1,5", "1e5", "inf",
    "nan", "", "\\N", "?", "2024-01-01", "13/02/2024", "02/13/2024", "1/2/24",
    "2024-01-01 10:00 +0700", "yes", "1766620800", "2024-02-30", '"', '""', '="5"', "é",
    "\u202f", "\x00", ";", ",", "\t", "x" * 300, "٣", "0x1F", "1_000", "9" * 400, "-0", "  ",
    "2024-W01", "epoch", "infinity", "24:00", "<b>", "'; drop table x; --",
)  # fmt: skip


def told(frame: pd.DataFrame) -> list[list[object]]:
    """Return the values of a checked frame in plain types, missing as None."""
    plain = {"amount": float, "is_return": bool, "ordered_at": str, "customer_id": str}
    return [
        [None if pd.isna(value) else kind(value) for value in frame[name]]
        for name, kind in plain.items()
        if name in frame
    ]


def test_fuzz_of_the_reader(tmp_path: Path) -> None:
    """Seeded and time-boxed: every file is read alike by both engines or refused in a sentence."""
    end, number, read = time.monotonic() + FUZZ_SECONDS, 0, 0
    outside = {file.name for file in tmp_path.parent.iterdir()}
    while time.monotonic() < end and number < 400:
        draw = random.Random(number)
        number += 1
        good = ("a", "2024-01-05", "5", "no")
        lines = ["customer_id,ordered_at,amount,is_return"]
        for _ in range(draw.randint(1, 12)):
            cells = [draw.choice(PIECES) if draw.random() < 0.15 else one for one in good]
            lines.append(",".join(cells[: draw.choice([4, 4, 4, 4, 3, 5])]))
        data = draw.choice(["\n", "\r\n", "\r"]).join(lines).encode(
            draw.choice(["utf-8", "utf-8", "utf-16", "cp1252"]), errors="replace"
        )  # fmt: skip
        results = []
        for engine in ("pandas", "duckdb"):
            try:
                one = loaded(tmp_path, data, engine=engine)
                frame = one.transactions
                frame = frame if engine == "pandas" else frame.df()
                results.append((told(frame), sorted(one.faults["code"])))
                read += 1
            except SegworkError as fault:
                results.append(type(fault).__name__)
        assert results[0] == results[1], data
    assert {file.name for file in tmp_path.parent.iterdir()} == outside
    print(f"{number} files, {read} readings")
    assert read > number / 2


@pytest.mark.parametrize("room", ["quality", "features", "dynamics", "value", "privacy"])
def test_a_frame_where_tables_are_meant_is_told_the_way_out(room: str) -> None:
    """The first mistake of everybody who calls segwork from Python."""
    from segwork import dynamics, features, privacy, quality, value

    calls = {
        "quality": quality.audit,
        "features": features.customer_features,
        "dynamics": dynamics.trace,
        "value": lambda lines, as_of: value.profit(lines, pd.Series({"A": "x"}), as_of=as_of),
        "privacy": lambda lines, as_of: privacy.consented(lines, purpose="x", as_of=as_of),
    }
    lines = pd.DataFrame({"customer_id": ["A"], "ordered_at": ["2024-01-02"], "amount": [3.0]})

    with pytest.raises(UsageError, match=r"DataFrame.*from_frames\(transactions=frame\)"):
        calls[room](lines, as_of="2024-02-01")


def test_no_pattern_ends_the_text_it_stands_in() -> None:
    """Spark knows no doubled quote in a raw text: what comes after would lose its backslashes."""
    assert any("'" in mark for mark in MISSING_MARKS)
    assert "'" not in MARKER + NO_ID
