"""Which rows and which money count: statuses, refunds, discounts, totals that repeat."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

import pandas as pd

from segwork.init import formats
from segwork.init.column import score
from segwork.init.names import fit, plain, vocabulary

if TYPE_CHECKING:
    from segwork.init.column import Column
    from segwork.init.understood import Guess

MOST_STATES = 40
_BACK = r"^\W*-|[^.,-]-\s*$|^\(|\u2212"
"""How an amount below 0 is written."""


def words(name: str) -> tuple[str, ...]:
    """Return a list of words of the vocabulary."""
    return tuple(vocabulary()["words"][name])


def money(one: Guess, by_name: dict[str, Column]) -> None:
    """Choose the amount of a line: not a total of the order, not the price of a piece."""
    scores = _amounts(one, by_name)
    _line_price(one, by_name, scores)
    lines = _lines(one, by_name)
    whole = {name for name in scores if _repeats(by_name[name], lines)}
    first = {name for name in scores if _on_first_line(by_name[name], lines)}
    priced = {"quantity", "unit_price"} <= set(one.columns)
    good = {n: s for n, s in scores.items() if n not in whole and not (priced and n in first)}
    one.columns.pop("amount", None)
    one.why.pop("amount", None)
    if good:
        pick = max(good, key=lambda n: good[n])
        one.take("amount", pick, f"'{pick}' holds the money of a line", min(0.97, good[pick]))
        rivals = [pick, *(n for n in good if _pair(n, pick))]
        if len(rivals) > 1:
            one.ask["amount"] = ("which amount counts?", rivals)
    elif not priced and "unit_price" in one.columns and "quantity" not in one.columns:
        price = one.columns.pop("unit_price")
        one.take("amount", price, f"'{price}' is the only money of a row", 0.8)
        if set(plain(price).split()) & set(vocabulary()["roots"]["piece"]):
            one.ask["amount"] = ("is this the money of a row, not of a piece?", [price])
    elif not priced and whole:
        pick = max(whole, key=lambda n: scores[n])
        one.notes.append(f"'{pick}' stands for the whole order and repeats on each of its lines.")
    if priced and "amount" not in one.columns:
        _discount(one, by_name, lines)


def _amounts(one: Guess, by_name: dict[str, Column]) -> dict[str, float]:
    """Score the columns that may be money of a line."""
    others = ("quantity", "unit_price", "unit_cost", "order_id", "customer_id")
    taken = {one.columns.get(name) for name in others}
    scores = {
        name: score(column, "transactions", "amount")
        for name, column in by_name.items()
        if column.numeric and name not in taken
    }
    if any(fit(name, ("fee", "fees", "gebuhr")) > 0.9 for name in by_name):
        for name in scores:  # beside a fee, net is what is left for the shop
            scores[name] -= 0.3 * ("net" in plain(name).split())
    return {name: score_ for name, score_ in scores.items() if score_ >= 0.45}


def _line_price(one: Guess, by_name: dict[str, Column], scores: dict[str, float]) -> None:
    """Take a 'price' for the money of the line where it grows with the pieces of a product."""
    if _grows(one, by_name, "unit_cost"):
        one.columns.pop("unit_cost")
    if not any(s > 0.8 for s in scores.values()) and _grows(one, by_name, "unit_price"):
        scores[one.columns.pop("unit_price")] = 0.8
        one.why.pop("unit_price", None)


def _grows(one: Guess, by_name: dict[str, Column], money_: str) -> bool:
    """Say whether the money of a product is that of the line: the same only when shared out."""
    product = one.columns.get("product_id") or one.columns.get("product_description")
    if not product or not {"quantity", money_} <= set(one.columns):
        return False
    pieces, value = (_values(by_name[one.columns[n]].cells) for n in ("quantity", money_))
    seen = pd.DataFrame({"of": by_name[product].cells, "pieces": pieces, "value": value})
    seen = seen[(pieces > 0) & (value > 0)].drop_duplicates(["of", "pieces"], keep="last")
    seen = seen[seen["of"].duplicated(keep=False)].assign(each=lambda s: s["value"] / s["pieces"])
    groups = seen.groupby("of")[["value", "each"]]
    same = (groups.max() - groups.min()) < 0.05 * groups.max()
    return bool(same["each"].sum() > same["value"].sum())


def _values(cells: Iterable[str]) -> pd.Series:
    """Return the digits of cells as numbers: enough to tell 0 from others, and more from less."""
    digits = pd.Series(list(cells), dtype=object).str.replace(r"[^\d]", "", regex=True)
    return pd.to_numeric(digits, errors="coerce").fillna(0.0).astype(float)


def _pair(a: str, b: str) -> bool:
    """Say whether two amounts differ by what only the user knows, such as net and gross."""
    one, two = (
        set(plain(name).split()) | set(re.findall("税[抜込]|不?含税", name)) for name in (a, b)
    )
    for left, right in vocabulary()["words"]["unsure_pairs"]:
        apart = (left in one and right in two) or (right in one and left in two)
        if a != b and (apart if right else one ^ two == {left}):
            return True
    return False


def _lines(one: Guess, by_name: dict[str, Column]) -> pd.Series:
    """Return the order of each row; missing where an order has one row only."""
    if not (order := one.columns.get("order_id")):
        return pd.Series(None, index=range(len(next(iter(by_name.values())).cells)), dtype=object)
    cells = pd.Series(by_name[order].cells)
    return cells.where(cells.duplicated(keep=False) & (cells.str.strip() != ""))


def _repeats(column: Column, lines: pd.Series, least: int = 5) -> bool:
    """Say whether every line of an order shows the same value, as a total of the order does."""
    if lines.nunique() < 10 or column.different < least:
        return False
    return bool(pd.Series(column.cells).groupby(lines).nunique().eq(1).mean() > 0.95)


def _on_first_line(column: Column, lines: pd.Series) -> bool:
    later = lines.notna() & lines.duplicated()
    cells = pd.Series(column.cells).loc[later[later].index].str.strip()
    return len(cells) >= 5 and bool((cells == "").mean() > 0.9)


def _discount(one: Guess, by_name: dict[str, Column], lines: pd.Series) -> None:
    """Take a discount off pieces × price where it is given once for the whole order."""
    for name, column in by_name.items():
        given = column.numeric and _values(column.filled).any()
        if given and fit(name, words("discount")) >= 0.99 and _on_first_line(column, lines):
            one.rule("subtract", name)
            one.notes.append(f"'{name}' is for the whole order and taken off its first line.")


def rows(one: Guess, by_name: dict[str, Column]) -> None:
    """Find cancelled orders, refunds, nobody's orders, columns that stand on first lines only."""
    for find in (_fill_down, _cancelled, _invalid, _returned, _refunds, _refunded, _scale, _nobody):
        find(one, by_name)
    _order_of(one, by_name)
    _clock(one, by_name)


def _free(one: Guess, by_name: dict[str, Column]) -> Iterator[Column]:
    used = {h for c, h in one.columns.items() if c != "is_return"}
    return (column for name, column in by_name.items() if name not in used)


def _cancelled(one: Guess, by_name: dict[str, Column]) -> None:
    for column in _free(one, by_name):
        dated = column.times.share > 0.8 and len(column.filled) < 0.7 * len(column.cells)
        if dated and fit(column.name, words("cancelled_at")) >= 0.9:
            whole = {"whole_order": True} if "order_id" in one.columns else {}
            one.rule("drop", {"column": column.name, "nonempty": True, **whole})
            return
    bad = set(words("cancelled"))
    for column in sorted(_free(one, by_name), key=lambda c: -fit(c.name, words("status"))):
        if fit(column.name, words("status")) < 0.6 or column.different > MOST_STATES:
            continue
        values = [v for v in set(column.filled) if plain(v) in bad or _void(plain(v))]
        if values and len(values) < column.different:
            rule = {"column": column.name, "values": sorted(values)}
            if _partly(column, _lines(one, by_name), values):
                rule["whole_order"] = True
            one.rule("drop", rule)
            return


def _void(text: str) -> bool:
    return any(stem in text for stem in words("void"))


def _partly(column: Column, lines: pd.Series, values: list[str]) -> bool:
    """Say whether the first line of an order is cancelled and others are empty."""
    known = pd.DataFrame({"order": lines, "state": column.cells}).dropna()
    known["state"] = known["state"].str.strip()
    bad = known.groupby("order")["state"].first().isin(values)
    empty = (known["state"] == "").groupby(known["order"]).any()
    return bool((bad & empty).any())


def _invalid(one: Guess, by_name: dict[str, Column]) -> None:
    """Leave out what a flag calls void, or what it does not call valid."""
    for column in _free(one, by_name):
        if not column.flag or column.different < 2:
            continue
        text = plain(column.name)
        void = _void(text)
        valid = fit(column.name, words("valid")) > 0.6
        marks = formats.YES_WORDS if void else formats.NO_WORDS
        values = sorted(v for v in set(column.filled) if v.lower() in marks)
        if void or valid:
            one.rule("drop", {"column": column.name, "values": values})
        elif fit(column.name, words("done")) > 0.9:
            share = formats.share(column.filled, lambda c, marks=marks: c.lower() in marks)
            one.notes.append(
                f"'{column.name}' is {values[0]} on {share:.0%} of rows, which are kept; if they"
                f" were cancelled: drop = [{{ column = '{column.name}', values = {values} }}]"
            )


def _returned(one: Guess, by_name: dict[str, Column]) -> None:
    """Find the column that says which rows give money back, where the amounts do not say it."""
    amount = by_name.get(one.columns.get("amount", "") or one.columns.get("quantity", ""))
    for column in _free(one, by_name) if amount is not None else ():
        named = column.flag and score(column, "transactions", "is_return") > 0.5
        kinds = fit(column.name, words("type")) >= 0.6 and column.different <= MOST_STATES
        if not named and not kinds:
            continue
        if left := sorted(v for v in set(column.filled) if plain(v) in words("not_sales")):
            one.rule("drop", {"column": column.name, "values": left})
        values = {v for v in set(column.filled) if plain(v) in words("returned")}
        if column.flag:
            values = {v for v in set(column.filled) if named and v.lower() in formats.YES_WORDS}
        if not values or 1 < column.different == len(values):
            continue
        hit = pd.Series(amount.cells)[pd.Series(column.cells).str.strip().isin(values)].str.strip()
        if (~hit[hit != ""].str.contains(_BACK)).mean() > 0.5:
            one.rule("negative", {"column": column.name, "values": sorted(values)})
            return


def _refunds(one: Guess, by_name: dict[str, Column]) -> None:
    given = [c for c in _free(one, by_name) if c.numeric and _values(c.filled).any()]
    for column in given:
        if fit(column.name, words("returned_quantity")) >= 0.75:
            one.rule("zero", {"column": column.name})
            return
    own = set(plain(one.columns.get("amount", "")).split())
    fits = {column.name: fit(column.name, words("refund_amount")) for column in given}
    found = [column for column in given if fits[column.name] >= 0.65]
    if not found:
        return
    best = max(found, key=lambda c: (len(own & set(plain(c.name).split())), fits[c.name]))
    if _repeats(best, _lines(one, by_name), least=2):
        one.rule("zero", {"column": best.name})
        one.notes.append(f"'{best.name}' repeats on each line of an order: those lines count 0.")
    else:
        one.rule("subtract", best.name)


def _refunded(one: Guess, by_name: dict[str, Column]) -> None:
    """Leave out orders whose status says that the money went back, where no amount says it."""
    amount = by_name.get(one.columns.get("amount", "") or one.columns.get("quantity", ""))
    if amount is None or set(one.rules) & {"negative", "subtract", "zero"}:
        return
    if pd.Series(amount.filled).str.contains(_BACK).any():
        return
    for column in _free(one, by_name):
        if fit(column.name, words("status")) < 0.6 or column.different > MOST_STATES:
            continue
        values = sorted(v for v in set(column.filled) if plain(v) in words("returned"))
        if values and len(values) < column.different:
            one.rule("drop", {"column": column.name, "values": values})
            return


def _scale(one: Guess, _: dict[str, Column]) -> None:
    amount = one.columns.get("amount") or one.columns.get("unit_price", "")
    if set(plain(amount).split()) & set(words("cents")):
        one.rules["scale"] = 0.01


def _fill_down(one: Guess, by_name: dict[str, Column]) -> None:
    """Find columns that stand on the first row of a group only: blank together, never at first."""
    keys = [one.columns[n] for n in ("order_id", "ordered_at", "customer_id") if n in one.columns]
    anchor = next((by_name[k] for k in keys[:2] if by_name[k].cells[0].strip()), None)
    blank = [not cell.strip() for cell in anchor.cells] if anchor else []
    if sum(blank) < 0.1 * len(blank) or not any(blank):
        return
    for name, column in by_name.items():
        cells = pd.Series(column.cells).str.strip()
        if not cells[blank].any():
            one.rule("fill_down", name)
            by_name[name] = type(column)(name, cells.mask(cells == "").ffill().fillna("").tolist())


def _nobody(one: Guess, by_name: dict[str, Column]) -> None:
    if not (key := one.columns.get("customer_id")):
        return
    counts = pd.Series(by_name[key].filled).value_counts()
    often = 5 * counts.mean()
    found = sorted(
        value
        for value, n in counts.items()
        if (plain(value) in words("nobody") or re.fullmatch("0+|9{4,}", value))
        and (n > often or not value.isdigit())
    )
    if found:
        one.rules["nobody"] = found


def _order_of(one: Guess, by_name: dict[str, Column]) -> None:
    """Where receipt numbers begin again, name the order by shop and day too."""
    if not {"order_id", "ordered_at"} <= set(one.columns):
        return
    order, day = one.columns["order_id"], one.columns["ordered_at"]
    who = by_name[one.columns.get("customer_id", day)].cells
    seen = pd.DataFrame({"order": by_name[order].cells, "day": by_name[day].cells, "who": who})
    seen = seen[seen["order"].str.strip() != ""].assign(day=seen["day"].str[:10])
    again = (seen.groupby("order")[["day", "who"]].nunique().min(axis=1) > 1).mean()
    if again > 0.2:
        stores = (c for c in _free(one, by_name) if fit(c.name, words("store")) >= 0.9)
        shops = [c.name for c in stores if c.different > 1]
        one.rules["order_of"] = [*shops[:2], day, order]


def _clock(one: Guess, by_name: dict[str, Column]) -> None:
    day = one.columns.get("ordered_at")
    if not day or any(":" in cell for cell in by_name[day].filled[:50]):
        return
    hour = re.compile(r"\d{1,2}:\d{2}(:\d{2})?|\d{3,6}")
    for column in _free(one, by_name):
        named = fit(column.name, words("clock")) >= 0.75
        if named and formats.share(column.filled, hour.fullmatch) > 0.95:
            one.clock = column.name
            return
