"""Who the customers are: archetype, life at the shop, change points, money, insurance, consent."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from segwork.sample.calendar import DAYS, WINDOW_DAYS
from segwork.sample.words import ABROAD, POST_CODE, REGION_SHARE, REGIONS

SEGMENTS = ("loyal regulars", "bargain hunters", "big baskets", "newcomers")
SEGMENTS += ("fading", "one-time buyers", "dormant")
LOYAL, BARGAIN, BIG, NEW, FADING, ONCE, DORMANT = range(7)
SHARE = np.array([0.23, 0.18, 0.10, 0.13, 0.13, 0.14, 0.09])
RATE_PER_WEEK = np.array([0.36, 0.17, 0.13, 0.36, 0.36, 0.0, 0.30])
RATE_SHAPE = 12.0
TASTE = np.array([0.10, -1.0, 0.40, 0.0, 0.10, -0.10, 0.0])
LINES = np.array([1.0, 0.3, 5.5, 0.8, 1.0, 0.8, 0.8])
PIECES = np.array([0.4, 0.25, 5.0, 0.4, 0.4, 0.3, 0.4])
BREADTH = np.array([8, 4, 4, 5, 8, 5, 6])
YOUTH = np.array([1.1, 0.8, 1.5, 0.8, 1.1, 1.0, 1.1])
CHANGES = ("none", "stop", "fall", "rise", "temporary")
FACTOR = {"fall": 0.20, "rise": 3.0, "temporary": 0.03}
YOUNG = 25
YOUNG_LOGIT, YOUNG_PREMIUM = 0.9, 1.35
RISK_LOGIT = {"intercept": -1.9, "driving_incidents": 0.85, "annual_km": 0.45}
MISSING_LOGIT = (-2.14, 1.15)


@dataclass(frozen=True)
class People:
    """Truth about one chunk of customers, one array entry each; days count from the opening."""

    ids: np.ndarray
    segment: np.ndarray
    start: np.ndarray
    rate: np.ndarray
    change: np.ndarray
    bounds: np.ndarray
    factors: np.ndarray
    wealth: np.ndarray
    heavy_caller: np.ndarray
    mood: np.ndarray
    foreign: np.ndarray
    device: np.ndarray
    columns: dict[str, np.ndarray]
    risk: np.ndarray


def generator(seed: int, chunk: int, topic: int) -> np.random.Generator:
    """Return the random stream of one topic of one chunk; streams do not touch each other."""
    return np.random.default_rng(np.random.SeedSequence([seed, chunk, topic]))


def ids(prefix: str, numbers: np.ndarray, *, seed: int) -> np.ndarray:
    """Spell numbers below 10^11 as ids that tell nothing of their order (a shuffled bijection)."""
    prime = 99_999_999_977
    step = 7_368_787 + 2 * (seed % 1_000_003)
    return np.char.mod(prefix + "%011d", (numbers.astype(np.int64) * step + 12_345) % prime)


def draw(*, seed: int, chunk: int, first: int, n: int) -> People:
    """Draw customers ``first`` to ``first + n``."""
    rng = generator(seed, chunk, 0)
    segment = rng.choice(len(SEGMENTS), size=n, p=SHARE)
    rate = RATE_PER_WEEK[segment] * rng.gamma(RATE_SHAPE, 1 / RATE_SHAPE, n)
    change = _kind_of_change(rng, segment)
    rate = np.where(change >= 2, np.clip(rate, 0.25, None) * np.where(change == 3, 1.0, 1.5), rate)
    single = (segment == DORMANT) & (rng.random(n) < 0.5)
    rate, change = np.where(single, 0.0, rate), np.where(single, 0, change)
    start, bounds, factors = _life(rng, segment, change)
    money = _money(rng, segment)
    columns = {**money, **_person(rng, segment), **_consent(rng, start)}
    insurance, risk = _insurance(rng, columns)
    device = rng.random(n) < columns["app_share"]
    return People(
        ids=ids("C", first + np.arange(n), seed=seed),
        segment=segment,
        start=start,
        rate=rate,
        change=change,
        bounds=bounds,
        factors=factors,
        wealth=money["wealth"],
        heavy_caller=rng.random(n) < np.array([0.08, 0.03, 0.06, 0.03, 0.03, 0.0, 0.0])[segment],
        mood=_mood(rng, segment, change),
        foreign=columns["foreign"],
        device=np.where(device, 1 - (columns["wealth"] + rng.normal(0, 1, n) > 0.8), 2),
        columns={**columns, **insurance},
        risk=risk,
    )


def _kind_of_change(rng: np.random.Generator, segment: np.ndarray) -> np.ndarray:
    loyal = rng.choice(5, size=segment.size, p=[0.85, 0.0, 0.05, 0.05, 0.05])
    stopped = np.isin(segment, (FADING, DORMANT))
    return np.where(stopped, 1, np.where(segment == LOYAL, loyal, 0))


def _life(rng: np.random.Generator, segment: np.ndarray, change: np.ndarray) -> tuple:
    """Return first day, the four bounds of the three pieces of life, and each piece's factor."""
    n, since = segment.size, DAYS - WINDOW_DAYS
    spread = rng.random(n)
    changed = np.full(n, DAYS)
    changed[segment == FADING] = DAYS - 120 - (200 * spread[segment == FADING]).astype(int)
    changed[segment == DORMANT] = since - 20 - (300 * spread[segment == DORMANT]).astype(int)
    mild = change >= 2
    changed[mild] = DAYS - 120 - (240 * spread[mild]).astype(int)
    latest = np.select(
        [segment == NEW, segment == ONCE, mild, segment == LOYAL],
        [DAYS - 14, DAYS - 5, changed - 200, DAYS - 200],
        np.where(changed < DAYS, changed - 180, DAYS - 240),
    )
    earliest = np.select([segment == NEW, segment == ONCE], [DAYS - 80, since], 0)
    start = (earliest + rng.random(n) * (np.maximum(latest, earliest + 1) - earliest)).astype(int)
    back = np.where(change == 4, changed + 7 * rng.integers(12, 17, n), DAYS)
    after = np.array([1.0, 0.0, FACTOR["fall"], FACTOR["rise"], FACTOR["temporary"]])[change]
    bounds = np.stack([start, changed, back, np.full(n, DAYS)])
    return start, bounds, np.stack([np.ones(n), after, np.ones(n)])


def _money(rng: np.random.Generator, segment: np.ndarray) -> dict[str, np.ndarray]:
    n = segment.size
    wealth = rng.normal(0, 1, n)
    income = np.exp(np.log(6_500_000) + 0.55 * wealth + np.where(segment == BIG, 0.2, 0.0))
    debt = 1 / (1 + np.exp(1.0 + 0.7 * wealth - rng.normal(0, 0.6, n)))
    late = rng.poisson(np.exp(-1.6 - 0.5 * wealth + 1.5 * debt))
    active = rng.poisson(
        np.exp(2.2 + 0.35 * wealth + np.array([1, 1, 0, 1, -2, -1, -3])[segment] / 4)
    )
    intercept, slope = MISSING_LOGIT
    hidden = rng.random(n) < 1 / (1 + np.exp(-(intercept + slope * wealth)))
    income = np.round(income / 50_000) * 50_000
    return {
        "wealth": wealth,
        "income_true": income,
        "income": np.where(hidden, np.nan, income),
        "debt_ratio": np.round(debt, 3),
        "account_activity": active,
        "late_payments": late,
    }


def _person(rng: np.random.Generator, segment: np.ndarray) -> dict[str, np.ndarray]:
    n = segment.size
    region = rng.choice(len(REGIONS), size=n, p=REGION_SHARE)
    youth_town = region == REGIONS.index("DI Yogyakarta")
    age = np.clip(17 + rng.gamma(np.where(youth_town, 1.4, 2.6) * YOUTH[segment], 7.5, n), 17, 88)
    app = 1 / (1 + np.exp((age - 33) / 6 + rng.normal(0, 0.8, n)))
    foreign = np.where(rng.random(n) < 0.04, rng.integers(1, len(ABROAD) + 1, n), 0)
    business = (segment == BIG) & (rng.random(n) < 0.7)
    staff = rng.random(n) < 0.003
    post = np.array(POST_CODE)[region] * 1000 + rng.integers(100, 999, n)
    pick = lambda *words: np.array(words)[rng.integers(0, len(words), n)]  # noqa: E731
    return {
        "age_exact": age,
        "foreign": foreign,
        "gender": np.where(rng.random(n) < 0.03, "undisclosed", pick("female", "male")),
        "region": np.where(foreign > 0, "Overseas", np.array(REGIONS)[region]),
        "post_code": np.where(foreign > 0, None, np.char.mod("%d", post).astype(object)),
        "country": np.array(["Indonesia"] + [name for name, _ in ABROAD])[foreign],
        "customer_type": np.where(staff, "internal", np.where(business, "B2B", "B2C")),
        "household_size": 1 + rng.poisson(np.where(age < YOUNG, 0.8, 2.1)),
        "lifestyle": pick("family", "outdoor", "digital", "traditional", "trend"),
        "app_share": np.round(app, 2),
        "channel": pick("search", "social", "friend", "marketplace", "store"),
    }


def _consent(rng: np.random.Generator, start: np.ndarray) -> dict[str, np.ndarray]:
    """Draw consent given at sign-up; a withdrawal sets the flags to false from its day on."""
    n = start.size
    left = rng.random(n)
    withdrawn = np.where(
        rng.random(n) < 0.06, start + 1 + (left * (DAYS - start - 1)).astype(int), -1
    )
    withdrawn = np.where(withdrawn >= DAYS, -1, withdrawn)
    return {
        "consent_marketing": (rng.random(n) < 0.72) & (withdrawn < 0),
        "consent_profiling": (rng.random(n) < 0.85) & (withdrawn < 0),
        "withdrawn_day": withdrawn,
    }


def _insurance(rng: np.random.Generator, columns: dict) -> tuple[dict[str, np.ndarray], np.ndarray]:
    """Draw the motor insurance add-on: true risk knows no age, label and premium punish youth."""
    n = columns["age_exact"].size
    insured = (
        (rng.random(n) < 0.4) & (columns["customer_type"] == "B2C") & (columns["foreign"] == 0)
    )
    young = columns["age_exact"] < YOUNG
    incidents = rng.poisson(0.55, n)
    km = np.exp(rng.normal(0, 0.5, n))
    logit = (
        RISK_LOGIT["intercept"]
        + RISK_LOGIT["driving_incidents"] * np.minimum(incidents, 4)
        + RISK_LOGIT["annual_km"] * np.log(km) / 0.5
    )
    high = rng.random(n) < 1 / (1 + np.exp(-(logit + YOUNG_LOGIT * young)))
    claims = rng.random(n) < 1 / (1 + np.exp(-logit))
    premium = 900_000 * np.exp(0.30 * np.minimum(incidents, 4) + 0.12 * np.log(km))
    premium *= np.where(young, YOUNG_PREMIUM, 1.0) * np.exp(rng.normal(0, 0.05, n))
    known = {
        "insurance_premium": np.round(premium / 1000) * 1000,
        "driving_incidents": incidents.astype(float),
        "annual_km": np.round(km * 9000),
        "claims": claims.astype(float),
    }
    fields = {name: np.where(insured, value, np.nan) for name, value in known.items()}
    offered = 5 * rng.binomial(3, 0.15 + 0.6 * columns["app_share"])
    fields["voucher_percent"] = offered
    fields["risk_label"] = np.where(insured, np.where(high, "high", "standard"), None)
    fields["insured"] = insured
    return fields, logit


def _mood(rng: np.random.Generator, segment: np.ndarray, change: np.ndarray) -> np.ndarray:
    """Mark the troubled: 1 complains loudly and still engages, 2 complains and says no more."""
    u = rng.random(segment.size)
    loyal = (segment == LOYAL) & (change == 0)
    return np.where(loyal & (u < 0.025), 1, np.where((segment != ONCE) & (u > 0.994), 2, 0))
