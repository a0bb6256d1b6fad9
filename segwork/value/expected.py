"""What customers will order and spend: ``expected``, tested on a later period each time."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date

import numpy as np
import pandas as pd
from narwhals.typing import IntoFrame

from segwork.errors import DataError, UsageError
from segwork.purchases import occasions
from segwork.purchases.forecast import COLUMNS, candidate, forecast
from segwork.purchases.trial import trial


@dataclass(frozen=True)
class Expected:
    """Orders and spend expected of every customer.

    Attributes
    ----------
    table : pandas.DataFrame
        One row per customer with a line before ``as_of``, in source order: ``customer_id``,
        ``p_alive``, ``expected_orders``, ``low`` and ``high`` (orders, 90 %), ``expected_spend``
        (before returns; NaN without amounts). A customer with returns alone never ordered: zeros.
    model : str
        The model used; empty where nothing could be fitted, and the table then holds NaN.
    parameters : dict
        Of that model, in weeks (``r, alpha, a, b`` or ``s, beta``; ``first``: effect of the first
        order's value), and ``spend_p, spend_q, spend_gamma`` of the gamma-gamma model.
    holdout : pandas.DataFrame
        ``model, mae, rmse, bias`` (share of the actual total)``, deviance, coverage`` (of the 90 %
        intervals) on the last days before ``as_of``, each model fitted on what lay before them;
        "own rate" and "mean of all" beside them. Empty where the history is too short.
    by_frequency : pandas.DataFrame
        In the same test: ``repeat_orders, customers, actual, expected, own_rate`` means.
    reason : str
        Why this model, and what was tested when.
    level : float
        Nominal level of the intervals: raised above 90 % where an earlier period asked for it.
    horizon_days, holdout_days : int
    """

    table: pd.DataFrame = field(repr=False)
    model: str
    parameters: dict[str, float]
    holdout: pd.DataFrame = field(repr=False)
    by_frequency: pd.DataFrame = field(repr=False)
    reason: str
    level: float
    horizon_days: int
    holdout_days: int

    def facts(self) -> dict[str, float | int | str]:
        """Return totals, and how the model used did in the later period beside a naive one."""
        facts: dict[str, float | int | str] = {
            "customers": len(self.table),
            "horizon_days": self.horizon_days,
            "holdout_days": self.holdout_days,
            "model": self.model or "not enough data",
        }
        totals = self.table[["expected_orders", "expected_spend"]].sum(min_count=1).dropna()
        facts |= totals.to_dict()
        rows = self.holdout.set_index("model")
        for row, prefix in ((self.model, "holdout"), ("own rate", "own_rate")):
            if row in rows.index:
                facts |= rows.loc[row].dropna().add_prefix(f"{prefix}_").to_dict()
        return facts


def expected(
    transactions: IntoFrame,
    *,
    as_of: date | str,
    horizon_days: int = 365,
    model: str = "auto",
    seed: int = 0,  # noqa: ARG001  (nothing is drawn; kept so that a later method may)
) -> Expected:
    """Expect each customer's orders and spend over the days from ``as_of`` on.

    Parameters
    ----------
    transactions : native frame
        ``customer_id``, ``ordered_at``; optional ``amount`` or ``quantity`` and ``unit_price``,
        ``order_id``, ``is_return``; see :func:`segwork.purchases.occasions`.
    as_of : date
        Lines on or after this day are not used.
    horizon_days : int, default 365
    model : str, default "auto"
        bg/nbd, mbg/nbd, pareto/nbd, or Pareto/NBD whose rate may depend on the first order's value;
        "auto" takes the last unless another saves 2 % of the deviance, by more than two standard
        errors, in a period that ends before the test period of ``holdout`` begins.
    seed : int, default 0
        Has no effect: nothing is drawn.

    Raises
    ------
    UsageError
        The horizon is not positive, or nobody knows the model.
    DataError
        A needed column is missing.

    Examples
    --------
    >>> days = pd.to_datetime(["2024-01-01", "2024-01-20", "2024-02-11", "2024-01-05"])
    >>> lines = pd.DataFrame({"customer_id": list("aaab"), "ordered_at": days, "amount": 10.0})
    >>> found = expected(lines, as_of="2024-03-01", horizon_days=30, model="bg/nbd")
    >>> found.table["expected_orders"].round(1).tolist()
    [0.7, 0.2]
    """
    if isinstance(horizon_days, bool) or not horizon_days > 0:
        raise UsageError(f"horizon_days is {horizon_days!r}", accepted="a positive number of days")
    name = "auto" if model == "auto" else candidate(model)
    found = occasions(transactions, as_of=as_of)
    tried = trial(found, horizon_days=int(horizon_days), model=name)
    table, days = pd.DataFrame({"customer_id": found.customer_id}), int(horizon_days)
    try:
        made = forecast(found, found.end, tried.model)
        used, reason, parameters = tried.model, tried.reason, made.parameters()
        table = table.assign(**made.columns(days, tried.level))
    except DataError as fault:
        used, reason, parameters = "", fault.what, {}
        table = table.assign(**dict.fromkeys(COLUMNS, np.nan))
    tests = tried.holdout, tried.by_frequency
    return Expected(table, used, parameters, *tests, reason, tried.level, days, tried.days)
