"""Faults of other people's design, planted in the real files of :mod:`benchmarks.data.files`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from benchmarks.data.files import FILES
from benchmarks.data.plants import HEAVY, LIGHT, MEDIUM, Key
from benchmarks.data.worlds import World

RATES = (10.5, 83.0, 141.0, 1330.0, 15_500.0, 24_000.0)
TAXES = (1.19, 1.2, 1.21, 1.25)
DAYS = {LIGHT: 7, MEDIUM: 30, HEAVY: 91}
MARKS = (r"\N", "(null)", "[NULL]", "<null>", "NULL", "#NULL!", "?")
SHOPS = ("gifts", "gifts_later", "groceries")
Frames = dict[str, pd.DataFrame]
Rng = np.random.Generator


@dataclass(frozen=True)
class Fault:
    """One row of the list: number, name, checks that must catch it, files, how to plant."""

    number: int
    name: str
    codes: tuple[str, ...]
    files: tuple[str, ...]
    plant: Callable[[Frames, str, Rng], Key]


def plant(world: World, fault: Fault, strength: str, *, seed: int) -> tuple[World, Key]:
    """Return the world with the fault in it, and the key; the world given is not changed."""
    frames = world.copy()
    key = fault.plant(frames, strength, np.random.default_rng([seed, 160 + fault.number]))
    return replace(world, frames=frames), replace(key, codes=fault.codes)


def _stretch(lines: pd.DataFrame, strength: str, rng: Rng) -> tuple[np.ndarray, str]:
    """Mark the rows of some days in a row, and name the month in which they begin."""
    day = lines["ordered_at"].dt.floor("D")
    days = np.sort(day.unique())
    length = DAYS[strength]
    usual = np.searchsorted(days, days[-1] - np.timedelta64(length + 20, "D"))
    start = pd.Timestamp(days[int(rng.integers(20, max(21, usual)))])
    return ((day >= start) & (day < start + pd.Timedelta(days=length))).to_numpy(), f"{start:%Y-%m}"


def _times(lines: pd.DataFrame, rows: np.ndarray, factor: float, *, digits: int = 2) -> Key:
    """Multiply the money of rows; rows without money stay as they are."""
    columns = [c for c in ("unit_price", "amount") if c in lines]
    touched = rows & (lines[columns[0]] != 0).to_numpy()
    for column in columns:
        lines[column] = lines[column].where(~touched, (lines[column] * factor).round(digits))
    return Key("transactions", tuple(columns), int(touched.sum()), np.flatnonzero(touched))


def _stretch_times(factors: tuple[float, ...], digits: int) -> Callable[[Frames, str, Rng], Key]:
    def plant_in(f: Frames, strength: str, rng: Rng) -> Key:
        rows, month = _stretch(f["transactions"], strength, rng)
        key = _times(f["transactions"], rows, float(rng.choice(factors)), digits=digits)
        return replace(key, words=(month,))

    return plant_in


def place_in_another_unit(f: Frames, strength: str, rng: Rng) -> Key:
    """Put a country or a shop into another currency, or into cents."""
    lines = f["transactions"]
    column = "country" if "country" in lines else "store_id"
    size = lines[column].value_counts().iloc[1:]
    low, high = {LIGHT: (30, 80), MEDIUM: (81, 400), HEAVY: (401, 10**6)}[strength]
    fits = size[(size >= low) & (size <= high)].index
    place = rng.choice(fits if len(fits) else size.index[:3])
    rows = (lines[column] == place).to_numpy()
    key = _times(lines, rows, float(rng.choice((100.0, *RATES))))
    return replace(key, columns=(*key.columns, column), words=(str(place),))


def wrong_label(f: Frames, strength: str, rng: Rng) -> Key:
    """Label lines in euros as pounds, for a stretch of them."""
    lines = f["transactions"]
    euro = np.flatnonzero(lines["currency"] == "EUR")
    n = round({LIGHT: 0.2, MEDIUM: 0.4, HEAVY: 0.7}[strength] * len(euro))
    start = int(rng.integers(0, len(euro) - n))
    rows = euro[start : start + n]
    lines.loc[rows, "currency"] = "GBP"
    return Key("transactions", ("currency",), n, rows, words=("GBP",))


def _filled(column: str, group: str = "") -> Callable[[Frames, str, Rng], Key]:
    def plant_in(f: Frames, strength: str, rng: Rng) -> Key:
        table = f["customers"]
        values = pd.to_numeric(table[column], errors="coerce")
        share = {LIGHT: 0.02, MEDIUM: 0.06, HEAVY: 0.3}[strength]
        lost = rng.random(len(table)) < share
        known = values.mask(lost)
        mean = known.groupby(table[group]).transform("mean") if group else known.mean()
        table[column] = known.fillna(mean.round(2) if group else round(mean, 2))
        rows = known.isna().to_numpy()
        return Key("customers", (column,), int(rows.sum()), np.flatnonzero(rows))

    return plant_in


def _changed(
    table: str, column: str, part: str, change: Callable[[pd.Series], pd.Series]
) -> Callable[[Frames, str, Rng], Key]:
    def plant_in(f: Frames, strength: str, rng: Rng) -> Key:
        frame = f[table]
        share = frame[part].value_counts(normalize=True)
        low, high = {LIGHT: (0.01, 0.05), MEDIUM: (0.05, 0.25), HEAVY: (0.25, 0.45)}[strength]
        fits = share[(share >= low) & (share <= high)].index
        level = rng.choice(fits if len(fits) else share.index[1:])
        rows = (frame[part] == level).to_numpy()
        new = change(frame[column].astype(float)).round(4)
        touched = rows & (new != frame[column]).to_numpy()
        frame[column] = frame[column].astype(float).where(~rows, new)
        return Key(table, (column,), int(touched.sum()), np.flatnonzero(touched),
                   words=(str(level),))  # fmt: skip

    return plant_in


def _fresh(ids: pd.Series, add: int) -> pd.Series:
    """Add a constant to ids that are numbers, or hold one."""
    number = ids.astype(str).str.extract(r"(\d+)")[0].astype(float)
    kept = ids.astype(str).str.extract(r"^(\D*)")[0].fillna("")
    new = kept + (number + add).map("{:.0f}".format)
    return new.where(ids.notna(), ids)


def day_again(f: Frames, strength: str, rng: Rng) -> Key:
    """Load a day again, one to five times, under new order numbers."""
    lines = f["transactions"]
    day = lines["ordered_at"].dt.floor("D")
    size = day.value_counts()
    chosen = rng.choice(np.sort(size[size >= 0.5 * size.median()].index))
    once = lines[day == chosen]
    times = {LIGHT: 1, MEDIUM: 3, HEAVY: 5}[strength]
    again = [once.assign(order_id=_fresh(once["order_id"], 700_000 * (k + 1)))
             for k in range(times)]  # fmt: skip
    whole = pd.concat([lines, *again], ignore_index=True)
    if rng.random() < 0.5:
        whole = whole.sort_values("ordered_at", kind="stable", ignore_index=True)
    f["transactions"] = whole
    return Key("transactions", ("order_id",), times * len(once), np.array([], int))


def batch_again(f: Frames, strength: str, rng: Rng) -> Key:
    """Load a batch of lines again: ids plus a constant, the dates some weeks later."""
    lines = f["transactions"]
    n = max(60, round({LIGHT: 0.005, MEDIUM: 0.03, HEAVY: 0.1}[strength] * len(lines)))
    start = int(rng.integers(0, len(lines) // 2))
    again = lines.iloc[start : start + n].copy()
    for column in ("order_id", "customer_id"):
        if column in again:
            again[column] = _fresh(again[column], 500_000)
    again["ordered_at"] += pd.Timedelta(days=int(rng.choice([7, 28, 30])))
    f["transactions"] = pd.concat([lines, again], ignore_index=True)
    return Key(
        "transactions", ("order_id", "customer_id"), n, np.arange(len(lines), len(lines) + n)
    )


def _add_orders(f: Frames, orders: list[pd.DataFrame]) -> int:
    """Add orders under numbers of their own, in order of time."""
    lines = f["transactions"]
    if "order_id" in lines:
        orders = [o.assign(order_id=str(880_000 + k)) for k, o in enumerate(orders)]
    new = pd.concat(orders)[lines.columns]
    whole = pd.concat([lines, new]).sort_values("ordered_at", kind="stable", ignore_index=True)
    f["transactions"] = whole
    return len(new)


def same_basket(f: Frames, strength: str, rng: Rng) -> Key:
    """Three customers order the same basket every day."""
    lines = f["transactions"]
    sold = lines[lines["quantity"] > 0]
    orders = []
    for who in range({LIGHT: 1, MEDIUM: 3, HEAVY: 12}[strength]):
        basket = sold.sample(3, random_state=int(rng.integers(10**6)))
        start = sold["ordered_at"].quantile(0.3) + pd.Timedelta(days=int(rng.integers(0, 60)))
        for day in range({LIGHT: 25, MEDIUM: 45, HEAVY: 60}[strength]):
            at = start.floor("D") + pd.Timedelta(days=day, seconds=int(rng.integers(30e3, 70e3)))
            if not (lines["ordered_at"].dt.second != 0).any():
                at = at.floor("min" if (lines["ordered_at"].dt.hour != 0).any() else "D")
            orders.append(basket.assign(customer_id=str(77_001 + who), ordered_at=at))
    n = _add_orders(f, orders)
    return Key("transactions", ("customer_id",), n, np.array([], int))


def clockwork(f: Frames, strength: str, rng: Rng) -> Key:
    """One buyer orders every so many minutes, day and night."""
    sold = f["transactions"][f["transactions"]["quantity"] > 0]
    count = {LIGHT: 60, MEDIUM: 200, HEAVY: 800}[strength]
    step = pd.Timedelta(minutes=int(rng.choice([30, 37, 45, 60])))
    start = sold["ordered_at"].quantile(0.4)
    orders = [
        sold.sample(1, random_state=int(rng.integers(10**6))).assign(
            customer_id="66001", ordered_at=start + k * step)
        for k in range(count)
    ]  # fmt: skip
    return Key("transactions", ("customer_id",), _add_orders(f, orders), np.array([], int))


def one_id_for_all(f: Frames, strength: str, rng: Rng) -> Key:
    """Give every so many orders one id: guests, or the till's default."""
    lines = f["transactions"]
    own = lines["order_id"] if "order_id" in lines else pd.Series(lines.index)
    codes, names = pd.factorize(own)
    share = {LIGHT: 0.06, MEDIUM: 0.12, HEAVY: 0.4}[strength]
    rows = (rng.random(len(names)) < share)[codes]
    name = str(rng.choice(["99999", "0", "10001"]))
    lines["customer_id"] = lines["customer_id"].astype(object).mask(rows, name)
    return Key("transactions", ("customer_id",), int(rows.sum()), np.flatnonzero(rows))


def _marked_orders(column: str, words: tuple[str, ...]) -> Callable[[Frames, str, Rng], Key]:
    def plant_in(f: Frames, strength: str, rng: Rng) -> Key:
        lines = f["transactions"]
        sold = lines[lines["quantity"] > 0]
        n = {LIGHT: 3, MEDIUM: 12, HEAVY: 80}[strength]
        word = str(rng.choice(words))
        orders = []
        for _ in range(n):
            at = sold["ordered_at"].iloc[int(rng.integers(len(sold)))]
            order = sold.sample(2, random_state=int(rng.integers(10**6))).assign(ordered_at=at)
            orders.append(order.assign(**{column: word}))
        if column not in lines:
            f["transactions"] = lines.assign(**{column: "web"})
        return Key("transactions", (column,), _add_orders(f, orders), np.array([], int))

    return plant_in


def amount_empty(f: Frames, strength: str, rng: Rng) -> Key:
    """Leave the amount empty in part or all of the rows."""
    lines = f["transactions"]
    rows = rng.random(len(lines)) < {LIGHT: 0.1, MEDIUM: 0.85, HEAVY: 1.1}[strength]
    lines["amount"] = lines["amount"].mask(rows)
    return Key("transactions", ("amount",), int(rows.sum()), np.flatnonzero(rows))


def spellings(f: Frames, strength: str, rng: Rng) -> Key:
    """Write some customers in a second way in about a third of their rows."""
    lines = f["transactions"]
    ids = lines["customer_id"].dropna().astype(str)
    people = ids.unique()
    share = {LIGHT: 0.02, MEDIUM: 0.1, HEAVY: 0.5}[strength]
    chosen = set(people[rng.random(len(people)) < share])
    ways: list[Callable[[str], str]] = [
        lambda w: f"{w}.0", lambda w: f"{w} ", lambda w: f"{w}\u00a0", lambda w: f"\u200b{w}",
        lambda w: f"000{w}", lambda w: f" {w}", lambda w: f"'{w}",
    ]  # fmt: skip
    way = ways[int(rng.integers(len(ways)))]
    rows = lines["customer_id"].astype(str).isin(chosen).to_numpy() & (rng.random(len(lines)) < 0.3)
    text = (
        lines["customer_id"]
        .astype(object)
        .where(lines["customer_id"].isna(), lines["customer_id"].astype(str))
    )
    lines["customer_id"] = [way(w) if r else w for w, r in zip(text, rows, strict=True)]
    return Key("transactions", ("customer_id",), int(rows.sum()), np.flatnonzero(rows))


def null_mark(f: Frames, strength: str, rng: Rng) -> Key:
    """Write a database's mark for "missing" as the customer."""
    lines = f["transactions"]
    rows = rng.random(len(lines)) < {LIGHT: 0.01, MEDIUM: 0.1, HEAVY: 0.4}[strength]
    lines["customer_id"] = lines["customer_id"].astype(object).mask(rows, str(rng.choice(MARKS)))
    return Key("transactions", ("customer_id",), int(rows.sum()), np.flatnonzero(rows))


def _age_for_year(values: pd.Series) -> pd.Series:
    return 2014 - values


FAULTS = tuple(
    Fault(number, name, tuple(codes.split()), files, how)
    for number, name, codes, files, how in (
        (1, "prices not converted", "DQ-T-14", (*SHOPS, "discs"), _stretch_times(RATES, 2)),
        (2, "prices in cents", "DQ-T-14 DQ-G-08", (*SHOPS, "discs"), _stretch_times((100.0,), 2)),
        (3, "prices with tax", "DQ-T-14", (*SHOPS, "discs"), _stretch_times(TAXES, 2)),
        (4, "place in another unit", "DQ-T-14", SHOPS, place_in_another_unit),
        (5, "wrong currency label", "DQ-T-15 DQ-T-02", ("gifts_abroad",), wrong_label),
        (6, "amounts in thousands", "DQ-T-14 DQ-G-08", (*SHOPS, "discs"),
         _stretch_times((0.001,), 5)),
        (7, "income filled with the mean", "DQ-M-03 DQ-M-07", ("people",), _filled("income")),
        (71, "income filled by group", "DQ-M-03 DQ-M-07", ("people",),
         _filled("income", "Education")),
        (72, "charge filled with the mean", "DQ-M-03 DQ-M-07", ("telephone",),
         _filled("MonthlyCharges")),
        (8, "seconds as minutes", "DQ-G-16", ("callers",),
         _changed("customers", "duration", "day_of_week", lambda v: v / 60)),
        (81, "months as days", "DQ-G-16", ("telephone",),
         _changed("customers", "tenure", "PaymentMethod", lambda v: v * 30)),
        (82, "per cent as share", "DQ-G-16", ("callers",),
         _changed("customers", "nr_employed", "job", lambda v: v / 1000)),
        (83, "age for birth year", "DQ-G-16", ("people",),
         _changed("customers", "birth_year", "Marital_Status", _age_for_year)),
        (84, "charge by year", "DQ-G-16", ("telephone",),
         _changed("customers", "MonthlyCharges", "PaymentMethod", lambda v: v * 12)),
        (85, "discount in cents", "DQ-G-16 DQ-G-08", ("groceries",),
         _changed("transactions", "retail_disc", "week", lambda v: v * 100)),
        (9, "day loaded again", "DQ-G-17 DQ-G-02", SHOPS, day_again),
        (10, "batch loaded again", "DQ-G-17", (*SHOPS, "discs"), batch_again),
        (11, "same basket every day", "DQ-B-12", (*SHOPS, "discs"), same_basket),
        (12, "buyer by the clock", "DQ-B-12", SHOPS, clockwork),
        (13, "one id for all", "DQ-B-12 DQ-M-02", (*SHOPS, "discs"), one_id_for_all),
        (14, "test customers", "DQ-T-16", (*SHOPS, "discs"),
         _marked_orders("customer_id", ("TEST", "test-01", "Test User", "qa_test", "dummy"))),
        (141, "test articles", "DQ-T-16", ("gifts", "gifts_later"),
         _marked_orders("product_description", ("Test product", "TEST ORDER - DO NOT SHIP"))),
        (15, "orders of the staff", "DQ-T-16", SHOPS,
         _marked_orders("payment_method", ("staff account", "employee discount"))),
        (151, "internal customers", "DQ-T-16", (*SHOPS, "discs"),
         _marked_orders("customer_id", ("STAFF-7", "internal", "employee 12"))),
        (16, "amount empty", "DQ-M-01", ("discs", "groceries", "gifts_later"), amount_empty),
        (17, "customers in several spellings", "DQ-G-18", (*SHOPS, "discs"), spellings),
        (18, "null mark as customer", "DQ-M-02", (*SHOPS, "discs"), null_mark),
    )
)  # fmt: skip
assert all(name in FILES for fault in FAULTS for name in fault.files)
