"""Change points with a false-alarm rate one can state: one series, or a base of customers."""

from segwork.changepoints.complaints import Trouble, read_trouble
from segwork.changepoints.delay import Delay, detection_delay
from segwork.changepoints.outlook import OutlookTest, group_changes, outlook, outlook_test
from segwork.changepoints.overview import (
    answer,
    by_month,
    by_segment,
    example_customer,
    last_quarter,
    placebo_alarms,
)
from segwork.changepoints.panel import PanelChanges, detect_panel
from segwork.changepoints.series import ChangePoints, detect

__all__ = [
    "ChangePoints",
    "Delay",
    "OutlookTest",
    "PanelChanges",
    "Trouble",
    "answer",
    "by_month",
    "by_segment",
    "detect",
    "detect_panel",
    "detection_delay",
    "example_customer",
    "group_changes",
    "last_quarter",
    "outlook",
    "outlook_test",
    "placebo_alarms",
    "read_trouble",
]
