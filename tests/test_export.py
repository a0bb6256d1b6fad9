"""Rows of an export: who may be sent, the CSV file, the command, and nothing personal elsewhere."""

from __future__ import annotations

import csv
import json
import re
from datetime import date
from pathlib import Path

import pandas as pd
import pytest
from click.testing import CliRunner, Result
from export_run import KEY, company, save, write

from segwork import cli, export
from segwork.errors import ConfigError, DataError, UsageError
from segwork.export import csv_file
from segwork.export.crm import COLUMNS
from segwork.export.rows import consent
from segwork.run import Run
from segwork.tables.engines import pseudonym


@pytest.fixture(autouse=True)
def key(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Use the key of the tests everywhere, and a project of its own."""
    monkeypatch.setenv("SEGWORK_KEY", KEY)
    monkeypatch.setenv("SEGWORK_ROOT", str(tmp_path / "project"))


def call(*words: object) -> Result:
    """Call the command line in this process."""
    return CliRunner().invoke(cli.main, ["export", *map(str, words)])


def reasons(run: Path) -> dict[str, int]:
    """Count the rows of a run by what speaks against sending them."""
    return export.rows(run)["suppressed"].astype(str).value_counts().to_dict()


def test_pseudonyms_are_mapped_back(tmp_path: Path) -> None:
    """Each customer gets their own segment, the day of the run and a day of review."""
    found = export.rows(write(tmp_path, company()))

    assert found["customer_id"].tolist() == [f"walrus-{n}" for n in range(40)]
    assert found["segment"].tolist() == [f"S0{n % 3 + 1}" for n in range(40)]
    assert set(found["segment_name"]) == {"S01", "S02", "S03"}
    assert set(found["valid_from"]) == {"2026-07-01"}
    assert set(found["review_date"]) == {"2026-09-30"}
    assert found["confidence"].isna().all()
    assert (found["suppressed"] == "").all()


def test_tables_of_later_pages_are_taken(tmp_path: Path) -> None:
    """Lifecycle by customer, action and name by segment; what is not there stays empty."""
    run = write(tmp_path, company())
    ids = [pseudonym("walrus-0", KEY)]
    save(run, "lifecycle", customer_id=ids, stage=["loyal"])
    save(run, "actions", segment=["S01"], action=["thank them"], name=["Champions"])

    found = export.rows(run).set_index("customer_id")

    assert found.loc["walrus-0", ["segment_name", "lifecycle", "action"]].tolist() == [
        "Champions",
        "loyal",
        "thank them",
    ]
    assert found.loc["walrus-1", ["lifecycle", "action"]].isna().all()
    (run / "facts").mkdir()
    facts = {"facts": {"saved_found_again": 0.875}}
    (run / "facts" / "20_segments.json").write_text(json.dumps(facts), encoding="utf-8")
    assert set(export.rows(run)["confidence"]) == {0.875}
    assert found.loc["walrus-1", "segment_name"] == "S02"


def test_everybody_has_one_row_and_one_reason(tmp_path: Path) -> None:
    """Consent first, then the run: 40 customers in, 40 + 1 rows out, each counted once."""
    people = company()
    people.loc[0, "consent_marketing"] = False
    people.loc[1, ["consent_marketing", "withdrawn_at"]] = [True, pd.Timestamp("2026-07-20")]
    run = write(tmp_path, people)
    segments = pd.read_parquet(run / "tables" / "segments.parquet")
    segments.loc[2, "segment"] = "noise"
    segments.loc[3, "customer_id"] = "a stranger"
    save(run, "segments", **segments.to_dict("list"))

    assert reasons(run) == {
        "": 36,
        "no consent": 1,
        "consent withdrawn": 1,  # after the day of the run, and known today
        "in no segment": 1,
        "not in the run": 1,
        "not in the source tables": 1,
    }


def test_a_withdrawal_counts_unless_consent_came_after_it() -> None:
    """Worked by hand; two rows of one customer have to agree both, each with its day."""
    days = ["2026-01-01", "2026-01-01", None]
    people = pd.DataFrame(
        {
            "customer_id": ["a", "b", "c", "d", "d", "e"],
            "consent_marketing": [True, True, True, True, False, None],
            "consent_marketing_at": pd.to_datetime(["2026-01-01", "2026-03-01", None, *days]),
            "withdrawn_at": pd.to_datetime(["2026-02-01"] * 3 + [None] * 3),
        }
    )

    assert consent(people, purpose="marketing").tolist() == [
        "consent withdrawn",
        "",
        "consent withdrawn",
        "no consent",
        "no consent",
        "no consent",
    ]
    assert set(consent(people, purpose="profiling")) == {"consent not declared"}


def test_no_consent_column_is_no_consent(tmp_path: Path) -> None:
    """Nothing declared: nobody may be sent, and the reason says so."""
    run = write(tmp_path, company().drop(columns=["consent_marketing", "withdrawn_at"]))

    assert reasons(run) == {"consent not declared": 40}


def test_another_key_is_noticed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where no pseudonym fits, nothing is sent at all."""
    run = write(tmp_path, company())
    monkeypatch.setenv("SEGWORK_KEY", "quite another key")

    with pytest.raises(DataError, match=r"no customer of the run.*another key"):
        export.rows(run)


def test_a_folder_that_is_no_run(tmp_path: Path) -> None:
    """One sentence each."""
    with pytest.raises(UsageError, match="left no segments"):
        export.rows(tmp_path)
    run = write(tmp_path, company())
    (run / ".state" / "_made.json").unlink()
    with pytest.raises(UsageError, match="was not made by this project"):
        export.rows(run)
    assert len(export.rows(run, config=tmp_path / "shop.toml")) == 40


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("=1+1", "'=1+1"),
        ("+62 811", "'+62 811"),
        ("-2", "'-2"),
        ("@SUM(A1)", "'@SUM(A1)"),
        ("\t=1", "'\t=1"),
        ("\rx", "'\rx"),
        ("\nx", "'\nx"),
        (" =1", "' =1"),
        (";=1", "';=1"),
        ("＝1", "'＝1"),
        ("At risk - call", "At risk - call"),
        ("", ""),
    ],
)
def test_formulas_are_neutralised(text: str, expected: str) -> None:
    """OWASP's list, its full-width twins, and what comes after blanks and separators."""
    assert csv_file.harmless(text) == expected


def test_csv_opens_right_where_the_comma_is_decimal(tmp_path: Path) -> None:
    """Semicolons, decimal comma, byte order mark, everything quoted, a dictionary beside it."""
    table = {"customer_id": ["=7"], "segment": ["S01"], "confidence": [-0.25], "action": ["+call"]}
    export.send(pd.DataFrame(table), to="csv", journal="", out=tmp_path, key=KEY)

    text = (tmp_path / "customers.csv").read_bytes().decode("utf-8-sig")
    rows = list(csv.reader(text.splitlines(), delimiter=";"))
    assert rows[0] == ["customer_id", *COLUMNS]
    assert rows[1] == ["'=7", "S01", "", "-0,25", "", "", "", "'+call"]  # a number stays one
    assert text.startswith('"customer_id";')
    meanings = (tmp_path / "customers_columns.csv").read_text(encoding="utf-8-sig")
    assert [line.split(";")[0].strip('"') for line in meanings.splitlines()[1:]] == rows[0]
    assert (tmp_path / "customers.csv").stat().st_mode & 0o077 == 0


def test_csv_is_whole_and_the_journal_tells_what_is_new(tmp_path: Path) -> None:
    """A second export of the same rows writes the same file and counts them unchanged."""
    run, out = write(tmp_path, company()), tmp_path / "out"
    words = (run, "--to", "csv", "--out", out, "--journal", tmp_path / "j.sqlite")

    first = call(*words)
    before = (out / "customers.csv").read_bytes()
    second = call(*words)

    assert "sent 40 + unchanged 0" in first.output
    assert "sent 0 + unchanged 40" in second.output
    assert (out / "customers.csv").read_bytes() == before


def test_last_line_is_for_a_scheduler_and_the_record_is_kept(tmp_path: Path) -> None:
    """Exit code 0, one line that adds up, the same counts in the run folder."""
    people = company()
    people.loc[:4, "consent_marketing"] = False
    run = write(tmp_path, people)

    found = call(run, "--to", "csv", "--out", tmp_path / "out", "--journal", tmp_path / "j")

    assert found.exit_code == 0
    assert found.output.splitlines()[-1] == (
        "segwork export csv: rows 40 = sent 35 + unchanged 0 + suppressed 5 + failed 0 · cleared 0"
    )
    record = json.loads((run / "exports" / "csv.json").read_text(encoding="utf-8"))
    assert (record["rows"], record["sent"], record["suppressed"]) == (40, 35, 5)
    assert {"outcome": "suppressed", "reason": "no consent", "rows": 5} in record["reasons"]
    assert record["reconciled"] == 1


def test_a_dry_run_writes_nothing(tmp_path: Path) -> None:
    """No file, no journal."""
    run = write(tmp_path, company())

    words = ("--out", tmp_path / "out", "--journal", tmp_path / "j.sqlite")
    found = call(run, "--to", "csv", "--dry-run", *words)

    assert "csv dry run: rows 40 = sent 40" in found.output
    assert not (tmp_path / "out").exists()
    assert not (tmp_path / "j.sqlite").exists()


def test_a_failed_gate_stops_the_export_unless_a_reason_is_given(tmp_path: Path) -> None:
    """Exit code 3 and nothing written; with a reason it goes, and the reason stays."""
    run = write(tmp_path, company(), finding="failed")
    words = (run, "--to", "csv", "--out", tmp_path / "out", "--journal", tmp_path / "j.sqlite")

    refused = call(*words)
    assert refused.exit_code == 3
    assert "SEG-F01" in refused.output
    assert not (tmp_path / "out").exists()

    assert call(*words, "--despite", "the premium was corrected by hand").exit_code == 0
    record = json.loads((run / "exports" / "csv.json").read_text(encoding="utf-8"))
    assert record["failed_gates"] == ["SEG-F01"]
    assert record["despite"] == "the premium was corrected by hand"


@pytest.mark.parametrize("place", ["journal", "out"])
def test_nothing_personal_goes_into_a_run_folder(tmp_path: Path, place: str) -> None:
    """Neither journal nor file may lie there."""
    run = write(tmp_path, company())
    places = {"journal": tmp_path / "j.sqlite", "out": tmp_path / "out", place: run / "x"}

    found = call(run, "--to", "csv", *[w for n, p in places.items() for w in (f"--{n}", p)])

    assert found.exit_code == 2
    assert "run folder" in found.output


def test_no_canary_in_run_folder_journal_and_output(tmp_path: Path) -> None:
    """Customer ids are in the CSV file and nowhere else."""
    run = write(tmp_path, company())
    found = call(run, "--to", "csv", "--out", tmp_path / "out", "--journal", tmp_path / "j.sqlite")

    written = [p for p in (*run.rglob("*"), tmp_path / "j.sqlite") if p.is_file()]
    assert len(written) >= 5
    assert [p.name for p in written if b"walrus" in p.read_bytes()] == []
    assert "walrus" not in found.output
    assert b"walrus-39" in (tmp_path / "out" / "customers.csv").read_bytes()


def test_rows_that_cannot_be_used(tmp_path: Path) -> None:
    """Unknown target, no ids, somebody twice, ids that a CRM takes for the same."""
    one = pd.DataFrame({"customer_id": ["a", "A ", "b"], "segment": "S01"})
    with pytest.raises(UsageError, match=r"unknown target 'hubspott'.*hubspot"):
        export.send(one, to="hubspott", journal="", key=KEY)
    with pytest.raises(UsageError, match="no customer_id"):
        export.send(one[["segment"]], to="csv", journal="", key=KEY, dry_run=True)
    with pytest.raises(DataError, match="1 rows are of a customer who is there already"):
        export.send(one.replace("A ", "a"), to="csv", journal="", key=KEY, dry_run=True)
    with pytest.raises(UsageError, match="no folder for the CSV file"):
        export.send(one, to="csv", journal="", key=KEY)
    done = export.send(one, to="csv", journal="", key=KEY, dry_run=True)
    assert (done.sent, done.suppressed) == (1, 2)
    lost = export.send(one.assign(customer_id=[None, "x", None]), to="csv", journal="", key=KEY,
                       dry_run=True)  # fmt: skip
    assert (lost.sent, lost.failed, lost.reconciled) == (1, 2, True)


def test_preview_counts_and_shows_nobody(tmp_path: Path) -> None:
    """The page's numbers, with consent counted a second way."""
    people = company()
    people.loc[0, "consent_marketing"] = False
    run = write(tmp_path, people)
    from segwork import config

    page = export.preview(Run("90_activation", run, config.load(tmp_path / "shop.toml"), KEY))

    assert page.facts() == {
        "customers": 40,
        "may_be_sent": 39,
        "suppressed": 1,
        "not_in_sources_share": 0.0,
        "accounted_for": 1,
        "to_be_sent_without_consent": 0,
        "consent_status": "passed",
    }
    assert page.segments["customers"].tolist() == [14, 13, 13]
    assert page.segments["may_be_sent"].tolist() == [13, 13, 13]
    assert not re.search("walrus", page.reasons.to_csv() + page.segments.to_csv())


def test_settings_are_checked() -> None:
    """Sections [export] and [pilot] refuse what they do not know."""
    from segwork import config

    base = {"as_of": "2026-07-01", "tables": {"transactions": {"path": "x.csv"}}}
    ready = config.load({**base, "pilot": {"starts": "2026-08-01", "region": "Bali"}})
    assert ready.pilot.starts == date(2026, 8, 1)
    for section, message in (
        ({"export": {"purposse": "x"}}, "did you mean 'purpose'"),
        ({"export": {"review_days": 0}}, "a positive number"),
        ({"pilot": {"region": "Bali"}}, "lacks starts"),
        ({"pilot": {"starts": "2026-08-01", "control_share": 1.5}}, "between 0 and 1"),
    ):
        with pytest.raises(ConfigError, match=message):
            config.load({**base, **section})
