"""Which model to use: champion against challengers on later rows, and a trial with customers."""

from segwork.trials.abtest import Look, TrialPlan, plan, read
from segwork.trials.holdout import Event, HoldoutTrial, challengers, every_class, holdout
from segwork.trials.paired_tests import (
    PairedTest,
    corrected_t,
    mcnemar,
    paired_bootstrap,
    resampled,
)

__all__ = [
    "Event",
    "HoldoutTrial",
    "Look",
    "PairedTest",
    "TrialPlan",
    "challengers",
    "corrected_t",
    "every_class",
    "holdout",
    "mcnemar",
    "paired_bootstrap",
    "plan",
    "read",
    "resampled",
]
