"""How amount, quantity, price, currency and rate hang together in this table, found from the data.

Nothing is told by the names of extra columns: the rule that explains most rows is the identity.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from itertools import product

import numpy as np
import pandas as pd

from segwork.quality import statistics as st
from segwork.quality.sources import SourceTable, SourceTables, kept
from segwork.schema import Kind

RELATIVE = 0.001
OUTSIDE_RATE = 0.03  # relative difference, the limit of DQ-T-03
FRESH = 7  # days that an outside rate is good for
MOSTLY_EXACT = 0.9  # share of rows of many pieces that need no allowance for rounded prices
FX_NAME = re.compile(r"^fx_([a-z]{3})_([a-z]{3})$", re.IGNORECASE)


@dataclass(frozen=True)
class Conversion:
    """How amounts are turned into the home currency.

    Attributes
    ----------
    foreign : ndarray of bool
    local, rate : ndarray or None
        Amount in the row's own currency, and the rate that converts it home.
    local_columns : tuple of str
    rate_column : str
        Name of the column with the rate used; empty where rates come from the outside table.
    outside : ndarray or None
        Rate of the dated outside table for the row's currency and day.
    """

    foreign: np.ndarray
    local: np.ndarray | None = None
    local_columns: tuple[str, ...] = ()
    rate: np.ndarray | None = None
    rate_column: str = ""
    outside: np.ndarray | None = None


@dataclass(frozen=True, kw_only=True)
class Ledger(Conversion):
    """The money columns of the order lines and the rules they follow.

    Attributes
    ----------
    amount, quantity, price : ndarray
        NaN where not given.
    home_column : str
        The column with the amount in the home currency, ``home``.
    unit : float
        Smallest unit of money seen.
    factor : ndarray
        What the identity multiplies quantity × price by, per row.
    identity : tuple of str
        Columns of the identity; empty where no rule explains most rows.
    """

    amount: np.ndarray
    quantity: np.ndarray
    price: np.ndarray
    home: np.ndarray
    home_column: str
    unit: float
    factor: np.ndarray
    identity: tuple[str, ...] = ()

    @property
    def lines(self) -> np.ndarray:
        """Quantity × price."""
        return self.quantity * self.price

    @property
    def slack(self) -> np.ndarray:
        """Two minor units, or what rounding the line's total costs before it is converted.

        Where unit prices were rounded before they were multiplied, up to half a unit per piece
        more. Either that was done, and most rows of many pieces show it, or it was not, and a row
        that needs this allowance is a wrong one.
        """
        price_unit = smallest_unit(self.price)
        tight = np.maximum(2 * self.unit, price_unit * np.abs(self.factor))
        loose = np.maximum(tight, 0.5 * price_unit * np.abs(self.quantity * self.factor))
        fits = st.agree(self.amount, self.lines * self.factor, tight + 1e-9, 0.0)
        telling = np.isfinite(self.amount * self.lines * self.factor) & (loose > tight)
        exact = telling.any() and fits[telling].mean() >= MOSTLY_EXACT
        return tight if exact else loose

    def broken(self) -> np.ndarray:
        """Return True where the amount is not what the identity says."""
        expected = self.lines * self.factor
        known = np.isfinite(self.amount) & np.isfinite(expected)
        return known & ~st.agree(self.amount, expected, self.slack + 1e-9, self._relative)

    @property
    def _relative(self) -> np.ndarray:
        """The dated outside rate may be a day or a source away from the one that was used."""
        dated = self.foreign & ("currency" in self.identity and not self.rate_column)
        return np.where(dated, OUTSIDE_RATE, RELATIVE)

    def swaps(self) -> list[tuple[tuple[str, str], np.ndarray]]:
        """Return the pairs of columns and the broken rows which swapping them repairs."""
        if not self.identity:
            return []
        bad = self.broken()
        repaired = {
            ("amount", "unit_price"): (self.price, self.quantity * self.amount * self.factor),
            ("amount", "quantity"): (self.quantity, self.amount * self.price * self.factor),
        }
        found = []
        for columns, (should, is_now) in repaired.items():
            fits = st.agree(should, is_now, 2 * self.unit + 1e-9, self._relative)
            if columns[1] == "quantity":
                fits &= np.mod(self.amount, 1) == 0
            found.append((columns, np.flatnonzero(bad & fits)))
        return found


@kept
@np.errstate(all="ignore")
def ledger(sources: SourceTables) -> Ledger | None:
    """Find the identity of the amounts and the conversion to the home currency."""
    source = sources.get("transactions")
    if source is None or "amount" not in source:
        return None
    amount, nothing = source.number("amount"), np.full(source.n, np.nan)
    quantity, price = (
        source.number(c) if c in source else nothing for c in ("quantity", "unit_price")
    )
    column, found = "amount", _conversion(sources, source, amount, {"": quantity * price})
    for other in source.extra(Kind.NUMBER)[:8] if found.local is None else ():
        found = _conversion(sources, source, source.number(other), {"amount": amount})
        if found.local is not None:
            column = other
            break
    known = {"amount": amount, "quantity": quantity, "price": price, "factor": np.ones(source.n)}
    home = {"home": source.number(column), "home_column": column, "unit": smallest_unit(amount)}
    money = Ledger(**vars(found), **known, **home)
    factor, identity = _identity(source, money)
    return replace(money, factor=factor, identity=identity)


def smallest_unit(money: np.ndarray) -> float:
    """Return 1 where all amounts are whole, else a hundredth."""
    known = money[np.isfinite(money)]
    return 1.0 if len(known) and (np.mod(known, 1) == 0).all() else 0.01


def _identity(source: SourceTable, money: Ledger) -> tuple[np.ndarray, tuple[str, ...]]:
    """Return the factor on quantity × price that explains most amounts, and its columns."""
    base = ("amount", "quantity", "unit_price")
    amount, lines, ones = money.amount, money.lines, money.factor
    known = np.isfinite(amount) & np.isfinite(lines) & (lines != 0)
    if known.sum() < 20:
        return ones, ()
    constant = round(float(np.median(np.abs(amount[known] / lines[known]))), 4)
    choices: list[tuple[np.ndarray, tuple[str, ...]]] = [(ones, base), (constant * ones, base)]
    extras = {c: source.number(c) for c in source.extra(Kind.NUMBER)[:8]}
    rates = {"": ones}
    if money.rate is not None and money.home_column == "amount":
        rates["currency"] = money.rate
    for name, values in extras.items():
        rates |= {f"{name}|times": values, f"{name}|by": 1 / values}
    for (rate_name, rate), name in product(rates.items(), ["", *extras]):
        label = (*base, *(x for x in (rate_name.split("|")[0], name) if x))
        less = [ones]
        if name:
            off = extras[name]
            less = [1 - off, 1 - off / 100, 1 - off / lines, 1 + off / lines]
        choices += [(rate * part, label) for part in less]
    best, best_fit = choices[0], -1.0
    for factor, label in choices:
        slack = np.maximum(2 * money.unit, 0.5 * money.unit * np.abs(money.quantity * factor))
        fit = float(st.agree(amount, lines * factor, slack + 1e-9, RELATIVE)[known].mean())
        if fit > best_fit + 0.002:
            best, best_fit = (factor, label), fit
    if best_fit <= 0.6:
        return ones, ()
    factor, columns = best
    fits = st.agree(amount, lines * factor, 2 * money.unit, RELATIVE)[known & money.foreign]
    if len(columns) > 3 and len(fits) and fits.mean() < 0.6:
        factor = np.where(money.foreign, np.nan, factor)  # the rates at hand are not the ones used
    return factor, columns


def _conversion(
    sources: SourceTables, source: SourceTable, amount: np.ndarray, start: dict[str, np.ndarray]
) -> Conversion:
    """Return the local amounts and the rates that explain most foreign amounts."""
    best, best_fit = Conversion(np.zeros(source.n, bool)), 0.5
    if "currency" not in source:
        return best
    extras = {c: source.number(c) for c in source.extra(Kind.NUMBER)[:8]}
    locals_ = {((c,) if c else ("quantity", "unit_price")): v for c, v in start.items()}
    locals_ |= {(c,): v for c, v in extras.items() if v is not amount}
    for columns, local in locals_.items():
        home = home_currency(source, amount, local)
        if home is None:
            continue
        foreign = ~source.where("currency", lambda word, home=home: word.strip() == home)
        foreign &= ~source.missing("currency")
        outside = outside_rates(sources, source, home)
        rates = {} if outside is None else {"": outside}
        for name, values in extras.items():
            if (name,) != columns:
                rates |= {f"{name}|a": values, f"{name}|b": 1 / values}
        for name, rate in rates.items():
            off = np.abs(np.log(np.abs(amount / local / rate)))[foreign]
            off = off[np.isfinite(off)]
            fit = float((off < 0.02).mean()) if len(off) >= 20 else 0.0
            if name and outside is not None and not _same_way(rate[foreign], outside[foreign]):
                continue
            if fit > best_fit + (0.02 if not name else 0.0):
                best_fit, column = fit, name.split("|")[0]
                best = Conversion(foreign, local, columns, rate, column, outside)
        if not rates and best.local is None:
            rate = _median_rates(source, np.log(np.abs(amount / local)), foreign)
            best = best if rate is None else Conversion(foreign, local, columns, rate)
    return best


def _same_way(rate: np.ndarray, outside: np.ndarray) -> bool:
    """Say whether a column of rates turns the same way as the outside rates, where these exist."""
    off = np.abs(np.log(rate / outside))
    return not np.isfinite(off).any() or float(np.nanmedian(off)) < 0.15


def home_currency(source: SourceTable, amount: np.ndarray, local: np.ndarray) -> str | None:
    """Return the currency whose amounts equal the local ones, if others differ from them."""
    codes, _ = source.codes("currency")
    off = np.abs(np.log(np.abs(amount / local)))
    table = pd.DataFrame({"code": codes, "off": off})[np.isfinite(off) & (codes >= 0)]
    middle = table.groupby("code")["off"].agg(["median", "size"])
    equal, other = middle[middle["median"] < 0.005], middle[middle["median"] > 0.02]
    if not len(other):
        return None
    if not len(equal):
        silent = pd.Series(codes[(codes >= 0) & np.isnan(local)]).value_counts()
        silent = silent[~silent.index.isin(other.index)]
        return source.words("currency")[int(silent.index[0])].strip() if len(silent) else None
    return source.words("currency")[int(equal["size"].idxmax())].strip()


def outside_rates(sources: SourceTables, source: SourceTable, home: str) -> np.ndarray | None:
    """Return the dated outside rate that turns the row's currency into the home currency.

    Direct, inverse, or crossed over one other currency; a rate holds for a week.
    """
    outside = sources.get("external")
    if outside is None or not outside.has("date", "name", "value") or source.when() is None:
        return None
    legs = _legs(outside)
    rates, days = np.full(source.n, np.nan), source.days()
    for code, word in enumerate(source.words("currency")):
        own, target = word.strip().lower(), home.lower()
        over = [m for m in sorted({b for _, b in legs}) if {(own, m), (m, target)} <= legs.keys()]
        crossed = (legs[own, m] * legs[m, target] for m in over)
        one = legs[own, target] if (own, target) in legs else next(crossed, None)
        rows = source.codes("currency")[0] == code
        if own == target:
            rates[rows] = 1.0
        elif one is not None:
            rates[rows] = one.reindex(days[rows]).to_numpy()
    return rates if np.isfinite(rates).any() else None


def _legs(outside: SourceTable) -> dict[tuple[str, str], pd.Series]:
    """Return the rate of each day from one currency to another, either way."""
    frame = pd.DataFrame({"day": outside.days(), "value": outside.number("value")})
    frame = frame[np.isfinite(frame["value"]) & (frame["day"] > -(10**7))]
    legs: dict[tuple[str, str], pd.Series] = {}
    for code, word in enumerate(outside.words("name")):
        rows = frame[outside.codes("name")[0][frame.index] == code]
        if (match := FX_NAME.match(word.strip())) and len(rows):
            one = rows.groupby("day")["value"].last()
            one = one.reindex(np.arange(one.index[0], one.index[-1] + FRESH + 1))
            one, (a, b) = one.ffill(limit=FRESH), (m.lower() for m in match.groups())
            legs[a, b] = one
            legs.setdefault((b, a), 1 / one)
    return legs


def _median_rates(source: SourceTable, logs: np.ndarray, foreign: np.ndarray) -> np.ndarray | None:
    """Return the fallback: each currency's median rate, where it is stable within the currency."""
    logs = pd.Series(np.where(np.isfinite(logs), logs, np.nan))
    middle = logs.groupby(source.codes("currency")[0]).transform("median")
    rest = (logs - middle)[foreign].dropna().to_numpy()
    if len(rest) < 20 or st.robust_scale(rest) > 0.15:
        return None
    return np.exp(middle.to_numpy())
