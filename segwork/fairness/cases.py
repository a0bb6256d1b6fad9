"""One decision about people as a table: who, decided how, at what price, on what profile."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

PLAUSIBLE_AGE = (16, 110)
YOUNG, OLDER = "young", "older"


@dataclass(frozen=True)
class DecisionCase:
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


def decision_case(
    customers: Any,
    *,
    price: str,
    decision: str,
    positive: str,
    columns: Sequence[str],
    young_below: int = 25,
    attribute: str = "age",
) -> DecisionCase | None:
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
    >>> case = decision_case(
    ...     people, price="premium", decision="label", positive="h", columns=["age"]
    ... )
    >>> case.frame["group"].tolist(), case.left_out["age not plausible"]
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
    return DecisionCase(
        frame.assign(
            group=np.where(frame[attribute] < young_below, YOUNG, OLDER),
            decided=(frame[decision].astype(str) == positive).astype(int),
            price=frame[price].astype(float),
        ),
        left_out,
    )
