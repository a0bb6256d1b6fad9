"""The worlds of the benchmark: what is planted is there, and the studies find it."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.dynamics import studies, worlds
from segwork import dynamics, sample


def test_paths_stay_as_often_as_asked() -> None:
    """Kept with probability 0.8, also by a draw that hits the same segment again."""
    state = worlds.paths(20_000, 3, 5, 0.8, np.random.default_rng(0))

    assert (state[:, 1:] == state[:, :-1]).mean() == pytest.approx(0.8, abs=0.01)
    assert np.bincount(state.ravel()) / state.size == pytest.approx(np.full(5, 0.2), abs=0.01)


def test_time_aware_segments_meet_the_truth_in_both_worlds() -> None:
    """Stability within three points of the true one, and agreement no worse than static."""
    rng = np.random.default_rng(1)
    normal, shop = worlds.normal(600, rng, noise=0.5), worlds.shop(1_500, rng)
    usual = {"methods": ["fit_once", "time_aware"]}
    found = {
        "normal": (dynamics.trace_features(normal.panel, **usual), normal),
        "shop": (dynamics.trace(shop.tables, as_of=worlds.AS_OF, **usual), shop),
    }
    for name, (trace, world) in found.items():
        board = studies.compared(trace, world.truth)
        aware, static = board.loc["time_aware"], board.loc["fit_once"]
        assert aware["stability"] == pytest.approx(1 - world.moved(), abs=0.03), name
        assert aware["ari"] >= static["ari"], name
        assert aware["n"] == len(world.truth), name


def test_sample_company_repeats_the_story() -> None:
    """Static segments lose about 40 % a quarter, time-aware ones keep at least 78 %."""
    company = sample.make(customers=4_000)
    trace = dynamics.trace(company.tables, as_of="2026-07-01", methods=["fit_once", "time_aware"])
    board = studies.compared(trace, worlds.of_sample(company.key, trace.block.ends))

    assert 1 - board.loc["fit_once", "stability"] == pytest.approx(0.40, abs=0.03)
    assert board.loc["time_aware", "stability"] >= 0.78
    assert board.loc["time_aware", "label_stability"] >= 0.78
    assert board.loc["time_aware", "ari"] >= board.loc["fit_once", "ari"]


def test_controls_have_their_certain_answers() -> None:
    """Random, equal, renamed and 40 % moved labels."""
    table = studies.controls(np.random.default_rng(2))["stability_corrected"]

    assert abs(table["random labels"]) <= 0.02
    assert (table[["equal labels", "renamed labels", "names turned"]] == 1).all()


def test_drift_rates_have_a_row_a_world() -> None:
    """Six worlds; the strong move is always found; intervals hold the share."""
    rates = studies.drift_rates(2, 100, 0).set_index("world")

    assert len(rates) == 6
    assert rates.loc["moved by 1.0", "drift"] == 1
    assert (rates["low"] <= rates["drift"]).all()
    assert (rates["drift"] <= rates["high"]).all()


def test_clock_times_every_part() -> None:
    """Seconds of a small base, part by part."""
    times = studies.clock(2_000, 0)

    assert len(times) == 5
    assert (times["seconds"] >= 0).all()
