"""The examination of a model: planted defects are found, honest models are left alone."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy.special import expit
from sklearn.linear_model import LogisticRegression
from sklearn.tree import DecisionTreeClassifier

from segwork import overfitting
from segwork.errors import UsageError


def customers(seed: int, n: int = 2000) -> tuple[pd.DataFrame, np.ndarray]:
    """Draw customers whose loss (about 15 %) depends on four of six features."""
    rng = np.random.default_rng(seed)
    X = pd.DataFrame(rng.normal(size=(n, 6)), columns=list("abcdef"))
    X["region"] = rng.choice(["north", "south", "west"], n)
    logit = -2.4 + X["a"] + 0.8 * X["b"] - 0.6 * X["c"] + 0.7 * (X["region"] == "north")
    return X, np.where(rng.random(n) < expit(logit), "lost", "stays")


def status(check: overfitting.OverfittingCheck, code: str) -> str:
    """Return the status word of one check."""
    return str(check.findings.set_index("code").loc[code, "status"])


def test_honest_model_is_left_alone() -> None:
    """A logistic regression on clean rows raises no alarm at all."""
    X, y = customers(1)
    check = overfitting.check(LogisticRegression(), X, y)
    assert list(check.alarms["code"]) == []
    assert check.scores.set_index(["split", "metric"]).loc[("random", "auc"), "holdout"] > 0.7


def test_memorising_tree_is_found() -> None:
    """A tree grown to the last row warns for optimism and for losing against a simple rival."""
    X, y = customers(2)
    check = overfitting.check(DecisionTreeClassifier(), X, y)
    assert status(check, "OF-01") == status(check, "OF-03") == "warned"


def test_target_with_one_class_is_refused_in_one_sentence() -> None:
    """A label with one value cannot be learned."""
    X, _ = customers(3, n=50)
    with pytest.raises(UsageError, match="y has 1 different values"):
        overfitting.check(LogisticRegression(), X, np.ones(50))
