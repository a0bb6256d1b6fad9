"""Service, attractiveness and revenue ahead: tables worked by hand and planted differences."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from segwork import tables, value
from segwork.errors import UsageError

AS_OF = "2024-07-01"
LINES = pd.DataFrame({
    "customer_id": list("abcd"),
    "ordered_at": pd.to_datetime(["2024-01-01", "2024-01-02", "2024-02-01", "2024-03-01"]),
    "amount": [100.0, 50.0, 10.0, 30.0],
})  # fmt: skip
CALLS = pd.DataFrame(
    [
        ("a", "2024-02-01", "complaint", "negative", 10.0),
        ("a", "2024-02-20", "complaint", "negative", 20.0),
        ("a", "2024-06-20", "complaint", "neutral", 5.0),
        ("b", "2024-03-01", "question", "positive", 4.0),
        ("b", "2024-03-05", "complaint", "neutral", 6.0),
        ("c", "2024-04-01", "question", "positive", 8.0),
    ],
    columns=["customer_id", "occurred_at", "kind", "sentiment", "handling_minutes"],
).assign(occurred_at=lambda frame: pd.to_datetime(frame["occurred_at"]), channel="call")
SEGMENTS = pd.Series({"a": "x", "b": "x", "c": "y", "d": "z"})


def shop(**changes: object) -> tables.Tables:
    """Return four customers, three of whom called."""
    return tables.from_frames(**({"transactions": LINES, "interactions": CALLS} | changes))


def cell(found: value.Service, segment: str, measure: str) -> pd.Series:
    """Return one row of the table."""
    table = found.table
    return table[(table["segment"] == segment) & (table["measure"] == measure)].iloc[0]


def test_proxies_worked_by_hand() -> None:
    """Contacts again, complaints, minutes, settled complaints and sentiment of two callers."""
    found = value.service(shop(), SEGMENTS, as_of=AS_OF)
    again = cell(found, "x", "contacts again within 30 days")
    assert (again["value"], again["n"]) == (0.25, 4)  # the call of 20 June is too late to say
    assert cell(found, "x", "complaints among contacts")["value"] == pytest.approx(4 / 5)
    assert cell(found, "x", "handling minutes")["value"] == pytest.approx(9.0)
    assert cell(found, "x", "complaints settled")["value"] == pytest.approx(2 / 3)
    assert cell(found, "x", "sentiment, −1 to 1")["value"] == pytest.approx(-0.2)
    assert (found.table.loc[found.table["kind"] == "proxy", "n"] > 0).all()
    assert found.facts() == {
        "surveyed_dimensions": 0, "proxy_dimensions": 4, "not_known_dimensions": 1,
    }  # fmt: skip
    assert found.table.set_index("segment").loc["y", "revenue_per_customer"].unique() == [10.0]


def test_every_segment_has_every_dimension_and_what_is_not_known_is_empty() -> None:
    """A segment without calls, and tangibles, have rows without numbers."""
    table = value.service(shop(), SEGMENTS, as_of=AS_OF).table
    assert len(table[["segment", "dimension"]].drop_duplicates()) == 15
    silent = table[(table["segment"] == "z") | (table["dimension"] == "tangibles")]
    assert (silent["kind"] == "not known").all()
    assert silent[["expected", "perceived", "value", "low", "high"]].isna().all(axis=None)
    none = value.service(shop(interactions=None), SEGMENTS, as_of=AS_OF)
    assert (none.table["kind"] == "not known").all()
    assert none.facts()["not_known_dimensions"] == 5


def test_survey_goes_before_proxies() -> None:
    """Expected and perceived by dimension: the gap is perceived less expected, in pairs only."""
    people = pd.DataFrame({
        "customer_id": list("abcd"),
        "expected_reliability": [6.0, 5.0, 7.0, np.nan],
        "perceived_reliability": [4.0, 5.0, np.nan, 3.0],
    })  # fmt: skip
    found = value.service(shop(customers=people), SEGMENTS, as_of=AS_OF)
    row = found.table[found.table["dimension"] == "reliability"].set_index("segment")
    assert row.loc["x", ["expected", "perceived", "value", "n"]].tolist() == [5.5, 4.5, -1.0, 2]
    assert row.loc["y", "n"] == 0
    assert row.loc["y", "kind"] == "not known"
    assert row.loc["x", "kind"] == "surveyed"
    assert found.facts()["surveyed_dimensions"] == 1
    assert found.facts()["proxy_dimensions"] == 3


def test_waiting_and_resolution_are_used_where_they_are() -> None:
    """Extra columns of a call log: waiting time, and whether the case was resolved."""
    calls = CALLS.assign(waiting_minutes=[1.0, 3, 2, 2, 2, 9], resolved=[1, 0, 1, 1, 1, 1])
    found = value.service(shop(interactions=calls), SEGMENTS, as_of=AS_OF)
    assert cell(found, "x", "waiting minutes")["value"] == 2.0
    assert cell(found, "x", "complaints settled")["value"] == pytest.approx(3 / 4)


def test_intervals_of_service_are_over_customers() -> None:
    """200 callers of ten calls each: an interval holds the truth, and is wider than by calls."""
    rng = np.random.default_rng(6)
    own = rng.beta(2, 2, 200)
    complains = rng.random((200, 10)) < own[:, None]
    who = np.repeat(np.char.add("k", np.arange(200).astype(str)), 10)
    days = pd.Timestamp("2024-01-01") + pd.to_timedelta(np.tile(np.arange(10) * 12, 200), unit="D")
    calls = pd.DataFrame({"customer_id": who, "occurred_at": days, "channel": "call"})
    calls["kind"] = np.where(complains.ravel(), "complaint", "question")
    lines = pd.DataFrame({"customer_id": np.unique(who), "ordered_at": days[0], "amount": 1.0})
    data = tables.from_frames(transactions=lines, interactions=calls)
    found = value.service(data, pd.Series("all", np.unique(who)), as_of=AS_OF)
    row = cell(found, "all", "complaints among contacts")
    assert row["low"] < 0.5 < row["high"]
    assert row["high"] - row["low"] > 1.5 * 2 * 1.96 * np.sqrt(0.25 / 2_000)


TWO_YEARS = pd.DataFrame({
    "customer_id": list("abcabc"),
    "ordered_at": pd.to_datetime(["2022-09-01"] * 3 + ["2023-09-01"] * 3),
    "amount": [10.0, 10, 10, 20, 10, 5],
})  # fmt: skip
THREE = pd.Series({"a": "up", "b": "flat", "c": "down"})
PEOPLE = pd.DataFrame({"customer_id": list("abc"), "consent_marketing": [False, True, True]})


def test_attractiveness_worked_by_hand() -> None:
    """Growth +100, 0, −50 %; consent 0, 1, 1: under equal weights the flat segment is first."""
    data = tables.from_frames(transactions=TWO_YEARS, customers=PEOPLE)
    weights = {"growth": 1.0, "access": 1.0}
    found = value.attractiveness(data, THREE, as_of=AS_OF, weights=weights)
    assert found.table["growth"].to_dict() == {"flat": 0.0, "up": 1.0, "down": -0.5}
    assert found.table["access"].to_dict() == {"flat": 1.0, "up": 0.0, "down": 1.0}
    assert found.table["score"].to_dict() == pytest.approx({"flat": 2 / 3, "up": 0.5, "down": 0.5})
    assert found.table["rank"].tolist() == [1, 2, 2]

    gone = PEOPLE.assign(withdrawn_at=pd.to_datetime([None, None, "2023-10-01"]))
    less = tables.from_frames(transactions=TWO_YEARS, customers=gone)
    found = value.attractiveness(less, THREE, as_of=AS_OF, weights=weights)
    assert found.table["access"].to_dict() == {"flat": 1.0, "up": 0.0, "down": 0.0}
    assert found.missing == ()
    only = value.attractiveness(data, THREE, as_of=AS_OF, weights={"growth": 1.0})
    assert only.facts() == {"first_segment": "up", "first_share": 1.0}


def test_sensitivity_says_whether_the_weights_decide() -> None:
    """A segment best at everything stays first; one that needs its weight does not always."""
    data = tables.from_frames(transactions=TWO_YEARS, customers=PEOPLE)
    settings = {"as_of": AS_OF, "weights": {"growth": 1.0, "access": 1.4}}
    found = value.attractiveness(data, THREE, **settings)
    assert 0.5 < found.facts()["first_share"] < 1.0
    assert (found.table["rank_low"] <= found.table["rank_high"]).all()
    assert found.table["first_share"].sum() == pytest.approx(1.0)
    again = value.attractiveness(data, THREE, **settings)
    pd.testing.assert_frame_equal(found.table, again.table)


def test_competition_is_filled_in_by_the_user() -> None:
    """Empty competition is left out and named; where it is given, less is better."""
    data = tables.from_frames(transactions=TWO_YEARS)
    weights = {"growth": 1.0, "competition": 3.0, "access": 1.0}
    found = value.attractiveness(data, THREE, as_of=AS_OF, weights=weights)
    assert found.missing == ("competition", "access")
    fierce = {"up": 0.9, "flat": 0.1, "down": 0.5}
    given = value.attractiveness(data, THREE, as_of=AS_OF, weights=weights, competition=fierce)
    assert given.missing == ("access",)
    assert given.table.index[0] == "flat"
    own = pd.DataFrame({"profit": [1.0, 2.0, 3.0]}, index=["up", "flat", "down"])
    mine = value.attractiveness(data, THREE, as_of=AS_OF, weights={"profit": 1.0}, own=own)
    assert mine.table.index.tolist() == ["down", "flat", "up"]


@pytest.mark.parametrize(
    ("weights", "words"),
    [
        ({"grwth": 1.0}, "did you mean 'growth'"),
        ({"growth": -1.0}, "0 or more"),
        ({"growth": 0.0}, "one weight above 0"),
    ],
)
def test_senseless_weights_are_refused(weights: dict, words: str) -> None:
    """One sentence says which weight."""
    with pytest.raises(UsageError, match=words):
        value.attractiveness(shop(), SEGMENTS, as_of=AS_OF, weights=weights)


def test_a_short_history_has_no_growth_and_no_rank() -> None:
    """Without a window before, growth is not known; alone it gives no order."""
    found = value.attractiveness(shop(), SEGMENTS, as_of=AS_OF, weights={"growth": 1.0})
    assert found.missing == ("growth",)
    assert found.facts() == {"first_segment": "not enough data"}


def steady(weeks: int = 110, customers: int = 60, seed: int = 0) -> pd.DataFrame:
    """Return customers who order at rates of their own and spend 10 or 30 each time."""
    rng = np.random.default_rng(seed)
    orders = rng.random((customers, weeks)) < rng.uniform(0.2, 0.6, customers)[:, None]
    orders[:, 0] = True
    who, week = np.nonzero(orders)
    day = pd.Timestamp("2022-01-03") + pd.to_timedelta(7 * week, unit="D")
    amount = np.where(who % 2, 30.0, 10.0)
    return pd.DataFrame({"customer_id": who.astype(str), "ordered_at": day, "amount": amount})


def test_revenue_ahead_of_steady_customers() -> None:
    """A steady base: the next quarter is like the last, in the back-test and ahead."""
    lines = steady()
    ids = pd.Index(sorted(lines["customer_id"].unique()))
    segments = pd.Series(np.where(ids.astype(int) % 2, "thirty", "ten"), ids)
    found = value.revenue_ahead(lines, segments, as_of="2024-02-12", quarters=3)
    assert found.table.groupby("quarter").size().tolist() == [2, 2, 2]
    by_segment = found.table.groupby("segment")["expected"].mean()
    assert by_segment["thirty"] / by_segment["ten"] == pytest.approx(3, rel=0.15)
    assert found.facts()["backtest_quarters"] == 3
    assert found.facts()["expected_miss"] < 0.15
    assert (found.table["low"] < found.table["expected"]).all()
    last = lines[lines["ordered_at"] >= "2023-11-13"]["amount"].sum()
    assert found.facts()["next_quarter_revenue"] == pytest.approx(last, rel=0.15)


def test_revenue_ahead_falls_back_on_what_missed_less(monkeypatch) -> None:
    """Where repeating the quarter before missed less, it is used, and the result says so."""
    from segwork.purchases import forecast as module

    lines = steady()
    segments = pd.Series("all", lines["customer_id"].unique())
    monkeypatch.setattr(
        module.Forecast, "orders", lambda self, days: 3.0 * days * (self.place >= 0)
    )
    found = value.revenue_ahead(lines, segments, as_of="2024-02-12", quarters=2)
    assert found.used == "quarter before"
    assert found.facts()["naive_miss"] < found.facts()["expected_miss"]
    last = lines[lines["ordered_at"] >= "2023-11-13"]["amount"].sum()
    assert found.table["expected"].tolist() == [last, last]


def test_revenue_ahead_without_repeats_or_history_is_empty() -> None:
    """Nothing to fit, nothing to test: empty tables of the same columns."""
    found = value.revenue_ahead(LINES, SEGMENTS, as_of=AS_OF, quarters=2)
    assert found.table.empty
    assert found.backtest.empty
    assert list(found.table.columns)[:2] == ["segment", "quarter"]
    with pytest.raises(UsageError, match="1 to 40"):
        value.revenue_ahead(LINES, SEGMENTS, as_of=AS_OF, quarters=0)
