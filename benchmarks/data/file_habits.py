"""Honest variants of the real files: habits of companies that look like faults."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pandas as pd

from benchmarks.data.worlds import World

Frames = dict[str, pd.DataFrame]
Rng = np.random.Generator


def varied(world: World, name: str, *, seed: int) -> World:
    """Return the world with the habit; the world given is not changed."""
    frames = world.copy()
    HABITS[name](frames, np.random.default_rng([seed, 61]))
    return replace(world, frames=frames)


def _prices(lines: pd.DataFrame, factor: np.ndarray) -> None:
    """Multiply prices to the cent, and amounts with them."""
    if "unit_price" not in lines:
        lines["amount"] = (lines["amount"] * factor).round(2)
        return
    old = lines["unit_price"].to_numpy()
    lines["unit_price"] = (old * factor).round(2)
    if "amount" in lines:
        more = np.divide(lines["unit_price"], old, out=np.ones(len(old)), where=old != 0)
        lines["amount"] = (lines["amount"] * more).round(2)


def _stretch(lines: pd.DataFrame, days: int, rng: Rng) -> np.ndarray:
    first, last = lines["ordered_at"].min(), lines["ordered_at"].max()
    start = first + (last - first) * rng.uniform(0.1, 0.8)
    return lines["ordered_at"].between(start, start + pd.Timedelta(days=days)).to_numpy()


def promotion(f: Frames, rng: Rng) -> None:
    """Give 30 % off on everything for ten days."""
    lines = f["transactions"]
    _prices(lines, np.where(_stretch(lines, 10, rng), 0.7, 1.0))


def half_price(f: Frames, rng: Rng) -> None:
    """Sell everything at half price for a week."""
    lines = f["transactions"]
    _prices(lines, np.where(_stretch(lines, 7, rng), 0.5, 1.0))


def christmas(f: Frames, rng: Rng) -> None:
    """Sell three times as much in one month, in larger baskets."""
    lines = f["transactions"]
    order = pd.factorize(lines["order_id"])[0] if "order_id" in lines else np.arange(len(lines))
    drawn = rng.choice(np.unique(order[_stretch(lines, 30, rng)]), 2 * len(np.unique(order)) // 12)
    place = pd.Series(np.arange(len(drawn)), index=drawn, name="copy")
    copies = pd.DataFrame({"row": np.arange(len(lines)), "order": order})
    copies = copies.merge(place, left_on="order", right_index=True)
    times = lines["ordered_at"].iloc[copies["row"]].to_numpy()
    extra = lines.iloc[rng.choice(copies["row"], len(copies))].assign(ordered_at=times)
    copy = copies["copy"].to_numpy()
    timed = (lines["ordered_at"].dt.hour != 0).any()
    moved = rng.integers(-3 * 1440, 3 * 1440, len(drawn)) // (1 if timed else 1440)
    extra["ordered_at"] += pd.to_timedelta(moved[copy], unit="min" if timed else "D")
    more = 1 + (rng.random(len(drawn)) < 0.5)[copy]
    extra["quantity"] = extra["quantity"] * more
    if "amount" in extra:
        extra["amount"] = (extra["amount"] * more).round(2)
    if "order_id" in extra:
        extra["order_id"] = (900_000 + copy).astype(str)
    known = lines["customer_id"].dropna()
    buyers = known.sample(len(drawn), replace=True, random_state=1).to_numpy()
    extra["customer_id"] = buyers[copy]
    f["transactions"] = pd.concat([lines, extra]).sort_values(
        "ordered_at", kind="stable", ignore_index=True
    )


def inflation(f: Frames, rng: Rng) -> None:
    """Raise every product's price by 2 to 4 % a quarter, each on a day of its own."""
    lines = f["transactions"]
    key = lines["product_id"] if "product_id" in lines else lines["customer_id"]
    codes, names = pd.factorize(key)
    day = (lines["ordered_at"] - lines["ordered_at"].min()).dt.days.to_numpy()
    steps = np.floor((day + rng.integers(0, 91, len(names))[codes]) / 91)
    _prices(lines, (1 + rng.uniform(0.02, 0.04, len(names)))[codes] ** steps)


def price_rise(f: Frames, rng: Rng) -> None:
    """Raise all prices by 4 % on one day, for good."""
    _ = rng
    lines = f["transactions"]
    _prices(lines, np.where(lines["ordered_at"] > lines["ordered_at"].quantile(0.6), 1.04, 1.0))


def new_line(f: Frames, rng: Rng) -> None:
    """Bring a line of furniture, twenty times as dear, from the middle of the data on."""
    lines = f["transactions"]
    late = np.flatnonzero(lines["ordered_at"] > lines["ordered_at"].quantile(0.5))
    extra = lines.iloc[rng.choice(late, len(late) // 12, replace=False)].copy()
    if "product_id" in extra:
        extra["product_id"] = rng.choice([f"{90_000 + i}" for i in range(40)], len(extra))
    _prices(extra, rng.uniform(15, 30, len(extra)))
    f["transactions"] = pd.concat([lines, extra]).sort_values(
        "ordered_at", kind="stable", ignore_index=True
    )


def _order(lines: pd.DataFrame, size: int, rng: Rng, **fields: object) -> pd.DataFrame:
    sold = lines[lines["quantity"] > 0]
    return sold.sample(size, random_state=int(rng.integers(10**6))).assign(**fields)


def _add(f: Frames, orders: list[pd.DataFrame]) -> None:
    lines = f["transactions"]
    if "order_id" in lines:
        orders = [o.assign(order_id=str(920_000 + k)) for k, o in enumerate(orders)]
    f["transactions"] = pd.concat([lines, *orders])[lines.columns].sort_values(
        "ordered_at", kind="stable", ignore_index=True
    )


def bulk_buyer(f: Frames, rng: Rng) -> None:
    """One company buys a hundred times the usual pieces, once a month."""
    lines = f["transactions"]
    orders = []
    last = lines["ordered_at"].max() - pd.Timedelta(days=9)
    for month in pd.date_range(lines["ordered_at"].min(), last, freq="30D"):
        at = month.floor("D") + pd.Timedelta(days=int(rng.integers(0, 9)), hours=11)
        order = _order(lines, 5, rng, customer_id="55001", ordered_at=at.floor("D"))
        order["quantity"] = order["quantity"] * 100
        if "amount" in order:
            order["amount"] = (order["amount"] * 100).round(2)
        orders.append(order)
    _add(f, orders)


def subscriptions(f: Frames, rng: Rng) -> None:
    """Forty customers get the same box every month."""
    lines = f["transactions"]
    orders = []
    for who in range(40):
        box = _order(lines, 2, rng, customer_id=str(56_000 + who))
        start = lines["ordered_at"].min().floor("D") + pd.Timedelta(days=int(rng.integers(0, 28)))
        for at in pd.date_range(start, lines["ordered_at"].max(), freq="30D"):
            hour = pd.Timedelta(hours=int(rng.integers(8, 19)))
            orders.append(box.assign(ordered_at=at + hour))
    _add(f, orders)


def busy_reseller(f: Frames, rng: Rng) -> None:
    """One reseller places every thirtieth order, at working hours, each another basket."""
    lines = f["transactions"]
    days = lines["ordered_at"].dt.floor("D").drop_duplicates()
    n = (lines["order_id"].nunique() if "order_id" in lines else len(lines)) // 30
    at = days.sample(n, replace=True, random_state=int(rng.integers(10**6)))
    most = 5 if "order_id" in lines else 2
    orders = [
        _order(lines, int(rng.integers(1, most)), rng, customer_id="57001",
               ordered_at=day + pd.Timedelta(seconds=int(rng.integers(30_000, 62_000))))
        for day in at
    ]  # fmt: skip
    _add(f, orders)


def new_country(f: Frames, rng: Rng) -> None:
    """Open a country in the middle of the year, at prices 15 % higher."""
    lines = f["transactions"]
    column = "country" if "country" in lines else "region"
    if column not in lines:
        lines[column] = "home"
    late = (lines["ordered_at"] > lines["ordered_at"].quantile(0.5)).to_numpy()
    rows = late & (rng.random(len(lines)) < 0.05)
    lines[column] = lines[column].mask(rows, "Iceland")
    _prices(lines, np.where(rows, 1.15, 1.0))


def zeros_in_front(f: Frames, rng: Rng) -> None:
    """Write every customer with ten digits, and a letter of the office."""
    _ = rng
    for frame in f.values():
        ids = frame["customer_id"]
        frame["customer_id"] = ("K" + ids.astype(str).str.zfill(10)).where(ids.notna(), None)


def words_like_tests(f: Frames, rng: Rng) -> None:
    """Sell pregnancy tests, test tubes, Staffordshire dogs and demo discs."""
    lines = f["transactions"]
    names = ["PREGNANCY TEST KIT", "TEST TUBE VASE", "STAFFORDSHIRE DOG", "INTERNAL DOOR HANDLE",
             "Contest winner mug", "DUMMY FOR BABIES"]  # fmt: skip
    old = lines.get("product_description", "something")
    lines["product_description"] = pd.Series(old, index=lines.index, dtype=object).mask(
        rng.random(len(lines)) < 0.01, pd.Series(rng.choice(names, len(lines)), index=lines.index)
    )


def rarely_filled(f: Frames, rng: Rng) -> None:
    """Ask for a gift message that few people write."""
    lines = f["transactions"]
    said = rng.random(len(lines)) < 0.04
    lines["gift_message"] = np.where(said, "with love from all of us", None)


HABITS: dict[str, Callable[[Frames, Rng], None]] = {
    habit.__name__: habit
    for habit in (
        promotion, half_price, christmas, inflation, price_rise, new_line, bulk_buyer,
        subscriptions, busy_reseller, new_country, zeros_in_front, words_like_tests, rarely_filled,
    )
}  # fmt: skip
