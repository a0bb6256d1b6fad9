"""Money and volume that jump: what is a fault is named, what is business is left alone."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest

from segwork import checks
from segwork.quality.jumps import named
from segwork.quality.sources import source_tables
from segwork.tables import from_frames


@pytest.fixture(scope="module")
def shop() -> pd.DataFrame:
    """Draw six thousand lines of 80 products and 300 customers over 300 days."""
    rng = np.random.default_rng(0)
    n = 6000
    item = rng.integers(0, 80, n)
    price = np.exp(rng.normal(2.5, 0.8, 80)).round(2)
    day = np.sort(rng.integers(0, 300, n))
    return pd.DataFrame({
        "order_id": 1000 + np.cumsum(rng.random(n) < 0.5),
        "product_id": [f"{10_000 + i}" for i in item],
        "customer_id": rng.integers(1, 300, n).astype(str), "quantity": 1 + rng.poisson(1.0, n),
        "ordered_at": pd.Timestamp("2023-03-01") + pd.to_timedelta(
            day * 86_400 + rng.integers(9 * 3600, 18 * 3600, n), unit="s"),
        "unit_price": price[item], "country": rng.choice(["France", "Spain", "Italy"], n),
    })  # fmt: skip


def finding(code: str, lines: pd.DataFrame) -> pd.Series:
    """Return the finding of one check."""
    given = source_tables(from_frames(transactions=lines), as_of="2024-03-01")
    return checks.run("DQ", given, only=[code]).table.set_index("code").loc[code]


def days(lines: pd.DataFrame, first: str, last: str) -> np.ndarray:
    """Mark the lines of a stretch of days."""
    return lines["ordered_at"].between(first, f"{last} 23:59:59").to_numpy()


def times(lines: pd.DataFrame, rows: np.ndarray, factor: float) -> pd.DataFrame:
    """Multiply the prices of rows, to the cent; small ones to more digits."""
    new = (lines["unit_price"] * factor).round(2 if factor > 0.3 else 5)
    return lines.assign(unit_price=lines["unit_price"].where(~rows, new))


@pytest.mark.parametrize(
    ("first", "last", "factor", "words", "status"),
    [
        ("2023-05-01", "2023-05-31", 15_000, "15,000 times (as another currency)", "failed"),
        ("2023-08-07", "2023-08-13", 100, "100 times (as cents)", "failed"),
        ("2023-06-01", "2023-07-15", 0.001, "0.001 times (as thousands)", "failed"),
        ("2023-09-01", "2023-09-30", 1.19, "1.19 times (as with a tax of 19%)", "warned"),
        ("2023-05-01", "2023-05-31", 1.11, "1.11 times (as with a tax of 11%)", "warned"),
        ("2023-05-01", "2023-05-31", 1.35, "1.35 times (as another currency)", "warned"),
        ("2023-06-10", "2023-07-05", 1.06, "1.06 times (as with a tax of 6%)", "warned"),
        ("2023-09-15", "2023-12-25", 7.1, "7.1 times (as another currency)", "failed"),
        ("2023-10-01", "2023-12-25", 0.09, "0.09 times (as another currency)", "failed"),
    ],
)
def test_prices_of_a_period_are_named_with_their_factor(
    shop: pd.DataFrame, first: str, last: str, factor: float, words: str, status: str
) -> None:
    """Period, factor and all its rows; rounding of small prices may move a rare one."""
    rows = days(shop, first, last)
    found = finding("DQ-T-14", times(shop, rows, factor))

    assert (found["status"], found["column"]) == (status, "unit_price")
    assert f"from {first} to {last}" in found["message"]
    assert words in found["message"]
    assert found["n_rows"] == rows.sum()


@pytest.mark.parametrize(
    ("factor", "words"),
    [
        (1.07, "1.07 times (as with a tax of 7%)"), (1.10, "as with a tax of 10%"),
        (1.19, "as with a tax of 19%"), (1 / 1.19, "0.84 times (as without a tax of 19%)"),
        (1 / 1.11, "0.901 times (as without a tax of 11%)"), (0.92, "0.92 times"),
        (0.8, "0.8 times"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("shape", ["products", "amounts", "totals"])
def test_a_level_that_stays_is_no_price_list(
    shop: pd.DataFrame, factor: float, words: str, shape: str
) -> None:
    """All prices, price points or totals of several pieces at one factor from a day on."""
    begins = "2023-06-01" if factor in (1.07, 1.19, 0.92) else "2023-10-01"
    lines = shop
    if shape != "products":
        lines = shop[["customer_id", "ordered_at"]].assign(unit_price=shop["unit_price"])
    if shape == "totals":
        pieces = np.random.default_rng(4).choice([2.99, 4.99, 9.99, 14.5, 39.0], (len(shop), 3))
        lines = lines.assign(unit_price=(pieces * [1, 2, 3]).sum(axis=1).round(2))
    rows = days(lines, begins, "2024-01-01")
    found = times(lines, rows, factor)
    if shape != "products":
        found = found.rename(columns={"unit_price": "amount"})
    found = finding("DQ-T-14", found)

    assert (found["status"], found["n_rows"]) == ("warned", rows.sum())
    assert f"from {begins}" in found["message"]
    assert words in found["message"]


@pytest.mark.parametrize(("last", "factor"), [("2023-07-05", 0.8), ("2023-07-30", 0.7)])
def test_a_fall_of_all_prices_that_outlasts_a_sale(
    shop: pd.DataFrame, last: str, factor: float
) -> None:
    """Five weeks of a fifth, or two months of 30 % off everything; four weeks are a sale."""
    rows = days(shop, "2023-06-01", last)
    found = finding("DQ-T-14", times(shop, rows, factor))
    assert (found["status"], found["n_rows"]) == ("warned", rows.sum())

    amounts = shop[["customer_id", "ordered_at"]].assign(amount=shop["unit_price"])
    amounts["amount"] = amounts["amount"].where(~rows, (amounts["amount"] * factor).round(2))
    assert finding("DQ-T-14", amounts)["n_rows"] == rows.sum()


@pytest.mark.parametrize("factor", [10, 12, 100, 1 / 12])
def test_one_product_in_another_unit(shop: pd.DataFrame, factor: float) -> None:
    """A carton for a piece, from a day on; and in a third of its lines, whenever they are."""
    own = (shop["product_id"] == "10007").to_numpy()
    rows = own & days(shop, "2023-08-01", "2024-01-01")
    found = finding("DQ-T-14", times(shop, rows, factor))
    assert (found["status"], found["n_rows"]) == ("warned", rows.sum())
    assert "where product_id is 10007 from 2023-08-" in found["message"]

    rows = own & (shop.index % 3 == 0)
    found = finding("DQ-T-14", times(shop, rows, factor))
    assert (found["status"], found["n_rows"]) == ("warned", rows.sum())
    assert "where product_id is 10007 here and there" in found["message"]


@pytest.mark.parametrize(("factor", "n"), [(3.3, 12), (10, 4), (10, 30), (0.1, 8)])
def test_a_few_lines_at_one_factor(shop: pd.DataFrame, factor: float, n: int) -> None:
    """A slip of the decimal point in four lines, a factor of 3.3 in twelve."""
    rows = np.isin(np.arange(len(shop)), np.random.default_rng(5).choice(len(shop), n, False))
    found = finding("DQ-T-14", times(shop, rows, factor))
    assert found["status"] == "failed"
    assert found["n_rows"] == pytest.approx(n, abs=1)
    assert "here and there" in found["message"]


def test_amounts_without_products_are_held_to_all_amounts(shop: pd.DataFrame) -> None:
    """Amounts and days alone: a month in rupiah and a month with tax on price points."""
    lines = shop[["customer_id", "ordered_at"]].assign(amount=shop["unit_price"])
    for factor, status in ((15_500, "failed"), (1.2, "warned")):
        rows = days(lines, "2023-07-01", "2023-07-31")
        found = finding("DQ-T-14", lines.assign(
            amount=lines["amount"].where(~rows, (lines["amount"] * factor).round(2))))  # fmt: skip
        assert (found["status"], found["n_rows"]) == (status, rows.sum())
        assert "from 2023-07-01 to 2023-07-31" in found["message"]


def test_two_periods_and_a_level_that_stays(shop: pd.DataFrame) -> None:
    """A tax in May and in August; amounts alone seven times as high for the last third."""
    rows = days(shop, "2023-05-01", "2023-05-31") | days(shop, "2023-08-01", "2023-08-31")
    found = finding("DQ-T-14", times(shop, rows, 1.11))
    assert (found["status"], found["n_rows"]) == ("warned", rows.sum())

    lines = shop[["customer_id", "ordered_at"]].assign(amount=shop["unit_price"])
    rows = days(lines, "2023-09-15", "2024-01-01")
    found = finding("DQ-T-14", lines.assign(
        amount=lines["amount"].where(~rows, (lines["amount"] * 7.1).round(2))))  # fmt: skip
    assert (found["status"], found["n_rows"]) == ("failed", rows.sum())


@pytest.mark.parametrize("factor", [15_000, 83, 7.1])
def test_lines_here_and_there(shop: pd.DataFrame, factor: float) -> None:
    """Two lines in a hundred were never converted; they share no day and no country."""
    rows = np.random.default_rng(5).random(len(shop)) < 0.02
    found = finding("DQ-T-14", times(shop, rows, factor))

    assert found["status"] == "failed"
    assert found["n_rows"] == pytest.approx(rows.sum(), abs=3)
    assert "here and there" in found["message"]


def test_a_country_in_another_currency_for_a_month(shop: pd.DataFrame) -> None:
    """Only the days of the month are told, and a factor of 3.3 where all products share it."""
    spain = (shop["country"] == "Spain").to_numpy()
    for rows, factor in ((spain & days(shop, "2023-06-01", "2023-06-30"), 15_000), (spain, 3.3)):
        found = finding("DQ-T-14", times(shop, rows, factor))
        assert (found["status"], found["n_rows"]) == ("failed", rows.sum())


def test_machines_beside_coffee_are_no_slip(shop: pd.DataFrame) -> None:
    """A few products always at a hundred times the others' prices; lines of all, at times, are."""
    dear = (shop["product_id"].astype(int) % 40 == 7).to_numpy()
    low = shop.assign(unit_price=np.where(dear, 250 + shop.index % 3, 2.5)).drop(columns="country")
    low = low.rename(columns={"product_id": "product_description"})
    assert finding("DQ-G-08", low)["status"] == "passed"
    assert finding("DQ-G-08", times(low, low.index % 50 == 3, 100))["n_rows"] >= 100


def test_a_country_in_cents_is_named(shop: pd.DataFrame) -> None:
    """One of three countries at a hundred times the prices of the others."""
    rows = (shop["country"] == "Spain").to_numpy()
    found = finding("DQ-T-14", times(shop, rows, 100))

    assert (found["status"], found["n_rows"]) == ("failed", rows.sum())
    assert "where country is Spain is 100 times" in found["message"]


def inflation(lines: pd.DataFrame) -> pd.DataFrame:
    """Raise each product on a day of its own, by 3 % a quarter."""
    rng = np.random.default_rng(1)
    item = lines["product_id"].astype(int) - 10_000
    day = (lines["ordered_at"] - lines["ordered_at"].min()).dt.days
    steps = ((day + rng.integers(0, 91, 80)[item]) // 91).to_numpy()
    return lines.assign(unit_price=(lines["unit_price"] * 1.03**steps).round(2))


def christmas(lines: pd.DataFrame) -> pd.DataFrame:
    """Sell four times as much before Christmas."""
    more = lines[days(lines, "2023-12-01", "2023-12-24")].sample(1200, replace=True, random_state=1)
    more["order_id"] = 50_000 + np.arange(len(more))
    more["ordered_at"] += pd.to_timedelta(np.arange(1200) % 97, unit="min")
    more["customer_id"] = lines["customer_id"].sample(1200, random_state=2).to_numpy()
    return pd.concat([lines, more], ignore_index=True)


def revised(lines: pd.DataFrame, share: float, low: float, high: float) -> pd.DataFrame:
    """Print a new list in August: a share of the products at factors of their own."""
    rng = np.random.default_rng(3)
    factor = np.where(rng.random(80) < share, rng.uniform(low, high, 80), 1.0)
    factor = factor[lines["product_id"].astype(int) - 10_000]
    late = days(lines, "2023-08-01", "2024-01-01")
    return lines.assign(unit_price=(lines["unit_price"] * np.where(late, factor, 1)).round(2))


def monthly(lines: pd.DataFrame) -> pd.DataFrame:
    """Raise everything by 1 % on the first of each month."""
    month = (lines["ordered_at"] - lines["ordered_at"].min()).dt.days // 30
    return lines.assign(unit_price=(lines["unit_price"] * 1.01**month).round(2))


HONEST: dict[str, Callable[[pd.DataFrame], pd.DataFrame]] = {
    "as it is": lambda t: t,
    "promotion": lambda t: times(t, days(t, "2023-06-01", "2023-06-10"), 0.7),
    "a fifth off": lambda t: times(t, days(t, "2023-06-01", "2023-06-20"), 0.8),
    "half price": lambda t: times(t, days(t, "2023-11-20", "2023-11-27"), 0.5),
    "half price, a country in one week only": lambda t: times(
        t.assign(country=np.where(
            days(t, "2023-06-06", "2023-06-08"), "Iceland", t["country"])),
        days(t, "2023-06-05", "2023-06-11"), 0.5),
    "price rise": lambda t: times(t, days(t, "2023-09-01", "2024-01-01"), 1.05),
    "inflation": inflation,
    "inflation by the month": monthly,
    "a fifth off for four weeks": lambda t: times(t, days(t, "2023-06-01", "2023-06-28"), 0.8),
    "a sale at the end": lambda t: times(t, days(t, "2023-12-14", "2024-01-01"), 0.7),
    "a sale at the beginning": lambda t: times(t, days(t, "2023-03-01", "2023-03-12"), 0.8),
    "a third of the list": lambda t: revised(t, 0.33, 1.1, 1.1001),
    "a new list": lambda t: revised(t, 1.0, 1.02, 1.15),
    "some products off for long": lambda t: revised(t, 0.4, 0.5, 0.9),
    "christmas": christmas,
    "new line": lambda t: t.assign(
        product_id=t["product_id"].mask(t.index > 5000, "2" + t["product_id"]),
        unit_price=t["unit_price"].where(t.index <= 5000, t["unit_price"] * 20)),
    "a list for the summer": lambda t: times(
        t, days(t, "2023-06-01", "2023-08-31") & (t["product_id"].astype(int) % 3 == 0), 1.15),
    "eleven per cent off": lambda t: times(t, days(t, "2023-11-05", "2023-11-15"), 0.89),
    "bulk buyer": lambda t: t.assign(
        quantity=t["quantity"].mask(t.index % 200 == 0, t["quantity"] * 200)),
    "dear country": lambda t: times(t, (t["country"] == "Spain").to_numpy(), 1.3),
}  # fmt: skip


@pytest.mark.parametrize("habit", HONEST)
def test_business_is_left_alone(shop: pd.DataFrame, habit: str) -> None:
    """Prices, loads and buyers of a company with honest habits raise no alarm."""
    given = source_tables(from_frames(transactions=HONEST[habit](shop)), as_of="2024-03-01")
    codes = ["DQ-T-14", "DQ-T-16", "DQ-G-16", "DQ-G-17", "DQ-G-18", "DQ-B-12"]

    assert checks.run("DQ", given, only=codes).alarms["message"].tolist() == []


def test_words_like_test_and_staff_are_articles(shop: pd.DataFrame) -> None:
    """A pregnancy test kit is an article, TEST-01 a test order, a staff account the shop's own."""
    honest = ["PREGNANCY TEST KIT", "TEST TUBE VASE", "STAFFORDSHIRE DOG", "INTERNAL DOOR HANDLE"]
    lines = shop.assign(product_description=[honest[i % 4] for i in range(len(shop))])
    assert finding("DQ-T-16", lines)["status"] == "passed"

    lines.loc[:5, "customer_id"] = "TEST-01"
    lines.loc[10:13, "product_description"] = "This is a test product."
    lines.loc[20:22, "product_description"] = "Produk uji coba"
    lines.loc[30:31, "customer_id"] = "anna.test@shop.com"
    lines["payment_method"] = np.where(lines.index % 1000 == 99, "staff account", "card")
    found = finding("DQ-T-16", lines)
    assert (found["status"], found["n_rows"]) == ("warned", 6 + 4 + 3 + 2 + 6)
    for words in ("TEST-01", "This is a test product.", "staff account"):
        assert words in found["message"]


@pytest.mark.parametrize(("name", "n"), [
    ("Ordine di prova", 60), ("Personnel", 60), ("TESTBESTELLING - niet verzenden", 60),
    ("Personalkauf", 60), ("Essai, ne pas livrer", 60), ("Provence", 0), ("Interieur", 0),
])  # fmt: skip
def test_the_house_in_other_languages(shop: pd.DataFrame, name: str, n: int) -> None:
    """A word for tests or staff among numbers is named by one check; other words are people."""
    lines = shop.assign(customer_id=shop["customer_id"].mask(shop.index % 100 == 7, name))
    assert finding("DQ-T-16", lines)["n_rows"] == n
    assert finding("DQ-M-02", lines)["n_rows"] == 60 - n


def test_a_batch_under_ids_plus_a_constant_is_found(shop: pd.DataFrame) -> None:
    """Two hundred lines again, four weeks later, order and customer numbers plus 500,000."""
    again = shop.iloc[1000:1200].copy()
    again["order_id"] += 500_000
    again["customer_id"] = (again["customer_id"].astype(int) + 500_000).astype(str)
    again["ordered_at"] += pd.Timedelta(days=28)
    found = finding("DQ-G-17", pd.concat([shop, again], ignore_index=True))

    assert found["status"] == "failed"
    assert found["n_rows"] == pytest.approx(200, abs=4)


@pytest.mark.parametrize("apart", [0, 7, 31])
@pytest.mark.parametrize("dated", [False, True])
def test_days_again_in_no_order(shop: pd.DataFrame, apart: int, dated: bool) -> None:
    """Five days again for new customers, shuffled, on the same days or later ones."""
    lines = shop.assign(ordered_at=shop["ordered_at"].dt.floor("D")) if dated else shop
    again = lines[days(lines, "2023-07-03", "2023-07-07")].sample(frac=1, random_state=1)
    again["order_id"] += 500_000
    again["customer_id"] = (again["customer_id"].astype(int) + 500_000).astype(str)
    again["ordered_at"] += pd.Timedelta(days=apart)
    found = finding("DQ-G-17", pd.concat([lines, again], ignore_index=True))

    assert found["status"] == "failed"
    assert found["n_rows"] == pytest.approx(len(again), abs=8)


def test_a_load_without_order_numbers(shop: pd.DataFrame) -> None:
    """A week comes again an hour later for new customers, mixed among the others."""
    lines = shop[["customer_id", "ordered_at", "unit_price", "product_id"]]
    again = lines[days(lines, "2023-07-03", "2023-07-09")].copy()
    again["customer_id"] = "N" + again["customer_id"]
    again["ordered_at"] += pd.Timedelta(hours=1)
    found = finding("DQ-G-17", pd.concat([lines, again]).sort_values("ordered_at"))

    assert found["status"] == "failed"
    assert found["n_rows"] == pytest.approx(len(again), abs=4)


def test_the_same_basket_on_office_days(shop: pd.DataFrame) -> None:
    """Monday to Friday for three months is no person; a box every Monday is a subscription."""
    basket = shop.iloc[[5, 50]]
    for every, status in (("B", "warned"), ("W-MON", "passed")):
        at = pd.date_range("2023-04-03", periods=60 if every == "B" else 30, freq=every)
        orders = pd.concat([basket.assign(customer_id="9002", ordered_at=t, order_id=80_000 + k)
                            for k, t in enumerate(at + pd.Timedelta(hours=10))])  # fmt: skip
        assert finding("DQ-B-12", pd.concat([shop, orders], ignore_index=True))["status"] == status


def test_a_buyer_by_the_clock_and_a_till_are_no_persons(shop: pd.DataFrame) -> None:
    """An order every 37 minutes for three days; and an id that has every tenth order."""
    clock = shop.sample(120, random_state=1).assign(customer_id="9001")
    clock["order_id"] = 70_000 + np.arange(120)
    clock["ordered_at"] = pd.Timestamp("2023-06-01") + np.arange(120) * pd.Timedelta(minutes=37)
    found = finding("DQ-B-12", pd.concat([shop, clock], ignore_index=True))
    assert (found["status"], found["n_rows"]) == ("warned", 120)

    till = shop["order_id"] % 10 == 0
    for name, code, status in (("99999", "DQ-B-12", "warned"), ("\\N", "DQ-M-02", "failed")):
        lines = shop.assign(customer_id=shop["customer_id"].mask(till, name))
        assert finding(code, lines)[["status", "n_rows"]].tolist() == [status, till.sum()]
        other = {"DQ-B-12": "DQ-M-02", "DQ-M-02": "DQ-B-12"}[code]
        assert finding(other, lines)["status"] == "passed", name  # one fault is named once


def test_factors_are_said_in_words() -> None:
    """Worked by hand: cents, thousands, a tax either way, a currency."""
    assert named(100.0).endswith("(as cents)")
    assert named(1 / 1000).endswith("(as thousands)")
    assert named(1.2) == "1.2 times (as with a tax of 20%)"
    assert named(1 / 1.2) == "0.833 times (as without a tax of 20%)"
    assert named(83.0) == "83 times (as another currency)"
