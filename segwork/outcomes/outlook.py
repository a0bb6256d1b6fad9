"""The chance of an outcome for the customers of today, and who behaves as nobody did before."""

from __future__ import annotations

from datetime import date

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator
from sklearn.neighbors import NearestNeighbors

from segwork.errors import UsageError
from segwork.outcomes.snapshots import Snapshots, described
from segwork.overfitting.problem import make_problem
from segwork.tables import Tables

NOVEL_P = 0.01
NEIGHBOURS, KNOWN_ROWS = 5, 6_000


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
    estimator: BaseEstimator,
    history: Snapshots,
    tables: Tables,
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
    today = described(tables, as_of, window_days)
    now = today.reindex(columns=history.X.columns)
    happened = np.where(history.label == event, event, f"not {event}")
    rows = pd.concat([history.X, now], ignore_index=True)
    labels = np.append(happened, np.full(len(now), happened[0]))
    problem = make_problem(estimator, rows, labels, seed=seed)
    model = problem.fit(np.arange(len(history.X)))
    score = problem.score(model, np.arange(len(history.X), len(rows)))
    chance = pd.Series(score[:, int(np.flatnonzero(problem.classes == event)[0])], index=now.index)
    new = unseen(history.X, now, seed=seed)
    chance_known = {f"{event}_probability": chance.mask(new), "unseen": new}
    return today[["customer_id"]].assign(**chance_known)


def _scaled(frame: pd.DataFrame, middle: pd.Series, spread: pd.Series) -> np.ndarray:
    scaled = ((frame.fillna(middle) - middle) / spread).fillna(0.0).to_numpy(dtype=float)
    return np.sign(scaled) * np.log1p(np.abs(scaled))
