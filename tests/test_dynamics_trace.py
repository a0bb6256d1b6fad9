"""Labels over time: what is known of worlds whose moves are known, and the awkward bases."""

from __future__ import annotations

import sys

import numpy as np
import pandas as pd
import pytest

from segwork import tables
from segwork.dynamics import cadence, latent, panel, score, trace, trace_features
from segwork.dynamics import methods as _methods
from segwork.dynamics.trace import Trace, summary
from segwork.errors import DataError, UsageError
from segwork.plots import dynamics as plots

AS_OF = pd.Timestamp("2026-01-01")


def world(
    n: int = 400, periods: int = 6, stay: float = 0.9, noise: float = 0.6, seed: int = 0
) -> tuple[pd.DataFrame, np.ndarray]:
    """Return a panel of four true segments around far centres, and the truth, (n, periods)."""
    rng = np.random.default_rng(seed)
    state = rng.integers(0, 4, (n, periods))
    for t in range(1, periods):
        kept = rng.random(n) < 1 - (1 - stay) * 4 / 3
        state[kept, t] = state[kept, t - 1]
    centres = np.array([[0, 0], [0, 2.0], [2, 0], [2, 2]])
    values = centres[state] + noise * rng.normal(size=(n, periods, 2))
    ends = [AS_OF - pd.Timedelta(days=91 * i) for i in range(periods)][::-1]
    frame = pd.DataFrame({"customer_id": np.repeat(np.arange(n), periods)})
    frame["period_end"] = ends * n
    return frame.assign(x=values[..., 0].ravel(), y=values[..., 1].ravel()), state


def lines(orders: dict[str, list[str]]) -> tables.Tables:
    """Return order lines of ten a piece at the days given."""
    rows = [(who, day, 10.0) for who, days in orders.items() for day in days]
    frame = pd.DataFrame(rows, columns=["customer_id", "ordered_at", "amount"])
    return tables.from_frames(transactions=frame)


@pytest.fixture(scope="module")
def moving() -> tuple[Trace, np.ndarray]:
    """Give the trace of one world, and its truth."""
    frame, state = world(n=1_500)
    return trace_features(frame, n_segments=4), state


def agreement(found: Trace, state: np.ndarray, method: str) -> float:
    """Return the adjusted Rand index to the truth."""
    from sklearn.metrics import adjusted_rand_score

    return adjusted_rand_score(state.ravel(), found.coded[method].labels.ravel())


def test_pair_probabilities_meet_the_true_stability(moving: tuple[Trace, np.ndarray]) -> None:
    """The latent model's stability is the planted one; static labels fall far short of it."""
    found, state = moving
    true = (state[:, 1:] == state[:, :-1]).mean()
    board = found.scoreboard

    assert board.loc["time_aware", "stability"] == pytest.approx(true, abs=0.015)
    assert board.loc["time_aware", "stay_learnt"] == pytest.approx(true, abs=0.02)
    assert board.loc["fit_once", "stability"] < true - 0.1
    assert agreement(found, state, "time_aware") > agreement(found, state, "fit_once") + 0.1
    assert found.recommended == "time_aware"


def test_measures_of_the_scoreboard(moving: tuple[Trace, np.ndarray]) -> None:
    """Intervals hold the value; moves of fixed centres are found at once; trajectories lag."""
    board = moving[0].scoreboard

    assert list(board.index) == ["fit_once", "refit_each", "trajectories", "time_aware"]
    assert (board["low"] < board["stability"]).all()
    assert (board["stability"] < board["high"]).all()
    assert (board["stability_corrected"] < board["stability"]).all()
    assert board.loc["fit_once", "recall"] > 0.9
    assert board.loc["fit_once", "delay"] < 0.1 < board.loc["trajectories", "delay"]
    assert (board[["seconds", "memory_mb"]] > 0).all(axis=None)


def test_mobility_splits_into_event_drift_and_noise(moving: tuple[Trace, np.ndarray]) -> None:
    """The parts sum up; with change points at the true moves most of the real part is event."""
    found, state = moving
    who, step = np.nonzero(state[:, 1:] != state[:, :-1])
    first = pd.Series(step, index=who).groupby(level=0).first()
    at = found.block.ends[first.to_numpy() + 1] - pd.Timedelta(days=45)
    changes = pd.DataFrame({"customer_id": first.index, "changed_at": at})
    table = found.mobility("fit_once", changes)
    parts = table[["event", "drift", "noise"]].sum(axis=1)
    true = (state[:, 1:] != state[:, :-1]).mean(axis=0)

    assert len(table) == 5
    assert parts.to_numpy() == pytest.approx(table["moved"].to_numpy())
    assert (table["moved"] - table["noise"]).to_numpy() == pytest.approx(true, abs=0.06)
    assert table["event"].iloc[0] > table["drift"].iloc[0]
    assert found.mobility("fit_once")["event"].isna().all()
    assert found.mobility("time_aware")["noise"].eq(0).all()
    assert found.mobility("time_aware")["moved"].to_numpy() == pytest.approx(true, abs=0.04)


def test_summary_weighs_steps_by_customers() -> None:
    """Two steps by hand: (0.5 × 100 + 0.2 × 300) / 400."""
    table = pd.DataFrame({"n": [100, 300], "moved": [0.5, 0.2], "expected_moved": [0.8, 0.8]})
    found = summary(table.assign(event=np.nan, drift=[0.2, 0.1], noise=[0.3, 0.1]))

    assert found["moved"] == pytest.approx(0.275)
    assert found["noise_of_moved"] == pytest.approx(0.15 / 0.275)
    assert "event" not in found
    assert summary(table.iloc[:0].assign(event=0.0, drift=0.0, noise=0.0)) == {}


def test_no_label_knows_the_future(moving: tuple[Trace, np.ndarray]) -> None:
    """Whatever is changed in the last period, labels of earlier ones stay as they are."""
    block = moving[0].block
    later = block.X.copy()
    later[:, -1] = later[::-1, -1]
    for method in _methods.USUAL:
        label = _methods.METHODS[method](block, 4, 0)
        one, two = label(block.X, block.present), label(later, block.present)
        assert (one[:, :-1] == two[:, :-1]).all(), method
        assert (one[:, -1] != two[:, -1]).any(), method


def test_two_runs_are_identical(moving: tuple[Trace, np.ndarray]) -> None:
    """The same seed gives the same labels and the same numbers, to the last digit."""
    again = trace_features(world(n=1_500)[0], n_segments=4)
    clock = ["seconds", "memory_mb"]

    pd.testing.assert_frame_equal(again.labels, moving[0].labels)
    pd.testing.assert_frame_equal(
        again.scoreboard.drop(columns=clock), moving[0].scoreboard.drop(columns=clock)
    )
    assert again.facts() == moving[0].facts()


def test_posterior_equals_the_sum_over_all_paths() -> None:
    """Forward and backward against every path of three periods and two segments, one by one."""
    model = latent.LatentStates(
        np.array([0.7, 0.3]), np.array([[0.8, 0.2], [0.4, 0.6]]),
        np.array([[0.0], [1.5]]), np.array([[0.5]]),
    )  # fmt: skip
    X = np.array([[[0.2], [1.1], [0.6]]], np.float32)
    weights = {}
    for path in np.ndindex(2, 2, 2):
        chance = (
            model.start[path[0]] * model.moves[path[0], path[1]] * model.moves[path[1], path[2]]
        )
        far = sum((X[0, t, 0] - model.centres[path[t], 0]) ** 2 for t in range(3))
        weights[path] = chance * np.exp(-far / (2 * 0.5)) / np.sqrt(2 * np.pi * 0.5) ** 3
    total = sum(weights.values())
    found = model.posterior(X, np.ones((1, 3), bool))

    for t in range(2):
        same = sum(w for path, w in weights.items() if path[t] == path[t + 1]) / total
        assert found.stay[0, t] == pytest.approx(same, rel=1e-5)
        assert np.trace(found.pairs[t]) == pytest.approx(same, rel=1e-5)
    for t in range(3):
        second = sum(w for path, w in weights.items() if path[t] == 1) / total
        assert found.states[0, t, 1] == pytest.approx(second, rel=1e-5)
    assert found.log_likelihood == pytest.approx(np.log(total), rel=1e-5)


def test_stability_interval_is_that_of_a_bootstrap_of_customers() -> None:
    """The closed form against 2,000 resamples of customers."""
    rng = np.random.default_rng(0)
    shaky = rng.beta(1, 3, 300)[:, None]
    moved, both = (rng.random((300, 5)) < shaky) * 1.0, rng.random((300, 5)) < 0.8
    share, low, high = score.stability(moved, both)
    kept, at_risk = ((1 - moved) * both).sum(axis=1), both.sum(axis=1)
    drawn = rng.integers(0, 300, (2_000, 300))
    resampled = kept[drawn].sum(axis=1) / at_risk[drawn].sum(axis=1)

    assert (low, high) == pytest.approx(np.quantile(resampled, [0.025, 0.975]), abs=0.005)
    assert share == pytest.approx(kept.sum() / at_risk.sum())


def test_separation_is_zero_for_random_labels(moving: tuple[Trace, np.ndarray]) -> None:
    """Random labels tell nothing of the next period; the true ones most; old ones less."""
    found, state = moving
    random = np.random.default_rng(5).integers(0, 4, state.shape)

    assert abs(score.separation(random, found.block)) < 0.01
    assert score.separation(state, found.block) > score.separation(state, found.block, lag=1) > 0.1


def test_features_of_a_period_are_cut_at_its_end() -> None:
    """Counted by hand; a later order changes nothing; who comes later is not there before."""
    early = {"a": ["2024-12-30", "2025-01-10", "2025-05-01", "2025-06-30"], "b": ["2025-05-20"]}
    frame = panel.of_tables(lines(early), as_of="2025-07-02", periods=8, period_days=91)
    later = {**early, "b": ["2025-05-20", "2025-07-02"]}
    again = panel.of_tables(lines(later), as_of="2025-07-02", periods=8, period_days=91)
    rows = frame.set_index(["customer_id", "period_end"])
    last, first = pd.Timestamp("2025-07-02"), pd.Timestamp("2025-04-02")

    assert sorted(rows.index) == [("a", first), ("a", last), ("b", last)]
    assert rows.loc[("a", last)].tolist() == [2.0, 10.0, 2.0, 20.0]
    assert rows.loc[("a", first)].tolist() == [1.0, 10.0, 82.0, 10.0]
    pd.testing.assert_frame_equal(frame, again)


def test_late_customers_enter_and_never_move() -> None:
    """Half of the base comes in the third of four periods: counted as entered, in no move."""
    frame, _ = world(n=240, periods=4)
    late = (frame["customer_id"] >= 120) & (frame["period_end"] < AS_OF - pd.Timedelta(days=100))
    found = trace_features(frame[~late], n_segments=3)
    table = found.mobility("fit_once")

    assert table["n"].tolist() == [120, 120, 240]
    assert table["entered"].tolist() == [0, 120, 0]
    assert len(found.labels) == 4 * (~late).sum()
    assert (found.coded["time_aware"].labels >= 0).sum() == (~late).sum()


def test_segment_that_empties() -> None:
    """Everybody of one segment moves into another for good: defined labels and shares."""
    rng = np.random.default_rng(2)
    level = np.repeat([[0, 0, 0, 0], [5, 5, 0, 0], [9, 9, 9, 9]], 60, axis=0)
    frame = pd.DataFrame({"customer_id": np.repeat(np.arange(180), 4)})
    frame["period_end"] = list(pd.date_range("2025-03-01", periods=4, freq="91D")) * 180
    frame["x"] = level.ravel() + rng.normal(0, 0.1, 720)
    found = trace_features(frame, n_segments=3)
    step = found.between("time_aware", 1)
    sizes = found.segments("time_aware").value_counts()

    assert step.moved == pytest.approx(1 / 3)
    assert len(sizes) == 2
    assert found.scoreboard["stability"].notna().all()
    assert found.scoreboard.loc["time_aware", "stability"] == pytest.approx(8 / 9, abs=0.01)


def test_thirty_customers_get_labels_and_no_recommendation() -> None:
    """Too few to recommend: everything is labelled, the reason says how many are needed."""
    found = trace_features(world(n=30)[0])

    assert found.recommended is None
    assert found.reason == "none: 30 customers at both ends of a step, 100 are needed"
    assert len(found.labels) == 30 * 6 * 4
    assert found.scoreboard["stability"].between(0, 1).all()


@pytest.mark.parametrize("n", [1, 3])
def test_fewer_customers_than_segments(n: int) -> None:
    """One customer or three, five segments: labels for everybody, no recommendation."""
    found = trace_features(world(n=n)[0])

    assert found.recommended is None
    assert len(found.labels) == n * 6 * 4


def test_one_period_has_no_mobility() -> None:
    """One end of period: labels, empty steps, nothing recommended, and no cadence."""
    found = trace_features(world(n=200, periods=1)[0])
    waiting = cadence(found)

    assert found.recommended is None
    assert found.reason.startswith("none: 0 customers at both ends")
    assert len(found.labels) == 200 * 4
    assert len(found.mobility("fit_once")) == 0
    assert summary(found.mobility("fit_once")) == {}
    assert found.scoreboard["stability"].isna().all()
    assert waiting.recommended_days is None
    assert waiting.false_alarms_a_year is None
    assert waiting.table["stale_share"].isna().all()
    assert "not enough data" in str(waiting.facts()["reason"])


def test_labels_that_tell_nothing_are_not_recommended() -> None:
    """Pure noise in every period: nothing is told about the next one."""
    rng = np.random.default_rng(4)
    frame, _ = world(n=300, periods=4)
    found = trace_features(frame.assign(x=rng.normal(size=1_200), y=rng.normal(size=1_200)))

    assert found.recommended is None
    assert "no method's segments tell" in found.reason


def test_missing_package_is_named_in_its_row(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without tslearn the rows of DTW and k-Shape hold the install line; the others run."""
    monkeypatch.setitem(sys.modules, "tslearn.clustering", None)
    found = trace_features(world(n=60, periods=4)[0], methods=["fit_once", "dtw", "k_shape"])

    for method in ("dtw", "k_shape"):
        assert "pip install 'segwork[dynamics]'" in found.scoreboard.loc[method, "status"]
    assert set(found.labels["method"]) == {"fit_once"}


def test_time_series_clustering_is_there() -> None:
    """The classes that DTW and k-Shape need import, and take the settings they are given."""
    from tslearn.clustering import KShape, TimeSeriesKMeans

    warped = TimeSeriesKMeans(3, metric="dtw", metric_params={"sakoe_chiba_radius": 1}, n_init=3)

    assert warped.get_params()["n_init"] == KShape(3, n_init=3).get_params()["n_init"] == 3


@pytest.mark.proof  # tslearn compiles for half a minute when it is first called
def test_time_series_clustering_labels_everybody() -> None:
    """DTW on a sample of trajectories finds clear segments again."""
    frame, state = world(n=20, periods=3, noise=0.2)
    found = trace_features(frame, n_segments=4, methods=["dtw"])

    assert agreement(found, state, "dtw") > 0.3
    assert (found.coded["dtw"].labels >= 0).all()


def test_refusals() -> None:
    """Wrong names, numbers and panels are refused with what is accepted."""
    frame, _ = world(n=20, periods=2)
    with pytest.raises(UsageError, match="unknown method 'time_awar' in trace"):
        trace_features(frame, methods=["time_awar"])
    with pytest.raises(UsageError, match="n_segments is 0"):
        trace_features(frame, n_segments=0)
    with pytest.raises(UsageError, match="unknown method 'dtw' in this trace"):
        trace_features(frame, methods=["fit_once"]).mobility("dtw")
    with pytest.raises(DataError, match="holds 40 rows twice"):
        trace_features(pd.concat([frame, frame]))
    with pytest.raises(DataError, match="unknown column 'period_end' in the panel"):
        trace_features(frame.drop(columns="period_end"))
    with pytest.raises(DataError, match="0 numeric columns"):
        trace_features(frame[["customer_id", "period_end"]])
    with pytest.raises(UsageError, match="periods is 0"):
        trace(lines({"a": ["2025-05-01"]}), as_of="2025-07-01", periods=0)
    with pytest.raises(DataError, match="nobody"):
        trace(lines({"a": ["2025-05-01"]}), as_of="2024-01-01")


def test_cadence_follows_the_planted_moves(moving: tuple[Trace, np.ndarray]) -> None:
    """A tenth leaves in 91 days: as much is stale then, a week costs less than one in a hundred."""
    found, state = moving
    waiting = cadence(found)
    table = waiting.table.set_index("days")

    assert table.loc[91, "stale_share"] == pytest.approx(
        (state[:, 1:] != state[:, :-1]).mean(), abs=0.015
    )
    assert table.loc[7, "stale_share"] == pytest.approx(
        1 - (1 - table.loc[91, "stale_share"]) ** (7 / 91)
    )
    assert table["stale_share"].is_monotonic_increasing
    assert table.loc[91, "basis"] == "measured"
    assert (table["low"] <= table["outcome_lost"]).all()
    assert (table["outcome_lost"] <= table["high"]).all()
    assert waiting.recommended_days == 7
    assert waiting.false_alarms_a_year == pytest.approx(365 / 7 * 0.01)
    assert waiting.segments["refresh"].isin(["by day", "by week", "by month"]).all()
    assert waiting.facts()["recommended_days"] == 7


def test_figures_have_words_with_the_numbers(moving: tuple[Trace, np.ndarray]) -> None:
    """Each figure's text alternative repeats what it shows."""
    found = moving[0]
    share = found.scoreboard.loc["time_aware", "stability"]

    assert f"time_aware {100 * share:.1f} %" in plots.stability(found)[1]
    assert "Moves in 5 steps" in plots.split(found.mobility("fit_once"))[1]
    assert "91 days" in plots.waiting(cadence(found))[1]
