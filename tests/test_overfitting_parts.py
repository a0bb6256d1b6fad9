"""Areas, thresholds, comparisons, trials and labels against published and slow references."""

from __future__ import annotations

from datetime import date

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import average_precision_score, roc_auc_score
from statsmodels.stats.contingency_tables import mcnemar as reference_mcnemar

from segwork import overfitting, tables
from segwork.errors import UsageError
from segwork.overfitting import abtest
from segwork.overfitting.metrics import pr_auc
from segwork.overfitting.operating import calibration_line
from segwork.overfitting.roc import Estimate, auc


@pytest.mark.parametrize("ties", [False, True])
def test_area_equals_scikit_learn(ties: bool) -> None:
    """The area is scikit-learn's, and the influences sum to nothing."""
    rng = np.random.default_rng(0)
    event, score = rng.random(200) < 0.3, rng.normal(size=200)
    score = np.round(score) if ties else score
    area, pull = auc(event, score)
    assert area == pytest.approx(roc_auc_score(event, score))
    assert pull.sum() == pytest.approx(0, abs=1e-12)


def test_standard_error_equals_the_spread_over_samples() -> None:
    """The DeLong error of one sample is the standard deviation over many (within 10 %)."""
    areas, errors = [], []
    for seed in range(400):
        rng = np.random.default_rng(seed)
        event = rng.random(300) < 0.3
        area, pull = auc(event, rng.normal(size=300) + event)
        areas.append(area)
        errors.append(Estimate(area, pull).standard_error)
    assert np.mean(errors) == pytest.approx(np.std(areas), rel=0.1)


def test_copies_of_customers_do_not_narrow_the_interval() -> None:
    """Every row three times, summed by customer, has the error of the rows themselves."""
    rng = np.random.default_rng(1)
    event, score = rng.random(100) < 0.4, rng.normal(size=100)
    once = Estimate(*auc(event, score))
    thrice = Estimate(*auc(np.tile(event, 3), np.tile(score, 3)), np.tile(np.arange(100), 3))
    assert thrice.standard_error == pytest.approx(once.standard_error)


def test_average_precision_equals_scikit_learn() -> None:
    """The resampled average precision is scikit-learn's with weights, ties included."""
    rng = np.random.default_rng(2)
    event, score = rng.random(150) < 0.2, np.round(rng.normal(size=150), 1)
    weights = rng.integers(0, 3, (4, 150))
    expected = [average_precision_score(event, score, sample_weight=w) for w in weights]
    np.testing.assert_allclose(pr_auc(event, score, weights), expected)


def test_threshold_is_the_cheapest_of_all() -> None:
    """No cut has a lower cost than the chosen one (tried one by one)."""
    rng = np.random.default_rng(3)
    event, score = rng.random(80) < 0.3, np.round(rng.random(80), 2)
    costs = {"missed": 3.0, "false_alarm": 1.0}
    chosen = overfitting.choose_threshold(event, score, costs=costs)

    def cost(cut: float) -> float:
        said = score >= cut
        return 3 * (event & ~said).sum() + (said & ~event).sum()

    assert cost(chosen) == min(cost(cut) for cut in score)


def test_calibration_line_finds_the_planted_slope() -> None:
    """Log odds doubled by hand have slope one half."""
    rng = np.random.default_rng(4)
    logit = rng.normal(size=20_000)
    event = rng.random(20_000) < 1 / (1 + np.exp(-logit))
    found = calibration_line(event, 1 / (1 + np.exp(-2 * logit)))
    assert found["slope"] == pytest.approx(0.5, abs=0.03)


def test_mcnemar_equals_statsmodels() -> None:
    """The exact p is that of statsmodels on the table of right and wrong."""
    rng = np.random.default_rng(5)
    y, first, second = rng.integers(0, 2, (3, 90))
    table = pd.crosstab(first == y, second == y).to_numpy()
    found = overfitting.mcnemar(y, champion=first, challenger=second)
    assert found.p == pytest.approx(reference_mcnemar(table, exact=True).pvalue)


def test_corrected_t_by_hand() -> None:
    """Differences 1…5, learn 90, held 10: error √((1/5 + 1/9) · 2.5) and t on 4 degrees."""
    found = overfitting.corrected_t([1, 2, 3, 4, 5], learn_rows=90, held_rows=10)
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
        called.append(overfitting.mcnemar(y, champion=first, challenger=second).different)
    assert np.mean(called) <= 0.06


def test_clear_challenger_passes_and_clear_loser_fails() -> None:
    """The verdict follows the interval and the margin."""
    rng = np.random.default_rng(6)
    y = rng.random(1000) < 0.3
    good, bad = y + rng.normal(scale=0.5, size=1000), rng.normal(size=1000)
    ahead = overfitting.paired_bootstrap(y, champion=bad, challenger=good, margin=0.01)
    behind = overfitting.paired_bootstrap(y, champion=good, challenger=bad, margin=0.01)
    assert (str(ahead.status), str(behind.status)) == ("passed", "failed")
    assert ahead.ahead == pytest.approx(-behind.ahead)


def test_resampled_comparison_of_a_model_with_itself_sees_nothing() -> None:
    """The difference of a model to itself is zero and p is one."""
    X = pd.DataFrame(np.random.default_rng(7).normal(size=(120, 3)), columns=list("abc"))
    y = (X["a"] > 0).astype(int)
    same = overfitting.resampled(LogisticRegression(), LogisticRegression(), X, y, splits=5)
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
    trial = overfitting.plan(base_rate=0.2, lift=0.05, looks=3)
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
    trial = overfitting.plan(base_rate=0.1, lift=0.02, looks=2)
    half = trial.per_arm // 2
    damaged = overfitting.read(trial, control=(100, half), treated=(100, half - 300))
    early = overfitting.read(trial, control=(20, half // 3), treated=(30, half // 3))
    planned = overfitting.read(trial, control=(190, half), treated=(200, half))
    assert [str(r.status) for r in (damaged, early, planned)] == [
        "failed",
        "warned",
        "inconclusive",
    ]


def orders() -> tables.Tables:
    """Five customers by hand: orders on given days of 2024."""
    days = {
        "lost": ["2024-01-10", "2024-02-10", "2024-03-01"],
        "loyal": ["2024-01-05", "2024-03-20", "2024-04-10", "2024-06-20"],
        "slowed": [f"2024-{m:02d}-{d:02d}" for m in (1, 2, 3) for d in (3, 10, 17, 24)]
        + ["2024-05-01"],
        "long gone": ["2022-01-01"],
        "too new": ["2024-04-15"],
    }
    lines = [(name, day, 10.0) for name, ds in days.items() for day in ds]
    frame = pd.DataFrame(lines, columns=["customer_id", "ordered_at", "amount"])
    frame["ordered_at"] = pd.to_datetime(frame["ordered_at"])
    return tables.from_frames(transactions=frame)


def test_labels_by_hand() -> None:
    """As of 1 April: no order, as many as before, and one where twelve were promised."""
    found = overfitting.snapshots(
        orders(), days=[date(2024, 4, 1), date(2024, 6, 1)], closed_at=date(2024, 7, 1)
    )
    assert dict(zip(found.customer, found.label, strict=True)) == {
        "lost": "lost",
        "loyal": "loyal",
        "slowed": "at risk",
    }
    assert found.left_out == (date(2024, 6, 1),)


def test_no_order_after_the_snapshot_changes_a_feature() -> None:
    """Features as of a day are the same with and without the rows that follow."""
    whole = orders()
    cut = tables.from_frames(transactions=whole.transactions.query("ordered_at < '2024-04-01'"))
    first, second = (
        overfitting.snapshots(t, days=[date(2024, 4, 1)], closed_at=date(2024, 7, 1))
        for t in (whole, cut)
    )
    names = first.X.columns.intersection(second.X.columns)
    pd.testing.assert_frame_equal(first.X[names], second.X[names])


def test_open_label_window_is_refused() -> None:
    """A snapshot whose window has not closed cannot be labelled."""
    with pytest.raises(UsageError, match="no snapshot day has a label window of 90 days"):
        overfitting.snapshots(orders(), days=[date(2024, 6, 1)], closed_at=date(2024, 7, 1))


def test_unseen_behaviour_is_flagged_at_the_stated_rate() -> None:
    """About 1 % of rows of the same law are flagged, and all rows far from it."""
    rng = np.random.default_rng(10)
    past, same = (pd.DataFrame(rng.normal(size=(4000, 4))).add_prefix("x") for _ in range(2))
    assert overfitting.unseen(past, same).mean() == pytest.approx(0.01, abs=0.006)
    assert overfitting.unseen(past, same + 8).all()


def test_paths_go_from_nothing_to_everything() -> None:
    """The strongest L1 penalty keeps no feature, the weakest keeps the true ones."""
    rng = np.random.default_rng(11)
    X = pd.DataFrame(rng.normal(size=(400, 6))).add_prefix("x")
    y = (X["x0"] + 0.5 * rng.normal(size=400) > 0).astype(int)
    path = overfitting.logistic_path(X, y, penalty="l1", grid=(1e-4, 1e-2, 1.0))
    assert path["features"].is_monotonic_increasing
    assert path["features"].iloc[0] == 0
    assert path.loc[path["chosen"], "holdout"].item() > 0.9


def test_models_at_work_are_judged_on_later_rows() -> None:
    """Thresholds come from other customers than the test, which is the last part of the time."""
    rng = np.random.default_rng(12)
    X = pd.DataFrame(rng.normal(size=(900, 3)), columns=list("abc"))
    y = np.where(X["a"] + rng.normal(size=900) > 1, "lost", "loyal")
    work = overfitting.at_work(
        {"logistic": LogisticRegression()},
        X,
        y,
        event="lost",
        time=np.arange(900),
        groups=np.arange(900) // 2,
        costs={"missed": 5.0, "false_alarm": 1.0},
    )
    assert len(work.test_event) == 270
    assert work.value("recall")[0] > 0.8
    assert work.facts()["lost_recall_n"] == int((y[630:] == "lost").sum())
