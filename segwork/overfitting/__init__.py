"""Would the rule still hold next quarter? Checks of a model, its comparison and its trial."""

from segwork.overfitting.abtest import Reading, TrialPlan, plan, read
from segwork.overfitting.atwork import AtWork, at_work
from segwork.overfitting.check import OverfittingCheck, check
from segwork.overfitting.compare import (
    Comparison,
    corrected_t,
    mcnemar,
    paired_bootstrap,
    resampled,
)
from segwork.overfitting.curves import boosting_path, logistic_path, validation_curve
from segwork.overfitting.labels import Snapshots, snapshots, unseen
from segwork.overfitting.metrics import choose_threshold, class_metrics
from segwork.overfitting.periods import rule_lifts

__all__ = [
    "AtWork",
    "Comparison",
    "OverfittingCheck",
    "Reading",
    "Snapshots",
    "TrialPlan",
    "at_work",
    "boosting_path",
    "check",
    "choose_threshold",
    "class_metrics",
    "corrected_t",
    "logistic_path",
    "mcnemar",
    "paired_bootstrap",
    "plan",
    "read",
    "resampled",
    "rule_lifts",
    "snapshots",
    "unseen",
    "validation_curve",
]
