"""DQ-G-17 and DQ-B-12: orders as baskets; loads that come again, buyers no person can be."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd

from segwork.checks import Evidence, Inconclusive, NotApplicable, Rule, check, rules
from segwork.quality import statistics as st
from segwork.quality.customer_ids import stands_for_nobody
from segwork.quality.sources import SourceTable, SourceTables, kept
from segwork.schema import Kind

TELLING = 3  # lines a basket needs to be told from strangers' baskets
BATCH = 5  # orders that come again together
LOAD = 20  # rows of a sequence of several orders
CHANCE = 1e-4  # of one sequence of rows that comes again by chance, in the whole table
LONGEST = 64  # rows of a sequence
DAY = 86_400
LEAST_ORDERS, LEAST_BUYERS = 100, 30
LARGE, LARGER = 2.0, 5.0  # times the third largest buyer's orders
STRANGERS = 0.9  # of the articles of as many lines of strangers
SAME_ORDERS, SAME_SHARE = 15, 0.9  # orders of one basket, on most of the days
EVEN_ORDERS, EVEN = 20, 0.1  # orders at even gaps; middle half of the gaps against their median
WEEKDAYS = 4
SELDOM = 6 * DAY  # subscriptions come by the week or month


@check("DQ-G-17")
def repeated_loads(sources: SourceTables, rule: Rule) -> Iterator[Evidence]:
    """Orders, or sequences of rows, that come again whole under new numbers, as a batch."""
    source = sources.need("transactions")
    orders = baskets(source)
    if len(orders) < 2 * BATCH:
        raise Inconclusive(f"{len(orders)} orders, {2 * BATCH} are needed")
    found = [_batch(orders, apart, rule.limit) for apart in _distances(orders)]
    told = found and ("order_id" in source or _timed(orders))
    again = orders[np.any(found, axis=0)] if told else orders.iloc[:0]
    rows = np.union1d(_sequences(source), _lines_of(source, again)).astype(int)
    if len(rows):
        days = source.days()[rows]
        first, last = (np.datetime64(int(day), "D") for day in (days.min(), days.max()))
        note = f"{len(rows):,} rows from {first} to {last} repeat others under new numbers"
        columns = [c for c in ("order_id", "customer_id") if c in source]
        yield source.found(tuple(columns), rows, note)


def _lines_of(source: SourceTable, orders: pd.DataFrame) -> np.ndarray:
    if not len(orders):
        return st.NONE
    return np.flatnonzero(np.isin(_order_of(source), orders["order"]))


def _timed(orders: pd.DataFrame) -> bool:
    """Say whether orders have a time of day, which tells a copy from a habit."""
    return bool((orders["at"] % DAY != 0).mean() > 0.5)


@kept
def _order_of(source: SourceTable) -> np.ndarray:
    """Return the order of each row; without order numbers a customer's lines of one day."""
    if "order_id" in source:
        return source.group("order_id")
    when = source.when()
    day = np.zeros(source.n, np.int64) if when is None else when.astype(np.int64) // DAY
    return pd.factorize(source.codes("customer_id")[0] * 10**6 + day)[0]


@kept
def baskets(source: SourceTable) -> pd.DataFrame:
    """Return one row an order: order, at (seconds), who, lines, basket (a mark of what is in it).

    Without order numbers a customer's lines of one day are an order; the mark is a sum of random
    marks of all values but ids and times: equal baskets have equal marks in any order of lines.
    """
    when = source.when()
    at = np.zeros(source.n, np.int64) if when is None else when.astype(np.int64)
    known = at > -(10**15)
    if "order_id" in source:
        known &= ~source.missing("order_id")
    lines = {"order": _order_of(source), "at": at, "who": source.codes("customer_id")[0]}
    by = pd.DataFrame({**lines, "mark": line_marks(source)})[known].groupby("order")
    sums = {"at": ("at", "min"), "who": ("who", "first"), "lines": ("at", "size")}
    return by.agg(**sums, basket=("mark", "sum")).reset_index()


def line_marks(source: SourceTable) -> np.ndarray:
    """Return a random 64-bit mark of each row's content: all values but ids, numbers and times."""
    keys = source.columns(Kind.IDENTIFIER, Kind.TIME)
    if "product_id" in source and len(source.words("product_id")) <= source.n / 2:
        keys = [column for column in keys if column != "product_id"]
    said = [source.marks(column) for column in source.frame.columns if column not in keys]
    return np.sum([np.zeros(source.n, np.uint64), *said], axis=0, dtype=np.uint64)


def _twins(orders: pd.DataFrame, basket: np.ndarray, mask: np.ndarray) -> tuple[np.ndarray, ...]:
    """Return places of orders and of the next later ones with the same basket."""
    at = orders["at"].to_numpy()
    rows = np.flatnonzero(mask)
    rows = rows[np.lexsort((rows, at[rows], basket[rows]))]
    same = basket[rows][1:] == basket[rows][:-1]
    return rows[:-1][same], rows[1:][same]


def _distances(orders: pd.DataFrame) -> list[int]:
    """Return the distances in time, in seconds, at which baskets come again most."""
    basket = orders["basket"].to_numpy()
    named = basket + _marks(orders["who"].to_numpy())
    pairs = [
        _twins(orders, named, orders["who"].to_numpy() >= 0),
        _twins(orders, basket, orders["lines"].to_numpy() >= TELLING),
    ]
    if _timed(orders):
        pairs.append(_twins(orders, basket, np.ones(len(orders), bool)))
    at = orders["at"].to_numpy()
    found: list[int] = []
    for one, two in pairs:
        apart, times = np.unique(at[two] - at[one], return_counts=True)
        top = np.argsort(-times, kind="stable")[:4]
        found += [int(a) for a, n in zip(apart[top], times[top], strict=True) if n >= BATCH]
    return list(dict.fromkeys(found))


def _marks(codes: np.ndarray) -> np.ndarray:
    return np.random.default_rng(1).integers(0, 2**63, codes.max() + 2, dtype=np.uint64)[codes]


def _batch(orders: pd.DataFrame, apart: int, share: float) -> np.ndarray:
    """Mark the orders that come again at this distance on days when most orders do."""
    basket, at = orders["basket"].to_numpy(), orders["at"].to_numpy()
    shifted = at - apart
    pair = pd.MultiIndex.from_arrays([basket, at])
    later = pd.MultiIndex.from_arrays([basket, shifted]).isin(pair)
    if apart == 0:
        later = pair.duplicated()
    place = np.unique(at // DAY, return_inverse=True)[1]
    if _timed(orders):  # part of a day tells as well
        place = np.argsort(np.lexsort((np.arange(len(at)), at)))
    votes = np.bincount(place, weights=np.where(later, 1.0, -share))
    first, last, _ = st.best_stretch(votes)
    rows = later & (place >= first) & (place <= last)
    enough = rows.sum() >= BATCH and len(np.unique(basket[rows])) >= BATCH
    return rows if enough else np.zeros(len(orders), bool)


def _sequences(source: SourceTable) -> np.ndarray:
    """Return the rows of sequences that came before and are too long for chance."""
    marks = line_marks(source)
    n = len(marks)
    size = pd.Series(marks).value_counts(normalize=True).to_numpy()
    meet = float((size**2).sum())
    if n < 100 or meet > 0.5:
        return st.NONE
    length = int(np.ceil(np.log(n * n / CHANCE) / -np.log(meet)))
    if not 3 <= length <= LONGEST or n < 4 * length:
        return st.NONE
    rolled, powers = np.zeros(n - length + 1, np.uint64), np.uint64(1)
    for k in range(length):
        rolled += marks[k : n - length + 1 + k] * powers
        powers = powers * np.uint64(6364136223846793005)
    codes, firsts = pd.factorize(rolled)
    first = np.zeros(len(firsts), int)
    first[codes[::-1]] = np.arange(len(codes))[::-1]
    key = "order_id" if "order_id" in source else "customer_id"
    keys, who = source.codes(key)[0], source.codes("customer_id")[0]
    again = np.flatnonzero(keys[: len(codes)] != keys[first[codes]])
    rows = np.unique(np.add.outer(again, np.arange(length)))
    if not len(rows):
        return st.NONE
    run = np.cumsum(np.diff(rows, prepend=rows[0]) > 1)
    by = pd.Series(who[rows]).where(who[rows] >= 0).groupby(run)
    return rows[((by.transform("nunique") >= BATCH) & (by.transform("size") >= LOAD)).to_numpy()]


@check("DQ-B-12")
def impossible_buyers(sources: SourceTables, _: Rule) -> Iterator[Evidence]:
    """Ids that stand for many buyers, order one basket every day, or order by the clock."""
    source = sources.need("transactions", "customer_id")
    orders = _of_buyers(source)
    if not len(orders):
        raise NotApplicable(f"fewer than {LEAST_ORDERS} orders of {LEAST_BUYERS} buyers")
    found = {
        "stands for a large part of all orders": crowds(source),
        "orders the same basket nearly every day": _same_basket(orders),
        "orders by the clock": _by_the_clock(orders),
    }
    told: set[int] = set()
    for what, buyers in found.items():
        buyers = [b for b in buyers if b not in told]
        if buyers:
            told |= set(buyers)
            rows = np.isin(source.codes("customer_id")[0], buyers)
            of = f"{rows.sum():,} rows of {len(buyers):,} ids"
            yield source.found(("customer_id",), rows, f"{of}: each {what}")


def _of_buyers(source: SourceTable) -> pd.DataFrame:
    """Return the orders of known buyers; none where there are too few to compare."""
    orders = baskets(source)
    orders = orders[orders["who"] >= 0]
    few = len(orders) < LEAST_ORDERS or orders["who"].nunique() < LEAST_BUYERS
    return orders.iloc[:0] if few else orders


@kept
def crowds(source: SourceTable) -> list[int]:
    """Return the ids with far more orders than the next ones, or many of strangers' orders.

    Ids that stand for nobody for sure are left out, DQ-M-02 names them.
    """
    orders = _of_buyers(source) if source.name == "transactions" else ()
    if not len(orders):
        return []
    who = orders["who"] if "order_id" in source else pd.Series(source.codes("customer_id")[0])
    size = who[who >= 0].value_counts()
    size = size[~stands_for_nobody(source)[0][size.index]]
    third = size.iloc[2]
    limit = rules("DQ")["DQ-B-12"].limit
    large = size[(size > limit * size.sum()) & (size > LARGE * third)]
    return [
        int(b) for b, n in large.items() if n > LARGER * third or _like_strangers(source, int(b))
    ]


def _like_strangers(source: SourceTable, buyer: int) -> bool:
    """Say whether one id's orders share no more articles than orders of many buyers do."""
    product = next((c for c in ("product_id", "product_description") if c in source), "")
    if not product:
        return False
    who, item = source.codes("customer_id")[0], source.codes(product)[0]
    order = source.group("order_id" if "order_id" in source else "customer_id")
    own = (who == buyer) & (item >= 0)
    others = np.flatnonzero((who >= 0) & (who != buyer) & (item >= 0))
    names = np.unique(order[others])
    place = np.random.default_rng(0).permutation(len(names))[np.searchsorted(names, order[others])]
    drawn = others[np.argsort(place, kind="stable")][: own.sum()]
    return len(np.unique(item[own])) >= STRANGERS * len(np.unique(item[drawn]))


def _same_basket(orders: pd.DataFrame) -> list[int]:
    """Return the buyers whose orders are nearly all of one basket, on nearly all days."""
    size = orders["who"].value_counts()
    some = orders[orders["who"].isin(size.index[size >= SAME_ORDERS])]
    found = []
    for who, own in some.groupby("who"):
        basket = own["basket"].value_counts()
        days = own.loc[own["basket"] == basket.index[0], "at"] // DAY
        every = np.arange(days.min(), days.max() + 1)
        used = days.mod(7).unique()  # office days, too; a weekly box uses one
        span = np.isin(every % 7, used).sum() if len(used) >= WEEKDAYS else len(every)
        often = days.nunique() >= max(SAME_ORDERS, SAME_SHARE * span)
        if basket.iloc[0] >= SAME_SHARE * len(own) and often:
            found.append(int(who))
    return found


def _by_the_clock(orders: pd.DataFrame) -> list[int]:
    """Return the buyers whose orders come at even gaps, of under six days."""
    if (orders["at"] % DAY == 0).mean() > 0.9:
        return []
    size = orders["who"].value_counts()
    some = orders[orders["who"].isin(size.index[size >= EVEN_ORDERS])].sort_values(["who", "at"])
    gaps = some.groupby("who")["at"].diff().dropna()
    by = gaps.groupby(some["who"])
    low, middle, high = (by.quantile(q) for q in (0.25, 0.5, 0.75))
    even = (high - low <= EVEN * middle) & (middle > 0) & (middle < SELDOM)
    return [int(b) for b in even.index[even]]
