"""Would what a model has learned hold for other rows, customers and times?"""

from segwork.overfitting.audit import OverfittingCheck, check
from segwork.overfitting.curves import all_paths, logistic_path, validation_curve
from segwork.overfitting.examination import Design
from segwork.overfitting.metrics import choose_threshold, class_metrics
from segwork.overfitting.rules import rule_lifts

__all__ = [
    "Design",
    "OverfittingCheck",
    "all_paths",
    "check",
    "choose_threshold",
    "class_metrics",
    "logistic_path",
    "rule_lifts",
    "validation_curve",
]
