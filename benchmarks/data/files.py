"""A third world: real files of other people, with faults of other people's design.

Written down before any check was written or tuned for it. Every draw takes other customers of the
files; nothing is simulated but the faults and the honest variants.

Faults (``file_faults``), after what was seen in other people's systems:

1. prices of a stretch of days were never converted (rate 10 to 24,000)
2. prices of a stretch are in cents
3. prices of a stretch include a tax of 19 to 25 %
4. one country or shop is in another currency, or in cents, all the time
5. the currency label of lines is wrong
6. amounts of a stretch are in thousands
7. a missing income, charge or age was filled with the mean, of all or of its group
8. a numeric column changes unit or meaning in a part (minutes, years, per cent, age for birth year)
9. a day was loaded again, several times, under new order numbers
10. a batch was loaded again, ids plus a constant, dates moved
11. three customers order the same basket every day
12. one buyer orders by the clock, day and night
13. one id stands for every tenth order: guests, or a default
14. test orders: test customers, test articles
15. orders of the staff, or internal ones
16. the amount is empty in part or all of the rows
17. customers are written in several ways: `.0`, blanks, marks nobody sees, zeros in front, case
18. a database's mark for "missing" is a customer

A fault is found when a check that must find it alarms, its columns are named, its count is the
planted one within 10 % (or 2), beyond what the untouched file had, and the message names what the
key asks for (the month a stretch begins, the shop, the label).

Honest variants (``file_habits``) must not fail a check that the untouched file passes: a promotion,
a sale at half price, Christmas, inflation, a new product line, a bulk buyer, subscriptions, a price
rise, a new country, a busy reseller, ids with zeros in front, products with "test" in their name,
a field few people fill in, a monthly order by the same company.
"""

from __future__ import annotations

import os
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd

from benchmarks.data.worlds import World

EURO_LANDS = ("EIRE", "Germany", "France", "Spain", "Belgium", "Netherlands", "Italy", "Finland",
              "Austria", "Portugal", "Greece")  # fmt: skip
EUR_FOR_GBP = 1.17


@cache
def read(name: str) -> pd.DataFrame:
    """Read a public file; the folder is named by SEGWORK_DATA."""
    return pd.read_parquet(Path(os.environ["SEGWORK_DATA"]) / f"{name}.parquet")


def gifts(*, seed: int, year: str = "Year 2009-2010", amount: bool = False) -> World:
    """Draw a twelfth of a gift shop's customers, and of the orders without one."""
    lines = read("online_retail_II")
    lines = lines[lines["sheet"] == year].drop(columns="sheet")
    lines.columns = ["order_id", "product_id", "product_description", "quantity", "ordered_at",
                     "unit_price", "customer_id", "country"]  # fmt: skip
    unknown = lines["customer_id"].isna()
    owner = lines["customer_id"].astype(str).where(~unknown, lines["order_id"])
    lines = lines[_some(owner, 1 / 12, seed)].reset_index(drop=True)
    lines["customer_id"] = lines["customer_id"].astype(object).where(lines["customer_id"].notna())
    if amount:
        lines["amount"] = (lines["quantity"] * lines["unit_price"]).round(2)
    return _world(lines, "2010-12-10" if year.endswith("10") else "2011-12-10")


def gifts_later(*, seed: int) -> World:
    """Draw the shop's second year, with amounts."""
    return gifts(seed=seed, year="Year 2010-2011", amount=True)


def gifts_abroad(*, seed: int) -> World:
    """Draw the shop as if it sold to the euro lands in euros: local prices, amounts at home."""
    world = gifts_later(seed=seed)
    lines = world.frames["transactions"].copy()
    euro = lines["country"].isin(EURO_LANDS)
    lines["currency"] = np.where(euro, "EUR", "GBP")
    lines["unit_price"] = lines["unit_price"].where(
        ~euro, (lines["unit_price"] * EUR_FOR_GBP).round(2)
    )
    lines["amount"] = (
        lines["quantity"] * lines["unit_price"] / np.where(euro, EUR_FOR_GBP, 1.0)
    ).round(2)
    return _world(lines, world.as_of)


def discs(*, seed: int) -> World:
    """Draw a third of a disc shop's customers: amounts and days only."""
    lines = read("cdnow_master").copy()
    lines.columns = ["customer_id", "ordered_at", "quantity", "amount"]
    return _world(lines[_some(lines["customer_id"], 0.35, seed)], "1998-07-01")


def groceries(*, seed: int) -> World:
    """Draw a third of the households of a chain of groceries."""
    lines = read("cj_transactions_sample").rename(columns={
        "household_id": "customer_id", "basket_id": "order_id", "sales_value": "amount",
        "transaction_timestamp": "ordered_at",
    })  # fmt: skip
    return _world(lines[_some(lines["customer_id"], 0.35, seed)], "2018-01-02")


def people(*, seed: int) -> World:
    """Draw nine tenths of a survey of customers, with their incomes."""
    names = {"ID": "customer_id", "Year_Birth": "birth_year", "Income": "income"}
    table = read("customer_personality").rename(columns=names)
    return _with_lines(table[_some(table["customer_id"].astype(str), 0.9, seed)], seed)


def callers(*, seed: int) -> World:
    """Draw a third of a bank's calls, in the order they were made."""
    table = read("bank_additional_full").copy()
    table.insert(0, "customer_id", [f"b{i}" for i in range(len(table))])
    table.columns = table.columns.str.replace(".", "_")
    return _with_lines(table[_some(table["customer_id"], 0.3, seed)], seed)


def telephone(*, seed: int) -> World:
    """Draw nine tenths of a telephone company's customers."""
    table = read("telco_churn").rename(columns={"customerID": "customer_id"})
    return _with_lines(table[_some(table["customer_id"], 0.9, seed)], seed)


def _some(owner: pd.Series, share: float, seed: int) -> np.ndarray:
    """Mark the rows of a share of the owners."""
    codes, names = pd.factorize(owner)
    return (np.random.default_rng([seed, 16]).random(len(names)) < share)[codes]


def _world(lines: pd.DataFrame, as_of: str) -> World:
    return World({"transactions": lines.reset_index(drop=True)}, as_of, {})


def _with_lines(table: pd.DataFrame, seed: int) -> World:
    """Give a table of people some of the disc shop's orders, one shopper after the other."""
    table = table.reset_index(drop=True)
    lines = discs(seed=seed).frames["transactions"].iloc[:4000].copy()
    place = pd.factorize(lines["customer_id"])[0] % len(table)
    lines["customer_id"] = table["customer_id"].to_numpy()[place]
    return World({"customers": table, "transactions": lines}, "2015-01-01", {})


FILES = {
    "gifts": gifts, "gifts_later": gifts_later, "gifts_abroad": gifts_abroad, "discs": discs,
    "groceries": groceries, "people": people, "callers": callers, "telephone": telephone,
}  # fmt: skip
