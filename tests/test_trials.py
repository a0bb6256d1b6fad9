"""The choice between models and trials with customers, against published and slow references."""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from sklearn.dummy import DummyClassifier
from sklearn.linear_model import LogisticRegression
from statsmodels.stats.contingency_tables import mcnemar as reference_mcnemar

from segwork import overfitting, trials
from segwork.config import Limit
from segwork.plots import models
from segwork.trials import abtest


def test_mcnemar_equals_statsmodels() -> None:
    """The exact p is that of statsmodels on the table of right and wrong."""
    rng = np.random.default_rng(5)
    y, first, second = rng.integers(0, 2, (3, 90))
    table = pd.crosstab(first == y, second == y).to_numpy()
    found = trials.mcnemar(y, champion=first, challenger=second)
    assert found.p == pytest.approx(reference_mcnemar(table, exact=True).pvalue)


def test_corrected_t_by_hand() -> None:
    """Differences 1…5, learn 90, held 10: error √((1/5 + 1/9) · 2.5) and t on 4 degrees."""
    found = trials.corrected_t([1, 2, 3, 4, 5], learn_rows=90, held_rows=10)
    error = np.sqrt((1 / 5 + 1 / 9) * 2.5)
    assert found.ahead == 3
    assert found.interval.high - 3 == pytest.approx(2.7764451 * error)


def test_equal_models_are_rarely_called_different() -> None:
    """McNemar on 200 held-out rows: at most 6 % of 400 pairs of equal models, nominal 5 %."""
    called = []
    for seed in range(400):
        rng = np.random.default_rng(seed)
        y = rng.integers(0, 2, 200)
        first, second = (np.where(rng.random(200) < 0.8, y, 1 - y) for _ in range(2))
        called.append(trials.mcnemar(y, champion=first, challenger=second).different)
    assert np.mean(called) <= 0.06


def test_clear_challenger_passes_and_clear_loser_fails() -> None:
    """The verdict follows the interval and the margin."""
    rng = np.random.default_rng(6)
    y = rng.random(1000) < 0.3
    good, bad = y + rng.normal(scale=0.5, size=1000), rng.normal(size=1000)
    ahead = trials.paired_bootstrap(y, champion=bad, challenger=good, margin=0.01)
    behind = trials.paired_bootstrap(y, champion=good, challenger=bad, margin=0.01)
    assert (str(ahead.status), str(behind.status)) == ("passed", "failed")
    assert ahead.ahead == pytest.approx(-behind.ahead)


def test_resampled_comparison_of_a_model_with_itself_sees_nothing() -> None:
    """The difference of a model to itself is zero and p is one."""
    X = pd.DataFrame(np.random.default_rng(7).normal(size=(120, 3)), columns=list("abc"))
    y = (X["a"] > 0).astype(int)
    same = trials.resampled(LogisticRegression(), LogisticRegression(), X, y, splits=5)
    assert (same.ahead, same.p) == (0, 1)


def test_boundaries_of_five_looks_are_the_published_ones() -> None:
    """Lan and DeMets' O'Brien-Fleming-type boundaries for five looks at 5 % two-sided."""
    published = [4.8769, 3.3569, 2.6803, 2.2898, 2.0310]
    np.testing.assert_allclose(abtest.boundaries(5), published, atol=2e-4)


def test_five_looks_keep_the_error_rate_that_naive_looks_lose() -> None:
    """20,000 trials without effect: at most 5.5 % end wrongly, 14 % with 1.96 at each look."""
    rng = np.random.default_rng(8)
    z = np.cumsum(rng.normal(size=(20_000, 5)), axis=1) / np.sqrt(np.arange(1, 6))
    assert (np.abs(z) >= abtest.boundaries(5)).any(axis=1).mean() <= 0.055
    assert (np.abs(z) >= 1.96).any(axis=1).mean() == pytest.approx(0.142, abs=0.01)


def test_planned_trial_reaches_its_power() -> None:
    """2,000 simulated trials with the planned effect: 80 % find it (within 3 points)."""
    trial = trials.plan(base_rate=0.2, lift=0.05, looks=3)
    rng, n = np.random.default_rng(9), trial.per_arm
    parts = [n // 3, n // 3, n - 2 * (n // 3)]
    found = []
    for _ in range(2000):
        control = np.cumsum(rng.binomial(parts, 0.20))
        treated = np.cumsum(rng.binomial(parts, 0.25))
        size = np.cumsum(parts)
        pooled = (control + treated) / (2 * size)
        z = (treated - control) / size / np.sqrt(pooled * (1 - pooled) * 2 / size)
        found.append(bool((z >= trial.boundaries).any()))
    assert np.mean(found) == pytest.approx(0.80, abs=0.03)


def test_damaged_split_and_unplanned_look_are_named() -> None:
    """A sample-ratio mismatch fails; a look nobody planned warns; a planned one goes on."""
    trial = trials.plan(base_rate=0.1, lift=0.02, looks=2)
    half = trial.per_arm // 2
    damaged = trials.read(trial, control=(100, half), treated=(100, half - 300))
    early = trials.read(trial, control=(20, half // 3), treated=(30, half // 3))
    planned = trials.read(trial, control=(190, half), treated=(200, half))
    assert [str(r.status) for r in (damaged, early, planned)] == [
        "failed",
        "warned",
        "inconclusive",
    ]


def test_models_at_work_are_judged_on_later_rows() -> None:
    """Thresholds come from other customers than the test, which is the last part of the time."""
    rng = np.random.default_rng(12)
    X = pd.DataFrame(rng.normal(size=(900, 3)), columns=list("abc"))
    y = np.where(X["a"] + rng.normal(size=900) > 1, "lost", "loyal")
    work = trials.holdout(
        {"logistic": LogisticRegression()},
        X,
        y,
        event=trials.Event("lost", {"missed": 5.0, "false_alarm": 1.0}),
        time=np.arange(900),
        groups=np.arange(900) // 2,
    )
    assert len(work.test_event) == 270
    assert work.value("recall")[0] > 0.8
    assert work.facts()["lost_recall_n"] == int((y[630:] == "lost").sum())


def world(seed: int = 0, n: int = 3000) -> tuple[pd.DataFrame, np.ndarray]:
    """Draw customers of whom a third are lost."""
    rng = np.random.default_rng(seed)
    X = pd.DataFrame(rng.normal(size=(n, 3)), columns=list("abc"))
    return X, np.where(X["a"] + rng.logistic(scale=0.6, size=n) > 0.6, "lost", "loyal")


class Loud(LogisticRegression):
    """Promises too much."""

    def predict_proba(self, X: pd.DataFrame) -> np.ndarray:
        """Push probabilities towards 0 and 1."""
        p = super().predict_proba(X) ** 3
        return p / p.sum(axis=1, keepdims=True)


def trial_of(model: LogisticRegression, **costs: float) -> trials.HoldoutTrial:
    """Try one model."""
    X, y = world()
    event = trials.Event("lost", costs or {"missed": 2.0, "false_alarm": 1.0})
    return trials.holdout({"only": model}, X, y, event=event)


def test_value_of_a_decision_by_hand() -> None:
    """Ten customers, four lost: three found, one missed, two contacted for nothing."""
    event = np.array([1, 1, 1, 1, 0, 0, 0, 0, 0, 0], dtype=bool)
    decided = np.array([1, 1, 1, 0, 1, 1, 0, 0, 0, 0], dtype=bool)
    found = trials.decision_value(event, decided, costs={"missed": 3, "false_alarm": 1})
    assert (found.recall, found.precision, found.contacted) == (0.75, 0.6, 0.5)
    assert (found.base_rate, found.cost) == (0.4, 0.5)
    assert (found.cost_everybody, found.cost_nobody) == (0.6, 1.2)
    assert found.saving == pytest.approx(1 - 0.5 / 0.6)
    assert str(found.status) == "inconclusive"  # ten customers


@pytest.mark.parametrize(("share", "status"), [(1.0, "failed"), (0.0, "failed"), (None, "passed")])
def test_everybody_and_nobody_are_worth_nothing(share: float | None, status: str) -> None:
    """Full recall by contacting everybody fails, so does nobody; a decision that tells passes."""
    rng = np.random.default_rng(1)
    event = rng.random(2000) < 0.4
    told = np.where(rng.random(2000) < 0.9, event, ~event)
    decided = told if share is None else np.full(2000, bool(share))
    found = trials.decision_value(event, decided, costs={"missed": 2, "false_alarm": 1})
    assert str(found.status) == status


def test_distance_of_kept_promises_is_what_chance_makes() -> None:
    """Labels drawn from the promises: near zero; promises ten points too high: ten points."""
    rng = np.random.default_rng(2)
    p = rng.uniform(0.1, 0.8, 4000)
    kept, span = trials.calibration_distance(rng.random(4000) < p, p)
    high, _ = trials.calibration_distance(rng.random(4000) < p, p + 0.1)
    assert kept < 0.01
    assert span.low == 0.0
    assert high == pytest.approx(0.1, abs=0.02)


def test_customers_are_drawn_whole() -> None:
    """Every row four times, as one customer: the interval of single rows."""
    rng = np.random.default_rng(3)
    p = rng.uniform(0.1, 0.8, 1000)
    event = rng.random(1000) < p + 0.1
    _, once = trials.calibration_distance(event, p)
    four = np.repeat(np.arange(1000), 4)
    _, again = trials.calibration_distance(event[four], p[four], groups=four)
    assert again.high - again.low == pytest.approx(once.high - once.low, rel=0.15)


def test_curve_goes_from_nobody_to_everybody_through_the_threshold() -> None:
    """Recall and share contacted rise, the marked point is the decision in use."""
    trial = trial_of(LogisticRegression())
    curve, worth = trial.curve(), trial.worth()
    used = curve[curve["chosen"]].iloc[0]
    assert curve["recall"].is_monotonic_increasing
    assert curve["contacted"].iloc[-1] == 1.0
    assert (used["recall"], used["precision"]) == (worth.recall, worth.precision)
    assert used["cost"] == pytest.approx(worth.cost)


def test_importance_finds_the_feature_that_decides() -> None:
    """Only ``a`` tells anything, and shuffling it costs the area above one half."""
    table = trial_of(LogisticRegression()).importance()
    assert table["feature"].iloc[0] == "a"
    assert table["value"].iloc[0] > 0.2
    assert table["value"].iloc[1:].abs().max() < 0.02


@pytest.mark.parametrize(
    ("model", "missed", "means", "do"),
    [
        (LogisticRegression(), 2.0, "saves money", "Write to customers above the threshold"),
        (Loud(), 2.0, "probabilities are not kept", "make no budget from its probabilities"),
        (DummyClassifier(), 2.0, "no less than contacting everybody", "keep the rule"),
    ],
)
def test_first_screen_follows_the_numbers(
    model: LogisticRegression, missed: float, means: str, do: str
) -> None:
    """A useful model, one that promises too much, and one that contacts everybody."""
    X, y = world()
    trial = trial_of(model, missed=missed, false_alarm=1.0)
    audit = overfitting.check(model, X[:600], y[:600] == "lost")
    words = trials.verdict(trial, audit, limits={})
    assert means in words.means
    assert do in words.do
    assert f"{worded(trial.worth().recall)} of the lost" in words.found


def worded(share: float) -> str:
    """Write a share as the pages do."""
    return f"{100 * share:.1f} %"


def test_user_limit_of_recall_decides_the_first_screen() -> None:
    """A floor above what the model reaches says so."""
    X, y = world()
    trial, limits = trial_of(LogisticRegression()), {"SEG-O02": Limit(at_least=0.999)}
    audit = overfitting.check(LogisticRegression(), X[:600], y[:600] == "lost")
    assert "misses more" in trials.verdict(trial, audit, limits=limits).means


def test_figures_of_a_decision_say_their_numbers() -> None:
    """Each figure of the page has its numbers in words, and axes with names."""
    trial = trial_of(LogisticRegression())
    worth, curve = trial.worth(), trial.curve()
    decided = trial.decisions[trial.chosen]
    drawn = {
        "ranking": models.ranking(curve, base_rate=worth.base_rate),
        "thresholds": models.thresholds(
            curve, everybody=worth.cost_everybody, nobody=worth.cost_nobody
        ),
        "confusion": models.confusion(trial.test_event, decided, label="lost"),
        "importance": models.importance(trial.importance(repeats=1)),
    }
    said = {
        "ranking": f"precision {worth.precision:.0%} at a base rate of {worth.base_rate:.0%}",
        "thresholds": f"cost {worth.cost:.3g} a customer; everybody {worth.cost_everybody:.3g}",
        "confusion": f"of {worth.n_events:,} lost",
        "importance": "of 3 features by shuffling: a ",
    }
    for name, (figure, alt) in drawn.items():
        assert said[name] in alt
        assert all(axes.get_xlabel() for axes in figure.axes)
        plt.close(figure)
