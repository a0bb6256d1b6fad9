"""One decision about people as a table: who, decided how, at what price, on what profile."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import train_test_split
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler

from segwork.checks import rules
from segwork.fairness.flips import ERRORS_LIMIT, AttributeFlip, attribute_flip
from segwork.fairness.groups import GroupMetrics, group_metrics
from segwork.fairness.pairs import MatchedPairs, matched_pairs

PLAUSIBLE_AGE = (16, 110)
YOUNG, OLDER = "young", "older"
HOLDOUT = 0.4


@dataclass(frozen=True)
class DecisionTable:
    """Customers a decision was made about.

    Attributes
    ----------
    frame : DataFrame
        One row per customer with a decision, a price, a plausible age and a complete profile:
        the columns asked for, and ``group`` (older, young), ``decided`` (0/1), ``price``.
    left_out : dict of str to int
        Rows that were left out, by reason; rows in = rows of the frame + rows left out.
    """

    frame: pd.DataFrame
    left_out: Mapping[str, int]


def decision_table(
    customers: pd.DataFrame | None,
    *,
    price: str,
    decision: str,
    positive: str,
    columns: Sequence[str],
    young_below: int = 25,
    attribute: str = "age",
) -> DecisionTable | None:
    """Build the table of one decision, or None where the data do not hold such a decision.

    Parameters
    ----------
    customers : DataFrame or None
        The customers table.
    price, decision : str
        Columns with the price paid and the decision taken.
    positive : str
        The value of ``decision`` that is the adverse one.
    columns : sequence of str
        Profile and model inputs to keep.
    young_below : int, default 25
        Age in years below which a customer is young.
    attribute : str, default "age"
        Column with the age in years.

    Examples
    --------
    >>> people = pd.DataFrame({"age": [20, 40, 999], "premium": [5, 4, 4], "label": list("hss")})
    >>> table = decision_table(
    ...     people, price="premium", decision="label", positive="h", columns=["age"]
    ... )
    >>> table.frame["group"].tolist(), table.left_out["age not plausible"]
    (['young', 'older'], 1)
    """
    needed = {attribute, price, decision, *columns}
    if customers is None or not needed <= set(customers.columns):
        return None
    frame = customers.reset_index(drop=True)
    reasons = {
        "no decision": frame[decision].isna() | frame[price].isna(),
        "age not plausible": ~frame[attribute].between(*PLAUSIBLE_AGE),
        "profile incomplete": frame[list(columns)].isna().any(axis=1),
        "customer repeated": frame.duplicated("customer_id")
        if "customer_id" in frame
        else pd.Series(False, index=frame.index),
    }
    kept = pd.Series(True, index=frame.index)
    left_out = {}
    for reason, bad in reasons.items():
        left_out[reason] = int((kept & bad).sum())
        kept &= ~bad
    frame = frame[kept].reset_index(drop=True)
    return DecisionTable(
        frame.assign(
            group=np.where(frame[attribute] < young_below, YOUNG, OLDER),
            decided=(frame[decision].astype(str) == positive).astype(int),
            price=frame[price].astype(float),
        ),
        left_out,
    )


def with_bands(
    segments: pd.DataFrame,
    customers: pd.DataFrame | None,
    *,
    young_below: int = 25,
    middle_below: int = 45,
) -> pd.DataFrame | None:
    """Join segments to customers with a plausible age and an age band; None without age or gender.

    Parameters
    ----------
    segments : DataFrame
        ``customer_id``, ``segment``.
    customers : DataFrame or None
    young_below, middle_below : int
        Ages in years that separate the bands young, middle and older.
    """
    if customers is None or not {"age", "gender"} <= set(customers.columns):
        return None
    people = customers.drop_duplicates("customer_id")
    joined = segments[["customer_id", "segment"]].merge(people, on="customer_id")
    joined = joined[joined["age"].between(*PLAUSIBLE_AGE)]
    edges = [-np.inf, young_below - 1, middle_below - 1, np.inf]
    bands = pd.cut(joined["age"], edges, labels=[YOUNG, "middle", OLDER]).astype(str)
    return joined.assign(age_band=bands)


@dataclass(frozen=True)
class AgeTests:
    """Every test of one decision, by name.

    Attributes
    ----------
    pairs : dict of str to MatchedPairs
        ``premium`` (same record and profile), ``premium_without_record`` (same profile only),
        ``risk`` and ``risk_age_withheld`` (decisions of the model with and without age).
    flips : dict of str to AttributeFlip
        ``risk`` and ``risk_age_withheld``.
    groups : GroupMetrics
        Of the model with age, on customers it was not fitted on.
    gaps : DataFrame
        ``label, gap, low, high, limit`` of every test, in per cent of the mean price or points of
        decisions.
    """

    pairs: Mapping[str, MatchedPairs]
    flips: Mapping[str, AttributeFlip]
    groups: GroupMetrics
    gaps: pd.DataFrame

    def facts(self) -> dict[str, float | int | str]:
        """Return all facts, each with the name of its test in front."""
        facts: dict[str, float | int | str] = {}
        for name, test in (*self.pairs.items(), *self.flips.items()):
            facts |= {f"{name}_{key}": value for key, value in test.facts().items()}
        return facts | {f"risk_{key}": value for key, value in self.groups.facts().items()}


def age_tests(
    table: DecisionTable,
    *,
    record: str,
    profile: Sequence[str],
    other_inputs: Sequence[str],
    seed: int = 0,
) -> AgeTests:
    """Test the price and a model of the decision for a difference by age alone.

    Parameters
    ----------
    table : DecisionTable
    record : str
        Column with the individual record, left out of the profile once.
    profile : sequence of str
        The other columns that may justify a difference.
    other_inputs : sequence of str
        What the model sees beside record and profile.
    seed : int, default 0
        Of split, partner order and refits.
    """
    frame, young = table.frame, table.frame["group"]
    alike = [record, *profile]
    pairs = {
        name: matched_pairs(frame["price"], profile=frame[columns], sensitive=young, seed=seed)
        for name, columns in (("premium", alike), ("premium_without_record", list(profile)))
    }
    train, test = _halves(young, seed)
    X = frame[[*alike, *other_inputs]].assign(young=(young == YOUNG).astype(int))
    flips, groups = {}, None
    for name, inputs in (("risk", list(X.columns)), ("risk_age_withheld", list(X.columns[:-1]))):
        decided = _decide(X[inputs], frame["decided"], train, test)
        pairs[name] = matched_pairs(
            decided, profile=X.loc[test, alike], sensitive=young[test], seed=seed
        )
        flips[name] = attribute_flip(
            _risk_model(),
            X.loc[train, inputs],
            frame.loc[train, "decided"],
            column="young",
            values=(0, 1),
            seed=seed,
        )
        groups = groups or group_metrics(
            frame.loc[test, "decided"], decided, sensitive=young[test], seed=seed
        )
    assert groups is not None
    return AgeTests(pairs, flips, groups, _gaps(pairs, flips, float(frame["price"].mean())))


def _risk_model() -> Pipeline:
    return make_pipeline(StandardScaler(), LogisticRegression())


def _halves(young: pd.Series, seed: int) -> tuple[pd.Index, pd.Index]:
    train, test = train_test_split(
        young.index, test_size=HOLDOUT, stratify=young, random_state=seed
    )
    return train, test


def _decide(X: pd.DataFrame, label: pd.Series, train: pd.Index, test: pd.Index) -> np.ndarray:
    """Decide against those whose predicted risk is above the share of adverse decisions."""
    model = _risk_model().fit(X.loc[train], label[train])
    return np.asarray(model.predict_proba(X.loc[test])[:, 1] >= label[train].mean())


def _gaps(
    pairs: Mapping[str, MatchedPairs], flips: Mapping[str, AttributeFlip], mean_price: float
) -> pd.DataFrame:
    rows = []
    for name, found in pairs.items():
        unit = 100 / mean_price if name.startswith("premium") else 100.0
        bounds = (found.gap, found.interval.low, found.interval.high)
        rows.append(
            (f"{name}, pairs", *(unit * b for b in bounds), 100 * rules("FA")["FA-05"].limit)
        )
    for name, flip in flips.items():
        half = ERRORS_LIMIT * flip.standard_error
        bounds = (flip.net_share, flip.net_share - half, flip.net_share + half)
        rows.append((f"{name}, flip", *(100 * b for b in bounds), 100 * rules("FA")["FA-04"].limit))
    table = pd.DataFrame(rows, columns=["label", "gap", "low", "high", "limit"])
    return table.assign(label=table["label"].str.replace("_", " "))
