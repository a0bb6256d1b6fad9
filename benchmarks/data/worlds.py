"""Two clean companies, written in different styles, in which data faults are planted.

``shop`` sells to consumers in four currencies; ``wholesaler`` is built on other laws: few large
buyers, Pareto orders, Sundays closed, whole money, other names and scales. Neither shares code
with the checks or with the embedded sample company.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

HOURS_SHOP = np.array(
    [1, 0, 0, 0, 0, 1, 4, 10, 20, 34, 42, 45, 48, 44, 40, 42, 46, 50, 55, 48, 34, 20, 9, 3], float
)
HOURS_DEPOT = np.array(
    [0, 0, 0, 1, 8, 30, 52, 60, 55, 42, 30, 22, 14, 20, 24, 16, 8, 3, 1, 0, 0, 0, 0, 0], float
)
HOURS_DEPOT = HOURS_DEPOT + 0.05
DAY = 86_400


@dataclass(frozen=True)
class World:
    """Five clean tables and what their columns are for.

    Attributes
    ----------
    frames : mapping of str to DataFrame
    as_of : str
    roles : mapping of str to (table, column)
        Which column a fault of a kind can be planted in: category, rating, local, rate, name ….
    """

    frames: Mapping[str, pd.DataFrame]
    as_of: str
    roles: Mapping[str, tuple[str, str]]

    def copy(self) -> dict[str, pd.DataFrame]:
        """Return the frames for changing; the world itself stays as it is."""
        return {name: frame.copy() for name, frame in self.frames.items()}

    def tables(self, frames: Mapping[str, pd.DataFrame] | None = None):  # type: ignore[no-untyped-def]
        """Return the frames as tables."""
        from segwork.tables import from_frames

        return from_frames(**(frames or self.frames))


def shop(*, seed: int, customers: int = 2000) -> World:
    """Draw the consumer shop: two years to the end of 2024, the leap day in it."""
    rng = np.random.default_rng([seed, 1])
    people = _shoppers(rng, customers)
    fx = _walk(rng, {"eur": 0.86, "usd": 0.79, "sek": 0.075}, days=731)
    frames = {
        "customers": people,
        "transactions": _shop_lines(rng, people, fx),
        "behaviour": _visits(rng, people, n=1100, names=("session_id", "user_agent")),
        "interactions": _contacts(rng, people, n=1400),
        "external": _outside(rng, fx, home="gbp", start="2023-01-01"),
    }
    roles = {
        "category": ("customers", "lifestyle"), "rating": ("interactions", "stars"),
        "place": ("transactions", "country"), "accents": ("transactions", "product_description"),
        "local": ("transactions", "price_paid_local"), "rate": ("transactions", "rate_used"),
        "swap": ("transactions", "unit_price"), "stuck": ("transactions", "unit_cost"),
        "level": ("transactions", "unit_price"), "weather": ("external", "temperature"),
    }  # fmt: skip
    return World(frames, "2025-01-01", roles)


def _shoppers(rng: np.random.Generator, n: int) -> pd.DataFrame:
    age = np.clip(np.round(18 + rng.gamma(4.2, 6.6, n)), 18, 90)
    income = np.round(np.exp(rng.normal(7.8 + 0.15 * (age > 35), 0.45, n)))
    joined = pd.Timestamp("2018-01-01") + pd.to_timedelta(rng.integers(0, 2400, n), unit="D")
    return pd.DataFrame({
        "customer_id": [f"K{i:06d}" for i in rng.permutation(900_000)[:n]],
        "age": age.astype(int), "gender": rng.choice(["f", "m", "x"], n, p=[0.5, 0.48, 0.02]),
        "income": income, "region": rng.choice(["North", "East", "South", "West", "Isles"], n,
                                               p=[0.3, 0.25, 0.25, 0.17, 0.03]),
        "debt_ratio": np.round(rng.beta(2, 5, n), 4),
        "account_activity": np.round(rng.gamma(2, 9, n), 2),
        "lifestyle": rng.choice(["outdoor", "family", "culture", "home"], n),
        "signed_up_at": joined,
    })  # fmt: skip


def _walk(rng: np.random.Generator, start: dict[str, float], days: int) -> dict[str, np.ndarray]:
    steps = {name: rng.normal(0, 0.0045, days).cumsum() for name in start}
    return {name: start[name] * np.exp(steps[name] - steps[name][0]) for name in start}


def _clock(rng: np.random.Generator, n: int, hours: np.ndarray) -> np.ndarray:
    return rng.choice(24, n, p=hours / hours.sum()) * 3600 + rng.integers(0, 3600, n)


def _shop_lines(
    rng: np.random.Generator, people: pd.DataFrame, fx: dict[str, np.ndarray]
) -> pd.DataFrame:
    orders = 4200
    rate_of_buying = rng.gamma(1.1, 1, len(people))
    who = rng.choice(len(people), orders, p=rate_of_buying / rate_of_buying.sum())
    day = np.sort(rng.integers(0, 731, orders))
    second = _clock(rng, orders, HOURS_SHOP)
    size = 1 + rng.poisson(0.9, orders)
    row = np.repeat(np.arange(orders), size)
    price = np.round(np.exp(rng.normal(2.6, 0.9, 160)) + 0.5, 2)
    item = rng.choice(160, row.size, p=_zipf(160))
    quantity = 1 + rng.poisson(1.2, row.size)
    quantity = np.where(rng.random(row.size) < 0.001, quantity * 60, quantity)
    currency = np.where(who % 10 < 7, 0, 1 + who % 3)[row]
    names = np.array(["GBP", "EUR", "USD", "SEK"])
    series = np.vstack([np.ones(731), fx["eur"], fx["usd"], fx["sek"]])
    rate = np.round(series[currency, day[row]], 5)
    unit = np.round(price[item] * np.exp(rng.normal(0, 0.03, row.size)) / series[currency, 0], 2)
    back = rng.random(row.size) < 0.05
    quantity = np.where(back, -quantity, quantity)
    local = np.round(quantity * unit, 2)
    reasons = np.array(["too small", "damaged in transit", "changed my mind", "wrong item"])
    nouns = np.array(["Café set", "Crème brûlée dish", "Jardín lamp", "Tea pot", "Candle", "Rug"])
    lines = pd.DataFrame({
        "order_id": 700_000 + row, "customer_id": people["customer_id"].to_numpy()[who[row]],
        "ordered_at": pd.to_datetime(
            1_672_531_200 + (day * DAY + second)[row], unit="s"),
        "product_id": [f"{10_000 + i}{'AB'[i % 2]}" for i in item],
        "product_description": [f"{nouns[i % 6]} {i}" for i in item],
        "quantity": quantity, "unit_price": unit, "price_paid_local": local,
        "currency": names[currency], "rate_used": rate, "amount": np.round(local * rate, 2),
        "country": np.array(["United Kingdom", "France", "United States", "Sweden"])[currency],
        "payment_method": rng.choice(["card", "transfer", "wallet"], row.size),
        "is_return": back,
        "return_reason": np.where(back, rng.choice(reasons, row.size, p=[.4, .3, .2, .1]), None),
        "unit_cost": np.round(price[item] * 0.6 * np.exp(rng.normal(0, 0.02, row.size)), 2),
    })  # fmt: skip
    lines = lines.drop_duplicates(["order_id", "product_id"])
    return lines.sort_values("ordered_at", kind="stable", ignore_index=True)


def _zipf(n: int) -> np.ndarray:
    share = 1 / (np.arange(n) + 5.0)
    return share / share.sum()


def _visits(
    rng: np.random.Generator, people: pd.DataFrame, *, n: int, names: tuple[str, ...]
) -> pd.DataFrame:
    who = rng.integers(0, len(people), n)
    hits = 1 + rng.geometric(0.22, n).clip(max=30)
    row = np.repeat(np.arange(n), hits)
    start = 1_717_200_000 + np.sort(rng.integers(0, 200, n)) * DAY + _clock(rng, n, HOURS_SHOP)
    gap = np.exp(rng.normal(3.4, 1.0, row.size)).clip(1, 1200)
    first = np.r_[True, row[1:] != row[:-1]]
    run = np.cumsum(np.where(first, 0, gap))
    since = run - run[first][row]
    table = pd.DataFrame({
        "customer_id": people["customer_id"].to_numpy()[who[row]],
        "event": np.where(first, "landing", rng.choice(["view", "search", "basket"], row.size)),
        "occurred_at": pd.to_datetime((start[row] + since).astype(int), unit="s"),
        "session_id": [f"s{i:05d}" for i in row],
        "user_agent": np.array(["Mozilla/5.0 (X11)", "Mozilla/5.0 (iPhone)"])[who[row] % 2],
    })  # fmt: skip
    return table[["customer_id", "event", "occurred_at", *names]]


WORDS = {
    -1: (
        "awful delay with",
        "broken again:",
        "very angry about",
        "never satisfied with",
        "refund for bad",
    ),
    0: ("question about", "please update", "where do I find", "change of address for", "status of"),
    1: (
        "love the great",
        "thanks for the lovely",
        "excellent and fast",
        "so happy with",
        "perfect",
    ),
}
THINGS = (
    "delivery",
    "lamp",
    "invoice",
    "tea pot",
    "voucher",
    "website",
    "rug",
    "parcel",
    "app",
    "shop",
)


def _contacts(rng: np.random.Generator, people: pd.DataFrame, *, n: int) -> pd.DataFrame:
    mood = rng.choice([-1, 0, 1], n, p=[0.35, 0.4, 0.25])
    day = np.sort(rng.integers(0, 700, n))
    one, two = rng.choice(THINGS, n), rng.choice(THINGS, n)
    number = rng.integers(0, 10**4, n)
    text = [
        f"{rng.choice(WORDS[m])} {a} {b} no {i}"
        for m, a, b, i in zip(mood, one, two, number, strict=True)
    ]
    names = {-1: "negative", 0: "neutral", 1: "positive"}
    return pd.DataFrame({
        "customer_id": people["customer_id"].to_numpy()[rng.integers(0, len(people), n)],
        "channel": rng.choice(["call", "email", "chat"], n),
        "occurred_at": pd.to_datetime(
            1_675_000_000 + day * DAY + _clock(rng, n, HOURS_SHOP), unit="s"),
        "kind": np.where(mood < 0, "complaint", "question"),
        "text": text, "sentiment": [names[m] for m in mood],
        "stars": np.clip(np.round(3 + 1.2 * mood + rng.normal(0, 0.8, n)), 1, 5),
        "office": rng.choice(["Leeds", "York", "Hull", "Bath"], n),
        "handling_minutes": np.round(rng.gamma(2.5, 3, n), 1),
    })  # fmt: skip


def _outside(
    rng: np.random.Generator, fx: dict[str, np.ndarray], *, home: str, start: str
) -> pd.DataFrame:
    days = len(next(iter(fx.values())))
    dates = pd.date_range(start, periods=days, freq="D")
    parts = [pd.DataFrame({"date": dates, "name": f"fx_{c}_{home}", "value": np.round(v, 5),
                           "region": None, "published_at": dates + pd.Timedelta(hours=16)})
             for c, v in fx.items()]  # fmt: skip
    shared = np.convolve(rng.normal(0, 2.5, days + 3), [0.5, 0.3, 0.2], "same")[:days]
    season = 10 - 9 * np.cos(2 * np.pi * np.arange(days) / 365.25)
    for place, warm in (("North", -2.0), ("East", 0.0), ("South", 2.5), ("West", 1.0)):
        value = np.round(season + warm + shared + rng.normal(0, 0.8, days), 1)
        parts.append(
            pd.DataFrame(
                {
                    "date": dates,
                    "name": "temperature",
                    "value": value,
                    "region": place,
                    "published_at": dates + pd.Timedelta(days=1),
                }
            )
        )
    return pd.concat(parts, ignore_index=True)


def wholesaler(*, seed: int, customers: int = 1500) -> World:
    """Draw the wholesaler: 18 months in a row order of its own, Sundays closed, whole rupiah."""
    rng = np.random.default_rng([seed, 2])
    buyers = _buyers(rng, customers)
    usd, sgd = (level * np.cumprod(1 + rng.normal(0, 0.004, 548)) for level in (15_400.0, 11_500.0))
    frames = {
        "customers": buyers,
        "transactions": _depot_lines(rng, buyers, usd, sgd),
        "behaviour": _app_use(rng, buyers),
        "interactions": _tickets(rng, buyers),
        "external": _indices(rng, usd, sgd),
    }
    roles = {
        "category": ("customers", "line_of_business"), "rating": ("customers", "satisfaction"),
        "place": ("customers", "region"), "accents": ("customers", "town"),
        "local": ("transactions", "invoiced"), "rate": ("transactions", "amount"),
        "swap": ("transactions", "amount"), "stuck": ("customers", "account_activity"),
        "level": ("transactions", "unit_price"), "weather": ("external", "rain"),
    }  # fmt: skip
    return World(frames, "2024-07-01", roles)


def _buyers(rng: np.random.Generator, n: int) -> pd.DataFrame:
    income = 4.0e6 * (1 + rng.pareto(2.8, n))
    towns = ["Málaga", "Zürich", "Köln", "Orléans", "Bogotá", "Łódź", "Bern", "Rome"]
    return pd.DataFrame({
        "customer_id": rng.permutation(80_000)[:n] + 10_000,
        "birth_year": 2024 - np.clip(np.round(rng.normal(44, 12, n)), 19, 84).astype(int),
        "age": 0, "income": np.round(income / 1000) * 1000.0,
        "region": rng.choice(["Java", "Bali", "Sumatra", "Borneo"], n, p=[0.5, 0.2, 0.2, 0.1]),
        "town": rng.choice(towns, n), "debt_ratio": np.round(rng.gamma(1.5, 0.2, n), 3),
        "account_activity": np.round(np.exp(rng.normal(3, 1, n)), 1),
        "line_of_business": rng.choice(["food", "textile", "tools", "paper", "toys"], n),
        "satisfaction": np.clip(rng.binomial(6, 0.7, n) + 1, 1, 7),
        "customer_type": rng.choice(["B2B", "B2C"], n, p=[0.8, 0.2]),
        "visits_planned": rng.poisson(4, n),
    }).assign(age=lambda t: 2024 - t["birth_year"])  # fmt: skip


def _depot_lines(
    rng: np.random.Generator, buyers: pd.DataFrame, usd: np.ndarray, sgd: np.ndarray
) -> pd.DataFrame:
    n = 6500
    open_days = np.array([d for d in range(546) if (d + 6) % 7 != 6])
    weight = np.where(np.isin(open_days, [330, 331]), 3.0, 1.0)
    day = rng.choice(open_days, n, p=weight / weight.sum())
    who = (len(buyers) * rng.random(n) ** 2).astype(int)
    item = rng.integers(0, 90, n)
    base = np.round(np.exp(rng.normal(10.5, 1.1, 90)) / 100) * 100
    step = rng.choice([0.9, 1.0, 1.0, 1.1], n)
    which = np.where(buyers["customer_id"].to_numpy()[who] % 5 == 0, 1 + who % 2, 0)
    rate = np.vstack([np.ones(548), usd, sgd])[which, day]
    quantity = np.ceil(2 * (1 + rng.pareto(1.9, n))).astype(int)
    price = np.where(which == 0, base[item] * step, np.round(base[item] * step / rate, 2))
    gone = rng.random(n) < 0.04
    serial = np.arange(n)
    order = np.where(gone, "V", "F")
    number = pd.Series(order) + (40_000 + serial).astype(str)
    signed = np.where(gone, -quantity, quantity)
    invoiced = np.round(signed * price, 2)
    lines = pd.DataFrame({
        "customer_id": buyers["customer_id"].to_numpy()[who],
        "ordered_at": pd.to_datetime(
            1_672_531_200 + day * DAY + _clock(rng, n, HOURS_DEPOT), unit="s"),
        "order_id": number, "product_id": [f"ZX-{i:03d}" for i in item],
        "quantity": signed, "unit_price": price,
        "currency": np.array(["IDR", "USD", "SGD"])[which], "invoiced": invoiced,
        "amount": np.round(invoiced * rate),
        "return_reason": np.where(gone, rng.choice(["late", "Spoiled", "wrong count"], n), None),
        "warehouse": rng.choice(["W1", "W2", "W3"], n, p=[0.6, 0.39, 0.01]),
    })  # fmt: skip
    return lines.iloc[rng.permutation(n)].reset_index(drop=True)


def _app_use(rng: np.random.Generator, buyers: pd.DataFrame) -> pd.DataFrame:
    table = _visits(rng, buyers.assign(customer_id=buyers["customer_id"]), n=900,
                    names=("session_id", "user_agent"))  # fmt: skip
    table["occurred_at"] -= pd.Timedelta(days=190)
    table["session_id"] = table["session_id"].str.replace("s", "visit-")
    return table.assign(event="tap").drop(columns="user_agent")


def _tickets(rng: np.random.Generator, buyers: pd.DataFrame) -> pd.DataFrame:
    n = 1200
    angry = rng.random(n) < 0.4
    bad = ("barang rusak", "pengiriman terlambat", "salah kirim", "kecewa sekali")
    good = ("terima kasih banyak", "cepat dan bagus", "puas dengan", "mantap untuk")
    text = [
        f"{rng.choice(bad if a else good)} {rng.choice(THINGS)} {rng.integers(10**5)}"
        for a in angry
    ]
    feeling = np.where(angry, -0.7, 0.6) + rng.normal(0, 0.1, n)
    return pd.DataFrame({
        "customer_id": buyers["customer_id"].to_numpy()[rng.integers(0, len(buyers), n)],
        "channel": rng.choice(["phone", "whatsapp"], n),
        "occurred_at": pd.to_datetime(
            1_673_000_000 + rng.integers(0, 500, n) * DAY + _clock(rng, n, HOURS_DEPOT), unit="s"),
        "text": text, "sentiment": np.round(np.clip(feeling, -1, 1), 2),
        "cost": np.round(rng.exponential(20_000, n)),
    })  # fmt: skip


def _indices(rng: np.random.Generator, usd: np.ndarray, sgd: np.ndarray) -> pd.DataFrame:
    dates = pd.date_range("2023-01-01", periods=546, freq="D")
    parts = [pd.DataFrame({"date": dates, "name": name, "value": np.round(v[:546], 2),
                           "region": None})
             for name, v in (("fx_usd_idr", usd), ("fx_sgd_idr", sgd))]  # fmt: skip
    sky = rng.gamma(0.9, 9, 546) * (rng.random(546) < 0.6)
    for place in ("Java", "Bali", "Sumatra"):
        value = np.round(sky * rng.lognormal(0, 0.25, 546) + rng.exponential(0.6, 546), 1)
        parts.append(pd.DataFrame({"date": dates, "name": "rain", "value": value, "region": place}))
    table = pd.concat(parts, ignore_index=True)
    return table.assign(published_at=table["date"] + pd.Timedelta(days=2)).query(
        "published_at < '2024-07-01'"
    )


WORLDS = {"shop": shop, "wholesaler": wholesaler}
