"""Runs keep nothing that names anybody, and forget who withdrew."""

from __future__ import annotations

import json
import os
import signal
import stat
import subprocess
import time
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from canaries import canaries, found, plant
from small_project import command, surroundings, write_notebook

import segwork.run
from segwork import engine
from segwork.tables.engines import pseudonym

PEOPLE = canaries(200)
DAY = "2026-05-01"
OPEN = """\
import segwork.run
from segwork import privacy
run = segwork.run.start('{name}', config=config)
passed = privacy.door(run)
data = passed.tables
"""
COUNT = """\
spend = data.transactions.groupby('customer_id', sort=False)['amount'].sum().reset_index()
run.save(spend, 'model_input')
run.save(spend[['customer_id']].assign(segment='S01'), 'segments')
run.metrics(passed.facts())
run.table(passed.counts, caption='At the door')
run.say('{{consent_withdrawn}} withdrew.')
"""
CHAIN = """\
try:
    int(data.interactions['text'].dropna().iloc[9])
except ValueError as first:
    raise RuntimeError('no ' + data.behaviour['account'].dropna().iloc[2]) from first
"""
START = [
    ("markdown", "# Who is there?"),
    ("parameters", '# run\nconfig: str = "c.toml"  # run'),
    ("code", OPEN),
]
GOOD = [*START, ("code", COUNT), ("code", "run.finish()")]
BAD = {
    "20_value": "raise ValueError('odd: ' + data.customers['contact_name'].dropna().iloc[0])",
    "21_mail": "float(data.customers['contact_mail'].dropna().iloc[3])",
    "22_chain": CHAIN,
}


def company(n: int = 400) -> dict[str, pd.DataFrame]:
    """Return five small tables; everybody consented."""
    rng = np.random.default_rng(0)
    ids = np.array([f"C{k:05d}" for k in range(n)])
    who = rng.choice(ids, 4 * n)
    at = pd.Series(pd.Timestamp("2026-01-01") + pd.to_timedelta(rng.integers(0, 100, 4 * n), "D"))
    lines = {"customer_id": who, "ordered_at": at, "amount": 5.0, "product_description": "tea"}
    calls = {"customer_id": who, "occurred_at": at, "channel": "mail", "text": "hello", "kind": "q"}
    visits = {"customer_id": who, "occurred_at": at, "event": "view", "user_agent": "Mozilla"}
    people = {"customer_id": ids, "consent_profiling": True, "withdrawn_at": pd.NaT}
    rates = {"date": at[:300], "name": "fx_usd_idr", "value": 16_000.0}
    return {
        "transactions": pd.DataFrame(lines),
        "customers": pd.DataFrame(people),
        "behaviour": pd.DataFrame(visits),
        "interactions": pd.DataFrame(calls),
        "external": pd.DataFrame(rates),
    }


def make_project(root: Path, given: dict[str, pd.DataFrame], purpose: str = "profiling") -> Path:
    """Write the tables and a config that reads them."""
    (root / "notebooks").mkdir(parents=True, exist_ok=True)
    (root / "pyproject.toml").write_text("", encoding="ascii")
    config = f'as_of = 2026-07-01\nname = "run"\npurpose = "{purpose}"\n'
    for name, table in given.items():
        table.to_csv(root / f"{name}.csv", index=False)
        config += f'[tables.{name}]\npath = "{name}.csv"\n'
    (root / "c.toml").write_text(config, encoding="utf-8")
    return root


def add(root: Path, name: str, cells: list[tuple[str, str]]) -> None:
    """Write a notebook that calls itself by its name."""
    ready = [(kind, source.format(name=name)) for kind, source in cells]
    write_notebook(root / "notebooks" / f"{name}.ipynb", ready)


def run_all(root: Path) -> engine.Outcome:
    """Run every notebook of the project."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SEGWORK_ROOT", str(root))
        return engine.run(root / "c.toml", out=root / "reports", jobs=2, say=lambda _: None)


def kept(root: Path) -> list[Path]:
    """Return the folders of a project that a run writes to."""
    return [root / "reports", root / ".segwork"]


@pytest.fixture(scope="module")
def planted(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, engine.Outcome]:
    """Run one good notebook and three that fail on a canary, with canaries in every table."""
    root = make_project(tmp_path_factory.mktemp("canaries") / "p", plant(company(), PEOPLE))
    add(root, "10_good", GOOD)
    for name, line in BAD.items():
        add(root, name, [*START, ("code", line), ("code", "run.finish()")])
    return root, run_all(root)


def test_the_search_finds_what_is_there(planted: tuple[Path, engine.Outcome]) -> None:
    """Every canary stands in the sources, as each kind, and the search sees them all."""
    root, _ = planted
    hits = found([root], PEOPLE)

    sources = hits[hits["file"].str.endswith(".csv")]
    assert sources.groupby("file").size().ge(4 * 200).all()
    assert sources["file"].nunique() == 5


def test_no_canary_in_finished_and_failed_runs(planted: tuple[Path, engine.Outcome]) -> None:
    """Pages, notebooks, facts, JUnit, manifest, tables, cache and names of files hold none."""
    root, outcome = planted

    assert outcome.statuses == {"10_good": "ok", **dict.fromkeys(BAD, "failed")}
    assert len([p for folder in kept(root) for p in folder.rglob("*") if p.is_file()]) > 15
    assert found(kept(root), PEOPLE).empty


def test_errors_still_say_what_went_wrong(planted: tuple[Path, engine.Outcome]) -> None:
    """The kind of error, the line and the programmer's words are kept."""
    _, outcome = planted
    manifest = json.loads((outcome.folder / "manifest.json").read_text(encoding="utf-8"))
    said = {name: entry["message"] for name, entry in manifest["notebooks"].items()}

    assert said["20_value"].startswith("ValueError: odd: …")
    assert said["21_mail"].startswith("ValueError: could not convert string to float: '…")
    assert said["22_chain"].startswith("RuntimeError: no …")
    page = (outcome.folder / "22_chain.html").read_text(encoding="utf-8")
    assert "interactions" in page


def test_no_canary_in_a_killed_run(tmp_path: Path) -> None:
    """The machine stops while a notebook works: what lies about names nobody."""
    root = make_project(tmp_path / "p", plant(company(), PEOPLE))
    add(root, "10_long", [*GOOD[:-1], ("code", "import time\ntime.sleep(60)"), GOOD[-1]])
    words = command("run", "--config", root / "c.toml", "--out", root / "reports")
    process = subprocess.Popen(
        words, env=surroundings(root), start_new_session=True, stdout=subprocess.DEVNULL
    )
    until = time.monotonic() + 60
    while not list(root.glob("reports/**/segments.parquet")) and time.monotonic() < until:
        time.sleep(0.2)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()

    assert list(root.glob("reports/**/segments.parquet")), "the run never got so far"
    assert found(kept(root), PEOPLE).empty


def test_run_folders_and_key_are_for_their_owner(planted: tuple[Path, engine.Outcome]) -> None:
    """Nobody else may enter the run folder or read a file of it, or the key."""
    root, outcome = planted
    files = [p for p in outcome.folder.rglob("*") if p.is_file() and p.name != "lock"]

    assert stat.S_IMODE(outcome.folder.stat().st_mode) == 0o700
    assert {stat.S_IMODE(path.stat().st_mode) for path in files} == {0o600}
    assert stat.S_IMODE((root / ".segwork" / "key").stat().st_mode) == 0o600


def test_five_hundred_withdrawals_are_gone_from_the_next_run(tmp_path: Path) -> None:
    """They are in the first run's tables, in none of the second's, and counted on its page."""
    given = company(1000)
    root = make_project(tmp_path / "p", given)
    add(root, "10_good", GOOD)
    before = run_all(root).folder
    first = pd.read_parquet(before / "tables" / "segments.parquet")
    given["customers"].loc[:499, "withdrawn_at"] = DAY
    make_project(root, given)

    after = run_all(root).folder

    key = (root / ".segwork" / "key").read_text(encoding="ascii")
    gone = {pseudonym(name, key) for name in given["customers"]["customer_id"][:500]}
    assert len(gone & set(first["customer_id"])) > 450
    left = sorted((after / "tables").glob("*.parquet"))
    assert [path.stem for path in left] == ["model_input", "segments"]
    for table in left:
        ids = set(pd.read_parquet(table)["customer_id"])
        assert not ids & gone, table.name
        assert len(ids) > 450
    facts = json.loads((after / "facts" / "10_good.json").read_text(encoding="utf-8"))["facts"]
    assert (facts["consent_withdrawn"], facts["consent_kept"]) == (500, 500)
    assert "500 withdrew." in (after / "10_good.html").read_text(encoding="utf-8")


def lab(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Return a run outside of the engine."""
    monkeypatch.setenv("SEGWORK_RUN", str(tmp_path))
    return segwork.run.start("n", config={"as_of": "2026-07-01", "sample": {"folder": "none"}})


def test_small_groups_are_hidden_in_every_table_shown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A segment of two people has no numbers on a page, and neither has the next smallest."""
    shown: list[Any] = []
    monkeypatch.setattr("IPython.display.display", lambda bundle, **_: shown.append(bundle))
    table = pd.DataFrame(
        {"segment": list("ABC"), "customers": [2, 813, 714], "spend": [4.77, 5, 6]}
    )

    lab(tmp_path, monkeypatch).table(table, caption="Segments")

    html = shown[0]["text/html"]
    assert "813" in html
    assert "714" not in html
    assert "4.77" not in html


def test_undeclared_consent_blocks_a_strict_run() -> None:
    """Not declared is inconclusive, shown as it is, and decides under --strict."""
    from segwork import config
    from segwork.checks import gates

    settings = config.load({"as_of": "2026-07-01", "sample": {"folder": "none"}})
    findings = gates.judge({"70_privacy": {"consent_status": "not declared"}}, settings)

    first = next(finding for finding in findings if finding.code == "SEG-P01")
    assert first.status == "inconclusive"
    assert "not declared" in first.message
    assert [finding.code for finding in gates.blocking(findings)] == ["SEG-P01"]


def test_index_page_shows_purpose_and_who_answers(tmp_path: Path) -> None:
    """Names of the config and empty roles stand on the index page."""
    import run_folder

    from segwork import report

    config = {"responsible": {"data_owner": "A. Keeper"}, "purpose": ""}
    folder = run_folder.make(tmp_path, changed={"config": config})

    page = report.write(folder).read_text(encoding="utf-8")

    assert "Who answers for what" in page
    assert "data owner: A. Keeper" in page
    assert "vendor: empty" in page
    assert "Purpose: not declared." in page
