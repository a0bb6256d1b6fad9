"""One series: ``detect``, its network, its thresholds."""

from __future__ import annotations

from importlib import resources

import numpy as np
import pytest

from segwork import changepoints
from segwork.changepoints import detect, series, series_network
from segwork.errors import UsageError

RNG = np.random.default_rng(11)
STEP = np.r_[RNG.normal(0, 1, 70), RNG.normal(4, 1, 50)]


def test_a_step_is_dated_and_its_probability_stands_out() -> None:
    """Four standard deviations at index 70: one change, at most one point off."""
    found = detect(STEP)

    assert found.status == "changed"
    assert len(found.indices) == 1
    assert abs(found.indices[0] - 70) <= 1
    assert found.probability.shape == (120,)
    assert found.probability.max() <= 1
    assert abs(int(found.probability.argmax()) - 70) <= 5
    assert found.probability[:50].max() < 0.3
    assert found.facts()["change_points"] == 1


def test_unit_origin_and_sign_do_not_matter() -> None:
    """Scaled, shifted and upside-down copies have the same change points."""
    expected = detect(STEP).indices
    assert detect(1e-6 * STEP).indices == expected
    assert detect(1e6 + 250 * STEP).indices == expected
    assert detect(-STEP).indices == expected
    assert detect(1e300 * STEP).indices == expected
    assert detect(1e-300 * STEP).indices == expected


def test_same_seed_same_answer_and_input_unchanged() -> None:
    """Twice the same bytes; the caller's array is untouched; a seed moves little."""
    y = STEP.copy()
    first, second = detect(y, seed=3), detect(y, seed=3)

    np.testing.assert_array_equal(first.probability, second.probability)
    np.testing.assert_array_equal(y, STEP)
    assert detect(y, seed=4).indices == first.indices


@pytest.mark.parametrize("family", ["white", "autocorrelated", "line", "season"])
def test_unchanged_series_are_mostly_left_alone(family: str) -> None:
    """At most 8 of 40 series without change get one (nominal 4; chance beyond 8 about 1 %)."""
    rng = np.random.default_rng(5)
    e = rng.normal(size=(40, 120))
    if family == "autocorrelated":
        for t in range(1, 120):
            e[:, t] += 0.6 * e[:, t - 1]
    if family == "line":
        e += 0.1 * np.arange(120)
    if family == "season":
        e += 3 * np.sin(2 * np.pi * np.arange(120) / 12)
    assert sum(detect(y).status == "changed" for y in e) <= 8


def test_defined_answers_to_degenerate_series() -> None:
    """Empty, short, all missing, constant: a status, no exception, no index."""
    assert detect([]).status == "not enough data"
    assert detect([1.0, 2.0, 9.0]).status == "not enough data"
    assert detect([np.nan] * 30).status == "not enough data"
    assert detect(np.full(50, 7.5)).status == "none"
    assert detect(np.full(50, 7.5)).indices == ()
    assert detect(np.full(50, 1e12)).status == "none"


def test_a_noiseless_step_is_found_exactly() -> None:
    """Thirty zeros, then forty ones."""
    assert detect(np.r_[np.zeros(30), np.ones(40)]).indices == (30,)


def test_missing_and_infinite_values_are_bridged() -> None:
    """Two holes far from the step leave it where it was, counted in the original positions."""
    y = STEP.copy()
    y[[10, 11]] = np.nan
    y[100] = np.inf
    assert abs(detect(y).indices[0] - 70) <= 1


def test_holes_at_the_ends_are_no_change() -> None:
    """Twenty missing values before and ten after move the indices and say nothing themselves."""
    found = detect(np.r_[np.full(20, np.nan), STEP, np.full(10, np.inf)])
    assert found.indices == tuple(20 + i for i in detect(STEP).indices)
    assert found.probability.shape == (150,)
    assert found.probability[:20].max() == found.probability[140:].max() == 0


def test_long_series_are_dated_within_five_points() -> None:
    """700 points are averaged in blocks and dated in the original ones."""
    rng = np.random.default_rng(1)
    y = np.r_[rng.normal(0, 1, 400), rng.normal(3, 1, 300)]
    assert min(abs(i - 400) for i in detect(y).indices) <= 5


def test_what_is_no_series_of_numbers_is_refused() -> None:
    """A matrix and words: one sentence each."""
    with pytest.raises(UsageError, match="2 dimensions"):
        detect(np.zeros((5, 5)))
    for values in (["a"] * 20, np.ones(20) * 1j, np.arange("2024-01", "2025-10", dtype="M8[M]")):
        with pytest.raises(UsageError, match="no numbers"):
            detect(values)
    with pytest.raises(UsageError, match="seed is -1"):
        detect(np.zeros(20), seed=-1)


def test_decoding_takes_the_strongest_first_and_stops_below_the_threshold() -> None:
    """Masses by hand: 0.9 around 20, 0.5 around 40, 0.2 at 60; thresholds 0.6 and 0.4."""
    begins = np.zeros(80)
    begins[[19, 20, 21]] = [0.2, 0.5, 0.2]
    begins[[40, 43]] = [0.3, 0.2]
    begins[60] = 0.2
    assert series.decode(begins, 0.6, 0.4) == (20, 40)
    assert series.decode(begins, 0.95, 0.4) == ()


def test_features_are_finite_and_blind_to_unit_and_origin() -> None:
    """For lengths from 8 to 900; a flat series included."""
    rng = np.random.default_rng(2)
    for n in (8, 13, 60, 161, 900):
        y = np.r_[rng.normal(size=(3, n)), np.zeros((1, n))]
        x = series_network.features(y)
        assert x.shape == (4, -(-n // series_network.block_length(n)), series_network.INPUTS)
        assert np.isfinite(x).all()
        np.testing.assert_allclose(series_network.features(5 + 3 * y[:3]), x[:3], atol=2e-3)


def test_shipped_weights_are_small_and_hold_an_lstm() -> None:
    """Each file under 300 kB; the network has a Keras LSTM layer."""
    files = [f for f in resources.files(changepoints).iterdir() if f.name.endswith(".npz")]
    assert len(files) >= 2
    assert all(len(f.read_bytes()) < 300_000 for f in files)
    kinds = {type(layer).__name__ for layer in series_network.build().layers}
    assert "Bidirectional" in kinds
