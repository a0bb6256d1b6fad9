"""The four classical segmentations on one scoreboard with the learned ones."""

from __future__ import annotations

from datetime import date, timedelta

import numpy as np
import pandas as pd
from sklearn.metrics import adjusted_rand_score

from segwork import tables as _tables
from segwork.clustering import behaviour
from segwork.clustering.judging.scores import outcome_separation
from segwork.clustering.rfm import NAMES, rfm_labels
from segwork.errors import DataError
from segwork.features import customer_features
from segwork.features.rfm import fit_cuts
from segwork.personas.definitions import definition
from segwork.personas.evidence import BASES, attributes, describes
from segwork.tables import Tables

BEHAVIOURAL, RFM = "behavioural", ["days_since_last", "orders", "spend_total"]
NO_FIELDS, THE_REST, BOOTSTRAPS = "no fields", "the rest", 200


def classical(tables: Tables, *, as_of: date | str, window_days: int = 365) -> pd.DataFrame:
    """Draw the four classical segmentations from whatever columns there are.

    Demographic, geographic and psychographic: numbers in thirds, words as they are, combined; the
    commonest combinations are groups and the others one more. Behavioural: the RFM rule.

    Returns
    -------
    DataFrame
        Index ``customer_id``, of everybody who had bought; a column for each segmentation that has
        a column to draw on, with the words of each group; "no fields" where all are missing.

    Examples
    --------
    >>> lines = pd.DataFrame({"customer_id": ["a", "b"], "amount": 9.0,
    ...                       "ordered_at": pd.to_datetime(["2024-01-01", "2024-01-02"])})
    >>> people = pd.DataFrame({"customer_id": ["a", "b"], "region": ["Bali", None]})
    >>> data = _tables.from_frames(transactions=lines, customers=people)
    >>> classical(data, as_of="2024-02-01")["geographic"].tolist()
    ['Bali', 'no fields']
    """
    bought = behaviour(customer_features(tables, as_of=as_of, window_days=window_days))
    drawn = {base: _draw(fields, fields) for base, fields in _fields(tables, bought).items()}
    return pd.DataFrame(drawn, index=bought.index)


def scoreboard(
    tables: Tables,
    *,
    as_of: date | str,
    later_days: int = 91,
    window_days: int = 365,
    learned: pd.DataFrame | None = None,
    seed: int = 0,
) -> pd.DataFrame:
    """Hold segmentations of an earlier day against what the same customers spent since.

    Parameters
    ----------
    tables : Tables
    as_of : date
        End of the later period.
    later_days, window_days : int
    learned : DataFrame, optional
        Index method: ``segments, explained, low, high, found_again``, as the page of segments
        leaves them; measured on the same customers by the same outcome.
    seed : int

    Returns
    -------
    DataFrame
        Index ``segmentation``, best first: ``kind`` (classical · learned), ``segments, explained``
        (share of the variance of later spend, in logarithms), ``low, high`` (95 %, over customers),
        ``found_again`` (adjusted Rand index of the groups drawn from two disjoint halves),
        ``lacking`` (share of customers without any of the fields) and ``drawn_from``.

    Raises
    ------
    DataError
        There is no money to tell.
    """
    days = (as_of, _tables.instant(as_of) - timedelta(days=later_days))
    settings = {"window_days": window_days}
    now, past = (behaviour(customer_features(tables, as_of=day, **settings)) for day in days)
    if "spend_total" not in past:
        raise DataError("there is no spend to tell", accepted="transactions with amounts")
    spent = now["spend_total"].reindex(past.index) - past["spend_total"]
    outcome = np.log1p(spent.fillna(0).clip(lower=0).to_numpy(float))
    rng, rows = np.random.default_rng([seed, 12]), {}
    samples = [rng.integers(0, len(past), len(past)) for _ in range(BOOTSTRAPS)]
    for base, fields in _fields(tables, past).items():
        label = _draw(fields, fields)
        spread = [outcome_separation(label[some], outcome[some]) for some in samples]
        halves = np.array_split(rng.permutation(len(fields)), 2)
        again = [_draw(fields, fields.iloc[half]) for half in halves]
        rows[base] = {
            "kind": "classical",
            "segments": len(set(label) - {NO_FIELDS}),
            "explained": outcome_separation(label, outcome),
            **dict(zip(("low", "high"), np.quantile(spread, (0.025, 0.975)), strict=True)),
            "found_again": adjusted_rand_score(*again),
            "lacking": float((label == NO_FIELDS).mean()),
            "drawn_from": ", ".join(fields),
        }
    table = pd.DataFrame.from_dict(rows, orient="index")
    if learned is not None:
        own = learned.assign(kind="learned", lacking=0.0, drawn_from="behaviour")
        own = own.drop(index="rule_rfm", errors="ignore").reindex(columns=table.columns)
        table = pd.concat([table, own])
    return table.sort_values("explained", ascending=False).rename_axis("segmentation")


def _fields(tables: Tables, bought: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """Return what each segmentation is drawn from: one column more as long as groups stay few."""
    who, found = attributes(tables).reindex(bought.index), {}
    for base in BASES:
        kept: list[str] = []
        for name in (n for n in who if describes(n, base) and who[n].notna().any()):
            tried = _draw(who[[*kept, name]], who[[*kept, name]])
            if not kept or (tried == THE_REST).mean() <= definition("classical")["rest"]:
                kept.append(name)
        if kept:
            found[base] = who[kept]
    return found | ({BEHAVIOURAL: bought[RFM]} if set(RFM) <= set(bought) else {})


def _draw(frame: pd.DataFrame, fitted: pd.DataFrame) -> np.ndarray:
    """Return the group of each row, by bands, rare words and common groups of ``fitted``."""
    if list(frame) == RFM:
        return np.array(NAMES, object)[rfm_labels(frame, fit_cuts(fitted))]
    joined, known = (
        pd.Series(map(" · ".join, zip(*(_said(fitted[n], f[n]) for n in f), strict=True)))
        for f in (frame, fitted)
    )
    asked = known[fitted.notna().any(axis=1).to_numpy()]
    commonest = asked.value_counts().index[: definition("classical")["groups"]]
    label = joined.where(joined.isin(commonest), THE_REST)
    return label.mask(frame.isna().all(axis=1).to_numpy(), NO_FIELDS).to_numpy(object)


def _said(fitted: pd.Series, values: pd.Series) -> np.ndarray:
    """Return numbers as thirds and words as they are, rare ones together."""
    rule = definition("classical")
    if pd.api.types.is_numeric_dtype(fitted):
        cuts = np.unique(fitted.quantile([1 / 3, 2 / 3]))
        bands = [f"{values.name} {word}" for word in ("low", "middle", "high")[: len(cuts) + 1]]
        said = np.array(bands, object)[np.searchsorted(cuts, values).clip(0, len(cuts))]
    else:
        share = fitted.astype("str").value_counts(normalize=True)
        said = values.astype("str").where(values.isin(share.index[share >= rule["rare"]]), "other")
    return np.where(values.isna(), "unknown", said)
