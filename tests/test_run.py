"""The run folder seen from a notebook."""

from __future__ import annotations

import json
import math
import re
from datetime import date
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

import segwork.config
import segwork.errors
import segwork.run
from segwork.config import Config
from segwork.errors import DataError, UsageError
from segwork.run import Run
from segwork.runs.shown import html_table


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """Open a run for one notebook in an empty folder."""
    return Run("20_segments", tmp_path, Config(as_of=date(2011, 12, 10)), "key")


@pytest.fixture
def shown(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """Collect what a notebook would display."""
    seen: list[Any] = []
    monkeypatch.setattr("IPython.display.display", lambda *things, **_: seen.extend(things))
    return seen


def test_facts_are_canonical(run: Run, tmp_path: Path) -> None:
    """Facts are written sorted, with interval and count beside the value."""
    run.metric("share", 0.25, unit="share", low=0.2, high=0.3, n=40)
    run.metric("rows", 12)
    run.finish()

    text = (tmp_path / "facts" / "20_segments.json").read_text(encoding="utf-8")

    assert json.loads(text)["facts"] == {
        "rows": 12,
        "share": 0.25,
        "share_high": 0.3,
        "share_low": 0.2,
        "share_n": 40,
    }
    assert text == json.dumps(json.loads(text), sort_keys=True, indent=1) + "\n"


@pytest.mark.parametrize("value", [math.nan, math.inf, None, [1]])
def test_metric_refuses_what_is_no_finite_number(run: Run, value: Any) -> None:
    """A fact is a finite number or a word; nothing else reaches the file."""
    with pytest.raises(UsageError, match="metric 'x' of 20_segments"):
        run.metric("x", value)


@pytest.mark.parametrize("value", ["0123456789abcdef", "to mary@example.org", "+62 812 555 0199"])
def test_metric_names_nobody(run: Run, value: str) -> None:
    """A pseudonym, an address or a number to call is no fact."""
    with pytest.raises(UsageError, match="metric 'x' of 20_segments names a person"):
        run.metric("x", value)


def test_metric_is_recorded_once(run: Run) -> None:
    """A second value under the same name would hide the first."""
    run.metric("x", 1)

    with pytest.raises(UsageError, match="recorded twice"):
        run.metric("x", 2)


def test_say_fills_numbers_and_escapes_text(run: Run, shown: list[Any]) -> None:
    """Numbers come from the facts; text from data cannot become markup."""
    run.metric("missing", 135080)

    run.say("{missing} rows, top product {product}", product="<script>alert(1)</script> *now*")

    assert shown[0].data == (
        r"135,080 rows, top product &lt;script&gt;alert(1)&lt;/script&gt; \*now\*"
    )


def test_say_names_the_nearest_fact(run: Run, shown: list[Any]) -> None:
    """A misspelt fact is an error, not an empty place."""
    run.metric("missing_rows", 1)

    with pytest.raises(UsageError, match="did you mean 'missing_rows'"):
        run.say("{mising_rows} rows")


def test_table_refuses_rows_about_people(run: Run, shown: list[Any]) -> None:
    """Neither a customer id nor a long listing is shown."""
    with pytest.raises(UsageError, match="rows about people"):
        run.table(pd.DataFrame({"customer_id": ["a"]}), caption="who")
    with pytest.raises(UsageError, match="rows about people"):
        run.table(pd.DataFrame({"x": range(100)}), caption="all of them")

    assert shown == []


def test_figure_needs_alt_text(run: Run) -> None:
    """A figure without a description is refused."""
    with pytest.raises(UsageError, match="no alt text"):
        run.figure(object(), alt=" ")


def test_tables_pass_between_notebooks(run: Run) -> None:
    """What one notebook saves another reads, columns and types unchanged."""
    frame = pd.DataFrame({"segment": ["S01", "S02"], "customers": [3, 4]})

    run.save(frame, "segments")

    pd.testing.assert_frame_equal(run.read("segments"), frame, check_dtype=False)
    assert run.has("segments")
    assert not run.has("segment")
    with pytest.raises(UsageError, match="did you mean 'segments'"):
        run.read("segment")


def test_start_resolves_from_the_project_root(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The kernel's working folder does not matter."""
    (tmp_path / "notebooks").mkdir()
    (tmp_path / "pyproject.toml").touch()
    (tmp_path / "c.toml").write_text("as_of = 2024-01-31\n", encoding="utf-8")
    monkeypatch.delenv("SEGWORK_RUN", raising=False)
    monkeypatch.delenv("SEGWORK_ROOT", raising=False)
    monkeypatch.setenv("SEGWORK_KEY", "k" * 16)
    monkeypatch.chdir(tmp_path / "notebooks")

    run = segwork.run.start("10_data_quality", config="c.toml")

    assert run.folder == tmp_path / "reports" / "lab"
    assert run.as_of == date(2024, 1, 31)


def test_key_is_made_once_and_kept_outside_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same project gives the same pseudonyms; the key file is the owner's alone."""
    monkeypatch.delenv("SEGWORK_KEY", raising=False)
    monkeypatch.setenv("SEGWORK_ROOT", str(tmp_path))
    config = Config(as_of=date(2024, 1, 31))

    first = segwork.run.pseudonym_key(config)

    assert first == segwork.run.pseudonym_key(config)
    assert (tmp_path / ".segwork" / "key").stat().st_mode & 0o077 == 0


def test_say_knows_units_and_escapes_text(run: Run, shown: list[Any]) -> None:
    """The ends of an interval are shown in the unit of their estimate; data is no formula."""
    run.metric("lost_share", 0.25, unit="share", low=0.2, high=0.3)

    run.say("{lost_share} ({lost_share_low} to {lost_share_high}) of {name}", name="A$AP $x$")

    assert shown[0].data == r"25.0 % (20.0 % to 30.0 %) of A\$AP \$x\$"


OWN = "as_of = 2024-01-31\n[sample]\nfolder = 'sample'\n[tables.transactions]\npath = '{}'\n"


@pytest.mark.parametrize(
    ("path", "public"),
    [
        ("sample/transactions.parquet", True),
        ("own.csv", False),
        ("sample/../own.parquet", False),
        ("sample/more/transactions.parquet", False),
    ],
)
def test_the_public_key_is_for_the_sample_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, path: str, public: bool
) -> None:
    """A table that is not the sample's own gets a key nobody knows."""
    monkeypatch.delenv("SEGWORK_KEY", raising=False)
    monkeypatch.setenv("SEGWORK_ROOT", str(tmp_path))
    (tmp_path / "c.toml").write_text(OWN.format(path), encoding="utf-8")

    key = segwork.run.pseudonym_key(segwork.config.load(tmp_path / "c.toml"))

    assert (key == segwork.run.SAMPLE_KEY) == public
    assert (tmp_path / ".segwork" / "key").exists() != public


@pytest.mark.parametrize("key", ["", " ", "k", "x" * 15])
def test_a_short_key_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, key: str) -> None:
    """Empty or short, in the variable or in the file: no pseudonyms that could be undone."""
    config = Config(as_of=date(2024, 1, 31))
    monkeypatch.setenv("SEGWORK_ROOT", str(tmp_path))
    monkeypatch.setenv("SEGWORK_KEY", key)
    with pytest.raises(UsageError, match="the key of the pseudonyms in SEGWORK_KEY has"):
        segwork.run.pseudonym_key(config)

    monkeypatch.delenv("SEGWORK_KEY")
    (tmp_path / ".segwork").mkdir()
    (tmp_path / ".segwork" / "key").write_text(key, encoding="ascii")
    with pytest.raises(UsageError, match=r"key' has \d+ characters"):
        segwork.run.pseudonym_key(config)


@pytest.mark.parametrize("place", [".", "..", ".segwork"])
def test_a_key_lies_in_no_run_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    """Where the run folder would hold the project's own, the run is refused."""
    root = tmp_path / "project"
    root.mkdir()
    monkeypatch.delenv("SEGWORK_KEY", raising=False)
    monkeypatch.setenv("SEGWORK_ROOT", str(root))

    with pytest.raises(UsageError, match="would lie in the run folder"):
        segwork.run.pseudonym_key(Config(as_of=date(2024, 1, 31)), run_folder=root / place)

    assert not (root / ".segwork" / "key").exists()


def test_many_first_starts_agree_on_one_key(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The key appears whole and once, however many ask for it at the same moment."""
    from concurrent.futures import ThreadPoolExecutor

    monkeypatch.delenv("SEGWORK_KEY", raising=False)
    monkeypatch.setenv("SEGWORK_ROOT", str(tmp_path))
    config = Config(as_of=date(2024, 1, 31))

    with ThreadPoolExecutor(16) as pool:
        keys = set(pool.map(lambda _: segwork.run.pseudonym_key(config), range(64)))

    assert len(keys) == 1
    assert [path.name for path in (tmp_path / ".segwork").iterdir()] == ["key"]


WHO = "0123456789abcdef"


@pytest.mark.parametrize(
    "frame",
    [
        pd.DataFrame({"e_mail": ["a"], "n": [1]}),
        pd.DataFrame({"contactName": ["a"]}),
        pd.DataFrame({"phone": [628125550199]}),
        pd.DataFrame({"n": [1]}, index=pd.Index([WHO], name="who")),
        pd.DataFrame(
            {"n": [1]}, index=pd.MultiIndex.from_tuples([("S01", WHO)], names=["s", None])
        ),
        pd.DataFrame({("n", "sum"): [1], ("birth_year", "min"): [1980]}),
        pd.DataFrame({WHO: [1], "n": [2]}),
        pd.DataFrame({"message": ["write to mary@example.org"]}),
        pd.DataFrame({"session_id": ["a"]}),
        pd.DataFrame({"code": ["not_a_time"], "n_rows": [1], "examples": ["Mary"]}),
    ],
    ids=range(10),
)
def test_a_person_is_known_in_columns_levels_labels_and_values(
    run: Run, shown: list[Any], frame: pd.DataFrame
) -> None:
    """Extra columns, several levels, pseudonyms as labels, addresses in a sentence."""
    with pytest.raises(UsageError, match="rows about people") as caught:
        run.table(frame, caption="x")

    assert shown == []
    assert WHO not in str(caught.value)
    assert "mary" not in str(caught.value)


@pytest.mark.parametrize(
    "frame",
    [
        pd.DataFrame({"channel": ["email", "phone"], "contacts": [3, 4]}),
        pd.DataFrame({"email": [12], "phone": [30]}, index=pd.Index(["Loyal"], name="segment")),
        pd.DataFrame({"segment": ["S01"], "name": ["Loyal regulars"], "customers": [40]}),
        pd.DataFrame({"code": ["DQ-T-06"], "message": ["3 rows before 1980"]}),
    ],
    ids=range(4),
)
def test_aggregates_are_shown(run: Run, shown: list[Any], frame: pd.DataFrame) -> None:
    """Counts by channel, names of segments, messages of checks are about nobody."""
    run.table(frame, caption="x")

    assert len(shown) == 1


@pytest.mark.parametrize(
    ("frame", "said"),
    [
        (pd.DataFrame({"customer_id": ["C-17"], "n": [1]}), "customer_id without key"),
        (pd.DataFrame({"text": ["I moved"]}), "text"),
        (pd.DataFrame({"birth_year": [1980]}), "birth_year"),
        (pd.DataFrame({"note": ["x@example.org"]}), "values of note"),
        (pd.DataFrame({"n": [1]}, index=pd.Index(["C-17"], name="customer_id")), "without key"),
    ],
)
def test_save_keeps_pseudonyms_and_measures_only(
    run: Run, tmp_path: Path, frame: pd.DataFrame, said: str
) -> None:
    """What reaches or names a person is in no table of a run folder."""
    with pytest.raises(UsageError, match=said):
        run.save(frame, "x")

    assert list(tmp_path.iterdir()) == []
    run.save(pd.DataFrame({"customer_id": [WHO], "orders": [3]}), "x")
    assert (tmp_path / "tables" / "x.parquet").stat().st_mode & 0o777 == 0o600
    with pytest.raises(segwork.errors.DataError, match="is no name"):
        run.save(pd.DataFrame({"a": [1]}), "../x")


def test_answer_is_shown_and_kept_for_the_first_screen(tmp_path: Path, monkeypatch: Any) -> None:
    """Found, meaning and action are filled from facts and stand in the facts file."""
    monkeypatch.setenv("SEGWORK_RUN", str(tmp_path))
    run = segwork.run.start("20_segments", config={"as_of": "2026-01-01"})
    run.metric("segments", 5)
    run.answer(
        found="{segments} segments.", means="They hold in {where}.", do="Use them.", where="A*"
    )
    run.finish()

    kept = json.loads((tmp_path / "facts" / "20_segments.json").read_text(encoding="utf-8"))
    assert kept["answer"] == {
        "found": "5 segments.",
        "means": r"They hold in A\*.",
        "do": "Use them.",
    }


def test_a_reference_run_is_read_or_missed_in_words(tmp_path: Path) -> None:
    """Nothing where none is named; its table by name; one sentence where it left none."""
    table = pd.DataFrame({"table": ["lines"], "column": ["amount"], "bin": ["≤ 9"], "rows": [7]})
    (tmp_path / "old" / "tables").mkdir(parents=True)
    table.to_parquet(tmp_path / "old" / "tables" / "column_summaries.parquet")
    alone = Run("10_data_quality", tmp_path, segwork.config.load({"as_of": "2024-01-01"}), "key")
    assert alone.of_reference("column_summaries") is None
    named = {"as_of": "2024-01-01", "reference_run": str(tmp_path / "old")}
    run = Run("10_data_quality", tmp_path, segwork.config.load(named), "key")
    assert run.reference_name == "old"
    assert run.of_reference("column_summaries").equals(table)
    with pytest.raises(DataError, match="has no table 'others'"):
        run.of_reference("others")


def test_tables_spell_small_chances_and_large_counts() -> None:
    """A p is never nought, the commas of a number stay where they are, and a flag is a word."""
    frame = pd.DataFrame(
        {"p_holm": [0.0, 0.02], "value": ["552,829", "a,b"], "held": [True, False]}
    )
    html = html_table(frame, "Some")
    assert re.findall(r"<td[^>]*>(.*?)</td>", html) == [
        "&lt; 0.001", "552,829", "yes", "0.02", "a, b", "no",
    ]  # fmt: skip
