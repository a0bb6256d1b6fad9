"""How far each row's money is from what is usual: for its product, or for all."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
import pandas as pd

from segwork.quality.money import ledger, smallest_unit
from segwork.quality.sources import SourceTable, SourceTables
from segwork.results import Status

OFTEN = 3  # rows a product needs to have a usual price


class Jump(NamedTuple):
    """Rows whose money stands at a factor of the usual, and where they are, in words."""

    factor: float
    rows: np.ndarray
    where: str
    status: Status | None = None
    column: str = ""


@dataclass(frozen=True)
class Level:
    """How far each row's money is from its usual level.

    Parameters
    ----------
    column : str
    off : ndarray
        Log of the value less the log that is usual for its product (or for all); NaN where the
        value is not positive or its product is too rare to have a usual price.
    days : ndarray of int
        Days since 1970.
    order : ndarray of int
    value : ndarray
        The money itself, NaN where there is none.
    key : ndarray of int, optional
        The product (and currency) of each row.
    product : str
        The column with the product.
    """

    column: str
    off: np.ndarray
    days: np.ndarray
    order: np.ndarray
    value: np.ndarray
    key: np.ndarray | None
    product: str = ""

    @property
    def by_product(self) -> bool:
        """Whether products have usual prices here."""
        return self.key is not None

    @property
    def dated(self) -> np.ndarray:
        """Mark the rows with a known distance from the usual, and a day."""
        return np.isfinite(self.off) & (self.days > -(10**6))

    @property
    def unit(self) -> float:
        """The smallest unit of money seen."""
        return smallest_unit(self.value)

    def usual(self, rows: np.ndarray) -> np.ndarray:
        """Return each row's usual log, from some rows: its product's median, or that of all."""
        logs = pd.Series(np.log(self.value))
        if self.key is None:
            return np.full(len(logs), logs[rows].median())
        by = logs[rows].groupby(self.key[rows]).median()
        return by.reindex(self.key).to_numpy()

    def without(self, rows: np.ndarray) -> Level:
        """Return the level as if some rows had no money."""
        off, value = (np.where(rows, np.nan, v) for v in (self.off, self.value))
        return replace(self, off=off, value=value)

    def between(self, first: int, last: int) -> np.ndarray:
        """Mark the rows with money of a stretch of days."""
        return (self.days >= first) & (self.days <= last) & np.isfinite(self.value)


def levels_of(sources: SourceTables, source: SourceTable) -> Iterator[Level]:
    """Yield the level of unit prices, and of amounts a piece where these say more."""
    product = next((c for c in ("product_id", "product_description") if c in source), "")
    if "unit_price" in source:
        currency = "currency" if product and "currency" in source else ""
        yield _level(source, "unit_price", source.number("unit_price"), product, currency)
    money = ledger(sources) if "unit_price" in source else None
    converted = money is not None and money.local is not None
    if "amount" in source and ("unit_price" not in source or converted):
        amount = np.abs(source.number("amount"))
        if "quantity" in source:
            amount = amount / np.abs(source.number("quantity"))
        yield _level(source, "amount", amount, product)


def _level(source: SourceTable, column: str, value: np.ndarray, product: str, *more: str) -> Level:
    value = np.where(np.isfinite(value) & (value > 0), value, np.nan)
    logs = pd.Series(np.log(value))
    days = source.days()
    days = np.zeros(source.n, np.int64) if days is None else days
    order = source.group("order_id") if "order_id" in source else np.arange(source.n)
    own = [c for c in (product, *more) if c]
    key = (source.group(*own) if len(own) > 1 else source.codes(product)[0]) if product else None
    by = logs.groupby(np.zeros(source.n) if key is None else key)
    off = (logs - by.transform("median")).to_numpy(copy=True)
    off[by.transform("count").to_numpy() < OFTEN] = np.nan
    return Level(column, off, days, order, value, key, product)


def date(day: int) -> str:
    """Return a day since 1970 as it is written."""
    return str(np.datetime64(int(day), "D"))
