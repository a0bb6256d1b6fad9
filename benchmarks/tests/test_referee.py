"""What the referee reads, what it expects, and that its arrays are the trees it learnt."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.clustering.referee_training import CURRICULA, clustered, fitted, flat, lessons
from segwork.clustering.judging import referee
from segwork.clustering.judging.traits import TRAITS

NOISE, CLUSTERS = TRAITS.index("noise"), TRAITS.index("log_clusters")


def _values(count: int) -> np.ndarray:
    values = np.random.default_rng(0).random((count, len(TRAITS)))
    values[:, NOISE] = 0
    return values


def test_an_autoencoder_beside_them_changes_nothing_for_the_others() -> None:
    """K-Means and Ward are read alike whether or not a net's labelling stands beside them."""
    values = _values(3)
    agreement = np.array([[1.0, 0.6, 0.9], [0.6, 1.0, 0.8], [0.9, 0.8, 1.0]])

    alone = referee.features(values[:2], agreement[:2, :2], ["kmeans", "ward"])
    beside = referee.features(values, agreement, ["kmeans", "ward", "idec"])

    assert (alone == beside[:2]).all()
    assert beside[2, TRAITS.index("consensus")] == pytest.approx((0.9 + 0.8) / 2)
    assert beside[0, TRAITS.index("consensus")] == pytest.approx(0.6)


def test_a_method_counts_once_where_no_classical_one_stands_beside() -> None:
    """Two settings of one net and one of another: the third agrees with two nets, not three."""
    agreement = np.array(
        [[1, 0.9, 0.4, 0.2], [0.9, 1, 0.5, 0.2], [0.4, 0.5, 1, 0.7], [0.2, 0.2, 0.7, 1]]
    )
    methods = ["autoencoder_kmeans", "autoencoder_kmeans", "autoencoder_mixture", "idec"]

    read = referee.features(_values(4), agreement, methods)

    assert read[3, TRAITS.index("consensus")] == pytest.approx((0.2 + 0.7) / 2)


def test_the_labelling_that_likely_ones_agree_with_is_expected_to_be_right() -> None:
    """By hand: three equally likely, so that the middle one has the highest mean agreement."""
    values = _values(3)
    agreement = np.array([[1.0, 0.6, 0.2], [0.6, 1.0, 0.6], [0.2, 0.6, 1.0]])
    level, shortfall = np.full(3, 0.5), np.zeros(3)

    found = referee.expected(level, shortfall, values, agreement, ["kmeans", "ward", "genie"])

    share = np.array([1.8, 2.2, 1.8]) / 3
    assert found == pytest.approx(0.5 * share / share.max())
    assert found.argmax() == 1


def test_settings_that_found_the_same_groups_are_one_witness() -> None:
    """By hand: the same groups by two settings of one method weigh one, by two methods two."""
    values, level, shortfall = _values(3), np.full(3, 0.5), np.zeros(3)
    agreement = np.array([[1.0, 1.0, 0.4], [1.0, 1.0, 0.4], [0.4, 0.4, 1.0]])

    settings = referee.expected(level, shortfall, values, agreement, ["dbscan", "dbscan", "ward"])
    methods = referee.expected(level, shortfall, values, agreement, ["dbscan", "genie", "ward"])

    assert settings == pytest.approx([0.5, 0.5, 0.5])
    assert methods == pytest.approx(0.5 * np.array([2.4, 2.4, 1.8]) / 2.4)


def test_a_clearly_better_prediction_decides_alone() -> None:
    """One candidate 0.3 ahead in both predictions: its own agreement counts, not the crowd's."""
    values = _values(3)
    agreement = np.array([[1.0, 0.1, 0.1], [0.1, 1.0, 0.9], [0.1, 0.9, 1.0]])

    level, shortfall = np.array([0.8, 0.5, 0.5]), np.array([0, -0.3, -0.3])
    found = referee.expected(level, shortfall, values, agreement, ["kmeans", "ward", "genie"])

    assert found.argmax() == 0
    assert found[0] == pytest.approx(0.8, abs=1e-3)


def test_noise_and_single_groups_are_no_truth() -> None:
    """A noisy labelling lends no weight while others exist; one group is predicted 0."""
    values = _values(3)
    values[0, NOISE], values[2, CLUSTERS] = 0.5, 0
    agreement = np.array([[1.0, 0.3, 0.0], [0.3, 1.0, 0.0], [0.0, 0.0, 1.0]])

    found = referee.expected(np.full(3, 0.6), np.zeros(3), values, agreement, ["dbscan"] * 3)

    assert found == pytest.approx([0.6 * 0.3, 0.6, 0])


def test_written_arrays_are_the_fitted_trees(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two tables are clustered and learnt; the arrays predict what the models do."""
    tables = [clustered(CURRICULA["any"], seed) for seed in (7, 9)]
    models = fitted(tables)
    arrays = {name: v for part in referee.PARTS for name, v in flat(models[part], part).items()}
    monkeypatch.setattr(referee, "_trees", lambda name: arrays)

    read, answers = lessons(tables)

    for part in referee.PARTS:
        by_models = np.mean([model.predict(read) for model in models[part]], axis=0)
        assert referee.predicted(read, part, customers=False) == pytest.approx(by_models, abs=1e-9)
    assert answers["shortfall"].max() == 0
    assert answers["level"].max() <= 1
