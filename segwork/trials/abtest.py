"""A real trial of a model: how many customers, how often one may look, what a look says."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
from scipy.optimize import brentq
from scipy.stats import chisquare, norm

from segwork.errors import UsageError
from segwork.results import Interval, Status, facts_of

RATIO_P = 0.001


@dataclass(frozen=True)
class TrialPlan:
    """What was agreed before the trial.

    Attributes
    ----------
    per_arm : int
        Customers each arm needs in all.
    base_rate, lift : float
        Share of events expected in the control arm, and the absolute change worth finding.
    alpha, power : float
        Error rate over all looks together; chance to find the change.
    boundaries : tuple of float
        Size of z that ends the trial at each look, equally spaced in customers.
    """

    per_arm: int
    base_rate: float
    lift: float
    alpha: float
    power: float
    boundaries: tuple[float, ...]

    def facts(self) -> dict[str, float | int | str]:
        """Return size, aim and error rates."""
        first, *_, last = (*self.boundaries, *self.boundaries)
        looks = {"looks": len(self.boundaries), "first_boundary": first, "last_boundary": last}
        return facts_of(self, "alpha", "power", customers_per_arm="per_arm") | looks


@dataclass(frozen=True)
class Look:
    """What one look at a trial says.

    Attributes
    ----------
    status : Status
        Passed: better than control beyond the boundary. Failed: worse beyond it, or the split is
        damaged. Warned: an unplanned look. Inconclusive: go on, or the trial ended without proof.
    difference : float
        Treated minus control share of events.
    interval : Interval
        At the level of this look's boundary, so that all looks together keep their error rate.
    z : float
    ratio_p : float
        Chi-square p of an even split (sample-ratio mismatch below 0.001, CC-03).
    message : str
    """

    status: Status
    difference: float
    interval: Interval
    z: float
    ratio_p: float
    message: str

    def facts(self) -> dict[str, float | int | str]:
        """Return the difference, its interval, z, the split's p and the verdict."""
        return facts_of(self, "difference", "z", "ratio_p", "status", difference="interval")


def plan(
    *, base_rate: float, lift: float, looks: int = 1, alpha: float = 0.05, power: float = 0.8
) -> TrialPlan:
    """Plan a two-armed trial with even split and equally spaced looks.

    Parameters
    ----------
    base_rate : float
        Share of events without the treatment, between 0 and 1.
    lift : float
        Absolute change of that share worth finding.
    looks : int, default 1
        Planned looks, the last one included.
    alpha : float, default 0.05
        Two-sided error rate over all looks together.
    power : float, default 0.8

    Returns
    -------
    TrialPlan
        Boundaries spend alpha as O'Brien and Fleming's do; the sample size is that of a single
        look, enlarged until the planned looks together reach the power.

    Raises
    ------
    UsageError
        A rate lies outside 0…1 or there are fewer than one or more than 20 looks.

    References
    ----------
    Lan and DeMets (1983), "Discrete sequential boundaries for clinical trials".

    Examples
    --------
    >>> plan(base_rate=0.10, lift=0.02).per_arm
    3839
    """
    after = base_rate + lift
    if not (0 < base_rate < 1 and 0 < after < 1 and lift != 0):
        raise UsageError(f"base_rate {base_rate} and lift {lift}", accepted="shares inside 0…1")
    if not 1 <= looks <= 20 or not 0 < alpha < 0.5 or not alpha < power < 1:
        raise UsageError(
            f"looks {looks}, alpha {alpha}, power {power}",
            accepted="1 to 20 looks, 0 < alpha < power",
        )
    limits = boundaries(looks, alpha)
    drift = brentq(lambda d: _reach(limits, d) - power, 0.1, 12.0)
    variance = base_rate * (1 - base_rate) + after * (1 - after)
    per_arm = int(np.ceil(variance * (drift / lift) ** 2))
    return TrialPlan(per_arm, base_rate, lift, alpha, power, limits)


def read(trial: TrialPlan, *, control: tuple[int, int], treated: tuple[int, int]) -> Look:
    """Read a trial at one look.

    Parameters
    ----------
    trial : TrialPlan
    control, treated : tuple of (events, customers)

    Returns
    -------
    Look

    Raises
    ------
    UsageError
        More events than customers, or an empty arm.
    """
    for name, (events, n) in (("control", control), ("treated", treated)):
        if not 0 <= events <= n or n == 0:
            raise UsageError(f"{name} is {events} of {n}", accepted="events, customers")
    (k_0, n_0), (k_1, n_1) = control, treated
    rate_0, rate_1, pooled = k_0 / n_0, k_1 / n_1, (k_0 + k_1) / (n_0 + n_1)
    error = float(np.sqrt(pooled * (1 - pooled) * (1 / n_0 + 1 / n_1)))
    z = (rate_1 - rate_0) / error if error else 0.0
    ratio_p = float(chisquare([n_0, n_1]).pvalue)
    share = (n_0 + n_1) / (2 * trial.per_arm)
    look = round(share * len(trial.boundaries))
    planned = look >= 1 and abs(share * len(trial.boundaries) - look) <= 0.1
    limit = trial.boundaries[min(max(look, 1), len(trial.boundaries)) - 1]
    span = Interval(rate_1 - rate_0 - limit * error, rate_1 - rate_0 + limit * error)
    last = look >= len(trial.boundaries)
    status, message = _verdict(z, limit, ratio_p=ratio_p, planned=planned, last=last)
    return Look(status, rate_1 - rate_0, span, float(z), ratio_p, message)


def _verdict(
    z: float, limit: float, *, ratio_p: float, planned: bool, last: bool
) -> tuple[Status, str]:
    if ratio_p < RATIO_P:
        return Status.FAILED, "The arms differ in size beyond chance: the split is damaged."
    if not planned:
        return Status.WARNED, "This look was not planned: its error rate is not the agreed one."
    if abs(z) >= limit:
        word = "better" if z > 0 else "worse"
        status = Status.PASSED if z > 0 else Status.FAILED
        return status, f"Treated customers do {word}: z {z:.2f} beyond the boundary {limit:.2f}."
    if last:
        return Status.INCONCLUSIVE, f"The trial ended without proof: z {z:.2f} within {limit:.2f}."
    return Status.INCONCLUSIVE, f"Go on: z {z:.2f} within the boundary {limit:.2f}."


@cache
def boundaries(looks: int, alpha: float = 0.05) -> tuple[float, ...]:
    """Return the z boundaries of equally spaced looks that spend alpha late (two-sided).

    Examples
    --------
    >>> [round(b, 2) for b in boundaries(5)]
    [4.88, 3.36, 2.68, 2.29, 2.03]
    """
    times = np.arange(1, looks + 1) / looks
    spent = 4 * (1 - norm.cdf(norm.ppf(1 - alpha / 4) / np.sqrt(times)))
    found: list[float] = []
    for k in range(looks):
        aim = spent[k] - (spent[k - 1] if k else 0.0)

        def crossing(limit: float, aim: float = aim) -> float:
            return _crossings((*found, limit), 0.0, looks)[-1] - aim

        found.append(float(brentq(crossing, 0.5, 12.0, xtol=1e-6)))
    return tuple(found)


def _reach(limits: tuple[float, ...], drift: float) -> float:
    """Chance to cross a boundary at any look when z has mean ``drift`` at the end."""
    return float(sum(_crossings(limits, drift, len(limits))))


def _crossings(limits: tuple[float, ...], drift: float, looks: int) -> list[float]:
    """Chance to cross first at each look; the score is a random walk, integrated on a grid.

    References
    ----------
    Armitage, McPherson and Rowe (1969), "Repeated significance tests on accumulating data".
    """
    step, mean = 1 / looks, drift / looks
    grid = density = None
    crossed = []
    for k, limit in enumerate(limits, start=1):
        edge = limit * np.sqrt(k * step)
        points = np.linspace(-edge, edge, 401)
        if grid is None:
            outside = norm.sf(edge, mean, step**0.5) + norm.cdf(-edge, mean, step**0.5)
            value = norm.pdf(points, mean, step**0.5)
        else:
            tails = norm.sf(edge - grid, mean, step**0.5) + norm.cdf(-edge - grid, mean, step**0.5)
            outside = np.trapezoid(density * tails, grid)
            moves = norm.pdf(points[:, None] - grid[None, :], mean, step**0.5)
            value = np.trapezoid(moves * density[None, :], grid, axis=1)
        crossed.append(float(outside))
        grid, density = points, value
    return crossed
