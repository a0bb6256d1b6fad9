"""Do promised shares come true? Slope, expected error and bins of predicted probabilities."""

from __future__ import annotations

import numpy as np
from scipy.optimize import brentq
from scipy.special import expit, logit
from sklearn.metrics import log_loss

from segwork.evidence import wilson


def calibration_line(event: np.ndarray, p: np.ndarray) -> dict[str, float]:
    """Fit event ~ intercept + slope · logit(p); also what its slope costs in log-loss.

    Returns
    -------
    dict
        intercept, slope, low, high (95 % interval of the slope), skill_lost.

    References
    ----------
    Cox (1958), "Two further applications of a model for binary regression".
    """
    from sklearn.linear_model import LogisticRegression

    x = logit(np.clip(p, 1e-4, 1 - 1e-4))
    line = LogisticRegression(C=1e6, max_iter=1000).fit(x[:, None], event)
    slope, intercept = float(line.coef_[0, 0]), float(line.intercept_[0])
    fitted = expit(intercept + slope * x)
    design = np.column_stack([np.ones_like(x), x])
    information = design.T @ (design * (fitted * (1 - fitted))[:, None])
    error = float(np.sqrt(np.linalg.pinv(information)[1, 1]))
    # What a class weight moves, and nothing else: the mean probability is the rate again.
    shift = brentq(lambda s: expit(x + s).mean() - event.mean(), -40, 40)
    null = _loss(event, np.full(len(x), event.mean()))
    best = _loss(event, fitted)
    lost = (_loss(event, expit(x + shift)) - best) / max(null - best, 1e-9)
    low, high = slope - 1.96 * error, slope + 1.96 * error
    return {"slope": slope, "intercept": intercept, "low": low, "high": high, "skill_lost": lost}


def _loss(event: np.ndarray, p: np.ndarray) -> float:
    return float(log_loss(event, np.clip(p, 1e-9, 1 - 1e-9), labels=[0, 1]))


def expected_error(event: np.ndarray, p: np.ndarray) -> float:
    """Mean absolute difference of predicted and observed shares over equally filled bins."""
    return sum(row["share"] * abs(row["p"] - row["rate"]) for row in reliability(event, p))


def reliability(event: np.ndarray, p: np.ndarray, bins: int = 10) -> list[dict[str, float]]:
    """Predicted mean, observed share with Wilson interval and weight of equally filled bins."""
    rows = []
    for part in np.array_split(np.argsort(p, kind="stable"), bins):
        span = wilson(int(event[part].sum()), len(part))
        rows.append(
            {"p": float(p[part].mean()), "rate": float(event[part].mean())}
            | {"low": span.low, "high": span.high, "share": len(part) / len(p)}
        )
    return rows


def are_probabilities(scores: np.ndarray) -> bool:
    """Tell probabilities from raw scores and from bare decisions, shape (n, n_classes)."""
    inside = scores.min() >= -1e-9 and scores.max() <= 1 + 1e-9
    hard = np.all((scores < 1e-12) | (scores > 1 - 1e-12))
    return bool(inside and not hard and np.allclose(scores.sum(axis=1), 1, atol=1e-3))
