"""Which partition to work with: found again, large enough, tells most, and the simplest of ties."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import adjusted_rand_score

from segwork.clustering import compare, comparison, usable
from segwork.clustering.judging.clusterability import Clusterability
from segwork.clustering.judging.scores import outcome_separation

QUICK = ("rule_rfm", "stable_kmeans", "kmeans", "ward")


def continuum(n: int = 600, seed: int = 0) -> pd.DataFrame:
    """Draw customers without groups: heavy and light buyers, and all between."""
    rng = np.random.default_rng(seed)
    rate = rng.gamma(1.5, 2.0, n)
    orders = 1 + rng.poisson(rate)
    return pd.DataFrame(
        {
            "orders": orders,
            "spend_total": orders * rng.lognormal(3, 0.4, n),
            "days_since_last": rng.exponential(300 / (1 + rate)).round(),
            "tenure_days": rng.uniform(30, 700, n).round(),
        }
    )


@pytest.fixture(scope="module")
def compared():
    """Compare the continuum once, quickly."""
    return compare(continuum(), methods=QUICK, copies=5, draws=2)


def test_a_continuum_has_no_groups_and_still_a_partition(compared):
    """Two questions, two answers; the partition is one of the labellings and is assigned again."""
    assert compared.recommended is None
    assert compared.usable in compared.labels
    assert (
        compared.model(compared.usable)
        .assign(continuum())
        .equals(compared.labels[compared.usable].rename(compared.usable))
    )
    assert "the table's own columns" in compared.usable_reason
    assert "rule 'customer'" in compared.reason


def test_the_partition_is_found_again_on_other_customers(compared):
    """Fitted on customers nobody saw, it divides these in nearly the same way."""
    other = compare(continuum(seed=1), methods=QUICK, copies=0, draws=1)
    again = other.model(compared.usable).assign(continuum())
    assert adjusted_rand_score(again, compared.labels[compared.usable]) >= 0.7


def test_a_later_outcome_decides():
    """What tells nothing of the outcome is not chosen, however stable."""
    table = continuum()
    later = np.log1p(table["spend_total"]) + np.random.default_rng(2).normal(0, 0.3, len(table))
    found = compare(table, methods=QUICK, later=later, copies=0, draws=1)
    shares = {n: outcome_separation(found.labels[n].to_numpy(), later) for n in found.labels}
    assert shares[found.usable] >= 0.95 * max(shares["rule_rfm"], shares["stable_kmeans"])
    assert "of a later outcome" in found.usable_reason
    assert found.scoreboard["outcome_separation"].to_dict() == pytest.approx(shares)


def test_the_partition_alone_can_be_asked_for():
    """Without any other method there is no recommendation, and the same partition as among all."""
    alone = compare(continuum(), methods="stable_kmeans", copies=0)
    assert alone.recommended is None
    assert alone.usable == "stable_kmeans"
    assert alone.scoreboard.index.tolist() == ["stable_kmeans"]


@pytest.mark.parametrize(
    ("value", "again", "null", "answer"),
    [
        (0.20, 0.89, 0.40, "ward with 4 segments"),
        (0.25, 0.60, 0.40, "below 0.30 a labelling must come back on resampled rows at 0.75"),
        (0.25, 0.80, 0.85, "comes back no better on resampled rows"),
        (0.35, 0.60, 0.40, "ward with 4 segments"),
        (0.20, np.nan, np.nan, "comes back no better on resampled rows"),
    ],
)
def test_what_is_predicted_low_convinces_only_where_it_comes_back(value, again, null, answer):
    """A prediction of 0.25 with eight groups that nobody finds again is no recommendation."""
    row = {"clusters": 4, "noise": 0.0, "predicted_quality": value}
    table = pd.DataFrame([row | {"jaccard": again, "jaccard_null": null}], index=["ward"])
    evidence = Clusterability(value, (0.05, 0.06), True, "the best is above its copies")
    recommended, reason = comparison._recommend(table, evidence)
    assert answer in reason
    assert (recommended == "ward") == answer.startswith("ward")


def part(name, labels, again=0.9, complexity=0):
    """Write one partition."""
    return usable.Partition(name, np.array(labels), again, complexity)


def test_ties_go_to_the_simplest_and_clear_leads_do_not():
    """Worked by hand: two that explain the same, and one that explains nothing."""
    told = np.array([[0.0]] * 10 + [[1.0]] * 10)
    right, wrong = [0] * 10 + [1] * 10, [0, 1] * 10
    rule, late = part("rule", right), part("late", right, complexity=3)
    assert usable.choose([late, rule], told, later=True, seed=0)[0] == "rule"
    assert usable.choose([part("wrong", wrong), late], told, later=True, seed=0)[0] == "late"


@pytest.mark.parametrize(
    ("labels", "again", "why"),
    [
        ([0] * 10 + [1] * 10, 0.3, "no partition is found again"),
        ([0] * 10 + [1] * 10, np.nan, "no partition is found again"),
        ([0] * 19 + [1], 0.9, "too small to address"),
        ([0] * 20, 0.9, "too small to address"),
        ([-1] * 10 + [0] * 5 + [1] * 5, 0.9, "too small to address"),
    ],
)
def test_nothing_to_work_with_says_why(labels, again, why):
    """Unstable, unmeasured, tiny, single and noisy partitions are no partition."""
    told = np.arange(20.0)[:, None]
    chosen, reason = usable.choose([part("one", labels, again)], told, later=True, seed=0)
    assert chosen is None
    assert why in reason


def test_noise_has_no_stable_number():
    """Uniform rows in six columns: no number of clusters is found again on other rows."""
    X = np.random.default_rng(3).uniform(size=(300, 6))
    assert usable.stable_kmeans(X, seed=0)[1] < usable.FOUND_AGAIN


def test_the_scaling_is_the_same_with_a_number_given():
    """A wholesaler's skewed money is clustered as logarithms either way, and the reason says so."""
    rng = np.random.default_rng(4)
    group = np.repeat([0, 1], 110)
    money = np.exp(rng.normal(8, 0.7, (220, 4)) + 2.4 * group[:, None] * [1, -1, 1, 0])
    free = compare(money, methods=["kmeans", "ward"], copies=19, draws=2)
    given = compare(money, methods=["kmeans", "ward"], n_clusters=2, copies=0, draws=0)
    assert free.scaling.rule == given.scaling.rule == "logarithms"
    assert "rule 'logarithms'" in free.reason
    assert free.recommended
    assert adjusted_rand_score(group, free.labels[free.recommended]) > 0.6
    assert adjusted_rand_score(group, given.labels["kmeans"]) > 0.6
