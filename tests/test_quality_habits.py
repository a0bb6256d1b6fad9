"""Companies of other habits: what is honest there stays silent, what is wrong is still found."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from segwork import quality
from segwork.quality import timing
from segwork.tables import from_frames


def lines(n: int, rng: np.random.Generator, *, days: int = 200, **columns: object) -> pd.DataFrame:
    """Draw order lines of 300 customers, in order of time, at opening hours."""
    when = np.sort(rng.integers(0, days, n)) * 86_400 + rng.integers(9 * 3600, 19 * 3600, n)
    frame = pd.DataFrame({
        "customer_id": rng.integers(1, 301, n),
        "ordered_at": pd.Timestamp("2024-01-01") + pd.to_timedelta(when, unit="s"),
        "amount": np.round(rng.lognormal(3, 0.5, n), 2),
    })  # fmt: skip
    return frame.assign(**columns)


def finding(code: str, transactions: pd.DataFrame | None = None, **tables: pd.DataFrame) -> tuple:
    """Return status, columns and count of one check, as of August 2024."""
    if transactions is None:
        transactions = lines(100, np.random.default_rng(0))
    report = quality.audit(
        from_frames(transactions=transactions, **tables), as_of="2024-08-01", only=[code]
    )
    row = report.findings.set_index("code").loc[code]
    return row["status"], row["column"], row["n_rows"]


def people(n: int, rng: np.random.Generator, **columns: object) -> pd.DataFrame:
    """Draw customers with an age, a region and a skewed income to the cent."""
    return pd.DataFrame({
        "customer_id": np.arange(n), "age": rng.integers(18, 90, n),
        "region": rng.choice(["north", "south", "coast"], n),
        "income": np.round(rng.lognormal(7.8, 0.6, n), 2),
    }).assign(**columns)  # fmt: skip


def test_copies_of_customers_with_few_fields_are_found() -> None:
    """Three fields do not tell strangers apart by weight, but nobody shares all of them."""
    table = people(2500, np.random.default_rng(1))
    again = table.sample(50, random_state=1).assign(customer_id=np.arange(50) + 9000)

    assert finding("DQ-G-03", customers=table)[0] != "failed"
    found = finding("DQ-G-03", customers=pd.concat([table, again], ignore_index=True))
    assert found == ("failed", "customer_id", 50)


def test_fields_settled_by_another_do_not_make_strangers_copies() -> None:
    """A postcode settles town, county and coast: neighbours of one age are two people."""
    rng = np.random.default_rng(2)
    postcode = rng.integers(0, 400, 2000)
    places = {"town": postcode // 4, "county": postcode // 40, "height": postcode * 7 % 90}
    table = people(2000, rng, postcode=postcode, **places).drop(columns=["income", "region"])

    status, _, n = finding("DQ-G-03", customers=table)
    assert status in ("inconclusive", "passed")
    assert n == 0


def test_goods_sold_by_weight_are_not_swapped() -> None:
    """0.75 kg at 2.00 is no swap; 2.50 pieces at 3 of a product sold in pieces is one."""
    rng = np.random.default_rng(3)
    item = rng.integers(0, 200, 20_000)
    quantity = np.where(item % 9 == 0, rng.gamma(3, 0.3, len(item)).round(3) + 0.001,
                        rng.integers(1, 5, len(item)))  # fmt: skip
    price = np.round(1 + item % 37 / 4, 2)
    table = lines(len(item), rng, product_id=item, quantity=quantity, unit_price=price)
    table["amount"] = (table["quantity"] * table["unit_price"]).round(2)

    assert finding("DQ-G-09", table)[0] == "passed"
    hit = table.index[(item % 9 != 0) & (price % 1 != 0)][:400]
    table.loc[hit, ["quantity", "unit_price"]] = table.loc[
        hit, ["unit_price", "quantity"]
    ].to_numpy()
    assert finding("DQ-G-09", table) == ("failed", "quantity,unit_price", 400)


def test_age_and_a_skewed_income_are_told_apart() -> None:
    """The range of a skewed income reaches below zero, that of its log does not."""
    table = people(1500, np.random.default_rng(4)).astype({"age": float})
    table.loc[:39, ["age", "income"]] = table.loc[:39, ["income", "age"]].to_numpy()

    assert finding("DQ-G-09", customers=table) == ("failed", "age,income", 40)


@pytest.mark.parametrize(("column", "value"), [("age", 0), ("age", 140), ("birth_year", 1900)])
def test_ages_nobody_has_are_missing_in_disguise(column: str, value: int) -> None:
    """An age of 0 is close to the others' and still none, however seldom."""
    table = people(800, np.random.default_rng(5))
    table["birth_year"] = 2024 - table["age"]
    table.loc[[3, 70, 71], column] = value

    assert finding("DQ-M-02", customers=table) == ("failed", column, 3)


def test_home_amounts_are_held_to_the_local_ones() -> None:
    """Without pieces and prices, the local amount is what tells an amount in pence."""
    rng = np.random.default_rng(6)
    table = lines(3000, rng, currency=rng.choice(["CHF", "EUR"], 3000, p=[0.7, 0.3]))
    rate = np.where(table["currency"] == "EUR", 0.91, 1.0)
    table["price_local"] = (table["amount"] / rate).round(2)
    rates = pd.DataFrame({"date": pd.date_range("2023-12-25", periods=220), "name": "fx_eur_chf",
                          "value": 0.91})  # fmt: skip

    assert finding("DQ-T-02", table, external=rates)[0] == "passed"
    table["amount"] = table["amount"].where(table.index % 50 != 0, table["amount"] * 100)
    assert finding("DQ-T-02", table, external=rates) == ("failed", "amount,currency", 60)


def test_small_differences_between_groups_are_inside_the_band() -> None:
    """With 60,000 customers 22 % against 20 % is beyond doubt, and inside 0.8 to 1.25."""
    rng = np.random.default_rng(7)
    table = people(60_000, rng)
    south = table["region"] == "south"
    table["income"] = table["income"].mask(rng.random(len(table)) < np.where(south, 0.22, 0.20))
    assert finding("DQ-M-05", customers=table)[0] == "passed"

    table["income"] = table["income"].mask(south & (rng.random(len(table)) < 0.15))
    assert finding("DQ-M-05", customers=table)[0] == "failed"


def test_clicks_of_one_visit_are_one_witness_of_the_clock() -> None:
    """Without session ids, forty clicks of a night owl do not outvote the hours of the others."""
    rng = np.random.default_rng(8)
    visits = 700
    who, clicks = rng.integers(0, 500, visits), 1 + rng.geometric(0.08, visits)
    hour = np.clip(rng.normal(20, 3.0, visits), 0, 23.9)
    start = np.sort(rng.integers(0, 150, visits)) * 86_400 + (hour * 3600).astype(int)
    visit = np.repeat(np.arange(visits), clicks)
    seconds = start[visit] + rng.integers(0, 1500, visit.size)
    events = pd.DataFrame({
        "customer_id": who[visit], "event": "click",
        "occurred_at": pd.Timestamp("2024-02-01") + pd.to_timedelta(seconds, unit="s"),
    }).sort_values("occurred_at", ignore_index=True)  # fmt: skip

    for code in ("DQ-B-02", "DQ-B-10"):
        assert finding(code, behaviour=events)[0] == "passed"


def test_a_weak_number_does_not_contradict_neutral_words() -> None:
    """A sentiment of +0.15 on a neutral text is no wrong label; −0.7 on praise is."""
    rng = np.random.default_rng(9)
    mood = rng.normal(0.1, 0.5, 2000).clip(-1, 1).round(2)
    words = {-1: ("rude", "late", "broken", "angry"), 0: ("invoice", "seat", "change", "address"),
             1: ("super", "thanks", "kind", "quick")}  # fmt: skip
    text = [f"{rng.choice(words[int(np.sign(m)) if abs(m) > 0.2 else 0])} order {rng.integers(99)}"
            for m in mood]  # fmt: skip
    talks = pd.DataFrame({
        "customer_id": rng.integers(1, 301, 2000), "channel": "mail", "text": text,
        "occurred_at": pd.Timestamp("2024-02-01")
        + pd.to_timedelta(rng.integers(0, 10**7, 2000), unit="s"), "sentiment": mood,
    })  # fmt: skip

    assert finding("DQ-I-01", interactions=talks)[0] == "passed"
    strong = talks.index[(talks["sentiment"].abs() > 0.3)][:200]
    talks.loc[strong, "sentiment"] *= -1
    status, column, n = finding("DQ-I-01", interactions=talks)
    assert (status, column) == ("warned", "sentiment")
    assert 180 <= n <= 220


def test_bank_holidays_and_the_turn_of_the_year_are_no_outage() -> None:
    """British Mondays off and a closed week at New Year are silent; a week in July is not."""
    day = np.arange(np.datetime64("2023-06-01"), np.datetime64("2024-06-15"))
    off = np.isin(day, np.array(["2023-08-28", "2024-05-06", "2024-05-27"], "datetime64[D]"))
    off |= (day > np.datetime64("2023-12-23")) & (day < np.datetime64("2024-01-03"))
    number = np.repeat(day[~off].astype(int), 12)
    assert not len(timing.empty_days(number, 0.002))

    lost = np.arange(np.datetime64("2023-07-10"), np.datetime64("2023-07-17")).astype(int)
    assert timing.empty_days(number[~np.isin(number, lost)], 0.002).tolist() == lost.tolist()


def test_short_price_lists_are_judged_by_hundredfold_slips_only() -> None:
    """999 for 9.99 is a slip; a year for ten times the month is a tariff."""
    rng = np.random.default_rng(10)
    fee = rng.choice([9.99, 14.99, 19.99], 3000)
    yearly = lines(3000, rng, amount=np.where(rng.random(3000) < 0.1, fee * 10, fee).round(2))
    assert finding("DQ-G-08", yearly)[0] == "passed"

    slipped = lines(3000, rng, amount=np.where(np.arange(3000) % 50 == 0, fee * 100, fee).round(2))
    assert finding("DQ-G-08", slipped) == ("failed", "amount", 60)


def test_exact_copies_without_order_ids_are_not_called_rekeyed() -> None:
    """The same row again, at the same second, is DQ-G-01 alone."""
    table = lines(2000, np.random.default_rng(11))
    table = pd.concat([table, table.sample(40, random_state=0)], ignore_index=True)

    assert finding("DQ-G-02", table)[0] == "passed"
    assert finding("DQ-G-01", table)[2] == 40


def test_open_classes_counts_and_zeros_are_no_faults() -> None:
    """A class of "3+" children, counts without a 9 and mostly zero messages are no faults."""
    rng = np.random.default_rng(12)
    table = people(3000, rng, kids=rng.choice(["1", "2", "3+"], 3000, p=[0.5, 0.4, 0.1]))
    table["bought"] = rng.choice([2, 3, 4, 5, 6, 7, 8, 10], 3000)
    table["messages"] = np.where(rng.random(3000) < 0.6, 0, rng.integers(1, 60, 3000))

    assert finding("DQ-G-04", customers=table)[0] == "passed"
    assert finding("DQ-G-14", customers=table)[0] != "failed"
    assert finding("DQ-M-03", customers=table)[0] == "passed"
    table.loc[:20, "kids"] = "many"
    assert finding("DQ-G-04", customers=table) == ("failed", "kids", 21)


def test_a_near_copy_with_one_field_changed_is_found() -> None:
    """Entered again with another region, among customers that many fields tell apart."""
    rng = np.random.default_rng(13)
    table = people(1500, rng, debt=rng.beta(2, 5, 1500).round(4), score=rng.gamma(2, 9, 1500))
    again = table.sample(30, random_state=2).assign(customer_id=np.arange(30) + 9000, region="isle")

    found = finding("DQ-G-03", customers=pd.concat([table, again], ignore_index=True))
    assert found == ("failed", "customer_id", 30)
