"""Other people's audits on our plants: the scorer, the kept tables, the adapters' files."""

from __future__ import annotations

import json
import re
import tomllib
from pathlib import Path

import pandas as pd
import pytest

from benchmarks.data.plants import DEFECTS
from benchmarks.peers import plants as peer_plants
from benchmarks.peers import scores as peer_scores

TOOLS = Path(__file__).resolve().parent.parent / "peers" / "adapters"
KEY = {"number": 7, "defect": "price in pence", "table": "transactions",
       "columns": ["unit_price"], "n": 50, "whole_rows": False}  # fmt: skip


def alarm(columns: str = "unit_price", count: float | None = 50, text: str = "too high") -> dict:
    """Make an alarm of one check."""
    return {"check": "range", "columns": columns.split(","), "count": count, "text": text}


@pytest.mark.parametrize(
    ("found", "twin", "expected"),
    [
        ([alarm()], [], (1.0, False)),
        ([alarm(count=54)], [], (1.0, False)),
        ([alarm(count=56)], [], (0.5, False)),
        ([alarm(count=None)], [], (0.5, False)),
        ([alarm("amount")], [], (0.0, False)),
        ([alarm("*")], [], (0.0, False)),
        ([alarm("amount,unit_price")], [], (1.0, False)),
        ([alarm()], [alarm()], (0.0, False)),
        ([alarm(count=80, text="80")], [alarm(count=31, text="31")], (1.0, True)),
        ([alarm(count=80, text="80")], [alarm(count=10, text="10")], (0.5, True)),
        ([alarm(count=None), alarm("unit_price,amount")], [], (1.0, False)),
        ([alarm(text="a")], [alarm(text="a"), alarm(text="b")], (0.0, False)),
        ([], [alarm()], (0.0, False)),
    ],
)
def test_credit_by_hand(found: list[dict], twin: list[dict], expected: tuple) -> None:
    """Place, number, silence of the twin; the twin's own alarm counts if its words change."""
    assert peer_scores.credit(found, twin, KEY) == expected


def test_whole_table_is_the_right_place_for_copied_rows() -> None:
    """A count of duplicates names no column, and need not."""
    copied = KEY | {"columns": ["order_id", "unit_price"], "whole_rows": True}

    assert peer_scores.credit([alarm("*")], [], copied) == (1.0, False)


def answer(case: str, alarms: list[dict], status: str = "ran") -> dict:
    """Make a line of a file of alarms."""
    return {"case": case, "mode": "A", "version": "1.0", "python": "3.11.0", "status": status,
            "seconds": 2.0, "alarms": alarms}  # fmt: skip


def test_table_of_scores_by_hand(tmp_path: Path) -> None:
    """One of two plants found, one crash, one of three clean tables alarming, one peer absent."""
    plants = tmp_path / "plants"
    plants.mkdir()
    key = {"shop-0-07": KEY, "shop-0-08": KEY | {"number": 8, "defect": "negative"}}
    (plants / "key.json").write_text(json.dumps(key), encoding="utf-8")
    lines = [
        answer("shop-0-transactions", []),
        answer("shop-0-07", [alarm()]),
        answer("shop-0-08", [], "crashed"),
        answer("shop-clean0-transactions", [alarm(), alarm("amount")]),
        answer("shop-clean0-customers", []),
    ]
    text = "\n".join(json.dumps(line) for line in lines)
    (tmp_path / "one.jsonl").write_text(text, encoding="utf-8")
    (tmp_path / "two.absent").write_text("does not install on Python 3.11\n", encoding="utf-8")
    modes = [
        {"peer": "one", "mode": "A", "claims": [8]},
        {"peer": "two", "mode": "A", "claims": []},
    ]

    table, faults = peer_scores.score_data(tmp_path, modes, made="2026-01-01")
    row = table.set_index("peer").loc["one"]

    assert row[["planted", "found", "half", "crashed"]].tolist() == [2, 1, 0, 1]
    assert row[["claimed", "found_of_claimed"]].tolist() == [1, 0]
    assert row[["clean_tables", "clean_tables_alarming"]].tolist() == [3, 1]
    assert row[["clean_companies", "clean_companies_alarming"]].tolist() == [2, 1]
    assert row["alarms_per_clean_table"] == pytest.approx(2 / 3, abs=0.01)
    assert row["cpu_seconds_per_table"] == 2.0
    assert table.set_index("peer").loc["two", "answer"] == "does not install on Python 3.11"
    assert faults.set_index("number")["one A"].to_dict() == {7: 1.0, 8: 0.0}


def test_written_plants_read_back_as_planted(tmp_path: Path) -> None:
    """Every fault, twin and clean table is a file; a row count tells copied rows."""
    tables = peer_plants.write_data(tmp_path, worlds=["wholesaler"], draws=1)
    cases = json.loads((tmp_path / "cases.json").read_text(encoding="utf-8"))
    key = json.loads((tmp_path / "key.json").read_text(encoding="utf-8"))
    lengths = {case["case"]: len(pd.read_csv(tmp_path / case["file"])) for case in cases}
    files = [tmp_path / case[name] for case in cases for name in ("reference", "customers")]

    assert tables == len(cases) == len(DEFECTS) + 5 + 5
    assert sorted(planted["number"] for planted in key.values()) == list(range(1, 37))
    assert all(file.exists() for file in files)
    copied = lengths["wholesaler-40-01"] - lengths["wholesaler-40-transactions"]
    assert copied == key["wholesaler-40-01"]["n"] == 130


def test_kept_tables_are_whole() -> None:
    """The tables name every peer with its version, and shares add up."""
    table = peer_scores.kept("peers_data")
    ran = table[table["answer"] == "ran"]
    modes = tomllib.loads((TOOLS / "claims.toml").read_text(encoding="utf-8"))["mode"]

    assert table[["peer", "mode"]].to_numpy().tolist() == [[m["peer"], m["mode"]] for m in modes]
    assert ran["version"].notna().all()
    assert (ran["planted"] == 2 * len(DEFECTS)).all()
    assert (ran["found"] + ran["half"] + ran["crashed"] <= ran["planted"]).all()
    assert (ran["found_of_claimed"] <= ran["claimed"]).all()
    faults = peer_scores.kept("peers_data_faults")
    assert faults["number"].tolist() == list(range(1, 37))
    for row in ran.itertuples():
        mean = faults[f"{row.peer} {row.mode}"].mean()
        assert mean == pytest.approx((row.found + row.half / 2) / row.planted, abs=0.01)


def test_models_are_scored_by_hand(tmp_path: Path) -> None:
    """Found by a listed check, named by its column, beyond the honest twin; honest ones apart."""
    (tmp_path / "models").mkdir()
    about = {"column": "leak", "words": [], "twin": "twin-0"}
    cases = [
        {"case": "twin-0", "kind": "", **about},
        {"case": "a", "kind": "leak", **about},
        {"case": "b", "kind": "leak", **about},
        {"case": "c", "kind": "gap", **about, "column": ""},
        {"case": "h", "kind": "", "honest": "logistic", **about},
    ]
    (tmp_path / "models" / "cases.json").write_text(json.dumps(cases), encoding="utf-8")
    pps, gap = alarm("leak") | {"check": "PPS"}, alarm("age") | {"check": "Gap"}
    heard = {"twin-0": [gap], "a": [pps], "b": [pps | {"columns": ["age"]}], "c": [gap], "h": [gap]}
    text = "\n".join(json.dumps(answer(case, alarms)) for case, alarms in heard.items())
    (tmp_path / "deepchecks_models.jsonl").write_text(text, encoding="utf-8")

    table = peer_scores.score_models(tmp_path, {"leak": ["PPS"], "gap": ["Gap"]}, made="2026-01-01")
    rows = table.set_index("kind")[["models", "found", "named", "beyond_honest", "alarming"]]

    assert rows.loc["leak"].tolist() == [2, 2, 1, 1, 2]
    assert rows.loc["gap"].tolist() == [1, 1, 1, 0, 1]
    assert rows.loc["honest: logistic"].tolist() == [1, 0, 0, 0, 1]
    assert table["claimed"].tolist() == [True, True, False]


def test_the_readme_shows_the_kept_scores() -> None:
    """No figure of the README's table is typed by hand."""
    readme = (TOOLS.parents[2] / "README.md").read_text(encoding="utf-8")

    assert "\n".join(peer_scores.for_readme()) in readme


@pytest.mark.parametrize("path", sorted(TOOLS.glob("*.txt")), ids=lambda path: path.stem)
def test_requirements_are_names_and_versions(path: Path) -> None:
    """A peer's environment is pinned by names and versions; no address, no option."""
    lines = [line for line in path.read_text(encoding="utf-8").splitlines() if line[:1] != "#"]
    pinned = {line.partition("==")[0].replace("-", "_").lower() for line in lines}

    assert path.stem in pinned
    assert all(re.fullmatch(r"[\w.\-]+==[\w.+!\-]+", line) for line in lines)


def test_no_peer_is_imported_by_the_package() -> None:
    """Peers are separate programs: their names are imported under tools only."""
    names = "|".join(path.stem for path in TOOLS.glob("*.txt"))
    wanted = re.compile(rf"^\s*(?:import|from) (?:{names})\b", re.MULTILINE)
    sources = list((TOOLS.parents[2] / "segwork").rglob("*.py"))

    assert [str(path) for path in sources if wanted.search(path.read_text(encoding="utf-8"))] == []
    assert all(wanted.search(path.read_text(encoding="utf-8")) for path in TOOLS.glob("run_*.py"))


def test_dictionary_has_at_most_thirty_rules_a_company() -> None:
    """The rules by hand are the same for all peers, about columns that exist."""
    book = tomllib.loads((TOOLS / "dictionary.toml").read_text(encoding="utf-8"))

    assert set(book) == {"shop", "wholesaler"}
    assert all(len(rules) <= 30 for rules in book.values())
