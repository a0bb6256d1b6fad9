"""Runs as a whole: cache honesty, equality whatever the circumstances, resuming after a kill."""

from __future__ import annotations

import json
import os
import random
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from small_project import command, surroundings, write_notebook

from segwork import engine
from segwork.config import load as load_config
from segwork.engine.plan import fingerprint, notebooks
from segwork.errors import ConfigError, SegworkError, UsageError

CONFIG = """\
as_of = 2020-01-01
name = "tiny"
[tables.transactions]
path = "lines.csv"
"""
LINES = "customer_id,ordered_at,amount\nA,2019-06-01,3.5\nB,2019-07-01,4.0\nB,2019-08-01,1.0\n"
HELPER = "def doubled(value):\n    return 2 * value\n"
FIRST = [
    ("markdown", "# How many orders are there?"),
    ("parameters", 'config: str = "c.toml"  # run\nk: int = 3  # a number'),
    ("code", "import segwork.run\nrun = segwork.run.start('10_first', config=config)"),
    ("markdown", "## Result"),
    (
        "code",
        "import helper\nrun.metric('doubled', helper.doubled(k))\nrun.say('It is {doubled}.')",
    ),
    ("code", "import pandas as pd\nrun.save(pd.DataFrame({'a': [1, 2, k]}), 'numbers')"),
    ("code", "print(sorted({'x', 'y'}), object(), run.folder)"),
    ("code", "run.finish()"),
]
SECOND = [
    ("markdown", "# What do they add up to?"),
    ("parameters", '# run\nconfig: str = "c.toml"  # run'),
    ("code", "import segwork.run\nrun = segwork.run.start('20_second', config=config)"),
    ("code", "run.metric('total', int(run.read('numbers').a.sum()))"),
    ("code", "run.finish()"),
]
THIRD = [
    ("markdown", "# Is anything independent?"),
    ("parameters", '# run\nconfig: str = "c.toml"  # run'),
    ("code", "import segwork.run\nrun = segwork.run.start('30_third', config=config)"),
    ("code", "run.metric('as_of', str(run.as_of))"),
    ("code", "run.finish()"),
]


def make_project(root: Path) -> Path:
    """Write a project of three notebooks, a helper, data and a config."""
    (root / "notebooks").mkdir(parents=True)
    (root / "pyproject.toml").write_text("", encoding="ascii")
    (root / "c.toml").write_text(CONFIG, encoding="utf-8")
    (root / "lines.csv").write_text(LINES, encoding="utf-8")
    (root / "helper.py").write_text(HELPER, encoding="utf-8")
    for name, cells in {"10_first": FIRST, "20_second": SECOND, "30_third": THIRD}.items():
        write_notebook(root / "notebooks" / f"{name}.ipynb", cells)
    for path in root.rglob("*"):
        os.utime(path, (1_500_000_000, 1_500_000_000))
    return root


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Make a project that ran once; tests work on copies of nothing but its results."""
    root = make_project(tmp_path_factory.mktemp("project") / "tiny")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SEGWORK_ROOT", str(root))
        outcome = quiet_run(root)
        assert outcome.exit_code == 0, outcome.statuses
        yield root


def quiet_run(root: Path, **options: object) -> engine.Outcome:
    """Run the project without talking."""
    options = {"out": root / "reports", "jobs": 2, "say": lambda _: None, **options}
    return engine.run(root / "c.toml", **options)


def content(folder: Path) -> dict[str, bytes]:
    """Return every file of a run that must be the same in every equal run."""
    kept = (".json", ".html", ".ipynb", ".parquet")
    volatile = ("timing.json", "verification.html")
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.suffix in kept and ".state" not in path.parts and path.name not in volatile
    }


def test_unchanged_run_reuses_everything(finished: Path) -> None:
    """A second run executes nothing and leaves every file as it is."""
    before = content(finished / "reports" / "tiny")

    outcome = quiet_run(finished)

    timing = json.loads((outcome.folder / "timing.json").read_text(encoding="utf-8"))
    assert all(row["cached"] for row in timing.values())
    assert set(outcome.reasons.values()) == {""}
    assert content(outcome.folder) == before


def test_unchanged_run_imports_nothing_heavy_and_is_quick(finished: Path) -> None:
    """The no-op command loads none of papermill, pandas, TensorFlow and their like."""
    words = ["run", "--config", str(finished / "c.toml"), "--out", str(finished / "reports")]
    code = (
        "import sys, time, segwork.cli\n"
        "began = time.process_time()\n"
        "try:\n"
        f"    segwork.cli.main({words!r})\n"
        "except SystemExit as end:\n"
        "    heavy = {'papermill', 'pandas', 'tensorflow', 'nbconvert', 'nbclient', 'numpy'}\n"
        "    loaded = heavy & set(sys.modules)\n"
        "    print('LOADED', sorted(loaded), 'CODE', end.code, time.process_time() - began)\n"
    )

    done = subprocess.run(
        [sys.executable, "-c", code], env=surroundings(finished), capture_output=True, text=True
    )

    last = done.stdout.strip().splitlines()[-1]
    assert last.startswith("LOADED [] CODE 0"), done.stdout + done.stderr
    assert float(last.split()[-1]) < 0.5


class Reasons:
    """Asks the planner why notebooks would run, without running them."""

    def __init__(self, root: Path, **options: object) -> None:
        from segwork.engine.execute.cache import Cache
        from segwork.engine.plan import make

        self.cache = Cache(make(root / "c.toml", out=root / "reports", **options))

    def __getitem__(self, name: str) -> str:
        return self.cache.reason(name)


def edited(path: Path, old: str, new: str) -> None:
    """Replace text in a file, as an author does."""
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new), encoding="utf-8")


@pytest.fixture
def touched(finished: Path) -> Iterator[Path]:
    """Lend the project to a test that edits it, and put the sources back."""
    kept = {p: p.read_bytes() for p in finished.glob("*.*") if p.is_file()}
    kept |= {p: p.read_bytes() for p in (finished / "notebooks").glob("*.ipynb")}
    yield finished
    for path, data in kept.items():
        path.write_bytes(data)


def test_changed_code_cell_is_the_reason(touched: Path) -> None:
    """Cache honesty 1 of 5: code. The other notebooks stay."""
    edited(touched / "notebooks" / "10_first.ipynb", "[1, 2, k]", "[1, 3, k]")

    assert Reasons(touched)["10_first"] == "code cell 4 changed"
    assert Reasons(touched)["30_third"] == ""


def test_changed_parameter_is_the_reason(touched: Path) -> None:
    """Cache honesty 2 of 5: a parameter, from the command line or the config."""
    assert Reasons(touched, assignments=["10.k=4"])["10_first"] == "parameter k: 3 → 4"

    edited(touched / "c.toml", "[tables", "[parameters.10_first]\nk = 5\n[tables")
    assert Reasons(touched)["10_first"] == "parameter k: 3 → 5"


def test_changed_data_byte_is_the_reason(touched: Path) -> None:
    """Cache honesty 3 of 5: one byte of data, same size and same modification time."""
    before = (touched / "lines.csv").stat()
    edited(touched / "lines.csv", "3.5", "3.6")
    os.utime(touched / "lines.csv", ns=(before.st_atime_ns, before.st_mtime_ns))

    assert Reasons(touched)["30_third"] == "data transactions changed"


def test_a_folder_of_files_is_one_table(touched: Path) -> None:
    """A source may be many files; a byte in any of them, or one more file, is a change of data."""
    from segwork.engine.plan import data_hashes

    for name in ("lines_a.csv", "lines_b.csv"):
        (touched / name).write_text(LINES, encoding="utf-8")
    tables = {"transactions": {"path": str(touched / "lines_*.csv")}}
    config = load_config({"as_of": "2020-01-01", "tables": tables})
    hashes = fingerprint.Hashes(touched / "none.json")
    before = data_hashes(config, hashes)

    edited(touched / "lines_b.csv", "4.0", "4.1")
    after = data_hashes(config, hashes)
    (touched / "lines_b.csv").unlink()
    fewer = data_hashes(config, hashes)
    (touched / "lines_a.csv").unlink()

    assert len({*before.values(), *after.values(), *fewer.values()}) == 3


def test_changed_helper_is_the_reason(touched: Path) -> None:
    """Cache honesty 4 of 5: a function the notebook imports; only its users run again."""
    edited(touched / "helper.py", "2 * value", "value * 2")

    assert Reasons(touched)["10_first"] == "helper helper.py changed"
    assert Reasons(touched)["30_third"] == ""


def test_changed_package_is_the_reason(
    touched: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Cache honesty 5 of 5: the version of an installed package the notebook imports."""
    for name in ("pandas", "papermill"):  # the second is not imported by any notebook
        folder = tmp_path / f"{name}-99.0.dist-info"
        folder.mkdir()
        (folder / "METADATA").write_text(f"Name: {name}\nVersion: 99.0\n", encoding="ascii")
    monkeypatch.syspath_prepend(str(tmp_path))

    reasons = Reasons(touched)

    assert re.fullmatch(r"package pandas: [\d.]+ → 99.0", reasons["10_first"])
    assert reasons["30_third"] == ""


def test_rules_and_words_beside_the_code_count_and_limits_do_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the package reads from data files is part of what a result depends on."""
    notebook = notebooks.read(write_notebook(tmp_path / "10_x.ipynb", [("code", "1")]))
    package = tmp_path / "package"
    (package / "checks" / "limits").mkdir(parents=True)
    monkeypatch.setattr(fingerprint, "PACKAGE", package)

    def state() -> str:
        day, hashes = load_config({"as_of": "2020-01-01"}), fingerprint.Hashes(tmp_path / "none")
        nothing = {"parameters": {}, "data": {}, "upstream": {}, "before": {}}
        return fingerprint.inputs(notebook, config=day, hashes=hashes, **nothing)["package_data"]

    before = state()
    (package / "checks" / "limits" / "SEG-Q.toml").write_text("a = 1", encoding="ascii")
    assert state() == before
    (package / "checks.toml").write_text("a = 1", encoding="ascii")
    assert state() != before


def test_changed_setting_is_the_reason(touched: Path) -> None:
    """Settings that notebooks can see count; limits and names of gates do not."""
    edited(touched / "c.toml", "2020-01-01", "2020-01-02")

    assert Reasons(touched)["30_third"] == "config as_of: 2020-01-01 → 2020-01-02"


def test_changed_output_is_the_reason(touched: Path) -> None:
    """A result somebody edited is made again."""
    facts = touched / "reports" / "tiny" / "facts" / "30_third.json"
    kept = facts.read_bytes()
    facts.write_bytes(kept + b" ")

    try:
        assert Reasons(touched)["30_third"] == (
            "its output facts/30_third.json was changed or lost"
        )
    finally:
        facts.write_bytes(kept)


def test_changed_text_runs_nothing_but_reaches_the_page(touched: Path) -> None:
    """A Markdown edit executes no cell; the page shows the new words and the old results."""
    edited(touched / "notebooks" / "10_first.ipynb", "How many orders", "How very many orders")

    outcome = quiet_run(touched)

    page = (outcome.folder / "10_first.html").read_text(encoding="utf-8")
    timing = json.loads((outcome.folder / "timing.json").read_text(encoding="utf-8"))
    assert timing["10_first"]["cached"]
    assert "How very many orders" in page
    assert "It is 6." in page


def test_equal_results_whatever_the_circumstances(finished: Path, tmp_path: Path) -> None:
    """Another hash seed, another number of workers, another place: the same bytes."""
    quiet_run(finished)

    other = quiet_run(finished, out=tmp_path, jobs=1, hash_seed="7")

    assert content(other.folder) == content(finished / "reports" / "tiny")


def test_equal_bytes_for_any_user_anywhere(finished: Path, tmp_path: Path) -> None:
    """Another home, user, locale, zone, working folder and shell: the same bytes."""
    quiet_run(finished)
    words = ["run", "--config", finished / "c.toml", "--out", tmp_path / "out", "--jobs", "1"]
    other = {"HOME": str(tmp_path), "USER": "somebody", "LC_ALL": "tr_TR.ISO-8859-9"}
    other |= {"TZ": "Asia/Kathmandu", "COLUMNS": "40", "PYTHONHASHSEED": "99", "PYTHONUTF8": "0"}
    other |= {"PYTHONWARNINGS": "error", "FORCE_COLOR": "1", "PYTHONSTARTUP": "/dev/null"}

    done = subprocess.run(
        command(*words), env={**surroundings(finished), **other}, cwd=tmp_path, capture_output=True
    )

    assert done.returncode == 0, done.stderr
    assert content(tmp_path / "out" / "tiny") == content(finished / "reports" / "tiny")


@pytest.mark.slow
def test_order_of_a_set_is_a_drift(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What depends on the hash seed is seen by a second run with another one."""
    from segwork.engine.verify import verify

    root = make_project(tmp_path / "tiny")
    monkeypatch.setenv("SEGWORK_ROOT", str(root))
    edited(root / "notebooks" / "30_third.ipynb", "str(run.as_of)", "'-'.join({*'abcdefgh'})")

    outcome = quiet_run(root, only=["30"])
    found = verify(outcome.folder, say=lambda _: None)

    assert found.drifted == ["30_third"]
    assert found.drifts[0].startswith("30_third: fact 30_third.as_of: ")


def test_manifest_names_no_machine_path(finished: Path) -> None:
    """Nothing in the hashed set says where it was made."""
    for name, data in content(finished / "reports" / "tiny").items():
        assert str(finished).encode() not in data, name


def test_passwords_and_places_are_not_kept(tmp_path: Path) -> None:
    """The manifest's settings hold no password of an address and no absolute path."""
    address = "postgresql://reader:secret@host/shop"
    tables = {
        "transactions": {"url": address, "table": "lines"},
        "customers": {"path": str(tmp_path / "people.csv")},
    }
    config = load_config({"as_of": "2020-01-01", "tables": tables})

    shown = fingerprint.settings(config)["tables"]

    assert shown["transactions"]["url"] == "postgresql://host/shop"
    assert shown["customers"]["path"] == "people.csv"
    assert "url" not in shown["customers"]


def test_only_brings_what_it_needs(finished: Path, tmp_path: Path) -> None:
    """``--only 20`` runs 10 first, because 20 reads its table; the rest is skipped."""
    told: list[str] = []
    outcome = quiet_run(finished, out=tmp_path, only=["20"], say=told.append)

    assert told[0].startswith("2 notebooks to run"), "what is skipped was announced as well"
    assert outcome.statuses == {"10_first": "ok", "20_second": "ok", "30_third": "skipped"}
    assert outcome.exit_code == 0
    assert not (outcome.folder / "facts" / "30_third.json").exists()

    written = {page: page.stat().st_mtime_ns for page in outcome.folder.glob("*.html")}
    quiet_run(finished, out=tmp_path, only=["20"])
    assert len(written) == 4
    assert written == {page: page.stat().st_mtime_ns for page in written}, "pages drawn again"


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"parameters": ["10.kk=4"]}, "unknown parameter 'kk'"),
        ({"parameters": ["10.k=four"]}, "accepted: int"),
        ({"only": ["40"]}, "unknown notebook '40'"),
        ({"parameters": ["10.config=other.toml"]}, "'config' of 10_first cannot be set"),
        ({"baseline": "nowhere"}, "no run to compare with"),
        ({"notebooks": "nowhere"}, "no notebooks in 'nowhere'"),
    ],
)
def test_wrong_usage_leaves_no_folder(
    finished: Path, tmp_path: Path, options: dict, said: str
) -> None:
    """What can be refused is refused before a kernel starts and before anything is written."""
    with pytest.raises(UsageError, match=said):
        quiet_run(finished, out=tmp_path / "new", **options)

    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("lines.csv", "no.csv", "no.csv"),
        ("2020-01-01", '"soon"', "no date"),
        ('path = "lines.csv"', 'path = "lines.csv"\ncolumns = { amount = "amnt" }', "amnt"),
        ('name = "tiny"', 'name = "a/b"', "a folder name"),
        ('name = "tiny"', "[parameters.11_first]\nk = 1", "did you mean '10_first'"),
        ('name = "tiny"', "[parameters.10_first]\nk = 'x'", "accepted: int"),
        ('name = "tiny"', "[limits]\nSEG-Z99 = { at_most = 1 }", "unknown gate 'SEG-Z99'"),
    ],
)
def test_bad_config_leaves_no_folder(
    touched: Path, tmp_path: Path, old: str, new: str, said: str
) -> None:
    """One clear sentence that names the thing, and nothing written half."""
    edited(touched / "c.toml", old, new)

    with pytest.raises(SegworkError, match=said) as caught:
        quiet_run(touched, out=tmp_path / "new")

    assert caught.value.exit_code == 2
    assert not (tmp_path / "new").exists()


def test_a_reference_run_counts_as_data_and_is_never_the_run_itself(touched: Path) -> None:
    """Without its table it is refused before anything starts; another one runs everything anew."""
    table = touched / "old" / "tables" / "column_summaries.parquet"
    for named, said in (("old", "left no 'column_summaries'"), ("reports/tiny", "this run itself")):
        config = CONFIG.replace('name = "tiny"', f'name = "tiny"\nreference_run = "{named}"')
        (touched / "c.toml").write_text(config, encoding="utf-8")
        with pytest.raises(ConfigError, match=said):
            quiet_run(touched)
    (touched / "c.toml").write_text(config.replace("reports/tiny", "old"), encoding="utf-8")
    table.parent.mkdir(parents=True)
    for content in (b"one", b"another"):
        table.write_bytes(content)
        assert "reference_run" in quiet_run(touched).reasons["10_first"]


def test_a_notebook_of_another_day_is_refused(touched: Path, tmp_path: Path) -> None:
    """A notebook that writes its own day says so before a kernel starts, with both days."""
    path = touched / "notebooks" / "30_third.ipynb"
    edited(path, "config=config", "config={'as_of': '2019-12-31'}")
    said = "30_third starts its run as of 2019-12-31, c.toml is as of 2020-01-01; accepted: "

    with pytest.raises(UsageError, match=said):
        quiet_run(touched, out=tmp_path / "new")
    assert not (tmp_path / "new").exists()

    edited(path, "2019-12-31", "2020-01-01")
    assert Reasons(touched)["30_third"] == "code cell 2 changed"


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"customer_id,ordered_at,amount\n", "lines.csv|no rows|empty"),
        (b"\x00\x01\x02PK\x03\x04\xff\xfe" * 50, "lines.csv"),
    ],
    ids=["empty table", "no CSV"],
)
def test_bad_data_leaves_no_folder(touched: Path, tmp_path: Path, data: bytes, said: str) -> None:
    """An empty table and a file that is no table stop the run with one sentence."""
    (touched / "lines.csv").write_bytes(data)

    with pytest.raises(SegworkError, match=said) as caught:
        quiet_run(touched, out=tmp_path / "new")

    assert caught.value.exit_code == 2
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize(
    ("limit", "strict", "code"), [(0.5, True, 0), (0.0, False, 0), (0.0, True, 3)]
)
def test_strict_lets_required_gates_decide(
    finished: Path, monkeypatch: pytest.MonkeyPatch, limit: float, strict: bool, code: int
) -> None:
    """A failed required gate is exit code 3 under ``--strict`` and 0 without."""
    from segwork.checks import gates
    from segwork.results import Severity

    gate = gates.Gate(
        "SEG-Q01",
        "Doubled",
        "10_first",
        "doubled",
        Severity.HIGH,
        at_most=limit * 100,
        required=True,
    )
    monkeypatch.setattr(gates, "catalogue", lambda: {"SEG-Q01": gate})
    (finished / "reports" / "tiny" / "findings.json").unlink()

    assert quiet_run(finished, strict=strict).exit_code == code
    junit = (finished / "reports" / "tiny" / "junit.xml").read_text(encoding="utf-8")
    assert 'classname="10_first" name="SEG-Q01 Doubled"' in junit
    assert ("<failure" in junit) == (limit == 0.0), "red where a strict run fails"


def test_second_run_in_the_same_folder_is_refused(finished: Path) -> None:
    """Two runs never write to one folder at a time."""
    from segwork.engine.execute.stage import Stages
    from segwork.runs.folder import RunFolder

    held = Stages(RunFolder(finished / "reports" / "tiny"))
    with held.locked(), pytest.raises(UsageError, match="another run is writing"):
        quiet_run(finished)


def test_an_out_that_is_a_file_is_named(finished: Path) -> None:
    """A place that cannot be written to is wrong usage, not a traceback."""
    with pytest.raises(UsageError, match="cannot write to"):
        quiet_run(finished, out=finished / "lines.csv")


def test_removed_notebook_takes_its_results_with_it(touched: Path) -> None:
    """What a notebook that no longer exists had left is not reported."""
    path = touched / "notebooks" / "30_third.ipynb"
    path.unlink()

    outcome = quiet_run(touched)

    assert list(outcome.statuses) == ["10_first", "20_second"]
    assert not (outcome.folder / "facts" / "30_third.json").exists()
    assert not (outcome.folder / "30_third.html").exists()


@pytest.mark.slow
def test_verify_reproduces_and_finds_a_planted_drift(touched: Path) -> None:
    """Verification says 0 for equal runs, 4 where a recorded fact is not what comes out."""
    from segwork.engine.verify import verify

    outcome = quiet_run(touched)
    said: list[str] = []
    good = verify(outcome.folder, say=said.append)

    assert good.exit_code == 0
    assert "Of 3 notebooks, 3 ran, 3 reproduced byte for byte, 0 drifted." in said
    assert "3 reproduced" in (outcome.folder / "verification.html").read_text(encoding="utf-8")

    edited(outcome.folder / "facts" / "20_second.json", '"total": 6', '"total": 7')
    edited(touched / "lines.csv", "4.0", "4.1")
    edited(touched / "notebooks" / "30_third.ipynb", "run.finish()", "x = 1; run.finish()")
    bad = verify(outcome.folder, say=said.append)

    assert bad.exit_code == 4
    assert bad.drifted == ["20_second", "30_third"]
    assert "20_second: fact 20_second.total: 7 → 6" in bad.drifts
    assert "data transactions changed" in bad.drifts
    assert "30_third: its code changed" in bad.drifts


@pytest.mark.slow
@pytest.mark.parametrize("times", [3, pytest.param(10, marks=pytest.mark.proof)])
def test_killed_run_resumes_every_time(
    tmp_path: Path, times: int, record_property: Callable[[str, object], None]
) -> None:
    """``kill -9`` at random moments: no half file is ever there, the next run is right."""
    root = make_project(tmp_path / "tiny")
    (root / "notebooks" / "30_third.ipynb").unlink()
    folder = root / "reports" / "tiny"
    random_moments = random.Random(20261122)
    longest, quiet = 6.0, subprocess.DEVNULL
    for k in range(times):
        words = ["run", "--config", root / "c.toml", "--out", root / "reports", "-p", f"10.k={k}"]
        process = subprocess.Popen(
            command(*words), env=surroundings(root), stdout=quiet, stderr=quiet
        )
        time.sleep(random_moments.uniform(0.2, longest))
        process.kill()
        process.wait()
        assert_whole_files(folder)

        began = time.monotonic()
        done = subprocess.run(
            command(*words), env=surroundings(root), capture_output=True, text=True
        )
        longest = max(longest, time.monotonic() - began)

        assert done.returncode == 0, done.stdout + done.stderr
        assert fact(folder, "10_first", "doubled") == 2 * k
        assert fact(folder, "20_second", "total") == 3 + k
    record_property("said", f"{k + 1} of {times}")


def assert_whole_files(folder: Path) -> None:
    """Every file in a run folder can be read to its end at any time."""
    import pyarrow.parquet as parquet

    for path in [*folder.glob("*.json"), *folder.glob("*/*.json"), *folder.glob("*/*.ipynb")]:
        json.loads(path.read_text(encoding="utf-8"))
    for path in folder.glob("tables/*.parquet"):
        parquet.read_table(path)
    for path in folder.glob("*.html"):
        assert path.read_text(encoding="utf-8").rstrip().endswith("</html>")


def fact(folder: Path, notebook: str, name: str) -> object:
    """Return a recorded fact."""
    path = folder / "facts" / f"{notebook}.json"
    return json.loads(path.read_text(encoding="utf-8"))["facts"][name]
