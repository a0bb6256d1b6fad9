"""Shops of another pace and another law than the sample's, with the stage of everybody planted."""

from __future__ import annotations

import numpy as np
import pandas as pd

from segwork.tables import Tables, from_frames

AS_OF = pd.Timestamp("2026-01-01")
DAYS = 1_095
SHOPS = {"kiosk": (4.0, 1.0), "grocer": (9.0, 2.0), "clothes": (35.0, 1.0), "parts": (60.0, 1.5)}
SHARES = {"new": 0.15, "active": 0.20, "loyal": 0.30, "at risk": 0.10, "lost": 0.25}
SLOWER = 4.0
# Own gaps since a stop and since a fall, and before them: earlier nobody could know of either. A
# silence of eight gaps comes by chance once in 3,000 where gaps are random.
STOPPED, FELL, BEFORE = (8, 20), (12, 24), 15


def shop(kind: str, *, customers: int, seed: int) -> tuple[Tables, pd.Series]:
    """Draw a shop: order lines, and the planted stage by customer.

    Everybody orders with gaps of a gamma law and a mean of their own (``SHOPS``: mean in days and
    shape). *New* came within 90 days, *active* within a year, *loyal* before; *at risk* slowed down
    four times, and *lost* stopped, long enough ago, at their own pace, for somebody to know of it.

    Parameters
    ----------
    kind : str
        Of ``SHOPS``.
    customers, seed : int
    """
    mean, shape = SHOPS[kind]
    rng = np.random.default_rng([seed, list(SHOPS).index(kind)])
    stage = rng.choice(list(SHARES), customers, p=list(SHARES.values()))
    gap = mean * rng.lognormal(0, 0.35, customers)
    since = np.select(
        [stage == "new", stage == "active"],
        [rng.integers(2, 90, customers), rng.integers(100, 360, customers)],
        rng.integers(370, DAYS, customers),
    )
    low, high = np.where((stage == "lost")[:, None], STOPPED, FELL).T
    turned = np.isin(stage, ["at risk", "lost"])
    changed = np.where(turned, np.maximum(gap * rng.uniform(low, high), 91), 0)
    since = np.where(turned, changed + gap * BEFORE + 0.3 * since, since)
    rows = []
    for number in range(customers):
        days = _orders(rng, gap[number], shape, since[number], changed[number], stage[number])
        rows.append(pd.DataFrame({"customer_id": f"c{number}", "day": days}))
    lines = pd.concat(rows, ignore_index=True)
    lines["ordered_at"] = AS_OF + pd.to_timedelta(lines.pop("day"), unit="D")
    lines["amount"] = np.round(rng.lognormal(3, 0.5, len(lines)), 2)
    ids = pd.Index([f"c{n}" for n in range(customers)], name="customer_id")
    return from_frames(transactions=lines), pd.Series(stage, ids, name="stage")


def _orders(
    rng: np.random.Generator, gap: float, shape: float, since: float, changed: float, stage: str
) -> np.ndarray:
    """Return days of orders, negative, the first on the first day."""
    days, at = [-float(since)], -float(since)
    while True:
        slow = SLOWER if stage == "at risk" and at > -changed else 1.0
        at += rng.gamma(shape, gap * slow / shape)
        if at >= 0 or (stage == "lost" and at > -changed):
            return np.array(days)
        days.append(at)
