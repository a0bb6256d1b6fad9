"""What a record says is what happened: inputs that move, folders from elsewhere, full disks."""

from __future__ import annotations

import errno
import json
import os
import random
import signal
import subprocess
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import psutil
import pytest
import run_folder
from small_project import command, surroundings, write_notebook

from segwork import engine, report
from segwork.engine import diff
from segwork.engine.execute.cache import Cache, Origin
from segwork.engine.plan import fingerprint, make, notebooks
from segwork.engine.verify import verify
from segwork.errors import DataError, SegworkError, UsageError
from segwork.runs.files import write_text
from segwork.runs.folder import RunFolder
from segwork.source import shown_address

CONFIG = 'as_of = 2024-01-01\nname = "truth"\n[tables.transactions]\npath = "lines.csv"\n'
LINES = "customer_id,ordered_at,amount\nA,2023-01-01,5\nB,2023-02-01,7\n"
PARAMETERS = ("parameters", '# run\nconfig: str = "segwork.toml"')
START = "import pathlib, os\nimport segwork.run\nrun = segwork.run.start({!r}, config=config)"
TOTAL = """\
from segwork import tables
run.metric("total", float(tables.load(run.config, key=run.key).transactions.amount.sum()))"""
SWAP = """\
place = pathlib.Path({place!r})
was, times = place.read_bytes(), place.stat()
place.write_bytes(was.replace({old!r}, {new!r}))"""
APPEND = "place.write_bytes(was + b' ')"
BACK = "place.write_bytes(was)\nos.utime(place, ns=(times.st_atime_ns, times.st_mtime_ns))"


def project(root: Path, **cells: list[str]) -> Path:
    """Write a project whose notebooks hold these cells between start and finish."""
    (root / "notebooks").mkdir(parents=True)
    (root / "segwork.toml").write_text(CONFIG, encoding="utf-8")
    (root / "lines.csv").write_text(LINES, encoding="utf-8")
    (root / "helper.py").write_text("value = 1\n", encoding="ascii")
    for name, sources in cells.items():
        code = [("code", source) for source in (START.format(name), *sources, "run.finish()")]
        write_notebook(root / "notebooks" / f"{name}.ipynb", [PARAMETERS, *code])
    for path in root.rglob("*.*"):
        os.utime(path, (1_600_000_000, 1_600_000_000))
    return root


def run(root: Path, **options: Any) -> engine.Outcome:
    """Run the project without talking."""
    options = {"out": root / "reports", "jobs": 1, "say": lambda _: None, **options}
    return engine.run(root / "segwork.toml", **options)


def swapped(place: str, old: bytes, new: bytes) -> list[str]:
    """Return cells that change a file, read the data and put the file back with its old times."""
    return [SWAP.format(place=place, old=old, new=new), TOTAL, BACK]


@pytest.fixture(scope="module")
def moved(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, engine.Outcome]:
    """Run notebooks that change, while they run, what they and others depend on."""
    own = "notebooks/20_itself.ipynb"
    root = project(
        tmp_path_factory.mktemp("moved") / "p",
        **{
            "10_helper": [
                "import helper",
                SWAP.format(place="helper.py", old=b"1", new=b"2"),
                BACK,
            ],
            "20_itself": [*swapped(own, b"never there", b"x")[:1], APPEND],
            "30_table": ["import pandas as pd\nrun.save(pd.DataFrame({'a': [1]}), 'numbers')"],
            "50_upstream": ["run.read('numbers')", _TABLE],
            "60_config": swapped("segwork.toml", b"2024", b"2023"),
            "70_data": swapped("lines.csv", b",5", b",9"),
        },
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SEGWORK_ROOT", str(root))
        return root, run(root, only=["10", "20", "50", "60"])


_TABLE = """\
table = pathlib.Path("reports/truth/tables/numbers.parquet")
table.write_bytes(table.read_bytes() + b"x")"""


@pytest.mark.parametrize(
    ("name", "status", "said"),
    [
        ("10_helper", "ok", "helper helper.py was edited while the run went on"),
        ("20_itself", "ok", "its own file was edited while the run went on"),
        ("50_upstream", "contract", "table numbers was changed while the run went on"),
        ("60_config", "contract", "the config was changed while the run went on"),
    ],
)
def test_what_moved_is_said_and_not_remembered(
    moved: tuple[Path, engine.Outcome], name: str, status: str, said: str
) -> None:
    """Code that was edited, also back again, runs again; data that moved leaves no result."""
    _, outcome = moved
    entry = RunFolder(outcome.folder).entries()[name]

    assert entry.status == status
    assert entry.message.startswith(said)
    assert not (outcome.folder / ".state" / f"{name}.json").exists()
    assert (outcome.folder / "facts" / f"{name}.json").exists() == (status == "ok")


def test_data_swapped_and_restored_is_not_called_unchanged(
    moved: tuple[Path, engine.Outcome], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same bytes, size and time as before the run: still nobody knows what was read."""
    root, _ = moved
    monkeypatch.setenv("SEGWORK_ROOT", str(root))

    first = run(root, only=["70"])
    path = root / "notebooks" / "70_data.ipynb"
    path.write_text(path.read_text(encoding="utf-8").replace("',9'", "',5'"), encoding="utf-8")
    again = run(root, only=["70"])

    assert RunFolder(first.folder).entries()["70_data"].status == "contract"
    assert "total" not in str(list((first.folder / "facts").glob("70*")))
    assert again.reasons["70_data"] == "never ran here"


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Run a project of one notebook."""
    root = project(tmp_path_factory.mktemp("made") / "p", **{"10_total": [TOTAL]})
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SEGWORK_ROOT", str(root))
        assert run(root).exit_code == 0
    return root


@pytest.fixture
def root(made: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Lend the project."""
    monkeypatch.setenv("SEGWORK_ROOT", str(made))
    return made


def elsewhere(root: Path, tmp_path: Path) -> Path:
    """Return a copy of the run folder, as somebody may send it."""
    import shutil

    return Path(shutil.copytree(root / "reports" / "truth", tmp_path / "out" / "truth"))


def test_a_folder_from_elsewhere_names_nothing_that_is_run(root: Path, tmp_path: Path) -> None:
    """``verify`` asks for the config, and only reads: no page is written into the folder."""
    folder = elsewhere(root, tmp_path)
    before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}

    with pytest.raises(UsageError, match="was not made by this project"):
        verify(folder)
    found = verify(folder, config=root / "segwork.toml", say=lambda _: None)

    assert found.reproduced == ["10_total"]
    assert {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()} == before


def test_a_folder_from_elsewhere_is_not_believed(root: Path, tmp_path: Path) -> None:
    """Its records may claim that nothing changed: everything runs anew, nothing outside goes."""
    folder = elsewhere(root, tmp_path)
    victim = tmp_path / "victim.txt"
    victim.write_text("mine", encoding="ascii")
    record = json.loads((folder / ".state" / "10_total.json").read_text(encoding="utf-8"))
    record["outputs"] |= {"../../victim.txt": "x", str(victim): "x"}
    (folder / ".state" / "10_total.json").write_text(json.dumps(record), encoding="utf-8")
    plan = make(root / "segwork.toml", out=tmp_path / "out")

    cache = Cache(plan, trusted=bool(Origin(plan.folder).known()))
    assert cache.reason("10_total") == "never ran here"
    Cache(plan, trusted=True).forget("10_total")

    assert victim.read_text(encoding="ascii") == "mine"
    assert not (folder / "facts" / "10_total.json").exists()


@pytest.mark.parametrize(
    "part", ["tables", "facts", "notebooks", "models", "models/segments", ".state"]
)
def test_a_link_leads_nowhere(root: Path, tmp_path: Path, part: str) -> None:
    """A run writes into no folder a link leads to."""
    other, folder = tmp_path / "other", tmp_path / "out" / "truth"
    other.mkdir()
    (folder / part).parent.mkdir(parents=True)
    (folder / part).symlink_to(other)

    with pytest.raises(UsageError, match="is a link"):
        run(root, out=tmp_path / "out")

    assert list(other.iterdir()) == []


def test_nothing_is_read_through_a_link(root: Path, tmp_path: Path) -> None:
    """A record that leads out of the folder is refused, whoever reads it."""
    folder = elsewhere(root, tmp_path)
    outside = tmp_path / "outside.json"
    outside.write_text('{"facts": {"secret": 1}}', encoding="ascii")
    for name in ("facts/10_total.json", "findings.json", "decision.md"):
        (folder / name).unlink(missing_ok=True)
        (folder / name).symlink_to(outside)
    found = RunFolder(folder)

    for read in (lambda: found.recorded("10_total"), found.findings, found.all_facts):
        with pytest.raises(DataError, match="leads out of the run folder"):
            read()
    assert found.decision() == ""


def refusal(use: Callable[[], object]) -> str:
    """Return the sentence with which something is refused; empty where it is not."""
    try:
        use()
    except SegworkError as error:
        return str(error) if error.exit_code == 2 else "wrong\ncode"
    return ""


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("manifest.json", lambda m: m.clear() or m.update(a=1)),
        ("manifest.json", lambda m: m.update(notebooks=[1])),
        ("manifest.json", lambda m: m.update(notebooks={"../x": {"status": "ok"}})),
        ("manifest.json", lambda m: m.update(notebooks={"a": "ok"})),
        ("manifest.json", lambda m: m["notebooks"]["10_total"].update(leaves=["../../x"])),
        ("manifest.json", lambda m: m["notebooks"]["10_total"].update(parameters=3)),
        ("manifest.json", lambda m: m.update(config=1, name=2)),
        ("findings.json", lambda f: f.append({"code": 1})),
        ("facts/10_total.json", lambda f: f.update(facts={"total": {}})),
        ("notebooks/10_total.ipynb", lambda n: n["cells"][0].pop("source")),
    ],
)
def test_malformed_records_are_a_sentence(
    root: Path, tmp_path: Path, name: str, change: Callable[[Any], object]
) -> None:
    """verify, diff, a baseline and the report: what is wrong, in one sentence, and exit code 2."""
    folder = elsewhere(root, tmp_path)
    content = json.loads((folder / name).read_text(encoding="utf-8"))
    change(content)
    (folder / name).write_text(json.dumps(content), encoding="utf-8")
    quiet: dict[str, Any] = {"say": lambda _: None}

    for use in (
        lambda: verify(folder, **quiet),
        lambda: diff.show(folder, folder, page=tmp_path / "diff.html", **quiet),
        lambda: report.write(folder),
    ):
        assert "\n" not in refusal(use)


def test_a_decision_that_is_no_text_is_said_before_the_run(root: Path, tmp_path: Path) -> None:
    """Not UTF-8: one sentence, and nothing was started."""
    (tmp_path / "truth").mkdir()
    (tmp_path / "truth" / "decision.md").write_bytes(b"\xff\xfe\x00d")

    with pytest.raises(DataError, match=r"decision\.md' is not text in UTF-8"):
        run(root, out=tmp_path)


@pytest.mark.parametrize(
    ("number", "words"),
    [(errno.ENOSPC, "the disk is full"), (errno.EDQUOT, "the disk is full"), (errno.EROFS, "Read")],
)
def test_a_disk_that_takes_nothing_is_named(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int, words: str
) -> None:
    """Full, over quota, read-only: said as such; what was there stays, and nothing half is left."""
    path = tmp_path / "a.txt"
    write_text(path, "before")

    def refuse(*_: object) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, "replace", refuse)

    with pytest.raises(UsageError, match=words):
        write_text(path, "after")
    with pytest.raises(UsageError, match=words):
        run(root, out=tmp_path / "new")
    assert [p.read_text(encoding="ascii") for p in tmp_path.glob("*.txt")] == ["before"]
    assert not list(tmp_path.rglob(".half-*"))


@pytest.mark.parametrize(
    "content",
    [
        b"[" * 100_000,
        b"\xff\xfe",
        b'{"cells": {"a": 1}}',
        b'{"cells": [{"cell_type": 1, "source": "x"}]}',
        b'{"cells": [{"cell_type": "code", "source": 3}]}',
        b'{"cells": [], "metadata": [1, 2, 3]}',
        b'{"cells": [], "metadata": {"segwork": [1]}}',
        b'{"cells": [{"cell_type": "code", "source": "x", "metadata": {"tags": [1]}}]}',
        b"9" * 10_000,
    ],
)
def test_what_is_no_notebook_is_a_sentence(tmp_path: Path, content: bytes) -> None:
    """JSON of any other kind is refused by name."""
    path = tmp_path / "10_x.ipynb"
    path.write_bytes(content)

    with pytest.raises(UsageError, match="10_x") as caught:
        notebooks.read(path)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", ["index", "verification", "diff", "x" * 121, "10_\udcff"])
def test_a_name_no_page_can_have_is_refused(tmp_path: Path, name: str) -> None:
    """A notebook must not take the place of a page of the run, nor have a name that is no text."""
    path = write_notebook(tmp_path / f"{name}.ipynb", [("code", "1")])

    with pytest.raises(UsageError, match="cannot be called"):
        notebooks.read(path)


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("postgresql://reader:secret@host/shop", "postgresql://host/shop"),
        ("postgresql://reader:sec/ret@host:5432/shop", "postgresql://host/shop"),
        ("postgresql://reader:sec@ret@host/shop", "postgresql://host/shop"),
        ("postgresql://host/shop?user=me&password=secret", "postgresql://host/shop"),
        ("postgresql://host/shop?password=sec@ret", "postgresql://"),
        ("postgresql://reader:sec?r@et@host/shop", "postgresql://"),
        ("mssql+pyodbc:///?odbc_connect=DRIVER%3Dx%3BPWD%3Dsecret", "mssql+pyodbc://"),
        ("databricks://token:secret@host?http_path=/sql&token=secret", "databricks://host"),
        ("sqlite:////home/me/secret/shop.db", "sqlite://"),
        ("PWD=secret;SERVER=host", "database"),
        ("${SECRET_URL}", "database"),
    ],
)
def test_of_an_address_no_secret_is_shown(url: str, shown: str) -> None:
    """Scheme, host and database; what could be a part of a password is left out."""
    assert shown_address(url) == shown


def test_a_query_is_kept_as_its_hash(tmp_path: Path) -> None:
    """A password inside ``sql`` is in no record."""
    from segwork.config import load

    source = {"url": "sqlite:///x.db", "sql": "select * from f('secret')"}
    config = load({"as_of": "2024-01-01", "tables": {"transactions": source}})

    assert "secret" not in json.dumps(fingerprint.settings(config))
    assert fingerprint.settings(config)["tables"]["transactions"]["sql"].startswith("sha256 ")


@pytest.mark.parametrize("seed", range(3))
def test_fuzzed_records_are_read_or_refused(tmp_path: Path, seed: int) -> None:
    """Two seconds of damaged folders: no traceback, and nothing outside the folder is touched."""
    chance = random.Random(seed)
    until = time.process_time() + 2
    whole = run_folder.make(tmp_path / "whole" / "run")
    files = {p.relative_to(whole): p.read_bytes() for p in whole.rglob("*") if p.is_file()}
    (tmp_path / "outside").write_text("mine", encoding="ascii")
    rounds = 0
    while time.process_time() < until:
        rounds += 1
        place = chance.choice(list(files))
        (whole / place).write_bytes(_damaged(files[place], chance))
        found = RunFolder(whole)
        uses: list[Callable[[], object]] = [
            *(found.entries, found.findings, found.all_facts, partial(found.cells, "20_segments")),
            *(lambda: diff.changes(whole, whole), lambda: verify(whole, say=lambda _: None)),
            lambda: notebooks.read(whole / "notebooks" / "20_segments.ipynb"),
            *([lambda: report.write(whole)] if rounds % 8 == 0 else ()),
        ]
        for use in uses:
            assert "\n" not in refusal(use)
        (whole / place).write_bytes(files[place])

    assert rounds >= 20
    assert sorted(p.name for p in tmp_path.iterdir()) == ["outside", "whole"]
    assert [p.name for p in (tmp_path / "whole").iterdir()] == ["run"]


def _damaged(data: bytes, chance: random.Random) -> bytes:
    """Return a record with one value replaced, or with bytes lost, doubled or turned around."""
    values: list[Any] = [None, -1, 1e300, "../../x", "\u202e\x00", [], {}, [[]], True, "A" * 10_000]
    if chance.random() < 0.7:
        content = json.loads(data)
        node, key = content, None
        while isinstance(node, dict | list) and node and (key is None or chance.random() < 0.8):
            above = node
            key = chance.choice(list(node) if isinstance(node, dict) else range(len(node)))
            node = node[key]
        above[key] = chance.choice(values)
        return json.dumps(content).encode()
    first, last = sorted(chance.sample(range(len(data)), 2))
    return (
        data[:first]
        + chance.choice((b"", data[first:last][::-1], b"\xff", b"[" * 3_000))
        + data[last:]
    )


PIECES = [
    *("<", "style", "!--", "%|", "[", "`", "*", "$", "\\(", "\x1b]", "\r", "/", "<h1>", "a ", "|"),
    *("data:image/png;base64,", "<img src=x onerror=alert(1)>", "<script>", "\u202e", "1%|", "&"),
    *("ipykernel_1/2.py", "<table>", "</", "\n", "> ", "- ", "0x7fffffffff"),
]


def test_fuzzed_outputs_are_drawn_in_time(tmp_path: Path) -> None:
    """Two seconds of hostile outputs: each page is whole, holds no script, and takes its length."""
    from segwork.report.cells import body
    from segwork.report.markdown import Outline

    chance = random.Random(7)
    until = time.process_time() + 3
    kinds = ["text/plain", "text/html", "text/markdown", "text/latex", "image/png", "image/svg+xml"]
    while time.process_time() < until:
        piece = "".join(chance.choices(PIECES, k=chance.randint(1, 4)))
        text = piece * chance.choice((1, 30, 3_000))
        data = {chance.choice(kinds): text}
        output = {"output_type": "display_data", "data": data, "metadata": {}}
        cells = [
            {"cell_type": "markdown", "source": text[:2_000], "metadata": {}},
            {"cell_type": "code", "source": "1", "metadata": {}, "outputs": [output]},
        ]
        began = time.process_time()

        html = body(cells, Outline())

        assert time.process_time() - began < 3, piece
        assert "<script" not in html
        assert "onerror=alert(1)>" not in html.replace("&lt;img src=x onerror=alert(1)&gt;", "")


def test_ctrl_c_ends_a_busy_run_within_three_seconds(tmp_path: Path) -> None:
    """A kernel that does not listen and a child of it in a session of its own: gone in time."""
    busy = """\
import signal, subprocess, sys
signal.signal(signal.SIGINT, signal.SIG_IGN)
words = [sys.executable, "-c", "import time; time.sleep(300)"]
child = subprocess.Popen(words, start_new_session=True)
pathlib.Path("pids").write_text(f"{os.getpid()} {child.pid}")
while True: pass"""
    root = project(tmp_path / "p", **{"10_busy": [busy]})
    words = command("run", "--config", root / "segwork.toml", "--out", root / "reports")
    process = subprocess.Popen(words, env=surroundings(root), stdout=subprocess.DEVNULL)
    while not (root / "pids").is_file() or not (root / "pids").read_text():
        assert process.poll() is None
        time.sleep(0.1)

    began = time.monotonic()
    process.send_signal(signal.SIGINT)
    process.wait(30)

    assert process.returncode == 130
    assert time.monotonic() - began < 6  # three on an idle machine
    for pid in map(int, (root / "pids").read_text().split()):
        assert not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE


@pytest.mark.slow
def test_a_killed_run_leaves_nothing_after_the_next_start(tmp_path: Path) -> None:
    """``kill -9`` of run and worker: the next start ends the children and takes the files away."""
    spill = """\
import subprocess, sys, tempfile
words = [sys.executable, "-c", "import time; time.sleep(300)"]
child = subprocess.Popen(words, start_new_session=True)
held = tempfile.NamedTemporaryFile(delete=False)
pathlib.Path("pids").write_text(f"{os.getppid()} {child.pid} {held.name}")
import time
for _ in range(3000 if k == 0 else 0): time.sleep(0.1)"""
    root = project(tmp_path / "p", **{"10_spill": [spill]})
    path = root / "notebooks" / "10_spill.ipynb"
    text = path.read_text(encoding="utf-8")
    path.write_text(
        text.replace('segwork.toml\\"', 'segwork.toml\\"\\nk: int = 0'), encoding="utf-8"
    )
    words = command("run", "--config", root / "segwork.toml", "--out", root / "reports", "-p")
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, "env": surroundings(root)}
    process = subprocess.Popen([*words, "10.k=0"], **quiet)
    while not (root / "pids").is_file() or not (root / "pids").read_text():
        assert process.poll() is None
        time.sleep(0.1)
    worker, child, held = (root / "pids").read_text().split()
    process.kill()
    os.kill(int(worker), signal.SIGKILL)
    process.wait()

    assert subprocess.run([*words, "10.k=1"], **quiet).returncode == 0

    assert not Path(held).exists()
    assert not psutil.pid_exists(int(child)) or (
        psutil.Process(int(child)).status() == psutil.STATUS_ZOMBIE
    )
    assert not (root / "reports" / "truth" / ".state" / "stage").exists()
