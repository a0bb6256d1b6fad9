"""Would the rule still hold next quarter? Checks of a model, its comparison and its trial."""

from segwork.overfitting.abtest import Reading, TrialPlan, plan, read
from segwork.overfitting.atwork import AtWork, at_work, duels, every_class
from segwork.overfitting.check import OverfittingCheck, check
from segwork.overfitting.compare import (
    Comparison,
    corrected_t,
    mcnemar,
    paired_bootstrap,
    resampled,
)
from segwork.overfitting.curves import all_paths, boosting_path, logistic_path, validation_curve
from segwork.overfitting.labels import Snapshots, outlook, quarters, snapshots, unseen
from segwork.overfitting.metrics import choose_threshold, class_metrics
from segwork.overfitting.periods import rule_lifts

__all__ = [
    "AtWork",
    "Comparison",
    "OverfittingCheck",
    "Reading",
    "Snapshots",
    "TrialPlan",
    "all_paths",
    "at_work",
    "boosting_path",
    "check",
    "choose_threshold",
    "class_metrics",
    "corrected_t",
    "duels",
    "every_class",
    "logistic_path",
    "mcnemar",
    "outlook",
    "paired_bootstrap",
    "plan",
    "quarters",
    "read",
    "resampled",
    "rule_lifts",
    "snapshots",
    "unseen",
    "validation_curve",
]
