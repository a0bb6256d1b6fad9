"""Order lines by the million: written by DuckDB, worked through in a process of its own.

Every piece of work runs in a fresh process, so that its peak memory is its own. The clock and the
processor time start after the imports.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from segwork.errors import DataError

AS_OF = "2026-01-01"
LINES_PER_CUSTOMER = 50
BYTES_PER_LINE_IN_PANDAS = 400  # 330 measured at 10 million

# The limit: one scan of the same columns, grouped by customer, with the same counts of different
# orders and products, and nothing else: no typing, no checks, no gaps between orders.
PLAIN = """
    select count(*), sum(orders), sum(spend) from (
        select customer_id, count(distinct order_id) as orders, count(*) as order_lines,
               sum(quantity * unit_price) as spend, min(ordered_at), max(ordered_at),
               count(distinct product_id) as products
        from read_parquet('{path}') group by customer_id)
"""
# The same without counting anything different: the lowest price of reading those columns.
BARE = """
    select count(*), sum(order_lines), sum(spend) from (
        select customer_id, count(*) as order_lines, sum(quantity * unit_price) as spend,
               min(ordered_at), max(ordered_at), max(order_id), max(product_id)
        from read_parquet('{path}') group by customer_id)
"""


def write_lines(path: str | Path, *, lines: int, customers: int = 0) -> Path:
    """Write order lines to Parquet, three to an order, customers of very different size.

    Parameters
    ----------
    path : path
    lines : int
        Number of order lines.
    customers : int
        By default one to fifty lines.

    Returns
    -------
    Path
    """
    from segwork.tables.reading import connect

    customers = customers or max(lines // LINES_PER_CUSTOMER, 10)
    query = f"""
        select 'C' || (100000000 + floor({customers} * pow(bought / pow(2, 64), 1.5)))::bigint
                   as customer_id,
               'O' || 1000000000 + n // 3 as order_id,
               timestamp '2023-01-01' + to_seconds((bought % 94608000)::bigint) as ordered_at,
               'P' || chance % 5000 as product_id,
               (chance // 5000 % 5 + 1)::integer as quantity,
               (chance // 25000 % 10000 + 1) / 100.0::double as unit_price
        from (select n, hash(n) as chance, hash(n // 3 + 0.5) as bought
              from range({lines}) as t(n))
    """
    with connect("4GB") as connection:
        connection.execute(f"copy ({query}) to '{path}' (format parquet)")
    return Path(path)


def measure(work: str, path: str | Path, *, customers: int = 0) -> dict[str, float]:
    """Do one piece of work on a file in a fresh process.

    Parameters
    ----------
    work : str
        bare, plain, duckdb or pandas: the two limits, and ``customer_features`` on two engines;
        or sample: write the sample company of so many ``customers`` to the folder ``path``.
    path : path
    customers : int

    Returns
    -------
    dict
        seconds, cpu_seconds, peak_gib, and customers, orders, spend as proof of the same work.
    """
    code = f"from benchmarks import scale; scale.report({work!r}, {str(path)!r}, {customers})"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    if done.returncode:
        raise DataError(f"{work} on {path} ended with {done.returncode}: {done.stderr[-300:]}")
    return json.loads(done.stdout.splitlines()[-1])


def fits_pandas(lines: int) -> bool:
    """Tell whether that many lines fit into the memory that is free, read as pandas frames."""
    import psutil

    return lines * BYTES_PER_LINE_IN_PANDAS < psutil.virtual_memory().available


def report(work: str, path: str, size: int = 0) -> None:
    """Do the work in this process and print what it cost as JSON."""
    import resource
    import time

    import pandas  # noqa: F401  (imported before the clock starts, as the next line is)

    from segwork import features, sample, tables  # noqa: F401

    start, start_cpu = time.perf_counter(), time.process_time()
    customers, orders, spend = _sums(work, path, size)
    cost = {
        "seconds": time.perf_counter() - start,
        "cpu_seconds": time.process_time() - start_cpu,
        "peak_gib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20,
        "customers": int(customers),
        "orders": int(orders),
        "spend": float(spend),
    }
    print(json.dumps(cost))


def _sums(work: str, path: str, size: int) -> Any:
    from segwork import features, sample, tables
    from segwork.tables.reading import connect

    if work in ("bare", "plain"):
        query = (BARE if work == "bare" else PLAIN).format(path=path)
        return connect("6GB").sql(query).fetchall()[0]
    if work == "sample":
        lines = sample.write(path, customers=size) / "transactions.parquet"
        counts = "count(distinct customer_id), count(distinct order_id), sum(amount)"
        return connect("1GB").read_parquet(str(lines)).aggregate(counts).fetchall()[0]
    data = tables.load({"as_of": AS_OF, "engine": work, "tables": {"transactions": {"path": path}}})
    found = features.customer_features(data, as_of=AS_OF)
    if work == "pandas":
        return len(found), found["orders"].sum(), found["spend_total"].sum()
    target = Path(path).with_suffix(".features.parquet")
    found.write_parquet(str(target))
    with connect("1GB") as connection:
        made = connection.read_parquet(str(target))
        return made.aggregate("count(*), sum(orders), sum(spend_total)").fetchall()[0]
