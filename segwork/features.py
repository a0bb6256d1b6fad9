"""One row per customer as of a date: one definition, in Narwhals, for every engine.

Time is cut once, by :func:`segwork.tables.until`; nothing after ``as_of`` can change a value.
Amounts are taken as money in the home currency, as the data contract says.
"""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Any

import narwhals as nw

from segwork import tables as _tables
from segwork.errors import DataError, UsageError
from segwork.schema import CUSTOMERS, Kind
from segwork.tables import Tables, lazy
from segwork.tables.engines import is_lazy_sql

CALLS = ("call", "phone", "telephone")
CART_WORDS = "add.*(cart|basket)|(cart|basket).*add|^cart$|^basket$"
BOUGHT_WORDS = "purchase|bought|order|paid|payment|^checkout$|checkout_complete"
COMPLAINT_WORDS = "complain"
MAX_PAYMENT_METHODS = 8
MIN_PAYMENT_SHARE = 0.01
SCORES = {"days_since_last": False, "orders": True, "spend_total": True}

LONG_AGO = -1_000_000  # days before 1970

_ID = "customer_id"


def customer_features(
    tables: Tables, *, as_of: date | datetime | str, window_days: int = 365
) -> Any:
    """Describe every customer who has bought before ``as_of``, one row each.

    Parameters
    ----------
    tables : Tables
        Checked tables; only those present give columns.
    as_of : date, datetime or str
        Rows at or after it (midnight for a date) are not used.
    window_days : int, default 365
        Length of the window that ends at ``as_of``, for the columns ending in ``_window``.

    Returns
    -------
    native frame
        Of the same kind as ``tables.transactions``: pandas, Polars, DuckDB or Spark. One row per
        ``customer_id`` with at least one order line that is no return. Frames in memory are
        sorted by first appearance in the source; lazy ones by first and last order, number of
        orders and lines, spend, and only then by id.

        From ``transactions`` (an order line counts unless it is a return: ``is_return``, a
        negative quantity or a negative amount; lines of quantity 0 count nowhere; money that is
        missing adds nothing):

        ==================  =====================================================================
        orders              different ``order_id``; without one, days with an order line
        order_lines         order lines
        spend_total         money of those lines
        orders_window       orders of the last ``window_days`` days
        spend_window        their money
        returns             return lines
        returns_total       money given back, as a positive number
        return_share        returns / (returns + order_lines)
        tenure_days         whole days from the day of the first order to ``as_of``
        days_since_last     whole days from the day of the last order line to ``as_of``
        gap_days_mean       mean days between orders; missing with one order
        gap_days_variation  standard deviation of the gaps (n in the denominator) / their mean;
                            missing with fewer than three orders or a mean of 0
        basket_lines        order_lines / orders
        basket_value        spend_total / orders
        basket_pieces       quantity / orders
        products            different ``product_id``
        categories          different ``product_category``
        payment_share_…     share of order lines paid by each method that has at least 1 % of
                            all lines, eight at most
        ==================  =====================================================================

        From ``behaviour``: events, sessions, days_active, days_active_7, days_active_30 (of the
        last 7 and 30 days), days_since_active, carts_left (sessions, or days where there is no
        ``session_id``, with a cart event and no purchase event). From ``interactions``: contacts,
        calls, complaints, complaints_30 (of the last 30 days), handling_minutes. Both count
        nothing as 0. From ``customers``: age (from ``birth_year`` where that is all there is) and
        the demographic, geographic and psychographic columns of the contract, and any extra
        column beginning with ``lifestyle``. From ``external``: ``external_<name>``, the latest
        value published before ``as_of`` for the customer's region.

    Raises
    ------
    DataError
        Nobody has an order line before ``as_of``.
    UsageError
        ``window_days`` is not positive, or ``as_of`` is no date.

    Examples
    --------
    >>> import pandas as pd
    >>> lines = pd.DataFrame({
    ...     "customer_id": ["b", "a", "b"],
    ...     "ordered_at": pd.to_datetime(["2011-12-01", "2011-12-05", "2011-12-08"]),
    ...     "amount": [10.0, 7.0, 20.0],
    ... })
    >>> found = customer_features(_tables.from_frames(transactions=lines), as_of="2011-12-10")
    >>> found[["customer_id", "orders", "spend_total", "days_since_last"]].values.tolist()
    [['b', 2, 30.0, 2], ['a', 1, 7.0, 5]]
    """
    if window_days <= 0:
        raise UsageError(f"window_days is {window_days}", accepted="a positive number of days")
    moment = _tables.instant(as_of)
    past = _tables.until(tables, moment)
    lines = _lines(past.transactions)
    found = _orders(lines, moment, window_days)
    for part in (
        _breadth(lines),
        _payments(lines),
        _behaviour(past.behaviour, moment),
        _interactions(past.interactions, moment),
        _attributes(past.customers, moment),
    ):
        if part is not None:
            found = found.join(part, on=_ID, how="left")
    found = _external(_fill(found), past.external)
    return _sorted(found).to_native()


def rfm(features: Any) -> Any:
    """Score customers 1 to 5, 5 best, on days since last order, orders and spend.

    Parameters
    ----------
    features : native frame
        From :func:`customer_features`.

    Returns
    -------
    native frame
        ``customer_id``, ``score_days_since_last``, ``score_orders``, ``score_spend`` (1–5) and
        ``score_sum`` (3–15). A score is the fifth of customers a value lies in, counted from the
        worst: 1 + floor(5 × customers strictly worse / customers). Equal values therefore get
        equal scores, and a fifth may be empty.

    Examples
    --------
    >>> import pandas as pd
    >>> frame = pd.DataFrame({"customer_id": list("abcde"), "days_since_last": [1, 2, 3, 4, 5],
    ...                       "orders": [1, 1, 1, 1, 9], "spend_total": [5.0, 4, 3, 2, 1]})
    >>> rfm(frame)[["score_days_since_last", "score_orders"]].values.tolist()
    [[5, 1], [4, 1], [3, 1], [2, 1], [1, 5]]
    """
    frame = nw.from_native(features)
    scores = []
    for name, more_is_better in SCORES.items():
        worse = nw.col(name).rank("min", descending=not more_is_better) - 1
        score = (5 * worse).cast(nw.Int64) // nw.len() + 1
        scores.append(score.cast(nw.Int64).alias(f"score_{name.removesuffix('_total')}"))
    scored = frame.select(_ID, *scores)
    total = sum((nw.col(f"score_{n.removesuffix('_total')}") for n in SCORES), nw.lit(0))
    return scored.with_columns(score_sum=total).to_native()


def _lines(transactions: Any) -> Any:
    """Mark every line of a known customer as sale or return, and name its order."""
    frame = nw.from_native(transactions)
    names = frame.collect_schema().names()
    if isinstance(frame, nw.DataFrame):
        frame = frame.with_row_index("_row")
    frame = _with_day(frame.filter(~nw.col(_ID).is_null()), "ordered_at")
    back = nw.col("amount").fill_null(0.0) < 0
    if "quantity" in names:
        back = back | (nw.col("quantity").fill_null(1) < 0)
    if "is_return" in names:
        back = back | nw.col("is_return").fill_null(False)
    sold = ~back & (nw.col("quantity").fill_null(1) > 0) if "quantity" in names else ~back
    kept = [
        n for n in ("quantity", "product_id", "product_category", "payment_method") if n in names
    ]
    return frame.select(
        _ID,
        "amount",
        "_day",
        *kept,
        *(["_row"] if isinstance(frame, nw.DataFrame) else []),
        _order(frame, names).alias("_order"),
        back.alias("_back"),
        sold.alias("_sold"),
    )


def _order(frame: Any, names: list[str]) -> nw.Expr:
    """Name the order of a line; lines of one day are one order where there is no ``order_id``."""
    if "order_id" not in names:
        return nw.col("_day")
    if isinstance(frame, nw.DataFrame) and frame["order_id"].null_count() == 0:
        return nw.col("order_id")
    return nw.coalesce(nw.col("order_id"), nw.col("_day").cast(nw.String))


def _orders(lines: Any, moment: datetime, window_days: int) -> Any:
    """Aggregate lines to orders and orders to customers, returns beside them, in one pass."""
    names = lines.collect_schema().names()
    sold, back, today = nw.col("_sold"), nw.col("_back"), _today(moment)
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
    orders = marked.group_by(_ID, "_order").agg(*(nw.col(n).sum() for n in sums), *edges)
    real = nw.col("_lines") > 0  # orders of returns alone come last and count nothing
    recent = real & (nw.col("_first") >= today - window_days)
    gap = nw.col("_first") - nw.col("_first").shift(1).over(_ID, order_by="_first")
    orders = orders.with_columns(
        orders=nw.when(real).then(1).otherwise(0),
        orders_window=nw.when(recent).then(1).otherwise(0),
        spend_window=nw.when(recent).then(nw.col("_spend")).otherwise(0.0),
        _gap=nw.when(real).then(gap.fill_null(0)).otherwise(0),
    )
    orders = orders.with_columns(_gap_squares=(nw.col("_gap") * nw.col("_gap")).cast(nw.Float64))
    sums += ["orders", "orders_window", "spend_window", "_gap", "_gap_squares"]
    customers = orders.group_by(_ID).agg(*(nw.col(n).sum() for n in sums), *edges)
    return _per_customer(customers.filter(nw.col("orders") > 0), moment)


def _per_customer(customers: Any, moment: datetime) -> Any:
    """Turn sums over orders into the columns of the result."""
    names = customers.collect_schema().names()
    orders, today = nw.col("orders"), _today(moment)
    gaps, days = orders - 1, nw.col("_gap")
    spread = nw.col("_gap_squares") / gaps - (days / gaps) * (days / gaps)
    spread = nw.when(spread > 1e-9).then(spread).otherwise(0.0)
    whole = nw.Int64
    return customers.select(
        _ID,
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
    )


def _breadth(lines: Any) -> Any:
    """Count different products and categories; customers without any are filled in later."""
    names = lines.collect_schema().names()
    found = None
    for column, counted in {"product_id": "products", "product_category": "categories"}.items():
        if column not in names:
            continue
        sold = lines.filter(nw.col("_sold"), ~nw.col(column).is_null())
        part = sold.select(_ID, column).unique().group_by(_ID).agg(nw.len().alias(counted))
        found = part if found is None else found.join(part, on=_ID, how="left")
    return found


def _payments(lines: Any) -> Any:
    """Give each customer's share of order lines by method of payment, common methods only."""
    if "payment_method" not in lines.collect_schema().names():
        return None
    sold = lines.filter(nw.col("_sold"), ~nw.col("payment_method").is_null())
    used = _collect(sold.group_by("payment_method").agg(nw.len().alias("n")))
    counts = sorted(((n, m) for m, n in used.iter_rows()), key=lambda pair: (-pair[0], pair[1]))
    enough = MIN_PAYMENT_SHARE * sum(n for n, _ in counts)
    methods = sorted(method for n, method in counts[:MAX_PAYMENT_METHODS] if n >= enough)
    if not methods:
        return None
    marks = {
        f"payment_share_{_slug(method)}": nw.when(nw.col("payment_method") == method)
        .then(1.0)
        .otherwise(0.0)
        for method in methods
    }
    return sold.with_columns(**marks).group_by(_ID).agg(*(nw.col(name).mean() for name in marks))


def _behaviour(behaviour: Any, moment: datetime) -> Any:
    """Count events, sessions, active days and carts left behind."""
    if behaviour is None:
        return None
    frame = nw.from_native(behaviour).filter(~nw.col(_ID).is_null())
    has_session = "session_id" in frame.collect_schema().names()
    event = nw.col("event").cast(nw.String).str.to_lowercase()
    frame = _with_day(frame, "occurred_at").with_columns(
        _cart=nw.when(event.str.contains(CART_WORDS)).then(1).otherwise(0),
        _bought=nw.when(event.str.contains(BOUGHT_WORDS)).then(1).otherwise(0),
    )
    visit = "session_id" if has_session else "_day"
    visits = (
        frame.filter(~nw.col(visit).is_null())
        .group_by(_ID, visit)
        .agg(nw.col("_cart").max(), nw.col("_bought").max())
    )
    left = (nw.col("_cart") == 1) & (nw.col("_bought") == 0)
    visits = visits.with_columns(_left=nw.when(left).then(1).otherwise(0))
    sessions = [nw.len().alias("sessions")] if has_session else []
    found = visits.group_by(_ID).agg(*sessions, nw.col("_left").sum().alias("carts_left"))
    days = frame.group_by(_ID, "_day").agg(nw.len().alias("_events"))
    for span in (7, 30):
        recent = nw.col("_day") >= _today(moment) - span
        days = days.with_columns(nw.when(recent).then(1).otherwise(0).alias(f"days_active_{span}"))
    active = days.group_by(_ID).agg(
        nw.col("_events").sum().alias("events"),
        nw.len().alias("days_active"),
        nw.col("days_active_7").sum(),
        nw.col("days_active_30").sum(),
        nw.col("_day").max(),
    )
    active = active.with_columns(days_since_active=_today(moment) - nw.col("_day")).drop("_day")
    return active.join(found, on=_ID, how="left")


def _interactions(interactions: Any, moment: datetime) -> Any:
    """Count contacts, calls and complaints, and add up handling minutes."""
    if interactions is None:
        return None
    frame = nw.from_native(interactions).filter(~nw.col(_ID).is_null())
    names = frame.collect_schema().names()
    call = nw.col("channel").cast(nw.String).str.to_lowercase().is_in(CALLS)
    frame = frame.with_columns(calls=nw.when(call).then(1).otherwise(0))
    sums = ["calls"]
    if "kind" in names:
        kind = nw.col("kind").cast(nw.String).str.to_lowercase()
        complaint = kind.str.contains(COMPLAINT_WORDS).fill_null(False)
        recent = nw.col("occurred_at") >= moment - timedelta(days=30)
        frame = frame.with_columns(
            complaints=nw.when(complaint).then(1).otherwise(0),
            complaints_30=nw.when(complaint & recent).then(1).otherwise(0),
        )
        sums += ["complaints", "complaints_30"]
    if "handling_minutes" in names:
        sums.append("handling_minutes")
    return frame.group_by(_ID).agg(
        nw.len().alias("contacts"), *(nw.col(name).sum() for name in sums)
    )


def _attributes(customers: Any, moment: datetime) -> Any:
    """Take the attributes of the contract; of a customer listed twice the first row counts.

    A lazy engine has no first row: there the largest value of each column counts.
    """
    if customers is None:
        return None
    frame = nw.from_native(customers).filter(~nw.col(_ID).is_null())
    names = frame.collect_schema().names()
    known = [c.name for c in CUSTOMERS.columns if c.kind in (Kind.NUMBER, Kind.CATEGORY)]
    kept = [n for n in known if n in names and n not in ("birth_year", "age")]
    kept += [n for n in names if n.startswith("lifestyle") and n not in kept]
    age = []
    if "age" in names:
        age = [nw.col("age")]
    elif "birth_year" in names:
        age = [(moment.year - nw.col("birth_year")).alias("age")]
    frame = frame.select(_ID, *age, *kept)
    if isinstance(frame, nw.DataFrame):
        return frame.unique(_ID, keep="first", maintain_order=True)
    rest = [n for n in frame.collect_schema().names() if n != _ID]
    return frame.group_by(_ID).agg(*(nw.col(name).max() for name in rest))


def _external(found: Any, external: Any) -> Any:
    """Add the latest published value of each regional series to the customers of that region."""
    names = found.collect_schema().names()
    if external is None or "region" not in names:
        return found
    frame = nw.from_native(external)
    if "region" not in frame.collect_schema().names():
        return found
    rows = _collect(
        frame.filter(~nw.col("region").is_null(), ~nw.col("value").is_null()).select(
            "name", "region", "date", "value"
        )
    )
    latest: dict[str, dict[str, tuple[Any, float]]] = {}
    for name, region, day, value in rows.iter_rows():
        known = latest.setdefault(name, {}).get(region)
        if known is None or (day, value) > known:
            latest[name][region] = (day, value)
    columns = []
    for name in sorted(latest):
        value = nw.lit(None, nw.Float64)
        for region in sorted(latest[name]):
            value = (
                nw.when(nw.col("region") == region).then(latest[name][region][1]).otherwise(value)
            )
        columns.append(value.alias(f"external_{_slug(name)}"))
    return found.with_columns(*columns)


def _fill(found: Any) -> Any:
    """Count what a customer has none of as 0; a share or a time that is not there stays so."""
    counts = (
        "products", "categories", "events", "sessions", "days_active", "days_active_7",
        "days_active_30", "carts_left", "contacts", "calls", "complaints", "complaints_30",
    )  # fmt: skip
    names = found.collect_schema().names()
    whole = [nw.col(n).fill_null(0).cast(nw.Int64) for n in counts if n in names]
    spent = [nw.col(n).fill_null(0.0) for n in ("handling_minutes",) if n in names]
    return found.with_columns(*whole, *spent)


def _sorted(found: Any) -> Any:
    names = found.collect_schema().names()
    if "_row" in names:
        found = found.sort("_row").drop("_row")
        if found.shape[0] == 0:
            raise DataError("nobody has an order line before as_of", hint="is as_of right?")
        return found
    keys = ("tenure_days", "days_since_last", "orders", "order_lines", "spend_total")
    return found.sort(*keys, _ID, descending=[*[True] * len(keys), False])


def _with_day(frame: Any, column: str) -> Any:
    """Add ``_day``, whole days since 1970: SQL engines share no Narwhals way to count them."""
    native = frame.to_native()
    if is_lazy_sql(native):
        return nw.from_native(lazy.with_day(native, column))
    return frame.with_columns(_day=nw.col(column).dt.timestamp("us") // 86_400_000_000)


def _today(moment: datetime) -> int:
    return (moment - datetime(1970, 1, 1)).days


def _collect(frame: Any) -> Any:
    return frame.collect() if isinstance(frame, nw.LazyFrame) else frame


def _slug(text: str) -> str:
    return "_".join("".join(c if c.isalnum() else " " for c in str(text).lower()).split())
