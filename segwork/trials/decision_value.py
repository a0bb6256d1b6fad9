"""What a decision is worth: recall beside precision, share contacted, cost against doing less."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from segwork.evidence import wilson
from segwork.results import Interval, Status, display, facts_of

FEWEST_EVENTS = 30
DRAWS, BINS = 400, 10


@dataclass(frozen=True)
class DecisionValue:
    """One model at its threshold on rows that chose nothing.

    Attributes
    ----------
    recall, precision, base_rate, contacted : float
        Share of the events found; of the contacted who are one; of all who are one; contacted.
    recall_interval : Interval
    cost, cost_everybody, cost_nobody : float
        A customer, in the unit of the costs.
    saving : float
        Against the cheaper of contacting everybody and nobody, as a share of its cost.
    saving_interval : Interval
        Over resampled customers.
    n, n_events : int
    """

    recall: float
    recall_interval: Interval
    precision: float
    base_rate: float
    contacted: float
    cost: float
    cost_everybody: float
    cost_nobody: float
    saving: float
    saving_interval: Interval
    n: int
    n_events: int

    @property
    def status(self) -> Status:
        """Passed: clearly cheaper than everybody and nobody; failed: not cheaper; else open.

        Full recall is bought by contacting everybody, so recall alone says nothing.
        """
        if min(self.n_events, self.n - self.n_events) < FEWEST_EVENTS:
            return Status.INCONCLUSIVE
        if self.saving_interval.high <= 0:
            return Status.FAILED
        return Status.PASSED if self.saving_interval.low > 0 else Status.INCONCLUSIVE

    def words(self, label: str) -> str:
        """Say the numbers beside one another, about customers of this label."""
        plain = "everybody" if self.cost_everybody <= self.cost_nobody else "nobody"
        share = {name: display(getattr(self, name), "share") for name in _SHARES}
        sign, verb = (1, "is saved") if self.saving >= 0 else (-1, "more is paid")
        span = sorted(
            sign * bound for bound in (self.saving_interval.low, self.saving_interval.high)
        )
        low, high = (display(bound, "share") for bound in span)
        return (
            f"{share['contacted']} contacted, of whom {share['precision']} are {label} (base rate"
            f" {share['base_rate']}); cost a customer {display(self.cost)}, everybody"
            f" {display(self.cost_everybody)}, nobody {display(self.cost_nobody)}: against"
            f" contacting {plain} {display(sign * self.saving, 'share')} {verb} ({low} to {high})"
        )

    def facts(self, name: str) -> dict[str, float | int | str]:
        """Return the numbers, the verdict and its words, each with the name in front."""
        numbers = {"saving": "saving_interval", "decision_status": "status"}
        found = facts_of(self, *_SHARES, *_COSTS, prefix=f"{name}_", **numbers)
        return found | {f"{name}_decision_words": self.words(name.replace("_", " "))}


_SHARES = ("base_rate", "contacted", "precision")
_COSTS = ("cost", "cost_everybody", "cost_nobody", "saving")


def decision_value(
    event: np.ndarray,
    decided: np.ndarray,
    *,
    costs: Mapping[str, float] | None = None,
    groups: np.ndarray | None = None,
    seed: int = 0,
) -> DecisionValue:
    """Measure decisions about an event, recall beside what it costs.

    Parameters
    ----------
    event, decided : ndarray of bool, shape (n,)
    costs : mapping, optional
        ``missed`` and ``false_alarm``; by default a missed event costs as many false alarms as
        there are others for each event.
    groups : ndarray, shape (n,), optional
        Customers, drawn whole.

    Examples
    --------
    >>> event = np.arange(200) < 60
    >>> everybody = decision_value(event, np.ones(200, bool), costs={"missed": 2, "false_alarm": 1})
    >>> everybody.recall, everybody.status
    (1.0, <Status.FAILED: 'failed'>)
    """
    event, decided = np.asarray(event, dtype=bool), np.asarray(decided, dtype=bool)
    n, base = len(event), float(event.mean())
    missed, false_alarm = costs_of(event, costs)
    paid = np.column_stack(
        [
            missed * (event & ~decided) + false_alarm * (decided & ~event),
            false_alarm * ~event,
            missed * event,
        ]
    )
    hit, found, said = int((event & decided).sum()), int(event.sum()), int(decided.sum())
    cost, everybody, nobody = paid.mean(axis=0)
    return DecisionValue(
        recall=hit / max(found, 1),
        recall_interval=wilson(hit, found),
        precision=hit / max(said, 1),
        base_rate=base,
        contacted=said / n,
        cost=float(cost),
        cost_everybody=float(everybody),
        cost_nobody=float(nobody),
        saving=float(_saving(paid.sum(axis=0)[None])[0]),
        saving_interval=_resampled(paid, groups, seed),
        n=n,
        n_events=found,
    )


def costs_of(event: np.ndarray, costs: Mapping[str, float] | None) -> tuple[float, float]:
    """Return the cost of a missed event and of a false alarm."""
    if costs is None:
        return 1 / max(float(np.mean(event)), 1e-12) - 1, 1.0
    return float(costs["missed"]), float(costs["false_alarm"])


def _saving(paid: np.ndarray) -> np.ndarray:
    """Share saved against the cheaper of everybody and nobody, shape (draws, 3) -> (draws,)."""
    return 1 - paid[:, 0] / np.maximum(paid[:, 1:].min(axis=1), 1e-12)


def _resampled(paid: np.ndarray, groups: np.ndarray | None, seed: int) -> Interval:
    if groups is not None:
        paid = pd.DataFrame(paid).groupby(np.asarray(groups)).sum().to_numpy()
    low, high = np.quantile(_saving(_draws(len(paid), seed) @ paid), [0.025, 0.975])
    return Interval(float(low), float(high))


def _draws(n: int, seed: int) -> np.ndarray:
    """How often each of n customers is drawn, shape (draws, n)."""
    rng = np.random.default_rng(seed)
    return rng.multinomial(n, np.full(n, 1 / n), size=DRAWS).astype(float)


def calibration_distance(
    event: np.ndarray, p: np.ndarray, *, groups: np.ndarray | None = None, seed: int = 0
) -> tuple[float, Interval]:
    """Mean distance of promised and observed share in ten bins, without what chance makes.

    Returns
    -------
    float, Interval
        Ten equally filled bins show a distance even where every promise is kept: the variance of
        each bin's distance is taken off its square. Interval and variance are over resampled
        customers.

    References
    ----------
    Ferro and Fricker (2012), "A bias-corrected decomposition of the Brier score".
    """
    event, p = np.asarray(event, dtype=float), np.asarray(p, dtype=float)
    bins = np.empty(len(p), dtype=int)
    for k, part in enumerate(np.array_split(np.argsort(p, kind="stable"), BINS)):
        bins[part] = k
    inside = (bins[:, None] == np.arange(BINS)).astype(float)
    sums = np.hstack([inside * (event - p)[:, None], inside])
    if groups is not None:
        sums = pd.DataFrame(sums).groupby(np.asarray(groups)).sum().to_numpy()
    drawn = _draws(len(sums), seed) @ sums
    variance = (drawn[:, :BINS] / np.maximum(drawn[:, BINS:], 1)).var(axis=0, ddof=1)
    weight, apart = inside.mean(axis=0), sums[:, :BINS].sum(axis=0) / inside.sum(axis=0)
    value = float(np.sum(weight * np.sqrt(np.maximum(apart**2 - variance, 0.0))))
    spread = np.abs(drawn[:, :BINS]).sum(axis=1) / drawn[:, BINS:].sum(axis=1)
    half = 1.96 * float(spread.std(ddof=1))
    return value, Interval(max(0.0, value - half), value + half)
