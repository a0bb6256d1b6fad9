"""Customers without an income: never filled in; a risk score from what is known about them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from segwork.quality.sources import SourceTable, source_tables
from segwork.tables import Tables

if TYPE_CHECKING:
    from xgboost import XGBClassifier

BEHIND = 90
METHODS = ("layered", "mean imputation", "native missing", "without income")
LEAST = 200
IN_WORDS = {"layered": "with a layer of its own", "mean imputation": "with the mean filled in"}
IN_WORDS |= {"native missing": "with the gap left", "without income": "without income"}


@dataclass(frozen=True)
class MissingIncome:
    """How well each way of treating a missing income tells risk on customers held out.

    Attributes
    ----------
    scores : DataFrame
        group (income known, income missing, all), method, auc, low, high, brier, n.
    risk : DataFrame
        One row per customer: customer_id, risk (probability), layer (which model spoke).
    status : str
        ``compared`` or why not.
    """

    scores: pd.DataFrame
    risk: pd.DataFrame
    status: str

    @property
    def words(self) -> str:
        """Say how well each way told who was lost among customers without an income."""
        mine = self.scores[self.scores["group"] == "income missing"]
        if mine.empty:
            return self.status
        told = ", ".join(f"{r.auc:.3f} {IN_WORDS[r.method]}" for r in mine.itertuples())
        wide = float((mine["high"] - mine["low"]).max())
        tie = f"; intervals are up to {wide:.3f} wide" if np.isfinite(wide) else ""
        return f"of {mine['n'].iloc[0]:,} held-out customers the lost are told with AUC {told}{tie}"

    def facts(self) -> dict[str, float | int | str]:
        """Return the scores where the income is missing, and the status."""
        facts: dict[str, float | int | str] = {"income_status": self.status}
        for row in self.scores[self.scores["group"] == "income missing"].itertuples():
            name = str(row.method).replace(" ", "_")
            values = {"auc": row.auc, "auc_low": row.low, "auc_high": row.high, "brier": row.brier}
            facts |= {f"income_{name}_{k}": float(v) for k, v in values.items() if np.isfinite(v)}
            facts["income_missing_held_out"] = int(row.n)
        return facts


def missing_income(tables: Tables, *, as_of: date | str, seed: int = 0) -> MissingIncome:
    """Score the risk of losing customers, with a layer of its own where income is unknown.

    Risk is having no order in the last 90 days, told from everything before them. The layers: where
    income is known, boosted trees on all fields; where it is not, boosted trees on spending
    pattern, debt ratio and account activity, learned from all customers. Compared on the same
    held-out customers with filling in the mean, with xgboost's own missing values and with
    leaving income out. No value is ever written into the tables.

    Parameters
    ----------
    tables : segwork.tables.Tables
        Needs customers with income.
    as_of : date or str
    seed : int, default 0
        Of the split and of the trees.

    Returns
    -------
    MissingIncome
    """
    sources = source_tables(tables, as_of=as_of)
    people, lines = sources.get("customers"), sources.get("transactions")
    if people is None or lines is None or "income" not in people:
        return _nothing("not applicable: no customers with an income")
    X, y, known = _cases(people, lines, pd.Timestamp(sources.as_of))
    if min(known.sum(), (~known).sum()) < LEAST or y.nunique() < 2:
        counts = f"{int(known.sum()):,} with and {int((~known).sum()):,} without an income"
        return _nothing(f"not enough data: {counts}, {LEAST} each are needed")
    test = _split(y, known, seed)
    told = {m: _tell(m, X, y, known, ~test, seed) for m in METHODS}
    groups = {"income missing": test & ~known, "income known": test & known, "all": test}
    scores = [
        {"group": group, "method": method, **_score(y[rows], told[method][rows])}
        for group, rows in groups.items()
        for method in METHODS
    ]
    layer = np.where(known, "income and behaviour", "behaviour, debt and activity")
    risk = pd.DataFrame({"customer_id": X.index, "risk": told["layered"], "layer": layer})
    return MissingIncome(pd.DataFrame(scores), risk, "compared")


def _cases(
    people: SourceTable, lines: SourceTable, end: pd.Timestamp
) -> tuple[pd.DataFrame, pd.Series, np.ndarray]:
    """Return features before the last 90 days, "no order since", and where income is known."""
    cut = end - timedelta(days=BEHIND)
    when = pd.Series(lines.when())
    if "amount" in lines:
        money = lines.number("amount")
    else:
        money = lines.number("quantity") * lines.number("unit_price")
    who = lines.frame["customer_id"].astype(str)
    log = pd.DataFrame({"customer_id": who, "at": when, "money": money})
    log = log[when.notna() & (when < end) & ~lines.missing("customer_id")]
    before, after = log[log["at"] < cut], log[log["at"] >= cut]
    past = before.assign(day=before["at"].dt.floor("D"), ago=(cut - before["at"]).dt.days)
    by = past.groupby("customer_id")
    late = past[past["ago"] < 90].groupby("customer_id")["money"].sum()
    how_much = {"spend_total": by["money"].sum(), "lines": by.size()}
    when_seen = {"days_active": by["day"].nunique(), "days_since_last": by["ago"].min()}
    when_seen |= {"days_since_first": by["ago"].max(), "spend_last_90_days": late}
    X = pd.DataFrame(how_much | when_seen)
    X["spend_last_90_days"] = X["spend_last_90_days"].fillna(0.0)
    names = [c for c in ("debt_ratio", "account_activity", "income") if c in people]
    ids = people.frame["customer_id"].astype(str)
    own = pd.DataFrame({c: people.number(c) for c in names}, index=ids)
    own = own[~own.index.duplicated()]
    X = X.join(own, how="inner")
    y = pd.Series(~X.index.isin(after["customer_id"]), index=X.index).astype(int)
    return X, y, X["income"].notna().to_numpy()


def _split(y: pd.Series, known: np.ndarray, seed: int) -> np.ndarray:
    from sklearn.model_selection import train_test_split

    place = np.arange(len(y))
    strata = y.to_numpy() * 2 + known
    held = train_test_split(place, test_size=0.4, random_state=seed, stratify=strata)[1]
    return np.isin(place, held)


def _tell(
    method: str, X: pd.DataFrame, y: pd.Series, known: np.ndarray, train: np.ndarray, seed: int
) -> np.ndarray:
    """Return the risk of every customer by one method, fitted on the training customers."""
    without = X.drop(columns="income")
    if method == "without income":
        return _trees(without[train], y[train], seed).predict_proba(without)[:, 1]
    if method == "mean imputation":
        filled = X.assign(income=X["income"].fillna(X.loc[train, "income"].mean()))
        return _trees(filled[train], y[train], seed).predict_proba(filled)[:, 1]
    if method == "native missing":
        return _trees(X[train], y[train], seed).predict_proba(X)[:, 1]
    full = _trees(X[train & known], y[train & known], seed).predict_proba(X)[:, 1]
    rest = _trees(without[train], y[train], seed).predict_proba(without)[:, 1]
    return np.where(known, full, rest)


def _trees(X: pd.DataFrame, y: pd.Series, seed: int) -> XGBClassifier:
    from xgboost import XGBClassifier

    trees = {"n_estimators": 120, "max_depth": 3, "min_child_weight": 10}
    model = XGBClassifier(**trees, learning_rate=0.08, subsample=0.8, random_state=seed, n_jobs=1)
    return model.fit(X.to_numpy(float), y.to_numpy())


def _score(y: pd.Series, risk: np.ndarray) -> dict[str, float | int]:
    """Return AUC with its 95 % interval (Hanley and McNeil 1982), Brier score and n."""
    from sklearn.metrics import brier_score_loss, roc_auc_score

    positive, negative = int(y.sum()), int((1 - y).sum())
    if not positive or not negative:
        return {"auc": np.nan, "low": np.nan, "high": np.nan, "brier": np.nan, "n": len(y)}
    auc = float(roc_auc_score(y, risk))
    q1, q2 = auc / (2 - auc), 2 * auc**2 / (1 + auc)
    spread = auc * (1 - auc) + (positive - 1) * (q1 - auc**2) + (negative - 1) * (q2 - auc**2)
    half = 1.96 * float(np.sqrt(spread / (positive * negative)))
    ends = {"low": max(0.0, auc - half), "high": min(1.0, auc + half)}
    return {"auc": auc, **ends, "brier": float(brier_score_loss(y, risk)), "n": len(y)}


def _nothing(status: str) -> MissingIncome:
    columns = ["group", "method", "auc", "low", "high", "brier", "n"]
    risk = pd.DataFrame(columns=["customer_id", "risk", "layer"])
    return MissingIncome(pd.DataFrame(columns=columns), risk, status)
