"""Gates about what is used: the chosen model is badly calibrated, the saved segments are unstable.

``python -m benchmarks.planted_gates [TRIALS]`` plants both, and a sound counterpart of each, and
prints how often the gates say so.
"""

from __future__ import annotations

import sys
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
from scipy.special import expit, logit
from sklearn.feature_selection import SelectKBest
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from tqdm import tqdm

from segwork import clustering, config, trials
from segwork.checks import gates
from segwork.evidence import wilson
from segwork.results import Status

ROWS, CUSTOMERS = 4_000, 500
TRIALS = 100
SETTINGS = {"as_of": "2024-01-01", "tables": {"transactions": {"path": "lines.csv"}}}


class TooSure(LogisticRegression):
    """Ranks as a logistic regression does, and promises three times its log odds."""

    def predict_proba(self, X: Any) -> np.ndarray:
        """Return probabilities that are too near to nought and one."""
        p = np.clip(super().predict_proba(X), 1e-9, 1 - 1e-9)
        return expit(3 * logit(p))


def judged(code: str, notebook: str, facts: dict[str, Any]) -> Status:
    """Return the answer of one gate."""
    findings = gates.judge({notebook: facts}, config.load(SETTINGS))
    return next(finding.status for finding in findings if finding.code == code)


def model_gate(seed: int, *, sound: bool = False) -> tuple[str, Status]:
    """Let a model that ranks best and promises too much compete with a sound one of one column.

    Returns
    -------
    (str, Status)
        The chosen model, and what SEG-O07 says about it.
    """
    rng = np.random.default_rng([seed, 7])
    X = pd.DataFrame(rng.normal(size=(ROWS, 4)), columns=list("abcd"))
    lost = rng.random(ROWS) < expit(X["a"] + X["b"] + X["c"] - 1)
    best = LogisticRegression() if sound else TooSure()
    few = make_pipeline(SelectKBest(k=1), LogisticRegression())
    event = trials.Event(True, {"missed": 2.0, "false_alarm": 1.0})
    trial = trials.holdout({"one column": few, "best": best}, X, lost, event=event, seed=seed)
    return trial.chosen, judged("SEG-O07", "50_overfitting", trial.facts())


def segment_gate(seed: int, *, sound: bool = False) -> tuple[str, Status]:
    """Save twelve slices of a continuum, which no other customers give again; sound: the RFM rule.

    Returns
    -------
    (str, Status)
        The saved method, and what SEG-C05 says about it.
    """
    rng = np.random.default_rng([seed, 8])
    rate = rng.gamma(1.5, 2.0, CUSTOMERS)
    orders = 1 + rng.poisson(rate)
    table = pd.DataFrame({
        "orders": orders, "spend_total": orders * rng.lognormal(3, 0.4, CUSTOMERS),
        "days_since_last": rng.exponential(300 / (1 + rate)).round(),
        "tenure_days": rng.uniform(30, 700, CUSTOMERS).round(),
    })  # fmt: skip
    methods = ("rule_rfm", "kmeans")
    found = clustering.compare(table, methods=methods, n_clusters=12, copies=0, draws=1, seed=seed)
    method = "rule_rfm" if sound else "kmeans"
    study: Any = SimpleNamespace(facts=lambda _: {})  # no later period is needed for this gate
    kept = clustering.saved(
        found, study, method, found.model(method).segments(table), later_days=91
    )
    return method, judged("SEG-C05", "20_segments", kept.facts())


def rates(number: int = TRIALS) -> pd.DataFrame:
    """Return how often each gate is against what is used, planted and sound."""
    rows = []
    for name, gate in (
        ("chosen model, SEG-O07", model_gate),
        ("saved segments, SEG-C05", segment_gate),
    ):
        for sound in (False, True):
            told = [
                gate(seed, sound=sound)[1]
                for seed in tqdm(range(number), desc=name, file=sys.stderr)
            ]
            against = sum(status in (Status.FAILED, Status.WARNED) for status in told)
            span = wilson(against, number)
            what = "sound" if sound else "planted"
            rows.append((name, what, number, against, span.low, span.high))
    return pd.DataFrame(rows, columns=["gate", "what", "trials", "against", "low", "high"])


if __name__ == "__main__":
    print(rates(int(sys.argv[1]) if len(sys.argv) > 1 else TRIALS).round(3).to_string(index=False))
