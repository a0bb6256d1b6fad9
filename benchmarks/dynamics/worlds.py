"""Customers whose segment of every period is known, as features, as order lines, and in the sample.

Three generators that share no code: normal features around centres; order lines of a shop whose
customers follow a Markov chain; and the sample company, whose key says what each customer did.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from segwork import tables
from segwork.dynamics import Trace
from segwork.sample import AnswerKey
from segwork.tables import Tables

AS_OF, PERIOD_DAYS = pd.Timestamp("2026-01-01"), 91


@dataclass(frozen=True)
class World:
    """What can be seen, and the truth: customer_id, period_end, planted."""

    panel: pd.DataFrame | None
    tables: Tables | None
    truth: pd.DataFrame

    def moved(self) -> float:
        """Return the share of true segments that change from one period to the next."""
        return _moved(self.truth)


def _moved(truth: pd.DataFrame) -> float:
    wide = truth.pivot_table(index="customer_id", columns="period_end", values="planted")
    old, new = wide.to_numpy()[:, :-1], wide.to_numpy()[:, 1:]
    both = ~(np.isnan(old) | np.isnan(new))
    return float((old != new)[both].mean())


def ends(periods: int) -> pd.DatetimeIndex:
    """Return the ends of the periods, the last one at :data:`AS_OF`."""
    return pd.DatetimeIndex(
        [AS_OF - pd.Timedelta(days=PERIOD_DAYS * i) for i in range(periods)][::-1]
    )


def paths(n: int, periods: int, k: int, stay: float, rng: np.random.Generator) -> np.ndarray:
    """Draw segments that are kept with probability ``stay`` and else drawn anew, (n, periods)."""
    state = rng.integers(0, k, (n, periods))
    for t in range(1, periods):
        kept = rng.random(n) < 1 - (1 - stay) * k / (k - 1)
        state[kept, t] = state[kept, t - 1]
    return state


def normal(
    customers: int,
    rng: np.random.Generator,
    *,
    stay: float = 0.92,
    noise: float = 0.75,
    k: int = 5,
    features: int = 4,
    periods: int = 8,
) -> World:
    """Draw features around the centres of true segments, ``noise`` in spreads of the centres."""
    state = paths(customers, periods, k, stay, rng)
    centres = rng.normal(0, 1, (k, features))
    values = centres[state] + noise * rng.normal(0, 1, (customers, periods, features))
    who = np.repeat(np.arange(customers), periods)
    frame = pd.DataFrame({"customer_id": who, "period_end": np.tile(ends(periods), customers)})
    truth = frame.assign(planted=state.ravel())
    flat = values.reshape(-1, features)
    return World(frame.assign(**{f"f{j}": flat[:, j] for j in range(features)}), None, truth)


def shop(
    customers: int, rng: np.random.Generator, *, stay: float = 0.88, periods: int = 8
) -> World:
    """Draw order lines of five kinds of customers who change kind from quarter to quarter.

    Orders are negative binomial, baskets log-normal; one customer in three comes later.
    """
    rate = np.array([9.0, 4.0, 4.0, 1.2, 0.1])
    basket = np.array([30.0, 18.0, 140.0, 60.0, 30.0])
    state = paths(customers, periods, 5, stay, rng)
    begins = np.where(rng.random(customers) < 1 / 3, rng.integers(0, periods - 2, customers), 0)
    own = rng.lognormal(0, 0.2, customers)
    alive = np.arange(periods) >= begins[:, None]
    mean = rate[state] * own[:, None] * alive
    orders = rng.poisson(rng.gamma(6, mean / 6 + 1e-9))
    first = np.arange(periods) == begins[:, None]
    orders = np.where(first, np.maximum(orders, 1), orders)
    who, when = np.repeat(np.arange(customers), periods), np.tile(np.arange(periods), customers)
    who, when = np.repeat(who, orders.ravel()), np.repeat(when, orders.ravel())
    start = AS_OF - pd.Timedelta(days=PERIOD_DAYS * periods)
    seconds = (when + rng.random(len(who))) * PERIOD_DAYS * 86_400
    money = basket[state[who, when]] * rng.lognormal(0, 0.35, len(who))
    at = start + pd.to_timedelta(seconds.astype(np.int64), unit="s")
    lines = pd.DataFrame({"customer_id": who, "ordered_at": at, "amount": money.round(2)})
    lines["order_id"] = np.arange(len(lines))
    keys = {"customer_id": np.repeat(np.arange(customers), periods).astype(str)}
    truth = pd.DataFrame({**keys, "period_end": np.tile(ends(periods), customers)})
    truth["planted"] = state.ravel()
    return World(None, tables.from_frames(transactions=lines), truth[alive.ravel()])


def of_sample(key: AnswerKey, period_ends: pd.DatetimeIndex) -> pd.DataFrame:
    """Return what each customer of the sample company was like in each period.

    Regular (loyal, newcomers, and the fading and dormant before they stop), bargain hunter, big
    basket, gone (stopped, in a pause, or after the single order), fallen and risen, as the key's
    segments and change points say of the middle of the period.
    """
    people = key.segments.merge(key.change_points, on="customer_id").assign(one=1)
    frame = people.merge(pd.DataFrame({"period_end": period_ends, "one": 1}), on="one")
    middle = frame["period_end"] - pd.Timedelta(days=PERIOD_DAYS / 2)
    segment, kind = frame["segment"].astype(str), frame["kind"].astype(str)
    after = frame["changed_at"] < middle
    kept = segment.where(segment.isin(["bargain hunters", "big baskets"]), "regular")
    paused = (kind == "temporary") & after & ~(frame["until"] < middle)
    gone = ((kind == "stop") & after) | paused | (segment == "one-time buyers")
    kept = kept.mask(after & (kind == "fall"), "fallen").mask(after & (kind == "rise"), "risen")
    words = kept.mask(gone, "gone")
    return frame[["customer_id", "period_end"]].assign(planted=pd.factorize(words)[0])


def agreement(trace: Trace, truth: pd.DataFrame) -> pd.DataFrame:
    """Return the adjusted Rand index of each method's labels to the planted segments.

    Over all customers and periods, and at the last period alone.
    """
    from sklearn.metrics import adjusted_rand_score

    labels = trace.labels.merge(truth, on=["customer_id", "period_end"], how="inner")
    last = labels["period_end"].max()
    rows = {}
    for method, part in labels.groupby("method", sort=False):
        now = part[part["period_end"] == last]
        rows[method] = {
            "ari": adjusted_rand_score(part["planted"], part["segment"]),
            "ari_last": adjusted_rand_score(now["planted"], now["segment"]),
            "n": len(part),
        }
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("method")
