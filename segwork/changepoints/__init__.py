"""Change points with a false-alarm rate one can state: one series, or a base of customers."""

from segwork.changepoints.overview import (
    by_month,
    by_segment,
    example_customer,
    last_quarter,
    placebo_alarms,
)
from segwork.changepoints.panel import PanelChanges, detect_panel
from segwork.changepoints.series import ChangePoints, detect
from segwork.changepoints.trouble import Trouble, read_trouble

__all__ = [
    "ChangePoints",
    "PanelChanges",
    "Trouble",
    "by_month",
    "by_segment",
    "detect",
    "detect_panel",
    "example_customer",
    "last_quarter",
    "placebo_alarms",
    "read_trouble",
]
