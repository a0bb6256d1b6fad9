"""From a frame to a matrix: what is refused, what is left out, and the declared scaling rule.

The rule, in this order:

1. **customer**: columns of ``features.customer_features`` are recognised by name. What customers
   did is used (``BEHAVIOUR``, and any column that table does not make); who they are, what was
   around them and second copies of the same thing are left out. Counts, money and days are taken
   as ``log1p``, cut off at their 0.5 and 99.5 % points, and standardised. Customers with one order
   are a segment by rule: they have no rhythm to compare.
2. **logarithms**: a column is never negative and so skewed that ``log1p`` at least halves its
   skewness (money, counts). Such columns are taken as ``log1p``, and all are standardised.
3. **as given**: the widest column spreads less than ten times the narrowest: the columns share a
   unit. The matrix is only centred and divided by one number.
4. **standard**: otherwise every column is standardised.

The rule does not depend on the number of clusters.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from segwork.errors import DataError, UsageError
from segwork.features.people import COUNTS
from segwork.schema import CUSTOMERS

CUSTOMER_COLUMNS = frozenset({"orders", "spend_total", "days_since_last"})
SCALES = ("auto", "customer", "logarithms", "as given", "standard")
SPREAD_LIMIT = 10.0
MOST_SKEW = 2.0  # of an exponential distribution; beyond it a mean is not where the rows are
BEHAVIOUR = ("orders", "spend_total", "days_since_last", "tenure_days", "gap_days_mean")
BEHAVIOUR += ("basket_value", "basket_pieces", "basket_lines", "categories")
LEFT_OUT = frozenset({"order_lines", "orders_window", "spend_window", "gap_days_variation"})
LEFT_OUT |= {"returns", "returns_total", "return_share", "products", "days_since_active"}
LEFT_OUT |= {"handling_minutes", *COUNTS, *(column.name for column in CUSTOMERS.columns)}
LEFT_OUT_PREFIXES = ("payment_share_", "external_", "lifestyle")
ONE_TIME_SHARE = 0.02
MOST = 1e150  # squares of larger numbers overflow


@dataclass(frozen=True)
class Scaling:
    """A fitted way from named columns to the matrix all methods see.

    Attributes
    ----------
    rule : str
    columns : tuple of str
        Columns used, in order; constant ones are gone.
    logs : array of bool
    low, high, middle, spread, fill : arrays of float
        Per column: winsorising limits, centre, divisor, and the value for a missing entry.
    """

    rule: str
    columns: tuple[str, ...]
    logs: np.ndarray
    low: np.ndarray
    high: np.ndarray
    middle: np.ndarray
    spread: np.ndarray
    fill: np.ndarray

    def transform(self, frame: pd.DataFrame) -> np.ndarray:
        """Return the matrix, shape (n, len(columns)).

        Raises
        ------
        DataError
            A column is missing, is no number, or has values that are missing or infinite.
        """
        absent = [name for name in self.columns if name not in frame.columns]
        if absent:
            raise DataError.unknown("column", absent[0], map(str, frame.columns), where="the table")
        frame = frame[list(self.columns)]
        values = _numbers(frame, missing_allowed=self.rule == "customer")
        values = np.where(np.isnan(values), self.fill, values)
        values[:, self.logs] = np.log1p(np.maximum(values[:, self.logs], 0))
        return (np.clip(values, self.low, self.high) - self.middle) / self.spread


def as_frame(X: pd.DataFrame | np.ndarray) -> pd.DataFrame:
    """Return X as a frame with text column names; a narwhals-compatible frame is converted."""
    if not isinstance(X, pd.DataFrame | np.ndarray | list):
        X = _as_pandas(X)
    if not isinstance(X, pd.DataFrame):
        try:
            values = np.asarray(X)
        except ValueError:
            raise DataError("X has rows of unequal length", accepted="a table") from None
        if values.ndim != 2:
            raise DataError(
                f"X has {values.ndim} dimension(s)", accepted="a table: rows × numeric columns"
            )
        X = pd.DataFrame(values, columns=[f"x{j + 1}" for j in range(values.shape[1])])
    named = X.set_axis([_name(label) for label in X.columns], axis=1).infer_objects()
    if "customer_id" in named.columns:
        named = named.set_index("customer_id")
    twice = named.columns[named.columns.duplicated()]
    if len(twice):
        raise DataError(f"column '{twice[0]}' of X is there twice", accepted="distinct names")
    return named


def _name(label: object) -> str:
    """Return a label as text; the parts of one of several levels are joined."""
    return " ".join(map(str, label)) if isinstance(label, tuple) else str(label)


def _as_pandas(X: object) -> object:
    import narwhals as nw

    table = nw.from_native(X, pass_through=True)
    if isinstance(table, nw.LazyFrame):
        return table.collect("pandas").to_native()
    return table.to_pandas() if isinstance(table, nw.DataFrame) else X


def is_customers(frame: pd.DataFrame) -> bool:
    """Tell whether these are the columns of ``features.customer_features``."""
    return set(frame.columns) >= CUSTOMER_COLUMNS


def behaviour(features: object) -> pd.DataFrame:
    """Return what customers did, by customer: the columns segments are drawn from.

    Without money the rule for customers' columns does not apply, and a column with gaps, such as
    the days between orders of who ordered once, is left out.
    """
    frame = as_frame(features)
    used = frame[[name for name in BEHAVIOUR if name in frame.columns]]
    return used if is_customers(used) else used.dropna(axis="columns")


def fit_scaling(frame: pd.DataFrame, *, scale: str = "auto") -> Scaling:
    """Choose and fit the scaling by the declared rule (see the module's head).

    Raises
    ------
    DataError
        No rows or columns, a column that is no number, missing or infinite values.
    UsageError
        ``scale`` is not one of the rules.
    """
    if scale not in SCALES:
        raise UsageError.unknown("scale", scale, SCALES, where="compare")
    customer = scale == "customer" or (scale == "auto" and is_customers(frame))
    if customer:
        _numbers(frame[[c for c in frame.columns if c in CUSTOMER_COLUMNS]], missing_allowed=True)
        frame = frame[[c for c in frame.columns if _is_behaviour(c) and _is_number(frame[c])]]
    if not len(frame) or not len(frame.columns):
        raise DataError(
            f"X has {len(frame)} rows and {len(frame.columns)} columns",
            accepted="at least one each",
        )
    values = _numbers(frame, missing_allowed=customer)
    if customer:
        frame = frame.loc[:, ~np.isnan(values).all(axis=0)]
        values = values[:, ~np.isnan(values).all(axis=0)]
        return _customer_scaling(frame, values)
    return _plain_scaling(frame, values, scale)


def _plain_scaling(frame: pd.DataFrame, values: np.ndarray, scale: str) -> Scaling:
    """Fit the rules for tables that hold no customers."""
    spread = values.std(axis=0)
    kept = spread > 1e-12 * np.maximum(np.abs(values).max(axis=0), 1e-300)
    columns, values = tuple(frame.columns[kept]), values[:, kept].copy()
    logs = np.array([scale in ("auto", "logarithms") and long_tailed(c) for c in values.T], bool)
    values[:, logs] = np.log1p(values[:, logs])
    middle, spread = values.mean(axis=0), values.std(axis=0)
    shared = spread.size and spread.max() <= SPREAD_LIMIT * spread.min()
    rule = "logarithms" if logs.any() else "as given" if shared else "standard"
    rule = scale if scale != "auto" else rule
    if rule == "as given" and spread.size:
        spread = np.full(len(spread), np.sqrt((spread**2).mean()))
    open_end = np.full(len(columns), np.inf)
    return Scaling(rule, columns, logs, -open_end, open_end, middle, spread, middle)


def long_tailed(column: np.ndarray) -> bool:
    """Tell whether a column is skewed money or counts, which logarithms bring to symmetry.

    Examples
    --------
    >>> money = np.random.default_rng(0).lognormal(5, 1, 500)
    >>> long_tailed(money), long_tailed(np.log(money)), long_tailed(-money)
    (True, False, False)
    """
    from scipy.stats import skew

    if len(np.unique(column)) < 3 or column.min() < 0:
        return False
    before = float(skew(column))
    return before > MOST_SKEW and abs(float(skew(np.log1p(column)))) < before / 2


def _customer_scaling(frame: pd.DataFrame, values: np.ndarray) -> Scaling:
    fill = np.nanmedian(values, axis=0)
    values = np.where(np.isnan(values), fill, values)
    logs = (values.min(axis=0) >= 0) & (values.max(axis=0) > 1)
    values[:, logs] = np.log1p(values[:, logs])
    low, high = np.quantile(values, [0.005, 0.995], axis=0)
    values = np.clip(values, low, high)
    kept = values.std(axis=0) > 1e-9
    columns = tuple(frame.columns[kept])
    parts = (logs, low, high, values.mean(axis=0), values.std(axis=0), fill)
    return Scaling("customer", columns, *(part[kept] for part in parts))


def _is_behaviour(name: str) -> bool:
    return name not in LEFT_OUT and not name.startswith(LEFT_OUT_PREFIXES)


def one_time_buyers(frame: pd.DataFrame, rule: str) -> np.ndarray:
    """Return which rows are the rule's own segment, shape (n,): nobody below 2 % of rows.

    Where everybody has one order, that tells nobody apart and nobody is split off.
    """
    if rule != "customer" or "orders" not in frame.columns:
        return np.zeros(len(frame), dtype=bool)
    once = (frame["orders"] <= 1).to_numpy(dtype=bool, na_value=False)
    return once if ONE_TIME_SHARE <= once.mean() < 1 else np.zeros(len(frame), dtype=bool)


def _is_number(column: pd.Series) -> bool:
    kind = pd.api.types
    return kind.is_numeric_dtype(column) and not kind.is_complex_dtype(column)


def _numbers(frame: pd.DataFrame, *, missing_allowed: bool) -> np.ndarray:
    for name in frame.columns:
        if not _is_number(frame[name]):
            raise DataError(
                f"column '{name}' of X is {frame[name].dtype}, not a number",
                accepted="numeric features",
                hint="encode it as numbers or leave it out",
            )
    values = frame.to_numpy(dtype=float, na_value=np.nan)
    bad = (np.abs(values) > MOST) | (np.isnan(values) & (not missing_allowed))
    if bad.any():
        name = frame.columns[bad.any(axis=0)][0]
        raise DataError(
            f"column '{name}' of X has {int(bad[:, list(frame.columns).index(name)].sum())}"
            f" values missing, infinite or beyond {MOST:g}",
            accepted="finite numbers",
            hint="fill or drop them first: how is a decision, not a detail",
        )
    return values
