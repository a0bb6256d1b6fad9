"""One check of a model at a time, and tiny worlds with and without a fault."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from scipy.special import expit
from sklearn.linear_model import LogisticRegression

from segwork import checks
from segwork.overfitting import Design
from segwork.overfitting.examination import Examination
from segwork.overfitting.problem import make_problem

LINE = LogisticRegression(max_iter=500)


def one(code: str, X: Any, y: Any, model: Any = LINE, **given: Any) -> pd.Series:
    """Run one check, with only the fits that it needs; return its finding."""
    rows = {key: given.pop(key) for key in ("groups", "time", "seed") if key in given}
    x = Examination(make_problem(model, X, y, **rows), Design(**given))
    return checks.run("OF", x, only=[code]).table.set_index("code").loc[code]


def customers(seed: int, n: int = 1000) -> tuple[pd.DataFrame, np.ndarray]:
    """Draw customers whose loss (about 15 %) depends on three of four features."""
    rng = np.random.default_rng(seed)
    X = pd.DataFrame(rng.normal(size=(n, 4)), columns=list("abcd"))
    logit = -2.4 + 1.4 * X["a"] + 0.9 * X["b"] - 0.7 * X["c"]
    return X, np.where(rng.random(n) < expit(logit), "lost", "stays")
