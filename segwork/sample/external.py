"""What happens outside the shop: exchange rates, weather by region, prices, consumer mood."""

from __future__ import annotations

import numpy as np

from segwork.sample.calendar import DAY, DAYS, OPENED_SECOND, date_of
from segwork.sample.population import generator
from segwork.sample.words import REGIONS

CHUNK_OF_THE_WORLD = 2**31
HOUR = 3600


def exchange_rates(*, seed: int) -> np.ndarray:
    """Return IDR for one IDR, USD, EUR by day, shape (3, DAYS): slow random walks that revert."""
    rng = generator(seed, CHUNK_OF_THE_WORLD, 0)
    log = np.zeros((2, DAYS))
    shock = rng.normal(0, (0.0030, 0.0038), (DAYS, 2))
    for day in range(1, DAYS):
        log[:, day] = 0.995 * log[:, day - 1] + shock[day]
    level = np.array([[15_900.0], [17_300.0]]) * np.exp(log)
    return np.concatenate([np.ones((1, DAYS)), np.round(level, 2)])


def table(*, seed: int, fx: np.ndarray) -> dict[str, np.ndarray]:
    """Return second, name, value, region (None: everywhere) and second of publication."""
    rng = generator(seed, CHUNK_OF_THE_WORLD, 1)
    days = np.arange(DAYS)
    blocks = [
        ("fx_usd_idr", None, days, fx[1], 10 * HOUR),
        ("fx_eur_idr", None, days, fx[2], 10 * HOUR),
    ]
    wet = 0.5 + 0.35 * np.cos(2 * np.pi * (days - 15) / 365.25)
    for region in REGIONS:
        rain = np.round(rng.gamma(0.8, 14, DAYS) * (rng.random(DAYS) < wet), 1)
        radar = np.round(
            np.maximum(rain * rng.normal(1, 0.15, DAYS) + rng.normal(0, 0.5, DAYS), 0), 1
        )
        warm = np.round(31 + rng.normal(0, 1) - 0.05 * rain + rng.normal(0, 0.8, DAYS), 1)
        for name, values in (("rain_mm", rain), ("rain_mm_radar", radar), ("temperature_c", warm)):
            blocks.append((name, region, days, values, 30 * HOUR))
    months = np.flatnonzero([date_of(day).day == 1 for day in range(DAYS)])
    mood = np.round(122 + np.cumsum(rng.normal(0, 1.2, months.size)), 1)
    prices = np.round(104 * np.cumprod(1 + rng.normal(0.0024, 0.001, months.size)), 2)
    blocks.append(("consumer_confidence", None, months, mood, 39 * DAY))
    blocks.append(("cpi", None, months, prices, 33 * DAY))
    return _long(blocks)


def _long(blocks: list) -> dict[str, np.ndarray]:
    day = np.concatenate([block[2] for block in blocks])
    size = [block[2].size for block in blocks]
    columns = {
        "at": OPENED_SECOND + day * DAY,
        "name": np.repeat([block[0] for block in blocks], size),
        "value": np.concatenate([block[3] for block in blocks]).astype(float),
        "region": np.repeat(np.array([block[1] for block in blocks], object), size),
        "published": OPENED_SECOND + day * DAY + np.repeat([block[4] for block in blocks], size),
    }
    order = np.argsort(day, kind="stable")
    order = order[columns["published"][order] < OPENED_SECOND + DAYS * DAY]
    return {name: values[order] for name, values in columns.items()}
