"""A classification problem: estimator, features and label, checked once, always fitted alike."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import date

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from sklearn.base import BaseEstimator, clone, is_regressor

from segwork.errors import UsageError
from segwork.overfitting.encoding import Encoder, prepared

MAX_CLASSES = 20


@dataclass(frozen=True)
class Problem:
    """An estimator and the rows it learns from, addressed by position 0…n-1.

    Attributes
    ----------
    estimator : scikit-learn classifier, unfitted, every open ``random_state`` set to ``seed``
    X : DataFrame, shape (n, d)
    codes : ndarray of int, shape (n,)
        Labels as positions in ``classes``.
    classes : ndarray
        The labels; with two, the rarer one comes last and is the event.
    seen : ndarray
        The classes as the estimator sees them: themselves, or their codes.
    groups, time : ndarray or None
        Customer codes by first appearance; time as numbers that keep order and distance.
    warned : set of str
        Kinds of warnings that fits have raised.
    """

    estimator: BaseEstimator
    X: pd.DataFrame
    codes: np.ndarray
    classes: np.ndarray
    seen: np.ndarray
    groups: np.ndarray | None
    time: np.ndarray | None
    seed: int
    warned: set[str] = field(default_factory=set)

    def __len__(self) -> int:
        return len(self.X)

    @property
    def counts(self) -> np.ndarray:
        """Rows of each class."""
        return np.bincount(self.codes, minlength=len(self.classes))

    @property
    def rarest_first(self) -> list[int]:
        """Class codes, the rarest class first."""
        return [int(k) for k in np.lexsort((-np.arange(len(self.classes)), self.counts))]

    @property
    def rare(self) -> int:
        """Code of the rarest class."""
        return self.rarest_first[0]

    def take(self, rows: np.ndarray) -> Problem:
        """Return the problem of some rows, in the given order."""
        return replace(
            self,
            X=self.X.iloc[rows],
            codes=self.codes[rows],
            groups=None if self.groups is None else pd.factorize(self.groups[rows])[0],
            time=None if self.time is None else self.time[rows],
        )

    def without(self, columns: list[str]) -> Problem:
        """Return the problem with columns left out."""
        return replace(self, X=self.X.drop(columns=columns))

    def unordered(self) -> Problem:
        """Return the problem without customers and time."""
        return replace(self, groups=None, time=None)

    def plain(self) -> Problem:
        """Return the problem as numbers only, for simple rivals; made once, as no label is used."""
        design = Encoder().fit(self.X).transform(self.X)
        return replace(self, X=pd.DataFrame(design).add_prefix("x"))

    def fit(
        self,
        rows: np.ndarray,
        *,
        estimator: BaseEstimator | None = None,
        codes: np.ndarray | None = None,
    ) -> BaseEstimator:
        """Fit a clone on some rows; ``codes``, shape (n,), may replace the labels."""
        target = self.seen[self.codes if codes is None else codes]
        with noted(self.warned):
            return clone(self.estimator if estimator is None else estimator).fit(
                self.X.iloc[rows], target[rows]
            )

    def score(self, model: BaseEstimator, rows: np.ndarray) -> np.ndarray:
        """Return a score of each class, shape (len(rows), n_classes); probabilities if given."""
        with noted(self.warned):
            raw = _raw_scores(model, self.X.iloc[rows])
        scores = np.zeros((len(rows), len(self.classes)))
        scores[:, self._codes_of(getattr(model, "classes_", np.sort(self.seen)))] = raw
        return scores

    def predict(self, model: BaseEstimator, rows: np.ndarray) -> np.ndarray:
        """Return the model's own decisions as class codes."""
        with noted(self.warned):
            return self._codes_of(np.asarray(model.predict(self.X.iloc[rows])).ravel())

    def _codes_of(self, labels: Sequence[object]) -> np.ndarray:
        position = {label: code for code, label in enumerate(self.seen.tolist())}
        return np.array([position[label] for label in np.asarray(labels).tolist()], dtype=int)


def make_problem(
    estimator: BaseEstimator,
    X: pd.DataFrame | ArrayLike,
    y: ArrayLike,
    *,
    groups: ArrayLike | None = None,
    time: ArrayLike | None = None,
    seed: int = 0,
) -> Problem:
    """Check the arguments of :func:`segwork.overfitting.check` and bring them into one form.

    Raises
    ------
    UsageError
        Lengths differ, the label has one class, gaps or too many classes, or nothing can be fitted.
    """
    fits = hasattr(estimator, "fit") and hasattr(estimator, "predict")
    if not fits or isinstance(estimator, type) or is_regressor(estimator):
        raise UsageError(
            f"estimator is a {type(estimator).__name__}", accepted="a scikit-learn classifier"
        )
    X = _frame(X)
    labels = _labels(y, len(X))
    classes, counts = np.unique(labels, return_counts=True)
    if len(classes) == 2 and counts[0] < counts[1]:
        classes = classes[::-1]
    position = {label: code for code, label in enumerate(classes.tolist())}
    codes = np.array([position[label] for label in labels.tolist()], dtype=int)
    problem = Problem(
        estimator=_seeded(estimator, seed),
        X=X,
        codes=codes,
        classes=classes,
        seen=classes,
        groups=_codes(groups, len(X)),
        time=_numbers(time, len(X)),
        seed=seed,
    )
    return _fittable(problem)


@contextmanager
def noted(kinds: set[str]) -> Iterator[None]:
    """Collect the kinds of warnings instead of printing each of them."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        yield
    kinds.update(item.category.__name__ for item in caught)


def _frame(X: pd.DataFrame | ArrayLike) -> pd.DataFrame:
    if not isinstance(X, pd.DataFrame):
        X = pd.DataFrame(X.toarray() if hasattr(X, "toarray") else np.asarray(X))
    if X.empty:
        raise UsageError(f"X has {len(X)} rows and {X.shape[1]} columns", accepted="at least one")
    if X.columns.duplicated().any():
        twice = ", ".join(map(str, X.columns[X.columns.duplicated()]))
        raise UsageError(f"X has a column twice: {twice}", accepted="one name a column")
    ready = X.reset_index(drop=True)
    ready.columns = [str(name) for name in X.columns]
    for name in ready.select_dtypes(include=["datetime", "datetimetz"]).columns:
        ready[name] = days_since_epoch(ready[name])
    for name in ready.select_dtypes(include=["timedelta"]).columns:
        ready[name] = ready[name] / pd.Timedelta(days=1)
    for name in ready.select_dtypes(include=["bool", "boolean"]).columns:
        ready[name] = ready[name].astype(float)
    for name in ready.select_dtypes(include="number").columns:
        if pd.api.types.is_extension_array_dtype(ready[name].dtype):
            ready[name] = ready[name].to_numpy(dtype=float, na_value=np.nan)
        if np.isinf(ready[name].to_numpy(dtype=float)).any():
            raise UsageError(
                f"X has infinite values in '{name}'", accepted="finite numbers or gaps"
            )
    return ready


def days_since_epoch(dates: pd.Series | date | str) -> pd.Series | float:
    """Turn dates (one or a series) into days since 1970 as numbers; a gap stays a gap."""
    if isinstance(dates, pd.Series):
        dates = pd.to_datetime(dates, utc=True).dt.tz_localize(None)
    else:
        dates = pd.Timestamp(dates)
    return (dates - pd.Timestamp(0)) / pd.Timedelta(days=1)


def _labels(y: ArrayLike, n: int) -> np.ndarray:
    labels = pd.Series(np.asarray(y).ravel())
    if len(labels) != n:
        raise UsageError(f"y has {len(labels)} values for {n} rows of X", accepted="one per row")
    if labels.isna().any():
        raise UsageError(
            f"y has {int(labels.isna().sum())} missing values",
            accepted="a known label for every row",
            hint="leave rows out whose outcome is not known yet",
        )
    n_classes = labels.nunique()
    if not 2 <= n_classes <= MAX_CLASSES:
        raise UsageError(
            f"y has {n_classes} different values", accepted=f"2 to {MAX_CLASSES} classes"
        )
    return labels.to_numpy()


def _complete(known: np.ndarray, name: str, n: int, accepted: str) -> None:
    if len(known) != n or not known.all():
        missing = int((~known).sum())
        raise UsageError(
            f"{name} has {len(known)} values, {missing} missing, for {n} rows of X",
            accepted=accepted,
        )


def _codes(values: ArrayLike | None, n: int) -> np.ndarray | None:
    if values is None:
        return None
    codes = pd.factorize(pd.Series(np.asarray(values).ravel()))[0]
    _complete(codes >= 0, "groups", n, "one known value per row")
    return codes


def _numbers(time: ArrayLike | None, n: int) -> np.ndarray | None:
    if time is None:
        return None
    series = pd.Series(np.asarray(time).ravel())
    if not pd.api.types.is_numeric_dtype(series):
        try:
            series = days_since_epoch(series)
        except (ValueError, TypeError):
            raise UsageError(
                f"time holds {series.iloc[0]!r}, which is no date", accepted="dates or numbers"
            ) from None
    numbers = series.to_numpy(dtype=float)
    _complete(np.isfinite(numbers), "time", n, "one known date or number per row")
    return numbers


def _seeded(estimator: BaseEstimator, seed: int) -> BaseEstimator:
    ready = clone(estimator)
    open_seeds = {
        key: seed
        for key, value in ready.get_params().items()
        if key.split("__")[-1] == "random_state" and value is None
    }
    return ready.set_params(**open_seeds)


def _fittable(problem: Problem) -> Problem:
    """Fit a few rows as given, else prepared, else with coded labels; raise when all fail."""
    order = np.random.default_rng(problem.seed).permutation(len(problem))
    rows = np.concatenate(
        [order[problem.codes[order] == k][:100] for k in range(len(problem.classes))]
    )
    coded = np.arange(len(problem.classes))
    faults = []
    for ready in (
        problem,
        replace(problem, estimator=prepared(problem.estimator)),
        replace(problem, seen=coded),
        replace(problem, estimator=prepared(problem.estimator), seen=coded),
    ):
        try:
            ready.score(ready.fit(rows), rows)
        except (ValueError, TypeError, KeyError) as fault:
            faults.append(str(fault).splitlines()[0])
            continue
        return ready
    raise UsageError(
        f"{type(problem.estimator).__name__} cannot be fitted to X: {faults[1]}",
        accepted="a classifier that takes these columns",
    )


def _raw_scores(model: BaseEstimator, X: pd.DataFrame) -> np.ndarray:
    if hasattr(model, "predict_proba"):
        return np.asarray(model.predict_proba(X))
    if hasattr(model, "decision_function"):
        raw = np.asarray(model.decision_function(X))
        return np.column_stack([-raw, raw]) if raw.ndim == 1 else raw
    said = np.asarray(model.predict(X)).ravel()
    classes = getattr(model, "classes_", np.unique(said))
    return (said[:, None] == np.asarray(classes)[None, :]).astype(float)
