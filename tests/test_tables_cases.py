"""Files that were once read wrongly, each with siblings of its kind; the shared cases lie beside.

What is right stands in the README of each case; totals here are worked out by the plain loops
of this file.
"""

from __future__ import annotations

import os
import shutil
import sqlite3
import zipfile
from datetime import datetime, timedelta
from pathlib import Path

import duckdb
import openpyxl
import pandas as pd
import pytest

from segwork import config as config_module
from segwork import features, tables
from segwork.engine.plan import read_data
from segwork.errors import DataError, SegworkError
from segwork.tables import usable

DATA = os.environ.get("SEGWORK_DATA", "")
CASES = Path(DATA) / "cases"
needs_data = pytest.mark.skipif(not DATA, reason="SEGWORK_DATA is not set")
HEAD = "customer_id,ordered_at,amount\n"
ENGINES = ("pandas", "duckdb")


def of_file(file: Path, *, engine: str = "pandas", **source) -> tables.Tables:
    """Load transactions from a file."""
    where = {"transactions": {"path": str(file), **source}}
    return tables.load({"as_of": "2026-01-01", "engine": engine, "tables": where})


def of_text(folder: Path, text: str | bytes, *, name: str = "l.csv", **source) -> tables.Tables:
    """Write a file and load it."""
    file = folder / name
    file.write_bytes(text if isinstance(text, bytes) else text.encode())
    return of_file(file, **source)


def native(data: tables.Tables) -> pd.DataFrame:
    """Return transactions as pandas."""
    frame = data.transactions
    return frame if isinstance(frame, pd.DataFrame) else frame.df()


def faults(data: tables.Tables) -> dict[tuple[str, str], int]:
    """Faults as (column, code) -> rows."""
    frame = data.faults
    return {(c, k): n for c, k, n in zip(frame["column"], frame["code"], frame["n_rows"])}  # noqa: B905


def case(number: str, *, config: str = "segwork.toml") -> Path:
    """Return the config of a shared case."""
    return next(CASES.glob(f"{number}-*")) / config


def every_engine(path: Path) -> list[tables.Tables]:
    """Load a config on each engine."""
    from dataclasses import replace

    ready = config_module.load(path)
    return [tables.load(replace(ready, engine=engine)) for engine in ENGINES]


@needs_data
def test_shared_cases_that_can_be_read() -> None:
    """Rows, customers and faults of the cases that have a right reading, on each engine."""
    expected = {
        "06": (240, 40, {}),
        "07": (240, 40, {}),
        "09": (240, 40, {("customer_id", "missing_marker"): 48}),
        "10": (240, 40, {("customer_id", "decimal_id"): 120}),
        "15": (2000, 597, {("customer_id", "missing"): 96}),
        "17": (400, 201, {("customer_id", "missing"): 13}),
        "18": (399, 168, {("customer_id", "missing"): 10, ("ordered_at", "time_zone"): 399}),
    }
    for number, (rows, customers, found) in expected.items():
        for data in every_engine(case(number)):
            frame = native(data)
            assert len(frame) == rows, number
            assert frame["customer_id"].nunique() == customers, number
            assert faults(data) == found, number
    assert native(every_engine(case("15"))[0])["amount"].sum() == 1_905_679_000
    assert native(every_engine(case("17"))[1])["ordered_at"].max() == pd.Timestamp("2025-12-31")


@needs_data
@pytest.mark.parametrize(
    ("number", "said"),
    [
        ("08", r"97 dates, none with a day over 12.*swapped"),
        ("11", r"no value of 'amount': all are missing"),
        ("14", r"'unit_price' can be read as number, such as 'Rp 48\.000' \(set decimal"),
        ("16", r"'1\.802\.500' has points between thousands; set decimal = ','"),
    ],
)
def test_shared_cases_that_are_refused(number: str, said: str) -> None:
    """Load and the check before a run refuse alike, with an example and what to set."""
    for load in (tables.load, every_engine, *([read_data.read_once] if number == "14" else [])):
        with pytest.raises(DataError, match=said):
            load(case(number))


@needs_data
def test_an_early_day_is_refused_before_a_run(tmp_path: Path) -> None:
    """Case 19 and siblings: nothing lies before ``as_of``; on the day itself too, not a day on."""
    with pytest.raises(DataError):
        tables.load(case("19"))
    (tmp_path / "l.csv").write_text(HEAD + "a,2024-01-02,5\nb,2024-03-01,6\n", encoding="utf-8")
    for day, fine in (("2020-01-01", False), ("2024-01-02", False), ("2024-01-03", True)):
        file = tmp_path / "segwork.toml"
        file.write_text(f"as_of = {day}\n[tables.transactions]\npath = 'l.csv'\n", encoding="utf-8")
        data = tables.load(file)
        if fine:
            usable.refuse_unusable(data, day)
        else:
            with pytest.raises(DataError, match=f"as_of is {day}, before every order.*2024-01-02"):
                usable.refuse_unusable(data, day)
    assert "2 rows, 2 customers" in read_data.read_once(file)[1]


@needs_data
def test_queries_that_do_more_than_read(tmp_path: Path) -> None:
    """Case 02: no file is made, changed or left; a plain select still works."""
    copy = tmp_path / "case"
    shutil.copytree(CASES / "02-sql-that-writes", copy)
    copy.chmod(0o755)
    before = {f.name: f.read_bytes() for f in copy.iterdir()}
    for name in ("attach", "copy", "drop", "other_file"):
        for load in every_engine, tables.load:
            with pytest.raises(SegworkError, match=r"sql|Cannot access file"):
                load(copy / f"{name}.toml")
    assert len(tables.load(copy / "plain_select.toml").transactions) == 120
    assert {f.name: f.read_bytes() for f in copy.iterdir()} == before


WRITES = (
    "drop table transactions", "delete from transactions", "pragma writable_schema = 1",
    "attach database 'x.db' as x", "vacuum into 'x.db'", "insert into transactions values (1)",
    "select 1; drop table transactions", "with a as (select 1) delete from transactions",
    "create table t as select 1", "/* select */ drop table transactions",
    "copy transactions to 'x'",
    "select load_extension('x')", "select * from transactions; --", "export database 'x'",
    "install httpfs", "call pragma_version()", "set threads = 1", "explain analyze select 1",
)  # fmt: skip
READS_FILES = (
    "select * from read_csv('other.csv')", "from 'other.csv'",
    "select * from read_text('other.csv')",
    "select * from glob('*')", "select * from read_parquet('http://127.0.0.1:9/x.parquet')",
)  # fmt: skip


@pytest.mark.parametrize("ending", ["sqlite", "duckdb"])
def test_no_statement_writes_or_leaves_its_file(tmp_path: Path, ending: str, monkeypatch) -> None:
    """Whatever the statement: an error or its rows, the same bytes, no new file."""
    monkeypatch.chdir(tmp_path)
    file = tmp_path / f"shop.{ending}"
    made = "create table transactions as select 'a' customer_id, '2024-01-02' ordered_at, 5 amount"
    with (duckdb if ending == "duckdb" else sqlite3).connect(str(file)) as connection:
        connection.execute(made)
    connection.close()
    (tmp_path / "other.csv").write_text(HEAD + "OTHER,2024-01-02,7\n", encoding="utf-8")
    before = {f.name: f.read_bytes() for f in tmp_path.iterdir()}
    for statement in (*WRITES, *(READS_FILES if ending == "duckdb" else ())):
        for engine in ENGINES:
            try:
                data = of_file(file, engine=engine, sql=statement)
                assert native(data)["customer_id"].tolist() == ["a"], statement
            except SegworkError:
                pass
            assert {f.name: f.read_bytes() for f in tmp_path.iterdir()} == before, statement
    select = (
        "select customer_id, ordered_at, amount -- ; drop\nfrom transactions where 'x;' = 'x;';"
    )
    assert native(of_file(file, sql=select))["amount"].tolist() == [5]


def test_a_view_cannot_leave_its_file(tmp_path: Path, monkeypatch) -> None:
    """A view of a DuckDB file that reads another file is not followed."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "other.csv").write_text(HEAD + "OTHER,2024-01-02,7\n", encoding="utf-8")
    with duckdb.connect("shop.duckdb") as connection:
        connection.execute("create view transactions as select * from read_csv('other.csv')")
    for engine in ENGINES:
        with pytest.raises(DataError, match="cannot read 'shop"):
            of_file(tmp_path / "shop.duckdb", engine=engine)


SECRETS = {
    "postgresql://shop:S3CRET@127.0.0.1:9/shop": "postgresql://127.0.0.1/shop",
    "postgresql://shop:S3CRET%40x@127.0.0.1:9/shop": "postgresql://127.0.0.1/shop",
    "postgresql://shop:S3CRET@X@127.0.0.1:9/shop": "postgresql://127.0.0.1/shop",
    "postgresql://shop:S3CRET/X@127.0.0.1:9/shop": "postgresql://127.0.0.1/shop",
    "postgresql://shop:S3CRET?X@127.0.0.1:9/shop": "postgresql://",
    "postgresql://shop:S3CRET#X@127.0.0.1:9/shop": "postgresql://127.0.0.1/shop",
    "postgresql://127.0.0.1:9/shop?user=shop&password=S3CRET": "postgresql://127.0.0.1/shop",
    "postgresql://127.0.0.1:9/shop?password=x@S3CRET": "postgresql://",
    "postgresql://shop@127.0.0.1:9/shop?sslkey=a&token=S3CRET": "postgresql://127.0.0.1/shop",
    "postgresql://[::1]:9/shop?passfile=S3CRET": "postgresql://[::1]/shop",
    "mssql+pyodbc:///?odbc_connect=DRIVER%3DX%3BPWD%3DS3CRET": "mssql+pyodbc://",
    "mysql://shop:S3CRET@127.0.0.1:9/shop": "mysql://127.0.0.1/shop",
    "oracle+thin://shop/S3CRET@127.0.0.1:9/shop": "oracle+thin://127.0.0.1/shop",
    "snowflake://S3CRET": None,
    "nosuch+S3CRET~://x": "database",
    "S3CRET": "database",
}


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_no_message_holds_a_secret() -> None:
    """Only scheme, host and name of the database are told, however the address is written."""
    for address, shown in SECRETS.items():
        if shown is not None:
            assert config_module.shown_address(address) == shown
        config = {"as_of": "2026-01-01"}
        source = {"url": address, "table": "transactions"}
        with pytest.raises(SegworkError) as caught:
            tables.load({**config, "tables": {"transactions": source}})
        if shown is not None:
            assert "S3CRET" not in str(caught.value), address
    source = {"url": "postgresql://u:S3CRET@${NOT_SET_HOST}/x", "table": "t"}
    with pytest.raises(SegworkError) as caught:
        tables.load({"as_of": "2026-01-01", "tables": {"transactions": source}})
    assert "S3CRET" not in str(caught.value)


@needs_data
@pytest.mark.parametrize("name", ["at", "odbc", "password_in_query", "slash", "token"])
def test_shared_addresses_keep_their_password(name: str) -> None:
    """Case 03: no piece of the made-up passwords in the message."""
    with pytest.raises(SegworkError) as caught:
        tables.load(case("03", config=f"{name}.toml"))
    assert "UP-" not in str(caught.value)
    assert "MADE" not in str(caught.value)


@pytest.mark.parametrize("engine", ENGINES)
def test_line_ends_and_separator_lines(tmp_path: Path, engine: str) -> None:
    """Case 06 and siblings: CR, CRLF, LF, mixed, ``sep=;``, CR inside quotes."""
    rows = [f"c{n},2024-01-{n:02},{n}" for n in range(1, 10)]
    for end in ("\r", "\r\n", "\n"):
        data = of_text(tmp_path, HEAD.rstrip() + end + end.join(rows) + end, engine=engine)
        assert native(data)["amount"].sum() == 45, repr(end)
        assert data.faults.empty
    mixed = HEAD + "\r\n".join(rows[:4]) + "\r" + "\n".join(rows[4:])
    assert len(native(of_text(tmp_path, mixed, engine=engine))) == 9
    told = "sep=;\r\n" + (HEAD + "\n".join(rows)).replace(",", ";")
    assert len(native(of_text(tmp_path, told, engine=engine))) == 9
    marked = "\ufeffsep=\t\r\n" + (HEAD + "\n".join(rows)).replace(",", "\t")
    assert native(of_text(tmp_path, marked, engine=engine))["amount"].sum() == 45
    quoted = 'customer_id,ordered_at,amount,note\ra,2024-01-01,1,"two\rlines"\rb,2024-01-02,2,x\r'
    assert native(of_text(tmp_path, quoted, engine=engine))["note"].tolist() == ["two\rlines", "x"]


def sheet(
    file: Path, rows: list[tuple], *, patch: dict[str, tuple[bytes, bytes]] | None = None
) -> Path:
    """Write rows to an Excel file; ``patch`` replaces bytes inside its parts."""
    book = openpyxl.Workbook()
    for row in rows:
        book.active.append(row)
    book.save(file)
    if patch:
        with zipfile.ZipFile(file) as old:
            parts = {name: old.read(name) for name in old.namelist()}
        with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as new:
            for name, data in parts.items():
                for where, (before, after) in patch.items():
                    if where in name:
                        data = data.replace(before, after)
                new.writestr(name, data)
    return file


LINES = [("customer_id", "ordered_at", "amount")] + [
    (f"c{n}", datetime(2024, 1, n), n * 1.5) for n in range(1, 29)
]


def test_what_a_sheet_says_about_its_size_is_not_believed(tmp_path: Path) -> None:
    """Case 07 and siblings: a range too short, of one cell, too wide, and none at all."""
    for said in (b'ref="A1:C9"', b'ref="A1"', b'ref="A1:XFD1048576"', b'ref="B2:Z9999"'):
        patch = {"sheet1": (b'ref="A1:C29"', said)}
        data = of_file(sheet(tmp_path / "l.xlsx", LINES, patch=patch))
        assert data.transactions["amount"].sum() == sum(row[2] for row in LINES[1:]), said


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (b'<row r="5"', b'<row r="9999"'),  # the rows after it would be left out
        (b'<row r="6"', b'<row r="5"'),
        (b'r="B7"', b'r="D7"'),  # a row ends at its last cell
        (b'r="C8"', b'r="B8"'),
    ],
)
def test_cells_out_of_order_are_refused(tmp_path: Path, before: bytes, after: bytes) -> None:
    """Rows and cells that go back or come again: refused in a sentence, not left out."""
    file = sheet(tmp_path / "l.xlsx", LINES, patch={"sheet1": (before, after)})
    with pytest.raises(DataError, match=r"'l.xlsx' has .* out of order.*open and save it again"):
        of_file(file)


def test_sheets_and_ids_that_a_spreadsheet_hides(tmp_path: Path) -> None:
    """A hidden first sheet is not read; one with the same header is counted; 1-5 became a date."""
    book = openpyxl.Workbook()
    for name, rows in (("old", LINES[:9]), ("january", LINES), ("february", LINES[:12])):
        page = book.create_sheet(name)
        for row in rows:
            page.append(row)
        page.sheet_state = "hidden" if name == "old" else "visible"
    del book["Sheet"]
    book.active = 1
    book.save(tmp_path / "l.xlsx")
    data = of_file(tmp_path / "l.xlsx")
    assert len(data.transactions) == 28
    assert faults(data) == {("", "other_sheet"): 11}
    assert of_file(tmp_path / "l.xlsx", table="february").faults.empty

    ids = [(t if n % 2 else f"{n}-{n}", t, 1.0) for n, (_, t, _) in enumerate(LINES[1:])]
    data = of_file(sheet(tmp_path / "i.xlsx", [LINES[0], *ids]))
    assert faults(data) == {("customer_id", "date_id"): 14}


def test_a_cell_at_the_end_of_the_sheet(tmp_path: Path) -> None:
    """The last cell a sheet can have costs no time: refused in a sentence, or no row."""
    file = sheet(tmp_path / "l.xlsx", LINES)
    book = openpyxl.load_workbook(file)
    book.active["A1048576"] = None
    book.active["XFD30"] = "stray"
    book.save(file)
    started = datetime.now()
    with pytest.raises(DataError, match=r"has a cell in column 16,384.*delete the stray"):
        of_file(file)
    assert datetime.now() - started < timedelta(seconds=5)


def test_excel_files_that_libraries_stumble_over(tmp_path: Path) -> None:
    """Strict Open XML and empty fills are read; broken XML and a bomb are one sentence."""
    strict = {
        "": (b"http://schemas.openxmlformats.org/spreadsheetml/2006/main",
             b"http://purl.oclc.org/ooxml/spreadsheetml/main"),
    }  # fmt: skip
    data = of_file(sheet(tmp_path / "strict.xlsx", LINES, patch=strict))
    assert len(data.transactions) == 28
    fill = {"styles": (b"<fill><patternFill/></fill>", b"<fill/>")}
    assert len(of_file(sheet(tmp_path / "fill.xlsx", LINES, patch=fill)).transactions) == 28
    broken = {"sheet1": (b"</row>", b"</rwo>")}
    with pytest.raises(DataError, match="Excel file"):
        of_file(sheet(tmp_path / "broken.xlsx", LINES, patch=broken))
    bomb = tmp_path / "bomb.xlsx"
    with zipfile.ZipFile(bomb, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("xl/worksheets/sheet1.xml", b"0" * (200 << 20))
    with pytest.raises(DataError, match=r"unpacks from .* to 209,715,200 bytes"):
        of_file(bomb)


def test_days_that_a_spreadsheet_swapped(tmp_path: Path) -> None:
    """Case 08 and siblings: day-first and month-first files, in Excel and in CSV; an honest mix."""
    moments = [datetime(2023, 1, 1) + timedelta(days=n) for n in range(200)]

    def swapped(form: str) -> list[object]:
        first = form.startswith("%d")
        return [
            datetime(t.year, t.day, t.month) if t.day <= 12 else t.strftime(form)
            for t in moments
            if first or t.day != t.month or t.day > 12
        ]

    for form in ("%d/%m/%Y", "%d.%m.%Y", "%m/%d/%Y"):
        times = swapped(form)
        rows = [("customer_id", "ordered_at", "amount"), *(("a", t, 1) for t in times)]
        with pytest.raises(DataError, match="swapped day and month"):
            of_file(sheet(tmp_path / "l.xlsx", rows))
        text = HEAD + "".join(f"a,{t},1\n" for t in times)
        for engine in ENGINES:
            with pytest.raises(DataError, match="swapped day and month"):
                of_text(tmp_path, text, engine=engine)
    few = [
        datetime(t.year, t.day, t.month) if t.day <= 12 else t.strftime("%d/%m/%Y")
        for t in moments[9:36]
    ]  # three dates beside 24 texts
    with pytest.raises(DataError, match="swapped day and month"):
        of_text(tmp_path, HEAD + "".join(f"a,{t},1\n" for t in few))
    later = [t.strftime("%d/%m/%Y") for t in moments] + swapped("%d/%m/%Y")  # two files in one
    with pytest.raises(DataError, match="swapped day and month"):
        of_text(tmp_path, HEAD + "".join(f"a,{t},1\n" for t in later))
    honest = [t if n % 2 else t.strftime("%d/%m/%Y") for n, t in enumerate(moments)]
    rows = [("customer_id", "ordered_at", "amount"), *(("a", t, 1) for t in honest)]
    found = of_file(sheet(tmp_path / "l.xlsx", rows)).transactions["ordered_at"]
    assert found.tolist() == [pd.Timestamp(t) for t in moments]
    last = datetime(2023, 8, 1)  # a new system since the first of the last month
    new = [t if t >= last else t.strftime("%d/%m/%Y")
           for t in (last + timedelta(days=n) for n in range(-180, 10))]  # fmt: skip
    text = HEAD + "".join(f"a,{t},1\n" for t in new)
    assert native(of_text(tmp_path, text))["ordered_at"].max() == pd.Timestamp("2023-08-10")


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("form", ["%Y-%m-%d %H:%M CET", "%Y-%m-%d %H:%M GMT+7",
                                  "%Y-%m-%d 24:00:00", "%Y-%d-%m"])  # fmt: skip
def test_times_that_one_engine_alone_reads(tmp_path: Path, engine: str, form: str) -> None:
    """Zones without a number, an hour 24, and the day before the month are refused everywhere."""
    days = [datetime(2024, 1, 20) + timedelta(days=n) for n in range(20)]
    with pytest.raises(DataError, match=r"cannot be read|read as time|day before the month"):
        of_text(tmp_path, HEAD + "".join(f"a,{t.strftime(form)},1\n" for t in days), engine=engine)


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize(
    "mark",
    [r"\N", "(null)", "[NULL]", "<null>", "-", "?", "#NULL!", "NULL", "n/a", "#N/A", " null "],
)
def test_marks_for_no_value_are_no_customer(tmp_path: Path, engine: str, mark: str) -> None:
    """Case 09 and siblings: a mark in an id, an amount or a time is missing, and counted."""
    text = HEAD + f"{mark},2024-01-01,1\nb,{mark},2\nc,2024-01-03,{mark}\nd,2024-01-04,4\n"
    data = of_text(tmp_path, text, engine=engine)
    frame = native(data)
    assert frame.isna().sum().to_dict() == {"customer_id": 1, "ordered_at": 1, "amount": 1}
    assert faults(data) == {
        (column, "missing_marker"): 1 for column in ("customer_id", "ordered_at", "amount")
    }


@pytest.mark.parametrize("engine", ENGINES)
def test_ids_that_went_through_a_spreadsheet(tmp_path: Path, engine: str) -> None:
    """Case 10 and siblings: 20113.0 is 20113; 1.2E+12 is counted; 007.5 and 7.50 are themselves."""
    ids = ["20113", "20113.0", "20113.00", "1.2E+12", "1,2E+12", "007.0", "7.50", "a.0"]
    text = HEAD.replace(",", ";") + "".join(f"{one};2024-01-01;1\n" for one in ids)
    data = of_text(tmp_path, text, engine=engine)
    expected = ["20113"] * 3 + ["1.2E+12", "1,2E+12", "007.0", "7.50", "a.0"]
    assert native(data)["customer_id"].tolist() == expected
    assert faults(data) == {
        ("customer_id", "decimal_id"): 2, ("customer_id", "scientific_id"): 2,
    }  # fmt: skip


@pytest.mark.parametrize("engine", ["pandas", "duckdb", "polars"])
def test_ids_as_bytes_are_text(tmp_path: Path, engine: str) -> None:
    """Parquet BINARY ids read alike on every engine; bytes that are no text are hex digits."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    ids = pa.array([b"a1", "é".encode(), b"\xff\x00", None], pa.binary())
    times = pa.array([datetime(2024, 1, 1)] * 4)
    table = pa.table({"customer_id": ids, "ordered_at": times, "amount": [1.0, 2.0, 3.0, 4.0]})
    pq.write_table(table, tmp_path / "l.parquet")
    frame = of_file(tmp_path / "l.parquet", engine=engine).transactions
    found = frame["customer_id"].to_list() if engine == "polars" else None
    found = found or native(of_file(tmp_path / "l.parquet", engine=engine))["customer_id"].tolist()
    assert found[:3] == ["a1", "é", "FF00"]
    assert pd.isna(found[3])
    given = pd.DataFrame({"customer_id": [b"a1", b"\xff\x00"], "ordered_at": ["2024-01-01"] * 2})
    data = tables.from_frames(transactions=given.assign(amount=1.0))
    assert data.transactions["customer_id"].tolist() == ["a1", "FF00"]


@pytest.mark.parametrize("engine", ENGINES)
def test_amounts_that_are_not_there(tmp_path: Path, engine: str) -> None:
    """Case 11 and siblings: all empty, all marks, quantity without a price that can be read."""
    for amount in ("", r"\N", "-"):
        text = HEAD + f"a,2024-01-01,{amount}\nb,2024-01-02,{amount}\n"
        with pytest.raises(DataError, match="no value of 'amount'"):
            of_text(tmp_path, text, engine=engine)
    text = "customer_id,ordered_at,quantity,unit_price\na,2024-01-01,1,\nb,2024-01-02,2,\n"
    with pytest.raises(DataError, match="no value of 'unit_price'"):
        of_text(tmp_path, text, engine=engine)
    baskets = of_text(tmp_path, "customer_id,ordered_at\na,2024-01-01\n", engine=engine)
    assert list(native(baskets).columns) == ["customer_id", "ordered_at"]
    assert "transactions has no money: orders are counted, spend is not known." in baskets.notes
    table = features.customer_features(baskets, as_of="2024-02-01")
    table = table if engine == "pandas" else table.df()
    assert table["orders"].tolist() == [1]
    assert not [name for name in table.columns if "spend" in name or "value" in name]


MONEY = {
    "Rp 48.000": ({"money_signs": ["Rp"], "thousands": "."}, 48_000),
    "-Rp 1.802.500": ({"money_signs": ["Rp"], "thousands": "."}, -1_802_500),
    "$1,234.50": ({"money_signs": ["$"], "thousands": ","}, 1234.5),
    "($1,234.50)": ({"money_signs": ["$"], "thousands": ","}, -1234.5),
    "1 234,50 €": ({"money_signs": ["€"], "thousands": " ", "decimal": ","}, 1234.5),
    "1\u202f234,50": ({"thousands": " ", "decimal": ","}, 1234.5),
    "1'234.50": ({"thousands": "'"}, 1234.5),
    "2.835,00-": ({"decimal": ","}, -2835),
    "12,34,567.50": ({"thousands": ","}, 1234567.5),
    "kr 99": ({"money_signs": ["kr"]}, 99),
    "\u22125.5": ({}, -5.5),
    "5.5-": ({}, -5.5),
    "(7)": ({}, -7),
    "1e3": ({}, 1000),
}


def test_money_as_people_write_it(tmp_path: Path) -> None:
    """Case 14 and siblings: signs, thousands, spaces, brackets, a minus behind."""
    for engine in ENGINES:
        for text, (source, value) in MONEY.items():
            lines = f"customer_id;ordered_at;amount\na;2024-01-01;{text}\n"
            data = of_text(tmp_path, lines, engine=engine, **source)
            assert native(data)["amount"].tolist() == [value], text


@pytest.mark.parametrize("engine", ENGINES)
def test_values_that_cannot_be_read_are_no_zeros(tmp_path: Path, engine: str) -> None:
    """More than half of money, times or flags unread: refused with examples; fewer: counted."""
    head = "customer_id,ordered_at,amount,is_return\n"
    for bad in (
        "x,2024-01-01,1 €,no",
        "x,2024-01-01,Rp1,no",
        "x,20240x,1,no",
        "x,2024-01-01,1,peut-être",
    ):
        with pytest.raises(DataError, match=r"2 of 3 values of '\w+' cannot be read|no value of"):
            of_text(tmp_path, head + f"a,2024-01-01,1,no\n{bad}\n{bad}\n", engine=engine)
        data = of_text(tmp_path, head + f"a,2024-01-01,1,no\n{bad}\n", engine=engine)
        assert sum(faults(data).values()) == 1


@pytest.mark.parametrize("engine", ENGINES)
def test_points_that_may_be_thousands(tmp_path: Path, engine: str) -> None:
    """Case 16 and siblings: refused unless stated; a number with other decimals settles it."""
    doubtful = {
        "twice": ["1.802.500", "48.000"], "three": ["48.000", "10.500", "7.250"],
        "with small": ["48.000", "10.500", "7.250", "900"], "one price": ["48.000", "48.000"],
        "half of it plain": ["48.000", "10.500", "48000", "10500"],
    }  # fmt: skip
    for name, values in doubtful.items():
        text = HEAD + "".join(f"a,2024-01-01,{one}\n" for one in values)
        with pytest.raises(DataError, match="set decimal = ','"):
            of_text(tmp_path, text, engine=engine)
        read = native(of_text(tmp_path, text, engine=engine, decimal=","))["amount"]
        assert read.tolist() == [float(one.replace(".", "")) for one in values], name
    for values in (["0.123", "0.456", "0.789"], ["48.000", "10.5", "7.250"], ["48.125", "1500"]):
        text = HEAD + "".join(f"a,2024-01-01,{one}\n" for one in values)
        assert native(of_text(tmp_path, text, engine=engine))["amount"].tolist() == [
            float(one) for one in values
        ]


TIMES = {
    "25/12/2025": ({}, "2025-12-25"),
    "12/25/2025 1:05 PM": ({}, "2025-12-25 13:05"),
    "25.12.2025 10:59:30": ({}, "2025-12-25 10:59:30"),
    "2025/12/25": ({}, "2025-12-25"),
    "1/2/2025": ({"day_first": True}, "2025-02-01"),
    "1/2/25": ({"day_first": False}, "2025-01-02"),
    "20251225": ({}, "2025-12-25"),
    "45000.5": ({"time_format": "excel"}, "2023-03-15 12:00"),
    "3": ({"first_day": "2024-01-01"}, "2024-01-03"),
    "1766620800000000": ({"time_format": "us"}, "2025-12-25"),
    "06-Feb-2023": ({"time_format": "%d-%b-%Y"}, "2023-02-06"),
    "2024-01-01 10:59:00 +0700": ({}, "2024-01-01 03:59"),
    "2024-01-01 10:59:00+07": ({"time_zone": "as written"}, "2024-01-01 10:59"),
    "2024-01-01T03:59:00Z": ({"time_zone": "Asia/Jakarta"}, "2024-01-01 10:59"),
    "2024-01-01 03:59 UTC": ({"time_zone": "+07:00"}, "2024-01-01 10:59"),
    "25/12/2025 10:59 +0700": ({}, "2025-12-25 03:59"),
    "25/12/2025 10:58 +0700": ({"time_zone": "as written"}, "2025-12-25 10:58"),
}


def test_times_as_exports_write_them(tmp_path: Path) -> None:
    """Cases 17, 18 and siblings: orders, zones, day numbers and units read alike on all engines."""
    for text, (source, value) in TIMES.items():
        for engine in ("pandas", "duckdb", "polars"):
            lines = f"customer_id;ordered_at;amount\na;{text};1\n"
            data = of_text(tmp_path, lines, engine=engine, **source)
            frame = data.transactions
            found = frame["ordered_at"].to_list()[0] if engine == "polars" else None
            found = found or native(data)["ordered_at"].iloc[0]
            assert pd.Timestamp(found) == pd.Timestamp(value), (text, engine)


def test_formulas_around_ids(tmp_path: Path) -> None:
    """``="0012"``, as exports write ids for spreadsheets, is 0012."""
    for line in ('="0012",2024-01-01,1', '"=""0012""",2024-01-01,1'):
        for engine in ENGINES:
            data = of_text(tmp_path, HEAD + line + "\n", engine=engine)
            assert native(data)["customer_id"].tolist() == ["0012"], (line, engine)
