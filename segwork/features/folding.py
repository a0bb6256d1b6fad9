"""Fold the order lines of a DuckDB relation into sums by customer, outside of SQL.

What a customer's orders, gaps between orders and different products need is grouping by customer
*and* order, and by customer *and* product. The engine's hash tables for it are larger than any
cache and take ten times what scanning the lines takes. Here the engine scans, types and hashes;
lines are spread over partitions of customers, each small enough for the cache, and are summed
there by compiled loops. The sums are those `orders.sum_lines` defines; tests hold the two together.

Customers and orders are told apart by DuckDB's 64-bit hash of their ids, a customer's products by
the upper part of it (some 50 bits): among two million customers two share a hash once in ten
million tables.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import IO

import narwhals as nw
import numpy as np
import pyarrow as pa
from duckdb import DuckDBPyRelation
from narwhals.typing import Frame
from tqdm import tqdm

from segwork.features import kernels
from segwork.features.common import COUNTED, KEY, nobody_bought
from segwork.features.kernels import PAIR, PARTS, RUN
from segwork.progress import unwatched

BATCH_LINES = 245_760  # two DuckDB row groups
MAX_HELD_BYTES = 4 << 30  # beyond, rows wait in temporary files: some 150 million lines
# What is summed for every customer, in this order: over lines, over orders, between orders.
LINE_SUMS = ("_lines", "returns", "_spend", "returns_total", "_pieces", "_first", "_last")
ORDER_SUMS = ("orders", "orders_window", "spend_window")
GAP_SUMS = ("_gap", "_gap_squares")
SUMS = LINE_SUMS + ORDER_SUMS + GAP_SUMS
BEFORE, AFTER = -(1 << 30), 1 << 30  # days before and after every line


class Parts:
    """Rows by partition, in memory as long as they are few and then in temporary files."""

    def __init__(self, dtype: np.dtype) -> None:
        self.dtype = dtype
        self.held: list[list[kernels.Rows]] = [[] for _ in range(PARTS)]
        self.files: list[IO[bytes]] = []
        self.n_bytes = 0

    def add(self, rows: kernels.Rows, counts: kernels.Ints) -> None:
        """Take rows that lie one partition after another."""
        for part, piece in enumerate(np.split(rows, np.cumsum(counts)[:-1])):
            if len(piece):
                self.held[part].append(piece)
        self.n_bytes += rows.nbytes

    def spill(self) -> None:
        """Write what is held to temporary files."""
        self.files = self.files or [tempfile.TemporaryFile() for _ in range(PARTS)]  # noqa: SIM115
        for file, pieces in zip(self.files, self.held, strict=True):
            for piece in pieces:
                file.write(piece.data)
            pieces.clear()
        self.n_bytes = 0

    def take(self, part: int) -> list[kernels.Rows]:
        """Hand over the rows of a partition, in the order they came in."""
        pieces, self.held[part] = self.held[part], []
        if self.files:
            with self.files[part] as file:
                file.seek(0)
                pieces.insert(0, np.fromfile(file, self.dtype))
        return pieces


class Customers:
    """Numbers for customers in order of appearance, by the hash of their ids."""

    def __init__(self) -> None:
        self.keys = np.zeros(1 << 16, np.uint64)
        self.numbers = np.full(1 << 16, kernels.NOBODY, np.int32)
        self.ids: list[pa.Array] = []
        self.known = 0

    def number(
        self, starts: kernels.Ints, hashes: kernels.Hashes, ids: pa.Array
    ) -> kernels.Numbers:
        """Assign numbers to the customers of runs of lines."""
        n_runs = len(starts) - 1
        while 2 * (self.known + n_runs) > len(self.keys):
            self.keys, self.numbers = kernels.enlarge(self.keys, self.numbers)
        found, new = np.empty(n_runs, np.int32), np.empty(n_runs, np.int64)
        n_new = kernels.number(starts, hashes, self.keys, self.numbers, self.known, found, new)
        self.known += n_new
        self.ids.append(ids.take(pa.array(new[:n_new])))
        return found


def fold(lines: Frame, border: int) -> Frame:
    """Sum marked lines by customer.

    Parameters
    ----------
    lines : Narwhals frame
        From `orders.mark_lines`, of DuckDB.
    border : int
        First day of the window, in days since 1970.

    Returns
    -------
    Narwhals frame
        One row a customer, with the columns of `orders.sum_lines`.

    Raises
    ------
    DataError
        Nobody bought anything.
    """
    native = lines.to_native()
    counted = {name: column for column, name in COUNTED.items() if column in native.columns}
    customers, runs, pairs = _spread(native, list(counted.values()))
    n_threads = native.query("lines", "select current_setting('threads')").fetchall()[0][0]

    def of_part(part: int) -> kernels.Floats:
        n = len(range(part, customers.known, PARTS))
        sums = _sum_orders(runs.take(part), n, border)
        return np.column_stack([sums, *(_count_different(one.take(part), n) for one in pairs)])

    table = np.empty((customers.known, len(SUMS) + len(pairs)))
    with ThreadPoolExecutor(int(n_threads)) as pool:
        bar = tqdm(pool.map(of_part, range(PARTS)), "orders", PARTS, disable=unwatched())
        for part, sums in enumerate(bar):
            table[part::PARTS] = sums
    return _relation(native, customers.ids, table, list(counted))


def _spread(native: DuckDBPyRelation, counted: list[str]) -> tuple[Customers, Parts, list[Parts]]:
    """Read the lines once, number their customers and spread runs and pairs over partitions."""
    customers, runs, pairs = Customers(), Parts(RUN), [Parts(PAIR) for _ in counted]
    for batch in _batches(native, counted):
        read = {n: batch.column(n).to_numpy() for n in batch.schema.names if n != KEY}
        starts = kernels.find_runs(read["customer"], read["order"], read["day"])
        found = customers.number(starts, read["customer"], batch.column(KEY))
        counts = np.zeros(PARTS, np.int64)
        kernels.count_runs(found, counts)
        rows, ends = np.empty(len(found), RUN), np.cumsum(counts) - counts
        names = ("order", "day", "amount", "pieces", "sold", "back")
        kernels.sum_runs(starts, found, tuple(read[name] for name in names), ends, rows)
        runs.add(rows, counts)
        for column, parts in zip(counted, pairs, strict=True):
            _spread_pairs(starts, found, read[column], parts)
        if runs.n_bytes + sum(parts.n_bytes for parts in pairs) > MAX_HELD_BYTES:
            for parts in (runs, *pairs):
                parts.spill()
    return customers, runs, pairs


def _batches(native: DuckDBPyRelation, counted: list[str]) -> Iterator[pa.RecordBatch]:
    """Read the lines in the order they stand in, with hashes for ids; 0 is no value."""
    pieces = "coalesce(quantity, 0)" if "quantity" in native.columns else "0"
    expressions = {
        KEY: KEY,
        "customer": f"hash({KEY})",
        "order": "hash(_order)",
        "day": "cast(_day as integer)",
        "amount": "coalesce(amount, 0.0)",
        "pieces": f"cast({pieces} as double)",
        "sold": "cast(_sold as utinyint)",
        "back": "cast(_back as utinyint)",
        **{n: f"case when _sold and {n} is not null then hash({n}) else 0 end" for n in counted},
    }
    chosen = native.project(", ".join(f'{sql} as "{name}"' for name, sql in expressions.items()))
    with tqdm(desc="order lines", unit=" lines", unit_scale=True, disable=unwatched()) as bar:
        for batch in chosen.to_arrow_reader(BATCH_LINES):
            yield batch
            bar.update(batch.num_rows)


def _spread_pairs(
    starts: kernels.Ints, found: kernels.Numbers, values: kernels.Hashes, parts: Parts
) -> None:
    counts = np.zeros(PARTS, np.int64)
    kernels.count_pairs(starts, found, values, counts)
    rows = np.empty(counts.sum(), PAIR)
    kernels.put_pairs(starts, found, values, np.cumsum(counts) - counts, rows)
    parts.add(rows, counts)


def _sum_orders(pieces: list[kernels.Rows], n_customers: int, border: int) -> kernels.Floats:
    """Sum the runs of a partition; one row a customer, the columns of ``SUMS``."""
    n_runs = sum(map(len, pieces))
    slots = np.full(1 << max(4, (2 * n_runs).bit_length()), -1, np.int32)
    orders, who = np.empty(n_runs, np.uint64), np.empty(n_runs, np.int32)
    first, spend = np.empty(n_runs, np.int32), np.empty(n_runs)
    sums, window, gaps = (
        np.zeros((n_customers, len(names))) for names in (LINE_SUMS, ORDER_SUMS, GAP_SUMS)
    )
    sums[:, kernels.FIRST], sums[:, kernels.LAST] = AFTER, BEFORE
    n = 0
    while pieces:
        n = kernels.sum_orders(pieces.pop(0), n, slots, orders, who, first, spend, sums)
    kernels.sum_window(who[:n], first[:n], spend[:n], border, window)
    packed = (who[:n].astype(np.uint64) << np.uint64(32)) | first[:n].astype(np.uint64)
    kernels.sum_gaps(np.sort(packed), gaps)
    return np.hstack([sums, window, gaps])


def _count_different(pieces: list[kernels.Rows], n_customers: int) -> kernels.Ints:
    bits = np.uint64(max(n_customers.bit_length(), 1))
    packed, at = np.empty(sum(map(len, pieces)), np.uint64), 0
    while pieces:
        at = kernels.pack_pairs(pieces.pop(0), bits, packed, at)
    packed.sort()
    different = np.zeros(n_customers, np.int64)
    kernels.count_different(packed, bits, different)
    return different


def _relation(
    native: DuckDBPyRelation, ids: list[pa.Array], table: kernels.Floats, counted: list[str]
) -> Frame:
    """Bring the sums back to the connection the lines came from."""
    columns = dict(zip((*SUMS, *counted), table.T.copy(), strict=True))
    if not ids or not columns["orders"].any():
        raise nobody_bought()
    if "quantity" not in native.columns:
        del columns["_pieces"]
    folded = pa.table({KEY: pa.chunked_array(ids), **columns})  # noqa: F841 (the query reads it)
    return nw.from_native(native.query("lines", "select * from folded"))
