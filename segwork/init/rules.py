"""Which rows and which money count: statuses, refunds, discounts, totals that repeat."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterator
from typing import TYPE_CHECKING

from segwork.init import formats
from segwork.init.names import fit, plain, vocabulary

if TYPE_CHECKING:
    from segwork.init.column import Column
    from segwork.init.understood import Guess

MOST_STATES = 40


def _words(name: str) -> tuple[str, ...]:
    return tuple(vocabulary()["words"][name])


def money(one: Guess, by_name: dict[str, Column]) -> None:
    """Choose the amount of a line: not a total of the order, not the price of a piece."""
    entry = vocabulary()["transactions"]["amount"]
    lines = _orders(one, by_name)
    scores = {
        name: fit(name, entry["names"], entry["not"])
        for name, column in by_name.items()
        if column.numeric and fit(name, entry["names"], entry["not"]) >= 0.45
    }
    taken = {
        one.columns.get(n)
        for n in ("quantity", "unit_price", "unit_cost", "order_id", "customer_id")
    }
    scores = {name: score for name, score in scores.items() if name not in taken}
    _line_price(one, by_name, scores)
    if any(fit(n, ("fee", "fees", "gebuhr")) > 0.9 for n in by_name):
        for name in scores:  # beside a fee, net is what is left for the shop
            scores[name] -= 0.3 * ("net" in plain(name).split())
    whole = {name for name in scores if _repeats(by_name[name], lines)}
    first = {name for name in scores if _on_first_line(by_name[name], lines)}
    priced = {"quantity", "unit_price"} <= set(one.columns)
    good = {n: s for n, s in scores.items() if n not in whole and not (priced and n in first)}
    one.columns.pop("amount", None)
    one.why.pop("amount", None)
    if good:
        pick = max(good, key=lambda n: good[n])
        one.columns["amount"] = pick
        one.why["amount"] = (f"'{pick}' holds the money of a line", min(0.97, good[pick]))
        rivals = [pick, *(n for n in good if _pair(n, pick))]
        if len(rivals) > 1:
            one.ask["amount"] = ("which amount counts?", rivals)
    elif not priced and "unit_price" in one.columns and "quantity" not in one.columns:
        one.columns["amount"] = one.columns.pop("unit_price")
        one.why["amount"] = (f"'{one.columns['amount']}' is the only money of a row", 0.8)
        one.why.pop("unit_price", None)
    elif not priced and whole:
        pick = max(whole, key=lambda n: scores[n])
        one.notes.append(f"'{pick}' stands for the whole order and repeats on each of its lines.")
    if priced and "amount" not in one.columns:
        _discount(one, by_name, lines)


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
    names = (product, one.columns.get("quantity"), one.columns.get(money_))
    if not all(names):
        return False
    seen: dict[str, dict[float, float]] = defaultdict(dict)
    for what, pieces, value in zip(*(by_name[name].cells for name in names if name), strict=True):
        if _value(pieces) and _value(value):
            seen[what][_value(pieces)] = _value(value)
    each = shared = 0
    for found in seen.values():
        if len(found) > 1:
            parts = [value / pieces for pieces, value in found.items()]
            shared += max(parts) - min(parts) < 0.05 * max(parts)
            each += max(found.values()) - min(found.values()) < 0.05 * max(found.values())
    return shared > each


def _pair(a: str, b: str) -> bool:
    """Say whether two amounts differ by what only the user knows, such as net and gross."""
    if a == b:
        return False
    one, two = (
        set(plain(name).split()) | set(re.findall("税[抜込]|不?含税", name)) for name in (a, b)
    )
    for left, right in vocabulary()["words"]["unsure_pairs"]:
        if not right:
            if one ^ two == {left}:
                return True
        elif (left in one and right in two) or (right in one and left in two):
            return True
    return False


def _orders(one: Guess, by_name: dict[str, Column]) -> list[list[int]]:
    """Return the rows of each order that has more than one."""
    order = one.columns.get("order_id")
    if not order:
        return []
    rows: dict[str, list[int]] = defaultdict(list)
    for at, cell in enumerate(by_name[order].cells):
        if cell.strip():
            rows[cell].append(at)
    return [found for found in rows.values() if len(found) > 1]


def _repeats(column: Column, lines: list[list[int]], least: int = 5) -> bool:
    """Say whether every line of an order shows the same value, as a total of the order does."""
    if len(lines) < 10 or column.different < least:
        return False
    same = sum(len({column.cells[at] for at in rows}) == 1 for rows in lines)
    return same > 0.95 * len(lines)


def _on_first_line(column: Column, lines: list[list[int]]) -> bool:
    later = [column.cells[at].strip() for rows in lines for at in rows[1:]]
    return len(later) >= 5 and sum(not cell for cell in later) > 0.9 * len(later)


def _discount(one: Guess, by_name: dict[str, Column], lines: list[list[int]]) -> None:
    """Take a discount off pieces × price where it is given once for the whole order."""
    for name, column in by_name.items():
        amounts = column.numeric and any(_value(c) for c in column.filled)
        if amounts and fit(name, _words("discount")) >= 0.99 and _on_first_line(column, lines):
            one.rules.setdefault("subtract", []).append(name)
            one.notes.append(f"'{name}' is for the whole order and taken off its first line.")


def _value(cell: str) -> float:
    digits = re.sub(r"[^\d]", "", cell)
    return float(digits or 0)


def rows(one: Guess, by_name: dict[str, Column]) -> None:
    """Find cancelled orders, refunds, nobody's orders, columns that stand on first lines only."""
    _fill_down(one, by_name)
    _cancelled(one, by_name)
    _returned(one, by_name)
    _refunds(one, by_name)
    _scale(one)
    _nobody(one, by_name)
    _order_of(one, by_name)
    _clock(one, by_name)


def _free(one: Guess, by_name: dict[str, Column]) -> Iterator[Column]:
    used = {h for c, h in one.columns.items() if c != "is_return"}
    return (column for name, column in by_name.items() if name not in used)


def _cancelled(one: Guess, by_name: dict[str, Column]) -> None:
    for column in _free(one, by_name):
        part = len(column.filled) / len(column.cells)
        dated = column.times.share > 0.8 and part < 0.7
        if dated and fit(column.name, _words("cancelled_at")) >= 0.9:
            rule = {"column": column.name, "nonempty": True}
            rule |= {"whole_order": True} if "order_id" in one.columns else {}
            one.rules.setdefault("drop", []).append(rule)
            return
    bad = set(_words("cancelled"))
    for column in sorted(_free(one, by_name), key=lambda c: -fit(c.name, _words("status"))):
        if fit(column.name, _words("status")) < 0.6 or column.different > MOST_STATES:
            continue
        values = sorted(
            v for v in set(column.filled) if plain(v) in bad or plain(v).startswith("cancel")
        )
        if column.flag and re.search("cancel|storn|void|annul|iptal|取消", plain(column.name)):
            values = sorted(v for v in set(column.filled) if v.lower() in formats.YES_WORDS)
        if values and len(values) < column.different:
            rule: dict[str, object] = {"column": column.name, "values": values}
            if any(_partly(column, rows_, values) for rows_ in _orders(one, by_name)):
                rule["whole_order"] = True
            one.rules.setdefault("drop", []).append(rule)
            return


def _partly(column: Column, lines: list[int], values: list[str]) -> bool:
    """Say whether the first line of an order is cancelled and others are empty."""
    cells = [column.cells[at].strip() for at in lines]
    return cells[0] in values and any(not cell for cell in cells[1:])


def _returned(one: Guess, by_name: dict[str, Column]) -> None:
    """Find the column that says which rows give money back, where the amounts do not say it."""
    back = set(_words("returned"))
    amount = by_name.get(one.columns.get("amount", "") or one.columns.get("quantity", ""))
    if amount is None:
        return
    for column in _free(one, by_name):
        if fit(column.name, _words("type")) < 0.6 or column.different > MOST_STATES:
            continue
        values = {v for v in set(column.filled) if plain(v) in back}
        others = set(_words("not_sales"))
        if left := sorted(v for v in set(column.filled) if plain(v) in others):
            one.rules.setdefault("drop", []).append({"column": column.name, "values": left})
        if column.flag:
            named = fit(column.name, vocabulary()["transactions"]["is_return"]["names"]) > 0.5
            yes = {v for v in set(column.filled) if v.lower() in formats.YES_WORDS}
            values = yes if named else set()
        if not values or 1 < column.different == len(values):
            continue
        pairs = zip(amount.cells, column.cells, strict=True)
        hit = [a.strip() for a, c in pairs if c.strip() in values and a.strip()]
        positive = [a for a in hit if not re.search(r"^\W*-|-$|^\(|\u2212", a)]
        if len(positive) > 0.5 * max(1, len(hit)):
            rule = {"column": column.name, "values": sorted(values)}
            one.rules.setdefault("negative", []).append(rule)
            return


def _refunds(one: Guess, by_name: dict[str, Column]) -> None:
    for column in _free(one, by_name):
        if not column.numeric or not any(_value(c) for c in column.filled):
            continue
        if fit(column.name, _words("returned_quantity")) >= 0.75:
            one.rules.setdefault("zero", []).append({"column": column.name})
            return
    found = [
        column
        for column in _free(one, by_name)
        if column.numeric
        and fit(column.name, _words("refund_amount")) >= 0.65
        and any(_value(c) for c in column.filled)
    ]
    if found:
        own = set(plain(one.columns.get("amount", "")).split())
        best = max(
            found,
            key=lambda c: (
                len(own & set(plain(c.name).split())),
                fit(c.name, _words("refund_amount")),
            ),
        )
        if _repeats(best, _orders(one, by_name), least=2):
            one.rules.setdefault("zero", []).append({"column": best.name})
            one.notes.append(
                f"'{best.name}' repeats on each line of an order: those lines count 0."
            )
        else:
            one.rules.setdefault("subtract", []).append(best.name)


def _scale(one: Guess) -> None:
    amount = one.columns.get("amount") or one.columns.get("unit_price", "")
    if set(plain(amount).split()) & set(_words("cents")):
        one.rules["scale"] = 0.01


def _fill_down(one: Guess, by_name: dict[str, Column]) -> None:
    """Find columns that stand on the first row of a group only: blank together, never at first."""
    keys = [one.columns[n] for n in ("order_id", "ordered_at", "customer_id") if n in one.columns]
    anchor = next((by_name[k] for k in keys[:2] if by_name[k].cells[0].strip()), None)
    if anchor is None:
        return
    blank = [not cell.strip() for cell in anchor.cells]
    if sum(blank) < 0.1 * len(blank):
        return
    one.rules["fill_down"] = [
        name for name, column in by_name.items()
        if not any(column.cells[at].strip() for at, empty in enumerate(blank) if empty)
    ]  # fmt: skip
    for name in one.rules["fill_down"]:
        column, last = by_name[name], ""
        for at, cell in enumerate(column.cells):
            last = column.cells[at] = cell if cell.strip() else last
        for kept in ("filled", "different", "numeric", "times", "mail", "flag"):
            column.__dict__.pop(kept, None)


def _nobody(one: Guess, by_name: dict[str, Column]) -> None:
    if key := one.columns.get("customer_id"):
        words = set(_words("nobody")) - {""}
        counts = Counter(by_name[key].filled)
        often = 5 * len(by_name[key].filled) / max(1, len(counts))
        found = sorted(
            value
            for value, n in counts.items()
            if (plain(value) in words or re.fullmatch("0+|9{4,}", value))
            and (n > often or not value.isdigit())
        )
        if found:
            one.rules["nobody"] = found


def _order_of(one: Guess, by_name: dict[str, Column]) -> None:
    """Where receipt numbers begin again, name the order by shop and day too."""
    order, day = one.columns.get("order_id"), one.columns.get("ordered_at")
    if not order or not day:
        return
    who = by_name[one.columns.get("customer_id", day)].cells
    seen: dict[str, set[tuple[str, str]]] = defaultdict(set)
    for cell, when, person in zip(by_name[order].cells, by_name[day].cells, who, strict=True):
        if cell.strip():
            seen[cell].add((when[:10], person))
    spread = (min(len(set(part)) for part in zip(*one_, strict=True)) for one_ in seen.values())
    again = sum(times > 1 for times in spread)
    stores = [
        c.name
        for c in _free(one, by_name)
        if fit(c.name, _words("store")) >= 0.9 and c.different > 1
    ]
    if again > 0.2 * len(seen):
        one.rules["order_of"] = [*stores[:2], day, order]


def _clock(one: Guess, by_name: dict[str, Column]) -> None:
    day = one.columns.get("ordered_at")
    if not day or any(":" in cell for cell in by_name[day].filled[:50]):
        return
    for column in _free(one, by_name):
        good = (
            formats.share(
                column.filled, lambda c: re.fullmatch(r"\d{1,2}:\d{2}(:\d{2})?|\d{3,6}", c)
            )
            > 0.95
        )
        if good and fit(column.name, _words("clock")) >= 0.75:
            one.clock = column.name
            return
