"""Change points with a false-alarm rate one can state: one series, or a base of customers."""

from segwork.changepoints.panel import PanelChanges, detect_panel
from segwork.changepoints.series import ChangePoints, detect

__all__ = ["ChangePoints", "PanelChanges", "detect", "detect_panel"]
