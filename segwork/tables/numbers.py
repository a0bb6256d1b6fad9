"""Read numbers as people write them: signs of money, thousands, minus behind, brackets."""

from __future__ import annotations

import re

import numpy as np
import pandas as pd

from segwork.source import Source

SPACES = "[ \u00a0\u202f\u2009]"
_GROUPS_OF_DOTS = re.compile(r"[1-9]\d{0,2}(\.\d{3})+")
FEWEST_DOTTED = 3
"""So many different values that all read as thousands are no chance."""


def plain_text(texts: pd.Series, source: Source) -> pd.Series:
    """Rewrite different texts of numbers as Python reads them; what does not fit becomes '?'.

    A minus behind the number and brackets around it are a minus before it.
    """
    texts = texts.str.replace("\u2212", "-").str.strip()
    for sign in sorted(source.money_signs, key=len, reverse=True):
        mark = re.escape(sign)
        texts = texts.str.replace(rf"(?i)^([-+(]?)\s*{mark}\s*", r"\1", regex=True)
        texts = texts.str.replace(rf"(?i)\s*{mark}\s*([-)]?)$", r"\1", regex=True)
    texts = texts.str.replace(r"[.,][-–]+$", "", regex=True)  # 6.450,- has no cents
    texts = texts.str.replace(r"^\((.*)\)$", r"-\1", regex=True)
    texts = texts.str.replace(r"^([^-+].*?)\s*-$", r"-\1", regex=True)
    texts = texts.str.replace(r"^([-+])\s+", r"\1", regex=True)
    decimal = source.decimal or ("," if source.thousands == "." else ".")
    group = SPACES if source.thousands == " " else re.escape(source.thousands)
    if not group and decimal == ".":
        return texts
    group = group or r"\."  # beside decimal commas points can only be thousands
    point = re.escape(decimal)
    fits = rf"[+-]?(\d+|\d{{1,3}}({group}\d{{2,3}})*{group}\d{{3}})({point}\d*)?([eE][+-]?\d+)?"
    good = texts.str.fullmatch(fits).astype(bool)
    bare = texts.str.replace(group, "", regex=True).str.replace(decimal, ".", regex=False)
    return bare.where(good, "?")


def thousands_in_disguise(texts: pd.Series, source: Source) -> str:
    """Say why numbers with points may be thousands; empty where they are not or it is stated."""
    if source.decimal or source.thousands:
        return ""
    bare = texts.str.replace(r"^[-+]|-$", "", regex=True)
    dotted = bare[bare.str.contains(".", regex=False)]
    if dotted.empty or not dotted.map(lambda text: bool(_GROUPS_OF_DOTS.fullmatch(text))).all():
        return ""
    whole = bare[~bare.str.contains(".", regex=False) & bare.str.fullmatch(r"\d{4,}")]
    twice = dotted[dotted.str.count(r"\.") > 1]
    if len(twice):
        return f"'{twice.iloc[0]}' has points between thousands; set decimal = ','"
    # Who writes decimals down to their last zero would write 1500.000 for 1500.
    padded = dotted.str.endswith("0").any()
    if padded or (len(dotted) >= FEWEST_DOTTED and whole.empty):
        return (
            f"every point stands before three digits, such as '{dotted.iloc[0]}': thousands or"
            " decimals; set decimal = ',' or decimal = '.'"
        )
    return ""


def faults_of(texts: pd.Series, bad: np.ndarray) -> dict[str, np.ndarray]:
    """Sort what is no number into decimal commas and the rest."""
    comma = bad & texts.str.fullmatch(r"[+-]?\d[\d.]*,\d+").to_numpy(bool)
    return {"decimal_comma": comma, "not_a_number": bad & ~comma}
