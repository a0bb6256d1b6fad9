"""Which model to use: champion against challengers on later rows, and a trial with customers."""

from segwork.trials.abtest import Look, TrialPlan, plan, read
from segwork.trials.decision_value import DecisionValue, calibration_distance, decision_value
from segwork.trials.holdout import Event, HoldoutTrial, challengers, every_class, holdout
from segwork.trials.paired_tests import (
    PairedTest,
    corrected_t,
    mcnemar,
    paired_bootstrap,
    resampled,
)
from segwork.trials.verdict import Verdict, verdict

__all__ = [
    "DecisionValue",
    "Event",
    "HoldoutTrial",
    "Look",
    "PairedTest",
    "TrialPlan",
    "Verdict",
    "calibration_distance",
    "challengers",
    "corrected_t",
    "decision_value",
    "every_class",
    "holdout",
    "mcnemar",
    "paired_bootstrap",
    "plan",
    "read",
    "resampled",
    "verdict",
]
