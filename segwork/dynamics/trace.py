"""The same customers at several ends of period, labelled in several ways, and which way to use."""

from __future__ import annotations

import time
import tracemalloc
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date

import numpy as np
import pandas as pd
from tqdm import tqdm

from segwork.dynamics import latent, score
from segwork.dynamics import methods as _methods
from segwork.dynamics import panel as _panel
from segwork.dynamics.mobility import Mobility, corrected_stability, mobility
from segwork.errors import UsageError
from segwork.progress import unwatched
from segwork.tables import Tables

SEGMENTS, MOST_SEGMENTS = 5, 30
FIT_ON = 20_000  # customers the methods are fitted on; all of them are assigned
FEWEST = 100  # customers at both ends of a step that a recommendation needs
TELLS, NEAR_BEST, NOTICES = 0.02, 0.9, 0.5
INSTALL = "not applicable: pip install 'segwork[dynamics]' -c constraints.txt"
Names = Sequence[str] | None
Truth = tuple[latent.LatentStates, np.ndarray, np.ndarray, np.ndarray]  # and latent.stays
MEASURES = ["stability", "low", "high", "stability_corrected", "label_stability", "noise_floor"]
MEASURES += ["outcome_separation", "recall", "delay", "stay_learnt", "seconds", "memory_mb"]


@dataclass(frozen=True)
class Labelled:
    """Labels of one method, shape (n, periods); how sure each step was a move; moves by step."""

    labels: np.ndarray
    moved: np.ndarray
    counts: np.ndarray


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
    panel : DataFrame
        What was measured: one row per customer and period.
    """

    scoreboard: pd.DataFrame
    recommended: str | None
    reason: str
    stay: pd.DataFrame = field(repr=False)
    period_days: int
    panel: pd.DataFrame = field(repr=False)
    block: _panel.Block = field(repr=False)
    coded: Mapping[str, Labelled] = field(repr=False)
    still: np.ndarray = field(repr=False)

    @property
    def labels(self) -> pd.DataFrame:
        """One row per method, customer and period: customer_id, period_end, method, segment."""
        who, when = np.nonzero(self.block.present)
        keys = pd.DataFrame({"customer_id": self.block.ids[who]})
        keys["period_end"] = self.block.ends[when]
        names = self.stay.index.to_numpy()
        parts = [
            keys.assign(method=method, segment=names[found.labels[who, when]])
            for method, found in self.coded.items()
        ]
        return pd.concat(parts, ignore_index=True)

    def segments(self, method: str | None = None, period: int = -1) -> pd.Series:
        """Return the segment of each customer present at one end of period, index customer id."""
        labels = self._found(method or self.recommended or "time_aware").labels[:, period]
        names, there = self.stay.index.to_numpy(), labels >= 0
        return pd.Series(names[labels[there]], self.block.ids[there], name="segment")

    def features(self, period: int = -1) -> pd.DataFrame:
        """Return what was measured of each customer in one period, unscaled."""
        return self.panel[pd.to_datetime(self.panel["period_end"]) == self.block.ends[period]]

    def between(self, method: str | None = None, step: int = -1) -> Mobility:
        """Return who went where in one step (the last by default), by the assigned labels."""
        step %= max(len(self.block.ends) - 1, 1)
        before, after = (self.segments(method, period) for period in (step, step + 1))
        return mobility(before, after, match=False)

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
        found, block, ends, rows = self._found(method), self.block, self.block.ends, []
        at = np.full(len(block.ids), np.datetime64("NaT"))
        if changes is not None:
            told = changes.drop_duplicates("customer_id").set_index("customer_id")["changed_at"]
            at = pd.to_datetime(told.reindex(block.ids)).to_numpy()
        for t, both in enumerate(block.both.T):
            moved, begin = found.moved[both, t], ends[t] - pd.Timedelta(days=self.period_days)
            noise = moved * self.still[both, t] * (method != "time_aware")
            event = (moved - noise) * ((at[both] > begin) & (at[both] <= ends[t + 1]))
            stays, low, high = score.stability(found.moved[:, t : t + 1], both[:, None])
            corrected, chance = corrected_stability(found.counts[t])[1:]
            counted = [int((block.present[:, i] & ~both).sum()) for i in (t + 1, t)]
            split = [part.mean() if len(part) else np.nan for part in (event, moved - noise, noise)]
            row = [ends[t], ends[t + 1], int(both.sum()), 1 - stays, 1 - high, 1 - low, 1 - chance]
            row += [stays, corrected, *counted, split[0], split[1] - split[0], split[2]]
            rows.append(row)
        names = "from_end to_end n moved low high expected_moved stability stability_corrected"
        table = pd.DataFrame(rows, columns=f"{names} entered left event drift noise".split())
        return table if changes is not None else table.assign(event=np.nan)

    def facts(self) -> dict[str, float | int | str]:
        """Return the scoreboard's numbers but for clock and memory; unknown ones are left out."""
        facts: dict[str, float | int | str] = {"recommended": self.recommended or "none"}
        facts |= {"customers": len(self.block.ids), "periods": len(self.block.ends)}
        for name in MEASURES[:-2]:
            known = self.scoreboard[name].dropna()
            facts |= {f"{method}_{name}": float(value) for method, value in known.items()}
        return facts

    def _found(self, method: str) -> Labelled:
        if method not in self.coded:
            raise UsageError.unknown("method", method, self.coded, where="this trace")
        return self.coded[method]


def trace(
    tables: Tables,
    *,
    as_of: date | str,
    periods: int = 8,
    period_days: int = 91,
    n_segments: int | None = None,
    methods: Names = None,
    seed: int = 0,
) -> Trace:
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
    frame = _panel.of_tables(tables, as_of=as_of, periods=periods, period_days=period_days)
    block = _panel.block(frame, features=_panel.FEATURES, outcome=[_panel.OUTCOME])
    return _traced(frame, block, period_days, n_segments, methods, seed)


def trace_features(
    panel: pd.DataFrame, *, n_segments: int | None = None, methods: Names = None, seed: int = 0
) -> Trace:
    """Do the same as :func:`trace` with own features.

    Parameters
    ----------
    panel : DataFrame
        ``customer_id``, ``period_end`` and numeric columns: one row per customer and period. All
        numeric columns are features, and what a segment should tell about the next period.
    n_segments, methods, seed
        As :func:`trace`.
    """
    numbers = panel.select_dtypes("number").columns
    features = [name for name in numbers if name not in _panel.KEYS]
    block = _panel.block(panel, features=features, outcome=features)
    days = np.diff(block.ends.to_numpy()) // np.timedelta64(1, "D")
    return _traced(panel, block, int(np.median([*days] or [91])), n_segments, methods, seed)


def summary(steps: pd.DataFrame) -> dict[str, float]:
    """Sum up :meth:`Trace.mobility` over its steps, each weighted by its customers.

    Returns
    -------
    dict
        ``moved``, ``expected_moved``, ``noise``, ``drift`` and, where it is
        known, ``event``, as shares of all; ``noise_of_moved``. Empty without a step.
    """
    n = float(steps["n"].sum())
    if not n:
        return {}
    names = ["moved", "expected_moved", "event", "drift", "noise"]
    shares = steps[names].mul(steps["n"], axis=0).sum(min_count=len(steps)).dropna() / n
    share = shares["noise"] / shares["moved"] if shares["moved"] else 0.0
    return {**shares.astype(float), "noise_of_moved": float(share)}


def _traced(
    frame: pd.DataFrame, block: _panel.Block, days: int, k: int | None, names: Names, seed: int
) -> Trace:
    k, wanted = SEGMENTS if k is None else k, _methods.USUAL if names is None else tuple(names)
    if not 1 <= k <= MOST_SEGMENTS:
        raise UsageError(f"n_segments is {k}", accepted=f"a whole number from 1 to {MOST_SEGMENTS}")
    for name in wanted:
        if name not in _methods.METHODS:
            raise UsageError.unknown("method", name, _methods.METHODS, where="trace")
    rows = np.random.default_rng(seed).permutation(len(block.ids))[:FIT_ON]
    sample = block.take(np.sort(rows))
    model = _methods.time_aware(sample, k, seed)
    assert isinstance(model, latent.LatentStates)
    truth = (model, *latent.stays(model, block.X, block.present))
    board = pd.DataFrame(index=pd.Index(wanted, name="method"), columns=MEASURES, dtype=float)
    board.insert(0, "status", INSTALL)
    coded: dict[str, Labelled] = {}
    for name in tqdm(wanted, desc="segments over time", unit="method", disable=unwatched()):
        try:
            coded[name], board.loc[name, MEASURES] = _labelled(name, sample, block, truth, seed)
        except ModuleNotFoundError:  # tslearn: the row says how to install it
            continue
        board.loc[name, "status"] = "ok"
    best, reason = _recommend(board, int(block.both.sum(axis=0).max(initial=0)))
    ids = [f"T{j + 1:02d}" for j in range(k)]  # S… are the segments that a run saves
    moves = pd.DataFrame(model.moves, ids, ids)
    return Trace(board, best, reason, moves, days, frame, block, coded, truth[1])


def _labelled(
    name: str, sample: _panel.Block, block: _panel.Block, truth: Truth, seed: int
) -> tuple[Labelled, list[float]]:
    """Fit one method, label everybody, and measure what that is worth, as in MEASURES."""
    (model, still, pairs, states), learnt = truth, np.nan
    k, begun = len(model.moves), time.process_time()
    tracemalloc.start()
    try:
        label = _methods.METHODS[name](sample, k, seed)
        labels = label(block.X, block.present)
        clock = [time.process_time() - begun, tracemalloc.get_traced_memory()[1] / 1e6]
    finally:
        tracemalloc.stop()
    changed = (np.diff(labels) != 0) * 1.0
    moved, counts = changed, score.steps(labels, block.both, k)
    if name == "time_aware":  # decoded labels would overstate how stable it is
        moved, counts = 1 - still, pairs
        learnt = pairs.sum(axis=(0, 2)) @ np.diag(model.moves) / (pairs.sum() or np.nan)
    found = [*score.stability(moved, block.both), corrected_stability(counts.sum(axis=0))[1]]
    found += [score.stability(changed, block.both)[0], score.noise_floor(labels, still, block.both)]
    found += [score.separation(labels, block), *score.planted_moves(label, block, states, seed)]
    return Labelled(labels, moved, counts), [*found, learnt, *clock]


def _recommend(board: pd.DataFrame, customers: int) -> tuple[str | None, str]:
    """Choose the most stable method, corrected for chance, among those that tell and notice."""
    if customers < FEWEST:
        return None, f"none: {customers} customers at both ends of a step, {FEWEST} are needed"
    tells = board["outcome_separation"].fillna(0)
    if not (tells >= TELLS).any():
        return None, f"none: no method's segments tell {TELLS:.0%} of the next period"
    fit = board[(tells >= NEAR_BEST * tells.max()) & ~(board["recall"] < NOTICES)]
    if fit["stability_corrected"].isna().all():
        return None, "none: what tells most about the next period overlooks most planted moves"
    best = str(fit["stability_corrected"].idxmax())
    share, corrected = fit.loc[best, ["stability", "stability_corrected"]]
    return best, (
        f"{best}: of the methods that tell at least {NEAR_BEST:.0%} of what the best one tells"
        " about the next period and find half of the planted moves, it is the most stable"
        f" ({share:.1%}, {corrected:.1%} corrected for chance)"
    )
