"""Seven worlds of an insurance decision: which are fair, and which penalise the young, is known."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

RISK_FACTORS = ("incidents", "mileage", "car_power", "region")


@dataclass(frozen=True)
class World:
    """The law of one world.

    Parameters
    ----------
    penalty : float
        Added to the log-odds of "high risk" for the young, without any reason in their risk.
    age_known : bool
        Whether the model is given the age group.
    proxy : bool
        Whether app use, which goes with youth, is among the model's inputs.
    """

    penalty: float = 0.0
    age_known: bool = True
    proxy: bool = False


WORLDS: dict[str, World] = {
    "fair, the older truly riskier": World(),
    "fair, app use tied to youth": World(proxy=True),
    "penalty 0.15": World(penalty=0.15),
    "penalty 0.3": World(penalty=0.3),
    "penalty 0.6": World(penalty=0.6),
    "penalty 0.6, age withheld, no proxy": World(penalty=0.6, age_known=False),
    "penalty 0.6, age withheld, proxy": World(penalty=0.6, age_known=False, proxy=True),
}


@dataclass(frozen=True)
class Draw:
    """One draw: training and audit customers with the columns of the model and the truth."""

    train: pd.DataFrame
    audit: pd.DataFrame
    features: tuple[str, ...]


def draw(world: World, *, seed: int, n_train: int = 6000, n_audit: int = 2000) -> Draw:
    """Draw customers of a world.

    Returns
    -------
    Draw
        Frames with the risk factors, ``young`` (0/1), ``app_use`` and the label ``high_risk``.
    """
    rng = np.random.default_rng(seed)
    frame = _customers(world, rng, n_train + n_audit)
    features = RISK_FACTORS + ("young",) * world.age_known + ("app_use",) * world.proxy
    return Draw(frame.iloc[:n_train], frame.iloc[n_train:].reset_index(drop=True), features)


def _customers(world: World, rng: np.random.Generator, n: int) -> pd.DataFrame:
    # Log-odds of risk spread by about 1.25: a penalty of 0.15 then moves about 5 % of decisions,
    # as in the published calibration of the flip rule (share of 3 % reached in 0.80 of draws).
    young = (rng.random(n) < 0.4).astype(int)
    older = 1 - young
    frame = pd.DataFrame(
        {
            "incidents": rng.poisson(0.5 + 0.5 * older),
            "mileage": rng.normal(0.4 * older, 1.0),
            "car_power": rng.normal(0.3 * older, 1.0),
            "region": rng.integers(0, 2, n),
            "young": young,
            "app_use": rng.normal(1.5 * young, 1.0),
        }
    )
    logit = (
        -1.4
        + 0.9 * frame["incidents"]
        + 0.75 * frame["mileage"]
        + 0.6 * frame["car_power"]
        + 0.45 * frame["region"]
        + world.penalty * young
    )
    frame["high_risk"] = (rng.random(n) < 1 / (1 + np.exp(-logit))).astype(int)
    return frame
