"""How segments are served, dimension by dimension: ``service``."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date

import narwhals as nw
import numpy as np
import pandas as pd

from segwork import evidence
from segwork.purchases.models import Array
from segwork.purchases.occasions import in_memory
from segwork.tables import Tables, until
from segwork.value.ledger import Ledger, column

COLUMNS = ["segment", "dimension", "measure", "expected", "perceived", "value"]
COLUMNS += ["low", "high", "n", "kind"]
RANK = ("surveyed", "proxy", "not known")
DIMENSIONS = ("reliability", "responsiveness", "assurance", "empathy", "tangibles")
# Another contact of the same kind within so many days is about the same matter.
AGAIN_DAYS, WINDOW_DAYS = 30, 365
FEELINGS = {"negative": -1.0, "neutral": 0.0, "positive": 1.0}
MINUTES = ("waiting_minutes", "response_minutes", "handling_minutes")


@dataclass(frozen=True)
class Service:
    """How each segment is served.

    Attributes
    ----------
    table : pandas.DataFrame
        ``segment, dimension, measure``; ``expected`` and ``perceived`` means of a survey;
        ``value`` (of a survey perceived − expected) with ``low, high`` (95 %, by customer) and the
        ``n`` answers or contacts behind it; ``kind``: surveyed, proxy or not known; beside it the
        segment's ``customers`` and ``revenue_per_customer``.

    References
    ----------
    Parasuraman, Zeithaml and Berry (1988), "SERVQUAL", Journal of Retailing 64(1).
    """

    table: pd.DataFrame = field(repr=False)

    def facts(self) -> dict[str, float | int | str]:
        """Return how many dimensions could be measured, and how."""
        kinds = self.table.groupby("dimension")["kind"].agg(lambda k: min(k, key=RANK.index))
        return {f"{kind.replace(' ', '_')}_dimensions": int((kinds == kind).sum()) for kind in RANK}


def service(tables: Tables, segments: pd.Series | pd.DataFrame, *, as_of: date | str) -> Service:
    """Measure service by segment: a survey where there is one, else what contacts of a year tell.

    Parameters
    ----------
    tables : Tables
        A survey is a pair of numeric columns ``expected_<dimension>``, ``perceived_<dimension>`` in
        ``interactions`` or ``customers``. Proxies use ``interactions``: ``kind``,
        ``handling_minutes``, ``sentiment``, and where there are any ``waiting_minutes`` or
        ``response_minutes`` and ``resolved``.
    segments : pandas.Series or DataFrame
        As in :func:`segwork.value.profit`.
    as_of : date

    Notes
    -----
    A proxy is no opinion: only callers are seen, and long handling is care as well as cost. Nothing
    in a call log stands for tangibles; they stay empty without a survey.

    Examples
    --------
    >>> from segwork import tables
    >>> calls = pd.DataFrame({"customer_id": ["a", "a"], "channel": "call", "kind": "complaint",
    ...     "occurred_at": pd.to_datetime(["2024-01-02", "2024-01-09"])})
    >>> lines = pd.DataFrame({"customer_id": ["a"], "amount": [9.0],
    ...     "ordered_at": pd.to_datetime(["2024-01-01"])})
    >>> found = service(tables.from_frames(transactions=lines, interactions=calls),
    ...     pd.Series({"a": "x"}), as_of="2024-06-01")
    >>> found.table.loc[0, ["measure", "kind"]].tolist()
    ['contacts again within 30 days', 'proxy']
    """
    book = Ledger(tables, segments, as_of=as_of, window_days=WINDOW_DAYS)
    answers = _survey(tables, book, as_of)
    nothing = {"measure": "", "n": 0, "kind": RANK[-1]}
    rows = []
    for dimension in DIMENSIONS:
        found = _surveyed(book, answers, dimension) or _proxies(book, dimension)
        empty = [{"segment": segment} for segment in sorted(set(book.label))]
        rows += [{"dimension": dimension, **nothing, **row} for row in found or empty]
    table = pd.DataFrame(rows).reindex(columns=COLUMNS)
    earned = pd.Series(book.revenue()).groupby(book.label.to_numpy()).agg(["size", "mean"])
    for name, of in (("customers", "size"), ("revenue_per_customer", "mean")):
        table[name] = table["segment"].map(earned[of])
    return Service(table)


def _survey(tables: Tables, book: Ledger, as_of: date | str) -> pd.DataFrame | None:
    """Return answers by row of the ledger: one row a filled-in survey."""
    for native in (tables.interactions, tables.customers):
        frame = None if native is None else nw.from_native(until(native, as_of))
        names = [] if frame is None else frame.collect_schema().names()
        kept = [n for n in names if n.startswith(("expected_", "perceived_"))]
        if kept:
            answers = in_memory(frame.select("customer_id", *kept))
            return answers.assign(row=book.rows_of(answers["customer_id"]))
    return None


def _surveyed(book: Ledger, answers: pd.DataFrame | None, dimension: str) -> list[dict]:
    names = [f"{what}_{dimension}" for what in ("expected", "perceived")]
    if answers is None or not set(names) <= set(answers):
        return []
    wanted, got = (pd.to_numeric(answers[n], errors="coerce").to_numpy(float) for n in names)
    paired = np.where(np.isnan(wanted - got), np.nan, [got - wanted, wanted, got])
    means = [_ratios(book, answers, v, "perceived − expected", "surveyed") for v in paired]
    return [
        {**gap, "expected": e.get("value"), "perceived": p.get("value")}
        for gap, e, p in zip(*means, strict=True)
    ]


def _proxies(book: Ledger, dimension: str) -> list[dict]:
    """Return what the contacts tell of one dimension."""
    contacts = book.contacts
    if contacts is None or contacts.empty:
        return []
    kind = contacts["kind"] if "kind" in contacts else pd.Series("", contacts.index)
    complaint, again = (kind == "complaint").to_numpy(bool), _again(contacts, kind)
    settled = column(contacts, "resolved") if "resolved" in contacts else 1 - again
    feeling = contacts.get("sentiment", pd.Series(np.nan, contacts.index))
    number = pd.to_numeric(feeling, errors="coerce").fillna(feeling.map(FEELINGS).astype(float))
    minutes = {name.replace("_", " "): column(contacts, name) for name in MINUTES}
    measures = {
        "reliability": {
            "contacts again within 30 days": again,
            "complaints among contacts": complaint / (1.0 if complaint.any() else np.nan),
        },
        "responsiveness": minutes,
        "assurance": {"complaints settled": np.where(complaint, settled, np.nan)},
        "empathy": {"sentiment, −1 to 1": number.to_numpy(float)},
    }
    known = {m: v for m, v in measures.get(dimension, {}).items() if np.isfinite(v).any()}
    return [row for m, v in known.items() for row in _ratios(book, contacts, v, m, "proxy")]


def _again(contacts: pd.DataFrame, kind: pd.Series) -> Array:
    """Return 1 where a contact of the kind follows within 30 days, NaN if too early to say."""
    codes = pd.factorize(kind)[0]
    row, day = contacts["row"].to_numpy(), contacts["_day"].to_numpy()
    order = np.lexsort((day, codes, row))
    same = (np.diff(row[order]) == 0) & (np.diff(codes[order]) == 0)
    again = np.empty(len(contacts))
    again[order] = np.r_[same & (np.diff(day[order]) <= AGAIN_DAYS), False]
    return np.where(day > contacts.attrs["today"] - AGAIN_DAYS, np.nan, again)


def _ratios(book: Ledger, table: pd.DataFrame, values: Array, measure: str, kind: str) -> list:
    """Return each segment's mean over rows, with a 95 % interval over customers."""
    known = ~np.isnan(values)
    sums = {"top": book.sum(np.nan_to_num(values), table), "below": book.sum(known, table)}
    share = bool(np.isin(values[known], (0.0, 1.0)).all())
    rows = []
    for segment, own in pd.DataFrame(sums).groupby(book.label.to_numpy(), sort=True):
        n = int(own["below"].sum())
        row = {"segment": segment, "measure": measure, "n": n, "kind": kind if n else RANK[-1]}
        if n:
            mean, interval = evidence.mean_of_clusters(own["top"], own["below"], share=share)
            row |= {"value": mean, "low": interval.low, "high": interval.high}
        rows.append(row)
    return rows
