"""Simple rules and their lift before and after a cut in time."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.stats import norm
from statsmodels.stats.contingency_tables import Table2x2

from segwork.results import display

RULE_P, KEPT, FEWEST_TO_COMPARE = 0.01, 0.5, 30
SAME_SIZE = 0.5


def rule_lifts(
    X: pd.DataFrame,
    event: np.ndarray,
    later: np.ndarray,
    *,
    groups: np.ndarray | None = None,
    looks: int = 1,
    peers: np.ndarray | None = None,
) -> pd.DataFrame:
    """Compare the lift of every simple rule before and after a cut.

    A rule is a value of a word or of a yes-or-no column, or a fifth of a number's order among its
    peers: what only grows as customers age, such as tenure, would lose its meaning in fixed
    bounds. Lift is the share of events among rows where the rule holds, over the share elsewhere
    in the same period.

    Parameters
    ----------
    X : DataFrame, shape (n, d)
    event, later : ndarray of bool, shape (n,)
    groups : ndarray of int, shape (n,), optional
        Customer codes. A customer's rows then count for as many independent ones as they tell
        (Rao and Scott 1992). Without them every row is a customer.
    looks : int, default 1
        Number of cuts tried, among which both levels are shared.
    peers : ndarray, shape (n,), optional
        Whom a row's numbers are ordered among: rows of one moment. By default those of the same
        side of the cut.

    Returns
    -------
    DataFrame
        rule, column, n_before, lift_before, low_before, high_before, the same ``_after``,
        ``p`` (one-sided, of a log odds ratio that did not shrink), ``gone``. A rule is gone if
        its effect was clear before (p < 0.01, Bonferroni over all rules), fell to half or less,
        and shrank beyond chance (p < 0.01, Bonferroni over the clear ones). Clear rules come
        first, the clearest change on top.
    """
    rows = []
    peers = later if peers is None else peers
    for name in X:
        for label, holds in _rules(X[name], peers, later):
            before, after = (
                [_arm(part & period, event, groups) for part in (holds, ~holds)]
                for period in (~later, later)
            )
            if min(arm.customers for arm in before + after) >= FEWEST_TO_COMPARE:
                rows.append(_rule_row(f"{name} {label}", name, before, after))
    if not rows:
        return pd.DataFrame()
    table = pd.DataFrame(rows)
    clear = table["p_before"] < RULE_P / looks / len(table)
    shrunk = table["log_odds_after"] * np.sign(table["log_odds_before"]) <= (
        KEPT * table["log_odds_before"].abs()
    )
    table["gone"] = clear & shrunk & (table["p"] < RULE_P / looks / max(int(clear.sum()), 1))
    order = table.assign(unclear=~clear).sort_values(["unclear", "p"], kind="stable").index
    return (
        table.loc[order]
        .reset_index(drop=True)
        .drop(columns=["p_before", "log_odds_before", "log_odds_after"])
    )


def _rules(column: pd.Series, peers: np.ndarray, later: np.ndarray) -> list[tuple[str, np.ndarray]]:
    if pd.api.types.is_numeric_dtype(column) and column.nunique() > 2:
        place = column.groupby(peers).rank(pct=True).to_numpy()
        middle = 0.5 / column.groupby(peers).transform("count").clip(lower=1).to_numpy()
        fifth = np.ceil(5 * (place - middle) - 1e-9)  # of a tie, the fifth of its middle
        found = [(f"in fifth {i}", fifth == i) for i in range(1, 6)]
        return [(name, holds) for name, holds in found if _same_size(holds, later)]
    values = column.value_counts().head(31).index.tolist()
    if len(values) == 2:
        values = [max(values, key=str)]
    return [(f"= {display(value)}", (column == value).to_numpy()) for value in values]


def _same_size(holds: np.ndarray, later: np.ndarray) -> bool:
    """Whether a fifth is one rule: a large tie may fall into another fifth after the cut."""
    before, after = holds[~later].mean(), holds[later].mean()
    return bool(SAME_SIZE * before <= after <= before / SAME_SIZE)


@dataclass(frozen=True)
class _Arm:
    """Rows and customers of one side of a rule; events and others as if rows were independent."""

    rows: int
    customers: int
    event: float
    other: float


def _arm(part: np.ndarray, event: np.ndarray, groups: np.ndarray | None) -> _Arm:
    """Count one side of a rule; repeated customers weigh less the more alike their rows are.

    Rao and Scott's design effect is the variance of the share over customers against that over
    rows. Nothing varies where nobody or everybody has the event: there a customer counts once.
    """
    n, k = int(part.sum()), int((part & event).sum())
    if groups is None:
        return _Arm(n, n, k, n - k)
    own = np.bincount(groups[part])
    customers = np.count_nonzero(own)
    effect = n / max(customers, 1)
    if 0 < k < n and customers > 1:
        apart = np.bincount(groups[part & event], minlength=len(own)) - own * k / n
        effect = np.sum(apart**2) * customers / (customers - 1) / (k * (n - k) / n)
    effect = max(effect, 1.0)
    return _Arm(n, customers, k / effect, (n - k) / effect)


def _rule_row(rule: str, column: str, before: list[_Arm], after: list[_Arm]) -> dict[str, object]:
    row: dict[str, object] = {"rule": rule, "column": column}
    tables = [
        Table2x2(np.array([[a.event, a.other] for a in arms]) + 0.5) for arms in (before, after)
    ]
    for name, arms, table in zip(("before", "after"), (before, after), tables, strict=True):
        low, high = table.riskratio_confint()
        row |= {f"n_{name}": arms[0].rows, f"lift_{name}": float(table.riskratio)}
        row |= {f"low_{name}": float(low), f"high_{name}": float(high)}
        row[f"log_odds_{name}"] = float(table.log_oddsratio)
    odds, errors = zip(*((t.log_oddsratio, t.log_oddsratio_se) for t in tables), strict=True)
    row["p_before"] = float(2 * norm.sf(abs(odds[0]) / errors[0]))
    row["p"] = float(norm.sf(np.sign(odds[0]) * (odds[0] - odds[1]) / np.hypot(*errors)))
    return row
