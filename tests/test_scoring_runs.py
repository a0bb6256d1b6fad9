"""``segwork score``: a run leaves its model, and the command counts everybody it is shown."""

from __future__ import annotations

import json
import os
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner, Result
from small_project import write_notebook
from test_scoring import needs_spark

from segwork import cli, engine, run, scoring
from segwork.errors import DataError
from segwork.run import pseudonym_key
from segwork.tables.engines import pseudonym

AS_OF = "2020-01-01"
LINES = [
    "import segwork.run",
    "from segwork import clustering, features, privacy",
    "run = segwork.run.start('20_segments', config=config)",
    "table = features.customer_features(privacy.tables_of(run), as_of=run.as_of)",
    "X = clustering.behaviour(table)",
    "quick = {'methods': ('kmeans',), 'n_clusters': 2, 'draws': 0, 'copies': 0}",
    "model = clustering.compare(X, **quick).model('kmeans')",
    "run.save(clustering.saved_table(model.segments(X), 'kmeans'), 'segments')",
    "run.save_model(model, 'segments')",
    "1 / (1 - fail)",
]
CELLS = [
    ("markdown", "# Which segments are there?"),
    ("parameters", 'config: str = "c.toml"  # run\nfail: int = 0  # whether to fail'),
    ("code", "\n".join(LINES)),
    ("code", "run.finish()"),
]


def order_lines(customers: int = 60) -> pd.DataFrame:
    """Return order lines: some buy once, one only returns, one comes later, one has no id."""
    rng = np.random.default_rng(5)
    times = [1 if number % 3 == 0 else 2 + number % 7 for number in range(customers)]
    lines = pd.DataFrame({"customer_id": np.repeat([f"c{n:02}" for n in range(customers)], times)})
    lines["ordered_at"] = pd.Timestamp("2019-01-01") + pd.to_timedelta(
        rng.integers(0, 360, len(lines)), "D"
    )
    lines["amount"] = rng.lognormal(3, 1, len(lines)).round(2)
    odd = {"customer_id": ["back", "late", None], "amount": [-5.0, 5.0, 5.0]}
    days = pd.to_datetime(["2019-05-05", "2020-03-01", "2019-05-05"])
    return pd.concat([lines, pd.DataFrame(odd).assign(ordered_at=days)], ignore_index=True)


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Make a project whose one notebook saved a model."""
    root = tmp_path_factory.mktemp("project") / "tiny"
    (root / "notebooks").mkdir(parents=True)
    (root / "pyproject.toml").write_text("", encoding="ascii")
    order_lines().to_parquet(root / "lines.parquet")
    (root / "c.toml").write_text(
        f'as_of = {AS_OF}\nname = "tiny"\n[tables.transactions]\npath = "lines.parquet"\n'
    )
    write_notebook(root / "notebooks" / "20_segments.ipynb", CELLS)
    for path in root.rglob("*"):
        os.utime(path, (1_500_000_000, 1_500_000_000))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SEGWORK_ROOT", str(root))
        assert quiet_run(root).exit_code == 0
        yield root


def quiet_run(root: Path, *parameters: str) -> engine.Outcome:
    """Run the project without talking."""
    options = {"out": root / "reports", "jobs": 1, "say": lambda _: None}
    return engine.run(root / "c.toml", parameters=parameters, **options)


def call(*words: object) -> Result:
    """Call ``segwork score`` in this process."""
    return CliRunner().invoke(cli.main, ["score", *map(str, words)])


def score(project: Path, table: object, *words: object) -> str:
    """Score with the model of the run and return what was said."""
    found = call(project / "reports" / "tiny", table, "--as-of", AS_OF, *words)
    assert found.exit_code == 0, found.output
    return found.output


def test_a_run_leaves_its_model_and_keeps_it(project: Path) -> None:
    """Two private files, as later code reads them; a second run reuses the notebook and them."""
    folder = project / "reports" / "tiny" / "models" / "segments"
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    assert set(before) == {"model.json", "arrays.npz"}
    assert {path.stat().st_mode & 0o777 for path in folder.iterdir()} == {0o600}

    assert quiet_run(project).reasons == {"20_segments": ""}
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before
    assert scoring.load(folder).method == "kmeans"


def test_a_changed_model_is_made_again_and_a_failed_run_leaves_none(
    project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was changed by hand is no result; what failed leaves nothing stale to score with."""
    root = tmp_path / "copy"
    shutil.copytree(project, root)
    monkeypatch.setenv("SEGWORK_ROOT", str(root))
    quiet_run(root)
    path = root / "reports" / "tiny" / "models" / "segments" / "model.json"
    good = path.read_bytes()
    path.write_bytes(good.replace(b"kmeans", b"KMEANS"))
    with pytest.raises(DataError, match="is not as it was saved"):
        scoring.model_of(root / "reports" / "tiny")

    said = quiet_run(root).reasons["20_segments"]
    assert said == "its output models/segments/model.json was changed or lost"
    assert path.read_bytes() == good

    assert quiet_run(root, "20_segments.fail=1").exit_code == 1
    assert not path.exists()
    found = call(root / "reports" / "tiny", root / "lines.parquet", "--as-of", AS_OF)
    assert found.exit_code == 2
    assert "no model" in found.output


def test_the_model_lies_in_the_run_folder_only(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No name leads out of ``models``, and no link is followed."""
    monkeypatch.setenv("SEGWORK_RUN", str(tmp_path / "run"))
    tables = {"transactions": {"path": "lines.csv"}}
    started = run.start("20_segments", config={"as_of": AS_OF, "tables": tables})
    for name in ("../segments", "a/b", "", ".."):
        with pytest.raises(DataError, match="no name of"):
            started.save_model(None, name)

    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "run" / "models").mkdir(parents=True)
    (tmp_path / "run" / "models" / "segments").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(DataError, match="leads out of the run folder"):
        scoring.model_of(tmp_path / "run")


def test_a_failed_run_in_a_folder_from_elsewhere_leaves_no_model(
    project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The project remembers nothing of the folder, but the notebook names what it would leave."""
    root = tmp_path / "copy"
    shutil.copytree(project, root, ignore=shutil.ignore_patterns(".segwork"))
    monkeypatch.setenv("SEGWORK_ROOT", str(root))

    assert quiet_run(root, "20_segments.fail=1").exit_code == 1
    assert not list((root / "reports" / "tiny").glob("models/*/*"))


@pytest.mark.parametrize("engine_name", ["pandas", "duckdb"])
@pytest.mark.parametrize("ending", ["csv", "parquet"])
def test_the_command_says_what_the_run_says(
    project: Path, tmp_path: Path, engine_name: str, ending: str
) -> None:
    """The same customers on the same day get the segments of the run; everybody is counted."""
    out = tmp_path / f"scored.{ending}"
    said = score(project, project / "lines.parquet", "--engine", engine_name, "--out", out)

    assert said.endswith("segwork score: customers 62 = placed 60 + not placed 2\n")
    assert re.search(r" 2  not placed: no order before 2020-01-01\n", said)
    found = pd.read_parquet(out) if ending == "parquet" else pd.read_csv(out)
    assert out.stat().st_mode & 0o777 == 0o600
    assert list(found) == ["customer_id", "segment", "why"]
    key = pseudonym_key_of(project)
    mine = {pseudonym(c, key): s for c, s in zip(found.customer_id, found.segment, strict=True)}
    kept = pd.read_parquet(project / "reports" / "tiny" / "tables" / "segments.parquet")
    assert mine == dict(zip(kept["customer_id"], kept["segment"], strict=True))
    assert len(set(mine.values())) > 1


def pseudonym_key_of(project: Path) -> str:
    """Return the key of the project's pseudonyms."""
    from segwork.config import load

    return pseudonym_key(load(project / "c.toml"), make=False)


@needs_spark
@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:PySpark does not yet fully support pandas:FutureWarning")
@pytest.mark.filterwarnings("ignore::ResourceWarning")
def test_spark_says_the_same(project: Path, tmp_path: Path) -> None:
    """Spark's workers write the parts; mapping, consent, words and rows are those of pandas."""
    config, plain, out = shop(tmp_path), tmp_path / "plain.csv", tmp_path / "scored.csv"
    said = score(project, config, "--engine", "spark", "--master", "local[1]", "--out", out)

    assert said == score(project, config, "--out", plain)
    parts = pd.concat(map(pd.read_csv, out.glob("*.csv"))).sort_values("customer_id")
    other = pd.read_csv(plain).sort_values("customer_id")
    assert (parts.to_numpy()[:, :2] == other.to_numpy()[:, :2]).all()

    config.write_text(config.read_text().replace("separator", "day_first = true\nseparator"))
    found = call(project / "reports" / "tiny", config, "--as-of", AS_OF, "--engine", "spark")
    assert found.exit_code == 2
    assert "Spark does not read [tables.transactions] as it is written" in found.output
    assert "--engine duckdb reads it" in found.output


def shop(folder: Path) -> Path:
    """Write order lines under own names and who agreed, and return the config that maps them."""
    lines = order_lines().rename(columns={"customer_id": "who", "amount": "paid"})
    lines.to_csv(folder / "own.csv", index=False, sep=";")
    people = pd.DataFrame({"customer_id": lines["who"].dropna().unique()})
    people["consent_profiling"] = people.index >= 10
    people["consent_profiling_at"] = "2019-06-01"  # before --as-of, after the day of the config
    people.to_csv(folder / "people.csv", index=False)
    config = folder / "shop.toml"
    config.write_text(
        'as_of = 2019-02-01\n[tables.transactions]\npath = "own.csv"\nseparator = ";"\n'
        'columns = { customer_id = "who", amount = "paid" }\n'
        '[tables.customers]\npath = "people.csv"\n'
    )
    return config


@pytest.mark.parametrize("engine_name", ["pandas", "duckdb"])
def test_a_config_maps_columns_and_its_consent_counts(
    project: Path, tmp_path: Path, engine_name: str
) -> None:
    """Own column names are read as in a run; who did not agree is counted, not scored."""
    out = tmp_path / "scored.csv"
    said = score(project, shop(tmp_path), "--engine", engine_name, "--out", out)

    assert "10  not placed: no consent" in said
    assert said.endswith("customers 62 = placed 50 + not placed 12\n")
    assert not set(pd.read_csv(out)["customer_id"]) & {f"c{n:02}" for n in range(10)}


def test_mistakes_are_one_sentence(project: Path, tmp_path: Path) -> None:
    """A day that is none, an unknown ending, a table that is not there: exit code 2, no file."""
    folder, table = project / "reports" / "tiny", project / "lines.parquet"
    wrong = {
        "year-month-day": (folder, table, "--as-of", "soon"),
        ".csv or .parquet": (folder, table, "--as-of", AS_OF, "--out", tmp_path / "x.xlsx"),
        "no.csv": (folder, tmp_path / "no.csv", "--as-of", AS_OF, "--out", tmp_path / "x.csv"),
        "holds no model": (project, table, "--as-of", AS_OF),
    }
    for said, words in wrong.items():
        found = call(*words)
        assert found.exit_code == 2, found.output
        assert said in found.output
        assert "Traceback" not in found.output
    assert list(tmp_path.iterdir()) == []


def test_the_window_is_that_of_the_run(project: Path, tmp_path: Path) -> None:
    """A manifest that says nonsense of its window is refused."""
    folder = tmp_path / "run"
    shutil.copytree(project / "reports" / "tiny", folder)
    manifest = json.loads((folder / "manifest.json").read_text())
    assert manifest["config"]["window_days"] == 365
    manifest["config"]["window_days"] = "long"
    (folder / "manifest.json").write_text(json.dumps(manifest))

    found = call(folder, project / "lines.parquet", "--as-of", AS_OF)
    assert found.exit_code == 2
    assert "is no number" in found.output
