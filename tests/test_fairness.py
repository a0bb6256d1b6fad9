"""Fairness: published numbers, planted truth, and answers that say "cannot tell"."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from fairlearn.metrics import MetricFrame, false_positive_rate, selection_rate
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.metrics import f1_score, recall_score
from sklearn.preprocessing import StandardScaler
from xgboost import XGBClassifier

from segwork import fairness
from segwork.errors import DataError
from segwork.results import Status


@pytest.fixture(scope="module")
def compas(public_data: Path) -> pd.DataFrame:
    """Return ProPublica's two-year table."""
    return pd.read_parquet(public_data / "compas_two_years.parquet")


@pytest.fixture(scope="module")
def adult(public_data: Path) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the training and the test file, missing values as a category of their own."""
    return tuple(
        pd.read_parquet(public_data / f"adult_{part}.parquet").fillna("missing")
        for part in ("train", "test")
    )


def value(metrics: fairness.GroupMetrics, group: str, metric: str) -> float:
    """Look one number up."""
    table = metrics.by_group.set_index(["group", "metric"])["value"]
    return float(table[group, metric])


def status(metrics: fairness.GroupMetrics, code: str) -> str:
    """Look one verdict up."""
    return str(metrics.findings.set_index("code").loc[code, "status"])


def test_compas_error_rates_of_propublica_2016(compas: pd.DataFrame) -> None:
    """Published: FPR 44.85 v 23.45 %, FNR 27.99 v 47.72 % (score of 5 or more, no filter)."""
    metrics = fairness.group_metrics(
        compas["two_year_recid"], compas["decile_score"] >= 5, sensitive=compas["race"]
    )

    rates = [
        round(100 * value(metrics, race, metric), 2)
        for metric in ("false_positive_rate", "false_negative_rate")
        for race in ("African-American", "Caucasian")
    ]

    assert rates == [44.85, 23.45, 27.99, 47.72]
    assert status(metrics, "FA-02") == "failed"


def test_group_metrics_equal_fairlearn(compas: pd.DataFrame) -> None:
    """By-group values are MetricFrame's own, to 1e-12, for every group."""
    truth, decided = compas["two_year_recid"], (compas["decile_score"] >= 5).astype(int)
    own = {
        "selection_rate": selection_rate,
        "false_positive_rate": false_positive_rate,
        "recall": recall_score,
        "f1": f1_score,
    }
    reference = MetricFrame(
        metrics=own, y_true=truth, y_pred=decided, sensitive_features=compas["race"]
    ).by_group

    metrics = fairness.group_metrics(truth, decided, sensitive=compas["race"])

    for metric in own:
        for race in reference.index:
            expected = reference.loc[race, metric]
            assert value(metrics, race, metric) == pytest.approx(expected, abs=1e-12)


def test_metric_is_recomputed_in_the_open() -> None:
    """Eight people by hand: group a has FPR 1/2, recall 1/2, precision 1/2; b is perfect."""
    metrics = fairness.group_metrics(
        [0, 0, 1, 1, 0, 0, 1, 1], [0, 1, 0, 1, 0, 0, 1, 1], sensitive=list("aaaabbbb")
    )

    for metric in ("false_positive_rate", "recall", "precision", "accuracy", "f1"):
        assert value(metrics, "a", metric) == 0.5
    assert value(metrics, "b", "f1") == 1.0
    counts = metrics.by_group.set_index(["group", "metric"])["n"]
    assert counts["a", "false_positive_rate"] == 2
    assert counts["a", "f1"] == 3


def test_rate_without_cases_is_unknown_not_zero() -> None:
    """A group without positives has no recall, and is listed as not estimable."""
    metrics = fairness.group_metrics([0, 0, 1, 0], [0, 1, 1, 0], sensitive=list("aabb"))

    assert np.isnan(value(metrics, "a", "recall"))
    assert status(metrics, "FA-13") == "inconclusive"


def test_tie_at_four_fifths_is_no_alarm() -> None:
    """Rates of 0.4 and 0.5 are exactly four fifths; floating-point division would say less."""
    decided = [1] * 400 + [0] * 600 + [1] * 500 + [0] * 500

    metrics = fairness.group_metrics(decided, decided, sensitive=["a"] * 1000 + ["b"] * 1000)

    assert status(metrics, "FA-01") == "passed"


def test_intersections_and_missing_are_groups() -> None:
    """Several columns are crossed, and people without an answer do not vanish."""
    frame = pd.DataFrame({"sex": ["f", "m", "f", None], "age": ["young", "old", "old", "old"]})

    metrics = fairness.group_metrics([0, 1, 0, 1], [0, 1, 1, 1], sensitive=frame)

    assert set(metrics.by_group["group"]) == {"f × young", "m × old", "f × old", "missing × old"}


@pytest.mark.parametrize("n", [20, 2000])
def test_random_groups_raise_no_alarm(n: int) -> None:
    """Labels without meaning: silent or inconclusive in at least 95 % of 20 draws."""
    rng = np.random.default_rng(n)
    alarms = 0
    for _ in range(20):
        truth, decided = rng.random(n) < 0.3, rng.random(n) < 0.3
        metrics = fairness.group_metrics(truth, decided, sensitive=rng.integers(0, 3, n))
        alarms += bool(metrics.findings["status"].isin(["failed", "warned"]).any())

    assert alarms <= 1


def test_calibration_gap_is_seen_and_needs_scores() -> None:
    """Scores half of the truth in one group are outside 0.8 to 1.25; without scores: no answer."""
    rng = np.random.default_rng(0)
    group = np.repeat(["a", "b"], 2000)
    scores = rng.uniform(0.1, 0.5, 4000)
    truth = rng.random(4000) < np.where(group == "b", 2 * scores, scores)

    with_scores = fairness.group_metrics(truth, scores > 0.3, sensitive=group, scores=scores)
    without = fairness.group_metrics(truth, scores > 0.3, sensitive=group)

    assert status(with_scores, "FA-03") == "warned"
    assert status(without, "FA-03") == "not_applicable"


def test_many_columns_are_matched_on_two_scores() -> None:
    """With eight columns nobody is alike in all; pairs on two scores still see 15 points."""
    rng = np.random.default_rng(0)
    young = rng.random(2000) < 0.4
    profile = pd.DataFrame(rng.normal(size=(2000, 8)) - 0.1 * young[:, None])
    risk = profile.sum(axis=1).to_numpy() / 2

    fair = fairness.matched_pairs(risk > 0.5, profile=profile, sensitive=young)
    unfair = fairness.matched_pairs(risk + 0.6 * young > 0.5, profile=profile, sensitive=young)

    assert fair.matched_on == unfair.matched_on == "two scores of the profile"
    assert (fair.status, unfair.status) == (Status.PASSED, Status.FAILED)


def test_compas_age_pairs_and_their_control(compas: pd.DataFrame) -> None:
    """Same sex, race, charge, priors, outcome: under 25 v 25–45 differ, random halves do not."""
    profile = ["sex", "race", "c_charge_degree", "priors_count", "two_year_recid"]
    high = (compas["decile_score"] >= 5).astype(int)
    ages = compas["age_cat"].isin(["Less than 25", "25 - 45"])
    middle = compas["age_cat"] == "25 - 45"
    coin = np.random.default_rng(0).random(int(middle.sum())) < 0.5

    found = fairness.matched_pairs(
        high[ages], profile=compas.loc[ages, profile], sensitive=compas.loc[ages, "age_cat"]
    )
    control = fairness.matched_pairs(
        high[middle], profile=compas.loc[middle, profile], sensitive=coin
    )

    assert found.status is Status.FAILED
    assert found.gap > 0.2
    assert control.status is not Status.FAILED


def test_few_pairs_cannot_tell() -> None:
    """Thirty people, or groups that do not overlap, give inconclusive."""
    rng = np.random.default_rng(0)
    few = fairness.matched_pairs(
        rng.random(30) < 0.5, profile={"x": rng.normal(size=30)}, sensitive=rng.random(30) < 0.5
    )
    apart = fairness.matched_pairs(
        rng.random(400) < 0.5,
        profile={"x": np.repeat([0.0, 9.0], 200) + rng.normal(size=400)},
        sensitive=np.repeat(["young", "old"], 200),
    )

    assert few.status is Status.INCONCLUSIVE
    assert apart.status is Status.INCONCLUSIVE
    assert apart.share_matched < 0.5


def test_crowds_of_equals_and_many_levels_are_matched() -> None:
    """Nine equal profiles shared by 800 people: nearly all are matched, alike in their words."""
    rng = np.random.default_rng(0)
    words = pd.DataFrame({name: rng.choice(list("abc"), 800) for name in ("channel", "plan")})
    town = pd.DataFrame({"town": rng.integers(0, 90, 800).astype(str)})
    half = rng.random(800) < 0.5

    crowd = fairness.matched_pairs(rng.random(800), profile=words, sensitive=half)
    spread = fairness.matched_pairs(rng.random(800), profile=town, sensitive=half)

    assert (crowd.matched_on, crowd.share_matched > 0.9) == ("profile", True)
    assert spread.matched_on == "profile"
    assert (spread.balance["after"].abs() < 1e-12).all()  # everybody's partner is of their town


def test_premium_gap_is_judged_against_the_mean_premium() -> None:
    """Scores beyond [0, 1] are prices: 10 % more for the young is a gap, 1 % is none."""
    rng = np.random.default_rng(1)
    risk, young = rng.normal(size=3000), rng.random(3000) < 0.5
    premium = 500 + 50 * risk + rng.normal(0, 10, 3000)

    unequal = fairness.matched_pairs(premium + 50 * young, profile={"r": risk}, sensitive=young)
    equal = fairness.matched_pairs(premium + 5 * young, profile={"r": risk}, sensitive=young)

    assert (unequal.status, equal.status) == (Status.FAILED, Status.PASSED)
    assert unequal.gap == pytest.approx(50, abs=3)


def test_flip_does_not_touch_its_inputs() -> None:
    """The estimator stays unfitted and the frame as it was."""
    rng = np.random.default_rng(0)
    X = pd.DataFrame({"young": rng.integers(0, 2, 200), "x": rng.normal(size=200)})
    frozen, model = X.copy(), LogisticRegression()

    fairness.attribute_flip(
        model, X, rng.random(200) < 0.5, column="young", values=(0, 1), refits=3
    )

    pd.testing.assert_frame_equal(X, frozen)
    assert not hasattr(model, "coef_")


def test_flip_takes_words_as_labels_and_repeats_itself() -> None:
    """Labels in words, for a learner that wants numbers, with an open seed: twice the same."""
    rng = np.random.default_rng(0)
    X = pd.DataFrame({"young": rng.integers(0, 2, 300), "x": rng.normal(size=300)})
    y = np.where(rng.random(300) < 0.3 + 0.4 * X["young"], "high", "low")
    model = XGBClassifier(n_estimators=10, subsample=0.5)

    first, second = (
        fairness.attribute_flip(model, X, y, column="young", values=(0, 1), refits=5)
        for _ in range(2)
    )

    assert first == second
    assert first.net_share < -0.2  # "low" is the second class


def test_model_that_never_decides_for_anybody_cannot_be_judged_by_flips() -> None:
    """Two positives of 400: no decision can change, and that is no pass."""
    X = pd.DataFrame({"young": np.arange(400) % 2, "x": np.arange(400.0)})

    flip = fairness.attribute_flip(
        LogisticRegression(C=1e-6), X, np.arange(400) < 2, column="young", values=(0, 1), refits=5
    )

    assert flip.status is Status.INCONCLUSIVE


def test_adult_k_means_segments_stand_in_for_sex(
    adult: tuple[pd.DataFrame, pd.DataFrame],
) -> None:
    """Eight k-means segments of Adult's numbers: share of women 0.14 to 0.57 (published here)."""
    from sklearn.cluster import KMeans

    train, _ = adult
    numbers = train[["age", "education_num", "capital_gain", "capital_loss", "hours_per_week"]]
    labels = KMeans(8, n_init=10, random_state=0).fit_predict(
        StandardScaler().fit_transform(numbers)
    )

    result = fairness.segment_fairness(labels, sensitive=train["sex"])

    women = result.composition.query("group == 'Female'")["share"]
    assert result.status is Status.FAILED
    assert women.min() == pytest.approx(0.14, abs=0.04)
    assert women.max() == pytest.approx(0.57, abs=0.04)
    assert result.cramers_v == pytest.approx(0.19, abs=0.05)


def test_random_segments_are_left_alone() -> None:
    """Segments without any relation to the attribute: no alarm in 19 of 20 draws."""
    rng = np.random.default_rng(3)
    alarms = sum(
        fairness.segment_fairness(rng.integers(0, 5, 500), sensitive=rng.random(500) < 0.3).status
        in (Status.FAILED, Status.WARNED)
        for _ in range(20)
    )

    assert alarms <= 1


def test_unequal_treatment_inside_a_segment_is_found() -> None:
    """Same segment, half the discount for one group: found, and silent where equal."""
    rng = np.random.default_rng(0)
    group = rng.integers(0, 2, 1000)
    discount = rng.gamma(9.0, 1.0, 1000)
    segments = rng.integers(0, 2, 1000)

    unequal = fairness.segment_fairness(
        segments,
        sensitive=group,
        treatment=pd.DataFrame({"discount": discount * np.where(group == 1, 0.5, 1.0)}),
    )
    equal = fairness.segment_fairness(
        segments, sensitive=group, treatment=pd.DataFrame({"discount": discount})
    )

    assert unequal.status is Status.FAILED
    assert "failed" not in set(equal.treatment["status"])


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: fairness.group_metrics([0, 1], [0], sensitive=["a", "b"]), "2, 1 and 2 rows"),
        (lambda: fairness.group_metrics([0, 1, 2], [0, 1, 2], sensitive=list("abc")), "3 classes"),
        (lambda: fairness.group_metrics([0, None], [0, 1], sensitive=list("ab")), "missing values"),
        (lambda: fairness.matched_pairs([0, 1], profile={"x": [1, 2]}, sensitive=[1, 1]), "1 val"),
        (lambda: fairness.matched_pairs(list("ab"), profile={}, sensitive=[0, 1]), "no numbers"),
        (
            lambda: fairness.matched_pairs([0, 1], profile={"x": [1, None]}, sensitive=[0, 1]),
            "missing values in x",
        ),
        (
            lambda: fairness.attribute_flip(
                LogisticRegression(), {"a": [1, 2]}, [0, 1], column="a", values=(1,)
            ),
            "two values",
        ),
        (
            lambda: fairness.attribute_flip(
                LinearRegression(), {"a": [1, 2]}, [0, 1], column="a", values=(1, 2)
            ),
            "a classifier",
        ),
        (
            lambda: fairness.attribute_flip(
                LogisticRegression(), {"a": [1, 2]}, [0, 1], column="a", values=(1, 0.5)
            ),
            "cannot hold 0.5",
        ),
        (lambda: fairness.proxies({"x": [1, 2]}, sensitive=[1, 1]), "fewer than two groups"),
        (
            lambda: fairness.mitigation_trials(
                LogisticRegression(), {"x": range(8)}, [0, 1] * 4, sensitive=[0, 1] * 4
            ),
            "at least 10",
        ),
    ],
)
def test_bad_input_is_one_clear_sentence(call: object, message: str) -> None:
    """Each mistake names what is wrong and what would be right."""
    with pytest.raises(DataError, match=message):
        call()
