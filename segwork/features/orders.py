"""Features from transactions: orders, money, gaps, returns, breadth, ways of paying."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

import narwhals as nw
from narwhals.typing import Frame, FrameT, IntoFrame

from segwork.features.common import COUNTED, KEY, collect, slug, today_of, with_day

MAX_PAYMENT_METHODS = 8
MIN_PAYMENT_SHARE = 0.01
# 1980-01-01 in days since 1970: earlier dates are a clock's default and would make a tenure of
# fifty years; `Tables.faults` counts those lines.
FIRST_PLAUSIBLE_DAY = 3652
LONG_AGO = -1_000_000  # days before 1970


def mark_lines(transactions: IntoFrame, *, also: tuple[str, ...] = ()) -> Frame:
    """Mark every line of a known customer as sale or return, and name its order.

    Columns named in ``also`` are kept where they are there.
    """
    frame = nw.from_native(transactions)
    names = frame.collect_schema().names()
    if isinstance(frame, nw.DataFrame):
        frame = frame.with_row_index("_row")
    frame = with_day(frame.filter(~nw.col(KEY).is_null()), "ordered_at")
    frame = frame.filter(nw.col("_day") >= FIRST_PLAUSIBLE_DAY)
    amount = nw.col("amount") if "amount" in names else nw.lit(0.0).alias("amount")  # baskets
    back = amount.fill_null(0.0) < 0
    if "quantity" in names:
        back = back | (nw.col("quantity").fill_null(1) < 0)
    if "is_return" in names:
        back = back | nw.col("is_return").fill_null(False)
    sold = ~back & (nw.col("quantity").fill_null(1) > 0) if "quantity" in names else ~back
    wanted = ("quantity", "product_id", "product_category", "payment_method", *also)
    kept = [n for n in dict.fromkeys(wanted) if n in names]
    return frame.select(
        KEY,
        amount.cast(nw.Float64),
        "_day",
        *kept,
        *(["_row"] if isinstance(frame, nw.DataFrame) else []),
        _order(frame, names).alias("_order"),
        back.alias("_back"),
        sold.alias("_sold"),
    )


def _order(frame: Frame, names: list[str]) -> nw.Expr:
    """Name the order of a line; lines of one day are one order where there is no ``order_id``."""
    if "order_id" not in names:
        return nw.col("_day")
    if isinstance(frame, nw.DataFrame) and frame["order_id"].null_count() == 0:
        return nw.col("order_id")
    return nw.coalesce(nw.col("order_id"), nw.col("_day").cast(nw.String))


def of_orders(lines: Frame, moment: datetime, window_days: int) -> Frame:
    """Describe each customer's orders, money, gaps, returns and breadth."""
    border = today_of(moment) - window_days
    if nw.dependencies.is_duckdb_relation(lines.to_native()):
        from segwork.features.folding import fold  # compiled loops, for DuckDB alone

        sums = fold(lines, border)
    else:
        sums = sum_lines(lines, moment, border)
    return per_customer(sums.filter(nw.col("orders") > 0), moment)


def sum_lines(lines: Frame, moment: datetime, border: int) -> Frame:
    """Sum marked lines by customer: the definition, on any engine.

    Lines are aggregated to orders and orders to customers, returns beside them, in one pass.
    """
    names = lines.collect_schema().names()
    sold, back, today = nw.col("_sold"), nw.col("_back"), today_of(moment)
    marked = lines.with_columns(
        _lines=nw.when(sold).then(1).otherwise(0),
        _spend=nw.when(sold).then(nw.col("amount")).otherwise(0.0),
        _first=nw.when(sold).then(nw.col("_day")).otherwise(today + 1),
        _last=nw.when(sold).then(nw.col("_day")).otherwise(LONG_AGO),
        returns=nw.when(back).then(1).otherwise(0),
        returns_total=nw.when(back).then(nw.col("amount").abs()).otherwise(0.0),
        **({"_pieces": nw.when(sold).then(nw.col("quantity"))} if "quantity" in names else {}),
    )
    sums = ["_lines", "_spend", "returns", "returns_total"]
    sums += ["_pieces"] if "quantity" in names else []
    edges = [nw.col("_first").min(), nw.col("_last").max()]
    edges += [nw.col("_row").min()] if "_row" in names else []
    orders = marked.group_by(KEY, "_order").agg(*(nw.col(n).sum() for n in sums), *edges)
    real = nw.col("_lines") > 0  # orders of returns alone come last and count nothing
    recent = real & (nw.col("_first") >= border)
    gap = nw.col("_first") - nw.col("_first").shift(1).over(KEY, order_by="_first")
    orders = orders.with_columns(
        orders=nw.when(real).then(1).otherwise(0),
        orders_window=nw.when(recent).then(1).otherwise(0),
        spend_window=nw.when(recent).then(nw.col("_spend")).otherwise(0.0),
        _gap=nw.when(real).then(gap.fill_null(0)).otherwise(0),
    )
    orders = orders.with_columns(_gap_squares=(nw.col("_gap") * nw.col("_gap")).cast(nw.Float64))
    sums += ["orders", "orders_window", "spend_window", "_gap", "_gap_squares"]
    customers = orders.group_by(KEY).agg(*(nw.col(n).sum() for n in sums), *edges)
    for part in _breadth(lines):
        customers = customers.join(part, on=KEY, how="left")
    return customers


def per_customer(customers: FrameT, moment: datetime) -> FrameT:
    """Turn sums over orders into the columns of the result."""
    names = customers.collect_schema().names()
    orders, today = nw.col("orders"), today_of(moment)
    gaps, days = orders - 1, nw.col("_gap")
    spread = nw.col("_gap_squares") / gaps - (days / gaps) * (days / gaps)
    spread = nw.when(spread > 1e-9).then(spread).otherwise(0.0)
    whole = nw.Int64
    return customers.select(
        KEY,
        *(["_row"] if "_row" in names else []),
        orders.cast(whole).alias("orders"),
        nw.col("_lines").cast(whole).alias("order_lines"),
        nw.col("_spend").alias("spend_total"),
        nw.col("orders_window").cast(whole),
        "spend_window",
        (today - nw.col("_first")).cast(whole).alias("tenure_days"),
        (today - nw.col("_last")).cast(whole).alias("days_since_last"),
        nw.when(gaps > 0).then(days / gaps).alias("gap_days_mean"),
        nw.when((gaps > 1) & (days > 0))
        .then(spread.sqrt() * gaps / days)
        .alias("gap_days_variation"),
        (nw.col("_lines") / orders).alias("basket_lines"),
        (nw.col("_spend") / orders).alias("basket_value"),
        *([(nw.col("_pieces") / orders).alias("basket_pieces")] if "_pieces" in names else []),
        nw.col("returns").cast(whole),
        "returns_total",
        (nw.col("returns") / (nw.col("returns") + nw.col("_lines"))).alias("return_share"),
        *(n for n in COUNTED.values() if n in names),
    )


def _breadth(lines: FrameT) -> Iterator[FrameT]:
    """Count different products, then categories; customers without any are filled in later."""
    names = lines.collect_schema().names()
    for column, counted in COUNTED.items():
        if column not in names:
            continue
        sold = lines.filter(nw.col("_sold"), ~nw.col(column).is_null())
        # Grouped twice: Narwhals writes `unique` for SQL as a window over every row.
        pairs = sold.group_by(KEY, column).agg(nw.len().alias("_n"))
        yield pairs.group_by(KEY).agg(nw.len().alias(counted))


def of_payments(lines: FrameT) -> FrameT | None:
    """Give each customer's share of order lines by method of payment, common methods only."""
    if "payment_method" not in lines.collect_schema().names():
        return None
    sold = lines.filter(nw.col("_sold"), ~nw.col("payment_method").is_null())
    used = collect(sold.group_by("payment_method").agg(nw.len().alias("n")))
    counts = sorted(((n, m) for m, n in used.iter_rows()), key=lambda pair: (-pair[0], pair[1]))
    enough = MIN_PAYMENT_SHARE * sum(n for n, _ in counts)
    methods = sorted(method for n, method in counts[:MAX_PAYMENT_METHODS] if n >= enough)
    if not methods:
        return None
    marks = {
        f"payment_share_{slug(method)}": nw.when(nw.col("payment_method") == method)
        .then(1.0)
        .otherwise(0.0)
        for method in methods
    }
    return sold.with_columns(**marks).group_by(KEY).agg(*(nw.col(name).mean() for name in marks))
