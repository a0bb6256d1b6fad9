"""A small company in which every check of the data audit applies and none alarms."""

from __future__ import annotations

import numpy as np
import pandas as pd

AS_OF = "2024-07-01"
START = pd.Timestamp("2024-01-01")
DAYS = 182
Frames = dict[str, pd.DataFrame]


def company(seed: int = 0) -> Frames:
    """Draw the five tables; nothing is missing and nothing is wrong."""
    rng = np.random.default_rng(seed)
    people = _people(rng, 900)
    rate = 0.86 * np.exp(rng.normal(0, 0.003, DAYS).cumsum())
    return {
        "customers": people,
        "transactions": _lines(rng, people, rate, orders=1100),
        "behaviour": _events(rng, people, sessions=260),
        "interactions": _talks(rng, people, n=900),
        "external": _outside(rng, rate),
    }


def bare() -> Frames:
    """Draw order lines of the needed columns alone, too few for most checks."""
    rng = np.random.default_rng(1)
    lines = pd.DataFrame({
        "customer_id": rng.integers(1, 9, 40).astype(str), "ordered_at": _times(rng, 40, 20),
        "amount": rng.lognormal(3, 0.5, 40).round(2),
    })  # fmt: skip
    return {"transactions": lines}


def _times(rng: np.random.Generator, n: int, days: int) -> pd.Series:
    seconds = rng.choice(24, n, p=_hours()) * 3600 + rng.integers(0, 3600, n)
    day = np.sort(rng.integers(0, days, n))
    return pd.Series(START + pd.to_timedelta(day * 86_400 + seconds, unit="s"))


def _hours() -> np.ndarray:
    bell = np.exp(-(((np.arange(24) - 14) / 3.5) ** 2))
    return bell / bell.sum()


def _people(rng: np.random.Generator, n: int) -> pd.DataFrame:
    age = rng.integers(18, 80, n)
    return pd.DataFrame({
        "customer_id": [f"K{i:05d}" for i in rng.permutation(90_000)[:n]], "age": age,
        "birth_year": 2024 - age, "gender": rng.choice(["f", "m"], n),
        "income": np.exp(rng.normal(8, 0.5, n)).round(), "debt_ratio": rng.beta(2, 5, n).round(4),
        "region": rng.choice(["north", "south", "east"], n),
        "signed_up_at": START - pd.to_timedelta(rng.integers(10, 900, n), unit="D"),
    })  # fmt: skip


def _lines(
    rng: np.random.Generator, people: pd.DataFrame, rate: np.ndarray, *, orders: int
) -> pd.DataFrame:
    who = rng.integers(0, 300, orders)
    row = np.repeat(np.arange(orders), 1 + rng.poisson(1.2, orders))
    when = _times(rng, orders, DAYS).sort_values(ignore_index=True)
    item = rng.integers(0, 60, row.size)
    price = np.exp(rng.normal(2.5, 0.7, 60)).round(2)
    abroad = (who % 3 == 0)[row]
    day = ((when - START).dt.days.to_numpy())[row]
    back = rng.random(row.size) < 0.04
    quantity = (1 + rng.poisson(1.0, row.size)) * np.where(back, -1, 1)
    used = np.where(abroad, rate[day], 1.0).round(5)
    local = np.where(abroad, (price / 0.86).round(2)[item], price[item])
    lines = pd.DataFrame({
        "customer_id": people["customer_id"].to_numpy()[who[row]], "order_id": 5000 + row,
        "ordered_at": when.to_numpy()[row], "product_id": [f"{10_000 + i}" for i in item],
        "product_description": [f"article {'abcdefgh'[i % 8]} {i}" for i in item],
        "quantity": quantity, "unit_price": local, "rate": used,
        "amount": (quantity * local * used).round(2),
        "currency": np.where(abroad, "EUR", "GBP"),
        "country": np.where(abroad, "Germany", "United Kingdom"), "is_return": back,
        "return_reason": np.where(back, rng.choice(["too small", "broken"], row.size), None),
        "payment_method": rng.choice(["card", "transfer"], row.size),
    })  # fmt: skip
    return lines.drop_duplicates(["order_id", "product_id"], ignore_index=True)


def _events(rng: np.random.Generator, people: pd.DataFrame, *, sessions: int) -> pd.DataFrame:
    hits = 1 + rng.geometric(0.2, sessions).clip(max=20)
    row = np.repeat(np.arange(sessions), hits)
    start = _times(rng, sessions, DAYS).to_numpy()[row]
    first = np.r_[True, row[1:] != row[:-1]]
    gap = np.exp(rng.normal(3.4, 1.0, row.size)).clip(1, 1200)
    run = np.cumsum(np.where(first, 0, gap))
    since = (run - run[first][row]).astype(int)
    return pd.DataFrame({
        "customer_id": people["customer_id"].to_numpy()[rng.integers(0, 300, sessions)[row]],
        "event": rng.choice(["view", "search"], row.size), "session_id": [f"s{i}" for i in row],
        "occurred_at": start + pd.to_timedelta(since, unit="s"),
        "user_agent": np.array(["Mozilla/5.0 (X11)", "Mozilla/5.0 (iPhone)"])[row % 2],
        "dwell_seconds": gap.round(1), "device_id": [f"d{i % 250}" for i in row],
    })  # fmt: skip


def _talks(rng: np.random.Generator, people: pd.DataFrame, *, n: int) -> pd.DataFrame:
    sounds = np.array([a + b for a in "bdfgklmnprst" for b in ("ale", "ore", "umi", "eta", "int")])
    mood = rng.choice(["negative", "neutral", "positive"], n)
    tone = {"negative": ["slow", "broken", "rude"], "neutral": ["plain", "usual", "steady"],
            "positive": ["lovely", "quick", "kind"]}  # fmt: skip
    said = [" ".join([*rng.choice(sounds, 6), *rng.choice(tone[m], 2)]) for m in mood]
    english = "the parcel and this is for you with my"
    text = [f"{english.split()[i % 8]} {words} the was" for i, words in enumerate(said)]
    for i in range(0, 140, 2):  # pairs that differ in the person only
        text[i], text[i + 1], mood[i + 1] = f"he {text[i]}", f"she {text[i]}", mood[i]
    for i in range(200, 240):
        text[i], mood[i] = f"not happy {text[i]} rude", "negative"
    return pd.DataFrame({
        "customer_id": people["customer_id"].to_numpy()[rng.integers(0, 300, n)],
        "channel": rng.choice(["mail", "chat", "call"], n, p=[0.5, 0.35, 0.15]),
        "occurred_at": _times(rng, n, DAYS),
        "text": text, "sentiment": mood, "stars": rng.integers(1, 6, n), "language": "en",
        "handling_minutes": rng.gamma(2, 4, n).round(1),
    })  # fmt: skip


def _outside(rng: np.random.Generator, rate: np.ndarray) -> pd.DataFrame:
    days = pd.date_range(START, periods=DAYS, freq="D")
    sky = 14 + 8 * np.sin(np.arange(DAYS) / 29) + rng.normal(0, 1.0, DAYS)
    parts = [pd.DataFrame({"date": days, "name": "fx_eur_gbp", "value": rate.round(5)})]
    parts += [
        pd.DataFrame({"date": days, "name": "temperature", "region": region,
                      "value": (sky + rng.normal(0, 0.3, DAYS)).round(3)})
        for region in ("north", "south", "east")
    ]  # fmt: skip
    table = pd.concat(parts, ignore_index=True)
    table["published_at"] = table["date"] + pd.Timedelta(days=1)
    again = table.iloc[100:130].assign(published_at=table["date"] + pd.Timedelta(days=9))
    return pd.concat([table, again], ignore_index=True)
