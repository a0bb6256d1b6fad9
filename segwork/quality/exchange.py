"""DQ-T-01 to DQ-T-04: amounts, conversion and exchange rates of order lines."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd

from segwork.quality import statistics as st
from segwork.quality.money import Ledger, ledger
from segwork.quality.result import Hit, Rule
from segwork.quality.sheet import Book, NotApplicable, Sheet
from segwork.results import Status

TABLE = "transactions"
SAME_RATE = 5e-4  # relative difference left by rounding the amounts
FROZEN_STRETCHES = 5  # at most, per currency


def amount_identity(book: Book, _: Rule) -> Iterator[Hit]:
    """Amounts that are not quantity times price (times the rate, less the discount)."""
    money = _money(book)
    if not money.identity:
        raise NotApplicable("no rule from quantity and unit_price explains most amounts")
    left_as_is = money.foreign & _same(money.amount, money.local)
    rows = np.flatnonzero(money.broken() & ~left_as_is)
    rule = " ~ ".join((money.identity[0], " × ".join(money.identity[1:])))
    yield Hit(TABLE, money.identity, rows, len(money.amount), f"{len(rows):,} rows break {rule}")
    if money.local is not None and money.local_columns[0] != "quantity":
        fits = st.agree(money.local, money.lines, 2 * money.unit, 0.001)
        known = np.isfinite(money.local) & np.isfinite(money.lines)
        abroad = known & money.foreign
        if abroad.any() and fits[abroad].mean() > 0.6:
            rows = np.flatnonzero(known & ~fits)
            note = f"{len(rows):,} rows break {money.local_columns[0]} ~ quantity × unit_price"
            yield Hit(
                TABLE, (*money.local_columns, "quantity", "unit_price"), rows, len(known), note
            )


def _same(a: np.ndarray, b: np.ndarray | None) -> np.ndarray:
    return np.zeros(len(a), bool) if b is None else st.agree(a, b, 0.0, 0.01)


def unconverted(book: Book, _: Rule) -> Iterator[Hit]:
    """Amounts of a foreign currency that are not the local amount times the rate."""
    money = _converted(book)
    rows = np.flatnonzero(_unconverted(money))
    note = f"{len(rows):,} of {money.foreign.sum():,} foreign amounts are not local amount × rate"
    yield Hit(TABLE, (money.home_column, "currency"), rows, len(money.home), note)


def _unconverted(money: Ledger) -> np.ndarray:
    """Return the foreign rows whose amount misses local × rate by over 2 % and twice the usual."""
    if money.local is None or money.rate is None:
        return np.zeros(len(money.home), bool)
    with np.errstate(divide="ignore", invalid="ignore"):
        off = np.abs(np.log(np.abs(money.home / money.local / money.rate)))
        raw = np.abs(np.log(np.abs(money.home / money.local)))
        rounding = 1.5 * money.unit / np.abs(money.local * money.rate)
        expected = np.abs(np.log(money.rate))
    # At home the rate is 1; where there are prices and pieces, DQ-T-01 holds amounts to them.
    known = np.isfinite(off) & (money.foreign | ~np.isfinite(money.lines))
    if not money.rate_column and money.outside is None:
        return known & (raw < 0.005) & (expected > 0.05) | known & (off > 1.0)
    usual = float(np.median(off[known])) if known.any() else 0.0
    wrong = known & (off > max(0.02, 3 * usual)) & (off > rounding)
    return wrong if money.rate_column else wrong & ((raw < 0.01) | (off > 0.25))


def stale_rate(book: Book, rule: Rule) -> Iterator[Hit]:
    """Rates used that are not the dated rate of the outside table."""
    money = _converted(book)
    used = money.rate if money.rate_column else None
    with np.errstate(divide="ignore", invalid="ignore"):
        if used is None:
            used = np.where(_unconverted(money), np.nan, np.abs(money.home / money.local))
            if money.outside is None:
                raise NotApplicable("no column with the rate and no outside table of rates")
        sheet = book.sheets[TABLE]
        fair = money.outside if money.outside is not None else _running_median(sheet, used)
        off = np.abs(np.log(used / fair))
        rounding = 1.5 * money.unit / np.abs(money.home) if not money.rate_column else 0.0
    known = money.foreign & np.isfinite(off)
    usual = float(np.median(off[known])) if known.any() else 0.0
    wrong = known & (off > max(np.log1p(rule.limit), 3 * usual)) & (off > rounding)
    if wrong.any():
        wrong |= _frozen(sheet, used, fair, wrong, known)
    rows = np.flatnonzero(wrong)
    column = money.rate_column or money.home_column
    against = "the outside table" if money.outside is not None else "the currency's own median"
    note = f"{len(rows):,} rows use a rate over {rule.limit:.0%} from {against}"
    yield Hit(TABLE, (column, "currency"), rows, sheet.n, note)


def _running_median(sheet: Sheet, used: np.ndarray) -> np.ndarray:
    frame = pd.DataFrame({"c": sheet.codes("currency")[0], "m": sheet.days() // 91, "x": used})
    return frame.groupby("c")["x"].transform("median").to_numpy()


def _frozen(
    sheet: Sheet, used: np.ndarray, fair: np.ndarray, wrong: np.ndarray, known: np.ndarray
) -> np.ndarray:
    """Add the rows around the wrong ones that share their rate while the fair rate moved."""
    stuck = np.zeros(sheet.n, bool)
    codes, days = sheet.codes("currency")[0], sheet.days()
    for code in np.unique(codes[wrong]):
        mine = np.flatnonzero(known & (codes == code))
        mine = mine[np.argsort(days[mine], kind="stable")]
        left = wrong[mine]
        for _ in range(FROZEN_STRETCHES):
            stretch = _stretch(used[mine], left)
            inside = mine[stretch]
            moved = len(inside) and np.ptp(fair[inside]) > 0.005 * np.median(used[inside])
            if not moved or len(np.unique(days[inside])) < 5:
                break
            stuck[inside] = True
            left &= ~stretch
    return stuck


def _stretch(used: np.ndarray, wrong: np.ndarray) -> np.ndarray:
    """Mark the unbroken stretch in time of the one rate that most of the wrong rows share."""
    if not wrong.any():
        return wrong
    alike = np.abs(used / np.median(used[wrong]) - 1) < SAME_RATE
    if (wrong & alike).sum() < 0.5 * wrong.sum():
        return np.zeros(len(used), bool)
    run = np.cumsum(np.diff(alike, prepend=False))
    return alike & np.isin(run, np.unique(run[wrong & alike]))


def currency_country(book: Book, rule: Rule) -> Iterator[Hit]:
    """Rare pairs of country and currency where the country otherwise settles the currency."""
    sheet = book.need(TABLE, "currency", "country")
    pairs = pd.DataFrame({"c": sheet.codes("country")[0], "m": sheet.codes("currency")[0]})
    pairs["n"] = pairs.groupby(["c", "m"])["m"].transform("size")
    pairs["of"] = pairs.groupby("c")["m"].transform("size")
    rare = (pairs["n"] / pairs["of"] < rule.limit) & (pairs["c"] >= 0) & (pairs["of"] >= 100)
    settled = 1 - rare.groupby(pairs["c"]).mean()
    rows = np.flatnonzero(rare & pairs["c"].map(settled).gt(0.99))
    note = f"{len(rows):,} rows in a currency their country hardly uses"
    yield Hit(
        TABLE,
        ("currency", "country"),
        rows,
        sheet.n,
        note,
        status=Status.WARNED if len(rows) else Status.PASSED,
    )


def _money(book: Book) -> Ledger:
    book.need(TABLE, "amount", "quantity", "unit_price")
    money = book.once("ledger", ledger)
    if money is None:
        raise NotApplicable("no amounts")
    return money


def _converted(book: Book) -> Ledger:
    book.need(TABLE, "amount", "currency")
    money = book.once("ledger", ledger)
    if money is None or money.local is None or money.rate is None:
        raise NotApplicable("no amounts in a foreign currency beside their local amounts")
    return money


CHECKS = {
    "DQ-T-01": amount_identity,
    "DQ-T-02": unconverted,
    "DQ-T-03": stale_rate,
    "DQ-T-04": currency_country,
}
