"""Numbers, money and dates in the reader's own form (CLDR, through Babel)."""

from __future__ import annotations

import math
from datetime import date

from babel import dates, numbers

from segwork.personas.definitions import words


def shown(value: float, unit: str, language: str, currency: str = "") -> str:
    r"""Return a number with its unit: count, number, days, share, money, or none.

    Examples
    --------
    >>> shown(0.256, "share", "id"), shown(1234.5, "money", "en", "IDR"), shown(1, "days", "en")
    ('25,6%', 'IDR\xa01,230', '1 day')
    """
    if value is None or not math.isfinite(value):
        return "–"
    if unit == "share":
        return str(numbers.format_percent(value, "#,##0.#%", language))
    value = rounded(value, unit)
    if unit == "money" and currency:
        letters = numbers.get_currency_symbol(currency, language) == currency
        form = f"¤{chr(160) * letters}#,##0{'.00' if 0 < abs(value) < 100 else ''}"
        return str(numbers.format_currency(value, currency, form, language, currency_digits=False))
    form = "#,##0.#" if unit in ("count", "days") else "#,##0.##"
    text = str(numbers.format_decimal(value, form, language))
    return (
        str(words(language)["day" if value == 1 else unit]).format(text) if unit == "days" else text
    )


def rounded(value: float, unit: str) -> float:
    """Return money and numbers in three digits: more would mark people, and tell no more.

    Examples
    --------
    >>> rounded(123_456.0, "money"), rounded(1_234, "count")
    (123000.0, 1234)
    """
    if unit not in ("money", "number") or not value or not math.isfinite(value):
        return value
    return float(round(value, 2 - math.floor(math.log10(abs(value)))))


def day(when: date, language: str) -> str:
    """Return a date with its month in words.

    Examples
    --------
    >>> day(date(2027, 4, 1), "id")
    '1 April 2027'
    """
    return str(dates.format_date(when, "long", language))
