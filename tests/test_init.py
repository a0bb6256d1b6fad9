"""``segwork init``: the mapping guessed from names and values, doubts left open, nothing silent."""

from __future__ import annotations

import csv
import importlib.util
import io
import json
import os
import random
import subprocess
import sys
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path

import openpyxl
import pytest
from click.testing import CliRunner

from segwork import cli, config, tables
from segwork.errors import DataError, UsageError
from segwork.init import formats, guess, project
from segwork.init.names import fit, plain
from segwork.tables import picture
from tests.export_layouts import LAYOUTS as MORE
from tests.export_layouts import Layout, money, sales, total

DATA = os.environ.get("SEGWORK_DATA", "")
EXPORTS = Path(DATA) / "exports"
needs_data = pytest.mark.skipif(not DATA, reason="SEGWORK_DATA is not set")
SERIAL_ZERO = datetime(1899, 12, 30)


def written(file: Path, columns: dict[str, Callable[[dict], object]], **how) -> Path:
    """Write order lines in a layout: header -> value of a line."""
    text = io.StringIO()
    writer = csv.writer(text, delimiter=how.get("delimiter", ","), lineterminator="\r\n")
    writer.writerows(how.get("above", []))
    writer.writerow(columns)
    writer.writerows([[value(line) for value in columns.values()] for line in sales()])
    writer.writerows(how.get("below", []))
    file.write_bytes(text.getvalue().encode(how.get("encoding", "utf-8")))
    return file


PLAIN = {
    "Order ID": lambda x: f"A-{x['order']:05}",
    "Order Date": lambda x: f"{x['at']:%Y-%m-%d %H:%M}",
    "Customer ID": lambda x: f"C{x['customer']:04}",
    "Product Name": lambda x: f"Candle {chr(64 + x['product'])}",
    "Quantity": lambda x: x["pieces"],
    "Sales": lambda x: money(total(x), ""),
}


def test_signs_that_are_as_frequent_are_taken_as_they_come() -> None:
    """A tie goes to what stands first in the file, in every run; before, the hash seed decided."""
    cells = ["1,5", "2.5", "Rp 3", "€4", "Rp 5", "€6"]

    assert formats.numbers([cells]) == formats.Numbers(",", "", ("Rp", "€"))
    assert formats.numbers([cells[::-1]]) == formats.Numbers(".", "", ("€", "Rp"))


@needs_data
def test_shared_exports_are_understood() -> None:
    """Nothing dangerous, nothing wrong, nothing silent, honest totals equal, by score.py."""
    spec = importlib.util.spec_from_file_location("score", EXPORTS / "score.py")
    score = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(score)
    results = score.score(EXPORTS, guess)
    right, wrong, missed = (
        sum(len(r[key]) for r in results) for key in ("right", "wrong", "missed")
    )
    print(f"{len(results)} files: {right} columns right, {wrong} wrong, {missed} missed")
    for result in results:
        assert result["table"], result
        assert not result["danger"], result
        assert not result["silent"], result
        assert not result["format_off"], result
        assert result["cannot"] == "ok", result
        assert result["truth"], result
    assert right / (right + wrong + missed) >= 0.95


@needs_data
@pytest.mark.parametrize(
    "name", ["bank_in", "excel_title_rows", "olist_pt", "sap_de", "shopee_id", "shopify_orders",
             "stripe_payments", "superstore_us", "toko_rupiah"]
)  # fmt: skip
def test_the_written_config_reaches_the_totals(tmp_path: Path, name: str) -> None:
    """What init writes, loaded by ``tables.load``, counts what the system itself would report."""
    answer = json.loads((EXPORTS / name / "answer.json").read_text(encoding="utf-8"))
    first = lambda _column, _question, choices: choices[0] if choices else ""  # noqa: E731
    file = str(EXPORTS / name / answer["file"])
    assert project.make(tmp_path, [file], ask=first, say=lambda _: None) == []
    found = picture.counted(tables.load(tmp_path / "segwork.toml"))
    expected = answer["totals"]
    assert found["revenue"] == pytest.approx(expected["revenue"], abs=0.02)
    for key in ("customers", "orders", "first_day", "last_day"):
        assert found[key] == expected[key], key
    assert config.load(tmp_path / "segwork.toml").as_of > datetime(2016, 1, 1).date()


LAYOUTS: dict[str, tuple[dict, dict, dict]] = {
    "german, titles, units, a sum below": (
        {
            "Rechnungsnummer": lambda x: f"RE{x['order']:05}",
            "Rechnungsdatum": lambda x: f"{x['at']:%d.%m.%Y}",
            "Kundennummer": lambda x: f"{x['customer']:06}",
            "Artikelbezeichnung": lambda x: f"Prüfgerät {x['product']}",
            "Menge": lambda x: x["pieces"],
            "Einzelpreis": lambda x: money(100 * x["cents"], ".", ","),
            "Gesamtpreis": lambda x: money(100 * total(x), ".", ","),
        },
        {
            "encoding": "cp1252", "delimiter": ";", "above": [["Umsatzliste"], []],
            "below": [["Gesamtsumme", "", "", "", "", "", "9.999.999,00"]],
        },
        {"revenue": lambda x: total(x)},
    ),
    "turkish, refunds as positive lines": (
        {
            "Fiş No": lambda x: f"F{x['order']:05}",
            "Tarih": lambda x: f"{x['at']:%d.%m.%Y}",
            "Saat": lambda x: f"{x['at']:%H:%M}",
            "Müşteri Kodu": lambda x: f"C{x['customer']:04}",
            "Ürün Adı": lambda x: f"Çay şekerli {x['product']}",
            "Miktar": lambda x: x["pieces"],
            "Tutar": lambda x: money(total(x), ".", ","),
            "İşlem Türü": lambda x: "İade" if x["back"] else "Satış",
        },
        {"encoding": "cp1254", "delimiter": ";"},
        {"revenue": lambda x: (-1 if x["back"] else 1) * total(x) / 100},
    ),
    "japanese": (
        {
            "伝票番号": lambda x: f"{x['order']:06}",
            "売上日": lambda x: f"{x['at']:%Y/%m/%d}",
            "会員番号": lambda x: f"M{x['customer']:05}",
            "商品名": lambda _: "緑茶カステラ",
            "数量": lambda x: x["pieces"],
            "金額": lambda x: total(x),
        },
        {"encoding": "cp932"},
        {"revenue": lambda x: total(x)},
    ),
    "chinese, closed orders": (
        {
            "订单编号": lambda x: f"{10**15 + x['order']}",
            "订单创建时间": lambda x: f"{x['at']:%Y-%m-%d %H:%M:%S}",
            "买家会员名": lambda x: f"买家{x['customer']}",
            "订单状态": lambda x: "交易关闭" if x["cancelled"] else "交易成功",
            "宝贝标题": lambda _: "茉莉花茶",
            "总金额": lambda x: money(total(x), ""),
        },
        {"encoding": "gb18030"},
        {"revenue": lambda x: total(x) / 100 * (not x["cancelled"])},
    ),
    "french, narrow blanks, UTF-16": (
        {
            "N° commande": lambda x: f"CMD{x['order']}",
            "Date de commande": lambda x: f"{x['at']:%d/%m/%Y}",
            "Code client": lambda x: f"CL{x['customer']:04}",
            "Désignation": lambda x: f"Thé vert {x['product']}",
            "Quantité": lambda x: x["pieces"],
            "Montant HT": lambda x: money(100 * total(x), "\u202f", ","),
        },
        {"encoding": "utf-16", "delimiter": "\t"},
        {"revenue": lambda x: total(x)},
    ),
    "cents, walk-ins, receipts that begin again": (
        {
            "receipt_no": lambda x: x["order"] % 20 + 1,
            "business_date": lambda x: f"{x['at']:%Y%m%d}",
            "card_no": lambda x: "0000000" if x["customer"] < 9 else f"{7000000 + x['customer']}",
            "qty": lambda x: x["pieces"],
            "amount_cents": total,
        },
        {},
        {"revenue": lambda x: total(x) / 100, "nobody": lambda x: x["customer"] < 9},
    ),
    "line prices, cancelled orders": (
        {
            "amazon-order-id": lambda x: f"{x['order']:03}-1",
            "purchase-date": lambda x: f"{x['at']:%Y-%m-%dT%H:%M:%S}+00:00",
            "order-status": lambda x: "Cancelled" if x["cancelled"] else "Shipped",
            "sku": lambda x: f"s-{x['product']}",
            "quantity": lambda x: x["pieces"],
            "item-price": lambda x: money(total(x), ""),
            "buyer-email": lambda x: f"x{x['customer']}@example.com",
            "ship-service-level": lambda _: "Standard",
        },
        {"delimiter": "\t"},
        {"revenue": lambda x: total(x) / 100 * (not x["cancelled"])},
    ),
    "spreadsheet days": (
        {
            "Invoice": lambda x: x["order"],
            "Sold On": lambda x: f"{(x['at'] - SERIAL_ZERO).total_seconds() / 86400:.4f}",
            "Client ID": lambda x: f"CU{x['customer']}",
            "Units": lambda x: x["pieces"],
            "Revenue": lambda x: money(total(x), ""),
        },
        {},
        {"revenue": lambda x: total(x) / 100},
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", LAYOUTS)
def test_other_layouts_reach_their_totals(tmp_path: Path, name: str) -> None:
    """Siblings of our own: languages, encodings, refunds, cents, walk-ins; sums by plain loops."""
    columns, how, truth = LAYOUTS[name]
    file = written(
        tmp_path / ("l.txt" if how.get("delimiter") == "\t" else "l.csv"), columns, **how
    )
    assert project.make(tmp_path / "shop", [str(file)], say=lambda _: None) == []
    data = tables.load(tmp_path / "shop" / "segwork.toml")
    found = picture.counted(data)
    lines = sales()
    assert found["revenue"] == pytest.approx(sum(truth["revenue"](x) for x in lines), abs=0.02)
    kept = [x for x in lines if truth["revenue"](x) > 0]
    nobody = truth.get("nobody", lambda _: False)
    assert found["orders"] == len({x["order"] for x in kept})
    assert found["customers"] == len({x["customer"] for x in kept if not nobody(x)})
    assert found["last_day"] == str(max(x["at"] for x in kept).date())


@pytest.mark.parametrize("name", MORE)
def test_exports_of_many_systems(tmp_path: Path, name: str) -> None:
    """Every column right or asked about, totals as the system itself would report them."""
    layout = MORE[name]
    file = layout.write(tmp_path)
    found = guess(file)[0]
    assert found["table"] == layout.table
    given, means = set(found["columns"].items()), set(layout.means.items())
    also = {tuple(text.split("=", 1)) for text in layout.also}
    free = {contract for contract, _ in also}
    assert given - means <= also
    assert {c for c, _ in means - given} <= free
    assert set(found["ask"]) == layout.ask
    assert bool(found["cannot"]) is not layout.honest
    if layout.honest and layout.table == "transactions":
        _reaches_the_truth(tmp_path, file, layout)


def _reaches_the_truth(folder: Path, file: Path, layout: Layout) -> None:
    (folder / "shop" / "notebooks").mkdir(parents=True)
    first = lambda _column, _question, choices: choices[0]  # noqa: E731
    assert project.make(folder / "shop", [str(file)], ask=first, say=lambda _: None) == []
    found = picture.counted(tables.load(folder / "shop" / "segwork.toml"))
    worth = [(line, cents) for line in layout.lines() if (cents := layout.worth(line)) is not None]
    if "amount" in layout.means or "unit_price" in layout.means:
        assert found["revenue"] == pytest.approx(sum(cents for _, cents in worth) / 100, abs=0.6)
    kept = [line for line, cents in worth if cents >= 0]
    assert found["orders"] == len({line["order"] for line in kept})
    known = {line["customer"] for line in kept if not layout.nobody(line)}
    assert found["customers"] == len(known)
    assert found["first_day"] == str(min(line["at"] for line in kept).date())
    assert found["last_day"] == str(max(line["at"] for line in kept).date())


def test_what_is_doubtful_is_left_open(tmp_path: Path) -> None:
    """Day and month, two persons, net and gross: left open with choices (exit 2), or asked."""
    columns = {
        "Bill No": lambda x: x["order"],
        "Bill Date": lambda x: f"{x['at'].replace(day=x['at'].day % 12 + 1):%d/%m/%Y}",
        "Account No": lambda x: f"A{x['customer']:04}",
        "Household No": lambda x: f"H{x['customer'] // 2:04}",
        "Net Amount": lambda x: money(total(x), ""),
        "Gross Amount": lambda x: money(1.15 * total(x), ""),
    }
    file = written(tmp_path / "bills.csv", columns)
    done = CliRunner().invoke(cli.main, ["init", str(tmp_path / "shop"), str(file)])
    assert done.exit_code == 2
    for open_ in (
        "ordered_at: is it day/month",
        "customer_id: which column",
        "amount: which amount",
    ):
        assert f"open: transactions.{open_}" in done.output
    text = (tmp_path / "shop" / "segwork.toml").read_text(encoding="utf-8")
    assert '# customer_id = "Account No"\n# customer_id = "Household No"' in text
    assert "# day_first = true\n# day_first = false" in text
    with pytest.raises(DataError, match="needs a column 'customer_id'"):
        tables.load(tmp_path / "shop" / "segwork.toml")

    asked = []

    def last(column: str, question: str, choices: list[str]) -> str:
        asked.append((column, question))
        return choices[-1]

    assert project.make(tmp_path / "other", [str(file)], ask=last, say=lambda _: None) == []
    assert len(asked) == 3
    source = config.load(tmp_path / "other" / "segwork.toml").tables["transactions"]
    assert source.columns["customer_id"] == "Household No"
    assert source.columns["amount"] == "Gross Amount"
    assert source.day_first is False


@pytest.mark.parametrize(
    ("without", "said"),
    [
        ("Order Date", "no column holds a date"),
        ("Customer ID", "no column names a customer"),
    ],
)
def test_no_honest_mapping(tmp_path: Path, without: str, said: str) -> None:
    """Without a date or a customer nothing is written; a day number is no date."""
    columns = {name: value for name, value in PLAIN.items() if name != without}
    for more in ({}, {"DAY": lambda x: x["order"]}):
        file = written(tmp_path / "l.csv", {**columns, **more})
        with pytest.raises(DataError, match=r"no honest mapping to transactions: .*no "):
            project.make(tmp_path / "shop", [str(file)], say=lambda _: None)
        assert not (tmp_path / "shop").exists()
    file = written(tmp_path / "l.csv", columns)
    assert said in guess(file)[0]["cannot"]
    broken = {**PLAIN, "Customer ID": lambda x: f"8.7{x['customer']}E+12"}
    assert "1.2E+12" in guess(written(tmp_path / "l.csv", broken))[0]["cannot"]


def test_a_project_has_all_it_needs(tmp_path: Path) -> None:
    """Config with reasons, notebooks, workflow, .gitignore; nothing there is written over."""
    file = written(tmp_path / "l.csv", PLAIN)
    said: list[str] = []
    place = tmp_path / "shop"
    place.mkdir()
    (place / ".gitignore").write_text("mine\n", encoding="utf-8")
    project.make(place, [str(file)], say=said.append)
    people = len({line["customer"] for line in sales()})
    assert said[0].startswith(
        f"transactions: {len(sales())} rows, {people} customers, 120 orders, "
    )
    assert said[1].split()[0] == "2023-02"
    assert (place / ".gitignore").read_text(encoding="utf-8") == "mine\n"
    assert "segwork run" in (place / ".github/workflows/segwork.yml").read_text(encoding="utf-8")
    assert list((place / "notebooks").glob("10_*.ipynb"))
    text = (place / "segwork.toml").read_text(encoding="utf-8")
    assert "# 'Customer ID' is what exports call it, 99% sure\n" in text
    last = max(line["at"] for line in sales()).date()
    assert f"as_of = {last + timedelta(days=1)}" in text
    with pytest.raises(UsageError, match="is there already"):
        project.make(place, [str(file)])
    with pytest.raises(UsageError, match="both hold transactions"):
        project.make(tmp_path / "b", [str(file), str(file)])
    assert project.make(tmp_path / "demo", [], say=lambda _: None) == []
    assert config.load(tmp_path / "demo" / "segwork.toml").sample.folder == "data/sample"


def test_check_compares_config_and_files(tmp_path: Path) -> None:
    """A column renamed, a separator changed and a new column are told; equal files agree."""
    file = written(tmp_path / "l.csv", PLAIN)
    project.make(tmp_path / "shop", [str(file)], say=lambda _: None)
    call = lambda: CliRunner().invoke(cli.main, ["init", "--check", str(tmp_path / "shop")])  # noqa: E731
    assert (call().exit_code, call().output) == (0, "config and files agree\n")
    renamed = {("Buyer ID" if n == "Customer ID" else n): v for n, v in PLAIN.items()}
    written(file, {**renamed, "Currency": lambda _: "EUR"}, delimiter=";")
    done = call()
    assert done.exit_code == 2
    assert "customer_id is mapped to 'Customer ID', which the file does not have" in done.output
    assert "currency may be 'Currency'" in done.output
    assert "separator is ',' in the config, the file looks like ';'" in done.output


def test_databases_and_sheets(tmp_path: Path) -> None:
    """A table of a SQLite or DuckDB file by name, the fullest sheet of a workbook, Parquet."""
    import sqlite3

    import duckdb
    import pandas as pd

    frame = pd.read_csv(written(tmp_path / "l.csv", PLAIN))
    frame.to_parquet(tmp_path / "l.parquet")
    with sqlite3.connect(tmp_path / "shop.sqlite") as connection:
        frame.to_sql("orders", connection, index=False)
        frame.head(3).to_sql("other", connection, index=False)
    connection.close()
    with duckdb.connect(str(tmp_path / "shop.duckdb")) as connection:
        connection.execute("create table orders as select * from frame")
    book = openpyxl.Workbook()
    book.active["A1"] = "Read me"
    page = book.create_sheet("Lines")
    for row in ([], ["All orders"], list(frame.columns), *frame.astype(object).to_numpy().tolist()):
        page.append(row)
    book.save(tmp_path / "l.xlsx")
    for name in ("l.parquet", "shop.sqlite:orders", "shop.duckdb:orders", "l.xlsx"):
        place = tmp_path / f"p-{name.replace(':', '-')}"
        assert project.make(place, [f"{tmp_path}/{name}"], say=lambda _: None) == []
        found = picture.counted(tables.load(place / "segwork.toml"))
        assert found["orders"] == 120, name
        assert found["revenue"] == pytest.approx(sum(map(total, sales())) / 100)
    with pytest.raises(DataError, match=r"holds 2 tables.*orders, other"):
        project.make(tmp_path / "x", [f"{tmp_path}/shop.sqlite"])


def test_days_counted_from_a_stated_day(tmp_path: Path) -> None:
    """Named in the title, the header, or by a person: read from there; else no mapping."""
    start = datetime(2023, 2, 1)
    plain_ = {name: value for name, value in PLAIN.items() if name != "Order Date"}
    numbers = {"DAY": lambda x: (x["at"] - start).days + 1}
    titled = written(tmp_path / "t.csv", {**plain_, **numbers}, above=[["Day 1 = 2023-02-01"]])
    named = {"days since 2023-02-01": numbers["DAY"]}
    headed = written(tmp_path / "h.csv", {**plain_, **named})
    silent = written(tmp_path / "s.csv", {**plain_, **numbers})
    last = str(max(line["at"] for line in sales()).date())
    for file, ask in ((titled, None), (headed, None), (silent, lambda *_: "2023-02-01")):
        place = tmp_path / file.stem
        assert project.make(place, [str(file)], ask=ask, say=lambda _: None) == []
        data = tables.load(place / "segwork.toml")
        assert picture.counted(data)["last_day"] == last, file.stem
    assert "no calendar date: 'DAY' counts" in guess(silent)[0]["cannot"]


def test_a_database_behind_an_address(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Read for the picture and as_of; the address goes into the environment, never the config."""
    import sqlite3

    import pandas as pd

    frame = pd.read_csv(written(tmp_path / "l.csv", PLAIN))
    with sqlite3.connect(tmp_path / "shop.sqlite") as connection:
        frame.to_sql("orders", connection, index=False)
    connection.close()
    address, said = f"sqlite:///{tmp_path}/shop.sqlite", []
    assert project.make(tmp_path / "p", [f"{address}#orders"], say=said.append) == []
    text = (tmp_path / "p" / "segwork.toml").read_text(encoding="utf-8")
    assert address not in text
    assert 'url = "${SEGWORK_ORDERS_URL}"' in text
    assert said[0].startswith(f"transactions: {len(frame):,} rows")
    monkeypatch.setenv("SEGWORK_ORDERS_URL", address)
    found = picture.counted(tables.load(tmp_path / "p" / "segwork.toml"))
    assert found["orders"] == 120
    assert f"as_of = {datetime.fromisoformat(found['last_day']).date() + timedelta(days=1)}" in text
    with pytest.raises(UsageError, match="names no table"):
        project.make(tmp_path / "q", [address])


def test_dates_far_after_all_others_do_not_move_as_of(tmp_path: Path) -> None:
    """One order of 2099 among hundreds is told, and as_of lies before it."""
    odd = {
        **PLAIN,
        "Order Date": lambda x: "2099-12-31 00:00" if x["row"] == 7 else PLAIN["Order Date"](x),
    }
    file, said = written(tmp_path / "l.csv", odd), []
    project.make(tmp_path / "p", [str(file)], say=said.append)
    last = max(line["at"] for line in sales()).date()
    assert config.load(tmp_path / "p" / "segwork.toml").as_of == last + timedelta(days=1)
    assert any("stand alone (up to 2099-12-31)" in text for text in said)


def test_a_flag_of_what_is_done_is_told_not_used(tmp_path: Path) -> None:
    """'delivered' may mean open or cancelled: the rows stay, and the config shows the way out."""
    columns = {**PLAIN, "delivered": lambda x: "no" if x["cancelled"] else "yes"}
    file = written(tmp_path / "l.csv", columns)
    project.make(tmp_path / "p", [str(file)], say=lambda _: None)
    text = (tmp_path / "p" / "segwork.toml").read_text(encoding="utf-8")
    assert "# 'delivered' is no on" in text
    assert picture.counted(tables.load(tmp_path / "p" / "segwork.toml"))["orders"] == 120


def test_nobody_reading_on_stops_nothing(tmp_path: Path) -> None:
    """``segwork init … | head -1`` writes the project and complains about nothing."""
    file = written(tmp_path / "l.csv", PLAIN)
    command = f"{sys.executable} -m segwork init {tmp_path}/p {file} | head -n 1"
    done = subprocess.run(command, shell=True, capture_output=True, text=True)
    assert "Broken pipe" not in done.stderr
    assert done.stderr == ""
    assert (tmp_path / "p" / "segwork.toml").exists()


def test_the_sheet_of_order_lines_is_taken_not_the_fullest(tmp_path: Path) -> None:
    """A catalogue with more cells stands beside the lines; a second sheet of lines is told."""
    book = openpyxl.Workbook()
    page = book.active
    page.title = "Catalogue"
    page.append(["SKU", "Product Name", "Colour", "Weight", "Stock", "Supplier", "Shelf"])
    for n in range(600):
        page.append([f"s{n}", f"Candle {n}", "red", 300 + n, 7, "Ohm", f"A{n}"])
    for title in ("Lines", "Lines of 2022"):
        page = book.create_sheet(title)
        page.append(list(PLAIN))
        for line in sales(60 if "2022" in title else 120):
            page.append([value(line) for value in PLAIN.values()])
    book.save(tmp_path / "shop.xlsx")
    project.make(tmp_path / "p", [str(tmp_path / "shop.xlsx")], say=lambda _: None)
    text = (tmp_path / "p" / "segwork.toml").read_text(encoding="utf-8")
    assert 'table = "Lines"\n' in text
    assert "# More than one sheet may hold order lines: 'Lines', 'Lines of 2022'" in text
    assert picture.counted(tables.load(tmp_path / "p" / "segwork.toml"))["orders"] == 120


def test_words_of_headers() -> None:
    """Names are compared by their words, without case, marks and accents."""
    assert plain("N° commande") == "no commande"
    assert plain("MÜŞTERİ KODU") == "musteri kodu"
    assert fit("TransactionAmount (INR)", ("amount", "transaction amount")) > 0.7
    assert fit("Ship Date", ("date",), ("ship",)) == 0
    assert fit("update", ("date",)) == 0


def test_broken_files_are_a_sentence(tmp_path: Path) -> None:
    """No file makes the guess end in an exception: a mapping, or the reason there is none."""
    draw = random.Random(5)
    good = written(tmp_path / "good.csv", PLAIN).read_bytes()
    for number in range(40):
        data = bytearray(good[: draw.randint(0, 3000)])
        for _ in range(draw.randint(0, 60)):
            if data:
                data[draw.randrange(len(data))] = draw.choice(b'\x00\xff",;\r\n\t=\xe9 0A')
        file = tmp_path / f"{number}.csv"
        file.write_bytes(bytes(data))
        found = guess(file)[0]
        assert found["file"] == file.name
        assert found["columns"] or found["cannot"]
