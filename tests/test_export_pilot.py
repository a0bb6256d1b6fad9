"""The pilot: a draw that stays, a list filled from findings, an outcome with its interval."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from export_run import KEY, company, write

from segwork import config, export
from segwork.errors import UsageError
from segwork.export import pilot
from segwork.plots import activation as plots
from segwork.results import Status
from segwork.run import Run
from segwork.settings import Pilot

PLAN = Pilot(starts=date(2026, 7, 1), region="Bali", size=1_000, control_share=0.2)


def everybody(customers: int = 4_000) -> pd.DataFrame:
    """Return customers of two regions, all of whom agreed long ago."""
    frame = {
        "customer_id": [f"C{number}" for number in range(customers)],
        "region": ["Bali", "Jakarta"] * (customers // 2),
        "first_order_at": pd.Timestamp("2026-01-01"),
        "withdrawn_at": pd.NaT,
        "reason": "",
    }
    return pd.DataFrame(frame)


def test_draw_has_the_region_the_size_and_the_share() -> None:
    """A thousand of Bali; the control group is within chance of a fifth."""
    people = everybody()
    arm = pilot.draw(people, PLAN)

    assert (arm != "").sum() == 1_000
    assert set(people.loc[arm != "", "region"]) == {"Bali"}
    assert abs((arm == "control").sum() - 200) < 4 * np.sqrt(1_000 * 0.2 * 0.8)
    assert (pilot.draw(people, Pilot(starts=PLAN.starts, size=10_000)) != "").all()
    other = pilot.draw(people, Pilot(starts=PLAN.starts, region="Bali", size=1_000, name="second"))
    assert (other != arm).sum() > 500


def test_draw_stays_when_the_company_goes_on() -> None:
    """Other order of rows, new customers, a withdrawal, a name written otherwise: the same arms."""
    people = everybody()
    before = pilot.draw(people, PLAN).set_axis(people["customer_id"])
    drawn = before.index[before != ""]
    new = everybody(400).assign(
        customer_id=lambda f: "N" + f["customer_id"], first_order_at=pd.Timestamp("2026-07-02")
    )
    later = pd.concat([people.sample(frac=1, random_state=1), new], ignore_index=True)
    left = later["customer_id"] == drawn[0]
    later.loc[left, "withdrawn_at"] = pd.Timestamp("2026-07-09")
    later.loc[left, "reason"] = "consent withdrawn"
    later.loc[later["customer_id"] == drawn[1], "region"] = "BALI "

    after = pilot.draw(later, PLAN).set_axis(later["customer_id"])

    pd.testing.assert_series_equal(after[before.index], before, check_names=False)
    assert (after[new["customer_id"]] == "").all()


def test_who_had_not_agreed_on_the_first_day_is_not_drawn() -> None:
    """No consent, or withdrawn before the start."""
    people = everybody(10)
    people.loc[0, "reason"] = "no consent"
    people.loc[2, ["reason", "withdrawn_at"]] = ["consent withdrawn", pd.Timestamp("2026-06-30")]

    assert pilot.draw(people, PLAN).iloc[[0, 2]].tolist() == ["", ""]
    with pytest.raises(UsageError, match=r"\[pilot\] names a region"):
        pilot.draw(people.drop(columns="region"), PLAN)


def test_list_is_filled_from_findings() -> None:
    """A failed required gate is a no-go, doubt is open, silence is open, the rest goes."""
    statuses = {
        "SEG-P01": "inconclusive",
        "SEG-Q01": "passed",
        "SEG-Q02": "not_applicable",
        "SEG-C01": "warned",
        "SEG-F01": "failed",
        "SEG-F02": "passed",
        "SEG-T01": "skipped",
    }
    findings = [{"code": code, "status": status} for code, status in statuses.items()]
    listed = pilot.go_no_go(findings, ["SEG-P01", "SEG-F01", "SEG-Q01"])

    answers = dict(zip(pilot.questions(), listed["answer"], strict=True))
    expected = {"SEG-P": "no-go", "SEG-Q": "go", "SEG-C": "open", "SEG-F": "no-go", "SEG-T": "open"}
    assert {family: answers[family] for family in expected} == expected
    assert "SEG-F01 failed" in set(listed["why"])


@pytest.mark.parametrize(
    ("buyers", "status"),
    [
        ((420, 50), Status.PASSED),
        ((280, 110), Status.FAILED),
        ((400, 98), Status.INCONCLUSIVE),
    ],
)
def test_outcome_needs_evidence(buyers: tuple[int, int], status: Status) -> None:
    """800 in the pilot, 200 in control: better, worse, and cannot tell."""
    arm = pd.Series(["pilot"] * 800 + ["control"] * 200)
    bought = pd.Series(np.r_[np.arange(800) < buyers[0], np.arange(200) < buyers[1]])

    found = pilot.outcome(arm, bought, control_share=0.2)

    assert found.status is status
    assert found.difference == pytest.approx(buyers[0] / 800 - buyers[1] / 200)
    assert found.difference in found.interval


def test_outcome_of_a_published_example() -> None:
    """Newcombe (1998), table II, example (a): 56 of 70 and 48 of 80 give 0.0524 to 0.3339."""
    arm = pd.Series(["pilot"] * 70 + ["control"] * 80)
    bought = pd.Series(np.r_[np.arange(70) < 56, np.arange(80) < 48])

    found = pilot.outcome(arm, bought, control_share=80 / 150)

    assert (found.interval.low, found.interval.high) == pytest.approx((0.0524, 0.3339), abs=5e-5)
    assert found.facts()["pilot_control"] == 80


def test_figures_say_what_they_show() -> None:
    """Both have labelled axes and the numbers in words."""
    import matplotlib.pyplot as plt

    arm = pd.Series(["pilot"] * 80 + ["control"] * 20)
    counts = pd.DataFrame({"reason": ["may be sent", "no consent"], "customers": [1_200, 7]})
    shown = [plots.pilot(pilot.outcome(arm, arm == "pilot", control_share=0.2))]
    shown.append(plots.reasons(counts))

    assert "pilot 100.0 % (95.4 to 100.0)" in shown[0][1]
    assert "may be sent, 1,200; no consent, 7" in shown[1][1]
    assert all(figure.axes[0].get_xlabel() for figure, _ in shown)
    for figure, _ in shown:
        plt.close(figure)


def test_a_damaged_split_is_no_success() -> None:
    """A control group of half the planned size fails, however good the pilot looks."""
    arm = pd.Series(["pilot"] * 900 + ["control"] * 100)

    assert pilot.outcome(arm, arm == "pilot", control_share=0.2).status is Status.FAILED


def test_what_would_settle_it_does() -> None:
    """With that many customers a test has a power of about 80 % (simulated, 400 trials)."""
    arm = pd.Series(["pilot"] * 800 + ["control"] * 200)
    bought = pd.Series(np.r_[np.arange(800) < 120, np.arange(200) < 22])
    found = pilot.outcome(arm, bought, control_share=0.2)
    rng = np.random.default_rng(0)
    n_1, n_0 = round(found.settles * 0.8), round(found.settles * 0.2)
    k_1, k_0 = rng.binomial(n_1, 0.15, 400), rng.binomial(n_0, 0.11, 400)

    spread = np.sqrt(0.15 * 0.85 / n_1 + 0.11 * 0.89 / n_0)
    assert 0.7 < np.mean((k_1 / n_1 - k_0 / n_0) / spread > 1.96) < 0.9


@pytest.mark.usefixtures("_key")
def test_pilot_goes_through_rows_export_and_the_next_run(tmp_path: Path) -> None:
    """Only the pilot group is sent; the next run reads who bought since, by the draw."""
    section = "[pilot]\nstarts = 2026-06-01\nregion = 'Bali'\nsize = 300\ncontrol_share = 0.5\n"
    people = company(800)
    run = write(tmp_path, people, settings=section)
    found = export.rows(run)
    assert found["suppressed"].astype(str).value_counts().to_dict() == {
        "outside the pilot": 500,
        "": int((found["arm"] == "pilot").sum()),
        "control group": int((found["arm"] == "control").sum()),
    }
    lines = pd.read_parquet(tmp_path / "transactions.parquet")
    treated = found.loc[found["arm"] == "pilot", "customer_id"]
    since = pd.DataFrame({"customer_id": treated, "amount": 1.0}).iloc[:60]
    since = since.assign(ordered_at=pd.Timestamp("2026-06-20"))
    pd.concat([lines, since]).to_parquet(tmp_path / "transactions.parquet")

    page = export.preview(Run("90_activation", run, config.load(tmp_path / "shop.toml"), KEY))

    assert page.outcome.table["buyers"].to_dict() == {"pilot": 60, "control": 0}
    assert page.facts()["pilot_status"] == "passed"


@pytest.fixture
def _key(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("SEGWORK_KEY", KEY)
    monkeypatch.setenv("SEGWORK_ROOT", str(tmp_path / "project"))
