"""Fetching: resume, breaks, errors and content checks against a server of our own."""

from __future__ import annotations

import io
import os
import threading
import zipfile
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import duckdb
import pandas as pd
import pytest

from segwork import fetch as fetching
from segwork.errors import DataError, UsageError

DATA = os.environ.get("SEGWORK_DATA", "")
needs_data = pytest.mark.skipif(not DATA, reason="SEGWORK_DATA is not set")


class Publisher(ThreadingHTTPServer):
    """A publisher with one file, and the ways in which it can fail."""

    content: bytes = b""
    version: str = '"v1"'
    break_after: int | None = None
    ranges: bool = True
    status: int = 200
    asked: list[str]


class _Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        """Answer with the file, a part of it, an error, or half of it."""
        server: Any = self.server
        wanted = self.headers.get("Range", "")
        server.asked.append(wanted)
        if server.status != 200:
            self.send_error(server.status)
            return
        body, start = server.content, 0
        same = self.headers.get("If-Range", server.version) == server.version
        if wanted and server.ranges and same:
            start = int(wanted.removeprefix("bytes=").removesuffix("-"))
            if start >= len(body):
                self.send_error(416)
                return
            self.send_response(206)
            self.send_header("Content-Range", f"bytes {start}-{len(body) - 1}/{len(body)}")
        else:
            self.send_response(200)
        self.send_header("ETag", server.version)
        self.send_header("Content-Length", str(len(body) - start))
        self.end_headers()
        end = len(body) if server.break_after is None else start + server.break_after
        self.wfile.write(body[start:end])

    def log_message(self, *args: object) -> None:
        """Say nothing."""


@pytest.fixture
def publisher() -> Iterator[Publisher]:
    """Run a publisher on the loopback address."""
    server = Publisher(("127.0.0.1", 0), _Handler)
    server.asked = []
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def address(server: Publisher) -> str:
    """Where the file is."""
    return f"http://127.0.0.1:{server.server_port}/set.zip"


def zipped(**members: bytes | str) -> bytes:
    """Make a zip archive in memory."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name.replace("__", "."), content)
    return buffer.getvalue()


def one_set(server: Publisher, **facts: list) -> dict:
    """Make a registry with one small CSV in an archive."""
    table = {
        "member": "*.csv",
        "query": "select * from read_csv('{file}', header = true)",
        "facts": {"count(*)": [3], "sum(n)": [6], **facts},
    }
    entry = {"title": "Three numbers", "licence": "CC0", "page": "the publisher's page"}
    return {"numbers": {**entry, "address": address(server), "tables": {"numbers": table}}}


CSV = "n,word\n1,one\n2,two\n3,three\n"


def test_licence_first_then_files_with_checksum(publisher: Publisher, tmp_path: Path) -> None:
    """The licence is told before the first request; the table is right; nothing else is left."""
    publisher.content = zipped(numbers__csv=CSV)
    told: list[str] = []

    def say(text: str) -> None:
        told.append(text)
        if len(told) == 1:
            assert publisher.asked == []

    files = fetching.fetch("numbers", tmp_path, known=one_set(publisher), say=say)
    assert "CC0" in told[0]
    assert "sha256" in told[1]
    assert pd.read_parquet(files[0])["word"].tolist() == ["one", "two", "three"]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["numbers.parquet"]
    fetching.fetch("numbers", tmp_path, known=one_set(publisher), say=say)
    assert len(publisher.asked) == 1
    assert "already there" in told[-1]


def test_an_interrupted_download_is_continued(publisher: Publisher, tmp_path: Path) -> None:
    """The server breaks off each time; each attempt asks only for what is missing."""
    publisher.content = os.urandom(300_000)
    publisher.break_after = 100_000
    target = fetching.download(address(publisher), tmp_path / "file")
    assert target.read_bytes() == publisher.content
    assert publisher.asked == ["", "bytes=100000-", "bytes=200000-"]


def test_a_later_call_continues(publisher: Publisher, tmp_path: Path) -> None:
    """After three breaks the error says how far it got; the next call goes on from there."""
    publisher.content = os.urandom(300_000)
    publisher.break_after = 50_000
    with pytest.raises(DataError, match=r"150,000 bytes.*run the command again to continue"):
        fetching.download(address(publisher), tmp_path / "file")
    publisher.break_after = None
    fetching.download(address(publisher), tmp_path / "file")
    assert (tmp_path / "file").read_bytes() == publisher.content
    assert publisher.asked[-1] == "bytes=150000-"


@pytest.mark.parametrize("ranges", [True, False])
def test_a_new_version_or_no_ranges_starts_again(
    publisher: Publisher, tmp_path: Path, ranges: bool
) -> None:
    """A changed file, or a server that cannot continue, is never glued to an old part."""
    publisher.content, publisher.break_after = b"a" * 300_000, 50_000
    with pytest.raises(DataError):
        fetching.download(address(publisher), tmp_path / "file")
    publisher.content, publisher.version = b"b" * 200_000, '"v2"'
    publisher.break_after, publisher.ranges = None, ranges
    fetching.download(address(publisher), tmp_path / "file")
    assert (tmp_path / "file").read_bytes() == publisher.content


def test_a_part_longer_than_the_file_starts_again(publisher: Publisher, tmp_path: Path) -> None:
    """A part that is no beginning of the file (416) is thrown away."""
    publisher.content = b"short"
    (tmp_path / "file.part").write_bytes(b"something much longer")
    fetching.download(address(publisher), tmp_path / "file")
    assert (tmp_path / "file").read_bytes() == b"short"


@pytest.mark.parametrize(("status", "message"), [(404, "answers 404"), (503, "broke off.*503")])
def test_a_publisher_that_says_no(
    publisher: Publisher, tmp_path: Path, status: int, message: str
) -> None:
    """Not found is final and names the page; trouble at the server is tried three times."""
    publisher.status = status
    with pytest.raises(DataError, match=message):
        fetching.fetch("numbers", tmp_path, known=one_set(publisher), say=str)
    assert len(publisher.asked) == (1 if status == 404 else 3)


def test_nobody_answers(tmp_path: Path) -> None:
    """A closed port is one clear error."""
    with pytest.raises(DataError, match=r"broke off after 0 bytes"):
        fetching.download("http://127.0.0.1:9/file", tmp_path / "file")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"this is no archive", "is no zip archive"),
        (zipped(numbers__csv=CSV.replace("3,", "4,")), r"sum\(n\) of numbers is 7, published is 6"),
        (zipped(numbers__csv=CSV + "4,four\n"), r"count\(\*\) of numbers is 4, published is 3"),
        (zipped(other__txt="x"), r"no '\*.csv' in it; accepted: other.txt"),
        (zipped(numbers__csv="words,only\na,b\n"), "numbers"),
        (zipped(numbers__csv=CSV)[:-30], "is no zip archive"),
    ],
)
def test_wrong_content_leaves_nothing(
    publisher: Publisher, tmp_path: Path, content: bytes, message: str
) -> None:
    """Content that is not the published one is refused, named, and thrown away."""
    publisher.content = content
    with pytest.raises(DataError, match=message):
        fetching.fetch("numbers", tmp_path, known=one_set(publisher), say=str)
    assert list(tmp_path.iterdir()) == []


def test_a_spoilt_table_is_not_taken_for_the_published_one(
    publisher: Publisher, tmp_path: Path
) -> None:
    """A table that is there already is checked before it is trusted."""
    pd.DataFrame({"n": [1, 2]}).to_parquet(tmp_path / "numbers.parquet")
    with pytest.raises(DataError, match="published is 3"):
        fetching.fetch("numbers", tmp_path, known=one_set(publisher), say=str)


def test_unknown_name_and_no_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    """A mistyped name gets the nearest one; a folder is asked for."""
    with pytest.raises(UsageError, match="did you mean 'online_retail'"):
        fetching.fetch("online_retial", "x")
    monkeypatch.delenv("SEGWORK_DATA", raising=False)
    with pytest.raises(UsageError, match="--to DIR"):
        fetching.fetch("online_retail")


def test_every_known_set_is_complete() -> None:
    """Each names title, licence, page and address, and checks at least the number of rows."""
    for name, entry in fetching.datasets().items():
        assert {"title", "licence", "page", "address"} <= set(entry), name
        for table in entry["tables"].values():
            assert "count(*)" in table["facts"]


def test_workbooks_keep_ids_as_text(publisher: Publisher, tmp_path: Path) -> None:
    """A workbook laid out like Online Retail becomes the table its config expects."""
    book = io.BytesIO()
    rows = [
        (536365, "85123A", " T-LIGHT ", 6, pd.Timestamp("2010-12-01 08:26"), 2.55, 17850, "UK"),
        ("C536366", 22752, None, -1, pd.Timestamp("2010-12-02 00:00"), 7.0, None, "UK"),
    ]
    names = "InvoiceNo StockCode Description Quantity InvoiceDate UnitPrice CustomerID Country"
    pd.DataFrame(rows, columns=names.split(), dtype=object).to_excel(book, index=False)
    publisher.content = zipped(Online__xlsx=book.getvalue())
    entry = dict(fetching.datasets()["online_retail"], address=address(publisher))
    table = dict(entry["tables"]["online_retail"], facts={"count(*)": [2]})
    known = {"online_retail": {**entry, "tables": {"online_retail": table}}}
    (file,) = fetching.fetch("online_retail", tmp_path, known=known, say=str)
    found = pd.read_parquet(file)
    assert found["InvoiceNo"].tolist() == ["536365", "C536366"]
    assert found["StockCode"].tolist() == ["85123A", "22752"]
    assert found["Description"].iloc[0] == "T-LIGHT"
    assert found["CustomerID"].isna().tolist() == [False, True]
    assert found["InvoiceDate"].iloc[0] == pd.Timestamp("2010-12-01 08:26")


def _as_published(name: str) -> bytes:
    """Write one of the real tables the way its publisher does."""
    read = "'" + str(Path(DATA) / "{}.parquet") + "'"

    def text(table: str, query: str, options: str) -> bytes:
        file = io.BytesIO()
        import tempfile

        with tempfile.NamedTemporaryFile(suffix=".txt") as place:
            source = query.format(read.format(table))
            duckdb.execute(f"copy ({source}) to '{place.name}' ({options})")
            file.write(Path(place.name).read_bytes())
        return file.getvalue()

    plain = "format csv, header false, delimiter ' ', quote ''"
    if name == "cdnow_sample":
        query = (
            "select master_id, sample_id, strftime(date, '%Y%m%d'), number_of_cds,"
            " printf('%6.2f', dollar_value) from {}"
        )
        return zipped(CDNOW_sample__txt=text(name, query, plain))
    if name == "bank_additional_full":
        inner = text(name, "from {}", "format csv, header true, delimiter ';'")
        folded = io.BytesIO()
        with zipfile.ZipFile(folded, "w") as archive:
            archive.writestr("bank-additional/bank-additional-full.csv", inner)
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w") as archive:
            archive.writestr("bank-additional.zip", folded.getvalue())
        return buffer.getvalue()
    if name == "adult":
        csv = "format csv, header false, nullstr '?'"
        train = text("adult_train", "from {}", csv).replace(b",", b", ") + b"\n"
        half = text("adult_test", "select * replace (income || '.' as income) from {}", csv)
        test = b"|1x3 Cross validator\n" + half.replace(b",", b", ") + b"\n"
        return zipped(adult__data=train, adult__test=test)
    if name == "compas_two_years":
        named = "'x' as name, 'x' as first, 'x' as last, 'x' as dob, '1' as c_case_number"
        query = f"select *, {named}, '1' as r_case_number, '1' as vr_case_number from {{}}"
        data = text(name, query, "format csv, header true")
        return data.replace(b"decile_score.1", b"decile_score").replace(
            b"priors_count.1", b"priors_count"
        )
    return text(name, "from {}", "format csv, header true")


@needs_data
@pytest.mark.parametrize(
    "name", ["cdnow_sample", "bank_additional_full", "adult", "compas_two_years", "telco_churn"]
)
def test_known_sets_convert_to_the_tables_we_checked(
    publisher: Publisher, tmp_path: Path, name: str
) -> None:
    """Real tables, written as their publisher writes them, come out value for value."""
    publisher.content = _as_published(name)
    known = {name: dict(fetching.datasets()[name], address=address(publisher))}
    for file in fetching.fetch(name, tmp_path, known=known, say=str):
        pd.testing.assert_frame_equal(
            pd.read_parquet(file), pd.read_parquet(Path(DATA) / file.name)
        )
