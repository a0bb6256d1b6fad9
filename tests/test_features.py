"""Customer features: hand-worked values, published counts, leaks, engines."""

from __future__ import annotations

import os
from datetime import date
from pathlib import Path

import duckdb
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from segwork import features, tables
from segwork.errors import DataError, UsageError
from segwork.features.rfm import fit_cuts, scores_by

DATA = os.environ.get("SEGWORK_DATA", "")
needs_data = pytest.mark.skipif(not DATA, reason="SEGWORK_DATA is not set")

AS_OF = date(2011, 12, 10)
LINES = pd.DataFrame(
    [
        ("b", "1", "2011-11-01 10:00", "P1", 2, 10.0, False, "card"),
        ("b", "1", "2011-11-01 10:00", "P2", 1, 5.0, False, "card"),
        ("a", "2", "2010-06-01 09:00", "P1", 1, 7.0, False, "cash"),
        ("b", "3", "2011-11-11 23:59", "P1", 1, 20.0, False, "cash"),
        ("b", "4", "2011-11-12 00:01", "P1", -1, -20.0, True, None),
        ("b", "5", "2011-12-01 00:00", "P3", 4, 40.0, False, "card"),
        (None, "6", "2011-12-01 00:00", "P3", 4, 99.0, False, "card"),
        ("c", "7", "2011-12-10 00:00", "P3", 4, 99.0, False, "card"),
        ("d", "8", "2011-12-01 00:00", "P3", -4, -9.0, False, "card"),
    ],
    columns=[
        "customer_id", "order_id", "ordered_at", "product_id", "quantity", "amount", "is_return",
        "payment_method",
    ],
)  # fmt: skip


def of(lines=LINES, *, as_of=AS_OF, **others):
    """Features of small frames, indexed by customer."""
    data = tables.from_frames(transactions=lines, **others)
    return features.customer_features(data, as_of=as_of).set_index("customer_id")


def test_a_category_counts_without_a_product() -> None:
    """Who has no product named still has bought in a category."""
    lines = pd.DataFrame(
        {
            "customer_id": ["a", "b", "b"],
            "ordered_at": pd.to_datetime(["2020-01-01"] * 3),
            "amount": [1.0, 2.0, 3.0],
            "product_id": [None, "p", None],
            "product_category": ["tea", "tea", "cups"],
        }
    )
    found = features.customer_features(tables.from_frames(transactions=lines), as_of="2020-01-02")

    assert found[["products", "categories"]].to_numpy().tolist() == [[0, 1], [1, 2]]


def test_default_dates_are_no_orders() -> None:
    """A line dated 1970 changes nothing: it is counted as a fault and makes no tenure."""
    dated = LINES.iloc[[0]].assign(ordered_at="1970-01-01 00:00", order_id="0")

    found = of(pd.concat([LINES, dated]))

    pd.testing.assert_frame_equal(found, of())


def test_worked_by_hand() -> None:
    """Every column of one customer equals the value worked out by eye from nine lines."""
    found = of()
    assert list(found.index) == ["b", "a"]
    expected = {
        "orders": 3, "order_lines": 4, "orders_window": 3, "spend_total": 75.0,
        "spend_window": 75.0, "tenure_days": 39, "days_since_last": 9, "gap_days_mean": 15.0,
        "gap_days_variation": 5 / 15, "basket_lines": 4 / 3, "basket_value": 25.0,
        "basket_pieces": 8 / 3, "returns": 1, "returns_total": 20.0, "products": 3,
        "return_share": 0.2, "payment_share_card": 0.75, "payment_share_cash": 0.25,
    }  # fmt: skip
    assert found.loc["b"].to_dict() == pytest.approx(expected)
    assert found.loc["a", ["orders", "orders_window", "spend_window", "returns"]].tolist() == [
        1, 0, 0.0, 0,
    ]  # fmt: skip
    assert pd.isna(found.loc["a", "gap_days_mean"])


def test_rows_after_as_of_change_nothing() -> None:
    """Features of all rows equal features of the rows before ``as_of`` alone, for any cut."""
    lines = LINES.assign(ordered_at=pd.to_datetime(LINES["ordered_at"]))
    for cut in ("2011-11-02", "2011-11-12", "2011-12-01", "2011-12-10"):
        alone = lines[lines["ordered_at"] < pd.Timestamp(cut)]
        pd.testing.assert_frame_equal(of(lines, as_of=cut), of(alone, as_of=cut))


@needs_data
def test_cdnow_equals_the_published_summary() -> None:
    """Frequency, recency and T of all 2,357 customers equal Fader & Hardie's 39-week summary."""
    lines = pd.read_parquet(Path(DATA) / "cdnow_sample.parquet").rename(
        columns={"sample_id": "customer_id", "date": "ordered_at", "dollar_value": "amount"}
    )
    found = of(lines, as_of="1997-10-01")
    published = pd.read_parquet(Path(DATA) / "cdnow_customers_summary.parquet").set_index("ID")
    found = found.set_index(found.index.astype(int)).loc[published.index]
    weeks = (found["tenure_days"] - 1) / 7
    active = (found["tenure_days"] - found["days_since_last"]) / 7
    assert len(found) == 2357
    assert (found["orders"] - 1 == published["frequency"]).all()
    assert (weeks.round(2) == published["T"]).all()
    assert (active.round(2) == published["recency"]).all()


FIVE = {
    "transactions": LINES,
    "behaviour": pd.DataFrame(
        [
            ("a", "page_view", "2011-12-09 10:00", "s1"),
            ("b", "cart_add", "2011-12-01 10:00", "s2"),
            ("b", "page_view", "2011-12-01 10:05", "s2"),
            ("b", "cart_add", "2011-12-05 10:00", "s3"),
            ("b", "checkout", "2011-12-05 10:30", "s3"),
            ("b", "cart_add", "2011-12-20 10:00", "s4"),
            (None, "cart_add", "2011-12-05 10:00", "s5"),
        ],
        columns=["customer_id", "event", "occurred_at", "session_id"],
    ),
    "interactions": pd.DataFrame(
        [
            ("b", "call", "2011-12-01", "complaint", "3.5"),
            ("b", "email", "2011-11-01", "Complaint", "2"),
            ("b", "call", "2011-12-11", "complaint", "99"),
        ],
        columns=["customer_id", "channel", "occurred_at", "kind", "handling_minutes"],
    ),
    "customers": pd.DataFrame(
        [("a", 1981, "N", "calm", "yes"), ("b", None, "S", None, "no"), ("z", 1950, "S", "x", "?")],
        columns=["customer_id", "birth_year", "region", "lifestyle", "consent_marketing"],
    ),
    "external": pd.DataFrame(
        [
            ("2011-12-01", "rain mm", 1.0, "N", "2011-12-02"),
            ("2011-12-05", "rain mm", 2.0, "N", "2011-12-09"),
            ("2011-12-06", "rain mm", 3.0, "N", "2011-12-12"),
            ("2011-12-06", "rain mm", 7.0, "S", "2011-12-12"),
            ("2011-12-06", "fx_usd_idr", 9000.0, None, None),
        ],
        columns=["date", "name", "value", "region", "published_at"],
    ),
}


def engine(name: str):
    """How to make a native frame of an engine, and how to bring one back to pandas."""
    if name == "polars":
        return pl.from_pandas, lambda frame: frame.to_pandas()
    if name == "duckdb":
        return duckdb.from_df, lambda frame: frame.df()
    return (lambda frame: frame), (lambda frame: frame)


@pytest.mark.parametrize("name", ["pandas", "polars", "duckdb"])
def test_all_five_tables_by_hand(name: str) -> None:
    """Visits, contacts, attributes and published outside values, the same on each engine."""
    make, back = engine(name)
    data = tables.from_frames(**{key: make(frame) for key, frame in FIVE.items()})
    found = back(features.customer_features(data, as_of=AS_OF)).set_index("customer_id")
    expected = {
        "events": (1, 4), "days_active": (1, 2), "days_active_7": (1, 1), "days_active_30": (1, 2),
        "days_since_active": (1, 5), "sessions": (1, 2), "carts_left": (0, 1), "contacts": (0, 2),
        "calls": (0, 1), "complaints": (0, 2), "complaints_30": (0, 1),
        "handling_minutes": (0.0, 5.5), "orders": (1, 3), "returns": (0, 1),
    }  # fmt: skip
    for column, values in expected.items():
        assert tuple(found.loc[["a", "b"], column]) == values, column
    assert found.loc["a", "age"] == 30
    assert pd.isna(found.loc["b", "age"])
    assert found.loc["a", ["region", "lifestyle"]].tolist() == ["N", "calm"]
    assert found.loc["a", "external_rain_mm"] == 2.0
    assert pd.isna(found.loc["b", "external_rain_mm"])
    assert not {"consent_marketing", "birth_year", "external_fx_usd_idr"} & set(found.columns)
    assert sorted(found.index) == ["a", "b"]


@pytest.mark.parametrize("table", ["transactions", "behaviour", "interactions", "external"])
def test_later_rows_of_any_table_change_nothing(table: str) -> None:
    """A thousand wild rows at and after ``as_of`` leave every feature as it was."""
    frame = FIVE[table]
    when = "published_at" if table == "external" else tables.TIME_COLUMN[table]
    rng = np.random.default_rng(0)
    wild = frame.sample(1000, replace=True, random_state=0).copy()
    wild[when] = pd.Timestamp(AS_OF) + pd.to_timedelta(rng.integers(0, 9e6, 1000), unit="s")
    wild[when] = wild[when].astype(str)
    for column in wild.select_dtypes("number"):
        wild[column] = wild[column].sample(frac=1, random_state=1).to_numpy() * 1000
    more = {**FIVE, table: pd.concat([wild, frame], ignore_index=True)}
    before = features.customer_features(tables.from_frames(**FIVE), as_of=AS_OF)
    after = features.customer_features(tables.from_frames(**more), as_of=AS_OF)
    pd.testing.assert_frame_equal(before, after)


def test_nothing_depends_on_how_ids_are_spelled() -> None:
    """Under any renaming of customers the same rows come out in the same order."""
    renamed = LINES.assign(customer_id=LINES["customer_id"].map({"a": "zz", "b": "1", "d": "x"}))
    plain, other = of(), of(renamed)
    assert list(other.index) == ["1", "zz"]
    pd.testing.assert_frame_equal(plain.reset_index(drop=True), other.reset_index(drop=True))


def test_inputs_are_not_changed() -> None:
    """Neither the frames nor the checked tables are touched."""
    data = tables.from_frames(**FIVE)
    before = {name: frame.copy(deep=True) for name, frame in data.items()}
    features.customer_features(data, as_of=AS_OF)
    for name, frame in data.items():
        pd.testing.assert_frame_equal(frame, before[name])


@pytest.mark.parametrize("name", ["pandas", "polars", "duckdb"])
def test_least_possible_table(name: str) -> None:
    """Three columns are enough; columns that are empty throughout do no harm."""
    make, back = engine(name)
    three = LINES[["customer_id", "ordered_at", "amount"]]
    found = back(
        features.customer_features(tables.from_frames(transactions=make(three)), as_of=AS_OF)
    )
    assert sorted(found["orders"]) == [1, 3]
    empty = three.assign(order_id=None, quantity=None, payment_method=None, is_return=None)
    found = back(
        features.customer_features(tables.from_frames(transactions=make(empty)), as_of=AS_OF)
    )
    assert sorted(found["orders"]) == [1, 3]


def test_frames_of_different_kinds_are_refused() -> None:
    """A pandas table cannot be joined to a Polars one, nor can Arrow be worked with: both said."""
    lines = pd.DataFrame({"customer_id": ["a"], "ordered_at": ["2011-12-01"], "amount": [1.0]})
    people = pl.DataFrame({"customer_id": ["a"], "age": [30]})
    mixed = tables.from_frames(transactions=lines, customers=people)
    arrow = tables.from_frames(transactions=pa.Table.from_pandas(lines))
    for data, told in ((mixed, "polars: customers, pandas: transactions"), (arrow, "pyarrow")):
        with pytest.raises(UsageError, match=told):
            features.customer_features(data, as_of="2011-12-10")


def test_nobody_and_no_window() -> None:
    """No order line before ``as_of`` and a window of no days are clear errors."""
    with pytest.raises(DataError, match="nobody has an order line"):
        of(as_of="2001-01-01")
    with pytest.raises(UsageError, match="window_days is 0"):
        features.customer_features(
            tables.from_frames(transactions=LINES), as_of=AS_OF, window_days=0
        )


@pytest.mark.parametrize("name", ["pandas", "polars", "duckdb"])
def test_scores_by_hand(name: str) -> None:
    """Fifths from the worst; equal values share a score; the sum is 3 to 15."""
    make, back = engine(name)
    frame = pd.DataFrame(
        {
            "customer_id": list("abcdefghij"),
            "days_since_last": [1, 2, 3, 4, 5, 6, 7, 8, 9, 10],
            "orders": [1, 1, 1, 1, 1, 1, 2, 2, 3, 9],
            "spend_total": [5.0] * 10,
        }
    )
    found = back(features.rfm(make(frame))).sort_values("customer_id")
    assert found["score_days_since_last"].tolist() == [5, 5, 4, 4, 3, 3, 2, 2, 1, 1]
    assert found["score_orders"].tolist() == [1, 1, 1, 1, 1, 1, 4, 4, 5, 5]
    assert found["score_spend"].tolist() == [1] * 10
    assert found["score_sum"].tolist() == [7, 7, 6, 6, 5, 5, 7, 7, 7, 7]


def test_cuts_give_the_same_scores_as_ranks() -> None:
    """Ranks on any engine and cuts for new customers are one definition, ties and all."""
    rng = np.random.default_rng(5)
    for n in (1, 4, 7, 23, 200):
        frame = pd.DataFrame(
            {
                "customer_id": [f"c{i}" for i in range(n)],
                "days_since_last": rng.integers(0, 30, n),
                "orders": 1 + rng.poisson(1, n),
                "spend_total": rng.gamma(1, 50, n).round(),
            }
        )
        ranked = features.rfm(frame)[["score_days_since_last", "score_orders", "score_spend"]]
        assert (scores_by(fit_cuts(frame), frame) == ranked.to_numpy()).all()
