"""The bench of models: planted defects are found, honest models are left alone."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier

from benchmarks.models import defects as model_defects
from benchmarks.models import rates as model_rates
from segwork import checks, overfitting
from segwork.overfitting import Design, OverfittingCheck
from segwork.overfitting.examination import Examination
from segwork.overfitting.problem import make_problem


def examine(subject: model_defects.Subject, **more: Any) -> OverfittingCheck:
    """Check a planted or honest subject of the bench."""
    return overfitting.check(subject.estimator, subject.X, subject.y, **subject.options, **more)


@pytest.fixture(scope="module")
def honest() -> OverfittingCheck:
    """Check an honest model with customers and time, once for several tests."""
    return examine(model_defects.honest_subjects(1)["logistic, customers and time"])


def test_honest_model_raises_no_alarm(honest: OverfittingCheck) -> None:
    """A logistic regression on clean rows passes every check that applies."""
    assert list(honest.alarms["code"]) == []
    assert set(honest.findings["code"]) == {f"OF-{k:02d}" for k in range(1, 21)}


def test_splits_stand_side_by_side_and_near_the_truth(honest: OverfittingCheck) -> None:
    """Random, grouped and time-ordered areas are all there, and agree where nothing leaks."""
    areas = honest.scores.query("metric == 'auc'").set_index("split")
    assert list(areas.index) == ["random", "grouped", "time-ordered"]
    assert areas["holdout"].between(0.75, 0.90).all()
    assert (areas["holdout"].between(areas["low"], areas["high"])).all()
    assert np.ptp(areas["holdout"]) < 0.03


PLANTS = [
    ("memorising tree", "large"),
    ("copied rows", "middle"),
    ("post-outcome feature", "middle"),
    ("rare class multiplied", "middle"),
    ("synthetic rare rows", "middle"),
    ("threshold of unknown origin", "middle"),
    ("rare class ignored", "middle"),
    ("rule in one period only", "middle"),
    ("effect that turned", "middle"),
    ("no better than one rule", "middle"),
    ("open label window", "middle"),
    ("overconfident", "middle"),
    ("same customers on both sides", "middle"),
    ("selection before the split", "middle"),
]


@pytest.mark.parametrize(("kind", "strength"), PLANTS, ids=[kind for kind, _ in PLANTS])
def test_planted_defect_is_named(kind: str, strength: str) -> None:
    """Each kind is found in the first draw by one of its checks, with the right column."""
    subject = model_defects.plant(kind, strength, seed=3)
    alarms = examine(subject, seed=3).alarms
    found = alarms[alarms["code"].isin(model_defects.DEFECTS[kind].codes)]
    assert len(found)
    if subject.column:
        assert subject.column in ",".join(found["column"]).split(",")


def test_number_of_copied_rows_is_exact() -> None:
    """Forty rows of two thousand occur twice: forty are counted."""
    subject = model_defects.plant("copied rows", "middle", seed=5)
    found = examine(subject).findings.set_index("code").loc["OF-07"]
    assert (found["status"], found["n_rows"]) == ("failed", 40)


def test_interpolating_forest_that_wins_is_left_alone() -> None:
    """Training area 1.0 is no fault while no simpler model does better."""
    check = examine(model_defects.interacting(2))
    assert check.scores["train"].iloc[0] > 0.99
    assert check.alarms.empty
    assert "too modest" in check.findings.set_index("code").loc["OF-20", "message"]


def test_usual_forest_is_not_called_harmful_where_a_line_is_right() -> None:
    """In an additive world logistic regression is ahead of a forest; that alone is no fault."""
    subject = replace(model_defects.honest(3000, n=3000), estimator=RandomForestClassifier(60))
    check = examine(subject)
    assert check.status("OF-01") == check.status("OF-03") == "passed"
    assert "a simpler model would do" in check.findings.set_index("code").loc["OF-03", "message"]


def test_friday_rule_that_always_holds_is_not_gone() -> None:
    """At lift 1.5 and 1,000 rows the rule is found if it ended, not if it went on."""
    ended = [_friday_is_gone(seed, always=False) for seed in range(20)]
    went_on = [_friday_is_gone(seed, always=True) for seed in range(20)]
    assert sum(ended) >= 19
    assert sum(went_on) == 0


def _friday_is_gone(seed: int, *, always: bool, snapshots: int = 1) -> bool:
    subject = model_defects.friday(1.5, 1000, seed, always=always)
    later = subject.options["time"] >= len(subject.y) / 2
    who = np.arange(len(subject.y)) // snapshots
    table = overfitting.rule_lifts(subject.X[["friday_night"]], subject.y == 1, later, groups=who)
    return bool(table["gone"].any())


@pytest.mark.parametrize(("known", "most"), [(False, 20), (True, 1)])
def test_snapshots_of_a_customer_are_not_counted_as_customers(known: bool, most: int) -> None:
    """Customers with habits no column tells, eight snapshots each, come and go: no rule was lost.

    Row by row, what 200 customers of the earlier half have in common by chance looks like a rule.
    """
    gone = [_habits_look_gone(seed, known=known) for seed in range(20)]
    assert sum(gone) <= most
    assert known or sum(gone) >= 15


def _habits_look_gone(seed: int, *, known: bool) -> bool:
    rng = np.random.default_rng(seed)
    who = np.repeat(np.arange(400), 8)
    later, lost = rng.permutation(400) % 2 == 1, rng.random(400) < 0.25
    X = model_defects.honest(seed, n=400).X.iloc[who]
    found = overfitting.rule_lifts(X, lost[who], later[who], groups=who if known else None)
    return bool(found["gone"].any())


def test_repeated_rows_tell_what_single_rows_tell() -> None:
    """Four copies of every customer leave rules, lifts and intervals as they were."""
    subject = model_defects.friday(1.5, 1000, 22)
    X, lost, later = subject.X[["friday_night"]], subject.y == 1, subject.options["time"] >= 2000
    four = np.repeat(np.arange(4000), 4)
    once = overfitting.rule_lifts(X, lost, later).iloc[0]
    again = overfitting.rule_lifts(X.iloc[four], lost[four], later[four], groups=four).iloc[0]
    ends = ["lift_before", "low_before", "high_before", "low_after", "high_after"]
    assert again[ends].astype(float).to_numpy() == pytest.approx(
        once[ends].astype(float).to_numpy(), rel=1e-3
    )
    assert again["n_before"] == 4 * once["n_before"]


def test_friday_rule_is_found_in_snapshots() -> None:
    """Four snapshots of every customer, the rule ended: found; where it went on: not."""
    ended = [_friday_is_gone(seed, always=False, snapshots=4) for seed in range(20)]
    went_on = [_friday_is_gone(seed, always=True, snapshots=4) for seed in range(20)]
    assert sum(ended) >= 19
    assert sum(went_on) == 0


@pytest.mark.parametrize("always", [False, True])
def test_rule_is_looked_for_wherever_it_ended(always: bool) -> None:
    """A rule that ended half-way is told with its share of the rows, not thinned by a later cut."""
    for seed in range(5):
        subject = model_defects.friday(2.0, 1000, seed, always=always)
        time = subject.options["time"]
        x = Examination(make_problem(subject.estimator, subject.X, subject.y, time=time), Design())
        found = checks.run("OF", x, only=["OF-15"])
        rules = x.rules[0]
        assert found.status("OF-15") == ("passed" if always else "failed")
        assert (
            "in the first 50% of the rows" in found.table.set_index("code").loc["OF-15", "message"]
        ) is not always
        assert bool(rules["gone"].any()) is not always


def test_boosting_that_promises_too_much_is_told_to_recalibrate() -> None:
    """Optimism of default boosting is said and no alarm; it is right on what it learned from."""
    subject = replace(model_defects.honest(18), estimator=HistGradientBoostingClassifier())
    calibration = examine(subject).findings.set_index("code").loc["OF-20"]
    assert "promise too much: recalibrate" in calibration["message"]
    assert calibration["status"] == "passed"


def test_gate_is_about_the_chosen_model() -> None:
    """The chosen of two models does not keep its promises: told; if it does, nothing is said.

    The benchmark counts a hundred draws.
    """
    bad = [model_rates.gate_on_the_chosen(seed, power=2.5) for seed in range(5)]
    kept = [model_rates.gate_on_the_chosen(seed, power=1.0) for seed in range(5)]
    assert bad == ["warned"] * 5
    assert "warned" not in kept


def test_recall_of_all_by_flagging_everybody_never_passes() -> None:
    """Everybody contacted: failed. All but a few by luck: failed or open, and never passed."""
    wholly = [model_rates.gate_where_everybody_is_flagged(seed) for seed in range(5)]
    nearly = [model_rates.gate_where_everybody_is_flagged(s, wholly=False) for s in range(5)]
    assert wholly == ["failed"] * 5
    assert "passed" not in nearly
