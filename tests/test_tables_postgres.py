"""A real PostgreSQL: read by URL, and gone half-way."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from segwork import tables
from segwork.errors import DataError

ROWS = 60_000


def _programs() -> Path | None:
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    beside = shutil.which("initdb")
    return found[-1].parent if found else Path(beside).parent if beside else None


def _ready() -> str:
    """Say what is missing to run a server here, empty if nothing is."""
    if _programs() is None:
        return "no PostgreSQL server here (Debian: apt-get install postgresql)"
    try:
        import psycopg  # noqa: F401
    except ImportError:
        return "the package psycopg is not installed (pip install 'segwork[postgres]')"
    if os.getuid() == 0 and shutil.which("runuser") is None:
        return "PostgreSQL does not run as root and there is no runuser"
    return ""


pytestmark = pytest.mark.skipif(bool(_ready()), reason=_ready() or "ready")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Start a server of our own in a temporary folder; give the URL of its database."""
    import tempfile

    folder = Path(tempfile.mkdtemp(prefix="segwork-pg-", dir="/tmp"))
    as_user: list[str] = []
    if os.getuid() == 0:
        as_user = ["runuser", "-u", "postgres", "--"]
        shutil.chown(folder, "postgres")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    programs = _programs()

    def run(program: str, *arguments: str) -> None:
        command = [*as_user, str(programs / program), *arguments]
        subprocess.run(command, check=True, capture_output=True, cwd="/tmp", timeout=60)

    data = str(folder / "data")
    run("initdb", "-D", data, "-A", "trust", "-U", "tester", "--no-sync")
    options = f"-p {port} -k {folder} -c fsync=off -c listen_addresses=127.0.0.1"
    options += " -c synchronize_seqscans=off"  # so that a scan meets rows in their order
    run("pg_ctl", "-D", data, "-o", options, "-l", str(folder / "log"), "-w", "start")
    try:
        yield f"postgresql://tester:hidden@127.0.0.1:{port}/postgres"
    finally:
        run("pg_ctl", "-D", data, "-m", "immediate", "stop")
        shutil.rmtree(folder)


@pytest.fixture(scope="module")
def filled(server: str) -> str:
    """Fill a table of order lines with ids that have leading zeros, decimals and zoned times."""
    import psycopg

    with psycopg.connect(server) as connection:
        connection.execute(
            f"""
            create table lines as
            select n, lpad((n % 5000)::text, 6, '0') as customer_id,
                   timestamptz '2011-01-01 07:00:00+07' + n * interval '1 minute' as ordered_at,
                   (n % 100 + 0.5)::numeric(10, 2) as amount,
                   n % 7 = 0 as is_return
            from generate_series(1, {ROWS}) n order by n
            """
        )
    return server


def config(url: str, **source: str) -> dict:
    """Write a config that reads transactions from the server."""
    return {"as_of": "2012-01-01", "tables": {"transactions": {"url": url, **source}}}


def test_query_by_url(filled: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Order, zeros, decimals, flags and zones arrive; the URL may name a variable."""
    monkeypatch.setenv("SHOP_URL", filled)
    query = "select * from lines where amount < 50 limit 1000"
    data = tables.load(config("${SHOP_URL}", sql=query))
    frame = data.transactions
    assert len(frame) == 1000
    assert frame["customer_id"].iloc[0] == "000001"
    assert frame["amount"].iloc[0] == 1.5
    assert frame["ordered_at"].iloc[0].isoformat() == "2011-01-01T00:01:00"
    assert frame["is_return"].dtype == bool
    assert data.faults["code"].tolist() == ["time_zone"]
    assert data.fingerprint == tables.load(config(filled, sql=query)).fingerprint
    assert len(data.fingerprint["transactions"]) == 64


def test_table_by_name(filled: str) -> None:
    """A table name instead of a query reads all of it."""
    assert len(tables.load(config(filled, table="public.lines")).transactions) == ROWS


def test_server_goes_away_half_way(filled: str) -> None:
    """The backend dies in the middle of the stream: an error with the rows so far, no table."""
    early, late = (
        f"select *, case when n = {n} then pg_terminate_backend(pg_backend_pid()) end as x"
        " from lines"
        for n in (1, 55_000)
    )
    with pytest.raises(DataError, match="cannot be read"):
        tables.load(config(filled, sql=early))
    with pytest.raises(DataError, match=r"went away after \d+,000 rows.*run again") as caught:
        tables.load(config(filled, sql=late))
    assert "hidden" not in str(caught.value)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"sql": "select * from nowhere"}, 'relation "nowhere" does not exist'),
        ({"sql": "select 1 as amount, 2 as amount"}, "more than once"),
        (
            {"table": "lines", "url": "postgresql://tester:hidden@127.0.0.1:1/none"},
            "cannot be read",
        ),
        ({"table": "lines", "url": "nonsense"}, "no database URL"),
        ({"table": "lines", "url": "strange://host/base"}, "no such kind of database"),
    ],
)
def test_databases_that_cannot_be_read(filled: str, change: dict, message: str) -> None:
    """Each is one clear error, and none shows the password."""
    with pytest.raises(DataError, match=message) as caught:
        tables.load(config(**{"url": filled, **change}))
    assert "hidden" not in str(caught.value)


def test_queries_cannot_write(filled: str) -> None:
    """Sessions are read-only: a writing CTE, a function and a second statement change nothing."""
    before = len(_lines(filled))
    for statement in (
        "with gone as (delete from lines returning *) select * from gone",
        "select * from lines; drop table lines",
        "select set_config('transaction_read_only', 'off', false), 'a' as customer_id",
        "create table other as select 1",
        "select * into other from lines",
    ):
        config = {"url": filled, "sql": statement}
        with pytest.raises(DataError):
            tables.load({"as_of": "2026-01-01", "tables": {"transactions": config}})
    assert len(_lines(filled)) == before


def _lines(address: str) -> list[tuple[object, ...]]:
    import psycopg

    with psycopg.connect(address) as connection:
        return connection.execute("select * from lines").fetchall()
