"""Models of buying: published parameters, identities, and a slow version of each formula."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy import optimize, special, stats

from segwork import purchases
from segwork.errors import DataError, UsageError
from segwork.purchases import Buying, History, models
from segwork.purchases.forecast import FIRST, deviance, forecast
from segwork.purchases.trial import trial

PUBLISHED = {
    "bg/nbd": {"r": 0.243, "alpha": 4.414, "a": 0.793, "b": 2.426},
    "mbg/nbd": {"r": 0.5248, "alpha": 6.1831, "a": 0.8914, "b": 1.6140},
    "pareto/nbd": {"r": 0.5533, "alpha": 10.578, "s": 0.6062, "beta": 11.669},
}
LIKELIHOODS = {"bg/nbd": -9582.4, "pareto/nbd": -9595.0}


def model(name: str, **changes: float) -> Buying:
    """Return a model with the published parameters."""
    return Buying(name, PUBLISHED[name] | changes, 0.0, 0)


@pytest.fixture(scope="module")
def cdnow(public_data: Path) -> pd.DataFrame:
    """Return the published summary of the CDNOW sample, in weeks."""
    return pd.read_parquet(public_data / "cdnow_customers_summary.parquet")


@pytest.mark.parametrize("name", PUBLISHED)
def test_parameters_of_the_cdnow_sample_as_published(name: str, cdnow: pd.DataFrame) -> None:
    """Fader, Hardie and Lee (2005), table 2, and the figures of lifetimes 0.11.3.

    Each customer counts a thousandfold, so that the prior has no say.
    """
    seen = History.of(cdnow["frequency"], cdnow["recency"], cdnow["T"])
    found = models.fit(name, seen, weight=np.full(len(cdnow), 4.0))
    for key, value in PUBLISHED[name].items():
        assert found.parameters[key] == pytest.approx(value, rel=0.012), key
    if name in LIKELIHOODS:
        alone = models.fit(name, seen)
        assert alone.log_likelihood == pytest.approx(LIKELIHOODS[name], abs=0.1)


def test_prior_moves_parameters_of_two_thousand_customers_by_a_per_cent(
    cdnow: pd.DataFrame,
) -> None:
    """BG/NBD as it is used stays within 2 % of the published parameters."""
    found = models.fit("bg/nbd", History.of(cdnow["frequency"], cdnow["recency"], cdnow["T"]))
    assert found.parameters == pytest.approx(PUBLISHED["bg/nbd"], rel=0.02)


def test_p_alive_as_published() -> None:
    """Equation of P(alive) (Fader, Hardie and Lee 2008 note) at x 2, t_x 30.43, T 38.86."""
    expected = 1 / (1 + 0.793 / (2.426 + 1) * ((4.414 + 38.86) / (4.414 + 30.43)) ** 2.243)
    p = model("bg/nbd").p_alive(History.of([2, 0], [30.43, 0], [38.86, 38.86]))
    assert p == pytest.approx([expected, 1.0])


@pytest.mark.parametrize("name", PUBLISHED)
def test_p_alive_falls_with_silence(name: str) -> None:
    """The longer nothing comes after the last order, the lower."""
    p = model(name).p_alive(History.of(np.full(3, 5), np.full(3, 20), [20, 40, 80]))
    assert (np.diff(p) < 0).all()


@pytest.mark.parametrize(("alpha", "beta"), [(5.0, 9.0), (9.0, 5.0)])
def test_pareto_likelihood_is_its_integral(alpha: float, beta: float) -> None:
    """Slow version: rate and time of leaving summed over a grid of their gamma distributions."""
    p = {"r": 1.8, "alpha": alpha, "s": 1.3, "beta": beta}
    x, t_x, age = 3, 10.0, 25.0
    rate, weight = special.roots_genlaguerre(60, p["r"] - 1)
    leave, share = special.roots_genlaguerre(60, p["s"] - 1)
    rate, leave = rate[:, None] / alpha, leave[None, :] / beta
    gone = np.exp(-(rate + leave) * t_x) - np.exp(-(rate + leave) * age)
    given = rate**x * (np.exp(-(rate + leave) * age) + leave / (rate + leave) * gone)
    slow = weight @ given @ share / special.gamma(p["r"]) / special.gamma(p["s"])
    found = models.log_likelihood("pareto/nbd", p, History.of([x], [t_x], [age]))
    assert float(found[0]) == pytest.approx(np.log(slow), abs=1e-6)


@pytest.mark.parametrize("name", PUBLISHED)
def test_a_simulated_world_orders_as_expected(name: str) -> None:
    """Customers drawn from the model order as often, and stay silent as often, as it says."""
    rng, n = np.random.default_rng(3), 60_000
    p = PUBLISHED[name]
    rate = rng.gamma(p["r"], 1 / p["alpha"], n)
    age, horizon = 20.0, 15.0
    times = np.cumsum(rng.exponential(1 / np.maximum(rate, 1e-12)[:, None], (n, 60)), axis=1)
    if name == "pareto/nbd":
        alive = times < rng.exponential(1 / rng.gamma(p["s"], 1 / p["beta"], n))[:, None]
    else:
        chance = rng.beta(p["a"], p["b"], n)
        left = rng.random((n, 60)) < chance[:, None]
        # Only MBG/NBD can leave at the first order, which is not among the times.
        first = (rng.random(n) < chance) & (name == "mbg/nbd")
        alive = np.cumsum(np.column_stack([first, left[:, :-1]]), axis=1) == 0
    kept = np.where(alive, times, np.inf)
    x = (kept <= age).sum(axis=1)
    t_x = np.where(kept <= age, kept, 0).max(axis=1)
    later = ((kept > age) & (kept <= age + horizon)).sum(axis=1)
    seen = History.of(x, t_x, np.full(n, age))
    for group in (x == 0, x == 1, x >= 4):
        some = seen.take(group)
        expected = model(name).orders(some, horizon).mean()
        assert later[group].mean() == pytest.approx(expected, rel=0.05)
        silent = model(name).p_silent(some, horizon).mean()
        assert (later[group] == 0).mean() == pytest.approx(silent, abs=0.015)


@pytest.mark.parametrize("name", PUBLISHED)
def test_extreme_histories_stay_finite(name: str) -> None:
    """500 and 5,000 orders, no time at all, a century of silence: no overflow, no NaN."""
    seen = History.of([500, 500, 5_000, 0, 0], [100, 5, 200, 0, 0], [101, 900, 200.1, 0.1, 5_000])
    for changes in ({}, {"alpha": 1e-3}, {"r": 300.0}):
        found = model(name, **changes)
        for values in (found.p_alive(seen), found.p_silent(seen, 52.0)):
            assert ((values >= 0) & (values <= 1)).all()
        orders = found.orders(seen, 52.0)
        assert (np.isfinite(orders) & (orders >= 0)).all()


@pytest.mark.parametrize(("name", "key"), [("bg/nbd", "a"), ("mbg/nbd", "a"), ("pareto/nbd", "s")])
def test_expected_orders_are_smooth_where_the_formula_divides_by_zero(name: str, key: str) -> None:
    """At a (or s) of one the published formula is zero over zero; its neighbours surround it."""
    seen = History.of([2], [20.0], [30.0])
    below, at, above = (float(model(name, **{key: v}).orders(seen, 26)[0]) for v in (0.99, 1, 1.01))
    assert min(below, above) <= at <= max(below, above)


def test_overflow_of_the_hypergeometric_function_is_met_by_its_mean() -> None:
    """Where SciPy gives infinity the mean over quantiles is used; they agree where both work."""
    b, c, z = np.array([100.0]), np.array([101.1]), np.array([0.999])
    rest = stats.beta.ppf(models.QUANTILES, c - b, b)
    assert float(models.mean_inverse(b, c, z)[0]) == pytest.approx(
        (1 / (1 - z + z * rest)).mean(), rel=1e-3
    )
    assert np.isfinite(
        models.mean_inverse(np.array([370.0]), np.array([370.9]), np.array([0.9999]))
    ).all()


def test_rate_depends_on_the_first_order_where_it_does() -> None:
    """A planted effect of the first order is found, and its sign."""
    rng, n = np.random.default_rng(5), 6_000
    z = rng.choice([-1.0, 0.0, 1.0], n)
    rate = rng.gamma(0.8, 1 / 8, n) * np.exp(0.4 * z)
    x = rng.poisson(rate * 40)
    t_x = np.where(x > 0, 40 * rng.beta(np.maximum(x, 1), 1), 0)
    found = models.fit("pareto/nbd", History.of(x, t_x, np.full(n, 40.0), z), first=True)
    assert found.parameters["first"] == pytest.approx(0.4, abs=0.08)


def test_equal_histories_are_counted_and_samples_ignore_order(monkeypatch) -> None:
    """Weights are repetitions; of many customers the same sample is taken in any order."""
    rng = np.random.default_rng(1)
    x = rng.poisson(1.0, 300)
    seen = History.of(x, np.where(x > 0, 10.0, 0), np.full(300, 20.0))
    twice = models.fit("bg/nbd", seen, weight=np.full(300, 2.0))
    assert twice.log_likelihood == pytest.approx(
        models.fit("bg/nbd", seen.take(np.r_[0:300, 0:300])).log_likelihood
    )
    monkeypatch.setattr(models, "FITTED", 100)
    shuffled = seen.take(rng.permutation(300))
    assert models.fit("bg/nbd", seen) == models.fit("bg/nbd", shuffled)
    assert models.fit("bg/nbd", seen).customers == 100


def test_what_cannot_be_fitted_is_said() -> None:
    """Nobody repeating and an unknown model are errors of one sentence."""
    with pytest.raises(DataError, match="no customer ordered twice"):
        models.fit("bg/nbd", History.of([0, 0], [0, 0], [10, 20]))
    with pytest.raises(UsageError, match="unknown model 'nbd'"):
        models.fit("nbd", History.of([1], [1], [2]))


def test_gamma_gamma_of_the_cdnow_sample_as_published(public_data: Path) -> None:
    """Fader and Hardie: p 6.25, q 3.74, gamma 15.45 on 946 customers' mean repeat spend."""
    lines = pd.read_parquet(public_data / "cdnow_sample.parquet")
    lines = lines.assign(date=pd.to_datetime(lines["date"])).query("date < '1997-10-01'")
    days = lines.groupby(["sample_id", "date"])["dollar_value"].sum().reset_index()
    repeat = days[days.groupby("sample_id").cumcount() > 0].groupby("sample_id")["dollar_value"]
    found = purchases.fit_spending(repeat.count(), repeat.mean())
    assert (repeat.mean() > 0).sum() == 946
    assert (found.p, found.q, found.gamma) == pytest.approx((6.25, 3.74, 15.45), abs=0.02)


def lines_of(rows: list[tuple]) -> pd.DataFrame:
    """Return order lines from (customer, day, order, amount)."""
    frame = pd.DataFrame(rows, columns=["customer_id", "ordered_at", "order_id", "amount"])
    return frame.assign(ordered_at=pd.to_datetime(frame["ordered_at"], format="ISO8601"))


LOG = lines_of([
    ("b", "2024-01-05 10:00", "1", 10.0),
    ("b", "2024-01-05 10:00", "1", 5.0),
    ("b", "2024-01-05 18:00", "2", 7.0),
    ("a", "2024-01-03", "3", 0.0),
    ("b", "2024-01-20", "4", 8.0),
    ("b", "2024-01-21", "4", 2.0),
    ("c", "2024-01-21", "5", -9.0),
    ("b", "2024-01-22", "6", -8.0),
    ("a", "2024-02-01", "7", 99.0),
])  # fmt: skip


def test_occasions_of_a_log_read_by_eye() -> None:
    """Two orders of a day are one occasion, an order over midnight is one, returns are none."""
    found = purchases.occasions(LOG, as_of="2024-02-01")
    assert found.customer_id.tolist() == ["b", "a", "c"]
    assert found.orders.tolist() == [2, 1, 1]
    assert found.spend.tolist() == [22.0, 10.0, 0.0]
    seen = found.seen(found.end)
    assert seen.times.tolist() == [2, 1, 0]
    assert seen.last.tolist() == [15, 0, 0]
    assert seen.age.tolist() == [26, 28, 0]
    assert found.seen(found.end - 20).times.tolist() == [1, 1, 0]
    assert found.summed(found.orders, found.end - 20, found.end).tolist() == [1, 0, 0]


def test_occasions_without_amounts_and_order_numbers() -> None:
    """Baskets without money have orders and no spend; quantity times price is money."""
    bare = LOG.drop(columns=["amount", "order_id"])
    assert np.isnan(purchases.occasions(bare, as_of="2024-02-01").spend).all()
    priced = bare.assign(quantity=2, unit_price=3.0)
    assert purchases.occasions(priced, as_of="2024-01-06").spend.tolist() == [18.0, 6.0]


@pytest.mark.parametrize("engine", ["polars", "duckdb"])
def test_occasions_are_the_same_on_every_engine(engine: str) -> None:
    """Polars and DuckDB give what pandas gives."""
    frame = LOG
    if engine == "polars":
        frame = pytest.importorskip("polars").from_pandas(LOG)
    else:
        import duckdb

        frame = duckdb.from_df(LOG)
    found, same = (purchases.occasions(f, as_of="2024-02-01") for f in (frame, LOG))
    table = pd.Series(np.bincount(found.who, found.spend, 3), found.customer_id).sort_index()
    assert table.tolist() == pd.Series([32.0, 0.0, 0.0], ["b", "a", "c"]).sort_index().tolist()
    assert sorted(found.orders) == sorted(same.orders)


def test_histories_undo_their_packing() -> None:
    """Each customer's history comes back from the list of different ones; none has none."""
    found = purchases.occasions(LOG, as_of="2024-02-01")
    seen = found.seen(found.end)
    histories, weight, place = seen.histories(seen.first_value())
    assert place.tolist().count(-1) == 1
    assert place[2] == -1
    assert histories.x[place[:2]].tolist() == [1, 0]
    assert (7 * histories.t_x[place[:2]]).round().tolist() == [15, 0]
    assert (7 * histories.age[place[:2]]).round().tolist() == [26, 28]
    assert histories.z[place[1]] == -1.0  # a free first order is the lowest class
    assert weight.sum() == 2


def world(n: int = 1_500, seed: int = 0) -> pd.DataFrame:
    """Return a year of orders of a Pareto/NBD world."""
    rng = np.random.default_rng(seed)
    rate, leave = rng.gamma(0.7, 1 / 8, n), rng.gamma(0.7, 1 / 12, n)
    start = rng.uniform(0, 20, n)
    stays = np.minimum(rng.exponential(1 / np.maximum(leave, 1e-9)), 52 - start)
    repeat = rng.poisson(rate * stays)
    who = np.r_[np.arange(n), np.repeat(np.arange(n), repeat)]
    week = np.r_[np.zeros(n), rng.random(repeat.sum()) * np.repeat(stays, repeat)] + start[who]
    at = pd.Timestamp("2024-01-01") + pd.to_timedelta((week * 7 * 86_400).astype(int), unit="s")
    return pd.DataFrame({
        "customer_id": np.char.add("c", who.astype(str)),
        "ordered_at": at,
        "amount": rng.gamma(3, 10, who.size),
    })  # fmt: skip


def test_intervals_keep_mean_and_silence_and_hold() -> None:
    """The counts behind an interval have the model's mean and zeros; 90 % hold at least 88 %."""
    found = purchases.occasions(world(4_000), as_of="2024-12-30")
    cut = found.end - 120
    made = forecast(found, cut, "pareto/nbd")
    low, high = made.interval(120, 0.9)
    actual, there = found.summed(found.orders, cut, found.end), made.place >= 0
    inside = ((low <= actual) & (actual <= high))[there]
    assert 0.88 <= inside.mean() <= 0.99
    wide = made.interval(120, 0.99)
    assert (wide[0] <= low).all()
    assert (wide[1] >= high).all()
    assert (high >= low).all()


def test_intervals_are_quantiles_of_a_count_with_the_models_mean_and_zeros() -> None:
    """Slow version: solve for the mixture by root finding, add up its probabilities."""
    found = purchases.occasions(world(400), as_of="2024-12-30")
    made = forecast(found, found.end, "pareto/nbd")
    low, high = made.interval(180, 0.9)
    seen, weeks = made.histories, 180 / 7
    mean, silent = made.model.orders(seen, weeks), made.model.p_silent(seen, weeks)
    for i in np.flatnonzero(mean > 0.02)[::25]:
        shape, who = made.model.parameters["r"] + seen.x[i], np.flatnonzero(made.place == i)[0]

        def zeros(active: float, shape: float = shape, i: int = i) -> float:
            none = (shape / (shape + active)) ** shape
            return 1 - mean[i] / active * (1 - none) - silent[i]

        active = optimize.brentq(zeros, mean[i], mean[i] / (1 - silent[i]) + 1e-6)
        count = np.arange(300)
        share = stats.nbinom.pmf(count, shape, shape / (shape + active)) * mean[i] / active
        share[0] += 1 - mean[i] / active
        up_to = np.cumsum(share)
        assert low[who] == int((up_to < 0.05 - 1e-9).sum())
        assert high[who] == int((up_to < 0.95 - 1e-9).sum())


def test_trial_chooses_before_it_tests() -> None:
    """Orders of the test period change no choice; the test stands beside naive expectations."""
    lines = world()
    found = purchases.occasions(lines, as_of="2024-12-30")
    tried = trial(found, horizon_days=60)
    assert tried.days == 60
    assert tried.holdout["model"].tolist() == [FIRST, *models.MODELS, "own rate", "mean of all"]
    kept = tried.holdout.set_index("model")
    assert kept.loc[tried.model, "rmse"] < kept.loc["own rate", "rmse"]
    assert tried.by_frequency["customers"].sum() == (found.seen(found.end - 60).times > 0).sum()
    early = lines[lines["ordered_at"] < pd.Timestamp(found.end - 60, unit="D")]
    alone = trial(purchases.occasions(early, as_of="2024-12-30"), horizon_days=60)
    assert alone.model == tried.model


def test_trial_replaces_the_first_model_where_another_is_clearly_better(monkeypatch) -> None:
    """With a poor first candidate the better one is taken, and the reason says so."""
    found = purchases.occasions(world(), as_of="2024-12-30")

    def worse(found, end, name):
        made = forecast(found, end, name)
        if name != FIRST:
            return made
        shifted = made.model.parameters | {"r": made.model.parameters["r"] * 3}
        return replace(made, model=Buying("pareto/nbd", shifted, 0, 0))

    monkeypatch.setattr(sys.modules["segwork.purchases.trial"], "forecast", worse)
    tried = trial(found, horizon_days=60)
    assert tried.model != FIRST
    assert "clearly best" in tried.reason
    monkeypatch.setattr(sys.modules["segwork.purchases.trial"], "FEWEST", 10_000)
    assert trial(found, horizon_days=60).model == FIRST  # too few customers decide nothing


def test_deviance_is_least_for_the_true_mean() -> None:
    """A proper score: neither zero nor rounding wins, unlike with the absolute error."""
    rng = np.random.default_rng(2)
    actual = rng.poisson(0.3, 20_000).astype(float)
    scores = [deviance(actual, np.full(actual.size, m)).mean() for m in (0.01, 0.2, 0.3, 0.5)]
    assert int(np.argmin(scores)) == 2
    absolute = [np.abs(actual - m).mean() for m in (0.0, 0.3)]
    assert absolute[0] < absolute[1]
