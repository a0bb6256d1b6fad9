"""DQ-T-01 to DQ-T-04: amounts, conversion and exchange rates of order lines."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd

from segwork.checks import Evidence, NotApplicable, Rule, check
from segwork.quality import statistics as st
from segwork.quality.money import Ledger, ledger
from segwork.quality.sources import SourceTable, SourceTables
from segwork.schema import Kind

SAME_RATE = 5e-4  # relative difference left by rounding the amounts
LEAST = 20  # rows of a currency, or of a part of it
MIXED, MIXED_ITEMS = 20.0, 5.0  # times the others' amounts; those of the same products
FROZEN_STRETCHES = 5  # at most, per currency


@check("DQ-T-01")
def amount_identity(sources: SourceTables, _: Rule) -> Iterator[Evidence]:
    """Amounts that are not quantity times price (times the rate, less the discount)."""
    source, money = _money(sources, "amount", "quantity", "unit_price")
    if not money.identity:
        raise NotApplicable("no rule from quantity and unit_price explains most amounts")
    left_as_is = money.foreign & _same(money.amount, money.local)
    rows = money.broken() & ~left_as_is
    rule = " ~ ".join((money.identity[0], " × ".join(money.identity[1:])))
    yield source.found(money.identity, rows, f"{rows.sum():,} rows break {rule}")
    if money.local is not None and money.local_columns[0] != "quantity":
        fits = st.agree(money.local, money.lines, 2 * money.unit, 0.001)
        known = np.isfinite(money.local) & np.isfinite(money.lines)
        abroad = known & money.foreign
        if abroad.any() and fits[abroad].mean() > 0.6:
            rows = known & ~fits
            note = f"{rows.sum():,} rows break {money.local_columns[0]} ~ quantity × unit_price"
            yield source.found((*money.local_columns, "quantity", "unit_price"), rows, note)


def _same(a: np.ndarray, b: np.ndarray | None) -> np.ndarray:
    return np.zeros(len(a), bool) if b is None else st.agree(a, b, 0.0, 0.01)


@check("DQ-T-02")
def unconverted(sources: SourceTables, _: Rule) -> Iterator[Evidence]:
    """Amounts of a foreign currency that are not the local amount times the rate."""
    source, money = _converted(sources)
    rows = _unconverted(money)
    abroad = money.foreign.sum()
    note = f"{rows.sum():,} of {abroad:,} foreign amounts are not local amount × rate"
    yield source.found((money.home_column, "currency"), rows, note)


def _unconverted(money: Ledger) -> np.ndarray:
    """Return the foreign rows whose amount misses local × rate by over 2 % and twice the usual."""
    if money.local is None or money.rate is None:
        return np.zeros(len(money.home), bool)
    off, raw = _apart(money.home / money.local, money.rate), _apart(money.home, money.local)
    rounding = 1.5 * money.unit / np.abs(money.local * money.rate)
    # At home the rate is 1; where there are prices and pieces, DQ-T-01 holds amounts to them.
    known = np.isfinite(off) & (money.foreign | ~np.isfinite(money.lines))
    if not money.rate_column and money.outside is None:
        return known & (raw < 0.005) & (np.abs(np.log(money.rate)) > 0.05) | known & (off > 1.0)
    usual = float(np.median(off[known])) if known.any() else 0.0
    wrong = known & (off > max(0.02, 3 * usual)) & (off > rounding)
    return wrong if money.rate_column else wrong & ((raw < 0.01) | (off > 0.25))


def _apart(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Return how far two amounts are apart in size, in logs."""
    return np.abs(np.log(np.abs(a / b)))


@check("DQ-T-03")
def stale_rate(sources: SourceTables, rule: Rule) -> Iterator[Evidence]:
    """Rates used that are not the dated rate of the outside table."""
    source, money = _converted(sources)
    used = money.rate if money.rate_column else None
    if used is None:
        used = np.where(_unconverted(money), np.nan, np.abs(money.home / money.local))
        if money.outside is None:
            raise NotApplicable("no column with the rate and no outside table of rates")
    fair = money.outside if money.outside is not None else _running_median(source, used)
    off = _apart(used, fair)
    rounding = 1.5 * money.unit / np.abs(money.home) if not money.rate_column else 0.0
    known = money.foreign & np.isfinite(off)
    usual = float(np.median(off[known])) if known.any() else 0.0
    wrong = known & (off > max(np.log1p(rule.limit), 3 * usual)) & (off > rounding)
    if wrong.any():
        wrong |= _frozen(source, used, fair, wrong, known)
    column = money.rate_column or money.home_column
    against = "the outside table" if money.outside is not None else "the currency's own median"
    note = f"{wrong.sum():,} rows use a rate over {rule.limit:.0%} from {against}"
    yield source.found((column, "currency"), wrong, note)


def _running_median(source: SourceTable, used: np.ndarray) -> np.ndarray:
    frame = pd.DataFrame({"c": source.codes("currency")[0], "m": source.days() // 91, "x": used})
    return frame.groupby("c")["x"].transform("median").to_numpy()


def _frozen(
    source: SourceTable, used: np.ndarray, fair: np.ndarray, wrong: np.ndarray, known: np.ndarray
) -> np.ndarray:
    """Add the rows around the wrong ones that share their rate while the fair rate moved."""
    stuck = np.zeros(source.n, bool)
    codes, days = source.codes("currency")[0], source.days()
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


@check("DQ-T-04")
def currency_country(sources: SourceTables, rule: Rule) -> Iterator[Evidence]:
    """Rare pairs of country and currency where the country otherwise settles the currency."""
    source = sources.need("transactions", "currency", "country")
    pairs = pd.DataFrame({"c": source.codes("country")[0], "m": source.codes("currency")[0]})
    pairs["n"] = pairs.groupby(["c", "m"])["m"].transform("size")
    pairs["of"] = pairs.groupby("c")["m"].transform("size")
    rare = (pairs["n"] / pairs["of"] < rule.limit) & (pairs["c"] >= 0) & (pairs["of"] >= 100)
    settled = 1 - rare.groupby(pairs["c"]).mean()
    rows = (rare & pairs["c"].map(settled).gt(0.99)).to_numpy()
    note = f"{rows.sum():,} rows in a currency their country hardly uses"
    yield source.found(("currency", "country"), rows, note)


def _money(sources: SourceTables, *columns: str) -> tuple[SourceTable, Ledger]:
    source, money = sources.need("transactions", *columns), ledger(sources)
    if money is None:
        raise NotApplicable("no amounts")
    return source, money


def _converted(sources: SourceTables) -> tuple[SourceTable, Ledger]:
    source, money = _money(sources, "amount", "currency")
    if money.local is None or money.rate is None:
        raise NotApplicable("no amounts in a foreign currency beside their local amounts")
    return source, money


@check("DQ-T-15")
def currency_label(sources: SourceTables, rule: Rule) -> Iterator[Evidence]:
    """Prices that are right in another currency than the label's, and amounts nobody converted."""
    source = sources.need("transactions", "currency")
    labels = source.sizes("currency")
    if (labels >= LEAST).sum() < 2:
        raise NotApplicable(f"fewer than two currencies with {LEAST} rows")
    yield from _other_label(source, rule.limit)
    money = ledger(sources)
    if "amount" in source and (money is None or money.local is None):
        yield from _mixed_amounts(source)


def _other_label(source: SourceTable, limit: float) -> Iterator[Evidence]:
    """Find parts of a label whose prices lie where those of another label do."""
    if not source.has("product_id", "unit_price"):
        return
    logs = np.log(source.number("unit_price"))
    label, item = source.codes("currency")[0], source.codes("product_id")[0]
    known = np.isfinite(logs) & (label >= 0) & (item >= 0)
    frame = pd.DataFrame({"label": label, "item": item, "log": logs})[known]
    usual = frame.pivot_table("log", index="item", columns="label", aggfunc="median")
    place = usual.index.get_indexer(frame["item"]), usual.columns.get_indexer(frame["label"])
    of_own = usual.to_numpy()[place]
    frame["off"] = frame["log"] - of_own
    for column in ("country", *source.extra(Kind.CATEGORY)):
        if column not in source:
            continue
        frame["part"] = source.codes(column)[0][known]
        for (own, part), rows in frame[frame["part"] >= 0].groupby(["label", "part"]):
            middle = float(rows["off"].median())
            for other in usual.columns.drop(own) if len(rows) >= LEAST else ():
                apart = float((usual[other] - usual[own]).median())
                if abs(apart) > 2 * limit and abs(middle - apart) < limit:
                    words = source.words("currency")
                    name = source.words(column)[int(part)]
                    fits = rows.index[np.abs(rows["off"] - apart) < np.abs(apart) / 2]
                    told = rows.index if len(fits) > 0.6 * len(rows) else fits
                    note = f"{len(told):,} rows where {column} is {name} are labelled"
                    note += f" {words[own]} at prices in {words[other]}"
                    yield source.found(("currency", "unit_price"), told.to_numpy(), note)


def _mixed_amounts(source: SourceTable) -> Iterator[Evidence]:
    """Find currencies whose amounts were never converted: orders of magnitude off the others."""
    amount, limit = np.abs(source.number("amount")), np.log(MIXED)
    if source.has("product_id", "quantity"):
        amount = amount / np.abs(source.number("quantity"))
    logs = pd.Series(np.where(amount > 0, np.log(amount), np.nan))
    if "product_id" in source:
        logs = logs - logs.groupby(source.codes("product_id")[0]).transform("median")
        limit = np.log(MIXED_ITEMS)
    by = logs.groupby(source.codes("currency")[0]).agg(["median", "size"])
    by = by[(by.index >= 0) & (by["size"] >= LEAST)]
    off = by["median"] - by["median"][by["size"].idxmax()]
    for code in off.index[off.abs() > limit]:
        rows, word = source.codes("currency")[0] == code, source.words("currency")[int(code)]
        note = f"{rows.sum():,} amounts in {word} are {np.exp(off[code]):,.3g} times the others"
        yield source.found(("amount", "currency"), rows, f"{note}: never converted")
