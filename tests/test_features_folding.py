"""The sums outside of SQL are those the definition gives, on lines as awkward as they come."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import duckdb
import numba
import numpy as np
import pandas as pd
import pytest

from segwork import features, tables
from segwork.errors import DataError
from segwork.features import folding, kernels, orders

AS_OF = "2025-01-01"
MOMENT = tables.instant(AS_OF)


def awkward(seed: int, n: int = 3_000) -> pd.DataFrame:
    """Orders that come back on other days, shared ids, returns, gaps in every column, no order."""
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame(
        {
            "customer_id": rng.integers(0, 200, n).astype(str).astype(object),
            "order_id": ("O" + pd.Series(rng.integers(0, 600, n)).astype(str)).astype(object),
            "ordered_at": pd.Timestamp("2023-06-01")
            + pd.to_timedelta(rng.integers(0, 700 * 86_400, n), unit="s"),
            "product_id": ("p" + pd.Series(rng.integers(0, 40, n)).astype(str)).astype(object),
            "product_category": rng.choice(["tea", "cups", "pots"], n).astype(object),
            "quantity": rng.choice([-2.0, 0.0, 1.0, 2.0, 5.0], n, p=[0.1, 0.05, 0.5, 0.25, 0.1]),
            "amount": rng.integers(1, 10_000, n) / 100,
        }
    )
    frame.loc[frame["quantity"] < 0, "amount"] *= -1
    for column in ("order_id", "product_id", "product_category", "quantity", "amount"):
        frame.loc[rng.random(n) < 0.05, column] = None
    return frame


def lines_of(frame: pd.DataFrame) -> Any:
    """Mark the lines of a frame on DuckDB."""
    data = tables.from_frames(transactions=duckdb.from_df(frame))
    return orders.mark_lines(tables.until(data, MOMENT).transactions)


def described(frame: pd.DataFrame) -> pd.DataFrame:
    """Features of a frame handed to DuckDB."""
    data = tables.from_frames(transactions=duckdb.from_df(frame))
    return features.customer_features(data, as_of=AS_OF).df()


@pytest.mark.parametrize("seed", range(3))
def test_sums_are_those_of_the_definition(seed: int) -> None:
    """Folded lines and the definition in Narwhals, both on DuckDB, agree in every sum."""
    lines = lines_of(awkward(seed))
    border = int((MOMENT - pd.Timestamp("1970-01-01")).days) - 365
    folded = folding.fold(lines, border).to_native().df().set_index("customer_id").sort_index()
    defined = orders.sum_lines(lines, MOMENT, border).to_native().df().set_index("customer_id")
    bought = defined[defined["orders"] > 0].sort_index().fillna({"products": 0, "categories": 0})

    assert set(folded.columns) == set(bought.columns)
    same = folded.loc[bought.index, list(bought.columns)]
    np.testing.assert_allclose(same.to_numpy(float), bought.to_numpy(float), rtol=1e-9)
    assert bought["_gap_squares"].max() > 0
    assert (bought["orders_window"] < bought["orders"]).any()


@pytest.mark.parametrize(
    "absent", [[], ["quantity"], ["product_id", "product_category"], ["order_id"]]
)
def test_duckdb_agrees_with_pandas(absent: list[str]) -> None:
    """Columns that are not there are not there in the result either; all others agree."""
    frame = awkward(7).drop(columns=absent)
    expected = features.customer_features(tables.from_frames(transactions=frame), as_of=AS_OF)
    found = described(frame)

    assert list(found.columns) == list(expected.columns)
    pd.testing.assert_frame_equal(
        found.set_index("customer_id").sort_index().astype(float),
        expected.set_index("customer_id").sort_index().astype(float),
        rtol=1e-9,
        check_index_type=False,
    )


def test_small_batches_and_temporary_files_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Runs cut by a batch's end and rows that waited on disk give the same values."""
    frame = awkward(11)
    whole = described(frame)
    spilt = []
    spill = folding.Parts.spill
    monkeypatch.setattr(folding, "BATCH_LINES", 2_048)
    monkeypatch.setattr(folding, "MAX_HELD_BYTES", 1)
    monkeypatch.setattr(folding.Parts, "spill", lambda parts: (spilt.append(1), spill(parts)))

    pd.testing.assert_frame_equal(described(frame), whole, rtol=1e-12)
    assert len(spilt) >= 3


def test_more_customers_than_the_first_table_of_numbers_holds() -> None:
    """A hundred thousand customers with two orders each are told apart, in order or not."""
    n = 100_000
    ids = np.tile(np.arange(n), 2)
    frame = pd.DataFrame(
        {
            "customer_id": pd.Series(ids).astype(str).astype(object),
            "order_id": pd.Series(np.arange(2 * n)).astype(str).astype(object),
            "ordered_at": pd.Timestamp("2024-01-01") + pd.to_timedelta(np.arange(2 * n) // n, "D"),
            "product_id": "tea",
            "amount": ids + 1.0,
        }
    )
    found = described(frame)

    assert len(found) == n
    assert found["customer_id"].nunique() == n
    assert (found["orders"] == 2).all()
    assert (found["gap_days_mean"] == 1).all()
    assert (found["spend_total"] == 2 * (found["customer_id"].astype(int) + 1)).all()


def test_same_lines_same_bytes(tmp_path: Path) -> None:
    """Lines are added up in the order they stand in, whatever the threads do."""
    source = tmp_path / "lines.parquet"
    duckdb.from_df(awkward(5, 200_000)).write_parquet(str(source))
    written = []
    for name in ("once", "again"):
        query = f"select * from '{source}'"
        data = tables.from_frames(transactions=duckdb.sql(query))
        found = features.customer_features(data, as_of=AS_OF)
        found.write_parquet(str(tmp_path / name))
        written.append((tmp_path / name).read_bytes())

    assert written[0] == written[1]


@pytest.mark.parametrize("amount", [-5.0, 5.0])
def test_nobody_bought(amount: float) -> None:
    """Returns alone, or orders after the cut alone, are an error on DuckDB too."""
    day = "2024-05-01" if amount < 0 else "2026-05-01"
    frame = pd.DataFrame(
        {"customer_id": ["a"], "ordered_at": [pd.Timestamp(day)], "amount": amount}
    )

    with pytest.raises(DataError, match="nobody has an order line before as_of"):
        described(frame)


def test_nowhere_to_keep_compiled_code(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a place for the cache a loop is compiled all the same."""

    def compile_or_fail(function: Any, *, nogil: bool, cache: bool = False) -> Any:
        if cache:
            raise RuntimeError("no locator available")
        return function if nogil else None

    monkeypatch.setattr(numba, "njit", compile_or_fail)
    assert kernels.kernel(len) is len


def test_gaps_between_orders_of_one_customer_only() -> None:
    """Days 3, 5, 9 of one customer are gaps of 2 and 4; the next customer's day 50 is none."""
    packed = np.array([3, 5, 9, (1 << 32) | 50], np.uint64)
    sums = np.zeros((2, 2))
    kernels.sum_gaps(packed, sums)
    assert sums.tolist() == [[6.0, 20.0], [0.0, 0.0]]


def test_one_order_id_of_several_customers() -> None:
    """Eight customers with one order id have eight orders, in a table where they must collide."""
    runs = np.zeros(8, kernels.RUN)
    runs["order"], runs["customer"], runs["lines"] = 7, np.arange(8), 1
    n = kernels.sum_orders(
        runs,
        0,
        np.full(16, -1, np.int32),
        np.empty(8, np.uint64),
        np.empty(8, np.int32),
        np.empty(8, np.int32),
        np.empty(8),
        np.zeros((8, 7)),
    )
    assert n == 8


def test_rows_keep_their_order_on_disk_and_in_memory() -> None:
    """What waited in a file comes before what came later; each partition gets its own."""
    parts, counts = folding.Parts(kernels.PAIR), np.zeros(kernels.PARTS, np.int64)
    counts[3], counts[5] = 2, 1
    for first in (10, 20, 30):
        rows = np.zeros(3, kernels.PAIR)
        rows["value"] = np.arange(first, first + 3)
        parts.add(rows, counts)
        if first < 30:
            parts.spill()

    taken = [parts.take(part) for part in range(kernels.PARTS)]
    assert np.concatenate(taken[3])["value"].tolist() == [10, 11, 20, 21, 30, 31]
    assert np.concatenate(taken[5])["value"].tolist() == [12, 22, 32]
    assert sum(map(len, taken[4])) == 0
