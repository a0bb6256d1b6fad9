"""The benchmark's scores, and the referees."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from benchmarks.changepoints import scores
from segwork.changepoints import referees


def test_scores_equal_all_16690_published_ones(public_data: Path) -> None:
    """F1 and covering of every detection published with TCPDBench for the eight series, to 1e-6."""
    marks = json.loads((public_data / "tcpd" / "annotations.json").read_text(encoding="utf-8"))
    published = pd.read_parquet(public_data / "tcpd" / "published_detections.parquet")
    ours = [
        (scores.f1(marks[r.dataset], r.cplocations),
         scores.covering(marks[r.dataset], r.cplocations, r.n_obs))
        for r in published.itertuples()
    ]  # fmt: skip

    assert len(ours) == 16_690
    np.testing.assert_allclose(ours, published[["f1", "cover"]], rtol=0, atol=1e-6)


def test_scores_by_hand() -> None:
    """Two annotators, one mark each found within five points, one invented."""
    marks = {"1": [10], "2": [10, 30]}
    # precision: 0 and 12 of {0, 12, 50} match; recall: 2 of 2 and 2 of 3
    assert scores.f1(marks, [12, 50]) == pytest.approx(2 * (2 / 3) * (5 / 6) / (2 / 3 + 5 / 6))
    # covering of {"1": [10]} by [20] over 40 points: 10 × 10/20 + 30 × 20/30, of 40
    assert scores.covering({"1": [10]}, [20], 40) == pytest.approx((5 + 20) / 40)


def test_a_found_index_serves_one_mark_only() -> None:
    """Two marks two points apart and one found index between them: one match."""
    assert scores.f1({"1": [20, 22]}, [21]) == pytest.approx(2 * 1 * (2 / 3) / (1 + 2 / 3))


def test_scores_reward_the_truth_and_not_its_opposite() -> None:
    """The marks themselves score one; an index out of range changes no covering."""
    assert scores.f1({"1": [9, 40]}, [40, 9]) == 1.0
    assert scores.covering({"1": [9, 40]}, [9, 40], 60) == pytest.approx(1.0)
    assert scores.covering({"1": [9]}, [9, 60, 99], 60) == pytest.approx(1.0)


def test_pelt_and_binary_segmentation_see_a_step_and_keep_quiet_without_one() -> None:
    """A step of five standard deviations is found by both, a constant and calm noise by neither."""
    rng = np.random.default_rng(0)
    step = rng.poisson(np.repeat([1.0, 8.0], 52))
    calm = rng.poisson(1.0, 104)
    counts = np.array([step, calm, np.zeros(104, int)])

    assert referees.pelt(counts).tolist() == [True, False, False]
    assert referees.binary_segmentation(counts).tolist() == [True, False, False]


@pytest.mark.parametrize(
    ("ours", "theirs"), [(referees.pelt, "Pelt"), (referees.binary_segmentation, "Binseg")]
)
def test_referees_equal_the_reference_searches_of_ruptures(ours, theirs) -> None:
    """The compiled search and the plain one (jump 1) agree on 30 random sequences."""
    import ruptures

    rng = np.random.default_rng(1)
    counts = np.array([rng.poisson(np.repeat(rng.uniform(0.3, 3, 2), 30)) for _ in range(30)])
    search = getattr(ruptures, theirs)(model="l2", min_size=2, jump=1)
    slow = [
        len(search.fit(y.astype(float)).predict(pen=3 * np.log(60) * y.var())) > 1 for y in counts
    ]
    assert ours(counts).tolist() == slow
    assert 3 < sum(slow) < 27


def test_bocpd_equals_the_best_of_all_segmentations() -> None:
    """Ten periods, all 512 segmentations tried: the same verdict, both ways occurring."""
    from itertools import combinations, pairwise

    from scipy.special import gammaln

    rng = np.random.default_rng(2)
    counts = rng.poisson(np.c_[np.full((40, 5), 4.0), rng.choice([0.2, 4.0], (40, 1)).repeat(5, 1)])

    def best(y: np.ndarray) -> bool:
        scale = max(y.sum(), 1) / 10
        values = {}
        for k in range(10):
            for cut in combinations(range(1, 10), k):
                ends = [0, *cut, 10]
                value = k * np.log(1 / 99)
                for a, b in pairwise(ends):
                    n, e = y[a:b].sum(), b - a
                    value += gammaln(n + 1) - (n + 1) * np.log(e * scale + 1) + n * np.log(scale)
                values[cut] = value
        return len(max(values, key=values.__getitem__)) > 0

    verdict = referees.bocpd(counts, np.ones(counts.shape))
    assert verdict.tolist() == [best(y) for y in counts]
    assert 5 < verdict.sum() < 35
