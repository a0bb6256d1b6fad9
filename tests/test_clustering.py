"""The comparison: what it recommends, when it refuses, and that it repeats."""

from __future__ import annotations

import warnings

import numpy as np
import pandas as pd
import pytest
from sklearn.datasets import make_blobs, make_moons
from sklearn.metrics import adjusted_rand_score

from segwork import clustering
from segwork.clustering import SegmentModel, compare
from segwork.errors import DataError, UsageError

QUICK = ("kmeans", "mixture", "ward", "genie", "dbscan")


@pytest.fixture(scope="module")
def blobs() -> tuple[np.ndarray, np.ndarray]:
    """Four clear groups of 60 in three columns."""
    return make_blobs(240, 3, centers=4, cluster_std=0.8, random_state=3)


@pytest.fixture(scope="module")
def found(blobs: tuple[np.ndarray, np.ndarray]) -> clustering.Comparison:
    """Compare the blobs once, with the classical methods."""
    return compare(blobs[0], methods=QUICK, draws=2, copies=5)


def test_clear_groups_are_recommended(found, blobs):
    """Four groups far apart are found exactly, and the sentence names the method."""
    assert found.recommended in QUICK
    assert adjusted_rand_score(blobs[1], found.labels[found.recommended]) == 1.0
    assert found.recommended in found.reason


def test_tables_have_the_promised_shape(found, blobs):
    """One row per method on the scoreboard, one column per method in the labels."""
    assert set(found.scoreboard.index) == set(QUICK) == set(found.labels.columns)
    assert found.scoreboard.index.name == "method"
    assert len(found.labels) == len(blobs[0])
    assert found.labels.min().min() >= -1


def test_index_of_a_frame_is_kept(blobs):
    """Labels carry the index of X, and the order or spelling of ids changes nothing."""
    frame = pd.DataFrame(blobs[0], columns=["a", "b", "c"])
    named = frame.set_axis([f"id{97 * i % 241}" for i in range(240)])
    plain = compare(frame, methods=("kmeans",), draws=1, copies=2)
    other = compare(named, methods=("kmeans",), draws=1, copies=2)
    assert list(other.labels.index) == list(named.index)
    assert (plain.labels.to_numpy() == other.labels.to_numpy()).all()


def test_two_moons_are_recommended_without_their_number():
    """Two moons, nothing given: the recommended labelling draws them."""
    X, truth = make_moons(400, noise=0.06, random_state=0)
    found = compare(X, methods=QUICK, draws=0)
    assert found.recommended
    assert adjusted_rand_score(truth, found.labels[found.recommended]) > 0.95


def test_shapes_are_found_where_k_means_cannot():
    """Two moons, their number given: Genie draws them, K-Means cannot."""
    X, truth = make_moons(400, noise=0.06, random_state=0)
    found = compare(X, methods=("kmeans", "genie"), n_clusters=2, draws=0, copies=0)
    assert adjusted_rand_score(truth, found.labels["genie"]) > 0.95
    assert adjusted_rand_score(truth, found.labels["kmeans"]) < 0.6


def test_a_continuum_has_no_convincing_segments():
    """One correlated Gaussian cloud: no method is recommended, and the sentence says so."""
    rng = np.random.default_rng(5)
    X = rng.multivariate_normal([0, 0, 0], [[1, 0.5, 0], [0.5, 1, 0.3], [0, 0.3, 1]], 400)
    found = compare(X, methods=("kmeans",), draws=0)
    assert found.recommended is None
    assert found.reason.startswith("No convincing segments")


def test_number_of_clusters_is_respected(blobs):
    """Every method that takes a number of clusters returns it."""
    found = compare(
        blobs[0], methods=("kmeans", "mixture", "ward", "genie"), n_clusters=3, draws=0, copies=2
    )
    assert (found.scoreboard["clusters"] == 3).all()


def test_facts_are_finite_repeatable_and_without_times(found, blobs):
    """The facts of two runs are equal and hold no seconds or megabytes."""
    facts = found.facts()
    assert facts == compare(blobs[0], methods=QUICK, draws=2, copies=5).facts()
    assert not [name for name in facts if "seconds" in name or "megabytes" in name]
    assert all(isinstance(v, str) or np.isfinite(v) for v in facts.values())


def test_every_model_labels_its_own_rows_and_survives_the_disk(found, blobs, tmp_path):
    """Assigning the fitted rows gives their labels, also after saving and loading."""
    for name in QUICK:
        model = found.model(name)
        assert (model.assign(blobs[0]).to_numpy() == found.labels[name].to_numpy()).all(), name
        again = SegmentModel.load(model.save(tmp_path / name))
        assert (again.assign(blobs[0]) == model.assign(blobs[0])).all()
        assert again.ids == model.ids


def test_saved_models_hold_no_pickle(found, tmp_path):
    """The folder is JSON and plain arrays."""
    folder = found.model("kmeans").save(tmp_path / "model")
    assert {p.name for p in folder.iterdir()} == {"model.json", "arrays.npz"}
    np.load(folder / "arrays.npz", allow_pickle=False)


def test_loading_nothing_is_a_clear_error(tmp_path):
    """A folder without a model is named."""
    with pytest.raises(DataError, match=r"no model in .*model.json"):
        SegmentModel.load(tmp_path)


def test_new_rows_with_a_missing_column_are_refused(blobs):
    """The missing column is named."""
    frame = pd.DataFrame(blobs[0], columns=["a", "b", "c"])
    model = compare(frame, methods=("kmeans",), draws=1, copies=2).model("kmeans")
    with pytest.raises(DataError, match="unknown column 'b'"):
        model.assign(frame.drop(columns="b"))


def test_ids_follow_the_centres_into_the_next_run(blobs):
    """After other rows and another seed, the same segment has the same id."""
    X = blobs[0]
    first = compare(X[:160], methods=("kmeans",), n_clusters=4, draws=1, copies=2).model("kmeans")
    second = compare(X[80:], methods=("kmeans",), n_clusters=4, draws=1, copies=2, seed=9)
    later = second.model("kmeans").named_after(first)
    assert (first.segments(X) == later.segments(X)).all()


@pytest.mark.parametrize(
    ("X", "message"),
    [
        (np.array([[1.0, np.nan], [2.0, 3.0]]), "column 'x2' of X has 1 values missing, infinite"),
        (np.array([[1.0, np.inf], [2.0, 3.0]]), "column 'x2' of X has 1 values missing, infinite"),
        (np.arange(5.0), "X has 1 dimension"),
        (np.zeros((0, 3)), "X has 0 rows and 3 columns"),
        (np.zeros((5, 0)), "X has 5 rows and 0 columns"),
        (pd.DataFrame({"a": [1, 2], "b": ["u", "v"]}), "column 'b' of X is .*not a number"),
        (pd.DataFrame([[1, 2]], columns=["a", "a"]), "column 'a' of X is there twice"),
        ([[1.0, 2.0], [3.0]], "X has rows of unequal length"),
        (None, "X has 0 dimension"),
        (
            pd.DataFrame({"orders": ["1", "2"], "spend_total": 1.0, "days_since_last": 3}),
            "column 'orders' of X is .*not a number",
        ),
    ],
    ids=[
        "nan",
        "inf",
        "one dimension",
        "no rows",
        "no columns",
        "text",
        "twice",
        "ragged",
        "none",
        "orders as text",
    ],
)
def test_unusable_tables_are_refused_in_one_sentence(X, message):
    """The error names the column or the shape."""
    with pytest.raises(DataError, match=message):
        compare(X)


@pytest.mark.parametrize(
    "X",
    [
        np.ones((50, 3)),
        np.array([[1.0, 2.0]]),
        np.tile([[0.0, 1.0], [1.0, 0.0]], (40, 1)),
    ],
    ids=["constant columns", "one customer", "two values only"],
)
def test_tables_with_nothing_to_compare_get_an_answer(X):
    """Everybody is in one group and nothing is recommended."""
    found = compare(X, methods=("kmeans", "dbscan"))
    assert found.recommended is None
    assert "No convincing segments" in found.reason
    assert (found.labels == 0).all().all()
    assert len(found.model("kmeans").assign(X)) == len(X)


@pytest.mark.parametrize("shape", [(12, 30), (40, 2)], ids=["more features than rows", "few rows"])
def test_small_tables_get_an_answer(shape):
    """Small noise tables run through every classical method without a warning."""
    X = np.random.default_rng(1).normal(size=shape)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = compare(X, methods=(*QUICK, "hdbscan", "pca_kmeans"), draws=1, copies=3)
    assert len(found.labels) == shape[0]


def test_duplicates_and_a_constant_column_change_nothing(blobs):
    """Every row twice and a constant column: the same groups."""
    twice = np.column_stack([np.repeat(blobs[0], 2, axis=0), np.ones(480)])
    found = compare(twice, methods=("kmeans", "ward"), draws=1, copies=3)
    assert adjusted_rand_score(np.repeat(blobs[1], 2), found.labels["ward"]) == 1.0


def test_unknown_and_impossible_methods_are_named():
    """The nearest known method is suggested; a rule without its columns says so."""
    X = np.random.default_rng(0).normal(size=(30, 2))
    with pytest.raises(UsageError, match="did you mean 'kmeans'"):
        compare(X, methods=["k_means"])
    with pytest.raises(UsageError, match="rule_rfm has nothing to score"):
        compare(X, methods=["rule_rfm"])


@pytest.mark.parametrize("name", ["seed", "copies", "draws"])
@pytest.mark.parametrize("value", [-1, 1.5, None, True])
def test_a_number_that_is_none_is_refused(name, value):
    """Seeds, copies and draws are whole numbers from zero on."""
    with pytest.raises(UsageError, match=f"{name} is {value!r}; accepted: a whole number from 0"):
        compare(np.zeros((30, 2)), **{name: value})


@pytest.mark.parametrize("later", [[np.nan] * 30, ["x"] * 30, [np.inf] * 30])
def test_an_outcome_that_is_not_known_is_refused(later):
    """A gap in the later outcome is counted, never read as zero."""
    with pytest.raises(DataError, match="'later' has 30 values that are missing, infinite or no"):
        compare(np.random.default_rng(0).normal(size=(30, 2)), later=later, methods=["kmeans"])


def test_labels_of_several_levels_and_empty_columns_of_customers_are_read():
    """The parts of a label are joined; spend that nobody has is left out without a warning."""
    rng = np.random.default_rng(0)
    levels = pd.MultiIndex.from_tuples([("spend", "sum"), ("spend", "mean")])
    found = compare(
        pd.DataFrame(rng.normal(size=(40, 2)), columns=levels), methods=["ward"], copies=0, draws=1
    )
    assert found.scaling.columns == ("spend sum", "spend mean")
    people = pd.DataFrame({"orders": rng.integers(1, 9, 40), "days_since_last": range(40)})
    found = compare(people.assign(spend_total=np.nan), methods=["ward"], copies=0, draws=1)
    assert found.scaling.columns == ("orders", "days_since_last")


@pytest.mark.parametrize("number", [0, 31, 2.5, "3", True])
def test_a_bad_number_of_clusters_is_refused(number):
    """Numbers outside the rows, fractions and text get the same sentence."""
    X = np.random.default_rng(0).normal(size=(30, 2))
    with pytest.raises(UsageError, match=f"n_clusters is {number!r} for 30 rows"):
        compare(X, n_clusters=number)


def test_a_table_in_order_is_no_table_of_equal_rows():
    """The first thousand rows are alike and the others are not: groups are looked for."""
    X = np.repeat(np.arange(12.0)[:, None], 1000, axis=0)
    found = compare(X, methods="kmeans", n_clusters=12, draws=0, copies=0)
    assert found.labels["kmeans"].nunique() == 12


def test_customers_who_all_ordered_once_are_compared():
    """The rule of the single order splits nobody off where it holds for all."""
    rng = np.random.default_rng(0)
    columns = {"spend_total": rng.lognormal(3, 1, 80), "days_since_last": rng.integers(1, 300, 80)}
    found = compare(pd.DataFrame({"orders": 1, **columns}), methods=["ward"], draws=0, copies=1)
    assert found.n_one_time == 0
    assert len(found.labels) == found.n_fitted == 80


def test_input_is_not_changed(blobs):
    """The frame given is the frame kept."""
    frame = pd.DataFrame(blobs[0], columns=["a", "b", "c"])
    before = frame.copy()
    compare(frame, methods=("kmeans",), draws=1, copies=2)
    pd.testing.assert_frame_equal(frame, before)


@pytest.mark.parametrize(
    "X",
    [
        np.random.default_rng(2).normal(size=(12, 30)),
        np.repeat(np.random.default_rng(2).normal(size=(12, 2)), 9, axis=0),
        np.vstack([np.random.default_rng(2).normal(size=(40, 2)), [[1e6, 1e6]]]),
    ],
    ids=["more features than rows", "nine copies of each", "outlier"],
)
def test_every_method_answers_on_awkward_tables(X):
    """All ten methods, each with a row, and each labels its own rows as it fitted them."""
    found = compare(X, draws=0, copies=1)
    assert set(found.labels.columns) == set(clustering.METHODS) - {"rule_rfm"}
    for name in found.labels:
        assert (found.model(name).assign(X) == found.labels[name]).all(), name


def test_autoencoders_label_new_rows_and_survive_the_disk(blobs, tmp_path):
    """New rows near a group get its label, also from a model that was saved and loaded."""
    near = blobs[0] + 0.01
    found = compare(blobs[0], methods=["autoencoder"], n_clusters=4, draws=0, copies=0)
    for name in found.labels:
        model = SegmentModel.load(found.model(name).save(tmp_path / name))
        assert adjusted_rand_score(model.assign(near), found.labels[name]) > 0.99, name


def test_rows_that_are_all_noise_get_a_defined_answer():
    """Where density clustering finds only noise, scores are defined and nothing is recommended."""
    from segwork.clustering.judging.scores import scores

    X = np.random.default_rng(4).uniform(size=(60, 12))
    found = compare(X, methods=["dbscan", "hdbscan"], draws=1, copies=1)
    assert found.recommended is None
    values = scores(X, np.full(60, -1))
    assert values["noise"] == 1.0
    assert values["dbcv"] == -1.0
