"""The same customers at several ends of period, labelled in several ways, and which way to use."""

from __future__ import annotations

import time
import tracemalloc
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

import numpy as np
import pandas as pd
from tqdm import tqdm

from segwork.dynamics import latent, methods, panel, score
from segwork.dynamics.mobility import Mobility, corrected_stability, mobility
from segwork.errors import MissingExtraError, UsageError
from segwork.progress import unwatched
from segwork.tables import Tables

SEGMENTS, MOST_SEGMENTS = 5, 30
FIT_ON = 20_000  # customers the methods are fitted on; all of them are assigned
FEWEST = 100  # customers at both ends of a step that a recommendation needs
TELLS, NEAR_BEST, NOTICES = 0.02, 0.9, 0.5
NOTHING: dict[str, Any] = {
    "status": "ok", "customers": 0, "stability": np.nan, "low": np.nan, "high": np.nan,
    "stability_corrected": np.nan, "label_stability": np.nan, "noise_floor": np.nan,
    "outcome_separation": np.nan, "recall": np.nan, "delay": np.nan, "stay_learnt": np.nan,
    "seconds": np.nan, "memory_mb": np.nan,
}  # fmt: skip


@dataclass(frozen=True)
class Trace:
    """Customers labelled over time.

    Attributes
    ----------
    scoreboard : DataFrame
        Index method. ``status``: ok, or why it is not applicable. ``customers`` it labelled.
        ``stability`` with ``low`` and ``high`` (95 %, over customers): share of steps without a
        move; for ``time_aware`` from the estimated pair probabilities, as its assigned labels
        (``label_stability``) say something else. ``stability_corrected`` for chance.
        ``noise_floor``: share of labels that change while the latent segment stands still.
        ``outcome_separation``: share of the next period's spend (of all columns, where own
        features were given) that the segment tells. ``recall``, ``delay``: planted moves found
        within two periods, and the mean delay in periods. ``stay_learnt``: the latent model's
        probability to stay. ``seconds`` of processor time and ``memory_mb`` at most.
    recommended : str or None
    reason : str
    stay : DataFrame
        The latent model's table of moves in one step; rows from, columns to.
    period_days : int
    """

    scoreboard: pd.DataFrame
    recommended: str | None
    reason: str
    stay: pd.DataFrame = field(repr=False)
    period_days: int
    block: panel.Block = field(repr=False)
    coded: Mapping[str, np.ndarray] = field(repr=False)
    still: np.ndarray = field(repr=False)
    pairs: np.ndarray = field(repr=False)

    @property
    def labels(self) -> pd.DataFrame:
        """One row per method, customer and period: customer_id, period_end, method, segment."""
        who, when = np.nonzero(self.block.present)
        parts = [
            pd.DataFrame({
                "customer_id": self.block.ids[who], "period_end": self.block.ends[when],
                "method": method, "segment": _names(labels.max() + 1)[labels[who, when]],
            })
            for method, labels in self.coded.items()
        ]  # fmt: skip
        return pd.concat(parts, ignore_index=True)

    def segments(self, method: str | None = None, period: int = -1) -> pd.Series:
        """Return the segment of each customer present at one end of period, index customer id."""
        labels = self._coded(method or self.recommended or "time_aware")[:, period]
        names = _names(labels.max() + 1 if len(labels) else 0)
        there = labels >= 0
        return pd.Series(names[labels[there]], self.block.ids[there], name="segment")

    def between(self, method: str | None = None, step: int = -1) -> Mobility:
        """Return who went where in one step (the last by default), by the assigned labels."""
        step %= max(len(self.block.ends) - 1, 1)
        return mobility(self.segments(method, step), self.segments(method, step + 1), match=False)

    def mobility(self, method: str, changes: pd.DataFrame | None = None) -> pd.DataFrame:
        """Return one row a step: what moved, by chance, in truth and by noise.

        Parameters
        ----------
        method : str
        changes : DataFrame, optional
            ``customer_id, changed_at`` from :func:`segwork.changepoints.detect_panel`.

        Returns
        -------
        DataFrame
            ``from_end, to_end, n, moved, low, high, expected_moved, stability,
            stability_corrected, entered, left``, and ``moved`` split into ``event`` (moved, with a
            change point in the two periods compared), ``drift`` (moved without one) and ``noise``
            (the latent segment did not move); without change points ``event`` is missing and
            ``drift`` holds both.
        """
        labels, block = self._coded(method), self.block
        when = None if changes is None else changes.set_index("customer_id")["changed_at"]
        at = None if when is None else pd.to_datetime(when.reindex(block.ids)).to_numpy()
        rows = []
        for t in range(len(block.ends) - 1):
            both, n = block.both[:, t], int(block.both[:, t].sum())
            moved = (labels[both, t] != labels[both, t + 1]).astype(float)
            real = 1 - self.still[both, t]
            if method == "time_aware":
                counts, moved = self.pairs[t], real
                real = np.ones(n)
            else:
                counts = score.steps(labels[:, t : t + 2], both[:, None], labels.max() + 1)[0]
            stays, low, high = score.stability(1 - moved[:, None], np.ones((n, 1), bool))
            corrected, chance = corrected_stability(counts)[1:]
            begin = block.ends[t] - pd.Timedelta(days=self.period_days)
            event = np.zeros(n) if at is None else (at[both] > begin) & (at[both] <= block.ends[t + 1])
            rows.append({
                "from_end": block.ends[t], "to_end": block.ends[t + 1], "n": n,
                "moved": 1 - stays, "low": 1 - high, "high": 1 - low,
                "expected_moved": 1 - chance, "stability": stays, "stability_corrected": corrected,
                "entered": int((block.present[:, t + 1] & ~both).sum()),
                "left": int((block.present[:, t] & ~both).sum()),
                "event": np.nan if at is None else _share(moved * real * event),
                "drift": _share(moved * real * (1 - event)), "noise": _share(moved * (1 - real)),
            })  # fmt: skip
        return pd.DataFrame(rows)

    def facts(self) -> dict[str, float | int | str]:
        """Return the scoreboard's numbers but for clock and memory; unknown ones are left out."""
        facts: dict[str, float | int | str] = {
            "customers": len(self.block.ids), "periods": len(self.block.ends),
            "recommended": self.recommended or "none",
        }  # fmt: skip
        for method, row in self.scoreboard.drop(columns=["seconds", "memory_mb"]).iterrows():
            facts |= {f"{method}_{name}": value for name, value in row.items()
                      if isinstance(value, float) and np.isfinite(value)}  # fmt: skip
        return facts

    def _coded(self, method: str) -> np.ndarray:
        if method not in self.coded:
            raise UsageError.unknown("method", method, self.coded, where="this trace")
        return self.coded[method]


def trace(
    tables: Tables, *, as_of: date | str, periods: int = 8, period_days: int = 91,
    n_segments: int | None = None, methods: Sequence[str] | None = None, seed: int = 0,
) -> Trace:  # fmt: skip
    """Label the same customers at several ends of period, static ways beside time-aware ones.

    Parameters
    ----------
    tables : Tables
        Only ``transactions`` are used; what is known of a period is cut at its end.
    as_of : date
        End of the last period.
    periods : int, default 8
        Periods that begin before the first order line are left out.
    period_days : int, default 91
    n_segments : int, optional
        5 unless given.
    methods : sequence of str, optional
        Of ``fit_once, refit_each, trajectories, time_aware`` (all by default), ``dtw, k_shape``.
    seed : int, default 0

    Returns
    -------
    Trace

    Raises
    ------
    UsageError
        A method nobody knows, or a number out of range.
    DataError
        Nobody has an order line before ``as_of``.

    Examples
    --------
    >>> from segwork import tables
    >>> days = pd.date_range("2024-01-05", periods=30, freq="12D")
    >>> lines = pd.DataFrame({"customer_id": ["a", "b", "c"] * 10, "ordered_at": days,
    ...                       "amount": [10.0, 20.0, 90.0] * 10})
    >>> found = trace(tables.from_frames(transactions=lines), as_of="2025-01-01", n_segments=2)
    >>> len(found.block.ends), found.recommended
    (3, None)
    """
    frame = panel.of_tables(tables, as_of=as_of, periods=periods, period_days=period_days)
    block = panel.block(frame, features=panel.FEATURES, outcome=[panel.OUTCOME])
    return _traced(block, period_days, n_segments, methods, seed)


def trace_features(
    panel_: pd.DataFrame, *, n_segments: int | None = None, methods: Sequence[str] | None = None,
    seed: int = 0,
) -> Trace:  # fmt: skip
    """Do the same as :func:`trace` with own features.

    Parameters
    ----------
    panel_ : DataFrame
        ``customer_id``, ``period_end`` and numeric columns: one row per customer and period. All
        numeric columns are features, and what a segment should tell about the next period.
    n_segments, methods, seed
        As :func:`trace`.
    """
    frame = pd.DataFrame(panel_)
    features = [c for c in frame.select_dtypes("number").columns if c not in panel.KEYS]
    block = panel.block(frame, features=features, outcome=features)
    gaps = np.diff(block.ends.to_numpy()) / np.timedelta64(1, "D")
    return _traced(block, round(float(np.median(gaps))) if len(gaps) else 91,
                   n_segments, methods, seed)  # fmt: skip


def _traced(
    block: panel.Block, period_days: int, n_segments: int | None, wanted: Sequence[str] | None,
    seed: int,
) -> Trace:  # fmt: skip
    k = SEGMENTS if n_segments is None else n_segments
    if not 1 <= k <= MOST_SEGMENTS:
        raise UsageError(f"n_segments is {k}", accepted=f"a whole number from 1 to {MOST_SEGMENTS}")
    wanted = methods.USUAL if wanted is None else tuple(wanted)
    for name in wanted:
        if name not in methods.METHODS:
            raise UsageError.unknown("method", name, methods.METHODS, where="trace")
    rng = np.random.default_rng(seed)
    sample = block.take(np.sort(rng.permutation(len(block.ids))[:FIT_ON]))
    truth, states = methods.time_aware(sample, k, seed), None
    assert truth.model is not None
    still, pairs, states = latent.stays(truth.model, block.X, block.present)
    coded, rows = {}, {}
    for name in tqdm(wanted, desc="segments over time", unit="method", disable=unwatched()):
        tracemalloc.start()
        begun = time.process_time()
        try:
            fitted = methods.METHODS[name](sample, k, seed)
        except MissingExtraError as missing:
            rows[name] = NOTHING | {"status": f"not applicable: {missing}"}
            continue
        else:
            labels = fitted.label(block.X, block.present)
            spent, used = time.process_time() - begun, tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
        coded[name] = labels
        rows[name] = _row(fitted, labels, block, (still, pairs, states), seed) | {
            "seconds": spent, "memory_mb": used / 1e6,
        }  # fmt: skip
    board = pd.DataFrame.from_dict(rows, orient="index").rename_axis("method")
    best, reason = _recommend(board, int(block.both.sum(axis=0).max(initial=0)))
    names = _names(len(truth.model.moves))
    learnt = pd.DataFrame(truth.model.moves, names, names)
    return Trace(board, best, reason, learnt, period_days, block, coded, still, pairs)


def _row(
    fitted: methods.Fitted, labels: np.ndarray, block: panel.Block,
    latent_: tuple[np.ndarray, np.ndarray, np.ndarray], seed: int,
) -> dict[str, Any]:  # fmt: skip
    still, pairs, states = latent_
    kept = labels[:, 1:] == labels[:, :-1]
    stays, table = kept.astype(float), score.steps(labels, block.both, int(labels.max()) + 1)
    learnt = np.nan
    if fitted.model is not None:
        stays, table = still, pairs
        occupied = pairs.sum(axis=(0, 2))
        learnt = float(occupied @ np.diag(fitted.model.moves) / max(occupied.sum(), 1e-9))
    share, low, high = score.stability(stays, block.both)
    recall, delay = score.planted_moves(fitted, block, states, seed)
    return NOTHING | {
        "customers": len(block.ids), "stability": share, "low": low, "high": high,
        "stability_corrected": corrected_stability(table.sum(axis=0))[1],
        "label_stability": score.stability(kept.astype(float), block.both)[0],
        "noise_floor": score.noise_floor(labels, still, block.both),
        "outcome_separation": score.separation(labels, block),
        "recall": recall, "delay": delay, "stay_learnt": learnt,
    }  # fmt: skip


def _recommend(board: pd.DataFrame, customers: int) -> tuple[str | None, str]:
    """Choose the most stable method, corrected for chance, among those that tell and notice."""
    if not customers:
        return None, "none: there is one period, or nobody is there in two that follow each other"
    if customers < FEWEST:
        return None, f"none: {customers} customers at both ends of a step, {FEWEST} are needed"
    tells = board["outcome_separation"].fillna(0)
    if not (tells >= TELLS).any():
        return None, f"none: no method's segments tell {TELLS:.0%} of the next period"
    fit = board[(tells >= NEAR_BEST * tells.max()) & ~(board["recall"] < NOTICES)]
    fit = fit[fit["stability_corrected"].notna()]
    if not len(fit):
        return None, "none: what tells most about the next period overlooks most planted moves"
    best = str(fit["stability_corrected"].idxmax())
    row = board.loc[best]
    return best, (
        f"{best}: of the methods that tell at least {NEAR_BEST:.0%} of what the best one tells"
        f" about the next period and find half of the planted moves, it is the most stable"
        f" ({row['stability']:.0%}, {row['stability_corrected']:.0%} corrected for chance)"
    )


def _names(k: int) -> np.ndarray:
    return np.array([f"S{j + 1:02d}" for j in range(int(k))], object)


def _share(values: np.ndarray) -> float:
    return float(values.mean()) if len(values) else np.nan
