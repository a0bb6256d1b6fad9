"""Would the rule still hold next quarter? Checks of a model, its comparison and its trial."""

from segwork.overfitting.check import OverfittingCheck, check
from segwork.overfitting.metrics import choose_threshold, class_metrics
from segwork.overfitting.periods import rule_lifts

__all__ = ["OverfittingCheck", "check", "choose_threshold", "class_metrics", "rule_lifts"]
