"""The decision of the fairness page: one rule for every test, words that follow the numbers."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy.special import expit
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from segwork import fairness


def insured(penalty: float, *, n: int = 3000, seed: int = 0) -> pd.DataFrame:
    """Draw customers with a record, whose price and label may penalise the young."""
    rng = np.random.default_rng(seed)
    age = rng.integers(18, 60, n)
    record, km = rng.poisson(0.6, n), rng.normal(size=n)
    young = age < 25
    risk = expit(-2 + 0.9 * record + 0.5 * km + penalty * young)
    people = {"age": age, "record": record, "km": km, "app": rng.normal(size=n)}
    price = 100 + 20 * record + 10 * km + 30 * penalty * young + rng.normal(size=n)
    label = np.where(rng.random(n) < risk, "high", "standard")
    return pd.DataFrame(people).assign(price=price, label=label)


def judged(penalty: float, **more: int) -> fairness.AgeTests:
    """Test a decision as the page does."""
    given = {"price": "price", "decision": "label", "positive": "high"}
    table = fairness.decision_table(
        insured(penalty, **more), columns=["record", "km", "app"], **given
    )
    assert table is not None
    return fairness.age_tests(table, record="record", profile=["km"], other_inputs=["app"])


@pytest.fixture(scope="module")
def unfair() -> fairness.AgeTests:
    """Test a company that penalises the young."""
    return judged(1.0)


def test_every_test_decides_by_one_rule(unfair: fairness.AgeTests) -> None:
    """The model as it is has the same rates in the table of groups and among the mitigations."""
    groups = unfair.groups.by_group.set_index(["group", "metric"])["value"]
    trials = unfair.mitigation.by_group.set_index(["trial", "group"])["decided_against"]
    gap = unfair.mitigation.trials.set_index("trial").loc["as_it_is", "selection_gap"]

    for group in ("under 25", "25 and over"):
        selected = groups[group, "selection_rate"]
        assert trials["as_it_is", group] == pytest.approx(1 - selected)
    assert gap == pytest.approx(unfair.facts()["risk_selection_rate_difference"])


def test_cut_is_the_share_of_adverse_decisions() -> None:
    """The rule decides against everybody at or above the base rate it has learned."""
    rng = np.random.default_rng(1)
    X = pd.DataFrame({"x": rng.normal(size=800)})
    y = (rng.random(800) < expit(X["x"] - 1.5)).astype(int)
    weights = rng.random(800)
    for model in (LogisticRegression(), make_pipeline(StandardScaler(), LogisticRegression())):
        rule = fairness.AboveBaseRate(model).fit(X, y, sample_weight=weights)
        assert rule.threshold_ == y.mean()
        assert ((rule.predict_proba(X)[:, 1] >= y.mean()) == (rule.predict(X) == 1)).all()


def test_findings_of_all_tests_read_by_themselves(unfair: fairness.AgeTests) -> None:
    """Each row has its test, definition, source, action and a sentence."""
    words = unfair.findings[["test", "definition", "source", "action", "why", "message"]]
    assert (words != "").all(axis=None)
    assert set(unfair.findings["code"]) == {"FA-01", "FA-02", "FA-03", "FA-04", "FA-05", "FA-13"}


def test_first_screen_of_an_unfair_company(unfair: fairness.AgeTests) -> None:
    """Who pays how much more, in money and share, and what is to be done."""
    words = fairness.verdict(unfair, {}, currency="EUR")
    share = unfair.pairs["premium"].gap / unfair.mean_price
    assert (
        f"customers under 25 pay EUR 30 (30 to 30), {100 * share:.1f} %, more than" in words.found
    )
    assert words.means.startswith("Customers under 25 pay more for their age alone")
    assert "with the pairs as evidence" in words.do


def test_first_screen_of_a_fair_one_and_of_too_few() -> None:
    """No difference is no accusation; forty customers are no acquittal."""
    fair = fairness.verdict(judged(0.0, n=8000), {})
    few = fairness.verdict(judged(0.0, n=150), {})
    none = fairness.verdict(None, {})
    assert "more for their age" not in fair.means
    assert "which could be chance" in fair.found
    assert "cannot be told" in few.means
    assert "No decision about people to test" in none.found
    assert "has to be" not in none.do


def test_first_screen_names_segments_that_stand_in_for_age() -> None:
    """A segment of the young, and one treated by age, are said with what to do."""
    rng = np.random.default_rng(2)
    age, segment = np.repeat(["under 25", "25 and over"], 500), np.repeat(["S01", "S02"], 500)
    mixed = np.where(rng.random(1000) < 0.2, segment[::-1], segment)
    voucher = pd.DataFrame({"voucher": rng.gamma(4, 1, 1000) * np.where(age == "under 25", 2, 1)})
    apart = fairness.segment_fairness(mixed, sensitive=age)
    treated = fairness.segment_fairness(mixed, sensitive=age, treatment=voucher)
    assert "stand in for age" in fairness.verdict(None, {"age": apart}).means
    assert "treated differently by age" in fairness.verdict(None, {"age": treated}).means


def test_groups_are_named_by_their_age() -> None:
    """25 means 25 wherever it stands; bands name their bounds."""
    people = pd.DataFrame({"customer_id": [1, 2, 3, 4], "age": [20, 30, 50, 200], "gender": "f"})
    segments = pd.DataFrame({"customer_id": [1, 2, 3, 4], "segment": "S01"})
    bands = fairness.with_bands(segments, people, young_below=25)
    assert list(bands["age_band"]) == ["under 25", "25 to 44", "45 and over"]


def test_too_few_for_mitigation_is_said() -> None:
    """A group with under ten adverse decisions: no trials, and the reason."""
    assert str(judged(0.0, n=150).mitigation).startswith("not applicable: a group has")
