"""Customers as sequences: orders per period, exposure, calendar, scan, dispersion."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from segwork import sequences
from segwork.errors import DataError, UsageError
from segwork.sequences import Panel

# Checked by eye: weeks before 2024-03-04 begin on 2024-02-05, -12, -19, -26.
LOG = pd.DataFrame(
    [
        ("b", "2024-02-07 10:00", "o1"),  # first order of b: week 0, not counted
        ("b", "2024-02-13 10:00", "o2"),
        ("b", "2024-02-13 10:00", "o2"),  # second line of the same order
        ("b", "2024-02-13 18:00", "o3"),  # another order the same day
        ("a", "2024-02-12 00:00", "o4"),  # first order of a: week 1
        ("a", "2024-02-25 23:59", "o5"),  # last minute of week 2
        ("a", "2024-02-26 00:00", "o6"),  # first minute of week 3
        ("a", "2024-03-04 00:00", "o7"),  # as of that day: not used
        (None, "2024-02-13 10:00", "o8"),
        ("c", None, "o9"),
    ],
    columns=["customer_id", "ordered_at", "order_id"],
).assign(ordered_at=lambda f: pd.to_datetime(f["ordered_at"]))


def uniform(counts: list[list[int]]) -> tuple[np.ndarray, np.ndarray]:
    """Return counts and a flat calendar."""
    counts = np.array(counts)
    return counts, np.full(counts.shape, 1 / counts.shape[1])


def base(counts: np.ndarray) -> Panel:
    """Return a panel of customers exposed throughout."""
    starts = pd.date_range("2022-01-03", periods=counts.shape[1], freq="7D")
    return Panel(np.arange(len(counts)), counts, np.ones(counts.shape, bool), starts)


def test_ten_lines_become_the_panel_counted_by_hand() -> None:
    """Orders are counted once, from the week after the first one, up to the cut."""
    panel = sequences.panel(LOG, as_of="2024-03-04")

    assert panel.customer_id.tolist() == ["b", "a"]
    assert panel.counts.tolist() == [[0, 2, 0, 0], [0, 0, 1, 1]]
    assert panel.exposed.tolist() == [[False, True, True, True], [False, False, True, True]]
    assert [str(day.date()) for day in panel.starts] == [
        "2024-02-05", "2024-02-12", "2024-02-19", "2024-02-26",
    ]  # fmt: skip
    assert panel.totals.tolist() == [2, 2]
    assert panel.lengths.tolist() == [3, 2]


def test_without_order_ids_the_lines_of_one_day_are_one_order() -> None:
    """The lines of b on 13 February are then a single order; a lone missing id does the same."""
    assert (
        sequences.panel(LOG[["customer_id", "ordered_at"]], as_of="2024-03-04").counts[0].sum() == 1
    )
    partly = LOG.assign(order_id=LOG["order_id"].where(LOG["order_id"] != "o3"))
    assert sequences.panel(partly, as_of="2024-03-04").counts[0].sum() == 2


def test_returns_and_negative_lines_are_no_orders() -> None:
    """A marked return, a negative quantity and a negative amount each leave the counts alone.

    Who has nothing else is a customer all the same, without any period.
    """
    extra = pd.DataFrame({
        "customer_id": "b",
        "ordered_at": pd.to_datetime(["2024-02-20", "2024-02-21", "2024-02-22", "2024-02-23"]),
        "order_id": ["r1", "r2", "r3", "ok"],
        "is_return": [True, False, False, False],
        "quantity": [1, -1, 1, 1],
        "amount": [1.0, 1.0, -1.0, 1.0],
    })  # fmt: skip
    lines = pd.concat([LOG.assign(is_return=False, quantity=1, amount=1.0), extra])

    assert sequences.panel(lines, as_of="2024-03-04").counts[0].tolist() == [0, 2, 1, 0]
    only = sequences.panel(
        pd.concat([lines, extra[:1].assign(customer_id="d")]), as_of="2024-03-04"
    )
    assert only.customer_id.tolist() == ["b", "a", "d"]
    assert (only.lengths[2], only.totals[2]) == (0, 0)


def test_other_engines_and_time_zones_count_the_same() -> None:
    """Polars and pandas with a zone give the counts of plain pandas."""
    polars = pytest.importorskip("polars")
    lines = LOG.dropna()
    expected = sequences.panel(lines, as_of="2024-03-04").counts.tolist()

    assert (
        sequences.panel(polars.from_pandas(lines), as_of="2024-03-04").counts.tolist() == expected
    )
    zoned = lines.assign(ordered_at=lines["ordered_at"].dt.tz_localize("UTC"))
    assert sequences.panel(zoned, as_of="2024-03-04").counts.tolist() == expected


def test_days_and_four_week_blocks_end_at_the_cut() -> None:
    """The same lines in other periods; nothing is lost or cut short."""
    days = sequences.panel(LOG, as_of="2024-03-04", period="D")
    blocks = sequences.panel(LOG, as_of="2024-03-04", period="4W")

    assert days.starts[-1] == pd.Timestamp("2024-03-03")
    assert days.totals.tolist() == [2, 2]
    assert blocks.counts.shape == (2, 1)


def test_input_is_not_changed() -> None:
    """The caller's frame is the same afterwards."""
    before = LOG.copy()
    sequences.panel(LOG, as_of="2024-03-04")
    pd.testing.assert_frame_equal(LOG, before)


def test_errors_say_what_is_accepted() -> None:
    """Unknown period, no date, missing column: one sentence each."""
    with pytest.raises(UsageError, match=r"unknown period 'M'.*4W, D, W"):
        sequences.panel(LOG, as_of="2024-03-04", period="M")
    with pytest.raises(UsageError, match="as_of is 'soon'"):
        sequences.panel(LOG, as_of="soon")
    with pytest.raises(DataError, match="no column 'ordered_at'"):
        sequences.panel(LOG[["customer_id"]], as_of="2024-03-04")


def test_an_empty_table_is_an_empty_panel() -> None:
    """No lines before the cut: no customers, one period, no exception."""
    panel = sequences.panel(LOG, as_of="2020-01-01")
    assert panel.counts.shape == (0, 1)
    assert sequences.calendar_shape(panel).shape == (0, 1)


def test_scan_equals_the_slow_obvious_likelihood_ratio() -> None:
    """Every profile value is twice the log-likelihood gain of two Poisson rates over one."""
    rng = np.random.default_rng(3)
    counts = rng.poisson(1.0, (5, 20))
    shape = rng.uniform(0.5, 2, (5, 20))
    shape /= shape.sum(1, keepdims=True)
    found = sequences.scan(counts, shape)

    def loglik(c: np.ndarray, e: np.ndarray) -> float:
        mu = e * c.sum() / e.sum()
        return float(sum(k * np.log(m) - m for k, m in zip(c, mu, strict=True) if m > 0))

    for i in range(5):
        for t in range(2, 19):
            c, e = counts[i], shape[i]
            gain = 2 * (loglik(c[:t], e[:t]) + loglik(c[t:], e[t:]) - loglik(c, e))
            assert found.profile[i, t] ** 2 == pytest.approx(gain, abs=1e-9)
    assert (found.profile[:, [0, 1, 19]] == 0).all()


def test_scan_of_a_stop_by_hand() -> None:
    """Eight orders in four weeks, none in four: 2 × 8 × log 2 at week 4, and downwards."""
    found = sequences.scan(*uniform([[2, 2, 2, 2, 0, 0, 0, 0]]))
    assert found.statistic[0] == pytest.approx(16 * np.log(2))
    assert found.index[0] == 4
    assert found.profile[0, 4] < 0


def test_scan_ignores_weeks_the_calendar_closes() -> None:
    """Weeks in which nobody orders carry no evidence of a stop."""
    counts = np.array([[2, 2, 2, 2, 0, 0, 0, 0]])
    shape = np.array([[1, 1, 1, 1, 1e-9, 1e-9, 1e-9, 1e-9]], float)
    assert sequences.scan(counts, shape / shape.sum()).statistic[0] < 1e-6


def test_dispersion_is_one_for_poisson_above_when_clumped_below_when_regular() -> None:
    """Means over 300 customers; a stop halfway must not pass as clumping."""
    from segwork.changepoints.buying import buy

    rng = np.random.default_rng(0)
    rate = np.ones((300, 104))

    def mean(counts: np.ndarray) -> float:
        shape = np.full(counts.shape, 1 / 104)
        index = sequences.scan(counts, shape).index
        return float(sequences.dispersion(counts, shape, index).mean())

    stopped = rate * (np.arange(104) < 52)
    assert mean(buy(rate, rng)) == pytest.approx(1.0, abs=0.05)
    assert mean(buy(rate, rng, size=1.0)) == pytest.approx(1.85, abs=0.15)
    assert mean(buy(rate, rng, regularity=2)) == pytest.approx(0.6, abs=0.1)
    assert mean(buy(2 * stopped, rng)) == pytest.approx(0.5, abs=0.05)  # half of the weeks empty


def test_calendar_finds_the_season_and_leaves_a_flat_base_flat() -> None:
    """1,000 customers: the planted wave within 6 % in the mean, no wave where none was planted."""
    rng = np.random.default_rng(1)
    wave = np.exp(0.5 * np.sin(2 * np.pi * np.arange(104) / 52))
    seasonal = sequences.calendar_shape(base(rng.poisson(wave, (1000, 104))))
    flat = sequences.calendar_shape(base(rng.poisson(1.0, (1000, 104))))

    assert np.abs(seasonal[0] / (wave / wave.sum()) - 1).mean() < 0.06
    assert np.abs(104 * flat - 1).max() < 0.03
    np.testing.assert_allclose(seasonal.sum(1), 1)


def test_calendar_is_zero_where_a_customer_was_not_there() -> None:
    """Expected shares lie in exposed weeks only and add up to one."""
    counts = np.random.default_rng(2).poisson(1.0, (50, 30))
    panel = base(counts)
    panel.exposed[:25, :10] = False
    panel.counts[:25, :10] = 0
    shape = sequences.calendar_shape(panel)
    assert (shape[:25, :10] == 0).all()
    np.testing.assert_allclose(shape.sum(1), 1)


def test_customers_who_change_together_do_not_become_the_calendar() -> None:
    """With one customer in ten stopped at week 52, the second year is expected as before."""
    rng = np.random.default_rng(4)
    rate = np.ones((600, 104))
    rate[:60, 52:] = 0
    shape = sequences.calendar_shape(base(rng.poisson(rate)))
    assert shape[-1, 52:].sum() == pytest.approx(0.5, abs=0.012)
