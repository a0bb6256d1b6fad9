"""The sample company's time: opening day, cut, weekly rhythm, Ramadan, sale days, hours."""

from __future__ import annotations

from datetime import date, timedelta
from functools import cache

import numpy as np

OPENED = date(2024, 1, 1)
AS_OF = date(2026, 7, 1)
DAYS = (AS_OF - OPENED).days
WINDOW_DAYS = 365
DAY = 86_400
OPENED_SECOND = (OPENED - date(1970, 1, 1)).days * DAY

WEEKDAY = (0.92, 0.90, 0.92, 0.96, 1.08, 1.18, 1.04)
LEBARAN = (date(2024, 4, 10), date(2025, 3, 31), date(2026, 3, 21))
HOUR = np.array(
    [6, 2, 0, 0, 0, 2, 8, 18, 30, 42, 50, 58, 70, 56, 46, 44, 46, 52, 64, 84, 90, 78, 48, 20], float
)


def day_of(when: date) -> int:
    """Return the number of a day, 0 on the opening day."""
    return (when - OPENED).days


def date_of(day: int) -> date:
    """Return the date of a day number."""
    return OPENED + timedelta(days=int(day))


def second_of(day: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Return seconds since 1970 from day numbers and seconds of the day."""
    return OPENED_SECOND + np.asarray(day, np.int64) * DAY + np.asarray(second, np.int64)


@cache
def demand() -> np.ndarray:
    """Return cumulative demand by day, shape (2, DAYS + 1): everyday buyers, bargain hunters.

    A mean day weighs 1, so a rate per week times demand / 7 is an expected number of orders.
    """
    days = [date_of(day) for day in range(DAYS)]
    everyday = np.array([WEEKDAY[day.weekday()] for day in days])
    for feast in LEBARAN:
        ahead = np.array([(feast - day).days for day in days])
        everyday *= np.where((ahead >= 1) & (ahead <= 30), 1.25 + 0.35 * (ahead <= 12), 1.0)
        everyday *= np.where((ahead <= 0) & (ahead >= -3), 0.55, 1.0)
    payday = np.array([day.day >= 25 or day.day <= 2 for day in days])
    double = np.array([day.month == day.day for day in days])
    harbolnas = double & np.array([day.month in (11, 12) for day in days])
    bargain = everyday * np.where(payday, 1.6, 0.6) * np.where(double, 5.0, 1.0)
    bargain *= np.where(harbolnas, 2.0, 1.0)
    everyday = everyday * np.where(payday, 1.08, 0.97) * np.where(harbolnas, 1.9, 1.0)
    weights = np.stack([everyday / everyday.mean(), bargain / bargain.mean()])
    return np.concatenate([np.zeros((2, 1)), np.cumsum(weights, axis=1)], axis=1)


def seconds(rng: np.random.Generator, n: int) -> np.ndarray:
    """Draw ``n`` seconds of the day: few at night, most in the evening."""
    hour = rng.choice(24, size=n, p=HOUR / HOUR.sum())
    return hour * 3600 + rng.integers(0, 3600, n)
