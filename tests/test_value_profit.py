"""Profit: ledgers worked by hand, named gaps, and what the sample company planted."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from segwork import config, sample, tables, value
from segwork.config import Cost
from segwork.errors import ConfigError, DataError, UsageError

AS_OF = "2024-07-01"
LINES = pd.DataFrame(
    [
        ("a", "2024-02-01", "1", 2, 100.0, 30.0, False),
        ("a", "2024-02-01", "1", 1, 50.0, 60.0, False),
        ("a", "2024-03-01", "2", -1, -50.0, 60.0, True),
        ("b", "2024-06-01", "3", 1, 0.0, 5.0, False),
        ("c", "2024-06-02", "4", -1, -20.0, 8.0, True),
        ("d", "2022-06-02", "5", 1, 900.0, 8.0, False),
        (None, "2024-05-01", "6", 1, 70.0, 8.0, False),
        ("e", "2024-05-02", "7", 1, 40.0, 8.0, False),
    ],
    columns=[
        "customer_id",
        "ordered_at",
        "order_id",
        "quantity",
        "amount",
        "unit_cost",
        "is_return",
    ],
).assign(ordered_at=lambda frame: pd.to_datetime(frame["ordered_at"]))
CALLS = pd.DataFrame({
    "customer_id": ["a", "a", "b", "d"],
    "occurred_at": pd.to_datetime(["2024-02-03", "2024-06-03", "2024-05-03", "2024-05-04"]),
    "channel": "call",
    "handling_minutes": [10.0, 5.0, 20.0, 1.0],
})  # fmt: skip
SEGMENTS = pd.Series({"a": "x", "b": "x", "c": "y", "d": "y"})
COSTS = {"contact_minute": 0.5, "contact": 1.0, "order": 2.0, "return": 4.0, "payment_rate": 0.01}


def shop(**changes: object) -> tables.Tables:
    """Return the shop of five customers."""
    return tables.from_frames(**({"transactions": LINES, "interactions": CALLS} | changes))


def test_profit_worked_by_hand() -> None:
    """Every figure of four customers, from lines and calls that can be read by eye."""
    found = value.profit(shop(), SEGMENTS, as_of=AS_OF, costs=COSTS)
    table = found.by_customer.set_index("customer_id")
    assert table["revenue"].tolist() == [100.0, 0.0, -20.0, 0.0]
    # a: 100 − 2·30 + 50 − 60 − (50 − 60); b: 0 − 5; c: −20 + 8; d bought before the window
    assert table["margin"].tolist() == [40.0, -5.0, -12.0, 0.0]
    # a: 1 order, 1 return, 1.50 payment, 2 calls of 15 minutes; b: 1 free order, 1 call of 20
    assert table["cost_to_serve"].tolist() == [2 + 4 + 1.5 + 2 + 7.5, 2 + 1 + 10.0, 4.0, 1.5]
    assert table["profit"].tolist() == [23.0, -18.0, -16.0, -1.5]
    assert table["orders"].tolist() == [1, 1, 0, 0]
    assert table["returns"].tolist() == [1, 0, 1, 0]
    assert found.outside == 110.0  # the line without a customer, and e who has no segment
    assert found.answer == "profit"
    assert found.missing == ()
    by = found.by_segment
    assert by.index.tolist() == ["y", "x"]
    assert by.loc["x", ["customers", "profit", "losing"]].tolist() == [2, 5.0, 0.5]
    assert by.loc["x", "service_share"] == pytest.approx(30 / 35.5)


def test_customers_in_are_customers_out_whatever_their_order() -> None:
    """One row each, in the order given; the figures do not hang on it."""
    back = SEGMENTS.iloc[::-1]
    found = value.profit(shop(), back, as_of=AS_OF, costs=COSTS)
    assert found.by_customer["customer_id"].tolist() == list("dcba")
    same = value.profit(shop(), SEGMENTS, as_of=AS_OF, costs=COSTS)
    pd.testing.assert_frame_equal(found.by_segment, same.by_segment)
    frame = pd.DataFrame({"customer_id": SEGMENTS.index, "segment": SEGMENTS.to_numpy()})
    again = value.profit(shop(), frame, as_of=AS_OF, costs=COSTS)
    pd.testing.assert_frame_equal(again.by_customer, same.by_customer)


@pytest.mark.parametrize(
    ("columns", "calls", "costs", "answer", "missing"),
    [
        ([], True, COSTS, "profit", ""),
        (["unit_cost"], True, COSTS, "revenue", "ten prices in 6 of 6 lines"),
        (["unit_cost"], True, COSTS | {"margin_rate": 0.3}, "profit", ""),
        ([], False, {}, "margin", "contacts: there are no interactions"),
        ([], True, {}, "margin", "contacts: no cost known of 4 of 4"),
        (["unit_cost"], False, {}, "revenue", "goods: cost unknown"),
    ],
)
def test_missing_costs_give_a_smaller_named_answer(
    columns: list[str], calls: bool, costs: dict, answer: str, missing: str
) -> None:
    """What is not known is named and guessed nowhere; the answer says what it is of."""
    data = shop(
        transactions=LINES.drop(columns=columns), **({} if calls else {"interactions": None})
    )
    found = value.profit(data, SEGMENTS, as_of=AS_OF, costs=costs)
    assert found.answer == answer
    assert missing in "; ".join(found.missing)
    unknown = {"profit": [], "margin": ["profit"], "revenue": ["margin", "profit"]}[answer]
    for name in ("revenue", "margin", "profit"):
        assert found.by_customer[name].isna().all() == (name in unknown)
    assert found.by_segment[["low", "high"]].notna().all(axis=None)
    assert found.facts()["answer"] == answer
    assert all(isinstance(text, str) and text for text in found.meaning())


def test_recorded_cost_of_a_contact_wins_and_gaps_are_declared() -> None:
    """A contact with a cost costs that; one without costs what was declared."""
    calls = CALLS.assign(cost=[7.0, np.nan, np.nan, np.nan])
    found = value.profit(shop(interactions=calls), SEGMENTS, as_of=AS_OF, costs={"contact": 1.0})
    assert found.by_customer["cost_to_serve"].tolist() == [8.0, 1.0, 0.0, 1.0]
    assert found.sources["column cost"] == "recorded in the data"


def test_a_price_far_below_cost_is_a_fault_and_not_a_loss() -> None:
    """A line left in another currency has revenue and no margin; a free one is real."""
    lines = LINES.assign(unit_cost=[30.0, 60, 60, 5, 8, 8, 8, 4_000])
    segments = pd.Series({"a": "x", "b": "x", "e": "x"})
    found = value.profit(shop(transactions=lines), segments, as_of=AS_OF)
    assert found.by_customer["revenue"].tolist() == [100.0, 0.0, 40.0]
    assert found.by_customer["margin"].tolist() == [40.0, -5.0, 0.0]
    assert "above ten prices in 1 of 6 lines" in found.missing[0]


def test_discount_and_line_costs_count_where_declared() -> None:
    """A discount column is money lost only where somebody says it is not yet taken off."""
    lines = LINES.assign(discount=10.0)
    silent = value.profit(shop(transactions=lines), SEGMENTS, as_of=AS_OF, costs={"line": 1.0})
    assert "discounts: not declared whether they are taken off the amounts" in silent.missing
    costs = {"line": 1.0, "discount_rate": 0.5}
    found = value.profit(
        shop(transactions=lines, interactions=None), SEGMENTS, as_of=AS_OF, costs=costs
    )
    assert found.by_customer["cost_to_serve"].tolist() == [12.0, 6.0, 0.0, 0.0]


@pytest.mark.parametrize(
    ("costs", "words"),
    [
        ({"contact_minutes": 1.0}, "did you mean 'contact_minute'"),
        ({"order": -1.0}, "money, 0 or more"),
        ({"margin_rate": 3.0}, "a share up to 1"),
        ({"order": "2"}, "the cost 'order' is '2'"),
        ({"order": float("nan")}, "the cost 'order' is nan"),
    ],
)
def test_senseless_costs_are_refused(costs: dict, words: str) -> None:
    """One sentence says which cost, and what is accepted."""
    with pytest.raises(UsageError, match=words):
        value.profit(shop(), SEGMENTS, as_of=AS_OF, costs=costs)


@pytest.mark.parametrize(
    ("segments", "fault", "words"),
    [
        ({"a": "x"}, UsageError, "segments is a dict"),
        (pd.Series(["x", "y"], ["a", "a"]), DataError, "1 rows of segments repeat a customer"),
        (pd.Series({"q": "x"}), DataError, "no customer of the segments is in the tables"),
    ],
)
def test_senseless_segments_are_refused(segments: object, fault: type, words: str) -> None:
    """One sentence says what is wrong with the segments."""
    with pytest.raises(fault, match=words):
        value.profit(shop(), segments, as_of=AS_OF)


def test_missing_segments_and_numeric_ids_are_kept() -> None:
    """A customer without a segment is "not assigned"; ids given as numbers meet ids as text."""
    lines = LINES.assign(
        customer_id=LINES["customer_id"].map(dict(zip("abcde", range(5), strict=True)))
    )
    segments = pd.Series([1, 1, None, 2], range(4))
    found = value.profit(shop(transactions=lines, interactions=None), segments, as_of=AS_OF)
    assert sorted(found.by_segment.index) == ["1.0", "2.0", "not assigned"]
    assert found.by_customer["revenue"].tolist() == [100.0, 0.0, -20.0, 0.0]


def test_nobody_and_nothing_have_defined_answers() -> None:
    """No segments at all, a window without lines: empty tables and zeros, no crash."""
    none = value.profit(shop(), pd.Series(dtype=object), as_of=AS_OF, costs=COSTS)
    assert none.by_customer.empty
    assert none.facts()["total"] == 0
    early = value.profit(shop(), SEGMENTS, as_of="2023-07-01", window_days=30, costs=COSTS)
    assert early.by_customer["profit"].tolist() == [0.0, 0.0, 0.0, 0.0]
    assert early.whale["share_profit"].isna().all()


def test_whale_curve_worked_by_hand() -> None:
    """Profits 60, 50, −10: the peak is 110 %, after two thirds of the customers."""
    curve = value.whale_curve(np.array([50.0, -10.0, 60.0]))
    assert curve["share_profit"].tolist() == [0.0, 0.6, 1.1, 1.0]
    assert curve["share_customers"].tolist() == [0.0, 1 / 3, 2 / 3, 1.0]
    assert curve["profit"].tolist() == [0.0, 60.0, 110.0, 100.0]
    halves = np.array([[60.0, 10.0, 0.0], [-10.0, 0.0, 30.0]])
    later = value.whale_curve(halves.sum(axis=0), halves)["later"]
    assert later.tolist() == [0.0, -0.5, -0.5, 1.0]
    losing = value.whale_curve(np.array([1.0, -5.0]))
    assert losing["share_profit"].isna().all()
    assert losing["profit"].tolist() == [0.0, 1.0, -4.0]


@pytest.mark.parametrize("engine", ["polars", "duckdb"])
def test_profit_is_the_same_on_every_engine(engine: str) -> None:
    """Polars and DuckDB tables give what pandas tables give."""
    if engine == "polars":
        polars = pytest.importorskip("polars")
        data = shop(transactions=polars.from_pandas(LINES), interactions=polars.from_pandas(CALLS))
    else:
        import duckdb

        data = shop(transactions=duckdb.from_df(LINES), interactions=duckdb.from_df(CALLS))
    found = value.profit(data, SEGMENTS, as_of=AS_OF, costs=COSTS)
    same = value.profit(shop(), SEGMENTS, as_of=AS_OF, costs=COSTS)
    pd.testing.assert_frame_equal(found.by_customer, same.by_customer)
    assert found.outside == same.outside


def test_contact_bands_by_hand() -> None:
    """Who called twice, once and never; callers who never bought are there too."""
    bands = value.contact_bands(shop(), as_of=AS_OF)
    assert bands[["a", "b", "c"]].tolist() == ["1 or 2 contacts", "1 or 2 contacts", "no contact"]
    many = pd.concat([CALLS] * 6)
    bands = value.contact_bands(shop(interactions=many), as_of=AS_OF)
    assert bands[["a", "b"]].tolist() == ["10 and more contacts", "3 to 9 contacts"]
    assert (value.contact_bands(shop(interactions=None), as_of=AS_OF) == "no contact").all()


def test_costs_of_a_config_carry_their_source() -> None:
    """A declared cost needs number and source; an unknown one is named with a suggestion."""
    body = {"as_of": "2024-07-01", "costs": {"order": {"value": 2, "source": "warehouse, 2023"}}}
    ready = config.load(body)
    assert ready.costs["order"] == Cost(2, "warehouse, 2023")
    found = value.profit(shop(), SEGMENTS, as_of=AS_OF, costs=ready.costs)
    assert found.sources["order"] == "warehouse, 2023"
    with pytest.raises(ConfigError, match="lacks source"):
        config.load({"as_of": "2024-07-01", "costs": {"order": {"value": 2}}})
    with pytest.raises(ConfigError, match="did you mean 'order'"):
        config.load({"as_of": "2024-07-01", "costs": {"orders": {"value": 2, "source": "x"}}})


@pytest.fixture(scope="module")
def company() -> sample.SampleCompany:
    """Return a small sample company with its faults."""
    return sample.make(customers=3_000, seed=11)


def test_heavy_callers_of_the_sample_are_the_least_profitable(
    company: sample.SampleCompany,
) -> None:
    """The planted group is last, the whale's peak within two points, profits in their intervals."""
    key = company.key.profitability.set_index("customer_id")
    planted = company.key.segments.set_index("customer_id")["segment"].astype(str)
    segments = planted.where(~key["heavy_caller"], "heavy callers")
    found = value.profit(company.tables, segments, as_of="2026-07-01")
    assert found.by_segment.index[0] == "heavy callers"
    assert found.by_segment.iloc[0]["burden"] > 5
    truth = key["profit"].groupby(segments).sum().reindex(found.by_segment.index)
    held = (found.by_segment["low"] <= truth) & (truth <= found.by_segment["high"])
    assert held.mean() >= 0.85
    peak = key["profit"].clip(lower=0).sum() / key["profit"].sum()
    assert found.facts()["whale_peak"] == pytest.approx(peak, abs=0.02)
    bands = value.contact_bands(company.tables, as_of="2026-07-01")
    by_contact = value.profit(company.tables, bands, as_of="2026-07-01")
    assert by_contact.by_segment.index[0] == "10 and more contacts"
    assert "10 and more contacts" in by_contact.meaning()[0]
