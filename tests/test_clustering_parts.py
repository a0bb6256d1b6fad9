"""The parts of the comparison against worked, published and recomputed values."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from sklearn.cluster import DBSCAN
from sklearn.datasets import make_blobs, make_moons
from sklearn.metrics import adjusted_rand_score, silhouette_score

from segwork.clustering import (
    copula_copy,
    dbcv,
    density_clusters,
    prepare,
    segment_ids,
    tree_rules,
)
from segwork.clustering.judging.null import single_peaked
from segwork.clustering.judging.scores import outcome_separation, scores
from segwork.clustering.judging.stability import bootstrap_jaccard
from segwork.clustering.judging.traits import TRAITS, Space, agreement, traits
from segwork.clustering.methods.classical import hdbscan
from segwork.clustering.methods.trees import cut_hierarchy, genie, spanning_tree
from segwork.features.rfm import fit_cuts, scores_by


def _distances(X: np.ndarray) -> np.ndarray:
    from scipy.spatial.distance import cdist

    return cdist(X, X)


def test_dbcv_equals_the_published_values():
    """The value printed by FelSiq/DBCV for its moons, without and with noise."""
    X, y = make_moons(n_samples=300, noise=0.05, random_state=1782)
    assert dbcv(X, y) == pytest.approx(0.8545358723, abs=1e-9)
    X, y = make_moons(n_samples=500, noise=0.05, random_state=1782)
    low, high = np.quantile(X, (0, 1), axis=0)
    extra = np.random.RandomState(1082).uniform(low, high, size=(100, 2))
    noisy = dbcv(np.vstack([X, extra]), np.append(y, np.full(100, -1)))
    assert noisy == pytest.approx(0.7545431212, abs=1e-9)


def test_dbcv_equals_the_authors_smallest_cases():
    """Two of the test files of the original MATLAB code: 0.75 and 0.694201697828989."""
    four = np.array([[1, 1], [2, 2], [4, 4], [5, 5]], dtype=float)
    five = np.array([[1, 2], [3, 4], [5, 6], [7, 8], [9, 10]], dtype=float)
    assert dbcv(four, np.array([1, 1, 2, 2])) == 0.75
    assert dbcv(five, np.array([1, 1, 2, 2, 2])) == pytest.approx(0.694201697828989, abs=1e-12)


def test_dbcv_does_not_depend_on_the_unit():
    """A far outlier shrinks the rest below 1e-8 of the widest distance, and DBCV still answers."""
    X, y = make_blobs(60, 2, centers=[[0, 0], [9, 0]], random_state=0)
    far = np.vstack([X, [[1e9, 0.0]]])
    assert dbcv(far, np.append(y, -1)) == pytest.approx(dbcv(X, y) * 60 / 61, rel=1e-4)
    assert dbcv(X * 1e-9, y) == pytest.approx(dbcv(X, y))


@pytest.mark.parametrize(
    ("X", "labels"),
    [
        (np.zeros((6, 2)), [0, 0, 0, 1, 1, 1]),
        (np.arange(12.0).reshape(6, 2), [-1] * 6),
        (np.arange(12.0).reshape(6, 2), [0] * 6),
        (np.arange(12.0).reshape(6, 2), [0, 1, 2, 3, 4, 5]),
        (np.ones((1, 2)), [0]),
        (1e200 * np.arange(12.0).reshape(6, 2), [0, 0, 0, 1, 1, 1]),
        (np.random.default_rng(0).normal(size=(60, 64)), [0, 1] * 30),
    ],
    ids=["all equal", "all noise", "one cluster", "singletons", "one row", "huge", "wide"],
)
def test_dbcv_is_never_nan(X, labels):
    """Every degenerate labelling has a value in [−1, 1]."""
    assert -1 <= dbcv(X, np.array(labels)) <= 1


def test_spanning_tree_has_the_length_scipy_finds():
    """Prim's total length equals SciPy's."""
    from scipy.sparse.csgraph import minimum_spanning_tree

    D = _distances(np.random.default_rng(2).normal(size=(80, 3)))
    assert spanning_tree(D)[1].sum() == pytest.approx(minimum_spanning_tree(D).sum())


def test_ward_cuts_are_scipys():
    """Every cut of the hierarchy groups the rows as SciPy's cut_tree does."""
    from scipy.cluster.hierarchy import cut_tree, linkage

    merges = linkage(np.random.default_rng(12).normal(size=(70, 3)), "ward")
    for k, labels in cut_hierarchy(merges, [1, 2, 7, 70]).items():
        assert adjusted_rand_score(labels, cut_tree(merges, k)[:, 0]) == 1.0


def test_genie_without_its_limit_is_single_linkage():
    """With a Gini limit of 1 the cuts are SciPy's single linkage."""
    from scipy.cluster.hierarchy import cut_tree, linkage

    X = np.random.default_rng(3).normal(size=(60, 2))
    cuts = genie(*spanning_tree(_distances(X)), n_clusters=[2, 5, 9], gini_limit=1.0)
    for k, labels in cuts.items():
        assert adjusted_rand_score(labels, cut_tree(linkage(X, "single"), k)[:, 0]) == 1.0


def test_genie_leaves_no_cluster_behind():
    """Two clouds and an outlier: single linkage isolates the outlier, Genie the clouds."""
    X, truth = make_blobs(200, 2, centers=[[0, 0], [6, 0]], random_state=0)
    X = np.vstack([X, [[3.0, 30.0]]])
    tree = spanning_tree(_distances(X))
    assert adjusted_rand_score(truth, genie(*tree, n_clusters=[2])[2][:-1]) > 0.95
    assert np.bincount(genie(*tree, n_clusters=[2], gini_limit=1.0)[2]).min() == 1


@pytest.mark.parametrize("engine", ["neighbours", "sklearn"])
def test_density_clusters_are_dbscan(engine):
    """Core points and noise are scikit-learn's; the labels agree up to border points."""
    X, _ = make_moons(500, noise=0.1, random_state=1)
    labels, core = density_clusters(X, eps=0.12, min_points=6, engine=engine)
    fit = DBSCAN(eps=0.12, min_samples=6).fit(X)
    assert np.flatnonzero(core).tolist() == fit.core_sample_indices_.tolist()
    assert ((labels == -1) == (fit.labels_ == -1)).all()
    assert adjusted_rand_score(labels[core], fit.labels_[core]) == 1.0


@pytest.mark.parametrize("seed", range(12))
def test_neighbours_find_the_groups_of_scikit_learn(seed):
    """Rows, ties and eps at random, up to dozens of groups: every label is scikit-learn's."""
    rng = np.random.default_rng(seed)
    columns = int(rng.integers(1, 5))
    X = np.round(rng.uniform(0, 12, (400, columns)), int(rng.integers(1, 4)))
    eps, points = float(rng.choice([0.3, 0.5, 1.0, 2.0])), int(rng.integers(1, 6))

    ours = density_clusters(X, eps=eps, min_points=points, engine="neighbours")
    theirs = density_clusters(X, eps=eps, min_points=points, engine="sklearn")

    assert ours[0].tolist() == theirs[0].tolist()
    assert ours[1].tolist() == theirs[1].tolist()


def test_one_peak_is_left_alone_and_two_are_joined():
    """A normal column hardly moves; the gap of a two-peaked one is filled, ranks and ends stay."""
    rng = np.random.default_rng(6)
    one = rng.normal(size=600)
    two = np.concatenate([rng.normal(-4, 1, 300), rng.normal(4, 1, 300)])
    moved = single_peaked(np.column_stack([one, two]))
    assert np.abs(moved[:, 0] - one).max() < 0.4
    assert np.mean(np.abs(two) < 1) < 0.01
    assert np.mean(np.abs(moved[:, 1]) < 1) > 0.08
    assert (np.argsort(moved[:, 1]) == np.argsort(two)).all()
    assert np.ptp(moved[:, 1]) == pytest.approx(np.ptp(two))


def test_peaks_of_counts_stay():
    """A column of few values is no density: its steps are part of the margin that copies keep."""
    counts = np.random.default_rng(7).poisson(3, (400, 1)).astype(float)
    assert (single_peaked(counts) == counts).all()


def test_copula_copy_keeps_margins_and_rank_correlation_and_no_groups():
    """Columns are reordered, Spearman's rho stays within 0.08, and the blobs are gone."""
    from scipy.stats import spearmanr

    X = np.random.default_rng(4).multivariate_normal([0, 0], [[1, 0.7], [0.7, 1]], 2000)
    copy = copula_copy(X, np.random.default_rng(5))
    assert (np.sort(copy, axis=0) == np.sort(X, axis=0)).all()
    assert spearmanr(*copy.T)[0] == pytest.approx(spearmanr(*X.T)[0], abs=0.08)


def test_ids_are_kept_new_ones_are_new():
    """Worked by hand: two centres move a little, one is new, one is gone."""
    before = {"S01": np.array([0.0, 0]), "S02": np.array([10.0, 0]), "S05": np.array([0, 10.0])}
    now = np.array([[10.5, 0.0], [30.0, 30.0], [0.2, 0.1]])
    assert segment_ids(now, np.array([3, 2, 1]), previous=before) == ["S02", "S06", "S01"]


def test_three_readings_of_noise():
    """Each reading is scikit-learn's silhouette of the labels that reading means."""
    X, y = make_blobs(90, 2, centers=3, random_state=2)
    y[:9] = -1
    found = scores(X, y)
    assert found["silhouette_noise_dropped"] == pytest.approx(silhouette_score(X[9:], y[9:]))
    assert found["silhouette_noise_class"] == pytest.approx(silhouette_score(X, y))
    assert found["noise"] == pytest.approx(0.1)
    assert np.isnan(scores(X, np.full(90, -1))["silhouette_noise_dropped"])


def test_silhouette_trait_is_scikit_learns():
    """The referee's fast silhouette equals the reference."""
    X, y = make_blobs(120, 2, centers=3, random_state=7)
    value = traits(Space.of(X), y)[TRAITS.index("silhouette")]
    assert value == pytest.approx(silhouette_score(X, y))


def test_agreement_is_the_adjusted_rand_index():
    """All pairs at once equal scikit-learn pair by pair, noise as a group of its own."""
    labels = np.random.default_rng(6).integers(-1, 4, size=(50, 4))
    found = agreement(labels)
    for i in range(4):
        for j in range(4):
            assert found[i, j] == pytest.approx(adjusted_rand_score(labels[:, i], labels[:, j]))


def test_outcome_separation_is_eta_squared():
    """Worked by hand: groups (0, 2) and (4, 6), between 16, total 20."""
    assert outcome_separation(np.array([0, 0, 1, 1]), np.array([0.0, 2, 4, 6])) == 0.8
    assert outcome_separation(np.array([0, 1]), np.array([3.0, 3.0])) == 0.0


def test_bootstrap_jaccard_of_a_fixed_rule_is_one():
    """A rule that ignores the sample always finds the same clusters."""
    X = np.random.default_rng(8).normal(size=(60, 1))
    value = bootstrap_jaccard(X, lambda Y, _: (Y[:, 0] > 0).astype(int), draws=5, seed=0)
    assert value.tolist() == [1.0, 1.0]


def test_rules_in_words_name_the_column_and_limit():
    """Two groups split at 5.5 orders."""
    frame = pd.DataFrame({"orders": [1, 2, 3, 8, 9, 10], "days": [5, 5, 5, 5, 5, 5]})
    rules = tree_rules(frame, np.array(["S01"] * 3 + ["S02"] * 3))
    assert rules["rule"].tolist() == ["orders up to 5.5", "orders above 5.5"]
    assert (rules[["covers", "correct"]] == 1).all().all()


def test_every_segment_has_a_rule_of_its_own():
    """Eight groups on a grid: each leaf holds its group and nobody else, and no rule is shared."""
    X, y = make_blobs(400, centers=[[i, j] for i in (0, 9) for j in (0, 9, 18, 27)], random_state=0)
    rules = tree_rules(pd.DataFrame(1000 * X, columns=["spend", "days"]), y)
    assert rules["rule"].is_unique
    assert (rules[["covers", "correct"]] > 0.97).all().all()
    assert rules["rule"].str.contains(r"\d,\d{3}").all()


def test_rfm_ties_get_equal_scores():
    """Customers with equal values never get different scores."""
    days, orders, spend = [10] * 5 + [50] * 5, [1] * 7 + [4] * 3, np.arange(10.0)
    frame = pd.DataFrame({"days_since_last": days, "orders": orders, "spend_total": spend})
    found = scores_by(fit_cuts(frame), frame)
    assert len({tuple(row) for row in found[:, :2][:5]}) == 1
    assert found[9, 1] > found[0, 1]
    assert found[0, 0] > found[9, 0]


def test_customer_scaling_leaves_people_and_weather_out():
    """Only what customers did is used; one-time buyers are found by rule."""
    rng = np.random.default_rng(9)
    frame = pd.DataFrame(
        {
            "orders": rng.integers(1, 9, 200), "spend_total": rng.lognormal(3, 1, 200),
            "days_since_last": rng.integers(1, 300, 200), "age": rng.integers(18, 90, 200),
            "gender": ["f", "m"] * 100, "external_rain_mm": rng.random(200),
        }
    )  # fmt: skip
    scaling = prepare.fit_scaling(frame)
    assert scaling.rule == "customer"
    assert scaling.columns == ("orders", "spend_total", "days_since_last")
    once = prepare.one_time_buyers(frame, scaling.rule)
    assert (once == (frame["orders"] == 1)).all()
    assert np.abs(scaling.transform(frame).mean(axis=0)).max() < 1e-9


def test_scaling_follows_the_declared_rule():
    """Shared units stay as given, others are standardised, skewed money becomes logarithms."""
    rng = np.random.default_rng(10)
    X = rng.normal(size=(100, 2))
    money = rng.lognormal(7, 1.2, size=(100, 2))
    rule = lambda Y: prepare.fit_scaling(prepare.as_frame(Y)).rule  # noqa: E731
    assert [rule(X), rule(X * [1, 1000])] == ["as given", "standard"]
    assert [rule(money), rule(-money), rule(money / 1e9)] == ["logarithms", "as given", "as given"]
    mixed = prepare.fit_scaling(prepare.as_frame(np.column_stack([X[:, 0], money[:, 0]])))
    assert mixed.logs.tolist() == [False, True]


def test_hdbscan_cuts_are_scikit_learns():
    """Cutting one hierarchy at every size gives what a fit of each setting gives."""
    from sklearn.cluster import HDBSCAN

    X = np.random.default_rng(13).normal(size=(300, 3)) + np.repeat([[0], [3]], 150, axis=0)
    for found in hdbscan(X):
        size, samples, cut = (part.split(" = ")[-1] for part in found.setting.split(", "))
        fit = HDBSCAN(
            min_cluster_size=int(size),
            min_samples=int(samples),
            cluster_selection_method=cut,
            copy=True,
        ).fit(X)
        assert adjusted_rand_score(fit.labels_, found.labels) == 1, found.setting
        assert ((fit.labels_ < 0) == (found.labels < 0)).all(), found.setting
