"""Tables: contract, mapping, pseudonyms, faults, every file format, every bad input by name."""

from __future__ import annotations

import hashlib
import hmac
import io
import re
from datetime import UTC, date, datetime
from pathlib import Path

import duckdb
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from segwork import config as config_module
from segwork import tables
from segwork.errors import DataError, UsageError

GOOD = "customer_id,ordered_at,amount\n007,2011-12-01 10:00,9.50\nb,2011-12-02,3\n"


def loaded(tmp_path: Path, content: str | bytes = GOOD, *, name: str = "lines.csv", **source):
    """Load one transactions file written for the test."""
    file = tmp_path / name
    file.write_bytes(content if isinstance(content, bytes) else content.encode())
    return tables.load(of_path(file, **source))


def of_path(file: Path, *, engine: str = "pandas", **source) -> dict:
    """Write a config that reads transactions from a file."""
    where = {"transactions": {"path": str(file), **source}}
    return {"as_of": "2011-12-10", "engine": engine, "tables": where}


def faults(data: tables.Tables) -> dict[tuple[str, str], int]:
    """Faults as (column, code) -> rows."""
    frame = data.faults
    return {(c, k): n for c, k, n in zip(frame["column"], frame["code"], frame["n_rows"])}  # noqa: B905


def test_clean_csv_is_typed_and_has_no_fault(tmp_path: Path) -> None:
    """Ids keep their zeros, times are microseconds, amounts numbers; nothing is reported."""
    data = loaded(tmp_path)
    frame = data.transactions
    assert frame["customer_id"].tolist() == ["007", "b"]
    assert frame["ordered_at"].dtype == "datetime64[us]"
    assert frame["amount"].tolist() == [9.5, 3.0]
    assert len(data.faults) == 0
    assert data.rows.loc[0].tolist() == ["transactions", 2, 2, 0]
    assert data.notes == (
        "transactions has no order_id: a customer's lines of one day are one order.",
    )
    assert data.fingerprint["transactions"] == hashlib.sha256(GOOD.encode()).hexdigest()


def test_source_is_as_it_came(tmp_path: Path) -> None:
    """``source`` keeps own names, own order and unread values that the checked table lost."""
    text = "Who,When,Price,Note\na,2011-12-01,1.5,x\nb,yesterday,2.5,y\n"
    columns = {"customer_id": "Who", "ordered_at": "When", "amount": "Price"}
    data = loaded(tmp_path, text, columns=columns)
    assert list(data.source("transactions").columns) == ["Who", "When", "Price", "Note"]
    assert data.source("transactions")["When"].tolist() == ["2011-12-01", "yesterday"]
    assert data.transactions["ordered_at"].isna().tolist() == [False, True]
    assert data.transactions["Note"].tolist() == ["x", "y"]
    assert faults(data) == {("ordered_at", "not_a_time"): 1}
    assert data.faults["examples"].tolist() == ["yesterday"]
    assert data.columns["transactions"]["customer_id"] == "Who"


def test_pseudonyms_are_keyed_hmacs(tmp_path: Path) -> None:
    """A pseudonym is HMAC-SHA256 of the id's text, 16 digits; missing stays missing; two keys."""
    (tmp_path / "l.csv").write_text(GOOD + ",2011-12-03,1\n", encoding="utf-8")
    config = of_path(tmp_path / "l.csv")
    data = tables.load(config, key="secret")
    expected = hmac.new(b"secret", b"007", hashlib.sha256).hexdigest()[:16]
    assert data.transactions["customer_id"].iloc[0] == expected
    assert data.transactions["customer_id"].isna().tolist() == [False, False, True]
    assert data.source("transactions")["customer_id"].iloc[0] == expected
    other = tables.load(config, key="another")
    assert not set(other.transactions["customer_id"].dropna()) & {expected}


@pytest.mark.parametrize("engine", ["polars", "duckdb"])
def test_engines_agree_with_pandas(tmp_path: Path, engine: str) -> None:
    """Polars and DuckDB give the values, pseudonyms and faults of pandas."""
    file = tmp_path / "l.parquet"
    pd.DataFrame(
        {
            "Id": pd.array([17850, None, 9007199254740993], dtype="Int64"),
            "ordered_at": ["2011-12-01 10:00:00", "soon", "2200-01-01"],
            "quantity": [1, 2, 3],
            "unit_price": ["1.5", "x", "1000000000"],
            "order_id": ["C1", "2", None],
        }
    ).to_parquet(file)
    source = {"columns": {"customer_id": "Id"}, "rules": {"cancelled_prefix": "C"}}
    first = tables.load(of_path(file, **source), key="k")
    other = tables.load(of_path(file, engine=engine, **source), key="k")
    frame = other.transactions
    frame = frame.df() if engine == "duckdb" else frame.to_pandas()
    assert set(frame.columns) == set(first.transactions.columns)
    pd.testing.assert_frame_equal(
        frame[list(first.transactions.columns)], first.transactions, check_dtype=False
    )
    assert faults(other) == faults(first)
    assert faults(first) == {
        ("customer_id", "missing"): 1,
        ("ordered_at", "not_a_time"): 1,
        ("ordered_at", "implausible_time"): 1,
        ("unit_price", "not_a_number"): 1,
    }
    assert first.transactions["is_return"].tolist() == [True, False, False]
    assert first.transactions["amount"].isna().tolist() == [False, True, False]
    assert tables.load(of_path(file, **source)).transactions["customer_id"].iloc[2] == (
        "9007199254740993"
    )


HEAD = "customer_id,ordered_at,amount\n"
STRANGE = {
    "zones": (HEAD + "a,2011-12-01T10:00:00+07:00,3\nb,2011-12-01T10:00Z,3\nc,2011-12-01,3\n", {}),
    "declared zone": (HEAD + "a,01/12/2011 10:00 +0700,3\n", {"time_format": "%d/%m/%Y %H:%M %z"}),
    "seconds": (HEAD + "a,1322733600,3\nb,1322733600.5,4\n", {"time_format": "s"}),
    "milliseconds": (HEAD + "a,1322733600123,3\nb,x,3\n", {"time_format": "ms"}),
    "ids": (HEAD + "a,2011-12-01,3\n NaN ,2011-12-01,3\n,2011-12-01,3\nn/a,2011-12-01,3\n", {}),
    "amounts": (HEAD + 'a,2011-12-01,inf\nb,2011-12-01,"1.234,5"\nc,2011-12-01,-1e12\n', {}),
    "decimal commas": (
        HEAD + 'a,1900-01-01,"1.234,5"\nb,soon,12.5\nc,2011-12-01,5\n',
        {"decimal": ","},
    ),
    "ragged": (HEAD + "a,2011-12-01,3\nb,2011-12-01\nc,2011-12-01,3,4\n", {}),
}


@pytest.mark.parametrize("engine", ["polars", "duckdb"])
@pytest.mark.parametrize("name", STRANGE)
def test_strange_text_is_read_alike_on_every_engine(tmp_path: Path, engine: str, name: str) -> None:
    """Values, faults and counted rows do not depend on the engine that reads them."""
    text, source = STRANGE[name]
    expected = loaded(tmp_path, text, **source)
    found = loaded(tmp_path, text, engine=engine, **source)
    frame = found.transactions.df() if engine == "duckdb" else found.transactions.to_pandas()
    pd.testing.assert_frame_equal(frame, expected.transactions, check_dtype=False)
    assert faults(found) == faults(expected)
    assert found.rows.equals(expected.rows)


UNUSABLE = {
    "has no rows": HEAD,
    "no value of 'customer_id': all are missing": HEAD + ",2011-12-01,3\n",
    "as time, such as 'soon' (set time_format": HEAD + "a,soon,3\n",
}


@pytest.mark.parametrize("engine", ["polars", "duckdb"])
@pytest.mark.parametrize("message", UNUSABLE)
def test_a_needed_column_without_any_value(tmp_path: Path, engine: str, message: str) -> None:
    """Refused on every engine, with the value that could not be read and what to do."""
    with pytest.raises(DataError, match=re.escape(message)):
        loaded(tmp_path, UNUSABLE[message], engine=engine)


@pytest.mark.parametrize("kind", ["pandas", "polars", "polars lazy", "arrow", "duckdb"])
def test_frames_come_back_as_their_kind_and_unchanged(kind: str) -> None:
    """``from_frames`` gives back the kind it was given and never touches the frame given."""
    made = pd.DataFrame({"customer_id": [7.0, np.nan], "ordered_at": ["2011-12-01"] * 2})
    made = made.assign(amount=["1", "2"], mine=[1, 2])
    before = made.copy(deep=True)
    given = {
        "pandas": lambda: made,
        "polars": lambda: pl.from_pandas(made),
        "polars lazy": lambda: pl.from_pandas(made).lazy(),
        "arrow": lambda: pa.Table.from_pandas(made),
        "duckdb": lambda: duckdb.from_df(made),
    }[kind]()
    data = tables.from_frames(transactions=given)
    assert type(data.transactions) is type(given)
    pd.testing.assert_frame_equal(made, before)
    assert data.source("transactions") is given
    assert faults(data) == {("customer_id", "missing"): 1}


def test_all_problems_of_all_tables_at_once() -> None:
    """One error names what every table lacks, with the nearest actual column."""
    lines = pd.DataFrame({"customer": [1], "order_date": ["2011-01-01"], "amount": [1.0]})
    people = pd.DataFrame({"custmer_id": [1]})
    with pytest.raises(DataError) as caught:
        tables.from_frames(transactions=lines, customers=people, external=pd.DataFrame({"x": []}))
    text = str(caught.value)
    assert "transactions: needs a column 'customer_id'; did you mean 'customer'?" in text
    assert "needs a column 'ordered_at'; did you mean 'order_date'?" in text
    assert "customers: needs a column 'customer_id'; did you mean 'custmer_id'?" in text
    assert "external: needs a column 'date'" in text


def test_unknown_column_in_the_mapping(tmp_path: Path) -> None:
    """A mapped column that is not in the file is named, with the nearest one."""
    with pytest.raises(DataError, match=r"no column 'CustomrID'.*did you mean 'CustomerID'\?"):
        loaded(
            tmp_path,
            "CustomerID,ordered_at,amount\n1,2011-01-01,2\n",
            columns={"customer_id": "CustomrID"},
        )


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is empty"),
        (b"customer_id,ordered_at,amount\n", "has no rows"),
        (b"\x89PNG\r\n\x1a\n\x00\x00", "a picture, not a CSV"),
        (b"PAR1\x00\x00", "a Parquet file, not a CSV"),
        (b"<!DOCTYPE html><p>Not found</p>", "a web page, not a CSV"),
        (b"abc\x00\x01\x02", "a binary file, not a CSV"),
        (b"just some words\nand more of them\n", "needs a column 'customer_id'"),
        (b"customer_id,ordered_at,amount,amount\n1,2011-01-01,1,2\n", "'amount' more than once"),
        (b"customer_id,ordered_at,amount\n,2011-01-01,1\n", "no value of 'customer_id'"),
        (b"customer_id,ordered_at,amount\n1,soon,1\n", "no value of 'ordered_at' can be read"),
        (b"customer_id,ordered_at,amount\n1,01/02/2011,1\n", "day first or month first"),
    ],
)
def test_files_that_cannot_be_used(tmp_path: Path, content: bytes, message: str) -> None:
    """Each unusable file is one clear error that names the file or the column."""
    with pytest.raises(DataError, match=message):
        loaded(tmp_path, content)


@pytest.mark.parametrize("mark", [b"\xef\xbb\xbf", b""])
def test_byte_order_mark(tmp_path: Path, mark: bytes) -> None:
    """A UTF-8 BOM is no part of the first column's name."""
    data = loaded(tmp_path, mark + GOOD.encode())
    assert data.transactions["customer_id"].tolist() == ["007", "b"]


def test_utf16(tmp_path: Path) -> None:
    """A UTF-16 file with its mark, as spreadsheets write it, is read."""
    data = loaded(tmp_path, GOOD.replace(",", "\t").encode("utf-16"))
    assert data.transactions["amount"].tolist() == [9.5, 3.0]


def test_mixed_encodings_are_counted(tmp_path: Path) -> None:
    """Lines in another encoding are kept and counted; the others are not touched."""
    body = GOOD.encode() + "é,2011-12-01,1\n".encode() + "ü,2011-12-01,1\n".encode("cp1252")
    data = loaded(tmp_path, body)
    assert data.transactions["customer_id"].tolist() == ["007", "b", "é", "ü"]
    assert faults(data) == {("", "encoding"): 1}
    assert data.faults["examples"].tolist() == ["line 5"]


def test_ragged_rows_are_kept_or_named(tmp_path: Path) -> None:
    """Short rows are padded and counted, long ones left out and counted by line: none is lost."""
    data = loaded(tmp_path, GOOD + "c,2011-12-03\nd,2011-12-04,1,2,3\ne,2011-12-05,6\n")
    assert data.transactions["customer_id"].tolist() == ["007", "b", "c", "e"]
    assert faults(data) == {
        ("", "ragged_short"): 1,
        ("", "ragged_long"): 1,
        ("amount", "missing"): 1,
    }
    row = data.rows.iloc[0]
    assert (row["rows_in"], row["rows_kept"], row["rows_left_out"]) == (5, 4, 1)
    assert "line 5" in data.faults["examples"].tolist()


def test_a_torn_quote_swallows_no_rows(tmp_path: Path) -> None:
    """A quote that is never closed, or only rows later, costs its own line its quotes, no more."""
    head = "customer_id,ordered_at,amount,note\n"
    body = [f"c{n},2011-12-0{n},{n},fine\n" for n in range(1, 7)]
    body[1] = 'c2,2011-12-02,2,"open\n'
    data = loaded(tmp_path, head + "".join(body))
    assert data.transactions["customer_id"].tolist() == [f"c{n}" for n in range(1, 7)]
    assert faults(data) == {("", "torn_quote"): 1}
    body[4] = 'c5,2011-12-05,5,"said ""so"" \'\n'
    assert len(loaded(tmp_path, head + "".join(body)).transactions) == 6
    body[1], body[4] = 'c2,2011-12-02,2,"two\nlines"\n', "c5,2011-12-05\n"
    data = loaded(tmp_path, head + "".join(body))
    assert data.transactions["note"].tolist()[1] == "two\nlines"
    assert faults(data) == {("", "ragged_short"): 1, ("amount", "missing"): 1}


def test_blank_lines_are_no_rows(tmp_path: Path) -> None:
    """Blank lines before the header, between rows and at the end count for nothing."""
    data = loaded(tmp_path, "\n\n" + GOOD.replace("\nb", "\n\nb") + "\n\n")
    assert data.transactions["customer_id"].tolist() == ["007", "b"]
    assert data.faults.empty


def test_decimal_commas(tmp_path: Path) -> None:
    """Declared decimal commas are read; undeclared ones are a fault of their own."""
    text = GOOD.replace(",", ";").replace("9.50", "1.009,50")
    data = loaded(tmp_path, text, decimal=",")
    assert data.transactions["amount"].tolist() == [1009.5, 3.0]
    data = loaded(tmp_path, GOOD.replace(",", ";").replace("9.50", "9,50"))
    assert faults(data) == {("amount", "decimal_comma"): 1}
    assert data.source("transactions")["amount"].tolist() == ["9,50", "3"]


def test_time_zones_are_moved_to_utc_and_counted() -> None:
    """Zones in text or in the type end as UTC without zone, with a count of the rows moved."""
    lines = pd.DataFrame({"customer_id": ["a", "b"], "amount": [1.0, 2.0]})
    text = tables.from_frames(
        transactions=lines.assign(ordered_at=["2011-12-01T07:00:00+07:00", "2011-12-01 05:00"])
    )
    assert text.transactions["ordered_at"].dt.hour.tolist() == [0, 5]
    assert faults(text) == {("ordered_at", "time_zone"): 1}
    typed = lines.assign(
        ordered_at=pd.to_datetime(["2011-12-01 07:00"] * 2).tz_localize("Asia/Jakarta")
    )
    data = tables.from_frames(transactions=typed)
    assert data.transactions["ordered_at"].dt.hour.tolist() == [0, 0]
    assert faults(data) == {("ordered_at", "time_zone"): 2}


def test_strange_values_are_kept_and_counted(tmp_path: Path) -> None:
    """Dates of 1900 and 2200 and amounts of 1e9 are kept; ids that say 'nan' become missing."""
    text = GOOD + "nan,1900-01-01,1\nNaN,2200-01-01,1000000000\nd,2011-12-05,inf\ne,2011-12-06,\n"
    data = loaded(tmp_path, text)
    assert faults(data) == {
        ("customer_id", "missing_marker"): 2,
        ("ordered_at", "implausible_time"): 2,
        ("amount", "huge"): 1,
        ("amount", "not_finite"): 1,
        ("amount", "missing"): 1,
    }
    assert data.transactions["ordered_at"].dt.year.tolist()[2:4] == [1900, 2200]
    assert len(data.transactions) == 6


def test_day_first_is_read_where_the_column_settles_it(tmp_path: Path) -> None:
    """One day above 12 settles the order for the column; the reading is noted."""
    text = "customer_id,ordered_at,amount\na,13/02/2011 10:00,1\nb,01/02/2011,1\n"
    data = loaded(tmp_path, text)
    assert data.transactions["ordered_at"].dt.month.tolist() == [2, 2]
    assert "transactions.ordered_at was read day first." in data.notes
    data = loaded(tmp_path, text.replace("13/02/2011 10:00", "12/02/2011"), time_format="%m/%d/%Y")
    assert data.transactions["ordered_at"].dt.month.tolist() == [12, 1]


def test_numbers_are_times_only_if_declared(tmp_path: Path) -> None:
    """Epoch seconds need ``time_format = "s"``; undeclared numbers are no times."""
    text = "customer_id,ordered_at,amount\na,1322733600,1\n"
    data = loaded(tmp_path, text, time_format="s")
    assert data.transactions["ordered_at"].iloc[0] == pd.Timestamp("2011-12-01 10:00")
    lines = pd.DataFrame({"customer_id": ["a"], "ordered_at": [1322733600], "amount": [1]})
    with pytest.raises(DataError, match="no value of 'ordered_at'"):
        tables.from_frames(transactions=lines)


def test_flags_and_mixed_objects() -> None:
    """Yes and no are read in their usual spellings; what is neither is missing and counted."""
    lines = pd.DataFrame(
        {
            "customer_id": [1, "02", 3.0, "d"],
            "ordered_at": [date(2011, 1, 1), datetime(2011, 1, 2), "2011-01-03", pd.NaT],
            "amount": [1, "2", 3.5, True],
            "is_return": ["Yes", 0, "maybe", None],
        }
    )
    data = tables.from_frames(transactions=lines)
    assert data.transactions["customer_id"].tolist() == ["1", "02", "3", "d"]
    assert data.transactions["ordered_at"].dt.day.tolist()[:3] == [1, 2, 3]
    assert data.transactions["is_return"].isna().tolist() == [False, False, True, True]
    assert faults(data)[("is_return", "not_a_flag")] == 1
    assert faults(data)[("ordered_at", "missing")] == 1


@pytest.mark.parametrize("ending", ["xlsx", "parquet", "duckdb", "sqlite", "folder"])
def test_every_format_gives_the_same_table(tmp_path: Path, ending: str) -> None:
    """Excel, Parquet, a folder of it, DuckDB and SQLite files give what the CSV gives."""
    frame = pd.DataFrame(
        {"customer_id": ["007", "b"], "ordered_at": pd.to_datetime(["2011-12-01", "2011-12-02"])}
    ).assign(amount=[9.5, 3.0])
    file = tmp_path / f"lines.{ending}"
    source = {}
    if ending == "xlsx":
        frame.to_excel(file, index=False)
    elif ending == "parquet":
        frame.to_parquet(file)
    elif ending == "folder":
        file.mkdir()
        frame.iloc[:1].to_parquet(file / "part-0.parquet")
        frame.iloc[1:].to_parquet(file / "part-1.parquet")
        assert len(tables.sources(of_path(file))["transactions"]) == 2
    elif ending == "duckdb":
        with duckdb.connect(str(file)) as connection:
            connection.execute("create table orders as select * from frame")
        source = {"table": "orders"}
    else:
        import sqlite3

        connection = sqlite3.connect(file)
        frame.to_sql("transactions", connection, index=False)
        connection.close()
    data = tables.load(of_path(file, **source))
    assert data.transactions["customer_id"].tolist() == ["007", "b"]
    assert data.transactions["ordered_at"].tolist() == frame["ordered_at"].tolist()
    assert data.transactions["amount"].tolist() == [9.5, 3.0]
    assert data.faults.empty
    assert len(data.fingerprint["transactions"]) == 64


def test_truncated_parquet(tmp_path: Path) -> None:
    """Half a Parquet file is an error that names the file."""
    file = tmp_path / "half.parquet"
    pd.DataFrame({"customer_id": range(1000)}).to_parquet(file)
    file.write_bytes(file.read_bytes()[:2000])
    with pytest.raises(DataError, match=r"half\.parquet' is cut off"):
        tables.load(of_path(file))


def test_damaged_parquet_page(tmp_path: Path) -> None:
    """A Parquet file whose end is whole and whose middle is not is an error too."""
    file = tmp_path / "bad.parquet"
    table = pa.table({"customer_id": [str(n) for n in range(5000)]})
    pq.write_table(table, file, compression="zstd", use_dictionary=False)
    data = bytearray(file.read_bytes())
    data[40:4000] = b"\xff" * 3960
    file.write_bytes(bytes(data))
    with pytest.raises(DataError, match=r"bad\.parquet"):
        tables.load(of_path(file))


@pytest.mark.parametrize("ending", ["xlsx", "duckdb", "sqlite", "parquet", "feather"])
def test_files_that_are_not_what_their_name_says(tmp_path: Path, ending: str) -> None:
    """Words under the name of another format are refused, naming the file."""
    with pytest.raises(DataError, match=f"lines.{ending}|lines"):
        loaded(tmp_path, b"these are only words, " * 300, name=f"lines.{ending}")


def test_missing_files_are_listed_with_the_way_to_get_them(tmp_path: Path) -> None:
    """Every missing file is named at once, with the command that brings it."""
    config = of_path(tmp_path / "no.csv")
    config["tables"]["customers"] = {"path": str(tmp_path / "nobody.parquet")}
    with pytest.raises(DataError, match=r"no\.csv.*nobody\.parquet.*segwork fetch"):
        tables.load(config)
    with pytest.raises(DataError, match="segwork sample"):
        tables.sources({"as_of": "2026-01-01", "sample": {"folder": str(tmp_path / "co")}})


def test_several_files_lose_nothing(tmp_path: Path) -> None:
    """Parquet files are read together by column name; several CSVs are refused, not one kept."""
    lines = pd.read_csv(io.StringIO(GOOD))
    lines.to_parquet(tmp_path / "1.parquet")
    lines[["amount", "ordered_at", "customer_id"]].assign(note="x").to_parquet(
        tmp_path / "2.parquet"
    )
    found = tables.load(of_path(tmp_path / "*.parquet")).transactions
    assert found["amount"].tolist() == [9.5, 3.0] * 2
    assert found["note"].tolist()[2:] == ["x", "x"]
    for name in ("1.csv", "2.csv"):
        (tmp_path / name).write_text(GOOD)
    with pytest.raises(DataError, match="names 2 files"):
        tables.load(of_path(tmp_path / "*.csv"))


def test_database_files_by_url(tmp_path: Path) -> None:
    """A schema may be named; a database that is not there is an error and is not made."""
    with duckdb.connect(str(tmp_path / "shop.db")) as connection:
        connection.execute("create schema s; create table s.lines as select 'a' as customer_id,"
                           " date '2011-12-01' as ordered_at, 1 as amount")  # fmt: skip
    config = of_path(Path())
    config["tables"]["transactions"] = {"url": f"duckdb:///{tmp_path}/shop.db", "table": "s.lines"}
    assert tables.load(config).transactions["customer_id"].tolist() == ["a"]
    config["tables"]["transactions"] = {"url": f"sqlite:///{tmp_path}/none.db", "table": "lines"}
    with pytest.raises(DataError, match="no file at"):
        tables.load(config)
    assert not (tmp_path / "none.db").exists()


def test_sources_need_no_pandas() -> None:
    """The engine lists files without importing pandas."""
    import subprocess
    import sys

    code = "import sys, segwork.tables; sys.exit('pandas' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_until_is_strict_and_normalises() -> None:
    """The cut is strict at midnight; zones, dates and texts as ``as_of`` mean the same moment."""
    times = ["2011-12-09 23:59:59.999999", "2011-12-10 00:00", None]
    lines = pd.DataFrame({"ordered_at": pd.to_datetime(times, format="ISO8601"), "n": [1, 2, 3]})
    for as_of in (date(2011, 12, 10), "2011-12-10", datetime(2011, 12, 10, tzinfo=UTC)):
        assert tables.until(lines, as_of)["n"].tolist() == [1]
    assert tables.until(lines, datetime(2011, 12, 10, 12))["n"].tolist() == [1, 2]
    with pytest.raises(UsageError, match="year-month-day"):
        tables.until(lines, "soon")
    with pytest.raises(UsageError, match="from_frames"):
        tables.until(lines.assign(ordered_at="2011-12-01"), "2011-12-10")


def test_until_takes_the_day_of_publication() -> None:
    """An outside value counts from the day it was published; one about a later day never does."""
    rates = pd.DataFrame(
        {
            "date": pd.to_datetime(["2011-11-01", "2011-11-02", "2011-11-03", "2011-12-15"]),
            "published_at": pd.to_datetime(["2011-12-20", "2011-11-20", None, "2011-11-20"]),
            "value": [1.0, 2.0, 3.0, 4.0],
        }
    )
    assert tables.until(rates, "2011-12-10")["value"].tolist() == [2.0, 3.0]


def test_config_mapping_mistakes() -> None:
    """A mistyped contract column in the mapping and an unknown rule name what is near."""
    with pytest.raises(Exception, match="did you mean 'customer_id'"):
        config_module.load(of_path(Path("x.csv"), columns={"custmer_id": "Id"}))
    with pytest.raises(Exception, match="cancelled_prefix"):
        config_module.load(of_path(Path("x.csv"), rules={"canceled_prefix": "C"}))
