"""Areas, thresholds, calibration and paths against published and slow references."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import average_precision_score, roc_auc_score

from segwork import overfitting
from segwork.overfitting.calibration import calibration_line
from segwork.overfitting.metrics import pr_auc
from segwork.overfitting.roc import auc


@pytest.mark.parametrize("ties", [False, True])
def test_area_equals_scikit_learn(ties: bool) -> None:
    """The area is scikit-learn's, and the influences sum to nothing."""
    rng = np.random.default_rng(0)
    event, score = rng.random(200) < 0.3, rng.normal(size=200)
    score = np.round(score) if ties else score
    found = auc(event, score)
    assert found.value == pytest.approx(roc_auc_score(event, score))
    assert found.influence.sum() == pytest.approx(0, abs=1e-12)


def test_standard_error_equals_the_spread_over_samples() -> None:
    """The DeLong error of one sample is the standard deviation over many (within 10 %)."""
    areas, errors = [], []
    for seed in range(400):
        rng = np.random.default_rng(seed)
        event = rng.random(300) < 0.3
        area = auc(event, rng.normal(size=300) + event)
        areas.append(area.value)
        errors.append(area.standard_error)
    assert np.mean(errors) == pytest.approx(np.std(areas), rel=0.1)


def test_copies_of_customers_do_not_narrow_the_interval() -> None:
    """Every row three times, summed by customer, has the error of the rows themselves."""
    rng = np.random.default_rng(1)
    event, score = rng.random(100) < 0.4, rng.normal(size=100)
    once = auc(event, score)
    thrice = auc(np.tile(event, 3), np.tile(score, 3), np.tile(np.arange(100), 3))
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


def test_paths_go_from_nothing_to_everything() -> None:
    """The strongest L1 penalty keeps no feature, the weakest keeps the true ones."""
    rng = np.random.default_rng(11)
    X = pd.DataFrame(rng.normal(size=(400, 6))).add_prefix("x")
    y = (X["x0"] + 0.5 * rng.normal(size=400) > 0).astype(int)
    path = overfitting.logistic_path(X, y, penalty="l1", grid=(1e-4, 1e-2, 1.0))
    assert path["features"].is_monotonic_increasing
    assert path["features"].iloc[0] == 0
    assert path.loc[path["chosen"], "holdout"].item() > 0.9
