"""One protocol for all methods: same rows, same columns, same budget, scores in one space."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from numbers import Integral

import numpy as np
import pandas as pd

from segwork.clustering import prepare, usable
from segwork.clustering.fitting import AUTOENCODERS, VALUE, Fitting
from segwork.clustering.judging.clusterability import LOW, STABLE, Clusterability
from segwork.clustering.judging.scoreboard import COLUMNS, FACTS, scoreboard
from segwork.clustering.judging.scored import Scored
from segwork.clustering.judging.scores import outcome_separation
from segwork.clustering.judging.traits import TRAITS
from segwork.clustering.methods.classical import CLASSICAL, MOST_NOISE
from segwork.clustering.model import SegmentModel
from segwork.errors import DataError, UsageError

METHODS = ("rule_rfm", "stable_kmeans", *CLASSICAL, *AUTOENCODERS)
# Simplest first: what a reader can redo by hand comes before what takes a net.
COMPLEXITY = ("rule_rfm", "stable_kmeans", "kmeans", "ward", "pca_kmeans", "mixture", "genie")
COMPLEXITY += ("dbscan", "hdbscan", *AUTOENCODERS)
LEAST_ROWS = 10


@dataclass(frozen=True)
class Comparison:
    """What every method made of the same table; made by :func:`compare`.

    Attributes
    ----------
    scoreboard : DataFrame
        One row per method (index ``method``), best predicted quality first; columns in
        ``segwork.clustering.judging.scoreboard.COLUMNS``.
    labels : DataFrame
        One column per method, index of X; −1 is noise.
    recommended : str or None
        *Are there natural groups?* The method that draws them best; None means "no convincing
        segments".
    reason : str
        One sentence that says why, and names the scaling.
    usable : str or None
        *Which partition to work with?* The simplest of those that are found again on other rows,
        are not too small to address and tell most of a later outcome; None only where nothing is
        found again.
    usable_reason : str
        One sentence that says why, and what the partition is good for.
    clusterability : Clusterability
        The table's best labelling beside those of clusterless copies of the table.
    n_rows, n_fitted, n_one_time : int
        Rows given; rows the methods were fitted on, the others were assigned; customers with one
        order, who are the last label of every method by rule and no part of the scores.
    scaling : segwork.clustering.prepare.Scaling
        The declared space all scores are computed in.
    """

    scoreboard: pd.DataFrame
    labels: pd.DataFrame
    recommended: str | None
    reason: str
    usable: str | None
    usable_reason: str
    clusterability: Clusterability
    n_rows: int
    n_fitted: int
    n_one_time: int
    scaling: prepare.Scaling
    _models: dict[str, SegmentModel] = field(default_factory=dict, repr=False)

    def model(self, name: str) -> SegmentModel:
        """Return the fitted model of a method; ``.assign(X)`` labels new rows.

        Raises
        ------
        UsageError
            No method of that name was run.
        """
        if name not in self._models:
            raise UsageError.unknown("method", name, self._models, where="this comparison")
        return self._models[name]

    def facts(self) -> dict[str, float | int | str]:
        """Return the finite results by name; no times, so that two runs are equal."""
        facts: dict[str, float | int | str] = {
            "recommended": self.recommended or "no convincing segments",
            "usable": self.usable or "nothing is found again",
            "rows": self.n_rows,
            "rows_fitted": self.n_fitted,
            "one_time_buyers": self.n_one_time,
            "features": len(self.scaling.columns),
            "scaling": self.scaling.rule,
            **self.clusterability.facts(),
        }
        for method, row in self.scoreboard.iterrows():
            for name in FACTS:
                value = row.get(name)
                if value is not None and np.isfinite(value):
                    facts[f"{method}_{name}"] = round(float(value), 9)
        return facts


def compare(
    X: pd.DataFrame | np.ndarray,
    *,
    n_clusters: int | None = None,
    methods: Sequence[str] | None = None,
    seed: int = 0,
    later: pd.Series | np.ndarray | None = None,
    scale: str = "auto",
    draws: int = 5,
    copies: int = 19,
) -> Comparison:
    """Segment the same rows with every method: are there groups, and which partition to use?

    Parameters
    ----------
    X : DataFrame or array, shape (n, d)
        Numeric features; a column ``customer_id`` becomes the index.
    n_clusters : int, optional
        Number of clusters for every method that takes one; found by each method when absent.
    methods : sequence of str, optional
        Of ``METHODS``; all by default. ``rule_rfm`` runs only where its columns are there.
    seed : int, default 0
    later : array, shape (n,), optional
        An outcome of a later period, for ``outcome_separation`` and ``usable``; without it a
        partition is held against the table's own columns.
    scale : {"auto", "customer", "logarithms", "as given", "standard"}
        See ``segwork.clustering.prepare`` for the declared rule.
    draws : int, default 5
        Bootstrap samples behind the Jaccard columns.
    copies : int, default 19
        Clusterless copies behind the recommendation; 19 is the least that allows 5 %.

    Returns
    -------
    Comparison

    Raises
    ------
    DataError
        X is no table of finite numbers.
    UsageError
        A method nobody knows, ``n_clusters`` outside 1 … n, or a number below zero.

    Examples
    --------
    >>> X = np.vstack([np.random.default_rng(0).normal(c, 1, (100, 2)) for c in (0, 8)])
    >>> result = compare(X, methods=["kmeans", "dbscan"])
    >>> result.scoreboard.loc["kmeans", "clusters"]
    np.int64(2)
    """
    UsageError.unless_whole(seed=seed, draws=draws, copies=copies)
    frame = prepare.as_frame(X)
    chosen = _checked(methods, n_clusters, later, frame)
    once = prepare.one_time_buyers(frame, prepare.fit_scaling(frame, scale=scale).rule)
    scaling = prepare.fit_scaling(frame[~once], scale=scale)
    runner = Fitting(frame, once, scaling, n_clusters, seed)
    if len(np.unique(runner.X, axis=0)) < LEAST_ROWS:
        return _nothing_to_compare(frame, scaling, chosen)
    verdict = runner.run(chosen, copies=copies)
    table, labels, models = _judged(runner, draws)
    if runner.stable is not None:
        models["stable_kmeans"], labels["stable_kmeans"], row = runner.stable
        table = pd.concat([table, row])
    outcomes = _outcomes(runner, later)
    if later is not None:
        shares = [outcome_separation(labels[name], outcomes[:, 0]) for name in table.index]
        table = table.assign(outcome_separation=shares)
    known = {*table.columns, "predicted_quality"}
    table = table.reindex(columns=[column for column in COLUMNS if column in known])
    partitions = [
        usable.Partition(name, labels[name], float(again), COMPLEXITY.index(name))
        for name, again in table["found_again"].items()
    ]
    choice, why = usable.choose(partitions, outcomes, later=later is not None, seed=seed)
    recommended, reason = _recommend(table, verdict)
    columns = pd.DataFrame(labels, index=frame.index)[list(table.index)]
    reason += f" Columns were scaled by the rule '{scaling.rule}'."
    answers = recommended, reason, choice, why, verdict
    return Comparison(table, columns, *answers, *runner.sizes, scaling, models)


def _judged(
    runner: Fitting, draws: int
) -> tuple[pd.DataFrame, dict[str, np.ndarray], dict[str, SegmentModel]]:
    """Return scoreboard, everybody's labels and model of each method's best candidate."""
    if not runner.candidates:
        return pd.DataFrame().rename_axis("method"), {}, {}
    frame, pool = runner.everybody, runner.scored(runner.candidates)
    best = _best_of_each(pool)
    models = {name: runner.model(pool.candidates[at]) for name, at in best.items()}
    whole = len(runner.X) == len(frame)
    labels = {
        name: pool.candidates[at].labels if whole else models[name].assign(frame).to_numpy()
        for name, at in best.items()
    }
    compared = {name: column[~runner.is_once] for name, column in labels.items()}
    return scoreboard(pool, best, compared, runner, draws), labels, models


def _checked(
    methods: Sequence[str] | None,
    n_clusters: int | None,
    later: Sequence[float] | None,
    frame: pd.DataFrame,
) -> tuple[str, ...]:
    if later is not None:
        _check_later(later, len(frame))
    k = 1 if n_clusters is None else n_clusters
    if not isinstance(k, Integral) or isinstance(k, bool) or not 1 <= k <= max(len(frame), 1):
        raise UsageError(
            f"n_clusters is {k!r} for {len(frame)} rows",
            accepted="a whole number, 1 up to the rows",
        )
    asked = (methods,) if isinstance(methods, str) else tuple(methods or METHODS)
    able = [name for name in METHODS if name != "rule_rfm" or prepare.is_customers(frame)]
    for name in asked:
        if name not in (*METHODS, "autoencoder"):
            raise UsageError.unknown("method", str(name), METHODS, where="compare")
    wanted = set(asked) | set(AUTOENCODERS if "autoencoder" in asked else ())
    if wanted.isdisjoint(able):
        needed = ", ".join(sorted(prepare.CUSTOMER_COLUMNS))
        raise UsageError("rule_rfm has nothing to score in X", accepted=f"columns {needed}")
    return tuple(name for name in able if name in wanted)


def _check_later(later: Sequence[float], n_rows: int) -> None:
    if len(later) != n_rows:
        raise DataError(f"'later' has {len(later)} values for {n_rows} rows")
    unknown = int((~np.isfinite(pd.to_numeric(pd.Series(later), errors="coerce"))).sum())
    if unknown:
        raise DataError(
            f"'later' has {unknown} values that are missing, infinite or no numbers",
            accepted="an outcome for every row",
            hint="leave out the rows without one, or count what they did as zero",
        )


def _outcomes(runner: Fitting, later: Sequence[float] | None) -> np.ndarray:
    """Return what a partition should tell: a later outcome, or the table itself, shape (n, m)."""
    if later is not None:
        return np.asarray(later, dtype=float)[:, None]
    if runner.customers:
        return usable.value_columns(runner.everybody, VALUE)
    return runner.matrix


def _best_of_each(pool: Scored) -> dict[str, int]:
    """Return, for each method, its candidate of highest quality, of those with little noise."""
    few = pool.traits[:, TRAITS.index("noise")] <= MOST_NOISE
    quality = np.where(few, pool.quality, pool.quality - 1)
    best: dict[str, int] = {}
    for at, method in enumerate(pool.methods):
        if method not in best or quality[at] > quality[best[method]]:
            best[method] = at
    return best


def _recommend(table: pd.DataFrame, verdict: Clusterability) -> tuple[str | None, str]:
    """Apply the rule: convincing against the null, noise of 30 % at most, highest quality."""
    able = table[(table["clusters"] >= 2) & (table.index != "rule_rfm")]
    able = able[(able["noise"] <= MOST_NOISE) & able["predicted_quality"].notna()]
    if not len(able):
        return None, "No convincing segments: no method found two clusters with little noise."
    if not verdict.convincing:
        return None, f"No convincing segments: {verdict.sentence}."
    name = able["predicted_quality"].idxmax()
    row = able.loc[name]
    again, null = row.get("jaccard", np.nan), row.get("jaccard_null", np.nan)
    if "jaccard" in row and not again > null and not verdict.by_itself:
        return None, (
            f"No convincing segments: {name} comes back no better on resampled rows"
            f" ({again:.2f}) than on a clusterless copy ({null:.2f})."
        )
    if verdict.null and verdict.value < LOW and not again >= STABLE:
        return None, (
            f"No convincing segments: {verdict.sentence}, and below {LOW:.2f} a labelling must come"
            f" back on resampled rows at {STABLE:.2f}; {name} does at {again:.2f}."
        )
    return str(name), (
        f"{name} with {int(row['clusters'])} segments has the highest predicted agreement with a"
        f" true grouping ({row['predicted_quality']:.2f}), and {verdict.sentence}."
    )


def _nothing_to_compare(
    frame: pd.DataFrame, scaling: prepare.Scaling, chosen: tuple[str, ...]
) -> Comparison:
    """Answer for tables with fewer than ten distinct rows: everybody is in one group."""
    labels = pd.DataFrame(0, index=frame.index, columns=list(chosen))
    centre = np.zeros((1, len(scaling.columns)))
    models = {
        name: SegmentModel(name, "too few rows", scaling, {"kind": "one"}, centre, ("S01",))
        for name in chosen
    }
    table = pd.DataFrame({"clusters": 1, "predicted_quality": 0.0}, index=list(chosen))
    reason = (
        f"No convincing segments: fewer than {LEAST_ROWS} distinct rows of {len(frame)},"
        " too few to compare methods."
    )
    nothing = Clusterability(0.0, (), False, "not enough data")
    why = "Nothing to work with: too few distinct rows."
    sizes = len(frame), len(frame), 0
    table = table.rename_axis("method")
    return Comparison(table, labels, None, reason, None, why, nothing, *sizes, scaling, models)
