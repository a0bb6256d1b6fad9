"""One decision about people as a table: who, decided how, at what price, on what profile."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from sklearn.base import clone
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import train_test_split
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler

from segwork.checks import rules
from segwork.errors import DataError
from segwork.fairness.decision_rule import AboveBaseRate
from segwork.fairness.flips import ERRORS_LIMIT, AttributeFlip, attribute_flip
from segwork.fairness.groups import GroupMetrics, group_metrics
from segwork.fairness.mitigation import Mitigation, mitigation_trials
from segwork.fairness.pairs import MatchedPairs, matched_pairs

PLAUSIBLE_AGE = (16, 110)
HOLDOUT = 0.4


@dataclass(frozen=True)
class DecisionTable:
    """Customers a decision was made about.

    Attributes
    ----------
    frame : DataFrame
        One row per customer with a decision, a price, a plausible age and a complete profile:
        the columns asked for, ``group`` ("under 25", "25 and over" at the usual age), ``decided``
        (0/1) and ``price``.
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
    (['under 25', '25 and over'], 1)
    """
    needed = {attribute, price, decision, *columns}
    if customers is None or not needed <= set(customers.columns):
        return None
    named = "customer_id" in customers
    reasons = {
        "no decision": customers[decision].isna() | customers[price].isna(),
        "age not plausible": ~customers[attribute].between(*PLAUSIBLE_AGE),
        "profile incomplete": customers[list(columns)].isna().any(axis=1),
        "customer repeated": customers.duplicated("customer_id") if named else False,
    }
    why = np.select(list(reasons.values()), list(reasons), "")
    frame = customers[why == ""].reset_index(drop=True)
    told = {
        "group": np.where(frame[attribute] < young_below, *age_words(young_below)),
        "decided": (frame[decision].astype(str) == positive).astype(int),
        "price": frame[price].astype(float),
    }
    return DecisionTable(frame.assign(**told), {r: int((why == r).sum()) for r in reasons})


def age_words(years: int) -> tuple[str, str]:
    """Name the two sides of an age, so that nobody has to ask how old "older" is."""
    return f"under {years}", f"{years} and over"


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
        Ages in years that separate the bands, which are named by them.
    """
    if customers is None or not {"age", "gender"} <= set(customers.columns):
        return None
    people = customers.drop_duplicates("customer_id")
    joined = segments[["customer_id", "segment"]].merge(people, on="customer_id")
    joined = joined[joined["age"].between(*PLAUSIBLE_AGE)]
    edges = [-np.inf, young_below - 1, middle_below - 1, np.inf]
    young, _ = age_words(young_below)
    middle, older = f"{young_below} to {middle_below - 1}", age_words(middle_below)[1]
    bands = pd.cut(joined["age"], edges, labels=[young, middle, older]).astype(str)
    return joined.assign(age_band=bands)


@dataclass(frozen=True)
class AgeTests:
    """Every test of one decision, by name.

    Attributes
    ----------
    pairs : dict of str to MatchedPairs
        ``premium`` (same record and profile), ``premium_without_record`` (same profile only),
        ``risk`` and ``risk_age_withheld`` (decisions of the model with and without age, by
        :data:`segwork.fairness.decision_rule.BASE_RATE_RULE`).
    flips : dict of str to AttributeFlip
        ``risk`` and ``risk_age_withheld``.
    groups : GroupMetrics
        Of the model with age, on customers it was not fitted on.
    mitigation : Mitigation or str
        Trials on the same customers and by the same rule, or why there are none.
    gaps : DataFrame
        ``label, gap, low, high, limit`` of every test, in per cent of the mean price or points of
        decisions.
    mean_price : float
    base_rate : float
        Share of adverse decisions among the customers the model was fitted on: where it cuts.
    """

    pairs: Mapping[str, MatchedPairs]
    flips: Mapping[str, AttributeFlip]
    groups: GroupMetrics
    mitigation: Mitigation | str
    gaps: pd.DataFrame
    mean_price: float
    base_rate: float

    @property
    def findings(self) -> pd.DataFrame:
        """The finding of every test, with its name and the columns of every audit."""
        tests = [(name.replace("_", " "), test.findings) for name, test in self._tests()]
        tests.append(("risk", self.groups.findings))
        return pd.concat([table.assign(test=name) for name, table in tests], ignore_index=True)

    def _tests(self) -> list[tuple[str, MatchedPairs | AttributeFlip]]:
        return [*self.pairs.items(), *self.flips.items()]

    def facts(self) -> dict[str, float | int | str]:
        """Return all facts, each with the name of its test in front."""
        facts: dict[str, float | int | str] = {}
        for name, test in self._tests():
            facts |= {f"{name}_{key}": value for key, value in test.facts().items()}
        facts |= {f"risk_{key}": value for key, value in self.groups.facts().items()}
        facts |= {"risk_base_rate": self.base_rate, "premium_mean": self.mean_price}
        for name in ("premium", "premium_without_record"):
            if np.isfinite(self.pairs[name].gap):
                facts[f"{name}_pairs_relative"] = self.pairs[name].gap / self.mean_price
        return facts | (self.mitigation.facts() if isinstance(self.mitigation, Mitigation) else {})


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
    train, test = train_test_split(
        young.index, test_size=HOLDOUT, stratify=young, random_state=seed
    )
    label = frame["decided"]
    is_young = young.str.startswith("under").astype(int)
    X = frame[[*alike, *other_inputs]].assign(young=is_young)
    model = AboveBaseRate(make_pipeline(StandardScaler(), LogisticRegression()))
    flips, decided = {}, {}
    for name, columns in (("risk", list(X.columns)), ("risk_age_withheld", list(X.columns[:-1]))):
        learn = X.loc[train, columns]
        said = clone(model).fit(learn, label[train]).predict(X.loc[test, columns])
        people = {"sensitive": young[test], "seed": seed}
        pairs[name] = matched_pairs(said, profile=X.loc[test, alike], **people)
        asked = {"column": "young", "values": (0, 1), "seed": seed}
        flips[name], decided[name] = attribute_flip(model, learn, label[train], **asked), said
    groups = group_metrics(label[test], decided["risk"], favourable=0, **people)
    held, mean_price = young.index.isin(test), float(frame["price"].mean())
    return AgeTests(
        pairs=pairs,
        flips=flips,
        groups=groups,
        mitigation=_mitigation(model.estimator, X, label, young, held, seed),
        gaps=_gaps(pairs, flips, mean_price),
        mean_price=mean_price,
        base_rate=float(label[train].mean()),
    )


def _mitigation(
    model: Pipeline,
    X: pd.DataFrame,
    label: pd.Series,
    young: pd.Series,
    held: np.ndarray,
    seed: int,
) -> Mitigation | str:
    """Judge the trials on the rows and by the rule of the other tests; say why if they cannot."""
    try:
        return mitigation_trials(model, X, label, sensitive=young, held=held, seed=seed)
    except DataError as reason:
        return f"not applicable: {reason}"


def _gaps(
    pairs: Mapping[str, MatchedPairs], flips: Mapping[str, AttributeFlip], mean_price: float
) -> pd.DataFrame:
    rows = []
    for name, found in pairs.items():
        unit = 100 / mean_price if name.startswith("premium") else 100.0
        bounds = unit * np.array([found.gap, found.interval.low, found.interval.high])
        rows.append((f"{name}, pairs", *bounds, 100 * rules("FA")["FA-05"].limit))
    for name, flip in flips.items():
        bounds = 100 * (flip.net_share + ERRORS_LIMIT * flip.standard_error * np.array([0, -1, 1]))
        rows.append((f"{name}, flip", *bounds, 100 * rules("FA")["FA-04"].limit))
    table = pd.DataFrame(rows, columns=["label", "gap", "low", "high", "limit"])
    return table.assign(label=table["label"].str.replace("_", " "))
