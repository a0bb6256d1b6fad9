"""Supervised segments: features as of a date, label from the window after it, unseen behaviour."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

import numpy as np
import pandas as pd
from sklearn.neighbors import NearestNeighbors

from segwork import features as _features
from segwork import tables as _tables
from segwork.errors import UsageError
from segwork.overfitting.case import make_case
from segwork.schema import CUSTOMERS

AT_RISK_PACE = 0.5
NOVEL_P = 0.01
NEIGHBOURS, KNOWN_ROWS = 5, 6_000


@dataclass(frozen=True)
class Snapshots:
    """Customers described on several days, with what they did afterwards.

    Attributes
    ----------
    X : DataFrame, shape (n, d)
        Features as of the day; ``customer_id`` and the day are not among them.
    label : Series, shape (n,)
        lost (no order in the window), at risk (fewer than half the orders their own pace
        promised), loyal.
    customer : Series, shape (n,)
    as_of : Series of datetime, shape (n,)
        The day of the snapshot; the label window starts on it.
    label_days : int
    left_out : tuple of date
        Days whose label window had not closed, not used.
    """

    X: pd.DataFrame
    label: pd.Series
    customer: pd.Series
    as_of: pd.Series
    label_days: int
    left_out: tuple[date, ...]

    def facts(self) -> dict[str, float | int | str]:
        """Return rows, customers, days, days left out and the share of each class."""
        found: dict[str, float | int | str] = {
            "rows": len(self.X),
            "customers": int(self.customer.nunique()),
            "snapshots": int(self.as_of.nunique()),
            "snapshots_left_out": len(self.left_out),
            "label_days": self.label_days,
        }
        for name, share in self.label.value_counts(normalize=True).sort_index().items():
            found[f"{str(name).replace(' ', '_')}_share"] = float(share)
        return found


def quarters(
    tables: Any, *, as_of: date, number: int = 4, label_days: int = 90, window_days: int = 365
) -> Snapshots:
    """Take the last ``number`` quarterly snapshots whose label window has closed by ``as_of``.

    Snapshots before the data begin are skipped. The rest is as in :func:`snapshots`.
    """
    first = pd.Timestamp(_pandas(tables.transactions)["ordered_at"].min())
    days = [as_of - timedelta(days=label_days + 91 * k) for k in range(number)]
    days = [day for day in days if pd.Timestamp(day) > first] or days[:1]
    return snapshots(
        tables, days=days, closed_at=as_of, label_days=label_days, window_days=window_days
    )


def snapshots(
    tables: Any,
    *,
    days: Iterable[date],
    closed_at: date,
    label_days: int = 90,
    window_days: int = 365,
) -> Snapshots:
    """Describe customers on each day, and label them by the ``label_days`` that follow.

    Parameters
    ----------
    tables : segwork.tables.Tables
    days : iterable of date
        Days of the snapshots.
    closed_at : date
        Day the data end (``as_of`` of the config). Days later than ``closed_at`` minus
        ``label_days`` are left out and named: their label is not known yet.
    label_days, window_days : int
        Length of the label window and of the window behind the features.

    Returns
    -------
    Snapshots
        A customer is in a snapshot if they ordered in the ``window_days`` before it.

    Raises
    ------
    UsageError
        No day has a closed label window, or a length is not positive.
    """
    if min(label_days, window_days) <= 0:
        raise UsageError(
            f"label_days {label_days}, window_days {window_days}", accepted="positive days"
        )
    asked = sorted(days)
    closed = [day for day in asked if day + timedelta(days=label_days) <= closed_at]
    if not closed:
        raise UsageError(
            f"no snapshot day has a label window of {label_days} days that closed by {closed_at}",
            accepted="earlier days, or a shorter window",
        )
    parts = [_snapshot(tables, day, label_days, window_days) for day in closed]
    rows = pd.concat(parts, ignore_index=True)
    return Snapshots(
        X=rows.drop(columns=["customer_id", "_label", "_day", *_withheld(rows)]),
        label=rows["_label"].rename("label"),
        customer=rows["customer_id"],
        as_of=rows["_day"],
        label_days=label_days,
        left_out=tuple(day for day in asked if day not in closed),
    )


def _withheld(rows: pd.DataFrame) -> list[str]:
    """Columns a model does not get: protected ones, constant ones, and values of the day itself."""
    protected = [c.name for c in CUSTOMERS.columns if c.protected or c.personal]
    return [
        name
        for name in rows.columns.drop(["customer_id", "_label", "_day"])
        if name in protected or name.startswith("external_") or rows[name].nunique() < 2
    ]


def _snapshot(tables: Any, day: date, label_days: int, window_days: int) -> pd.DataFrame:
    found = _described(tables, day, window_days)
    end = day + timedelta(days=label_days)
    later = orders_between(_pandas(_tables.until(tables.transactions, end)), start=day)
    orders = found["customer_id"].map(later).fillna(0)
    observed = found["tenure_days"].clip(lower=1, upper=window_days)
    promised = found["orders_window"] * label_days / observed.clip(lower=label_days)
    found["_label"] = np.select(
        [orders == 0, orders < AT_RISK_PACE * promised], ["lost", "at risk"], "loyal"
    )
    found["_day"] = pd.Timestamp(day)
    return found


def _described(tables: Any, day: date, window_days: int) -> pd.DataFrame:
    """Features of the customers who ordered in the window before the day."""
    found = _pandas(_features.customer_features(tables, as_of=day, window_days=window_days))
    return found[found["orders_window"] > 0].reset_index(drop=True)


def orders_between(transactions: pd.DataFrame, *, start: date | datetime) -> pd.Series:
    """Count each customer's orders from ``start`` on; returns are no orders."""
    lines = transactions[transactions["ordered_at"] >= pd.Timestamp(start)]
    sold = lines["amount"] > 0
    if "is_return" in lines:
        sold &= ~lines["is_return"].fillna(False).astype(bool)
    lines = lines[sold & lines["customer_id"].notna()]
    order = lines["order_id"] if "order_id" in lines else lines["ordered_at"].dt.normalize()
    return order.groupby(lines["customer_id"]).nunique()


def _pandas(frame: Any) -> pd.DataFrame:
    import narwhals as nw

    native = nw.from_native(frame)
    native = native.collect() if isinstance(native, nw.LazyFrame) else native
    return native.to_pandas()


def unseen(history: pd.DataFrame, new: pd.DataFrame, *, seed: int = 0) -> pd.Series:
    """Flag rows whose behaviour history does not know, so that no class is forced on them.

    Parameters
    ----------
    history, new : DataFrame with the same numeric columns
        Columns of words are not looked at.

    Returns
    -------
    Series of bool, index of ``new``
        True where the distance to the fifth-nearest row of one half of history is larger than for
        99 % of the other half: of rows that follow the same law about 1 % are flagged.

    References
    ----------
    Vovk, Gammerman and Shafer (2005), "Algorithmic Learning in a Random World" (conformal p).

    Examples
    --------
    >>> import numpy as np, pandas as pd
    >>> rng = np.random.default_rng(0)
    >>> past = pd.DataFrame(rng.normal(size=(2000, 3)), columns=list("abc"))
    >>> unseen(past, pd.DataFrame([[0, 0, 0], [9, 9, 9]], columns=list("abc"))).tolist()
    [False, True]
    """
    names = list(history.select_dtypes("number").columns)
    if missing := [name for name in names if name not in new]:
        raise UsageError(f"new rows lack {', '.join(missing)}", accepted="the columns of history")
    if len(history) < 40:
        raise UsageError(f"history has {len(history)} rows", accepted="at least 40")
    middle = history[names].median()
    spread = (history[names].quantile(0.95) - history[names].quantile(0.05)).replace(0.0, 1.0)
    past = _scaled(history[names], middle, spread)
    order = np.random.default_rng(seed).permutation(len(past))[:KNOWN_ROWS]
    known, judges = past[order[::2]], past[order[1::2]]
    near = NearestNeighbors(n_neighbors=min(NEIGHBOURS, len(known))).fit(known)
    usual = np.sort(near.kneighbors(judges)[0][:, -1])
    distance = near.kneighbors(_scaled(new[names], middle, spread))[0][:, -1]
    farther = len(usual) - np.searchsorted(usual, distance, side="left")
    return pd.Series((farther + 1) / (len(usual) + 1) <= NOVEL_P, index=new.index, name="unseen")


def outlook(
    estimator: Any,
    history: Snapshots,
    tables: Any,
    *,
    as_of: date,
    event: str = "lost",
    window_days: int = 365,
    seed: int = 0,
) -> pd.DataFrame:
    """Fit on all of history and tell the chance of ``event`` for the customers of ``as_of``.

    Parameters
    ----------
    estimator : scikit-learn classifier
    history : Snapshots
    tables : segwork.tables.Tables
    as_of : date
    event : str
    window_days : int
        As for the history.

    Returns
    -------
    DataFrame
        customer_id, ``<event>_probability``, unseen. Customers whose behaviour history does not
        know are flagged and have no probability.
    """
    today = _described(tables, as_of, window_days)
    now = today.reindex(columns=history.X.columns)
    happened = np.where(history.label == event, event, f"not {event}")
    rows = pd.concat([history.X, now], ignore_index=True)
    labels = np.append(happened, np.full(len(now), happened[0]))
    case = make_case(estimator, rows, labels, groups=None, time=None, seed=seed)
    model = case.fit(np.arange(len(history.X)))
    score = case.score(model, np.arange(len(history.X), len(rows)))
    chance = pd.Series(score[:, int(np.flatnonzero(case.classes == event)[0])], index=now.index)
    new = unseen(history.X, now, seed=seed)
    chance_known = {f"{event}_probability": chance.mask(new), "unseen": new}
    return today[["customer_id"]].assign(**chance_known)


def _scaled(frame: pd.DataFrame, middle: pd.Series, spread: pd.Series) -> np.ndarray:
    scaled = ((frame.fillna(middle) - middle) / spread).fillna(0.0).to_numpy(dtype=float)
    return np.sign(scaled) * np.log1p(np.abs(scaled))
