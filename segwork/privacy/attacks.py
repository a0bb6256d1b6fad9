"""Attacks carried out: singling out, linkage, inference, and subtraction of published numbers.

Each is tried on people drawn at random and told as its success rate beside what guessing reaches;
it works where its 95 % interval lies above guessing. All return a frame of one row:
attack, knows, attempts, successes, share, low, high, guessing, works.

References
----------
Article 29 Working Party, Opinion 05/2014 (the three tests); Giomi et al. (2023), "A unified
framework for quantifying privacy risk" (an attack counts beside a naive one).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from narwhals.typing import IntoFrame

from segwork.disclosure import SMALLEST_GROUP, recovered
from segwork.evidence import wilson
from segwork.privacy.anonymity import classes_of, columns_of

CLOSE = 0.05  # a guess of an amount within 5 % is right
COLUMNS = ["attack", "knows", "attempts", "successes", "share", "low", "high", "guessing", "works"]
Names = Sequence[str]
Frame = pd.DataFrame


def all_of(
    people: Frame, *, outside: Names, habits: Names, counts: Frame, shown: Frame, **few: int
) -> Frame:
    """Try every attack on a table of people and on the counts a page shows of them.

    Parameters
    ----------
    people : DataFrame
        One row a person, with ``secret``, ``segment`` and ``spend_total`` (or ``orders``).
    outside, habits : sequence of str
        Columns an outsider may know, and columns of usual buying.
    counts, shown : DataFrame
        True numbers of people, and the same with NaN where the page shows none.
    **few : int
        ``tries`` and ``seed``.

    Returns
    -------
    DataFrame
        A row an attack that could be tried.
    """
    tried = [singling_out(people, known=what, **few) for what in (outside, habits)]
    tried += [linkage(people, people, on=what, **few) for what in (outside, habits)]
    tried.append(inference(people, known=outside, secret="secret", **few))
    tried.append(
        departure(
            people["spend_total" if "spend_total" in people else "orders"],
            people["segment"],
            k=SMALLEST_GROUP,
            **few,
        )
    )
    tried.append(subtraction(counts, shown.isna().to_numpy()))
    return pd.concat(tried, ignore_index=True).query("attempts > 0")


def singling_out(table: IntoFrame, *, known: Names, tries: int = 1000, seed: int = 0) -> Frame:
    """Describe a person by what is known: does the description fit nobody else?

    Guessing combines values drawn column by column, and must hit this very person.

    Parameters
    ----------
    table : native frame
        One row a person.
    known : sequence of str
        Columns an attacker knows.
    tries, seed : int

    Examples
    --------
    >>> people = pd.DataFrame({"post_code": [7, 8, 9, 9], "sex": ["f", "f", "m", "m"]})
    >>> singling_out(people, known=["post_code", "sex"], tries=100)["works"].item()
    True
    """
    frame = columns_of(table, known)
    rng = np.random.default_rng(seed)
    targets = rng.integers(0, len(frame), tries)
    codes = frame.apply(lambda column: pd.factorize(column, use_na_sentinel=False)[0]).to_numpy()
    guesses = np.column_stack([rng.permutation(column)[targets] for column in codes.T])
    alone = (~frame.duplicated(keep=False)).to_numpy()[targets]
    lucky = alone & (guesses == codes[targets]).all(axis=1)
    return _row("singling out", known, alone, float(lucky.mean()))


def linkage(
    outside: Frame, released: Frame, *, on: Names, tries: int = 1000, seed: int = 0
) -> Frame:
    """Find the row of a person known from elsewhere in a table without names.

    Parameters
    ----------
    outside, released : DataFrame
        One row a person; the common index is the truth, which the attack does not use.
    on : sequence of str
        Columns both have. Among equal rows one is taken at random.
    tries, seed : int
    """
    both = pd.concat([columns_of(outside, on), columns_of(released, on)])
    code = both.groupby(list(both), dropna=False, observed=True).ngroup().to_numpy()
    rows = pd.Series(np.arange(len(released))).groupby(code[len(outside) :]).indices
    rng = np.random.default_rng(seed)
    targets = rng.integers(0, len(outside), tries)
    truth = released.index.get_indexer(outside.index[targets])
    picked = [rng.choice(rows[code[t]]) if code[t] in rows else -1 for t in targets]
    return _row("linkage", on, (np.array(picked) == truth) & (truth >= 0), 1 / len(released))


def inference(
    table: IntoFrame, *, known: Names, secret: str, tries: int = 1000, seed: int = 0
) -> Frame:
    """Guess a secret by what most others with the same known values have.

    Guessing says what most people of the whole table have.

    Parameters
    ----------
    table : native frame
    known : sequence of str
    secret : str
    tries, seed : int
    """
    frame = columns_of(table, [*known, secret])
    by = frame.groupby(list(known), dropna=False, observed=True)
    rows, code = classes_of(by), by.ngroup().to_numpy()
    values, names = pd.factorize(frame[secret], use_na_sentinel=False)
    usual = np.bincount(values, minlength=len(names))
    rng = np.random.default_rng(seed)
    targets = rng.integers(0, len(frame), tries)
    right = []
    for target in targets:
        others = np.bincount(values[rows[code[target]]], minlength=len(names)).astype(float)
        others[values[target]] -= 1
        right.append((others + usual / (usual.sum() + 1)).argmax() == values[target])
    return _row(f"inference of {secret}", known, np.array(right), usual.max() / usual.sum())


def subtraction(counts: Frame, hidden: np.ndarray) -> Frame:
    """Work out hidden cells of a table of counts from its totals; guessing picks 1 to 4.

    Parameters
    ----------
    counts : DataFrame
        The true numbers of people.
    hidden : ndarray of bool, shape as counts
        Cells the page does not show.
    """
    found = recovered(counts, hidden)[hidden]
    return _row("subtraction from totals", ["totals"], found, 1 / (SMALLEST_GROUP - 1))


def departure(
    values: pd.Series, groups: pd.Series, *, k: int = 0, tries: int = 1000, seed: int = 0
) -> Frame:
    """Compare the published mean of a group before and after one person leaves it.

    The difference of count times mean is what that person has, as far as rounding lets it
    through; right is within 5 %. Guessing says the mean of the group.

    Parameters
    ----------
    values : Series
        An amount, one a person.
    groups : Series
        The published group of the same person.
    k : int
        Groups of fewer people are not published, before or after.
    tries, seed : int
    """
    by = values.groupby(groups.to_numpy())
    n, total = by.transform("size"), by.transform("sum")
    at = np.random.default_rng(seed).integers(0, len(values), tries)
    one, n, total = (column.to_numpy(float)[at] for column in (values, n, total))
    before, after = _shown(total / n), _shown((total - one) / np.maximum(n - 1, 1))
    told = np.where(n > 1, n * before - (n - 1) * after, before)
    seen = (n >= k) & (n - 1 >= k)
    right = seen & (np.abs(told - one) <= CLOSE * np.abs(one))
    guessing = float((seen & (np.abs(before - one) <= CLOSE * np.abs(one))).mean())
    return _row("one person leaves", ["counts and means before and after"], right, guessing)


def _shown(amounts: np.ndarray) -> np.ndarray:
    """Round as a page does, to three significant digits."""
    return np.array([float(f"{amount:.3g}") for amount in amounts])


def _row(attack: str, known: Names, hits: np.ndarray, guessing: float) -> Frame:
    tried, hit = len(hits), int(np.sum(hits))
    ends = wilson(hit, tried)
    share, works = hit / max(tried, 1), tried > 0 and ends.low > guessing
    row = [attack, ", ".join(known), tried, hit, share, ends.low, ends.high, guessing, works]
    return pd.DataFrame([row], columns=COLUMNS)
