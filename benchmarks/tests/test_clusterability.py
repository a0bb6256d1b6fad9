"""Is there anything to find?"""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import adjusted_rand_score

from benchmarks.clustering import suites as bench
from segwork import features, sample
from segwork.clustering import compare, copula_copy
from segwork.clustering.judging.clusterability import (
    ANY,
    Clusterability,
    best_quality,
    clusterability,
    enough_of,
    skewed,
    symmetric,
)
from segwork.clustering.judging.scored import scored
from segwork.clustering.methods.classical import kmeans
from segwork.clustering.prepare import BEHAVIOUR, as_frame


def test_copies_of_tight_groups_are_no_grid() -> None:
    """Three far groups: copies that kept the peaks of each column would have groups too."""
    rng = np.random.default_rng(0)
    X = np.vstack([rng.normal(centre, 0.1, (100, 2)) for centre in ((0, 0), (1, 1), (0, 2))])

    found = clusterability(X, copies=3, seed=0)

    assert found.convincing
    assert max(found.null) < 0.5
    assert best_quality(copula_copy(X, rng), seed=0, n_clusters=None) > 0.7


@pytest.mark.parametrize("law", ["normal", "uniform", "exponential"])
def test_clusterless_tables_do_not_convince(law: str) -> None:
    """One cloud of any of three shapes is no evidence of groups."""
    X = getattr(np.random.default_rng(1), law)(size=(400, 3))

    assert not clusterability(X, copies=4, seed=0).convincing


def test_a_column_must_be_clear_by_itself() -> None:
    """Copies of one column are the column: two far groups convince, one long tail does not."""
    rng = np.random.default_rng(3)
    far = np.concatenate([rng.normal(0, 1, 150), rng.normal(12, 1, 150)])[:, None]

    assert clusterability(far, copies=2, seed=0).convincing
    assert not clusterability(rng.lognormal(0, 0.7, (300, 1)), copies=2, seed=0).convincing


def test_copies_are_drawn_only_until_the_answer_is_known() -> None:
    """The answer with an early stop is the answer with all copies."""
    rng = np.random.default_rng(2)
    for X in (rng.normal(size=(200, 2)), np.vstack([rng.normal(c, 1, (90, 2)) for c in (0, 7)])):
        early = clusterability(X, copies=8, seed=0, look=0)
        late = clusterability(X, copies=8, seed=0, look=8)
        assert early.convincing == late.convincing
        assert len(early.null) <= len(late.null) == 8


def test_many_groups_are_looked_at_on_more_rows() -> None:
    """1,000 rows do for thirty groups; a hundred take thirty rows each, as far as there are."""
    X = np.arange(10_000.0).reshape(5000, 2)
    assert len(enough_of(X, 30, seed=0)) == 1000
    assert len(enough_of(X, 100, seed=0)) == 3000
    assert len(enough_of(X[:2000], 100, seed=0)) == 2000


def test_planted_types_of_customers_are_recommended() -> None:
    """The customers' referee prefers the planted types to a labelling that joins two of them."""
    company = sample.make(customers=2000, seed=11)
    table = features.customer_features(company.tables, as_of=company.key.constants["as_of"])
    table = as_frame(table)[list(BEHAVIOUR)]
    truth = company.key.segments.set_index("customer_id")["segment"].reindex(table.index).dropna()

    result = compare(
        table.loc[truth.index], methods=["kmeans", "ward", "hdbscan"], draws=0, copies=2
    )

    index = {name: adjusted_rand_score(truth, result.labels[name]) for name in result.labels}
    assert index[result.recommended] >= 0.8
    assert index[result.recommended] > index["hdbscan"] + 0.1


def test_customers_have_a_referee_of_their_own() -> None:
    """The same labellings are judged otherwise where the table holds customers."""
    X = np.random.default_rng(5).normal(size=(120, 3))
    candidates = kmeans(X, [2, 3], seed=0)

    general = scored(X, candidates, seed=0).quality
    customers = scored(X, candidates, seed=0, customers=True).quality

    assert (general != customers).all()


def _skewed(where: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    X = np.exp(where + rng.normal(0, 0.6, where.shape))
    return (X - X.mean(axis=0)) / X.std(axis=0)


def test_groups_of_skewed_columns_convince_without_their_skew() -> None:
    """Two groups of log-normal columns: their tails hide them, logarithms would not."""
    rng = np.random.default_rng(4)
    X = _skewed(rng.normal(0, 0.8, (2, 8))[rng.integers(0, 2, 300)], rng)

    found = clusterability(X, copies=4, seed=0)

    assert found.convincing
    assert found.without_skew
    assert found.facts()["without_skew"] == 1
    assert best_quality(X, seed=0, n_clusters=None) < 0.2 < found.value
    assert "brought to symmetry" in found.sentence


def test_a_long_tail_is_not_clear_by_itself() -> None:
    """A skewed cloud whose core is predicted a group by more than any symmetric cloud is."""
    rng = np.random.default_rng(10)
    size = rng.normal(size=(200, 1)) * rng.uniform(0.3, 1, 4)
    X = np.exp(size + rng.normal(0, 0.3, (200, 4)))
    X = (X - X.mean(axis=0)) / X.std(axis=0)

    assert best_quality(X, seed=0, n_clusters=None) > ANY.clear
    assert not clusterability(X, copies=4, seed=0).convincing


def test_symmetry_keeps_place_and_spread_and_leaves_the_rest_alone() -> None:
    """Mean, deviation and order stay; symmetric columns and counts are returned as they were."""
    rng = np.random.default_rng(0)
    X = np.column_stack([rng.exponential(5, 400), rng.normal(size=400), rng.poisson(0.2, 400)])

    straight = symmetric(X)

    assert skewed(X).tolist() == [True, False, True]
    assert skewed(straight).tolist() == [False, False, True]
    assert (straight[:, 1:] == X[:, 1:]).all()
    assert straight[:, 0].mean() == pytest.approx(X[:, 0].mean())
    assert straight[:, 0].std() == pytest.approx(X[:, 0].std())
    assert (np.argsort(straight[:, 0]) == np.argsort(X[:, 0])).all()
    assert (symmetric(np.full((20, 2), 3.0)) == 3).all()


@pytest.mark.parametrize(
    ("straight", "given", "convincing", "without_skew"),
    [(True, None, True, True), (False, True, True, False), (False, False, False, True)],
)
def test_either_look_convinces(monkeypatch, straight, given, convincing, without_skew) -> None:
    """Without the skew first; the columns as they are only where that does not convince."""
    X = np.random.default_rng(0).exponential(size=(50, 2))
    seen = []

    def look(table, copies, least, asked):
        seen.append(table is X)
        answer = given if table is X else straight
        return Clusterability(0.3, (0.1, 0.2), answer, "as given" if table is X else "without")

    monkeypatch.setattr("segwork.clustering.judging.clusterability._look", look)
    found = clusterability(X, copies=2, seed=0)

    assert (found.convincing, found.without_skew) == (convincing, without_skew)
    assert seen == ([False] if given is None else [False, True])
    assert ("as they are as given" in found.sentence) == (given is not None)


@pytest.mark.parametrize("law", bench.SKEWED)
def test_skewed_draws_are_skewed_and_the_same_again(law: str) -> None:
    """Tables without groups of the benchmark: long tails, the same bytes from the same seed."""
    tables = list(bench.skewed_draws(law, 24, groups=(1, 1)))

    for X, again in zip(tables, bench.skewed_draws(law, 24, groups=(1, 1)), strict=True):
        assert X.tobytes() == again.tobytes()
        assert 150 <= len(X) < 1000
        assert 2 <= X.shape[1] <= 30
    assert np.mean([skewed(X).mean() for X in tables]) > 0.5


def test_groups_of_skewed_draws_differ_in_scale() -> None:
    """A table of groups spreads its logarithms wider than a cloud of the same kind."""
    clouds = bench.skewed_draws("log-normal", 20, groups=(1, 1))
    tables = bench.skewed_draws("log-normal", 20, groups=(2, 5))
    spread = [np.mean([np.log(X).std(axis=0).mean() for X in some]) for some in (clouds, tables)]
    assert spread[1] > 1.1 * spread[0]
