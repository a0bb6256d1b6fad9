"""The bench of the data audit: planting is pure, scoring is fair, the worlds are clean."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from benchmarks.data import file_faults, file_habits, file_scores, traps
from benchmarks.data import plants as planting
from benchmarks.data import scores as data_scores
from benchmarks.data.files import FILES
from benchmarks.data.plants import DEFECTS, MEDIUM, Key
from benchmarks.data.worlds import WORLDS, World
from segwork import quality, sample
from segwork.checks import rules


@pytest.fixture(scope="module")
def public_data() -> Path:
    """Return the folder of public data sets, or skip where there is none."""
    folder = os.environ.get("SEGWORK_DATA")
    if not folder:
        pytest.skip("SEGWORK_DATA names no folder with the public data sets (data/README.md)")
    return Path(folder)


@pytest.fixture(scope="module", params=sorted(WORLDS))
def world(request: pytest.FixtureRequest) -> World:
    """Draw one clean company of each style."""
    return WORLDS[request.param](seed=3)


def test_defects_are_the_thirty_six_of_the_catalogue() -> None:
    """Numbers run from 1 to 36 and every expected check exists."""
    assert [d.number for d in DEFECTS] == list(range(1, 37))
    assert {code for d in DEFECTS for code in d.codes} <= set(rules("DQ"))


def test_worlds_depend_on_the_seed_alone(world: World) -> None:
    """The same seed gives the same tables, another seed others."""
    make = next(m for m in WORLDS.values() if m(seed=3).as_of == world.as_of)
    again, other = make(seed=3), make(seed=4)

    for name, frame in world.frames.items():
        pd.testing.assert_frame_equal(frame, again.frames[name])
    assert not world.frames["transactions"].equals(other.frames["transactions"])


def test_planting_is_pure_and_keyed(world: World) -> None:
    """Planting changes a copy, the same twice over; the key's rows lie inside the table."""
    before = world.copy()
    for defect in DEFECTS:
        faulty, key = planting.plant(world, defect, MEDIUM, seed=1)
        again = planting.plant(world, defect, MEDIUM, seed=1)[0]
        touched = faulty.frames[key.table]
        pd.testing.assert_frame_equal(touched, again.frames[key.table])
        assert not touched.equals(before[key.table]), defect.name
        assert key.n > 0, defect.name
        assert np.all(key.rows < len(touched)), defect.name
    for name, frame in world.frames.items():
        pd.testing.assert_frame_equal(frame, before[name])


def test_clean_company_is_silent(world: World) -> None:
    """Nothing planted, nothing found."""
    report = quality.audit(world.tables(), as_of=world.as_of)

    assert report.alarms[["code", "message"]].to_numpy().tolist() == []


@pytest.mark.slow
def test_planted_faults_are_found(world: World) -> None:
    """At 2 % nine in ten faults are found, placed and counted; 17 and 29 need more data."""
    name = next(n for n, make in WORLDS.items() if make(seed=3).as_of == world.as_of)
    found = data_scores.run_plants(worlds=[name], seeds=[5], strengths=[MEDIUM])
    possible = found[~found["number"].isin([17, 29])]

    assert (possible["score"] == 1).mean() >= 0.9, possible[possible["score"] < 1]


def test_trap_changes_a_copy_only(world: World) -> None:
    """Every trap adds its oddity to a copy."""
    before = world.copy()
    for name in traps.TRAPS:
        odd = traps.trapped(world, name, seed=0)
        changed = [t for t in before if not odd.frames[t].equals(before[t])]
        assert changed, name
    for name, frame in world.frames.items():
        pd.testing.assert_frame_equal(frame, before[name])


def _report(world: World, change: object, only: list[str]) -> quality.Audit:
    frames = world.copy()
    if change is not None:
        change(frames["transactions"])  # type: ignore[operator]
    return quality.audit(world.tables(frames), as_of=world.as_of, only=only)


def test_verdict_wants_place_number_and_a_silent_twin() -> None:
    """A full hit, half a hit with another count, none elsewhere or with a loud twin."""
    world = WORLDS["shop"](seed=3)

    def spoil(frame: pd.DataFrame) -> None:
        frame.loc[:49, "unit_price"] = -1.0

    code = ["DQ-T-06"]
    faulty, twin = _report(world, spoil, code), _report(world, None, code)
    key = Key("transactions", ("unit_price",), 50, np.arange(50), ("DQ-T-06",))
    other = Key("transactions", ("amount",), 50, np.arange(100, 150), ("DQ-T-06",))

    assert data_scores.verdict(faulty, twin, key)["score"] == 1.0
    assert data_scores.verdict(faulty, faulty, key)["score"] == 0.0
    assert data_scores.verdict(twin, twin, key)["score"] == 0.0
    assert data_scores.verdict(faulty, twin, other)["score"] == 0.0
    many = Key("transactions", ("unit_price",), 80, np.arange(80), ("DQ-T-06",))
    assert data_scores.verdict(faulty, twin, many)["score"] == 0.5


def test_false_alarms_are_counted_by_hand() -> None:
    """Four draws, one failed and one warned: shares and Wilson's bound."""
    draws = [{"world": "w", "seed": s, "code": "", "status": "", "message": ""} for s in range(4)]
    base = {"world": "w", "code": "DQ-T-06", "message": "x"}
    loud = [base | {"seed": 1, "status": "failed"}, base | {"seed": 2, "status": "warned"}]
    clean = pd.DataFrame(draws + loud)
    row = data_scores.false_alarms(clean).set_index("code").loc["DQ-T-06"]

    assert row[["draws", "failed", "warned", "share_failed"]].tolist() == [4, 1, 1, 0.25]
    assert row["upper"] == pytest.approx(0.699, abs=0.001)
    assert data_scores.clean_tables(clean)["clean_any_alarm"] == 2


@pytest.mark.slow
def test_sample_company_of_another_hand() -> None:
    """Its clean twin fails only where the rich hide incomes; nearly all its faults are found."""
    clean = sample.make(customers=2000, faults=False)
    report = quality.audit(clean.tables, as_of="2026-07-01")
    failed = report.findings.loc[report.findings["status"] == "failed", "code"]
    assert set(failed) <= {"DQ-M-04", "DQ-M-05"}

    company = sample.make(customers=2000)
    found = quality.audit(company.tables, as_of="2026-07-01").findings.set_index("code")["status"]
    key = company.key.faults
    heard = key["code"].map(found).isin(["failed", "warned"])
    assert heard.mean() >= 0.9, key[~heard][["fault", "code", "n_rows"]]


def test_faults_in_files_are_pure_and_keyed(public_data: Path) -> None:
    """Planting in a real file changes a copy, the same twice over, and says where."""
    assert public_data
    assert {code for f in file_faults.FAULTS for code in f.codes} <= set(rules("DQ"))
    for fault in file_faults.FAULTS:
        world = FILES[fault.files[0]](seed=0)
        before = world.copy()
        faulty, key = file_faults.plant(world, fault, MEDIUM, seed=1)
        again = file_faults.plant(world, fault, MEDIUM, seed=1)[0]
        pd.testing.assert_frame_equal(faulty.frames[key.table], again.frames[key.table])
        pd.testing.assert_frame_equal(world.frames[key.table], before[key.table])
        assert not faulty.frames[key.table].equals(before[key.table]), fault.name
        assert key.n > 0, fault.name


@pytest.mark.proof
def test_faults_of_middle_strength_in_files_are_found_and_named(public_data: Path) -> None:
    """Nine in ten of one draw; another draw than the one the checks were written on."""
    assert public_data
    found = file_scores.run_faults(seeds=[7])

    assert (found["code"] != "").mean() >= 0.9, found[found["code"] == ""]


@pytest.mark.proof
def test_honest_habits_of_files_fail_nothing(public_data: Path) -> None:
    """A promotion, Christmas, inflation, a new line, a bulk buyer: no check fails that passed."""
    assert public_data
    told = file_scores.run_habits(seeds=[7], files=["gifts_later", "discs"])

    assert told["habit"].nunique() == len(file_habits.HABITS)
    assert (told["new_failed"] != "").sum() <= 0.02 * len(told), told[told["new_failed"] != ""]
