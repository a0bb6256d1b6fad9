"""Which segments are worth going after, and whether that hangs on the weights."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta

import numpy as np
import pandas as pd

from segwork import tables as _tables
from segwork.errors import UsageError
from segwork.privacy.consent import agreed
from segwork.purchases.models import Array
from segwork.tables import Tables
from segwork.value.ledger import Ledger

RANKS = ("score", "rank", "rank_low", "rank_high", "first_share")
DRAWS, TWICE = 1_000, 2.0  # weights are varied between half and twice what was given


@dataclass(frozen=True)
class Attractiveness:
    """Segments in order.

    Attributes
    ----------
    table : pandas.DataFrame
        Index ``segment``, best first: each criterion as it is (``growth``: revenue against the
        window before, −0.1 is a tenth less; ``competition`` as given; ``access``: share who agreed
        to marketing; own criteria), ``score`` (0 to 1), ``rank``, ``rank_low``, ``rank_high`` (90 %
        of draws of the weights between half and twice the given) and ``first_share``, the share of
        draws in which the segment is first.
    missing : tuple of str
        Criteria with a weight that are not known for every segment, and were left out.
    """

    table: pd.DataFrame = field(repr=False)
    missing: tuple[str, ...]

    def facts(self) -> dict[str, float | int | str]:
        """Return the first segment and how sure its rank is."""
        if not len(self.table) or self.table["score"].isna().all():
            return {"first_segment": "not enough data"}
        best = self.table.iloc[0]
        return {"first_segment": str(best.name), "first_share": float(best["first_share"])}


def attractiveness(
    tables: Tables,
    segments: pd.Series | pd.DataFrame,
    *,
    as_of: date | str,
    weights: Mapping[str, float],
    competition: Mapping[str, float] | None = None,
    own: pd.DataFrame | None = None,
    window_days: int = 365,
    seed: int = 0,
) -> Attractiveness:
    """Rank segments by growth, competition, access and own criteria under given weights.

    Parameters
    ----------
    tables, segments, as_of, window_days
        As in :func:`segwork.value.profit`.
    weights : mapping
        Weight, 0 or more, of each criterion; a criterion without a weight is shown, not counted.
    competition : mapping of segment to number, optional
        How fierce it is, judged by whoever knows the market; less is better.
    own : pandas.DataFrame, optional
        Further criteria by segment, more is better.
    seed : int, default 0
        Of the draws of weights.

    Raises
    ------
    UsageError
        A weight is negative, all are zero, or one is of no criterion.

    Examples
    --------
    >>> lines = pd.DataFrame({"customer_id": ["a", "b", "a", "b"], "amount": [9.0, 9, 9, 18],
    ...     "ordered_at": pd.to_datetime(["2023-05-01", "2023-05-01", "2024-05-01", "2024-05-01"])})
    >>> found = attractiveness(_tables.from_frames(transactions=lines),
    ...     pd.Series({"a": "x", "b": "y"}), as_of="2024-06-01", weights={"growth": 1})
    >>> found.table["growth"].to_dict()
    {'y': 1.0, 'x': 0.0}
    """
    book = Ledger(tables, segments, as_of=as_of, window_days=window_days)
    earlier = _tables.instant(as_of) - timedelta(days=window_days)
    before = Ledger(tables, book.label, as_of=earlier, window_days=window_days)
    people = pd.DataFrame(
        {"segment": book.label.to_numpy(), "access": _access(tables, book, as_of)}
    )
    people = people.assign(now=book.revenue(), then=before.revenue())
    by_segment = people.groupby("segment")
    sums = by_segment[["now", "then"]].sum()
    table = pd.DataFrame({"growth": sums["now"] / sums["then"].where(sums["then"] > 0) - 1})
    table["competition"] = pd.Series(dict(competition or {}), dtype=float).reindex(table.index)
    table["access"] = by_segment["access"].mean()
    if own is not None:
        table = table.join(own.set_axis(own.index.map(str)))
    return _ranked(table, _checked(weights, table), seed)


def _access(tables: Tables, book: Ledger, as_of: date | str) -> Array:
    """Return 1 for customers whose consent to marketing holds; missing where nobody was asked."""
    told = agreed(tables, purpose="marketing", as_of=as_of)
    if told is None:
        return np.full(len(book.label), np.nan)
    return told.rename(index=str).reindex(book.label.index, fill_value=False).to_numpy(float)


def _checked(weights: Mapping[str, float], table: pd.DataFrame) -> pd.Series:
    for name, weight in weights.items():
        if name not in table:
            raise UsageError.unknown("criterion", str(name), table.columns, where="weights")
        if not weight >= 0:
            raise UsageError(f"the weight of '{name}' is {weight!r}", accepted="0 or more")
    given = pd.Series(dict(weights), dtype=float)
    if not given.sum() > 0:
        raise UsageError("no criterion has a weight", accepted="one weight above 0")
    return given[given > 0]


def _ranked(table: pd.DataFrame, weights: pd.Series, seed: int) -> Attractiveness:
    missing = tuple(n for n in weights.index if table[n].isna().any())
    used = weights.drop(list(missing))
    if used.empty or table.empty:
        return Attractiveness(table.assign(**dict.fromkeys(RANKS, np.nan)), missing)
    values = table[used.index] * [-1.0 if n == "competition" else 1.0 for n in used.index]
    spread = (values.max() - values.min()).replace(0, np.nan)
    scaled = ((values - values.min()) / spread).fillna(0.5).to_numpy()
    rng = np.random.default_rng(seed)
    drawn = used.to_numpy() * TWICE ** rng.uniform(-1, 1, (DRAWS, len(used)))
    ranks = (-(drawn @ scaled.T)).argsort(axis=1, kind="stable").argsort(axis=1) + 1
    score = scaled @ (used / used.sum()).to_numpy()
    rank = pd.Series(-score).rank(method="min").astype(int).to_numpy()
    low, high = np.quantile(ranks, (0.05, 0.95), axis=0, method="nearest")
    found = [score, rank, low, high, (ranks == 1).mean(axis=0)]
    table = table.assign(**dict(zip(RANKS, found, strict=True)))
    return Attractiveness(table.sort_values("rank", kind="stable"), missing)
