"""The audit of private releases refutes what is broken and spares what is not."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.privacy import audits

pytest.importorskip("opendp", reason="OpenDP is not installed (segwork[privacy])")


def laplace(shift: float, scale: float, seed: int, n: int = 4000) -> np.ndarray:
    """Return draws of a Laplace mechanism written by hand."""
    return np.random.default_rng(seed).laplace(shift, scale, n)


def test_loss_of_a_known_mechanism_is_found() -> None:
    """Laplace noise of scale 1 loses exactly 1: the estimate is near, the bound below."""
    seen = audits.observed(laplace(0, 1, 0), laplace(1, 1, 1))

    assert 0.65 < seen.low < 1.0
    assert seen.epsilon == pytest.approx(1.0, abs=0.15)


@pytest.mark.parametrize("swapped", [False, True])
def test_either_direction_is_seen(swapped: bool) -> None:
    """A loss shows whichever data set is named first."""
    pair = [laplace(0, 0.5, 0), laplace(1, 0.5, 1)]

    assert audits.observed(*(pair[::-1] if swapped else pair)).low > 1.4


def test_equal_data_lose_nothing() -> None:
    """Draws of one distribution are told apart by chance in none of twenty audits."""
    alarms = [
        audits.observed(laplace(0, 1, k), laplace(0, 1, 900 + k)).low > 0.1 for k in range(20)
    ]

    assert sum(alarms) == 0


def test_bound_holds_its_level() -> None:
    """At a true loss of 1 the lower bound is above 1 in one of a thousand audits at most."""
    above = [audits.observed(laplace(0, 1, k), laplace(1, 1, 900 + k)).low > 1.0 for k in range(60)]

    assert sum(above) <= 1


def test_neighbours_differ_in_one_customer() -> None:
    """Whoever is added has all their rows in one of the two data sets and none in the other."""
    for without, with_one in (audits.CROWD, audits.HEAVY, audits.HUGE, audits.HALVES):
        extra = set(with_one.index) - set(without.index)
        assert extra == {"extra"}
        assert with_one.drop("extra").equals(without)


@pytest.mark.proof
def test_broken_releases_are_caught_and_honest_ones_are_not() -> None:
    """Half the noise, bounds from the data and rows as customers are refuted by 500 draws."""
    table = audits.audit_all(epsilon=1.0, draws=500)

    assert table.loc[~table["honest"], "caught"].all(), table
    assert not table.loc[table["honest"], "caught"].any(), table
    assert table.loc[table["mechanism"] == "count", "observed"].item() > 0.5
