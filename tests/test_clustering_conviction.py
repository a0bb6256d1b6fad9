"""Is there anything to find?"""

from __future__ import annotations

import numpy as np
import pytest

from segwork.clustering.conviction import conviction


def test_tight_groups_convince_although_their_copies_form_a_grid() -> None:
    """Three far groups: each column has modes of its own, so the copies have groups too."""
    rng = np.random.default_rng(0)
    X = np.vstack([rng.normal(centre, 0.1, (100, 2)) for centre in ((0, 0), (1, 1), (0, 2))])

    found = conviction(X, copies=3, seed=0)

    assert found.convincing
    assert max(found.null) > 0.7


@pytest.mark.parametrize("law", ["normal", "uniform", "exponential"])
def test_clusterless_tables_do_not_convince(law: str) -> None:
    """One cloud of any of three shapes is no evidence of groups."""
    X = getattr(np.random.default_rng(1), law)(size=(400, 3))

    assert not conviction(X, copies=4, seed=0).convincing


def test_a_column_must_be_clear_by_itself() -> None:
    """Copies of one column are the column: two far groups convince, one long tail does not."""
    rng = np.random.default_rng(3)
    far = np.concatenate([rng.normal(0, 1, 150), rng.normal(12, 1, 150)])[:, None]

    assert conviction(far, copies=2, seed=0).convincing
    assert not conviction(rng.lognormal(0, 0.7, (300, 1)), copies=2, seed=0).convincing


def test_copies_are_drawn_only_until_the_answer_is_known() -> None:
    """The answer with an early stop is the answer with all copies."""
    rng = np.random.default_rng(2)
    for X in (rng.normal(size=(200, 2)), np.vstack([rng.normal(c, 1, (90, 2)) for c in (0, 7)])):
        early = conviction(X, copies=8, seed=0, look=0)
        late = conviction(X, copies=8, seed=0, look=8)
        assert early.convincing == late.convincing
        assert len(early.null) <= len(late.null) == 8
