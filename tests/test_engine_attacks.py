"""Notebooks that leave, flood, name themselves badly, quote people or outlive their run.

All of them run once, in one run: what each left is looked at by a test of its own.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree

import psutil
import pytest
from small_project import write_notebook

from segwork import engine
from segwork.engine.conclude import records
from segwork.engine.execute.exceptions import kept
from segwork.runs.folder import RunFolder

TAG = "<img src=x onerror=alert(1)>"
NAMES = (
    f"30_{TAG}",
    "31_<meta http-equiv=refresh content=0;url=http:⁄⁄example.org>",
    '32_a&b #50% off? "quoted" it\'s',
    "33_\u202egnp\x1b[31m\n::error::not really",
    "::error file=x::34_name",
)
PEOPLE = ("Mary Example", "mary@example.org", "Jalan Melati 7", "C-00017", "+62 812 555 0199")
CONFIG = """\
as_of = 2024-01-01
name = "attacks"
[tables.transactions]
path = "lines.csv"
[tables.customers]
path = "people.csv"
"""
LOADED = """\
import segwork.run
from segwork import tables
run = segwork.run.start("40_people", config="segwork.toml")
data = tables.load(run.config, key=run.key)
people = data.customers
raw = tables.load(run.config).customers"""
QUOTES = (
    "raw.set_index('name').loc['x']['y']\n{}[raw.name[0]]",
    "raise ValueError(f'cannot use {raw.iloc[0].to_dict()}')",
    "float(raw.email[0])",
    "assert raw.phone[0] == '', raw",
    "try:\n    int(raw.street[0])\nexcept ValueError:\n    raise RuntimeError(raw.name[0])",
    "run.table(people[['name', 'region']], caption='who')",
    "run.table(people.groupby(['email', 'region']).size().to_frame('n'), caption='who')",
    "run.table(people.pivot_table(index='region', columns='customer_id', values='n'), caption='w')",
    "run.table(people.set_index('phone')[['n']], caption='who')",
    "run.save(people, 'copy')",
    "run.save(raw[['customer_id', 'n']], 'copy')",
    "type(raw.name[0].replace(' ', '_'), (Exception,), {})\nraise KeyError(raw.customer_id[0])",
    "get_ipython().run_line_magic('xmode', 'Verbose')\nwho = raw.name[0]\n(lambda who: 1 / 0)(who)",
)
LONG = (
    "print('A' * 300_000)",
    "import sys\nsys.stderr.write('7' * 300_000 + '\\n')",
    "print('x/' * 3_000_000)",
    "sys.stderr.write('1%|' * 200_000 + '\\n')\nsys.stderr.write('a%|' * 200_000 + '[')",
    "print('\\r'.join('b' * 9 for _ in range(100_000)) + '[[[' * 50_000)",
    "from IPython.display import HTML, Markdown, display",
    "display(HTML('<img alt=\"a\" src=\"data:image/png;base64,' + 'iVBO' * 500_000 + '\">'))",
    "display(HTML('<style' * 50_000 + '<!--' * 50_000))",
    "display(Markdown('[' * 300_000))",
)
SURROUNDINGS = """\
import os, pathlib, sys, time
import matplotlib
print('startup' in globals(), matplotlib.rcParams['lines.linewidth'], time.tzname[0])
print(pathlib.Path.home(), pathlib.Path.home() / 'data', sys.prefix + '/lib', os.getcwd())
print(os.environ['TMPDIR'])"""
BAD_PICTURES = """\
from IPython.display import display
for data in ('no base64!', '', 'iVBO', 'ÿÿÿÿ'):
    display({'image/png': data, 'text/plain': 'p'}, raw=True, metadata={'image/png': {'alt': 'p'}})
display({'text/html': '<div>' * 5_000}, raw=True)
print('after the pictures')"""
CHILDREN = """\
import pathlib, subprocess, sys
words = [sys.executable, '-c', 'import time; time.sleep(300)']
same = subprocess.Popen(words)
other = subprocess.Popen(words, start_new_session=True)
twice = subprocess.run([sys.executable, '-c', 'import subprocess, sys;'
    'print(subprocess.Popen([sys.executable, "-c", "import time; time.sleep(300)"],'
    ' start_new_session=True, stdout=-3, stderr=-3).pid)'], capture_output=True, text=True)
pathlib.Path('children').write_text(f'{same.pid} {other.pid} {twice.stdout}')"""


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Write the project, in the home of a user whose profile changes everything."""
    home = tmp_path_factory.mktemp("home")
    startup = home / ".ipython" / "profile_default" / "startup"
    startup.mkdir(parents=True)
    (startup / "00.py").write_text("startup = True\n", encoding="ascii")
    (home / "startup.py").write_text("startup = True\n", encoding="ascii")
    (home / ".config" / "matplotlib").mkdir(parents=True)
    (home / ".config" / "matplotlib" / "matplotlibrc").write_text("lines.linewidth: 9\n")
    root = home / "project"
    notebooks = root / "notebooks"
    notebooks.mkdir(parents=True)
    (root / "segwork.toml").write_text(CONFIG, encoding="utf-8")
    (root / "lines.csv").write_text("customer_id,ordered_at,amount\nC-00017,2023-01-01,5\n")
    name, email, street, customer, phone = PEOPLE
    (root / "people.csv").write_text(
        f"customer_id,name,email,street,phone,region,n\n{customer},{name},{email},{street},"
        f"{phone},Java,1\nC-00018,Bo Other,bo@example.org,Jalan 8,+62 811 555 0100,Bali,2\n"
    )
    for number, call in enumerate(("exit()", "quit", "get_ipython().ask_exit()")):
        cells = [("code", "print('before')"), ("code", call), ("code", "print('after the end')")]
        write_notebook(notebooks / f"1{number}_exit.ipynb", cells)
    write_notebook(notebooks / "20_long.ipynb", [("code", source) for source in LONG])
    for bad in NAMES:
        write_notebook(notebooks / f"{bad}.ipynb", [("code", "print(1)")])
    quotes = [("raises-exception", source) for source in QUOTES]
    end = [("code", "data"), ("code", "raise LookupError(raw.name[0])")]
    write_notebook(notebooks / "40_people.ipynb", [("code", LOADED), *quotes, *end])
    for number, source in enumerate((CHILDREN, SURROUNDINGS, BAD_PICTURES), 5):
        write_notebook(notebooks / f"{number}0_other.ipynb", [("code", source)])
    return root


@pytest.fixture(scope="module")
def attacked(root: Path) -> Iterator[engine.Outcome]:
    """Run all of it once."""
    said: list[str] = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SEGWORK_ROOT", str(root))
        patch.setenv("HOME", str(root.parent))
        patch.setenv("MATPLOTLIBRC", str(root.parent / ".config" / "matplotlib"))
        patch.setenv("PYTHONSTARTUP", str(root.parent / "startup.py"))
        patch.setenv("TZ", "Pacific/Auckland")
        patch.delenv("SEGWORK_KEY", raising=False)
        outcome = engine.run(
            root / "segwork.toml", out=root / "reports", jobs=2, deadline=60, say=said.append
        )
        (root / "said").write_text("\n".join(said), encoding="utf-8")
        yield outcome


def entry(outcome: engine.Outcome, name: str) -> records.Entry:
    """Return what the manifest says of a notebook."""
    return RunFolder(outcome.folder).entries()[name]


def everything(outcome: engine.Outcome) -> dict[str, str]:
    """Return the text of every file of the run, those of the engine's own memory too."""
    files = (path for path in outcome.folder.rglob("*") if path.is_file())
    return {str(p.relative_to(outcome.folder)): p.read_bytes().decode("latin-1") for p in files}


@pytest.mark.parametrize("name", ["10_exit", "11_exit", "12_exit"])
def test_a_notebook_that_leaves_has_failed_there(attacked: engine.Outcome, name: str) -> None:
    """``exit`` in any spelling: failed, at that cell, and no later cell runs."""
    found = entry(attacked, name)
    text = (attacked.folder / "notebooks" / f"{name}.ipynb").read_text(encoding="utf-8")

    assert (found.status, found.cell) == ("failed", 2)
    assert found.message == "exit() ended the notebook before its last cell"
    assert '"text": "before\\n"' in text
    assert '"text": "after the end\\n"' not in text


def test_long_outputs_take_the_time_of_their_length(attacked: engine.Outcome) -> None:
    """Lines of megabytes, bars without end, pictures inlined in HTML: seconds, and all is kept."""
    timing = json.loads((attacked.folder / "timing.json").read_text(encoding="utf-8"))
    page = (attacked.folder / "20_long.html").read_text(encoding="utf-8")
    cells = RunFolder(attacked.folder).cells("20_long")

    assert attacked.statuses["20_long"] == "ok"
    assert timing["20_long"]["seconds"] < 50
    assert cells[0]["outputs"][0]["text"] == "A" * 300_000 + "\n"
    assert "iVBO" * 500_000 in page
    assert len(page) < 5_000_000


@pytest.mark.parametrize("name", NAMES)
def test_a_name_is_text_on_every_page(attacked: engine.Outcome, name: str) -> None:
    """A notebook's name is escaped wherever it stands, and its links lead to its page."""
    pages = {path.name: path.read_text(encoding="utf-8") for path in attacked.folder.glob("*.html")}

    assert attacked.statuses[name] == "ok"
    for text in pages.values():
        assert not re.search(r"(?i)<(?:img src=x|meta http-equiv=refresh|script)", text)
        assert not re.search("[\x00-\x08\x1b\u202e]", text)
    from urllib.parse import unquote

    links = {unquote(found) for found in re.findall(r'href="([^"#]+\.html)"', pages["index.html"])}
    assert f"{name}.html" in links
    assert all((attacked.folder / found).is_file() for found in links - {"verification.html"})


def test_a_name_is_text_for_ci_and_terminals(
    attacked: engine.Outcome, root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No line is a command, no character is unseen: JUnit, annotations, summary, terminal."""
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(tmp_path / "summary.md"))
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    entries = {
        name: records.Entry(status="failed", message=f"{name}\n::error::a", cell=1, cell_title=name)
        for name in NAMES
    }

    notes = records.for_ci(entries, [])

    summary = (tmp_path / "summary.md").read_text(encoding="utf-8")
    said = (root / "said").read_text(encoding="utf-8").split("\n")
    suites = ElementTree.parse(attacked.folder / "junit.xml").getroot()
    assert "<img" not in summary
    assert all(line.startswith(("##", "|", "Gates", "")) for line in summary.split("\n"))
    assert len(notes) == len(NAMES)
    assert all(note.count("::") == 2 and "\n" not in note for note in notes)
    assert not any(line.lstrip().startswith("::") for line in said)
    assert not re.search("[\x00-\x09\x0b-\x1f\u202e]", "\n".join(said))
    assert {"33_\\u202egnp\\n::error::not really", f"30_{TAG}"} <= {s.get("name") for s in suites}


def test_nobody_is_named_in_any_file(attacked: engine.Outcome) -> None:
    """Exceptions, the repr of Tables, refused tables: no value of a person is in the run folder."""
    found = entry(attacked, "40_people")
    files = everything(attacked)
    outputs = [
        out
        for cell in RunFolder(attacked.folder).cells("40_people")
        for out in cell.get("outputs", ())
    ]

    assert (found.status, found.message) == ("failed", "LookupError: …")
    assert sum(out["output_type"] == "error" for out in outputs) == len(QUOTES) + 1
    assert "transactions: customer_id, ordered_at, amount" in str(outputs)
    for person in (*PEOPLE, "Bo Other", "Mary", "Melati", "C-0001"):
        for place, text in files.items():
            assert person not in text.replace("".join(QUOTES), ""), f"{person} in {place}"


def test_nothing_a_notebook_started_is_left(attacked: engine.Outcome, root: Path) -> None:
    """Children end with their notebook, in its session, in one of their own, and adopted ones."""
    for pid in map(int, (root / "children").read_text(encoding="ascii").split()):
        assert not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE


def test_the_users_profile_and_places_change_nothing(attacked: engine.Outcome, root: Path) -> None:
    """Start-up files, matplotlib's settings, zone: not seen. Home and project: not written down."""
    cells = RunFolder(attacked.folder).cells("60_other")

    said = cells[0]["outputs"][0]["text"].split("\n")
    assert said[0] == "False 1.5 UTC"
    assert said[1] == "~ ~/data <python>/lib ."
    assert said[2] == "<temporary>"
    for place, text in everything(attacked).items():
        assert str(root.parent) not in text, place


def test_one_bad_picture_costs_that_picture(attacked: engine.Outcome) -> None:
    """What cannot be drawn is a sentence on its page; the rest of the report is there."""
    page = (attacked.folder / "70_other.html").read_text(encoding="utf-8")

    assert page.count("This output is damaged and cannot be shown.") >= 3
    assert "after the pictures" in page


def test_a_run_folder_is_private(attacked: engine.Outcome, root: Path) -> None:
    """Folders 0700, files 0600, also the project's own; no stage and no temporary file is left."""
    places = [attacked.folder, *attacked.folder.rglob("*"), *(root / ".segwork").rglob("*.json")]

    modes = {oct(path.stat().st_mode & 0o777): path for path in places}

    assert set(modes) == {"0o700", "0o600"}
    assert not (attacked.folder / ".state" / "stage").exists()
    assert (root / ".segwork").stat().st_mode & 0o777 == 0o700


@pytest.mark.parametrize(
    ("name", "text", "cells", "said"),
    [
        ("KeyError", "'gold'", ["spend['gold']"], "'gold'"),
        ("KeyError", "'Mary'", ["spend[who]"], "'…'"),
        ("IndexError", "index 1980 is out of bounds for axis 0 with size 3", ["x[0]", "3"],
         "index … is out of bounds for axis 0 with size 3"),
        ("AssertionError", "Mary Example Java\nBo Other Bali", [], "…"),
        ("UsageError", "metric 'share' of 20 is inf.", [], "metric 'share' of 20 is inf."),
        ("ZeroDivisionError", "division by zero", [], "division by zero"),
        ("AttributeError", "'NoneType' object has no attribute 'mary'", [],
         "'NoneType' object has no attribute '…'"),
    ],
)  # fmt: skip
def test_words_of_programs_stay_and_words_of_data_go(
    name: str, text: str, cells: list[str], said: str
) -> None:
    """An exception keeps what somebody wrote into a program."""
    assert kept(name, text, "", cells) == said


def test_words_of_a_long_text_take_no_time() -> None:
    """A message of megabytes is cut, not searched."""
    began = time.process_time()

    text = kept("ValueError", "Mary " * 1_000_000 + "'" * 1_000_000, "", [])

    assert text.strip() == "…"
    assert time.process_time() - began < 1


def test_every_promise_names_a_test_that_exists() -> None:
    """The page about safety claims nothing that no test holds."""
    root = Path(__file__).resolve().parents[1]
    page = (root / "docs" / "security.md").read_text(encoding="utf-8")
    files = {p.stem: p for p in (*root.glob("tests/*.py"), *root.glob("benchmarks/tests/*.py"))}
    promises = re.split(r"\n- ", page)[1:]
    named = re.findall(r"\[(test_\w+): (test_\w+)\]", page)

    assert all("[test_" in promise for promise in promises)
    assert len(named) > 30
    for file, test in named:
        assert f"\ndef {test}(" in files[file].read_text(encoding="utf-8"), test
