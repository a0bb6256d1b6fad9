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
