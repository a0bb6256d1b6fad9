"""Plain exact counts, each with the definition it is counted by."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd

from segwork.quality.returns import cancelled, returned
from segwork.quality.sources import SourceTable, SourceTables
from segwork.quality.spellings import fold_id
from segwork.quality.transactional import code_shape, item_pattern
from segwork.schema import TABLES

Count = tuple[str, float | int | str, str]
WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")


def counts_of(sources: SourceTables) -> pd.DataFrame:
    """Return the counts of every table: name, value, definition."""
    rows: list[Count] = []
    for name in TABLES:
        if (source := sources.get(name)) is not None:
            label = "rows" if name == "transactions" else f"{name}_rows"
            rows.append((label, source.n, f"rows of {name}, as they came"))
            rows.append((f"{name}_columns", source.frame.shape[1], f"columns of {name}"))
    if (lines := sources.get("transactions")) is not None:
        for part in (_customers, _copies, _money, _codes, _orders, _calendar):
            rows += list(part(lines, sources.as_of))
    if (people := sources.get("customers")) is not None and "income" in people:
        empty = int(people.missing("income").sum())
        rows.append(("missing_income_rows", empty, "customers without an income"))
        rows.append(("missing_income_share", empty / people.n, "the same as a share of customers"))
    return pd.DataFrame(rows, columns=["name", "value", "definition"])


def _customers(source: SourceTable, _: np.datetime64) -> Iterator[Count]:
    empty = int(source.missing("customer_id").sum())
    yield "missing_customer_rows", empty, "order lines whose customer_id is empty"
    yield "missing_customer_share", empty / source.n, "the same as a share of the order lines"
    yield (
        "customers",
        len(source.codes("customer_id")[1]),
        "distinct customer_id with an order line",
    )
    if "product_description" in source:
        empty = int(source.missing("product_description").sum())
        yield "missing_description_rows", empty, "order lines whose product_description is empty"


def _copies(source: SourceTable, _: np.datetime64) -> Iterator[Count]:
    group = pd.Series(source.group(*source.frame.columns))
    surplus = int(group.duplicated().sum())
    members = int(group.duplicated(keep=False).sum())
    yield "surplus_duplicate_rows", surplus, "copies of a whole source row after its first"
    yield "surplus_duplicate_share", surplus / source.n, "the same as a share of the order lines"
    yield "duplicate_group_rows", members, "rows that have at least one copy, first ones included"


def _money(source: SourceTable, _: np.datetime64) -> Iterator[Count]:
    lines = cancelled(source)
    if lines.any():
        orders = len(np.unique(source.codes("order_id")[0][lines]))
        yield "cancelled_lines", int(lines.sum()), "lines of orders whose id has the cancel prefix"
        yield "cancelled_orders", orders, "distinct orders with the cancel prefix"
    with np.errstate(invalid="ignore"):
        if "quantity" in source:
            quantity = source.number("quantity")
            below = quantity < 0
            yield "negative_quantities", int(below.sum()), "order lines with quantity < 0"
            marked = returned(source)
            if marked is not None:
                unmarked = int((below & ~marked).sum())
                meaning = "quantity < 0, not marked as return or cancellation"
                yield "unexplained_negative_quantities", unmarked, meaning
            if pair := _mirror(quantity):
                yield "largest_mirror_quantity", pair, "largest q with both +q and −q in the data"
        if "unit_price" in source:
            price = source.number("unit_price")
            yield "nonpositive_prices", int((price <= 0).sum()), "order lines with unit_price ≤ 0"
            yield "zero_prices", int((price == 0).sum()), "order lines with unit_price = 0"
            yield "negative_prices", int((price < 0).sum()), "order lines with unit_price < 0"


def _mirror(quantity: np.ndarray) -> int:
    sizes = np.unique(quantity[np.isfinite(quantity)])
    both = np.intersect1d(sizes[sizes > 0], -sizes[sizes < 0])
    return int(both.max()) if len(both) and both.max() >= 1000 else 0


def _codes(source: SourceTable, _: np.datetime64) -> Iterator[Count]:
    if "product_id" not in source:
        return
    words = source.words("product_id")
    variants = len(set(words)) - len({fold_id(w) for w in words})
    yield "product_codes", len(words), "distinct product_id"
    yield (
        "product_codes_case_variants",
        variants,
        "distinct product_id less distinct when folded to one case",
    )
    if pattern := item_pattern(source):
        odd = source.where("product_id", lambda w: not code_shape(w).startswith(pattern))
        odd &= ~source.missing("product_id")
        codes = len(np.unique(source.codes("product_id")[0][odd]))
        meaning = f"whose product_id does not begin as {pattern} (9 = digit, A = letter)"
        yield "non_product_rows", int(odd.sum()), f"order lines {meaning}"
        yield "non_product_codes", codes, f"distinct codes {meaning}"
    if "product_description" in source:
        trimmed = pd.factorize(
            np.array([w.strip() for w in source.words("product_description")], object)
        )[0]
        texts = pd.Series(np.append(trimmed, -1)[source.codes("product_description")[0]])
        texts = texts.where(texts >= 0)
        several = int((texts.groupby(source.codes("product_id")[0]).nunique() > 1).sum())  # noqa: PD101 - counts groups
        yield (
            "codes_with_several_descriptions",
            several,
            "product_id with over one product_description, outer spaces trimmed",
        )


def _orders(source: SourceTable, _: np.datetime64) -> Iterator[Count]:
    if "order_id" in source:
        times = pd.Series(source.codes("ordered_at")[0])
        times = times.where(times >= 0)
        several = int((times.groupby(source.codes("order_id")[0]).nunique() > 1).sum())  # noqa: PD101 - counts groups
        yield "orders", len(source.codes("order_id")[1]), "distinct order_id"
        yield "orders_with_several_times", several, "order_id with over one ordered_at"
    if "country" in source:
        places = pd.Series(source.codes("country")[0])
        places = places.where(places >= 0)
        who = pd.Series(source.codes("customer_id")[0])
        several = int((places[who >= 0].groupby(who[who >= 0]).nunique() > 1).sum())  # noqa: PD101 - counts groups
        yield "customers_in_several_countries", several, "customer_id with over one country"


def _calendar(source: SourceTable, as_of: np.datetime64) -> Iterator[Count]:
    when = source.when()
    days = np.unique(when[~np.isnat(when)].astype("datetime64[D]"))
    days = days[days < as_of]
    if len(days) < 2:
        return
    gaps = np.diff(days).astype(int)
    weekday = (days.astype(np.int64) + 3) % 7
    closed = [WEEKDAYS[w] for w in range(7) if not (weekday == w).any()]
    months = days.astype("datetime64[M]")
    last = int((months == months[-1]).sum())
    yield "trading_days", len(days), "days before as_of with at least one order line"
    yield "longest_gap_days", int(gaps.max()), "longest step between two trading days, in days"
    yield "longest_gap_ends", str(days[gaps.argmax() + 1]), "the trading day after that step"
    yield (
        "weekdays_without_orders",
        ", ".join(closed) or "none",
        "weekdays with no order line at all",
    )
    yield "last_month_trading_days", last, f"trading days in {months[-1]}, the last month"
