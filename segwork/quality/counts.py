"""Plain exact counts, each with the definition it is counted by."""

from __future__ import annotations

import calendar
import tomllib
from importlib import resources

import numpy as np
import pandas as pd

from segwork.quality.returns import cancelled, returned
from segwork.quality.sources import SourceTable, SourceTables
from segwork.quality.spellings import fold_id
from segwork.quality.transactional import item_pattern, other_codes
from segwork.schema import TABLES

Counts = dict[str, float | int | str]
_FILE = resources.files("segwork.quality").joinpath("counts.toml")


def counts_of(sources: SourceTables) -> pd.DataFrame:
    """Return the counts of every table: name, value, definition."""
    found: Counts = {}
    meant = tomllib.loads(_FILE.read_text("utf-8"))
    for name in TABLES:
        if (source := sources.get(name)) is not None:
            label = "rows" if name == "transactions" else f"{name}_rows"
            found |= {label: source.n, f"{name}_columns": source.frame.shape[1]}
            meant |= {
                label: f"rows of {name}, as they came",
                f"{name}_columns": f"columns of {name}",
            }
    words: dict[str, str] = {}
    if (lines := sources.get("transactions")) is not None:
        for part in (_customers, _copies, _money, _codes, _orders):
            found |= part(lines)
        found |= _calendar(lines, sources.as_of, words)
        words["pattern"] = item_pattern(lines) if "product_id" in lines else ""
    if (people := sources.get("customers")) is not None and "income" in people:
        empty = int(people.missing("income").sum())
        found |= {"missing_income_rows": empty, "missing_income_share": empty / people.n}
    rows = [(name, value, meant[name].format(**words)) for name, value in found.items()]
    return pd.DataFrame(rows, columns=["name", "value", "definition"])


def _customers(source: SourceTable) -> Counts:
    empty = int(source.missing("customer_id").sum())
    found: Counts = {"missing_customer_rows": empty, "missing_customer_share": empty / source.n}
    found["customers"] = len(source.words("customer_id"))
    if "product_description" in source:
        found["missing_description_rows"] = int(source.missing("product_description").sum())
    return found


def _copies(source: SourceTable) -> Counts:
    group = pd.Series(source.group(*source.frame.columns))
    surplus, members = (int(group.duplicated(keep=keep).sum()) for keep in ("first", False))
    return {
        "surplus_duplicate_rows": surplus,
        "surplus_duplicate_share": surplus / source.n,
        "duplicate_group_rows": members,
    }


def _money(source: SourceTable) -> Counts:
    found: Counts = {}
    if (lines := cancelled(source)).any():
        orders = len(np.unique(source.codes("order_id")[0][lines]))
        found = {"cancelled_lines": int(lines.sum()), "cancelled_orders": orders}
    if "quantity" in source:
        quantity = source.number("quantity")
        found["negative_quantities"] = int((quantity < 0).sum())
        if (marked := returned(source)) is not None:
            found["unexplained_negative_quantities"] = int(((quantity < 0) & ~marked).sum())
        known = quantity[np.isfinite(quantity)]
        largest = int(np.intersect1d(known, -known).max(initial=0))
        if largest >= 1000:
            found["largest_mirror_quantity"] = largest
    if "unit_price" in source:
        price = source.number("unit_price")
        found["nonpositive_prices"] = int((price <= 0).sum())
        found["zero_prices"] = int((price == 0).sum())
        found["negative_prices"] = int((price < 0).sum())
    return found


def _codes(source: SourceTable) -> Counts:
    if "product_id" not in source:
        return {}
    words = source.words("product_id")
    variants = len(set(words)) - len({fold_id(w) for w in words})
    found: Counts = {"product_codes": len(words), "product_codes_case_variants": variants}
    if item_pattern(source):
        odd = other_codes(source)
        found["non_product_rows"] = int(odd.sum())
        found["non_product_codes"] = len(np.unique(source.codes("product_id")[0][odd]))
    if "product_description" in source:
        texts = pd.factorize(source.mapped("product_description", str.strip))[0]
        texts = np.where(source.missing("product_description"), -1, texts)
        found["codes_with_several_descriptions"] = _several(source, "product_id", texts)
    return found


def _several(source: SourceTable, column: str, codes: np.ndarray) -> int:
    """Return how many values of a column come with more than one other value."""
    values = pd.Series(codes)[codes >= 0].groupby(source.codes(column)[0][codes >= 0]).nunique()
    return int((values > 1).sum())


def _orders(source: SourceTable) -> Counts:
    found: Counts = {}
    if "order_id" in source:
        found["orders"] = len(source.words("order_id"))
        times = source.codes("ordered_at")[0]
        found["orders_with_several_times"] = _several(source, "order_id", times)
    if "country" in source:
        places = np.where(source.missing("customer_id"), -1, source.codes("country")[0])
        found["customers_in_several_countries"] = _several(source, "customer_id", places)
    return found


def _calendar(source: SourceTable, as_of: np.datetime64, words: dict[str, str]) -> Counts:
    when = source.when()
    days = np.unique(when[~np.isnat(when)].astype("datetime64[D]"))
    days = days[days < as_of]
    if len(days) < 2:
        return {}
    gaps = np.diff(days).astype(int)
    months = days.astype("datetime64[M]")
    words["month"] = str(months[-1])
    open_days = set(((days.astype(np.int64) + 3) % 7).tolist())
    closed = [name for day, name in enumerate(calendar.day_name) if day not in open_days]
    return {
        "trading_days": len(days),
        "longest_gap_days": int(gaps.max()),
        "longest_gap_ends": str(days[gaps.argmax() + 1]),
        "weekdays_without_orders": ", ".join(closed) or "none",
        "last_month_trading_days": int((months == months[-1]).sum()),
    }
