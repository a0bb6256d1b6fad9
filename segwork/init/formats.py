"""How numbers, times and flags of a column are written, found from its values."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise
from typing import Any

from segwork.tables.parsing import NO_WORDS, YES_WORDS
from segwork.tables.times import MONTHS, in_english
from segwork.words import MISSING_MARKS

SPACES = " \u00a0\u202f\u2009"
ENOUGH = 0.9
_MONEY = (
    r"(?:[A-Z]{0,2}[$\u20a0-\u20bf£¥￥€]|Rp\.?|RM|Rs\.?|kr\.?|đ|Bs\.?|S/\.?|K[Ss]h|Tk|NT|zł|Kč|Ft|TL|лв\.?|руб\.?|р\.|円|元|원|Fr\.?"
    r"|IDR|USD|EUR|GBP|CHF|JPY|CNY|INR|AUD|CAD|NZD|SGD|MYR|THB|PHP|VND|KRW|HKD|TWD|SEK|NOK|DKK|PLN"
    r"|CZK|HUF|RON|BGN|TRY|RUB|UAH|BRL|MXN|ARS|CLP|COP|PEN|ZAR|NGN|KES|EGP|AED|SAR|ILS)"
)
_DIGITS = r"(?P<digits>\d[\d.,'’ \u00a0\u202f\u2009]*|[.,]\d+)"
_SIGN = re.compile(
    rf"[-−+(]?\s*(?P<a>{_MONEY})?\s*[-−+]?\s*{_DIGITS}(?:[.,]?[-–]+)?\s*(?P<b>{_MONEY})?\s*[-)]?\s*(?P<c>{_MONEY})?"
)
_ISO = re.compile(
    r"\d{4}-\d{1,2}-\d{1,2}(?:[ T]\d{1,2}:\d{2}(?::\d{2}(?:\.\d+)?)?)?"
    r"\s?(?P<zone>Z|UTC|[+-]\d{2}:?\d{2})?"
)
_PARTS = re.compile(
    r"(\d{1,4})([/.\-])(\d{1,2})\2(\d{1,4})(?:(,?[ T])(\d{1,2}):(\d{2})(:\d{2})?( ?[AaPp][Mm])?)?"
)
_PIECE = re.compile(r"\d+|[^\W\d_]+|\W+|_")
DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_UNITS = {"s": (9e8, 4e9), "ms": (9e11, 4e12), "us": (9e14, 4e15), "ns": (9e17, 4e18)}
_SERIAL = (25_000, 60_000)


def filled(cells: list[str]) -> list[str]:
    """Return the cells that hold something."""
    stripped = (cell.strip().removeprefix('="').removesuffix('"') for cell in cells)
    return [cell for cell in stripped if cell.lower() not in MISSING_MARKS]


def is_number(cell: str) -> bool:
    """Say whether a cell is a number, perhaps with a sign of money."""
    return bool(_SIGN.fullmatch(cell)) and any(c.isdigit() for c in cell)


def share(cells: list[str], good: Any) -> float:
    """Return the share of filled cells that are as asked."""
    return sum(bool(good(cell)) for cell in cells) / len(cells) if cells else 0.0


@dataclass(frozen=True)
class Numbers:
    """Signs inside the numbers of a file; ``sure`` is False where they may mean either."""

    decimal: str = ""
    thousands: str = ""
    money_signs: tuple[str, ...] = ()
    sure: bool = True


def numbers(columns: list[list[str]]) -> Numbers:
    """Find the signs from the columns of money of one file, read together."""
    decimals, groups, doubt, signs = (Counter[str]() for _ in range(4))
    for cell in dict.fromkeys(cell for cells in columns for cell in cells):
        if not (found := _SIGN.fullmatch(cell)):
            continue
        signs.update(sign for name in "abc" if (sign := found[name]))
        text = found["digits"].strip(".,'’ \u00a0\u202f\u2009")
        for space in SPACES:
            text = text.replace(space, " ")
        marks = [c for c in text if not c.isdigit()]
        last = marks[-1] if marks else ""
        if len(set(marks)) > 1:
            decimals[last] += 1
            groups[marks[0]] += 1
        elif len(marks) > 1 or last in ("'", "’", " "):
            groups[last] += 1
        elif last and re.fullmatch(r"[1-9]\d{0,2}[.,]\d{3}", text):
            doubt[last] += 1
        elif last:
            decimals[last] += 1
    money_signs = tuple(sign for sign, times in signs.most_common(5) if times > 1)
    decimal, thousands = (max(marks, key=marks.get, default="") for marks in (decimals, groups))
    thousands, sure = "" if thousands == decimal else thousands, True
    for mark, times in doubt.items():
        # "48.000" beside no other decimals: thousands if there are many of them.
        if mark not in (decimal, thousands) and (decimal or not thousands):
            thousands, sure = mark, bool(decimal) or times >= 5
    return Numbers(decimal, thousands, money_signs, sure)


def is_flag(cells: list[str]) -> bool:
    """Say whether the filled cells are yes and no."""
    words = {cell.lower() for cell in cells}
    return 0 < len(words) <= 4 and words <= YES_WORDS | NO_WORDS


@dataclass(frozen=True)
class Times:
    """How times are written: keys as in the config; ``why`` says what was seen."""

    share: float = 0.0
    time_format: str = ""
    unit: str = ""
    day_first: bool | None = None
    sure: bool = True
    zone: str = ""
    why: str = ""


def times(cells: list[str]) -> Times:
    """Find how the times of a column are written; share 0 where they are none."""
    if not cells:
        return Times()
    cells = [in_english(cell) for cell in cells]
    iso = [found for cell in cells if (found := _ISO.fullmatch(cell))]
    if len(iso) >= ENOUGH * len(cells):
        zone = next((m["zone"] for m in iso if m["zone"]), "")
        return Times(len(iso) / len(cells), zone=zone, why="ISO dates")
    if share(cells, lambda c: re.fullmatch(r"\d+(\.\d+)?", c)) >= ENOUGH:
        return _counted([float(c) for c in cells if re.fullmatch(r"\d+(\.\d+)?", c)], cells)
    parts = [found for cell in cells if (found := _PARTS.fullmatch(cell))]
    if len(parts) >= 0.8 * len(cells):
        return _ordered(parts, len(cells))
    probe = cells[:200]
    forms = Counter(form for cell in probe if (form := _spelled(cell)))
    for form, _ in forms.most_common(3):
        if share(probe, lambda c, form=form: _reads(c, form)) >= ENOUGH:
            good = share(cells, lambda c, form=form: _reads(c, form))
            return Times(good, form, why=f"as {form}")
    return Times()


def _spelled(cell: str) -> str:
    """Write the format of a date with the name of a month, or with 年, 月 and 日; else ''."""
    form, clock = "", iter("HMS")
    pieces = _PIECE.findall(cell) if len(cell) < 50 else []
    for at, piece in enumerate(pieces):
        after, before = (pieces[n] if 0 <= n < len(pieces) else "" for n in (at + 1, at - 1))
        if piece.isdigit() and (":" in (after, before) or (before == "." and "S" not in form)):
            form += f"%{next(clock, 'f')}"
        elif piece.isdigit():
            order = (
                ("%Y",) if len(piece) == 4 or after == "年" else ("%m",) if after == "月" else ()
            )
            free = next((d for d in (*order, "%d", "%y") if d not in form), "")
            form += free
        elif piece.upper() in ("AM", "PM"):
            form = form.replace("%H", "%I") + "%p"
        elif piece in MONTHS:
            form += "%b"
        else:
            form += "%a" if piece in DAYS else "%A" if f"{piece[:3]}" in DAYS else piece
    return form if "%d" in form and ("%b" in form or "%m" in form) else ""


def _counted(numbers: list[float], cells: list[str]) -> Times:
    low, high = min(numbers), max(numbers)
    for unit, (least, most) in _UNITS.items():
        if least <= low and high <= most:
            return Times(
                1.0, unit, unit, why=f"numbers of {len(cells[0])} digits: {unit} since 1970"
            )
    for digits, form in ((8, "%Y%m%d"), (12, "%Y%m%d%H%M"), (14, "%Y%m%d%H%M%S")):
        if all(len(c) == digits and c[:2] in ("19", "20") and _reads(c, form) for c in cells):
            why = f"{digits} digits: year, month, day" + ", clock" * (digits > 8)
            return Times(1.0, form, "yyyymmdd" if digits == 8 else "", why=why)
    if _SERIAL[0] <= low and high <= _SERIAL[1]:
        return Times(0.85, "excel", "excel_serial", why="day numbers of a spreadsheet")
    return Times()


def _ordered(parts: list[re.Match[str]], n: int) -> Times:
    """Settle the order of day, month and year, and the format of the whole."""
    clock = Counter(
        (m[5] or "", bool(m[6]), bool(m[8]), bool(m[9]), " " in (m[9] or "")) for m in parts
    )
    (gap, timed, seconds, half, spaced), _ = clock.most_common(1)[0]
    form = f"{gap}{'%I' if half else '%H'}:%M{':%S' if seconds else ''}" if timed else ""
    form += (" %p" if spaced else "%p") if half else ""
    mark, one_form = parts[0][2], len(clock) == 1
    if all(len(m[1]) == 4 for m in parts):
        form = f"%Y{mark}%m{mark}%d{form}" if one_form else ""
        return Times(len(parts) / n, form, why="year, month, day")
    first, second = [int(m[1]) for m in parts], [int(m[3]) for m in parts]
    year = "%Y" if len(parts[0][4]) == 4 else "%y"
    day, month = max(first) > 12, max(second) > 12
    if day and month:
        return Times()
    sure = day or month or mark == "."
    if day or month:
        day_first, why = day, f"a number over 12 stands {'first' if day else 'second'}"
    elif mark == ".":
        day_first, why = True, "points between"
    else:
        day_first, why = _rises(parts), "every date can be read both ways; the rows rise in time so"
    order = f"%d{mark}%m{mark}{year}" if day_first else f"%m{mark}%d{mark}{year}"
    return Times(len(parts) / n, order + form if one_form else "", "", day_first, sure, why=why)


def _rises(parts: list[re.Match[str]]) -> bool:
    """Say whether the rows go up in time more often when read day first."""

    def steps(day: int, month: int) -> int:
        days = [(int(m[4]), int(m[month]), int(m[day])) for m in parts]
        return sum(a > b for a, b in pairwise(days))

    return steps(1, 3) <= steps(3, 1)


def _reads(cell: str, form: str) -> bool:
    try:
        datetime.strptime(cell, form)
    except ValueError:
        return False
    return True
